// Sums of products by names of dimensions: other ops, put together.
#include <algorithm>
#include <string>

#include "gradus/autograd/ops.h"
#include "gradus/base/error.h"

namespace gradus {
namespace {

struct Formula {
  std::string a, b, result;  // a letter a dimension; b is empty for one tensor
};

bool has(const std::string& letters, char letter) { return letters.find(letter) != std::string::npos; }

[[noreturn]] void fail_formula(std::string_view text, std::string_view what) {
  fail("einsum", "\"{}\": {}", text, what);
}

void check_letters(std::string_view text, const std::string& letters) {
  for (size_t i = 0; i < letters.size(); ++i) {
    const char c = letters[i];
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))) {
      fail_formula(text, fmt::format("'{}' is no letter; expected a form as ij,jk->ik", c));
    }
    if (letters.find(c, i + 1) != std::string::npos) {
      fail_formula(text, fmt::format("'{}' stands twice in one tensor, which is not offered", c));
    }
  }
}

Formula parse(std::string_view text, bool two) {
  std::string all(text);
  std::erase(all, ' ');
  const size_t arrow = all.find("->");
  const std::string inputs = all.substr(0, arrow);
  const size_t comma = inputs.find(',');
  if ((comma != std::string::npos) != two) {
    fail_formula(text, two ? "two tensors need one comma between their letters" : "one tensor takes no comma");
  }
  Formula f{inputs.substr(0, comma), two ? inputs.substr(comma + 1) : "", ""};
  if (arrow != std::string::npos) {
    f.result = all.substr(arrow + 2);
  } else {
    for (const char c : f.a + f.b) {
      if (has(f.a, c) != has(f.b, c)) f.result += c;
    }
    std::sort(f.result.begin(), f.result.end());
  }
  for (const std::string* letters : {&f.a, &f.b, &f.result}) check_letters(text, *letters);
  for (const char c : f.result) {
    if (!has(f.a, c) && !has(f.b, c)) fail_formula(text, fmt::format("'{}' of the result is in no tensor", c));
  }
  return f;
}

void check_rank(std::string_view text, const std::string& letters, const Tensor& x) {
  if (static_cast<int>(letters.size()) != x.rank()) {
    fail_formula(text, fmt::format("\"{}\" for {}; expected a letter for each dimension", letters, x.describe()));
  }
}

// x with dimensions `letters`, summed over those that are not in `keep`; their letters go.
Tensor without_others(Tensor x, std::string& letters, const std::string& keep) {
  for (size_t i = letters.size(); i-- > 0;) {
    if (has(keep, letters[i])) continue;
    x = sum(x, static_cast<int>(i));
    letters.erase(i, 1);
  }
  return x;
}

// x with its dimensions in the order of `wanted`, which has the same letters.
Tensor ordered(const Tensor& x, const std::string& letters, const std::string& wanted) {
  if (letters == wanted) return x;
  Shape axes;
  for (const char c : wanted) axes.push_back(static_cast<int64_t>(letters.find(c)));
  return permute(x, axes);
}

int64_t size_of_letters(const std::string& which, const std::string& letters, const Tensor& x) {
  int64_t size = 1;
  for (const char c : which) size *= x.shape()[static_cast<int>(letters.find(c))];
  return size;
}

// (shared sizes…, rows, columns). Where that is x's own shape, matmul reads x in place; of many dimensions, the shared
// ones become one.
Tensor as_matrices(const Tensor& x, size_t shared, int64_t rows, int64_t columns) {
  Shape shape(std::span<const int64_t>(x.shape().begin(), shared));
  if (static_cast<int>(shared) + 2 > Shape::kMaxRank) shape = {shape.numel()};
  shape.push_back(rows);
  shape.push_back(columns);
  return shape == x.shape() ? x : reshape(x, shape);
}

// Summed over so many of its last dimensions.
Tensor sum_of_last(const Tensor& x, int count) {
  if (count == 0) return x;
  Shape shape = x.shape();
  for (; count > 1; --count) {  // they become one
    shape[shape.rank() - 2] *= shape.back();
    shape.erase(shape.rank() - 1);
  }
  return sum(reshape(x, shape), -1);
}

}  // namespace

Tensor einsum(std::string_view text, const Tensor& a) {
  Formula f = parse(text, false);
  check_rank(text, f.a, a);
  const Tensor summed = without_others(a, f.a, f.result);
  return ordered(summed, f.a, f.result);
}

// One product of matrices for each index of the letters that both tensors and the result have; of numbers, where there
// are no others but those that are summed over.
Tensor einsum(std::string_view text, const Tensor& a_any, const Tensor& b_any) {
  Formula f = parse(text, true);
  check_rank(text, f.a, a_any);
  check_rank(text, f.b, b_any);
  const Tensor a = without_others(a_any, f.a, f.b + f.result), b = without_others(b_any, f.b, f.a + f.result);
  std::string shared, rows, columns, inner;
  for (const char c : f.a) {
    if (!has(f.b, c)) {
      rows += c;
      continue;
    }
    const int64_t in_a = size_of_letters({c}, f.a, a), in_b = size_of_letters({c}, f.b, b);
    if (in_a != in_b) fail_formula(text, fmt::format("'{}' is {} in one tensor and {} in the other", c, in_a, in_b));
    (has(f.result, c) ? shared : inner) += c;
  }
  for (const char c : f.b) {
    if (!has(f.a, c)) columns += c;
  }
  if (rows.empty() && columns.empty()) {
    const Tensor products = ordered(a, f.a, shared + inner) * ordered(b, f.b, shared + inner);
    return ordered(sum_of_last(products, static_cast<int>(inner.size())), shared, f.result);
  }
  const int64_t m = size_of_letters(rows, f.a, a), n = size_of_letters(columns, f.b, b);
  const int64_t k = size_of_letters(inner, f.a, a);
  const Tensor left = as_matrices(ordered(a, f.a, shared + rows + inner), shared.size(), m, k);
  const Tensor right = as_matrices(ordered(b, f.b, shared + inner + columns), shared.size(), k, n);
  Shape shape;
  for (const char c : shared + rows) shape.push_back(size_of_letters({c}, f.a, a));
  for (const char c : columns) shape.push_back(size_of_letters({c}, f.b, b));
  return ordered(reshape(matmul(left, right), shape), shared + rows + columns, f.result);
}

}  // namespace gradus
