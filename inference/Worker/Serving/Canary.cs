using Mim.Models;

namespace Mim.Inference;

/// <summary>
/// Golden rows that go through the queue like any request: proof that the engine still computes what the training engine computed. One at a time; a
/// probe that comes meanwhile waits for the same answer, and one that takes longer than its patience is a failure if no other run has ended meanwhile.
/// </summary>
sealed class Canary
{
    readonly OnnxModel _model;
    readonly MicroBatcher _batcher;
    readonly Golden _golden;
    readonly TimeSpan _patience;
    readonly TimeProvider _time;

    /// <summary>For each output, what parity counts in (<see cref="ModelPackage.Units"/>).</summary>
    readonly float[][] _units;

    readonly Lock _gate = new();
    Task<bool>? _check;

    /// <summary>That the engine had done when it was checked last.</summary>
    long _runs = -1;

    /// <summary>When it was first seen to have done so many.</summary>
    long _moved;

    /// <summary>The queue is full, and no run has ended for as long as golden rows may take.</summary>
    volatile bool _isStuck;

    /// <summary>The goldens have been replayed before a model is served.</summary>
    volatile bool _passed = true;

    public Canary(ModelPackage package, OnnxModel model, MicroBatcher batcher, TimeSpan patience, TimeProvider time)
    {
        (_model, _batcher, _patience, _time) = (model, batcher, patience, time);
        _golden = package.Goldens[0];
        _units = [.. model.Outputs.Select(package.Units)];
    }

    /// <summary>Whether the latest check passed and no run has failed since.</summary>
    public bool Passed => _passed && !_isStuck && !_batcher.LastRunFailed && !_batcher.IsStopping;

    /// <summary>Replays the golden rows, or waits for those that are on their way.</summary>
    public async Task<bool> CheckAsync(CancellationToken cancellationToken)
    {
        Task<bool> check;
        var runs = _batcher.Statistics.Infer.Count;
        lock (_gate)
        {
            if (_check is { IsCompleted: false } && !_passed)
            {
                // This one has been late already.
                return false;
            }
            if (_runs != runs)
            {
                (_runs, _moved, _isStuck) = (runs, _time.GetTimestamp(), false);
            }
            check = _check = _check is { IsCompleted: false } running ? running : ReplayAsync(_time.GetElapsedTime(_moved));
        }
        try
        {
            _passed = await check.WaitAsync(_patience, _time, cancellationToken);
        }
        catch (TimeoutException)
        {
            // Runs that go on are of a worker that is busy: nothing is known of its engine but that it does not hang.
            _passed &= _batcher.Statistics.Infer.Count > runs;
        }
        return Passed;
    }

    /// <param name="still">How long no run has ended.</param>
    async Task<bool> ReplayAsync(TimeSpan still)
    {
        var outputs = Array.ConvertAll(_model.Buffers.OutputWidths.ToArray(), width => (Memory<float>)new float[_golden.Rows * width]);
        if (!_batcher.TryRunCanary(_golden.Tensors[_model.Input], _golden.Rows, outputs, out var completion))
        {
            // A full queue says that the worker is busy, unless it is full because a run hangs.
            _isStuck = still >= _patience;
            return _passed && !_batcher.IsStopping;
        }
        _isStuck = false;
        try
        {
            await completion;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // The batcher has logged it.
            return false;
        }
        for (var i = 0; i < outputs.Length; i++)
        {
            var expected = _golden.Tensors[_model.Outputs[i]];
            if (!Parity.Compare(outputs[i].Span, expected, Parity.EngineTolerance, Parity.EngineTolerance, units: _units[i]).Passed)
            {
                return false;
            }
        }
        return true;
    }
}
