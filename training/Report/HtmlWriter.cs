using System.Text;
using System.Text.Encodings.Web;
using System.Text.Unicode;

namespace Mim.Training;

/// <summary>Writes HTML. Whatever comes in as text or as an attribute's value is escaped; only <see cref="Raw"/> is not.</summary>
public sealed class HtmlWriter
{
    /// <summary>What is set within a line: a line feed after it would be a space.</summary>
    static readonly string[] s_inline = ["a", "span", "strong"];

    static readonly HtmlEncoder s_encoder = HtmlEncoder.Create(UnicodeRanges.All);

    readonly StringBuilder _html = new("<!DOCTYPE html>\n");
    readonly Stack<string> _open = new();

    public HtmlWriter Begin(string tag, params ReadOnlySpan<(string Name, string Value)> attributes)
    {
        Tag(tag, attributes);
        _open.Push(tag);
        return this;
    }

    public HtmlWriter End()
    {
        var tag = _open.Pop();
        _html.Append("</").Append(tag).Append(s_inline.Contains(tag) ? ">" : ">\n");
        return this;
    }

    public HtmlWriter Text(string text)
    {
        _html.Append(s_encoder.Encode(text));
        return this;
    }

    /// <summary>An element that holds text and nothing else.</summary>
    public HtmlWriter Element(string tag, string text, params ReadOnlySpan<(string Name, string Value)> attributes) =>
        Begin(tag, attributes).Text(text).End();

    /// <summary>An element without an end, such as <c>img</c>.</summary>
    public HtmlWriter Void(string tag, params ReadOnlySpan<(string Name, string Value)> attributes)
    {
        Tag(tag, attributes);
        _html.Append('\n');
        return this;
    }

    /// <summary>A <c>script</c> or <c>style</c>, in which nothing is escaped: contents of our own.</summary>
    /// <exception cref="ArgumentException">The contents would end the element early.</exception>
    public HtmlWriter Raw(string tag, string contents, params ReadOnlySpan<(string Name, string Value)> attributes)
    {
        if (contents.Contains($"</{tag}", StringComparison.OrdinalIgnoreCase) || contents.Contains("<!--", StringComparison.Ordinal))
        {
            throw new ArgumentException($"A <{tag}> may hold neither its own end tag nor '<!--'.", nameof(contents));
        }
        Tag(tag, attributes);
        _html.Append(contents).Append("</").Append(tag).Append(">\n");
        return this;
    }

    public override string ToString() =>
        _open.Count == 0 ? _html.ToString() : throw new InvalidOperationException($"<{_open.Peek()}> is still open.");

    void Tag(string tag, ReadOnlySpan<(string Name, string Value)> attributes)
    {
        _html.Append('<').Append(tag);
        foreach (var (name, value) in attributes)
        {
            _html.Append(' ').Append(name).Append("=\"").Append(s_encoder.Encode(value)).Append('"');
        }
        _html.Append('>');
    }
}
