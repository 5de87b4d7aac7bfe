#include "gradus/train/anomaly.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "gradus/autograd/recompute.h"
#include "gradus/autograd/tape.h"
#include "gradus/tensor/kernels/update.h"

namespace gradus {
namespace {

constexpr size_t kMostExamples = 8;
constexpr size_t kMostLookedAt = 1024;  // one by one

bool is_finite(const Tensor& x) {
  if (!is_float(x.dtype())) return true;
  if (!x.is_contiguous()) return is_finite(x.clone());
  return std::isfinite(kernels::sum_of_squares(x.dtype(), x.numel(), x.bytes()));
}

/// Notes the first op whose result is not finite, and the last parameter seen until then.
class FirstBadOp : public TapeObserver {
 public:
  FirstBadOp(const Parameters& parameters, Anomaly& anomaly) : parameters_(parameters), anomaly_(anomaly) {}

  void on_op(const RecordedOp& op) override {
    if (!anomaly_.op.empty()) return;
    for (const Tensor* used : op.parameters) {
      for (const Parameter& p : parameters_) {
        if (used != nullptr && p.tensor.is_same(*used)) last_parameter_ = p.name;
      }
    }
    if (is_finite(op.result)) return;
    anomaly_.op = op.name;
    anomaly_.op_parameter = last_parameter_;
  }

 private:
  const Parameters& parameters_;
  Anomaly& anomaly_;
  std::string last_parameter_;
};

struct Repetition {
  double mean_loss = 0.0;
  bool finite_gradients = true;
};

Repetition repeat(const StepProbe& probe, std::span<const int64_t> ids, bool with_gradients, TapeObserver* observer) {
  Context context;
  context.training = !(probe.shares_statistics && ids.size() == 1);
  context.key = probe.key;
  context.example_ids = ids;
  context.precision = probe.precision;
  Tape tape;
  tape.set_observer(observer);
  const Loss loss = probe.loss(probe.data.training_batch(ids, probe.pass_key), context);
  if (loss.weight == 0.0) return {};  // adds nothing to a step
  Repetition outcome{loss.sum.item() / loss.weight, true};
  if (!with_gradients) return outcome;
  tape.backward(loss.sum);
  for (const Parameter& p : probe.parameters) {
    if (p.tensor.grad().defined() && !is_finite(p.tensor.grad())) outcome.finite_gradients = false;
  }
  drop_gradients(probe.parameters);
  return outcome;
}

// What is not finite stays so in any sum: halves without it need no further look.
void find_bad_examples(Anomaly& anomaly, const StepProbe& probe, std::span<const int64_t> ids) {
  if (anomaly.examples.size() == kMostExamples) {
    anomaly.more_examples = true;
    return;
  }
  const bool gradients = anomaly.kind == Anomaly::Kind::kGradientNotFinite;
  const Repetition outcome = repeat(probe, ids, gradients, nullptr);
  if (std::isfinite(outcome.mean_loss) && outcome.finite_gradients) return;
  if (ids.size() == 1) return anomaly.examples.push_back(ids[0]);
  find_bad_examples(anomaly, probe, ids.first(ids.size() / 2));
  find_bad_examples(anomaly, probe, ids.subspan(ids.size() / 2));
}

void find_highest_losses(Anomaly& anomaly, const StepProbe& probe) {
  if (probe.ids.size() > kMostLookedAt) {
    anomaly.more_examples = true;
    return;
  }
  std::vector<std::pair<double, int64_t>> losses;
  for (const int64_t& id : probe.ids) losses.emplace_back(-repeat(probe, {&id, 1}, false, nullptr).mean_loss, id);
  std::sort(losses.begin(), losses.end());
  for (const auto& [loss, id] : losses) {
    if (anomaly.examples.size() < kMostExamples && -loss > anomaly.usual_loss) anomaly.examples.push_back(id);
  }
}

std::string what(const Anomaly& a) {
  switch (a.kind) {
    case Anomaly::Kind::kLossNotFinite:
      return fmt::format("the loss is {}", std::isnan(a.loss) ? "NaN" : "infinite");
    case Anomaly::Kind::kGradientNotFinite:
      return fmt::format("the gradient is not finite (the loss is {:.6g})", a.loss);
    case Anomaly::Kind::kLossSpike:
      return fmt::format("the loss is {:.6g}, and was near {:.6g} before", a.loss, a.usual_loss);
  }
  return "";
}

}  // namespace

void diagnose(Anomaly& anomaly, const StepProbe& probe) {
  const Recomputing recomputing;
  drop_gradients(probe.parameters);
  for (const Parameter& p : probe.parameters) {
    if (anomaly.bad_parameter.empty() && !is_finite(p.tensor)) anomaly.bad_parameter = p.name;
  }
  if (anomaly.kind == Anomaly::Kind::kLossSpike) return find_highest_losses(anomaly, probe);
  FirstBadOp first_bad_op(probe.parameters, anomaly);
  repeat(probe, probe.ids, false, &first_bad_op);
  // With a bad weight every example shows it.
  if (anomaly.bad_parameter.empty()) find_bad_examples(anomaly, probe, probe.ids);
}

std::string Anomaly::text() const {
  std::string all = fmt::format("step {} (batch {} in the order of the data): {}", step, batch, what(*this));
  if (!bad_parameter.empty()) all += fmt::format("; the weight {} already holds NaN or infinity", bad_parameter);
  if (!op.empty()) {
    all += fmt::format("; first in the result of '{}'{}", op,
                       op_parameter.empty() ? "" : fmt::format(", at or after {}", op_parameter));
  }
  if (!gradient.empty()) {
    all +=
        fmt::format("; {} parameters have such a gradient, the backward pass meets {} first", bad_gradients, gradient);
  }
  if (!examples.empty()) {
    all += fmt::format("; {} {}{}", kind == Kind::kLossSpike ? "highest losses: examples" : "examples",
                       fmt::join(examples, ", "), more_examples ? " and more" : "");
  } else if (more_examples) {
    all += "; the batch is too large to look at each example";
  }
  return all;
}

}  // namespace gradus
