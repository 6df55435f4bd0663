namespace TorchSharp;

public static partial class torch
{
    /// <summary>Seeds the default generator of every device and returns the CPU's.</summary>
    public static Generator manual_seed(long seed)
    {
        Native.Check(Native.mim_manual_seed(unchecked((ulong)seed)));
        return Generator.Default;
    }

    public static long seed() => Generator.Default.seed();
    public static long initial_seed() => Generator.Default.initial_seed();
    public static Tensor get_rng_state() => Generator.Default.get_state();
    public static void set_rng_state(Tensor new_state) => Generator.Default.set_state(new_state);

    public static class random
    {
        public static Generator manual_seed(long seed) => torch.manual_seed(seed);
        public static long seed() => torch.seed();
        public static long initial_seed() => torch.initial_seed();
        public static Tensor get_rng_state() => torch.get_rng_state();
        public static void set_rng_state(Tensor new_state) => torch.set_rng_state(new_state);
    }

    /// <summary>A stream of random numbers. Draws that name a generator leave every other stream where it was.</summary>
    public class Generator : IDisposable
    {
        nint _handle;

        /// <summary>
        /// On the CPU: TorchSharp makes a CPU generator whatever the <paramref name="device"/>, and its first draw elsewhere fails.
        /// </summary>
        public Generator(ulong seed = 0, Device? device = null)
        {
            this.device = device ?? CPU;
            if (this.device.type != DeviceType.CPU)
            {
                throw new NotSupportedException(
                    $"Generator: expected the CPU, found {this.device}, which TorchSharp ignores. Draw on the CPU and move the result.");
            }
            _handle = Native.Check(Native.mim_generator(seed, (long)this.device.type, this.device.index));
        }

        Generator(nint handle)
        {
            device = CPU;
            _handle = Native.Check(handle);
        }

        ~Generator() => Dispose(false);

        public static Generator Default => new(Native.mim_default_generator((long)DeviceType.CPU, -1));

        public Device device { get; }

        public nint Handle => _handle != 0 ? _handle : throw new ObjectDisposedException(nameof(Generator));

        public Generator manual_seed(long seed)
        {
            Native.Check(Native.mim_generator_seed(Handle, unchecked((ulong)seed)));
            return this;
        }

        public long initial_seed() => unchecked((long)Native.mim_generator_initial_seed(Handle));

        /// <summary>Takes a seed from the operating system and says which.</summary>
        public long seed() => unchecked((long)Native.mim_generator_fresh_seed(Handle));

        public Tensor get_state() => new(Native.Check(Native.mim_generator_state(Handle)));

        public void set_state(Tensor value)
        {
            Native.Check(Native.mim_set_generator_state(Handle, value.Handle));
            GC.KeepAlive(value);
        }

        public void Dispose()
        {
            Dispose(true);
            GC.SuppressFinalize(this);
        }

        protected virtual void Dispose(bool disposing)
        {
            if (_handle != 0)
            {
                Native.mim_release_generator(_handle);
                _handle = 0;
            }
        }
    }
}
