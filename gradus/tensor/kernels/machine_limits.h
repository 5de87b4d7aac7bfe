// What this machine can do at most, measured on all threads: the limits that benchmarks compare with.
#pragma once

namespace gradus::kernels {

/// Floating-point operations a second of f32 fused multiply-adds from registers, on `threads()` threads.
double measure_fma_peak();

/// Bytes a second that y += a·x reads and writes over arrays far larger than the caches, on `threads()` threads.
double measure_bandwidth();

}  // namespace gradus::kernels
