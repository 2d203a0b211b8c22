// Starts the programs installed beside this one: mole-node, mole-worker.
#pragma once

#include <mole/result.hpp>

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace mole::cli {

// Runs `command` with our standard streams and waits for its exit code; its first word names a program beside this one. A
// signal n gives 128 + n, except SIGPIPE, which gives 0. missing: the program does not exist.
Result<int> run_sibling(const std::vector<std::string>& command);

// A program beside this one with its standard output connected to a pipe.
class PipedChild {
 public:
  // missing: the program does not exist.
  static Result<PipedChild> start(const std::vector<std::string>& command);
  PipedChild(PipedChild&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)), fd_(std::exchange(other.fd_, -1)), name_(std::move(other.name_)) {}
  PipedChild& operator=(PipedChild&&) = delete;
  ~PipedChild();  // closes the pipe and waits

  // Reads up to `size` bytes; 0 at the end.
  Result<std::size_t> read(char* to, std::size_t size);
  // Closes the pipe and waits for the exit code, like run_sibling.
  Result<int> wait();

 private:
  PipedChild(pid_t pid, int fd, std::string name) : pid_(pid), fd_(fd), name_(std::move(name)) {}
  void close_pipe();
  pid_t pid_ = -1;
  int fd_ = -1;
  std::string name_;
};

// A child process that lives as long as this object. It has its own process group, so that ^C on the terminal does not reach
// it directly.
class Child {
 public:
  // Appends stdout and stderr to `log`. missing: the program does not exist.
  static Result<Child> start(const std::vector<std::string>& command, const std::filesystem::path& log);
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  Child& operator=(Child&&) = delete;
  // Stops the child: SIGTERM, a second one after three seconds, SIGKILL to the whole group after eight.
  ~Child();

  bool running();

 private:
  explicit Child(pid_t pid) : pid_(pid) {}
  pid_t pid_ = -1;
};

}  // namespace mole::cli
