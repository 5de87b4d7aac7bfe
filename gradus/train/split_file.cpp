#include "gradus/train/split_file.h"

#include <fmt/format.h>

#include <functional>
#include <iterator>
#include <optional>
#include <string>

#include "gradus/base/files.h"
#include "gradus/base/input_file.h"

namespace gradus {
namespace fs = std::filesystem;
namespace {

// Takes a part of the text; false: no more of it is wanted.
using Take = std::function<bool(const std::string& piece)>;

// The text, some hundred kilobytes at a time.
class SplitText {
 public:
  explicit SplitText(const Take& take) : take_(take) {}

  // False where no more is wanted.
  bool add(int64_t row, RowPart part) {
    constexpr size_t kPiece = size_t{1} << 18;
    fmt::format_to(std::back_inserter(text_), "{},{}\n", row, part == RowPart::kTraining ? "training" : "validation");
    return text_.size() < kPiece || flush();
  }
  bool flush() {
    const bool goes_on = take_(text_);
    text_.clear();
    return goes_on;
  }

 private:
  const Take& take_;
  std::string text_ = "row,part\n";
};

// False where no more was wanted. Both lists of rows ascend.
bool give_text(const ExperimentData& data, const Take& take) {
  SplitText text(take);
  const std::vector<int64_t>&training = data.split.training, &held = data.split.validation;
  for (size_t i = 0, j = 0; i < training.size() || j < held.size();) {
    const bool is_trained = j == held.size() || (i < training.size() && training[i] < held[j]);
    const RowPart part = is_trained ? RowPart::kTraining : RowPart::kHeldOut;
    if (!text.add(is_trained ? training[i++] : held[j++], part)) return false;
  }
  const StreamedSplit& streamed = data.streamed_split;
  for (int64_t row = 0; row < streamed.rows; ++row) {
    if (!text.add(row, streamed.held_out.contains(row) ? RowPart::kHeldOut : RowPart::kTraining)) return false;
  }
  return text.flush();
}

bool is_written(const fs::path& path, const ExperimentData& data) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return false;
  InputFile file(path);
  std::string there;
  const bool is_same = give_text(data, [&](const std::string& piece) {
    there.resize(piece.size());
    return file.read(there.data(), there.size()) == piece.size() && there == piece;
  });
  char more = 0;
  return is_same && file.read(&more, 1) == 0;
}

}  // namespace

void write_split(const fs::path& path, const ExperimentData& data) {
  if (data.split.training.empty() && data.streamed_split.rows == 0) return;
  if (is_written(path, data)) return;
  AtomicFile file(path);
  give_text(data, [&](const std::string& piece) {
    file.write(piece);
    return true;
  });
  file.commit();
}

}  // namespace gradus
