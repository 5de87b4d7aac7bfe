#include "gradus/data/json_lines.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "gradus/base/error.h"
#include "gradus/base/json.h"
#include "gradus/data/file_contents.h"
#include "gradus/data/text_lines.h"

namespace gradus {
namespace {

// The values of a field, before it is known whether all are numbers.
class Field {
 public:
  explicit Field(std::string name) : name_(std::move(name)) {}

  const std::string& name() const { return name_; }
  size_t rows() const { return numbers_.size(); }

  void add(const JsonValue& value, const std::string& place) {
    const auto* const integer = value.get<int64_t>();
    const auto* const real = value.get<double>();
    if (integer != nullptr || real != nullptr) {
      const double number = real != nullptr ? *real : static_cast<double>(*integer);
      return add(number, integer != nullptr ? fmt::format("{}", *integer) : fmt::format("{}", number));
    }
    if (value.get<std::nullptr_t>() != nullptr) return add(std::nan(""), {});
    const auto* const text = value.get<std::string>();
    const auto* const truth = value.get<bool>();
    if (text == nullptr && truth == nullptr) {
      fail(place, "\"{}\" is {}; expected a text or a number", name_, value.shown());
    }
    is_number_ = false;
    add(0.0, text != nullptr ? *text : *truth ? "true" : "false");
  }

  TableColumn take() {
    TableColumn column{.name = name_, .is_number = is_number_};
    if (is_number_) {
      column.numbers = std::move(numbers_);
      return column;
    }
    std::map<std::string, int32_t> codes;
    for (std::optional<std::string>& text : texts_) {
      if (!text) {
        column.codes.push_back(-1);
        continue;
      }
      const auto [found, is_new] = codes.emplace(*text, static_cast<int32_t>(codes.size()));
      if (is_new) column.dictionary.push_back(std::move(*text));
      column.codes.push_back(found->second);
    }
    return column;
  }

 private:
  void add(double number, std::optional<std::string> text) {
    numbers_.push_back(number);
    texts_.push_back(std::move(text));
  }

  std::string name_;
  bool is_number_ = true;
  std::vector<double> numbers_;
  std::vector<std::optional<std::string>> texts_;
};

void add_row(std::vector<Field>& fields, const JsonValue::Object& row, bool is_first, const std::string& place) {
  for (const JsonValue::Field& field : row) {
    auto found = std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.name() == field.key; });
    if (found == fields.end()) {
      if (!is_first) fail(place, "\"{}\" is a field that the first line has not; expected the same in each", field.key);
      found = fields.insert(fields.end(), Field(field.key));
    }
    found->add(field.value, place);
  }
  for (const Field& field : fields) {
    if (field.rows() == fields[0].rows() && row.size() == fields.size()) continue;
    fail(place, "{} fields in place of {}; expected those of the first line", row.size(), fields.size());
  }
}

}  // namespace

Table parse_json_lines(std::string_view text, const std::string& source) {
  Table table;
  std::vector<Field> fields;
  for_each_line(text, source, [&](std::string_view own, int64_t line) {
    if (own.find_first_not_of(" \t\r") == std::string_view::npos) return;
    const std::string place = fmt::format("{}:{}", source, line);
    const JsonValue value = parse_json(own, place);
    const auto* const row = value.get<JsonValue::Object>();
    if (row == nullptr || row->empty()) fail(place, "is {}; expected an object with fields", value.shown());
    add_row(fields, *row, table.rows == 0, place);
    table.lines.push_back(line);
    ++table.rows;
  });
  if (table.rows == 0) fail(source, "there is no line with an object; expected one an example");
  for (Field& field : fields) table.columns.push_back(field.take());
  table.parts = {{.source = source}};
  return table;
}

Table read_json_lines(const std::string& path) {
  const FileContents contents(path);
  return parse_json_lines(contents.bytes(), path);
}

}  // namespace gradus
