using Mim.Models;
using Mim.Training;

namespace Mim.Tests.Data;

/// <summary>Every bad input gives one message that names the file and place, what was found and what to do.</summary>
public sealed class BadDataTests : IDisposable
{
    readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    static DatasetOptions Options(string path) => new() { Name = Dataset.FromFile, Path = path };

    [Theory]
    [InlineData("a.csv", "a,b\n1,2\n3\n", ":3: expected 2 cells as in the first line, found 1")]
    [InlineData("a.csv", "a,b\n1,2\n3,4,5\n", ":3: expected 2 cells as in the first line, found 3")]
    [InlineData("a.csv", "a,b\n1,2\n3,red\n5,6\n7,8\n", ":3: column 'b': expected a number as in its other cells, found 'red'")]
    [InlineData("a.csv", "a,b\n1,2\n3,\n5,6\n", ":3: column 'b': the cell is missing")]
    [InlineData("a.csv", "a,b\n1,2\n3,1e99\n5,6\n", ":3: column 'b': expected a finite number, found '1e99'")]
    [InlineData("a.csv", "a,a\n1,2\n", ":1: column 'a' stands twice in the header")]
    [InlineData("a.csv", "a,b\n", ": expected rows, found none after the header")]
    [InlineData("a.csv", "", ": expected rows, found an empty file")]
    [InlineData("a.csv", "\n\n", ": expected a table, found no line with text")]
    [InlineData("a.csv", "a,b\n1,\"2\n3,4\n", ":2: expected quotes to enclose whole cells")]
    [InlineData("a.csv", "a;b\n1;2\n2;3\n3;4\n4;5\n5;6\n6;7\n7;8\n8;9\n9;1\n10;2\n11;3\n12;4\n13;5\n", "too many to one-hot encode")]
    [InlineData("a.jsonl", "{\"x\":[1,2]}\n{\"x\":[1]}\n", ":2: expected 2 numbers in 'x' as in the first line, found 1")]
    [InlineData("a.jsonl", "{\"x\":[1,2]}\n{\"x\":[1,\"a\"]}\n", ":2: 'x[1]': expected a number, found a string")]
    [InlineData("a.jsonl", "{\"x\":[1,2]}\n{\"x\":[1,2\n", ":2: expected a line of JSON")]
    [InlineData("a.jsonl", "{\"x\":[1,2]}\n[1,2]\n", ":2: expected an object")]
    [InlineData("a.jsonl", "{\"x\":[1,2]}\n{\"y\":[1,2]}\n", ":2: expected an array of numbers under 'x', found none")]
    [InlineData("a.jsonl", "{\"x\":[1,2]}\n{\"x\":[]}\n", ":2: expected an array of numbers under 'x', found an empty array")]
    [InlineData("a.jsonl", "{\"x\":[1,2],\"label\":1}\n{\"x\":[1,2]}\n", ":2: expected a label (a text or an integer) under 'label', found none")]
    [InlineData("a.jsonl", "{\"h\":1,\"w\":2}\n{\"h\":1}\n", ":2: expected the key 'w', found none")]
    [InlineData("a.jsonl", "{\"h\":1,\"w\":2}\n{\"h\":1,\"w\":[2]}\n", ":2: 'w': expected a number or a text, found an array")]
    [InlineData("a.jsonl", "{\"x\":[1,2]}\n{\"x\":[1,null]}\n{\"x\":[1,3]}\n", ": expected a finite number, found NaN")]
    [InlineData("a.csv", "a\n1\n", ": expected more than 2 rows (1 validation, 1 test), found 1")]
    public void A_bad_table_is_refused_at_its_line(string name, string text, string expected)
    {
        var path = _folder.Write(name, text);
        var error = Assert.Throws<InvalidDataException>(() => Dataset.Open(Options(path), 1));
        Assert.Contains(_folder.Path, error.Message, StringComparison.Ordinal);
        Assert.Contains(expected.TrimStart(':').Trim(), error.Message, StringComparison.Ordinal);
        if (expected.StartsWith(':') && char.IsDigit(expected[1]))
        {
            Assert.StartsWith($"{path}{expected[..2]}", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_column_that_does_not_exist_is_answered_with_the_nearest()
    {
        var path = _folder.Write("a.csv", "height,weight,class\n1,2,0\n3,4,1\n5,6,0\n");
        foreach (var (options, key) in new[]
        {
            (Options(path) with { Columns = ["wieght"] }, "dataset.columns"),
            (Options(path) with { Categorical = ["wieght"] }, "dataset.categorical"),
            (Options(path) with { LabelColumn = "wieght" }, "dataset.label_column"),
        })
        {
            var error = Assert.Throws<UsageException>(() => Dataset.Open(options, 1));
            Assert.StartsWith(key, error.Message, StringComparison.Ordinal);
            Assert.EndsWith("Did you mean 'weight'?", error.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("sprite", "Did you mean 'sprites'?")]
    [InlineData("toys4", "Did you mean 'toy4'?")]
    [InlineData("imagenet", "Known: toy4, toy4_20, toy-4, toyMIM, sprites, file")]
    public void An_unknown_name_is_answered_with_the_nearest(string name, string expected) => Assert.Contains(
        expected, Assert.Throws<UsageException>(() => Dataset.Open(new DatasetOptions { Name = name }, 1)).Message, StringComparison.Ordinal);

    public static TheoryData<DatasetOptions, string> BadOptions => new()
    {
        { new() { RowsPerEpoch = 0 }, "dataset.rows_per_epoch" },
        { new() { ValidationFraction = 1 }, "dataset.validation_fraction" },
        { new() { TestFraction = double.NaN }, "dataset.test_fraction" },
        { new() { ValidationFraction = 0.5, TestFraction = 0.5 }, "found a sum of 1 or more" },
        { new() { ValidationRows = 0, Name = "file", Path = "a.csv" }, "dataset.validation_rows: expected at least 1, found 0" },
        { new() { ValidationRows = 5 }, "dataset.validation_rows: expected dataset.name 'file' beside it, found 'toy4_20'" },
        { new() { Augment = "flip" }, "dataset.augment: expected none or affine, found 'flip'" },
        { new() { Name = $"toy{new string('A', 33)}" }, "expected a text of at most 32 characters, found 33" },
        { new() { Format = "parquet" }, "dataset.format" },
        { new() { Delimiter = "::" }, "dataset.delimiter" },
        { new() { Path = "a.csv" }, "expected dataset.name 'file' beside it, found 'toy4_20'" },
        { new() { Name = "file" }, "dataset.path" },
        { new() { Name = "file", Path = "nowhere.csv" }, "nowhere.csv: expected a data file, found nothing" },
        { new() { Name = "file", Path = "nowhere.bin" }, "dataset.format: cannot be told from the name nowhere.bin" },
        { new() { Name = "file", Path = "x.npy", Columns = ["a"] }, "expected a table, found x.npy of format npy" },
        { new() { Missing = "mode" }, "dataset.missing: expected error, mean, median or a number, found 'mode'" },
        { new() { Preprocessing = ["standardize"] }, "Did you mean 'standardise'?" },
        { new() { Preprocessing = ["scale"] }, "found 'scale'" },
        { new() { Preprocessing = ["scale: 0"] }, "found 'scale: 0'" },
        { new() { Preprocessing = ["scale: wide"] }, "'scale' expects a number, found 'wide'" },
        { new() { Preprocessing = ["standardise: 2"] }, "found 'standardise: 2'" },
        { new() { Preprocessing = ["dequantise: 1"] }, "found 'dequantise: 1'" },
        { new() { Preprocessing = ["impute"] }, "Give dataset.missing" },
        { new() { Preprocessing = ["pca"] }, "found 'pca'" },
        { new() { Preprocessing = ["pca: 0"] }, "found 'pca: 0'" },
        { new() { Preprocessing = ["pca: 2.5"] }, "found 'pca: 2.5'" },
        { new() { Preprocessing = ["pca: 21"] }, "expects 1 to 20 components of at most 4096 features, found 21 of 20 in 9984 rows of toy4_20" },
        { new() { Preprocessing = ["pca_per_splt: 2"] }, "Did you mean 'pca_per_split'?" },
        { new() { Preprocessing = ["pca_per_split: 2", "standardise"] }, "expected 'pca_per_split' as the last step, found 'standardise' behind it" },
        { new() { Preprocessing = ["dequantise: 4", "binarise_static"] }, "expected 'binarise_static' before what is drawn for each batch" },
    };

    [Theory]
    [MemberData(nameof(BadOptions))]
    public void Options_that_cannot_be_are_refused_by_key(DatasetOptions options, string expected) =>
        Assert.Contains(expected, Assert.Throws<UsageException>(() => Dataset.Open(options, 1)).Message, StringComparison.Ordinal);

    [Fact]
    public void Labels_must_be_as_many_as_rows()
    {
        var x = _folder.Write("x.csv", "a\n1\n2\n3\n");
        var labels = _folder.Write("y.txt", "0\n1\n");
        var error = Assert.Throws<InvalidDataException>(() => Dataset.Open(Options(x) with { LabelsPath = labels }, 1));
        Assert.Equal($"{labels}: expected 3 labels for the rows of {x}, found 2.", error.Message);
    }

    [Fact]
    public void Arrays_of_the_wrong_rank_are_refused()
    {
        Npy.Write(_folder["z.npy"], NpyArray.From(new float[] { 1, 2, 3 }, 3));
        Assert.Contains("expected rows of features, [N, ...x], found shape [3]",
            Assert.Throws<InvalidDataException>(() => Dataset.Open(Options(_folder["z.npy"]), 1)).Message, StringComparison.Ordinal);
        var labels = _folder.Write("l-idx1-ubyte", [0, 0, 8, 1, 0, 0, 0, 2, 1, 2]);
        Assert.Contains("These look like labels", Assert.Throws<InvalidDataException>(() => Dataset.Open(Options(labels), 1)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(float.NaN, "error", "found NaN. Correct it, or give dataset.missing")]
    [InlineData(float.PositiveInfinity, "mean", "found Infinity")]
    public void A_value_that_is_no_number_is_refused_at_its_row_and_element(float value, string missing, string expected)
    {
        Npy.Write(_folder["x.npy"], NpyArray.From(new float[] { 1, 2, 3, 4, 5, value, 7, 8 }, 4, 2));
        var error = Assert.Throws<InvalidDataException>(() => Dataset.Open(Options(_folder["x.npy"]) with { Missing = missing }, 1));
        Assert.StartsWith($"{_folder["x.npy"]}, row 2, element 1: expected a finite number", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_test_file_must_look_like_the_training_file()
    {
        var train = _folder.Write("train.csv", "a,b\n1,2\n3,4\n");
        var test = _folder.Write("test.csv", "a,c\n1,2\n");
        Assert.Contains("expected the columns of", Assert.Throws<InvalidDataException>(
            () => Dataset.Open(Options(train) with { TestPath = test, ValidationFraction = 0 }, 1)).Message, StringComparison.Ordinal);
        Npy.Write(_folder["a.npy"], NpyArray.From(new float[6], 3, 2));
        Npy.Write(_folder["b.npy"], NpyArray.From(new float[6], 2, 3));
        Assert.Contains("expected rows of shape [2]", Assert.Throws<InvalidDataException>(
            () => Dataset.Open(Options(_folder["a.npy"]) with { TestPath = _folder["b.npy"], ValidationFraction = 0 }, 1)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("dequantise: 256", "0.5", "integers from 0 to 255")]
    [InlineData("dequantise: 256", "256", "integers from 0 to 255")]
    [InlineData("binarise_stochastic", "2", "probabilities from 0 to 1")]
    [InlineData("binarise_static", "-1", "probabilities from 0 to 1")]
    [InlineData("dequantise_training: 256", "0.5", "multiples of 1/255 from 0 to 1")]
    [InlineData("dequantise_training: 256", "255", "(scale: 255 before it?)")]
    public void Preprocessing_that_does_not_fit_the_values_is_refused(string step, string value, string expected)
    {
        var path = _folder.Write("a.csv", $"a\n{value}\n{value}\n{value}\n");
        var error = Assert.Throws<InvalidDataException>(() => Dataset.Open(Options(path) with { Preprocessing = [step] }, 1));
        Assert.Contains("column 'a'", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_split_without_rows_is_refused_when_it_is_asked_for()
    {
        var dataset = Dataset.Open(Options(_folder.Write("a.csv", "a\n1\n2\n")) with { ValidationFraction = 0, TestFraction = 0 }, 1);
        Assert.Contains("dataset.test_path", Assert.Throws<UsageException>(() => dataset.Load(SplitName.Test, 0)).Message, StringComparison.Ordinal);
    }
}
