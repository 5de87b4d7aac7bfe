#include "apps/gradus/model_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

namespace gradus::command {
namespace {

struct Row {
  std::string_view name;  // of it what is not told yet: "attn.c_attn.weight" inside of "h.3."
  std::string shape;
  int64_t elements = 0;

  bool operator==(const Row&) const = default;
};

std::string_view first_part(std::string_view name) { return name.substr(0, name.find('.')); }

bool is_number(std::string_view part) {
  return !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
}

// How many rows the first of them stands beside under one name.
size_t block_size(std::span<const Row> rows) {
  const std::string_view head = first_part(rows[0].name);
  const auto other = [&](const Row& row) { return first_part(row.name) != head; };
  return static_cast<size_t>(std::find_if(rows.begin(), rows.end(), other) - rows.begin());
}

std::vector<Row> inside(std::span<const Row> block) {
  std::vector<Row> rows(block.begin(), block.end());
  for (Row& row : rows) row.name.remove_prefix(std::min(row.name.size(), first_part(row.name).size() + 1));
  return rows;
}

void add_rows(const std::string& before, std::span<const Row> rows, int64_t times, std::string& text) {
  while (!rows.empty()) {
    const std::string_view head = first_part(rows[0].name);
    const size_t size = block_size(rows);
    const std::vector<Row> block = inside(rows.first(size));
    rows = rows.subspan(size);
    std::string_view last = head;
    int64_t alike = 1;
    for (; is_number(head) && !rows.empty() && is_number(first_part(rows[0].name)); ++alike) {
      const size_t next = block_size(rows);
      if (inside(rows.first(next)) != block) break;
      last = first_part(rows[0].name);
      rows = rows.subspan(next);
    }
    const std::string name = fmt::format("{}{}{}{}", before, head, alike > 1 ? "-" : "", alike > 1 ? last : "");
    if (block.size() > 1 || !block[0].name.empty()) {
      add_rows(name + ".", block, times * alike, text);
      continue;
    }
    const int64_t all = times * alike;
    text += fmt::format("  {:<32} {:<16} {:>5} {:>14}\n", name, block[0].shape, all > 1 ? fmt::format("× {}", all) : "",
                        all * block[0].elements);
  }
}

}  // namespace

std::string model_table(const std::string& kind, const Parameters& parameters) {
  std::vector<Row> rows;
  for (const Parameter& p : parameters) rows.push_back({p.name, to_string(p.tensor.shape()), p.tensor.numel()});
  std::string text = fmt::format("model {}\n", kind);
  add_rows("", rows, 1, text);
  return text + fmt::format("  {:<32} {:<16} {:>5} {:>14}\n", "parameters in all", "", "", count_elements(parameters));
}

}  // namespace gradus::command
