#include "coordinator/dag/bind_inputs.hpp"

#include "sdk/descriptor/provided_columns.hpp"
#include "sdk/model/filter.hpp"
#include "sdk/model/flow_columns.hpp"

#include <algorithm>

namespace mole::coordinator::dag {
namespace {

bool contains(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Returns whether some decoder writes `column`, or the address from which an AS number is looked up in a routing table. If not,
// `column` is set to the missing column. (The lineage counts the files whose decoder does not write it.)
bool provided(const ArchiveFacts& archive, const std::vector<task::PluginUse>& uses, const manifest::Module& reader,
              std::string& column) {
  if (std::any_of(reader.inputs.begin(), reader.inputs.end(), looks_up_as)) {
    if (column == "src_as") column = "src_addr";
    if (column == "dst_as") column = "dst_addr";
  }
  for (std::size_t i = 0; i < archive.decoders.size(); ++i)  // uses[i] has its parameters
    if (provides(*archive.decoders[i], uses[i].params, column)) return true;
  return column == "router";
}

// Completes "reads the column X, which ".
std::string not_provided(const ArchiveFacts& archive) {
  if (archive.decoders.size() == 1)
    return "the decoder \"" + archive.decoders.front()->name + "\" does not provide; choose a different decoder";
  std::string names;
  for (const auto* decoder : archive.decoders) names += (names.empty() ? "" : ", ") + decoder->name;
  return "no installed decoder (" + names + ") provides; install one that does, or choose a different metric";
}

// Returns an error if a module reads an information element that does not exist, or as a different type.
Result<> check_elements(const mole::Input& role) {
  for (const auto& [name, type] : role.elements) {
    const auto* element = element_of_column(flow_column_named(name));
    if (!element)
      return invalid("it reads the information element \"" + name +
                     "\", which has a flow column of its own or is unknown; names are those of the IANA registry and of CERT" +
                     nearest_columns(name));
    if (value_type(element->type) != type)
      return invalid("it reads the information element " + name + " as " + type + ", but its values are of type " +
                     std::string(value_type(element->type)) + "; change the metric");
  }
  return {};
}

struct InputBinder {
  const Graph& graph;
  const std::vector<ArchiveFacts>& facts;
  const manifest::Module& from;
  Module& to;

  Result<> bind(const Descriptor& descriptor) {
    std::vector<std::string> roles;
    for (const auto& role : descriptor.inputs) roles.push_back(role.role);
    for (const auto& bound : from.inputs)
      if (!bound.role.empty() && !descriptor.input(bound.role))
        return invalid(bound.where + ": the plugin " + descriptor.name + " has no input \"" + bound.role + "\"" +
                       manifest::suggestion(bound.role, roles));
    for (const auto& role : descriptor.inputs) {
      const bool flows = role.kind == InputKind::flows;
      const auto bound = std::find_if(from.inputs.begin(), from.inputs.end(), [&](const manifest::Input& i) {
        return i.role == role.role || (i.role.empty() && (flows || descriptor.inputs.size() == 1));
      });
      if (bound == from.inputs.end()) {
        if (role.kind == InputKind::context) continue;
        return refused("the input \"" + role.role + "\" of " + descriptor.name + " is not bound; " +
                       (flows ? "add \"input: {archive: NAME}\"" : "add \"inputs: {" + role.role + ": MODULE.COLUMN}\""));
      }
      if (auto done = flows ? bind_flows(*bound, role) : bind_rows(*bound, role); !done) return done;
    }
    if (to.inputs.empty()) return refused("the plugin " + descriptor.name + " declares no input; choose a different plugin");
    return {};
  }

  Error refused(const std::string& why) const { return invalid(from.where + ": " + why); }

  // Writes the columns in `by` with their own names, and checks that the decoder provides them.
  Result<> bind_groups(const ArchiveFacts& archive) {
    for (auto& name : to.by) {
      if (name == "router" || name == "direction" || name == "protocol_class") continue;
      const int number = flow_column_named(name);
      if (!is_dimension_column(number))
        return refused("\"by\" names \"" + name +
                       "\", which is neither a dimension nor an information element of the IANA registry or CERT's list" +
                       nearest_columns(name));
      name = flow_column_name(number);
      if (auto column = name; !provided(archive, graph.archives[to.archive].decoders, from, column))
        return refused("\"by\" of \"" + from.name + "\" names the column \"" + column + "\", which " + not_provided(archive));
    }
    return {};
  }

  Result<> bind_flows(const manifest::Input& bound, const mole::Input& role) {
    if (bound.archive.empty())
      return invalid(bound.where + ": the input \"" + role.role + "\" reads flows; bind an archive: \"" + role.role +
                     ": {archive: NAME}\"");
    const auto archive = graph.find_archive(bound.archive);
    if (!archive)
      return missing(bound.where + ": there is no archive \"" + bound.archive + "\"" +
                     manifest::suggestion(bound.archive, manifest::names_of(graph.archives)));
    const auto& known = facts[*archive];
    if (((from.by && contains(*from.by, "router")) || !bound.routers.empty()) && !known.names_router)
      return invalid(bound.where +
                     ": the archive's file names do not contain the router; put {router} into its \"files\" or leave router out");
    if (auto known_elements = prefixed(bound.where + ": the module \"" + from.name + "\": ", check_elements(role));
        !known_elements)
      return known_elements;
    for (auto column : role.reads)
      if (!provided(known, graph.archives[*archive].decoders, from, column))
        return invalid(bound.where + ": the module \"" + from.name + "\" reads the column \"" + column + "\", which " +
                       not_provided(known));
    for (const auto& other : to.inputs)
      if (other.kind == InputKind::flows)
        return invalid(bound.where + ": a module reads at most one archive; chain two modules instead");
    if (!to.inputs.empty() && to.archive != *archive)
      return invalid(bound.where + ": the inputs of \"" + from.name + "\" come from different archives; use one archive");
    if (!from.interval) return refused("the module \"" + from.name + "\" needs an \"interval\", such as 15m");
    to.archive = *archive;
    to.routers = bound.routers;
    to.interval = *from.interval;
    to.by = from.by.value_or(std::vector<std::string>{});
    if (auto done = bind_groups(known); !done) return done;
    if (by_direction(to.by) && graph.archives[*archive].home.source.empty())
      return refused("\"by\" names the direction, but the archive \"" + bound.archive +
                     "\" does not define \"home\"; add \"home: {networks: [A.B.C.D/N]}\" to it");
    if (auto done = check_home(known, graph.archives[*archive]); !done) return done;
    if (auto done = set_totals(); !done) return done;
    to.inputs.push_back({role.role, InputKind::flows, *archive, "", "", "", from.scale.value_or(bound.scale), {}});
    return check_grid();
  }

  // Refuses a direction that depends on a column that no decoder provides.
  Result<> check_home(const ArchiveFacts& known, const Archive& archive) const {
    if (!by_direction(to.by)) return {};
    for (const auto* side : {&archive.home.source, &archive.home.destination}) {
      MOLE_TRY(const auto filter, parse_filter(*side));
      for (const auto id : filter.columns())
        if (std::string column(flow_column_name(id)); !provided(known, archive.decoders, from, column))
          return refused("\"by\" names the direction, and \"home\" of the archive \"" + archive.name + "\" reads the column \"" +
                         column + "\", which " + not_provided(known));
    }
    return {};
  }

  Result<> set_totals() {
    if (!from.totals) return {};
    for (const auto& name : *from.totals)
      if (!contains(to.by, name))
        return refused("\"totals\" names " + name + ", but \"by\" does not; add it to \"by\" or remove it from \"totals\"");
    if (to.execution == Execution::sequential)
      return refused(to.plugin.name + " is sequential: its states cannot be merged into totals; leave \"totals\" out");
    if (contains(*from.totals, "router") && contains(to.routers, "all"))
      return refused("a router is named \"all\", the name of the total over routers; leave router out of \"totals\"");
    for (const auto& name : to.by)
      if (contains(*from.totals, name)) to.totals.push_back(name);
    return {};
  }

  Result<> check_grid() const {
    const auto& grid = graph.archives[to.archive];
    const auto length = format_duration(grid.block_length);
    if (to.interval > grid.block_length)
      return refused("the interval " + format_duration(to.interval) + " is longer than the blocks of the archive \"" + grid.name +
                     "\", " + length +
                     "; set \"block\" of the archive to a multiple of the interval, or choose a shorter interval");
    if (grid.block_length % to.interval != 0)
      return refused("the interval " + format_duration(to.interval) + " does not divide the block length " + length +
                     " of the archive \"" + grid.name + "\"; choose one that does");
    if (grid.block_origin % to.interval != 0)
      return refused("the block origin of the archive \"" + grid.name + "\" is not a multiple of the interval " +
                     format_duration(to.interval) + "; choose one that is");
    return {};
  }

  Result<> bind_rows(const manifest::Input& bound, const mole::Input& role) {
    if (bound.module.empty())
      return invalid(bound.where + ": the input \"" + role.role +
                     "\" reads a module's column; write MODULE.COLUMN, such as traffic.bytes");
    const auto source = *graph.find_module(bound.module);
    const auto& upstream = graph.modules[source];
    const auto column = std::ranges::find(upstream.outputs, bound.column, &Column::name);
    if (column == upstream.outputs.end())
      return missing(bound.where + ": the module \"" + upstream.name + "\" has no column \"" + bound.column + "\"" +
                     manifest::suggestion(bound.column, manifest::names_of(upstream.outputs)));
    if (column->type != "u64" && column->type != "i64" && column->type != "f64")
      return invalid(bound.where + ": " + upstream.name + "." + column->name + " is of type " + column->type + ", but \"" +
                     role.role + "\" reads a number; bind a numeric column");
    if (auto good = check_rows(bound, upstream); !good) return good;
    if (auto good = to.inputs.empty() ? inherit(upstream) : check_equal(bound, upstream); !good) return good;
    to.inputs.push_back(
        {role.role, role.kind, source, column->name, column->type, column->unit, Scale::none, bound.where_columns});
    return {};
  }

  // Checks `where`, which is needed if the upstream module returns several rows per interval and group.
  Result<> check_rows(const manifest::Input& bound, const Module& upstream) const {
    std::vector<std::string> choosable;
    for (const auto& output : upstream.outputs)
      if (output.type == "text" || output.type == "bool" || output.type == "u64" || output.type == "i64")
        choosable.push_back(output.name);
    if (bound.where_columns.empty() && upstream.many_rows)
      return invalid(bound.where + ": " + upstream.name + " has several rows per interval and group; say which one " + from.name +
                     " reads, such as {column: " + upstream.name + "." + bound.column + ", where: {" +
                     (choosable.empty() ? "COLUMN" : choosable.front()) + ": VALUE}}");
    for (const auto& [name, value] : bound.where_columns) {
      if (!contains(choosable, name))
        return invalid(bound.where + ": \"where\" takes text, integer and bool columns that " + upstream.plugin.name +
                       " computes; \"" + name + "\" is none" + manifest::suggestion(name, choosable));
      const auto type = std::ranges::find(upstream.outputs, name, &Column::name)->type;
      if (!is_value_of(type, value))
        return invalid(bound.where + ": \"where\": " + name + " is of type " + type + ", so no row can have the value \"" +
                       value.substr(0, 60) + "\"; write a value of this type");
    }
    return {};
  }

  // Whether a row can have the text as a value: rows are compared as text.
  static bool is_value_of(const std::string& type, std::string_view text) {
    if (type == "text") return true;
    if (type == "bool") return text == "true" || text == "false";
    const auto digits = text.substr(type == "i64" && text.starts_with('-') ? 1 : 0);
    return !digits.empty() && digits.find_first_not_of("0123456789") == digits.npos && (digits[0] != '0' || text == "0");
  }

  // Inherits archive, interval, grouping and totals from the first input.
  Result<> inherit(const Module& upstream) {
    to.archive = upstream.archive;
    to.interval = upstream.interval;
    to.by = upstream.by;
    to.totals = upstream.totals;
    if (from.totals)
      return refused("\"totals\" is only for modules that read flows; omit it, because \"" + from.name +
                     "\" inherits the totals of its input \"" + upstream.name + "\"");
    if (from.interval && *from.interval != upstream.interval)
      return refused("the interval " + format_duration(*from.interval) + " differs from " + format_duration(upstream.interval) +
                     ", the interval of its input \"" + upstream.name + "\"; omit \"interval\" to inherit it");
    if (from.by && *from.by != upstream.by)
      return refused("\"by\" differs from that of its input \"" + upstream.name + "\"; omit \"by\" to inherit it");
    return {};
  }

  Result<> check_equal(const manifest::Input& bound, const Module& upstream) const {
    const auto& grid = graph.archives[to.archive];
    const auto& other = graph.archives[upstream.archive];
    const auto error = [&](const std::string& why) {
      return invalid(bound.where + ": the inputs of \"" + from.name + "\" " + why);
    };
    if (grid.block_length != other.block_length || grid.block_origin != other.block_origin)
      return error("have different block grids; give their archives the same \"block\"");
    if (to.interval != upstream.interval)
      return error("have different intervals: " + format_duration(to.interval) + " and " + format_duration(upstream.interval) +
                   " (\"" + upstream.name + "\"); give them the same interval");
    if (to.by != upstream.by) return error("are grouped differently; give \"" + upstream.name + "\" the same \"by\"");
    if (to.totals != upstream.totals) return error("have different totals; give \"" + upstream.name + "\" the same \"totals\"");
    return {};
  }
};

}  // namespace

bool looks_up_as(const manifest::Input& input) { return input.as != "record"; }

Result<> bind_inputs(const Graph& graph, const std::vector<ArchiveFacts>& facts, const manifest::Module& from,
                     const Descriptor& descriptor, Module& to) {
  return InputBinder{graph, facts, from, to}.bind(descriptor);
}

Result<> bind_filter(const Graph& graph, const std::vector<ArchiveFacts>& facts, const manifest::Module& from, Module& to) {
  const bool flows = to.inputs[0].kind == InputKind::flows;
  if (from.scale && !flows)
    return invalid(from.scale_where + ": \"scale\" is for modules that read an archive, but the module \"" + from.name +
                   "\" reads the rows of a different module; set it in that module");
  if (from.filter.empty() && (flows || from.load == Load::start)) return {};
  if (!flows)
    return invalid(from.filter_where + ": \"filter\" and \"load\" select flows, but the module \"" + from.name +
                   "\" reads the rows of a different module; set them in that module");
  MOLE_TRY(const auto filter, prefixed(from.filter_where + ": ", parse_filter(from.filter)));
  if (!filter.any()) to.filter = filter.canonical();
  for (const auto id : filter.columns()) {
    std::string column(flow_column_name(id));
    if (!provided(facts[to.archive], graph.archives[to.archive].decoders, from, column))
      return invalid(from.filter_where + ": the filter of " + to.plugin.name + " reads \"" + column + "\", which " +
                     not_provided(facts[to.archive]));
  }
  return {};
}

}  // namespace mole::coordinator::dag
