// Threads beside those that compute.
#pragma once

#include <functional>
#include <thread>

namespace gradus {

/// A thread for `name`, which messages call it. It takes no signals, which belong to the program's own threads, and
/// `parallel_for` on it works in place, so that it takes no thread from those who compute. `body` does not throw. An
/// error if the system has no thread left.
std::thread start_background_thread(const char* name, std::function<void()> body);

}  // namespace gradus
