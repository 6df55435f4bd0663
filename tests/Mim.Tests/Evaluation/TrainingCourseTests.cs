using Mim.Training;

namespace Mim.Tests.Evaluation;

public sealed class TrainingCourseTests
{
    [Fact]
    public void Fifths_are_held_against_the_checkpoint_before_and_the_first_against_the_first_epoch()
    {
        // Looked at: epochs 1, 2, 4, 6, 8, 10. What lies between does not count.
        Assert.Equal(5, Fifths([9, 8, 99, 7, 99, 6, 99, 5, 99, 4]));
        Assert.Equal(4, Fifths([9, 8, 0, 7, 0, 7, 0, 5, 0, 4]));
        Assert.Equal(4, Fifths([7, 8, 0, 7, 0, 6, 0, 5, 0, 4]));
        Assert.Equal(4, Fifths([9, 8, 0, 7, 0, 6, 0, 5, 0, 6]));
        Assert.Equal(0, Fifths([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]));
        Assert.Null(Fifths([9, 8, 7, 6, 5, 4, 3, 2, 1]));
    }

    [Fact]
    public void Epochs_with_a_decoding_half_and_steps_are_counted()
    {
        var course = Of("""
            {"epoch":1,"step":50,"train":{"loss":3,"encoding.loss":3},"validation":{"loss":4}}
            {"epoch":2,"step":100,"train":{"loss":2,"encoding.loss":2,"decoding.loss":5},"validation":{"loss":3}}
            {"epoch":3,"step":150,"train":{"loss":1,"encoding.loss":2,"decoding.loss":4},"validation":{"loss":2}}

            """);
        Assert.Equal((3, 150, 2), (course.Epochs, course.Steps, course.DecodingHalfEpochs));
        Assert.Null(course.ValidationFifthsImproved);
    }

    static int? Fifths(double[] losses) => Of(string.Concat(losses.Select((loss, i) => FormattableString.Invariant(
        $"{{\"epoch\":{i + 1},\"step\":{i + 1},\"validation\":{{\"loss\":{loss}}}}}\n")))).ValidationFifthsImproved;

    static TrainingCourse Of(string lines)
    {
        var folder = Directory.CreateTempSubdirectory("mim-course-");
        try
        {
            var path = Path.Combine(folder.FullName, "metrics.jsonl");
            File.WriteAllText(path, lines);
            return TrainingCourse.Of(TrainingLog.Read(path));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
