#include "coordinator/dag/bind_inputs.hpp"

#include "sdk/model/filter.hpp"
#include "sdk/model/flow_columns.hpp"

#include <algorithm>
#include <set>

namespace mole::coordinator::dag {
namespace {

const std::vector<std::string> dimensions = {"router",   "direction", "protocol_class", "src_port", "dst_port",
                                             "protocol", "src_as",    "dst_as",         "tos",      "in_if",
                                             "out_if",   "src_addr",  "dst_addr"};

// Dimensions whose members are all present in every interval, so that they can be added up to the member "all".
const std::vector<std::string> closed_dimensions = {"router", "direction", "protocol_class"};

bool contains(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Whether the decoder provides what `column` is made from: AS numbers of a routing table are looked up from addresses. On failure
// `column` is the one that is missing.
bool fills(const Descriptor& decoder, const manifest::Module& reader, std::string& column) {
  if (std::any_of(reader.inputs.begin(), reader.inputs.end(), looks_up_as)) {
    if (column == "src_as") column = "src_addr";
    if (column == "dst_as") column = "dst_addr";
  }
  return column == "router" || decoder.writes.empty() || contains(decoder.writes, column);
}

class InputBinder {
 public:
  InputBinder(const Graph& graph, const std::vector<ArchiveFacts>& facts, const manifest::Module& from, Module& to)
      : graph_(graph), facts_(facts), from_(from), to_(to) {}

  Result<> bind(const Descriptor& descriptor) {
    std::vector<std::string> roles;
    for (const auto& role : descriptor.inputs) roles.push_back(role.role);
    for (const auto& bound : from_.inputs)
      if (!bound.role.empty() && !descriptor.input(bound.role))
        return invalid(bound.where + ": the plugin " + descriptor.name + " has no input \"" + bound.role + "\"" +
                       manifest::suggestion(bound.role, roles));
    for (const auto& role : descriptor.inputs) {
      const bool flows = role.kind == InputKind::flows;
      const auto bound = std::find_if(from_.inputs.begin(), from_.inputs.end(), [&](const manifest::Input& i) {
        return i.role == role.role || (i.role.empty() && (flows || descriptor.inputs.size() == 1));
      });
      if (bound == from_.inputs.end()) {
        if (role.kind == InputKind::context) continue;
        return invalid(from_.where + ": the input \"" + role.role + "\" of " + descriptor.name + " is not bound; " +
                       (flows ? "add \"input: {archive: NAME}\"" : "add \"inputs: {" + role.role + ": MODULE.COLUMN}\""));
      }
      if (auto done = flows ? bind_flows(*bound, role) : bind_rows(*bound, role); !done) return done;
    }
    if (to_.inputs.empty())
      return invalid(from_.where + ": the plugin " + descriptor.name + " declares no input; it cannot be a module");
    return {};
  }

 private:
  Result<> bind_flows(const manifest::Input& bound, const mole::Input& role) {
    if (bound.archive.empty())
      return invalid(bound.where + ": the input \"" + role.role + "\" takes flows; bind an archive: \"" + role.role +
                     ": {archive: NAME}\"");
    const auto archive = graph_.find_archive(bound.archive);
    if (!archive)
      return missing(bound.where + ": there is no archive \"" + bound.archive + "\"" +
                     manifest::suggestion(bound.archive, manifest::names_of(graph_.archives)));
    const auto& facts = facts_[*archive];
    if (((from_.by && contains(*from_.by, "router")) || !bound.routers.empty()) && !facts.names_router)
      return invalid(bound.where +
                     ": the archive's file names do not contain the router; put {router} into its \"files\" or leave router out");
    for (auto column : role.reads)
      if (!fills(*facts.decoder, from_, column))
        return invalid(bound.where + ": the module " + from_.name + " reads the column " + column + ", which the decoder " +
                       facts.decoder->name + " does not fill; choose another decoder");
    for (const auto& other : to_.inputs)
      if (other.kind == InputKind::flows)
        return invalid(bound.where + ": a module reads at most one archive; chain two modules instead");
    if (!to_.inputs.empty() && to_.archive != *archive)
      return invalid(bound.where + ": the inputs of " + from_.name + " come from different archives; use one archive");
    if (!from_.interval) return invalid(from_.where + ": the module " + from_.name + " needs an \"interval\", such as 15m");
    to_.archive = *archive;
    to_.routers = bound.routers;
    to_.interval = *from_.interval;
    to_.by = from_.by.value_or(std::vector<std::string>{});
    if (auto good = check_dimensions(); !good) return good;
    if (by_direction(to_.by) && graph_.archives[*archive].home.source.empty())
      return invalid(from_.where + ": \"by\" names the direction, but the archive " + bound.archive +
                     " does not define \"home\"; add \"home: {networks: [A.B.C.D/N]}\" to it");
    if (auto done = set_totals(); !done) return done;
    to_.inputs.push_back({role.role, InputKind::flows, *archive, "", "", ""});
    return check_grid();
  }

  Result<> check_dimensions() const {
    std::set<std::string> seen;
    for (const auto& dimension : to_.by) {
      if (!contains(dimensions, dimension))
        return invalid(from_.where + ": \"by\": \"" + dimension + "\" is not a dimension" +
                       manifest::suggestion(dimension, dimensions));
      if (!seen.insert(dimension).second)
        return invalid(from_.where + ": \"by\" names " + dimension + " twice; remove one of them");
    }
    return {};
  }

  Result<> set_totals() {
    if (!from_.totals) return {};
    for (const auto& name : *from_.totals) {
      if (!contains(to_.by, name))
        return invalid(from_.where + ": \"totals\" names " + name +
                       ", by which the module is not grouped; add it to \"by\" or leave it out");
      if (!contains(closed_dimensions, name))
        return invalid(from_.where + ": \"totals\" names " + name +
                       ", an open dimension: not all of its members are known; leave it out, and chain or add a module that is "
                       "not grouped by it");
    }
    if (to_.execution == Execution::sequential)
      return invalid(from_.where + ": " + to_.plugin.name +
                     " is sequential: its states cannot be merged into totals; leave \"totals\" out");
    if (contains(*from_.totals, "router") && contains(to_.routers, "all"))
      return invalid(from_.where + ": a router is named \"all\", like the total over routers; leave router out of \"totals\"");
    for (const auto& name : to_.by)
      if (contains(*from_.totals, name)) to_.totals.push_back(name);
    return {};
  }

  Result<> check_grid() const {
    const auto& grid = graph_.archives[to_.archive];
    if (grid.block_length % to_.interval != 0 || to_.interval > grid.block_length)
      return invalid(from_.where + ": the interval " + format_duration(to_.interval) + " does not divide the block length " +
                     format_duration(grid.block_length) + " of the archive " + grid.name + "; choose one that does");
    if (grid.block_origin % to_.interval != 0)
      return invalid(from_.where + ": the block origin of the archive " + grid.name + " is not on the grid of the interval " +
                     format_duration(to_.interval) + "; choose an origin that is a multiple of it");
    return {};
  }

  Result<> bind_rows(const manifest::Input& bound, const mole::Input& role) {
    if (bound.module.empty())
      return invalid(bound.where + ": the input \"" + role.role +
                     "\" takes a module's column; write MODULE.COLUMN, such as traffic.bytes");
    const auto source = *graph_.find_module(bound.module);
    const auto& upstream = graph_.modules[source];
    const auto column = std::ranges::find(upstream.outputs, bound.column, &Column::name);
    if (column == upstream.outputs.end())
      return missing(bound.where + ": the module " + upstream.name + " has no column \"" + bound.column + "\"" +
                     manifest::suggestion(bound.column, manifest::names_of(upstream.outputs)));
    if (column->type != "u64" && column->type != "i64" && column->type != "f64")
      return invalid(bound.where + ": " + upstream.name + "." + column->name + " is of type " + column->type + ", but \"" +
                     role.role + "\" takes a number; bind a numeric column");
    if (auto good = to_.inputs.empty() ? inherit(upstream) : check_equal(bound, upstream); !good) return good;
    to_.inputs.push_back({role.role, role.kind, source, column->name, column->type, column->unit});
    return {};
  }

  // Takes archive, interval and grouping from the first input.
  Result<> inherit(const Module& upstream) {
    to_.archive = upstream.archive;
    to_.interval = upstream.interval;
    to_.by = upstream.by;
    to_.totals = upstream.totals;
    if (from_.totals)
      return invalid(from_.where + ": \"totals\" are made of flows; leave it out, " + from_.name + " has those of its input " +
                     upstream.name);
    if (from_.interval && *from_.interval != upstream.interval)
      return invalid(from_.where + ": the interval " + format_duration(*from_.interval) + " differs from the " +
                     format_duration(upstream.interval) + " of its input " + upstream.name + "; leave it out, it is inherited");
    if (from_.by && *from_.by != upstream.by)
      return invalid(from_.where + ": \"by\" differs from that of the input " + upstream.name +
                     "; leave it out, it is inherited");
    return {};
  }

  Result<> check_equal(const manifest::Input& bound, const Module& upstream) const {
    const auto& grid = graph_.archives[to_.archive];
    const auto& other = graph_.archives[upstream.archive];
    if (grid.block_length != other.block_length || grid.block_origin != other.block_origin)
      return invalid(bound.where + ": the inputs of " + from_.name +
                     " have different block grids; give their archives the same \"block\"");
    if (to_.interval != upstream.interval)
      return invalid(bound.where + ": the inputs of " + from_.name +
                     " have different intervals: " + format_duration(to_.interval) + " and " +
                     format_duration(upstream.interval) + " (" + upstream.name + "); give them the same");
    if (to_.by != upstream.by)
      return invalid(bound.where + ": the inputs of " + from_.name + " are grouped differently; give " + upstream.name +
                     " the same \"by\"");
    if (to_.totals != upstream.totals)
      return invalid(bound.where + ": the inputs of " + from_.name + " have different totals; give " + upstream.name +
                     " the same \"totals\"");
    return {};
  }

  const Graph& graph_;
  const std::vector<ArchiveFacts>& facts_;
  const manifest::Module& from_;
  Module& to_;
};

}  // namespace

bool looks_up_as(const manifest::Input& input) { return input.as != "record"; }

Result<> bind_inputs(const Graph& graph, const std::vector<ArchiveFacts>& facts, const manifest::Module& from,
                     const Descriptor& descriptor, Module& to) {
  return InputBinder(graph, facts, from, to).bind(descriptor);
}

Result<> bind_filter(const std::vector<ArchiveFacts>& facts, const manifest::Module& from, Module& to) {
  const bool flows = to.inputs[0].kind == InputKind::flows;
  if (from.filter.empty() && (flows || from.load == Load::start)) return {};
  if (!flows)
    return invalid(from.filter_where + ": \"filter\" and \"load\" choose flows; the module " + from.name +
                   " reads rows of another");
  auto filter = parse_filter(from.filter);
  if (!filter) return Error{filter.error().code, from.filter_where + ": " + filter.error().message};
  if (!filter->any()) to.filter = filter->canonical();
  const auto& decoder = *facts[to.archive].decoder;
  for (const auto id : filter->columns()) {
    std::string column(flow_column_name(id));
    if (!fills(decoder, from, column))
      return invalid(from.filter_where + ": the filter of " + to.plugin.name + " reads " + column + ", which the decoder " +
                     decoder.name + " does not fill");
  }
  return {};
}

}  // namespace mole::coordinator::dag
