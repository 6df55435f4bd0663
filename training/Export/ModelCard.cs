using System.Globalization;
using System.Text;
using Mim.Models;

namespace Mim.Training;

/// <summary>
/// <c>card.md</c>: what a model is, how it was trained, how good it is and where it ends, for whoever finds the package without this
/// project.
/// </summary>
public static class ModelCard
{
    public static string Write(ModelManifest manifest, string spaceId, EvaluationReport evaluation, TrainingOptions options)
    {
        var card = new StringBuilder();
        void Line(FormattableString text) => card.Append(text.ToString(CultureInfo.InvariantCulture)).Append('\n');

        var objective = manifest.Objective;
        var x = string.Join("×", manifest.XShape);
        var network = options.Network;
        var layers = network.Name == Architectures.Mlp
            ? $"hidden {string.Join(", ", network.Hidden)} ({network.Activation.ToString().ToLowerInvariant()}), decoder mirrored"
            : network.Name;
        var preprocessing = manifest.Preprocessing.Count == 0 ? "none" : string.Join(", ", manifest.Preprocessing.Select(step => step.Kind));
        var engines = string.Join("; ", manifest.Engines.OrderBy(e => e.Key, StringComparer.Ordinal).Select(e => $"{e.Key}: {e.Value}"));
        var trainer = options.Trainer;
        Line($"# {manifest.Name}");
        Line($"");
        Line($"Maps one observation of {x} raw features to a code of {manifest.ZSize} numbers (`encoder.onnx`: `x` → {Outputs(manifest)})");
        Line($"and a code back to an observation ({Decoder(manifest)}, in raw units). Preprocessing is part of the graphs.");
        Line($"");
        Line($"| | |");
        Line($"|---|---|");
        Line($"| space id | `{spaceId}` |");
        Line($"| objective | {objective.Name}{Choices(objective)} |");
        Line($"| prior | {objective.Prior}{(objective.PriorComponents is { } k ? $", {k} components" : "")} |");
        Line($"| likelihood | {manifest.Likelihood} |");
        Line($"| network | {layers} |");
        Line($"| σ floor | {Floor(manifest.LogVarFloor)} |");
        Line($"| preprocessing | {preprocessing} |");
        Line($"| data | {manifest.Dataset.Name}, sha256 `{manifest.Dataset.Sha256}` |");
        Line($"| training | {Optimiser(trainer)}, at most {trainer.Epochs} epochs, best epoch {evaluation.Epoch}, seed {manifest.Seed} |");
        Line($"| trained with | {engines} |");
        Line($"| commit | {manifest.TrainingCommit ?? "not under git"} |");
        Line($"");
        Line($"## How good it is");
        Line($"");
        Line($"On {evaluation.Rows} rows of the {evaluation.Split} split; densities and distances are those of x after preprocessing.");
        Line($"");
        Line($"| | value | unit | |");
        Line($"|---|---:|---|---|");
        foreach (var row in EvaluationTable.Rows(evaluation))
        {
            Line($"| {row.Label} | {row.Value} | {row.Unit} | {row.Note.Replace("|", "\\|", StringComparison.Ordinal)} |");
        }
        Line($"");
        Line($"## Limits");
        Line($"");
        Line($"- Codes compare only with codes of the same space id: another training run, even with the same settings, is another space.");
        Line($"- Measured on data drawn as the training data were. Nothing is known about other data; the encoder does not say when x is foreign.");
        Line($"- The graphs hold no randomness: a draw of the posterior is z_mean + exp(z_log_var/2)·ε on the host.");
        if (manifest.Autoregressive)
        {
            Line($"- The decoder gives each pixel's distribution given the code and the pixels before it. Drawing an image is the host's loop, as in `mim decode`;");
            Line($"  E[x|z] has no closed form.");
        }
        if (Architectures.IsOfGreyValues(network.Name))
        {
            Line($"- The code is [z₁, z₂]. z₁'s mean and log-variance are those at z₂ = its mean: independent draws of both levels only approximate the posterior.");
        }
        if (evaluation.KsgCeiling is { } ceiling)
        {
            Line($"- The mutual information is an estimate and cannot exceed {ceiling:F2} nats at {evaluation.KsgRows} rows.");
        }
        if (manifest.LogVarFloor is null)
        {
            Line($"- The encoder is deterministic: rate and −ELBO are those of a posterior as wide as the σ floor, and say little.");
        }
        return card.ToString();
    }

    static string Outputs(ModelManifest manifest) => manifest.LogVarFloor is null ? "`z_mean`" : "`z_mean`, `z_log_var`";

    static string Decoder(ModelManifest manifest) =>
        manifest.Autoregressive ? "`decoder.onnx`: `z`, `x_given` → `x_mean`, given each pixel's predecessors" : "`decoder.onnx`: `z` → `x_mean`";

    static string Choices(ModelObjective objective)
    {
        string?[] choices =
        [
            objective.QX is { } qx ? $"q_x: {qx}" : null,
            objective.DecoderLogQX is { } logQx ? $"decoder_log_qx: {logQx}" : null,
            objective.Samples is { } samples ? $"samples: {samples}" : null,
            objective.QXComponents is { } density ? $"q_x_components: {density}" : null,
            objective.BernoulliGradient is { } gradient ? $"bernoulli_gradient: {gradient}" : null,
            objective.Temperature is { } temperature ? string.Create(CultureInfo.InvariantCulture, $"temperature: {temperature}") : null,
            objective.Beta is { } beta ? string.Create(CultureInfo.InvariantCulture, $"beta: {beta}") : null,
        ];
        var made = choices.Where(choice => choice is not null).ToArray();
        return made.Length == 0 ? "" : $" ({string.Join(", ", made)})";
    }

    static string Optimiser(TrainerOptions trainer)
    {
        var name = trainer.Optimiser switch
        {
            OptimiserName.Adamw => string.Create(CultureInfo.InvariantCulture, $"AdamW with weight decay {trainer.WeightDecay}"),
            OptimiserName.AdamNormGrad => "Adam on gradients of unit norm",
            _ => "Adam",
        };
        var batch = trainer.Accumulate > 1 ? $"{trainer.Batch} × {trainer.Accumulate}" : $"{trainer.Batch}";
        var average = trainer.Ema > 0 ? string.Create(CultureInfo.InvariantCulture, $", weights averaged with decay {trainer.Ema}") : "";
        return $"{name}, batch {batch}{average}";
    }

    static string Floor(LogVarFloor? floor) => floor switch
    {
        null => "deterministic encoder",
        { Kind: LogVarFloor.AdditiveKind } => string.Create(CultureInfo.InvariantCulture, $"σ = exp(s) + {floor.SigmaMin}"),
        { Kind: LogVarFloor.ClampKind } => string.Create(CultureInfo.InvariantCulture, $"log σ² in [{floor.Min}, {floor.Max}]"),
        _ => "none",
    };
}
