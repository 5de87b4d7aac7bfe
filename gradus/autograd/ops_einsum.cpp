// Sums of products by names of dimensions: other ops, put together.
#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <vector>

#include "gradus/autograd/ops.h"
#include "gradus/base/error.h"

namespace gradus {
namespace {

[[noreturn]] void fail_formula(std::string_view formula, std::string_view what) {
  fail("einsum", "\"{}\": {}", formula, what);
}

bool has(std::string_view letters, char letter) { return letters.find(letter) != std::string::npos; }

constexpr std::string_view kAny = "...";

int64_t count_of_letters(std::string_view written) {
  return static_cast<int64_t>(written.size()) - (written.find(kAny) == std::string::npos ? 0 : 3);
}

// A letter a dimension. Those that "..." stands for are digits, counted from the last one, so that dimensions that
// broadcast have one digit.
std::string letters_of(std::string_view formula, std::string_view written, int64_t any) {
  std::string letters;
  const size_t any_at = written.find(kAny);
  for (size_t i = 0; i < written.size(); ++i) {
    if (i == any_at) {
      for (int64_t digit = any; digit-- > 0;) letters += static_cast<char>('0' + digit);
      i += kAny.size() - 1;
      continue;
    }
    const char c = written[i];
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))) {
      fail_formula(formula, fmt::format("'{}' is no letter; expected a form as ij,jk->ik", c));
    }
    letters += c;
  }
  return letters;
}

struct Term {
  Tensor x;
  std::string letters;
};

struct Formula {
  std::vector<Term> terms;
  std::string result;
};

std::vector<std::string> split_at_commas(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char c : text) c == ',' ? parts.emplace_back() : parts.back() += c;
  return parts;
}

// "..." first, then the letters that stand once in all.
std::string implied_result(const std::vector<Term>& terms, int64_t any) {
  std::string all, once;
  for (const Term& term : terms) all += term.letters;
  for (const char c : all) {
    if (c > '9' && std::count(all.begin(), all.end(), c) == 1) once += c;
  }
  std::sort(once.begin(), once.end());
  return letters_of("", kAny, any) + once;
}

void check_result(std::string_view formula, const Formula& f) {
  for (size_t i = 0; i < f.result.size(); ++i) {
    const char c = f.result[i];
    if (has(f.result.substr(i + 1), c)) fail_formula(formula, fmt::format("'{}' stands twice in the result", c));
    if (std::none_of(f.terms.begin(), f.terms.end(), [c](const Term& t) { return has(t.letters, c); })) {
      fail_formula(formula, fmt::format("'{}' of the result is in no tensor", c));
    }
  }
}

Formula parse(std::string_view formula, std::span<const Tensor> tensors) {
  std::string all(formula);
  std::erase(all, ' ');
  const size_t arrow = all.find("->");
  const std::vector<std::string> written = split_at_commas(all.substr(0, arrow));
  if (written.size() != tensors.size()) {
    fail_formula(formula,
                 fmt::format("letters of {} tensors, which commas part, for {}", written.size(), tensors.size()));
  }
  Formula f;
  int64_t most = 0;  // dimensions of "..."
  for (size_t i = 0; i < tensors.size(); ++i) {
    const int64_t any = tensors[i].rank() - count_of_letters(written[i]);
    if (any < 0 || (any > 0 && written[i].find(kAny) == std::string::npos)) {
      fail_formula(formula, fmt::format("\"{}\" for {}; expected a letter for each dimension, or \"...\" for some",
                                        written[i], tensors[i].describe()));
    }
    f.terms.push_back({tensors[i], letters_of(formula, written[i], any)});
    most = std::max(most, any);
  }
  f.result =
      arrow == std::string::npos ? implied_result(f.terms, most) : letters_of(formula, all.substr(arrow + 2), most);
  check_result(formula, f);
  return f;
}

// The size of each letter; 1 goes with any.
std::map<char, int64_t> sizes_of(std::string_view formula, const std::vector<Term>& terms) {
  std::map<char, int64_t> sizes;
  for (const Term& term : terms) {
    for (size_t i = 0; i < term.letters.size(); ++i) {
      const int64_t size = term.x.size(static_cast<int>(i));
      int64_t& known = sizes.try_emplace(term.letters[i], size).first->second;
      if (known == 1) known = size;
      if (size == known || size == 1) continue;
      fail_formula(formula, fmt::format("'{}' is {} in one place and {} in another", term.letters[i], known, size));
    }
  }
  return sizes;
}

// Each letter once, and none of size 1 where another tensor has more.
void make_plain(std::string_view formula, const std::map<char, int64_t>& sizes, Term& term) {
  for (size_t i = 0; i < term.letters.size();) {
    const char c = term.letters[i];
    const size_t again = term.letters.find(c, i + 1);
    const int axis = static_cast<int>(i), other = static_cast<int>(again);
    if (again != std::string::npos) {
      if (term.x.size(axis) != term.x.size(other)) {
        fail_formula(formula, fmt::format("'{}' is {} and {} in one tensor", c, term.x.size(axis), term.x.size(other)));
      }
      term.x = diagonal(term.x, 0, axis, other);
      term.letters.erase(again, 1).erase(i, 1) += c;
    } else if (term.x.size(axis) != sizes.at(c)) {
      Shape shape = term.x.shape();
      shape.erase(axis);
      term.x = reshape(term.x, shape);
      term.letters.erase(i, 1);
    } else {
      ++i;
    }
  }
}

// Summed over the dimensions that are not in `keep`; their letters go.
void sum_others(Term& term, const std::string& keep) {
  for (size_t i = term.letters.size(); i-- > 0;) {
    if (has(keep, term.letters[i])) continue;
    term.x = sum(term.x, static_cast<int>(i));
    term.letters.erase(i, 1);
  }
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

// One product of matrices for each index of the letters that both have and that are kept; of numbers, where there are
// no others but those that are summed over.
Term product(Term a, Term b, const std::string& keep) {
  sum_others(a, b.letters + keep);
  sum_others(b, a.letters + keep);
  std::string shared, rows, columns, inner;
  for (const char c : a.letters) (!has(b.letters, c) ? rows : has(keep, c) ? shared : inner) += c;
  for (const char c : b.letters) {
    if (!has(a.letters, c)) columns += c;
  }
  if (rows.empty() && columns.empty()) {
    const Tensor products = ordered(a.x, a.letters, shared + inner) * ordered(b.x, b.letters, shared + inner);
    return {sum_of_last(products, static_cast<int>(inner.size())), shared};
  }
  const int64_t m = size_of_letters(rows, a.letters, a.x), n = size_of_letters(columns, b.letters, b.x);
  const int64_t k = size_of_letters(inner, a.letters, a.x);
  const Tensor left = as_matrices(ordered(a.x, a.letters, shared + rows + inner), shared.size(), m, k);
  const Tensor right = as_matrices(ordered(b.x, b.letters, shared + inner + columns), shared.size(), k, n);
  Shape shape;
  for (const char c : shared + rows) shape.push_back(size_of_letters({c}, a.letters, a.x));
  for (const char c : columns) shape.push_back(size_of_letters({c}, b.letters, b.x));
  return {reshape(matmul(left, right), shape), shared + rows + columns};
}

}  // namespace

Tensor einsum(std::string_view formula, std::span<const Tensor> tensors) {
  if (tensors.empty()) fail_formula(formula, "there are no tensors");
  Formula f = parse(formula, tensors);
  const std::map<char, int64_t> sizes = sizes_of(formula, f.terms);
  for (Term& term : f.terms) make_plain(formula, sizes, term);
  Term all = std::move(f.terms[0]);
  for (size_t i = 1; i < f.terms.size(); ++i) {
    std::string keep = f.result;
    for (size_t later = i + 1; later < f.terms.size(); ++later) keep += f.terms[later].letters;
    all = product(std::move(all), std::move(f.terms[i]), keep);
  }
  sum_others(all, f.result);
  return ordered(all.x, all.letters, f.result);
}

Tensor einsum(std::string_view formula, const Tensor& a, const Tensor& b) { return einsum(formula, std::array{a, b}); }
Tensor einsum(std::string_view formula, const Tensor& a) { return einsum(formula, std::array{a}); }

}  // namespace gradus
