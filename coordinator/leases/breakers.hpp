// Stops the use of a store that fails as a whole, such as a tape server that cannot be reached (circuit breaker): it is tried
// again by one batch after a delay that doubles with each failure, and used as before after the first success.
#pragma once

#include "coordinator/leases/failures.hpp"

#include <map>
#include <string>

namespace mole::coordinator::leases {

// Not thread-safe. Stores are named by library_of.
class Breakers {
 public:
  struct Failure {
    std::uint32_t failures = 0;  // consecutive ones
    Micros until = 0;            // of the next attempt
    std::string message;         // the latest
  };

  // Batches that run at the same time fail together: a failure before the time of the next attempt is not counted.
  void fail(const std::string& store, const std::string& message, const Settings& settings, Micros now, Random& random);
  void succeed(const std::string& store) { failing_.erase(store); }
  // Returns how many of the drives may be used: none before the next attempt, and one for it.
  std::uint32_t allowed(const std::string& store, std::uint32_t drives, Micros now) const;
  const Failure* find(const std::string& store) const;  // null: it does not fail

 private:
  std::map<std::string, Failure> failing_;
};

}  // namespace mole::coordinator::leases
