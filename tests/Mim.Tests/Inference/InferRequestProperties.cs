using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Mim.Inference;

namespace Mim.Tests.Inference;

/// <summary>
/// The parser of infer requests against FsCheck: whatever arrives is read or refused with a message, in memory bounded by what arrived, and what was
/// written is read back. A failing case is printed with the seed that repeats it.
/// </summary>
public sealed class InferRequestProperties
{
    const int Short = 2_000;
    const int Long = 2_000_000;

    /// <summary>Beside the input: the reader, a list of outputs, a message.</summary>
    const long FixedBytes = 1 << 14;

    /// <summary>Of one byte of input at most one float of data, one character of text and one of a message, each with room to grow.</summary>
    const long BytesPerByte = 64;

    /// <summary>What a request is made of, in any order: most of what these spell is nearly a request.</summary>
    static readonly string[] s_tokens =
    [
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u0000", "\\ud800", "null", "true", "false", "0", "-1", "1e39", "1e-50", "9223372036854775808", "3.5", " ", "\n",
        "\"inputs\"", "\"outputs\"", "\"name\"", "\"x\"", "\"z\"", "\"shape\"", "\"datatype\"", "\"FP32\"", "\"data\"", "\"parameters\"", "\"binary_data_size\"", "\"space_id\"",
        "\"id\"", "\"timeout\"", "\"binary_data_output\"", "[1,5]", "[[1,2],[3]]", "{\"inputs\":[{", "}]}", "\"name\":\"x\",\"shape\":[1,5],\"datatype\":\"FP32\",\"data\":[1,2,3,4,5]",
    ];

    static readonly Gen<byte[]> s_anything = Gen.OneOf(
        ArbMap.Default.GeneratorFor<byte[]>(),
        Gen.ListOf(Gen.Elements(s_tokens)).Select(tokens => Encoding.UTF8.GetBytes(string.Concat(tokens))));

    [Fact]
    public void Whatever_arrives_is_read_or_refused_in_bounded_memory() => Prop.ForAll(Arriving(), IsReadOrRefused).Check(Config(Short));

    [Fact]
    [Trait("Category", "Long")]
    public void Millions_of_bodies_are_read_or_refused_in_bounded_memory() => Prop.ForAll(Arriving(), IsReadOrRefused).Check(Config(Long));

    [Fact]
    public void What_was_written_is_read_back() => Prop.ForAll(Requests(), IsReadBack).Check(Config(Short));

    [Fact]
    [Trait("Category", "Long")]
    public void What_was_written_is_read_back_millions_of_times() => Prop.ForAll(Requests(), IsReadBack).Check(Config(Long));

    /// <summary>Each once broke a parser of this kind: here, or in the advisories of others.</summary>
    public static TheoryData<string> Corpus =>
    [
        "", "{", "null", "[]", "{}", "{\"inputs\":{}}", "{\"inputs\":[]}", "{\"inputs\":[{}]}", "{\"inputs\":[null]}", "{\"inputs\":[{\"name\":null}]}",
        "{\"inputs\":[{\"name\":\"x\",\"shape\":[1e400],\"datatype\":\"FP32\",\"data\":[1]}]}",
        "{\"inputs\":[{\"name\":\"x\",\"shape\":[-1],\"datatype\":\"FP32\",\"data\":[1]}]}",
        "{\"inputs\":[{\"name\":\"x\",\"shape\":[1],\"datatype\":\"FP32\",\"parameters\":{\"binary_data_size\":9223372036854775807}}]}",
        "{\"inputs\":[{\"name\":\"\\ud800\",\"shape\":[1],\"datatype\":\"FP32\",\"data\":[1]}]}",
        "{\"inputs\":[{\"name\":\"x\",\"shape\":[1],\"datatype\":\"FP32\",\"data\":[1,]}]}", "{\"inputs\":[{\"name\":\"x\",\"shape\":[1],\"datatype\":\"FP32\",\"data\":[1]}]}x",
        "{\"inputs\":[{\"name\":\"x\",\"shape\":[1],\"datatype\":\"FP32\",\"data\":[NaN]}]}", "\ufeff{}", "{\"id\":\"" + "\\u0000" + "\"}",
    ];

    [Theory]
    [MemberData(nameof(Corpus))]
    public void The_corpus_is_refused_with_a_message(string text)
    {
        using var body = InferBody.Of(Encoding.UTF8.GetBytes(text), null);
        Assert.NotEmpty(Assert.Throws<InvalidDataException>(() => InferRequest.Parse(body)).Message);
    }

    /// <summary>The reader keeps no stack of its own: the depth of a body is not the depth of a call.</summary>
    [Theory]
    [InlineData("[")]
    [InlineData("{\"a\":")]
    public void A_body_nested_a_million_deep_is_refused(string open)
    {
        var nested = string.Concat(Enumerable.Repeat(open, 1_000_000));
        foreach (var text in (string[])[nested, "{\"parameters\":" + nested, "{\"inputs\":[{\"data\":" + nested])
        {
            using var body = InferBody.Of(Encoding.UTF8.GetBytes(text), null);
            Assert.Throws<InvalidDataException>(() => InferRequest.Parse(body));
        }
    }

    static Config Config(int tests) => FsCheck.Config.QuickThrowOnFailure.WithMaxTest(tests).WithEndSize(200);

    static Arbitrary<(byte[] Bytes, int? Header)> Arriving() => Arb.From(
        from bytes in s_anything
        from header in Gen.Choose(-1, bytes.Length)
        select (bytes, header < 0 ? (int?)null : header));

    static bool IsReadOrRefused((byte[] Bytes, int? Header) arrived)
    {
        using var body = InferBody.Of(arrived.Bytes, arrived.Header);
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            using var request = InferRequest.Parse(body);
            return request.Input.Data.Length <= arrived.Bytes.Length && Bounded();
        }
        catch (InvalidDataException e)
        {
            return e.Message.Length > 0 && Bounded();
        }

        bool Bounded() => GC.GetAllocatedBytesForCurrentThread() - before <= FixedBytes + BytesPerByte * arrived.Bytes.Length;
    }

    sealed record Request(string? Id, float[] Values, bool Binary, bool BinaryOutput, string[] Outputs);

    static Arbitrary<Request> Requests() => Arb.From(
        from id in Gen.OneOf(Gen.Constant<string?>(null), ArbMap.Default.GeneratorFor<NonNull<string>>().Select(text => (string?)Valid(text.Get)))
        from values in ArbMap.Default.GeneratorFor<float>().Where(float.IsFinite).NonEmptyListOf()
        from binary in Gen.Elements(false, true)
        from binaryOutput in Gen.Elements(false, true)
        from outputs in Gen.SubListOf("z_mean", "z_log_var")
        select new Request(id, [.. values], binary, binaryOutput, [.. outputs]));

    static bool IsReadBack(Request written)
    {
        var json = new StringBuilder("{");
        if (written.Id is { } id)
        {
            json.Append("\"id\": ").Append(System.Text.Json.JsonSerializer.Serialize(id)).Append(", ");
        }
        json.Append(CultureInfo.InvariantCulture, $"\"parameters\": {{\"binary_data_output\": {(written.BinaryOutput ? "true" : "false")}}}, ");
        json.Append("\"outputs\": [").AppendJoin(", ", written.Outputs.Select(name => $"{{\"name\": \"{name}\"}}")).Append("], ");
        json.Append(CultureInfo.InvariantCulture, $"\"inputs\": [{{\"name\": \"x\", \"datatype\": \"FP32\", \"shape\": [{written.Values.Length}, 1], ");
        json.Append(written.Binary
            ? string.Create(CultureInfo.InvariantCulture, $"\"parameters\": {{\"binary_data_size\": {written.Values.Length * sizeof(float)}}}")
            : $"\"data\": [{string.Join(", ", written.Values.Select(value => value.ToString("R", CultureInfo.InvariantCulture)))}]");
        var header = Encoding.UTF8.GetBytes(json.Append("}]}").ToString());
        var bytes = written.Binary ? (byte[])[.. header, .. MemoryMarshal.AsBytes(written.Values.AsSpan())] : header;
        using var body = InferBody.Of(bytes, written.Binary ? header.Length : null);
        using var request = InferRequest.Parse(body);
        return request.Id == written.Id && request.BinaryOutput == written.BinaryOutput && request.Input.Shape is [var rows, 1] && rows == written.Values.Length
            && request.Input.Data.Span.SequenceEqual(written.Values) && (request.Outputs ?? []).Select(output => output.Name).SequenceEqual(written.Outputs);
    }

    /// <summary>Without halves of surrogate pairs, which no JSON text holds.</summary>
    static string Valid(string text) => new([.. text.Where(c => !char.IsSurrogate(c))]);
}
