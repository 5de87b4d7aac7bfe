// Rows in a file: what was written is read, in any order of blocks, and nothing else.
#include "gradus/data/row_cache.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <set>

#include "gradus/data/cached_rows.h"
#include "gradus/data/row_cache_format.h"
#include "gradus/data/row_windows.h"
#include "tests/testing.h"

namespace gradus {
namespace row_cache_test {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

// Row i of `sparse_cache` has the columns i % 5 and 7 with the values i and 1, the target i / 2 and the weight 1 + i
// % 3.
void write_sparse(const std::string& path, int rows, RowCacheWriterOptions options = {.block_bytes = 100}) {
  RowCacheWriter writer(path, {.is_sparse = true, .has_weights = true}, options);
  for (int i = 0; i < rows; ++i) {
    const std::vector<int32_t> indices = {i % 5 + 1, 8};
    const Floats values = {static_cast<float>(i), 1.0F};
    const Doubles target = {i / 2.0};
    writer.add(i % 4 == 3 ? RowPart::kHeldOut : RowPart::kTraining, indices, values, target,
               static_cast<float>(1 + i % 3));
  }
  writer.finish({.layout = {.columns = 8, .base = 1},
                 .sources = {{"a.svm", {.bytes = 5, .modified_ns = -1}, 0xFEDCBA9876543210}},
                 .options = "o",
                 .encoder = "{\"x\": \"é\"}",
                 .left_out = {.unlabelled = 2, .ignored = 4, .skipped = {3, "[a:1] odd"}}});
}

void write_dense(const std::string& path, int rows) {
  RowCacheWriter writer(path, {.columns = 3, .targets = 2}, {.block_bytes = 64});
  for (int i = 0; i < rows; ++i) {
    const float x = static_cast<float>(i);
    writer.add(RowPart::kTraining, Floats{x, x + 0.5F, -x}, Doubles{x * 1.0, -1.0});
  }
  writer.finish({.layout = {.columns = 3}});
}

CachedRows all_of(const RowCache& cache, RowPart part) {
  CachedRows rows;
  cache.read(cache.blocks_of(part), rows);
  return rows;
}

class RowCacheTest : public testing::Test {
 protected:
  TemporaryFolder folder_;
  std::string path_ = (folder_ / "rows").string();
  std::string told_(const std::string& what) const {
    return "[" + path_ + "] " + what + "; remove it, and it is made again from its source";
  }
};

TEST_F(RowCacheTest, GivesBackSparseRows) {
  write_sparse(path_, 40);
  const RowCache cache(path_);
  EXPECT_GT(cache.blocks().size(), 5u);
  EXPECT_EQ(cache.rows_of(RowPart::kTraining), 30);
  EXPECT_EQ(cache.rows_of(RowPart::kHeldOut), 10);
  EXPECT_EQ(cache.description().encoder, "{\"x\": \"é\"}");
  EXPECT_EQ(cache.description().options, "o");
  const LeftOutRows& left_out = cache.description().left_out;
  EXPECT_EQ(left_out.unlabelled, 2);
  EXPECT_EQ(left_out.ignored, 4);
  EXPECT_EQ(left_out.skipped.count, 3);
  EXPECT_EQ(left_out.skipped.first, "[a:1] odd");
  EXPECT_EQ(cache.description().sources[0].xxh3, 0xFEDCBA9876543210);
  EXPECT_EQ(cache.description().sources[0].stamp.modified_ns, -1);
  double weight = 0.0;
  for (const RowPart part : {RowPart::kTraining, RowPart::kHeldOut}) {
    const CachedRows rows = all_of(cache, part);
    int64_t at = 0;
    for (int i = 0; i < 40; ++i) {
      if ((i % 4 == 3) != (part == RowPart::kHeldOut)) continue;
      const auto first = static_cast<size_t>(rows.sparse.offsets[at]);
      ASSERT_EQ(rows.sparse.offsets[at + 1] - rows.sparse.offsets[at], 2);
      EXPECT_EQ(rows.sparse.indices[first], i % 5);
      EXPECT_EQ(rows.sparse.indices[first + 1], 7);
      EXPECT_EQ(rows.sparse.values[first], static_cast<float>(i));
      EXPECT_EQ(rows.targets[static_cast<size_t>(at)], i / 2.0);
      EXPECT_EQ(rows.weights[static_cast<size_t>(at)], static_cast<float>(1 + i % 3));
      weight += rows.weights[static_cast<size_t>(at++)];
    }
    EXPECT_EQ(rows.rows, at);
    EXPECT_EQ(rows.sparse.rows, at);
    EXPECT_EQ(rows.sparse.columns, 8);
    EXPECT_EQ(cache.total_weight(part), weight);
    weight = 0.0;
  }
}

TEST_F(RowCacheTest, GivesBackDenseRows) {
  write_dense(path_, 10);
  const RowCache cache(path_);
  const CachedRows rows = all_of(cache, RowPart::kTraining);
  EXPECT_EQ(cache.rows_of(RowPart::kHeldOut), 0);
  EXPECT_EQ(cache.total_weight(RowPart::kTraining), 10.0);
  ASSERT_EQ(rows.dense.shape(), (Shape{10, 3}));
  for (int64_t i = 0; i < 10; ++i) {
    EXPECT_EQ(rows.dense.data<float>()[3 * i + 1], static_cast<float>(i) + 0.5F);
    EXPECT_EQ(rows.targets[static_cast<size_t>(2 * i)], static_cast<double>(i));
  }
  EXPECT_TRUE(rows.weights.empty());
}

// What any byte is, or where the file ends, matters.
TEST_F(RowCacheTest, AnyDamageIsAnError) {
  write_sparse(path_, 12);
  const std::string bytes = slurp(path_);
  const auto read_all = [&] {
    const RowCache cache(path_);
    all_of(cache, RowPart::kTraining);
    all_of(cache, RowPart::kHeldOut);
  };
  EXPECT_EQ(error_text(read_all), "no error");
  const std::string end = "; remove it, and it is made again from its source";
  std::set<std::string> messages;
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ (1 << (i % 8)));
    spill(path_, damaged);
    const std::string error = error_text(read_all);
    EXPECT_TRUE(error.ends_with(end)) << i << error;
    messages.insert(error.substr(0, error.find_first_of("0123456789;", path_.size() + 2)));
  }
  for (size_t size = 0; size < bytes.size(); ++size) {
    spill(path_, bytes.substr(0, size));
    EXPECT_TRUE(error_text(read_all).ends_with(end)) << size;
  }
  const auto error_at = [&](size_t at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    spill(path_, damaged);
    return error_text(read_all);
  };
  EXPECT_EQ(error_at(sizeof(detail::RowCacheHeader)),
            told_("the block of rows at byte " + std::to_string(sizeof(detail::RowCacheHeader)) + " is damaged"));
  EXPECT_EQ(error_at(bytes.size() - sizeof(detail::RowCacheTrailer) - 1),
            told_("the index of the cache of rows is damaged"));
  spill(path_, bytes.substr(0, sizeof(detail::RowCacheHeader)) + "x" + bytes.substr(sizeof(detail::RowCacheHeader)));
  EXPECT_EQ(error_text(read_all), told_("the cache of rows is damaged: its parts are not as long as the file"));
  spill(path_, bytes + "x");
  EXPECT_EQ(error_text(read_all), told_("the cache of rows was cut short, or damaged at its end"));
  spill(path_, bytes.substr(0, 10));
  EXPECT_EQ(error_text(read_all), told_("this is no cache of rows, or what is left of one"));
  spill(path_, std::string(200, 'x'));
  EXPECT_EQ(error_text(read_all), told_("this is no cache of rows"));
  std::string newer = bytes;
  newer[8] = 2;
  spill(path_, newer);
  EXPECT_EQ(error_text(read_all), told_("the cache of rows has version 2; expected 1"));
  EXPECT_GE(messages.size(), 5u);
}

TEST(RowCacheDescription, HasToHaveEachField) {
  const std::string json = detail::to_json({.layout = {.is_sparse = true, .columns = 3},
                                            .sources = {{"a", {5, 1}, 2}},
                                            .options = "o",
                                            .encoder = "e",
                                            .target_values = {{-1, 0.5}, {2}}});
  EXPECT_EQ(detail::to_json(detail::row_cache_description(json, "c")), json);
  const auto error = [&](std::string_view from, std::string_view to) {
    std::string text = json;
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos);
    return error_text([&] { detail::row_cache_description(text.replace(at, from.size(), to), "c"); });
  };
  const auto lacks = [](const std::string& what) {
    return "[c] the description in it has no " + what + "; it was written by another program or version: remove it";
  };
  EXPECT_EQ(error("\"sparse\":true", "\"sparse\":1"), lacks("\"sparse\" as expected"));
  EXPECT_EQ(error("\"columns\"", "\"colours\""), lacks("\"columns\" as expected"));
  EXPECT_EQ(error("\"columns\":3", "\"columns\":0"), lacks("\"columns\" from 1 to 2147483647"));
  EXPECT_EQ(error("\"xxh3\":\"", "\"xxh3\":\"g"), lacks("sum of a source"));
  EXPECT_EQ(error("\"training_weight\"", "\"training_length\""), lacks("\"training_weight\" as expected"));
  EXPECT_EQ(error("0.5]", "true]"), lacks("numbers in \"training_targets\""));
  EXPECT_EQ(error("\"held_out_targets\":[", "\"held_out_targets\":5,\"x\":["),
            lacks("\"held_out_targets\" as expected"));
}

TEST_F(RowCacheTest, LeavesRoomOnTheDisk) {
  const std::string error = error_text([&] { write_sparse(path_, 4, {.reserve_bytes = int64_t{1} << 60}); });
  EXPECT_NE(
      error.find(" bytes are free on its disk after 0 bytes of rows, and 1152921504606846976 are to be left; make "
                 "room, or set data.cache to a path on another disk"),
      std::string::npos)
      << error;
  EXPECT_EQ(folder_.count(), 0u);
}

// The rows of all windows of a pass, by their targets.
std::vector<Doubles> windows_of(RowWindows& windows, uint64_t key, bool shuffle) {
  std::vector<Doubles> all;
  windows.pass(key, shuffle, [&](const CachedRows& rows, int64_t window) {
    EXPECT_EQ(window, static_cast<int64_t>(all.size()));
    all.push_back(rows.targets);
  });
  return all;
}

TEST_F(RowCacheTest, WindowsHaveEachRowOnceAPass) {
  write_sparse(path_, 400);
  const auto cache = std::make_shared<const RowCache>(path_);
  Doubles expected = all_of(*cache, RowPart::kTraining).targets;
  const int64_t all_bytes = cache->memory_of(cache->blocks_of(RowPart::kTraining));
  RowWindows windows(cache, RowPart::kTraining, all_bytes / 4);
  EXPECT_FALSE(windows.is_in_memory());
  EXPECT_EQ(windows.rows(), 300);
  std::set<std::vector<Doubles>> orders;
  for (const uint64_t key : {1, 2, 3}) {
    const std::vector<Doubles> pass = windows_of(windows, key, true);
    EXPECT_EQ(pass, windows_of(windows, key, true));  // a function of the key
    EXPECT_GE(pass.size(), 8u);
    EXPECT_LE(pass.size(), 12u);
    Doubles joined;
    for (const Doubles& window : pass) joined.insert(joined.end(), window.begin(), window.end());
    EXPECT_NE(joined, expected);
    std::sort(joined.begin(), joined.end());
    EXPECT_EQ(joined, expected);
    orders.insert(pass);
  }
  EXPECT_EQ(orders.size(), 3u);
  Doubles straight;
  for (const Doubles& window : windows_of(windows, 1, false)) {
    straight.insert(straight.end(), window.begin(), window.end());
  }
  EXPECT_EQ(straight, expected);
  RowWindows whole(cache, RowPart::kTraining, all_bytes);
  EXPECT_TRUE(whole.is_in_memory());
  EXPECT_EQ(windows_of(whole, 5, true), std::vector<Doubles>{expected});
  RowWindows narrow(cache, RowPart::kTraining, 1);  // a block at a time
  EXPECT_EQ(windows_of(narrow, 5, true).size(), cache->blocks_of(RowPart::kTraining).size());
}

TEST_F(RowCacheTest, AWindowThatIsDamagedEndsThePass) {
  write_sparse(path_, 400);
  const auto cache = std::make_shared<const RowCache>(path_);
  std::string bytes = slurp(path_);
  bytes[bytes.size() / 2] ^= 1;
  std::fstream(path_, std::ios::in | std::ios::out | std::ios::binary) << bytes;
  RowWindows windows(cache, RowPart::kTraining, 1000);
  const std::string error = error_text([&] { windows_of(windows, 1, true); });
  EXPECT_NE(error.find("is damaged; remove it, and it is made again from its source"), std::string::npos) << error;
}

TEST(HeldOutRows, AreAFunctionOfTheRowAndNestByTheirFraction) {
  const HeldOutRows tenth{.key = 3, .low = 0.0, .high = 0.1}, third{.key = 3, .low = 0.0, .high = 1.0 / 3};
  const HeldOutRows other{.key = 4, .low = 0.0, .high = 0.1}, none{.key = 3}, next{.key = 3, .low = 0.1, .high = 0.2};
  int64_t of_tenth = 0, of_third = 0, both = 0;
  for (int64_t row = 0; row < 30'000; ++row) {
    of_tenth += tenth.contains(row);
    of_third += third.contains(row);
    both += tenth.contains(row) && other.contains(row);
    EXPECT_TRUE(!tenth.contains(row) || third.contains(row));
    EXPECT_FALSE(none.contains(row) || (next.contains(row) && tenth.contains(row)));
  }
  EXPECT_NEAR(static_cast<double>(of_tenth), 3000, 4 * 52);  // binomial, four deviations
  EXPECT_NEAR(static_cast<double>(of_third), 10'000, 4 * 82);
  EXPECT_NEAR(static_cast<double>(both), 300, 4 * 17);
}

class LibsvmCacheTest : public RowCacheTest {
 protected:
  CacheRequest request_() const {
    return {.path = path_,
            .files = {(folder_ / "a.svm").string(), (folder_ / "b.svm").string()},
            .held_out_files = {},
            .held_out = {.key = 1, .low = 0.0, .high = 0.25},
            .options = "one",
            .pieces = {.piece_bytes = 64},
            .writer = {.block_bytes = 200}};
  }
  std::shared_ptr<const RowCache> open_(const CacheRequest& request) {
    return cached_rows(
        request,
        [&](const CacheRequest& own) {
          ++made_;
          write_libsvm_cache(
              own, {}, [](const SparseExamples&, const std::vector<int64_t>&, bool) {},
              [](int64_t columns, int32_t base) { return fmt::format("{} from {}", columns, base); });
        },
        [&](const std::string& line) { said_ = line; });
  }
  void spill_(const char* name, int first, int rows, int base = 1) {
    std::string text;
    for (int i = first; i < first + rows; ++i) text += fmt::format("{} {}:{} 9:1\n", i, base + i % 5, i);
    spill(folder_ / name, text);
  }
  int made_ = 0;
  std::string said_;
};

TEST_F(LibsvmCacheTest, IsMadeOnceAndAgainWhenItsSourceHasChanged) {
  spill_("a.svm", 0, 50);
  spill_("b.svm", 50, 50);
  const auto cache = open_(request_());
  const CachedRows training = all_of(*cache, RowPart::kTraining), held_out = all_of(*cache, RowPart::kHeldOut);
  EXPECT_EQ(training.rows + held_out.rows, 100);
  for (const CachedRows* part : {&training, &held_out}) {
    for (int64_t i = 0; i < part->rows; ++i) {
      const auto row = static_cast<int>(part->targets[static_cast<size_t>(i)]);
      EXPECT_EQ(request_().held_out.contains(row), part == &held_out);
      EXPECT_EQ(part->sparse.indices[static_cast<size_t>(2 * i)], row % 5);
      EXPECT_EQ(part->sparse.values[static_cast<size_t>(2 * i)], static_cast<float>(row));
    }
  }
  EXPECT_EQ(cache->layout().columns, 9);
  EXPECT_EQ(cache->description().encoder, "9 from 1");
  open_(request_());
  EXPECT_EQ(made_, 1);

  CacheRequest other = request_();
  other.options = "two";
  open_(other);
  EXPECT_EQ(said_, "the cache of rows " + path_ + " is made again: it was made with other options");
  EXPECT_EQ(made_, 2);

  other.encoder = "9 from 1";
  open_(other);
  EXPECT_EQ(made_, 2);
  other.encoder = "8 from 1";
  open_(other);
  EXPECT_EQ(said_, "the cache of rows " + path_ + " is made again: it was made for another model");
  EXPECT_EQ(made_, 3);
  other.encoder.reset();

  // Written again, and the same: its sum says so.
  spill_("b.svm", 50, 50);
  open_(other);
  EXPECT_EQ(made_, 3);

  spill_("b.svm", 51, 50);
  open_(other);
  EXPECT_EQ(said_, "the cache of rows " + path_ + " is made again: " + other.files[1] + " has changed since");
  EXPECT_EQ(made_, 4);

  other.files.pop_back();
  open_(other);
  EXPECT_EQ(said_, "the cache of rows " + path_ + " is made again: it was made of other files");

  spill(path_, slurp(path_).substr(0, 300));
  open_(other);
  EXPECT_EQ(said_,
            "the cache of rows is made again: " + told_("the cache of rows was cut short, or damaged at its end"));
  EXPECT_EQ(made_, 6);
  EXPECT_EQ(folder_.count(), 3u);
}

TEST_F(LibsvmCacheTest, CountsFromZeroIfAnyFileDoesAndHoldsWholeFilesOut) {
  spill_("a.svm", 0, 10, 1);
  spill_("b.svm", 10, 5, 0);
  CacheRequest request = request_();
  request.files.pop_back();
  request.held_out_files = {(folder_ / "b.svm").string()};
  request.held_out = {};
  const auto cache = open_(request);
  EXPECT_EQ(cache->layout().base, 0);
  EXPECT_EQ(cache->layout().columns, 10);
  EXPECT_EQ(cache->rows_of(RowPart::kHeldOut), 5);
  EXPECT_EQ(all_of(*cache, RowPart::kTraining).sparse.indices[0], 1);
}

TEST_F(LibsvmCacheTest, LeavesNothingBehindWhenItsSourceIsWrong) {
  spill_("a.svm", 0, 50);
  spill(folder_ / "b.svm", "1 1:2\n2 x\n");
  EXPECT_EQ(error_text([&] { open_(request_()); }),
            "[" + request_().files[1] + ":2] found \"x\"; expected index:value, the index a whole number");
  EXPECT_EQ(folder_.count(), 2u);
  spill(folder_ / "b.svm", "1\n");
  spill(folder_ / "a.svm", "1\n2\n");
  EXPECT_EQ(error_text([&] { open_(request_()); }),
            "[" + request_().files[0] + "] no row has a value; expected index:value behind the labels");
}

// A process that was killed while it made the cache leaves what it had.
TEST_F(LibsvmCacheTest, RemovesWhatDeadProcessesLeft) {
  spill_("a.svm", 0, 50);
  spill_("b.svm", 50, 50);
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  const std::string dead = fmt::format(".rows.gradus-tmp-{}-0", child), alive = ".rows.gradus-tmp-1-0";
  for (const std::string& name :
       {dead, alive, std::string(".other.gradus-tmp-9-0"), std::string(".rows.gradus-tmp-x")}) {
    spill(folder_ / name, "half");
  }
  open_(request_());
  EXPECT_FALSE(std::filesystem::exists(folder_ / dead));
  EXPECT_EQ(folder_.count(), 6u);
}

// One that is not kept has the same rows, and one that is there is used; what is there of other rows stays.
TEST_F(LibsvmCacheTest, WithoutANameItLeavesNoFile) {
  spill_("a.svm", 0, 50);
  spill_("b.svm", 50, 50);
  CacheRequest passing = request_();
  passing.is_kept = false;
  const auto unnamed = open_(passing);
  EXPECT_EQ(folder_.count(), 2u);
  const auto kept = open_(request_());
  EXPECT_EQ(folder_.count(), 3u);
  for (const RowPart part : {RowPart::kTraining, RowPart::kHeldOut}) {
    const CachedRows a = all_of(*unnamed, part), b = all_of(*kept, part);
    EXPECT_EQ(a.targets, b.targets);
    EXPECT_EQ(a.sparse.values, b.sparse.values);
    EXPECT_EQ(a.sparse.indices, b.sparse.indices);
  }
  EXPECT_EQ(made_, 2);
  open_(passing);
  EXPECT_EQ(made_, 2) << "the one that is there is used";
  const std::string before = slurp(path_);
  spill_("b.svm", 50, 60);
  EXPECT_EQ(open_(passing)->rows_of(RowPart::kTraining) + open_(passing)->rows_of(RowPart::kHeldOut), 110);
  EXPECT_EQ(made_, 4);
  EXPECT_EQ(said_, "");
  EXPECT_EQ(slurp(path_), before);
  EXPECT_EQ(folder_.count(), 3u);
}

TEST_F(LibsvmCacheTest, AFileThatGrowsWhileItIsReadIsAnError) {
  spill_("a.svm", 0, 50);
  CacheRequest request = request_();
  request.files.pop_back();
  const auto make = [&](const CacheRequest& own) {
    write_libsvm_cache(
        own, {},
        [&](const SparseExamples&, const std::vector<int64_t>&, bool) {
          std::ofstream(request.files[0], std::ios::app) << "1 1:1\n";
        },
        [](int64_t, int32_t) { return ""; });
  };
  EXPECT_EQ(error_text([&] { cached_rows(request, make, [](const std::string&) {}); }),
            "[" + request.files[0] + "] was written while it was read; wait until it is complete, and start again");
  EXPECT_FALSE(std::filesystem::exists(path_));
}

}  // namespace row_cache_test
}  // namespace gradus
