// The inner loops of depthwise.cpp, on the instruction set of this processor. T is float or double.
#pragma once

#include <cstdint>

namespace gradus::kernels {

template <class T>
struct DepthwiseTap {
  const T* source;  ///< What the first of the results takes by it.
  int64_t weight;   ///< Where its numbers begin in `weight` and `weight_grad`.
};

/// Results of a line, side by side, that have the same taps, in each channel for itself.
template <class T>
struct DepthwiseRun {
  int64_t channels = 0;
  int64_t results = 0;
  int64_t source_step = 0, result_step = 0;  ///< From one result's numbers to the next one's.
  const DepthwiseTap<T>* taps = nullptr;
  int64_t count = 0;                             ///< Of taps; may be 0.
  const T* weight = nullptr;                     ///< (taps of the kernel, channels).
  const T *bias = nullptr, *residual = nullptr;  ///< Either may be nullptr; the residual lies as the results do.
  bool relu = false;
  T* result = nullptr;
  const T* grad = nullptr;  ///< Of the results, and as they lie.
  T* weight_grad = nullptr;
};
/// result = bias + Σ over taps of source · weight, + residual, then relu.
template <class T>
void depthwise_run(const DepthwiseRun<T>& run);
/// weight_grad of each tap += Σ over results, in their order, of source · grad.
template <class T>
void depthwise_run_weight(const DepthwiseRun<T>& run);

}  // namespace gradus::kernels
