namespace TorchSharp;

public enum DeviceType
{
    CPU = 0,
    CUDA = 1,
    MKLDNN = 2,
    OPENGL = 3,
    OPENCL = 4,
    IDEEP = 5,
    HIP = 6,
    FPGA = 7,
    MSNPU = 8,
    XLA = 9,
    MPS = 13,
    META = 14,
}

public enum Padding
{
    Valid = 0,
    Same = 1,
}

public enum PaddingModes
{
    Zeros = 0,
    Reflect = 1,
    Replicate = 2,
    Circular = 3,
    Constant = 4,
}

public enum Reduce
{
    prod,
    mean,
    amax,
    amin,
}

public enum compute_mode
{
    use_mm_for_euclid_dist_if_necessary = 0,
    use_mm_for_euclid_dist = 1,
    donot_use_mm_for_euclid_dist = 2,
}

public static partial class torch
{
    public enum ScalarType : sbyte
    {
        Byte = 0,
        Int8 = 1,
        Int16 = 2,
        Int32 = 3,
        Int64 = 4,
        Float16 = 5,
        Float32 = 6,
        Float64 = 7,
        ComplexFloat32 = 9,
        ComplexFloat64 = 10,
        Bool = 11,
        BFloat16 = 15,
    }

    public enum RoundingMode
    {
        None,
        trunc,
        floor,
    }

    public static partial class nn
    {
        public enum Reduction : long
        {
            None = 0,
            Mean = 1,
            Sum = 2,
        }
    }
}
