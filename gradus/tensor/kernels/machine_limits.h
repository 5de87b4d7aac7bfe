// What this machine can do at most, measured on all threads: the limits that benchmarks compare with.
#pragma once

namespace gradus::kernels {

/// Floating-point operations a second of f32 fused multiply-adds from registers, on `threads()` threads.
double measure_fma_peak();

/// The same of a product of large bf16 matrices, which oneDNN makes (AVX512_BF16 or AMX); needs `has_bf16_products()`.
double measure_bf16_peak();

/// Bytes a second that y += a·x reads and writes over arrays far larger than the caches, on `threads()` threads.
double measure_bandwidth();

}  // namespace gradus::kernels
