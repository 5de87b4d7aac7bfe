// What turns data into what a model sees, and is kept with the model.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "gradus/base/variant.h"
#include "gradus/data/audio_encoder.h"
#include "gradus/data/image_encoder.h"
#include "gradus/data/table_encoder.h"
#include "gradus/data/text_tokenizer.h"

namespace gradus {

/// The tokenizer of a text, the columns of a table, the size and scale of pictures, what is seen of sounds, or nothing
/// for data that is made up.
using DataEncoder = Variant<std::monostate, TextTokenizer, TableEncoder, ImageEncoder, AudioEncoder>;

/// The shape of one example for models that see more in it than a row: (H, W, C) of pictures, and of arrays that are
/// some, channels last. Empty for rows and text.
Shape example_shape(const DataEncoder& encoder);
/// What its file in a run's folder is called: "tokenizer.json", "columns.json", "images.json", "audio.json", or "" if
/// there is none.
std::string_view encoder_file(const DataEncoder& encoder);
/// All names that `encoder_file` gives.
inline constexpr std::string_view kEncoderFiles[] = {"tokenizer.json", "columns.json", "images.json", "audio.json"};
/// The text of that file.
std::string encoder_json(const DataEncoder& encoder);
/// What of it knows the target, its classes and its scale: a table's own, or the labels of pictures and
/// sounds; null if there is none.
const TableEncoder* target_encoder(const DataEncoder& encoder);
/// The encoder that a text of the file of that name is; messages call it `source`.
DataEncoder encoder_from_json(std::string_view file, std::string_view json, const std::string& source);

}  // namespace gradus
