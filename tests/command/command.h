// Runs the built command as a user does, and keeps what it says.
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/testing.h"

namespace gradus {

struct CommandResult {
  int exit_code;  ///< 128 + the signal's number if one ended it.
  std::string out, err;
};

/// The command, running in `folder`.
class Command {
 public:
  struct Options {
    std::vector<std::pair<std::string, std::string>> environment = {};
    std::string out = "";  ///< Where standard output goes instead; it is not read then.
    std::string program = GRADUS_COMMAND;
  };

  Command(const std::filesystem::path& folder, const std::vector<std::string>& arguments, const Options& options)
      : out_(folder / ".stdout"), err_(folder / ".stderr") {
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("fork failed");
    if (pid_ > 0) return;
    redirect(options.out.empty() ? out_.string() : options.out, STDOUT_FILENO);
    redirect(err_.string(), STDERR_FILENO);
    execute(folder, arguments, options);
  }

  /// Replaces this process, a child, by the command.
  [[noreturn]] static void execute(const std::filesystem::path& folder, std::vector<std::string> arguments,
                                   const Options& options) {
    for (const auto& [name, value] : options.environment) ::setenv(name.c_str(), value.c_str(), 1);
    arguments.insert(arguments.begin(), "gradus");
    std::vector<char*> words;
    for (std::string& argument : arguments) words.push_back(argument.data());
    words.push_back(nullptr);
    if (::chdir(folder.c_str()) == 0) ::execv(options.program.c_str(), words.data());
    ::_exit(127);
  }

  void send(int signal) const { ::kill(pid_, signal); }

  CommandResult wait() const {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    const int exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return {exit_code, slurp(out_), slurp(err_)};
  }

 private:
  static void redirect(const std::string& path, int stream) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (file < 0 || ::dup2(file, stream) < 0) ::_exit(126);
    ::close(file);
  }

  std::filesystem::path out_, err_;
  pid_t pid_;
};

inline CommandResult run_gradus(const TemporaryFolder& folder, const std::vector<std::string>& arguments,
                                const Command::Options& options = {}) {
  return Command(folder.path(), arguments, options).wait();
}

/// Of a recipe in the source tree.
inline std::string recipe(const std::string& name) { return GRADUS_SOURCE_DIR "/recipes/" + name + ".toml"; }

inline nlohmann::json summary_of_run(const std::filesystem::path& run) {
  return nlohmann::json::parse(slurp(run / "summary.json"));
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

inline std::vector<nlohmann::json> read_log(const std::filesystem::path& run) {
  std::vector<nlohmann::json> rows;
  for (const std::string& line : lines_of(slurp(run / "log.jsonl"))) rows.push_back(nlohmann::json::parse(line));
  return rows;
}

}  // namespace gradus
