#include "hostile.hpp"

#include <cstdio>

HOSTILE_METRIC(Flooder, "flooder", "Prints without end", {
  volatile bool forever = true;
  while (forever) std::fputs("flooder: a line that is printed again and again\n", stderr);
})
