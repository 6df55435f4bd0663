using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Mim.Inference;

/// <summary>The records of a run, each a function of the seed and its number: nobody needs to remember what was sent.</summary>
/// <param name="good">Records that must become rows. Among them, one in <see cref="PoisonEvery"/> records is poison.</param>
public sealed class ChaosRecords(int seed, int good, ChaosModel model)
{
    public const int PoisonEvery = 64;

    /// <summary>Of the poison, so much is found by the engine, and so much by the database, each of which costs a bisection; the rest costs nothing.</summary>
    const int BisectedEvery = 8;

    const int Kinds = 4;

    public int Good => good;

    public int Count => good + Poison;

    public int Poison => (good + PoisonEvery - 2) / (PoisonEvery - 1);

    /// <summary>One in each block of 64; in the last, which may be shorter, too.</summary>
    public bool IsPoison(int record)
    {
        var (block, place) = Math.DivRem(record, PoisonEvery);
        var length = Math.Min(PoisonEvery, Count - (block * PoisonEvery));
        return (ulong)place == Mix(seed, 0, block) % (ulong)length;
    }

    public static string Key(int record) => string.Create(CultureInfo.InvariantCulture, $"r{record}");

    /// <returns>Null if the key is none of this run's.</returns>
    public int? Record(string? key) =>
        key is ['r', .. var digits] && int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var record) && record < Count && Key(record) == key
            ? record : null;

    public static string Label(int record) => string.Create(CultureInfo.InvariantCulture, $"class {record % 7}");

    /// <summary>Multiples of 2⁻¹⁰ in [-4, 4): exact in float32 and short in JSON.</summary>
    public void Features(int record, Span<float> x)
    {
        for (var i = 0; i < x.Length; i++)
        {
            x[i] = ((int)(Mix(seed, 1 + i, record) & 0x1FFF) - 0x1000) / 1024f;
        }
    }

    public byte[] Body(int record)
    {
        var x = new float[ChaosModel.X];
        Features(record, x);
        return IsPoison(record) ? Spoilt(x, record).Body : Json(x, Label(record));
    }

    /// <summary>What the dead letter of a poison must say: who refuses it.</summary>
    public string Reason(int record) => Spoilt(new float[ChaosModel.X], record).Reason;

    (byte[] Body, string Reason) Spoilt(float[] x, int record)
    {
        var poison = Mix(seed, -1, record);
        switch (poison % BisectedEvery)
        {
            case 0:
                // PostgreSQL's text takes no NUL.
                return (Json(x, "class \0"), "the sink refuses it: ");
            case 1:
                x[record % x.Length] = ChaosModel.Trap;
                return (Json(x, Label(record)), "the engine failed: ");
        }
        return (poison / BisectedEvery % Kinds) switch
        {
            0 => (Encoding.UTF8.GetBytes("""{"x": [1, 2"""), "not a JSON object"),
            1 => (Json(x[1..], Label(record)), "'x': expected "),
            2 => (Encoding.UTF8.GetBytes($$"""{"x": [{{string.Join(", ", Enumerable.Repeat("1e39", ChaosModel.X))}}]}"""), "x[0]: "),
            _ => (Json(model.Overflowing(), Label(record)), "the encoder's output is not finite"),
        };
    }

    static byte[] Json(float[] x, string label) => JsonSerializer.SerializeToUtf8Bytes(new { x, label });

    /// <summary>SplitMix64's finaliser over three numbers (Steele, Lea and Flood, 2014).</summary>
    static ulong Mix(int a, int b, int c)
    {
        var z = ((ulong)(uint)a * 0x9E3779B97F4A7C15) + ((ulong)(uint)b << 32) + (uint)c + 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
