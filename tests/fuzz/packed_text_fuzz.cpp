// A folder of packed text whose sums are right: two lengths, and then its tokens.json, documents.bin and tokens. What
// is accepted can be trained on: every window has ids of the vocabulary.
#include <stdlib.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "gradus/data/dataset.h"
#include "gradus/train/manifest.h"
#include "gradus/train/packed_text.h"
#include "tests/fuzz/fuzzing.h"

namespace {

namespace fs = std::filesystem;
using namespace gradus;

fs::path own_folder() {
  std::string name = fs::temp_directory_path() / "gradus-fuzz-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed for " + name);
  return name;
}

void write_folder(const fs::path& folder, std::string_view index, std::string_view documents, std::string_view tokens) {
  fs::remove_all(folder);
  fs::create_directory(folder);
  Manifest manifest;
  const auto write = [&](const char* name, std::string_view text) {
    SummedFile file(folder, name);
    file.write(text.data(), text.size());
    manifest.files.push_back(file.finish());
  };
  write("tokens.json", index);
  write("documents.bin", documents);
  write("tokens-00000.bin", tokens);
  write("tokenizer.json", "{\"type\": \"characters\", \"tokens\": [\"\\n\", \"a\", \"b\"]}");
  write_file(folder / Manifest::kName, manifest.to_text());
}

void use(const PackedText& packed) {
  constexpr int64_t kContext = 3;
  if (packed.tokens.size() <= kContext) return;
  const TokenDataset data(packed.tokens, packed.documents, kContext, 1);
  for_each_batch(data, 64, [](std::span<const int64_t>, const Batch& batch) {
    for (const int64_t id : batch.inputs.values<int64_t>())
      fuzz::require(id >= 0 && id < 3, "ids are of the vocabulary");
    if (!batch.document_starts.defined()) return true;
    const std::vector<int64_t> starts = batch.document_starts.values<int64_t>();
    for (size_t i = 0; i < starts.size(); ++i) {
      const auto place = static_cast<int64_t>(i) % kContext;
      fuzz::require(starts[i] >= (place > 0 ? starts[i - 1] : 0) && starts[i] <= place, "documents begin in order");
    }
    return true;
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const fs::path folder = own_folder();
  if (size < 4) return 0;
  const std::string_view rest = fuzz::as_text(data + 4, size - 4);
  const size_t index = std::min<size_t>(rest.size(), data[0] | data[1] << 8);
  const size_t documents = std::min<size_t>(rest.size() - index, data[2] | data[3] << 8);
  write_folder(folder, rest.substr(0, index), rest.substr(index, documents), rest.substr(index + documents));
  const auto read = fuzz::unless_refused([&] { return read_packed_text(folder); });
  if (read) use(*read);
  fs::remove_all(folder);
  return 0;
}
