// What the loader hands out is what the data set says, whoever made it and in whatever order it is asked for.
#include "gradus/data/loader.h"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>

#include "gradus/base/background_thread.h"
#include "gradus/base/error.h"
#include "gradus/base/threads.h"
#include "tests/testing.h"

namespace gradus {
namespace loader_test {

// Each example is its id and the pass's key; an id of 13 is broken.
class Costly : public Dataset {
 public:
  explicit Costly(bool costly = true) : costly_(costly) {}
  int64_t size() const override { return 20; }
  bool is_costly() const override { return costly_; }
  Batch batch(std::span<const int64_t> ids) const override { return training_batch(ids, 0); }
  Batch training_batch(std::span<const int64_t> ids, uint64_t key) const override {
    ++made;
    Tensor inputs = Tensor::empty({static_cast<int64_t>(ids.size()), 2}, DType::kF64);
    double* out = inputs.mutable_data<double>();
    for (const int64_t id : ids) {
      if (id == broken) fail("example", "{} is broken", id);
      *out++ = static_cast<double>(id);
      *out++ = static_cast<double>(key >> 11);
    }
    return {.inputs = inputs};
  }
  int64_t broken = -1;
  mutable std::atomic<int> made{0};

 private:
  bool costly_;
};

std::vector<double> values(const Batch& batch) {
  const double* x = batch.inputs.data<double>();
  return {x, x + batch.inputs.numel()};
}

std::span<const int64_t> part_of(const std::vector<int64_t>& ids, int64_t size, int64_t part) {
  const auto begin = static_cast<size_t>(part * size);
  return std::span(ids).subspan(begin, std::min(static_cast<size_t>(size), ids.size() - begin));
}

TEST(Loader, GivesEveryPartOfEveryStepForAnyNumberOfWorkers) {
  const Costly data;
  const Sampler sampler({.examples = 20, .batch_size = 8, .seed = 5});  // batches of 8, 8 and 4
  for (const int workers : {0, 1, 2, 5}) {
    Loader loader(data, sampler, {.micro_batch_size = 3, .workers = workers});
    for (int64_t step = 0; step < 12; ++step) {
      std::vector<int64_t> ids;
      sampler.batch(step, ids);
      for (int64_t part = 0; part * 3 < static_cast<int64_t>(ids.size()); ++part) {
        const std::span<const int64_t> wanted = part_of(ids, 3, part);
        EXPECT_EQ(values(loader.batch(step, part, wanted)), values(data.training_batch(wanted, sampler.pass_key(step))))
            << workers << " workers, step " << step << ", part " << part;
      }
    }
    EXPECT_GT(loader.waited_s(), 0.0);
    EXPECT_EQ(loader.ahead(), workers == 0 ? 0 : workers + 1);
  }
}

TEST(Loader, RefusesSizesBelowNone) {
  const Costly data;
  const Sampler sampler({.examples = 20, .batch_size = 8});
  EXPECT_EQ(usage_error_text([&] { Loader(data, sampler, {.micro_batch_size = -1, .workers = 2}); }),
            "[loader] micro-batches of -1 by 2 workers; expected a size from 0 and 0 to 1024 workers");
}

TEST(Loader, GoesWhereItIsAsked) {
  const Costly data;
  const Sampler sampler({.examples = 20, .batch_size = 5, .seed = 1});
  Loader loader(data, sampler, {.workers = 2});
  for (const int64_t step : {0, 1, 2, 7, 8, 0, 0, 3, 1000000}) {  // left out, gone back, repeated
    std::vector<int64_t> ids;
    sampler.batch(step, ids);
    EXPECT_EQ(values(loader.batch(step, 0, ids)), values(data.training_batch(ids, sampler.pass_key(step)))) << step;
  }
}

TEST(Loader, HoldsNoMoreThanItSays) {
  const Costly data;
  const Sampler sampler({.examples = 20, .batch_size = 5});
  {
    Loader loader(data, sampler, {.workers = 3});
    std::vector<int64_t> ids;
    sampler.batch(0, ids);
    loader.batch(0, 0, ids);
  }
  EXPECT_LE(data.made, 5);  // what was asked for, and 4 ahead
}

TEST(Loader, ThrowsWhereTheBrokenPartIsAskedFor) {
  Costly data;
  data.broken = 13;
  const Sampler sampler({.examples = 20, .batch_size = 5, .sampling = Sampling::kInOrder});
  for (const int workers : {0, 2}) {
    Loader loader(data, sampler, {.workers = workers});
    std::vector<int64_t> ids;
    for (int64_t step = 0; step < 4; ++step) {
      sampler.batch(step, ids);
      if (step == 2) {
        EXPECT_THROW(loader.batch(step, 0, ids), Error);
      } else {
        EXPECT_EQ(values(loader.batch(step, 0, ids))[0], static_cast<double>(step * 5));
      }
    }
  }
}

TEST(Loader, MakesWhatIsQuickWhereItIsAskedFor) {
  const Costly data(false);
  const Sampler sampler({.examples = 20, .batch_size = 5});
  Loader loader(data, sampler, {.workers = 2});
  std::vector<int64_t> ids;
  sampler.batch(0, ids);
  loader.batch(0, 0, ids);
  EXPECT_EQ(data.made, 1);
  EXPECT_EQ(loader.ahead(), 0);
  EXPECT_EQ(loader.waited_s(), 0.0);
}

TEST(Loader, RefusesNegativeSizes) {
  const Costly data;
  const Sampler sampler({.examples = 20, .batch_size = 5});
  EXPECT_THROW(Loader(data, sampler, {.workers = -1}), Error);
  EXPECT_THROW(Loader(data, sampler, {.micro_batch_size = -1}), Error);
}

TEST(BackgroundThread, WorksInPlace) {
  std::atomic<int> elsewhere{0};
  std::thread thread = start_background_thread("a test", [&] {
    const std::thread::id self = std::this_thread::get_id();
    parallel_for(1000, 1, [&](int64_t, int64_t) { elsewhere += std::this_thread::get_id() != self; });
  });
  thread.join();
  EXPECT_EQ(elsewhere, 0);
}

TEST(Sampler, HasAnotherKeyForEachPass) {
  const Sampler sampler({.examples = 20, .batch_size = 8, .seed = 5});
  EXPECT_EQ(sampler.pass_key(0), sampler.pass_key(2));
  EXPECT_NE(sampler.pass_key(2), sampler.pass_key(3));
  EXPECT_NE(sampler.pass_key(0), Sampler({.examples = 20, .batch_size = 8, .seed = 6}).pass_key(0));
  EXPECT_EQ(sampler.size_of(0), 8);
  EXPECT_EQ(sampler.size_of(2), 4);
}

}  // namespace loader_test
}  // namespace gradus
