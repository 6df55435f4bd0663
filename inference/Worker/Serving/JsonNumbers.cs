using System.Buffers;
using System.Globalization;

namespace Mim.Inference;

/// <summary>
/// Reads a JSON array of numbers, flat or nested, into float32. Numbers are nearly all of a request, and a reader that makes a token of each takes
/// most of the request's time. The bits are those of <see cref="float.Parse(string)"/>.
/// </summary>
public static class JsonNumbers
{
    const int MaxDepth = 32;

    /// <summary>19 decimal digits always fit in 64 bits.</summary>
    const int MaxDigits = 19;

    /// <summary>Beyond it a float32 is 0 or infinite, whatever the digits of a body are.</summary>
    const int MaxExponent = 1 << 24;

    /// <summary>Integers up to here are doubles, and so are the powers of ten below: one operation on both is rounded once (Clinger 1990).</summary>
    const ulong MaxExactInteger = 1UL << 53;

    static readonly double[] s_powersOfTen = [.. Enumerable.Range(0, 23).Select(exponent => double.Parse($"1e{exponent}", CultureInfo.InvariantCulture))];

    static readonly SearchValues<byte> s_space = SearchValues.Create(" \t\r\n"u8);

    enum Next
    {
        /// <summary>An array has been opened.</summary>
        ValueOrEnd,

        /// <summary>A comma has been read.</summary>
        Value,

        CommaOrEnd,
    }

    /// <param name="text">JSON.</param>
    /// <param name="at">Behind the array's opening bracket.</param>
    /// <param name="values">Rented from the shared pool; exchanged for a longer one when it is too short. null in the text is NaN.</param>
    /// <param name="count">How many.</param>
    /// <returns>The position of the closing bracket.</returns>
    /// <exception cref="InvalidDataException">It is no array of numbers.</exception>
    public static int Read(ReadOnlySpan<byte> text, int at, ref float[] values, out int count)
    {
        count = 0;
        var (depth, next) = (1, Next.ValueOrEnd);
        while (true)
        {
            at = SkipSpace(text, at);
            switch (at < text.Length ? text[at] : default)
            {
                case (byte)'[' when next != Next.CommaOrEnd && depth < MaxDepth:
                    (depth, next) = (depth + 1, Next.ValueOrEnd);
                    at++;
                    break;
                case (byte)']' when next != Next.Value:
                    if (--depth == 0)
                    {
                        return at;
                    }
                    next = Next.CommaOrEnd;
                    at++;
                    break;
                case (byte)',' when next == Next.CommaOrEnd:
                    next = Next.Value;
                    at++;
                    break;
                default:
                    if (next == Next.CommaOrEnd || !TryValue(text, ref at, out var value))
                    {
                        throw new InvalidDataException(Fault(text, at, next, count));
                    }
                    if (count == values.Length)
                    {
                        Grow(ref values);
                    }
                    values[count++] = value;
                    next = Next.CommaOrEnd;
                    break;
            }
        }
    }

    static int SkipSpace(ReadOnlySpan<byte> text, int at)
    {
        if (at >= text.Length || text[at] > ' ')
        {
            return at;
        }
        var skipped = text[at..].IndexOfAnyExcept(s_space);
        return skipped < 0 ? text.Length : at + skipped;
    }

    static void Grow(ref float[] values)
    {
        var longer = ArrayPool<float>.Shared.Rent(values.Length * 2);
        values.CopyTo(longer, 0);
        ArrayPool<float>.Shared.Return(values);
        values = longer;
    }

    static bool TryValue(ReadOnlySpan<byte> text, ref int at, out float value)
    {
        if (text[at..].StartsWith("null"u8))
        {
            (value, at) = (float.NaN, at + 4);
            return true;
        }
        return TryNumber(text, ref at, out value);
    }

    static bool TryNumber(ReadOnlySpan<byte> text, ref int at, out float value)
    {
        value = 0;
        var (start, negative) = (at, at < text.Length && text[at] == '-');
        var i = negative ? at + 1 : at;
        var (mantissa, digits, exponent) = (0UL, 0, 0);
        var integer = i;
        while (i < text.Length && char.IsAsciiDigit((char)text[i]))
        {
            Add(text[i++], ref mantissa, ref digits);
        }
        // JSON has no leading zeros, and no number without an integer part.
        if (i == integer || (i > integer + 1 && text[integer] == '0'))
        {
            return false;
        }
        if (i < text.Length && text[i] == '.')
        {
            var fraction = ++i;
            while (i < text.Length && char.IsAsciiDigit((char)text[i]))
            {
                Add(text[i++], ref mantissa, ref digits);
            }
            if (i == fraction)
            {
                return false;
            }
            exponent = fraction - i;
        }
        if (i < text.Length && (text[i] | 0x20) == 'e' && !TryExponent(text, ref i, ref exponent))
        {
            return false;
        }
        at = i;
        if (digits > MaxDigits || !TryExact(mantissa, exponent, out value))
        {
            value = Math.Abs(float.Parse(text[start..i], NumberStyles.Float, CultureInfo.InvariantCulture));
        }
        value = negative ? -value : value;
        return true;
    }

    static void Add(byte digit, ref ulong mantissa, ref int digits)
    {
        if (digits > 0 || digit != '0')
        {
            digits++;
        }
        if (digits <= MaxDigits)
        {
            mantissa = mantissa * 10 + (uint)(digit - '0');
        }
    }

    static bool TryExponent(ReadOnlySpan<byte> text, ref int i, ref int exponent)
    {
        i++;
        var negative = i < text.Length && text[i] == '-';
        if (i < text.Length && text[i] is (byte)'-' or (byte)'+')
        {
            i++;
        }
        var (first, stated) = (i, 0);
        while (i < text.Length && char.IsAsciiDigit((char)text[i]))
        {
            stated = Math.Min(stated * 10 + (text[i++] - '0'), MaxExponent);
        }
        exponent += negative ? -stated : stated;
        return i > first;
    }

    /// <summary>
    /// The double is the number, rounded once. Rounding it again gives the float32 next to the number, unless the double lies half-way between two of them,
    /// where it may have got there by the first rounding.
    /// </summary>
    static bool TryExact(ulong mantissa, int exponent, out float value)
    {
        const ulong belowFloat = (1UL << 29) - 1;
        const ulong halfWay = 1UL << 28;
        const float smallestNormal = 1.17549435e-38f;
        value = 0;
        if (mantissa > MaxExactInteger || Math.Abs(exponent) >= s_powersOfTen.Length)
        {
            return false;
        }
        var exact = exponent < 0 ? mantissa / s_powersOfTen[-exponent] : mantissa * s_powersOfTen[exponent];
        value = (float)exact;
        return mantissa == 0 || ((BitConverter.DoubleToUInt64Bits(exact) & belowFloat) != halfWay && exact is >= smallestNormal and <= float.MaxValue);
    }

    static string Fault(ReadOnlySpan<byte> text, int at, Next next, int count)
    {
        var found = next == Next.CommaOrEnd || at >= text.Length ? null : text[at] switch
        {
            (byte)'"' => "a string",
            (byte)'{' => "an object",
            (byte)'t' or (byte)'f' => "a boolean",
            _ => null,
        };
        return found is null ? $"not a JSON request: it breaks at byte {at}." : $"inputs.data[{count}]: expected a float32, found {found}.";
    }
}
