#include "apps/gradus/children.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>

#include "gradus/base/error.h"

namespace gradus::command {
namespace {

[[noreturn]] void fail_system(const char* what) {
  const int error = errno;
  fail("sweep", "{}: {}", what, std::generic_category().message(error));
}

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail_system("a pipe cannot be made");
    from = ends[0];
    to = ends[1];
    ::fcntl(from, F_SETFL, O_NONBLOCK);
  }
  ~Pipe() {
    close_to();
    ::close(from);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close_to() {
    if (to >= 0) ::close(std::exchange(to, -1));
  }

  int from = -1, to = -1;
};

std::atomic<int> g_signals_to{-1};

// A byte wakes the poll, on whichever thread the signal came.
void on_signal_to_children(int number) {
  const int saved = errno;
  const auto byte = static_cast<char>(number);
  [[maybe_unused]] const ssize_t written = ::write(g_signals_to.load(), &byte, 1);
  errno = saved;
}

// While it lives, SIGINT and SIGTERM are bytes in a pipe.
class SignalPipe {
 public:
  SignalPipe() {
    g_signals_to.store(pipe_.to);
    struct sigaction action {};
    action.sa_handler = on_signal_to_children;
    action.sa_flags = SA_RESTART;
    for (size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &action, &before_[i]);
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    // As for a run: of a terminal that closes, and of what reads the output and ends.
    for (const int number : {SIGHUP, SIGPIPE}) ::sigaction(number, &ignore, nullptr);
  }
  ~SignalPipe() {
    for (size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &before_[i], nullptr);
  }

  int descriptor() const { return pipe_.from; }
  /// The next signal; 0 for none.
  int take() const {
    char byte = 0;
    return ::read(pipe_.from, &byte, 1) == 1 ? byte : 0;
  }

 private:
  static constexpr std::array kSignals = {SIGINT, SIGTERM};
  Pipe pipe_;
  std::array<struct sigaction, 2> before_{};
};

// One process, in a group of its own so that a terminal's Ctrl-C does not reach it beside what is handed on.
class Child {
 public:
  Child(size_t job, const std::vector<std::string>& arguments) : job_(job) {
    std::vector<char*> words;
    static char program[] = "gradus";
    words.push_back(program);
    for (const std::string& word : arguments) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) fail_system("a process cannot be started");
    if (pid_ == 0) execute(words, parent);
    errors_.close_to();
  }
  ~Child() {
    if (pid_ < 0) return;
    send(SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }

  void send(int number) const { ::kill(pid_, number); }
  int descriptor() const { return errors_.from; }

  /// Takes in what it has written; true where that has come to its end.
  bool read_errors() {
    std::array<char, 4096> bytes{};
    while (true) {
      const ssize_t count = ::read(errors_.from, bytes.data(), bytes.size());
      if (count > 0) {
        end_.errors.append(bytes.data(), static_cast<size_t>(count));
      } else if (count == 0) {
        return true;
      } else if (errno != EINTR) {
        return false;
      }
    }
  }

  ChildEnd wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    end_.job = job_;
    end_.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return std::move(end_);
  }

 private:
  // Between fork and exec only what a signal handler may call.
  [[noreturn]] void execute(const std::vector<char*>& words, pid_t parent) const {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::_exit(1);
    const int nothing = ::open("/dev/null", O_RDWR);
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(nothing, STDOUT_FILENO);
    ::dup2(errors_.to, STDERR_FILENO);
    ::execv("/proc/self/exe", words.data());
    ::_exit(127);
  }

  size_t job_;
  pid_t pid_ = -1;
  Pipe errors_;
  ChildEnd end_;
};

void wait_for_news(const SignalPipe& signals, const std::vector<std::unique_ptr<Child>>& children) {
  std::vector<pollfd> descriptors = {{signals.descriptor(), POLLIN, 0}};
  for (const auto& child : children) descriptors.push_back({child->descriptor(), POLLIN, 0});
  while (::poll(descriptors.data(), descriptors.size(), -1) < 0 && errno == EINTR) {
  }
}

}  // namespace

int run_children(const std::vector<std::vector<std::string>>& jobs, int64_t at_once,
                 const std::function<void(size_t)>& on_start, const std::function<void(const ChildEnd&)>& on_end) {
  const SignalPipe signals;
  std::vector<std::unique_ptr<Child>> children;
  size_t next = 0;
  int signal = 0;
  while (true) {
    while (signal == 0 && next < jobs.size() && static_cast<int64_t>(children.size()) < at_once) {
      on_start(next);
      children.push_back(std::make_unique<Child>(next, jobs[next]));
      ++next;
    }
    if (children.empty()) return signal;
    wait_for_news(signals, children);
    while (const int number = signals.take()) {
      signal = number;
      for (const auto& child : children) child->send(number);
    }
    for (size_t i = 0; i < children.size();) {
      if (!children[i]->read_errors()) {
        ++i;
        continue;
      }
      const ChildEnd end = children[i]->wait();
      children.erase(children.begin() + static_cast<int64_t>(i));
      on_end(end);
    }
  }
}

}  // namespace gradus::command
