// A module as it was last submitted, and its variants: the row of the table `modules`.
#pragma once

#include "sdk/model/field_json.hpp"

#include <string>
#include <vector>

namespace mole::coordinator::requests {

// Results of the module with `--set` options that change what it measures.
struct WhatIf {
  std::uint64_t request = 0, latest = 0;  // first and latest request with this fingerprint; the first names its folder
  Digest fingerprint, revision;
  std::vector<std::string> overrides;
};

struct ModuleRow {
  Digest fingerprint, revision;  // of the results that are shown; empty: only what-ifs were submitted
  std::uint64_t request = 0;     // latest request for them
  std::uint64_t changed_by = 0;  // latest request with a changed manifest whose results are not complete; 0: none
  std::vector<Digest> history;   // former fingerprints, latest first
  std::vector<WhatIf> what_ifs;  // oldest first
};

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(WhatIf, request, latest, fingerprint, revision, overrides)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ModuleRow, fingerprint, revision, request, changed_by, history, what_ifs)

}  // namespace mole::coordinator::requests
