using System.Globalization;
using System.Text.RegularExpressions;
using Mim.Models;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Mim.Configuration;

/// <summary>
/// YAML 1.2 as configuration: one document, a mapping at the top, known keys only, nothing that expands (no anchors, aliases, tags or merges).
/// Faults are collected, so that one message names them all; each says where, what and the nearest known word.
/// This source file is linked into pipeline and training: they share no project.
/// </summary>
static class StrictYaml
{
    const long MaxBytes = 1 << 20;
    const int MaxDepth = 32;

    public static YamlMapping ReadFile(string path)
    {
        var file = new FileInfo(path);
        if (!file.Exists)
        {
            throw new UsageException($"{path}: expected a YAML file, found {(Directory.Exists(path) ? "a folder" : "nothing")}.");
        }
        if (file.Length > MaxBytes)
        {
            throw new UsageException($"{path}: expected a configuration of at most {MaxBytes} bytes, found {file.Length}.");
        }
        return Parse(File.ReadAllText(path), path);
    }

    public static YamlMapping Parse(string text, string file)
    {
        var faults = new YamlFaults();
        var parser = new Parser(new StringReader(text));
        YamlMapping? top = null;
        try
        {
            parser.Consume<StreamStart>();
            if (parser.TryConsume<DocumentStart>(out _))
            {
                var node = Read(parser, file, "", faults, 0);
                parser.Consume<DocumentEnd>();
                top = node switch
                {
                    YamlMapping mapping => mapping,
                    YamlScalar { IsNull: true } => null,
                    _ => throw new UsageException($"{node.Where}: expected 'key: value' lines, found {node.Describe()}."),
                };
            }
            if (parser.Accept<DocumentStart>(out var second))
            {
                faults.Add($"{file}:{second.Start.Line}", "expected one document, found a second one. Remove the '---'.");
            }
        }
        catch (YamlException e)
        {
            // The parser's own prefix repeats the position.
            var start = e.Message.LastIndexOf("): ", StringComparison.Ordinal);
            throw new UsageException($"{file}:{e.Start.Line}: not YAML: {(start < 0 ? e.Message : e.Message[(start + 3)..])}", e);
        }
        catch (InvalidOperationException e)
        {
            // YamlDotNet 16: a bracket that the end of the file leaves open.
            throw new UsageException($"{file}:{parser.Current?.End.Line ?? 1}: not YAML: something opened near here is never closed.", e);
        }
        faults.ThrowIfAny();
        return top ?? new YamlMapping($"{file}:1", "", faults);
    }

    /// <summary>The value of a flag or of <c>-p name=value</c>: read as YAML, so that <c>[500, 500]</c> is a list; <paramref name="where"/> names the flag.</summary>
    public static YamlNode ParseValue(string text, string where, string path, YamlFaults faults)
    {
        var asText = new YamlScalar(where, path, faults, text, Quoted: true);
        try
        {
            var parser = new Parser(new StringReader(text));
            parser.Consume<StreamStart>();
            if (!parser.TryConsume<DocumentStart>(out _))
            {
                return asText;
            }
            var node = Read(parser, null, path, faults, 0, where);
            parser.Consume<DocumentEnd>();
            return node;
        }
        catch (Exception e) when (e is YamlException or InvalidOperationException)
        {
            // A path or a pattern that happens not to be YAML is a text like any other.
            return asText;
        }
    }

    static YamlNode Read(Parser parser, string? file, string path, YamlFaults faults, int depth, string? fixedWhere = null)
    {
        string Where(ParsingEvent e) => fixedWhere ?? $"{file}:{e.Start.Line}";

        if (depth > MaxDepth)
        {
            throw new UsageException($"{(parser.Current is { } deep ? Where(deep) : file)}: expected at most {MaxDepth} levels, found more.");
        }
        if (parser.Current is NodeEvent { Anchor.IsEmpty: false } or NodeEvent { Tag.IsEmpty: false })
        {
            faults.Add(Where(parser.Current), "anchors and tags are not part of this format. Write the value out.");
        }
        if (parser.TryConsume<AnchorAlias>(out var alias))
        {
            faults.Add(Where(alias), $"the alias '*{alias.Value}' is not part of this format. Write the value out.");
            return new YamlScalar(Where(alias), path, faults, "", Quoted: true);
        }
        if (parser.TryConsume<Scalar>(out var scalar))
        {
            return new YamlScalar(Where(scalar), path, faults, scalar.Value, scalar.Style != ScalarStyle.Plain);
        }
        if (parser.TryConsume<SequenceStart>(out var sequence))
        {
            var items = new List<YamlNode>();
            while (!parser.TryConsume<SequenceEnd>(out _))
            {
                items.Add(Read(parser, file, $"{path}[{items.Count}]", faults, depth + 1, fixedWhere));
            }
            return new YamlSequence(Where(sequence), path, faults, items);
        }
        var start = parser.Consume<MappingStart>();
        var mapping = new YamlMapping(Where(start), path, faults);
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            if (!parser.TryConsume<Scalar>(out var key))
            {
                throw new UsageException($"{(parser.Current is { } current ? Where(current) : file)}: expected a key, found {parser.Current?.GetType().Name}.");
            }
            var value = Read(parser, file, path.Length == 0 ? key.Value : $"{path}.{key.Value}", faults, depth + 1, fixedWhere);
            if (!mapping.TryAdd(key.Value, Where(key), value))
            {
                faults.Add(Where(key), $"key '{key.Value}'{mapping.InPath} stands twice. Keep one.");
            }
        }
        return mapping;
    }
}

/// <summary>What is wrong with a configuration, in the order found.</summary>
sealed class YamlFaults
{
    readonly List<string> _messages = [];

    /// <param name="where">"file:line", or a flag. A flag is its key's name, which is said once.</param>
    /// <param name="message">What is wrong there.</param>
    public void Add(string where, string message)
    {
        var key = where.StartsWith("--", StringComparison.Ordinal) ? $"'{where[2..]}': " : "";
        // A template's faults are those of each of its settings: said once.
        var fault = $"{where}: {(message.StartsWith(key, StringComparison.Ordinal) ? message[key.Length..] : message)}";
        if (!_messages.Contains(fault))
        {
            _messages.Add(fault);
        }
    }

    public void ThrowIfAny()
    {
        if (_messages.Count > 0)
        {
            throw new UsageException(string.Join('\n', _messages));
        }
    }
}

/// <param name="Where">"file:line", or the flag that gave the value.</param>
/// <param name="Path">Dotted keys from the top, "" at the top.</param>
/// <param name="Faults">The document's own, shared by all its nodes.</param>
abstract record YamlNode(string Where, string Path, YamlFaults Faults)
{
    public abstract string Describe();
}

sealed record YamlScalar(string Where, string Path, YamlFaults Faults, string Text, bool Quoted) : YamlNode(Where, Path, Faults)
{
    public bool IsNull => !Quoted && Text is "" or "~" or "null";

    public override string Describe() => IsNull ? "nothing" : $"'{Text}'";
}

sealed record YamlSequence(string Where, string Path, YamlFaults Faults, IReadOnlyList<YamlNode> Items) : YamlNode(Where, Path, Faults)
{
    public override string Describe() => "a list";
}

/// <summary>
/// Keys in file order. The readers return null when the key is absent, and also when its value is of another type: that is a fault,
/// thrown with all others by <see cref="YamlFaults.ThrowIfAny"/>.
/// </summary>
sealed partial record YamlMapping(string Where, string Path, YamlFaults Faults) : YamlNode(Where, Path, Faults)
{
    readonly OrderedDictionary<string, (string Where, YamlNode Value)> _entries = [];

    public IEnumerable<string> Keys => _entries.Keys;

    public IEnumerable<KeyValuePair<string, YamlNode>> Entries => _entries.Select(e => KeyValuePair.Create(e.Key, e.Value.Value));

    public string InPath => Path.Length == 0 ? "" : $" in '{Path}'";

    public YamlNode? this[string key] => _entries.TryGetValue(key, out var entry) ? entry.Value : null;

    public override string Describe() => "a mapping";

    public bool TryAdd(string key, string where, YamlNode value) => _entries.TryAdd(key, (where, value));

    /// <summary>Lays a flag's value over the key at the dotted <paramref name="path"/>, creating the mappings on the way: flags over file over preset.</summary>
    public void Set(string path, string text, string where)
    {
        var dot = path.IndexOf('.', StringComparison.Ordinal);
        if (dot < 0)
        {
            _entries[path] = (where, StrictYaml.ParseValue(text, where, Path.Length == 0 ? path : $"{Path}.{path}", Faults));
            return;
        }
        var key = path[..dot];
        if (this[key] is not YamlMapping inner)
        {
            inner = new YamlMapping(where, Path.Length == 0 ? key : $"{Path}.{key}", Faults);
            _entries[key] = (where, inner);
        }
        inner.Set(path[(dot + 1)..], text, where);
    }

    /// <summary>Every other key is a fault.</summary>
    public YamlMapping Allow(params IReadOnlyCollection<string> known)
    {
        foreach (var (key, (where, _)) in _entries)
        {
            if (!known.Contains(key))
            {
                Faults.Add(where, $"unknown key '{key}'{InPath}.{Nearest.Hint(key, known)}");
            }
        }
        return this;
    }

    public YamlMapping Require(params IReadOnlyCollection<string> keys)
    {
        foreach (var key in keys)
        {
            if (!_entries.ContainsKey(key))
            {
                Faults.Add(Where, $"expected the key '{key}'{InPath}, found none.");
            }
        }
        return this;
    }

    public void Fault(string key, string message) => Faults.Add(_entries.TryGetValue(key, out var entry) ? entry.Where : Where, message);

    public string? Text(string key) => this[key] is { } node ? TextOf(node) : null;

    public string? OneOf(string key, params IReadOnlyCollection<string> choice)
    {
        if (Text(key) is not { } text || choice.Contains(text))
        {
            return Text(key);
        }
        Fault(key, $"{Name(key)}: expected one of {string.Join(", ", choice)}, found '{text}'."
            + (Nearest.To(text, choice) is { } near ? $" Did you mean '{near}'?" : ""));
        return null;
    }

    public int? Int32(string key) => this[key] is { } node ? Int32Of(node) : null;

    public long? Int64(string key) => this[key] is { } node ? Int64Of(node) : null;

    public double? Double(string key) => this[key] is { } node ? DoubleOf(node) : null;

    public bool? Boolean(string key) => this[key] switch
    {
        null => null,
        YamlScalar { Quoted: false, Text: "true" } => true,
        YamlScalar { Quoted: false, Text: "false" } => false,
        var node => Wrong<bool>(node, "true or false"),
    };

    public IReadOnlyList<string>? Texts(string key) => Items(key)?.Select(TextOf).OfType<string>().ToArray();

    public IReadOnlyList<int>? Int32s(string key) => Items(key)?.Select(Int32Of).OfType<int>().ToArray();

    public IReadOnlyList<double>? Doubles(string key) => Items(key)?.Select(DoubleOf).OfType<double>().ToArray();

    public IReadOnlyList<YamlNode>? Items(string key)
    {
        if (this[key] is not { } node)
        {
            return null;
        }
        if (node is YamlSequence sequence)
        {
            return sequence.Items;
        }
        Faults.Add(node.Where, $"{Name(key)}: expected a list such as [a, b], found {node.Describe()}.");
        return null;
    }

    /// <summary>The mapping under <paramref name="key"/>, with <paramref name="known"/> keys only (none named: any).</summary>
    public YamlMapping? Mapping(string key, params IReadOnlyCollection<string> known)
    {
        switch (this[key])
        {
            case null:
                return null;
            case YamlMapping mapping:
                return known.Count == 0 ? mapping : mapping.Allow(known);
            case var node:
                Faults.Add(node.Where, $"{Name(key)}: expected a mapping{(known.Count == 0 ? "" : $" with {string.Join(", ", known)}")}, found {node.Describe()}.");
                return null;
        }
    }

    static string? TextOf(YamlNode node)
    {
        if (node is YamlScalar { IsNull: false } scalar)
        {
            return scalar.Text;
        }
        node.Faults.Add(node.Where, $"'{node.Path}': expected a text, found {node.Describe()}.");
        return null;
    }

    static int? Int32Of(YamlNode node) => Int64Of(node) switch
    {
        null => null,
        >= int.MinValue and <= int.MaxValue and var value => (int)value,
        _ => Wrong<int>(node, "an integer of 32 bits"),
    };

    static long? Int64Of(YamlNode node) =>
        node is YamlScalar { Quoted: false } scalar && long.TryParse(scalar.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
            ? value
            : Wrong<long>(node, "an integer");

    static double? DoubleOf(YamlNode node) =>
        node is YamlScalar { Quoted: false } scalar && CoreNumber().IsMatch(scalar.Text)
            && double.TryParse(scalar.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value)
            ? value
            : Wrong<double>(node, "a finite number");

    static T? Wrong<T>(YamlNode node, string expected)
        where T : struct
    {
        node.Faults.Add(node.Where, $"'{node.Path}': expected {expected}, found {node.Describe()}.");
        return null;
    }

    string Name(string key) => $"'{(Path.Length == 0 ? key : $"{Path}.{key}")}'";

    [GeneratedRegex(@"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$", RegexOptions.CultureInvariant)]
    private static partial Regex CoreNumber();
}
