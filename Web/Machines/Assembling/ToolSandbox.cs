namespace Hyperpatch.Web.Machines.Assembling;

/// <summary>
/// Runs tools in Linux namespaces of their own (user, mount, net, pid, ipc, uts), which takes no rights: util-linux' <c>unshare</c> makes them. In
/// there are the host's programs and libraries, read-only, and the tools' working directory; no other file, no /proc, no /dev, no network, no
/// other process, and no capability, nor a way to a user namespace that has one.
/// </summary>
/// <remarks>
/// The shell that prepares it runs a text of ours and gets the tool as arguments; nothing of a source comes near it. It stays behind as the
/// first process, since the kernel keeps signals such as those of the limits from that one.
/// </remarks>
internal sealed class ToolSandbox
{
    /// <summary>Exit status where it could not be prepared.</summary>
    public const int NotPrepared = 125;

    private const string Shell = "/bin/sh";

    // The working directory is ToolFolder's; beside it is "root". umount reads /proc, so the host's is lent for a moment.
    private const string Script = """
        PATH=/usr/sbin:/usr/bin:/sbin:/bin
        enter() {
          mount -t tmpfs -o mode=755,size=64k,nr_inodes=64,nosuid,nodev none ../root || return
          for folder in /bin /lib /lib64 /usr/bin /usr/lib /usr/lib64; do
            if [ -L "$folder" ]; then
              ln -s "$(readlink "$folder")" "../root$folder" || return
            elif [ -d "$folder" ]; then
              mkdir -p "../root$folder" && mount --rbind -o ro "$folder" "../root$folder" || return
            fi
          done
          mkdir ../root/work ../root/host ../root/proc && mount --bind . ../root/work && cd ../root && pivot_root . host && cd /work &&
            mount --no-canonicalize --rbind /host/proc /proc && umount -n -l /host && umount -n -l /proc && rmdir /host /proc
        }
        (echo 0 > /proc/sys/user/max_user_namespaces) 2> /dev/null
        enter || exit 125
        setpriv --no-new-privs --inh-caps=-all --bounding-set=-all "$@" || exit $?
        """;

    private static readonly string[] s_namespaces =
        ["--user", "--map-root-user", "--mount", "--net", "--ipc", "--uts", "--pid", "--fork", "--kill-child", "--", Shell, "-c", Script, "sh"];

    private readonly string _unshare;

    private ToolSandbox(string unshare) => _unshare = unshare;

    /// <summary>Tries whether tools run in such namespaces here.</summary>
    /// <param name="unshare">Path of <c>unshare</c>, or null where there is none.</param>
    /// <param name="tools">Paths of the tools, each of which knows --version.</param>
    /// <returns>The sandbox, or why there is none.</returns>
    public static async Task<(ToolSandbox? Sandbox, string Reason)> TryAsync(string? unshare, params IReadOnlyList<string> tools)
    {
        if (unshare is null)
        {
            return (null, "unshare is not installed; it is in the package util-linux");
        }

        var sandbox = new ToolSandbox(unshare);
        using var folder = new ToolFolder();
        foreach (string tool in tools)
        {
            ToolResult answer = await ToolRun.RunAsync(sandbox.Around(new ToolCall(tool, ["--version"], folder.Work, "")));
            if (answer.Status != 0)
            {
                return (null, answer.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) is [.., var last]
                    ? last
                    : $"{Path.GetFileName(tool)} does not start in there");
            }
        }

        return (sandbox, "");
    }

    /// <summary>The call of a tool, in namespaces of its own.</summary>
    /// <param name="call">The call; its working directory is that of a <see cref="ToolFolder"/>.</param>
    public ToolCall Around(ToolCall call) => call with { Program = _unshare, Arguments = [.. s_namespaces, call.Program, .. call.Arguments] };
}
