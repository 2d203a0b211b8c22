#include "hostile.hpp"

HOSTILE_METRIC(Hanger, "hanger", "Never returns", {
  volatile bool forever = true;
  while (forever) {
  }
})
