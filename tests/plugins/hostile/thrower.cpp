#include <stdexcept>

#include "hostile.hpp"

HOSTILE_METRIC(Thrower, "thrower", "Throws", { throw std::runtime_error("thrown on purpose"); })
