// What `gradus bench` prints of training, whatever the model.
#pragma once

#include <string>

#include "gradus/base/json.h"
#include "gradus/tensor/dtype.h"
#include "gradus/train/training_benchmark.h"

namespace gradus::command {

/// What is counted in a step.
struct TrainingFigures {
  const char* rate;        ///< Its name in JSON, "tokens_per_s",
  const char* rate_label;  ///< and for people, of at most 16 letters.
  double units = 0.0;      ///< A step.
  const char* flops_formula;
  DType products = DType::kF32;  ///< What the model's products multiply.
};

/// The object, to which more may be added; with the profile where there is one.
JsonText training_json(const TrainingBenchmark& result, const TrainingFigures& figures);
/// The same for people.
std::string training_table(const TrainingBenchmark& result, const TrainingFigures& figures);

}  // namespace gradus::command
