#include "apps/gradus/plot.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

namespace gradus::command {
namespace {

constexpr int kNarrowest = 40, kRows = 16, kColumnsPerTick = 14;

// 1, 2 or 5 times a power of ten: the least that cuts `length` into no more than `most` pieces.
double nice_step(double length, int most) {
  const double rough = length / most;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough * (1 - 1e-9)) return factor * power;
  }
  return 10.0 * power;
}

std::string number(double value) {
  if (std::abs(value) < 1e7 && std::trunc(value) == value) return fmt::format("{}", static_cast<long>(value));
  return fmt::format("{:.4g}", value);
}

// The y axis: `pieces` of `step` from `low`, each of so many rows.
struct YAxis {
  double low = 0.0, step = 1.0;
  int pieces = 1, rows_per_piece = 1;

  int rows() const { return pieces * rows_per_piece; }
  // From the top.
  int row_of(double y) const {
    const double down = (low / step + pieces - y / step) * rows_per_piece;
    return std::clamp(static_cast<int>(std::lround(down)), 0, rows());
  }
};

YAxis make_y_axis(std::span<const PlotPoint> points, bool from_zero) {
  constexpr int kMostPieces = 5;
  const auto [least, most] = std::minmax_element(points.begin(), points.end(),
                                                 [](const PlotPoint& a, const PlotPoint& b) { return a.y < b.y; });
  double low = from_zero ? std::min(0.0, least->y) : least->y, high = most->y;
  if (!(high > low)) {  // a flat curve lies in the middle
    const double room = high == 0.0 ? 1.0 : std::abs(high);
    low -= room;
    high += room;
  }
  YAxis axis;
  axis.step = nice_step(high - low, kMostPieces);
  const double first = std::floor(low / axis.step + 1e-9), last = std::ceil(high / axis.step - 1e-9);
  axis.low = first * axis.step;
  axis.pieces = std::max(1, static_cast<int>(last - first));
  axis.rows_per_piece = std::max(2, kRows / axis.pieces);
  return axis;
}

// The x axis, in its own units: logarithms on a logarithmic axis.
struct XAxis {
  double low = 0.0, high = 1.0;
  int columns = 1;
  bool log = false;

  double unit(double x) const { return log ? std::log10(x) : x; }
  int column_of(double u) const {
    return static_cast<int>(std::lround((u - low) / (high - low) * static_cast<double>(columns - 1)));
  }
};

XAxis make_x_axis(std::span<const PlotPoint> points, int columns, bool log) {
  XAxis axis{.columns = columns, .log = log};
  axis.low = axis.unit(points.front().x);
  axis.high = axis.unit(points.back().x);
  if (!(axis.high > axis.low)) axis.high = axis.low + 1.0;
  return axis;
}

class Canvas {
 public:
  Canvas(int rows, int columns)
      : lines_(static_cast<size_t>(rows) + 1, std::string(static_cast<size_t>(columns), ' ')) {}

  // From the point before, which is not drawn again: columns between them, and in each the rows up to the next.
  void line(std::pair<int, int> from, std::pair<int, int> to) {
    const auto [column, row] = from;
    const int across = to.first - column;
    for (int c = column + (across > 0 ? 1 : 0), before = row; c <= to.first; ++c) {
      const double part = across > 0 ? static_cast<double>(c - column) / across : 1.0;
      const int next = static_cast<int>(std::lround(row + part * (to.second - row)));
      for (int r = before; r != next; r += next > r ? 1 : -1) {
        if (r != before) dot(c, r);
      }
      dot(c, next);
      before = next;
    }
  }
  void dot(int column, int row) { lines_[static_cast<size_t>(row)][static_cast<size_t>(column)] = '*'; }
  const std::string& row(int row) const { return lines_[static_cast<size_t>(row)]; }

 private:
  std::vector<std::string> lines_;
};

std::string without_end_spaces(std::string text) {
  text.erase(text.find_last_not_of(' ') + 1);
  return text + "\n";
}

// The line with the marks and, below it, the one with their numbers.
std::string x_axis_lines(const XAxis& axis, int margin, const std::string& name) {
  std::string marks(static_cast<size_t>(axis.columns), '-'), numbers(static_cast<size_t>(axis.columns + margin), ' ');
  // Whole steps, and whole powers of ten.
  const double step = std::max(1.0, nice_step(axis.high - axis.low, std::max(1, axis.columns / kColumnsPerTick)));
  for (double k = std::ceil(axis.low / step - 1e-9); k * step <= axis.high + 1e-9 * step; k += 1.0) {
    const double u = k * step;
    const int column = axis.column_of(u);
    marks[static_cast<size_t>(column)] = '+';
    const std::string text = axis.log ? fmt::format("1e{:.0f}", u) : number(u);
    const auto length = static_cast<int>(text.size());
    const int most = axis.columns + margin - length;
    const int start = std::clamp(margin + column - length / 2, 0, std::max(0, most));
    numbers.replace(static_cast<size_t>(start), text.size(), text);
  }
  const int start = std::max(0, margin + (axis.columns - static_cast<int>(name.size())) / 2);
  return fmt::format("{:>{}}{}\n", "+", margin, marks) + without_end_spaces(numbers) +
         fmt::format("{:>{}}\n", name, start + static_cast<int>(name.size()));
}

}  // namespace

std::string plot(std::span<const PlotPoint> points, const PlotOptions& options) {
  if (points.empty()) return "";
  const YAxis y = make_y_axis(points, options.from_zero);
  std::vector<std::string> labels(static_cast<size_t>(y.rows()) + 1);
  size_t widest = 0;
  for (int piece = 0; piece <= y.pieces; ++piece) {
    std::string& label = labels[static_cast<size_t>((y.pieces - piece) * y.rows_per_piece)];
    label = number((std::round(y.low / y.step) + piece) * y.step);
    widest = std::max(widest, label.size());
  }
  const int margin = static_cast<int>(widest) + 2;
  const XAxis x = make_x_axis(points, std::max(kNarrowest, options.width) - margin, options.log_x);
  Canvas canvas(y.rows(), x.columns);
  std::pair<int, int> before{x.column_of(x.unit(points.front().x)), y.row_of(points.front().y)};
  canvas.dot(before.first, before.second);
  for (const PlotPoint& point : points.subspan(1)) {
    const std::pair<int, int> at{x.column_of(x.unit(point.x)), y.row_of(point.y)};
    canvas.line(before, at);
    before = at;
  }
  std::string text = options.y_name + "\n";
  for (int row = 0; row <= y.rows(); ++row) {
    const std::string& label = labels[static_cast<size_t>(row)];
    text += without_end_spaces(fmt::format("{:>{}} {}{}", label, widest, label.empty() ? '|' : '+', canvas.row(row)));
  }
  return text + x_axis_lines(x, margin, options.x_name);
}

int terminal_width() {
  constexpr int kDefault = 80;
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kDefault;
}

}  // namespace gradus::command
