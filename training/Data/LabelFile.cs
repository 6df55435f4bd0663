using System.Globalization;
using Mim.Models;

namespace Mim.Training;

/// <summary>Labels in a file of their own: IDX, .npy, or text with one value a line.</summary>
static class LabelFile
{
    public static IReadOnlyList<string> Read(string path)
    {
        switch (FileFormat.Of(path))
        {
            case "idx":
                var idx = IdxFile.Read(path);
                var value = new float[1];
                return idx.RowSize != 1 || idx.Type is IdxFile.Float32 or IdxFile.Float64
                    ? throw new InvalidDataException(
                        $"{path}: expected one integer a row, found {string.Join('×', idx.Shape)} of type {idx.Type:X2}.")
                    : Enumerable.Range(0, idx.Rows).Select(row =>
                    {
                        idx.CopyRow(row, value);
                        return ((long)value[0]).ToString(CultureInfo.InvariantCulture);
                    }).ToArray();
            case "npy":
                return Texts(Npy.Read(path), path);
            default:
                var lines = File.ReadAllLines(path);
                return Array.FindIndex(lines, string.IsNullOrWhiteSpace) is >= 0 and var blank
                    ? throw new InvalidDataException($"{path}:{blank + 1}: expected a label, found an empty line. Write one label a line.")
                    : Array.ConvertAll(lines, line => line.Trim());
        }
    }

    public static IReadOnlyList<string> Texts(NpyArray array, string name)
    {
        if (array.Shape is not ([_] or [_, 1]) || array.Type is NpyType.Float32 or NpyType.Float64)
        {
            throw new InvalidDataException(
                $"{name}: expected one integer label a row, [N], found {array.Type} of shape [{string.Join(", ", array.Shape)}].");
        }
        return Array.ConvertAll(array.ToInt64(), label => label.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>Integers stay what they are; other texts become their rank in ordinal order, with the names beside them.</summary>
    public static (Func<string, long> Encode, IReadOnlyList<string>? Names) Code(IEnumerable<string> texts)
    {
        static bool IsInteger(string text) => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _);

        var distinct = texts.Distinct(StringComparer.Ordinal).ToArray();
        if (Array.TrueForAll(distinct, IsInteger))
        {
            return (text => long.Parse(text, CultureInfo.InvariantCulture), null);
        }
        Array.Sort(distinct, StringComparer.Ordinal);
        var codes = distinct.Index().ToDictionary(entry => entry.Item, entry => (long)entry.Index, StringComparer.Ordinal);
        return (text => codes[text], distinct);
    }
}
