using System.Globalization;
using Mim.Models;
using Mim.Training;

namespace Mim.Tests.Data;

public sealed class FileDatasetTests : IDisposable
{
    readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    static DatasetOptions Options(string path) => new() { Name = Dataset.FromFile, Path = path };

    /// <summary>All rows in the order of the file, joined by their first value.</summary>
    static Dictionary<float, (float[] X, long? Label)> Rows(Dataset dataset)
    {
        var rows = new Dictionary<float, (float[], long?)>();
        foreach (var split in Enum.GetValues<SplitName>())
        {
            var data = dataset.Load(split, 0);
            for (var row = 0; row < data.Rows; row++)
            {
                var x = data.X.AsSpan(row * data.XDim, data.XDim).ToArray();
                rows.Add(x[0], (x, data.Labels?[row]));
            }
        }
        return rows;
    }

    string Numbered(string name, int rows) =>
        _folder.Write(name, "i,square\n" + string.Concat(Enumerable.Range(0, rows).Select(i => string.Create(CultureInfo.InvariantCulture, $"{i},{i * i}\n"))));

    [Theory]
    [InlineData(100, 0.1, 0.1, 80, 10, 10)]
    [InlineData(7, 0.1, 0.3, 4, 1, 2)]
    [InlineData(60, 0.5, 0.25, 15, 30, 15)]
    public void Splits_are_disjoint_and_cover_the_file(int rows, double validation, double test, int expectedTrain, int expectedValidation, int expectedTest)
    {
        var dataset = Dataset.Open(Options(Numbered("n.csv", rows)) with { ValidationFraction = validation, TestFraction = test }, 1);
        Assert.Equal(expectedTrain, dataset.Load(SplitName.Train, 0).Rows);
        Assert.Equal(expectedValidation, dataset.Load(SplitName.Validation, 0).Rows);
        Assert.Equal(expectedTest, dataset.Load(SplitName.Test, 0).Rows);
        Assert.Equal(Enumerable.Range(0, rows).Select(i => (float)i), Rows(dataset).Keys.Order());
    }

    [Fact]
    public void The_split_depends_on_the_split_seed_alone()
    {
        float[] Test(long splitSeed, long seed) =>
            Dataset.Open(Options(Numbered("n.csv", 100)) with { SplitSeed = splitSeed }, seed).Load(SplitName.Test, 0).X;
        Assert.Equal(Test(1, 1), Test(1, 2));
        Assert.NotEqual(Test(1, 1), Test(2, 1));
    }

    [Fact]
    public void A_row_keeps_its_split_when_rows_are_appended()
    {
        HashSet<float> Train(int rows) => [.. Dataset.Open(Options(Numbered("n.csv", rows)) with { TestFraction = 0.2 }, 1).Load(SplitName.Train, 0).X.Where((_, i) => i % 2 == 0)];
        // A hash a row, not a shuffle: of 80 old rows in training nearly all stay there when 5 % are added.
        Assert.InRange(Train(100).Except(Train(105)).Count(), 0, 5);
    }

    [Fact]
    public void Every_epoch_gives_the_same_rows()
    {
        var dataset = Dataset.Open(Options(Numbered("n.csv", 20)), 1);
        Assert.Equal(dataset.Load(SplitName.Train, 0).X, dataset.Load(SplitName.Train, 9).X);
    }

    [Theory]
    [InlineData("t.csv", ",", null)]
    [InlineData("t.csv", ";", ";")]
    [InlineData("t.tsv", "\t", null)]
    [InlineData("t.csv", "\t", "tab")]
    public void A_table_becomes_numbers_and_one_hot_columns(string name, string separator, string? delimiter)
    {
        string[] lines = ["height,colour,class,\"weight, kg\"", "1.5,red,b,70", "2.5,blue,a,80.25", "3.5,red,b,-1e2", "4.5,green,a,0", "5.5,blue,b,5", "6.5,green,a,6"];
        var text = string.Join('\n', lines).Replace(separator == "," ? "\0" : "\"weight, kg\"", "weight", StringComparison.Ordinal);
        var path = _folder.Write(name, separator == "," ? text : text.Replace(",", separator, StringComparison.Ordinal));
        var dataset = Dataset.Open(Options(path) with { LabelColumn = "class", Delimiter = delimiter, ValidationFraction = 0, TestFraction = 0 }, 1);
        var train = dataset.Load(SplitName.Train, 0);
        Assert.Equal([5L], dataset.XShape);
        // Categories in ordinal order: blue, green, red.
        Assert.Equal(
            [1.5f, 0, 0, 1, 70, 2.5f, 1, 0, 0, 80.25f, 3.5f, 0, 0, 1, -100, 4.5f, 0, 1, 0, 0, 5.5f, 1, 0, 0, 5, 6.5f, 0, 1, 0, 6],
            train.X);
        Assert.Equal([1L, 0, 1, 0, 1, 0], train.Labels ?? []);
        Assert.Equal(["a", "b"], dataset.LabelNames);
        Assert.Equal(["blue", "green", "red"], dataset.Schema?.Columns[1].Categories);
    }

    [Fact]
    public void Columns_are_taken_in_the_order_in_which_they_are_named()
    {
        var path = _folder.Write("t.csv", "a,b,c,code\n1,2,3,10\n4,5,6,20\n7,8,9,10\n");
        var train = Dataset.Open(Options(path) with { Columns = ["c", "code", "a"], Categorical = ["code"], ValidationFraction = 0, TestFraction = 0 }, 1)
            .Load(SplitName.Train, 0);
        Assert.Equal([3f, 1, 0, 1, 6, 0, 1, 4, 9, 1, 0, 7], train.X);
        Assert.Null(train.Labels);
    }

    [Fact]
    public void Without_a_header_columns_have_numbers()
    {
        var path = _folder.Write("t.csv", "1,2,7\n3,4,8\n");
        var train = Dataset.Open(Options(path) with { Header = false, LabelColumn = "c2", ValidationFraction = 0, TestFraction = 0 }, 1).Load(SplitName.Train, 0);
        Assert.Equal([1f, 2, 3, 4], train.X);
        Assert.Equal([7L, 8L], train.Labels ?? []);
    }

    [Fact]
    public void Categories_come_from_the_training_rows_and_one_that_is_new_elsewhere_is_refused()
    {
        var train = _folder.Write("train.csv", "k,v\na,1\nb,2\na,3\nb,4\n");
        var test = _folder.Write("test.csv", "k,v\na,1\nc,2\n");
        var error = Assert.Throws<InvalidDataException>(() => Dataset.Open(Options(train) with { TestPath = test, ValidationFraction = 0 }, 1));
        Assert.StartsWith($"{test}:3", error.Message, StringComparison.Ordinal);
        Assert.Contains("'c'", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mean", 3.0)] // of 1, 2, 6
    [InlineData("median", 2.0)]
    [InlineData("-5", -5.0)]
    public void Missing_values_stay_nan_in_x_and_get_an_impute_step(string missing, double expected)
    {
        var path = _folder.Write("t.csv", "a,b\n1,1\n,1\n2,1\nNA,1\n6,1\n");
        var dataset = Dataset.Open(Options(path) with { Missing = missing, ValidationFraction = 0, TestFraction = 0 }, 1);
        var x = dataset.Load(SplitName.Train, 0).X;
        Assert.Equal([1f, 1, float.NaN, 1, 2, 1, float.NaN, 1, 6, 1], x);
        var step = Assert.Single(dataset.Preprocessing);
        Assert.Equal(PreprocessingStep.Impute, step.Kind);
        Assert.Equal((float)expected, step.A[0]);
        Assert.All(dataset.Schema?.Columns ?? [], column => Assert.True(column.AllowMissing));
    }

    [Fact]
    public void Standardisation_is_fitted_on_the_training_split_alone()
    {
        var train = _folder.Write("train.csv", "a,b\n" + string.Concat(Enumerable.Range(0, 40).Select(i => string.Create(CultureInfo.InvariantCulture, $"{i % 4},7\n"))));
        IReadOnlyList<PreprocessingStep> Steps(string testValue) => Dataset.Open(Options(train) with
        {
            TestPath = _folder.Write("test.csv", $"a,b\n{testValue},7\n"),
            ValidationFraction = 0,
            Preprocessing = ["standardise"],
        }, 1).Preprocessing;
        var step = Assert.Single(Steps("1"));
        Assert.Equal([1.5f, 7f], step.A);
        Assert.Equal([(float)Math.Sqrt(1.25), 1f], step.B); // population deviation of 0, 1, 2, 3; 1 for a constant column
        var withOutlier = Assert.Single(Steps("1e9"));
        Assert.Equal(step.A, withOutlier.A);
        Assert.Equal(step.B, withOutlier.B);
    }

    [Fact]
    public void Standardisation_does_not_see_the_rows_held_out_by_the_split()
    {
        var dataset = Dataset.Open(Options(Numbered("n.csv", 200)) with { Preprocessing = ["standardise"] }, 1);
        var train = dataset.Load(SplitName.Train, 0).X.Where((_, i) => i % 2 == 0).Select(value => (double)value).ToArray();
        var step = Assert.Single(dataset.Preprocessing);
        Assert.Equal(train.Average(), step.A[0], 1e-4); // float32 of a value near 100
        Assert.Equal(Math.Sqrt(train.Average(v => v * v) - Math.Pow(train.Average(), 2)), step.B[0], 1e-4);
    }

    [Fact]
    public void Steps_are_fitted_on_the_output_of_those_before_them()
    {
        var path = _folder.Write("t.csv", "a\n0\n255\n\n0\n255\n");
        var dataset = Dataset.Open(Options(path) with { Missing = "255", Preprocessing = ["scale: 255", "standardise"], ValidationFraction = 0, TestFraction = 0 }, 1);
        Assert.Equal(["impute", "scale", "standardise"], dataset.Preprocessing.Select(step => step.Kind));
        Assert.Equal(255f, Assert.Single(dataset.Preprocessing[1].B));
        Assert.Equal(0.5f, Assert.Single(dataset.Preprocessing[2].A)); // the empty line is skipped by the CSV reader, as RFC 4180 readers do
        Assert.Equal(0.5f, Assert.Single(dataset.Preprocessing[2].B));
    }

    // Bytes as numpy.save writes them: np.array([[1.5, -2], [3, 4], [5, 6]], dtype='<f4') and np.array([3, 1, 2]).
    [Fact]
    public void Numpy_arrays_and_labels_are_read()
    {
        var x = _folder.Write("x.npy", NumpyBytes("'<f4'", "(3, 2)", "0000C03F000000C000004040000080400000A0400000C040"));
        var labels = _folder.Write("y.npy", NumpyBytes("'<i8'", "(3,)", "030000000000000001000000000000000200000000000000"));
        var dataset = Dataset.Open(Options(x) with { LabelsPath = labels, ValidationFraction = 0, TestFraction = 0 }, 1);
        var train = dataset.Load(SplitName.Train, 0);
        Assert.Equal([1.5f, -2, 3, 4, 5, 6], train.X);
        Assert.Equal([3L, 1, 2], train.Labels ?? []);
        Assert.Equal([2L], dataset.XShape);
    }

    [Fact]
    public void An_npz_gives_images_by_key_and_labels_by_their_usual_one()
    {
        Npz.Write(_folder["a.npz"], new Dictionary<string, NpyArray>
        {
            ["images"] = NpyArray.From(Enumerable.Range(0, 12).Select(i => (float)i).ToArray(), 3, 2, 2),
            ["y"] = NpyArray.From(new long[] { 5, 6, 7 }, 3),
        });
        var dataset = Dataset.Open(Options(_folder["a.npz"]) with { XKey = "images", ValidationFraction = 0, TestFraction = 0 }, 1);
        Assert.Equal([2L, 2L], dataset.XShape);
        Assert.Equal([5L, 6, 7], dataset.Load(SplitName.Train, 0).Labels ?? []);
        var error = Assert.Throws<UsageException>(() => Dataset.Open(Options(_folder["a.npz"]) with { XKey = "image" }, 1));
        Assert.Contains("Did you mean 'images'?", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Json_lines_hold_arrays_or_named_cells()
    {
        var all = new DatasetOptions { Name = Dataset.FromFile, ValidationFraction = 0, TestFraction = 0 };
        var arrays = Dataset.Open(all with { Path = _folder.Write("a.jsonl", "{\"x\":[1,2],\"label\":\"b\"}\n\n{\"id\":\"r2\",\"x\":[3,4.5],\"label\":\"a\"}\n") }, 1);
        Assert.Equal([1f, 2, 3, 4.5f], arrays.Load(SplitName.Train, 0).X);
        Assert.Equal([1L, 0L], arrays.Load(SplitName.Train, 0).Labels ?? []);
        var cells = Dataset.Open(all with { Path = _folder.Write("c.jsonl", "{\"id\":1,\"h\":1.5,\"c\":\"red\"}\n{\"id\":2,\"c\":\"blue\",\"h\":2}\n") }, 1);
        Assert.Equal([1.5f, 0, 1, 2, 1, 0], cells.Load(SplitName.Train, 0).X);
        Assert.Null(cells.Load(SplitName.Train, 0).Labels);
    }

    [Fact]
    public void String_labels_of_both_files_share_one_numbering()
    {
        var train = _folder.Write("train.csv", "a,y\n1,cat\n2,dog\n");
        var test = _folder.Write("test.csv", "a,y\n3,ant\n4,dog\n");
        var dataset = Dataset.Open(Options(train) with { TestPath = test, LabelColumn = "y", ValidationFraction = 0 }, 1);
        Assert.Equal(["ant", "cat", "dog"], dataset.LabelNames);
        Assert.Equal([0L, 2L], dataset.Load(SplitName.Test, 0).Labels ?? []);
    }

    [Fact]
    public void The_hash_depends_on_the_bytes_and_on_options_that_select_from_them()
    {
        var path = Numbered("n.csv", 30);
        var hash = Dataset.Open(Options(path), 1).Sha256;
        Assert.Equal(hash, Dataset.Open(Options(path), 2).Sha256);
        Assert.NotEqual(hash, Dataset.Open(Options(path) with { SplitSeed = 2 }, 1).Sha256);
        Assert.NotEqual(hash, Dataset.Open(Options(path) with { Columns = ["i"] }, 1).Sha256);
        Assert.NotEqual(hash, Dataset.Open(Options(Numbered("n.csv", 31)), 1).Sha256);
    }

    [Theory]
    [InlineData(0.0, 0)]
    [InlineData(0.25, 20)]
    public void The_last_rows_of_a_file_are_for_validation_where_their_number_is_given(double test, int expectedTest)
    {
        var dataset = Dataset.Open(Options(Numbered("n.csv", 100)) with { ValidationRows = 20, ValidationFraction = 0.5, TestFraction = test }, 1);
        Assert.Equal(Enumerable.Range(80, 20).Select(i => (float)i), dataset.Load(SplitName.Validation, 0).X.Where((_, i) => i % 2 == 0));
        var train = dataset.Load(SplitName.Train, 0).X.Where((_, i) => i % 2 == 0).ToArray();
        Assert.Equal(80 - expectedTest, train.Length);
        Assert.Equal(train.Order(), train);
        Assert.All(train, i => Assert.True(i < 80));
        if (test > 0)
        {
            Assert.Equal(expectedTest, dataset.Load(SplitName.Test, 0).Rows);
            Assert.Equal(Enumerable.Range(0, 100).Select(i => (float)i), Rows(dataset).Keys.Order());
        }
    }

    [Fact]
    public void Several_files_are_one_in_their_order()
    {
        string Images(string name, int rows, int height, float from)
        {
            Npy.Write(_folder[name], NpyArray.From(Enumerable.Range(0, rows * height * 2).Select(i => from + i).ToArray(), rows, height, 2));
            return _folder[name];
        }
        var options = Options(Images("a.npy", 3, 2, 0)) with
        {
            MorePaths = [Images("b.npy", 2, 2, 100), Images("c.npy", 1, 2, 200)],
            LabelsPath = _folder.Write("a.txt", "x\ny\nx\n"),
            MoreLabelsPaths = [_folder.Write("b.txt", "z\nx\n"), _folder.Write("c.txt", "y\n")],
            ValidationFraction = 0,
            TestFraction = 0,
        };
        var dataset = Dataset.Open(options, 1);
        var train = dataset.Load(SplitName.Train, 0);
        Assert.Equal([0f, 4, 8, 100, 104, 200], train.X.Where((_, i) => i % 4 == 0));
        Assert.Equal([0L, 1, 0, 2, 0, 1], train.Labels ?? []);
        Assert.NotEqual(dataset.Sha256, Dataset.Open(options with { MorePaths = options.MorePaths.Reverse().ToArray(), MoreLabelsPaths = options.MoreLabelsPaths.Reverse().ToArray() }, 1).Sha256);

        var e = Assert.Throws<InvalidDataException>(() => Dataset.Open(options with { MorePaths = [Images("d.npy", 2, 3, 0), _folder["c.npy"]] }, 1));
        Assert.Contains("expected rows of shape [2, 2] as in", e.Message, StringComparison.Ordinal);
        var u = Assert.Throws<UsageException>(() => Dataset.Open(options with { MoreLabelsPaths = [] }, 1));
        Assert.Contains("b.npy: expected labels in all files", u.Message, StringComparison.Ordinal);
        u = Assert.Throws<UsageException>(() => Dataset.Open(options with { MoreLabelsPaths = [_folder["b.txt"]] }, 1));
        Assert.StartsWith("dataset.more_labels_paths: expected dataset.labels_path and one file of labels for each of the 2 files", u.Message, StringComparison.Ordinal);
        u = Assert.Throws<UsageException>(() => Dataset.Open(Options(Numbered("n.csv", 9)) with { MorePaths = ["b.csv"] }, 1));
        Assert.StartsWith("dataset.more_paths: expected format idx, npy or npz, found csv", u.Message, StringComparison.Ordinal);
        File.WriteAllBytes(_folder["nan.npy"], NumpyBytes("'<f4'", "(1, 2, 2)", "0000C03F0000C07F0000C03F0000C03F"));
        e = Assert.Throws<InvalidDataException>(() => Dataset.Open(options with { MorePaths = [_folder["b.npy"], _folder["nan.npy"]] }, 1));
        Assert.Contains($"{_folder["nan.npy"]}, row 0, element 1", e.Message, StringComparison.Ordinal);
    }

    // Without labels: each of the two numbers alphabets of its own from 0.
    [DataFact("omniglot/small1-images-idx3-ubyte.gz", "omniglot/small2-images-idx3-ubyte.gz")]
    public void Both_small_sets_of_omniglot_open_as_one()
    {
        var dataset = Dataset.Open(new DatasetOptions
        {
            Name = Dataset.FromFile,
            Path = DataFactAttribute.PathOf("omniglot/small1-images-idx3-ubyte.gz"),
            MorePaths = [DataFactAttribute.PathOf("omniglot/small2-images-idx3-ubyte.gz")],
            TestFraction = 0.25,
            Preprocessing = ["scale: 255", "binarise_stochastic"],
        }, 1);
        Assert.Equal([28L, 28L], dataset.XShape);
        Assert.Equal((5840 - 584 - 1460, 584, 1460), (dataset.Load(SplitName.Train, 0).Rows, dataset.Load(SplitName.Validation, 0).Rows, dataset.Load(SplitName.Test, 0).Rows));
    }

    // The protocol of the reference's dynamic_mnist: the first 50,000 images train, the following 10,000 validate.
    [DataFact("mnist/train-images-idx3-ubyte.gz", "mnist/train-labels-idx1-ubyte.gz", "mnist/t10k-images-idx3-ubyte.gz", "mnist/t10k-labels-idx1-ubyte.gz")]
    public void The_reference_split_of_mnist_is_the_order_of_its_file()
    {
        var dataset = Dataset.Open(Options(Path.GetDirectoryName(DataFactAttribute.PathOf("mnist/train-images-idx3-ubyte.gz")) ?? "") with { ValidationRows = 10_000 }, 1);
        var labels = IdxFile.Read(DataFactAttribute.PathOf("mnist/train-labels-idx1-ubyte.gz")).Elements.Select(label => (long)label).ToArray();
        Assert.Equal(labels[..50_000], dataset.Load(SplitName.Train, 0).Labels ?? []);
        Assert.Equal(labels[50_000..], dataset.Load(SplitName.Validation, 0).Labels ?? []);
        Assert.Equal(10_000, dataset.Load(SplitName.Test, 0).Rows);
    }

    [DataFact("mnist/train-images-idx3-ubyte.gz", "mnist/train-labels-idx1-ubyte.gz", "mnist/t10k-images-idx3-ubyte.gz", "mnist/t10k-labels-idx1-ubyte.gz")]
    public void A_folder_of_mnist_opens_with_its_own_test_split()
    {
        var dataset = Dataset.Open(Options(Path.GetDirectoryName(DataFactAttribute.PathOf("mnist/train-images-idx3-ubyte.gz")) ?? "") with
        {
            ValidationFraction = 1 / 6.0,
            Preprocessing = ["scale: 255"],
        }, 1);
        Assert.Equal([28L, 28L], dataset.XShape);
        Assert.Equal((50_000, 10_000, 10_000), (dataset.Load(SplitName.Train, 0).Rows, dataset.Load(SplitName.Validation, 0).Rows, dataset.Load(SplitName.Test, 0).Rows));
        Assert.Equal([7L, 2, 1, 0, 4], (dataset.Load(SplitName.Test, 0).Labels ?? [])[..5]); // the first five digits of the published test set
        Assert.Equal(33.79, dataset.Load(SplitName.Test, 0).X.Average(value => (double)value), 0.01); // its mean intensity is 0.1325 · 255
    }

    static byte[] NumpyBytes(string type, string shape, string hex)
    {
        var header = $"{{'descr': {type}, 'fortran_order': False, 'shape': {shape}, }}".PadRight(117) + "\n";
        return [0x93, .. "NUMPY"u8, 1, 0, 118, 0, .. System.Text.Encoding.ASCII.GetBytes(header), .. Convert.FromHexString(hex)];
    }
}
