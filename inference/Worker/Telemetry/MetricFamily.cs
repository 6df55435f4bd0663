using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace Mim.Inference;

/// <summary>How an instrument is told in Prometheus' words.</summary>
enum MetricKind
{
    /// <summary>Increments are added up.</summary>
    Counter,

    /// <summary>The latest value stands.</summary>
    Gauge,

    /// <summary>Changes are added up to a value that may fall.</summary>
    UpDown,

    /// <summary>Values are counted by bounds.</summary>
    Histogram,
}

/// <summary>The series of one instrument: one for each combination of tags that has occurred. Recording allocates for the first of a series alone.</summary>
/// <param name="instrument">Gives name, unit and description.</param>
/// <param name="isObserved">Its values are totals, not changes.</param>
/// <param name="bounds">Of a histogram, ascending.</param>
sealed class MetricFamily(Instrument instrument, MetricKind kind, bool isObserved, double[] bounds)
{
    /// <summary>Tags come from the worker and not from requests, so no honest instrument comes near.</summary>
    const int MaxSeries = 1000;

    readonly Lock _gate = new();
    readonly List<Series> _series = [];

    sealed record Series(KeyValuePair<string, object?>[] Tags, long[] Buckets)
    {
        public double Value { get; set; }
        public long Count { get; set; }
    }

    public string Name { get; } = Named(instrument, kind);

    public void Record(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        lock (_gate)
        {
            if (Find(tags) is not { } series)
            {
                return;
            }
            series.Count++;
            if (kind == MetricKind.Histogram)
            {
                series.Value += value;
                var bucket = Array.BinarySearch(bounds, value);
                series.Buckets[bucket < 0 ? ~bucket : bucket]++;
            }
            else
            {
                series.Value = isObserved || kind == MetricKind.Gauge ? value : series.Value + value;
            }
        }
    }

    /// <summary>The text exposition format 0.0.4.</summary>
    public void Write(StringBuilder text)
    {
        lock (_gate)
        {
            if (_series.Count == 0)
            {
                return;
            }
            text.Append("# HELP ").Append(Name).Append(' ').Append((instrument.Description ?? instrument.Name).Replace("\\", "\\\\").Replace("\n", "\\n")).Append('\n');
            text.Append("# TYPE ").Append(Name).Append(' ').Append(kind is MetricKind.UpDown ? "gauge" : kind.ToString().ToLowerInvariant()).Append('\n');
            foreach (var series in _series)
            {
                if (kind == MetricKind.Histogram)
                {
                    Histogram(text, series);
                }
                else
                {
                    Line(text, "", series.Tags, null, series.Value);
                }
            }
        }
    }

    void Histogram(StringBuilder text, Series series)
    {
        var below = 0L;
        for (var i = 0; i < bounds.Length; i++)
        {
            below += series.Buckets[i];
            Line(text, "_bucket", series.Tags, bounds[i].ToString("R", CultureInfo.InvariantCulture), below);
        }
        Line(text, "_bucket", series.Tags, "+Inf", series.Count);
        Line(text, "_sum", series.Tags, null, series.Value);
        Line(text, "_count", series.Tags, null, series.Count);
    }

    void Line(StringBuilder text, string suffix, KeyValuePair<string, object?>[] tags, string? bound, double value)
    {
        text.Append(Name).Append(suffix);
        var separator = '{';
        foreach (var tag in tags)
        {
            Label(Word(tag.Key), Convert.ToString(tag.Value, CultureInfo.InvariantCulture) ?? "");
        }
        if (bound is not null)
        {
            Label("le", bound);
        }
        text.Append(separator == ',' ? "} " : " ");
        text.Append(double.IsPositiveInfinity(value) ? "+Inf" : double.IsNegativeInfinity(value) ? "-Inf" : value.ToString("R", CultureInfo.InvariantCulture)).Append('\n');

        void Label(string name, string label)
        {
            text.Append(separator).Append(name).Append("=\"").Append(label.Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("\n", "\\n")).Append('"');
            separator = ',';
        }
    }

    Series? Find(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        foreach (var series in _series)
        {
            if (Same(series.Tags, tags))
            {
                return series;
            }
        }
        if (_series.Count == MaxSeries)
        {
            return null;
        }
        Series first = new(tags.ToArray(), new long[bounds.Length + 1]);
        _series.Add(first);
        return first;
    }

    static bool Same(KeyValuePair<string, object?>[] known, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (known.Length != tags.Length)
        {
            return false;
        }
        for (var i = 0; i < tags.Length; i++)
        {
            if (known[i].Key != tags[i].Key || !Equals(known[i].Value, tags[i].Value))
            {
                return false;
            }
        }
        return true;
    }

    /// <summary>Dots are no part of a name; a unit and, of a counter, <c>total</c> are its end.</summary>
    static string Named(Instrument instrument, MetricKind kind)
    {
        var unit = instrument.Unit switch { "s" => "_seconds", "By" => "_bytes", "1" => "_ratio", _ => "" };
        var name = Word(instrument.Name);
        name = name.EndsWith(unit, StringComparison.Ordinal) ? name : name + unit;
        return kind == MetricKind.Counter && !name.EndsWith("_total", StringComparison.Ordinal) ? name + "_total" : name;
    }

    static string Word(string text) => string.Concat(text.Select(c => char.IsAsciiLetterOrDigit(c) ? c : '_'));
}
