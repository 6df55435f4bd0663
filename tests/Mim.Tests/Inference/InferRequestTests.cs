using System.Runtime.InteropServices;
using System.Text;
using Mim.Inference;

namespace Mim.Tests.Inference;

public sealed class InferRequestTests
{
    const int Rounds = 100_000;

    /// <summary>The inputs are below 1 KiB; a parser that trusts a size allocates megabytes at once.</summary>
    const long MaxBytesPerRead = 1 << 17;

    static readonly string[] s_valid =
    [
        """{"id": "a", "parameters": {"timeout": 1000, "any": [1, {"b": null}]}, "inputs": [{"name": "x", "shape": [2, 5], "datatype": "FP32", "data": [[1, 2.5, -3e1, null, 5], [0, 0, 0, 0, 0.125]]}], "outputs": [{"name": "z_mean", "parameters": {"binary_data": true}}]}""",
        """{"inputs": [{"name": "z", "shape": [1, 3], "datatype": "FP32", "parameters": {"space_id": "abc", "binary_data_size": 12}}]}""",
        "",
    ];

    public static TheoryData<int> Seeds => [1, 2, 3, 4];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Mutated_requests_are_parsed_or_refused_in_bounded_memory(int seed)
    {
        Random random = new(seed);
        var refused = 0;
        for (var round = 0; round < Rounds; round++)
        {
            var (bytes, header) = Mutate(random);
            using var body = InferBody.Of(bytes, header);
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                using var request = InferRequest.Parse(body);
                Assert.True(request.Input.Data.Length <= bytes.Length);
            }
            catch (InvalidDataException)
            {
                refused++;
            }
            Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < MaxBytesPerRead, $"round {round} of seed {seed} allocated too much");
        }
        Assert.InRange(refused, Rounds / 10, Rounds - 1);
    }

    [Fact]
    public void What_a_request_says_besides_its_tensor_is_read()
    {
        using var body = InferBody.Of(Encoding.UTF8.GetBytes(s_valid[0]), null);
        using var request = InferRequest.Parse(body);
        Assert.Equal(("a", 1000L, false), (request.Id, request.Timeout, request.BinaryOutput));
        Assert.Equal([new InferOutput("z_mean", true)], request.Outputs);
        Assert.Equal([1, 2.5f, -30, float.NaN, 5, 0, 0, 0, 0, 0.125f], request.Input.Data.ToArray());
    }

    [Theory]
    [InlineData("""{"inputs": [{"name": "x", "shape": [1, 1], "datatype": "FP32", "data": [1}]}""", "it breaks at byte 73")]
    [InlineData("""{"inputs": [{"name": "x", "shape": [1, 1], "datatype": "FP32", "data": [1], "data": [2]}]}""", "'data' occurs twice")]
    [InlineData("""{"inputs": [{"name": "x", "shape": [1, 1], "datatype": "FP32", "data": [1]}], "id": }""", "it breaks at byte")]
    public void A_fault_is_named_by_its_place(string json, string reason)
    {
        using var body = InferBody.Of(Encoding.UTF8.GetBytes(json), null);
        Assert.Contains(reason, Assert.Throws<InvalidDataException>(() => InferRequest.Parse(body)).Message, StringComparison.Ordinal);
    }

    static (byte[] Bytes, int? Header) Mutate(Random random)
    {
        var kind = random.Next(s_valid.Length);
        List<byte> bytes = [.. Encoding.UTF8.GetBytes(s_valid[kind])];
        int? header = kind == 0 ? null : bytes.Count;
        if (kind != 0)
        {
            bytes.AddRange(MemoryMarshal.AsBytes(AffineModel.Rows(1, AffineModel.Z, kind).AsSpan()));
        }
        for (var i = random.Next(1, 4); i > 0 && bytes.Count > 1; i--)
        {
            var at = random.Next(bytes.Count);
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                case 3:
                    bytes.InsertRange(at, "99999999999999999999"u8);
                    break;
                case 4:
                    header = header is null ? null : random.Next(bytes.Count + 1);
                    break;
                default:
                    bytes.RemoveRange(at, Math.Min(bytes.Count - at, random.Next(1, 16)));
                    break;
            }
        }
        return ([.. bytes], header > bytes.Count ? bytes.Count : header);
    }
}
