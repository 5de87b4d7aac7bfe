#include "gradus/data/cached_rows.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <span>

#include "gradus/base/error.h"
#include "gradus/base/folders.h"
#include "gradus/base/random.h"

namespace gradus {
namespace {

uint64_t sum_of(const std::string& path) {
  constexpr size_t kPiece = size_t{1} << 20;
  InputFile file(path);
  std::vector<char> bytes(kPiece);
  Xxh3 sum;
  for (size_t got = kPiece; got == kPiece;) {
    got = file.read(bytes.data(), kPiece);
    sum.add(bytes.data(), got);
  }
  return sum.value();
}

std::vector<std::string> all_files(const CacheRequest& request) {
  std::vector<std::string> paths = request.files;
  paths.insert(paths.end(), request.held_out_files.begin(), request.held_out_files.end());
  return paths;
}

// What lies where the cache is to be may be somebody's own.
void check_replaceable(const CacheRequest& request) {
  std::error_code error;
  if (!std::filesystem::exists(request.path, error)) return;
  for (const std::string& source : all_files(request)) {
    if (std::filesystem::equivalent(source, request.path, error)) {
      fail_usage(request.path, "is the file to learn from, and cannot be its cache of rows; name another data.cache");
    }
  }
  if (is_row_cache(request.path)) return;
  fail_usage(request.path,
             "is no cache of rows, and is left as it is; name another data.cache, or move the file out of the way");
}

std::shared_ptr<const RowCache> opened(const CacheRequest& request,
                                       const std::function<void(const std::string&)>& say) {
  std::error_code error;
  if (!std::filesystem::exists(request.path, error)) return nullptr;
  try {
    auto cache = std::make_shared<const RowCache>(request.path);
    const std::optional<std::string> reason = stale_reason(cache->description(), request);
    if (!reason) return cache;
    say(fmt::format("the cache of rows {} is made again: {}", request.path, *reason));
  } catch (const Error& problem) {
    say(fmt::format("the cache of rows is made again: {}", problem.what()));
  }
  return nullptr;
}

}  // namespace

bool HeldOutRows::contains(int64_t row) const {
  const double at = static_cast<double>(mix(key, static_cast<uint64_t>(row)) >> 11) * 0x1p-53;
  return low <= at && at < high;
}

std::optional<std::string> stale_reason(const RowCacheDescription& description, const CacheRequest& request) {
  if (description.options != request.options) return "it was made with other options";
  if (request.encoder && description.encoder != *request.encoder) return "it was made for another model";
  const std::vector<std::string> paths = all_files(request);
  if (description.sources.size() != paths.size()) return "it was made of other files";
  for (size_t i = 0; i < paths.size(); ++i) {
    const RowSource& source = description.sources[i];
    const FileStamp now = InputFile(paths[i]).stamp();
    if (source.path == paths[i] && source.stamp == now) continue;
    if (source.stamp.bytes != now.bytes || sum_of(paths[i]) != source.xxh3) {
      return fmt::format("{} has changed since", paths[i]);
    }
  }
  return std::nullopt;
}

std::shared_ptr<const RowCache> cached_rows(const CacheRequest& request,
                                            const std::function<void(const CacheRequest& request)>& make,
                                            const std::function<void(const std::string& line)>& say) {
  check_replaceable(request);
  if (auto cache = opened(
          request, request.is_kept ? say : [](const std::string&) {}))
    return cache;
  if (request.is_kept) {
    remove_abandoned(request.path);
    make(request);
    return std::make_shared<const RowCache>(request.path);
  }
  UnnamedFile file(std::filesystem::path(request.path).parent_path());
  CacheRequest passing = request;
  passing.writer.unnamed = &file;
  make(passing);
  return std::make_shared<const RowCache>(request.path, file);
}

RowSource source_of(const TextPieces& text) {
  if (InputFile(text.source()).stamp() != text.stamp()) {
    fail(text.source(), "was written while it was read; wait until it is complete, and start again");
  }
  return {text.source(), text.stamp(), text.hash()};
}

namespace {

// Goes through the files of a request.
class LibsvmWriter {
 public:
  LibsvmWriter(const CacheRequest& request, const LibsvmOptions& options, const LibsvmVisit& visit)
      : request_(request),
        options_(options),
        visit_(visit),
        writer_(request.path, {.is_sparse = true, .columns = 1}, request.writer) {}

  void write(const std::string& path, bool held_out) {
    LibsvmStream stream(path, options_, request_.pieces);
    SparseExamples rows;
    while (stream.next(rows)) {
      training_.clear();
      for (int64_t row = 0; row < rows.features.rows; ++row) {
        const bool is_held_out = held_out || request_.held_out.contains(rows_);
        if (!held_out) ++rows_;
        if (!is_held_out) training_.push_back(row);
        add(rows, row, is_held_out ? RowPart::kHeldOut : RowPart::kTraining);
      }
      visit_(rows, training_, held_out);
    }
    description_.left_out.skipped.add(stream.skipped());
    const bool is_first = description_.sources.empty();
    description_.sources.push_back(source_of(stream.text()));
    highest_ = std::max(highest_, stream.columns() + stream.base() - 1);
    if (options_.base == LibsvmOptions::Base::kAuto) {
      base_ = is_first ? stream.base() : std::min(base_, stream.base());
    } else {
      base_ = stream.base();
    }
  }

  void finish(const std::function<std::string(int64_t, int32_t)>& encoder) {
    description_.options = request_.options;
    description_.layout.base = base_;
    description_.layout.columns = options_.columns.value_or(highest_ + 1 - base_);
    if (description_.layout.columns < 1) {
      fail(request_.files[0], "no row has a value; expected index:value behind the labels");
    }
    description_.encoder = encoder(description_.layout.columns, base_);
    writer_.finish(std::move(description_));
  }

 private:
  void add(const SparseExamples& rows, int64_t row, RowPart part) {
    const SparseMatrix& x = rows.features;
    const auto begin = static_cast<size_t>(x.offsets[row]), count = static_cast<size_t>(x.offsets[row + 1]) - begin;
    writer_.add(part, std::span(x.indices).subspan(begin, count), std::span(x.values).subspan(begin, count),
                {&rows.targets[row], 1});
  }

  const CacheRequest& request_;
  const LibsvmOptions& options_;
  const LibsvmVisit& visit_;
  RowCacheWriter writer_;
  RowCacheDescription description_;
  std::vector<int64_t> training_;
  int64_t rows_ = 0, highest_ = -1;
  int32_t base_ = 1;
};

}  // namespace

void write_libsvm_cache(const CacheRequest& request, const LibsvmOptions& options, const LibsvmVisit& visit,
                        const std::function<std::string(int64_t columns, int32_t base)>& encoder) {
  LibsvmWriter writer(request, options, visit);
  for (const std::string& path : request.files) writer.write(path, false);
  for (const std::string& path : request.held_out_files) writer.write(path, true);
  writer.finish(encoder);
}

}  // namespace gradus
