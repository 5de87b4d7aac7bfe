// Small configurations, and what is said about wrong ones.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "gradus/base/error.h"
#include "gradus/train/config.h"

namespace gradus {

using Overrides = std::vector<std::string>;

inline const std::string kLine = "[data]\nkind = \"line\"\n[model]\nkind = \"linear\"\n[train]\nsteps = 1000\n";
inline const std::string kText =
    "data = { kind = \"text\", path = \"a.txt\" }\nmodel.kind = \"gpt\"\ntrain.steps = 10\n";

inline Config line(const Overrides& overrides = {}) { return Config::parse(kLine, "run.toml", overrides); }
inline Config text(const Overrides& overrides = {}) { return Config::parse(kText, "run.toml", overrides); }

/// The message of the `kind` of error that `act` throws; empty if it throws none.
inline std::string message_of(ErrorKind kind, const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
  return "";
}

inline std::string parse_error(const std::string& source, const Overrides& overrides = {}) {
  return message_of(ErrorKind::kUsage, [&] { Config::parse(source, "run.toml", overrides); });
}

inline std::string line_error(const Overrides& overrides) { return parse_error(kLine, overrides); }
inline std::string text_error(const Overrides& overrides) { return parse_error(kText, overrides); }

inline std::string program_error(const std::function<void()>& act) { return message_of(ErrorKind::kFailure, act); }

/// An optimizer with two groups.
inline const std::string kGroups =
    kLine +
    "[optimizer]\nname = \"adamw\"\n[[optimizer.groups]]\npattern = \"*.bias\"\nweight_decay = 0\n"
    "[[optimizer.groups]]\nlearning_rate_factor = 0.5\npattern = \"*\"\nfreeze = false\n";

}  // namespace gradus
