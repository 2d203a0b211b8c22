#include "coordinator/dag/resolve.hpp"

#include "sdk/model/filter.hpp"
#include "sdk/model/flow_columns.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>

namespace mole::coordinator::dag {
namespace {

constexpr std::size_t max_depth = 16;
constexpr Micros longest_window = 3660 * day_us;
constexpr Micros longest_in_intervals = 1'000'000;

const std::vector<std::string> dimensions = {"router",   "direction", "protocol_class", "src_port", "dst_port",
                                             "protocol", "src_as",    "dst_as",         "tos",      "in_if",
                                             "out_if",   "src_addr",  "dst_addr"};

// Every interval has all of their members, so they can be added up to the member "all".
const std::vector<std::string> closed_dimensions = {"router", "direction", "protocol_class"};

Error at(const std::string& where, const Error& error) { return {error.code, where + ": " + error.message}; }

// Parameters of format "path" become absolute, so that a node finds them from any folder.
void make_paths_absolute(const Descriptor& descriptor, const std::string& base, nlohmann::json& params) {
  for (const auto& param : descriptor.params) {
    if (param.format != "path" || !params.contains(param.name) || !params[param.name].is_string()) continue;
    const std::filesystem::path path = params[param.name].get<std::string>();
    if (!path.empty() && path.is_relative())
      params[param.name] = (std::filesystem::path(base) / path).lexically_normal().string();
  }
}

class Resolver {
 public:
  Resolver(const manifest::Manifest& manifest, const PluginCatalogue& plugins, const std::string& base, const DigestOf& digest)
      : manifest_(manifest), plugins_(plugins), base_(base), digest_(digest) {}

  Result<Resolved> run() {
    graph().pipeline = manifest_.pipeline;
    for (const auto& archive : manifest_.archives)
      if (auto done = add_archive(archive); !done) return done.error();
    auto order = sort_modules();
    if (!order) return order.error();
    for (const auto index : *order)
      if (auto done = add_module(manifest_.modules[index]); !done) return done.error();
    set_fingerprints(graph());
    std::map<Digest, const Module*> seen;
    for (const auto& module : graph().modules)
      if (const auto [same, fresh] = seen.emplace(module.fingerprint, &module); !fresh)
        return invalid(where_of(module.name) + ": the modules " + same->second->name + " and " + module.name +
                       " compute the same from the same; remove one of them");
    return std::move(out_);
  }

 private:
  Graph& graph() { return out_.graph; }

  std::string where_of(const std::string& name) const {
    for (const auto& module : manifest_.modules)
      if (module.name == name) return module.where;
    return name;
  }

  Result<task::PluginUse> use(const CataloguedPlugin& plugin, const nlohmann::json& given, const std::string& where) {
    if (auto good = plugin.verify(); !good) return at(where, good.error());
    auto params = resolve_params(plugin.descriptor, given);
    if (!params) return at(where, params.error());
    make_paths_absolute(plugin.descriptor, base_, *params);
    const auto& d = plugin.descriptor;
    if (const auto same = [&](const Library& l) { return l.digest == plugin.sidecar.digest && l.name == d.name; };
        std::none_of(out_.libraries.begin(), out_.libraries.end(), same))
      out_.libraries.push_back({d.name, d.version, d.development(), plugin.sidecar.digest, plugin.library});
    return task::PluginUse{d.name, d.version, plugin.sidecar.digest, plugin.sidecar.text, std::move(*params)};
  }

  Result<> add_archive(const manifest::Archive& from) {
    Archive to;
    to.name = from.name;
    to.files = from.files.text();
    to.covers = from.covers;
    to.lateness = from.lateness;
    to.home = from.home;
    to.block_length = from.block_length;
    to.block_origin = from.block_origin % from.block_length;
    to.damage = from.damage;
    to.decode = from.decode;
    to.horizon = from.horizon;
    auto downloader = plugins_.find("downloader", from.downloader);
    if (!downloader) return at(from.where, downloader.error());
    auto decoder = plugins_.find("decoder", from.decoder);
    if (!decoder) return at(from.where, decoder.error());
    auto download = use(**downloader, from.downloader_params, from.where);
    if (!download) return download.error();
    auto decode = use(**decoder, from.decoder_params, from.where);
    if (!decode) return decode.error();
    to.downloader = std::move(*download);
    to.decoder = std::move(*decode);
    decoders_.push_back(*decoder);
    names_router_.push_back(from.files.names_router());
    graph().archives.push_back(std::move(to));
    return {};
  }

  // Depth-first over the inputs; an open module met again closes a cycle, which is named in full.
  Result<std::vector<std::size_t>> sort_modules() {
    std::map<std::string, std::size_t> index;
    std::vector<std::string> names;
    for (std::size_t i = 0; i < manifest_.modules.size(); ++i) {
      index[manifest_.modules[i].name] = i;
      names.push_back(manifest_.modules[i].name);
    }
    std::vector<std::size_t> order, path;
    std::vector<int> seen(names.size(), 0);  // 1: open, 2: done
    std::optional<Error> problem;
    const auto visit = [&](const auto& self, std::size_t i) -> std::size_t {
      if (seen[i] == 2 || problem) return depth_[i];
      path.push_back(i);
      if (seen[i] == 1) {
        std::string cycle;
        for (auto at_name = std::find(path.begin(), path.end(), i); at_name != path.end(); ++at_name)
          cycle += (cycle.empty() ? "" : " -> ") + names[*at_name];
        problem = invalid(manifest_.modules[i].where + ": the modules read each other in a circle: " + cycle +
                          "; take one of these inputs away");
        return 0;
      }
      seen[i] = 1;
      std::size_t depth = 1;
      for (const auto& input : manifest_.modules[i].inputs) {
        if (input.module.empty()) continue;
        const auto found = index.find(input.module);
        if (found == index.end()) {
          problem =
              missing(input.where + ": there is no module \"" + input.module + "\"" + manifest::suggestion(input.module, names));
          return 0;
        }
        depth = std::max(depth, 1 + self(self, found->second));
        if (problem) return 0;
      }
      path.pop_back();
      seen[i] = 2;
      order.push_back(i);
      if (depth > max_depth)
        problem = invalid(manifest_.modules[i].where + ": modules are chained deeper than " + std::to_string(max_depth));
      return depth_[i] = depth;
    };
    depth_.resize(names.size());
    for (std::size_t i = 0; i < names.size() && !problem; ++i) visit(visit, i);
    if (problem) return *problem;
    return order;
  }

  Result<> add_module(const manifest::Module& from) {
    auto plugin = plugins_.find("metric", from.plugin);
    if (!plugin) return at(from.plugin_where, plugin.error());
    const auto& descriptor = (*plugin)->descriptor;
    Module to;
    to.name = from.name;
    to.execution = descriptor.execution;
    to.window = from.window;
    to.warmup = from.warmup;
    to.since = from.since;
    to.keep_states = from.keep_states;
    to.load = from.load;
    auto plugin_use = use(**plugin, from.params, from.params_where);
    if (!plugin_use) return plugin_use.error();
    to.plugin = std::move(*plugin_use);
    if (auto done = bind_inputs(from, descriptor, to); !done) return done;
    if (auto done = set_filter(from, descriptor, to); !done) return done;
    if (auto done = set_routes(from, descriptor, to); !done) return done;
    if (auto done = check_execution(from, to); !done) return done;
    if (auto done = set_outputs(from, descriptor, to); !done) return done;
    graph().modules.push_back(std::move(to));
    return {};
  }

  Result<> bind_inputs(const manifest::Module& from, const Descriptor& descriptor, Module& to) {
    std::vector<std::string> roles;
    for (const auto& role : descriptor.inputs) roles.push_back(role.role);
    for (const auto& bound : from.inputs)
      if (!bound.role.empty() && !descriptor.input(bound.role))
        return invalid(bound.where + ": the plugin " + descriptor.name + " has no input \"" + bound.role + "\"" +
                       manifest::suggestion(bound.role, roles));
    bool first = true;
    for (const auto& role : descriptor.inputs) {
      const auto bound = std::find_if(from.inputs.begin(), from.inputs.end(), [&](const manifest::Input& i) {
        return i.role == role.role || (i.role.empty() && (role.kind == "flows" || descriptor.inputs.size() == 1));
      });
      if (bound == from.inputs.end()) {
        if (role.kind == "context") continue;
        return invalid(
            from.where + ": the input \"" + role.role + "\" of " + descriptor.name + " is not bound; " +
            (role.kind == "flows" ? "add \"input: {archive: NAME}\"" : "add \"inputs: {" + role.role + ": MODULE.COLUMN}\""));
      }
      auto done = role.kind == "flows" ? bind_flows(from, *bound, role, to, first) : bind_rows(from, *bound, role, to, first);
      if (!done) return done;
      first = false;
    }
    if (to.inputs.empty())
      return invalid(from.where + ": the plugin " + descriptor.name + " declares no input; it cannot be a module");
    return {};
  }

  Result<> bind_flows(const manifest::Module& from, const manifest::Input& bound, const mole::Input& role, Module& to,
                      bool first) {
    if (bound.archive.empty())
      return invalid(bound.where + ": the input \"" + role.role + "\" takes flows; bind an archive: \"" + role.role +
                     ": {archive: NAME}\"");
    std::vector<std::string> names;
    for (const auto& archive : graph().archives) names.push_back(archive.name);
    const auto archive = graph().find_archive(bound.archive);
    if (!archive)
      return missing(bound.where + ": there is no archive \"" + bound.archive + "\"" +
                     manifest::suggestion(bound.archive, names));
    const bool by_router = from.by && std::find(from.by->begin(), from.by->end(), "router") != from.by->end();
    if ((by_router || !bound.routers.empty()) && !names_router_[*archive])
      return invalid(bound.where +
                     ": the names of the archive's files tell no router; put {router} into its \"files\" or leave router out");
    for (const auto& read : role.reads) {
      const auto column = source_of(from, read);
      const auto& writes = decoders_[*archive]->descriptor.writes;
      if (column != "router" && !writes.empty() && std::find(writes.begin(), writes.end(), column) == writes.end())
        return invalid(bound.where + ": the module " + from.name + " reads the column " + column + ", which the decoder " +
                       decoders_[*archive]->descriptor.name + " does not fill; choose another decoder");
    }
    for (const auto& other : to.inputs)
      if (other.kind == "flows") return invalid(bound.where + ": a module reads at most one archive; chain two modules instead");
    if (!first && to.archive != *archive)
      return invalid(bound.where + ": the inputs of " + from.name + " stand on different archives");
    if (!from.interval) return invalid(from.where + ": the module " + from.name + " needs an \"interval\", such as 15m");
    to.archive = *archive;
    to.routers = bound.routers;
    to.interval = *from.interval;
    to.by = from.by.value_or(std::vector<std::string>{});
    if (auto done = check_dimensions(from, to.by); !done) return done;
    if (by_direction(to.by) && graph().archives[*archive].home.source.empty())
      return invalid(from.where + ": \"by\" names the direction, but the archive " + bound.archive +
                     " does not say what is at home; give it \"home: {networks: [A.B.C.D/N]}\"");
    if (auto done = set_totals(from, to); !done) return done;
    to.inputs.push_back({role.role, "flows", *archive, "", "", ""});
    return check_grid(from, to);
  }

  Result<> check_dimensions(const manifest::Module& from, const std::vector<std::string>& by) {
    std::set<std::string> seen;
    for (const auto& dimension : by) {
      if (std::find(dimensions.begin(), dimensions.end(), dimension) == dimensions.end())
        return invalid(from.where + ": \"by\" knows no dimension \"" + dimension + "\"" +
                       manifest::suggestion(dimension, dimensions));
      if (!seen.insert(dimension).second) return invalid(from.where + ": \"by\" names " + dimension + " twice; once is enough");
    }
    return {};
  }

  Result<> set_totals(const manifest::Module& from, Module& to) {
    if (!from.totals) return {};
    const auto asked = [&](const std::string& name) {
      return std::find(from.totals->begin(), from.totals->end(), name) != from.totals->end();
    };
    for (const auto& name : *from.totals) {
      if (std::find(to.by.begin(), to.by.end(), name) == to.by.end())
        return invalid(from.where + ": \"totals\" names " + name +
                       ", by which the module is not grouped; add it to \"by\" or leave it out");
      if (std::find(closed_dimensions.begin(), closed_dimensions.end(), name) == closed_dimensions.end())
        return invalid(from.where + ": \"totals\" names " + name +
                       ", an open dimension: its members are not all known; leave it out, and chain or add a module that is not "
                       "grouped by it");
    }
    if (to.execution == "sequential")
      return invalid(from.where + ": " + to.plugin.name +
                     " is sequential: its states cannot be merged into totals; leave \"totals\" out");
    if (asked("router") && std::find(to.routers.begin(), to.routers.end(), "all") != to.routers.end())
      return invalid(from.where +
                     ": a router is called \"all\", as the total over routers would be; leave router out of \"totals\"");
    std::copy_if(to.by.begin(), to.by.end(), std::back_inserter(to.totals), asked);
    return {};
  }

  Result<> check_grid(const manifest::Module& from, const Module& to) {
    const auto& grid = graph().archives[to.archive];
    if (grid.block_length % to.interval != 0 || to.interval > grid.block_length)
      return invalid(from.where + ": the interval " + format_duration(to.interval) + " does not divide the block length " +
                     format_duration(grid.block_length) + " of the archive " + grid.name + "; choose one that does");
    if (grid.block_origin % to.interval != 0)
      return invalid(from.where + ": the block origin of the archive " + grid.name + " is not on the grid of the interval " +
                     format_duration(to.interval) + "; choose an origin that is a multiple of it");
    return {};
  }

  Result<> bind_rows(const manifest::Module& from, const manifest::Input& bound, const mole::Input& role, Module& to,
                     bool first) {
    if (bound.module.empty())
      return invalid(bound.where + ": the input \"" + role.role +
                     "\" takes a module's column; write MODULE.COLUMN, such as traffic.bytes");
    const auto source = *graph().find_module(bound.module);
    const auto& upstream = graph().modules[source];
    std::vector<std::string> names;
    for (const auto& column : upstream.outputs) names.push_back(column.name);
    const auto column =
        std::find_if(upstream.outputs.begin(), upstream.outputs.end(), [&](const Column& c) { return c.name == bound.column; });
    if (column == upstream.outputs.end())
      return missing(bound.where + ": the module " + upstream.name + " has no column \"" + bound.column + "\"" +
                     manifest::suggestion(bound.column, names));
    if (column->type != "u64" && column->type != "i64" && column->type != "f64")
      return invalid(bound.where + ": " + upstream.name + "." + column->name + " is of type " + column->type + ", but \"" +
                     role.role + "\" takes a number; bind a numeric column");
    if (auto done = inherit(from, bound, upstream, to, first); !done) return done;
    to.inputs.push_back({role.role, role.kind, source, column->name, column->type, column->unit});
    return {};
  }

  Result<> inherit(const manifest::Module& from, const manifest::Input& bound, const Module& upstream, Module& to, bool first) {
    const auto grids_equal = [&] {
      const auto& a = graph().archives[to.archive];
      const auto& b = graph().archives[upstream.archive];
      return a.block_length == b.block_length && a.block_origin == b.block_origin;
    };
    if (first) {
      to.archive = upstream.archive;
      to.interval = upstream.interval;
      to.by = upstream.by;
      to.totals = upstream.totals;
      if (from.totals)
        return invalid(from.where + ": \"totals\" are made of flows; leave it out, " + from.name + " has those of its input " +
                       upstream.name);
      if (from.interval && *from.interval != upstream.interval)
        return invalid(from.where + ": the interval " + format_duration(*from.interval) + " differs from the " +
                       format_duration(upstream.interval) + " of its input " + upstream.name + "; leave it out, it is inherited");
      if (from.by && *from.by != upstream.by)
        return invalid(from.where + ": \"by\" differs from that of the input " + upstream.name +
                       "; leave it out, it is inherited");
      return {};
    }
    if (!grids_equal())
      return invalid(bound.where + ": the inputs of " + from.name +
                     " have different block grids; give their archives the same \"block\"");
    if (to.interval != upstream.interval)
      return invalid(bound.where + ": the inputs of " + from.name + " have different intervals: " + format_duration(to.interval) +
                     " and " + format_duration(upstream.interval) + " (" + upstream.name + "); give them the same");
    if (to.by != upstream.by)
      return invalid(bound.where + ": the inputs of " + from.name + " are grouped differently; give " + upstream.name +
                     " the same \"by\"");
    if (to.totals != upstream.totals)
      return invalid(bound.where + ": the inputs of " + from.name + " have different totals; give " + upstream.name +
                     " the same \"totals\"");
    return {};
  }

  Result<> set_filter(const manifest::Module& from, const Descriptor& descriptor, Module& to) {
    const bool flows = to.inputs[0].kind == "flows";
    if (from.filter.empty() && (flows || from.load == "start")) return {};
    if (!flows)
      return invalid(from.filter_where + ": \"filter\" and \"load\" choose flows; the module " + from.name +
                     " reads rows of another");
    auto filter = parse_filter(from.filter);
    if (!filter) return at(from.filter_where, filter.error());
    if (!filter->any()) to.filter = filter->canonical();
    const auto& writes = decoders_[to.archive]->descriptor.writes;
    for (const auto id : filter->columns()) {
      const auto column = source_of(from, std::string(flow_column_name(id)));
      if (column != "router" && !writes.empty() && std::find(writes.begin(), writes.end(), column) == writes.end())
        return invalid(from.filter_where + ": the filter of " + descriptor.name + " reads " + column + ", which the decoder " +
                       decoders_[to.archive]->descriptor.name + " does not fill");
    }
    return {};
  }

  // A column that a decoder must fill so that `column` can be had: AS numbers of a routing table are looked up from addresses.
  static std::string source_of(const manifest::Module& from, const std::string& column) {
    const bool looked_up =
        std::any_of(from.inputs.begin(), from.inputs.end(), [](const manifest::Input& i) { return i.as != "record"; });
    if (looked_up && column == "src_as") return "src_addr";
    if (looked_up && column == "dst_as") return "dst_addr";
    return column;
  }

  bool reads_as(const Descriptor& descriptor, const Module& to) {
    const auto is_as = [](const std::string& column) { return column == "src_as" || column == "dst_as"; };
    bool reads = std::any_of(to.by.begin(), to.by.end(), is_as);
    for (const auto& input : descriptor.inputs)
      if (input.kind == "flows") reads = reads || std::any_of(input.reads.begin(), input.reads.end(), is_as);
    std::vector<std::string> filters{to.filter};
    if (std::find(to.by.begin(), to.by.end(), "direction") != to.by.end()) {
      const auto& home = graph().archives[to.archive].home;
      filters.insert(filters.end(), {home.source, home.destination});
    }
    for (const auto& text : filters)
      if (const auto filter = parse_filter(text))
        for (const auto id : filter->columns()) reads = reads || is_as(std::string(flow_column_name(id)));
    return reads;
  }

  // Where the module's AS numbers come from. One that reads none depends on no table, whatever its `as` says.
  Result<> set_routes(const manifest::Module& from, const Descriptor& descriptor, Module& to) {
    const auto bound =
        std::find_if(from.inputs.begin(), from.inputs.end(), [](const manifest::Input& i) { return i.as != "record"; });
    if (bound == from.inputs.end()) return {};
    std::vector<std::string> names{"record"};
    for (const auto& resource : manifest_.resources) names.push_back(resource.name);
    const auto resource = std::find_if(manifest_.resources.begin(), manifest_.resources.end(),
                                       [&](const manifest::Resource& r) { return r.name == bound->as; });
    if (resource == manifest_.resources.end())
      return missing(bound->where + ": there is no resource \"" + bound->as + "\" for \"as\"" +
                     manifest::suggestion(bound->as, names));
    if (!reads_as(descriptor, to)) return {};
    const auto& known = graph().resources;
    const auto found = std::find_if(known.begin(), known.end(), [&](const Resource& r) { return r.name == resource->name; });
    to.routes = static_cast<std::uint32_t>(found - known.begin());
    return found != known.end() ? Result<>() : add_resource(*resource);
  }

  Result<> add_resource(const manifest::Resource& from) {
    auto tables = find_tables(from, base_, digest_);
    if (!tables) return tables.error();
    Resource to{from.name, from.files, from.format, from.valid, {}};
    for (auto& table : *tables) {
      table.resource = static_cast<std::uint32_t>(graph().resources.size());
      to.tables.push_back(table.table);
      out_.tables.push_back(std::move(table));
    }
    graph().resources.push_back(std::move(to));
    return {};
  }

  Result<> check_execution(const manifest::Module& from, const Module& to) {
    const auto& name = to.plugin.name;
    if (to.execution != "sequential" && to.execution != "mergeable")
      return unsupported(from.plugin_where + ": " + name + " is executed by \"" + to.execution +
                         "\", which this version cannot; use a mergeable or sequential metric");
    if (to.load == "proportional")
      return unsupported(from.where + ": \"load: proportional\" is not available in this version; choose start or end");
    if (to.execution == "sequential") {
      if (to.load != "start")
        return invalid(from.where + ": a sequential module counts flows at their start; leave \"load\" out");
      if ((to.warmup > 0) == to.since.has_value())
        return invalid(from.where + ": " + name +
                       " is sequential: it needs either \"warmup\" (such as 1h: every block starts fresh that much "
                       "earlier) or \"since\" (a first instant: blocks are chained)");
      if (to.window > 0)
        return invalid(from.where + ": " + name + " is sequential and cannot be merged into a window; leave \"window\" out");
      if (to.warmup % to.interval != 0)
        return invalid(from.where + ": \"warmup\" must be a multiple of the interval " + format_duration(to.interval));
      return {};
    }
    if (to.warmup > 0 || to.since)
      return invalid(from.where + ": \"warmup\" and \"since\" are for sequential metrics; " + name +
                     " is mergeable; use \"window\"");
    if (to.window % to.interval != 0)
      return invalid(from.where + ": the window " + format_duration(to.window) + " is not a multiple of the interval " +
                     format_duration(to.interval) + "; round it");
    if (to.window > longest_window || to.window / to.interval > longest_in_intervals)
      return invalid(from.where +
                     ": a window has at most a million intervals and ten years; shorten it or lengthen the interval");
    return {};
  }

  Result<> set_outputs(const manifest::Module& from, const Descriptor& descriptor, Module& to) {
    std::map<std::string, Binding> bindings;
    for (const auto& input : to.inputs)
      if (input.kind != "flows") bindings[input.role] = {input.column, input.unit, input.type};
    auto outputs = resolve_outputs(descriptor, bindings);
    if (!outputs) return at(from.where, name_sources(to, outputs.error()));
    std::set<std::string> taken(to.by.begin(), to.by.end());
    for (const auto* standard :
         {"interval_start", "interval_end", "coverage", "flows_lost", "flows_late", "files_expected", "files_present"})
      taken.insert(standard);
    for (const auto& output : *outputs) {
      if (!taken.insert(output.name).second)
        return invalid(from.where + ": the column \"" + output.name + "\" of " + descriptor.name +
                       " is there already; rename it in the plugin");
      to.outputs.push_back({output.name, output.type, output.unit, output.doc});
    }
    return {};
  }

  // A unit mismatch is about two columns: both are named as the manifest writes them.
  Error name_sources(const Module& to, Error error) {
    std::string bound;
    for (const auto& input : to.inputs)
      if (input.kind != "flows")
        bound += (bound.empty() ? "" : ", ") + input.role + " = " + graph().modules[input.source].name + "." + input.column +
                 " [" + input.unit + "]";
    if (!bound.empty()) error.message += " (" + bound + ")";
    return error;
  }

  const manifest::Manifest& manifest_;
  const PluginCatalogue& plugins_;
  const std::string& base_;
  const DigestOf& digest_;
  Resolved out_;
  std::vector<const CataloguedPlugin*> decoders_;  // of the archives
  std::vector<bool> names_router_;
  std::vector<std::size_t> depth_;
};

}  // namespace

Result<Resolved> resolve(const manifest::Manifest& manifest, const PluginCatalogue& plugins, const std::string& base,
                         const DigestOf& digest) {
  return Resolver(manifest, plugins, base, digest).run();
}

}  // namespace mole::coordinator::dag
