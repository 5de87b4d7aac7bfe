#include "gradus/tensor/isa.h"

#include <hwy/highway.h>
#include <hwy/targets.h>

#include <atomic>

#include "gradus/base/error.h"
#include "gradus/tensor/gemm.h"

namespace gradus {
namespace {

std::atomic<int> g_limit{-1};

// Highway's targets above each instruction set.
constexpr int64_t kAboveAvx2 = HWY_AVX3 | HWY_AVX3_DL;
constexpr int64_t kAboveBaseline = kAboveAvx2 | HWY_AVX2 | HWY_SSE4 | HWY_SSSE3;

}  // namespace

std::string_view name_of(Isa isa) {
  switch (isa) {
    case Isa::kBaseline:
      return "baseline";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvx512:
      break;
  }
  return "avx512";
}

Isa isa_from_name(std::string_view name) {
  for (const Isa isa : {Isa::kBaseline, Isa::kAvx2, Isa::kAvx512}) {
    if (name == name_of(isa)) return isa;
  }
  fail_usage("isa", "\"{}\" is not known; expected baseline, avx2 or avx512", name);
}

Isa detected_isa() {
  static const Isa detected = [] {
    const int64_t targets = hwy::SupportedTargets();
    if (targets & HWY_AVX3) return Isa::kAvx512;
    return targets & HWY_AVX2 ? Isa::kAvx2 : Isa::kBaseline;
  }();
  return detected;
}

Isa active_isa() {
  const int limit = g_limit.load(std::memory_order_relaxed);
  return limit < 0 ? detected_isa() : static_cast<Isa>(limit);
}

void limit_isa(Isa isa) {
  if (isa > detected_isa()) {
    fail_usage("isa", "{} is asked for, but this processor has {} at most", name_of(isa), name_of(detected_isa()));
  }
  if (g_limit.load(std::memory_order_relaxed) == static_cast<int>(isa)) return;  // as it is already, by a run before
  if (!detail::limit_gemm_isa(static_cast<int>(isa))) {
    fail_usage("isa",
               "it is too late to choose {}: an op has run, or it was asked for products of bf16 numbers, before",
               name_of(isa));
  }
  // After this Highway looks again which code to run.
  hwy::DisableTargets(isa == Isa::kBaseline ? kAboveBaseline : (isa == Isa::kAvx2 ? kAboveAvx2 : 0));
  g_limit.store(static_cast<int>(isa), std::memory_order_relaxed);
}

bool has_bf16_products() { return detail::bf16_gemm() != nullptr; }

std::string bf16_products_need() {
  const std::string limit = active_isa() < detected_isa() ? fmt::format(", limited to {}", name_of(active_isa())) : "";
  return fmt::format("a processor with AVX512_BF16, and matrix products by oneDNN; here it is {} with {}{}",
                     name_of(detected_isa()), matmul_library(), limit);
}

std::string matmul_library(DType products) {
  const char* const how = products == DType::kBF16 ? detail::bf16_gemm() : nullptr;
  return how == nullptr ? detail::gemm_name() : fmt::format("{}, {}", detail::gemm_name(), how);
}

}  // namespace gradus
