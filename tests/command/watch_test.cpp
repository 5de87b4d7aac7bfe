// A long run under watch: signals, and the live line on a terminal.
#include <gmock/gmock.h>
#include <pty.h>
#include <signal.h>

#include <chrono>
#include <thread>

#include "tests/command/command.h"

namespace gradus {
namespace watch_test {

using testing::HasSubstr;
using testing::Not;

// Goes on until somebody ends it.
constexpr const char* kEndless =
    "[data]\nkind = \"line\"\n[model]\nkind = \"linear\"\n[train]\nsteps = 1000000000000\n[log]\nevery = 1000\n";

void wait_for_rows(const std::filesystem::path& run) {
  for (int i = 0; i < 1000 && slurp(run / "log.jsonl").empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

TEST(Watch, SignalsEndTheStepAndSaveTheModel) {
  for (const auto& [signal, word] : {std::pair(SIGINT, "Ctrl-C"), {SIGTERM, "SIGTERM"}}) {
    const TemporaryFolder folder;
    spill(folder / "c.toml", kEndless);
    const Command command(folder.path(), {"train", "c.toml"}, {});
    wait_for_rows(folder / "runs/c");
    command.send(signal);
    const CommandResult result = command.wait();
    EXPECT_EQ(result.exit_code, 128 + signal) << result.err;
    EXPECT_THAT(result.out, HasSubstr(word));
    EXPECT_THAT(result.out, HasSubstr("saved in runs/c: model.safetensors"));
    const nlohmann::json summary = summary_of_run(folder / "runs/c");
    EXPECT_EQ(summary["stop_reason"], "interrupted");
    EXPECT_EQ(summary["steps"].get<int64_t>(), read_log(folder / "runs/c").back()["step"].get<int64_t>() + 1);
    EXPECT_TRUE(std::filesystem::exists(folder / "runs/c/model.safetensors"));
  }
}

// As in `gradus train c.toml 2>&1 | true`: neither what is printed nor the error about that finds a reader.
TEST(Watch, AClosedPipeFailsOnceTheModelIsSaved) {
  const TemporaryFolder folder;
  spill(folder / "c.toml", kEndless);
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  ::close(pipe[0]);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::signal(SIGPIPE, SIG_DFL);
    for (const int stream : {STDOUT_FILENO, STDERR_FILENO}) ::dup2(pipe[1], stream);
    Command::execute(folder.path(), {"train", "c.toml", "--set", "train.steps=20"}, {});
  }
  ::close(pipe[1]);
  int status = 0;
  ::waitpid(pid, &status, 0);
  ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_EQ(summary_of_run(folder / "runs/c")["steps"], 20);
}

// Everything that the command writes to a terminal of 100 columns.
std::string on_terminal(const TemporaryFolder& folder, const std::vector<std::string>& arguments,
                        const Command::Options& options) {
  winsize size{.ws_row = 24, .ws_col = 100, .ws_xpixel = 0, .ws_ypixel = 0};
  int terminal = -1;
  const pid_t pid = ::forkpty(&terminal, nullptr, nullptr, &size);
  if (pid == 0) Command::execute(folder.path(), arguments, options);
  std::string seen;
  char piece[4096];
  for (ssize_t count = 0; (count = ::read(terminal, piece, sizeof(piece))) > 0;) {
    seen.append(piece, static_cast<size_t>(count));
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  ::close(terminal);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  return seen;
}

TEST(Watch, ATerminalHasALiveLineThatGoesAway) {
  const TemporaryFolder folder;
  spill(folder / "c.toml", kEndless);
  const std::vector<std::string> arguments{"train", "c.toml", "--set", "train.max_time_s=0.5"};
  const std::string seen = on_terminal(folder, arguments, {.environment = {{"TERM", "xterm"}, {"NO_COLOR", ""}}});
  EXPECT_THAT(seen, HasSubstr("\r\x1b[K[\x1b[32m"));
  for (const char* part : {"step ", "loss ", "rate ", "examples/s", " left"}) EXPECT_THAT(seen, HasSubstr(part));
  EXPECT_THAT(seen, HasSubstr("\r\x1b[K\r\n"));  // taken away before the summary
  EXPECT_THAT(seen, HasSubstr("train.max_time_s = 0.5 is over"));
}

TEST(Watch, NoColorMeansNoColor) {
  const TemporaryFolder folder;
  spill(folder / "c.toml", kEndless);
  const std::vector<std::string> arguments{"train", "c.toml", "--set", "train.max_time_s=0.5"};
  const std::string seen = on_terminal(folder, arguments, {.environment = {{"TERM", "xterm"}, {"NO_COLOR", "1"}}});
  EXPECT_THAT(seen, HasSubstr("\r\x1b[K["));
  EXPECT_THAT(seen, Not(HasSubstr("\x1b[32m")));
}

TEST(Watch, AQuietTerminalStaysEmpty) {
  const TemporaryFolder folder;
  spill(folder / "c.toml", kEndless);
  const std::vector<std::string> arguments{"train", "c.toml", "--quiet", "--set", "train.max_time_s=0.3"};
  EXPECT_EQ(on_terminal(folder, arguments, {.environment = {{"TERM", "xterm"}}}), "");
}

}  // namespace watch_test
}  // namespace gradus
