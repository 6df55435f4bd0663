using System.Globalization;
using System.Text.Json;
using Mim.Inference;
using Mim.Models;
using Mim.Tests.Contract;

namespace Mim.Tests.Inference;

public sealed class EncodeTests : IDisposable
{
    const int Rows = 300; // more than one block of 4 × 16 rows, and not a multiple of 16

    readonly TemporaryFolder _folder = new();
    readonly AffineModel _affine = new(seed: 8);
    readonly ModelManifest _manifest;
    readonly float[] _x = AffineModel.Rows(Rows, AffineModel.X, seed: 9);

    public EncodeTests()
    {
        _manifest = _affine.Write(_folder["package"]);
        Npy.Write(_folder["x.npy"], NpyArray.From(_x, Rows, AffineModel.X));
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("x.npy", "z.npy")]
    [InlineData("x.jsonl", "z.jsonl")]
    [InlineData("x.csv", "z.csv")]
    [InlineData("x.tsv", "z.npy")]
    public async Task Every_format_gives_the_closed_form_in_order(string input, string output)
    {
        WriteText("x.jsonl", row => $"{{\"id\": \"r{row}\", \"x\": [{Cells(row, ", ")}], \"label\": {row % 3}}}");
        WriteText("x.csv", row => $"r{row},{Cells(row, ",")},{row % 3}", "id,a,b,c,d,e,label");
        WriteText("x.tsv", row => $"r{row}\t{Cells(row, "\t")}\t{row % 3}", "id\ta\tb\tc\td\te\tlabel");
        await EncodeAsync(input, output, "--batch", "16");
        var found = EmbeddingSet.Read(_folder[output]);
        Assert.Equal(_manifest.SpaceId, found.SpaceId);
        OnnxModelTests.AssertClose(_affine.Expected(TensorNames.ZMean, _x), found.Z);
        if (input != "x.npy")
        {
            Assert.Equal(Enumerable.Range(0, Rows).Select(row => $"r{row}"), found.Ids);
            Assert.Equal(Enumerable.Range(0, Rows).Select(row => $"{row % 3}"), found.Labels);
        }
    }

    [Theory]
    [InlineData("back.npy")]
    [InlineData("back.jsonl")]
    [InlineData("back.csv")]
    public async Task Decoded_codes_are_the_closed_form_of_the_codes(string output)
    {
        await EncodeAsync("x.npy", "z.npy");
        await VerifyTests.RunAsync(DecodeCommand.Create(), "--model", _folder["package"], "--in", _folder["z.npy"], "--out", _folder[output]);
        var expected = _affine.Expected(TensorNames.XMean, EmbeddingSet.Read(_folder["z.npy"]).Z);
        if (output == "back.npy")
        {
            OnnxModelTests.AssertClose(expected, Npy.Read(_folder[output]).ToSingle());
            return;
        }
        // A decoded file is a feature file: encoding it must give the codes of the decoded rows.
        await EncodeAsync(output, "again.npy");
        OnnxModelTests.AssertClose(_affine.Expected(TensorNames.ZMean, expected), EmbeddingSet.Read(_folder["again.npy"]).Z);
    }

    [Fact]
    public async Task Labels_from_a_file_go_with_their_rows()
    {
        Npy.Write(_folder["labels.npy"], NpyArray.From([.. Enumerable.Range(0, Rows).Select(row => (long)(row % 7))], Rows));
        var (_, json, _) = await EncodeAsync("x.npy", "z.npy", "--labels", _folder["labels.npy"], "--json");
        Assert.Equal(Rows, JsonDocument.Parse(json).RootElement.GetProperty("rows").GetInt32());
        Assert.Equal(Enumerable.Range(0, Rows).Select(row => (row % 7).ToString(CultureInfo.InvariantCulture)), EmbeddingSet.Read(_folder["z.npy"]).Labels);
    }

    [Fact]
    public async Task Too_few_labels_are_refused_before_anything_is_written()
    {
        Npy.Write(_folder["labels.npy"], NpyArray.From([1L, 2L], 2));
        var fault = await Assert.ThrowsAsync<InvalidDataException>(() => EncodeAsync("x.npy", "z.npy", "--labels", _folder["labels.npy"]));
        Assert.Contains("expected 300 labels, one a row, found 2", fault.Message, StringComparison.Ordinal);
        Assert.Equal(["labels.npy", "package", "x.npy"], Names);
    }

    [Fact]
    public async Task A_draw_has_the_posteriors_moments_and_does_not_depend_on_the_batch()
    {
        const int draws = 20_000;
        float[] row = [0.5f, -1, 0.25f, 1, -0.5f];
        Npy.Write(_folder["same.npy"], NpyArray.From([.. Enumerable.Repeat(row, draws).SelectMany(values => values)], draws, AffineModel.X));
        await EncodeAsync("same.npy", "a.npy", "--sample", "7");
        await EncodeAsync("same.npy", "b.npy", "--sample", "7", "--batch", "13");
        await EncodeAsync("same.npy", "c.npy", "--sample", "8");
        var a = EmbeddingSet.Read(_folder["a.npy"]).Z;
        Assert.NotEqual(a, EmbeddingSet.Read(_folder["c.npy"]).Z);
        var b = EmbeddingSet.Read(_folder["b.npy"]).Z;
        Assert.All(Enumerable.Range(0, a.Length), i => Assert.Equal(a[i], b[i], 1e-5f)); // batches may differ by 2e-6 in the moments
        var (mean, logVar) = (_affine.Expected(TensorNames.ZMean, row), _affine.Expected(TensorNames.ZLogVar, row));
        for (var j = 0; j < AffineModel.Z; j++)
        {
            var column = Enumerable.Range(0, draws).Select(i => (double)a[i * AffineModel.Z + j]).ToArray();
            var deviation = Math.Exp(logVar[j] / 2.0);
            // Five standard errors of the mean and of the variance.
            Assert.Equal(mean[j], column.Average(), 5 * deviation / Math.Sqrt(draws));
            Assert.Equal(deviation * deviation, column.Average(z => (z - mean[j]) * (z - mean[j])), 5 * deviation * deviation * Math.Sqrt(2.0 / draws));
        }
    }

    [Fact]
    public async Task A_table_is_encoded_through_the_manifests_schema()
    {
        TabularSchema schema = new()
        {
            Columns =
            [
                new() { Name = "size", Kind = ColumnKind.Numeric },
                new() { Name = "colour", Kind = ColumnKind.Categorical, Categories = ["blue", "green", "red"] },
                new() { Name = "weight", Kind = ColumnKind.Numeric },
            ],
        };
        _affine.Write(_folder["tabular"], schema: schema);
        Write("table.csv", "colour,ignored,weight,size,id\ngreen,?,2,1,a\nred,?,4,3,b\n");
        await VerifyTests.RunAsync(EncodeCommand.Create(), "--model", _folder["tabular"], "--in", _folder["table.csv"], "--out", _folder["z.csv"]);
        OnnxModelTests.AssertClose(_affine.Expected(TensorNames.ZMean, [1, 0, 1, 0, 2, 3, 0, 0, 1, 4]), EmbeddingSet.Read(_folder["z.csv"]).Z);

        Write("bad.csv", "size,colour,weight\n1,blue,2\n1,gren,2\n");
        var fault = await Assert.ThrowsAsync<InvalidDataException>(() => VerifyTests.RunAsync(EncodeCommand.Create(), "--model", _folder["tabular"], "--in", _folder["bad.csv"], "--out", _folder["bad-z.csv"]));
        Assert.StartsWith($"{_folder["bad.csv"]}:3:", fault.Message, StringComparison.Ordinal);
        Assert.Contains("green", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_value_reaches_a_model_that_imputes_and_no_other()
    {
        _affine.Write(_folder["imputes"], imputed: true);
        Write("holes.jsonl", "{\"x\": [1, null, 2, null, 3]}\n");
        await VerifyTests.RunAsync(EncodeCommand.Create(), "--model", _folder["imputes"], "--in", _folder["holes.jsonl"], "--out", _folder["z.jsonl"]);
        OnnxModelTests.AssertClose(_affine.Expected(TensorNames.ZMean, [1, 0, 2, 0, 3]), EmbeddingSet.Read(_folder["z.jsonl"]).Z);
        var fault = await Assert.ThrowsAsync<InvalidDataException>(() => EncodeAsync("holes.jsonl", "other.jsonl"));
        Assert.Equal($"{_folder["holes.jsonl"]}:1: x[1]: expected a finite float32, found a missing value. The model was trained without missing values.", fault.Message);
    }

    [Theory]
    [InlineData("a.jsonl", "{\"x\": [1,2,3,4,5]}\n\n{\"x\": [1,2,3,4]}\n", "a.jsonl:3: 'x': expected 5 values, found 4.")]
    [InlineData("a.jsonl", "{\"x\": [1,2,3,4,5,6]}", "a.jsonl:1: 'x': expected 5 values, found 6.")]
    [InlineData("a.jsonl", "{\"x\": [1,2,\"3\",4,5]}", "a.jsonl:1: x[2]: expected a float32, found a string.")]
    [InlineData("a.jsonl", "{\"x\": [1,2,3,4,1e39]}", "a.jsonl:1: x[4]: expected a finite float32, found an infinity.")]
    [InlineData("a.jsonl", "{\"y\": [1]}", "a.jsonl:1: unknown key 'y'.")]
    [InlineData("a.jsonl", "{\"id\": \"a\"}", "a.jsonl:1: 'x' is missing.")]
    [InlineData("a.jsonl", "[1,2,3,4,5]", "a.jsonl:1: expected an object with 'x', found an array.")]
    [InlineData("a.jsonl", "{\"x\": [1,2,3,4,5]}\n{\"x\": [1,2", "a.jsonl:2: not a JSON object on one line: it breaks at byte 10.")]
    [InlineData("a.jsonl", "{\"x\": [1,2,3,4,5]} {}", "a.jsonl:1: not a JSON object on one line: it breaks at byte 19.")]
    [InlineData("a.csv", "", "a.csv: expected a header line, found an empty file.")]
    [InlineData("a.csv", "a,b,c,d\n1,2,3,4\n", "a.csv:1: expected 5 columns besides id and label (x), found 4.")]
    [InlineData("a.csv", "a,b,c,d,e\n1,2,3,4,5\n1,2,3,4\n", "a.csv:3: expected 5 cells as in the header, found 4.")]
    [InlineData("a.csv", "a,b,c,d,e\n1,2,3,4,five\n", "a.csv:2: column 'e': expected a number, found 'five'.")]
    [InlineData("a.csv", "a,b,c,d,e\n1,2,,4,5\n", "a.csv:2: x[2]: expected a finite float32, found a missing value.")]
    [InlineData("a.npy", "not an array", "a.npy: expected a .npy file")]
    public async Task A_bad_row_is_named_with_its_line_and_nothing_is_left_behind(string file, string text, string message)
    {
        Write(file, text);
        var fault = await Assert.ThrowsAsync<InvalidDataException>(() => EncodeAsync(file, "z.jsonl"));
        Assert.StartsWith(_folder[message], fault.Message, StringComparison.Ordinal);
        Assert.Equal([file, "package", "x.npy"], Names);
    }

    [Fact]
    public async Task A_truncated_array_leaves_nothing_behind()
    {
        File.WriteAllBytes(_folder["short.npy"], File.ReadAllBytes(_folder["x.npy"])[..^4]);
        await Assert.ThrowsAsync<InvalidDataException>(() => EncodeAsync("short.npy", "z.npy"));
        Assert.Equal(["package", "short.npy", "x.npy"], Names);
    }

    [Fact]
    public async Task A_package_that_was_tampered_with_encodes_nothing()
    {
        var weights = Path.Combine(_folder["package"], ModelPackage.EncoderFile);
        var bytes = File.ReadAllBytes(weights);
        bytes[^30] ^= 1;
        File.WriteAllBytes(weights, bytes);
        var fault = await Assert.ThrowsAsync<InvalidDataException>(() => EncodeAsync("x.npy", "z.npy"));
        Assert.StartsWith($"{weights}: expected SHA-256", fault.Message, StringComparison.Ordinal);
        Assert.Equal(["package", "x.npy"], Names);
    }

    [Fact]
    public async Task Interrupting_leaves_neither_a_file_nor_a_part_of_one()
    {
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        var parsed = EncodeCommand.Create().Parse(["--model", _folder["package"], "--in", _folder["x.npy"], "--out", _folder["z.npy"]]);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => parsed.InvokeAsync(new() { EnableDefaultExceptionHandler = false, Error = TextWriter.Null }, cancelled.Token));
        Assert.Equal(["package", "x.npy"], Names);
    }

    [Theory]
    [InlineData("z.npy")]
    [InlineData("z.jsonl")]
    [InlineData("z.csv")]
    public async Task Codes_of_a_foreign_space_are_not_decoded(string codes)
    {
        var other = new AffineModel(seed: 99).Write(_folder["other"]);
        Assert.NotEqual(other.SpaceId, _manifest.SpaceId);
        await EncodeAsync("x.npy", codes);
        var fault = await Assert.ThrowsAsync<InvalidDataException>(
            () => VerifyTests.RunAsync(DecodeCommand.Create(), "--model", _folder["other"], "--in", _folder[codes], "--out", _folder["back.npy"]));
        Assert.Contains(other.SpaceId, fault.Message, StringComparison.Ordinal);
        Assert.Contains(_manifest.SpaceId, fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("back.npy", Names);
    }

    /// <summary>Everything in the folder, hidden files too.</summary>
    string[] Names => [.. new DirectoryInfo(_folder.Root).EnumerateFileSystemInfos().Select(entry => entry.Name).Order(StringComparer.Ordinal)];

    void Write(string file, string text) => File.WriteAllText(_folder[file], text);

    Task<(int, string, string)> EncodeAsync(string input, string output, params string[] more) =>
        VerifyTests.RunAsync(EncodeCommand.Create(), ["--model", _folder["package"], "--in", _folder[input], "--out", _folder[output], .. more]);

    void WriteText(string file, Func<int, string> row, string? header = null) =>
        Write(file, string.Join('\n', Enumerable.Range(0, Rows).Select(row).Prepend(header).Where(line => line is not null)) + "\n");

    string Cells(int row, string separator) =>
        string.Join(separator, Enumerable.Range(0, AffineModel.X).Select(i => _x[row * AffineModel.X + i].ToString("R", CultureInfo.InvariantCulture)));
}
