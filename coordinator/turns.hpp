// Who waits for what others have begun, and for nothing that begins later.
//
//   const Turns::Turn turn(turns);  // somebody makes something, until `turn` goes
//   turns.await();                  // somebody else: until all that had begun by now has ended
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <set>

namespace mole::coordinator {

// Thread-safe. Who awaits holds no lock that those whose turn it is may want.
class Turns {
 public:
  // Open until it goes, by an exception too. Turns outlives it.
  class Turn {
   public:
    explicit Turn(Turns& turns) : turns_(turns), number_(turns.open()) {}
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() { turns_.end(number_); }

   private:
    Turns& turns_;
    const std::uint64_t number_;
  };

  void await() {
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this, last = begun_] { return open_.empty() || *open_.begin() > last; });
  }

 private:
  std::uint64_t open() {
    const std::lock_guard lock(mutex_);
    return *open_.insert(++begun_).first;
  }
  void end(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    open_.erase(number);
    ended_.notify_all();
  }

  std::mutex mutex_;  // of what follows
  std::uint64_t begun_ = 0;
  std::set<std::uint64_t> open_;
  std::condition_variable ended_;
};

}  // namespace mole::coordinator
