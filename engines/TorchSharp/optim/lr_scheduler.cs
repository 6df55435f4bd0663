namespace TorchSharp;

public static partial class torch
{
    public static partial class optim
    {
        public static class lr_scheduler
        {
            public static LRScheduler LambdaLR(Optimizer optimizer, Func<int, double> lr_lambda, int last_epoch = -1, bool verbose = false) =>
                new impl.LambdaLR(optimizer, lr_lambda, last_epoch, verbose);

            public static LRScheduler StepLR(Optimizer optimizer, int step_size, double gamma = 0.1, int last_epoch = -1, bool verbose = false) =>
                new impl.StepLR(optimizer, step_size, gamma, last_epoch, verbose);

            public static LRScheduler MultiStepLR(
                Optimizer optimizer, IList<int> milestones, double gamma = 0.1, int last_epoch = -1, bool verbose = false) =>
                new impl.MultiStepLR(optimizer, milestones, gamma, last_epoch, verbose);

            public static LRScheduler ExponentialLR(Optimizer optimizer, double gamma = 0.1, int last_epoch = -1, bool verbose = false) =>
                new impl.ExponentialLR(optimizer, gamma, last_epoch, verbose);

            public static LRScheduler CosineAnnealingLR(
                Optimizer optimizer, double T_max, double eta_min = 0, int last_epoch = -1, bool verbose = false) =>
                new impl.CosineAnnealingLR(optimizer, T_max, eta_min, last_epoch, verbose);

            /// <summary>Sets the learning rates of an optimiser's groups, once at construction (epoch 0) and at every step.</summary>
            public abstract class LRScheduler
            {
                protected int _step_count;

                protected LRScheduler(Optimizer optimizer, int last_epoch = -1, bool verbose = false)
                {
                    (Optimizer, Epoch, Verbose) = (optimizer, last_epoch, verbose);
                    BaseRates = [.. optimizer.ParamGroups.Select(group => group.InitialLearningRate)];
                    Rates = [.. optimizer.ParamGroups.Select(group => group.LearningRate)];
                }

                private protected Optimizer Optimizer { get; }

                private protected int Epoch { get; private set; }

                private protected double[] BaseRates { get; }

                private protected IEnumerable<double> Current => Optimizer.ParamGroups.Select(group => group.LearningRate);

                double[] Rates { get; set; }

                bool Verbose { get; }

                public virtual void step() => step(null);

                public virtual void step(int? epoch)
                {
                    _step_count++;
                    Epoch = epoch ?? Epoch + 1;
                    double[] rates = [.. epoch is null ? get_lr() : get_closed_form_lr()];
                    foreach (var (group, rate) in Optimizer.ParamGroups.Zip(rates))
                    {
                        if (Verbose && group.LearningRate != rate)
                        {
                            Console.WriteLine($"Adjusting learning rate to {rate}");
                        }

                        group.LearningRate = rate;
                    }

                    Rates = rates;
                }

                public virtual void step(double current, int? epoch = null) => step(epoch);

                public IEnumerable<double> get_last_lr() => Rates;

                protected virtual IEnumerable<double> get_lr() => Current;

                protected virtual IEnumerable<double> get_closed_form_lr() => get_lr();
            }

            public static class impl
            {
                public class LambdaLR : LRScheduler
                {
                    readonly Func<int, double>[] _lambdas;

                    public LambdaLR(Optimizer optimizer, Func<int, double> lr_lambda, int last_epoch = -1, bool verbose = false)
                        : this(optimizer, optimizer.ParamGroups.Select(_ => lr_lambda), last_epoch, verbose)
                    {
                    }

                    public LambdaLR(Optimizer optimizer, IEnumerable<Func<int, double>> lr_lambdas, int last_epoch = -1, bool verbose = false)
                        : base(optimizer, last_epoch, verbose)
                    {
                        _lambdas = [.. lr_lambdas];
                        step();
                    }

                    protected override IEnumerable<double> get_lr() => BaseRates.Zip(_lambdas, (rate, lambda) => rate * lambda(Epoch));
                }

                public class StepLR : LRScheduler
                {
                    readonly int _size;
                    readonly double _gamma;

                    public StepLR(Optimizer optimizer, int step_size, double gamma = 0.1, int last_epoch = -1, bool verbose = false)
                        : base(optimizer, last_epoch, verbose)
                    {
                        (_size, _gamma) = (step_size, gamma);
                        step();
                    }

                    protected override IEnumerable<double> get_lr() =>
                        Epoch == 0 || Epoch % _size != 0 ? Current : Current.Select(rate => rate * _gamma);

                    protected override IEnumerable<double> get_closed_form_lr() => BaseRates.Select(rate => rate * Math.Pow(_gamma, Epoch / _size));
                }

                public class MultiStepLR : LRScheduler
                {
                    readonly IList<int> _milestones;
                    readonly double _gamma;

                    public MultiStepLR(Optimizer optimizer, IList<int> milestones, double gamma = 0.1, int last_epoch = -1, bool verbose = false)
                        : base(optimizer, last_epoch, verbose)
                    {
                        (_milestones, _gamma) = (milestones, gamma);
                        step();
                    }

                    protected override IEnumerable<double> get_lr() =>
                        _milestones.Contains(Epoch) ? Current.Select(rate => rate * _gamma) : Current;

                    protected override IEnumerable<double> get_closed_form_lr() =>
                        BaseRates.Select(rate => rate * Math.Pow(_gamma, _milestones.Distinct().Count(milestone => milestone <= Epoch)));
                }

                public class ExponentialLR : LRScheduler
                {
                    readonly double _gamma;

                    public ExponentialLR(Optimizer optimizer, double gamma = 0.1, int last_epoch = -1, bool verbose = false)
                        : base(optimizer, last_epoch, verbose)
                    {
                        _gamma = gamma;
                        step();
                    }

                    protected override IEnumerable<double> get_lr() => Epoch == 0 ? Current : Current.Select(rate => rate * _gamma);

                    protected override IEnumerable<double> get_closed_form_lr() => BaseRates.Select(rate => rate * Math.Pow(_gamma, Epoch));
                }

                public class CosineAnnealingLR : LRScheduler
                {
                    readonly double _period;
                    readonly double _lowest;

                    public CosineAnnealingLR(Optimizer optimizer, double T_max, double eta_min = 0, int last_epoch = -1, bool verbose = false)
                        : base(optimizer, last_epoch, verbose)
                    {
                        (_period, _lowest) = (T_max, eta_min);
                        step();
                    }

                    protected override IEnumerable<double> get_lr() => get_closed_form_lr();

                    protected override IEnumerable<double> get_closed_form_lr() =>
                        BaseRates.Select(rate => _lowest + ((rate - _lowest) * (1 + Math.Cos(Math.PI * Epoch / _period)) / 2));
                }
            }
        }
    }
}
