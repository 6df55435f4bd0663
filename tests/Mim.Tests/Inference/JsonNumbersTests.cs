using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Mim.Inference;

namespace Mim.Tests.Inference;

/// <summary>Against System.Text.Json and float.Parse, bit for bit.</summary>
public sealed class JsonNumbersTests
{
    const int Draws = 300_000;

    public static TheoryData<string> Hard =>
    [
        "0", "-0", "0.0", "-0.0", "1", "-1", "1e0", "1E+2", "1e-2", "123456789012345678901234567890", "0.000000000000000000000000000000000000001",
        // Half-way between two floats, and next to it: 1 + 2^-24 and neighbours, where rounding twice would go wrong.
        "1.000000059604644775390625", "1.00000005960464477539062", "1.00000005960464477539063", "16777217", "16777219", "33554434.0000000001",
        "1.00000005960464478", "9007199254740993", "9007199791611905", "8.589973e9", "8589973504.5",
        // The ends of float32.
        "3.4028234663852886e38", "3.4028235677973366e38", "3.4028235e38", "3.5e38", "1e39", "-1e39", "1.17549435e-38", "1.1754942e-38", "1e-45", "7e-46", "1e-60",
        "1e400", "1e-400", "0e999999999999", "1e999999999999999999999", "1e-999999999999999999999", "1e22", "1e23", "123e-22", "4.35e-10",
        "1e-0",
    ];

    [Theory]
    [MemberData(nameof(Hard))]
    public void Hard_numbers_have_the_bits_of_float_Parse(string text) => AssertSame(text);

    [Fact]
    public void Drawn_numbers_have_the_bits_of_float_Parse()
    {
        Random generator = new(1);
        StringBuilder text = new();
        for (var i = 0; i < Draws; i++)
        {
            text.Append(i == 0 ? "" : ",").Append(Draw(generator));
        }
        AssertSame(text.ToString());
    }

    [Fact]
    public void Every_float_reads_back_as_written()
    {
        Random generator = new(2);
        var floats = new float[Draws];
        for (var i = 0; i < Draws; i++)
        {
            var value = BitConverter.Int32BitsToSingle(generator.Next(int.MinValue, int.MaxValue));
            floats[i] = float.IsFinite(value) ? value : i;
        }
        var found = Read(string.Join(',', floats.Select(value => value.ToString("R", CultureInfo.InvariantCulture))));
        Assert.Equal(floats.Select(BitConverter.SingleToInt32Bits), found.Select(BitConverter.SingleToInt32Bits));
    }

    /// <summary>What Python's json writes of float32: sixteen and seventeen digits; and numbers half-way between two floats, and a digit beside that.</summary>
    [Fact]
    public void Doubles_of_floats_and_of_what_lies_between_two_have_the_bits_of_float_Parse()
    {
        Random generator = new(4);
        StringBuilder text = new("0");
        for (var i = 0; i < Draws / 4; i++)
        {
            var value = (float)Math.Pow(10, generator.NextDouble() * 12 - 6) * (generator.Next(2) == 0 ? 1 : -1);
            var middle = ((double)value + MathF.BitIncrement(value)) / 2;
            foreach (var number in (double[])[value, generator.Next(256) / 255f, middle, Math.BitDecrement(middle), Math.BitIncrement(middle)])
            {
                text.Append(',').Append(number.ToString("R", CultureInfo.InvariantCulture));
            }
            text.Append(',').Append(middle.ToString("F22", CultureInfo.InvariantCulture));
        }
        AssertSame(text.ToString());
    }

    [Theory]
    [InlineData("[[1, 2], [3]] , [ ]", new[] { 1f, 2, 3 })]
    [InlineData(" \t\r\n", new float[0])]
    [InlineData("1 , null", new[] { 1, float.NaN })]
    public void Nesting_space_and_null_are_read(string text, float[] expected) => Assert.Equal(expected, Read(text));

    [Theory]
    [InlineData("1,")]
    [InlineData(",1")]
    [InlineData("1 2")]
    [InlineData("[1")]
    [InlineData("01")]
    [InlineData("-01")]
    [InlineData("1.")]
    [InlineData(".5")]
    [InlineData("+1")]
    [InlineData("-")]
    [InlineData("1e")]
    [InlineData("1e+")]
    [InlineData("0x10")]
    [InlineData("NaN")]
    [InlineData("Infinity")]
    [InlineData("nul")]
    [InlineData("true")]
    [InlineData("\"1\"")]
    [InlineData("{}")]
    [InlineData("1_000")]
    [InlineData("1;2")]
    [InlineData("[,]")]
    [InlineData("[] 1")]
    public void What_JSON_or_the_protocol_does_not_have_is_refused(string text) => Assert.Throws<InvalidDataException>(() => Read(text));

    [Fact]
    public void Nesting_is_bounded() => Assert.Throws<InvalidDataException>(() => Read(new string('[', 1000) + "1" + new string(']', 1000)));

    /// <summary>Whatever Utf8JsonReader takes as an array of numbers is taken, and nothing else.</summary>
    [Fact]
    public void Mutated_arrays_are_taken_exactly_when_the_library_takes_them()
    {
        Random generator = new(3);
        const string alphabet = "0123456789.-+eE,[] nul\n\"x";
        for (var i = 0; i < 200_000; i++)
        {
            var text = new StringBuilder("[1.5, -2e3], [null], 0.25");
            for (var change = generator.Next(1, 5); change > 0; change--)
            {
                text[generator.Next(text.Length)] = alphabet[generator.Next(alphabet.Length)];
            }
            var array = text.ToString();
            float[]? expected = Oracle(array), found;
            try
            {
                found = Read(array);
            }
            catch (InvalidDataException)
            {
                found = null;
            }
            Assert.True(expected is null == found is null, $"{array}: expected {(expected is null ? "a refusal" : "values")}");
            Assert.Equal(expected ?? [], found ?? []);
        }
    }

    static float[]? Oracle(string array)
    {
        try
        {
            Utf8JsonReader reader = new(Encoding.UTF8.GetBytes($"[{array}]"));
            List<float> values = [];
            while (reader.Read())
            {
                switch (reader.TokenType)
                {
                    case JsonTokenType.Number:
                        values.Add(reader.GetSingle());
                        break;
                    case JsonTokenType.Null:
                        values.Add(float.NaN);
                        break;
                    case JsonTokenType.StartArray or JsonTokenType.EndArray:
                        break;
                    default:
                        return null;
                }
            }
            return [.. values];
        }
        catch (JsonException)
        {
            return null;
        }
    }

    static string Draw(Random generator)
    {
        var digits = new char[generator.Next(1, 22)];
        for (var i = 0; i < digits.Length; i++)
        {
            digits[i] = (char)('0' + generator.Next(i == 0 ? 1 : 0, 10));
        }
        var point = generator.Next(1, digits.Length + 1);
        var text = new string(digits).Insert(point, point < digits.Length ? "." : "");
        text = generator.Next(3) == 0 ? $"0.{new string('0', generator.Next(4))}{new string(digits)}" : text;
        return $"{(generator.Next(2) == 0 ? "-" : "")}{text}{(generator.Next(2) == 0 ? $"e{generator.Next(-48, 42)}" : "")}";
    }

    [Fact]
    public void An_exponent_takes_back_as_many_zeros_as_a_body_may_hold()
    {
        var zeros = new string('0', (1 << 24) + 7);
        Assert.Equal([20f], Read($"0.{zeros}2e{zeros.Length + 2}"));
        Assert.Equal([0f], Read($"2e-{zeros.Length}"));
    }

    static void AssertSame(string text) => Assert.Equal(
        text.Split(',').Select(number => BitConverter.SingleToInt32Bits(float.Parse(number, CultureInfo.InvariantCulture))),
        Read(text).Select(BitConverter.SingleToInt32Bits));

    /// <summary>Twice: whole words are read where so much text follows, and single characters at its end.</summary>
    static float[] Read(string text)
    {
        var found = Once(text);
        var withSpace = Once(text + new string(' ', 64));
        return found is not null == withSpace is not null && (found is null || found.AsSpan().SequenceEqual(withSpace))
            ? found ?? throw new InvalidDataException(text)
            : throw new InvalidOperationException($"'{text}' is read otherwise with space behind it.");
    }

    static float[]? Once(string text)
    {
        var json = Encoding.UTF8.GetBytes($"[{text}]");
        var values = ArrayPool<float>.Shared.Rent(1);
        try
        {
            var end = JsonNumbers.Read(json, 1, ref values, out var count);
            // What follows the array is the reader's.
            return end == json.Length - 1 ? values[..count] : null;
        }
        catch (InvalidDataException)
        {
            return null;
        }
        finally
        {
            ArrayPool<float>.Shared.Return(values);
        }
    }
}
