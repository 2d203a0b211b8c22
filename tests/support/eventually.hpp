// Waits for the effects of other threads and processes.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace mole::testing {

// Returns whether the condition becomes true within 30 seconds, much longer than any test needs.
inline bool eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace mole::testing
