namespace TorchSharp;

public static partial class torch
{
    // What the real package lists, each over the ATen operator that it stands for.
    public partial class Tensor
    {
        public Tensor abs() => Op.abs.Call(this);
        public Tensor abs_() => Op.abs_.InPlace(this);
        public Tensor absolute() => Op.absolute.Call(this);
        public Tensor absolute_() => Op.absolute_.InPlace(this);
        public Tensor acos() => Op.acos.Call(this);
        public Tensor acos_() => Op.acos_.InPlace(this);
        public Tensor acosh() => Op.acosh.Call(this);
        public Tensor acosh_() => Op.acosh_.InPlace(this);
        public Tensor add(Scalar scalar) => Op.add_Scalar.Call(this, scalar);
        public Tensor add(Scalar scalar, Scalar alpha) => Op.add_Scalar.Call(this, scalar, alpha);
        public Tensor add(Tensor target) => Op.add_Tensor.Call(this, target);
        public Tensor add(Tensor target, Scalar alpha) => Op.add_Tensor.Call(this, target, alpha);
        public Tensor add_(Scalar scalar) => Op.add__Scalar.InPlace(this, scalar);
        public Tensor add_(Scalar scalar, Scalar alpha) => Op.add__Scalar.InPlace(this, scalar, alpha);
        public Tensor add_(Tensor target) => Op.add__Tensor.InPlace(this, target);
        public Tensor add_(Tensor target, Scalar alpha) => Op.add__Tensor.InPlace(this, target, alpha);
        public Tensor addbmm(Tensor batch1, Tensor batch2, float beta = 1, float alpha = 1) =>
            Op.addbmm.Call(this, batch1, batch2, beta, alpha);
        public Tensor addbmm_(Tensor batch1, Tensor batch2, float beta = 1, float alpha = 1) =>
            Op.addbmm_.InPlace(this, batch1, batch2, beta, alpha);
        public Tensor addcdiv(Tensor tensor1, Tensor tensor2) => Op.addcdiv.Call(this, tensor1, tensor2);
        public Tensor addcdiv(Tensor tensor1, Tensor tensor2, Scalar value) => Op.addcdiv.Call(this, tensor1, tensor2, value);
        public Tensor addcdiv_(Tensor tensor1, Tensor tensor2) => Op.addcdiv_.InPlace(this, tensor1, tensor2);
        public Tensor addcdiv_(Tensor tensor1, Tensor tensor2, Scalar value) => Op.addcdiv_.InPlace(this, tensor1, tensor2, value);
        public Tensor addcmul(Tensor tensor1, Tensor tensor2, Scalar value) => Op.addcmul.Call(this, tensor1, tensor2, value);
        public Tensor addcmul_(Tensor tensor1, Tensor tensor2, Scalar value) => Op.addcmul_.InPlace(this, tensor1, tensor2, value);
        public Tensor addmm(Tensor mat1, Tensor mat2, float beta = 1, float alpha = 1) => Op.addmm.Call(this, mat1, mat2, beta, alpha);
        public Tensor addmm_(Tensor mat1, Tensor mat2, float beta = 1, float alpha = 1) => Op.addmm_.InPlace(this, mat1, mat2, beta, alpha);
        public Tensor addmv(Tensor mat, Tensor vec, float beta = 1, float alpha = 1) => Op.addmv.Call(this, mat, vec, beta, alpha);
        public Tensor addmv_(Tensor mat, Tensor vec, float beta = 1, float alpha = 1) => Op.addmv_.InPlace(this, mat, vec, beta, alpha);
        public Tensor addr(Tensor vec1, Tensor vec2, float beta = 1, float alpha = 1) => Op.addr.Call(this, vec1, vec2, beta, alpha);
        public Tensor addr_(Tensor vec1, Tensor vec2, float beta = 1, float alpha = 1) => Op.addr_.InPlace(this, vec1, vec2, beta, alpha);
        public Tensor adjoint() => Op.adjoint.Call(this);
        public Tensor all() => Op.all.Call(this);
        public Tensor all(long dim, bool keepdim = false) => Op.all_dim.Call(this, dim, keepdim);
        public bool allclose(Tensor target, double rtol = 1e-5, double atol = 1e-8, bool equal_nan = false) =>
            Op.allclose.CallBool(this, target, rtol, atol, equal_nan);
        public Tensor amax(ReadOnlySpan<long> dims, bool keepdim = false, Tensor? @out = null) =>
            @out is null ? Op.amax.Call(this, dims, keepdim) : Op.amax_out.Call(this, dims, keepdim, @out);
        public Tensor amax(long[] dims, bool keepdim = false, Tensor? @out = null) =>
            @out is null ? Op.amax.Call(this, dims, keepdim) : Op.amax_out.Call(this, dims, keepdim, @out);
        public Tensor amax(params long[] dims) => Op.amax.Call(this, dims);
        public Tensor amin(ReadOnlySpan<long> dims, bool keepdim = false, Tensor? @out = null) =>
            @out is null ? Op.amin.Call(this, dims, keepdim) : Op.amin_out.Call(this, dims, keepdim, @out);
        public Tensor amin(long[] dims, bool keepdim = false, Tensor? @out = null) =>
            @out is null ? Op.amin.Call(this, dims, keepdim) : Op.amin_out.Call(this, dims, keepdim, @out);
        public Tensor amin(params long[] dims) => Op.amin.Call(this, dims);
        public (Tensor min, Tensor max) aminmax(long? dim = null, bool keepdim = false) => Op.aminmax.Call2(this, dim, keepdim);
        public Tensor angle() => Op.angle.Call(this);
        public Tensor any() => Op.any.Call(this);
        public Tensor any(long dim, bool keepdim = false) => Op.any_dim.Call(this, dim, keepdim);
        public Tensor arccos() => Op.arccos.Call(this);
        public Tensor arccos_() => Op.arccos_.InPlace(this);
        public Tensor arccosh() => Op.arccosh.Call(this);
        public Tensor arccosh_() => Op.arccosh_.InPlace(this);
        public Tensor arcsin() => Op.arcsin.Call(this);
        public Tensor arcsin_() => Op.arcsin_.InPlace(this);
        public Tensor arcsinh() => Op.arcsinh.Call(this);
        public Tensor arcsinh_() => Op.arcsinh_.InPlace(this);
        public Tensor arctan() => Op.arctan.Call(this);
        public Tensor arctan(Tensor other) => Op.atan2.Call(this, other);
        public Tensor arctan2(Tensor other) => Op.arctan2.Call(this, other);
        public Tensor arctan2_(Tensor other) => Op.arctan2_.InPlace(this, other);
        public Tensor arctan_() => Op.arctan_.InPlace(this);
        public Tensor arctan_(Tensor other) => Op.atan2_.InPlace(this, other);
        public Tensor arctanh() => Op.arctanh.Call(this);
        public Tensor arctanh_() => Op.arctanh_.InPlace(this);
        public Tensor argmax() => Op.argmax.Call(this);
        public Tensor argmax(long dim, bool keepdim = false) => Op.argmax.Call(this, dim, keepdim);
        public Tensor argmin() => Op.argmin.Call(this);
        public Tensor argmin(long dim, bool keepdim = false) => Op.argmin.Call(this, dim, keepdim);
        public Tensor argsort(long dim = -1, bool descending = false) => Op.argsort.Call(this, dim, descending);
        public Tensor argwhere() => Op.argwhere.Call(this);
        public Tensor as_strided(long[] size, long[] strides, long storageOffset = 0) =>
            Op.as_strided.Call(this, size, strides, storageOffset);
        public Tensor asin() => Op.asin.Call(this);
        public Tensor asin_() => Op.asin_.InPlace(this);
        public Tensor asinh() => Op.asinh.Call(this);
        public Tensor asinh_() => Op.asinh_.InPlace(this);
        public Tensor atan() => Op.atan.Call(this);
        public Tensor atan2(Tensor other) => Op.atan2.Call(this, other);
        public Tensor atan2_(Tensor other) => Op.atan2_.InPlace(this, other);
        public Tensor atan_() => Op.atan_.InPlace(this);
        public Tensor atanh() => Op.atanh.Call(this);
        public Tensor atanh_() => Op.atanh_.InPlace(this);
        public Tensor atleast_1d() => Op.atleast_1d.Call(this);
        public Tensor atleast_2d() => Op.atleast_2d.Call(this);
        public Tensor atleast_3d() => Op.atleast_3d.Call(this);
        public Tensor baddbmm(Tensor batch1, Tensor batch2, float beta = 1, float alpha = 1) =>
            Op.baddbmm.Call(this, batch1, batch2, beta, alpha);
        public Tensor bernoulli(Generator? generator = null) => Op.bernoulli.Call(this, generator);
        public Tensor bernoulli_(Tensor p, Generator? generator = null) => Op.bernoulli__Tensor.InPlace(this, p, generator);
        public Tensor bernoulli_(double p = 0.5, Generator? generator = null) => Op.bernoulli__float.InPlace(this, p, generator);
        public Tensor bfloat16() => to_type(ScalarType.BFloat16);
        public Tensor bincount(Tensor weights, long minlength = 0) => Op.bincount.Call(this, weights, minlength);
        public Tensor binomial(Tensor prob, Generator? generator = null) => Op.binomial.Call(this, prob, generator);
        public Tensor bitwise_and(Tensor other) => Op.bitwise_and_Tensor.Call(this, other);
        public Tensor bitwise_and_(Tensor other) => Op.bitwise_and__Tensor.InPlace(this, other);
        public Tensor bitwise_left_shift(Tensor other) => Op.bitwise_left_shift_Tensor.Call(this, other);
        public Tensor bitwise_left_shift_(Tensor other) => Op.bitwise_left_shift__Tensor.InPlace(this, other);
        public Tensor bitwise_not() => Op.bitwise_not.Call(this);
        public Tensor bitwise_not_() => Op.bitwise_not_.InPlace(this);
        public Tensor bitwise_or(Tensor other) => Op.bitwise_or_Tensor.Call(this, other);
        public Tensor bitwise_or_(Tensor other) => Op.bitwise_or__Tensor.InPlace(this, other);
        public Tensor bitwise_right_shift(Tensor other) => Op.bitwise_right_shift_Tensor.Call(this, other);
        public Tensor bitwise_right_shift_(Tensor other) => Op.bitwise_right_shift__Tensor.InPlace(this, other);
        public Tensor bitwise_xor(Tensor other) => Op.bitwise_xor_Tensor.Call(this, other);
        public Tensor bitwise_xor_(Tensor other) => Op.bitwise_xor__Tensor.InPlace(this, other);
        public Tensor bmm(Tensor batch2) => Op.bmm.Call(this, batch2);
        public Tensor @bool() => to_type(ScalarType.Bool);
        public Tensor broadcast_to(params long[] shape) => Op.broadcast_to.Call(this, shape);
        public Tensor bucketize(Tensor boundaries, bool outInt32 = false, bool right = false) =>
            Op.bucketize_Tensor.Call(this, boundaries, outInt32, right);
        public Tensor @byte() => to_type(ScalarType.Byte);
        public Tensor cauchy_(double median = 0, double sigma = 1, Generator? generator = null) =>
            Op.cauchy_.InPlace(this, median, sigma, generator);
        public Tensor cdouble() => to_type(ScalarType.ComplexFloat64);
        public Tensor ceil() => Op.ceil.Call(this);
        public Tensor ceil_() => Op.ceil_.InPlace(this);
        public Tensor celu() => Op.celu.Call(this);
        public Tensor celu(Scalar alpha) => Op.celu.Call(this, alpha);
        public Tensor celu_() => Op.celu_.InPlace(this);
        public Tensor celu_(Scalar alpha) => Op.celu_.InPlace(this, alpha);
        public Tensor cfloat() => to_type(ScalarType.ComplexFloat32);
        public Tensor channel_shuffle(long groups) => Op.channel_shuffle.Call(this, groups);
        public Tensor @char() => to_type(ScalarType.Int8);
        public Tensor cholesky(bool upper = false) => Op.cholesky.Call(this, upper);
        public Tensor cholesky_inverse(bool upper = false) => Op.cholesky_inverse.Call(this, upper);
        public Tensor cholesky_solve(Tensor input2, bool upper = false) => Op.cholesky_solve.Call(this, input2, upper);
        public Tensor[] chunk(long chunks, long dim = 0) => Op.chunk.CallList(this, chunks, dim);
        public Tensor clamp(Scalar? min = null, Scalar? max = null) => Op.clamp.Call(this, min, max);
        public Tensor clamp(Tensor? min = null, Tensor? max = null) => Op.clamp_Tensor.Call(this, min, max);
        public Tensor clamp_(Scalar? min = null, Scalar? max = null) => Op.clamp_.InPlace(this, min, max);
        public Tensor clamp_(Tensor? min = null, Tensor? max = null) => Op.clamp__Tensor.InPlace(this, min, max);
        public Tensor clamp_max(Scalar max) => Op.clamp_max.Call(this, max);
        public Tensor clamp_max_(Scalar max) => Op.clamp_max_.InPlace(this, max);
        public Tensor clamp_min(Scalar min) => Op.clamp_min.Call(this, min);
        public Tensor clamp_min_(Scalar min) => Op.clamp_min_.InPlace(this, min);
        public Tensor clip(Scalar? min = null, Scalar? max = null) => Op.clip.Call(this, min, max);
        public Tensor clone() => Op.clone.Call(this);
        public Tensor conj() => Op.conj.Call(this);
        public Tensor conj_physical() => Op.conj_physical.Call(this);
        public Tensor conj_physical_() => Op.conj_physical_.InPlace(this);
        public Tensor contiguous() => Op.contiguous.Call(this);
        public Tensor copy_(Tensor source, bool nonBlocking = false) => Op.copy_.InPlace(this, source, nonBlocking);
        public Tensor copysign(Tensor other) => Op.copysign_Tensor.Call(this, other);
        public Tensor corrcoef() => Op.corrcoef.Call(this);
        public Tensor cos() => Op.cos.Call(this);
        public Tensor cos_() => Op.cos_.InPlace(this);
        public Tensor cosh() => Op.cosh.Call(this);
        public Tensor cosh_() => Op.cosh_.InPlace(this);
        public Tensor count_nonzero(long[]? dims = null) =>
            dims is null ? Op.count_nonzero.Call(this) : Op.count_nonzero_dim_IntList.Call(this, dims);
        public Tensor cov(long correction = 1, Tensor? fweights = null, Tensor? aweights = null) =>
            Op.cov.Call(this, correction, fweights, aweights);
        public Tensor cpu() => to(CPU);
        public Tensor cuda(Device? device = null, bool non_blocking = false) => to(device ?? CUDA, non_blocking: non_blocking);
        public (Tensor values, Tensor indexes) cummax(long dim) => Op.cummax.Call2(this, dim);
        public (Tensor values, Tensor indexes) cummin(long dim) => Op.cummin.Call2(this, dim);
        public Tensor cumprod(long dim, ScalarType? type = null) => Op.cumprod.Call(this, dim, type);
        public Tensor cumsum(long dim, ScalarType? type = null) => Op.cumsum.Call(this, dim, type);
        public Tensor deg2rad() => Op.deg2rad.Call(this);
        public Tensor det() => Op.det.Call(this);
        public Tensor detach() => Op.detach.Call(this);
        public Tensor detach_() => Op.detach_.InPlace(this);
        public Tensor diag(long diagonal = 0) => Op.diag.Call(this, diagonal);
        public Tensor diag_embed(long offset = 0, long dim1 = -2, long dim2 = -1) => Op.diag_embed.Call(this, offset, dim1, dim2);
        public Tensor diagflat(long offset = 0) => Op.diagflat.Call(this, offset);
        public Tensor diagonal(long offset = 0, long dim1 = 0, long dim2 = 1) => Op.diagonal.Call(this, offset, dim1, dim2);
        public Tensor diagonal_scatter(Tensor src, long offset = 0, long dim1 = 0, long dim2 = 1) =>
            Op.diagonal_scatter.Call(this, src, offset, dim1, dim2);
        public Tensor diff(long n = 1, long dim = -1, Tensor? prepend = null, Tensor? append = null) =>
            Op.diff.Call(this, n, dim, prepend, append);
        public Tensor digamma() => Op.digamma.Call(this);
        public Tensor digamma_() => Op.digamma_.InPlace(this);
        public Tensor dist(Tensor other, float p = 2) => Op.dist.Call(this, other, p);
        public Tensor div(Scalar target, RoundingMode rounding_mode = RoundingMode.None) =>
            Op.div_Scalar_mode.Call(this, target, Name(rounding_mode));
        public Tensor div(Tensor target, RoundingMode rounding_mode = RoundingMode.None) =>
            Op.div_Tensor_mode.Call(this, target, Name(rounding_mode));
        public Tensor div_(Scalar target, RoundingMode rounding_mode = RoundingMode.None) =>
            Op.div__Scalar_mode.InPlace(this, target, Name(rounding_mode));
        public Tensor div_(Tensor target, RoundingMode rounding_mode = RoundingMode.None) =>
            Op.div__Tensor_mode.InPlace(this, target, Name(rounding_mode));
        public Tensor divide(Scalar target, RoundingMode rounding_mode = RoundingMode.None) =>
            Op.div_Scalar_mode.Call(this, target, Name(rounding_mode));
        public Tensor divide(Tensor target, RoundingMode rounding_mode = RoundingMode.None) =>
            Op.div_Tensor_mode.Call(this, target, Name(rounding_mode));
        public Tensor divide_(Scalar target, RoundingMode rounding_mode = RoundingMode.None) =>
            Op.div__Scalar_mode.InPlace(this, target, Name(rounding_mode));
        public Tensor divide_(Tensor target, RoundingMode rounding_mode = RoundingMode.None) =>
            Op.div__Tensor_mode.InPlace(this, target, Name(rounding_mode));
        public Tensor dot(Tensor target) => Op.dot.Call(this, target);
        public Tensor @double() => to_type(ScalarType.Float64);
        public Tensor elu(Scalar alpha, Scalar scale, Scalar input_scale) => Op.elu.Call(this, alpha, scale, input_scale);
        public Tensor elu(double alpha = 1) => Op.elu.Call(this, alpha);
        public Tensor elu_(Scalar alpha, Scalar scale, Scalar input_scale) => Op.elu_.InPlace(this, alpha, scale, input_scale);
        public Tensor elu_(double alpha = 1) => Op.elu_.InPlace(this, alpha);
        public Tensor empty_like(ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
            Made(Op.empty_like.Call(this, dtype, Arg.Absent, device), requires_grad);
        public Tensor eq(Scalar target) => Op.eq_Scalar.Call(this, target);
        public Tensor eq(Tensor target) => Op.eq_Tensor.Call(this, target);
        public Tensor eq_(Scalar target) => Op.eq__Scalar.InPlace(this, target);
        public Tensor eq_(Tensor target) => Op.eq__Tensor.InPlace(this, target);
        public Tensor equal(Tensor target) => torch.tensor(Op.equal.CallBool(this, target));
        public Tensor erf() => Op.erf.Call(this);
        public Tensor erf_() => Op.erf_.InPlace(this);
        public Tensor erfc() => Op.erfc.Call(this);
        public Tensor erfc_() => Op.erfc_.InPlace(this);
        public Tensor erfinv() => Op.erfinv.Call(this);
        public Tensor erfinv_() => Op.erfinv_.InPlace(this);
        public Tensor exp() => Op.exp.Call(this);
        public Tensor exp2() => Op.exp2.Call(this);
        public Tensor exp_() => Op.exp_.InPlace(this);
        public Tensor expand(ReadOnlySpan<long> sizes, bool isImplicit = false) => Op.expand.Call(this, sizes, isImplicit);
        public Tensor expand(Size sizes, bool isImplicit = false) => Op.expand.Call(this, sizes, isImplicit);
        public Tensor expand(long[] sizes, bool isImplicit = false) => Op.expand.Call(this, sizes, isImplicit);
        public Tensor expand(params long[] sizes) => Op.expand.Call(this, sizes);
        public Tensor expand_as(Tensor other) => Op.expand_as.Call(this, other);
        public Tensor expm1() => Op.expm1.Call(this);
        public Tensor expm1_() => Op.expm1_.InPlace(this);
        public Tensor exponential_(double lambda = 1, Generator? generator = null) => Op.exponential_.InPlace(this, lambda, generator);
        public Tensor fill_(Scalar value) => Op.fill__Scalar.InPlace(this, value);
        public Tensor fix() => Op.fix.Call(this);
        public Tensor fix_() => Op.fix_.InPlace(this);
        public Tensor flatten(long start_dim = 0, long end_dim = -1) => Op.flatten_using_ints.Call(this, start_dim, end_dim);
        public Tensor flip(params long[] dims) => Op.flip.Call(this, dims);
        public Tensor fliplr() => Op.fliplr.Call(this);
        public Tensor flipud() => Op.flipud.Call(this);
        public Tensor @float() => to_type(ScalarType.Float32);
        public Tensor float_power(Tensor target) => Op.float_power_Tensor_Tensor.Call(this, target);
        public Tensor floor() => Op.floor.Call(this);
        public Tensor floor_() => Op.floor_.InPlace(this);
        public Tensor floor_divide(Scalar other) => Op.floor_divide_Scalar.Call(this, other);
        public Tensor floor_divide(Tensor other) => Op.floor_divide.Call(this, other);
        public Tensor floor_divide_(Scalar other) => Op.floor_divide__Scalar.InPlace(this, other);
        public Tensor floor_divide_(Tensor other) => Op.floor_divide__Tensor.InPlace(this, other);
        public Tensor fmax(Tensor other) => Op.fmax.Call(this, other);
        public Tensor fmin(Tensor other) => Op.fmin.Call(this, other);
        public Tensor fmod(Scalar scalar) => Op.fmod_Scalar.Call(this, scalar);
        public Tensor fmod(Tensor target) => Op.fmod_Tensor.Call(this, target);
        public Tensor fmod_(Scalar scalar) => Op.fmod__Scalar.InPlace(this, scalar);
        public Tensor fmod_(Tensor target) => Op.fmod__Tensor.InPlace(this, target);
        public Tensor frac() => Op.frac.Call(this);
        public Tensor frac_() => Op.frac_.InPlace(this);
        public (Tensor Mantissa, Tensor Exponent) frexp() => Op.frexp_Tensor.Call2(this);
        public Tensor full_like(Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
            Made(Op.full_like.Call(this, value, dtype, Arg.Absent, device), requires_grad);
        public Tensor gather(long dim, Tensor index) => Op.gather.Call(this, dim, index);
        public Tensor gcd(Tensor other) => Op.gcd.Call(this, other);
        public Tensor gcd_(Tensor other) => Op.gcd_.InPlace(this, other);
        public Tensor ge(Scalar target) => Op.ge_Scalar.Call(this, target);
        public Tensor ge(Tensor target) => Op.ge_Tensor.Call(this, target);
        public Tensor ge_(Scalar target) => Op.ge__Scalar.InPlace(this, target);
        public Tensor ge_(Tensor target) => Op.ge__Tensor.InPlace(this, target);
        public Tensor gelu() => Op.gelu.Call(this);
        public Tensor gelu_() => Op.gelu_.InPlace(this);
        public Tensor geometric_(double p, Generator? generator = null) => Op.geometric_.InPlace(this, p, generator);
        public (Tensor a, Tensor tau) geqrf() => Op.geqrf.Call2(this);
        public Tensor ger(Tensor vec2) => Op.ger.Call(this, vec2);
        public Tensor glu(long dim = -1) => Op.glu.Call(this, dim);
        public Tensor greater(Tensor target) => Op.greater_Tensor.Call(this, target);
        public Tensor greater_equal(Tensor target) => Op.greater_equal_Tensor.Call(this, target);
        public Tensor gt(Scalar target) => Op.gt_Scalar.Call(this, target);
        public Tensor gt(Tensor target) => Op.gt_Tensor.Call(this, target);
        public Tensor gt_(Scalar target) => Op.gt__Scalar.InPlace(this, target);
        public Tensor gt_(Tensor target) => Op.gt__Tensor.InPlace(this, target);
        public Tensor half() => to_type(ScalarType.Float16);
        public Tensor hardsigmoid() => Op.hardsigmoid.Call(this);
        public Tensor hardsigmoid_() => Op.hardsigmoid_.InPlace(this);
        public Tensor hardswish() => Op.hardswish.Call(this);
        public Tensor hardswish_() => Op.hardswish_.InPlace(this);
        public Tensor hardtanh(Scalar min, Scalar max) => Op.hardtanh.Call(this, min, max);
        public Tensor hardtanh_(Scalar min, Scalar max) => Op.hardtanh_.InPlace(this, min, max);
        public Tensor heaviside(Tensor other) => Op.heaviside.Call(this, other);
        public Tensor hypot(Tensor other) => Op.hypot.Call(this, other);
        public Tensor i0() => Op.i0.Call(this);
        public Tensor igamma(Tensor other) => Op.igamma.Call(this, other);
        public Tensor igammac(Tensor other) => Op.igammac.Call(this, other);
        public Tensor index_add(long dim, Tensor index, Tensor source, Scalar alpha) => Op.index_add.Call(this, dim, index, source, alpha);
        public Tensor index_add_(long dim, Tensor index, Tensor source, Scalar alpha) =>
            Op.index_add_.InPlace(this, dim, index, source, alpha);
        public Tensor index_copy(long dim, Tensor index, Tensor source) => Op.index_copy.Call(this, dim, index, source);
        public Tensor index_copy_(long dim, Tensor index, Tensor source) => Op.index_copy_.InPlace(this, dim, index, source);
        public Tensor index_fill(long dim, Tensor index, Scalar value) => Op.index_fill_int_Scalar.Call(this, dim, index, value);
        public Tensor index_fill_(long dim, Tensor index, Scalar value) => Op.index_fill__int_Scalar.InPlace(this, dim, index, value);
        public Tensor index_select(long dim, Tensor index) => Op.index_select.Call(this, dim, index);
        public Tensor inner(Tensor vec2) => Op.inner.Call(this, vec2);
        public Tensor @int() => to_type(ScalarType.Int32);
        public Tensor inverse() => Op.inverse.Call(this);
        public Tensor isclose(Tensor other, double rtol = 1e-5, double atol = 1e-8, bool nanEqual = false) =>
            Op.isclose.Call(this, other, rtol, atol, nanEqual);
        public Tensor isfinite() => Op.isfinite.Call(this);
        public Tensor isin(Tensor test_elements, bool assumeUnique = false, bool invert = false) =>
            Op.isin_Tensor_Tensor.Call(this, test_elements, assumeUnique, invert);
        public Tensor isinf() => Op.isinf.Call(this);
        public Tensor isnan() => Op.isnan.Call(this);
        public Tensor isneginf() => Op.isneginf.Call(this);
        public Tensor isposinf() => Op.isposinf.Call(this);
        public Tensor isreal() => Op.isreal.Call(this);
        public Tensor kron(Tensor other) => Op.kron.Call(this, other);
        public (Tensor values, Tensor indices) kthvalue(long k, long? dim, bool keepdim = false) =>
            Op.kthvalue.Call2(this, k, dim, keepdim);
        public Tensor lcm(Tensor other) => Op.lcm.Call(this, other);
        public Tensor lcm_(Tensor other) => Op.lcm_.InPlace(this, other);
        public Tensor ldexp(Tensor other) => Op.ldexp_Tensor.Call(this, other);
        public Tensor ldexp_(Tensor other) => Op.ldexp_.InPlace(this, other);
        public Tensor le(Scalar target) => Op.le_Scalar.Call(this, target);
        public Tensor le(Tensor target) => Op.le_Tensor.Call(this, target);
        public Tensor le_(Scalar target) => Op.le__Scalar.InPlace(this, target);
        public Tensor le_(Tensor target) => Op.le__Tensor.InPlace(this, target);
        public Tensor leaky_relu(Scalar negative_slope) => Op.leaky_relu.Call(this, negative_slope);
        public Tensor leaky_relu_(Scalar negative_slope) => Op.leaky_relu_.InPlace(this, negative_slope);
        public Tensor lerp(Tensor end, Tensor weight) => Op.lerp_Tensor.Call(this, end, weight);
        public Tensor lerp_(Tensor end, Tensor weight) => Op.lerp__Tensor.InPlace(this, end, weight);
        public Tensor less(Tensor target) => Op.less_Tensor.Call(this, target);
        public Tensor less_equal(Tensor target) => Op.less_equal_Tensor.Call(this, target);
        public Tensor less_equal_(Tensor target) => Op.less_equal__Tensor.InPlace(this, target);
        public Tensor lgamma() => Op.lgamma.Call(this);
        public Tensor lgamma_() => Op.lgamma_.InPlace(this);
        public Tensor log() => Op.log.Call(this);
        public Tensor log10() => Op.log10.Call(this);
        public Tensor log10_() => Op.log10_.InPlace(this);
        public Tensor log1p() => Op.log1p.Call(this);
        public Tensor log1p_() => Op.log1p_.InPlace(this);
        public Tensor log2() => Op.log2.Call(this);
        public Tensor log2_() => Op.log2_.InPlace(this);
        public Tensor log_() => Op.log_.InPlace(this);
        public Tensor log_normal_(double mean = 0, double std = 1, Generator? generator = null) =>
            Op.log_normal_.InPlace(this, mean, std, generator);
        public Tensor log_sigmoid() => Op.log_sigmoid.Call(this);
        public Tensor log_softmax(long dim, ScalarType? dtype = null) => Op.log_softmax_int.Call(this, dim, dtype);
        public Tensor logaddexp(Tensor other) => Op.logaddexp.Call(this, other);
        public Tensor logaddexp2(Tensor other) => Op.logaddexp2.Call(this, other);
        public Tensor logcumsumexp(long dim) => Op.logcumsumexp.Call(this, dim);
        public Tensor logdet() => Op.logdet.Call(this);
        public Tensor logical_and(Tensor other) => Op.logical_and.Call(this, other);
        public Tensor logical_and_(Tensor other) => Op.logical_and_.InPlace(this, other);
        public Tensor logical_not() => Op.logical_not.Call(this);
        public Tensor logical_not_() => Op.logical_not_.InPlace(this);
        public Tensor logical_or(Tensor other) => Op.logical_or.Call(this, other);
        public Tensor logical_or_(Tensor other) => Op.logical_or_.InPlace(this, other);
        public Tensor logical_xor(Tensor other) => Op.logical_xor.Call(this, other);
        public Tensor logical_xor_(Tensor other) => Op.logical_xor_.InPlace(this, other);
        public Tensor logit(double? eps = null) => Op.logit.Call(this, eps);
        public Tensor logsumexp(long dim, bool keepdim = false) => Op.logsumexp.Call(this, dim, keepdim);
        public Tensor @long() => to_type(ScalarType.Int64);
        public Tensor lt(Scalar target) => Op.lt_Scalar.Call(this, target);
        public Tensor lt(Tensor target) => Op.lt_Tensor.Call(this, target);
        public Tensor lt_(Scalar target) => Op.lt__Scalar.InPlace(this, target);
        public Tensor lt_(Tensor target) => Op.lt__Tensor.InPlace(this, target);
        public Tensor masked_fill(Tensor mask, Scalar value) => Op.masked_fill_Scalar.Call(this, mask, value);
        public Tensor masked_fill_(Tensor mask, Scalar value) => Op.masked_fill__Scalar.InPlace(this, mask, value);
        public Tensor masked_scatter(Tensor mask, Tensor value) => Op.masked_scatter.Call(this, mask, value);
        public Tensor masked_scatter_(Tensor mask, Tensor value) => Op.masked_scatter_.InPlace(this, mask, value);
        public Tensor masked_select(Tensor mask) => Op.masked_select.Call(this, mask);
        public Tensor matmul(Tensor target) => Op.matmul.Call(this, target);
        public Tensor matrix_exp() => Op.matrix_exp.Call(this);
        public Tensor matrix_power(int n) => Op.matrix_power.Call(this, n);
        public Tensor max() => Op.max.Call(this);
        public Tensor max(Tensor other) => Op.max_other.Call(this, other);
        public (Tensor values, Tensor indexes) max(long dim, bool keepdim = false) => Op.max_dim.Call2(this, dim, keepdim);
        public Tensor maximum(Tensor other) => Op.maximum.Call(this, other);
        public Tensor mean() => Op.mean.Call(this);
        public Tensor mean(long[] dimensions, bool keepdim = false, ScalarType? type = null) =>
            Op.mean_dim.Call(this, dimensions, keepdim, type);
        public Tensor median() => Op.median.Call(this);
        public Tensor min() => Op.min.Call(this);
        public Tensor min(Tensor other) => Op.min_other.Call(this, other);
        public (Tensor values, Tensor indexes) min(long dim, bool keepdim = false) => Op.min_dim.Call2(this, dim, keepdim);
        public Tensor minimum(Tensor other) => Op.minimum.Call(this, other);
        public Tensor mm(Tensor target) => Op.mm.Call(this, target);
        public (Tensor values, Tensor indices) mode(long dim = -1, bool keepdim = false) => Op.mode.Call2(this, dim, keepdim);
        public Tensor moveaxis(long[] source, long[] destination) => Op.moveaxis_intlist.Call(this, source, destination);
        public Tensor movedim(long[] source, long[] destination) => Op.movedim_intlist.Call(this, source, destination);
        public Tensor msort() => Op.msort.Call(this);
        public Tensor mul(Scalar target) => Op.mul_Scalar.Call(this, target);
        public Tensor mul(Tensor target) => Op.mul_Tensor.Call(this, target);
        public Tensor mul_(Scalar target) => Op.mul__Scalar.InPlace(this, target);
        public Tensor mul_(Tensor target) => Op.mul__Tensor.InPlace(this, target);
        public Tensor multinomial(long num_samples, bool replacement = false, Generator? generator = null) =>
            Op.multinomial.Call(this, num_samples, replacement, generator);
        public Tensor multiply(Scalar target) => Op.multiply_Scalar.Call(this, target);
        public Tensor multiply(Tensor target) => Op.multiply_Tensor.Call(this, target);
        public Tensor mv(Tensor target) => Op.mv.Call(this, target);
        public Tensor mvlgamma(long p) => Op.mvlgamma.Call(this, p);
        public Tensor mvlgamma_(long p) => Op.mvlgamma_.InPlace(this, p);
        public Tensor nan_to_num(double nan = 0, double? posinf = null, double? neginf = null) =>
            Op.nan_to_num.Call(this, nan, posinf, neginf);
        public Tensor nanmean(int? dim = null, bool keepdim = false, ScalarType? dtype = null) =>
            Op.nanmean.Call(this, dim, keepdim, dtype);
        public Tensor nanmedian() => Op.nanmedian.Call(this);
        public Tensor nanquantile(Tensor q, long dim = -1, bool keepdim = false) => Op.nanquantile.Call(this, q, dim, keepdim);
        public Tensor nansum() => Op.nansum.Call(this);
        public Tensor narrow(long dim, long start, long length) => Op.narrow.Call(this, dim, start, length);
        public Tensor ne(Scalar target) => Op.ne_Scalar.Call(this, target);
        public Tensor ne(Tensor target) => Op.ne_Tensor.Call(this, target);
        public Tensor ne_(Scalar target) => Op.ne__Scalar.InPlace(this, target);
        public Tensor ne_(Tensor target) => Op.ne__Tensor.InPlace(this, target);
        public Tensor neg() => Op.neg.Call(this);
        public Tensor neg_() => Op.neg_.InPlace(this);
        public Tensor negative() => Op.negative.Call(this);
        public Tensor nextafter(Tensor other) => Op.nextafter.Call(this, other);
        public Tensor nonzero() => Op.nonzero.Call(this);
        public Tensor norm(float p = 2) => Op.norm_Scalar.Call(this, p);
        public Tensor norm(int dim, bool keepdim = false, float p = 2) => Op.norm_ScalarOpt_dim.Call(this, p, dim, keepdim);
        public Tensor normal_(double mean = 0, double std = 1, Generator? generator = null) =>
            Op.normal_.InPlace(this, mean, std, generator);
        public Tensor not_equal(Tensor target) => Op.not_equal_Tensor.Call(this, target);
        public Tensor not_equal_(Tensor target) => Op.not_equal__Tensor.InPlace(this, target);
        public Tensor ones_like(ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
            Made(Op.ones_like.Call(this, dtype, Arg.Absent, device), requires_grad);
        public Tensor ormqr(Tensor tau, Tensor other, bool left = true, bool transpose = false) =>
            Op.ormqr.Call(this, tau, other, left, transpose);
        public Tensor outer(Tensor vec2) => Op.outer.Call(this, vec2);
        public Tensor permute(IEnumerable<long> permutation) => permute([.. permutation]);
        public Tensor permute(params long[] permutation) => Op.permute.Call(this, permutation);
        public Tensor pin_memory() => Op.pin_memory.Call(this);
        public Tensor pinverse(double rcond = 1e-15, bool hermitian = false) => Op.linalg_pinv.Call(this, rcond, hermitian);
        public Tensor poisson(Generator? generator = null) => Op.poisson.Call(this, generator);
        public Tensor polygamma(long p) => Op.polygamma.Call(p, this);
        public Tensor polygamma_(long p) => Op.polygamma_.InPlace(this, p);
        public Tensor positive() => Op.positive.Call(this);
        public Tensor pow(Scalar exponent) => Op.pow_Tensor_Scalar.Call(this, exponent);
        public Tensor pow(Tensor exponent) => Op.pow_Tensor_Tensor.Call(this, exponent);
        public Tensor pow_(Scalar exponent) => Op.pow__Scalar.InPlace(this, exponent);
        public Tensor pow_(Tensor exponent) => Op.pow__Tensor.InPlace(this, exponent);
        public Tensor prelu(Tensor target) => Op.prelu.Call(this, target);
        public Tensor prod(ScalarType? type = null) => Op.prod.Call(this, type);
        public Tensor prod(long dim, bool keepdim = false, ScalarType? type = null) => Op.prod_dim_int.Call(this, dim, keepdim, type);
        public Tensor quantile(Tensor q, long dim = -1, bool keepdim = false) => Op.quantile.Call(this, q, dim, keepdim);
        public Tensor rad2deg() => Op.rad2deg.Call(this);
        public Tensor rand_like(ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
            Made(Op.rand_like.Call(this, dtype, Arg.Absent, device), requires_grad);
        public Tensor randint_like(long low, long high, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
            Made(Op.randint_like_low_dtype.Call(this, low, high, dtype, Arg.Absent, device), requires_grad);
        public Tensor randn_like(ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
            Made(Op.randn_like.Call(this, dtype, Arg.Absent, device), requires_grad);
        public Tensor ravel() => Op.ravel.Call(this);
        public Tensor reciprocal() => Op.reciprocal.Call(this);
        public Tensor reciprocal_() => Op.reciprocal_.InPlace(this);
        public Tensor relu() => Op.relu.Call(this);
        public Tensor relu6() => Op.relu6.Call(this);
        public Tensor relu6_() => Op.relu6_.InPlace(this);
        public Tensor relu_() => Op.relu_.InPlace(this);
        public Tensor remainder(Scalar scalar) => Op.remainder_Scalar.Call(this, scalar);
        public Tensor remainder(Tensor target) => Op.remainder_Tensor.Call(this, target);
        public Tensor remainder_(Scalar scalar) => Op.remainder__Scalar.InPlace(this, scalar);
        public Tensor remainder_(Tensor target) => Op.remainder__Tensor.InPlace(this, target);
        public Tensor renorm(float p, long dim, float maxnorm) => Op.renorm.Call(this, p, dim, maxnorm);
        public Tensor repeat(params long[] sizes) => Op.repeat.Call(this, sizes);
        public Tensor repeat_interleave(Tensor repeats, long? dim = null, long? output_size = null) =>
            Op.repeat_interleave_self_Tensor.Call(this, repeats, dim, output_size);
        public Tensor repeat_interleave(long repeats, long? dim = null, long? output_size = null) =>
            Op.repeat_interleave_self_int.Call(this, repeats, dim, output_size);
        public Tensor reshape(params long[] shape) => Op.reshape.Call(this, shape);
        public Tensor resolve_conj() => Op.resolve_conj.Call(this);
        public Tensor resolve_neg() => Op.resolve_neg.Call(this);
        public Tensor roll(ReadOnlySpan<long> shifts, ReadOnlySpan<long> dims = default) => Op.roll.Call(this, shifts, dims);
        public Tensor roll((long, long, long) shifts, (long, long, long) dims) => Op.roll.Call(this, shifts, dims);
        public Tensor roll((long, long) shifts, (long, long) dims) => Op.roll.Call(this, shifts, dims);
        public Tensor roll(long shifts, long? dims = null) => Op.roll.Call(this, shifts, dims);
        public Tensor roll(long[] shifts) => Op.roll.Call(this, shifts);
        public Tensor roll(long[] shifts, long[] dims) => Op.roll.Call(this, shifts, dims);
        public Tensor rot90(long k = 1, (long, long)? dims = null) => Op.rot90.Call(this, k, dims);
        public Tensor round(long decimals = 0) => Op.round_decimals.Call(this, decimals);
        public Tensor round_(long decimals = 0) => Op.round__decimals.InPlace(this, decimals);
        public Tensor rrelu(double lower = 0.125, double upper = 0.3333333333333333) => Op.rrelu.Call(this, lower, upper);
        public Tensor rrelu_(double lower = 0.125, double upper = 0.3333333333333333) => Op.rrelu_.InPlace(this, lower, upper);
        public Tensor rsqrt() => Op.rsqrt.Call(this);
        public Tensor rsqrt_() => Op.rsqrt_.InPlace(this);
        public Tensor scatter(long dim, Tensor index, Tensor src) => Op.scatter_src.Call(this, dim, index, src);
        public Tensor scatter_(long dim, Tensor index, Tensor src) => Op.scatter__src.InPlace(this, dim, index, src);
        public Tensor scatter_add(long dim, Tensor index, Tensor src) => Op.scatter_add.Call(this, dim, index, src);
        public Tensor scatter_add_(long dim, Tensor index, Tensor src) => Op.scatter_add_.InPlace(this, dim, index, src);
        public Tensor select(long dim, long index) => Op.select_int.Call(this, dim, index);
        public Tensor select_scatter(Tensor src, long dim, long index) => Op.select_scatter.Call(this, src, dim, index);
        public Tensor selu() => Op.selu.Call(this);
        public Tensor selu_() => Op.selu_.InPlace(this);
        public Tensor set_(Tensor source) => Op.set__source_Tensor.InPlace(this, source);
        public Tensor sgn() => Op.sgn.Call(this);
        public Tensor sgn_() => Op.sgn_.InPlace(this);
        public Tensor @short() => to_type(ScalarType.Int16);
        public Tensor sigmoid() => Op.sigmoid.Call(this);
        public Tensor sigmoid_() => Op.sigmoid_.InPlace(this);
        public Tensor sign() => Op.sign.Call(this);
        public Tensor sign_() => Op.sign_.InPlace(this);
        public Tensor signbit() => Op.signbit.Call(this);
        public Tensor silu() => Op.silu.Call(this);
        public Tensor silu_() => Op.silu_.InPlace(this);
        public Tensor sin() => Op.sin.Call(this);
        public Tensor sin_() => Op.sin_.InPlace(this);
        public Tensor sinc() => Op.sinc.Call(this);
        public Tensor sinc_() => Op.sinc_.InPlace(this);
        public Tensor sinh() => Op.sinh.Call(this);
        public Tensor sinh_() => Op.sinh_.InPlace(this);
        public Tensor slice(long dim, long start, long finish, long step) => Op.slice_Tensor.Call(this, dim, start, finish, step);
        public Tensor slice_scatter(Tensor src, long dim = 0, long? start = null, long? end = null, long step = 1) =>
            Op.slice_scatter.Call(this, src, dim, start, end, step);
        public Tensor softmax(long dim, ScalarType? dtype = null) => Op.softmax_int.Call(this, dim, dtype);
        public Tensor softplus(double beta = 1, double threshold = 20) => Op.softplus.Call(this, beta, threshold);
        public (Tensor Values, Tensor Indices) sort(long dim = -1, bool descending = false, bool stable = false) =>
            Op.sort_stable.Call2(this, stable, dim, descending);
        public Tensor[] split(ReadOnlySpan<long> sizes, long dim = 0) => Op.split_sizes.CallList(this, sizes, dim);
        public Tensor[] split(long size, int dim = 0) => Op.split_Tensor.CallList(this, size, dim);
        public Tensor[] split(long[] sizes, long dim = 0) => Op.split_sizes.CallList(this, sizes, dim);
        public Tensor[] split(params long[] sizes) => Op.split_sizes.CallList(this, sizes);
        public Tensor sqrt() => Op.sqrt.Call(this);
        public Tensor sqrt_() => Op.sqrt_.InPlace(this);
        public Tensor square() => Op.square.Call(this);
        public Tensor squeeze(long? dim = null) => dim is { } d ? Op.squeeze_dim.Call(this, d) : Op.squeeze.Call(this);
        public Tensor squeeze_(long? dim = null) => dim is { } d ? Op.squeeze__dim.InPlace(this, d) : Op.squeeze_.InPlace(this);
        public Tensor std(ReadOnlySpan<long> dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            Op.std_dim.Call(As(type), dimensions, unbiased, keepdim);
        public Tensor std((long, long, long) dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            Op.std_dim.Call(As(type), dim, unbiased, keepdim);
        public Tensor std((long, long) dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            Op.std_dim.Call(As(type), dim, unbiased, keepdim);
        public Tensor std(bool unbiased = true) => Op.std.Call(this, unbiased);
        public Tensor std(long dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            Op.std_dim.Call(As(type), dim, unbiased, keepdim);
        public Tensor std(long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            Op.std_dim.Call(As(type), dimensions, unbiased, keepdim);
        public (Tensor std, Tensor mean) std_mean(
            ReadOnlySpan<long> dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            Op.std_mean_dim.Call2(As(type), dimensions, unbiased, keepdim);
        public (Tensor std, Tensor mean) std_mean(
            (long, long, long) dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            Op.std_mean_dim.Call2(As(type), dim, unbiased, keepdim);
        public (Tensor std, Tensor mean) std_mean((long, long) dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            Op.std_mean_dim.Call2(As(type), dim, unbiased, keepdim);
        public (Tensor std, Tensor mean) std_mean(bool unbiased = true) => Op.std_mean.Call2(this, unbiased);
        public (Tensor std, Tensor mean) std_mean(long dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            Op.std_mean_dim.Call2(As(type), dim, unbiased, keepdim);
        public (Tensor std, Tensor mean) std_mean(long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            Op.std_mean_dim.Call2(As(type), dimensions, unbiased, keepdim);
        public Tensor sub(Scalar target) => Op.sub_Scalar.Call(this, target);
        public Tensor sub(Tensor target) => Op.sub_Tensor.Call(this, target);
        public Tensor sub_(Scalar target) => Op.sub__Scalar.InPlace(this, target);
        public Tensor sub_(Tensor target) => Op.sub__Tensor.InPlace(this, target);
        public Tensor subtract(Scalar target) => Op.subtract_Scalar.Call(this, target);
        public Tensor subtract(Tensor target) => Op.subtract_Tensor.Call(this, target);
        public Tensor subtract_(Scalar target) => Op.subtract__Scalar.InPlace(this, target);
        public Tensor subtract_(Tensor target) => Op.subtract__Tensor.InPlace(this, target);
        public Tensor sum(ScalarType? type = null) => Op.sum.Call(this, type);
        public Tensor sum(ReadOnlySpan<long> dim, bool keepdim = false, ScalarType? type = null) =>
            Op.sum_dim_IntList.Call(this, dim, keepdim, type);
        public Tensor sum(long dim, bool keepdim = false, ScalarType? type = null) => Op.sum_dim_IntList.Call(this, dim, keepdim, type);
        public Tensor sum(long dim0, long dim1, bool keepdim = false, ScalarType? type = null) => sum([dim0, dim1], keepdim, type);
        public Tensor sum(long dim0, long dim1, long dim2, bool keepdim = false, ScalarType? type = null) =>
            sum([dim0, dim1, dim2], keepdim, type);
        public Tensor sum(long[] dim, bool keepdim = false, ScalarType? type = null) => Op.sum_dim_IntList.Call(this, dim, keepdim, type);
        public Tensor swapaxes(long dim0, long dim1) => Op.swapaxes.Call(this, dim0, dim1);
        public Tensor swapdims(long dim0, long dim1) => Op.swapdims.Call(this, dim0, dim1);
        public Tensor t() => Op.t.Call(this);
        public Tensor take(Tensor index) => Op.take.Call(this, index);
        public Tensor tan() => Op.tan.Call(this);
        public Tensor tan_() => Op.tan_.InPlace(this);
        public Tensor tanh() => Op.tanh.Call(this);
        public Tensor tanh_() => Op.tanh_.InPlace(this);
        public Tensor[] tensor_split(Tensor indices, long dim = 0) =>
            Op.tensor_split_tensor_indices_or_sections.CallList(this, indices, dim);
        public Tensor[] tensor_split(long size, long dim = 0) => Op.tensor_split_sections.CallList(this, size, dim);
        public Tensor[] tensor_split(long[] sizes, long dim = 0) => Op.tensor_split_indices.CallList(this, sizes, dim);
        public Tensor threshold(Scalar threshold, Scalar value) => Op.threshold.Call(this, threshold, value);
        public Tensor threshold_(Scalar threshold, Scalar value) => Op.threshold_.InPlace(this, threshold, value);
        public Tensor tile(long[] reps) => Op.tile.Call(this, reps);
        public Tensor to_dense() => Op.to_dense.Call(this);
        public (Tensor values, Tensor indexes) topk(int k, int dim = -1, bool largest = true, bool sorted = true) =>
            Op.topk.Call2(this, k, dim, largest, sorted);
        public Tensor trace() => Op.trace.Call(this);
        public Tensor transpose(long dim0, long dim1) => Op.transpose_int.Call(this, dim0, dim1);
        public Tensor transpose_(long dim0, long dim1) => Op.transpose_.InPlace(this, dim0, dim1);
        public Tensor tril(long diagonal = 0) => Op.tril.Call(this, diagonal);
        public Tensor tril_(long diagonal = 0) => Op.tril_.InPlace(this, diagonal);
        public Tensor triu(long diagonal = 0) => Op.triu.Call(this, diagonal);
        public Tensor triu_(long diagonal = 0) => Op.triu_.InPlace(this, diagonal);
        public Tensor true_divide(Scalar other) => Op.true_divide_Scalar.Call(this, other);
        public Tensor true_divide(Tensor other) => Op.true_divide_Tensor.Call(this, other);
        public Tensor true_divide_(Scalar other) => Op.true_divide__Scalar.InPlace(this, other);
        public Tensor true_divide_(Tensor other) => Op.true_divide__Tensor.InPlace(this, other);
        public Tensor trunc() => Op.trunc.Call(this);
        public Tensor trunc_() => Op.trunc_.InPlace(this);
        public Tensor type_as(Tensor tensor) => Op.type_as.Call(this, tensor);
        public Tensor[] unbind(long dimension = 0) => Op.unbind_int.CallList(this, dimension);
        public Tensor unflatten(long dim, Size sizes) => Op.unflatten_int.Call(this, dim, sizes);
        public Tensor unflatten(long dim, params long[] sizes) => Op.unflatten_int.Call(this, dim, sizes);
        public Tensor unfold(long dimension, long size, long step) => Op.unfold.Call(this, dimension, size, step);
        public Tensor uniform_(double from, double to, Generator? generator = null) => Op.uniform_.InPlace(this, from, to, generator);
        public (Tensor output, Tensor? inverse_indices, Tensor? counts) unique(
            bool sorted = true, bool return_inverse = false, bool return_counts = false, int? dim = null) =>
            dim is { } d ? Op.unique_dim.Call3(this, d, sorted, return_inverse, return_counts) : Op._unique2.Call3(this, sorted, return_inverse, return_counts);
        public (Tensor output, Tensor? inverse_indices, Tensor? counts) unique_consecutive(
            bool return_inverse = false, bool return_counts = false, int? dim = null) =>
            Op.unique_consecutive.Call3(this, return_inverse, return_counts, dim);
        public Tensor unsqueeze(long dim) => Op.unsqueeze.Call(this, dim);
        public Tensor unsqueeze_(long dim) => Op.unsqueeze_.InPlace(this, dim);
        public Tensor vander(long N = -1, bool increasing = false) => Op.vander.Call(this, N, increasing);
        public Tensor var(ReadOnlySpan<long> dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            Op.var_dim.Call(As(type), dimensions, unbiased, keepdim);
        public Tensor var((long, long, long) dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            Op.var_dim.Call(As(type), dim, unbiased, keepdim);
        public Tensor var((long, long) dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            Op.var_dim.Call(As(type), dim, unbiased, keepdim);
        public Tensor var(bool unbiased = true) => Op.var.Call(this, unbiased);
        public Tensor var(long dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            Op.var_dim.Call(As(type), dim, unbiased, keepdim);
        public Tensor var(long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            Op.var_dim.Call(As(type), dimensions, unbiased, keepdim);
        public (Tensor std, Tensor mean) var_mean(
            ReadOnlySpan<long> dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            Op.var_mean_dim.Call2(As(type), dimensions, unbiased, keepdim);
        public (Tensor std, Tensor mean) var_mean(
            (long, long, long) dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            Op.var_mean_dim.Call2(As(type), dim, unbiased, keepdim);
        public (Tensor std, Tensor mean) var_mean((long, long) dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            Op.var_mean_dim.Call2(As(type), dim, unbiased, keepdim);
        public (Tensor std, Tensor mean) var_mean(bool unbiased = true) => Op.var_mean.Call2(this, unbiased);
        public (Tensor std, Tensor mean) var_mean(long dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            Op.var_mean_dim.Call2(As(type), dim, unbiased, keepdim);
        public (Tensor std, Tensor mean) var_mean(long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            Op.var_mean_dim.Call2(As(type), dimensions, unbiased, keepdim);
        public Tensor vdot(Tensor target) => Op.vdot.Call(this, target);
        public Tensor view(params long[] shape) => Op.view.Call(this, shape);
        public Tensor view_as(Tensor other) => Op.view_as.Call(this, other);
        public Tensor view_as_complex() => Op.view_as_complex.Call(this);
        public Tensor view_as_real() => Op.view_as_real.Call(this);
        public Tensor where(Tensor condition, Tensor y) => Op.where_self.Call(this, condition, y);
        public Tensor xlogy(Scalar y) => Op.xlogy_Scalar_Other.Call(this, y);
        public Tensor xlogy(Tensor y) => Op.xlogy_Tensor.Call(this, y);
        public Tensor xlogy_(Scalar y) => Op.xlogy__Scalar_Other.InPlace(this, y);
        public Tensor xlogy_(Tensor y) => Op.xlogy__Tensor.InPlace(this, y);
        public Tensor zero_() => Op.zero_.InPlace(this);
        public Tensor zeros_like(ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
            Made(Op.zeros_like.Call(this, dtype, Arg.Absent, device), requires_grad);
    }
}
