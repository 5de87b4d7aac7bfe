// The inner loops of pooling.cpp, on the instruction set of this processor. T is float or double.
#pragma once

#include <cstdint>

namespace gradus::kernels {

/// One result of each channel, from the places of its window that lie inside of the image.
template <class T>
struct PoolWindow {
  int64_t channels = 0;
  int64_t count = 0;                ///< Of places; at least 1.
  const int64_t* places = nullptr;  ///< Where their channels begin in `x` and `x_grad`.
  const T* x = nullptr;
  T* y = nullptr;
  T scale = 1;  ///< Of kAverage: 1/(size of the window).
  const T* grad = nullptr;
  T* x_grad = nullptr;
  bool adds = true;  ///< To what `x_grad` holds; else it is written.
};
template <class T>
void max_window(const PoolWindow<T>& window);
/// Of `x_grad`.
template <class T>
void max_window_backward(const PoolWindow<T>& window);
template <class T>
void average_window(const PoolWindow<T>& window);
template <class T>
void average_window_backward(const PoolWindow<T>& window);

}  // namespace gradus::kernels
