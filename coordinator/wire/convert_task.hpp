// Converts task::Spec and task::Report to and from their Thrift form. Used by convert.hpp.
#pragma once

#include "coordinator/wire/documents/json.hpp"
#include "sdk/model/task.hpp"
#include "task_types.h"

#include <map>
#include <string>

namespace mole::coordinator {

// The sidecars of all plugins in the specs of one message, by hex digest of the library.
using Sidecars = std::map<std::string, std::string>;

// A message under construction: the sidecars its specs share, and an upper bound of its size so far.
struct Outgoing {
  Sidecars sidecars;
  std::size_t bytes = 0;
};

wire::Spec to_wire(const task::Spec&, Outgoing&);
Result<task::Spec> from_wire(wire::Spec, const Sidecars&);  // invalid: a malformed digest, number or JSON text
wire::Report to_wire(const task::Report&, Outgoing&);
Result<task::Report> from_wire(wire::Report);

}  // namespace mole::coordinator
