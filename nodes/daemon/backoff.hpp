// Delays between retries: they double, with jitter so that nodes do not all retry at the same time.
#pragma once

#include "sdk/model/time.hpp"

#include <algorithm>
#include <random>
#include <utility>

namespace mole::nodes {

class Backoff {
 public:
  explicit Backoff(Micros min = 50'000, Micros max = 5 * second_us) : min_(min), max_(max), next_(min) {}

  Micros next() {
    const auto base = std::exchange(next_, std::min(max_, next_ * 2));
    return std::uniform_int_distribution<Micros>(base / 2, base)(random_);
  }
  void reset() { next_ = min_; }

 private:
  const Micros min_, max_;
  Micros next_;
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace mole::nodes
