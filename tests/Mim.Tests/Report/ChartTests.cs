using Mim.Training;

namespace Mim.Tests.Reporting;

public sealed class ChartTests
{
    static CurveChart Curve(params double[] values) => new()
    {
        Id = "c",
        Title = "Loss",
        Unit = "nats",
        Curves = [new Curve("validation", 0, false, [.. values.Select((value, i) => ((double)i + 1, value))])],
    };

    [Fact]
    public void The_first_tenth_of_training_does_not_set_the_scale()
    {
        var chart = Curve([4000, 900, .. Enumerable.Range(0, 18).Select(i => 100.0 - i)]);
        // Epochs 1 and 2 of 20 are the first tenth; then 100 to 83, and 6 % of that on either side.
        Assert.Equal((83 - 1.02, 100 + 1.02), (Math.Round(chart.Range.Low, 6), Math.Round(chart.Range.High, 6)));
        Assert.Equal(2, chart.Cut);
        Assert.Equal(0, (chart with { Whole = true }).Cut);
        // Of six epochs two are left out, of three one.
        Assert.Equal((2, 1), (Curve(4000, 900, 4, 3, 2, 1).Cut, Curve(4000, 3, 2).Cut));
    }

    [Fact]
    public void A_constant_curve_has_a_scale()
    {
        var (low, high) = Curve(5, 5, 5).Range;
        Assert.True(low < 5 && high > 5);
    }

    [Fact]
    public void A_long_curve_s_table_keeps_the_first_the_last_and_the_marked_epoch()
    {
        var chart = Curve([.. Enumerable.Range(1, 500).Select(i => (double)i)]) with { Marks = [(330, 0)] };
        string[] epochs = [.. chart.Data.Rows.Select(row => row[0])];
        Assert.Equal(41, epochs.Length);
        Assert.Equal(("1", "500"), (epochs[0], epochs[^1]));
        Assert.Contains("330", epochs);
        Assert.Equal("Loss, nats: 40 of 500 epochs, evenly spaced", chart.Data.Caption);
    }

    [Fact]
    public void Values_that_are_no_numbers_leave_a_gap() =>
        Assert.Equal("[1,null,null]", Curve(1, double.NaN, double.PositiveInfinity).ToJson()["curves"]?[0]?["y"]?.ToJsonString());

    [Theory]
    [InlineData(0.000123456, "0.00012346")]
    [InlineData(123456.7, "123457")]
    [InlineData(-1234.567, "-1234.6")]
    [InlineData(0, "0")]
    public void Numbers_have_five_digits(double value, string text) => Assert.Equal(text, Chart.Text(value));

    [Fact]
    public void A_scatter_s_frame_is_a_square_around_all_points()
    {
        var chart = new ScatterChart
        {
            Id = "s",
            Title = "codes",
            XLabel = "z1",
            YLabel = "z2",
            Groups = [new PointGroup("a", 0, true, [(0, 0), (10, 2)])],
        };
        var json = chart.ToJson();
        Assert.Equal("[-0.25,10.25]", json["xRange"]?.ToJsonString());
        Assert.Equal("[-4.25,6.25]", json["yRange"]?.ToJsonString());
        Assert.Equal(["a", "2", "5", "5", "1", "1"], Assert.Single(chart.Data.Rows));
    }

    [Fact]
    public void Rows_are_taken_evenly()
    {
        Assert.Equal([0, 2, 5, 7], ModelPictures.EvenlySpaced(10, 4));
        Assert.Equal([0, 1, 2], ModelPictures.EvenlySpaced(3, 8));
    }
}
