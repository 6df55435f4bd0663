using System.Text;
using System.Text.RegularExpressions;

namespace Mim.CallerCompile;

/// <summary>The types and members of a listing, as C# source. A listing tells no constraints, accessibility or nullability: those are left open.</summary>
sealed partial class Surface
{
    static readonly Dictionary<string, string> s_operators = new()
    {
        ["op_Addition"] = "+",
        ["op_Subtraction"] = "-",
        ["op_Multiply"] = "*",
        ["op_Division"] = "/",
        ["op_Modulus"] = "%",
        ["op_UnaryNegation"] = "-",
        ["op_BitwiseAnd"] = "&",
        ["op_BitwiseOr"] = "|",
        ["op_ExclusiveOr"] = "^",
        ["op_OnesComplement"] = "~",
        ["op_LogicalNot"] = "!",
        ["op_UnaryPlus"] = "+",
        ["op_LeftShift"] = "<<",
        ["op_RightShift"] = ">>",
        ["op_Equality"] = "==",
        ["op_Inequality"] = "!=",
        ["op_LessThan"] = "<",
        ["op_GreaterThan"] = ">",
        ["op_LessThanOrEqual"] = "<=",
        ["op_GreaterThanOrEqual"] = ">=",
        ["op_True"] = "true",
        ["op_False"] = "false",
    };

    readonly Dictionary<string, Declared> _types = [];

    public Surface(IEnumerable<string> lines)
    {
        var members = new List<string>();
        foreach (var line in lines)
        {
            if (TypeLine().Match(line) is { Success: true } m)
            {
                _types[m.Groups["name"].Value] = new(m.Groups["name"].Value, m.Groups["kind"].Value, m.Groups["base"].Value);
            }
            else
            {
                members.Add(line);
            }
        }
        foreach (var line in members)
        {
            if (OwnerOf(line) is { } owner)
            {
                _types[owner].Members.Add(line[(owner.Length + 1)..]);
            }
        }
        foreach (var type in _types.Values)
        {
            var parent = ParentOf(type.Name);
            type.Parent = parent is null ? null : _types.GetValueOrDefault(parent);
            type.Parent?.Nested.Add(type);
        }
    }

    public string ToSource()
    {
        var source = new StringBuilder("#nullable disable\n#pragma warning disable\nusing System;\nusing System.Collections.Generic;\nsealed class Hidden;\n");
        foreach (var type in _types.Values.Where(type => type.Parent is null))
        {
            var dot = LastDot(type.Name);
            source.Append($"namespace {type.Name[..dot]} {{\n");
            Write(source, type);
            source.Append("}\n");
        }
        return source.ToString();
    }

    void Write(StringBuilder source, Declared type)
    {
        var name = type.ShortName;
        type.Base = Substituted(type);
        if (type.Base == "System.MulticastDelegate")
        {
            var invoke = Method().Match(type.Members.First(member => member.StartsWith("Invoke(", StringComparison.Ordinal)));
            source.Append($"public delegate {Type(invoke.Groups["type"].Value)} {name}({Parameters(invoke.Groups["parameters"].Value)});\n");
            return;
        }
        if (type.Kind == "enum")
        {
            source.Append($"public enum {name} : long {{ @{string.Join(", @", type.Members)} }}\n");
            return;
        }
        // A base outside of the listing is dropped (its abstract members would be asked for), unless callers may throw or catch it.
        var known = _types.ContainsKey(type.Base) || (type.Base.Contains('<') && type.Base.Split('<')[0] is var generic && generic.Contains('.') && !generic.StartsWith("System.", StringComparison.Ordinal));
        var bases = new List<string>();
        if (type.Kind is "class" or "abstract class" && (known || type.Base.EndsWith("Exception", StringComparison.Ordinal)))
        {
            bases.Add(Type(type.Base));
        }
        if (type.Members.Contains("Dispose() : void"))
        {
            bases.Add("IDisposable");
        }
        if (type.Kind != "interface")
        {
            bases.AddRange(type.Members.Select(ImpliedInterface).OfType<string>());
        }
        if (type.Name.StartsWith("TorchSharp.torch.nn.Module<", StringComparison.Ordinal))
        {
            bases.Add("global::TorchSharp.torch.nn.I" + name);
        }
        var kind = type.Kind.Replace(" class", " partial class", StringComparison.Ordinal);
        if (type.Kind == "struct" && type.Members.Any(member => member.Contains(" : System.Span<", StringComparison.Ordinal) && !member.Contains('(', StringComparison.Ordinal)))
        {
            kind = "ref struct";
        }
        var variant = type.Kind == "interface" && type.Name == "Microsoft.ML.IEstimator<TTransformer>" ? name.Replace("<", "<out ", StringComparison.Ordinal) : name;
        source.Append($"public {kind} {variant}{(bases.Count > 0 ? " : " + string.Join(", ", bases) : "")} {{\n");
        if (type.Kind is "class" or "abstract class")
        {
            source.Append($"internal {name.Split('<')[0]}(Hidden _){(known ? " : base(_)" : "")} {{ }}\n");
        }
        foreach (var member in type.Members.Distinct())
        {
            source.Append(Member(type, member, known)).Append('\n');
        }
        foreach (var nested in type.Nested)
        {
            Write(source, nested);
        }
        source.Append("}\n");
    }

    /// <summary>
    /// A listing writes the base of a nested type with its declaring type's own parameters (Base&lt;TOptions&gt;.OptionsBase): the arguments are those with which
    /// an enclosing type derives from that declaring type; where none does, the base is dropped.
    /// </summary>
    static string Substituted(Declared type)
    {
        var close = type.Base.LastIndexOf(">.", StringComparison.Ordinal);
        if (close < 0)
        {
            return type.Base;
        }
        var declaring = type.Base.Split('<')[0] + "<";
        for (var outer = type.Parent; outer is not null; outer = outer.Parent)
        {
            if (outer.Base.StartsWith(declaring, StringComparison.Ordinal))
            {
                return outer.Base + type.Base[(close + 1)..];
            }
        }
        return "";
    }

    /// <summary>A listing does not tell interfaces either: those that callers rely on show by a member.</summary>
    static string? ImpliedInterface(string member)
    {
        if (member == "Transform(Microsoft.ML.IDataView input) : Microsoft.ML.IDataView")
        {
            return "global::Microsoft.ML.ITransformer";
        }
        const string Fit = "Fit(Microsoft.ML.IDataView input) : ";
        const string Enumerator = "GetEnumerator() : IEnumerator<";
        return member.StartsWith(Fit, StringComparison.Ordinal) ? $"global::Microsoft.ML.IEstimator<{Type(member[Fit.Length..])}>"
            : member.StartsWith(Enumerator, StringComparison.Ordinal) ? $"IEnumerable<{Type(member[Enumerator.Length..])}"
            : null;
    }

    static string Member(Declared type, string member, bool hasKnownBase)
    {
        const string Throw = "throw null;";
        var isInterface = type.Kind == "interface";
        if (Constructor().Match(member) is { Success: true } constructor)
        {
            if (type.Kind == "static class" || (type.Kind == "struct" && constructor.Groups["parameters"].Value == ""))
            {
                return "";
            }
            var chain = type.Kind == "struct" ? "" : hasKnownBase ? " : base(default(Hidden))" : "";
            return $"public {type.ShortName.Split('<')[0]}({Parameters(constructor.Groups["parameters"].Value)}){chain} {{ {Throw} }}";
        }
        var isStatic = member.StartsWith("static ", StringComparison.Ordinal);
        var rest = isStatic ? member["static ".Length..] : member;
        var modifier = isInterface ? "" : isStatic ? "public static " : type.Kind == "struct" ? "public " : "public virtual ";
        if (Property().Match(rest) is { Success: true } property)
        {
            var accessors = property.Groups["accessors"].Value;
            var body = accessors.Replace("get;", $"get => {Throw}", StringComparison.Ordinal).Replace("set;", $"set => {Throw}", StringComparison.Ordinal);
            var index = property.Groups["index"].Value;
            return index == ""
                ? $"{modifier}{Type(property.Groups["type"].Value)} @{property.Groups["name"].Value} {{{body}}}"
                : $"{(property.Groups["name"].Value == "Item" ? "" : $"[System.Runtime.CompilerServices.IndexerName(\"{property.Groups["name"].Value}\")] ")}" +
                  $"{modifier}{Type(property.Groups["type"].Value)} this[{Parameters(index[1..^1])}] {{{body}}}";
        }
        if (Method().Match(rest) is { Success: true } method)
        {
            var (name, generic) = (method.Groups["name"].Value, method.Groups["generic"].Value);
            var parameters = Parameters(method.Groups["parameters"].Value);
            var result = Type(method.Groups["type"].Value);
            if (name is "Finalize" or "GetHashCode" or "ToString" or "GetType" || (name == "Equals" && parameters == "object @obj") || name.Contains('.'))
            {
                return "";
            }
            if (name is "op_Implicit" or "op_Explicit")
            {
                return $"public static {(name == "op_Implicit" ? "implicit" : "explicit")} operator {result}({parameters}) => {Throw}";
            }
            if (s_operators.TryGetValue(name, out var symbol))
            {
                return $"public static {result} operator {symbol}({parameters}) => {Throw}";
            }
            if (isStatic && type.Kind == "static class" && type.Parent is null && parameters != "" && !parameters.StartsWith("ref ", StringComparison.Ordinal) && Extension().IsMatch(type.ShortName))
            {
                parameters = "this " + parameters;
            }
            // The listing does not tell protected from public; these two are overridden as protected by callers.
            if (!isStatic && ((name == "Dispose" && parameters != "") || name == "RegisterComponents"))
            {
                modifier = "protected virtual ";
            }
            var struc = GenericArguments(generic).Where(argument => (parameters + result).Contains($"Nullable<{argument}>", StringComparison.Ordinal)).Select(argument => $" where {argument} : struct");
            var enumerator = !isInterface && member.StartsWith("GetEnumerator() : IEnumerator<", StringComparison.Ordinal)
                ? $" System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => {Throw}"
                : "";
            return $"{modifier}{result} @{name}{generic}({parameters}){string.Concat(struc)} => {Throw}{enumerator}";
        }
        if (Field().Match(rest) is { Success: true } field)
        {
            return $"public {(isStatic ? "static " : "")}{Type(field.Groups["type"].Value)} @{field.Groups["name"].Value};";
        }
        throw new InvalidDataException($"{type.Name}: cannot read the member '{member}'.");
    }

    static string[] GenericArguments(string generic) => generic == "" ? [] : generic[1..^1].Split(',');

    static string Parameters(string list) => string.Join(", ", SplitTop(list).Select(Parameter));

    static string Parameter(string parameter)
    {
        var value = "";
        var equals = parameter.IndexOf(" = ", StringComparison.Ordinal);
        if (equals >= 0)
        {
            value = parameter[(equals + 3)..];
            parameter = parameter[..equals];
        }
        var prefix = "";
        if (parameter.StartsWith("params ", StringComparison.Ordinal))
        {
            (prefix, parameter) = ("params ", parameter["params ".Length..]);
        }
        else if (parameter.StartsWith("out ref ", StringComparison.Ordinal))
        {
            (prefix, parameter) = ("out ", parameter["out ref ".Length..]);
        }
        else if (parameter.StartsWith("ref ", StringComparison.Ordinal))
        {
            (prefix, parameter) = ("ref ", parameter["ref ".Length..]);
        }
        var space = parameter.LastIndexOf(' ');
        var (type, name) = (Type(parameter[..space]), parameter[(space + 1)..]);
        return $"{prefix}{type} @{name}{(equals < 0 ? "" : " = " + Default(type, value))}";
    }

    static string Default(string type, string value) => value switch
    {
        "null" => "default",
        "True" => "true",
        "False" => "false",
        "Infinity" => $"{type}.PositiveInfinity",
        "-Infinity" => $"{type}.NegativeInfinity",
        _ when value.StartsWith('"') => value,
        _ when type is "float" or "Nullable<float>" => value + "f",
        _ when type is "double" or "Nullable<double>" => value + "d",
        _ when type is "int" or "long" or "Nullable<int>" or "Nullable<long>" => value,
        _ when type == "global::System.Char" => "default",
        _ => $"({type})({value})",
    };

    static string Type(string type) => Qualified().Replace(type.Replace("+", ".", StringComparison.Ordinal), "global::$1.");

    /// <summary>Splits at the commas that stand outside of angle brackets and quotes.</summary>
    static IEnumerable<string> SplitTop(string list)
    {
        var (depth, start) = (0, 0);
        for (var k = 0; k < list.Length; k++)
        {
            depth += list[k] switch { '<' or '[' => 1, '>' or ']' => -1, _ => 0 };
            if (list[k] == ',' && depth == 0)
            {
                yield return list[start..k].Trim(' ');
                start = k + 1;
            }
        }
        if (list.Length > start)
        {
            yield return list[start..].Trim(' ');
        }
    }

    string? OwnerOf(string line)
    {
        // The longest known type name that is followed by a dot: nested types come after their parents in length.
        for (var k = line.Length - 1; k > 0; k--)
        {
            if (line[k] == '.' && _types.ContainsKey(line[..k]))
            {
                return line[..k];
            }
        }
        return null;
    }

    static string? ParentOf(string name) => LastDot(name) is > 0 and var dot ? name[..dot] : null;

    static int LastDot(string name)
    {
        var depth = 0;
        for (var k = name.Length - 1; k >= 0; k--)
        {
            depth += name[k] switch { '>' => 1, '<' => -1, _ => 0 };
            if (name[k] == '.' && depth == 0)
            {
                return k;
            }
        }
        return -1;
    }

    sealed class Declared(string name, string kind, string parent)
    {
        public string Name { get; } = name;
        public string Kind { get; } = kind;
        public string Base { get; set; } = parent;
        public string ShortName { get; } = name[(LastDot(name) + 1)..];
        public Declared? Parent { get; set; }
        public List<Declared> Nested { get; } = [];
        public List<string> Members { get; } = [];
    }

    [GeneratedRegex(@"^(?<name>\S+) \[(?<kind>class|abstract class|static class|struct|enum|interface)\](?: : (?<base>.+))?$")]
    private static partial Regex TypeLine();

    [GeneratedRegex(@"^ctor\((?<parameters>.*)\)$")]
    private static partial Regex Constructor();

    [GeneratedRegex(@"^(?<name>[\w.]+)(?<index>\[.*\])? \{(?<accessors>(?: get;)?(?: set;)?) \} : (?<type>.+)$")]
    private static partial Regex Property();

    [GeneratedRegex(@"^(?<name>[\w.]+)(?<generic><[\w,]+>)?\((?<parameters>.*)\) : (?<type>.+)$")]
    private static partial Regex Method();

    [GeneratedRegex(@"^(?<name>\w+) : (?<type>.+)$")]
    private static partial Regex Field();

    [GeneratedRegex(@"\b(TorchSharp|System|Microsoft)\.")]
    private static partial Regex Qualified();

    [GeneratedRegex("(Extensions|ExtensionMethods|Catalog)$")]
    private static partial Regex Extension();
}
