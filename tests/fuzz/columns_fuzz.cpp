// Arbitrary bytes as a columns.json: refused, or an encoder that comes back from what it writes.
#include "gradus/data/csv.h"
#include "gradus/data/table_encoder.h"
#include "tests/fuzz/fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gradus;
  const std::string_view text = fuzz::as_text(data, size);
  const auto encoder = fuzz::unless_refused([&] { return TableEncoder::from_json(text, "input"); });
  if (!encoder) return 0;
  const std::string json = encoder->to_json();
  fuzz::require(TableEncoder::from_json(json, "input").to_json() == json, "an encoder comes back from its JSON");
  const Table table = parse_csv("a,b,y\n1,2,x\n3,4,z\n", "table.csv");
  fuzz::unless_refused([&] { return encoder->inputs(table); });
  fuzz::unless_refused([&] { return encoder->targets(table); });
  return 0;
}
