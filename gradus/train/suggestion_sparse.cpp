// A configuration for sparse rows.
#include <fmt/format.h>

#include <set>

#include "gradus/base/error.h"
#include "gradus/data/libsvm.h"
#include "gradus/train/suggestion.h"

namespace gradus::suggestion {
namespace {

SparseExamples read_libsvm_files(const Sources& sources) {
  SparseExamples all = parse_libsvm(sources.files[0].text, sources.files[0].path);
  for (size_t i = 1; i < sources.files.size(); ++i) {
    const SparseExamples more = parse_libsvm(sources.files[i].text, sources.files[i].path, {.base = all.base});
    append_rows(all.features, more.features);
    all.targets.insert(all.targets.end(), more.targets.begin(), more.targets.end());
  }
  return all;
}

}  // namespace

bool is_libsvm(std::string_view text) {
  constexpr size_t kMost = 1 << 16;
  if (text.size() > kMost) text = text.substr(0, text.substr(0, kMost).rfind('\n') + 1);
  try {
    return parse_libsvm(text, "the file").features.values.size() > 0;
  } catch (const Error&) {
    return false;
  }
}

std::string libsvm_config(const Sources& sources) {
  const SparseExamples examples = read_libsvm_files(sources);
  std::set<double> labels(examples.targets.begin(), examples.targets.end());
  const auto rows = examples.features.rows;
  const bool classes = labels.size() <= 20 && static_cast<int64_t>(5 * labels.size()) <= rows && labels.size() > 1;
  const char* const loss = !classes ? "mse" : labels.size() == 2 ? "binary_cross_entropy" : "cross_entropy";
  const char* const why = !classes ? "the labels are numbers" : "the labels are few different numbers: classes";
  return fmt::format(
             "# {}: {} rows of {} columns, most of whose numbers are 0 ({} are not).\n\n"
             "[data]\nkind = \"libsvm\"\npath = {}\n{}\n"
             "[model]\nkind = \"linear\"    # \"mlp\" is possible, too\n\n"
             "[loss]\nname = \"{}\"    # {}\n\n"
             "[solver]\nname = \"lbfgs\"    # to the minimum, for any number of columns\n\n"
             "[regularization]\nl2 = {:.3g}    # 1 / rows\n\n"
             "[train]\nsteps = 1000    # at most\n",
             sources.title, rows, examples.features.columns, examples.features.values.size(), sources.path(),
             rows < kFewest ? "validation_fraction = 0.0    # too few rows to hold any out\n"
                            : "validation_fraction = 0.2    # rows that are never trained on\n",
             loss, why, 1.0 / static_cast<double>(rows)) +
         (rows < kFewest ? "" : "\n[validation]\nevery = 1000    # and at the end\n");
}

}  // namespace gradus::suggestion
