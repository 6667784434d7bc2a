using Iced.Intel;

namespace Hyperpatch.Engine.Guests.Images;

/// <summary>
/// An <see cref="Assembler"/> whose code may be spread over several addresses and whose places have names. Branches
/// and labels work across addresses, because all blocks are encoded in one go.
/// </summary>
internal sealed class CodeEmitter
{
    private readonly Dictionary<string, Label> _labels = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _defined = new(StringComparer.Ordinal);
    private readonly List<Section> _sections = [];
    private readonly List<Chunk> _chunks = [];

    /// <summary>Starts with an empty main section.</summary>
    /// <param name="bitness">16, 32 or 64.</param>
    /// <param name="start">Address of the main section.</param>
    /// <param name="flags">Mapping of the main section's pages.</param>
    public CodeEmitter(int bitness, ulong start, PageFlags flags = PageFlags.Code)
    {
        Code = new Assembler(bitness);
        _sections.Add(new Section(start, flags));
        _chunks.Add(new Chunk(0, 0));
    }

    /// <summary>Where instructions are written to.</summary>
    public Assembler Code { get; }

    /// <summary>Names that are defined so far.</summary>
    public IReadOnlyCollection<string> Names => _defined.Keys;

    /// <summary>The label of a name, which may be defined later.</summary>
    /// <param name="name">The name.</param>
    public Label Symbol(string name)
    {
        if (!_labels.TryGetValue(name, out Label label))
        {
            label = Code.CreateLabel(name);
            _labels.Add(name, label);
        }

        return label;
    }

    /// <summary>Gives the address of the next instruction a name.</summary>
    /// <param name="name">The name, not defined before.</param>
    public void Define(string name)
    {
        Label label = Symbol(name);

        // Instructions without bytes: let two names, or a name and labels before and behind it, share one address.
        Code.zero_bytes();
        _defined.Add(name, Code.Instructions.Count);
        Code.Label(ref label);
        Code.zero_bytes();
    }

    /// <summary>Goes on at an address of its own.</summary>
    /// <param name="address">Address of the next instruction.</param>
    /// <param name="flags">Mapping of its pages, when it lies outside the identity map.</param>
    public void At(ulong address, PageFlags flags = PageFlags.Code)
    {
        _sections.Add(new Section(address, flags));
        _chunks.Add(new Chunk(_sections.Count - 1, Code.Instructions.Count));
    }

    /// <summary>Goes on behind what the main section holds so far.</summary>
    public void BackToMain() => _chunks.Add(new Chunk(0, Code.Instructions.Count));

    /// <summary>Encodes everything.</summary>
    /// <param name="symbols">Receives the addresses of the defined names.</param>
    /// <exception cref="InvalidOperationException">A name is used and not defined, or an operand cannot be encoded.</exception>
    public IReadOnlyList<EncodedBlock> Encode(IDictionary<string, ulong> symbols)
    {
        foreach (string name in _labels.Keys)
        {
            if (!_defined.ContainsKey(name))
            {
                throw new InvalidOperationException($"'{name}' is used and not defined.");
            }
        }

        var writers = new MemoryStream[_sections.Count];
        var blocks = new InstructionBlock[_sections.Count];
        var places = new (int Section, int Index)[Code.Instructions.Count];
        for (int i = 0; i < blocks.Length; i++)
        {
            writers[i] = new MemoryStream();
            blocks[i] = new InstructionBlock(new StreamCodeWriter(writers[i]), InstructionsOf(i, places), _sections[i].Address);
        }

        if (!BlockEncoder.TryEncode(
            Code.Bitness, blocks, out string? error, out BlockEncoderResult[]? results, BlockEncoderOptions.ReturnNewInstructionOffsets))
        {
            throw new InvalidOperationException(error);
        }

        foreach ((string name, int index) in _defined)
        {
            (int section, int at) = places[index];
            symbols.Add(name, _sections[section].Address + results[section].NewInstructionOffsets[at]);
        }

        var encoded = new List<EncodedBlock>();
        for (int i = 0; i < blocks.Length; i++)
        {
            if (writers[i].Length > 0)
            {
                encoded.Add(new EncodedBlock(_sections[i].Address, writers[i].ToArray(), _sections[i].Flags));
            }
        }

        return encoded;
    }

    private List<Instruction> InstructionsOf(int section, (int Section, int Index)[] places)
    {
        var instructions = new List<Instruction>();
        for (int i = 0; i < _chunks.Count; i++)
        {
            if (_chunks[i].Section != section)
            {
                continue;
            }

            int end = i + 1 < _chunks.Count ? _chunks[i + 1].First : Code.Instructions.Count;
            for (int j = _chunks[i].First; j < end; j++)
            {
                places[j] = (section, instructions.Count);
                instructions.Add(Code.Instructions[j]);
            }
        }

        return instructions;
    }

    private readonly record struct Section(ulong Address, PageFlags Flags);

    private readonly record struct Chunk(int Section, int First);
}
