#include "runtime/task/allocator.hpp"

#include <malloc.h>

namespace mole::runtime {

// Tables grow, are merged and freed again and again: what is freed is to be used again, before the system is asked for fresh
// pages, which it must clear.
void set_up_allocator() {
  ::mallopt(M_ARENA_MAX, 1);              // what one thread frees, any may use; large blocks are rarely asked for
  ::mallopt(M_MMAP_THRESHOLD, 4 << 20);   // larger ones go back to the system at once, whatever was freed before
  ::mallopt(M_TRIM_THRESHOLD, 64 << 20);  // the end of the heap is given back by FlowPass, after each file
}

}  // namespace mole::runtime
