using System.Globalization;

namespace TorchSharp;

public static partial class torch
{
    public static readonly Device CPU = new(DeviceType.CPU);
    public static readonly Device META = new(DeviceType.META);

    public static Device CUDA => new(DeviceType.CUDA);

    public static Device device(string description) => new(description);
    public static Device device(string deviceType, int index = -1) => new(deviceType, index);
    public static Device device(DeviceType deviceType, int index = -1) => new(deviceType, index);
    public static Device device(int index) => new(index);

    public class Device
    {
        /// <summary>"cpu", "cuda" or "cuda:1".</summary>
        public Device(string description)
        {
            var parts = description.Split(':');
            type = Parse(parts[0]);
            index = parts.Length > 1 ? int.Parse(parts[1], CultureInfo.InvariantCulture) : -1;
        }

        public Device(string deviceType, int index = -1)
            : this(Parse(deviceType), index)
        {
        }

        public Device(DeviceType deviceType, int index = -1)
        {
            type = deviceType;
            this.index = index;
        }

        public Device(int index)
            : this(DeviceType.CUDA, index)
        {
        }

        public DeviceType type { get; }

        /// <summary>-1: the CPU, or the current one of its kind.</summary>
        public int index { get; }

        public static implicit operator Device(string description) => new(description);

        public override string ToString()
        {
            var name = type.ToString().ToLowerInvariant();
            return index < 0 || type == DeviceType.CPU ? name : string.Create(CultureInfo.InvariantCulture, $"{name}:{index}");
        }

        // Without a number it is the first.
        internal bool Is(Device other) => type == other.type && (type == DeviceType.CPU || Math.Max(index, 0) == Math.Max(other.index, 0));

        static DeviceType Parse(string name) => name.ToLowerInvariant() switch
        {
            "cpu" => DeviceType.CPU,
            "cuda" => DeviceType.CUDA,
            "mps" => DeviceType.MPS,
            "meta" => DeviceType.META,
            _ => throw new ArgumentException($"Unknown device type '{name}': expected cpu, cuda, mps or meta.", nameof(name)),
        };
    }
}
