#include "gradus/data/encoder.h"

#include "gradus/base/error.h"

namespace gradus {

Shape example_shape(const DataEncoder& encoder) {
  const auto* table = std::get_if<TableEncoder>(&encoder);
  if (table == nullptr || !table->array()) return {};
  Shape shape = table->array()->shape;
  if (shape.rank() == 2) shape.push_back(1);  // one channel
  return shape.rank() == 3 ? shape : Shape();
}

std::string_view encoder_file(const DataEncoder& encoder) {
  if (std::holds_alternative<CharacterTokenizer>(encoder)) return kEncoderFiles[0];
  return std::holds_alternative<TableEncoder>(encoder) ? kEncoderFiles[1] : "";
}

std::string encoder_json(const DataEncoder& encoder) {
  if (const auto* tokenizer = std::get_if<CharacterTokenizer>(&encoder)) return tokenizer->to_json();
  const auto* table = std::get_if<TableEncoder>(&encoder);
  return table != nullptr ? table->to_json() : "";
}

DataEncoder encoder_from_json(std::string_view file, std::string_view json, const std::string& source) {
  if (file == kEncoderFiles[0]) return CharacterTokenizer::from_json(json, source);
  if (file == kEncoderFiles[1]) return TableEncoder::from_json(json, source);
  fail(source, "\"{}\" is the file of no encoder of data", file);
}

}  // namespace gradus
