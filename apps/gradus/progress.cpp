#include "apps/gradus/progress.h"

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string_view>

#include "apps/gradus/output.h"

namespace gradus::command {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kBetweenDrawings{100}, kBetweenLines{5000};

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

size_t terminal_columns() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

std::string human_rate(double per_second, const char* unit) {
  if (per_second >= 1e6) return fmt::format("{:.1f}M {}/s", per_second / 1e6, unit);
  if (per_second >= 1e3) return fmt::format("{:.1f}k {}/s", per_second / 1e3, unit);
  return fmt::format("{:.{}f} {}/s", per_second, per_second < 10 ? 1 : 0, unit);
}

std::string human_time(double seconds) {
  if (seconds < 0.1) return fmt::format("{:.1f} ms", 1e3 * seconds);
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<int64_t>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{}:{:02} min", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02} h", whole / 3600, whole / 60 % 60, whole % 60);
}

Progress::Progress(const Plan& plan) : plan_(plan), start_(Clock::now()) {
  if (plan_.quiet) return;
  const bool live = ::isatty(STDERR_FILENO) == 1 && variable("TERM") != "dumb";
  style_ = live ? Style::kLive : Style::kPlain;
  colour_ = live && variable("NO_COLOR").empty();
  // A run that is over in no time shows nothing.
  next_ = start_ + (live ? 2 * kBetweenDrawings : kBetweenLines);
}

void Progress::on_step(const StepRecord& record) {
  if (style_ == Style::kNone) return;
  if (record.weight > 0.0) {
    loss_sum_ += record.loss;
    ++losses_;
  }
  work_ += plan_.tokens ? record.weight : static_cast<double>(record.examples);
  if (record.validation_loss) validation_loss_ = record.validation_loss;
  const Clock::time_point now = Clock::now();
  if (now < next_) return;
  next_ = now + (style_ == Style::kLive ? kBetweenDrawings : kBetweenLines);
  const double elapsed_s = std::chrono::duration<double>(now - start_).count();
  const std::string line = status(record, elapsed_s);
  if (style_ == Style::kLive) {
    draw(line, static_cast<double>(record.step + 1) / static_cast<double>(plan_.steps));
  } else {
    print_error(line + "\n");
  }
}

// The loss is the mean since the last line: a single small batch says little.
std::string Progress::status(const StepRecord& record, double elapsed_s) {
  const auto done = static_cast<double>(record.step + 1), all = static_cast<double>(plan_.steps);
  double left_s = elapsed_s / (done - static_cast<double>(plan_.done)) * (all - done);
  if (plan_.max_time_s > 0) left_s = std::clamp(plan_.max_time_s - elapsed_s, 0.0, left_s);
  std::string text = fmt::format("step {}/{}  {:.0f}%", record.step + 1, plan_.steps, std::floor(100 * done / all));
  if (losses_ > 0) text += fmt::format("  loss {:.4f}", loss_sum_ / static_cast<double>(losses_));
  if (validation_loss_) text += fmt::format("  val_loss {:.4f}", *validation_loss_);
  text += fmt::format("  rate {:.2e}  {}", record.learning_rate,
                      human_rate(work_ / elapsed_s, plan_.tokens ? "tokens" : "examples"));
  if (done < all) text += fmt::format("  {} left", left_s < 60 ? fmt::format("{:.0f} s", left_s) : human_time(left_s));
  loss_sum_ = 0.0;
  losses_ = 0;
  return text;
}

void Progress::draw(const std::string& status, double part) {
  constexpr size_t kWidest = 30, kNarrowestBar = 8;
  const size_t columns = terminal_columns() - 1;  // the last column stays free: some terminals wrap there
  std::string line = status.substr(0, columns);
  const size_t room = columns - line.size();
  if (room >= kNarrowestBar + 3) {
    const size_t width = std::min(kWidest, room - 3);
    const size_t full = std::min(width, static_cast<size_t>(part * static_cast<double>(width)));
    const std::string bar = std::string(full, '=') + std::string(width - full, ' ');
    line = fmt::format("[{}{}{}] {}", colour_ ? "\x1b[32m" : "", bar, colour_ ? "\x1b[0m" : "", line);
  }
  print_error("\r\x1b[K" + line);
  drawn_ = true;
}

void Progress::clear() {
  if (drawn_) print_error("\r\x1b[K");
  drawn_ = false;
}

}  // namespace gradus::command
