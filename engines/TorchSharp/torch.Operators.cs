using System.Numerics;

namespace TorchSharp;

public static partial class torch
{
    public static Tensor abs(Tensor input) => input.abs();
    public static Tensor abs_(Tensor input) => input.abs_();
    public static Tensor absolute(Tensor input) => input.absolute();
    public static Tensor absolute_(Tensor input) => input.absolute_();
    public static Tensor acos(Tensor input) => input.acos();
    public static Tensor acos_(Tensor input) => input.acos_();
    public static Tensor acosh(Tensor input) => input.acosh();
    public static Tensor acosh_(Tensor input) => input.acosh_();
    public static Tensor add(Tensor left, Scalar right) => left.add(right);
    public static Tensor add(Tensor left, Scalar right, Scalar alpha) => left.add(right, alpha);
    public static Tensor add(Tensor left, Tensor right) => left.add(right);
    public static Tensor add(Tensor left, Tensor right, Scalar alpha) => left.add(right, alpha);
    public static Tensor add_(Tensor left, Scalar right) => left.add_(right);
    public static Tensor add_(Tensor left, Scalar right, Scalar alpha) => left.add_(right, alpha);
    public static Tensor add_(Tensor left, Tensor right) => left.add_(right);
    public static Tensor add_(Tensor left, Tensor right, Scalar alpha) => left.add_(right, alpha);
    public static Tensor addbmm(Tensor input, Tensor batch1, Tensor batch2, float beta = 1, float alpha = 1) =>
        input.addbmm(batch1, batch2, beta, alpha);
    public static Tensor addbmm_(Tensor input, Tensor batch1, Tensor batch2, float beta = 1, float alpha = 1) =>
        input.addbmm_(batch1, batch2, beta, alpha);
    public static Tensor addcdiv(Tensor input, Tensor tensor1, Tensor tensor2, Scalar value) => input.addcdiv(tensor1, tensor2, value);
    public static Tensor addcdiv_(Tensor input, Tensor tensor1, Tensor tensor2, Scalar value) => input.addcdiv_(tensor1, tensor2, value);
    public static Tensor addcmul(Tensor input, Tensor tensor1, Tensor tensor2, Scalar value) => input.addcmul(tensor1, tensor2, value);
    public static Tensor addcmul_(Tensor input, Tensor tensor1, Tensor tensor2, Scalar value) => input.addcmul_(tensor1, tensor2, value);
    public static Tensor addmm(Tensor input, Tensor mat1, Tensor mat2, float beta, float alpha) => input.addmm(mat1, mat2, beta, alpha);
    public static Tensor addmm_(Tensor input, Tensor mat1, Tensor mat2, float beta, float alpha) => input.addmm_(mat1, mat2, beta, alpha);
    public static Tensor addmv(Tensor input, Tensor mat1, Tensor mat2, float beta, float alpha) => input.addmv(mat1, mat2, beta, alpha);
    public static Tensor addmv_(Tensor input, Tensor mat1, Tensor mat2, float beta, float alpha) => input.addmv_(mat1, mat2, beta, alpha);
    public static Tensor addr(Tensor input, Tensor vec1, Tensor vec2, float beta = 1, float alpha = 1) =>
        input.addr(vec1, vec2, beta, alpha);
    public static Tensor addr_(Tensor input, Tensor vec1, Tensor vec2, float beta = 1, float alpha = 1) =>
        input.addr_(vec1, vec2, beta, alpha);
    public static Tensor adjoint(Tensor input) => input.adjoint();
    public static Tensor all(Tensor input) => input.all();
    public static Tensor all(Tensor input, long dim, bool keepdim = false) => input.all(dim, keepdim);
    public static bool allclose(Tensor tensor, Tensor target, double rtol = 1e-5, double atol = 1e-8, bool equal_nan = false) =>
        tensor.allclose(target, rtol, atol, equal_nan);
    public static Tensor amax(Tensor input, ReadOnlySpan<long> dims, bool keepdim = false, Tensor? @out = null) =>
        input.amax(dims, keepdim, @out);
    public static Tensor amax(Tensor input, long[] dims) => input.amax(dims);
    public static Tensor amax(Tensor input, long[] dims, bool keepdim = false, Tensor? @out = null) => input.amax(dims, keepdim, @out);
    public static Tensor amin(Tensor input, ReadOnlySpan<long> dims, bool keepdim = false, Tensor? @out = null) =>
        input.amin(dims, keepdim, @out);
    public static Tensor amin(Tensor input, long[] dims, bool keepdim = false, Tensor? @out = null) => input.amin(dims, keepdim, @out);
    public static (Tensor min, Tensor max) aminmax(Tensor input, long? dim = null, bool keepdim = false) => input.aminmax(dim, keepdim);
    public static Tensor angle(Tensor input) => input.angle();
    public static Tensor any(Tensor input) => input.any();
    public static Tensor any(Tensor input, long dim, bool keepdim = false) => input.any(dim, keepdim);
    public static Tensor arccos(Tensor input) => input.arccos();
    public static Tensor arccos_(Tensor input) => input.arccos_();
    public static Tensor arccosh(Tensor input) => input.arccosh();
    public static Tensor arccosh_(Tensor input) => input.arccosh_();
    public static Tensor arcsin(Tensor input) => input.arcsin();
    public static Tensor arcsin_(Tensor input) => input.arcsin_();
    public static Tensor arcsinh(Tensor input) => input.arcsinh();
    public static Tensor arcsinh_(Tensor input) => input.arcsinh_();
    public static Tensor arctan(Tensor input) => input.arctan();
    public static Tensor arctan(Tensor input, Tensor other) => input.arctan(other);
    public static Tensor arctan2(Tensor input, Tensor other) => input.arctan2(other);
    public static Tensor arctan2_(Tensor input, Tensor other) => input.arctan2_(other);
    public static Tensor arctan_(Tensor input) => input.arctan_();
    public static Tensor arctan_(Tensor input, Tensor other) => input.arctan_(other);
    public static Tensor arctanh(Tensor input) => input.arctanh();
    public static Tensor arctanh_(Tensor input) => input.arctanh_();
    public static Tensor argmax(Tensor input) => input.argmax();
    public static Tensor argmax(Tensor input, long dim, bool keepdim = false) => input.argmax(dim, keepdim);
    public static Tensor argmin(Tensor input) => input.argmin();
    public static Tensor argmin(Tensor input, long dim, bool keepdim = false) => input.argmin(dim, keepdim);
    public static Tensor argsort(Tensor input, long dim = -1, bool descending = false) => input.argsort(dim, descending);
    public static Tensor argwhere(Tensor input) => input.argwhere();
    public static Tensor as_tensor(IList<byte> rawArray, ScalarType? dtype = null, Device? device = null) =>
        tensor(rawArray, dtype, device);
    public static Tensor as_tensor(IList<short> rawArray, ScalarType? dtype = null, Device? device = null) =>
        tensor(rawArray, dtype, device);
    public static Tensor as_tensor(IList<Complex> rawArray, ScalarType? dtype = null, Device? device = null) =>
        tensor(rawArray, dtype, device);
    public static Tensor as_tensor(IList<sbyte> rawArray, ScalarType? dtype = null, Device? device = null) =>
        tensor(rawArray, dtype, device);
    public static Tensor as_tensor(IList<(float, float)> rawArray, ScalarType? dtype = null, Device? device = null) =>
        tensor(rawArray, dtype, device);
    public static Tensor as_tensor(IList<bool> rawArray, ScalarType? dtype = null, Device? device = null) =>
        tensor(rawArray, dtype, device);
    public static Tensor as_tensor(IList<double> rawArray, ScalarType? dtype = null, Device? device = null) =>
        tensor(rawArray, dtype, device);
    public static Tensor as_tensor(IList<float> rawArray, ScalarType? dtype = null, Device? device = null) =>
        tensor(rawArray, dtype, device);
    public static Tensor as_tensor(IList<int> rawArray, ScalarType? dtype = null, Device? device = null) => tensor(rawArray, dtype, device);
    public static Tensor as_tensor(IList<long> rawArray, ScalarType? dtype = null, Device? device = null) =>
        tensor(rawArray, dtype, device);
    public static Tensor as_tensor(Array data, ScalarType? dtype = null, Device? device = null) => from_array(data, dtype, device);
    public static Tensor as_tensor(byte[] rawArray, ScalarType? dtype = null, Device? device = null) => tensor(rawArray, dtype, device);
    public static Tensor as_tensor(short[] rawArray, ScalarType? dtype = null, Device? device = null) => tensor(rawArray, dtype, device);
    public static Tensor as_tensor(Complex[] rawArray, ScalarType? dtype = null, Device? device = null) => tensor(rawArray, dtype, device);
    public static Tensor as_tensor(sbyte[] rawArray, ScalarType? dtype = null, Device? device = null) => tensor(rawArray, dtype, device);
    public static Tensor as_tensor((float, float)[] rawArray, ScalarType? dtype = null, Device? device = null) =>
        tensor(rawArray, dtype, device);
    public static Tensor as_tensor(Tensor data, ScalarType? dtype = null, Device? device = null) =>
        data.to(dtype ?? data.dtype, device ?? data.device);
    public static Tensor as_tensor(bool[] rawArray, ScalarType? dtype = null, Device? device = null) => tensor(rawArray, dtype, device);
    public static Tensor as_tensor(double[] rawArray, ScalarType? dtype = null, Device? device = null) => tensor(rawArray, dtype, device);
    public static Tensor as_tensor(float[] rawArray, ScalarType? dtype = null, Device? device = null) => tensor(rawArray, dtype, device);
    public static Tensor as_tensor(int[] rawArray, ScalarType? dtype = null, Device? device = null) => tensor(rawArray, dtype, device);
    public static Tensor as_tensor(long[] rawArray, ScalarType? dtype = null, Device? device = null) => tensor(rawArray, dtype, device);
    public static Tensor asin(Tensor input) => input.asin();
    public static Tensor asin_(Tensor input) => input.asin_();
    public static Tensor asinh(Tensor input) => input.asinh();
    public static Tensor asinh_(Tensor input) => input.asinh_();
    public static Tensor atan(Tensor input) => input.atan();
    public static Tensor atan2(Tensor input, Tensor other) => input.atan2(other);
    public static Tensor atan2_(Tensor input, Tensor other) => input.atan2_(other);
    public static Tensor atan_(Tensor input) => input.atan_();
    public static Tensor atanh(Tensor input) => input.atanh();
    public static Tensor atanh_(Tensor input) => input.atanh_();
    public static IEnumerable<Tensor> atleast_1d(params Tensor[] input) => Op.atleast_1d_Sequence.CallList(input);
    public static IEnumerable<Tensor> atleast_2d(params Tensor[] input) => Op.atleast_2d_Sequence.CallList(input);
    public static IEnumerable<Tensor> atleast_3d(params Tensor[] input) => Op.atleast_3d_Sequence.CallList(input);
    public static Tensor baddbmm(Tensor input, Tensor batch1, Tensor batch2, float beta = 1, float alpha = 1) =>
        input.baddbmm(batch1, batch2, beta, alpha);
    public static Tensor bernoulli(Tensor input, Generator? generator = null) => input.bernoulli(generator);
    public static Tensor bincount(Tensor input, Tensor? weights = null, long minlength = 0) => Op.bincount.Call(input, weights, minlength);
    public static Tensor binomial(Tensor count, Tensor probs, Generator? generator = null) => count.binomial(probs, generator);
    public static Tensor bitwise_and(Tensor left, Tensor right) => left.bitwise_and(right);
    public static Tensor bitwise_and_(Tensor left, Tensor right) => left.bitwise_and_(right);
    public static Tensor bitwise_left_shift(Tensor left, Tensor right) => left.bitwise_left_shift(right);
    public static Tensor bitwise_left_shift_(Tensor left, Tensor right) => left.bitwise_left_shift_(right);
    public static Tensor bitwise_not(Tensor input) => input.bitwise_not();
    public static Tensor bitwise_not_(Tensor input) => input.bitwise_not_();
    public static Tensor bitwise_or(Tensor left, Tensor right) => left.bitwise_or(right);
    public static Tensor bitwise_or_(Tensor left, Tensor right) => left.bitwise_or_(right);
    public static Tensor bitwise_right_shift(Tensor left, Tensor right) => left.bitwise_right_shift(right);
    public static Tensor bitwise_right_shift_(Tensor left, Tensor right) => left.bitwise_right_shift_(right);
    public static Tensor bitwise_xor(Tensor left, Tensor right) => left.bitwise_xor(right);
    public static Tensor bitwise_xor_(Tensor left, Tensor right) => left.bitwise_xor_(right);
    public static Tensor block_diag(params Tensor[] tensors) => Op.block_diag.Call(tensors);
    public static Tensor bmm(Tensor input, Tensor batch2) => input.bmm(batch2);
    public static IList<Tensor> broadcast_tensors(params Tensor[] tensors) => Op.broadcast_tensors.CallList(tensors);
    public static Tensor broadcast_to(Tensor input, params long[] shape) => input.broadcast_to(shape);
    public static Tensor bucketize(Tensor input, Tensor boundaries, bool outInt32 = false, bool right = false) =>
        input.bucketize(boundaries, outInt32, right);
    public static Tensor cartesian_prod(IList<Tensor> tensors) => Op.cartesian_prod.Call(Arg.List(tensors));
    public static Tensor cartesian_prod(ReadOnlySpan<Tensor> tensors) => Op.cartesian_prod.Call(tensors.ToArray());
    public static Tensor cartesian_prod(params Tensor[] tensors) => Op.cartesian_prod.Call(Arg.List(tensors));
    public static Tensor cat(IList<Tensor> tensors, long dim = 0) => Op.cat.Call(Arg.List(tensors), dim);
    public static Tensor cat(ReadOnlySpan<Tensor> tensors, long dim = 0) => Op.cat.Call(tensors.ToArray(), dim);
    public static Tensor cat(Tensor[] tensors, long dim = 0) => Op.cat.Call(Arg.List(tensors), dim);
    public static Tensor cdist(
        Tensor x1, Tensor x2, double p = 2, compute_mode compute_mode = compute_mode.use_mm_for_euclid_dist_if_necessary) =>
        Op.cdist.Call(x1, x2, p, (long)compute_mode);
    public static Tensor ceil(Tensor input) => input.ceil();
    public static Tensor ceil_(Tensor input) => input.ceil_();
    public static Tensor cholesky(Tensor input) => Op.cholesky.Call(input);
    public static Tensor cholesky(Tensor input, bool upper) => input.cholesky(upper);
    public static Tensor cholesky_inverse(Tensor input, bool upper = false) => input.cholesky_inverse(upper);
    public static Tensor cholesky_solve(Tensor input, Tensor input2, bool upper = false) => input.cholesky_solve(input2, upper);
    public static Tensor[] chunk(Tensor input, long chunks, long dim = 0) => input.chunk(chunks, dim);
    public static Tensor clamp(Tensor input, Scalar? min = null, Scalar? max = null) => input.clamp(min, max);
    public static Tensor clamp(Tensor input, Tensor? min = null, Tensor? max = null) => input.clamp(min, max);
    public static Tensor clamp_(Tensor input, Scalar? min = null, Scalar? max = null) => input.clamp_(min, max);
    public static Tensor clamp_(Tensor input, Tensor? min = null, Tensor? max = null) => input.clamp_(min, max);
    public static Tensor clamp_max(Tensor input, Scalar max) => input.clamp_max(max);
    public static Tensor clamp_max_(Tensor input, Scalar max) => input.clamp_max_(max);
    public static Tensor clamp_min(Tensor input, Scalar min) => input.clamp_min(min);
    public static Tensor clamp_min_(Tensor input, Scalar min) => input.clamp_min_(min);
    public static Tensor clip(Tensor input, Scalar? min = null, Scalar? max = null) => input.clip(min, max);
    public static Tensor clone(Tensor input) => input.clone();
    public static Tensor column_stack(IList<Tensor> tensors) => Op.column_stack.Call(Arg.List(tensors));
    public static Tensor column_stack(ReadOnlySpan<Tensor> tensors) => Op.column_stack.Call(tensors.ToArray());
    public static Tensor column_stack(params Tensor[] tensors) => Op.column_stack.Call(Arg.List(tensors));
    public static Tensor combinations(Tensor input, int r = 2, bool with_replacement = false) =>
        Op.combinations.Call(input, r, with_replacement);
    public static Tensor complex(Tensor real, Tensor imag) => Op.complex.Call(real, imag);
    public static Tensor concat(IList<Tensor> tensors, long dim = 0) => Op.cat.Call(Arg.List(tensors), dim);
    public static Tensor concat(ReadOnlySpan<Tensor> tensors, long dim = 0) => Op.cat.Call(tensors.ToArray(), dim);
    public static Tensor concat(Tensor[] tensors, long dim = 0) => Op.cat.Call(Arg.List(tensors), dim);
    public static Tensor concatenate(IList<Tensor> tensors, long axis = 0) => Op.cat.Call(Arg.List(tensors), axis);
    public static Tensor concatenate(ReadOnlySpan<Tensor> tensors, long axis = 0) => Op.cat.Call(tensors.ToArray(), axis);
    public static Tensor concatenate(Tensor[] tensors, long axis = 0) => Op.cat.Call(Arg.List(tensors), axis);
    public static Tensor conj(Tensor input) => input.conj();
    public static Tensor conj_physical(Tensor input) => input.conj_physical();
    public static Tensor conj_physical_(Tensor input) => input.conj_physical_();
    public static Tensor copysign(Tensor input, Tensor other) => input.copysign(other);
    public static Tensor corrcoef(Tensor input) => input.corrcoef();
    public static Tensor cos(Tensor input) => input.cos();
    public static Tensor cos_(Tensor input) => input.cos_();
    public static Tensor cosh(Tensor input) => input.cosh();
    public static Tensor cosh_(Tensor input) => input.cosh_();
    public static Tensor count_nonzero(Tensor input, long[]? dims = null) => input.count_nonzero(dims);
    public static Tensor cov(Tensor input, long correction = 1, Tensor? fweights = null, Tensor? aweights = null) =>
        input.cov(correction, fweights, aweights);
    public static (Tensor values, Tensor indexes) cummax(Tensor input, long dim) => input.cummax(dim);
    public static (Tensor values, Tensor indexes) cummin(Tensor input, long dim) => input.cummin(dim);
    public static Tensor cumprod(Tensor input, long dim, ScalarType? dtype = null) => input.cumprod(dim, dtype);
    public static Tensor cumsum(Tensor input, long dim, ScalarType? type = null) => input.cumsum(dim, type);
    public static Tensor deg2rad(Tensor input) => input.deg2rad();
    public static Tensor det(Tensor input) => input.det();
    public static Tensor diag(Tensor input, long diagonal = 0) => input.diag(diagonal);
    public static Tensor diag_embed(Tensor input, long offset = 0, long dim1 = -2, long dim2 = -1) => input.diag_embed(offset, dim1, dim2);
    public static Tensor diagflat(Tensor input, long offset = 0) => input.diagflat(offset);
    public static Tensor diagonal(Tensor input, long offset = 0, long dim1 = 0, long dim2 = 1) => input.diagonal(offset, dim1, dim2);
    public static Tensor diagonal_scatter(Tensor input, Tensor src, long offset = 0, long dim1 = 0, long dim2 = 1) =>
        input.diagonal_scatter(src, offset, dim1, dim2);
    public static Tensor diff(Tensor input, long n = 1, long dim = -1, Tensor? prepend = null, Tensor? append = null) =>
        input.diff(n, dim, prepend, append);
    public static Tensor digamma(Tensor input) => input.digamma();
    public static Tensor digamma_(Tensor input) => input.digamma_();
    public static Tensor dist(Tensor input, Tensor other, float p = 2) => input.dist(other, p);
    public static Tensor div(Tensor left, Scalar right, RoundingMode rounding_mode = RoundingMode.None) => left.div(right, rounding_mode);
    public static Tensor div(Tensor left, Tensor right, RoundingMode rounding_mode = RoundingMode.None) => left.div(right, rounding_mode);
    public static Tensor div_(Tensor left, Scalar right, RoundingMode rounding_mode = RoundingMode.None) => left.div_(right, rounding_mode);
    public static Tensor div_(Tensor left, Tensor right, RoundingMode rounding_mode = RoundingMode.None) => left.div_(right, rounding_mode);
    public static Tensor divide(Tensor left, Scalar right, RoundingMode rounding_mode = RoundingMode.None) =>
        left.divide(right, rounding_mode);
    public static Tensor divide(Tensor left, Tensor right, RoundingMode rounding_mode = RoundingMode.None) =>
        left.divide(right, rounding_mode);
    public static Tensor divide_(Tensor left, Scalar right) => left.div_(right);
    public static Tensor divide_(Tensor left, Tensor right, RoundingMode rounding_mode = RoundingMode.None) =>
        left.divide_(right, rounding_mode);
    public static Tensor dot(Tensor input, Tensor other) => input.dot(other);
    public static Tensor dstack(IEnumerable<Tensor> tensors) => Op.dstack.Call(Arg.List(tensors));
    public static Tensor dstack(IList<Tensor> tensors) => Op.dstack.Call(Arg.List(tensors));
    public static Tensor dstack(ReadOnlySpan<Tensor> tensors) => Op.dstack.Call(tensors.ToArray());
    public static Tensor dstack(params Tensor[] tensors) => Op.dstack.Call(Arg.List(tensors));
    public static Tensor einsum(string equation, params Tensor[] tensors) => Op.einsum.Call(equation, tensors);
    public static Tensor empty(
        ReadOnlySpan<long> size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        empty(size.ToArray(), dtype, device, requires_grad, names);
    public static Tensor empty(
        int dim0, int dim1, int dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        empty([dim0, dim1, dim2], dtype, device, requires_grad, names);
    public static Tensor empty(
        int dim0, int dim1, int dim2, int dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        empty([dim0, dim1, dim2, dim3], dtype, device, requires_grad, names);
    public static Tensor empty(
        int rows, int columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        empty([rows, columns], dtype, device, requires_grad, names);
    public static Tensor empty(
        int size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        empty([size], dtype, device, requires_grad, names);
    public static Tensor empty(
        long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        empty([dim0, dim1, dim2], dtype, device, requires_grad, names);
    public static Tensor empty(
        long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        empty([dim0, dim1, dim2, dim3], dtype, device, requires_grad, names);
    public static Tensor empty(
        long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        empty([rows, columns], dtype, device, requires_grad, names);
    public static Tensor empty(
        long size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        empty([size], dtype, device, requires_grad, names);
    public static Tensor empty(
        long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        Made(Op.empty_memory_format.Call(size, dtype, Arg.Absent, device), requires_grad, names);
    public static Tensor eq(Tensor left, Tensor right) => left.eq(right);
    public static Tensor equal(Tensor tensor, Tensor target) => tensor.equal(target);
    public static Tensor erf(Tensor input) => input.erf();
    public static Tensor erf_(Tensor input) => input.erf_();
    public static Tensor erfc(Tensor input) => input.erfc();
    public static Tensor erfc_(Tensor input) => input.erfc_();
    public static Tensor erfinv(Tensor input) => input.erfinv();
    public static Tensor erfinv_(Tensor input) => input.erfinv_();
    public static Tensor exp(Tensor input) => input.exp();
    public static Tensor exp2(Tensor input) => input.exp2();
    public static Tensor exp_(Tensor input) => input.exp_();
    public static Tensor expm1(Tensor input) => input.expm1();
    public static Tensor expm1_(Tensor input) => input.expm1_();
    public static Tensor fix(Tensor input) => input.fix();
    public static Tensor fix_(Tensor input) => input.fix_();
    public static Tensor flatten(Tensor input, long start_dim = 0, long end_dim = -1) => input.flatten(start_dim, end_dim);
    public static Tensor flip(Tensor input, params long[] dims) => input.flip(dims);
    public static Tensor fliplr(Tensor input) => input.fliplr();
    public static Tensor flipud(Tensor input) => input.flipud();
    public static Tensor float_power(Tensor input, Tensor target) => input.float_power(target);
    public static Tensor floor(Tensor input) => input.floor();
    public static Tensor floor_(Tensor input) => input.floor_();
    public static Tensor floor_divide(Tensor input, Tensor other) => input.floor_divide(other);
    public static Tensor floor_divide_(Tensor input, Tensor other) => input.floor_divide_(other);
    public static Tensor fmax(Tensor input, Tensor other) => input.fmax(other);
    public static Tensor fmin(Tensor input, Tensor other) => input.fmin(other);
    public static Tensor fmod(Tensor left, Scalar right) => left.fmod(right);
    public static Tensor fmod(Tensor left, Tensor right) => left.fmod(right);
    public static Tensor fmod_(Tensor left, Scalar right) => left.fmod_(right);
    public static Tensor fmod_(Tensor left, Tensor right) => left.fmod_(right);
    public static Tensor frac(Tensor input) => input.frac();
    public static Tensor frac_(Tensor input) => input.frac_();
    public static (Tensor Mantissa, Tensor Exponent) frexp(Tensor input) => input.frexp();
    public static Tensor full(
        ReadOnlySpan<long> size, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        full(size.ToArray(), value, dtype, device, requires_grad, names);
    public static Tensor full(
        int dim0, int dim1, int dim2, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        full([dim0, dim1, dim2], value, dtype, device, requires_grad, names);
    public static Tensor full(
        int dim0, int dim1, int dim2, int dim3, Scalar value, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        full([dim0, dim1, dim2, dim3], value, dtype, device, requires_grad, names);
    public static Tensor full(
        int rows, int columns, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        full([rows, columns], value, dtype, device, requires_grad, names);
    public static Tensor full(
        int size, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        full([size], value, dtype, device, requires_grad, names);
    public static Tensor full(
        long dim0, long dim1, long dim2, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        full([dim0, dim1, dim2], value, dtype, device, requires_grad, names);
    public static Tensor full(
        long dim0, long dim1, long dim2, long dim3, Scalar value, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        full([dim0, dim1, dim2, dim3], value, dtype, device, requires_grad, names);
    public static Tensor full(
        long rows, long columns, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        full([rows, columns], value, dtype, device, requires_grad, names);
    public static Tensor full(
        long size, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        full([size], value, dtype, device, requires_grad, names);
    public static Tensor full(
        long[] size, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        Made(Op.full.Call(size, value, dtype, Arg.Absent, device), requires_grad, names);
    public static Tensor gather(Tensor input, long dim, Tensor index) => input.gather(dim, index);
    public static Tensor gather(Tensor input, long dim, Tensor index, bool sparse_grad = false) =>
        Op.gather.Call(input, dim, index, sparse_grad);
    public static Tensor gcd(Tensor left, Tensor right) => left.gcd(right);
    public static Tensor gcd_(Tensor left, Tensor right) => left.gcd_(right);
    public static Tensor ge(Tensor left, Tensor right) => left.ge(right);
    public static (Tensor a, Tensor tau) geqrf(Tensor input) => input.geqrf();
    public static Tensor ger(Tensor input, Tensor vec2) => input.ger(vec2);
    public static Tensor greater(Tensor tensor, Tensor target) => tensor.greater(target);
    public static Tensor greater_equal(Tensor tensor, Tensor target) => tensor.greater_equal(target);
    public static Tensor gt(Tensor left, Tensor right) => left.gt(right);
    public static Tensor hstack(IEnumerable<Tensor> tensors) => Op.hstack.Call(Arg.List(tensors));
    public static Tensor hstack(IList<Tensor> tensors) => Op.hstack.Call(Arg.List(tensors));
    public static Tensor hstack(ReadOnlySpan<Tensor> tensors) => Op.hstack.Call(tensors.ToArray());
    public static Tensor hstack(params Tensor[] tensors) => Op.hstack.Call(Arg.List(tensors));
    public static Tensor hypot(Tensor left, Tensor right) => left.hypot(right);
    public static Tensor i0(Tensor input) => input.i0();
    public static Tensor igamma(Tensor input, Tensor other) => input.igamma(other);
    public static Tensor igammac(Tensor input, Tensor other) => input.igammac(other);
    public static Tensor imag(Tensor input) => Op.imag.Call(input);
    public static Tensor index_add(Tensor input, long dim, Tensor index, Tensor source, Scalar alpha) =>
        input.index_add(dim, index, source, alpha);
    public static Tensor index_add_(Tensor input, long dim, Tensor index, Tensor source, Scalar alpha) =>
        input.index_add_(dim, index, source, alpha);
    public static Tensor index_copy(Tensor input, long dim, Tensor index, Tensor source) => input.index_copy(dim, index, source);
    public static Tensor index_copy_(Tensor input, long dim, Tensor index, Tensor source) => input.index_copy_(dim, index, source);
    public static Tensor index_fill(Tensor input, long dim, Tensor index, Scalar value) => input.index_fill(dim, index, value);
    public static Tensor index_fill_(Tensor input, long dim, Tensor index, Scalar value) => input.index_fill_(dim, index, value);
    public static Tensor index_select(Tensor input, long dim, Tensor index) => input.index_select(dim, index);
    public static Tensor inner(Tensor input, Tensor vec2) => input.inner(vec2);
    public static Tensor inverse(Tensor input) => input.inverse();
    public static bool is_nonzero(Tensor input) => input.is_nonzero();
    public static Tensor isclose(Tensor tensor, Tensor other, double rtol = 1e-5, double atol = 1e-8, bool nanEqual = false) =>
        tensor.isclose(other, rtol, atol, nanEqual);
    public static Tensor isfinite(Tensor tensor) => tensor.isfinite();
    public static Tensor isin(Tensor tensor, Tensor test_elements, bool assumeUnique = false, bool invert = false) =>
        tensor.isin(test_elements, assumeUnique, invert);
    public static Tensor isinf(Tensor tensor) => tensor.isinf();
    public static Tensor isnan(Tensor input) => input.isnan();
    public static Tensor isneginf(Tensor tensor) => tensor.isneginf();
    public static Tensor isposinf(Tensor tensor) => tensor.isposinf();
    public static Tensor isreal(Tensor tensor) => tensor.isreal();
    public static Tensor kron(Tensor input, Tensor other) => input.kron(other);
    public static (Tensor values, Tensor indices) kthvalue(Tensor input, long k, long? dim, bool keepdim = false) =>
        input.kthvalue(k, dim, keepdim);
    public static Tensor lcm(Tensor input, Tensor other) => input.lcm(other);
    public static Tensor lcm_(Tensor input, Tensor other) => input.lcm_(other);
    public static Tensor ldexp(Tensor input, Tensor other) => input.ldexp(other);
    public static Tensor ldexp_(Tensor input, Tensor other) => input.ldexp_(other);
    public static Tensor le(Tensor left, Tensor right) => left.le(right);
    public static Tensor lerp(Tensor input, Tensor end, Tensor weight) => input.lerp(end, weight);
    public static Tensor less(Tensor tensor, Tensor target) => tensor.less(target);
    public static Tensor less_equal(Tensor tensor, Tensor target) => tensor.less_equal(target);
    public static Tensor lgamma(Tensor input) => input.lgamma();
    public static Tensor lgamma_(Tensor input) => input.lgamma_();
    public static Tensor log(Tensor input) => input.log();
    public static Tensor log10(Tensor input) => input.log10();
    public static Tensor log10_(Tensor input) => input.log10_();
    public static Tensor log1p(Tensor input) => input.log1p();
    public static Tensor log1p_(Tensor input) => input.log1p_();
    public static Tensor log2(Tensor input) => input.log2();
    public static Tensor log2_(Tensor input) => input.log2_();
    public static Tensor log_(Tensor input) => input.log_();
    public static Tensor logaddexp(Tensor left, Tensor right) => left.logaddexp(right);
    public static Tensor logaddexp2(Tensor left, Tensor right) => left.logaddexp2(right);
    public static Tensor logcumsumexp(Tensor input, long dim) => input.logcumsumexp(dim);
    public static Tensor logdet(Tensor input) => input.logdet();
    public static Tensor logical_and(Tensor left, Tensor right) => left.logical_and(right);
    public static Tensor logical_and_(Tensor left, Tensor right) => left.logical_and_(right);
    public static Tensor logical_not(Tensor input) => input.logical_not();
    public static Tensor logical_or(Tensor left, Tensor right) => left.logical_or(right);
    public static Tensor logical_or_(Tensor left, Tensor right) => left.logical_or_(right);
    public static Tensor logical_xor(Tensor left, Tensor right) => left.logical_xor(right);
    public static Tensor logical_xor_(Tensor left, Tensor right) => left.logical_xor_(right);
    public static Tensor logit(Tensor input, double? eps = null) => input.logit(eps);
    public static Tensor logsumexp(Tensor input, long dim, bool keepdim = false) => input.logsumexp(dim, keepdim);
    public static Tensor lt(Tensor left, Tensor right) => left.lt(right);
    public static Tensor masked_select(Tensor input, Tensor mask) => input.masked_select(mask);
    public static Tensor matmul(Tensor input, Tensor target) => input.matmul(target);
    public static Tensor matrix_exp(Tensor input) => input.matrix_exp();
    public static Tensor matrix_power(Tensor input, int n) => input.matrix_power(n);
    public static Tensor max(Tensor input) => input.max();
    public static Tensor max(Tensor input, Tensor other) => input.max(other);
    public static (Tensor values, Tensor indexes) max(Tensor input, long dim, bool keepdim = false) => input.max(dim, keepdim);
    public static Tensor maximum(Tensor input, Tensor other) => input.maximum(other);
    public static Tensor mean(Tensor input) => input.mean();
    public static Tensor mean(Tensor input, long[] dimensions, bool keepdim = false, ScalarType? type = null) =>
        input.mean(dimensions, keepdim, type);
    public static Tensor median(Tensor input) => input.median();
    public static Tensor[] meshgrid(IEnumerable<Tensor> tensors, string indexing = "ij") =>
        Op.meshgrid_indexing.CallList(Arg.List(tensors), indexing);
    public static Tensor min(Tensor input) => input.min();
    public static Tensor min(Tensor input, Tensor other) => input.min(other);
    public static (Tensor values, Tensor indexes) min(Tensor input, long dim, bool keepdim = false) => input.min(dim, keepdim);
    public static Tensor minimum(Tensor input, Tensor other) => input.minimum(other);
    public static Tensor mm(Tensor input, Tensor target) => input.mm(target);
    public static (Tensor values, Tensor indices) mode(Tensor input, long dim = -1, bool keepdim = false) => input.mode(dim, keepdim);
    public static Tensor moveaxis(Tensor input, (long, long, long, long) source, (long, long, long, long) destination) =>
        Op.moveaxis_intlist.Call(input, source, destination);
    public static Tensor moveaxis(Tensor input, (long, long, long) source, (long, long, long) destination) =>
        Op.moveaxis_intlist.Call(input, source, destination);
    public static Tensor moveaxis(Tensor input, (long, long) source, (long, long) destination) =>
        Op.moveaxis_intlist.Call(input, source, destination);
    public static Tensor moveaxis(Tensor input, long source, long destination) => Op.moveaxis_intlist.Call(input, source, destination);
    public static Tensor moveaxis(Tensor input, long[] source, long[] destination) => input.moveaxis(source, destination);
    public static Tensor movedim(Tensor input, long source, long destination) => Op.movedim_intlist.Call(input, source, destination);
    public static Tensor movedim(Tensor input, long[] source, long[] destination) => input.movedim(source, destination);
    public static Tensor msort(Tensor tensor) => tensor.msort();
    public static Tensor mul(Tensor left, Scalar right) => left.mul(right);
    public static Tensor mul(Tensor left, Tensor right) => left.mul(right);
    public static Tensor mul_(Tensor left, Scalar right) => left.mul_(right);
    public static Tensor mul_(Tensor left, Tensor right) => left.mul_(right);
    public static Tensor multinomial(Tensor input, long num_samples, bool replacement = false, Generator? generator = null) =>
        input.multinomial(num_samples, replacement, generator);
    public static Tensor multiply(Tensor left, Scalar right) => left.multiply(right);
    public static Tensor multiply(Tensor left, Tensor right) => left.multiply(right);
    public static Tensor multiply_(Tensor left, Scalar right) => left.mul_(right);
    public static Tensor multiply_(Tensor left, Tensor right) => left.mul_(right);
    public static Tensor mv(Tensor input, Tensor target) => input.mv(target);
    public static Tensor mvlgamma(Tensor input, long p) => input.mvlgamma(p);
    public static Tensor mvlgamma_(Tensor input, long p) => input.mvlgamma_(p);
    public static Tensor nan_to_num(Tensor input, double nan = 0, double? posinf = null, double? neginf = null) =>
        input.nan_to_num(nan, posinf, neginf);
    public static Tensor nanmean(Tensor input, int? dim = null, bool keepdim = false, ScalarType? dtype = null) =>
        input.nanmean(dim, keepdim, dtype);
    public static Tensor nanmedian(Tensor input) => input.nanmedian();
    public static Tensor nanquantile(Tensor input, Tensor q, long dim = -1, bool keepdim = false) => input.nanquantile(q, dim, keepdim);
    public static Tensor nansum(Tensor input) => input.nansum();
    public static Tensor narrow(Tensor input, long dim, long start, long length) => input.narrow(dim, start, length);
    public static Tensor ne(Tensor left, Tensor right) => left.ne(right);
    public static Tensor neg(Tensor input) => input.neg();
    public static Tensor neg_(Tensor input) => input.neg_();
    public static Tensor negative(Tensor input) => input.negative();
    public static Tensor negative_(Tensor input) => input.neg_();
    public static Tensor nextafter(Tensor input, Tensor other) => input.nextafter(other);
    public static Tensor nonzero(Tensor input) => input.nonzero();
    public static Tensor norm(Tensor input) => Op.norm_Scalar.Call(input);
    public static Tensor norm(Tensor input, float p = 2) => input.norm(p);
    public static Tensor norm(Tensor input, int dimension, bool keepdim = false, float p = 2) => input.norm(dimension, keepdim, p);
    public static Tensor not_equal(Tensor tensor, Tensor target) => tensor.not_equal(target);
    public static Tensor ones(
        ReadOnlySpan<long> size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        ones(size.ToArray(), dtype, device, requires_grad, names);
    public static Tensor ones(
        int dim0, int dim1, int dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        ones([dim0, dim1, dim2], dtype, device, requires_grad, names);
    public static Tensor ones(
        int dim0, int dim1, int dim2, int dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        ones([dim0, dim1, dim2, dim3], dtype, device, requires_grad, names);
    public static Tensor ones(
        int rows, int columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        ones([rows, columns], dtype, device, requires_grad, names);
    public static Tensor ones(
        int size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        ones([size], dtype, device, requires_grad, names);
    public static Tensor ones(
        long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        ones([dim0, dim1, dim2], dtype, device, requires_grad, names);
    public static Tensor ones(
        long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        ones([dim0, dim1, dim2, dim3], dtype, device, requires_grad, names);
    public static Tensor ones(
        long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        ones([rows, columns], dtype, device, requires_grad, names);
    public static Tensor ones(
        long size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        ones([size], dtype, device, requires_grad, names);
    public static Tensor ones(
        long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        Made(Op.ones.Call(size, dtype, Arg.Absent, device), requires_grad, names);
    public static Tensor orgqr(Tensor input, Tensor tau) => Op.orgqr.Call(input, tau);
    public static Tensor ormqr(Tensor input, Tensor tau, Tensor other, bool left = true, bool transpose = false) =>
        input.ormqr(tau, other, left, transpose);
    public static Tensor outer(Tensor input, Tensor vec2) => input.outer(vec2);
    public static Tensor permute(Tensor input, params long[] permutation) => input.permute(permutation);
    public static Tensor pinverse(Tensor input, double rcond = 1e-15, bool hermitian = false) => input.pinverse(rcond, hermitian);
    public static Tensor poisson(Tensor input, Generator? generator = null) => input.poisson(generator);
    public static Tensor polar(Tensor abs, Tensor angle) => Op.polar.Call(abs, angle);
    public static Tensor polygamma(Tensor input, long p) => input.polygamma(p);
    public static Tensor polygamma_(Tensor input, long p) => input.polygamma_(p);
    public static Tensor positive(Tensor input) => input.positive();
    public static Tensor pow(Tensor left, Scalar exponent) => left.pow(exponent);
    public static Tensor pow(Tensor left, Tensor exponent) => left.pow(exponent);
    public static Tensor pow_(Tensor left, Scalar exponent) => left.pow_(exponent);
    public static Tensor pow_(Tensor left, Tensor exponent) => left.pow_(exponent);
    public static Tensor prod(Tensor input, ScalarType? type = null) => input.prod(type);
    public static Tensor prod(Tensor input, long dim, bool keepdim = false, ScalarType? type = null) => input.prod(dim, keepdim, type);
    public static Tensor quantile(Tensor input, Tensor q, long dim = -1, bool keepdim = false) => input.quantile(q, dim, keepdim);
    public static Tensor rad2deg(Tensor input) => input.rad2deg();
    public static Tensor rand(
        ReadOnlySpan<long> size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        Generator? generator = null, string[]? names = null) =>
        rand(size.ToArray(), dtype, device, requires_grad, generator, names);
    public static Tensor rand(
        int dim0, int dim1, int dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        Generator? generator = null, string[]? names = null) =>
        rand([dim0, dim1, dim2], dtype, device, requires_grad, generator, names);
    public static Tensor rand(
        int dim0, int dim1, int dim2, int dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        Generator? generator = null, string[]? names = null) =>
        rand([dim0, dim1, dim2, dim3], dtype, device, requires_grad, generator, names);
    public static Tensor rand(
        int rows, int columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null,
        string[]? names = null) =>
        rand([rows, columns], dtype, device, requires_grad, generator, names);
    public static Tensor rand(
        int size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null,
        string[]? names = null) =>
        rand([size], dtype, device, requires_grad, generator, names);
    public static Tensor rand(
        long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        Generator? generator = null, string[]? names = null) =>
        rand([dim0, dim1, dim2], dtype, device, requires_grad, generator, names);
    public static Tensor rand(
        long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        Generator? generator = null, string[]? names = null) =>
        rand([dim0, dim1, dim2, dim3], dtype, device, requires_grad, generator, names);
    public static Tensor rand(
        long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        Generator? generator = null, string[]? names = null) =>
        rand([rows, columns], dtype, device, requires_grad, generator, names);
    public static Tensor rand(
        long size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null,
        string[]? names = null) =>
        rand([size], dtype, device, requires_grad, generator, names);
    public static Tensor rand(
        long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null,
        string[]? names = null) =>
        Made(Op.rand_generator.Call(size, generator, dtype, Arg.Absent, device), requires_grad, names);
    public static Tensor randint(
        int high, int[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null,
        string[]? names = null) =>
        Made(Op.randint_low_generator.Call(0, high, Array.ConvertAll(size, n => (long)n), generator, dtype ?? ScalarType.Int64, Arg.Absent, device), requires_grad, names);
    public static Tensor randint(
        int low, int high, int[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        Generator? generator = null, string[]? names = null) =>
        Made(Op.randint_low_generator.Call(low, high, Array.ConvertAll(size, n => (long)n), generator, dtype ?? ScalarType.Int64, Arg.Absent, device), requires_grad, names);
    public static Tensor randint(
        long high, Size size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null,
        string[]? names = null) =>
        Made(Op.randint_low_generator.Call(0, high, size.Shape, generator, dtype ?? ScalarType.Int64, Arg.Absent, device), requires_grad, names);
    public static Tensor randint(
        long high, long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null,
        string[]? names = null) =>
        Made(Op.randint_low_generator.Call(0, high, size, generator, dtype ?? ScalarType.Int64, Arg.Absent, device), requires_grad, names);
    public static Tensor randint(
        long low, long high, Size size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        Generator? generator = null, string[]? names = null) =>
        Made(Op.randint_low_generator.Call(low, high, size.Shape, generator, dtype ?? ScalarType.Int64, Arg.Absent, device), requires_grad, names);
    public static Tensor randint(
        long low, long high, long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        Generator? generator = null, string[]? names = null) =>
        Made(Op.randint_low_generator.Call(low, high, size, generator, dtype ?? ScalarType.Int64, Arg.Absent, device), requires_grad, names);
    public static Tensor randn(
        ReadOnlySpan<long> size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        Generator? generator = null, string[]? names = null) =>
        randn(size.ToArray(), dtype, device, requires_grad, generator, names);
    public static Tensor randn(
        int dim0, int dim1, int dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        Generator? generator = null, string[]? names = null) =>
        randn([dim0, dim1, dim2], dtype, device, requires_grad, generator, names);
    public static Tensor randn(
        int dim0, int dim1, int dim2, int dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        Generator? generator = null, string[]? names = null) =>
        randn([dim0, dim1, dim2, dim3], dtype, device, requires_grad, generator, names);
    public static Tensor randn(
        int rows, int columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null,
        string[]? names = null) =>
        randn([rows, columns], dtype, device, requires_grad, generator, names);
    public static Tensor randn(
        int size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null,
        string[]? names = null) =>
        randn([size], dtype, device, requires_grad, generator, names);
    public static Tensor randn(
        long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        Generator? generator = null, string[]? names = null) =>
        randn([dim0, dim1, dim2], dtype, device, requires_grad, generator, names);
    public static Tensor randn(
        long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        Generator? generator = null, string[]? names = null) =>
        randn([dim0, dim1, dim2, dim3], dtype, device, requires_grad, generator, names);
    public static Tensor randn(
        long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        Generator? generator = null, string[]? names = null) =>
        randn([rows, columns], dtype, device, requires_grad, generator, names);
    public static Tensor randn(
        long size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null,
        string[]? names = null) =>
        randn([size], dtype, device, requires_grad, generator, names);
    public static Tensor randn(
        long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null,
        string[]? names = null) =>
        Made(Op.randn_generator.Call(size, generator, dtype, Arg.Absent, device), requires_grad, names);
    public static Tensor ravel(Tensor input) => input.ravel();
    public static Tensor real(Tensor input) => Op.real.Call(input);
    public static Tensor reciprocal(Tensor input) => input.reciprocal();
    public static Tensor reciprocal_(Tensor input) => input.reciprocal_();
    public static Tensor remainder(Tensor left, Scalar right) => left.remainder(right);
    public static Tensor remainder(Tensor left, Tensor right) => left.remainder(right);
    public static Tensor remainder_(Tensor left, Scalar right) => left.remainder_(right);
    public static Tensor remainder_(Tensor left, Tensor right) => left.remainder_(right);
    public static Tensor renorm(Tensor input, float p, long dim, float maxnorm) => input.renorm(p, dim, maxnorm);
    public static Tensor repeat_interleave(Tensor input, Tensor repeats, long? dim = null, long? output_size = null) =>
        input.repeat_interleave(repeats, dim, output_size);
    public static Tensor repeat_interleave(Tensor input, long repeats, long? dim = null, long? output_size = null) =>
        input.repeat_interleave(repeats, dim, output_size);
    public static Tensor reshape(Tensor input, params long[] shape) => input.reshape(shape);
    public static Tensor resolve_conj(Tensor input) => input.resolve_conj();
    public static Tensor resolve_neg(Tensor input) => input.resolve_neg();
    public static Tensor roll(Tensor input, ReadOnlySpan<long> shifts, ReadOnlySpan<long> dims = default) => input.roll(shifts, dims);
    public static Tensor roll(Tensor input, (long, long, long) shifts, (long, long, long) dims) => input.roll(shifts, dims);
    public static Tensor roll(Tensor input, (long, long) shifts, (long, long) dims) => input.roll(shifts, dims);
    public static Tensor roll(Tensor input, long shifts, long? dims = null) => input.roll(shifts, dims);
    public static Tensor roll(Tensor input, long[] shifts) => input.roll(shifts);
    public static Tensor roll(Tensor input, long[] shifts, long[] dims) => input.roll(shifts, dims);
    public static Tensor rot90(Tensor input, long k = 1, (long, long)? dims = null) => input.rot90(k, dims);
    public static Tensor round(Tensor input, long decimals = 0) => input.round(decimals);
    public static Tensor round_(Tensor input, long decimals = 0) => input.round_(decimals);
    public static Tensor row_stack(IList<Tensor> tensors) => Op.vstack.Call(Arg.List(tensors));
    public static Tensor row_stack(ReadOnlySpan<Tensor> tensors) => Op.vstack.Call(tensors.ToArray());
    public static Tensor row_stack(params Tensor[] tensors) => Op.vstack.Call(Arg.List(tensors));
    public static Tensor rsqrt(Tensor input) => input.rsqrt();
    public static Tensor rsqrt_(Tensor input) => input.rsqrt_();
    public static Tensor scatter(Tensor input, long dim, Tensor index, Tensor src) => input.scatter(dim, index, src);
    public static Tensor scatter_(Tensor input, long dim, Tensor index, Tensor src) => input.scatter_(dim, index, src);
    public static Tensor scatter_add(Tensor input, long dim, Tensor index, Tensor src) => input.scatter_add(dim, index, src);
    public static Tensor scatter_add_(Tensor input, long dim, Tensor index, Tensor src) => input.scatter_add_(dim, index, src);
    public static Tensor searchsorted(Tensor sorted_sequence, Scalar values, bool out_int32, bool right, Tensor sorter) =>
        Op.searchsorted_Scalar.Call(sorted_sequence, values, out_int32, right, Arg.None, sorter);
    public static Tensor searchsorted(
        Tensor sorted_sequence, Tensor values, bool out_int32 = false, bool right = false, Tensor? sorter = null) =>
        Op.searchsorted_Tensor.Call(sorted_sequence, values, out_int32, right, Arg.None, sorter);
    public static Tensor select(Tensor input, long dim, long index) => input.select(dim, index);
    public static Tensor select_scatter(Tensor input, Tensor src, long dim, long index) => input.select_scatter(src, dim, index);
    public static Tensor sgn(Tensor input) => input.sgn();
    public static Tensor sgn_(Tensor input) => input.sgn_();
    public static Tensor sigmoid(Tensor input) => input.sigmoid();
    public static Tensor sigmoid_(Tensor input) => input.sigmoid_();
    public static Tensor sign(Tensor input) => input.sign();
    public static Tensor sign_(Tensor input) => input.sign_();
    public static Tensor signbit(Tensor input) => input.signbit();
    public static Tensor sin(Tensor input) => input.sin();
    public static Tensor sin_(Tensor input) => input.sin_();
    public static Tensor sinc(Tensor input) => input.sinc();
    public static Tensor sinc_(Tensor input) => input.sinc_();
    public static Tensor sinh(Tensor input) => input.sinh();
    public static Tensor sinh_(Tensor input) => input.sinh_();
    public static Tensor slice_scatter(Tensor input, Tensor src, long dim = 0, long? start = null, long? end = null, long step = 1) =>
        input.slice_scatter(src, dim, start, end, step);
    public static (Tensor res, Tensor logabsdet) slogdet(Tensor A) => Op.slogdet.Call2(A);
    public static Tensor softmax(Tensor input, int dim, ScalarType? dtype = null) => Op.softmax_int.Call(input, dim, dtype);
    public static (Tensor Values, Tensor Indices) sort(Tensor input, long dim = -1, bool descending = false, bool stable = false) =>
        input.sort(dim, descending, stable);
    public static Tensor[] split(Tensor tensor, long[] split_size_or_sections, long dim = 0) => tensor.split(split_size_or_sections, dim);
    public static Tensor sqrt(Tensor input) => input.sqrt();
    public static Tensor sqrt_(Tensor input) => input.sqrt_();
    public static Tensor square(Tensor input) => input.square();
    public static Tensor squeeze(Tensor input, long? dim = null) => input.squeeze(dim);
    public static Tensor squeeze_(Tensor input, long? dim = null) => input.squeeze_(dim);
    public static Tensor stack(IEnumerable<Tensor> tensors, long dim = 0) => Op.stack.Call(Arg.List(tensors), dim);
    public static Tensor std(
        Tensor input, (long, long, long) dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
        input.std(dimensions, unbiased, keepdim, type);
    public static Tensor std(Tensor input, (long, long) dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
        input.std(dimensions, unbiased, keepdim, type);
    public static Tensor std(Tensor input, bool unbiased = true) => input.std(unbiased);
    public static Tensor std(Tensor input, long dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
        input.std(dimensions, unbiased, keepdim, type);
    public static Tensor std(Tensor input, long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
        input.std(dimensions, unbiased, keepdim, type);
    public static (Tensor std, Tensor mean) std_mean(
        Tensor input, ReadOnlySpan<long> dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
        input.std_mean(dimensions, unbiased, keepdim, type);
    public static (Tensor std, Tensor mean) std_mean(
        Tensor input, (long, long, long) dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
        input.std_mean(dimensions, unbiased, keepdim, type);
    public static (Tensor std, Tensor mean) std_mean(
        Tensor input, (long, long) dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
        input.std_mean(dimensions, unbiased, keepdim, type);
    public static (Tensor std, Tensor mean) std_mean(Tensor input, bool unbiased = true) => input.std_mean(unbiased);
    public static (Tensor std, Tensor mean) std_mean(
        Tensor input, long dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
        input.std_mean(dimensions, unbiased, keepdim, type);
    public static (Tensor std, Tensor mean) std_mean(
        Tensor input, long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
        input.std_mean(dimensions, unbiased, keepdim, type);
    public static Tensor sub(Tensor left, Scalar right) => left.sub(right);
    public static Tensor sub(Tensor left, Tensor right) => left.sub(right);
    public static Tensor sub_(Tensor left, Scalar right) => left.sub_(right);
    public static Tensor sub_(Tensor left, Tensor right) => left.sub_(right);
    public static Tensor subtract(Tensor left, Scalar right) => left.subtract(right);
    public static Tensor subtract(Tensor left, Tensor right) => left.subtract(right);
    public static Tensor subtract_(Tensor left, Scalar right) => left.subtract_(right);
    public static Tensor subtract_(Tensor left, Tensor right) => left.subtract_(right);
    public static Tensor sum(Tensor input, ScalarType? type = null) => input.sum(type);
    public static Tensor sum(Tensor input, ReadOnlySpan<long> dim, bool keepdim = false, ScalarType? type = null) =>
        input.sum(dim, keepdim, type);
    public static Tensor sum(Tensor input, long dim, bool keepdim = false, ScalarType? type = null) => input.sum(dim, keepdim, type);
    public static Tensor svd(Tensor input, bool some = true, bool compute_uv = true) => Op.svd.Call(input, some, compute_uv);
    public static Tensor swapaxes(Tensor input, long axis0, long axis1) => input.swapaxes(axis0, axis1);
    public static Tensor swapdims(Tensor input, long dim0, long dim1) => input.swapdims(dim0, dim1);
    public static Tensor symeig(Tensor input, bool eigenvectors = false, bool upper = true) => Op.symeig.Call(input, eigenvectors, upper);
    public static Tensor t(Tensor input) => input.t();
    public static Tensor take(Tensor input, Tensor index) => input.take(index);
    public static Tensor tan(Tensor input) => input.tan();
    public static Tensor tan_(Tensor input) => input.tan_();
    public static Tensor tanh(Tensor input) => input.tanh();
    public static Tensor tanh_(Tensor input) => input.tanh_();
    public static Tensor tensor(
        IList<byte> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<byte>([.. rawArray], [rawArray.Count], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<byte> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        From<byte>([.. rawArray], dimensions, dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<byte> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<byte>([.. rawArray], [dim0, dim1, dim2], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<byte> rawArray, long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<byte>([.. rawArray], [dim0, dim1, dim2, dim3], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<byte> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        From<byte>([.. rawArray], [rows, columns], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<Half> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<Half>([.. rawArray], [rawArray.Count], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<Half> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        From<Half>([.. rawArray], dimensions, dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<Half> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<Half>([.. rawArray], [dim0, dim1, dim2], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<Half> rawArray, long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<Half>([.. rawArray], [dim0, dim1, dim2, dim3], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<Half> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        From<Half>([.. rawArray], [rows, columns], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<short> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<short>([.. rawArray], [rawArray.Count], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<short> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<short>([.. rawArray], dimensions, dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<short> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<short>([.. rawArray], [dim0, dim1, dim2], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<short> rawArray, long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<short>([.. rawArray], [dim0, dim1, dim2, dim3], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<short> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        From<short>([.. rawArray], [rows, columns], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<Complex> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<Complex>([.. rawArray], [rawArray.Count], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<Complex> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<Complex>([.. rawArray], dimensions, dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<Complex> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<Complex>([.. rawArray], [dim0, dim1, dim2], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<Complex> rawArray, long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<Complex>([.. rawArray], [dim0, dim1, dim2, dim3], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<Complex> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        From<Complex>([.. rawArray], [rows, columns], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<sbyte> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<sbyte>([.. rawArray], [rawArray.Count], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<sbyte> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<sbyte>([.. rawArray], dimensions, dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<sbyte> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<sbyte>([.. rawArray], [dim0, dim1, dim2], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<sbyte> rawArray, long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<sbyte>([.. rawArray], [dim0, dim1, dim2, dim3], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<sbyte> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        From<sbyte>([.. rawArray], [rows, columns], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<(float, float)> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        From<(float, float)>([.. rawArray], [rawArray.Count], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<(float, float)> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<(float, float)>([.. rawArray], dimensions, dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<(float, float)> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<(float, float)>([.. rawArray], [dim0, dim1, dim2], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<(float, float)> rawArray, long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<(float, float)>([.. rawArray], [dim0, dim1, dim2, dim3], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<(float, float)> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<(float, float)>([.. rawArray], [rows, columns], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<bool> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<bool>([.. rawArray], [rawArray.Count], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<bool> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        From<bool>([.. rawArray], dimensions, dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<bool> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<bool>([.. rawArray], [dim0, dim1, dim2], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<bool> rawArray, long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<bool>([.. rawArray], [dim0, dim1, dim2, dim3], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<bool> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        From<bool>([.. rawArray], [rows, columns], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<double> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<double>([.. rawArray], [rawArray.Count], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<double> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<double>([.. rawArray], [dim0, dim1, dim2], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<double> rawArray, long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<double>([.. rawArray], [dim0, dim1, dim2, dim3], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<double> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        From<double>([.. rawArray], [rows, columns], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<float> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<float>([.. rawArray], [rawArray.Count], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<float> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<float>([.. rawArray], dimensions, dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<float> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<float>([.. rawArray], [dim0, dim1, dim2], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<float> rawArray, long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<float>([.. rawArray], [dim0, dim1, dim2, dim3], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<float> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        From<float>([.. rawArray], [rows, columns], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<int> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<int>([.. rawArray], [rawArray.Count], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<int> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        From<int>([.. rawArray], dimensions, dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<int> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<int>([.. rawArray], [dim0, dim1, dim2], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<int> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        From<int>([.. rawArray], [rows, columns], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<long> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<long>([.. rawArray], [rawArray.Count], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<long> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        From<long>([.. rawArray], dimensions, dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<long> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<long>([.. rawArray], [dim0, dim1, dim2], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<long> rawArray, long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<long>([.. rawArray], [dim0, dim1, dim2, dim3], dtype, device, requires_grad, names);
    public static Tensor tensor(
        IList<long> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        From<long>([.. rawArray], [rows, columns], dtype, device, requires_grad, names);
    public static Tensor tensor(byte scalar, Device? device = null, bool requires_grad = false) =>
        From<byte>([scalar], [], null, device, requires_grad);
    public static Tensor tensor(
        byte[,,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        FromArray<byte>(rawArray, dtype, device, requires_grad, names);
    public static Tensor tensor(
        byte[,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        FromArray<byte>(rawArray, dtype, device, requires_grad, names);
    public static Tensor tensor(
        byte[,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        FromArray<byte>(rawArray, dtype, device, requires_grad, names);
    public static Tensor tensor(
        byte[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<byte>(rawArray, [rawArray.LongLength], dtype, device, requires_grad, names);
    public static Tensor tensor(
        byte[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        From<byte>(rawArray, dimensions, dtype, device, requires_grad, names);
    public static Tensor tensor(
        Half[,,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        FromArray<Half>(rawArray, dtype, device, requires_grad, names);
    public static Tensor tensor(
        Half[,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        FromArray<Half>(rawArray, dtype, device, requires_grad, names);
    public static Tensor tensor(
        Half[,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        FromArray<Half>(rawArray, dtype, device, requires_grad, names);
    public static Tensor tensor(
        Half[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<Half>(rawArray, [rawArray.LongLength], dtype, device, requires_grad, names);
    public static Tensor tensor(
        Half[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        From<Half>(rawArray, dimensions, dtype, device, requires_grad, names);
    public static Tensor tensor(short scalar, Device? device = null, bool requires_grad = false) =>
        From<short>([scalar], [], null, device, requires_grad);
    public static Tensor tensor(
        short[,,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        FromArray<short>(rawArray, dtype, device, requires_grad, names);
    public static Tensor tensor(
        short[,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        FromArray<short>(rawArray, dtype, device, requires_grad, names);
    public static Tensor tensor(
        short[,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        FromArray<short>(rawArray, dtype, device, requires_grad, names);
    public static Tensor tensor(
        short[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<short>(rawArray, [rawArray.LongLength], dtype, device, requires_grad, names);
    public static Tensor tensor(
        short[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        From<short>(rawArray, dimensions, dtype, device, requires_grad, names);
    public static Tensor tensor(
        Memory<byte> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<byte>(rawArray.Span, dimensions, dtype, device, requires_grad, names);
    public static Tensor tensor(
        Memory<Half> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<Half>(rawArray.Span, dimensions, dtype, device, requires_grad, names);
    public static Tensor tensor(
        Memory<short> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<short>(rawArray.Span, dimensions, dtype, device, requires_grad, names);
    public static Tensor tensor(
        Memory<Complex> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<Complex>(rawArray.Span, dimensions, dtype, device, requires_grad, names);
    public static Tensor tensor(
        Memory<sbyte> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<sbyte>(rawArray.Span, dimensions, dtype, device, requires_grad, names);
    public static Tensor tensor(
        Memory<double> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<double>(rawArray.Span, dimensions, dtype, device, requires_grad, names);
    public static Tensor tensor(
        Memory<float> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<float>(rawArray.Span, dimensions, dtype, device, requires_grad, names);
    public static Tensor tensor(
        Memory<int> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        From<int>(rawArray.Span, dimensions, dtype, device, requires_grad, names);
    public static Tensor tensor(
        Memory<long> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<long>(rawArray.Span, dimensions, dtype, device, requires_grad, names);
    public static Tensor tensor(Complex scalar, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        From<Complex>([scalar], [], dtype, device, requires_grad);
    public static Tensor tensor(
        Complex[,,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        FromArray<Complex>(rawArray, dtype, device, requires_grad, names);
    public static Tensor tensor(
        Complex[,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        FromArray<Complex>(rawArray, dtype, device, requires_grad, names);
    public static Tensor tensor(
        Complex[,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        FromArray<Complex>(rawArray, dtype, device, requires_grad, names);
    public static Tensor tensor(
        Complex[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<Complex>(rawArray, [rawArray.LongLength], dtype, device, requires_grad, names);
    public static Tensor tensor(
        Complex[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        From<Complex>(rawArray, dimensions, dtype, device, requires_grad, names);
    public static Tensor tensor(sbyte scalar, Device? device = null, bool requires_grad = false) =>
        From<sbyte>([scalar], [], null, device, requires_grad);
    public static Tensor tensor(
        sbyte[,,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        FromArray<sbyte>(rawArray, dtype, device, requires_grad, names);
    public static Tensor tensor(
        sbyte[,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        FromArray<sbyte>(rawArray, dtype, device, requires_grad, names);
    public static Tensor tensor(
        sbyte[,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        FromArray<sbyte>(rawArray, dtype, device, requires_grad, names);
    public static Tensor tensor(
        sbyte[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<sbyte>(rawArray, [rawArray.LongLength], dtype, device, requires_grad, names);
    public static Tensor tensor(
        sbyte[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        From<sbyte>(rawArray, dimensions, dtype, device, requires_grad, names);
    public static Tensor tensor((double, double) scalar, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        From<Complex>([new Complex(scalar.Item1, scalar.Item2)], [], dtype, device, requires_grad);
    public static Tensor tensor((float, float) scalar, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        From<(float, float)>([scalar], [], dtype, device, requires_grad);
    public static Tensor tensor(
        (float, float)[,,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        FromArray<(float, float)>(rawArray, dtype, device, requires_grad, names);
    public static Tensor tensor(
        (float, float)[,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        FromArray<(float, float)>(rawArray, dtype, device, requires_grad, names);
    public static Tensor tensor(
        (float, float)[,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        FromArray<(float, float)>(rawArray, dtype, device, requires_grad, names);
    public static Tensor tensor(
        (float, float)[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<(float, float)>(rawArray, [rawArray.LongLength], dtype, device, requires_grad, names);
    public static Tensor tensor(
        (float, float)[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<(float, float)>(rawArray, dimensions, dtype, device, requires_grad, names);
    public static Tensor tensor(bool scalar, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        From<bool>([scalar], [], dtype, device, requires_grad);
    public static Tensor tensor(
        bool[,,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        FromArray<bool>(rawArray, dtype, device, requires_grad, names);
    public static Tensor tensor(
        bool[,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        FromArray<bool>(rawArray, dtype, device, requires_grad, names);
    public static Tensor tensor(
        bool[,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        FromArray<bool>(rawArray, dtype, device, requires_grad, names);
    public static Tensor tensor(
        bool[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<bool>(rawArray, [rawArray.LongLength], dtype, device, requires_grad, names);
    public static Tensor tensor(
        bool[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        From<bool>(rawArray, dimensions, dtype, device, requires_grad, names);
    public static Tensor tensor(
        double real, double imaginary, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        From<Complex>([new Complex(real, imaginary)], [], dtype, device, requires_grad);
    public static Tensor tensor(double scalar, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        From<double>([scalar], [], dtype, device, requires_grad);
    public static Tensor tensor(
        double[,,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        FromArray<double>(rawArray, dtype, device, requires_grad, names);
    public static Tensor tensor(
        double[,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        FromArray<double>(rawArray, dtype, device, requires_grad, names);
    public static Tensor tensor(
        double[,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        FromArray<double>(rawArray, dtype, device, requires_grad, names);
    public static Tensor tensor(
        double[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<double>(rawArray, [rawArray.LongLength], dtype, device, requires_grad, names);
    public static Tensor tensor(
        double[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        From<double>(rawArray, dimensions, dtype, device, requires_grad, names);
    public static Tensor tensor(float real, float imaginary, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        From<(float, float)>([(real, imaginary)], [], dtype, device, requires_grad);
    public static Tensor tensor(float scalar, Device? device = null, bool requires_grad = false) =>
        From<float>([scalar], [], null, device, requires_grad);
    public static Tensor tensor(
        float[,,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        FromArray<float>(rawArray, dtype, device, requires_grad, names);
    public static Tensor tensor(
        float[,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        FromArray<float>(rawArray, dtype, device, requires_grad, names);
    public static Tensor tensor(
        float[,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        FromArray<float>(rawArray, dtype, device, requires_grad, names);
    public static Tensor tensor(
        float[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<float>(rawArray, [rawArray.LongLength], dtype, device, requires_grad, names);
    public static Tensor tensor(
        float[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        From<float>(rawArray, dimensions, dtype, device, requires_grad, names);
    public static Tensor tensor(int scalar, Device? device = null, bool requires_grad = false) =>
        From<int>([scalar], [], null, device, requires_grad);
    public static Tensor tensor(
        int[,,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        FromArray<int>(rawArray, dtype, device, requires_grad, names);
    public static Tensor tensor(
        int[,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        FromArray<int>(rawArray, dtype, device, requires_grad, names);
    public static Tensor tensor(
        int[,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        FromArray<int>(rawArray, dtype, device, requires_grad, names);
    public static Tensor tensor(
        int[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<int>(rawArray, [rawArray.LongLength], dtype, device, requires_grad, names);
    public static Tensor tensor(
        int[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        From<int>(rawArray, dimensions, dtype, device, requires_grad, names);
    public static Tensor tensor(
        int[] rawArray, long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false, string[]? names = null) =>
        From<int>(rawArray, [dim0, dim1, dim2, dim3], dtype, device, requires_grad, names);
    public static Tensor tensor(long scalar, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        From<long>([scalar], [], dtype, device, requires_grad);
    public static Tensor tensor(
        long[,,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        FromArray<long>(rawArray, dtype, device, requires_grad, names);
    public static Tensor tensor(
        long[,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        FromArray<long>(rawArray, dtype, device, requires_grad, names);
    public static Tensor tensor(
        long[,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        FromArray<long>(rawArray, dtype, device, requires_grad, names);
    public static Tensor tensor(
        long[] dataArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<long>(dataArray, [dataArray.LongLength], dtype, device, requires_grad, names);
    public static Tensor tensor(
        long[] dataArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        From<long>(dataArray, dimensions, dtype, device, requires_grad, names);
    public static Tensor[] tensor_split(Tensor input, Tensor indices_or_sections, long dim = 0) =>
        input.tensor_split(indices_or_sections, dim);
    public static Tensor[] tensor_split(Tensor input, long indices_or_sections, long dim = 0) =>
        input.tensor_split(indices_or_sections, dim);
    public static Tensor[] tensor_split(Tensor input, long[] indices_or_sections, long dim = 0) =>
        input.tensor_split(indices_or_sections, dim);
    public static Tensor tile(Tensor input, long[] dims) => input.tile(dims);
    public static (Tensor values, Tensor indexes) topk(Tensor tensor, int k, int dim = -1, bool largest = true, bool sorted = true) =>
        tensor.topk(k, dim, largest, sorted);
    public static Tensor trace(Tensor input) => input.trace();
    public static Tensor transpose(Tensor input, long dim0, long dim1) => input.transpose(dim0, dim1);
    public static Tensor tril(Tensor input, long diagonal = 0) => input.tril(diagonal);
    public static Tensor tril_(Tensor input, long diagonal = 0) => input.tril_(diagonal);
    public static Tensor tril_indices(long row, long col, long offset = 0, ScalarType dtype = ScalarType.Int64, Device? device = null) =>
        Op.tril_indices.Call(row, col, offset, dtype, Arg.Absent, device);
    public static Tensor triu(Tensor input, long diagonal = 0) => input.triu(diagonal);
    public static Tensor triu_(Tensor input, long diagonal = 0) => input.triu_(diagonal);
    public static Tensor triu_indices(long row, long col, long offset = 0, ScalarType dtype = ScalarType.Int64, Device? device = null) =>
        Op.triu_indices.Call(row, col, offset, dtype, Arg.Absent, device);
    public static Tensor true_divide(Tensor dividend, Tensor divisor) => dividend.true_divide(divisor);
    public static Tensor true_divide_(Tensor dividend, Tensor divisor) => dividend.true_divide_(divisor);
    public static Tensor trunc(Tensor input) => input.trunc();
    public static Tensor trunc_(Tensor input) => input.trunc_();
    public static Tensor[] unbind(Tensor input, long dim = 0) => input.unbind(dim);
    public static Tensor[] unbind(Tensor tensor, int dim = 0) => Op.unbind_int.CallList(tensor, dim);
    public static Tensor unflatten(Tensor input, long dim, Size sizes) => input.unflatten(dim, sizes);
    public static Tensor unflatten(Tensor input, long dim, params long[] sizes) => input.unflatten(dim, sizes);
    public static (Tensor output, Tensor? inverse_indices, Tensor? counts) unique(
        Tensor input, bool sorted = true, bool return_inverse = false, bool return_counts = false, int? dim = null) =>
        input.unique(sorted, return_inverse, return_counts, dim);
    public static (Tensor output, Tensor? inverse_indices, Tensor? counts) unique_consecutive(
        Tensor input, bool return_inverse = false, bool return_counts = false, int? dim = null) =>
        input.unique_consecutive(return_inverse, return_counts, dim);
    public static Tensor unsqueeze(Tensor input, long dim) => input.unsqueeze(dim);
    public static Tensor unsqueeze_(Tensor input, long dim) => input.unsqueeze_(dim);
    public static Tensor vander(Tensor x, long N = -1, bool increasing = false) => x.vander(N, increasing);
    public static Tensor var(
        Tensor input, (long, long, long) dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
        input.var(dimensions, unbiased, keepdim, type);
    public static Tensor var(Tensor input, (long, long) dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
        input.var(dimensions, unbiased, keepdim, type);
    public static Tensor var(Tensor input, bool unbiased = true) => input.var(unbiased);
    public static Tensor var(Tensor input, long dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
        input.var(dimensions, unbiased, keepdim, type);
    public static Tensor var(Tensor input, long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
        input.var(dimensions, unbiased, keepdim, type);
    public static (Tensor std, Tensor mean) var_mean(
        Tensor input, ReadOnlySpan<long> dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
        input.var_mean(dimensions, unbiased, keepdim, type);
    public static (Tensor std, Tensor mean) var_mean(
        Tensor input, (long, long, long) dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
        input.var_mean(dimensions, unbiased, keepdim, type);
    public static (Tensor std, Tensor mean) var_mean(
        Tensor input, (long, long) dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
        input.var_mean(dimensions, unbiased, keepdim, type);
    public static (Tensor std, Tensor mean) var_mean(Tensor input, bool unbiased = true) => input.var_mean(unbiased);
    public static (Tensor std, Tensor mean) var_mean(
        Tensor input, long dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
        input.var_mean(dimensions, unbiased, keepdim, type);
    public static (Tensor std, Tensor mean) var_mean(
        Tensor input, long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
        input.var_mean(dimensions, unbiased, keepdim, type);
    public static Tensor vdot(Tensor input, Tensor target) => input.vdot(target);
    public static Tensor view_as_complex(Tensor input) => input.view_as_complex();
    public static Tensor view_as_real(Tensor input) => input.view_as_real();
    public static Tensor vstack(IList<Tensor> tensors) => Op.vstack.Call(Arg.List(tensors));
    public static Tensor vstack(ReadOnlySpan<Tensor> tensors) => Op.vstack.Call(tensors.ToArray());
    public static Tensor vstack(Tensor[] tensors) => Op.vstack.Call(Arg.List(tensors));
    public static Tensor[] where(Tensor condition) => Op.where.CallList(condition);
    public static Tensor where(Tensor condition, Tensor x, Tensor y) => condition.where(x, y);
    public static Tensor xlogy(Tensor x, Scalar y) => x.xlogy(y);
    public static Tensor xlogy(Tensor x, Tensor y) => x.xlogy(y);
    public static Tensor xlogy_(Tensor x, Scalar y) => x.xlogy_(y);
    public static Tensor xlogy_(Tensor x, Tensor y) => x.xlogy_(y);
    public static Tensor zeros(
        ReadOnlySpan<long> size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        zeros(size.ToArray(), dtype, device, requires_grad, names);
    public static Tensor zeros(
        int dim0, int dim1, int dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        zeros([dim0, dim1, dim2], dtype, device, requires_grad, names);
    public static Tensor zeros(
        int dim0, int dim1, int dim2, int dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        zeros([dim0, dim1, dim2, dim3], dtype, device, requires_grad, names);
    public static Tensor zeros(
        int rows, int columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        zeros([rows, columns], dtype, device, requires_grad, names);
    public static Tensor zeros(
        int size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        zeros([size], dtype, device, requires_grad, names);
    public static Tensor zeros(
        long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        zeros([dim0, dim1, dim2], dtype, device, requires_grad, names);
    public static Tensor zeros(
        long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        string[]? names = null) =>
        zeros([dim0, dim1, dim2, dim3], dtype, device, requires_grad, names);
    public static Tensor zeros(
        long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        zeros([rows, columns], dtype, device, requires_grad, names);
    public static Tensor zeros(
        long size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        zeros([size], dtype, device, requires_grad, names);
    public static Tensor zeros(
        long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        Made(Op.zeros.Call(size, dtype, Arg.Absent, device), requires_grad, names);
}
