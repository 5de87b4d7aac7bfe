#include "gradus/train/packed_text.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include "gradus/base/error.h"
#include "gradus/base/folders.h"
#include "gradus/base/json.h"
#include "gradus/train/json_object.h"
#include "gradus/train/manifest.h"
#include "gradus/train/text_parts.h"
#include "gradus/train/text_stream.h"

namespace gradus {
namespace fs = std::filesystem;
namespace {

constexpr const char* kIndex = "tokens.json";
constexpr const char* kTokenizerFile = "tokenizer.json";
constexpr const char* kDocuments = "documents.bin";
constexpr const char* kPackedFormat = "gradus tokens 1";
constexpr int64_t kShardTokens = int64_t{1} << 27;
constexpr int64_t kMostSmallFileBytes = int64_t{1} << 30;  // of a file that is read as a whole

std::string shard_name(int64_t number) { return fmt::format("tokens-{:05}.bin", number); }

/// Ids into shards of bounded size.
class ShardWriter {
 public:
  ShardWriter(const fs::path& folder, int width, Manifest& manifest)
      : folder_(folder), width_(width), manifest_(manifest) {}

  void add(std::span<const int32_t> ids) {
    while (!ids.empty()) {
      if (!file_) file_.emplace(folder_, shard_name(shards_++));
      const auto count =
          static_cast<size_t>(std::min<int64_t>(kShardTokens - in_shard_, static_cast<int64_t>(ids.size())));
      write(ids.first(count));
      ids = ids.subspan(count);
      in_shard_ += static_cast<int64_t>(count);
      tokens_ += static_cast<int64_t>(count);
      if (in_shard_ == kShardTokens) finish();
    }
  }
  void finish() {
    if (file_) manifest_.files.push_back(file_->finish());
    file_.reset();
    in_shard_ = 0;
  }
  int64_t tokens() const { return tokens_; }
  int64_t shards() const { return shards_; }

 private:
  void write(std::span<const int32_t> ids) {
    if (width_ == 4) return file_->write(ids.data(), ids.size_bytes());
    narrow_.resize(ids.size());
    std::transform(ids.begin(), ids.end(), narrow_.begin(), [](int32_t id) { return static_cast<uint16_t>(id); });
    file_->write(narrow_.data(), narrow_.size() * sizeof(uint16_t));
  }

  fs::path folder_;
  int width_;
  Manifest& manifest_;
  std::optional<SummedFile> file_;
  std::vector<uint16_t> narrow_;
  int64_t in_shard_ = 0, tokens_ = 0, shards_ = 0;
};

void write_text(const fs::path& folder, const char* name, std::string_view text, Manifest& manifest) {
  SummedFile file(folder, name);
  file.write(text.data(), text.size());
  manifest.files.push_back(file.finish());
}

// All ids of the texts; returns where documents begin.
std::vector<int64_t> write_tokens(const TextTokenizer& tokenizer, const internal::TextStream& texts,
                                  ShardWriter& shards) {
  std::vector<int64_t> documents;
  if (!texts.has_documents()) {
    internal::encode_stream(tokenizer, texts, [&](const std::vector<int32_t>& ids) { shards.add(ids); });
    return documents;
  }
  const int32_t between = internal::separator_of(tokenizer, texts.source());
  internal::encode_stream(tokenizer, texts, [&](const std::vector<int32_t>& ids) {
    documents.push_back(shards.tokens());
    shards.add({&between, 1});
    shards.add(ids);
  });
  shards.add({&between, 1});
  return documents;
}

// The file of that name, whole: its sum was checked.
std::string checked_file(const Manifest& manifest, const fs::path& folder, const char* name) {
  if (manifest.find(name) == nullptr) {
    fail((folder / Manifest::kName).string(), "does not list {}; pack the text again", name);
  }
  return read_file(folder / name, kMostSmallFileBytes);
}

std::vector<int64_t> documents_of(const std::string& bytes, int64_t tokens, const std::string& path) {
  if (bytes.size() % sizeof(int64_t) != 0) fail(path, "{} bytes; expected a multiple of 8", bytes.size());
  std::vector<int64_t> documents(bytes.size() / sizeof(int64_t));
  if (!bytes.empty()) std::memcpy(documents.data(), bytes.data(), bytes.size());
  for (size_t i = 0; i < documents.size(); ++i) {
    const int64_t least = i == 0 ? 0 : documents[i - 1] + 1, most = i == 0 ? 0 : tokens - 1;
    if (documents[i] >= least && documents[i] <= most) continue;
    fail(path, "document {} begins at token {}; expected {} to {}", i, documents[i], least, most);
  }
  return documents;
}

void check_ids(const TokenSequence& tokens, int64_t vocabulary, const std::string& folder) {
  std::vector<int64_t> some(4096);
  for (int64_t at = 0; at < tokens.size(); at += 4096) {
    const int64_t count = std::min<int64_t>(4096, tokens.size() - at);
    tokens.copy(at, count, some.data());
    for (int64_t i = 0; i < count; ++i) {
      if (some[static_cast<size_t>(i)] < vocabulary) continue;
      fail(folder, "token {} has the id {}; the tokenizer has {} tokens", at + i, some[static_cast<size_t>(i)],
           vocabulary);
    }
  }
}

}  // namespace

PackSummary pack_text(const Config& config, const fs::path& folder) {
  const internal::TextStream texts(config, config.texts("data.path"));
  const TextTokenizer tokenizer = internal::learn_tokenizer(config, texts);
  AtomicFolder atomic(folder);
  Manifest manifest;
  PackSummary summary{.vocabulary = tokenizer.vocabulary_size()};
  const int width = summary.vocabulary <= (1 << 16) ? 2 : 4;
  ShardWriter shards(atomic.staging(), width, manifest);
  const std::vector<int64_t> documents = write_tokens(tokenizer, texts, shards);
  shards.finish();
  summary.tokens = shards.tokens();
  summary.shards = shards.shards();
  summary.documents = std::max<int64_t>(1, static_cast<int64_t>(documents.size()));
  write_text(atomic.staging(), kDocuments,
             {reinterpret_cast<const char*>(documents.data()), documents.size() * sizeof(int64_t)}, manifest);
  write_text(atomic.staging(), kTokenizerFile, tokenizer.to_json(), manifest);
  write_text(atomic.staging(), kIndex,
             JsonText()
                 .add("format", kPackedFormat)
                 .add("bytes_per_token", static_cast<int64_t>(width))
                 .add("tokens", summary.tokens)
                 .add("documents", static_cast<int64_t>(documents.size()))
                 .add("shards", summary.shards)
                 .page(),
             manifest);
  atomic.write(Manifest::kName, manifest.to_text());
  atomic.commit();
  return summary;
}

bool is_packed_text(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path / kIndex, error);
}

PackedText read_packed_text(const fs::path& folder) {
  const Manifest manifest = Manifest::read(folder);
  for (const ManifestFile& file : manifest.files) {
    const std::string damage = file.damage(folder);
    if (!damage.empty()) fail((folder / file.name).string(), "{}; pack the text again", damage);
  }
  const std::string index_path = (folder / kIndex).string(), index_text = checked_file(manifest, folder, kIndex);
  const JsonObject index = JsonObject::parse(index_text, index_path);
  if (index.text("format") != kPackedFormat) index.fail_at("format", '"' + index.text("format") + '"', kPackedFormat);
  const int64_t width = index.integer("bytes_per_token"), shards = index.integer("shards");
  if (width != 2 && width != 4) index.fail_at("bytes_per_token", std::to_string(width), "2 or 4");
  const auto maps = std::make_shared<std::vector<MappedFile>>();
  std::vector<TokenSequence::Piece> pieces;
  for (int64_t i = 0; i < shards; ++i) {
    if (manifest.find(shard_name(i)) == nullptr) index.fail_at("shards", std::to_string(shards), std::to_string(i));
    const MappedFile& map = maps->emplace_back(folder / shard_name(i));
    if (map.bytes().size() % static_cast<size_t>(width) != 0) {
      fail((folder / shard_name(i)).string(), "{} bytes; expected a multiple of {}", map.bytes().size(), width);
    }
    pieces.push_back({map.bytes(), static_cast<int>(width)});
  }
  PackedText packed{.tokenizer = TextTokenizer::from_json(checked_file(manifest, folder, kTokenizerFile),
                                                          (folder / kTokenizerFile).string()),
                    .tokens = TokenSequence(std::move(pieces), maps),
                    .documents = {}};
  if (packed.tokens.size() != index.integer("tokens") || packed.tokens.size() == 0) {
    index.fail_at("tokens", std::to_string(index.integer("tokens")), std::to_string(packed.tokens.size()));
  }
  packed.documents =
      documents_of(checked_file(manifest, folder, kDocuments), packed.tokens.size(), (folder / kDocuments).string());
  check_ids(packed.tokens, packed.tokenizer.vocabulary_size(), folder.string());
  return packed;
}

}  // namespace gradus
