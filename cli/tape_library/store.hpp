// The folder of a simulated tape library: library.json, state.json, log.ndjson (docs/formats/tape_library.md), shared by
// concurrent sessions through a lock.
#pragma once

#include "cli/tape_library/model.hpp"

#include <filesystem>
#include <memory>
#include <string>

namespace mole::cli {

// An open file that is closed, and unlocked, by the destructor.
class LockedFile {
 public:
  explicit LockedFile(int fd = -1) : fd_(fd) {}
  ~LockedFile();
  LockedFile(LockedFile&& o) noexcept : fd_(std::exchange(o.fd_, -1)) {}
  LockedFile& operator=(LockedFile&& o) noexcept {
    std::swap(fd_, o.fd_);
    return *this;
  }

 private:
  int fd_;
};

// Exclusive access to the library. Other sessions wait while it exists.
class OpenLibrary {
 public:
  // missing: there is no library in the folder. corrupt: its files cannot be read.
  static Result<std::unique_ptr<OpenLibrary>> open(const std::filesystem::path& folder);

  const TapeLibrary& library() const { return library_; }
  TapeModel& model() { return *model_; }
  Micros quiet() const { return quiet_; }  // with a pace: real time in which nothing will happen
  // Writes the state and appends the events to the log.
  Result<> commit();

 private:
  std::filesystem::path folder_;
  LockedFile lock_;
  TapeLibrary library_;
  std::string events_;
  std::unique_ptr<TapeModel> model_;
  Micros quiet_ = 0;
};

// Creates the folder with the files of a new library. invalid: it contains a library.
Result<> write_library(const std::filesystem::path& folder, const TapeLibrary& library);
Result<TapeLibrary> read_library(const std::filesystem::path& folder);
// The events in the order in which they happened.
Result<std::vector<TapeEvent>> read_log(const std::filesystem::path& folder);

// Marks this session as one that reads a file, until the mark is destroyed, also by the end of the process.
Result<LockedFile> mark_reader(const std::filesystem::path& folder);
// Waits until no other session reads a file, at most for `patience` of real time: simulated time stands still while a client
// copies.
void wait_for_readers(const std::filesystem::path& folder, Micros patience = 2 * second_us);

}  // namespace mole::cli
