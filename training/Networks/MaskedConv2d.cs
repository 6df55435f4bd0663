using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>What a masked convolution sees of the pixel that it computes.</summary>
public enum PixelMask
{
    /// <summary>A: the pixels before it, in raster order. The first layer.</summary>
    Before,

    /// <summary>B: the pixels before it, and itself.</summary>
    UpTo,
}

/// <summary>
/// 3×3 convolution without bias whose output pixel depends only on input pixels before it in raster order (van den Oord et al. 2016, PixelCNN):
/// the kernel times a mask, alike for all channels. (B, C, H, W) → (B, C', H, W).
/// </summary>
public sealed class MaskedConv2d : nn.Module<Tensor, Tensor>
{
    const int Kernel = 3;

    /// <summary>Rows of the kernel that the mask leaves anything of.</summary>
    const int Rows = 2;

    public readonly Parameter weight;

    /// <summary>The mask, in an array: a tensor in a field of its own would be registered as a buffer.</summary>
    readonly Tensor[] _mask;

    public MaskedConv2d(PixelMask visible, long inputs, long outputs)
        : base(nameof(MaskedConv2d))
    {
        weight = nn.Parameter(zeros(outputs, inputs, Kernel, Kernel));
        var centre = Kernel * Kernel / 2;
        var kept = visible == PixelMask.Before ? centre : centre + 1;
        _mask = [tensor([.. Enumerable.Range(0, Rows * Kernel).Select(i => i < kept ? 1f : 0f)], [1, 1, Rows, Kernel]).DetachFromDisposeScope()];
        register_parameter(nameof(weight), weight);
        (Inputs, Outputs, Visible) = (inputs, outputs, visible);
    }

    public long Inputs { get; }

    public long Outputs { get; }

    public PixelMask Visible { get; }

    /// <summary>The kernel as it is used, (C', C, 2, 3): of its third row, which is all masked, no product is formed.</summary>
    public Tensor Masked => weight.narrow(2, 0, Rows) * Mask();

    // Padded above alone: what a convolution padded on all sides gives has a row too many, and copies follow.
    public override Tensor forward(Tensor x) =>
        nn.functional.conv2d(nn.functional.pad(x, (0, 0, Rows - 1, 0)), Masked, padding: [0, Kernel / 2]);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _mask[0].Dispose();
        }
        base.Dispose(disposing);
    }

    /// <summary>No buffer, for it is a constant and belongs in no checkpoint: it follows the weight to its device and type here.</summary>
    Tensor Mask()
    {
        var mask = _mask[0];
        if (mask.dtype != weight.dtype || mask.device_type != weight.device_type || mask.device_index != weight.device_index)
        {
            _mask[0] = mask.to(weight.dtype, weight.device).DetachFromDisposeScope();
            mask.Dispose();
        }
        return _mask[0];
    }
}
