// Starts the programs installed beside this one: mole-node, mole-worker.
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

// A child process that lives at most as long as this object. The first word of a command names a program beside this one;
// missing: it does not exist.
class Child {
 public:
  // Starts a child with our standard streams.
  static Result<Child> start(const std::vector<std::string>& command);
  // Starts a child whose standard output is connected to a pipe.
  static Result<Child> start_piped(const std::vector<std::string>& command);
  // Starts a child in a process group of its own, so that ^C on the terminal does not reach it directly, and appends its stdout
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
  // Closes the pipe and waits for the exit code. A signal n gives 128 + n, except SIGPIPE, which gives 0.
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
