// Reads a regular file with pread: if the file shrinks or the disk fails, read() returns fewer bytes or an error; a mapped file
// would raise a signal.
#pragma once

#include "runtime/rows/file_output.hpp"

#include <mole/result.hpp>

#include <cstdint>
#include <filesystem>
#include <span>

namespace mole::runtime {

class FileBytes {
 public:
  // missing: `path` is not a readable regular file.
  static Result<FileBytes> open(const std::filesystem::path& path);
  // Reads an open file; `path` is only named in errors. missing: it is not a regular file.
  static Result<FileBytes> of(OwnedFd file, const std::filesystem::path& path);
  // The same file once more. exhausted: no file descriptor is free.
  Result<FileBytes> duplicate() const;

  std::uint64_t size() const { return size_; }  // when the file was opened
  int descriptor() const { return fd_.get(); }
  // Fills `into` from `offset` on and returns the number of bytes, fewer only at the end of the file. transient: the disk failed.
  Result<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> into) const;

 private:
  FileBytes(OwnedFd fd, std::uint64_t size, std::filesystem::path path)
      : fd_(std::move(fd)), size_(size), path_(std::move(path)) {}

  OwnedFd fd_;
  std::uint64_t size_;
  std::filesystem::path path_;
};

}  // namespace mole::runtime
