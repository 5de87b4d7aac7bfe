#include "gradus/data/encoder.h"

#include "gradus/base/error.h"

namespace gradus {

Shape example_shape(const DataEncoder& encoder) {
  if (const auto* images = std::get_if<ImageEncoder>(&encoder)) return images->format.shape();
  if (const auto* audio = std::get_if<AudioEncoder>(&encoder)) return audio->format.shape();
  const auto* table = std::get_if<TableEncoder>(&encoder);
  if (table == nullptr || !table->array()) return {};
  Shape shape = table->array()->shape;
  if (shape.rank() == 2) shape.push_back(1);  // one channel
  return shape.rank() == 3 ? shape : Shape();
}

std::string_view encoder_file(const DataEncoder& encoder) {
  if (std::holds_alternative<TextTokenizer>(encoder)) return kEncoderFiles[0];
  if (std::holds_alternative<TableEncoder>(encoder)) return kEncoderFiles[1];
  if (std::holds_alternative<ImageEncoder>(encoder)) return kEncoderFiles[2];
  return std::holds_alternative<AudioEncoder>(encoder) ? kEncoderFiles[3] : "";
}

std::string encoder_json(const DataEncoder& encoder) {
  if (const auto* tokenizer = std::get_if<TextTokenizer>(&encoder)) return tokenizer->to_json();
  if (const auto* images = std::get_if<ImageEncoder>(&encoder)) return images->to_json();
  if (const auto* audio = std::get_if<AudioEncoder>(&encoder)) return audio->to_json();
  const auto* table = std::get_if<TableEncoder>(&encoder);
  return table != nullptr ? table->to_json() : "";
}

const TableEncoder* target_encoder(const DataEncoder& encoder) {
  if (const auto* images = std::get_if<ImageEncoder>(&encoder)) return &images->labels;
  if (const auto* audio = std::get_if<AudioEncoder>(&encoder)) return &audio->labels;
  return std::get_if<TableEncoder>(&encoder);
}

DataEncoder encoder_from_json(std::string_view file, std::string_view json, const std::string& source) {
  if (file == kEncoderFiles[0]) return TextTokenizer::from_json(json, source);
  if (file == kEncoderFiles[1]) return TableEncoder::from_json(json, source);
  if (file == kEncoderFiles[2]) return ImageEncoder::from_json(json, source);
  if (file == kEncoderFiles[3]) return AudioEncoder::from_json(json, source);
  fail(source, "\"{}\" is the file of no encoder of data", file);
}

}  // namespace gradus
