#include "apps/gradus/training_figures.h"

#include <fmt/core.h>

#include "gradus/base/hash.h"
#include "gradus/base/threads.h"
#include "gradus/tensor/isa.h"

namespace gradus::command {
namespace {

// What the op's products, or its bytes, are compared with.
double limit_of(const ProfileLine& line, const TrainingBenchmark& result) {
  if (line.flops == 0.0) return result.bytes_per_s;
  return line.is_bf16 ? result.bf16_peak_flops : result.fma_peak_flops;
}

std::vector<JsonText> profile_rows(const TrainingBenchmark& result) {
  std::vector<JsonText> rows;
  for (const ProfileLine& line : result.profile) {
    JsonText row;
    row.add("op", line.name).add("calls", line.calls).add("ms", 1e3 * line.seconds);
    row.add("flops", line.flops).add("bytes", line.bytes);
    const double work = line.flops > 0.0 ? line.flops : line.bytes;
    if (work > 0.0) row.add("of_limit", work / line.seconds / limit_of(line, result));
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string profile_table(const TrainingBenchmark& result) {
  double all = 0.0;
  for (const ProfileLine& line : result.profile) all += line.seconds;
  std::string text = fmt::format("\n{:32} {:>6} {:>9} {:>6} {:>9} {:>8} {:>9}\n", "op", "calls", "ms", "%", "GFLOP/s",
                                 "GB/s", "of limit");
  for (const ProfileLine& line : result.profile) {
    const double flops = line.flops / line.seconds, bytes = line.bytes / line.seconds;
    text +=
        fmt::format("{:32} {:6} {:9.2f} {:6.1f}", line.name, line.calls, 1e3 * line.seconds, 100 * line.seconds / all);
    if (flops > 0.0) {
      text += fmt::format(" {:9.1f} {:8} {:8.0f}%\n", flops / 1e9, "", 100 * flops / limit_of(line, result));
    } else if (bytes > 0.0) {
      text += fmt::format(" {:9} {:8.1f} {:8.0f}%\n", "", bytes / 1e9, 100 * bytes / result.bytes_per_s);
    } else {
      text += "\n";
    }
  }
  text += fmt::format("limits: {:.1f} GFLOP/s of multiply-adds of f32, ", result.fma_peak_flops / 1e9);
  if (result.bf16_peak_flops > 0.0) {
    text += fmt::format("{:.1f} of a product of large bf16 matrices, ", result.bf16_peak_flops / 1e9);
  }
  return text + fmt::format("{:.1f} GB/s of y += a·x; measured in this run\n", result.bytes_per_s / 1e9);
}

}  // namespace

JsonText training_json(const TrainingBenchmark& result, const TrainingFigures& figures) {
  const double step = result.step_s_median();
  JsonText json;
  json.add("step_ms_median", 1e3 * step).add("step_cpu_ms_median", median(result.steps.cpu_ms));
  json.add(figures.rate, figures.units / step);
  json.add("model_gflops", result.model_flops / step / 1e9).add("fma_peak_gflops", result.fma_peak_flops / 1e9);
  json.add("peak_fraction", result.model_flops / step / result.fma_peak_flops);
  json.add("memory_gb_per_s", result.bytes_per_s / 1e9);
  json.add("peak_rss_bytes", result.peak_rss_bytes)
      .add("loss", result.loss)
      .add("weights", hex(result.weights_hash))
      .add("parameters", result.parameters);
  json.add("threads", int64_t{threads()}).add("isa", name_of(active_isa()));
  json.add("matrix_products", matmul_library(figures.products)).add("flops_formula", figures.flops_formula);
  if (result.bf16_peak_flops > 0.0) json.add("bf16_peak_gflops", result.bf16_peak_flops / 1e9);
  if (!result.profile.empty()) json.add("profile", profile_rows(result));
  return json;
}

std::string training_table(const TrainingBenchmark& result, const TrainingFigures& figures) {
  const double step = result.step_s_median(), rate = result.model_flops / step;
  return fmt::format(
             "step             {:.1f} ms, of the processor {:.1f} (medians of {})\n"
             "{:16} {:.0f}\n"
             "model flops      {:.1f} GFLOP/s: {:.1f}% of the f32 multiply-add peak of {:.1f}, measured beside it\n"
             "peak memory      {:.0f} MB\n"
             "loss             {:.6f}\n",
             1e3 * step, median(result.steps.cpu_ms), result.steps.wall_ms.size(), figures.rate_label,
             figures.units / step, rate / 1e9, 100 * rate / result.fma_peak_flops, result.fma_peak_flops / 1e9,
             static_cast<double>(result.peak_rss_bytes) / 1e6, result.loss) +
         fmt::format("model flops: {}\n", figures.flops_formula) +
         (result.profile.empty() ? "" : profile_table(result));
}

}  // namespace gradus::command
