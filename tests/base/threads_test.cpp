#include "gradus/base/threads.h"

#include <atomic>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/testing.h"

namespace gradus {
namespace threads_test {

/// Each test leaves the default behind.
class Threads : public testing::Test {
 protected:
  ~Threads() override { set_threads(0); }
};

TEST_F(Threads, CoversEveryIndexOnce) {
  for (const int count : {1, 2, 3, 8}) {
    set_threads(count);
    for (const int64_t size : {0, 1, 9, 10, 11, 99, 100, 101}) {
      std::vector<std::atomic<int>> visits(static_cast<size_t>(size));
      parallel_for(size, 10, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) ++visits[static_cast<size_t>(i)];
      });
      for (const std::atomic<int>& n : visits) ASSERT_EQ(n, 1) << count << " threads, size " << size;
    }
  }
}

TEST_F(Threads, CutsBySizeAndGrainAlone) {
  using Pieces = std::set<std::pair<int64_t, int64_t>>;
  for (const int count : {1, 2, 3, 8}) {
    set_threads(count);
    Pieces pieces;
    std::mutex mutex;
    parallel_for(25, 10, [&](int64_t begin, int64_t end) {
      const std::lock_guard lock(mutex);
      pieces.emplace(begin, end);
    });
    EXPECT_EQ(pieces, (Pieces{{0, 10}, {10, 20}, {20, 25}}));
  }
}

TEST_F(Threads, RunsOnSeveralThreads) {
  set_threads(2);
  std::set<std::thread::id> ids;
  std::mutex mutex;
  std::atomic<int> arrived{0};
  parallel_for(2, 1, [&](int64_t, int64_t) {
    ++arrived;
    while (arrived < 2) std::this_thread::yield();  // ends only if the two pieces run at the same time
    const std::lock_guard lock(mutex);
    ids.insert(std::this_thread::get_id());
  });
  EXPECT_EQ(ids.size(), 2u);
}

TEST_F(Threads, OnePieceRunsInPlace) {
  set_threads(4);
  std::thread::id id;
  parallel_for(10, 10, [&](int64_t begin, int64_t end) {
    EXPECT_EQ(begin, 0);
    EXPECT_EQ(end, 10);
    id = std::this_thread::get_id();
  });
  EXPECT_EQ(id, std::this_thread::get_id());
}

TEST_F(Threads, NestedCallsRunInPlace) {
  for (const int count : {1, 2, 3, 8}) {
    set_threads(count);
    std::vector<std::atomic<int>> visits(12 * 7);
    std::atomic<int> elsewhere{0};
    parallel_for(12, 1, [&](int64_t outer, int64_t) {
      const std::thread::id id = std::this_thread::get_id();
      parallel_for(7, 1, [&](int64_t inner, int64_t) {
        ++visits[static_cast<size_t>(outer * 7 + inner)];
        elsewhere += std::this_thread::get_id() != id;
      });
    });
    for (const std::atomic<int>& n : visits) ASSERT_EQ(n, 1);
    EXPECT_EQ(elsewhere, 0);
  }
}

TEST_F(Threads, CarriesExceptions) {
  for (const int count : {1, 2, 8}) {
    set_threads(count);
    const auto run = [](int64_t wrong) {
      parallel_for(20, 1, [&](int64_t begin, int64_t) {
        if (begin == wrong) fail("piece", "number {}", begin);
      });
    };
    EXPECT_EQ(error_text([&] { run(13); }), "[piece] number 13");
    EXPECT_EQ(error_text([&] { run(-1); }), "no error");  // and the next call works
  }
}

TEST_F(Threads, CarriesExceptionsOutOfNestedCalls) {
  set_threads(2);
  EXPECT_EQ(error_text([] {
              parallel_for(4, 1, [](int64_t outer, int64_t) {
                parallel_for(4, 1, [&](int64_t inner, int64_t) {
                  if (outer == 2 && inner == 3) fail("piece", "{} {}", outer, inner);
                });
              });
            }),
            "[piece] 2 3");
}

TEST_F(Threads, SetThreadsHasARange) {
  set_threads(3);
  EXPECT_EQ(threads(), 3);
  EXPECT_EQ(usage_error_text([] { set_threads(-1); }), "[threads] -1 threads; expected 0 (all cores) to 1024");
  EXPECT_EQ(usage_error_text([] { set_threads(1025); }), "[threads] 1025 threads; expected 0 (all cores) to 1024");
  EXPECT_EQ(threads(), 3);
  set_threads(1024);
  EXPECT_EQ(threads(), 1024);
  set_threads(0);
  EXPECT_GE(threads(), 1);
  EXPECT_LE(threads(), static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace threads_test
}  // namespace gradus
