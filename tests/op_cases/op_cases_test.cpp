// Every row of the op table: values and gradients against PyTorch's, gradients against central differences, any
// strides, inputs that are parameters or results, inputs used twice.
#include "tests/op_cases/op_cases.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <regex>
#include <set>

#include "gradus/autograd/gradient_check.h"
#include "gradus/autograd/tape.h"
#include "gradus/base/files.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/safetensors.h"
#include "tests/random_tensor.h"
#include "tests/testing.h"

namespace gradus {

void PrintTo(const OpCase& row, std::ostream* out) { *out << row.name; }

namespace {

struct Variant {
  std::vector<Tensor> inputs;     // f64 or i64
  std::vector<Tensor> gradients;  // f64; undefined for an input without elements or for ids
  Tensor output;
  // Every number is one that f32 can hold.
  bool fits_f32(std::string_view name) const { return !name.ends_with("64"); }
};

using Variants = std::map<std::string, Variant>;

void place(std::vector<Tensor>& list, size_t index, Tensor tensor) {
  list.resize(std::max(list.size(), index + 1));
  list[index] = std::move(tensor);
}

// By row, then variant.
std::map<std::string, Variants> read_references() {
  std::map<std::string, Variants> rows;
  for (auto& [name, tensor] : read_safetensors(GRADUS_SOURCE_DIR "/tests/references/ops.safetensors").tensors) {
    const size_t first = name.find('/'), second = name.find('/', first + 1);
    Variant& variant = rows[name.substr(0, first)][name.substr(first + 1, second - first - 1)];
    const bool is_ids = tensor.dtype() == DType::kI32;
    const Tensor wide = kernels::cast(tensor, is_ids ? DType::kI64 : DType::kF64);
    const char kind = name[second + 1];
    if (kind == 'y') variant.output = wide;
    if (kind == 'x') place(variant.inputs, std::stoul(name.substr(second + 2)), wide);
    if (kind == 'g') place(variant.gradients, std::stoul(name.substr(second + 2)), wide);
  }
  for (auto& [row, variants] : rows) {
    for (auto& [name, variant] : variants) variant.gradients.resize(variant.inputs.size());
  }
  return rows;
}

const std::map<std::string, Variants>& references() {
  static const auto* const rows = new std::map<std::string, Variants>(read_references());
  return *rows;
}

Tensor seed_for(const Tensor& y) {
  std::vector<double> seed(static_cast<size_t>(y.numel()));
  for (size_t i = 0; i < seed.size(); ++i) seed[i] = (static_cast<double>(7 * i % 11) - 5.5) / 4.0;
  return kernels::cast(Tensor::from(seed, y.shape()), y.dtype());
}

// Compares element by element, NaN with NaN, infinity with infinity of its sign.
// `own`, if any, says that an element is not to be compared.
void expect_close(double roundings, bool cancels, const Tensor& actual, const Tensor& expected, const std::string& what,
                  const std::function<bool(size_t, double, double)>& own = {}, bool signs = false) {
  ASSERT_EQ(actual.shape(), expected.shape()) << what;
  const bool narrow = actual.dtype() == DType::kF32;
  const std::vector<double> a = actual.values<double>(), e = expected.values<double>();
  // f32 rounds a large number to infinity, and below the smallest normal one kernels may give 0.
  const auto rounded = [&](double v) { return narrow ? static_cast<double>(static_cast<float>(v)) : v; };
  double largest = 0.0;
  for (const double v : e) largest = std::isfinite(rounded(v)) ? std::max(largest, std::abs(v)) : largest;
  const double unit = narrow ? 0x1p-24 : 0x1p-53;
  const double smallest = narrow ? 0x1p-126 : 0x1p-1022;
  for (size_t i = 0; i < e.size(); ++i) {
    const double want = rounded(e[i]);
    if (own && own(i, a[i], want)) continue;
    if (std::isnan(want) || std::isinf(want)) {
      EXPECT_TRUE(std::isnan(want) ? std::isnan(a[i]) : a[i] == want)
          << what << " [" << i << "] is " << a[i] << ", not " << want;
      continue;
    }
    // A function's zero has its sign; sums of terms that cancel, and gradients, may lose it.
    if (signs && want == 0 && a[i] == 0) {
      EXPECT_EQ(std::signbit(a[i]), std::signbit(want)) << what << " [" << i << "]";
    }
    const double allowed = roundings * unit * (cancels ? largest : std::abs(e[i])) + smallest;
    EXPECT_LE(std::abs(a[i] - e[i]), allowed) << what << " [" << i << "] is " << a[i] << ", not " << e[i] << " ("
                                              << std::abs(a[i] - e[i]) / allowed << " of what is allowed)";
  }
}

enum class Layout { kContiguous, kTransposed, kStrided };

// The same elements, laid out otherwise; NaN in between, so that reading those shows.
Tensor laid_out(const Tensor& x, Layout layout) {
  if (layout == Layout::kContiguous || x.rank() == 0) return x.clone();
  Shape sizes = x.shape(), strides = x.shape();
  int64_t step = layout == Layout::kStrided ? 2 : 1, total = step;
  for (int i = 0; i < x.rank(); ++i) {
    const int axis = layout == Layout::kTransposed ? i : x.rank() - 1 - i;
    strides[axis] = total;
    total *= sizes[axis] + (layout == Layout::kStrided ? 1 : 0);
  }
  Tensor storage = is_float(x.dtype()) ? Tensor::full({total}, NAN, x.dtype()) : Tensor::full({total}, -1, x.dtype());
  Tensor view = storage.view(sizes, strides, step - 1);
  kernels::copy_into(view, x);
  return view;
}

bool is_differentiable(const OpCase& row, size_t input) {
  return row.differentiable < 0 || input < static_cast<size_t>(row.differentiable);
}

std::vector<Tensor> leaves_of(const OpCase& row, const Variant& variant, DType dtype, Layout layout) {
  std::vector<Tensor> leaves;
  for (size_t i = 0; i < variant.inputs.size(); ++i) {
    const Tensor& x = variant.inputs[i];
    leaves.push_back(laid_out(is_float(x.dtype()) ? kernels::cast(x, dtype) : x, layout));
    if (is_differentiable(row, i)) leaves.back().set_requires_grad();
  }
  return leaves;
}

// Runs a variant forwards and backwards and compares everything with what is stored.
void compare(const OpCase& row, const std::string& name, const Variant& variant, DType dtype, Layout layout,
             bool through_results) {
  const std::string what = fmt::format("{}/{} {}", row.name, name, name_of(dtype));
  const bool at_ends = name.starts_with("extreme") || name.starts_with("large") || name.starts_with("offset");
  const double roundings = at_ends && row.roundings_at_ends > 0 ? row.roundings_at_ends : row.roundings;
  const std::vector<Tensor> leaves = leaves_of(row, variant, dtype, layout);
  Tape tape;
  std::vector<Tensor> inputs = leaves;
  // A result's gradient flows back along the tape, a parameter's goes to the sink: other paths for some ops.
  if (through_results) {
    for (Tensor& x : inputs) x = is_float(x.dtype()) ? expand(x, x.shape()) : x;
  }
  const Tensor y = row.function(inputs);
  if (row.differentiable == 0) {  // bool, or indices
    EXPECT_EQ(y.values<double>(), variant.output.values<double>()) << what;
    EXPECT_EQ(y.shape(), variant.output.shape()) << what;
    return;
  }
  EXPECT_EQ(y.dtype(), dtype);
  expect_close(roundings, row.cancels, y, variant.output, what, {}, !row.cancels);
  tape.backward(y, {.seed = laid_out(seed_for(y), layout)});
  for (size_t i = 0; i < leaves.size(); ++i) {
    if (!leaves[i].requires_grad() || !variant.gradients[i].defined()) continue;
    ASSERT_TRUE(leaves[i].grad().defined()) << what;
    EXPECT_TRUE(leaves[i].grad().is_contiguous()) << what;
    std::function<bool(size_t, double, double)> own;
    if (row.own_gradient != nullptr) {
      own = [&, x = leaves[i].values<double>()](size_t j, double ours, double theirs) {
        return row.own_gradient(x[j], ours, theirs);
      };
    }
    expect_close(roundings, row.cancels, leaves[i].grad(), variant.gradients[i], fmt::format("{} gradient {}", what, i),
                 own);
  }
}

class OpCases : public testing::TestWithParam<OpCase> {
 protected:
  const Variants& variants() const {
    static const Variants none;
    const auto found = references().find(std::string(GetParam().name));
    return found == references().end() ? none : found->second;
  }
  void compare_all(DType dtype, Layout layout, bool through_results = false) const {
    for (const auto& [name, variant] : variants()) {
      if (dtype == DType::kF64 || variant.fits_f32(name)) {
        compare(GetParam(), name, variant, dtype, layout, through_results);
      }
    }
  }
};

TEST_P(OpCases, AgreesWithPyTorchInF64) { compare_all(DType::kF64, Layout::kContiguous); }
TEST_P(OpCases, AgreesWithPyTorchInF32) { compare_all(DType::kF32, Layout::kContiguous); }
TEST_P(OpCases, TakesAnyStrides) {
  for (const Layout layout : {Layout::kTransposed, Layout::kStrided}) {
    compare_all(DType::kF64, layout);
    compare_all(DType::kF32, layout);
  }
}
TEST_P(OpCases, GivesItsGradientsToResultsAsToParameters) { compare_all(DType::kF64, Layout::kTransposed, true); }

TEST_P(OpCases, GradientsAgreeWithCentralDifferences) {
  if (GetParam().differentiable == 0) return;
  for (const auto& [name, variant] : variants()) {
    if (name.starts_with("extreme") || name == "nan" || name == "inf" || name == "opposite" || name == "never")
      continue;
    // Numbers whose size leaves no digits for the differences, and those with a kink at 0.
    if (name == "cancels64" || name == "offset64" || name == "zeros" || name == "two_blocks") continue;
    const std::vector<Tensor> inputs = leaves_of(GetParam(), variant, DType::kF64, Layout::kTransposed);
    const GradientCheck check = check_gradient(GetParam().function, inputs);
    EXPECT_TRUE(check.passed) << GetParam().name << "/" << name << ": " << check.describe();
  }
}

// f(x, x) gives x the sum of what f(x, copy of x) gives both.
TEST_P(OpCases, AddsTheGradientsOfAnInputUsedTwice) {
  if (GetParam().name.starts_with("cosine")) return;  // of equal inputs it is 0 but for roundings
  for (const auto& [name, variant] : variants()) {
    const std::vector<Tensor>& in = variant.inputs;
    if (in.size() < 2 || !is_differentiable(GetParam(), 1) || !(in[0].shape() == in[1].shape())) continue;
    std::vector<Tensor> apart = leaves_of(GetParam(), variant, DType::kF64, Layout::kContiguous);
    apart[1] = apart[0].clone().set_requires_grad();
    std::vector<Tensor> same = apart;
    same[0] = same[1] = apart[0].clone().set_requires_grad();
    Tape tape;
    const Tensor y = GetParam().function(apart), z = GetParam().function(same);
    tape.backward(y, {.seed = seed_for(y)});
    tape.backward(z, {.seed = seed_for(z)});
    const std::string what = fmt::format("{}/{}", GetParam().name, name);
    expect_close(0, false, z, y, what);
    expect_close(GetParam().roundings, true, same[0].grad(), add(apart[0].grad(), apart[1].grad()), what);
  }
}

INSTANTIATE_TEST_SUITE_P(Op, OpCases, testing::ValuesIn(op_cases()),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

// Large enough for the library's product, which knows no stride of 0.
TEST(Matmul, TakesExpandedOperandsOfAnySize) {
  constexpr int64_t kSize = 48;
  const Tensor line = Tensor::linspace(-1, 1, kSize);
  const Tensor full = Tensor::linspace(-1, 2, kSize * kSize).view({kSize, kSize}, {kSize, 1});
  const Tensor row = line.view({1, kSize}, {0, 1}), column = line.view({kSize, 1}, {1, 0});
  for (const Tensor& x : {expand(row, {kSize, kSize}), expand(column, {kSize, kSize}), row, transpose(full, 0, 1)}) {
    if (x.size(0) == kSize) {
      EXPECT_EQ(matmul(full, x).values<float>(), matmul(full, x.clone()).values<float>());
    }
    EXPECT_EQ(matmul(x, full).values<float>(), matmul(x.clone(), full).values<float>());
  }
}

// What the reference rows cannot show: the share that stays, and what the mask depends on.
TEST(Dropout, KeepsTheShareAskedFor) {
  constexpr int64_t kExamples = 11, kSize = 9001;  // several pieces of work an example, the last one short
  std::vector<int64_t> ids(kExamples);
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int64_t>(i * i);
  for (const double rate : {0.0, 0.1, 0.5, 0.9}) {
    Tensor x = Tensor::full({kExamples, kSize}, 3.0, DType::kF64).set_requires_grad();
    Tape tape;
    const Tensor y = dropout(x, rate, 42, ids);
    tape.backward(y, {.seed = Tensor::full(y.shape(), 3.0, DType::kF64)});
    const std::vector<double> values = y.values<double>();
    EXPECT_EQ(values, x.grad().values<double>()) << "backward draws the same mask";
    double kept = 0;
    for (const double v : values) {
      ASSERT_TRUE(v == 0 || v == 3.0 * (1.0 / (1.0 - rate))) << v;
      kept += v != 0 ? 1 : 0;
    }
    const double n = kExamples * kSize, deviation = std::sqrt(rate * (1 - rate) * n);
    EXPECT_NEAR(kept, (1 - rate) * n, 4.5 * deviation) << rate;
  }
}

TEST(Dropout, DependsOnKeyExampleAndPlaceAlone) {
  const Tensor x = Tensor::full({3, 5, 1000}, 1.0);
  const auto rows = [&](uint64_t key, std::vector<int64_t> ids) {
    const std::vector<float> all = dropout(x, 0.5, key, ids).values<float>();
    std::vector<std::vector<float>> split;
    for (size_t i = 0; i < 3; ++i) {
      split.emplace_back(all.begin() + static_cast<int64_t>(i) * 5000,
                         all.begin() + static_cast<int64_t>(i + 1) * 5000);
    }
    return split;
  };
  const auto a = rows(1, {10, 20, 30}), b = rows(1, {30, 10, 10}), other_key = rows(2, {10, 20, 30});
  EXPECT_EQ(a[0], b[1]);
  EXPECT_EQ(a[0], b[2]);
  EXPECT_EQ(a[2], b[0]);
  EXPECT_NE(a[0], a[1]);
  EXPECT_NE(a[0], other_key[0]);
}

// With the identity for values, attention says what it multiplies them by.
TEST(Dropout, OfAttentionIsThatOfItsProbabilities) {
  constexpr int64_t kExamples = 3, kTime = 70, kHeads = 2, kDepth = 90;  // as many keys as a value has numbers
  const std::vector<int64_t> ids = {4, 9, 2};
  const Tensor q = kernels::cast(random_tensor({kExamples, kTime, kHeads, kDepth}, 1), DType::kF64);
  const Tensor k = kernels::cast(random_tensor({kExamples, kDepth, kHeads, kDepth}, 2), DType::kF64);
  std::vector<double> identity(kDepth * kDepth);
  for (size_t i = 0; i < kDepth; ++i) identity[i * kDepth + i] = 1.0;
  const Tensor v = expand(Tensor::from(identity, {1, kDepth, 1, kDepth}), {kExamples, kDepth, kHeads, kDepth});
  for (const double rate : {0.1, 0.5}) {
    const auto by_head = [](const Tensor& y) { return permute(y, {0, 2, 1, 3}); };  // (B, H, T, S)
    const Tensor all = by_head(attention(q, k, v, {.causal = false}));
    const Tensor some = by_head(attention(q, k, v, {.causal = false, .dropout = {rate, 42, ids}}));
    const std::vector<double> expected = dropout(all, rate, 42, ids).values<double>(), got = some.values<double>();
    double kept = 0;
    for (size_t i = 0; i < got.size(); ++i) {
      ASSERT_NEAR(got[i], expected[i], 1e-15 * expected[i]);
      kept += got[i] != 0.0 ? 1 : 0;
    }
    const double n = static_cast<double>(got.size()), deviation = std::sqrt(rate * (1 - rate) * n);
    EXPECT_NEAR(kept, (1 - rate) * n, 4.5 * deviation) << rate;
    // What a query gives out is 1 on average: 420 sums, each of 90 terms that hold at most what they come to.
    EXPECT_NEAR(mean(sum(some, 3)).item(), 1.0, 4.5 * std::sqrt(rate / (1 - rate) * sum(all * all).item()) / 420);
  }
}

TEST(OpTable, EveryRowHasReferencesAndEveryReferenceARow) {
  std::set<std::string> rows, stored;
  for (const OpCase& row : op_cases()) EXPECT_TRUE(rows.insert(std::string(row.name)).second) << row.name << " twice";
  for (const auto& [name, variants] : references()) {
    stored.insert(name);
    EXPECT_TRUE(variants.contains("base")) << name;
    for (const auto& [variant, what] : variants) EXPECT_TRUE(what.output.defined()) << name << "/" << variant;
  }
  EXPECT_EQ(rows, stored) << "run tools/make_op_references.py, or add the row";
}

TEST(OpTable, EveryOpHasARow) {
  const std::string header = read_file(GRADUS_SOURCE_DIR "/gradus/autograd/ops.h");
  std::set<std::string> declared, tested;
  const std::regex declaration("\\n(?:Tensor|ValuesAndIndices|std::vector<Tensor>) ([a-z_0-9]+)\\(");
  for (std::sregex_iterator i(header.begin(), header.end(), declaration), end; i != end; ++i) {
    declared.insert((*i)[1]);
  }
  declared.erase("sparse_linear");  // whose rows are no tensor: tests/autograd/sparse_linear_test.cpp
  for (const OpCase& row : op_cases()) tested.insert(std::string(row.op));
  EXPECT_GE(declared.size(), 27U);  // the pattern still finds them
  EXPECT_EQ(declared, tested);
}

}  // namespace
}  // namespace gradus
