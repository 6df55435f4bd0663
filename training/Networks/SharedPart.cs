namespace Mim.Training;

/// <summary>What a prior computes once for several uses, see <see cref="Prior.Share"/>. Disposing of it ends the sharing.</summary>
public abstract class SharedPart : IDisposable
{
    /// <summary>Of a prior that has no such part.</summary>
    public static SharedPart Nothing { get; } = new Empty();

    /// <summary>Hands the gradients that the losses left at the shared part on to the weights; once, after the last of them.</summary>
    public abstract void Backward();

    public abstract void Dispose();

    sealed class Empty : SharedPart
    {
        public override void Backward()
        {
        }

        public override void Dispose()
        {
        }
    }
}
