#include "coordinator/leases/grant_row.hpp"

namespace mole::coordinator::leases {

using nlohmann::json;

json to_row(const tasks::Grant& g, const std::string& node, const std::string& incarnation) {
  json steps = json::array();
  for (const auto& s : g.steps)
    steps.push_back({{"module", s.step.module},
                     {"make_state", s.step.make_state},
                     {"make_result", s.step.make_result},
                     {"fingerprint", s.job.fingerprint},
                     {"state_key", s.state_key},
                     {"result_key", s.result_key}});
  return {{"node", node},       {"incarnation", incarnation},
          {"epoch", g.epoch},   {"seq", g.seq},
          {"kind", g.kind},     {"request", g.request},
          {"grid", g.ref.grid}, {"block_number", g.ref.number},
          {"block", g.block},   {"steps", steps}};
}

std::optional<StoredLease> lease_from_row(const std::string& id, const json& row) {
  try {
    StoredLease out;
    auto& g = out.grant;
    g.id = id;
    row.at("node").get_to(out.node);
    row.at("incarnation").get_to(out.incarnation);
    row.at("epoch").get_to(g.epoch);
    row.at("seq").get_to(g.seq);
    row.at("kind").get_to(g.kind);
    row.at("request").get_to(g.request);
    row.at("grid").get_to(g.ref.grid);
    row.at("block_number").get_to(g.ref.number);
    g.block = row.at("block").get<TimeRange>();
    for (const auto& s : row.at("steps"))
      g.steps.push_back({{s.at("module"), s.at("make_state"), s.at("make_result")},
                         {s.at("fingerprint").get<Digest>(), g.block.from},
                         s.at("state_key").get<Digest>(),
                         s.at("result_key").get<Digest>()});
    return out;
  } catch (const json::exception&) {
    return std::nullopt;  // the lease is lost, which costs only repeated work
  }
}

}  // namespace mole::coordinator::leases
