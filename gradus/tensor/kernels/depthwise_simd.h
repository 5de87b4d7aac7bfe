// The inner loops of depthwise.cpp, on the instruction set of this processor. T is float or double.
#pragma once

#include <cstdint>

namespace gradus::kernels {

template <class T>
struct DepthwiseTap {
  const T* source;  ///< What channel `begin` of the first of the results takes by it.
  int64_t weight;   ///< Where its numbers begin in `weight` and `weight_grad`.
};

/// Results of a line, side by side, that have the same taps. They are made in groups of `width` channels, which take
/// from as many of the source; of channels alone in those for themselves.
template <class T>
struct DepthwiseRun {
  int64_t channels = 0;
  int64_t begin = 0, end = 0;  ///< Of the channels, those to work on: whole groups.
  int64_t width = 1;           ///< At most a vector's lanes.
  int64_t results = 0;
  int64_t source_step = 0, result_step = 0;  ///< From one result's numbers to the next one's.
  const DepthwiseTap<T>* taps = nullptr;
  int64_t count = 0;                             ///< Of taps; may be 0.
  const T* weight = nullptr;                     ///< (taps of the kernel, width, channels): see below.
  const T *bias = nullptr, *residual = nullptr;  ///< Either may be nullptr; the residual lies as the results do.
  bool relu = false;
  T* result = nullptr;
  const T* grad = nullptr;  ///< Of the results, and as they lie.
  T* weight_grad = nullptr;
};
/// result = bias + Σ over taps and a group of source · weight, + residual, then relu. At (tap, i, channel k of a group
/// of the source) is the weight that it has in the group's result (k + i) mod width.
template <class T>
void depthwise_run(const DepthwiseRun<T>& run);
/// weight_grad of each tap, which lies as the weight does, += Σ over results, in their order, of source · grad.
template <class T>
void depthwise_run_weight(const DepthwiseRun<T>& run);

}  // namespace gradus::kernels
