#include "gradus/tensor/shape.h"

#include <vector>

#include "tests/testing.h"

namespace gradus {
namespace shape_test {

TEST(Shape, HoldsSizes) {
  const Shape shape{2, 3, 4};
  EXPECT_EQ(shape.rank(), 3);
  EXPECT_EQ(shape[1], 3);
  EXPECT_EQ(shape.back(), 4);
  EXPECT_EQ(shape.numel(), 24);
  EXPECT_EQ(std::vector<int64_t>(shape.begin(), shape.end()), (std::vector<int64_t>{2, 3, 4}));
  EXPECT_EQ(Shape{}.rank(), 0);
  EXPECT_EQ(Shape{}.numel(), 1);
  EXPECT_EQ((Shape{2, 0, 4}.numel()), 0);
}

TEST(Shape, ComparesSizesAndRank) {
  EXPECT_EQ((Shape{2, 3}), (Shape{2, 3}));
  EXPECT_FALSE((Shape{2, 3} == Shape{3, 2}));
  EXPECT_FALSE((Shape{2} == Shape{2, 1}));
  Shape erased{2, 3};
  erased.erase(1);
  EXPECT_EQ(erased, Shape{2});  // what is left behind the rank does not count
}

TEST(Shape, InsertsAndErases) {
  Shape shape{2, 3};
  shape.insert(0, 5);
  EXPECT_EQ(shape, (Shape{5, 2, 3}));
  shape.insert(3, 7);
  EXPECT_EQ(shape, (Shape{5, 2, 3, 7}));
  shape.insert(2, 1);
  EXPECT_EQ(shape, (Shape{5, 2, 1, 3, 7}));
  shape.erase(0);
  shape.erase(3);
  EXPECT_EQ(shape, (Shape{2, 1, 3}));
}

TEST(Shape, HasAtMostEightDimensions) {
  Shape shape{1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_EQ(error_text([&] { shape.push_back(9); }), "[shape] more than 8 dimensions");
  EXPECT_EQ(error_text([&] { shape.insert(0, 9); }), "[shape] more than 8 dimensions");
  EXPECT_EQ(error_text([] { Shape(std::vector<int64_t>(9, 1)); }), "[shape] more than 8 dimensions");
  EXPECT_EQ(shape.rank(), 8);
}

TEST(Shape, PrintsAsNumPy) {
  EXPECT_EQ(to_string({}), "()");
  EXPECT_EQ(to_string({3}), "(3,)");
  EXPECT_EQ(to_string({64, 128}), "(64, 128)");
}

TEST(Shape, ContiguousStrides) {
  EXPECT_EQ(contiguous_strides({}), Shape{});
  EXPECT_EQ(contiguous_strides({5}), Shape{1});
  EXPECT_EQ(contiguous_strides({2, 3, 4}), (Shape{12, 4, 1}));
}

TEST(Shape, Broadcasts) {
  EXPECT_EQ(broadcast_shapes("add", {2, 3}, {2, 3}), (Shape{2, 3}));
  EXPECT_EQ(broadcast_shapes("add", {2, 3}, {3}), (Shape{2, 3}));
  EXPECT_EQ(broadcast_shapes("add", {}, {4, 5}), (Shape{4, 5}));
  EXPECT_EQ(broadcast_shapes("add", {4, 1}, {3}), (Shape{4, 3}));
  EXPECT_EQ(broadcast_shapes("add", {1, 3}, {5, 1, 1}), (Shape{5, 1, 3}));
  EXPECT_EQ(broadcast_shapes("add", {0, 3}, {1}), (Shape{0, 3}));
  EXPECT_EQ(broadcast_shapes("add", {1}, {0}), Shape{0});
  EXPECT_EQ(error_text([] {
              broadcast_shapes("add", {2, 3}, {2, 4});
            }),
            "[add] shapes (2, 3) and (2, 4) do not broadcast: 3 against 4 in dimension 1 from the end; sizes must be "
            "equal or 1");
  EXPECT_EQ(error_text([] {
              broadcast_shapes("mul", {2, 3}, {5, 3});
            }),
            "[mul] shapes (2, 3) and (5, 3) do not broadcast: 2 against 5 in dimension 2 from the end; sizes must be "
            "equal or 1");
}

TEST(Shape, NormalizesAxes) {
  EXPECT_EQ(normalize_axis("sum", 0, 3), 0);
  EXPECT_EQ(normalize_axis("sum", -1, 3), 2);
  EXPECT_EQ(normalize_axis("sum", -3, 3), 0);
  EXPECT_EQ(error_text([] { normalize_axis("sum", 3, 3); }),
            "[sum] axis 3 of a tensor with 3 dimensions; expected -3 to 2");
  EXPECT_EQ(error_text([] { normalize_axis("sum", -4, 3); }),
            "[sum] axis -4 of a tensor with 3 dimensions; expected -3 to 2");
}

TEST(Shape, Reduces) {
  EXPECT_EQ(reduced_shape({2, 3, 4}, 1, false), (Shape{2, 4}));
  EXPECT_EQ(reduced_shape({2, 3, 4}, 1, true), (Shape{2, 1, 4}));
  EXPECT_EQ(reduced_shape({2}, 0, false), Shape{});
}

}  // namespace shape_test
}  // namespace gradus
