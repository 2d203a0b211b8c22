// Texts about the sandboxes that manifests and operators require.
#pragma once

#include "sdk/model/enums.hpp"

#include <string>
#include <vector>

namespace mole::coordinator::control {

// "namespaces, landlock"
inline std::string text_of(const std::vector<SandboxPart>& parts) {
  std::string out;
  for (const auto part : parts) out += (out.empty() ? "" : ", ") + std::string(name_of(part));
  return out;
}

inline std::string cause_of_no_sandbox(const std::vector<SandboxPart>& required) {
  return "its manifest requires a sandbox with " + text_of(required) + ", and no node has all these parts";
}

inline constexpr const char* remedy_of_no_sandbox =
    "start mole-node on a machine that allows them (mole status lists the parts of each node), or change require_sandbox";

}  // namespace mole::coordinator::control
