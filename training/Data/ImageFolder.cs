using Mim.Models;

namespace Mim.Training;

/// <summary>A folder with the four files of MNIST or of a set in its likeness, as <c>mim data fetch</c> leaves them.</summary>
static class ImageFolder
{
    public const string TrainImages = "train-images-idx3-ubyte";
    public const string TrainLabels = "train-labels-idx1-ubyte";
    public const string TestImages = "t10k-images-idx3-ubyte";
    public const string TestLabels = "t10k-labels-idx1-ubyte";

    /// <summary>Replaces a folder in <c>dataset.path</c> by the files in it.</summary>
    public static DatasetOptions Resolve(DatasetOptions options)
    {
        if (options.Path is not { } folder || !Directory.Exists(folder))
        {
            return options;
        }
        return options with
        {
            Format = "idx",
            Path = Find(folder, TrainImages),
            LabelsPath = options.LabelsPath ?? Find(folder, TrainLabels),
            TestPath = options.TestPath ?? Find(folder, TestImages),
            TestLabelsPath = options.TestLabelsPath ?? Find(folder, TestLabels),
        };
    }

    static string Find(string folder, string name)
    {
        var path = Path.Combine(folder, name);
        return new[] { $"{path}.gz", path }.FirstOrDefault(File.Exists)
            ?? throw new UsageException(
                $"{folder}: expected a data file, or a folder with {name}.gz in it, found neither. See './mim data fetch --help'.");
    }
}
