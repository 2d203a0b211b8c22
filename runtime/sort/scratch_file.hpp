// An unnamed temporary file: it is appended to, and cannot be left behind by a process that dies.
#pragma once

#include <mole/result.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace mole::runtime {

// One thread. exhausted: the disk is full. transient: it failed.
class ScratchFile {
 public:
  // `content`: what is written, for error messages.
  static Result<ScratchFile> create(const std::filesystem::path& folder, std::string content);
  ScratchFile(ScratchFile&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), size_(other.size_), content_(std::move(other.content_)) {}
  ScratchFile& operator=(ScratchFile&&) = delete;
  ~ScratchFile();

  int fd() const { return fd_; }
  // Returns the offset of the bytes in the file.
  Result<std::uint64_t> append(std::string_view bytes);
  Result<> read(std::uint64_t at, std::span<std::byte> into) const;

 private:
  ScratchFile(int fd, std::string content) : fd_(fd), content_(std::move(content)) {}

  int fd_;
  std::uint64_t size_ = 0;
  std::string content_;
};

}  // namespace mole::runtime
