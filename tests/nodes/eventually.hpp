// Waits for what other threads and processes bring about.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace mole::testing {

// Whether it becomes true; gives up only when something is badly wrong.
inline bool eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace mole::testing
