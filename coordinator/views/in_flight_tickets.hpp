// Waits for the operations that began before the wait, not for those that begin later.
//
//   const InFlightTickets::Ticket ticket(tickets);  // an operation is in flight until `ticket` is destroyed
//   tickets.wait();                                 // returns when every operation begun before this call has ended
#pragma once

#include "sdk/model/mutex.hpp"

#include <condition_variable>
#include <cstdint>
#include <set>

namespace mole::coordinator::views {

// Thread-safe. A waiting caller must not hold a lock that an operation in flight may take.
class InFlightTickets {
 public:
  // One operation in flight. Ends in the destructor, so an exception ends it too. Must not outlive the InFlightTickets.
  class Ticket {
   public:
    explicit Ticket(InFlightTickets& tickets) : tickets_(tickets), number_(tickets.open()) {}
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    ~Ticket() { tickets_.end(number_); }

   private:
    InFlightTickets& tickets_;
    const std::uint64_t number_;
  };

  void wait() MOLE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    const auto last = begun_;
    while (!open_.empty() && *open_.begin() <= last) ended_.wait(mutex_);
  }

 private:
  std::uint64_t open() MOLE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return *open_.insert(++begun_).first;
  }
  void end(std::uint64_t number) MOLE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    open_.erase(number);
    ended_.notify_all();
  }

  Mutex mutex_;
  std::uint64_t begun_ MOLE_GUARDED_BY(mutex_) = 0;
  std::set<std::uint64_t> open_ MOLE_GUARDED_BY(mutex_);
  std::condition_variable_any ended_;
};

}  // namespace mole::coordinator::views
