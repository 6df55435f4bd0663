namespace Mim.Inference;

/// <summary>How much a stream worker takes at once.</summary>
/// <param name="Batch">Most records that are embedded, written and acknowledged together.</param>
/// <param name="InFlight">Records that may have been read and not yet acknowledged.</param>
public readonly record struct WorkLimits(int Batch, int InFlight);
