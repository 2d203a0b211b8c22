#include <cstdlib>

#include "hostile.hpp"

HOSTILE_METRIC(Exiter, "exiter", "Exits with status 0", { std::exit(0); })
