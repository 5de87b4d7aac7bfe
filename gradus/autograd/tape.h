// The tape: a record of the ops run while it lives, played backwards for gradients.
//
//     Tensor w = Tensor::zeros({1, 1}).set_requires_grad();
//     Tape tape;
//     Tensor loss = mse(linear(x, w, {}), y);
//     tape.backward(loss);                        // w.grad() now holds d loss / d w
#pragma once

#include <array>
#include <new>
#include <type_traits>
#include <utility>

#include "gradus/autograd/sink.h"
#include "gradus/tensor/tensor.h"

namespace gradus {

class Tape;
class Gradients;

namespace detail {

/// Where the gradient of one input of an op goes.
struct Edge {
  enum Kind : uint8_t { kNone, kNode, kLeaf, kStale };
  Kind kind = kNone;
  struct Node* node = nullptr;  ///< kNode: the op that made the input.
  Tensor leaf;                  ///< kLeaf: the parameter.
};

constexpr int kMaxInputs = 7;

/// A recorded op. Its backward function, with all that it saved, lies behind it in the tape's page.
struct Node {
  void (*run)(Node* self, Gradients& gradients);
  void (*destroy)(Node* self);
  const char* op;
  Node* previous;   ///< The op recorded before this one.
  Tensor gradient;  ///< Of the op's result, while it accumulates.
  Shape shape;      ///< Of the op's result.
  DType dtype;
  bool freed = false;  ///< The backward function has run and is destroyed.
  int inputs = 0;
  Edge* edges = nullptr;  ///< One an input.
};

template <class Backward, size_t Inputs>
struct NodeOf : Node {
  explicit NodeOf(Backward b) : backward(std::move(b)) {
    inputs = static_cast<int>(Inputs);
    edges = own_edges;
  }
  Backward backward;
  Edge own_edges[Inputs];
};

/// The tape that records on this thread, or nullptr.
Tape* recording_tape();

}  // namespace detail

struct BackwardOptions {
  /// The gradient of the result, in its shape; needed unless the result has one element (then 1).
  Tensor seed = {};
  /// Keeps the recorded ops, so that backward can run again over them.
  bool retain = false;
  /// Where parameters' gradients go; the default adds them to `grad()`.
  GradientSink* sink = nullptr;
  /// Gradients of gradients are not offered: asking for them is an error that says so.
  bool create_graph = false;
};

/// An op that was just recorded: its name, its result, and those of its inputs that are parameters (nullptr where an
/// input is none). Valid only during the call of `TapeObserver::on_op`.
struct RecordedOp {
  const char* name;
  const Tensor& result;
  std::array<const Tensor*, detail::kMaxInputs> parameters;
};

class TapeObserver {
 public:
  virtual ~TapeObserver() = default;
  virtual void on_op(const RecordedOp& op) = 0;
  /// After an op's backward function has run.
  virtual void on_backward(const char* /*op*/) {}
  /// Whether it is told of the ops inside a recomputed part (recompute.h) as well.
  virtual bool looks_inside() const { return false; }
};

/// Records, on the thread that made it, every op one of whose inputs needs a gradient, from construction to
/// destruction. A tape made inside another's life takes over until it ends. Backward destroys each op once it has run;
/// what was saved for ops that backward did not reach goes with the tape or `clear`.
class Tape {
 public:
  Tape();
  ~Tape();
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  /// Runs the recorded ops from `result` backwards. Errors: `result` was not recorded here, has several elements and no
  /// seed was given, the way to it was freed by an earlier backward, or a saved value was changed in place.
  void backward(const Tensor& result, const BackwardOptions& options = {});
  /// Forgets everything recorded; handles of earlier results become stale. Pages are kept.
  void clear();
  /// The number of ops recorded since construction or `clear`.
  int64_t size() const { return size_; }
  /// Sees every op as it is recorded and as backward has run it, for watching and for looking into what went wrong;
  /// nullptr for no one. It must outlive the tape's use.
  void set_observer(TapeObserver* observer) { observer_ = observer; }
  /// The observer, if there is one that looks inside recomputed parts; else nullptr.
  TapeObserver* inside_observer() const {
    return observer_ != nullptr && observer_->looks_inside() ? observer_ : nullptr;
  }

  /// For `record`.
  void* allocate(size_t bytes);
  detail::Edge edge_to(const Tensor& input) const;
  void append(detail::Node* node, Tensor& result);

 private:
  struct Page;

  uint64_t generation_;
  detail::Node* last_ = nullptr;
  Page* page_ = nullptr;
  size_t page_used_ = 0;
  int64_t size_ = 0;
  TapeObserver* observer_ = nullptr;
  Tape* outer_;
};

/// While it lives, nothing is recorded on this thread.
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  Tape* suspended_;
};

/// What a backward function works with: the gradient of the op's result, and a place for those of its inputs.
class Gradients {
 public:
  Gradients(detail::Node* node, GradientSink& sink, const Tape& tape, bool retained)
      : node_(node), sink_(sink), tape_(tape), retained_(retained) {}

  /// The gradient of the op's result, in its shape; any strides.
  const Tensor& output() const { return node_->gradient; }
  /// The same, given away: `output` is undefined then, and who got it may change it if nobody else sees it.
  Tensor give_output() { return std::exchange(node_->gradient, Tensor()); }
  /// Whether input `i` (in the order given to `record`) wants a gradient.
  bool needs(int i) const { return node_->edges[i].kind != detail::Edge::kNone; }
  /// Where the gradients of parameters go.
  GradientSink& sink() const { return sink_; }
  /// The tape that runs backwards.
  const Tape& tape() const { return tape_; }
  /// Whether backward may run again over this op; if not, it may give away what it saved.
  bool retained() const { return retained_; }
  /// Whether input `i` is a parameter: a tensor with `set_requires_grad`, not the result of an op.
  bool is_parameter(int i) const { return node_->edges[i].kind == detail::Edge::kLeaf; }
  /// Adds to the gradient of input `i`, in its shape and dtype; any other is an error. A parameter gets it as kDense.
  void add(int i, Tensor gradient);
  /// What the gradient of input `i` has come to so far, for an op that adds it to its own in one pass and then gives
  /// the sum to `add`; undefined if it is nothing yet, or a parameter's.
  Tensor take(int i);
  /// The gradient as an uncontracted pair: a parameter's sink sees the pair, any other input the contraction.
  void add(int i, GradientKind kind, const Tensor& input, const Tensor& output_gradient);

 private:
  void check(const detail::Edge& edge, int i, const Tensor& gradient) const;
  void flow(detail::Edge& edge, Tensor gradient);

  detail::Node* node_;
  GradientSink& sink_;
  const Tape& tape_;
  bool retained_;
};

/// A value kept for backward; reading it after it was changed in place is an error.
class Saved {
 public:
  explicit Saved(const Tensor& tensor) : tensor_(tensor), version_(tensor.defined() ? tensor.version() : 0) {}
  const Tensor& get() const {
    if (tensor_.defined() && tensor_.version() != version_) fail_changed();
    return tensor_;
  }

 private:
  [[noreturn]] void fail_changed() const;

  Tensor tensor_;
  uint32_t version_;
};

/// Whether an op on `x` is to be recorded now.
inline bool needs_gradient(const Tensor& x) {
  return x.defined() && (x.requires_grad() || x.state()->tape != 0) && detail::recording_tape() != nullptr;
}
template <class... More>
bool needs_gradient(const Tensor& x, const Tensor& y, const More&... more) {
  return needs_gradient(x) || needs_gradient(y, more...);
}

/// Puts an op onto the tape that records on this thread: `result` is its fresh output, `inputs` the tensors it read,
/// and `backward(Gradients&)` gives the inputs' gradients. Call it only when `needs_gradient(inputs…)`. Returns
/// `result`.
template <size_t Inputs, class Backward>
Tensor record(const char* op, Tensor result, const std::array<const Tensor*, Inputs>& inputs, Backward backward) {
  static_assert(Inputs <= detail::kMaxInputs);
  using Node = detail::NodeOf<Backward, Inputs>;
  Tape& tape = *detail::recording_tape();
  Node* node = new (tape.allocate(sizeof(Node))) Node(std::move(backward));
  node->run = [](detail::Node* self, Gradients& gradients) { static_cast<Node*>(self)->backward(gradients); };
  node->destroy = [](detail::Node* self) { static_cast<Node*>(self)->~Node(); };
  node->op = op;
  for (size_t i = 0; i < Inputs; ++i) node->edges[i] = tape.edge_to(*inputs[i]);
  tape.append(node, result);
  return result;
}

}  // namespace gradus
