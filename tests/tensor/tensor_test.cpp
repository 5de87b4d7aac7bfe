#include "gradus/tensor/tensor.h"

#include <cmath>
#include <limits>
#include <vector>

#include "tests/testing.h"

namespace gradus {
namespace tensor_test {

using Doubles = std::vector<double>;

Tensor two_by_three() { return Tensor::from(std::vector<float>{1, 2, 3, 4, 5, 6}, {2, 3}); }

TEST(DType, HasNamesAndSizes) {
  const std::pair<DType, std::pair<std::string_view, int64_t>> expected[] = {
      {DType::kF32, {"f32", 4}}, {DType::kF64, {"f64", 8}}, {DType::kBF16, {"bf16", 2}}, {DType::kI64, {"i64", 8}},
      {DType::kI32, {"i32", 4}}, {DType::kU8, {"u8", 1}},   {DType::kBool, {"bool", 1}}};
  for (const auto& [dtype, row] : expected) {
    EXPECT_EQ(name_of(dtype), row.first);
    EXPECT_EQ(size_of(dtype), row.second);
    EXPECT_EQ(is_float(dtype), dtype == DType::kF32 || dtype == DType::kF64);
    EXPECT_TRUE(dispatch_all(dtype, [d = dtype]<class T>(T) { return dtype_of<T>() == d; }));
  }
  EXPECT_EQ(error_text([] { dispatch_float("exp", DType::kI64, [](auto) {}); }),
            "[exp] works on f32 and f64, not on i64; convert with cast");
}

TEST(BFloat16, RoundsToNearestTiesToEven) {
  const auto bits = [](uint32_t single) { return BFloat16(std::bit_cast<float>(single)).bits; };
  EXPECT_EQ(bits(0x3F800000), 0x3F80);  // 1
  EXPECT_EQ(bits(0x3F807FFF), 0x3F80);  // below the middle
  EXPECT_EQ(bits(0x3F808000), 0x3F80);  // the middle, even below
  EXPECT_EQ(bits(0x3F808001), 0x3F81);  // above it
  EXPECT_EQ(bits(0x3F818000), 0x3F82);  // the middle, even above
  EXPECT_EQ(bits(0xBF818000), 0xBF82);
  EXPECT_EQ(bits(0x3FFFFFFF), 0x4000);  // carries into the exponent
  EXPECT_EQ(bits(0x7F7FFFFF), 0x7F80);  // the largest float is nearest to infinity
  EXPECT_EQ(bits(0x7F7F7FFF), 0x7F7F);
  EXPECT_EQ(bits(0x80000000), 0x8000);  // −0
  EXPECT_EQ(bits(0x00000001), 0x0000);
  EXPECT_EQ(bits(0x00008001), 0x0001);  // subnormal
}

TEST(BFloat16, KeepsInfinitiesAndNaN) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(static_cast<float>(BFloat16(kInfinity)), kInfinity);
  EXPECT_EQ(static_cast<float>(BFloat16(-kInfinity)), -kInfinity);
  for (const uint32_t nan : {0x7FC00000u, 0x7F800001u, 0x7FFFFFFFu, 0xFF800001u, 0xFFFFFFFFu}) {
    const BFloat16 value(std::bit_cast<float>(nan));
    EXPECT_TRUE(std::isnan(static_cast<float>(value))) << nan;
    EXPECT_NE(value.bits & 0x40, 0) << nan;  // quiet
    EXPECT_EQ(value.bits >> 15, nan >> 31);
  }
}

TEST(BFloat16, EveryValueSurvives) {
  for (uint32_t i = 0; i < 0x10000; ++i) {
    BFloat16 value;
    value.bits = static_cast<uint16_t>(i);
    const bool is_nan = (i & 0x7FFF) > 0x7F80;
    ASSERT_EQ(BFloat16(static_cast<float>(value)).bits, is_nan ? i | 0x40 : i);
  }
}

TEST(Tensor, Fills) {
  EXPECT_EQ(Tensor::zeros({2, 2}).values<double>(), (Doubles{0, 0, 0, 0}));
  for (const DType dtype : {DType::kF32, DType::kF64, DType::kBF16, DType::kI64, DType::kI32, DType::kU8}) {
    const Tensor t = Tensor::full({3}, 7, dtype);
    EXPECT_EQ(t.dtype(), dtype);
    EXPECT_EQ(t.values<double>(), (Doubles{7, 7, 7}));
  }
  EXPECT_EQ(Tensor::full({2}, 3, DType::kBool).values<int64_t>(), (std::vector<int64_t>{1, 1}));
  EXPECT_EQ(Tensor::scalar(2.5).rank(), 0);
  EXPECT_EQ(Tensor::scalar(2.5).item(), 2.5);
  EXPECT_EQ(Tensor::empty({0, 3}).numel(), 0);
  EXPECT_EQ(Tensor::zeros({0, 3}).values<float>(), std::vector<float>{});
}

TEST(Tensor, TakesValues) {
  const Tensor t = two_by_three();
  EXPECT_EQ(t.shape(), (Shape{2, 3}));
  EXPECT_EQ(t.strides(), (Shape{3, 1}));
  EXPECT_EQ(t.size(0), 2);
  EXPECT_EQ(t.size(-1), 3);
  EXPECT_EQ(t.numel(), 6);
  EXPECT_TRUE(t.is_contiguous());
  EXPECT_EQ(t.values<int64_t>(), (std::vector<int64_t>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(Tensor::from(std::vector<int64_t>{1, 2}, {2}).dtype(), DType::kI64);
  EXPECT_EQ(Tensor::from(std::vector<int32_t>{1, 2}, {2}).dtype(), DType::kI32);
  EXPECT_EQ(Tensor::from(std::vector<uint8_t>{1, 2}, {2}).dtype(), DType::kU8);
  EXPECT_EQ(Tensor::from(std::vector<double>{1, 2}, {2}).dtype(), DType::kF64);
}

TEST(Tensor, Linspace) {
  EXPECT_EQ(Tensor::linspace(-1, 1, 5).values<double>(), (Doubles{-1, -0.5, 0, 0.5, 1}));
  EXPECT_EQ(Tensor::linspace(3, 9, 1, DType::kF64).values<double>(), Doubles{3});
  const Doubles tenths = Tensor::linspace(0, 1, 11, DType::kF64).values<double>();
  EXPECT_EQ(tenths.front(), 0.0);
  EXPECT_EQ(tenths.back(), 1.0);
  EXPECT_EQ(error_text([] { Tensor::linspace(0, 1, 2, DType::kI64); }),
            "[linspace] works on f32 and f64, not on i64; convert with cast");
}

TEST(Tensor, RefusesWrongShapes) {
  EXPECT_EQ(error_text([] {
              Tensor::from(std::vector<float>{1, 2}, {3});
            }),
            "[tensor] 2 values for shape (3,), which has 3");
  EXPECT_EQ(error_text([] { Tensor::empty({2, -1}); }), "[tensor] a dimension of (2, -1) has a negative size");
  EXPECT_EQ(error_text([] {
              Tensor::empty({int64_t{1} << 40, int64_t{1} << 40});
            }),
            "[tensor] shape (1099511627776, 1099511627776) is too large");
  EXPECT_EQ(error_text([] { two_by_three().size(2); }),
            "[size] axis 2 of a tensor with 2 dimensions; expected -2 to 1");
}

TEST(Tensor, ChecksTheElementType) {
  Tensor t = two_by_three();
  EXPECT_EQ(t.data<float>()[5], 6.0f);
  EXPECT_EQ(error_text([&] { t.data<double>(); }), "[tensor] elements of f32 (2, 3) read as f64; convert with cast");
  EXPECT_EQ(error_text([&] { t.mutable_data<int64_t>(); }),
            "[tensor] elements of f32 (2, 3) read as i64; convert with cast");
}

TEST(Tensor, ItemOfEachType) {
  EXPECT_EQ(Tensor::full({1, 1}, 1.5, DType::kBF16).item(), 1.5);
  EXPECT_EQ(Tensor::full({}, -3, DType::kI32).item(), -3.0);
  EXPECT_EQ(Tensor::full({1}, 1, DType::kBool).item(), 1.0);
  EXPECT_EQ(error_text([] { two_by_three().item(); }), "[item] f32 (2, 3) has 6 elements; item() needs one");
  EXPECT_EQ(error_text([] { Tensor::empty({0}).item(); }), "[item] f32 (0,) has 0 elements; item() needs one");
}

TEST(Tensor, HandlesShareAndClonesDoNot) {
  Tensor t = two_by_three();
  Tensor same = t;
  const Tensor copy = t.clone();
  EXPECT_TRUE(same.is_same(t));
  EXPECT_FALSE(copy.is_same(t));
  same.mutable_data<float>()[0] = 9;
  EXPECT_EQ(t.values<double>(), (Doubles{9, 2, 3, 4, 5, 6}));
  EXPECT_EQ(copy.values<double>(), (Doubles{1, 2, 3, 4, 5, 6}));
  Tensor moved = std::move(same);
  EXPECT_FALSE(same.defined());  // NOLINT: that is the point
  EXPECT_TRUE(moved.is_same(t));
  moved = *&moved;  // to itself
  EXPECT_TRUE(moved.is_same(t));
}

TEST(Tensor, ViewsShareStorage) {
  Tensor t = two_by_three();
  const Tensor transposed = t.view({3, 2}, {1, 3});
  EXPECT_FALSE(transposed.is_contiguous());
  EXPECT_EQ(transposed.values<double>(), (Doubles{1, 4, 2, 5, 3, 6}));
  const Tensor row = t.view({3}, {1}, 3);
  EXPECT_TRUE(row.is_contiguous());
  EXPECT_EQ(row.view({2}, {1}, 1).values<double>(), (Doubles{5, 6}));
  EXPECT_EQ(t.view({2, 3}, {0, 1}).values<double>(), (Doubles{1, 2, 3, 1, 2, 3}));
  EXPECT_TRUE(t.view({1, 6}, {77, 1}).is_contiguous());  // the stride of a single element does not matter
  t.mutable_data<float>()[3] = 40;
  EXPECT_EQ(row.values<double>(), (Doubles{40, 5, 6}));
  const Tensor copy = transposed.clone();
  EXPECT_TRUE(copy.is_contiguous());
  EXPECT_EQ(copy.values<double>(), (Doubles{1, 40, 2, 5, 3, 6}));
}

TEST(Tensor, AViewKeepsTheStorageAlive) {
  const Tensor row = two_by_three().view({3}, {1}, 3);
  const Tensor other = Tensor::zeros({2, 3});
  EXPECT_EQ(row.values<double>(), (Doubles{4, 5, 6}));
}

TEST(Tensor, KnowsWhetherItIsUnique) {
  Tensor t = two_by_three();
  EXPECT_TRUE(t.is_unique());
  {
    const Tensor handle = t;
    EXPECT_FALSE(t.is_unique());
  }
  {
    const Tensor view = t.view({6}, {1});
    EXPECT_FALSE(t.is_unique());
    EXPECT_FALSE(view.is_unique());
  }
  EXPECT_TRUE(t.is_unique());
}

TEST(Tensor, CountsVersionsOfTheStorage) {
  Tensor t = two_by_three();
  const Tensor view = t.view({6}, {1});
  const uint32_t before = view.version();
  t.mutable_data<float>();
  EXPECT_NE(view.version(), before);
  const uint32_t after = view.version();
  t.data<float>();
  t.bytes();
  EXPECT_EQ(view.version(), after);
}

TEST(Tensor, AsksForGradients) {
  Tensor t = two_by_three();
  EXPECT_FALSE(t.requires_grad());
  EXPECT_TRUE(t.set_requires_grad().requires_grad());
  EXPECT_FALSE(t.detach().requires_grad());
  EXPECT_EQ(t.detach().values<double>(), t.values<double>());
  EXPECT_EQ(t.detach().bytes(), t.bytes());
  EXPECT_FALSE(t.clone().requires_grad());
  EXPECT_FALSE(t.set_requires_grad(false).requires_grad());
  Tensor ids = Tensor::zeros({2}, DType::kI64);
  EXPECT_EQ(error_text([&] { ids.set_requires_grad(); }),
            "[requires_grad] i64 (2,) cannot have a gradient; only f32 and f64 can");
}

TEST(Tensor, HoldsAGradient) {
  Tensor t = two_by_three();
  EXPECT_FALSE(t.grad().defined());
  const Tensor grad = Tensor::full({2, 3}, 1);
  t.set_grad(grad);
  EXPECT_TRUE(t.grad().is_same(grad));
  EXPECT_EQ(error_text([&] {
              t.set_grad(Tensor::zeros({3, 2}));
            }),
            "[set_grad] a gradient of f32 (3, 2) for a tensor of f32 (2, 3)");
  EXPECT_EQ(error_text([&] {
              t.set_grad(Tensor::zeros({2, 3}, DType::kF64));
            }),
            "[set_grad] a gradient of f64 (2, 3) for a tensor of f32 (2, 3)");
  t.set_grad({});
  EXPECT_FALSE(t.grad().defined());
}

TEST(Tensor, DescribesItself) {
  EXPECT_EQ(two_by_three().describe(), "f32 (2, 3)");
  EXPECT_EQ(Tensor::scalar(1, DType::kBF16).describe(), "bf16 ()");
  EXPECT_EQ(Tensor::zeros({4}, DType::kBool).describe(), "bool (4,)");
  EXPECT_EQ(Tensor().describe(), "an undefined tensor");
  const std::string message = "[tensor] an undefined tensor is used; give it a value first";
  EXPECT_EQ(error_text([] { Tensor().rank(); }), message);
  EXPECT_EQ(error_text([] { Tensor().item(); }), message);
  EXPECT_EQ(error_text([] { Tensor().data<float>(); }), message);
  EXPECT_EQ(error_text([] { Tensor().view({1}, {1}); }), message);
  EXPECT_EQ(error_text([] { Tensor().set_requires_grad(); }), message);
}

TEST(Tensor, AViewStaysInsideItsStorage) {
  const Tensor x = Tensor::zeros({2, 3});
  EXPECT_EQ(x.view({3, 2}, {1, 3}).numel(), 6);
  EXPECT_EQ(x.view({0}, {1}, 100).numel(), 0);
  const int64_t huge = std::numeric_limits<int64_t>::max() / 2;
  for (const auto& [shape, strides, offset] : std::vector<std::tuple<Shape, Shape, int64_t>>{
           {{100000}, {1}, 0}, {{2}, {1}, -1000}, {{2, 3}, {1}, 0}, {{-1}, {1}, 0}, {{2}, {-1}, 1}, {{3}, {huge}, 0}}) {
    EXPECT_EQ(error_text([&] { x.view(shape, strides, offset); }),
              "[view] shape " + to_string(shape) + ", strides " + to_string(strides) + " at " + std::to_string(offset) +
                  " do not fit into the storage of f32 (2, 3)");
  }
}

}  // namespace tensor_test
}  // namespace gradus
