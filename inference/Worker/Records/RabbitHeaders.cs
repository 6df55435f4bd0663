using System.Globalization;
using System.Text;
using RabbitMQ.Client;

namespace Mim.Inference;

/// <summary>What a message of RabbitMQ says beside its body.</summary>
static class RabbitHeaders
{
    public const string TraceParent = "traceparent";

    /// <summary>An integer: of two records with one key the higher is the later.</summary>
    public const string Revision = "mim-revision";

    public const string Reason = "mim-reason";
    public const string Attempts = "mim-attempts";
    public const string Model = "mim-model";
    public const string ModelVersion = "mim-model-version";
    public const string SpaceId = "mim-space-id";
    public const string RejectedAt = "mim-rejected-at";
    public const string Redrives = "mim-redrives";

    /// <summary>The broker's: deliveries of a quorum queue before this one.</summary>
    const string DeliveryCount = "x-delivery-count";

    /// <summary>The broker's: why a message became a dead letter first.</summary>
    public const string BrokersReason = "x-first-death-reason";

    /// <summary>The broker's: further queues that a publication goes to.</summary>
    const string CarbonCopies = "CC";

    const string Json = "application/json";

    public static string? Text(IReadOnlyBasicProperties properties, string header) =>
        properties.Headers is { } headers && headers.TryGetValue(header, out var value) ? value switch
        {
            byte[] bytes => Encoding.UTF8.GetString(bytes),
            null => null,
            _ => Convert.ToString(value, CultureInfo.InvariantCulture),
        } : null;

    public static long Number(IReadOnlyBasicProperties properties, string header) =>
        long.TryParse(Text(properties, header), NumberStyles.Integer, CultureInfo.InvariantCulture, out var number) ? number : 0;

    public static int Attempt(IReadOnlyBasicProperties properties, bool redelivered) =>
        (int)Math.Min(int.MaxValue, Math.Max(1 + Number(properties, DeliveryCount), redelivered ? 2 : 1));

    /// <summary>A message that a restarted broker still has.</summary>
    public static BasicProperties Persistent(string? messageId, IEnumerable<KeyValuePair<string, object?>> headers) => new()
    {
        MessageId = messageId,
        ContentType = Json,
        Persistent = true,
        Headers = headers.Where(header => header.Value is not null).ToDictionary(header => header.Key, header => header.Value),
    };

    /// <summary>The message's own headers with those of its rejection over them.</summary>
    public static BasicProperties DeadLetter(IReadOnlyBasicProperties properties, Rejection rejection)
    {
        Dictionary<string, object?> headers = new(properties.Headers ?? new Dictionary<string, object?>())
        {
            [Reason] = rejection.Reason,
            [Attempts] = rejection.Attempts,
            [Model] = rejection.Model,
            [ModelVersion] = rejection.ModelVersion,
            [SpaceId] = rejection.SpaceId,
            [RejectedAt] = rejection.At.ToString("O", CultureInfo.InvariantCulture),
        };
        headers.Remove(DeliveryCount);
        return Again(properties, headers);
    }

    /// <summary>The message as it was before it became a dead letter, with how often that has been done.</summary>
    public static BasicProperties Redriven(IReadOnlyBasicProperties properties)
    {
        Dictionary<string, object?> headers = new(properties.Headers ?? new Dictionary<string, object?>()) { [Redrives] = Number(properties, Redrives) + 1 };
        foreach (var header in headers.Keys.Where(key => key.StartsWith("x-", StringComparison.Ordinal)
            || key is Reason or Attempts or Model or ModelVersion or SpaceId or RejectedAt).ToList())
        {
            headers.Remove(header);
        }
        return Again(properties, headers);
    }

    /// <summary>What its sender said of a message, without what would make the broker drop, copy or refuse it when somebody else sends it.</summary>
    static BasicProperties Again(IReadOnlyBasicProperties properties, Dictionary<string, object?> headers)
    {
        headers.Remove(CarbonCopies);
        BasicProperties again = new(properties) { Headers = headers, Persistent = true };
        again.ClearExpiration();
        // It must be the name of the connection's own user.
        again.ClearUserId();
        return again;
    }
}
