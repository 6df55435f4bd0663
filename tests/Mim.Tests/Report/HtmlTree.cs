using System.Net;
using System.Text;

namespace Mim.Tests.Reporting;

/// <summary>HTML as a strict reader sees it: every element closed in order, every attribute quoted. What a browser would mend is a fault here.</summary>
sealed class HtmlTree
{
    static readonly string[] s_void = ["meta", "img"];
    static readonly string[] s_raw = ["script", "style"];

    readonly StringBuilder _text;
    readonly int _from;
    int _to;

    HtmlTree(string tag, HtmlTree? parent, StringBuilder text) => (Tag, Parent, _text, _from) = (tag, parent, text, text.Length);

    public string Tag { get; }

    public Dictionary<string, string> Attributes { get; } = [];

    public HtmlTree? Parent { get; }

    public List<HtmlTree> Children { get; } = [];

    /// <summary>Of this element and all within, unescaped.</summary>
    public string Text => _text.ToString(_from, _to - _from);

    public string? this[string attribute] => Attributes.GetValueOrDefault(attribute);

    public IEnumerable<HtmlTree> All => Children.SelectMany(child => child.All.Prepend(child));

    public IEnumerable<HtmlTree> Of(params string[] tags) => All.Where(element => tags.Contains(element.Tag));

    public static HtmlTree Parse(string html)
    {
        const string doctype = "<!DOCTYPE html>";
        Assert.StartsWith(doctype, html, StringComparison.Ordinal);
        var root = new HtmlTree("", null, new StringBuilder());
        var open = root;
        var at = doctype.Length;
        while (at < html.Length)
        {
            var next = html.IndexOf('<', at);
            var text = WebUtility.HtmlDecode(html[at..(next < 0 ? html.Length : next)]);
            root._text.Append(text);
            if (next < 0)
            {
                break;
            }
            if (html[next + 1] == '/')
            {
                var end = html.IndexOf('>', next);
                Assert.Equal(open.Tag, html[(next + 2)..end]);
                open._to = root._text.Length;
                open = open.Parent ?? root;
                at = end + 1;
                continue;
            }
            at = next + 1;
            var child = new HtmlTree(Name(), open, root._text);
            while (html[at] == ' ')
            {
                at++;
                var name = Name();
                Assert.Equal("=\"", html.Substring(at, 2));
                var quote = html.IndexOf('"', at + 2);
                child.Attributes.Add(name, WebUtility.HtmlDecode(html[(at + 2)..quote]));
                at = quote + 1;
            }
            Assert.Equal('>', html[at]);
            at++;
            open.Children.Add(child);
            if (s_raw.Contains(child.Tag))
            {
                var end = html.IndexOf($"</{child.Tag}", at, StringComparison.OrdinalIgnoreCase);
                root._text.Append(html[at..end]);
                child._to = root._text.Length;
                at = html.IndexOf('>', end) + 1;
            }
            else if (s_void.Contains(child.Tag))
            {
                child._to = child._from;
            }
            else
            {
                open = child;
            }

            string Name()
            {
                var start = at;
                while (char.IsAsciiLetterOrDigit(html[at]) || html[at] == '-')
                {
                    at++;
                }
                Assert.True(at > start, $"expected a name at {start}: {html.Substring(start, Math.Min(40, html.Length - start))}");
                return html[start..at];
            }
        }
        Assert.Same(root, open);
        root._to = root._text.Length;
        return root;
    }
}
