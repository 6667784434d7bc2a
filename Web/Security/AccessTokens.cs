using System.Security.Cryptography;
using System.Text;
using Hyperpatch.Web.Configuration;

namespace Hyperpatch.Web.Security;

/// <summary>The two tokens of this server.</summary>
public sealed class AccessTokens
{
    private const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    private readonly byte[] _operatorHash;
    private readonly byte[] _viewerHash;

    /// <summary>Takes the configured tokens and makes up the others (190 random bits each).</summary>
    public AccessTokens(SecurityOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        OperatorToken = options.OperatorToken ?? Random();
        ViewerToken = options.ViewerToken ?? Random();
        _operatorHash = Hash(OperatorToken);
        _viewerHash = Hash(ViewerToken);
    }

    /// <summary>The token of those who may change things.</summary>
    public string OperatorToken { get; }

    /// <summary>The token of those who may watch.</summary>
    public string ViewerToken { get; }

    /// <summary>Whose token this is, or null. Takes the same time whatever the answer, the length of the token aside.</summary>
    public AccessRole? Check(string? token)
    {
        // Hashes are compared, not the texts: equal lengths, and nothing to learn from where they differ.
        byte[] hash = Hash(token ?? "");
        bool isOperator = CryptographicOperations.FixedTimeEquals(hash, _operatorHash);
        bool isViewer = CryptographicOperations.FixedTimeEquals(hash, _viewerHash);
        return isOperator ? AccessRole.Operator : isViewer ? AccessRole.Viewer : null;
    }

    // Letters and digits only: a terminal that makes links clickable cuts punctuation off their end.
    private static string Random() => RandomNumberGenerator.GetString(Alphabet, 32);

    private static byte[] Hash(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));
}
