using static TorchSharp.torch;

namespace TorchSharp.Modules;

/// <summary>Marks modules without parameters and buffers: moving them does nothing.</summary>
public interface IParameterLessModule
{
}

public abstract class ParameterLessModule<T1, TResult> : nn.Module<T1, TResult>, IParameterLessModule
{
    protected ParameterLessModule(string name)
        : base(name)
    {
    }

    public override void register_buffer(string name, Tensor tensor, bool persistent = true) => throw ParameterLess.Refuse("a buffer");

    public override void register_parameter(string name, Parameter param) => throw ParameterLess.Refuse("a parameter");

    public override void register_module(string name, nn.Module submodule) => base.register_module(name, ParameterLess.Check(submodule));

    protected internal override nn.Module _to(Device device, ScalarType dtype, bool non_blocking) => this;

    protected internal override nn.Module _to(DeviceType deviceType, int deviceIndex, bool non_blocking) => this;

    protected internal override nn.Module _to(ScalarType dtype, bool non_blocking) => this;
}

static class ParameterLess
{
    public static InvalidOperationException Refuse(string what) => new($"Cannot register {what} on a module that is declared 'parameter-less.'");

    public static nn.Module Check(nn.Module module) => module is IParameterLessModule
        ? module
        : throw new InvalidOperationException("Submodules of a parameter-less module must also be parameter-less.");
}
