// Writes the pattern of a shape whose time is known: decides which of the remaining parts are the router and the running number.
#pragma once

#include "cli/init/time_layout.hpp"

namespace mole::cli {

struct PatternText {
  std::string files;
  bool local = false, has_both = false;
};

// Empty `files`: no pattern can describe the names.
PatternText pattern_of(const NameShape& shape, const TimeLayout& layout);

}  // namespace mole::cli
