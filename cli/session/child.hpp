// Starts the programs installed in the same folder as this one: mole-node, mole-worker.
#pragma once

#include <mole/result.hpp>

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace mole::nodes {
class Spawn;
}

namespace mole::cli {

// A child process, stopped by the destructor if it is still running. The first word of a command is the name of a program in the
// folder of this program; missing: there is no such program.
class Child {
 public:
  // Starts a child that inherits the standard streams.
  static Result<Child> start(const std::vector<std::string>& command);
  // Starts a child whose standard output is connected to a pipe.
  static Result<Child> start_piped(const std::vector<std::string>& command);
  // Starts a child in a new process group, so that ^C on the terminal does not reach it directly, and appends its stdout
  // and stderr to `log`.
  static Result<Child> start_in_background(const std::vector<std::string>& command, const std::filesystem::path& log);
  Child(Child&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)), pipe_(std::exchange(other.pipe_, -1)), name_(std::move(other.name_)) {}
  Child& operator=(Child&&) = delete;
  // Stops the child: SIGTERM, a second one after three seconds, SIGKILL to the whole group after eight.
  ~Child();

  bool running();
  // Reads up to `size` bytes from the pipe; 0 at the end.
  Result<std::size_t> read(char* to, std::size_t size);
  // Closes the pipe and waits for the exit code. Returns 128 + n after signal n, but 0 after SIGPIPE.
  Result<int> wait();

 private:
  Child(pid_t pid, int pipe, std::string name) : pid_(pid), pipe_(pipe), name_(std::move(name)) {}
  static Result<Child> launch(const nodes::Spawn& spawn, const std::vector<std::string>& command, int pipe = -1);
  void close_pipe();
  pid_t pid_;
  int pipe_;  // -1: none
  std::string name_;
};

}  // namespace mole::cli
