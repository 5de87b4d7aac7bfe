// The instruction set that kernels use: picked at run time, for our own kernels and for oneDNN alike.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gradus/tensor/dtype.h"

namespace gradus {

/// In ascending order. The baseline is what every x86-64 has: our kernels then run scalar code. AVX-512 means the
/// foundation with BW, CD, DQ and VL; products of bf16 numbers use AVX512_BF16 where it is there, and AMX only if no
/// limit is set.
enum class Isa : uint8_t { kBaseline, kAvx2, kAvx512 };

/// "baseline", "avx2", "avx512".
std::string_view name_of(Isa isa);
/// The reverse; a usage error that lists the names for anything else.
Isa isa_from_name(std::string_view name);

/// The best that this processor and this build have.
Isa detected_isa();
/// What kernels use now: the detected one, or a lower limit.
Isa active_isa();
/// Pins a lower instruction set for the whole process. Results are the same bits on any machine that runs it with that
/// set. Call it before the first op and before `has_bf16_products`; later to another one, or above what is detected, it
/// is a usage error.
void limit_isa(Isa isa);

/// Whether matrix products of bf16 numbers can run: the processor has AVX512_BF16, and it may be used.
bool has_bf16_products();
/// What they need and what is here instead, for an error: "a processor with AVX512_BF16, …; here it is avx2 with …".
std::string bf16_products_need();

/// What matrix products run on, for f32 factors or bf16 ones: "oneDNN 2.6.3", or "oneDNN 2.6.3, AVX512_BF16" or "…,
/// AMX", which round their sums in another order.
std::string matmul_library(DType products = DType::kF32);

}  // namespace gradus
