#include "apps/gradus/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>

namespace gradus::command {
namespace {

// Lock-free, so that a signal handler may touch them.
std::atomic<Run*> g_run{nullptr};
std::atomic<int> g_signal{0};

void on_interrupt(int number) {
  int none = 0;
  if (g_run.load() == nullptr) ::_exit(128 + number);
  if (!g_signal.compare_exchange_strong(none, number)) ::_exit(128 + number);
  if (Run* run = g_run.load()) run->trainer().cancel();
}

void on_request(int) {
  if (Run* run = g_run.load()) run->request_checkpoint();
}

void set_handler(int number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  ::sigaction(number, &action, nullptr);
}

}  // namespace

// Also where a shell started us in the background with SIGINT ignored: `kill -INT` then means what it says.
Interrupt::Interrupt() {
  for (const int number : {SIGINT, SIGTERM}) set_handler(number, on_interrupt);
  set_handler(SIGUSR1, on_request);
  set_handler(SIGHUP, SIG_IGN);
  set_handler(SIGXFSZ, SIG_IGN);  // a file beyond its limit is an error with a message
  set_handler(SIGPIPE, SIG_IGN);  // for good: the error that follows must not end the process before its exit code
}

void Interrupt::watch(Run& run) { g_run.store(&run); }

Interrupt::~Interrupt() {
  for (const int number : {SIGINT, SIGTERM}) set_handler(number, SIG_DFL);
  set_handler(SIGUSR1, SIG_IGN);  // one that comes late must not end what is left to do
  g_run.store(nullptr);
}

int Interrupt::signal() const { return g_signal.load(); }

}  // namespace gradus::command
