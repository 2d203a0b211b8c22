// Configures the C library's allocator for a process that runs tasks.
#pragma once

namespace mole::runtime {

// Affects the whole process. Call before it has threads.
void set_up_allocator();

}  // namespace mole::runtime
