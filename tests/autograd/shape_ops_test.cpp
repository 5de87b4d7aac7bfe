// Of ops that move elements, and of numbers as operands: what the rows of op_cases do not have.
#include "gradus/autograd/ops.h"
#include "tests/testing.h"

namespace gradus {
namespace shape_ops_test {

TEST(ShapeOps, ASizeOfMinus1StaysInExpand) {
  const Tensor x = Tensor::from(std::vector<double>{1, 2}, {2, 1});
  EXPECT_EQ(expand(x, {3, -1, 2}).values<double>(), (std::vector<double>{1, 1, 2, 2, 1, 1, 2, 2, 1, 1, 2, 2}));
}

TEST(ShapeOps, NoElementsAreSplitIntoOnePieceAndJoinedAgain) {
  const Tensor none = Tensor::zeros({2, 0, 3});
  const std::vector<Tensor> pieces = split(none, 4, 1);
  ASSERT_EQ(pieces.size(), 1U);
  EXPECT_EQ(concat(pieces, 1).shape(), none.shape());
}

// Not by the inverse, whose rounding is another and which leaves the range of numbers before the quotient does.
TEST(ShapeOps, ATensorIsDividedByANumber) {
  const Tensor x = Tensor::from(std::vector<double>{49.0, 1e-310, 3.0}, {3});
  EXPECT_EQ((x / 49.0).values<double>()[0], 1.0);
  EXPECT_EQ((x / 1e-310).values<double>()[1], 1.0);
  EXPECT_EQ((x / 10.0).values<double>()[2], 0.3);
}

}  // namespace shape_ops_test
}  // namespace gradus
