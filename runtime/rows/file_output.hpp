// Writes to the files of an attempt, with errors that say whether the disk is full or failed.
#pragma once

#include <mole/result.hpp>

#include <string>
#include <string_view>

namespace mole::runtime {

// Returns the error for a failed system call. `doing`: begins the message, such as "writing /x/y". exhausted: the disk is full;
// else transient.
Error disk_error(const std::string& doing, int error);

// Writes all bytes to the descriptor. Fails as disk_error.
Result<> write_all(int fd, std::string_view bytes, const std::string& doing);

}  // namespace mole::runtime
