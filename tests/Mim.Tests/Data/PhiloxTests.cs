using Mim.Training;

namespace Mim.Tests.Data;

public sealed class PhiloxTests
{
    // Known answers of Random123 1.14, tests/kat_vectors, philox4x32 with 10 rounds.
    [Theory]
    [InlineData(0x00000000u, 0x00000000u, 0x00000000u, 0x00000000u, 0x00000000u, 0x00000000u, 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u)]
    [InlineData(0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu)]
    [InlineData(0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u, 0xa4093822u, 0x299f31d0u, 0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u)]
    public void A_block_equals_the_published_known_answer(
        uint c0, uint c1, uint c2, uint c3, uint k0, uint k1, uint w0, uint w1, uint w2, uint w3)
    {
        var words = new uint[4];
        Philox.Block([c0, c1, c2, c3], [k0, k1], words);
        Assert.Equal([w0, w1, w2, w3], words);
    }

    [Fact]
    public void Normals_have_the_moments_of_a_standard_normal()
    {
        const int n = 200_000;
        var random = new Philox(1, 0, 0);
        double[] sums = [0, 0, 0, 0];
        for (var i = 0; i < n; i++)
        {
            var value = random.NextNormal();
            for (var (power, term) = (0, value); power < 4; power++, term *= value)
            {
                sums[power] += term / n;
            }
        }
        // Four standard errors: the moments' variances are 1, 2, 15 and 96.
        Assert.Equal(0, sums[0], 4 * Math.Sqrt(1.0 / n));
        Assert.Equal(1, sums[1], 4 * Math.Sqrt(2.0 / n));
        Assert.Equal(0, sums[2], 4 * Math.Sqrt(15.0 / n));
        Assert.Equal(3, sums[3], 4 * Math.Sqrt(96.0 / n));
    }

    [Fact]
    public void Bounded_integers_are_uniform()
    {
        const int n = 100_000;
        var random = new Philox(2, 0, 0);
        var counts = new int[7];
        for (var i = 0; i < n; i++)
        {
            counts[random.NextInt32(counts.Length)]++;
        }
        var expected = (double)n / counts.Length;
        var chiSquare = counts.Sum(count => (count - expected) * (count - expected) / expected);
        Assert.InRange(chiSquare, 0.38, 22.46); // 0.1 % in each tail of χ² with 6 degrees of freedom
    }

    [Fact]
    public void Streams_of_the_same_seed_differ_and_repeat()
    {
        Assert.Equal(new Philox(5, 1, 2).NextUInt64(), new Philox(5, 1, 2).NextUInt64());
        Philox[] others = [new(5, 1, 2), new(5, 2, 1), new(6, 1, 2), new(5, 0, 0)];
        Assert.Equal(4, others.Select(random => random.NextUInt64()).Distinct().Count());
    }

    // Mean 1/2 and variance 1/12 within four standard errors; 24 bits, so that no value rounds to 1.
    [Fact]
    public void A_filled_span_is_uniform_and_a_longer_one_begins_with_it()
    {
        const int n = 20_001;
        var values = new float[n];
        new Philox(5, 6, 7).Fill(values);
        Assert.All(values, u => Assert.True(u is >= 0 and < 1 && u * (1 << 24) == MathF.Floor(u * (1 << 24))));
        Assert.Equal(0.5, values.Average(), 4 * Math.Sqrt(1 / 12.0 / n));
        Assert.Equal(1 / 12.0, values.Average(u => (u - 0.5) * (u - 0.5)), 4 * Math.Sqrt(1 / 180.0 / n));
        var shorter = new float[10];
        new Philox(5, 6, 7).Fill(shorter);
        Assert.Equal(values[..10], shorter);
    }
}

