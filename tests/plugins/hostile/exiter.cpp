#include <cstdlib>

#include "hostile.hpp"

HOSTILE_METRIC(Exiter, "exiter", "Ends the process as if all were well", { std::exit(0); })
