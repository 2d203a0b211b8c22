#include "coordinator/manifest/manifest.hpp"

#include "coordinator/manifest/yaml.hpp"
#include "sdk/model/filter.hpp"

#include <algorithm>

namespace mole::coordinator::manifest {
namespace {

constexpr std::int64_t max_files_per_block = 1'000'000;

// Reads the name of an enum value. The error for any other name is `unknown`, the name in quotes, and `of`.
template <class E>
void read_name(Reader& reader, const YamlNode& map, const std::string& key, E& value, const std::string& unknown,
               const std::string& of = "") {
  const auto* node = map.find(key);
  const auto name = reader.text(node, "\"" + key + "\"");
  const auto known = from_name<E>(name);
  value = known.value_or(value);
  if (node && !known) reader.fail(node->where, unknown + " \"" + name + "\"" + of + suggestion(name, all_names<E>()));
}

// ---- archives

void read_block(Reader& reader, const YamlNode* node, Archive& archive) {
  const auto what = "\"block\" of the archive \"" + archive.name + "\"";
  const auto* block = reader.map(node, what, {"length", "origin"});
  if (!block) return;
  const auto* length = reader.require(*block, "length", "give the length of a block, such as 12h");
  archive.block_length = reader.duration(length, "\"length\"");
  if (const auto* origin = block->find("origin")) archive.block_origin = reader.time_of_day(origin, "\"origin\"");
  if (!reader.error() && (archive.block_length < minute_us || archive.block_length % second_us != 0))
    reader.fail(length->where, "\"length\" must be a whole number of seconds and at least 1m");
}

void read_files(Reader& reader, const YamlNode* node, Archive& archive) {
  const auto text = reader.text(node, "\"files\"");
  if (reader.error()) return;
  auto pattern = FilePattern::parse(text);
  if (!pattern) return reader.fail(node->where, "\"files\": " + pattern.error().message);
  archive.files = std::move(*pattern);
}

std::string listed(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "[" : ", ") + word;
  return out + "]";
}

// Reads a list of words and checks each as a filter after `prefix`, so that the error message contains the invalid one.
std::vector<std::string> filter_words(Reader& reader, const YamlNode& node, const std::string& what, const std::string& prefix,
                                      const std::string& remedy) {
  auto words = reader.strings(&node, what);
  if (words.empty()) reader.fail(node.where, what + " is empty; " + remedy);
  for (const auto& word : words)
    if (word.find_first_of("[]()\" ") != word.npos || !parse_filter(prefix + " [" + word + "]"))
      reader.fail(node.where, what + ": \"" + word.substr(0, 60) + "\" is not valid; " + remedy);
  return words;
}

// Returns the filter of flows that do not enter ("in") or leave ("out") through a border interface, and so start or end at home.
std::string not_at_border(Reader& reader, const YamlNode& node, const std::string& side) {
  const std::string remedy = "list interface numbers, such as [17, 18], or give each router its own: {19991: [17]}";
  const auto numbers = [&](const YamlNode& list) {
    return side + " if in " + listed(filter_words(reader, list, "\"border_interfaces\"", side + " if in", remedy));
  };
  if (node.kind != YamlNode::Kind::map) return "not " + numbers(node);
  std::string all;
  const auto* routers = reader.names(&node, "\"border_interfaces\"");
  if (!routers) return {};
  if (routers->entries.empty()) reader.fail(node.where, "\"border_interfaces\" is empty; " + remedy);
  for (const auto& [router, list] : routers->entries)
    all += (all.empty() ? "" : " or ") + ("router in [\"" + router.text + "\"] and " + numbers(list));
  return "not (" + all + ")";
}

task::Home filters_of(Reader& reader, const std::string& kind, const YamlNode& value) {
  if (kind == "border_interfaces") return {not_at_border(reader, value, "in"), not_at_border(reader, value, "out")};
  const bool networks = kind == "networks";
  const std::string word = networks ? "ip" : "as";
  const auto list = listed(filter_words(reader, value, "\"" + kind + "\"", "src " + word + " in",
                                        networks ? "list networks, such as [192.0.2.0/24]" : "list AS numbers, such as [64500]"));
  return {"src " + word + " in " + list, "dst " + word + " in " + list};
}

// Reads the home network, which determines the direction of flows: {networks: [192.0.2.0/24, "2001:db8::/32"]}, {as: [64500]} of
// the record or the module's routing table, {border_interfaces: [17, 18]}, or {border_interfaces: {19991: [17], 19993: [4, 5]}}.
task::Home read_home(Reader& reader, const YamlNode& node) {
  const auto* map = reader.map(&node, "\"home\"", {"networks", "as", "border_interfaces"});
  if (!map) return {};
  if (map->entries.size() != 1)
    reader.fail(node.where, "\"home\" must contain exactly one of networks, as, border_interfaces; remove the others");
  if (reader.error()) return {};
  auto home = filters_of(reader, map->entries[0].key.text, map->entries[0].value);
  for (auto* side : {&home.source, &home.destination}) {
    if (reader.error()) return {};
    auto filter = parse_filter(*side);
    if (!filter)
      reader.fail(node.where, "\"home\": " + filter.error().message);
    else
      *side = filter->canonical();
  }
  return home;
}

Archive read_archive(Reader& reader, const YamlNode& key, const YamlNode& node) {
  static const std::vector<std::string> keys = {"downloader", "params",  "files",          "covers",  "block", "lateness",
                                                "damage",     "decoder", "decoder_params", "horizon", "home",  "decode"};
  Archive archive;
  archive.name = key.text;
  archive.where = key.where;
  const auto* map = reader.map(&node, "the archive \"" + key.text + "\"", keys);
  if (!map) return archive;
  archive.downloader = reader.require_text(*map, "downloader", "name the plugin that reads the archive, such as directory");
  archive.downloader_params = reader.object(map->find("params"), "\"params\"");
  read_files(reader,
             reader.require(*map, "files", "give a pattern of file names, such as \"{router}_{sequence}_{start:unix}.dat.bz2\""),
             archive);
  if (const auto* covers = reader.require(*map, "covers", "give the time one file covers, such as 1h"))
    archive.covers = reader.duration(covers, "\"covers\"");
  archive.lateness = archive.covers;
  archive.block_length = day_us;
  if (const auto* block = map->find("block")) read_block(reader, block, archive);
  if (const auto* lateness = map->find("lateness")) archive.lateness = reader.duration(lateness, "\"lateness\"");
  if (const auto* home = map->find("home")) archive.home = read_home(reader, *home);
  if (const auto* horizon = map->find("horizon")) archive.horizon = reader.time(horizon, "\"horizon\"");
  if (const auto* decoder = map->find("decoder")) {
    if (decoder->kind != YamlNode::Kind::map) {
      archive.decoder = reader.text(decoder, "\"decoder\"");
    } else if (const auto* long_form = reader.map(decoder, "\"decoder\"", {"plugin", "params"})) {
      archive.decoder = reader.require_text(*long_form, "plugin", "name the decoder, such as netflow5");
      archive.decoder_params = reader.object(long_form->find("params"), "\"params\"");
    }
  }
  if (const auto* params = map->find("decoder_params")) archive.decoder_params = reader.object(params, "\"decoder_params\"");
  read_name(reader, *map, "damage", archive.damage, "unknown policy", " for damaged files");
  read_name(reader, *map, "decode", archive.decode, "\"decode\" must be libbzip2 or interleaved, not");
  if (reader.error()) return archive;
  if (archive.covers < second_us || archive.covers % second_us != 0)
    reader.fail(key.where, "\"covers\" must be a whole number of seconds and at least 1s");
  else if ((archive.block_length + archive.lateness) / archive.covers > max_files_per_block)
    reader.fail(key.where, "a block would contain more than " + std::to_string(max_files_per_block) +
                               " files of a router; choose a shorter block or a shorter \"lateness\"");
  return archive;
}

Resource read_resource(Reader& reader, const YamlNode& key, const YamlNode& node) {
  Resource resource;
  resource.name = key.text;
  resource.where = key.where;
  const auto* map = reader.map(&node, "the resource \"" + key.text + "\"", {"files", "valid", "format"});
  if (!map) return resource;
  const auto* files = reader.require(*map, "files", "give a pattern of file names, such as \"rib.{date}.txt\"");
  resource.files = reader.text(files, "\"files\"");
  if (const auto* valid = map->find("valid")) {
    resource.valid = reader.duration(valid, "\"valid\"");
    if (resource.valid <= 0) reader.fail(valid->where, "\"valid\" must be greater than zero, such as 1d");
  }
  resource.format = resource.files.ends_with(".mmdb") ? "mmdb" : "prefixes";
  if (const auto* format = map->find("format")) {
    resource.format = reader.text(format, "\"format\"");
    if (resource.format != "prefixes" && resource.format != "mmdb")
      reader.fail(format->where, "unknown format \"" + resource.format + "\" of routing tables" +
                                     suggestion(resource.format, {"prefixes", "mmdb"}));
  }
  if (reader.error()) return resource;
  const auto slash = resource.files.rfind('/');
  const auto name = resource.files.substr(slash == std::string::npos ? 0 : slash + 1);
  const auto date = name.find(date_placeholder);
  const auto rest = date == std::string::npos ? name : name.substr(0, date) + name.substr(date + date_placeholder.size());
  if (name.empty())
    reader.fail(files->where, "\"files\" must end in a file name, such as \"ribs/rib.{date}.txt\"");
  else if ((resource.files.substr(0, slash == std::string::npos ? 0 : slash) + rest).find_first_of("{}") != std::string::npos)
    reader.fail(files->where, "\"files\" may contain one placeholder, {date}, in the file name; write folder names in full");
  else if (key.text == "record")
    reader.fail(key.where, "the name \"record\" is reserved for the AS numbers in the records; rename the resource");
  return resource;
}

void read_archive_input(Reader& reader, const YamlNode& node, Input& input) {
  const auto* map = reader.map(&node, "\"input\"", {"archive", "where", "as"});
  if (!map) return;
  input.archive = reader.require_text(*map, "archive", "name the archive, or use \"inputs\" for a module's columns");
  if (const auto* as = map->find("as")) input.as = reader.text(as, "\"as\"");
  const auto* where = map->find("where");
  if (!where) return;
  if (const auto* members = reader.map(where, "\"where\"", {"router"})) {
    if (const auto* router = members->find("router")) {
      input.routers = reader.strings(router, "\"router\"");
      std::sort(input.routers.begin(), input.routers.end());
      input.routers.erase(std::unique(input.routers.begin(), input.routers.end()), input.routers.end());
      if (input.routers.empty()) reader.fail(router->where, "\"router\" is empty; leave it out for all routers");
    }
  }
}

void read_inputs(Reader& reader, const YamlNode& map, Module& module) {
  const auto* one = map.find("input");
  const auto* many = map.find("inputs");
  if (one && many) return reader.fail(many->where, "\"input\" and \"inputs\" cannot be used together; put both into \"inputs\"");
  if (!one && !many)
    return reader.fail(module.where, "the module \"" + module.name +
                                         "\" has no input; add \"input: {archive: NAME}\" or \"inputs: {ROLE: MODULE.COLUMN}\"");
  if (one) {
    module.inputs.emplace_back().where = one->where;
    return read_archive_input(reader, *one, module.inputs.back());
  }
  const auto* roles = reader.names(many, "\"inputs\"");
  if (!roles) return;
  for (const auto& [role, from] : roles->entries) {
    auto& input = module.inputs.emplace_back();
    input.role = role.text;
    input.where = from.where;
    if (from.kind == YamlNode::Kind::map) {
      read_archive_input(reader, from, input);
    } else {
      const auto text = reader.text(&from, "\"" + role.text + "\"");
      const auto dot = text.find('.');
      if (dot == 0 || dot == std::string::npos || dot + 1 == text.size())
        reader.fail(from.where, "\"" + text + "\" must be MODULE.COLUMN, such as traffic.bytes");
      input.module = text.substr(0, dot);
      if (dot != std::string::npos) input.column = text.substr(dot + 1);
    }
  }
  if (module.inputs.empty()) reader.fail(many->where, "\"inputs\" is empty; bind at least one role");
}

void read_execution(Reader& reader, const YamlNode& map, Module& module) {
  if (const auto* interval = map.find("interval")) {
    module.interval = reader.duration(interval, "\"interval\"");
    if (*module.interval <= 0) reader.fail(interval->where, "\"interval\" must be greater than zero, such as 15m");
  }
  if (const auto* window = map.find("window")) module.window = reader.duration(window, "\"window\"");
  if (const auto* warmup = map.find("warmup")) module.warmup = reader.duration(warmup, "\"warmup\"");
  if (const auto* since = map.find("since")) module.since = reader.time(since, "\"since\"");
  if (const auto* by = map.find("by")) module.by = reader.strings(by, "\"by\"");
  if (const auto* totals = map.find("totals")) module.totals = reader.strings(totals, "\"totals\"");
  if (const auto* filter = map.find("filter")) {
    module.filter = reader.text(filter, "\"filter\"");
    module.filter_where = filter->where;
  }
  read_name(reader, map, "load", module.load, "unknown load scheme");
  if (const auto* keep = map.find("keep_states")) {
    module.keep_states = reader.text(keep, "\"keep_states\"");
    if (module.keep_states != "all")
      reader.fail(keep->where, "\"keep_states: " + module.keep_states +
                                   "\" is not available in this version, which keeps every state; leave it out or write all");
  }
}

Module read_module(Reader& reader, const YamlNode& key, const YamlNode& node) {
  static const std::vector<std::string> keys = {"plugin", "params", "input", "inputs", "interval", "by",         "totals",
                                                "window", "filter", "load",  "warmup", "since",    "keep_states"};
  Module module;
  module.name = key.text;
  module.where = module.plugin_where = module.params_where = module.filter_where = key.where;
  const auto* map = reader.map(&node, "the module \"" + key.text + "\"", keys);
  if (!map) return module;
  const auto* plugin = reader.require(*map, "plugin", "name the metric, such as traffic");
  module.plugin = reader.text(plugin, "\"plugin\"");
  if (plugin) module.plugin_where = plugin->where;
  if (const auto* params = map->find("params")) {
    module.params = reader.object(params, "\"params\"");
    module.params_where = params->where;
  }
  read_inputs(reader, *map, module);
  read_execution(reader, *map, module);
  return module;
}

}  // namespace

Result<Manifest> parse_manifest(std::string_view text, const std::string& name, const std::vector<std::string>& overrides) {
  MOLE_TRY(auto tree, parse_yaml(text, name));
  for (const auto& assignment : overrides)
    if (auto done = apply_override(tree, assignment); !done) return done.error();
  Reader reader;
  Manifest manifest;
  if (tree.kind == YamlNode::Kind::null)
    return invalid(name + ":1:1: the manifest is empty; it needs \"pipeline\", \"archives\" and \"modules\"");
  const auto* root = reader.map(&tree, "the manifest", {"pipeline", "archives", "modules", "resources"});
  if (!root) return *reader.error();
  const auto* pipeline = reader.require(*root, "pipeline", "give the pipeline a name");
  manifest.pipeline = reader.text(pipeline, "\"pipeline\"");
  if (!reader.error() && !valid_name(manifest.pipeline))
    reader.fail(pipeline->where,
                "\"" + manifest.pipeline.substr(0, 60) + "\" is not a valid name; use up to 64 of A-Z a-z 0-9 _ -");
  if (const auto* archives = reader.names(reader.require(*root, "archives", "declare at least one archive"), "\"archives\""))
    for (const auto& [key, node] : archives->entries) manifest.archives.push_back(read_archive(reader, key, node));
  if (const auto* modules = reader.names(reader.require(*root, "modules", "declare at least one module"), "\"modules\"")) {
    if (modules->entries.empty()) reader.fail(modules->where, "the manifest has no module; declare at least one");
    if (modules->entries.size() > max_modules)
      reader.fail(modules->entries[max_modules].key.where,
                  "a pipeline has at most " + std::to_string(max_modules) + " modules; split it in two");
    for (const auto& [key, node] : modules->entries) manifest.modules.push_back(read_module(reader, key, node));
  }
  if (const auto* resources = root->find("resources"); resources && resources->kind != YamlNode::Kind::null)
    if (const auto* named = reader.names(resources, "\"resources\""))
      for (const auto& [key, node] : named->entries) manifest.resources.push_back(read_resource(reader, key, node));
  if (reader.error()) return *reader.error();
  return manifest;
}

}  // namespace mole::coordinator::manifest
