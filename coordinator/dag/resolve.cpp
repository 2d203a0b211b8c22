#include "coordinator/dag/resolve.hpp"

#include "coordinator/dag/bind_inputs.hpp"
#include "sdk/model/filter.hpp"
#include "sdk/model/flow_columns.hpp"

#include <algorithm>
#include <set>

namespace mole::coordinator::dag {
namespace {

constexpr Micros max_window = 3660 * day_us;
constexpr Micros max_window_intervals = 1'000'000;
constexpr std::size_t max_depth = 16;

// Makes parameters of format "path" absolute, so that nodes can use them from any working directory, and spells a path in one
// way. denied: one of them may not be used.
Result<> make_paths_absolute(const Descriptor& descriptor, const std::string& base, const AllowPath& allow,
                             nlohmann::json& params) {
  for (const auto& param : descriptor.params) {
    if (param.format != "path" || !params.contains(param.name) || !params[param.name].is_string()) continue;
    const std::filesystem::path path = params[param.name].get<std::string>();
    if (path.empty()) continue;
    const auto absolute = (std::filesystem::path(base) / path).lexically_normal();
    params[param.name] = (absolute.has_filename() ? absolute : absolute.parent_path()).string();
    if (allow)
      if (auto allowed = prefixed(param.name + ": ", allow(absolute)); !allowed) return allowed;
  }
  return {};
}

// Puts inputs before their readers, by a depth-first search over the inputs. Reaching a module on the current path means a cycle.
struct Sorter {
  const std::vector<manifest::Module>& modules;
  const std::vector<std::string> names = manifest::names_of(modules);
  std::vector<std::size_t> depths =
      std::vector<std::size_t>(modules.size());  // longest chain that ends in the module; 0: not visited
  std::vector<std::size_t> order = {}, path = {};

  // Returns indexes into the modules. missing: an input names an unknown module. invalid: a cycle, or a chain that is too long.
  Result<std::vector<std::size_t>> run() {
    for (std::size_t i = 0; i < modules.size(); ++i)
      if (auto visited = visit(i); !visited) return visited.error();
    return std::move(order);
  }

  Result<> visit(std::size_t i) {
    if (depths[i] > 0) return {};
    const bool open = std::ranges::find(path, i) != path.end();
    path.push_back(i);
    if (open) return cycle_at(i);
    std::size_t depth = 1;
    for (const auto& input : modules[i].inputs) {
      if (input.module.empty()) continue;
      const auto source = static_cast<std::size_t>(std::ranges::find(names, input.module) - names.begin());
      if (source == names.size())
        return missing(input.where + ": there is no module \"" + input.module + "\"" + manifest::suggestion(input.module, names));
      if (auto visited = visit(source); !visited) return visited;
      depth = std::max(depth, 1 + depths[source]);
    }
    path.pop_back();
    order.push_back(i);
    depths[i] = depth;
    if (depth > max_depth)
      return invalid(modules[i].where + ": a chain has more than " + std::to_string(max_depth) + " modules; shorten it");
    return {};
  }

  Error cycle_at(std::size_t i) const {
    std::string cycle;
    for (auto at = std::ranges::find(path, i); at != path.end(); ++at) cycle += (cycle.empty() ? "" : " -> ") + names[*at];
    return invalid(modules[i].where + ": the modules depend on each other in a cycle: " + cycle + "; remove one of these inputs");
  }
};

class Resolver {
 public:
  Resolver(const manifest::Manifest& manifest, const PluginCatalogue& plugins, const std::string& base, const DigestOf& digest,
           const AllowPath& allow)
      : manifest_(manifest), plugins_(plugins), base_(base), digest_(digest), allow_(allow) {}

  Result<Resolution> run() {
    graph().pipeline = manifest_.pipeline;
    graph().require_sandbox = manifest_.require_sandbox;
    for (const auto& archive : manifest_.archives)
      if (auto done = add_archive(archive); !done) return done.error();
    MOLE_TRY(const auto order, Sorter{manifest_.modules}.run());
    for (const auto index : order)
      if (auto done = add_module(manifest_.modules[index]); !done) return done.error();
    set_fingerprints(graph());
    return std::move(out_);
  }

 private:
  Graph& graph() { return out_.graph; }

  Result<task::PluginUse> use(const CataloguedPlugin& plugin, const nlohmann::json& given, const std::string& where) {
    if (auto good = prefixed(where + ": ", plugin.verify()); !good) return good.error();
    MOLE_TRY(auto params, prefixed(where + ": ", resolve_params(plugin.descriptor, given)));
    if (auto made = prefixed(where + ": ", make_paths_absolute(plugin.descriptor, base_, allow_, params)); !made)
      return made.error();
    const auto& d = plugin.descriptor;
    if (const auto same = [&](const Library& l) { return l.digest == plugin.sidecar.digest && l.name == d.name; };
        std::none_of(out_.libraries.begin(), out_.libraries.end(), same))
      out_.libraries.push_back({d.name, d.version, d.development(), plugin.sidecar.digest, plugin.library});
    return task::PluginUse{d.name, d.version, plugin.sidecar.digest, plugin.sidecar.text, std::move(params)};
  }

  Result<> add_archive(const manifest::Archive& from) {
    Archive to{static_cast<const manifest::ArchiveSettings&>(from), {}, {}, {}, from.files.pattern().text(), {}, {}};
    to.block_origin %= to.block_length;
    MOLE_TRY(const auto* downloader, prefixed(from.where + ": ", plugins_.find(PluginKind::downloader, from.downloader)));
    MOLE_TRY(to.downloader, use(*downloader, from.downloader_params, from.where));
    for (const auto& tier : from.tiers) {
      MOLE_TRY(const auto* plugin, prefixed(tier.where + ": ", plugins_.find(PluginKind::downloader, tier.downloader)));
      MOLE_TRY(auto used, use(*plugin, tier.params, tier.where));
      to.tiers.push_back(std::move(used));
    }
    to.identity = to.place();
    if (from.moved_from) {
      MOLE_TRY(to.identity, place_of(*from.moved_from));
    }
    to.index = Hasher().field("index").field(text_of(to.identity)).field(to.files).finish().hex().substr(0, 12);
    MOLE_TRY(const auto decoders, prefixed(from.where + ": ", decoders_of(from)));
    ArchiveFacts facts{{}, from.files.pattern().names_router()};
    for (const auto* decoder : decoders) {
      MOLE_TRY(auto used, use(*decoder, from.decoder_params, from.where));
      to.decoders.push_back(std::move(used));
      facts.decoders.push_back(&decoder->descriptor);
    }
    facts_.push_back(std::move(facts));
    graph().archives.push_back(std::move(to));
    return {};
  }

  // Returns the named decoder, or all installed ones, by name.
  Result<std::vector<const CataloguedPlugin*>> decoders_of(const manifest::Archive& from) const {
    std::vector<const CataloguedPlugin*> out;
    if (from.decoder.empty()) {
      for (const auto* plugin : plugins_.all())
        if (plugin->descriptor.kind == PluginKind::decoder) out.push_back(plugin);
      if (!out.empty()) return out;
      return missing("no decoder is installed; set MOLE_PLUGIN_PATH or --plugins to a folder with decoders");
    }
    MOLE_TRY(const auto* named, plugins_.find(PluginKind::decoder, from.decoder));
    out.push_back(named);
    return out;
  }

  Result<Place> place_of(const manifest::MovedFrom& from) const {
    MOLE_TRY(const auto* downloader, prefixed(from.where + ": ", plugins_.find(PluginKind::downloader, from.downloader)));
    MOLE_TRY(auto params, prefixed(from.where + ": ", resolve_params(downloader->descriptor, from.params)));
    (void)make_paths_absolute(downloader->descriptor, base_, {}, params);  // nothing is read there any more
    return Place{downloader->descriptor.name, std::move(params)};
  }

  Result<> add_module(const manifest::Module& from) {
    MOLE_TRY(const auto* plugin, prefixed(from.plugin_where + ": ", plugins_.find(PluginKind::metric, from.plugin)));
    const auto& descriptor = plugin->descriptor;
    Module to;
    static_cast<manifest::ModuleSettings&>(to) = static_cast<const manifest::ModuleSettings&>(from);
    to.execution = descriptor.execution;
    to.many_rows = descriptor.many_rows;
    MOLE_TRY(to.plugin, use(*plugin, from.params, from.params_where));
    if (auto done = bind_inputs(graph(), facts_, from, descriptor, to); !done) return done;
    if (auto done = bind_filter(graph(), facts_, from, to); !done) return done;
    if (auto done = set_elements(from, descriptor, to); !done) return done;
    if (auto done = set_routes(from, descriptor, to); !done) return done;
    if (auto done = check_execution(from, to); !done) return done;
    if (auto done = set_outputs(from, descriptor, to); !done) return done;
    graph().modules.push_back(std::move(to));
    return {};
  }

  // Sets the information elements that the module reads as a metric, and in its filter and groups.
  static Result<> set_elements(const manifest::Module& from, const Descriptor& descriptor, Module& to) {
    std::set<std::string> names;
    const auto add = [&](int column) {
      if (is_element_column(column)) names.emplace(flow_column_name(column));
    };
    for (const auto& input : descriptor.inputs)
      if (input.kind == InputKind::flows)
        for (const auto& column : input.reads) add(flow_column_named(column));
    for (const auto& name : to.by) add(flow_column_named(name));
    if (const auto filter = parse_filter(to.filter))
      for (const auto column : filter->columns()) add(column);
    if (names.size() > max_elements)
      return invalid(from.where + ": the module \"" + from.name + "\" reads " + std::to_string(names.size()) +
                     " information elements in its metric, \"filter\" and \"by\", but at most " + std::to_string(max_elements) +
                     " can be read in one pass; split it into two modules");
    to.elements.assign(names.begin(), names.end());
    return {};
  }

  bool reads_as(const Descriptor& descriptor, const Module& to) {
    const auto is_as = [](const std::string& column) { return column == "src_as" || column == "dst_as"; };
    bool reads = std::any_of(to.by.begin(), to.by.end(), is_as);
    for (const auto& input : descriptor.inputs)
      if (input.kind == InputKind::flows) reads = reads || std::any_of(input.reads.begin(), input.reads.end(), is_as);
    std::vector<std::string> filters{to.filter};
    if (by_direction(to.by)) {
      const auto& home = graph().archives[to.archive].home;
      filters.insert(filters.end(), {home.source, home.destination});
    }
    for (const auto& text : filters)
      if (const auto filter = parse_filter(text))
        for (const auto id : filter->columns()) reads = reads || is_as(std::string(flow_column_name(id)));
    return reads;
  }

  // Sets the routing tables in which AS numbers are looked up: none, even with `as`, for a module that reads no AS number.
  Result<> set_routes(const manifest::Module& from, const Descriptor& descriptor, Module& to) {
    const auto bound = std::find_if(from.inputs.begin(), from.inputs.end(), looks_up_as);
    if (bound == from.inputs.end()) return {};
    const auto resource = std::ranges::find(manifest_.resources, bound->as, &manifest::Resource::name);
    auto names = manifest::names_of(manifest_.resources);
    names.insert(names.begin(), "record");
    if (resource == manifest_.resources.end())
      return missing(bound->where + ": there is no resource \"" + bound->as + "\" for \"as\"" +
                     manifest::suggestion(bound->as, names));
    if (!reads_as(descriptor, to)) return {};
    const auto& known = graph().resources;
    const auto found = std::ranges::find(known, resource->name, &Resource::name);
    to.routes = static_cast<std::uint32_t>(found - known.begin());
    return found != known.end() ? Result<>() : add_resource(*resource);
  }

  Result<> add_resource(const manifest::Resource& from) {
    MOLE_TRY(auto tables, find_tables(from, base_, digest_, allow_));
    Resource to{static_cast<const manifest::ResourceSettings&>(from), {}};
    for (auto& table : tables) {
      table.resource = static_cast<std::uint32_t>(graph().resources.size());
      to.tables.push_back(table.table);
      out_.tables.push_back(std::move(table));
    }
    graph().resources.push_back(std::move(to));
    return {};
  }

  Result<> check_execution(const manifest::Module& from, const Module& to) {
    const auto& name = to.plugin.name;
    const auto refused = [&](const std::string& why) { return invalid(from.where + ": " + why); };
    if (to.execution != Execution::sequential && to.execution != Execution::mergeable)
      return unsupported(from.plugin_where + ": " + name + " has the execution class \"" + name_of(to.execution) +
                         "\", which is not available in this version; use a mergeable or sequential metric");
    if (to.execution == Execution::sequential) {
      if (to.load != Load::start) return refused("a sequential module counts flows at their start; leave \"load\" out");
      if ((to.warmup > 0) == to.since.has_value())
        return refused(name +
                       " is sequential: it needs either \"warmup\" (such as 1h: every block starts with empty state that "
                       "much earlier) or \"since\" (the first instant: blocks are chained)");
      if (to.window > 0) return refused(name + " is sequential and cannot be merged into a window; leave \"window\" out");
      if (to.warmup % to.interval != 0)
        return refused("the warm-up " + format_duration(to.warmup) + " is not a multiple of the interval " +
                       format_duration(to.interval) + "; set \"warmup\" to a multiple of " + format_duration(to.interval));
      return {};
    }
    if (to.warmup > 0 || to.since)
      return refused("\"warmup\" and \"since\" are for sequential metrics; " + name + " is mergeable; use \"window\"");
    if (to.window % to.interval != 0)
      return refused("the window " + format_duration(to.window) + " is not a multiple of the interval " +
                     format_duration(to.interval) + "; set the window to a multiple of " + format_duration(to.interval));
    if (to.window > max_window || to.window / to.interval > max_window_intervals)
      return refused("a window must not exceed ten years or a million intervals; shorten it or lengthen the interval");
    return {};
  }

  Result<> set_outputs(const manifest::Module& from, const Descriptor& descriptor, Module& to) {
    std::map<std::string, Binding> bindings;
    for (const auto& input : to.inputs)
      if (input.kind != InputKind::flows) bindings[input.role] = {input.column, input.unit, input.type};
    auto outputs = resolve_outputs(descriptor, bindings);
    if (!outputs) return Error{outputs.error().code, from.where + ": " + name_sources(to, outputs.error()).message};
    const auto standard = manifest::names_of(result_columns(to));
    std::set<std::string> taken(standard.begin(), standard.end());
    for (const auto& output : *outputs) {
      if (!taken.insert(output.name).second)
        return invalid(from.where + ": the column \"" + output.name + "\" of " + descriptor.name +
                       " exists already; rename it in the plugin");
      to.outputs.push_back({output.name, output.type, output.unit, output.doc});
    }
    return {};
  }

  // Appends the names that the bound columns have in the manifest, because a unit mismatch involves two of them.
  Error name_sources(const Module& to, Error error) {
    std::string bound;
    for (const auto& input : to.inputs)
      if (input.kind != InputKind::flows)
        bound += (bound.empty() ? "" : ", ") + input.role + " = " + graph().modules[input.source].name + "." + input.column +
                 " [" + input.unit + "]";
    if (!bound.empty()) error.message += " (" + bound + ")";
    return error;
  }

  const manifest::Manifest& manifest_;
  const PluginCatalogue& plugins_;
  const std::string& base_;
  const DigestOf& digest_;
  const AllowPath& allow_;
  Resolution out_;
  std::vector<ArchiveFacts> facts_;  // parallel to the graph's archives
};

}  // namespace

Result<std::vector<std::filesystem::path>> plugin_folders(const manifest::Manifest& manifest, const std::string& base,
                                                          std::vector<std::filesystem::path> folders, const AllowPath& allow) {
  for (auto name = manifest.plugins.rbegin(); name != manifest.plugins.rend(); ++name) {
    auto folder = std::filesystem::path(base) / *name;
    if (allow)
      if (auto allowed = prefixed(manifest.plugins_where + ": ", allow(folder)); !allowed) return allowed.error();
    if (std::error_code error; !std::filesystem::is_directory(folder, error))
      return missing(manifest.plugins_where + ": \"plugins\" names " + folder.string() +
                     ", which is not a folder; create it or correct the path");
    folders.push_back(std::move(folder));
  }
  return folders;
}

Result<Resolution> resolve(const manifest::Manifest& manifest, const PluginCatalogue& plugins, const std::string& base,
                           const DigestOf& digest, const AllowPath& allow) {
  return Resolver(manifest, plugins, base, digest, allow).run();
}

}  // namespace mole::coordinator::dag
