// task::Spec and task::Report to and from their Thrift form. Internal to wire/; convert.hpp is the way in.
#pragma once

#include "coordinator/wire/documents/json.hpp"
#include "sdk/model/task.hpp"
#include "task_types.h"

#include <map>
#include <string>

namespace mole::coordinator {

// What plugins say of themselves, taken out of the specs of one message: library's digest -> sidecar.
using Sidecars = std::map<std::string, std::string>;

// A message in the making: what its specs share, and about how many bytes it has by now (never fewer).
struct Outgoing {
  Sidecars sidecars;
  std::size_t bytes = 0;
};

wire::Spec to_wire(const task::Spec&, Outgoing&);
Result<task::Spec> from_wire(wire::Spec, const Sidecars&);  // invalid: a digest, number or document that is none
wire::Report to_wire(const task::Report&, Outgoing&);
Result<task::Report> from_wire(wire::Report);

}  // namespace mole::coordinator
