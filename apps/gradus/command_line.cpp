#include "apps/gradus/command_line.h"

#include <charconv>
#include <system_error>

#include "gradus/base/error.h"

namespace gradus::command {

int64_t decimal_integer(std::string_view option, std::string_view text, Bounds bounds) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size() && number >= bounds.low && number <= bounds.high) {
    return number;
  }
  fail_usage(option, "must be a decimal integer from {} to {}; found \"{}\"", bounds.low, bounds.high, text);
}

void add_machine_options(CLI::App& verb, MachineOptions& options) {
  add_integer(verb, "--threads", options.threads, {.low = 0, .high = 1024},
              "Threads; 0 is one for each core. They change no result");
  verb.add_option("--isa", options.isa, "Pin a lower instruction set, for the same bits on any machine that has it")
      ->type_name("baseline|avx2|avx512");
}

}  // namespace gradus::command
