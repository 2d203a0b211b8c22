// The output of files that are read in parallel: written in the order of the files, with bounded memory.
//
//   OrderedOutput output(STDOUT_FILENO, 256 << 20);
//   output.write(3, text);                // from any thread; kept until files 0 to 2 have ended
//   output.end(3, "c.dat is damaged\n");  // goes to stderr in the turn of the file
#pragma once

#include "sdk/model/mutex.hpp"

#include <mole/result.hpp>

#include <condition_variable>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace mole::nodes {

class OrderedOutput {
 public:
  // `memory`: bytes of output to keep for files whose turn has not come. The descriptor is borrowed.
  OrderedOutput(int descriptor, std::size_t memory) : descriptor_(descriptor), memory_(memory) {}

  // Each file is written and ended by one thread at a time. Files must be started in order. Waits for the turn of the file if too
  // much is kept. Returns the first error of writing.
  Result<> write(std::size_t file, std::string_view bytes) MOLE_EXCLUDES(mutex_);
  // Every file must be ended, with its messages for stderr.
  void end(std::size_t file, std::string messages) MOLE_EXCLUDES(mutex_);
  // The first failure of writing, after which nothing is written.
  std::optional<Error> failure() const MOLE_EXCLUDES(mutex_);

 private:
  struct Kept {
    std::string output, messages;
    bool ended = false;
  };
  Result<> put(std::string_view bytes) MOLE_EXCLUDES(mutex_);
  void take_turns() MOLE_REQUIRES(mutex_);

  const int descriptor_;
  const std::size_t memory_;
  mutable Mutex mutex_;
  std::condition_variable_any changed_;
  std::size_t turn_ MOLE_GUARDED_BY(mutex_) = 0;  // the file that is written at once, by its own thread
  std::map<std::size_t, Kept> kept_ MOLE_GUARDED_BY(mutex_);
  std::size_t kept_bytes_ MOLE_GUARDED_BY(mutex_) = 0;
  std::optional<Error> failure_ MOLE_GUARDED_BY(mutex_);
};

}  // namespace mole::nodes
