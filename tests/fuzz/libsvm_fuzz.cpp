// Arbitrary bytes as LIBSVM's format: refused, or compressed rows as gradus/tensor/sparse.h promises them.
#include "gradus/data/libsvm.h"

#include <cmath>

#include "tests/fuzz/fuzzing.h"

namespace {

using gradus::fuzz::require;

void check(const gradus::SparseExamples& examples) {
  const gradus::SparseMatrix& x = examples.features;
  const auto rows = static_cast<size_t>(x.rows);
  require(examples.targets.size() == rows && examples.lines.size() == rows && rows > 0, "each row has a label");
  require(x.offsets.size() == rows + 1 && x.offsets[0] == 0, "each row begins and ends");
  require(x.offsets[rows] == static_cast<int64_t>(x.indices.size()) && x.indices.size() == x.values.size(),
          "each value has an index");
  for (size_t row = 0; row < rows; ++row) {
    for (int64_t i = x.offsets[row]; i < x.offsets[row + 1]; ++i) {
      const int32_t index = x.indices[static_cast<size_t>(i)];
      require(index >= 0 && index < x.columns, "an index is a column");
      require(i == x.offsets[row] || index > x.indices[static_cast<size_t>(i - 1)], "indices ascend");
      require(std::isfinite(x.values[static_cast<size_t>(i)]), "values are finite");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gradus;
  using Base = LibsvmOptions::Base;
  const std::string_view text = fuzz::as_text(data, size);
  for (const Base base : {Base::kAuto, Base::kZero, Base::kOne}) {
    LibsvmOptions options{.base = base};
    if (size % 2 == 1) options.on_bad_row = LibsvmOptions::BadRow::kSkip;
    const auto whole = fuzz::unless_refused([&] { return parse_libsvm(text, "input", options); });
    options.block_bytes = 1 + size / 5;
    const auto in_blocks = fuzz::unless_refused([&] { return parse_libsvm(text, "input", options); });
    require(whole.has_value() == in_blocks.has_value(), "blocks make no difference");
    if (!whole) continue;
    check(*whole);
    require(whole->features.indices == in_blocks->features.indices && whole->lines == in_blocks->lines,
            "blocks make no difference");
    require(whole->skipped.count == in_blocks->skipped.count && whole->skipped.first == in_blocks->skipped.first,
            "blocks make no difference");
  }
  return 0;
}
