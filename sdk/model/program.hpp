// What every program has in common: its version, and a standard output whose failures are not lost.
//
//   StandardOutput out;
//   out << "text\n";
//   return exit_code_of(out, "mole-node");  // 1 and a message if the text could not be written
#pragma once

#include <mole/result.hpp>

#include <memory>
#include <ostream>
#include <string>
#include <string_view>

namespace mole {

// Returns "mole-node 1.0.0".
std::string version_of(std::string_view program);

// Writes all bytes to a descriptor. `name` is its name in messages. exhausted: the disk is full; cancelled: the reader closed the
// pipe; transient: another failure.
Result<> write_all(int descriptor, std::string_view bytes, const std::string& name);

// A buffered stream to descriptor 1. After a failed write it discards everything and remembers the failure. Reserves descriptors
// 0 to 2 if they are closed, so that no file opened later is mistaken for the standard output.
class StandardOutput final : public std::ostream {
 public:
  StandardOutput();
  ~StandardOutput() override;
  // Flushes. Returns the first failure, as write_all does.
  Result<> finish();

 private:
  class Buffer;
  std::unique_ptr<Buffer> buffer_;
};

// Finishes the output. Returns 0, also if the reader closed the pipe; 1 after printing "PROGRAM: cause; remedy" to stderr.
int exit_code_of(StandardOutput& out, const char* program);

}  // namespace mole
