#include "gradus/optim/line_search.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace gradus::detail {
namespace {

constexpr double kDecrease = 1e-4, kCurvature = 0.9;
constexpr double kShortest = 1e-9;
constexpr int kMostEvaluations = 25;

// Where the cubic through both points with their slopes is lowest, between the bounds; their middle if it has no
// minimum.
double lowest_of_cubic(const SearchPoint& a, const SearchPoint& b, double low, double high) {
  const SearchPoint &left = a.t <= b.t ? a : b, &right = a.t <= b.t ? b : a;
  const double d1 = left.slope + right.slope - 3.0 * (left.loss - right.loss) / (left.t - right.t);
  const double square = d1 * d1 - left.slope * right.slope;
  if (!(square >= 0.0)) return 0.5 * (low + high);
  const double d2 = std::sqrt(square);
  const double t = right.t - (right.t - left.t) * ((right.slope + d2 - d1) / (right.slope - left.slope + 2.0 * d2));
  return std::isfinite(t) ? std::clamp(t, low, high) : 0.5 * (low + high);
}

class Search {
 public:
  Search(const std::function<SearchPoint(double)>& at, const SearchPoint& start, double size)
      : at_(at), start_(start), size_(size) {}

  SearchPoint run(double first) {
    if (bracket(first)) return std::move(low_);
    while (rounds_ < kMostEvaluations && std::abs(high_.t - low_.t) * size_ >= kShortest) {
      if (zoom()) break;
    }
    return std::move(low_);
  }

 private:
  SearchPoint point(double t) const {
    SearchPoint p = at_(t);
    if (!std::isfinite(p.loss) || !std::isfinite(p.slope)) p.loss = std::numeric_limits<double>::infinity();
    return p;
  }
  bool is_too_high(const SearchPoint& p) const { return p.loss > start_.loss + kDecrease * p.t * start_.slope; }
  bool is_flat(const SearchPoint& p) const { return std::abs(p.slope) <= -kCurvature * start_.slope; }
  void set_bracket(SearchPoint a, SearchPoint b) {
    const bool swaps = !(a.loss <= b.loss);
    low_ = swaps ? std::move(b) : std::move(a);
    high_ = swaps ? std::move(a) : std::move(b);
  }

  // Goes on until a minimum lies between two points, or a point will do: then it is `low_`, and true is returned.
  bool bracket(double first) {
    SearchPoint before = start_, now = point(first);
    for (; rounds_ < kMostEvaluations; ++rounds_) {
      if (is_too_high(now) || (rounds_ > 1 && now.loss >= before.loss)) {
        set_bracket(std::move(before), std::move(now));
        return false;
      }
      if (is_flat(now)) {
        low_ = std::move(now);
        return true;
      }
      if (now.slope >= 0.0) {
        set_bracket(std::move(before), std::move(now));
        return false;
      }
      const double t = lowest_of_cubic(before, now, now.t + 0.01 * (now.t - before.t), 10.0 * now.t);
      before = std::move(now);
      now = point(t);
    }
    set_bracket(start_, std::move(now));
    return true;
  }

  // Where to look next inside the bracket: not twice near one of its ends.
  double next() {
    const double left = std::min(low_.t, high_.t), right = std::max(low_.t, high_.t), margin = 0.1 * (right - left);
    const double t = lowest_of_cubic(low_, high_, left, right);
    const bool is_near = std::min(right - t, t - left) < margin;
    if (!is_near || (!was_near_ && t < right && t > left)) {
      was_near_ = is_near;
      return t;
    }
    was_near_ = false;
    return std::abs(t - right) < std::abs(t - left) ? right - margin : left + margin;
  }

  // Makes the bracket shorter; true if its lower end will do.
  bool zoom() {
    SearchPoint now = point(next());
    ++rounds_;
    if (is_too_high(now) || now.loss >= low_.loss) {
      set_bracket(std::move(low_), std::move(now));
      return false;
    }
    const bool done = is_flat(now);
    if (!done && now.slope * (high_.t - low_.t) >= 0.0) high_ = std::move(low_);
    low_ = std::move(now);
    return done;
  }

  const std::function<SearchPoint(double)>& at_;
  const SearchPoint& start_;
  double size_;
  SearchPoint low_, high_;
  int rounds_ = 0;
  bool was_near_ = false;
};

}  // namespace

SearchPoint strong_wolfe(const std::function<SearchPoint(double t)>& at, const SearchPoint& start, double first,
                         double size) {
  return Search(at, start, size).run(first);
}

}  // namespace gradus::detail
