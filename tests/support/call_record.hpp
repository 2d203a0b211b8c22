// Reads the call record of a process that has ended.
#pragma once

#include "runtime/host/call_record.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace mole::runtime {

// corrupt: it is not a call record.
inline Result<CallRecordBytes> read_call_record(const std::filesystem::path& path) {
  CallRecordBytes bytes;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return missing("no call record at " + path.string());
  const auto got = ::read(fd, &bytes, sizeof bytes);
  ::close(fd);
  if (got != static_cast<ssize_t>(sizeof bytes) || bytes.magic != call_record_magic)
    return corrupt(path.string() + " is not a call record; the worker ended before its first call");
  bytes.module[sizeof bytes.module - 1] = '\0';
  return bytes;
}

}  // namespace mole::runtime
