#include "gradus/train/evaluation.h"

#include <algorithm>
#include <numeric>

#include "gradus/autograd/tape.h"
#include "gradus/base/random.h"

namespace gradus {

EvaluationFunction evaluation_of(const Model& model) {
  return [&model](const Batch& batch, Context& context, Metrics& metrics) { model.evaluate(batch, context, metrics); };
}

bool evaluate_into(Metrics& metrics, const EvaluationFunction& evaluation, const Dataset& data,
                   const EvaluationOptions& options) {
  const NoGrad no_grad;
  std::vector<int64_t> ids;
  for (int64_t begin = 0; begin < data.size(); begin += options.batch_size) {
    if (options.is_cancelled && options.is_cancelled()) return false;
    ids.resize(static_cast<size_t>(std::min(options.batch_size, data.size() - begin)));
    std::iota(ids.begin(), ids.end(), begin);
    if (options.order) {
      for (int64_t& id : ids) {
        id = static_cast<int64_t>(
            permute_index(static_cast<uint64_t>(id), static_cast<uint64_t>(data.size()), *options.order));
      }
    }
    Context context;
    context.example_ids = ids;
    context.precision = options.precision;
    evaluation(data.batch(ids), context, metrics);
  }
  return true;
}

std::optional<Metrics> evaluate(const EvaluationFunction& evaluation, const Dataset& data,
                                const EvaluationOptions& options) {
  Metrics metrics(options.units);
  if (!evaluate_into(metrics, evaluation, data, options)) return std::nullopt;
  return metrics;
}

}  // namespace gradus
