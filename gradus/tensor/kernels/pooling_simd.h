// The inner loops of pooling.cpp, on the instruction set of this processor. T is float or double.
#pragma once

#include <cstdint>

namespace gradus::kernels {

/// A line of results, of each channel one from those places of its window that lie inside of the image.
template <class T>
struct PoolLine {
  int64_t channels = 0;
  int64_t windows = 0, taps = 0;
  /// (windows, taps): where a place's channels begin in `x` and `x_grad`, below 0 outside; one at least is inside.
  const int64_t* places = nullptr;
  const T* x = nullptr;
  T* y = nullptr;              ///< (windows, channels), as are the next two and `grad`.
  T* found = nullptr;          ///< Of the largest, by which tap it is: −1 for the 0 of a relu. It may be nullptr.
  const T* largest = nullptr;  ///< The same, as it was found.
  bool relu = false;           ///< Nothing below 0 is the largest.
  T scale = 1;                 ///< Of averages: 1/taps.
  const T* grad = nullptr;
  T* x_grad = nullptr;
  bool adds = true;  ///< To what `x_grad` holds; else it is written.
};
template <class T>
void max_pool_line(const PoolLine<T>& line);
/// Of `x_grad`.
template <class T>
void max_pool_line_backward(const PoolLine<T>& line);
template <class T>
void average_pool_line(const PoolLine<T>& line);
template <class T>
void average_pool_line_backward(const PoolLine<T>& line);

}  // namespace gradus::kernels
