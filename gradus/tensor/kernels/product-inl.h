// The micro-kernel of matrix products, for use inside one Highway target. Include guards are per target.
#if defined(GRADUS_TENSOR_KERNELS_PRODUCT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GRADUS_TENSOR_KERNELS_PRODUCT_INL_H_
#undef GRADUS_TENSOR_KERNELS_PRODUCT_INL_H_
#else
#define GRADUS_TENSOR_KERNELS_PRODUCT_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Rows of C that one call of the micro-kernel keeps in registers, by two vectors of columns: with 32 registers
// (AVX-512) eight rows, with 16 six.
#if HWY_TARGET <= HWY_AVX3
constexpr int kMaxRows = 8;
#else
constexpr int kMaxRows = 6;
#endif

// C[0..Rows)[0..2·lanes) (+)= A · B over k. A is read element by element with any strides; rows of B and C are
// contiguous.
template <int Rows, class D, class T = hn::TFromD<D>>
HWY_INLINE void ProductBlock(D d, int64_t k, const T* HWY_RESTRICT a, int64_t a_row, int64_t a_col,
                             const T* HWY_RESTRICT b, int64_t b_row, T* HWY_RESTRICT c, int64_t c_row,
                             bool accumulate) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  hn::Vec<D> sum[Rows][2];
  for (int r = 0; r < Rows; ++r) {
    sum[r][0] = accumulate ? hn::LoadU(d, c + r * c_row) : hn::Zero(d);
    sum[r][1] = accumulate ? hn::LoadU(d, c + r * c_row + lanes) : hn::Zero(d);
  }
  for (int64_t i = 0; i < k; ++i) {
    const hn::Vec<D> b0 = hn::LoadU(d, b), b1 = hn::LoadU(d, b + lanes);
    for (int r = 0; r < Rows; ++r) {
      const hn::Vec<D> scalar = hn::Set(d, a[r * a_row]);
      sum[r][0] = hn::MulAdd(scalar, b0, sum[r][0]);
      sum[r][1] = hn::MulAdd(scalar, b1, sum[r][1]);
    }
    a += a_col;
    b += b_row;
  }
  for (int r = 0; r < Rows; ++r) {
    hn::StoreU(sum[r][0], d, c + r * c_row);
    hn::StoreU(sum[r][1], d, c + r * c_row + lanes);
  }
}

// All m rows of a strip of 2·lanes columns. The cut into blocks depends on m alone.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE void ProductStrip(D d, int64_t m, int64_t k, const T* a, int64_t a_row, int64_t a_col, const T* b,
                             int64_t b_row, T* c, int64_t c_row, bool accumulate) {
  int64_t i = 0;
  for (; i + kMaxRows <= m; i += kMaxRows) {
    ProductBlock<kMaxRows>(d, k, a + i * a_row, a_row, a_col, b, b_row, c + i * c_row, c_row, accumulate);
  }
  for (; i + 4 <= m; i += 4) {
    ProductBlock<4>(d, k, a + i * a_row, a_row, a_col, b, b_row, c + i * c_row, c_row, accumulate);
  }
  for (; i < m; ++i) {
    ProductBlock<1>(d, k, a + i * a_row, a_row, a_col, b, b_row, c + i * c_row, c_row, accumulate);
  }
}

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // GRADUS_TENSOR_KERNELS_PRODUCT_INL_H_
