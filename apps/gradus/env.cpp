// `gradus env`: what this build and this machine are.
#include <fmt/core.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

#include "apps/gradus/output.h"
#include "apps/gradus/verbs.h"
#include "gradus/base/threads.h"
#include "gradus/tensor/isa.h"

namespace gradus::command {
namespace {

// The value behind `name` and a colon in one of the kernel's text files; empty if there is none.
std::string system_value(const char* path, std::string_view name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(name)) continue;
    const size_t start = line.find_first_not_of(" \t", line.find(':') + 1);
    return start == std::string::npos ? "" : line.substr(start);
  }
  return "";
}

double gigabytes(const char* name) {
  const std::string kibibytes = system_value("/proc/meminfo", name);
  return kibibytes.empty() ? 0.0 : std::strtod(kibibytes.c_str(), nullptr) * 1024 / 1e9;
}

}  // namespace

void prepare_machine(const MachineOptions& options) {
  if (!options.isa.empty()) limit_isa(isa_from_name(options.isa));
  if (options.threads) set_threads(static_cast<int>(*options.threads));
}

int env(const MachineOptions& options) {
  prepare_machine(options);
  std::string processor = system_value("/proc/cpuinfo", "model name");
  if (processor.empty()) processor = "unknown";
  print(fmt::format(
      "gradus           {}\n"
      "processor        {}\n"
      "cores            {}\n"
      "instruction set  {} (detected: {})\n"
      "matrix products  {}{}\n"
      "threads          {}\n"
      "memory           {:.1f} GB, of which {:.1f} GB available\n",
      GRADUS_VERSION, processor, std::thread::hardware_concurrency(), name_of(active_isa()), name_of(detected_isa()),
      matmul_library(DType::kBF16), has_bf16_products() ? " for bf16" : "; none of bf16", threads(),
      gigabytes("MemTotal"), gigabytes("MemAvailable")));
  return 0;
}

}  // namespace gradus::command
