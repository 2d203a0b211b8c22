// File descriptors: ownership, and reading and writing all bytes, with errors that say whether the disk is full or failed.
#pragma once

#include <mole/result.hpp>

#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace mole::runtime {

// Owns a file descriptor; -1: none.
class OwnedFd {
 public:
  explicit OwnedFd(int fd = -1) : fd_(fd) {}
  OwnedFd(OwnedFd&& other) noexcept : fd_(other.release()) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~OwnedFd() {
    if (fd_ >= 0) ::close(fd_);
  }

  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

// Returns the error for a failed system call. `doing`: the start of the message, such as "writing /x/y". exhausted: the disk is
// full. transient: any other failure.
Error disk_error(const std::string& doing, int error);

// Writes all bytes to the descriptor. Returns disk_error(doing, errno) if that fails.
Result<> write_all(int fd, std::string_view bytes, const std::string& doing);

// Reads `size` bytes at offset `at`. False: the file is shorter (errno is EIO), or reading failed (errno).
bool read_all(int fd, std::uint64_t at, void* into, std::size_t size);

}  // namespace mole::runtime
