using System.Runtime.InteropServices;
using System.Text;
using Mim.Inference;

namespace Mim.Tests.Inference;

public sealed class ServeBenchTests
{
    const string Head = """{"model_name":"m","outputs":[{"name":"z_mean","shape":[1,3],"datatype":"FP32","data":""";

    static readonly float[] s_codes = [1, -2.5f, 1e-3f];

    [Theory]
    [InlineData("""[1,-2.5,1e-3]}]}""", true, true)]
    [InlineData("""[1, -2.5, 0.001], "parameters": {"a": 1, "b": 2}}]}""", true, true)]
    [InlineData("""[1,-2.5,0.002]}]}""", true, false)] // another code
    [InlineData("""[1,-2.5,1e39]}]}""", true, false)] // infinite in float32
    [InlineData("""[1,-2.5]}]}""", false, false)]
    [InlineData("""[1,-2.5,1e-3,4]}]}""", false, false)]
    [InlineData("""[1,-2.5,NaN]}]}""", false, false)]
    [InlineData("""[1,-2.5,"NaN"]}]}""", false, false)]
    [InlineData("""[1,null,1e-3]}]}""", false, false)]
    [InlineData("""[]}]}""", false, false)]
    public void An_answer_in_JSON_has_as_many_numbers_as_the_request_s_rows_have_codes(string data, bool atAGlance, bool compared)
    {
        ExpectedAnswer expected = new(s_codes, isText: true);
        var body = Encoding.UTF8.GetBytes(Head + data);
        Assert.Equal((atAGlance, compared), (expected.Glance(body) is null, expected.Compare(body) is null));
    }

    [Theory]
    [InlineData(new float[] { 1, -2.5f, 1e-3f }, true, true)]
    [InlineData(new float[] { 1, -2.5f, 2e-3f }, true, false)]
    [InlineData(new float[] { 1, -2.5f, float.NaN }, false, false)]
    [InlineData(new float[] { float.PositiveInfinity, -2.5f, 1e-3f }, false, false)]
    [InlineData(new float[] { 1, -2.5f }, false, false)]
    [InlineData(new float[] { 1, -2.5f, 1e-3f, 4 }, false, false)]
    [InlineData(new float[0], false, false)]
    public void A_binary_answer_has_them_behind_its_JSON(float[] values, bool atAGlance, bool compared)
    {
        ExpectedAnswer expected = new(s_codes, isText: false);
        byte[] body = [.. Encoding.UTF8.GetBytes(Head + """[]}]}"""), .. MemoryMarshal.AsBytes<float>(values)];
        Assert.Equal((atAGlance, compared), (expected.Glance(body) is null, expected.Compare(body) is null));
    }

    [Fact]
    public void An_answer_without_numbers_is_none()
    {
        Assert.NotNull(new ExpectedAnswer([1], isText: true).Glance("{}"u8));
        Assert.NotNull(new ExpectedAnswer([1], isText: false).Glance("{}"u8));
        Assert.NotNull(new ExpectedAnswer([1], isText: false).Glance([]));
    }

    [Fact]
    public void The_percentile_of_all_halves_is_that_of_their_requests_together()
    {
        // Ten slow ones in one half of three: 3 % of all, and nothing in the median of the halves' own percentiles.
        ServeBenchHalf calm = Half(Enumerable.Repeat(0.001, 100)), uneasy = Half([.. Enumerable.Repeat(0.1, 10), .. Enumerable.Repeat(0.001, 90)]);
        var together = ServeBenchHalf.Together([calm, uneasy, calm]);
        Assert.Equal((1, 100, 300, 600), (together.P50, together.P99, together.Requests, together.Rows));

        static ServeBenchHalf Half(IEnumerable<double> seconds) => new(200, 1, 1, [.. seconds]);
    }

    [Fact]
    public void A_percentile_of_few_requests_says_so()
    {
        Assert.DoesNotContain(Lines(20_000), line => line.Contains("rough", StringComparison.Ordinal));
        Assert.Contains(Lines(19_999), line => line.Contains("rough", StringComparison.Ordinal));

        static IEnumerable<string> Lines(int requests)
        {
            ServeBenchHalf half = new(requests, 1, 1, [.. Enumerable.Repeat(0.001, requests)]);
            var ratio = PairedRatio.Of([1]);
            return new ServeBenchResult("m", "engine", 1, 1, 1, 1, false, "bare loop", half, half, ratio, ratio, 1).Lines();
        }
    }
}
