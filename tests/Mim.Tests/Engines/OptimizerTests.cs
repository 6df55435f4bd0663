using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Mim.Tests.Engines;

[Collection(nameof(GlobalGenerator))]
public sealed class OptimizerTests
{
    // def run(make):
    //     torch.manual_seed(1)
    //     m = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    //     o = make(m.parameters()); g = torch.Generator().manual_seed(7)
    //     x = torch.randn(16, 4, generator=g); y = x.sin().sum(1, keepdim=True)
    //     for _ in range(100): l = (m(x) - y).square().mean(); o.zero_grad(); l.backward(); o.step()
    //     return float((m(x) - y).square().mean()), m[2].weight[0, :3]
    public static TheoryData<string, Func<IEnumerable<Parameter>, optim.Optimizer>, double, double[]> Goldens { get; } = new()
    {
        { "Adam(p, 1e-2)", p => optim.Adam(p, 1e-2), 0.03141538426280022, [0.654545426, -0.502266467, 0.68481648] },
        {
            "Adam(p, 1e-2, weight_decay=.01, amsgrad=True)", p => optim.Adam(p, 1e-2, weight_decay: 0.01, amsgrad: true), 0.034189797937870026,
            [0.6458202, -0.524615586, 0.683818161]
        },
        { "AdamW(p, 1e-2, weight_decay=.1)", p => optim.AdamW(p, 1e-2, weight_decay: 0.1), 0.033512651920318604, [0.642020285, -0.524277508, 0.659686685] },
        {
            "SGD(p, 1e-2, momentum=.9, nesterov=True, weight_decay=.01)", p => optim.SGD(p, 1e-2, momentum: 0.9, nesterov: true, weight_decay: 0.01),
            0.022495945915579796, [0.545794725, -0.258201689, 0.784592271]
        },
        { "SGD(p, 1e-2, momentum=.9, dampening=.1)", p => optim.SGD(p, 1e-2, 0.9, 0.1), 0.025095518678426743, [0.557790279, -0.261487573, 0.77107507] },
    };

    [StandInTheory]
    [MemberData(nameof(Goldens))]
    public void A_hundred_steps_end_where_PyTorch_ends(string name, Func<IEnumerable<Parameter>, optim.Optimizer> make, double loss, double[] weights)
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        using var model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1));
        using var optimizer = make(model.parameters());
        using var generator = new Generator(7);
        var x = randn([16, 4], generator: generator);
        var y = x.sin().sum(1, keepdim: true);
        for (var step = 0; step < 100; step++)
        {
            var error = (model.call(x) - y).square().mean();
            optimizer.zero_grad();
            error.backward();
            optimizer.step();
        }

        // Rounding may differ with the instruction set; 100 steps of float32 amplify it to a few 1e-6 at most.
        const double Tolerance = 1e-5;
        Assert.Equal(loss, (model.call(x) - y).square().mean().ToDouble(), Tolerance);
        var last = model.parameters().ElementAt(2).detach().flatten().data<float>().ToArray();
        Assert.True(weights.Zip(last).All(pair => Math.Abs(pair.First - pair.Second) < Tolerance), name);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Adam_and_AdamW_follow_their_definition(bool decoupled)
    {
        const double Lr = 0.1, Beta1 = 0.8, Beta2 = 0.9, Eps = 1e-3, Decay = 0.05;
        using var scope = NewDisposeScope();
        var p = new Parameter(tensor(new[] { 1.0, -2.0 }));
        using optim.Optimizer optimizer = decoupled
            ? optim.AdamW([p], Lr, Beta1, Beta2, Eps, Decay)
            : optim.Adam([p], Lr, Beta1, Beta2, Eps, Decay);
        double[] x = [1, -2], m = [0, 0], v = [0, 0];
        for (var t = 1; t <= 20; t++)
        {
            optimizer.zero_grad();
            (p * p * p).sum().backward();
            optimizer.step();
            for (var k = 0; k < 2; k++)
            {
                var g = 3 * x[k] * x[k];
                if (decoupled)
                {
                    x[k] -= Lr * Decay * x[k];
                }
                else
                {
                    g += Decay * x[k];
                }

                m[k] = (Beta1 * m[k]) + ((1 - Beta1) * g);
                v[k] = (Beta2 * v[k]) + ((1 - Beta2) * g * g);
                x[k] -= Lr * (m[k] / (1 - Math.Pow(Beta1, t))) / (Math.Sqrt(v[k] / (1 - Math.Pow(Beta2, t))) + Eps);
            }
        }

        Assert.Equal(x, p.detach().data<double>().ToArray(), (a, b) => Math.Abs(a - b) < 1e-12); // double, 20 steps
    }

    [Fact]
    public void Sgd_with_momentum_follows_its_definition()
    {
        using var scope = NewDisposeScope();
        var p = new Parameter(tensor(new[] { 1.0 }));
        using var optimizer = optim.SGD([p], 0.1, momentum: 0.5, weight_decay: 0.2);
        double x = 1, buffer = 0;
        for (var t = 0; t < 10; t++)
        {
            optimizer.zero_grad();
            (p * p).sum().backward();
            optimizer.step();
            var g = (2 * x) + (0.2 * x);
            buffer = t == 0 ? g : (0.5 * buffer) + g;
            x -= 0.1 * buffer;
        }

        Assert.Equal(x, p.ToDouble(), 12);
    }

    [Fact]
    public void A_loaded_state_continues_as_if_never_stopped()
    {
        using var scope = NewDisposeScope();
        var (one, other) = (new Parameter(tensor(new[] { 1.0, 3.0 })), new Parameter(tensor(new[] { 1.0, 3.0 })));
        using var first = optim.Adam([one], 0.1);
        using var second = optim.Adam([other], 0.7);
        Step(first, one, 5);
        using (no_grad())
        {
            other.copy_(one);
        }

        second.load_state_dict(first.state_dict());
        Assert.Equal(5, Assert.IsType<Adam.State>(second.state_dict().State[0]).step);
        Step(first, one, 3);
        Step(second, other, 3);
        Assert.True(one.Equals(other));

        static void Step(optim.Optimizer optimizer, Parameter p, int count)
        {
            for (var t = 0; t < count; t++)
            {
                optimizer.zero_grad();
                p.sin().sum().backward();
                optimizer.step();
            }
        }
    }

    [Fact]
    public void Groups_keep_their_own_rate_and_schedulers_change_it()
    {
        using var scope = NewDisposeScope();
        var (fast, slow) = (new Parameter(zeros(1)), new Parameter(zeros(1)));
        using var optimizer = optim.SGD([new SGD.ParamGroup([fast], 1.0), new SGD.ParamGroup([slow], 0.1)], 5);
        var scheduler = optim.lr_scheduler.LambdaLR(optimizer, epoch => 1.0 / (epoch + 1));
        (fast + slow).sum().backward();
        optimizer.step();
        Assert.Equal((-1, -0.1f), (fast.ToSingle(), slow.ToSingle()));
        scheduler.step();
        Assert.Equal([0.5, 0.05], optimizer.ParamGroups.Select(group => group.LearningRate));
        scheduler.step();
        Assert.Equal([1.0 / 3, 0.1 / 3], scheduler.get_last_lr());
    }

    [Fact]
    public void Clipping_scales_the_joint_norm_and_tells_what_it_was()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (new Parameter(zeros(1)), new Parameter(zeros(1)));
        ((3 * a) + (4 * b)).sum().backward();
        Assert.Equal(5, nn.utils.clip_grad_norm_([a, b], 1), 6);
        Assert.Equal(0.6f, a.grad?.ToSingle() ?? 0, 1e-6f);
        Assert.Equal(0.8f, b.grad?.ToSingle() ?? 0, 1e-6f);
        Assert.Equal(1, nn.utils.clip_grad_norm_([a, b], 10), 5);
        nn.utils.clip_grad_value_([a, b], 0.7);
        Assert.Equal(0.7f, b.grad?.ToSingle() ?? 0, 1e-6f);
    }
}
