// Asserts that a kernel's result does not depend on the number of threads.
#pragma once

#include <gtest/gtest.h>

#include <cstring>

#include "gradus/base/threads.h"
#include "gradus/tensor/tensor.h"

namespace gradus {

/// `make` returns a contiguous tensor; called with 1, 2, 3 and 8 threads it must return the same bits.
template <class Make>
void expect_same_bits(Make&& make) {
  set_threads(1);
  const Tensor expected = make();
  for (const int count : {2, 3, 8}) {
    set_threads(count);
    const Tensor result = make();
    ASSERT_EQ(result.shape(), expected.shape());
    const size_t bytes = static_cast<size_t>(expected.numel() * size_of(expected.dtype()));
    EXPECT_EQ(std::memcmp(result.bytes(), expected.bytes(), bytes), 0) << count << " threads";
  }
  set_threads(0);
}

}  // namespace gradus
