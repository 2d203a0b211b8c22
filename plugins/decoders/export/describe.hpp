// Describes templates, and what options say about elements, interfaces and applications, to the Sink.
#pragma once

#include "plugins/decoders/export/template.hpp"

#include <mole/decoder.hpp>

#include <cstdint>

namespace mole::plugins::flow_export {

// An exporter and one of its observation domains.
struct Described {
  Addr address;
  std::uint32_t exporter, domain;
};

void describe_template(Sink& sink, const Described& by, const Template& layout);

// Describes what an options record names: an element (RFC 5610), an interface, or an application (RFC 6759).
void describe_names(Sink& sink, const Described& by, const Template& layout, const Value* values);

}  // namespace mole::plugins::flow_export
