// How long to wait before the next try: doubling, with jitter so that many nodes do not come back in step.
#pragma once

#include "sdk/model/time.hpp"

#include <algorithm>
#include <random>

namespace mole::nodes {

class Backoff {
 public:
  explicit Backoff(Micros least = 50'000, Micros most = 5 * second_us) : least_(least), most_(most), next_(least) {}

  Micros next() {
    const auto base = std::exchange(next_, std::min(most_, next_ * 2));
    return std::uniform_int_distribution<Micros>(base / 2, base)(random_);
  }
  void reset() { next_ = least_; }

 private:
  const Micros least_, most_;
  Micros next_;
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace mole::nodes
