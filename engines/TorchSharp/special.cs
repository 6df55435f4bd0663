namespace TorchSharp;

public static partial class torch
{
    public static class special
    {
        public static Tensor digamma(Tensor input) => Op.special_digamma.Call(input);
        public static Tensor entr(Tensor input) => Op.special_entr.Call(input);
        public static Tensor erf(Tensor input) => Op.special_erf.Call(input);
        public static Tensor erfc(Tensor input) => Op.special_erfc.Call(input);
        public static Tensor erfcx(Tensor input) => Op.special_erfcx.Call(input);
        public static Tensor erfinv(Tensor input) => Op.special_erfinv.Call(input);
        public static Tensor exp2(Tensor input) => Op.special_exp2.Call(input);
        public static Tensor expit(Tensor input) => Op.special_expit.Call(input);
        public static Tensor expm1(Tensor input) => Op.special_expm1.Call(input);
        public static Tensor gammainc(Tensor input, Tensor other) => Op.special_gammainc.Call(input, other);
        public static Tensor gammaincc(Tensor input, Tensor other) => Op.special_gammaincc.Call(input, other);
        public static Tensor gammaln(Tensor input) => Op.special_gammaln.Call(input);
        public static Tensor i0(Tensor input) => Op.special_i0.Call(input);
        public static Tensor i0e(Tensor input) => Op.special_i0e.Call(input);
        public static Tensor i1(Tensor input) => Op.special_i1.Call(input);
        public static Tensor i1e(Tensor input) => Op.special_i1e.Call(input);
        public static Tensor log_softmax(Tensor input, long dim, ScalarType? dtype = null) =>
            Op.special_log_softmax.Call(input, dim, dtype);
        public static Tensor logit(Tensor input) => Op.special_logit.Call(input);
        public static Tensor multigammaln(Tensor input, long p) => Op.special_multigammaln.Call(input, p);
        public static Tensor ndtr(Tensor input) => Op.special_ndtr.Call(input);
        public static Tensor ndtri(Tensor input) => Op.special_ndtri.Call(input);
        public static Tensor psi(Tensor input) => Op.special_psi.Call(input);
        public static Tensor sigmoid(Tensor input) => Op.sigmoid.Call(input);
        public static Tensor sigmoid_(Tensor input) => Op.sigmoid_.InPlace(input);
        public static Tensor sinc(Tensor input) => Op.special_sinc.Call(input);
        public static Tensor softmax(Tensor input, long dim, ScalarType? dtype = null) => Op.special_softmax.Call(input, dim, dtype);
        public static Tensor xlog1py(Tensor input, Tensor other) => Op.special_xlog1py.Call(input, other);
        public static Tensor zeta(Tensor x, Tensor q) => Op.special_zeta.Call(x, q);
    }
}
