using System.Buffers;
using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

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
    const long MaxExponent = 1L << 40;

    /// <summary>What <see cref="TryShort"/> reads, in whole words, beyond where it begins.</summary>
    const int ShortBytes = 48;

    const int WordDigits = sizeof(ulong);

    /// <summary>Doubles, all of them, without rounding.</summary>
    static readonly double[] s_powersOfTen = [.. Enumerable.Range(0, 23).Select(exponent => double.Parse($"1e{exponent}", CultureInfo.InvariantCulture))];

    static readonly ulong[] s_powers = [.. Enumerable.Range(0, WordDigits + 1).Select(exponent => (ulong)s_powersOfTen[exponent])];

    /// <summary>What a mantissa is below that so many digits more leave below 10^18, and so in 63 bits.</summary>
    static readonly ulong[] s_roomFor = [.. s_powers.Select(power => 1_000_000_000_000_000_000 / power)];

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
                    if (next == Next.CommaOrEnd || !(TryShort(text, ref at, out var value) || TryValue(text, ref at, out value)))
                    {
                        throw new InvalidDataException(Fault(text, at, next, count));
                    }
                    if (count == values.Length)
                    {
                        Grow(ref values);
                    }
                    values[count++] = value;
                    next = Next.CommaOrEnd;
                    if (at < text.Length && text[at] == ',')
                    {
                        at++;
                        next = Next.Value;
                    }
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

    /// <summary>
    /// Numbers as clients write them, eight characters at a time and with few branches: up to seven digits, and up to 22 behind the point. All others, and
    /// all that is wrong, are left to the reader of single characters.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static bool TryShort(ReadOnlySpan<byte> text, ref int at, out float value)
    {
        value = 0;
        if (at > text.Length - ShortBytes)
        {
            return false;
        }
        ref var start = ref Unsafe.Add(ref MemoryMarshal.GetReference(text), at);
        var negative = start == '-' ? 1 : 0;
        var i = negative;
        var word = Word(ref start, i);
        var digits = Digits(word);
        // JSON has no leading zeros, and no number without an integer part.
        if (digits is 0 or WordDigits || (digits > 1 && (byte)word == '0'))
        {
            return false;
        }
        var mantissa = Number(word, digits);
        i += digits;
        var fraction = 0;
        if (Unsafe.Add(ref start, i) == '.')
        {
            i++;
            do
            {
                word = Word(ref start, i);
                digits = Digits(word);
                if (mantissa >= s_roomFor[digits] || fraction + digits >= s_powersOfTen.Length)
                {
                    return false;
                }
                mantissa = mantissa * s_powers[digits] + Number(word, digits);
                (i, fraction) = (i + digits, fraction + digits);
            }
            while (digits == WordDigits);
            if (fraction == 0)
            {
                return false;
            }
        }
        if ((Unsafe.Add(ref start, i) | 0x20) == 'e' || !TryRounded((long)mantissa / s_powersOfTen[fraction], mantissa == 0, out value))
        {
            return false;
        }
        value = negative == 0 ? value : -value;
        at += i;
        return true;
    }

    static ulong Word(ref byte start, int at) => Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref start, at));

    /// <summary>How many of the eight characters, from the first on, are digits: those whose upper half is 3 and stays so with 6 added (Lemire).</summary>
    static int Digits(ulong word)
    {
        const ulong upper = 0xF0F0F0F0F0F0F0F0, six = 0x0606060606060606, threes = 0x3333333333333333;
        return BitOperations.TrailingZeroCount(((word & upper) | (((word + six) & upper) >> 4)) ^ threes) / WordDigits;
    }

    /// <summary>The first digits as an integer: zeros come before them, then pairs, fours and eights are joined (Lemire 2021).</summary>
    static ulong Number(ulong word, int digits)
    {
        // In two steps, because a shift by 64 is one by 0.
        var half = 4 * (WordDigits - digits);
        word = (word & 0x0F0F0F0F0F0F0F0F) << half << half;
        word = word * 10 + (word >> 8);
        return ((word & 0x000000FF000000FF) * 0x000F424000000064 + ((word >> 16) & 0x000000FF000000FF) * 0x0000271000000001) >> 32;
    }

    static bool TryNumber(ReadOnlySpan<byte> text, ref int at, out float value)
    {
        value = 0;
        var (start, negative) = (at, at < text.Length && text[at] == '-');
        var i = negative ? at + 1 : at;
        var (mantissa, digits, exponent) = (0UL, 0, 0L);
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

    static bool TryExponent(ReadOnlySpan<byte> text, ref int i, ref long exponent)
    {
        i++;
        var negative = i < text.Length && text[i] == '-';
        if (i < text.Length && text[i] is (byte)'-' or (byte)'+')
        {
            i++;
        }
        var (first, stated) = (i, 0L);
        while (i < text.Length && char.IsAsciiDigit((char)text[i]))
        {
            stated = Math.Min(stated * 10 + (text[i++] - '0'), MaxExponent);
        }
        exponent += negative ? -stated : stated;
        return i > first;
    }

    static bool TryExact(ulong mantissa, long exponent, out float value)
    {
        value = 0;
        return Math.Abs(exponent) < s_powersOfTen.Length
            && TryRounded(exponent < 0 ? mantissa / s_powersOfTen[-exponent] : mantissa * s_powersOfTen[exponent], mantissa == 0, out value);
    }

    /// <summary>
    /// An integer of 64 bits and one operation with a power of ten are two roundings at most, which leave the double within 2 of its units of the number
    /// (after Clinger 1990). Rounded again it is the float32 next to the number, unless half-way between two of those is as near.
    /// </summary>
    static bool TryRounded(double number, bool isZero, out float value)
    {
        const ulong belowFloat = (1UL << 29) - 1;
        const ulong halfWay = 1UL << 28;
        const ulong units = 2;
        const float smallestNormal = 1.17549435e-38f;
        value = (float)number;
        return isZero
            || ((BitConverter.DoubleToUInt64Bits(number) & belowFloat) - (halfWay - units) > 2 * units && number is >= smallestNormal and <= float.MaxValue);
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
