// Curves in the terminal, in plain characters.
#pragma once

#include <span>
#include <string>

namespace gradus::command {

struct PlotPoint {
  double x = 0.0, y = 0.0;  ///< Finite. x counts something, or is above 0 on a logarithmic axis.
};

struct PlotOptions {
  int width = 80;          ///< Columns in all; at least 40 are used.
  bool log_x = false;      ///< A logarithmic x axis.
  bool from_zero = false;  ///< The y axis begins at 0.
  std::string x_name, y_name;
};

/// The curve through the points, which ascend by x, with numbers at both axes; no line is longer than `width`. Empty
/// without points.
std::string plot(std::span<const PlotPoint> points, const PlotOptions& options);

/// The columns of the terminal that standard output is; 80 if it is none.
int terminal_width();

}  // namespace gradus::command
