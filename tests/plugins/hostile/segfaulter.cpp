#include "hostile.hpp"

HOSTILE_METRIC(Segfaulter, "segfaulter", "Writes through a null pointer", {
  volatile int* volatile nowhere = nullptr;
  *nowhere = 1;
})
