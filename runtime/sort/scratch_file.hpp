// An unnamed temporary file to append to and read from. The system removes it even if the process dies.
#pragma once

#include "runtime/rows/file_output.hpp"

#include <mole/result.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace mole::runtime {

// Not thread-safe. exhausted: the disk is full. transient: the disk failed.
class ScratchFile {
 public:
  // `content`: what is written, for error messages.
  static Result<ScratchFile> create(const std::filesystem::path& folder, std::string content);

  int fd() const { return fd_.get(); }
  // Returns the offset of the bytes in the file.
  Result<std::uint64_t> append(std::string_view bytes);
  Result<> read(std::uint64_t at, std::span<std::byte> into) const;

 private:
  ScratchFile(OwnedFd fd, std::string content) : fd_(std::move(fd)), content_(std::move(content)) {}

  OwnedFd fd_;
  std::uint64_t size_ = 0;
  std::string content_;
};

}  // namespace mole::runtime
