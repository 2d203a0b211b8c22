// What the records of a file have, whether or not a flow has a value of it.
#pragma once

#include "runtime/decode/flow_batch.hpp"

namespace mole::runtime {

struct ColumnPresence {
  ColumnSet absent;  // flow columns for which no record has a field, so that their values are defaults
  ColumnSet known;   // information elements of its templates

  bool operator==(const ColumnPresence&) const = default;
};

}  // namespace mole::runtime
