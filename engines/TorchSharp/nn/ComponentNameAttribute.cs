namespace TorchSharp.Utils;

/// <summary>The key of a field in the state dictionary, where it is not the field's own name.</summary>
[AttributeUsage(AttributeTargets.Field)]
public class ComponentNameAttribute : Attribute
{
    public string Name { get; set; } = "";
}
