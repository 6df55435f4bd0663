using System.Globalization;
using System.Text.Json.Nodes;

namespace Mim.Training;

/// <summary>
/// A learning-rate range test (Smith 2017): one step at each of a geometric sequence of rates. The suggestion is the rate at which the smoothed loss
/// falls fastest per factor of rate, before its minimum.
/// </summary>
/// <param name="Points">In the order of the rates.</param>
/// <param name="Suggested">Null: the loss fell nowhere.</param>
/// <param name="Lowest">The rate of the least smoothed loss.</param>
/// <param name="Diverged">Whether the sweep ended early, at a loss that was not finite or rose by more than it had fallen.</param>
public sealed record LearningRateRange(IReadOnlyList<LearningRateRange.Point> Points, double? Suggested, double Lowest, bool Diverged)
{
    /// <param name="Loss">Before the step at this rate, in nats.</param>
    /// <param name="Smoothed">Its mean over the neighbouring steps.</param>
    public sealed record Point(double LearningRate, double Loss, double Smoothed);

    public const double From = 1e-6;
    public const double To = 1;
    public const int Steps = 200;

    /// <summary>Steps on either side over which losses are averaged, and over which a slope is taken: a twentieth of the sweep.</summary>
    const int Window = Steps / 20;

    /// <summary>Standard deviations of a single loss, at rates that do not yet move the weights, that a mean of losses does not reach by chance.</summary>
    const double Noise = 4;

    public static double Rate(int step) => From * Math.Pow(To / From, (double)step / (Steps - 1));

    /// <param name="lossAt">Takes a step at a rate and returns the loss before it.</param>
    public static LearningRateRange Run(Func<double, double> lossAt, CancellationToken cancellationToken)
    {
        var losses = new List<double>(Steps);
        var diverged = false;
        while (losses.Count < Steps && !diverged)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var loss = lossAt(Rate(losses.Count));
            diverged = !double.IsFinite(loss) || HasRisen(losses);
            if (double.IsFinite(loss))
            {
                losses.Add(loss);
            }
        }
        if (losses.Count <= 2 * Window)
        {
            throw new NotFiniteNumberException(string.Create(CultureInfo.InvariantCulture,
                $"learning-rate range: expected finite losses over more than {2 * Window} steps, found {losses.Count}. See that the data are preprocessed."));
        }
        return Of(losses, diverged);
    }

    public JsonObject ToJson() => new()
    {
        ["suggested_learning_rate"] = Suggested,
        ["chosen_as"] = Rule,
        ["lowest_loss_learning_rate"] = Lowest,
        ["diverged"] = Diverged,
        ["points"] = new JsonArray([.. Points.Select(point => new JsonObject
        {
            ["learning_rate"] = point.LearningRate,
            ["loss"] = point.Loss,
            ["smoothed_loss"] = point.Smoothed,
        })]),
    };

    public void Print(TextWriter output)
    {
        output.WriteLine("learning rate          loss      smoothed");
        foreach (var point in Points.Where((_, step) => step % Window == 0))
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{point.LearningRate,13:0.00e+0}  {point.Loss,12:F4}  {point.Smoothed,12:F4}"));
        }
        if (Diverged)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"diverged above {Points[^1].LearningRate:0.00e+0}"));
        }
        output.WriteLine(Suggested is { } rate
            ? string.Create(CultureInfo.InvariantCulture, $"suggested: --trainer.learning_rate {rate:0.00e+0}, {Rule}")
            : "no suggestion: the loss fell at no rate");
    }

    static string Rule => string.Create(CultureInfo.InvariantCulture,
        $"where the loss, averaged over {2 * Window + 1} steps, falls fastest per factor of rate before its minimum ({Steps} steps from {From:0e+0} to {To})");

    static LearningRateRange Of(List<double> losses, bool diverged)
    {
        var smoothed = losses.Select((_, step) => Mean(losses, Math.Max(0, step - Window), Math.Min(losses.Count, step + Window + 1))).ToArray();
        var lowest = Array.IndexOf(smoothed, smoothed.Min());
        var (steepest, slope) = (-1, 0.0);
        // Where the averages are of full windows.
        for (var step = 2 * Window; step <= Math.Min(lowest, losses.Count - 1 - 2 * Window); step++)
        {
            var fall = smoothed[step + Window] - smoothed[step - Window];
            (steepest, slope) = fall < slope ? (step, fall) : (steepest, slope);
        }
        return new LearningRateRange(
            [.. losses.Select((loss, step) => new Point(Rate(step), loss, smoothed[step]))], steepest < 0 ? null : Rate(steepest), Rate(lowest), diverged);
    }

    /// <summary>
    /// Whether the last losses lie above the first ones by more than the best ones lay below, and by more than chance: losses in nats have no zero to
    /// measure from.
    /// </summary>
    static bool HasRisen(List<double> losses)
    {
        if (losses.Count < 3 * Window)
        {
            return false;
        }
        var first = Mean(losses, 0, Window);
        var best = first;
        for (var end = 2 * Window; end <= losses.Count; end += Window)
        {
            best = Math.Min(best, Mean(losses, end - Window, end));
        }
        var noise = Math.Sqrt(losses.Take(Window).Sum(loss => (loss - first) * (loss - first)) / (Window - 1));
        return Mean(losses, losses.Count - Window, losses.Count) - first > Math.Max(first - best, Noise * noise);
    }

    static double Mean(List<double> values, int from, int to)
    {
        var sum = 0.0;
        for (var i = from; i < to; i++)
        {
            sum += values[i];
        }
        return sum / (to - from);
    }
}
