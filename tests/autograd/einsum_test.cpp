// Formulas that the rows of op_cases do not have, against a sum over every letter.
#include <map>
#include <string>

#include "gradus/autograd/gradient_check.h"
#include "gradus/autograd/ops.h"
#include "tests/testing.h"

namespace gradus {
namespace einsum_test {

using Doubles = std::vector<double>;

Tensor counted(const std::string& letters, const std::map<char, int64_t>& sizes, double first) {
  Shape shape;
  for (const char c : letters) shape.push_back(sizes.at(c));
  Doubles values(static_cast<size_t>(shape.numel()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = first + static_cast<double>(i * 5 % 7) / 4;
  return Tensor::from(values, shape);
}

// For each place of all letters, adds a[…]·b[…] to result[…].
Doubles plain_einsum(const std::string& a_letters, const std::string& b_letters, const std::string& result_letters,
                     const std::map<char, int64_t>& sizes, const Doubles& a, const Doubles& b) {
  std::map<char, int64_t> at;
  for (const char c : a_letters + b_letters) at[c] = 0;
  const auto place = [&](const std::string& letters) {
    size_t index = 0;
    for (const char c : letters) index = index * static_cast<size_t>(sizes.at(c)) + static_cast<size_t>(at.at(c));
    return index;
  };
  size_t count = 1;
  for (const char c : result_letters) count *= static_cast<size_t>(sizes.at(c));
  Doubles result(count);
  while (true) {
    result[place(result_letters)] += a[place(a_letters)] * b[place(b_letters)];
    auto letter = at.begin();
    while (letter != at.end() && ++letter->second == sizes.at(letter->first)) (letter++)->second = 0;
    if (letter == at.end()) return result;
  }
}

TEST(Einsum, IsASumOverEveryLetter) {
  const std::map<char, int64_t> sizes = {{'a', 2}, {'b', 3}, {'c', 1}, {'d', 2}, {'e', 2},
                                         {'f', 1}, {'g', 2}, {'h', 3}, {'i', 4}, {'j', 5}};
  const std::string formulas[][3] = {
      {"bi", "bi", "b"},
      {"bi", "ib", "b"},
      {"ij", "ji", ""},
      {"ij", "ij", "ji"},
      {"abi", "bia", "ba"},
      {"abij", "ijab", "ba"},
      {"i", "i", "i"},
      {"i", "i", ""},
      {"bij", "bi", "bj"},
      {"abhi", "ajhi", "ahbj"},
      {"ab", "bcad", "dcb"},
      {"abcdefgh", "hgfedcba", "abcdefgh"},
      {"abcdefgh", "hgfedcb", "abcdefg"},
      {"acdefgi", "acdefgj", "acdefgij"},
      {"bdacfgei", "gabcdefi", "abcdefg"},
  };
  for (const auto& [a, b, result] : formulas) {
    const Tensor x = counted(a, sizes, -0.5), y = counted(b, sizes, 0.25);
    const std::string text = a + "," + b + "->" + result;
    const Doubles got = einsum(text, x, y).values<double>();
    const Doubles expected = plain_einsum(a, b, result, sizes, x.values<double>(), y.values<double>());
    ASSERT_EQ(got.size(), expected.size()) << text;
    for (size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], expected[i], 1e-12) << text << " [" << i << "]";
  }
}

TEST(Einsum, PiecesOfNoElements) {
  const Tensor none = Tensor::zeros({2, 0, 3});
  EXPECT_EQ(einsum("aia->a", Tensor::zeros({3, 0, 3})).shape(), (Shape{3}));
  EXPECT_EQ(einsum("aib,aib->b", none, Tensor::full({2, 1, 3}, 1.0)).values<float>(), (std::vector<float>{0, 0, 0}));
}

TEST(Einsum, GradientsOfSumsAndOfBatches) {
  const std::map<char, int64_t> sizes = {{'a', 2}, {'b', 3}, {'h', 2}, {'i', 4}, {'j', 3}};
  const auto check = [&](const char* a, const char* b, auto function) {
    const GradientCheck result = check_gradient(
        function,
        std::vector<Tensor>{counted(a, sizes, -0.5).set_requires_grad(), counted(b, sizes, 0.25).set_requires_grad()});
    EXPECT_TRUE(result.passed) << a << "," << b << ": " << result.describe();
  };
  check("bi", "ib", [](std::span<const Tensor> x) { return einsum("bi,ib->b", x[0], x[1]); });
  check("ij", "ij", [](std::span<const Tensor> x) { return einsum("ij,ij->ji", x[0], x[1]); });
  check("abhi", "ajhi", [](std::span<const Tensor> x) { return einsum("abhi,ajhi->ahbj", x[0], x[1]); });
}

}  // namespace einsum_test
}  // namespace gradus
