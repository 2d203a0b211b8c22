// Converts errors to and from the exception that the services declare. Internal to wire/.
#pragma once

#include "coordinator_types.h"

#include <mole/result.hpp>

namespace mole::coordinator {

inline wire::Failure to_wire(const Error& error) {
  wire::Failure out;
  out.code = static_cast<std::int32_t>(error.code);
  out.message = error.message;
  return out;
}

// An unknown code, from a newer version, becomes `internal`.
inline Error from_wire(const wire::Failure& failure) {
  const bool known =
      failure.code >= static_cast<std::int32_t>(Code::busy) && failure.code <= static_cast<std::int32_t>(Code::invalid);
  return {known ? static_cast<Code>(failure.code) : Code::internal, failure.message};
}

}  // namespace mole::coordinator
