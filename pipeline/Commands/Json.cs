using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Mim.Pipeline;

/// <summary>What <c>--json</c> prints.</summary>
static class Json
{
    static readonly JsonSerializerOptions s_options = new(JsonSerializerOptions.Default)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        WriteIndented = true,
    };

    public static string Text<T>(T value) => JsonSerializer.Serialize(value, s_options);

    public static void Print<T>(T value) => Console.WriteLine(Text(value));
}
