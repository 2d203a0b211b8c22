// How the C library keeps the memory of a process that runs tasks.
#pragma once

namespace mole::runtime {

// For the whole process, before it has threads.
void set_up_allocator();

}  // namespace mole::runtime
