#include <algorithm>
#include <filesystem>

#include "gradus/base/error.h"
#include "gradus/base/folders.h"
#include "gradus/base/hash.h"
#include "gradus/data/row_cache_format.h"

namespace gradus {

template <class T>
void RowCacheWriter::write_all(Xxh3& sum, const std::vector<T>& values) {
  if (values.empty()) return;
  write(values.data(), values.size() * sizeof(T));
  sum.add(values.data(), values.size() * sizeof(T));
}

void RowCacheWriter::write(const void* data, size_t bytes) {
  file_ ? file_->write(data, bytes) : options_.unnamed->write(data, bytes);
}

RowCacheWriter::RowCacheWriter(const std::string& path, const RowLayout& layout, const RowCacheWriterOptions& options)
    : path_(path), layout_(layout), options_(options) {
  if (options.unnamed == nullptr) file_.emplace(path);
  check_space();
  detail::RowCacheHeader header{.mark = {}, .version = detail::kRowCacheVersion};
  std::copy_n(detail::kRowCacheMark.data(), detail::kRowCacheMark.size(), header.mark);
  write(&header, sizeof header);
  offset_ = sizeof header;
}

void RowCacheWriter::add(RowPart part, std::span<const float> features, std::span<const double> targets, float weight) {
  add_common(part, features, targets, weight);
}

void RowCacheWriter::add(RowPart part, std::span<const int32_t> indices, std::span<const float> values,
                         std::span<const double> targets, float weight) {
  Buffer& buffer = buffers_[static_cast<size_t>(part)];
  buffer.indices.insert(buffer.indices.end(), indices.begin(), indices.end());
  add_common(part, values, targets, weight);
}

void RowCacheWriter::add_common(RowPart part, std::span<const float> values, std::span<const double> targets,
                                float weight) {
  Buffer& buffer = buffers_[static_cast<size_t>(part)];
  buffer.lengths.push_back(static_cast<uint32_t>(values.size()));
  buffer.values.insert(buffer.values.end(), values.begin(), values.end());
  buffer.targets.insert(buffer.targets.end(), targets.begin(), targets.end());
  if (layout_.has_weights) buffer.weights.push_back(weight);
  total_weights_[static_cast<size_t>(part)] += layout_.has_weights ? double{weight} : 1.0;
  if (options_.lists_targets) target_values_[static_cast<size_t>(part)].insert(targets.begin(), targets.end());
  const int64_t bytes = detail::row_block_bytes(layout_, static_cast<int64_t>(buffer.lengths.size()),
                                                static_cast<int64_t>(buffer.values.size()));
  if (bytes >= options_.block_bytes) flush(part);
}

void RowCacheWriter::flush(RowPart part) {
  Buffer& buffer = buffers_[static_cast<size_t>(part)];
  if (buffer.lengths.empty()) return;
  Xxh3 sum;
  RowBlock block{.offset = offset_,
                 .rows = static_cast<int64_t>(buffer.lengths.size()),
                 .stored = static_cast<int64_t>(buffer.values.size()),
                 .part = part};
  block.bytes = detail::row_block_bytes(layout_, block.rows, block.stored);
  if (layout_.is_sparse) write_all(sum, buffer.lengths);
  write_all(sum, buffer.targets);
  write_all(sum, buffer.weights);
  if (layout_.is_sparse) write_all(sum, buffer.indices);
  write_all(sum, buffer.values);
  block.xxh3 = sum.value();
  blocks_.push_back(block);
  offset_ += block.bytes;
  buffer.lengths.clear();
  buffer.targets.clear();
  buffer.weights.clear();
  buffer.indices.clear();
  buffer.values.clear();
  check_space();
}

// Asks the system now and then only.
void RowCacheWriter::check_space() {
  constexpr int64_t kEvery = int64_t{64} << 20;
  if (offset_ < checked_until_) return;
  checked_until_ = offset_ + kEvery;
  const std::filesystem::path folder =
      file_ ? std::filesystem::absolute(path_).parent_path() : options_.unnamed->folder();
  const int64_t room = free_bytes(folder);
  if (room >= options_.reserve_bytes) return;
  fail(path_,
       "{} bytes are free on its disk after {} bytes of rows, and {} are to be left; make room, or set data.cache to "
       "a path on another disk",
       room, offset_, options_.reserve_bytes);
}

void RowCacheWriter::finish(RowCacheDescription description) {
  flush(RowPart::kTraining);
  flush(RowPart::kHeldOut);
  RowLayout layout = layout_;
  layout.columns = description.layout.columns;
  layout.base = description.layout.base;
  description.layout = layout;
  std::copy_n(total_weights_, kRowParts, description.total_weights);
  for (size_t i = 0; i < kRowParts; ++i) {
    description.target_values[i].assign(target_values_[i].begin(), target_values_[i].end());
  }
  std::vector<detail::RowCacheEntry> entries;
  for (const RowBlock& b : blocks_) {
    entries.push_back({static_cast<uint64_t>(b.offset), static_cast<uint64_t>(b.bytes), static_cast<uint64_t>(b.rows),
                       static_cast<uint64_t>(b.stored), static_cast<uint64_t>(b.part), b.xxh3});
  }
  const std::string text = detail::to_json(description);
  detail::RowCacheTrailer trailer{.index_offset = static_cast<uint64_t>(offset_),
                                  .blocks = entries.size(),
                                  .description_bytes = text.size(),
                                  .xxh3 = 0,
                                  .mark = {}};
  Xxh3 sum;
  write_all(sum, entries);
  write(text.data(), text.size());
  sum.add(text);
  sum.add(&trailer, offsetof(detail::RowCacheTrailer, xxh3));
  trailer.xxh3 = sum.value();
  std::copy_n(detail::kRowCacheMark.data(), detail::kRowCacheMark.size(), trailer.mark);
  write(&trailer, sizeof trailer);
  if (file_) file_->commit();
}

}  // namespace gradus
