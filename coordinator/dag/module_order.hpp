// Order in which the modules of a manifest are resolved.
#pragma once

#include "coordinator/manifest/manifest.hpp"

#include <vector>

namespace mole::coordinator::dag {

// Indexes into manifest.modules, inputs before their readers. missing: an input names an unknown module. invalid: a cycle, named
// in full, or too long a chain.
Result<std::vector<std::size_t>> order_modules(const manifest::Manifest& manifest);

}  // namespace mole::coordinator::dag
