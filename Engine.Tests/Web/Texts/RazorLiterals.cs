using System.Text;
using System.Text.RegularExpressions;

namespace Hyperpatch.Engine.Tests.Web.Texts;

/// <summary>Finds words that stand in a .razor file's markup, where people read them: in text, and in the attributes that are shown or read out.</summary>
internal sealed partial class RazorLiterals
{
    // Names and units, which are the same in all languages.
    private static readonly HashSet<string> s_names = ["Hyperpatch", "vCPU", "MiB"];

    private static readonly HashSet<string> s_said =
        ["aria-label", "aria-roledescription", "title", "placeholder", "alt", "data-hp-key-label", "Title", "Text", "Question", "Caption"];

    private readonly string _source;
    private readonly List<string> _found = [];
    private readonly StringBuilder _text = new();
    private int _at;

    private RazorLiterals(string source) => _source = source;

    /// <summary>The pieces of text with words in them.</summary>
    public static IReadOnlyList<string> Find(string source)
    {
        int code = source.IndexOf("\n@code", StringComparison.Ordinal);
        var scan = new RazorLiterals(NoText().Replace(code < 0 ? source : source[..code], ""));
        while (scan._at < scan._source.Length)
        {
            scan.Content();
        }

        return scan._found;
    }

    [GeneratedRegex(@"@\*.*?\*@|<!DOCTYPE[^>]*>|^@(page|using|inject|inherits|implements|layout|attribute|typeparam)\b[^\n]*", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex NoText();

    [GeneratedRegex(@"&\w+;|(?<!\w)(?<word>[A-Za-z]{2,})(?!\w)")]
    private static partial Regex Words();

    [GeneratedRegex(@"\G@(if|foreach|for|switch|while)\s*(?=\()")]
    private static partial Regex Statement();

    [GeneratedRegex(@"\G\s*else(\s+if\s*(?=\())?")]
    private static partial Regex Else();

    [GeneratedRegex(@"\G[\w:.@-]+")]
    private static partial Regex Name();

    private bool Is(string text) => string.CompareOrdinal(_source, _at, text, 0, text.Length) == 0;

    private bool IsTag() => _source[_at] == '<' && _at + 1 < _source.Length && char.IsAsciiLetter(_source[_at + 1]);

    // Up to the end of the element that it is in.
    private void Content()
    {
        while (_at < _source.Length && !Is("</"))
        {
            if (IsTag())
            {
                Report(_text);
                Element();
            }
            else if (_source[_at] == '@')
            {
                Transition();
            }
            else
            {
                _text.Append(_source[_at++]);
            }
        }

        Report(_text);
        int end = _source.IndexOf('>', _at);
        _at = end < 0 ? _source.Length : end + 1;
    }

    private void Element()
    {
        _at++;
        string name = Take(Name());
        while (_source[_at] is not ('>' or '/'))
        {
            if (char.IsWhiteSpace(_source[_at]))
            {
                _at++;
            }
            else
            {
                Attribute();
            }
        }

        bool isEmpty = _source[_at] == '/' || name is "input" or "meta" or "link" or "br" or "hr" or "img" or "base";
        _at = _source.IndexOf('>', _at) + 1;
        if (!isEmpty)
        {
            Content();
        }
    }

    private void Attribute()
    {
        string name = Take(Name());
        Assert.NotEmpty(name);
        if (_source[_at] != '=')
        {
            return;
        }

        char mark = _source[++_at];
        _at++;
        var value = new StringBuilder();
        while (_source[_at] != mark)
        {
            if (_source[_at] == '@')
            {
                Expression();
            }
            else if (name[0] == '@' && _source[_at] is '(' or '[' or '{')
            {
                _at = SourceScan.AfterBracket(_source, _at);
            }
            else
            {
                value.Append(_source[_at++]);
            }
        }

        _at++;
        if (s_said.Contains(name))
        {
            Report(value);
        }
    }

    private void Transition()
    {
        if (Statement().Match(_source, _at) is not { Success: true } statement)
        {
            Expression();
            return;
        }

        _at = SourceScan.AfterBracket(_source, _at + statement.Length);
        Block();
        while (Else().Match(_source, _at) is { Success: true } other)
        {
            _at += other.Length;
            _at = _source[_at] == '(' ? SourceScan.AfterBracket(_source, _at) : _at;
            Block();
        }
    }

    // Code with elements in it. Text in it is code.
    private void Block()
    {
        _at = _source.IndexOf('{', _at) + 1;
        while (_source[_at] != '}')
        {
            switch (_source[_at])
            {
                case '<' when IsTag():
                    Element();
                    break;
                case '@':
                    Transition();
                    break;
                case '{':
                    Block();
                    break;
                case '(' or '[':
                    _at = SourceScan.AfterBracket(_source, _at);
                    break;
                case '"' or '\'':
                    _at = SourceScan.AfterString(_source, _at);
                    break;
                default:
                    _at++;
                    break;
            }
        }

        _at++;
    }

    private void Expression()
    {
        _at++;
        if (_source[_at] is '(' or '{')
        {
            _at = SourceScan.AfterBracket(_source, _at);
            return;
        }

        while (_at < _source.Length)
        {
            char now = _source[_at];
            char next = _at + 1 < _source.Length ? _source[_at + 1] : ' ';
            if (now is '(' or '[')
            {
                _at = SourceScan.AfterBracket(_source, _at);
            }
            else if (char.IsAsciiLetterOrDigit(now) || now == '_' || (now == '.' && char.IsAsciiLetter(next)) || (now is '?' or '!' && next == '.'))
            {
                _at++;
            }
            else
            {
                return;
            }
        }
    }

    private string Take(Regex what)
    {
        Match match = what.Match(_source, _at);
        _at += match.Length;
        return match.Value;
    }

    private void Report(StringBuilder text)
    {
        string words = text.ToString().Trim();
        text.Clear();
        if (Words().Matches(words).Any(match => match.Groups["word"] is { Success: true, Value: var word } && !s_names.Contains(word)))
        {
            _found.Add(words);
        }
    }
}
