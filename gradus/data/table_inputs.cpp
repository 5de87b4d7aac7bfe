#include "gradus/data/table_inputs.h"

#include <algorithm>

#include "gradus/base/error.h"
#include "gradus/base/hash.h"
#include "gradus/base/threads.h"

namespace gradus {
namespace {

// The rows of a list, which are copied to a tensor as they come.
class PartRows {
 public:
  PartRows(const std::vector<int64_t>& rows, int64_t width) : rows_(rows), width_(width) {
    if (!rows.empty()) inputs_ = Tensor::empty({static_cast<int64_t>(rows.size()), width});
  }

  /// The rows of the table from `begin` up to `end`.
  void take(const float* from, int64_t begin, int64_t end) {
    for (; next_ < rows_.size() && rows_[next_] < end; ++next_) {
      std::copy_n(from + (rows_[next_] - begin) * width_, width_,
                  inputs_.mutable_data<float>() + static_cast<int64_t>(next_) * width_);
    }
  }
  Tensor inputs() const { return inputs_; }

 private:
  const std::vector<int64_t>& rows_;
  int64_t width_;
  Tensor inputs_;
  size_t next_ = 0;
};

}  // namespace

TableInputs::TableInputs(const TableEncoder& encoder, const Table& table) : width_(encoder.width()) {
  if (encoder.features().empty()) {
    fail_usage(table.source(), "the model takes no columns of a table; expected an encoder whose features are columns");
  }
  for (const Feature& feature : encoder.features()) features_.emplace_back(feature, table);
  encoder.check_columns(table);  // behind what is missing, which may be the same column by another name
}

void TableInputs::write(int64_t begin, int64_t end, float* to) const {
  constexpr int64_t kNumbersOfAThread = 1 << 15;  // that are worth it
  parallel_for(end - begin, std::max<int64_t>(1, kNumbersOfAThread / width_), [&](int64_t first, int64_t last) {
    float* column = to + first * width_;
    for (const FeatureWriter& feature : features_) {
      feature.write(begin + first, begin + last, column, width_);
      column += feature.width();
    }
  });
}

InputParts take_inputs(const TableEncoder& encoder, Table& table, std::span<const std::vector<int64_t>> parts) {
  constexpr int64_t kNumbersAtOnce = 1 << 19;
  const int64_t width = encoder.width(), most = std::max<int64_t>(1, kNumbersAtOnce / width);
  const TableInputs inputs(encoder, table);
  std::vector<PartRows> taken;
  for (const std::vector<int64_t>& rows : parts) taken.emplace_back(rows, width);
  std::vector<float> block(static_cast<size_t>(std::min(most, table.rows) * width));
  Xxh3 hash;
  for (int64_t begin = 0; begin < table.rows; begin += most) {
    const int64_t end = std::min(begin + most, table.rows);
    inputs.write(begin, end, block.data());
    hash.add(block.data(), static_cast<size_t>((end - begin) * width) * sizeof(float));
    for (PartRows& part : taken) part.take(block.data(), begin, end);
    table.give_up_before(end);
  }
  InputParts all{.parts = {}, .hash = hash.value()};
  for (const PartRows& part : taken) all.parts.push_back(part.inputs());
  return all;
}

}  // namespace gradus
