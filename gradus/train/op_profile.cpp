#include "gradus/train/op_profile.h"

#include <algorithm>
#include <string_view>

namespace gradus {
namespace {

constexpr std::string_view kForward = " forward";

// What an op that makes no products has to do at least, by its name: passes over its result.
struct Passes {
  const char* op;
  double forward, backward;
};
constexpr Passes kPasses[] = {{"add", 3, 2},        {"layer_norm", 2, 4},    {"gelu", 2, 3},
                              {"embedding", 2, 3},  {"dropout", 2, 2},       {"relu", 2, 3},
                              {"batch_norm", 3, 5}, {"cross_entropy", 2, 2}, {"max_pool2d", 6, 6}};

double passes(const RecordedOp& op, double Passes::*direction) {
  for (const Passes& known : kPasses) {
    if (std::string_view(known.op) == op.name) {
      return known.*direction * static_cast<double>(op.result.numel() * size_of(op.result.dtype()));
    }
  }
  return 0.0;
}

bool is_attention(const RecordedOp& op) { return std::string_view(op.name) == "causal_attention"; }

}  // namespace

// {flops, bytes} of a forward pass.
std::pair<double, double> OpProfiler::work_of(const RecordedOp& op) const {
  const bool is_scalar = op.result.rank() == 0;
  const auto elements = static_cast<double>(op.result.numel());
  if (is_attention(op)) {  // (B, T, C), two products with T places each
    return {(work_.causal ? 2.0 : 4.0) * static_cast<double>(op.result.size(1)) * elements, 0.0};
  }
  double weights = 0.0;  // in a product, each is multiplied once a row; a convolution's, once a place
  for (const Tensor* parameter : op.parameters) {
    const bool multiplies = parameter != nullptr && (parameter->rank() == 2 || parameter->rank() == 4);
    if (multiplies) weights += static_cast<double>(parameter->numel());
  }
  const bool looks_up = std::string_view(op.name) == "embedding" || std::string_view(op.name) == "slice";
  if (weights == 0.0 || looks_up) return {0.0, passes(op, &Passes::forward)};
  const double rows = is_scalar ? static_cast<double>(work_.rows) : elements / static_cast<double>(op.result.size(-1));
  return {2.0 * weights * rows, 0.0};
}

void OpProfiler::on_op(const RecordedOp& op) {
  const auto [flops, bytes] = work_of(op);
  // Attention's own products are f32 in any case.
  const bool is_bf16 = work_.precision.products == DType::kBF16 && !is_attention(op);
  ProfileLine& line = this->line(op.name, kForward.data());
  line.flops += flops;
  line.bytes += bytes;
  line.is_bf16 = is_bf16;
  if (std::string_view(op.name) == "linear_cross_entropy") {  // makes its gradients at once
    line.flops += 2 * flops;
    return;
  }
  ProfileLine& backward = line_without_time(op.name, " backward");
  backward.flops += 2 * flops;
  backward.is_bf16 = is_bf16;
  if (flops == 0.0) backward.bytes += passes(op, &Passes::backward);
}

double OpProfiler::forward_flops() const {
  double all = 0.0;
  for (const ProfileLine& line : lines_) {
    if (line.name.ends_with(kForward)) all += line.flops;
  }
  return all;
}

std::vector<ProfileLine> OpProfiler::per_step(int64_t steps) {
  leave_out_what_did_not_go_back();
  for (ProfileLine& line : lines_) {
    line.calls /= steps;
    line.seconds /= static_cast<double>(steps);
    line.flops /= static_cast<double>(steps);
    line.bytes /= static_cast<double>(steps);
  }
  std::sort(lines_.begin(), lines_.end(), [](const auto& a, const auto& b) { return a.seconds > b.seconds; });
  return std::move(lines_);
}

// What runs again before it goes back was counted on its way back each time.
void OpProfiler::leave_out_what_did_not_go_back() {
  for (const ProfileLine& forward : lines_) {
    if (!forward.name.ends_with(kForward)) continue;
    const std::string op = forward.name.substr(0, forward.name.size() - kForward.size());
    const auto back =
        std::find_if(lines_.begin(), lines_.end(), [&](const auto& l) { return l.name == op + " backward"; });
    if (back == lines_.end() || back->calls >= forward.calls) continue;
    const double part = static_cast<double>(back->calls) / static_cast<double>(forward.calls);
    back->flops *= part;
    back->bytes *= part;
  }
}

ProfileLine& OpProfiler::line_without_time(const std::string& op, const char* direction) {
  const std::string name = op + direction;
  const auto found = std::find_if(lines_.begin(), lines_.end(), [&](const auto& line) { return line.name == name; });
  if (found != lines_.end()) return *found;
  lines_.push_back({.name = name});
  return lines_.back();
}

ProfileLine& OpProfiler::line(const std::string& op, const char* direction) {
  ProfileLine& line = line_without_time(op, direction);
  const Clock::time_point now = Clock::now();
  line.seconds += std::chrono::duration<double>(now - last_).count();
  ++line.calls;
  last_ = now;
  return line;
}

}  // namespace gradus
