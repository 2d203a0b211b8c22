// A mutex whose use clang checks at compile time (-Wthread-safety). Other compilers ignore the annotations.
//
//   Mutex mutex_;
//   int count_ MOLE_GUARDED_BY(mutex_) = 0;
//   void add() MOLE_REQUIRES(mutex_);
//
//   MutexLock lock(mutex_);
//   add();
//
// To wait for a condition, use std::condition_variable_any on the Mutex itself, in a loop that tests the condition.
#pragma once

#include <mutex>

#if defined(__clang__)
#define MOLE_THREAD_SAFETY(attribute) __attribute__((attribute))
#else
#define MOLE_THREAD_SAFETY(attribute)
#endif

#define MOLE_CAPABILITY(name) MOLE_THREAD_SAFETY(capability(name))
#define MOLE_SCOPED_CAPABILITY MOLE_THREAD_SAFETY(scoped_lockable)
#define MOLE_GUARDED_BY(mutex) MOLE_THREAD_SAFETY(guarded_by(mutex))
#define MOLE_REQUIRES(...) MOLE_THREAD_SAFETY(requires_capability(__VA_ARGS__))
#define MOLE_EXCLUDES(...) MOLE_THREAD_SAFETY(locks_excluded(__VA_ARGS__))
#define MOLE_ACQUIRE(...) MOLE_THREAD_SAFETY(acquire_capability(__VA_ARGS__))
#define MOLE_RELEASE(...) MOLE_THREAD_SAFETY(release_capability(__VA_ARGS__))
#define MOLE_TRY_ACQUIRE(...) MOLE_THREAD_SAFETY(try_acquire_capability(__VA_ARGS__))
#define MOLE_NO_THREAD_SAFETY_ANALYSIS MOLE_THREAD_SAFETY(no_thread_safety_analysis)

namespace mole {

class MOLE_CAPABILITY("mutex") Mutex {
 public:
  void lock() MOLE_ACQUIRE() { mutex_.lock(); }
  void unlock() MOLE_RELEASE() { mutex_.unlock(); }
  bool try_lock() MOLE_TRY_ACQUIRE(true) { return mutex_.try_lock(); }

 private:
  std::mutex mutex_;
};

// Holds a Mutex until the end of its scope, or until unlock().
class MOLE_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) MOLE_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;
  ~MutexLock() MOLE_RELEASE() {
    if (held_) mutex_.unlock();
  }

  void unlock() MOLE_RELEASE() {
    mutex_.unlock();
    held_ = false;
  }
  void lock() MOLE_ACQUIRE() {
    mutex_.lock();
    held_ = true;
  }

 private:
  Mutex& mutex_;
  bool held_ = true;
};

}  // namespace mole
