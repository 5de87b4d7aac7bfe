#include "gradus/autograd/tape.h"

#include <atomic>
#include <exception>

#include "gradus/base/error.h"

namespace gradus {
namespace {

thread_local Tape* t_recording = nullptr;

uint64_t next_generation() {
  static std::atomic<uint64_t> generation{0};
  return generation.fetch_add(1, std::memory_order_relaxed) + 1;
}

constexpr size_t kPageBytes = 16384;

void check_result(const Tensor& result, const BackwardOptions& options) {
  if (options.create_graph) {
    fail("backward", "gradients of gradients are not offered: set create_graph to false");
  }
  if (options.seed.defined()) {
    if (!(options.seed.shape() == result.shape()) || options.seed.dtype() != result.dtype()) {
      fail("backward", "the seed is {} for a result of {}; they must match", options.seed.describe(),
           result.describe());
    }
  } else if (result.numel() != 1) {
    fail("backward", "the result is {}, not a scalar: reduce it with sum() or mean(), or give a seed of its shape",
         result.describe());
  }
}

// After an error, gradients that had not gone on yet must not reach a later backward.
struct ForgetGradients {
  detail::Node* from;
  int exceptions = std::uncaught_exceptions();

  ~ForgetGradients() {
    if (std::uncaught_exceptions() == exceptions) return;
    for (detail::Node* node = from; node != nullptr; node = node->previous) node->gradient = Tensor();
  }
};

}  // namespace

namespace detail {
Tape* recording_tape() { return t_recording; }
}  // namespace detail

struct Tape::Page {
  Page* previous;
};

Tape::Tape() : generation_(next_generation()), outer_(std::exchange(t_recording, this)) {}

Tape::~Tape() {
  clear();
  if (page_ != nullptr) {
    detail::release(reinterpret_cast<detail::Block*>(reinterpret_cast<std::byte*>(page_) - detail::Block::kDataOffset));
  }
  if (t_recording == this) {
    t_recording = outer_;
    return;
  }
  // Not the innermost: the one inside goes on, and must not come back to this one.
  for (Tape* tape = t_recording; tape != nullptr; tape = tape->outer_) {
    if (tape->outer_ == this) tape->outer_ = outer_;
  }
}

void Tape::clear() {
  for (detail::Node* node = last_; node != nullptr;) {
    detail::Node* previous = node->previous;
    node->destroy(node);
    node = previous;
  }
  last_ = nullptr;
  size_ = 0;
  page_used_ = 0;
  while (page_ != nullptr && page_->previous != nullptr) {
    Page* page = std::exchange(page_, page_->previous);
    detail::release(reinterpret_cast<detail::Block*>(reinterpret_cast<std::byte*>(page) - detail::Block::kDataOffset));
  }
  generation_ = next_generation();
}

void* Tape::allocate(size_t bytes) {
  constexpr size_t kHeader = 64, kAlign = 16;
  bytes = (bytes + kAlign - 1) / kAlign * kAlign;
  if (page_ == nullptr || kHeader + page_used_ + bytes > kPageBytes) {
    page_ = new (detail::allocate_block(static_cast<int64_t>(kPageBytes))->data()) Page{page_};
    page_used_ = 0;
  }
  std::byte* place = reinterpret_cast<std::byte*>(page_) + kHeader + page_used_;
  page_used_ += bytes;
  return place;
}

detail::Edge Tape::edge_to(const Tensor& input) const {
  if (!input.defined()) return {};
  const detail::TensorState& state = *input.state();
  if (state.requires_grad) return {detail::Edge::kLeaf, nullptr, input};
  if (state.tape == 0) return {};
  if (state.tape != generation_) return {detail::Edge::kStale, nullptr, {}};
  return {detail::Edge::kNode, static_cast<detail::Node*>(state.node), {}};
}

void Tape::append(detail::Node* node, Tensor& result) {
  node->previous = last_;
  last_ = node;
  ++size_;
  node->shape = result.shape();
  node->dtype = result.dtype();
  result.state()->node = node;
  result.state()->tape = generation_;
  if (observer_ == nullptr) return;
  RecordedOp op{node->op, result, {}};
  for (int i = 0; i < node->inputs; ++i) {
    if (node->edges[i].kind == detail::Edge::kLeaf) op.parameters[static_cast<size_t>(i)] = &node->edges[i].leaf;
  }
  observer_->on_op(op);
}

void Tape::backward(const Tensor& result, const BackwardOptions& options) {
  if (!result.defined()) fail("backward", "the result is an undefined tensor");
  check_result(result, options);
  const detail::Edge start = edge_to(result);
  AccumulatingSink accumulate;
  GradientSink& sink = options.sink != nullptr ? *options.sink : accumulate;
  Tensor seed = options.seed.defined() ? options.seed : Tensor::full(result.shape(), 1.0, result.dtype());
  if (start.kind == detail::Edge::kLeaf) return sink.accept({GradientKind::kDense, result, Tensor(), seed});
  if (start.kind == detail::Edge::kNone) {
    fail("backward",
         "{} was never recorded: compute it while this Tape lives, from a tensor with set_requires_grad() (and not "
         "under NoGrad or from detach(); what is computed from gradients is not recorded either)",
         result.describe());
  }
  if (start.kind == detail::Edge::kStale) {
    fail("backward", "{} was recorded on a tape that is freed or is not this one: compute it again on this tape",
         result.describe());
  }
  if (start.node->freed) {
    fail("backward", "'{}' was freed by an earlier backward: set retain in that one, or compute the result again",
         start.node->op);
  }
  const NoGrad no_grad;
  const ForgetGradients forget{start.node};
  start.node->gradient = std::move(seed);
  for (detail::Node* node = start.node; node != nullptr; node = node->previous) {
    if (!node->gradient.defined()) continue;
    Gradients gradients(node, sink, *this, options.retain);
    node->run(node, gradients);
    node->gradient = Tensor();
    if (observer_ != nullptr) observer_->on_backward(node->op);
    if (options.retain) continue;
    detail::Node* const previous = node->previous;
    const char* const op = node->op;
    node->destroy(node);
    // What remains is a husk that remembers its op, so that a later visit can say what was freed.
    node = new (node) detail::Node{.run = nullptr,
                                   .destroy = [](detail::Node* self) { self->~Node(); },
                                   .op = op,
                                   .previous = previous,
                                   .gradient = {},
                                   .shape = {},
                                   .dtype = {},
                                   .freed = true};
  }
}

NoGrad::NoGrad() : suspended_(std::exchange(t_recording, nullptr)) {}
NoGrad::~NoGrad() { t_recording = suspended_; }

void Gradients::check(const detail::Edge& edge, int i, const Tensor& gradient) const {
  const bool is_leaf = edge.kind == detail::Edge::kLeaf;
  if (!is_leaf && (edge.kind != detail::Edge::kNode || edge.node->freed)) return;
  const Shape& shape = is_leaf ? edge.leaf.shape() : edge.node->shape;
  const DType dtype = is_leaf ? edge.leaf.dtype() : edge.node->dtype;
  if (gradient.defined() && gradient.shape() == shape && gradient.dtype() == dtype) return;
  fail("backward", "'{}' gives {} as the gradient of its input {}, which is {} {}", node_->op, gradient.describe(), i,
       name_of(dtype), to_string(shape));
}

void Gradients::add(int i, Tensor gradient) {
  detail::Edge& edge = node_->edges[i];
  check(edge, i, gradient);
  if (edge.kind == detail::Edge::kLeaf) {
    sink_.accept({GradientKind::kDense, edge.leaf, Tensor(), gradient});
  } else {
    flow(edge, std::move(gradient));
  }
}

void Gradients::add(int i, GradientKind kind, const Tensor& input, const Tensor& output_gradient) {
  detail::Edge& edge = node_->edges[i];
  if (edge.kind == detail::Edge::kNone) return;
  const ParameterGradient pair{kind, edge.leaf, input, output_gradient};
  if (edge.kind == detail::Edge::kLeaf) {
    sink_.accept(pair);
  } else {
    flow(edge, contract(pair));
  }
}

Tensor Gradients::take(int i) {
  const detail::Edge& edge = node_->edges[i];
  return edge.kind == detail::Edge::kNode ? std::exchange(edge.node->gradient, Tensor()) : Tensor();
}

void Gradients::flow(detail::Edge& edge, Tensor gradient) {
  if (edge.kind == detail::Edge::kNone) return;
  if (edge.kind == detail::Edge::kStale) {
    fail("backward",
         "an input of '{}' was recorded on a tape that is freed or is not this one: compute it again on this tape, or "
         "use detach() where no gradient should flow",
         node_->op);
  }
  if (edge.node->freed) {
    fail("backward", "'{}', an input of '{}', was freed by an earlier backward: set retain in that one", edge.node->op,
         node_->op);
  }
  add_gradient(edge.node->gradient, std::move(gradient));
}

void Saved::fail_changed() const {
  fail("backward", "{} was saved for backward and then changed in place: call backward before changing it",
       tensor_.describe());
}

}  // namespace gradus
