#include "gradus/autograd/gradient_tree.h"

#include <bit>
#include <cmath>

#include "gradus/base/random.h"
#include "tests/testing.h"

namespace gradus {
namespace gradient_tree_test {

constexpr int64_t kSize = 37;

// Magnitudes from 2^-12 to 2^12: any other order of additions gives other bits.
std::vector<float> leaf_values(int leaf) {
  const RandomStream random(mix(11, hash_name("leaf")));
  std::vector<float> values;
  for (int64_t i = 0; i < kSize; ++i) {
    const double exponent = 24 * random.uniform(static_cast<uint64_t>(leaf), static_cast<uint64_t>(2 * i)) - 12;
    const double sign = random.uniform(static_cast<uint64_t>(leaf), static_cast<uint64_t>(2 * i + 1)) - 0.5;
    values.push_back(static_cast<float>(sign * std::exp2(exponent)));
  }
  return values;
}

double leaf_loss(int leaf) { return std::exp2(leaf % 5) / 3; }

LeafSum leaf(int i) { return {{Tensor::from(leaf_values(i), {kSize})}, leaf_loss(i), 0.1 * (i + 1)}; }

struct Expected {
  std::vector<float> values;
  double loss, weight;
};

// The documented sum of leaves [first, first + count): the largest complete binary tree that fits, plus the rest.
Expected documented_sum(int first, int count) {
  if (count == 1) return {leaf_values(first), leaf_loss(first), 0.1 * (first + 1)};
  const int left_size = static_cast<int>(std::bit_ceil(static_cast<unsigned>(count)) / 2);
  Expected left = documented_sum(first, left_size);
  const Expected right = documented_sum(first + left_size, count - left_size);
  for (size_t i = 0; i < left.values.size(); ++i) left.values[i] += right.values[i];
  left.loss += right.loss;
  left.weight += right.weight;
  return left;
}

void expect_sum(const LeafSum& sum, const Expected& expected, int leaves) {
  ASSERT_EQ(sum.gradients.size(), 1u);
  EXPECT_EQ(sum.gradients[0].values<float>(), expected.values) << leaves << " leaves";
  EXPECT_EQ(sum.loss, expected.loss) << leaves << " leaves";
  EXPECT_EQ(sum.weight, expected.weight) << leaves << " leaves";
}

LeafSum walk(int first, int count) {
  GradientTree tree;
  for (int i = first; i < first + count; ++i) tree.add_leaf(leaf(i));
  return tree.finish();
}

TEST(GradientTree, SumsInTheDocumentedOrder) {
  for (int count = 1; count <= 17; ++count) expect_sum(walk(0, count), documented_sum(0, count), count);
}

// What makes the test above worth something.
TEST(GradientTree, TheOrderMattersForTheseValues) {
  std::vector<float> in_a_row(kSize, 0.0f);
  for (int i = 0; i < 16; ++i) {
    const std::vector<float> next = leaf_values(i);
    for (size_t k = 0; k < in_a_row.size(); ++k) in_a_row[k] += next[k];
  }
  EXPECT_NE(in_a_row, documented_sum(0, 16).values);
  EXPECT_NE(documented_sum(0, 17).values, [] {
    Expected left = documented_sum(0, 9);
    const Expected right = documented_sum(9, 8);
    for (size_t k = 0; k < left.values.size(); ++k) left.values[k] += right.values[k];
    return left.values;
  }());
}

TEST(GradientTree, HalvesSummedApartGiveTheSameBits) {
  for (int level = 0; level <= 3; ++level) {
    const int half = 1 << level;
    GradientTree tree;
    tree.add_subtree(walk(0, half), level);
    tree.add_subtree(walk(half, half), level);
    expect_sum(tree.finish(), documented_sum(0, 2 * half), 2 * half);
  }
}

// Aligned groups from elsewhere, in every size that fits, and single leaves between.
TEST(GradientTree, AnyAlignedGroupsGiveTheSameBits) {
  for (int count = 1; count <= 17; ++count) {
    for (int largest = 0; largest <= 4; ++largest) {
      GradientTree tree;
      for (int at = 0; at < count;) {
        int level = largest;
        while (at % (1 << level) != 0 || at + (1 << level) > count) --level;
        tree.add_subtree(walk(at, 1 << level), level);
        at += 1 << level;
      }
      expect_sum(tree.finish(), documented_sum(0, count), count);
    }
  }
}

TEST(GradientTree, RefusesASubtreeAtAPlaceThatIsNotAMultipleOfItsSize) {
  GradientTree tree;
  tree.add_leaf(leaf(0));
  EXPECT_EQ(error_text([&] { tree.add_subtree(walk(0, 2), 1); }),
            "[gradient_tree] a subtree of 2^1 leaves at a place that is not a multiple of its size");
  tree.add_leaf(leaf(1));
  EXPECT_EQ(error_text([&] { tree.add_subtree(walk(0, 4), 2); }),
            "[gradient_tree] a subtree of 2^2 leaves at a place that is not a multiple of its size");
  tree.add_subtree(walk(2, 2), 1);
  expect_sum(tree.finish(), documented_sum(0, 4), 4);  // the refused ones changed nothing
}

TEST(GradientTree, IsEmptyAfterwards) {
  GradientTree tree;
  EXPECT_EQ(error_text([&] { tree.finish(); }), "[gradient_tree] no leaf was added");
  tree.add_leaf(leaf(0));
  tree.add_leaf(leaf(1));
  tree.add_leaf(leaf(2));
  tree.finish();
  EXPECT_EQ(error_text([&] { tree.finish(); }), "[gradient_tree] no leaf was added");
  tree.add_leaf(leaf(0));
  tree.add_leaf(leaf(1));
  expect_sum(tree.finish(), documented_sum(0, 2), 2);
}

// A parameter may get a gradient from some leaves only.
TEST(GradientTree, AnAbsentGradientIsZero) {
  const auto with = [](Tensor a, Tensor b) { return LeafSum{{std::move(a), std::move(b)}, 1, 1}; };
  GradientTree tree;
  tree.add_leaf(with({}, {}));
  tree.add_leaf(with(Tensor::full({2}, 3), {}));
  tree.add_leaf(with({}, {}));
  tree.add_leaf(with(Tensor::full({2}, 4), {}));
  const LeafSum sum = tree.finish();
  EXPECT_EQ(sum.gradients[0].values<double>(), (std::vector<double>{7, 7}));
  EXPECT_FALSE(sum.gradients[1].defined());
}

TEST(GradientTree, HoldsAtMostLogarithmicallyManySums) {
  constexpr int64_t kLarge = 1 << 16;
  const auto large_leaf = [] { return LeafSum{{Tensor::full({kLarge}, 1)}, 1, 1}; };
  const int64_t before = memory_statistics().in_use;
  LeafSum one = large_leaf();
  const int64_t bytes = memory_statistics().in_use - before;
  one = {};
  ASSERT_GE(bytes, kLarge * 4);
  for (int count = 1; count <= 40; ++count) {
    GradientTree tree;
    reset_memory_peak();
    for (int i = 0; i < count; ++i) tree.add_leaf(large_leaf());
    const LeafSum sum = tree.finish();
    EXPECT_EQ(sum.gradients[0].values<float>()[kLarge - 1], static_cast<float>(count));
    const int most = static_cast<int>(std::log2(count)) + 1;
    EXPECT_LE(memory_statistics().peak - before, most * bytes) << count << " leaves";
  }
}

TEST(TakeLeaf, MovesGradientsOutAndPutGradientsBack) {
  Tensor a = Tensor::full({2}, 1), b = Tensor::full({3}, 1);
  const Parameters parameters = {{"a", a.set_requires_grad()}, {"b", b.set_requires_grad()}};
  a.set_grad(Tensor::full({2}, 5));
  LeafSum taken = take_leaf(parameters, 1.5, 4);
  EXPECT_FALSE(a.grad().defined());
  EXPECT_EQ(taken.loss, 1.5);
  EXPECT_EQ(taken.weight, 4);
  EXPECT_FALSE(taken.gradients[1].defined());
  put_gradients(parameters, taken);
  EXPECT_EQ(a.grad().values<double>(), (std::vector<double>{5, 5}));
  EXPECT_FALSE(b.grad().defined());
}

}  // namespace gradient_tree_test
}  // namespace gradus
