namespace Mim.Training;

/// <summary>
/// Philox4x32-10 (Salmon et al. 2011): the counter-based generator behind every data draw, so that data are the same on every engine and
/// device. The seed is the key; stream and substream are the upper half of the counter, so that two streams never overlap.
/// </summary>
public sealed class Philox(ulong seed, uint stream, uint substream)
{
    const uint Multiplier0 = 0xD2511F53, Multiplier1 = 0xCD9E8D57;
    const uint Weyl0 = 0x9E3779B9, Weyl1 = 0xBB67AE85;
    const int Rounds = 10;

    readonly uint[] _words = new uint[4];
    ulong _block;
    int _used = 4;
    double? _spareNormal;

    /// <summary>One block of four words for a counter and a key, as in the reference's known-answer tests.</summary>
    public static void Block(ReadOnlySpan<uint> counter, ReadOnlySpan<uint> key, Span<uint> words)
    {
        (words[0], words[1], words[2], words[3]) = Block(counter[0], counter[1], counter[2], counter[3], key[0], key[1]);
    }

    static (uint, uint, uint, uint) Block(uint c0, uint c1, uint c2, uint c3, uint k0, uint k1)
    {
        for (var round = 0; round < Rounds; round++)
        {
            var product0 = (ulong)Multiplier0 * c0;
            var product1 = (ulong)Multiplier1 * c2;
            (c0, c1, c2, c3) = ((uint)(product1 >> 32) ^ c1 ^ k0, (uint)product1, (uint)(product0 >> 32) ^ c3 ^ k1, (uint)product0);
            k0 += Weyl0;
            k1 += Weyl1;
        }
        return (c0, c1, c2, c3);
    }

    public ulong NextUInt64() => ((ulong)NextUInt32() << 32) | NextUInt32();

    /// <summary>Uniform on [0, 1), 53 bits.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1L << 53));

    public double NextDouble(double from, double to) => from + ((to - from) * NextDouble());

    /// <summary>Uniform on [0, 1), 24 bits each, from whole blocks of their own.</summary>
    public void Fill(Span<float> values)
    {
        Span<float> rest = stackalloc float[4];
        for (var left = values; !left.IsEmpty;)
        {
            var (w0, w1, w2, w3) = Block((uint)_block, (uint)(_block >> 32), substream, stream, (uint)seed, (uint)(seed >> 32));
            _block++;
            var target = left.Length < rest.Length ? rest : left;
            (target[0], target[1], target[2], target[3]) = (Uniform(w0), Uniform(w1), Uniform(w2), Uniform(w3));
            if (left.Length < rest.Length)
            {
                rest[..left.Length].CopyTo(left);
                return;
            }
            left = left[rest.Length..];
        }

        static float Uniform(uint word) => (word >> 8) * (1f / (1 << 24));
    }

    /// <summary>Uniform on 0 … bound − 1, without bias (Lemire's rejection).</summary>
    public int NextInt32(int bound)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bound);
        var range = (uint)bound;
        var threshold = (0u - range) % range;
        while (true)
        {
            var product = (ulong)NextUInt32() * range;
            if ((uint)product >= threshold)
            {
                return (int)(product >> 32);
            }
        }
    }

    /// <summary>Standard normal, by Box and Muller's pairs.</summary>
    public double NextNormal()
    {
        if (_spareNormal is { } spare)
        {
            _spareNormal = null;
            return spare;
        }
        var radius = Math.Sqrt(-2 * Math.Log(1 - NextDouble()));
        var (sine, cosine) = Math.SinCos(Math.Tau * NextDouble());
        _spareNormal = radius * sine;
        return radius * cosine;
    }

    /// <summary>Fisher and Yates.</summary>
    public void Shuffle(Span<int> values)
    {
        for (var i = values.Length - 1; i > 0; i--)
        {
            var j = NextInt32(i + 1);
            (values[i], values[j]) = (values[j], values[i]);
        }
    }

    uint NextUInt32()
    {
        if (_used == _words.Length)
        {
            Block([(uint)_block, (uint)(_block >> 32), substream, stream], [(uint)seed, (uint)(seed >> 32)], _words);
            _block++;
            _used = 0;
        }
        return _words[_used++];
    }
}
