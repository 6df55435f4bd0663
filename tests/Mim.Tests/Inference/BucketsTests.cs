using Mim.Inference;
using Mim.Models;
using Mim.Tests.Contract;

namespace Mim.Tests.Inference;

public sealed class BucketsTests
{
    [Fact]
    public void Sizes_are_exact_up_to_8_and_then_four_a_doubling() =>
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64], Buckets.UpTo(64));

    [Theory]
    [InlineData(1, new[] { 1 })]
    [InlineData(4, new[] { 1, 4 })]
    [InlineData(100, new[] { 1, 4, 16, 64, 100 })]
    [InlineData(int.MaxValue, new[] { 1, 4, 16, 64, 256, 1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20, 1 << 22, 1 << 24, 1 << 26, 1 << 28, 1 << 30, int.MaxValue })]
    public void Dear_sizes_are_four_times_apart(int maxRows, int[] sizes) => Assert.Equal(sizes, Buckets.Apart(maxRows));

    public static TheoryData<int> Maxima => [1, 2, 7, 8, 9, 63, 64, 65, 100, 4096];

    [Theory]
    [MemberData(nameof(Maxima))]
    public void Every_batch_has_a_size_and_less_than_a_quarter_of_it_is_padding(int maxRows)
    {
        BatchBuffers buffers = new(maxRows, 1, 1);
        Assert.Equal(buffers.Sizes.Order().Distinct(), buffers.Sizes);
        Assert.Equal(maxRows, buffers.Sizes[^1]);
        for (var rows = 1; rows <= maxRows; rows++)
        {
            var padded = buffers.Padded(rows);
            Assert.InRange(padded, rows, maxRows);
            Assert.True(padded == rows || 4 * (padded - rows) < padded, $"{rows} of {padded}");
        }
    }

    /// <summary>What an earlier batch left behind this one's rows reaches nobody.</summary>
    [Fact]
    public void Rows_of_a_padded_batch_are_those_of_the_closed_form()
    {
        using TemporaryFolder folder = new();
        TestWorker.Affine.Write(folder["package"]);
        using var model = OnnxModel.Encoder(ModelPackage.Open(folder["package"]), 64, new EngineOptions(1, Device.Cpu));
        model.Buffers.Input(64).Span.Fill(float.NaN);
        foreach (var rows in (int[])[9, 33, 57])
        {
            var x = AffineModel.Rows(rows, AffineModel.X, rows);
            x.CopyTo(model.Buffers.Input(rows));
            model.Run(rows);
            OnnxModelTests.AssertClose(TestWorker.Affine.Expected(TensorNames.ZMean, x), model.Buffers.Output(0, rows).Span);
        }
    }
}
