#include "gradus/train/clustering_solver.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "gradus/base/error.h"
#include "gradus/base/threads.h"
#include "gradus/classic/gaussian_mixture.h"
#include "gradus/classic/mini_batch_kmeans.h"
#include "gradus/classic/rows.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/train/cluster_report.h"
#include "gradus/train/data_parts.h"

namespace gradus {
namespace {

const Tensor& rows_of(const ExperimentData& data) {
  if (const auto* rows = dynamic_cast<const TensorDataset*>(data.training.get())) return rows->inputs();
  fail_usage("model.kind",
             "clusters are made of rows of numbers in memory, and the data is others; take another model");
}

KMeansStart kmeans_start_of(const Config& config) {
  return config.text("model.start") == "random" ? KMeansStart::kRandom : KMeansStart::kPlusPlus;
}

KMeansOptions kmeans_options(const Config& config, int64_t clusters) {
  return {.clusters = clusters,
          .start = kmeans_start_of(config),
          .tolerance = config.real("solver.tolerance"),
          .starts = config.integer("model.starts"),
          .seed = internal::seed_of(config)};
}

MiniBatchKMeansOptions mini_batch_options(const Config& config, int64_t clusters) {
  return {.clusters = clusters,
          .start = kmeans_start_of(config),
          .batch_size = config.integer("solver.batch_size"),
          .reassign_below = config.real("solver.reassign_below"),
          .tolerance = config.real("solver.tolerance"),
          .patience = config.integer("solver.patience"),
          .seed = internal::seed_of(config)};
}

GaussianMixtureOptions mixture_options(const Config& config, int64_t components) {
  const std::string& start = config.text("model.start");
  return {.components = components,
          .covariance = config.text("model.covariance") == "full" ? Covariance::kFull : Covariance::kDiagonal,
          .start = start == "random"     ? MixtureStart::kRandom
                   : start == "kmeans++" ? MixtureStart::kPlusPlus
                                         : MixtureStart::kKMeans,
          .regularization = config.real("model.covariance_regularization"),
          .tolerance = config.real("solver.tolerance"),
          .starts = config.integer("model.starts"),
          .seed = internal::seed_of(config)};
}

void set(const Tensor& parameter, const Tensor& value) {
  Tensor to = parameter;
  kernels::copy_into(to, value);
}

Parameters handles_of(const NamedTensors& state) {
  Parameters all;
  for (const auto& [name, tensor] : state) all.push_back({name, tensor});
  return all;
}

// A learner that is made when it is needed: at the first step, since the best of several starts takes as long as a run
// each, or where a checkpoint's state says how to go on.
template <class Learner>
class ClusteringSolver : public Solver {
 public:
  Parameters state() const override { return learner_ ? handles_of(learner_->state()) : Parameters(); }

  void restore(const NamedTensors& state, std::string_view source) override {
    learner_.reset();
    if (state.empty()) return;  // of before the first step
    try {
      learner_.emplace(learner_of_model());
      learner_->restore(state);
    } catch (const Error& error) {
      fail(source, "{}", error.message());
    }
  }

 protected:
  ClusteringSolver(Tensor x, bool from_model) : x_(std::move(x)), from_model_(from_model) {}
  virtual Learner new_learner() const = 0;
  // One that begins with what the model has.
  virtual Learner learner_of_model() const = 0;

  Learner& learner() {
    if (!learner_) learner_.emplace(from_model_ ? learner_of_model() : new_learner());
    return *learner_;
  }
  const Tensor& x() const { return x_; }

 private:
  Tensor x_;
  bool from_model_;
  std::optional<Learner> learner_;
};

class LloydSolver : public ClusteringSolver<KMeans> {
 public:
  LloydSolver(Tensor x, const KMeansModel& model, const KMeansOptions& options, bool from_model)
      : ClusteringSolver(std::move(x), from_model), model_(model), options_(options) {}

  Iteration step() override {
    const KMeansRound round = learner().step();
    set(model_.centers(), learner().centers());
    const int64_t rows = x().size(0);
    return {.loss = round.inertia / static_cast<double>(rows), .examples = rows, .converged = round.converged};
  }

 private:
  KMeans new_learner() const override {
    KMeansOptions options = options_;
    if (options.starts > 1) options.seed = fit_kmeans(x(), options).seed;
    return KMeans(x(), options);
  }
  KMeans learner_of_model() const override {
    KMeansOptions options = options_;
    options.start = KMeansStart::kGiven;
    options.centers = model_.centers();
    return KMeans(x(), options);
  }

  const KMeansModel& model_;
  KMeansOptions options_;
};

class MiniBatchSolver : public ClusteringSolver<MiniBatchKMeans> {
 public:
  MiniBatchSolver(Tensor x, const KMeansModel& model, const MiniBatchKMeansOptions& options, bool from_model)
      : ClusteringSolver(std::move(x), from_model), model_(model), options_(options) {}

  Iteration step() override {
    const int64_t batches = (x().size(0) + options_.batch_size - 1) / options_.batch_size;
    Iteration done;
    int64_t taken = 0;
    for (; taken < batches && !done.converged; ++taken) {
      const MiniBatchStep batch = learner().step();
      done.loss += batch.inertia;
      done.converged = batch.converged;
    }
    set(model_.centers(), learner().centers());
    done.loss /= static_cast<double>(taken);
    done.examples = taken * options_.batch_size;
    return done;
  }

 private:
  MiniBatchKMeans new_learner() const override { return MiniBatchKMeans(x(), options_); }
  MiniBatchKMeans learner_of_model() const override {
    MiniBatchKMeansOptions options = options_;
    options.start = KMeansStart::kGiven;
    options.centers = model_.centers();
    return MiniBatchKMeans(x(), options);
  }

  const KMeansModel& model_;
  MiniBatchKMeansOptions options_;
};

class MixtureSolver : public ClusteringSolver<ExpectationMaximization> {
 public:
  MixtureSolver(Tensor x, const MixtureModel& model, const GaussianMixtureOptions& options, bool from_model)
      : ClusteringSolver(std::move(x), from_model), model_(model), options_(options) {}

  Iteration step() override {
    const MixtureRound round = learner().step();
    const GaussianMixture mixture = learner().mixture();
    set(model_.parameters()[0].tensor, mixture.weights);
    set(model_.parameters()[1].tensor, mixture.means);
    set(model_.parameters()[2].tensor, mixture.covariances);
    return {.loss = -round.lower_bound, .examples = x().size(0), .converged = round.converged};
  }

 private:
  ExpectationMaximization new_learner() const override {
    GaussianMixtureOptions options = options_;
    if (options.starts > 1) options.seed = fit_gaussian_mixture(x(), options).seed;
    return ExpectationMaximization(x(), options);
  }
  ExpectationMaximization learner_of_model() const override {
    GaussianMixtureOptions options = options_;
    options.start = MixtureStart::kMeans;
    options.means = model_.mixture().means;
    ExpectationMaximization learner(x(), options);
    NamedTensors state = learner.state();  // its bound is that of no round yet
    for (size_t i = 0; i < model_.parameters().size(); ++i) state[i].second = model_.parameters()[i].tensor;
    learner.restore(state);
    return learner;
  }

  const MixtureModel& model_;
  GaussianMixtureOptions options_;
};

Tensor labels_by(const Config& config, const Tensor& x, int64_t clusters) {
  if (config.text("model.kind") == "gmm") {
    return fit_gaussian_mixture(x, mixture_options(config, clusters)).mixture.predict(x);
  }
  if (config.text("solver.name") == "mini_batch") {
    return fit_mini_batch_kmeans(x, mini_batch_options(config, clusters)).labels;
  }
  return fit_kmeans(x, kmeans_options(config, clusters)).labels;
}

}  // namespace

std::unique_ptr<Solver> make_clustering_solver(const Config& config, const ExperimentData& data, const Model& model) {
  const Tensor& x = rows_of(data);
  const int64_t clusters = data.shape.outputs;
  const bool from_model = config.has("model.from");
  if (const auto* mixture = dynamic_cast<const MixtureModel*>(&model)) {
    return std::make_unique<MixtureSolver>(x, *mixture, mixture_options(config, clusters), from_model);
  }
  const auto& kmeans = dynamic_cast<const KMeansModel&>(model);
  if (config.text("solver.name") == "mini_batch") {
    return std::make_unique<MiniBatchSolver>(x, kmeans, mini_batch_options(config, clusters), from_model);
  }
  return std::make_unique<LloydSolver>(x, kmeans, kmeans_options(config, clusters), from_model);
}

ClusterChoice choose_clusters(const Config& config, const ExperimentData& data) {
  const std::vector<int64_t>& numbers = config.integers("model.clusters");
  if (numbers.size() == 1) return {.table = {}, .clusters = numbers[0]};
  const Tensor& x = rows_of(data);
  if (config.text("model.choose_by") == "bic") {
    return choose_clusters(numbers, Better::kLower, [&](int64_t components) {
      return fit_gaussian_mixture(x, mixture_options(config, components)).mixture.bic(x);
    });
  }
  return choose_clusters(numbers, Better::kHigher,
                         [&](int64_t clusters) { return sampled_silhouette(x, labels_by(config, x, clusters)); });
}

std::string to_text(const ClusterChoice& choice, const Config& config) {
  std::string text = config.text("model.choose_by");
  for (const ClusterScore& score : choice.table) {
    text += fmt::format("{} of {} clusters {:.6g}", score.clusters == choice.table[0].clusters ? "" : ",",
                        score.clusters, score.score);
  }
  return text + fmt::format(": {} are taken", choice.clusters);
}

MemoryPrediction clustering_memory(const Config& config, const ExperimentData& data, int64_t program) {
  constexpr int64_t kNumber = 8, kProgram = 600'000;  // the latter: what the program touches of itself later
  // Of a row: distances from the last centre of a start and from its candidates; its label, and how sure that is.
  constexpr int64_t kOfRow = 10;
  const int64_t rows = rows_of(data).size(0), columns = rows_of(data).size(1), clusters = data.shape.outputs;
  int64_t model = kNumber * clusters * columns, mixing = 0;
  if (config.text("model.kind") == "gmm") {
    const int64_t width = config.text("model.covariance") == "full" ? columns : 1;
    model = kNumber * clusters * (1 + columns * (1 + width));
    // Of a thread: differences from means, twice, responsibilities and sums. And the mixture's factors.
    const int64_t of_a_thread = kNumber * kMixtureRowsTogether * (2 * columns + clusters) + 2 * model;
    mixing = threads() * of_a_thread + 4 * model + kProgram;
  }
  // The start's are gone when the sums of all blocks are there.
  const bool in_batches = config.has("solver.name") && config.text("solver.name") == "mini_batch";
  const int64_t at_once = in_batches ? std::min(rows, config.integer("solver.batch_size")) : rows;
  const int64_t sums = model * (3 + detail::RowBlocks(at_once, model).count);
  const int64_t work = std::max(kNumber * kOfRow * at_once, 2 * kNumber * rows + sums) + mixing;
  const int64_t state = model + kNumber * rows;
  return {.parts = {{"the program and its data", program + kProgram, ""},
                    {"the model", model, "fewer model.clusters, or model.covariance = \"diagonal\""},
                    {"labels, distances and sums", work, "fewer model.clusters, or data.training_size"},
                    {"a checkpoint on its way to disk", model + state,
                     "checkpoint.every = 0 and checkpoint.every_s = 0, so that there is one at the end only"}}};
}

}  // namespace gradus
