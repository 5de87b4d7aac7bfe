#include "gradus/train/session.h"

#include <algorithm>
#include <utility>

#include "gradus/base/error.h"
#include "gradus/base/hash.h"
#include "gradus/base/memory.h"
#include "gradus/base/threads.h"
#include "gradus/data/image_dataset.h"
#include "gradus/tensor/isa.h"
#include "gradus/tensor/pool.h"
#include "gradus/train/clustering_solver.h"
#include "gradus/train/smallest_pass.h"
#include "gradus/train/solver_memory.h"
#include "gradus/train/streamed_rows.h"

namespace gradus {
namespace {

// What nobody else holds is no longer anybody's to change, and is taken as it is.
NamedTensors copies_of(Parameters parameters) {
  NamedTensors all;
  for (Parameter& parameter : parameters) {
    Tensor own = std::move(parameter.tensor);
    all.emplace_back(parameter.name, own.is_unique() ? own : own.clone());
  }
  return all;
}

NamedTensors handles_of(const Parameters& parameters) {
  NamedTensors all;
  for (const Parameter& parameter : parameters) all.emplace_back(parameter.name, parameter.tensor);
  return all;
}

// Averages, if there are any, with the buffers that they are used with.
NamedTensors usable(NamedTensors averages, const Model& model) {
  if (averages.empty()) return averages;
  for (auto& buffer : copies_of(model.buffers())) averages.push_back(std::move(buffer));
  return averages;
}

std::optional<TrainedRun> source_model(const Config& config, const SessionOptions& options) {
  if (options.resumes || !config.has("model.from")) return std::nullopt;
  return load(config.text("model.from"));
}

TrainerOptions options_of(const Config& config, int64_t last_step) {
  TrainerOptions options = trainer_options(config);
  if (last_step > 0) {
    options.steps = last_step;
    options.max_time_s = 0.0;  // how long it takes is another matter
  }
  return options;
}

// A checkpoint that falls due before the last step: by the number of steps, because a validation may be the best so
// far, or because the run will last so long.
bool saves_while_training(const Config& config, int64_t steps, double flops_of_step) {
  constexpr double kFlopsPerSecond = 1e11;
  const int64_t every = config.integer("checkpoint.every"), validation = config.integer("validation.every");
  const double every_s = config.real("checkpoint.every_s");
  if (config.text("health.on_spike") == "rewind") return true;
  if ((every > 0 && every < steps) || (validation > 0 && validation < steps)) return true;
  return every_s > 0.0 && static_cast<double>(steps) * flops_of_step / kFlopsPerSecond > every_s;
}

// What rows take while they are learned: those of the file, if memory has room for all of them.
int64_t memory_of(const StreamedRows& rows) {
  constexpr int64_t kOfARow = 12;  // its target, twice, and its place in the order
  const RowCache& cache = *rows.cache();
  const int64_t all = cache.memory_of(cache.blocks_of(rows.part())) + kOfARow * rows.size();
  // Going through a step has counted the tensors that it read.
  return std::max<int64_t>(0, std::min(rows.memory_bytes(), all) - rows.tensor_bytes());
}

// Where the batch is a number, the configuration alone tells.
void check_micro_batches(const Config& config, int64_t examples) {
  if (config.batch_size("train.batch_size") || !config.has("train.micro_batch_size")) return;
  const int64_t micro = config.integer("train.micro_batch_size");
  if (micro <= examples) return;
  fail_usage(config.where("train.micro_batch_size"),
             "train.micro_batch_size = {} is above train.batch_size = \"all\", {} examples; a batch is cut into "
             "micro-batches: lower it, or leave it out",
             micro, examples);
}

}  // namespace

Session::Session(Config config, const SessionOptions& options) : config_(std::move(config)) {
  check_precision(config_);
  const std::optional<TrainedRun> source = source_model(config_, options);
  const int64_t peak_before = peak_resident_bytes();
  data_ = make_data(config_, source ? source->encoder() : options.encoder, options.row_caches);
  if (data_.packed_vocabulary) config_.set("data.vocabulary", *data_.packed_vocabulary, "data.path");
  check_micro_batches(config_, data_.training->size());
  // Where the process held more before, what reading took is not seen.
  const int64_t peak = peak_resident_bytes();
  if (makes_clusters(config_)) set_clusters(options, source ? &*source : nullptr);
  plan_memory(options);
  add_reading(memory_, peak > peak_before ? peak : 0);
  if (options.plan_only) return;
  check_memory(memory_, memory_limit_bytes());
  clear();
  release_unused_memory();  // what was planned has no pages, and leaves its addresses as they were
  build(options);
  if (source) {
    load_parameters(model_->state(), handles_of(source->model().state()), config_.text("model.from"));
  }
  solver_ = make_solver(config_, data_, *model_);
  if (solver_ != nullptr) trainer_->set_iteration([this] { return solver_->step(); });
}

// How many clusters there are is a choice by the data, or what a model has that is there already.
void Session::set_clusters(const SessionOptions& options, const TrainedRun* source) {
  const std::vector<int64_t>& wanted = config_.integers("model.clusters");
  int64_t& clusters = data_.shape.outputs;
  if (source != nullptr) {
    clusters = source->shape().outputs;
    if (std::find(wanted.begin(), wanted.end(), clusters) != wanted.end()) return;
    fail_usage(config_.where("model.clusters"), "model.clusters = {}, and model.from has {}; expected as many",
               config_.shown("model.clusters"), clusters);
  }
  clusters = *std::max_element(wanted.begin(), wanted.end());
  const int64_t examples = data_.training->size();
  if (clusters > examples) {
    fail_usage(config_.where("model.clusters"), "model.clusters = {} for {} examples; expected no more than examples",
               config_.shown("model.clusters"), examples);
  }
  if (options.clusters > 0) clusters = options.clusters;
  if (options.clusters > 0 || options.plan_only) return;
  const ClusterChoice choice = choose_clusters(config_, data_);
  clusters = choice.clusters;
  if (!choice.table.empty()) choice_ = to_text(choice, config_);
}

void Session::clear() {
  trainer_.reset();  // each refers to the one before it
  optimizer_.reset();
  model_.reset();
}

void Session::build(const SessionOptions& options) {
  model_ = make_model(config_, data_.shape);
  optimizer_ = make_optimizer(config_, model_->parameters());
  schedule_ = make_schedule(config_, planned_steps(trainer_options(config_), *data_.training));
  trainer_ = std::make_unique<Trainer>(options_of(config_, options.last_step), model_->parameters(), loss_of(*model_),
                                       *data_.training, *optimizer_, schedule_);
  trainer_->set_buffers(model_->buffers());
  if (data_.validation) {
    trainer_->set_validation(*data_.validation, evaluation_of(*model_), metric_units(data_.encoder, *data_.validation));
  }
}

// Everything is built once without being computed: addresses are taken, and no memory behind them.
void Session::plan_memory(const SessionOptions& options) {
  release_unused_memory();  // what reading left, which would be counted twice
  const int64_t program = resident_bytes(), reserved = memory_statistics().reserved;
  const DryRun dry;
  build(options);
  internal::check_smallest_pass(config_, *data_.training, *model_, trainer_->planned_steps());
  if (makes_clusters(config_)) {
    memory_ = clustering_memory(config_, data_, program);
    return;
  }
  const bool has_solver = config_.has("solver.name") && config_.text("solver.name") != "none";
  MemoryUse use = is_streamed(config_) && has_solver
                      ? streamed_use()
                      : planned_use(*trainer_, *optimizer_, model_->parameters(), reserved);
  if (const auto* rows = dynamic_cast<const StreamedRows*>(data_.training.get())) use.step += memory_of(*rows);
  if (const auto* pictures = dynamic_cast<const ImageDataset*>(data_.training.get())) {
    use.step += pictures->bytes_to_keep();
  }
  if (has_solver && !is_streamed(config_)) {
    const SolverMemory solver = solver_memory(config_, *data_.training, data_.shape.outputs);
    use.optimizer_state = solver.state;
    use.step = std::max(use.step, solver.step);
    use.kept = solver.kept;
  }
  use.program = program;
  use.saves_while_training = saves_while_training(config_, trainer_->planned_steps(), use.products.flops);
  memory_ = predict_memory(use, data_.shape.vocabulary > 0);
}

// What a solver keeps of each weight: its state, and as much while it works.
MemoryUse Session::streamed_use() const {
  MemoryUse use;
  for (const Parameter& p : model_->parameters()) use.weights += p.tensor.numel() * size_of(p.tensor.dtype());
  use.optimizer_state = (config_.text("solver.name") == "adagrad" ? 4 : 3) * use.weights;
  use.step = 3 * use.weights;
  return use;
}

RunFacts Session::facts() const {
  RunFacts facts;
  facts.config_hash = xxh3(config_.to_toml());
  facts.data_hash = data_.hash;
  facts.seed = static_cast<uint64_t>(config_.integer("train.seed"));
  facts.sampling = config_.text("train.sampling");
  facts.examples = data_.training->size();
  facts.batch_size = config_.batch_size("train.batch_size").value_or(facts.examples);
  facts.schedule = config_.text("schedule.name");
  facts.optimizer_steps = optimizer_->steps();
  facts.version = GRADUS_VERSION;
  facts.isa = name_of(active_isa());
  facts.matmul_library = matmul_library(dtype_from_name(config_.text("train.precision")));
  const int64_t next = trainer_->steps_done();
  // Some schedules are not defined beyond the last step.
  if (next < trainer_->planned_steps()) facts.next_learning_rate = trainer_->next_learning_rate();
  return facts;
}

Checkpoint Session::snapshot() const {
  return {.state = {trainer_->state(), facts()},
          .config = config_.to_toml(),
          .encoder = data_.encoder,
          .model = copies_of(model_->state()),
          .metadata = {{"format", "pt"},
                       {"gradus.inputs", std::to_string(data_.shape.inputs)},
                       {"gradus.outputs", std::to_string(data_.shape.outputs)},
                       {"gradus.vocabulary", std::to_string(data_.shape.vocabulary)}},
          .average = usable(copies_of(optimizer_->averages()), *model_),
          .optimizer = copies_of(solver_ != nullptr ? solver_->state() : optimizer_->state())};
}

void Session::restore_tensors(const Checkpoint& checkpoint, std::string_view source) {
  load_parameters(model_->state(), checkpoint.model, source);
  if (solver_ != nullptr) return solver_->restore(checkpoint.optimizer, source);
  optimizer_->restore(checkpoint.state.facts.optimizer_steps, checkpoint.optimizer, source);
}

void Session::restore(const Checkpoint& checkpoint, std::string_view source) {
  restore_tensors(checkpoint, source);
  trainer_->restore(checkpoint.state.training);
}

void Session::use_weights(const NamedTensors& weights, std::string_view source) {
  load_parameters(model_->state(), weights, source);
}

void Session::rewind(const Checkpoint& checkpoint, std::string_view source, const Anomaly& anomaly) {
  restore_tensors(checkpoint, source);
  trainer_->rewind(checkpoint.state.training, anomaly);
}

uint64_t Session::weights_hash() const { return gradus::weights_hash(model_->state()); }

}  // namespace gradus
