// A checkpoint's folder: what is written comes back, and no change to it goes unseen.
#include "gradus/train/checkpoint.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "gradus/base/folders.h"
#include "gradus/train/checkpoint_writer.h"
#include "gradus/train/manifest.h"
#include "gradus/train/session.h"
#include "tests/testing.h"

namespace gradus {
namespace checkpoint_test {

namespace fs = std::filesystem;
using testing::HasSubstr;

Session& small_session() {
  static Session session(
      Config::parse("data.kind = \"line\"\nmodel.kind = \"mlp\"\nmodel.hidden = [3]\n"
                    "optimizer.name = \"adamw\"\ntrain.steps = 5\n",
                    "small.toml"));
  return session;
}

Checkpoint small_checkpoint() {
  Session& session = small_session();
  if (session.trainer().steps_done() == 0) session.trainer().run();
  return session.snapshot();
}

std::map<std::string, std::string> files_of(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::directory_iterator(folder)) files[entry.path().filename()] = slurp(entry.path());
  return files;
}

TEST(Checkpoint, ComesBackAsItWas) {
  const TemporaryFolder folder;
  Checkpoint written = small_checkpoint();
  written.encoder = TextTokenizer::Kind(CharacterTokenizer::train("abc", CharacterTokenizer::Unit::kBytes));
  write_checkpoint(folder / "c", written);
  const Checkpoint read = read_checkpoint(folder / "c");
  EXPECT_EQ(read.state.to_json(), written.state.to_json());
  EXPECT_EQ(read.config, written.config);
  EXPECT_EQ(encoder_file(read.encoder), "tokenizer.json");
  EXPECT_EQ(encoder_json(read.encoder), encoder_json(written.encoder));
  EXPECT_EQ(read.metadata, written.metadata);
  ASSERT_EQ(read.model.size(), 4u);
  ASSERT_EQ(read.optimizer.size(), 12u);
  EXPECT_EQ(weights_hash(read.model), weights_hash(written.model));
  EXPECT_EQ(weights_hash(read.optimizer), weights_hash(written.optimizer));
  EXPECT_TRUE(checkpoint_damage(folder / "c").empty());
  EXPECT_EQ(files_of(folder / "c").size(), 6u);
}

TEST(Checkpoint, ListsEveryTensorWithItsBytesAndSum) {
  const TemporaryFolder folder;
  write_checkpoint(folder / "c", small_checkpoint());
  const Manifest manifest = Manifest::read(folder / "c");
  EXPECT_EQ(manifest.step, 5);
  const ManifestFile* model = manifest.find("model.safetensors");
  ASSERT_NE(model, nullptr);
  ASSERT_EQ(model->parts.size(), 5u);  // the header and four tensors
  const std::string bytes = slurp(folder / "c/model.safetensors");
  EXPECT_EQ(model->sum, xxh3(bytes));
  for (const ManifestPart& part : model->parts) {
    EXPECT_EQ(part.sum, xxh3(bytes.substr(part.begin, part.end - part.begin))) << part.name;
  }
  EXPECT_EQ(model->parts.back().end, static_cast<int64_t>(bytes.size()));
}

/// Changes single bytes of a file, and its length.
class OpenFile {
 public:
  explicit OpenFile(const fs::path& path) : descriptor_(::open(path.c_str(), O_WRONLY | O_CLOEXEC)) {}
  ~OpenFile() { ::close(descriptor_); }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  void put(size_t place, int byte) const {
    const char value = static_cast<char>(byte);
    ASSERT_EQ(::pwrite(descriptor_, &value, 1, static_cast<off_t>(place)), 1);
  }
  void cut(size_t length) const { ASSERT_EQ(::ftruncate(descriptor_, static_cast<off_t>(length)), 0); }

 private:
  int descriptor_;
};

// A promise of 100%: each bit of each file, one at a time.
TEST(Checkpoint, EveryFlippedBitIsSeen) {
  const TemporaryFolder folder;
  write_checkpoint(folder / "c", small_checkpoint());
  int64_t flips = 0, seen = 0;
  for (const auto& [name, content] : files_of(folder / "c")) {
    const OpenFile file(folder / "c" / name);
    for (size_t byte = 0; byte < content.size(); ++byte) {
      for (int bit = 0; bit < 8; ++bit) {
        file.put(byte, content[byte] ^ (1 << bit));
        ++flips;
        seen += checkpoint_damage(folder / "c").empty() ? 0 : 1;
      }
      file.put(byte, content[byte]);
    }
  }
  EXPECT_EQ(seen, flips);
  EXPECT_GT(flips, 20'000);
  EXPECT_TRUE(checkpoint_damage(folder / "c").empty());
}

TEST(Checkpoint, EveryTruncationAndEveryMissingFileIsSeen) {
  const TemporaryFolder folder;
  write_checkpoint(folder / "c", small_checkpoint());
  for (const auto& [name, content] : files_of(folder / "c")) {
    {
      const OpenFile file(folder / "c" / name);
      for (size_t length = content.size(); length-- > 0;) {
        file.cut(length);
        EXPECT_FALSE(checkpoint_damage(folder / "c").empty()) << name << " cut to " << length;
      }
    }
    spill(folder / "c" / name, content + "x");
    EXPECT_FALSE(checkpoint_damage(folder / "c").empty()) << name;
    fs::remove(folder / "c" / name);
    EXPECT_THAT(checkpoint_damage(folder / "c").at(0), HasSubstr(name));
    spill(folder / "c" / name, content);
  }
}

TEST(Checkpoint, DamageNamesTheTensorAndItsBytes) {
  const TemporaryFolder folder;
  write_checkpoint(folder / "c", small_checkpoint());
  const fs::path path = folder / "c/optimizer.safetensors";
  const ManifestPart part = Manifest::read(folder / "c").find("optimizer.safetensors")->parts[2];
  std::string bytes = slurp(path);
  bytes[static_cast<size_t>(part.begin)] ^= 4;
  spill(path, bytes);
  EXPECT_EQ(checkpoint_damage(folder / "c"),
            std::vector{fmt::format("[{}] tensor \"{}\", bytes {} to {}, is not what was written", path.string(),
                                    part.name, part.begin, part.end)});
  EXPECT_EQ(error_text([&] { (void)read_checkpoint(folder / "c"); }), checkpoint_damage(folder / "c")[0]);
}

TEST(Checkpoint, SaysWhichFileIsDamagedWhereThatHasNoParts) {
  const TemporaryFolder folder;
  write_checkpoint(folder / "c", small_checkpoint());
  const fs::path path = folder / "c/config.toml";
  const size_t bytes = slurp(path).size();
  spill(path, std::string(bytes, '#'));
  EXPECT_EQ(error_text([&] { (void)read_checkpoint(folder / "c"); }),
            fmt::format("[{}] its {} bytes are not what was written", path.string(), bytes));
}

// Sums say that a file is what was written, not that it was written by us.
TEST(Manifest, ChecksItsFieldsToo) {
  const auto error = [](std::string text) {
    text += fmt::format(",\n\"xxh3\":\"{}\"}}\n", hex(xxh3(text)));
    return error_text([&] { (void)Manifest::parse(text, "m"); });
  };
  const std::string start = "{\"format\":\"gradus checkpoint 1\",\"step\":4,\"files\":[";
  EXPECT_EQ(error(start + "]"), "no error");
  EXPECT_EQ(error("{\"format\":\"other\""), "[m] \"format\" is \"other\"; expected gradus checkpoint 1");
  EXPECT_EQ(error(start + "3]"), "[m] files[0] is 3; expected an object");
  const std::string sum = "\"xxh3\":\"0123456789abcdef\"";
  EXPECT_EQ(error(start + "{\"name\":\"../x\",\"bytes\":1," + sum + ",\"parts\":[]}]"),
            "[m] \"files[0].name\" is \"../x\"; expected the name of a file in the checkpoint's folder");
  EXPECT_EQ(error(start + "{\"name\":\"x\",\"bytes\":-1," + sum + ",\"parts\":[]}]"),
            "[m] \"files[0].bytes\" is -1; expected an integer from 0 to 9223372036854775807");
  EXPECT_EQ(error(start + "{\"name\":\"x\",\"bytes\":9," + sum + ",\"parts\":[{\"name\":\"a\",\"range\":[1,9]," + sum +
                  "}]}]"),
            "[m] \"parts[0].range\" is wrong; expected a range that begins at 0 and ends by 9");
  EXPECT_EQ(error(start + "{\"name\":\"x\",\"bytes\":9," + sum + ",\"parts\":[{\"name\":\"a\",\"range\":[0,8]," + sum +
                  "}]}]"),
            "[m] \"files[0].parts\" is 8 bytes in all; expected 9");
  EXPECT_EQ(error_text([&] { (void)Manifest::parse("{}\n", "m"); }),
            "[m] is damaged: it does not end with the sum of its own bytes");
}

TEST(StateFile, KeepsEveryBit) {
  StateFile state;
  state.training.step = 3;
  state.training.skipped = {1, 4};
  state.training.last_loss = 0.1 + 0.2;
  state.training.best_validation_loss = 1.0 / 3.0;
  state.training.best_step = 2;
  state.training.window = {5e-324, 1e300, -0.0, 0.1};
  state.training.weight = 123456789.0;
  state.training.health.loss = {1.0 / 7.0, 2e-17, 99};
  state.training.health.warned = {"dead_units"};
  state.training.unvalidated = StepRecord{};
  state.training.unvalidated->step = 2;
  state.training.unvalidated->update_ratio = 1e-3;
  state.training.loss_hash = ~uint64_t{0};
  state.facts.examples = state.facts.batch_size = 1;
  state.facts.seed = ~uint64_t{0};
  const StateFile read = StateFile::parse(state.to_json(), "state.json");
  EXPECT_EQ(read.to_json(), state.to_json());
  EXPECT_EQ(read.training.window, state.training.window);
  EXPECT_TRUE(std::signbit(read.training.window[2]));
  EXPECT_EQ(read.training.last_loss, state.training.last_loss);
  EXPECT_EQ(read.training.health.loss.mean, 1.0 / 7.0);
  EXPECT_EQ(read.training.unvalidated->update_ratio, 1e-3);
  EXPECT_EQ(read.facts.seed, ~uint64_t{0});
}

TEST(StateFile, SaysWhatIsWrong) {
  StateFile state;
  state.facts.examples = state.facts.batch_size = 1;
  const nlohmann::ordered_json good = nlohmann::ordered_json::parse(state.to_json());
  const auto error = [&](const std::string& pointer, const nlohmann::ordered_json& value) {
    nlohmann::ordered_json changed = good;
    changed[nlohmann::ordered_json::json_pointer(pointer)] = value;
    return error_text([&] { (void)StateFile::parse(changed.dump(), "s"); });
  };
  EXPECT_EQ(error("/step", 0), "no error");
  EXPECT_EQ(error("/step", -1), "[s] \"step\" is -1; expected an integer from 0 to 4611686018427387903");
  EXPECT_EQ(error("/step", 1.5), "[s] \"step\" is 1.5; expected an integer from 0 to 4611686018427387903");
  EXPECT_EQ(error("/data", 7), "[s] data is 7; expected an object");
  EXPECT_EQ(error("/data/skipped", {4, 1}), "[s] \"data.skipped\" is out of order; expected ascending numbers");
  EXPECT_EQ(error("/data/next_batch", 3), "[s] \"data.next_batch\" is 3; expected 0");
  EXPECT_EQ(error("/loss_hash", "xyz"), "[s] \"loss_hash\" is \"xyz\"; expected 16 hexadecimal digits");
  EXPECT_EQ(error("/health/loss/mean", nullptr), "[s] \"health.loss.mean\" is null; expected a finite number");
  EXPECT_EQ(error("/format", "x"), "[s] \"format\" is \"x\"; expected gradus state 1");
  EXPECT_EQ(error_text([&] { (void)StateFile::parse("[]", "s"); }), "[s] the file is []; expected an object");
  EXPECT_EQ(error_text([&] { (void)StateFile::parse("{\"a\" 1}", "s"); }), "[s] is not valid JSON at byte 5");
  nlohmann::ordered_json without = good;
  without.erase("rewinds");
  EXPECT_EQ(error_text([&] { (void)StateFile::parse(without.dump(), "s"); }),
            "[s] \"rewinds\" is missing; expected a file that gradus wrote");
}

std::vector<int64_t> steps_in(const fs::path& run) {
  std::vector<int64_t> steps;
  for (const FoundCheckpoint& found : list_checkpoints(run)) steps.push_back(found.step);
  return steps;
}

// Writes steps 10, 20, …; the best is given by step.
void write_steps(CheckpointWriter& writer, int64_t last, int64_t best) {
  for (int64_t step = 10; step <= last; step += 10) {
    writer.write([&] {
      Checkpoint checkpoint = small_checkpoint();
      checkpoint.state.training.step = step;
      if (step >= best) checkpoint.state.training.best_step = best;
      return checkpoint;
    });
  }
  writer.wait();
}

TEST(CheckpointWriter, KeepsTheLastTheBestAndSomeMore) {
  for (const auto& [keep, expected] : {std::pair(int64_t{0}, std::vector<int64_t>{20, 60}),
                                       {1, {20, 50, 60}},
                                       {3, {20, 30, 40, 50, 60}},
                                       {9, {10, 20, 30, 40, 50, 60}}}) {
    const TemporaryFolder folder;
    CheckpointWriter writer(folder.path(), keep, {});
    write_steps(writer, 60, 20);
    EXPECT_EQ(steps_in(folder.path()), expected) << keep;
    EXPECT_EQ(fs::read_symlink(folder / "checkpoints/last"), "step-60");
    EXPECT_EQ(fs::read_symlink(folder / "checkpoints/best"), "step-20");
    EXPECT_EQ(fs::canonical(folder / "model.safetensors"),
              fs::canonical(folder / "checkpoints/step-60/model.safetensors"));
    EXPECT_EQ(fs::canonical(folder / "best.safetensors"),
              fs::canonical(folder / "checkpoints/step-20/model.safetensors"));
    EXPECT_EQ(writer.times().written, 6);
  }
}

TEST(CheckpointWriter, TellsOfAFailureAtTheNextChance) {
  const TemporaryFolder folder;
  CheckpointWriter writer(folder.path(), 0, [] { fail("log", "cannot be flushed"); });
  writer.write(small_checkpoint);
  EXPECT_EQ(error_text([&] { writer.wait(); }), "[log] cannot be flushed");
  EXPECT_EQ(error_text([&] { writer.wait(); }), "no error");
  EXPECT_TRUE(steps_in(folder.path()).empty());
  EXPECT_EQ(writer.times().written, 0);
}

TEST(ListCheckpoints, KnowsItsOwnNamesOnly) {
  const TemporaryFolder folder;
  for (const char* name :
       {"step-10", "step-9", "step-0", "step-007", "step-", "step--1", "step-5.left", "steps-1", "step-1x"}) {
    fs::create_directories(folder / "checkpoints" / name);
  }
  spill(folder / "checkpoints/step-3", "a file");
  EXPECT_EQ(steps_in(folder.path()), (std::vector<int64_t>{0, 9, 10}));
  EXPECT_TRUE(steps_in(folder / "none").empty());
}

}  // namespace checkpoint_test
}  // namespace gradus
