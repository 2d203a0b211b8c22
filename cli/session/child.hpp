// The programs beside this one: mole-node, mole-worker.
#pragma once

#include <mole/result.hpp>

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace mole::cli {

// Folder of the running program.
std::filesystem::path own_folder();

// Runs `command` (its first word names a program beside this one) with our standard streams and waits. The exit code; a
// signal n is 128 + n, but SIGPIPE is 0. missing: the program is not there.
Result<int> run_sibling(const std::vector<std::string>& command);

// A child that lives as long as this object, in a process group of its own: ^C on the terminal is ours to pass on.
class Child {
 public:
  // stdout and stderr go to `log` (appended). missing: the program is not there.
  static Result<Child> start(const std::vector<std::string>& command, const std::filesystem::path& log);
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  Child& operator=(Child&&) = delete;
  // Ends it: SIGTERM, a second one after three seconds, SIGKILL to the whole group after eight.
  ~Child();

  bool running();

 private:
  explicit Child(pid_t pid) : pid_(pid) {}
  pid_t pid_ = -1;
};

}  // namespace mole::cli
