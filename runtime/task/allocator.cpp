#include "runtime/task/allocator.hpp"

#include <malloc.h>

namespace mole::runtime {

// Tables grow, are merged and freed all the time. Freed memory should be reused before the system is asked for new pages, which
// it must zero.
void set_up_allocator() {
  ::mallopt(M_ARENA_MAX, 1);              // memory freed by one thread can be reused by any; large blocks are rarely allocated
  ::mallopt(M_MMAP_THRESHOLD, 4 << 20);   // larger blocks go back to the system at once
  ::mallopt(M_TRIM_THRESHOLD, 64 << 20);  // FlowPass returns the end of the heap after each file
}

}  // namespace mole::runtime
