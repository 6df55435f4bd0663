// A C ABI over libtorch's dispatcher: any ATen operator by name and overload, without one exported function per operator.
// Built by build.sh against the libtorch that the machine has; nothing here names an operator.
#include <limits.h>
#include <malloc.h>

#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/cuda.h>
#include <torch/torch.h>

namespace {

enum Tag : int32_t {
  Absent, None, Tensor, Int, Double, Bool, Complex, IntList, DoubleList, TensorList, OptionalTensorList, Device, String, Generator
};

// Mirrored by NativeValue in Native.cs. Lists: p points at `length` values (int64, double, tensor handle). Device: length = index, i = type.
struct Value { int32_t tag; int32_t length; union { int64_t i; double d; const void* p; }; };

// What the schema wants at a position, as far as a caller's tag does not already say it.
enum class Wanted { AsGiven, Float, IntList, FloatList };

struct Parameter { Wanted wanted; bool optional; };

struct Operator {
  c10::OperatorHandle handle;
  std::vector<Parameter> parameters;
};

thread_local std::string error;
thread_local std::vector<Value> pending;

template <class F> auto guarded(F f, decltype(f()) failed) -> decltype(f()) {
  try { return f(); }
  catch (const c10::Error& e) { error = e.what_without_backtrace(); }
  catch (const std::exception& e) { error = e.what(); }
  return failed;
}

const at::Tensor& tensor(const void* p) { return *static_cast<const at::Tensor*>(p); }
at::Tensor optional_tensor(const void* p) { return p ? tensor(p) : at::Tensor(); }
void* handle(at::Tensor t) { return t.defined() ? new at::Tensor(std::move(t)) : nullptr; }

std::vector<at::Tensor> tensors(const void* const* p, int n) {
  std::vector<at::Tensor> list;
  list.reserve(n);
  for (int k = 0; k < n; k++) list.push_back(optional_tensor(p[k]));
  return list;
}

Wanted wanted(c10::TypePtr type) {
  if (auto optional = type->cast<c10::OptionalType>()) type = optional->getElementType();
  if (type->kind() == c10::TypeKind::FloatType) return Wanted::Float;
  if (auto list = type->cast<c10::ListType>()) {
    auto element = list->getElementType()->kind();
    if (element == c10::TypeKind::IntType || element == c10::TypeKind::SymIntType) return Wanted::IntList;
    if (element == c10::TypeKind::FloatType) return Wanted::FloatList;
  }
  return Wanted::AsGiven;
}

void push(torch::jit::Stack& stack, const Operator& op, size_t position, const Value& a) {
  auto want = op.parameters[position].wanted;
  switch (a.tag) {
    case None:
      // For a parameter that cannot be none, a caller's null means "as the schema says".
      if (op.parameters[position].optional) { stack.emplace_back(); break; }
      [[fallthrough]];
    case Absent: {
      const auto& argument = op.handle.schema().arguments()[position];
      if (argument.default_value()) stack.push_back(*argument.default_value());
      else if (op.parameters[position].optional) stack.emplace_back();
      else TORCH_CHECK(false, op.handle.operator_name(), ": argument '", argument.name(), "' has no default and was not given");
      break;
    }
    case Tensor: stack.emplace_back(tensor(a.p)); break;
    case Int:
      if (want == Wanted::Float) stack.emplace_back(static_cast<double>(a.i));
      else if (want == Wanted::IntList) stack.emplace_back(std::vector<int64_t>{a.i});
      else if (want == Wanted::FloatList) stack.emplace_back(std::vector<double>{static_cast<double>(a.i)});
      else stack.emplace_back(a.i);
      break;
    case Double:
      if (want == Wanted::FloatList) stack.emplace_back(std::vector<double>{a.d});
      else stack.emplace_back(a.d);
      break;
    case Bool: stack.emplace_back(a.i != 0); break;
    case Complex: stack.emplace_back(c10::complex<double>(static_cast<const double*>(a.p)[0], static_cast<const double*>(a.p)[1])); break;
    case IntList: { auto p = static_cast<const int64_t*>(a.p); stack.emplace_back(std::vector<int64_t>(p, p + a.length)); break; }
    case DoubleList: { auto p = static_cast<const double*>(a.p); stack.emplace_back(std::vector<double>(p, p + a.length)); break; }
    case TensorList: {
      c10::List<at::Tensor> list;
      list.reserve(a.length);
      for (int k = 0; k < a.length; k++) list.push_back(optional_tensor(static_cast<void* const*>(a.p)[k]));
      stack.emplace_back(std::move(list));
      break;
    }
    case OptionalTensorList: {
      c10::List<c10::optional<at::Tensor>> list;
      list.reserve(a.length);
      for (int k = 0; k < a.length; k++) {
        auto p = static_cast<void* const*>(a.p)[k];
        list.push_back(p ? c10::optional<at::Tensor>(tensor(p)) : c10::nullopt);
      }
      stack.emplace_back(std::move(list));
      break;
    }
    case Device: stack.emplace_back(c10::Device(static_cast<c10::DeviceType>(a.i), static_cast<c10::DeviceIndex>(a.length))); break;
    case String: stack.emplace_back(std::string(static_cast<const char*>(a.p), a.length)); break;
    case Generator: stack.emplace_back(*static_cast<const at::Generator*>(a.p)); break;
  }
}

void collect(const c10::IValue& value, std::vector<Value>& out) {
  Value v{};
  if (value.isTensor()) { v.tag = Tensor; v.p = handle(value.toTensor()); }
  else if (value.isTensorList()) { for (const auto& t : value.toTensorVector()) collect(t, out); return; }
  else if (value.isBool()) { v.tag = Bool; v.i = value.toBool(); }
  else if (value.isInt()) { v.tag = Int; v.i = value.toInt(); }
  else if (value.isDouble()) { v.tag = Double; v.d = value.toDouble(); }
  out.push_back(v);
}

// A training step frees and asks again for the same megabytes. By default glibc returns them to the system and takes them back page by
// page (a third of a step's time on an MLP of 1.3 M weights); kept, they are there at once. Above 32 MB glibc maps all the same.
struct KeepMemory {
  KeepMemory() {
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, INT_MAX);
    mallopt(M_TOP_PAD, 64 << 20);
    mallopt(M_ARENA_MAX, 1);
  }
} const keep_memory;

} // namespace

extern "C" {

const char* mim_error() { return error.c_str(); }
const char* mim_version() { return TORCH_VERSION; }

// Look up once, keep the handle: "aten::linear", "" or "aten::add_", "Tensor". Never freed: operators live as long as the process.
const Operator* mim_operator(const char* name, const char* overload) {
  return guarded([&]() -> const Operator* {
    auto op = new Operator{c10::Dispatcher::singleton().findSchemaOrThrow(name, overload), {}};
    for (const auto& argument : op->handle.schema().arguments()) 
      op->parameters.push_back({wanted(argument.type()), argument.type()->kind() == c10::TypeKind::OptionalType});
    return op;
  }, nullptr);
}

// Arguments beyond `count`, and those tagged Absent, take the schema's own defaults. Returns how many values the operator gave, or -1
// (see mim_error). More than `capacity`: none is written, and mim_take hands them over. A capacity of 0 drops them.
int mim_call(const Operator* op, const Value* args, int count, Value* out, int capacity) {
  return guarded([&] {
    TORCH_CHECK(static_cast<size_t>(count) <= op->parameters.size(), op->handle.operator_name(), " takes ", op->parameters.size(), " arguments, got ", count);
    torch::jit::Stack stack;
    stack.reserve(op->parameters.size() + 1);
    const Value absent{};
    for (size_t k = 0; k < op->parameters.size(); k++) push(stack, *op, k, static_cast<int>(k) < count ? args[k] : absent);
    op->handle.callBoxed(stack);
    if (capacity == 0) return 0;
    if (stack.size() == 1 && stack[0].isTensor()) {
      out[0].tag = Tensor;
      out[0].p = handle(std::move(stack[0]).toTensor());
      return 1;
    }
    pending.clear();
    for (const auto& value : stack) collect(value, pending);
    if (static_cast<int>(pending.size()) <= capacity) std::copy(pending.begin(), pending.end(), out);
    return static_cast<int>(pending.size());
  }, -1);
}

void mim_take(Value* out) { std::copy(pending.begin(), pending.end(), out); }

// Tensors.
void mim_release(at::Tensor* t) { delete t; }
void* mim_alias(const at::Tensor* t) { return new at::Tensor(*t); }
void* mim_from_memory(const void* data, const int64_t* sizes, int rank, int dtype) {
  return guarded([&]() -> void* {
    return handle(torch::from_blob(const_cast<void*>(data), at::IntArrayRef(sizes, rank), static_cast<c10::ScalarType>(dtype)).clone()); }, nullptr);
}
void* mim_data(const at::Tensor* t) { return guarded([&]() -> void* { return t->data_ptr(); }, nullptr); }
int64_t mim_dim(const at::Tensor* t) { return t->dim(); }
void mim_sizes(const at::Tensor* t, int64_t* out) { auto s = t->sizes(); std::copy(s.begin(), s.end(), out); }
int mim_strides(const at::Tensor* t, int64_t* out) { return guarded([&] { auto s = t->strides(); std::copy(s.begin(), s.end(), out); return 0; }, -1); }
int64_t mim_storage_offset(const at::Tensor* t) { return guarded([&] { return t->storage_offset(); }, -1); }
int64_t mim_numel(const at::Tensor* t) { return t->numel(); }
int64_t mim_element_size(const at::Tensor* t) { return t->element_size(); }
int mim_dtype(const at::Tensor* t) { return static_cast<int>(t->scalar_type()); }
int64_t mim_device(const at::Tensor* t) { auto d = t->device(); return static_cast<int64_t>(d.type()) << 32 | static_cast<uint32_t>(static_cast<int32_t>(d.index())); }
int mim_is_contiguous(const at::Tensor* t) { return t->is_contiguous(); }
int mim_is_sparse(const at::Tensor* t) { return t->is_sparse(); }
int mim_is_pinned(const at::Tensor* t) { return guarded([&] { return static_cast<int>(t->is_pinned()); }, -1); }

// Autograd.
int mim_is_leaf(const at::Tensor* t) { return t->is_leaf(); }
int mim_requires_grad(const at::Tensor* t) { return t->requires_grad(); }
int mim_set_requires_grad(const at::Tensor* t, int on) { return guarded([&] { t->set_requires_grad(on != 0); return 0; }, -1); }
int mim_retain_grad(const at::Tensor* t) { return guarded([&] { t->retain_grad(); return 0; }, -1); }
void* mim_grad(const at::Tensor* t) { return handle(t->grad()); }
int mim_set_grad(at::Tensor* t, const at::Tensor* grad) { return guarded([&] { t->mutable_grad() = optional_tensor(grad); return 0; }, -1); }
// Drops the gradients of many parameters at once.
void mim_clear_grads(at::Tensor* const* parameters, int n) { for (int k = 0; k < n; k++) parameters[k]->mutable_grad().reset(); }
int mim_backward(const void* const* roots, int n, const void* const* grads, int grad_count, int retain, int create, const void* const* inputs, int input_count) {
  return guarded([&] {
    torch::autograd::backward(tensors(roots, n), tensors(grads, grad_count), retain != 0, create != 0, tensors(inputs, input_count));
    return 0; }, -1);
}
int mim_autograd(const void* const* outputs, int n, const void* const* inputs, int input_count, const void* const* grads, int grad_count, int retain, int create, int unused, void** out) {
  return guarded([&] {
    auto result = torch::autograd::grad(tensors(outputs, n), tensors(inputs, input_count), tensors(grads, grad_count), retain != 0, create != 0, unused != 0);
    for (size_t k = 0; k < result.size(); k++) out[k] = handle(result[k]);
    return static_cast<int>(result.size()); }, -1);
}
int mim_grad_mode() { return at::GradMode::is_enabled(); }
void mim_set_grad_mode(int on) { at::GradMode::set_enabled(on != 0); }
int mim_inference_mode() { return c10::InferenceMode::is_enabled(); }
void* mim_enter_inference_mode(int on) { return new c10::InferenceMode(on != 0); }
void mim_leave_inference_mode(void* guard) { delete static_cast<c10::InferenceMode*>(guard); }

// Random numbers.
void* mim_generator(uint64_t seed, int64_t type, int index) {
  return guarded([&]() -> void* {
    auto generator = at::globalContext().defaultGenerator(c10::Device(static_cast<c10::DeviceType>(type), static_cast<c10::DeviceIndex>(index))).clone();
    generator.set_current_seed(seed);
    return new at::Generator(std::move(generator)); }, nullptr);
}
void* mim_default_generator(int64_t type, int index) {
  return guarded([&]() -> void* {
    return new at::Generator(at::globalContext().defaultGenerator(c10::Device(static_cast<c10::DeviceType>(type), static_cast<c10::DeviceIndex>(index)))); }, nullptr);
}
void mim_release_generator(at::Generator* g) { delete g; }
int mim_generator_seed(at::Generator* g, uint64_t seed) {
  return guarded([&] { std::lock_guard<std::mutex> lock(g->mutex()); g->set_current_seed(seed); return 0; }, -1);
}
uint64_t mim_generator_initial_seed(at::Generator* g) { std::lock_guard<std::mutex> lock(g->mutex()); return g->current_seed(); }
uint64_t mim_generator_fresh_seed(at::Generator* g) { std::lock_guard<std::mutex> lock(g->mutex()); return g->seed(); }
void* mim_generator_state(at::Generator* g) {
  return guarded([&]() -> void* { std::lock_guard<std::mutex> lock(g->mutex()); return handle(g->get_state()); }, nullptr);
}
int mim_set_generator_state(at::Generator* g, const at::Tensor* state) {
  return guarded([&] { std::lock_guard<std::mutex> lock(g->mutex()); g->set_state(*state); return 0; }, -1);
}
int mim_manual_seed(uint64_t seed) { return guarded([&] { torch::manual_seed(seed); return 0; }, -1); }

// The machine.
int mim_threads() { return at::get_num_threads(); }
int mim_set_threads(int n) { return guarded([&] { at::set_num_threads(n); return 0; }, -1); }
int mim_interop_threads() { return at::get_num_interop_threads(); }
int mim_set_interop_threads(int n) { return guarded([&] { at::set_num_interop_threads(n); return 0; }, -1); }
int mim_cuda_devices() { return guarded([&] { return torch::cuda::is_available() ? static_cast<int>(torch::cuda::device_count()) : 0; }, 0); }
int mim_cudnn() { return guarded([&] { return static_cast<int>(torch::cuda::cudnn_is_available()); }, 0); }
int mim_cuda_synchronize(int64_t index) { return guarded([&] { torch::cuda::synchronize(index); return 0; }, -1); }
int mim_deterministic() { return at::globalContext().deterministicAlgorithms(); }
int mim_set_deterministic(int on, int warn_only) {
  return guarded([&] { at::globalContext().setDeterministicAlgorithms(on != 0, warn_only != 0); return 0; }, -1);
}
}
