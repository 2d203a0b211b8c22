// What a process and those that it has started have written to disks.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace mole::nodes {

// Returns the bytes that were written to files on disks, also to removed ones and by processes that have ended, but not what was
// cut off again before it reached the disk. What is written twice counts twice; memory file systems do not count. 0: there is no
// such process, or the kernel does not count.
std::uint64_t written_bytes(pid_t process);

}  // namespace mole::nodes
