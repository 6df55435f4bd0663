namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        public static partial class functional
        {
            public static Tensor Hardshrink(Tensor x, double lambda = 0.5) => hardshrink(x, lambda);
            public static Tensor Hardtanh(Tensor x, double min_val = -1, double max_val = 1, bool inplace = false) =>
                hardtanh(x, min_val, max_val, inplace);
            public static Tensor Mish(Tensor x) => mish(x);
            public static Tensor SiLU(Tensor x, bool inplace = false) => silu(x, inplace);
            public static Tensor Softshrink(Tensor x, double lambda = 0.5) => softshrink(x, lambda);
            public static Tensor Softsign(Tensor x) => softsign(x);
            public static Tensor Tanhshrink(Tensor x) => tanhshrink(x);
            public static Tensor Threshold(Tensor x, double threshold, double value, bool inplace = false) =>
                functional.threshold(x, threshold, value, inplace);
            public static Tensor adaptive_avg_pool1d(Tensor input, long output_size) => Op.adaptive_avg_pool1d.Call(input, output_size);
            public static Tensor adaptive_avg_pool2d(Tensor input, (long, long) output_size) =>
                Op.adaptive_avg_pool2d.Call(input, output_size);
            public static Tensor adaptive_avg_pool2d(Tensor input, long output_size) => Op.adaptive_avg_pool2d.Call(input, output_size);
            public static Tensor adaptive_avg_pool2d(Tensor input, long[] output_size) => Op.adaptive_avg_pool2d.Call(input, output_size);
            public static Tensor adaptive_avg_pool3d(Tensor input, (long, long, long) output_size) =>
                Op.adaptive_avg_pool3d.Call(input, output_size);
            public static Tensor adaptive_avg_pool3d(Tensor input, long output_size) => Op.adaptive_avg_pool3d.Call(input, output_size);
            public static Tensor adaptive_avg_pool3d(Tensor input, long[] output_size) => Op.adaptive_avg_pool3d.Call(input, output_size);
            public static Tensor adaptive_max_pool1d(Tensor input, long output_size) =>
                adaptive_max_pool1d_with_indices(input, output_size).Item1;
            public static (Tensor Values, Tensor Indices) adaptive_max_pool1d_with_indices(Tensor input, long output_size) =>
                Op.adaptive_max_pool1d.Call2(input, output_size);
            public static Tensor adaptive_max_pool2d(Tensor input, long[] output_size) =>
                adaptive_max_pool2d_with_indices(input, output_size).Item1;
            public static (Tensor Values, Tensor Indices) adaptive_max_pool2d_with_indices(Tensor input, long[] output_size) =>
                Op.adaptive_max_pool2d.Call2(input, output_size);
            public static Tensor adaptive_max_pool3d(Tensor input, long[] output_size) =>
                adaptive_max_pool3d_with_indices(input, output_size).Item1;
            public static (Tensor Values, Tensor Indices) adaptive_max_pool3d_with_indices(Tensor input, long[] output_size) =>
                Op.adaptive_max_pool3d.Call2(input, output_size);
            public static Tensor alpha_dropout(Tensor input, double p = 0.5, bool training = false, bool inplace = false) =>
                inplace ? Op.alpha_dropout_.InPlace(input, p, training).alias() : Op.alpha_dropout.Call(input, p, training);
            public static Tensor avg_pool1d(
                Tensor input, long kernel_size, long? stride = null, long? padding = null, bool ceil_mode = false,
                bool count_include_pad = true) =>
                Op.avg_pool1d.Call(input, kernel_size, stride, padding, ceil_mode, count_include_pad);
            public static Tensor avg_pool2d(
                Tensor input, (long, long) kernel_size, (long, long)? stride = null, (long, long)? padding = null,
                bool ceil_mode = false, bool count_include_pad = true, long? divisor_override = null) =>
                Op.avg_pool2d.Call(input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override);
            public static Tensor avg_pool2d(
                Tensor input, long kernel_size, long? stride = null, long padding = 0, bool ceil_mode = false,
                bool count_include_pad = true, long? divisor_override = null) =>
                Op.avg_pool2d.Call(input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override);
            public static Tensor avg_pool2d(
                Tensor input, long[] kernel_size, long[]? stride = null, long[]? padding = null, bool ceil_mode = false,
                bool count_include_pad = true, long? divisor_override = null) =>
                Op.avg_pool2d.Call(input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override);
            public static Tensor avg_pool3d(
                Tensor input, long[] kernel_size, long[]? stride = null, long[]? padding = null, bool ceil_mode = false,
                bool count_include_pad = true, long? divisor_override = null) =>
                Op.avg_pool3d.Call(input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override);
            public static Tensor batch_norm(
                Tensor input, Tensor running_mean, Tensor running_var, Tensor? weight = null, Tensor? bias = null, bool training = false,
                double momentum = 0.1, double eps = 1e-5) =>
                Op.batch_norm.Call(input, weight, bias, running_mean, running_var, training, momentum, eps, true);
            public static Tensor bilinear(Tensor input1, Tensor input2, Tensor weight, Tensor? bias = null) =>
                Op.bilinear.Call(input1, input2, weight, bias);
            public static Tensor binary_cross_entropy(
                Tensor input, Tensor target, Tensor? weight = null, nn.Reduction reduction = nn.Reduction.Mean) =>
                Op.binary_cross_entropy.Call(input, target, weight, (long)reduction);
            public static Tensor binary_cross_entropy_with_logits(
                Tensor input, Tensor target, Tensor? weight = null, nn.Reduction reduction = nn.Reduction.Mean,
                Tensor? pos_weights = null) =>
                Op.binary_cross_entropy_with_logits.Call(input, target, weight, pos_weights, (long)reduction);
            public static Tensor celu(Tensor x, double alpha, bool inplace = false) =>
                inplace ? Op.celu_.InPlace(x, alpha).alias() : Op.celu.Call(x, alpha);
            public static Tensor conv1d(
                Tensor input, Tensor weight, Tensor? bias = null, long? stride = null, long? padding = null, long? dilation = null,
                long groups = 1) =>
                Op.conv1d.Call(input, weight, bias, stride, padding, dilation, groups);
            public static Tensor conv1d_padding(
                Tensor input, Tensor weight, Tensor? bias = null, long? stride = null, Padding padding = Padding.Valid,
                long? dilation = null, long groups = 1) =>
                Op.conv1d_padding.Call(input, weight, bias, stride, Name(padding), dilation, groups);
            public static Tensor conv2d(
                Tensor input, Tensor weight, Tensor? bias = null, long[]? strides = null, long[]? padding = null,
                long[]? dilation = null, long groups = 1) =>
                Op.conv2d.Call(input, weight, bias, strides, padding, dilation, groups);
            public static Tensor conv2d_padding(
                Tensor input, Tensor weight, Tensor? bias = null, long[]? strides = null, Padding padding = Padding.Valid,
                long[]? dilation = null, long groups = 1) =>
                Op.conv2d_padding.Call(input, weight, bias, strides, Name(padding), dilation, groups);
            public static Tensor conv3d(
                Tensor input, Tensor weight, Tensor? bias = null, long[]? strides = null, long[]? padding = null,
                long[]? dilation = null, long groups = 1) =>
                Op.conv3d.Call(input, weight, bias, strides, padding, dilation, groups);
            public static Tensor conv3d_padding(
                Tensor input, Tensor weight, Tensor? bias = null, long[]? strides = null, Padding padding = Padding.Valid,
                long[]? dilation = null, long groups = 1) =>
                Op.conv3d_padding.Call(input, weight, bias, strides, Name(padding), dilation, groups);
            public static Tensor conv_transpose1d(
                Tensor input, Tensor weight, Tensor? bias = null, long? stride = null, long? padding = null, long? output_padding = null,
                long? dilation = null, long groups = 1) =>
                Op.conv_transpose1d.Call(input, weight, bias, stride, padding, output_padding, groups, dilation);
            public static Tensor conv_transpose2d(
                Tensor input, Tensor weight, Tensor? bias = null, long[]? strides = null, long[]? padding = null,
                long[]? output_padding = null, long[]? dilation = null, long groups = 1) =>
                Op.conv_transpose2d_input.Call(input, weight, bias, strides, padding, output_padding, groups, dilation);
            public static Tensor conv_transpose3d(
                Tensor input, Tensor weight, Tensor? bias = null, long[]? strides = null, long[]? padding = null,
                long[]? output_padding = null, long[]? dilation = null, long groups = 1) =>
                Op.conv_transpose3d_input.Call(input, weight, bias, strides, padding, output_padding, groups, dilation);
            public static Tensor cosine_embedding_loss(
                Tensor input1, Tensor input2, Tensor target, double margin = 0, nn.Reduction reduction = nn.Reduction.Mean) =>
                Op.cosine_embedding_loss.Call(input1, input2, target, margin, (long)reduction);
            public static Tensor cosine_similarity(Tensor x1, Tensor x2, long dim = 1, double eps = 1e-8) =>
                Op.cosine_similarity.Call(x1, x2, dim, eps);
            public static Tensor cross_entropy(
                Tensor input, Tensor target, Tensor? weight = null, long ignore_index = -100, nn.Reduction reduction = nn.Reduction.Mean,
                double label_smoothing = 0) =>
                Op.cross_entropy_loss.Call(input, target, weight, (long)reduction, ignore_index, label_smoothing);
            public static Tensor dropout(Tensor input, double p = 0.5, bool training = true, bool inplace = false) =>
                inplace ? Op.dropout_.InPlace(input, p, training).alias() : Op.dropout.Call(input, p, training);
            public static Tensor dropout1d(Tensor input, double p = 0.5, bool training = true, bool inplace = false) =>
                inplace ? Op.feature_dropout_.InPlace(input, p, training).alias() : Op.feature_dropout.Call(input, p, training);
            public static Tensor dropout2d(Tensor input, double p = 0.5, bool training = true, bool inplace = false) =>
                inplace ? Op.feature_dropout_.InPlace(input, p, training).alias() : Op.feature_dropout.Call(input, p, training);
            public static Tensor dropout3d(Tensor input, double p = 0.5, bool training = true, bool inplace = false) =>
                inplace ? Op.feature_dropout_.InPlace(input, p, training).alias() : Op.feature_dropout.Call(input, p, training);
            public static Tensor elu(Tensor x, double alpha, bool inplace = false) =>
                inplace ? Op.elu_.InPlace(x, alpha).alias() : Op.elu.Call(x, alpha);
            public static Tensor feature_alpha_dropout(Tensor input, double p = 0.5, bool training = false, bool inplace = false) =>
                inplace ? Op.feature_alpha_dropout_.InPlace(input, p, training).alias() : Op.feature_alpha_dropout.Call(input, p, training);
            public static Tensor fold(
                Tensor input, (long, long) output_size, (long, long) kernel_size, (long, long)? dilation = null,
                (long, long)? padding = null, (long, long)? stride = null) =>
                Op.col2im.Call(input, output_size, kernel_size, dilation ?? (1, 1), padding ?? (0, 0), stride ?? (1, 1));
            public static Tensor fold(
                Tensor input, long output_size, long kernel_size, long dilation = 1, long padding = 0, long stride = 1) =>
                Op.col2im.Call(input, (output_size, output_size), (kernel_size, kernel_size), (dilation, dilation), (padding, padding), (stride, stride));
            public static Tensor gelu(Tensor x) => Op.gelu.Call(x);
            public static Tensor gelu(Tensor x, bool inplace) => inplace ? Op.gelu_.InPlace(x).alias() : Op.gelu.Call(x);
            public static Tensor glu(Tensor input, long dim = -1) => Op.glu.Call(input, dim);
            public static Tensor group_norm(Tensor input, long num_groups, Tensor? weight = null, Tensor? bias = null, double eps = 1e-5) =>
                Op.group_norm.Call(input, num_groups, weight, bias, eps);
            public static Tensor hardshrink(Tensor x, double lambda = 0.5) => Op.hardshrink.Call(x, lambda);
            public static Tensor hardsigmoid(Tensor input, bool inplace = false) =>
                inplace ? Op.hardsigmoid_.InPlace(input).alias() : Op.hardsigmoid.Call(input);
            public static Tensor hardswish(Tensor input, bool inplace = false) =>
                inplace ? Op.hardswish_.InPlace(input).alias() : Op.hardswish.Call(input);
            public static Tensor hardtanh(Tensor x, double min_val = -1, double max_val = 1, bool inplace = false) =>
                inplace ? Op.hardtanh_.InPlace(x, min_val, max_val).alias() : Op.hardtanh.Call(x, min_val, max_val);
            public static Tensor huber_loss(Tensor input, Tensor target, double delta = 1, nn.Reduction reduction = nn.Reduction.Mean) =>
                Op.huber_loss.Call(input, target, (long)reduction, delta);
            public static Tensor instance_norm(
                Tensor input, Tensor? running_mean = null, Tensor? running_var = null, Tensor? weight = null, Tensor? bias = null,
                bool use_input_stats = true, double momentum = 0.1, double eps = 1e-5) =>
                Op.instance_norm.Call(input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps, true);
            public static Tensor kl_div(Tensor input, Tensor target, bool log_target = true, nn.Reduction reduction = nn.Reduction.Mean) =>
                Op.kl_div.Call(input, target, (long)reduction, log_target);
            public static Tensor l1_loss(Tensor input, Tensor target, nn.Reduction reduction = nn.Reduction.Mean) =>
                Op.l1_loss.Call(input, target, (long)reduction);
            public static Tensor layer_norm(
                Tensor input, long[] normalized_shape, Tensor? weight = null, Tensor? bias = null, double eps = 1e-5) =>
                Op.layer_norm.Call(input, normalized_shape, weight, bias, eps);
            public static Tensor leaky_relu(Tensor input, double negative_slope = 0.01, bool inplace = false) =>
                inplace ? Op.leaky_relu_.InPlace(input, negative_slope).alias() : Op.leaky_relu.Call(input, negative_slope);
            public static Tensor linear(Tensor input, Tensor weights, Tensor? bias = null) => Op.linear.Call(input, weights, bias);
            public static Tensor log_softmax(Tensor x, long dim) => Op.log_softmax_int.Call(x, dim);
            public static Tensor logsigmoid(Tensor x) => Op.log_sigmoid.Call(x);
            public static Tensor max_pool1d(
                Tensor input, long kernel_size, long? stride = null, long? padding = null, long? dilation = null,
                bool ceil_mode = false) =>
                Op.max_pool1d.Call(input, kernel_size, stride, padding, dilation, ceil_mode);
            public static (Tensor output, Tensor indices) max_pool1d_with_indices(
                Tensor input, long kernel_size, long? stride = null, long? padding = null, long? dilation = null,
                bool ceil_mode = false) =>
                Op.max_pool1d_with_indices.Call2(input, kernel_size, stride, padding, dilation, ceil_mode);
            public static Tensor max_pool2d(
                Tensor input, (long, long) kernel_size, (long, long)? stride = null, (long, long)? padding = null,
                (long, long)? dilation = null, bool ceil_mode = false) =>
                Op.max_pool2d.Call(input, kernel_size, stride, padding, dilation, ceil_mode);
            public static Tensor max_pool2d(
                Tensor input, long kernel_size, long? stride = null, long? padding = null, long? dilation = null,
                bool ceil_mode = false) =>
                Op.max_pool2d.Call(input, kernel_size, stride, padding, dilation, ceil_mode);
            public static Tensor max_pool2d(
                Tensor input, long[] kernel_size, long[]? strides = null, long[]? padding = null, long[]? dilation = null,
                bool ceil_mode = false) =>
                Op.max_pool2d.Call(input, kernel_size, strides, padding, dilation, ceil_mode);
            public static (Tensor output, Tensor indices) max_pool2d_with_indices(
                Tensor input, long[] kernel_size, long[]? strides = null, long[]? padding = null, long[]? dilation = null,
                bool ceil_mode = false) =>
                Op.max_pool2d_with_indices.Call2(input, kernel_size, strides, padding, dilation, ceil_mode);
            public static Tensor max_pool3d(
                Tensor input, long[] kernel_size, long[]? strides = null, long[]? padding = null, long[]? dilation = null,
                bool ceil_mode = false) =>
                Op.max_pool3d.Call(input, kernel_size, strides, padding, dilation, ceil_mode);
            public static (Tensor output, Tensor indices) max_pool3d_with_indices(
                Tensor input, long[] kernel_size, long[]? strides = null, long[]? padding = null, long[]? dilation = null,
                bool ceil_mode = false) =>
                Op.max_pool3d_with_indices.Call2(input, kernel_size, strides, padding, dilation, ceil_mode);
            public static Tensor mish(Tensor x, bool inplace = false) => inplace ? Op.mish_.InPlace(x).alias() : Op.mish.Call(x);
            public static Tensor mse_loss(Tensor input, Tensor target, nn.Reduction reduction = nn.Reduction.Mean) =>
                Op.mse_loss.Call(input, target, (long)reduction);
            public static Tensor nll_loss(Tensor input, Tensor target, Tensor? weight = null, nn.Reduction reduction = nn.Reduction.Mean) =>
                Op.nll_loss_nd.Call(input, target, weight, (long)reduction);
            public static Tensor normalize(Tensor input, double p = 2, long dim = 1, double eps = 1e-12) =>
                input / Op.norm_ScalarOpt_dim.Call(input, p, dim, true).clamp_min(eps).expand_as(input);
            public static Tensor one_hot(Tensor x, long num_classes = -1) => Op.one_hot.Call(x, num_classes);
            public static Tensor pad(Tensor input, ReadOnlySpan<long> pad, PaddingModes mode = PaddingModes.Constant, double value = 0) =>
                Op.pad.Call(input, pad, Name(mode), mode == PaddingModes.Constant ? value : Arg.None);
            public static Tensor pad(
                Tensor input, (long, long, long, long) pad, PaddingModes mode = PaddingModes.Constant, double value = 0) =>
                functional.pad(input, [pad.Item1, pad.Item2, pad.Item3, pad.Item4], mode, value);
            public static Tensor pad(Tensor input, (long, long) pad, PaddingModes mode = PaddingModes.Constant, double value = 0) =>
                functional.pad(input, [pad.Item1, pad.Item2], mode, value);
            public static Tensor pad(Tensor input, long pad, PaddingModes mode = PaddingModes.Constant, double value = 0) =>
                functional.pad(input, [pad, pad], mode, value);
            public static Tensor pad(Tensor input, long[] pad, PaddingModes mode = PaddingModes.Constant, double value = 0) =>
                Op.pad.Call(input, pad, Name(mode), mode == PaddingModes.Constant ? value : Arg.None);
            public static Tensor pairwise_distance(Tensor input1, Tensor input2, double p = 2, double eps = 1e-6, bool keepdim = false) =>
                Op.pairwise_distance.Call(input1, input2, p, eps, keepdim);
            public static Tensor pixel_shuffle(Tensor input, long upscale_factor) => Op.pixel_shuffle.Call(input, upscale_factor);
            public static Tensor pixel_unshuffle(Tensor input, long downscale_factor) => Op.pixel_unshuffle.Call(input, downscale_factor);
            public static Tensor prelu(Tensor input, Tensor weight) => Op.prelu.Call(input, weight);
            public static Tensor relu(Tensor x, bool inplace = false) => inplace ? Op.relu_.InPlace(x).alias() : Op.relu.Call(x);
            public static Tensor relu6(Tensor x, bool inplace = false) => inplace ? Op.relu6_.InPlace(x).alias() : Op.relu6.Call(x);
            public static Tensor rrelu(Tensor x, double lower = 0.125, double upper = 0.3333333333333333, bool inplace = false) =>
                inplace ? Op.rrelu_.InPlace(x, lower, upper).alias() : Op.rrelu.Call(x, lower, upper);
            public static Tensor selu(Tensor x, bool inplace = false) => inplace ? Op.selu_.InPlace(x).alias() : Op.selu.Call(x);
            public static Tensor sigmoid(Tensor x) => Op.sigmoid.Call(x);
            public static Tensor sigmoid(Tensor x, bool inplace) => inplace ? Op.sigmoid_.InPlace(x).alias() : Op.sigmoid.Call(x);
            public static Tensor silu(Tensor x, bool inplace = false) => inplace ? Op.silu_.InPlace(x).alias() : Op.silu.Call(x);
            public static Tensor smooth_l1_loss(Tensor input, Tensor target, nn.Reduction reduction = nn.Reduction.Mean, double beta = 1) =>
                Op.smooth_l1_loss.Call(input, target, (long)reduction, beta);
            public static Tensor soft_margin_loss(Tensor input, Tensor target, nn.Reduction reduction = nn.Reduction.Mean) =>
                Op.soft_margin_loss.Call(input, target, (long)reduction);
            public static Tensor softmax(Tensor input, long dim, ScalarType? dtype = null) => Op.softmax_int.Call(input, dim, dtype);
            public static Tensor softmax2d(Tensor x) => Op.softmax_int.Call(x, -3);
            public static Tensor softmin(Tensor x, long dim) => Op.softmax_int.Call(-x, dim);
            public static Tensor softplus(Tensor x, double beta = 1, double threshold = 20) => Op.softplus.Call(x, beta, threshold);
            public static Tensor softshrink(Tensor x, double lambda = 0.5) => Op.softshrink.Call(x, lambda);
            public static Tensor softsign(Tensor x, bool inplace = false) =>
                inplace ? x.div_(x.abs().add_(1)).alias() : x / x.abs().add_(1);
            public static Tensor tanh(Tensor x, bool inplace = false) => inplace ? Op.tanh_.InPlace(x).alias() : Op.tanh.Call(x);
            public static Tensor tanhshrink(Tensor x, bool inplace = false) => inplace ? x.sub_(x.tanh()).alias() : x - x.tanh();
            public static Tensor threshold(Tensor x, double threshold, double value, bool inplace = false) =>
                inplace ? Op.threshold_.InPlace(x, threshold, value).alias() : Op.threshold.Call(x, threshold, value);
            public static Tensor unfold(
                Tensor input, (long, long) kernel_size, (long, long)? dilation = null, (long, long)? padding = null,
                (long, long)? stride = null) =>
                Op.im2col.Call(input, kernel_size, dilation ?? (1, 1), padding ?? (0, 0), stride ?? (1, 1));
            public static Tensor unfold(Tensor input, long kernel_size, long dilation = 1, long padding = 0, long stride = 1) =>
                Op.im2col.Call(input, (kernel_size, kernel_size), (dilation, dilation), (padding, padding), (stride, stride));
        }
    }
}
