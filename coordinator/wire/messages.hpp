// Messages between nodes and the coordinator that bundle values of node_api.hpp. Internal to wire/.
#pragma once

#include "coordinator/wire/node_api.hpp"

#include <map>
#include <string>
#include <vector>

namespace mole::coordinator {

// The reply to `lease`. Sidecars of plugins are long and few, so each is sent once instead of in every spec.
struct Grants {
  std::vector<task::Spec> specs;
  std::map<std::string, std::string> sidecars;

  static constexpr auto table =
      document("Grants", "Leased tasks.",  //
               field("specs", &Grants::specs, "Tasks, without sidecars"),
               field("sidecars", &Grants::sidecars, "Their sidecars by the digest of the library, in hex"));
};

struct Completions {
  std::vector<Completion> completions;

  static constexpr auto table = document("Completions", "Results of tasks.",  //
                                         field("completions", &Completions::completions, "At most as many as fit in a message"));
};

// Calls `visit` for every use of a plugin in `spec`.
void for_each_plugin(auto& spec, auto visit) {
  if (spec.archive) {
    visit(spec.archive->downloader);
    for (auto& tier : spec.archive->tiers) visit(tier);
    if (spec.archive->decoders.empty()) visit(spec.archive->decoder);
    for (auto& decoder : spec.archive->decoders) visit(decoder);
  }
  for (auto& step : spec.steps) visit(step.plugin);
}

}  // namespace mole::coordinator
