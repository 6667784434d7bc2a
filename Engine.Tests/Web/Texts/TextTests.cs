namespace Hyperpatch.Engine.Tests.Web.Texts;

public sealed class TextTests
{
    [Fact]
    public void Every_text_is_used_somewhere()
    {
        Assert.NotEmpty(TextSources.Texts);
        Assert.Empty(TextSources.Texts.Keys.Except(TextSources.Uses().Select(use => use.Text)));
    }

    [Fact]
    public void Every_text_that_is_used_is_there_and_gets_as_many_values_as_it_has_places()
    {
        (string Text, int Values, string File)[] uses = [.. TextSources.Uses()];
        Assert.NotEmpty(uses);
        string[] wrong =
        [
            .. from use in uses
               where !TextSources.Texts.TryGetValue(use.Text, out string? text) || TextSources.Places(text) != use.Values
               select $"{use.File}: {use.Text} with {use.Values} values",
        ];
        Assert.Empty(wrong);
    }

    [Fact]
    public void No_page_has_a_text_of_its_own() =>
        Assert.Empty(TextSources.Razor.SelectMany(file => RazorLiterals.Find(File.ReadAllText(file)).Select(text => $"{Path.GetRelativePath(TextSources.Root, file)}: {text}")));

    [Fact]
    public void No_script_has_a_text_of_its_own() => Assert.Empty(TextSources.ScriptWords.Select(word => $"{word.File}: {word.Word}"));

    // What the rule is kept by has to see what it forbids, and nothing else.
    [Theory]
    [InlineData("<p>Held still on exit @Event.</p>", "Held still on exit .")]
    [InlineData("@if (a < b && c > d)\n{\n    <p>Too late</p>\n}\nelse if (x)\n{\n    <b>@y.Z(\"no text\")</b>\n}", "Too late")]
    [InlineData("<input title=\"The code there\" class=\"hp-input hp-mono\" />", "The code there")]
    [InlineData("<ul>@foreach (var one in All) { string name = one.Name; <li class=\"@(one.Is ? \"a b\" : null)\">@name, deleted</li> }</ul>", ", deleted")]
    [InlineData("<p @onclick=\"() => Go(1, 2)\">@PaneTexts.Add <a href=\"new\">vCPU @(x is null ? \"no text\" : $\"{x.Of(\"a\")} b\")</a></p>", null)]
    [InlineData("@page \"/host\"\n@* No text. *@\n<td>@a.B?.C(d => d.E)[0]!.F</td><th>p50</th>\n@code {\n    string s = \"<p>No text</p>\";\n}", null)]
    public void Text_in_markup_is_found(string razor, string? found) => Assert.Equal(found is null ? [] : [found], RazorLiterals.Find(razor));

    [Theory]
    [InlineData("Nothing to fill in", 0)]
    [InlineData("{0} of {1}, {0:N0} again", 2)]
    public void Places_are_counted(string text, int places) => Assert.Equal(places, TextSources.Places(text));
}
