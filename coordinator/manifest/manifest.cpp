#include "coordinator/manifest/manifest.hpp"

#include "coordinator/manifest/sections.hpp"
#include "sdk/model/filter.hpp"

#include <algorithm>

namespace mole::coordinator::manifest {
namespace {

constexpr std::int64_t max_files_per_block = 1'000'000;

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

// `covers` must be known.
void read_file_names(Reader& reader, const YamlNode& map, Archive& archive) {
  const auto* files =
      reader.require(map, "files", "give a pattern of file names, such as \"{router}_{sequence}_{start:unix}.dat.bz2\"");
  const auto pattern = reader.text(files, "\"files\"");
  const auto* zone = map.find("zone");
  if (zone) archive.zone = reader.text(zone, "\"zone\"");
  const auto* routers = map.find("routers");
  if (const auto* names = routers ? reader.any_keys(routers, "\"routers\"") : nullptr)
    for (const auto& [name, router] : names->entries)
      archive.routers[name.text] = reader.text_or_integer(&router, "\"" + name.text + "\"");
  if (reader.error()) return;
  if (zone)
    if (auto known = TimeZone::load(archive.zone); !known) return reader.fail(zone->where, known.error().message);
  auto rules = FileNames::make({pattern, archive.covers, archive.zone, archive.routers});
  if (!rules) return reader.fail(files->where, "\"files\": " + rules.error().message);
  archive.files = std::move(*rules);
  if (routers && !archive.files.pattern().names_router())
    reader.fail(routers->where, "\"routers\" renames what {router} matches, but \"files\" has no {router}; add it");
}

std::string listed(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "[" : ", ") + word;
  return out + "]";
}

// Reads a list of words and checks each as a filter after `prefix`, so that the error message contains the invalid one.
std::vector<std::string> filter_words(Reader& reader, const YamlNode& node, const std::string& what, const std::string& prefix,
                                      const std::string& remedy) {
  const bool networks = prefix.ends_with("ip in");
  auto words = networks ? reader.strings(&node, what) : reader.strings_or_numbers(&node, what);
  if (words.empty()) reader.fail(node.where, what + " is empty; " + remedy);
  const auto is_number = [](const std::string& word) {
    constexpr auto digits = "0123456789";
    return !word.empty() && word.find_first_not_of(digits) == word.npos && word.size() <= 10 && std::stoull(word) <= UINT32_MAX;
  };
  for (const auto& word : words)
    if (word.find_first_of("[](),\" ") != word.npos || (!networks && !is_number(word)) ||
        !parse_filter(prefix + " [" + word + "]"))
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
  if (node.entries.empty()) reader.fail(node.where, "\"border_interfaces\" is empty; " + remedy);
  for (const auto& [router, list] : node.entries) {
    if (router.text.empty() || router.text.find('"') != std::string::npos)
      reader.fail(router.where, "\"border_interfaces\": the name of a router is not empty and contains no \\\"");
    all += (all.empty() ? "" : " or ") + ("router in [\"" + router.text + "\"] and " + numbers(list));
  }
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

// {15s: 0.4, 1m: 0.8, 31m: 1}: the shares of the flows that are exported at most this long after their start (or end).
std::vector<DelayPoint> read_delays(Reader& reader, const YamlNode& parent, const std::string& key) {
  std::vector<DelayPoint> points;
  const auto* node =
      reader.require(parent, key, "give the share of the flows exported within each delay, such as {15s: 0.4, 31m: 1}");
  const auto* map = reader.any_keys(node, "\"" + key + "\"");
  if (!map) return points;
  for (const auto& [delay, share] : map->entries)
    points.push_back(
        {reader.duration(&delay, "a delay of \"" + key + "\""), reader.decimal(&share, "a share of \"" + key + "\"")});
  if (const auto problem = problem_of(points); !problem.empty())
    reader.fail(node->where, "\"" + key + "\" " + problem + "; `mole archive profile` prints measured values");
  return points;
}

std::uint32_t read_rate(Reader& reader, const YamlNode& node, const std::string& what) {
  constexpr std::int64_t max_rate = 1'000'000'000;
  const auto value = node.kind == YamlNode::Kind::scalar ? node.scalar() : nlohmann::json();
  const auto rate = value.is_number_integer() ? value.get<std::int64_t>() : 0;
  if (!reader.error() && (rate < 1 || rate > max_rate))
    reader.fail(node.where, what + " must be a whole number from 1 to 1000000000, such as 100 if 1 in 100 packets is counted");
  return reader.error() ? 1 : static_cast<std::uint32_t>(rate);
}

// 100, or {19991: 100, default: 1}: rates of flows of which neither record nor options state one.
task::Sampling read_sampling(Reader& reader, const YamlNode& node, bool names_router) {
  task::Sampling sampling;
  if (node.kind != YamlNode::Kind::map) {
    sampling.rate = read_rate(reader, node, "\"sampling\"");
    return sampling;
  }
  if (node.entries.empty())
    reader.fail(node.where, "\"sampling\" is empty; give a rate, such as 100, or {19991: 100, default: 1}");
  for (const auto& [router, value] : node.entries) {
    const auto rate = read_rate(reader, value, "the rate of \"" + router.text.substr(0, 60) + "\"");
    if (router.text == "default")
      sampling.rate = rate;
    else if (!names_router)
      reader.fail(router.where, "\"sampling\" names a router, but \"files\" has no {router}; add it, or give one rate");
    else
      sampling.routers.push_back({router.text, rate});
  }
  std::ranges::sort(sampling.routers, {}, &task::RouterSampling::router);
  return sampling;
}

// [{downloader: directory, params: {..}}, {downloader: samfs, params: {..}}]: the last one is the archive's own downloader.
void read_tiers(Reader& reader, const YamlNode& map, const YamlNode& node, Archive& archive) {
  constexpr std::size_t max_tiers = 8;
  for (const auto* other : {"downloader", "params"})
    if (const auto* given = map.find(other))
      reader.fail(given->where, "\"tiers\" has the downloaders of the archive; move \"" + std::string(other) + "\" into it");
  if (node.kind != YamlNode::Kind::sequence || node.items.size() < 2 || node.items.size() > max_tiers)
    return reader.fail(node.where,
                       "\"tiers\" must be a list of 2 to 8 stores, such as [{downloader: directory, params: {root: "
                       "/disk}}, {downloader: directory, params: {root: /tape}}]");
  for (const auto& item : node.items) {
    const auto* tier = reader.map(&item, "a tier", {"downloader", "params"});
    if (!tier) return;
    archive.tiers.push_back({tier->where, reader.require_text(*tier, "downloader", "name the plugin that reads the tier"),
                             reader.object(tier->find("params"), "\"params\"")});
  }
  archive.downloader = archive.tiers.back().downloader;
  archive.downloader_params = archive.tiers.back().params;
  archive.tiers.pop_back();
}

std::uint32_t read_drive_count(Reader& reader, const YamlNode& node, const std::string& what) {
  const auto value = node.kind == YamlNode::Kind::scalar ? node.scalar() : nlohmann::json();
  const auto drives = value.is_number_integer() ? value.get<std::int64_t>() : -1;
  if (!reader.error() && (drives < 0 || drives > max_drives))
    reader.fail(node.where, what + " must be a whole number from 0 to 64, such as 2");
  return reader.error() ? default_drives : static_cast<std::uint32_t>(drives);
}

// "08:00" in seconds since midnight; nullopt: it is not a time of day.
std::optional<std::uint32_t> time_of_day(std::string_view text) {
  const auto digit = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '9'; };
  if (text.size() != 5 || text[2] != ':' || !digit(0) || !digit(1) || !digit(3) || !digit(4)) return std::nullopt;
  const auto number = [&](std::size_t i) { return static_cast<std::uint32_t>((text[i] - '0') * 10 + text[i + 1] - '0'); };
  if (number(0) > 24 || number(3) > 59 || number(0) * 60 + number(3) > 24 * 60) return std::nullopt;
  return number(0) * 3600 + number(3) * 60;
}

// 2, or {default: 2, "08:00-18:00": 1}: drives that may be used at once, by time of day in the archive's zone.
Drives read_drives(Reader& reader, const YamlNode& node) {
  Drives drives;
  if (node.kind != YamlNode::Kind::map) {
    drives.usual = read_drive_count(reader, node, "\"drives\"");
    if (!reader.error() && drives.usual == 0)
      reader.fail(node.where, "\"drives\" must be at least 1, or no file would ever be read; to pause, give the times of day");
    return drives;
  }
  if (node.entries.empty())
    reader.fail(node.where, "\"drives\" is empty; give a number, such as 2, or {default: 2, \"08:00-18:00\": 1}");
  bool any = false;
  for (const auto& [times, value] : node.entries) {
    const auto count = read_drive_count(reader, value, "the drives of \"" + times.text.substr(0, 60) + "\"");
    any = any || count > 0;
    if (times.text == "default") {
      drives.usual = count;
      continue;
    }
    const auto dash = times.text.find('-');
    const auto from = time_of_day(std::string_view(times.text).substr(0, dash));
    const auto to = dash == std::string::npos ? std::nullopt : time_of_day(std::string_view(times.text).substr(dash + 1));
    if (!from || !to || *from == *to)
      reader.fail(times.where, "\"" + times.text.substr(0, 60) +
                                   "\" is not a part of the day; write it as \"08:00-18:00\", in the archive's time zone");
    else
      drives.at_times.push_back({*from, *to, count});
  }
  if (!reader.error() && !any) reader.fail(node.where, "\"drives\" allows no drive at any time; allow at least one at some time");
  return drives;
}

Archive read_archive(Reader& reader, const YamlNode& key, const YamlNode& node) {
  static const std::vector<std::string> keys = {
      "downloader", "params",      "files",          "covers",   "block",       "lateness",     "max_late", "export_delay",
      "damage",     "decoder",     "decoder_params", "horizon",  "home",        "decode",       "zone",     "routers",
      "duplicates", "max_content", "moved_from",     "sampling", "export_time", "minimum_size", "tiers",    "drives"};
  Archive archive;
  archive.name = key.text;
  archive.where = key.where;
  const auto* map = reader.map(&node, "the archive \"" + key.text + "\"", keys);
  if (!map) return archive;
  if (const auto* tiers = map->find("tiers")) {
    read_tiers(reader, *map, *tiers, archive);
  } else {
    archive.downloader = reader.require_text(*map, "downloader", "name the plugin that reads the archive, such as directory");
    archive.downloader_params = reader.object(map->find("params"), "\"params\"");
  }
  if (const auto* covers = reader.require(*map, "covers", "give the time one file covers, such as 1h"))
    archive.covers = reader.duration(covers, "\"covers\"");
  read_file_names(reader, *map, archive);
  archive.lateness = std::max(archive.covers, 31 * minute_us);  // active timeouts are at most 30 minutes
  archive.block_length = day_us;
  if (const auto* block = map->find("block")) read_block(reader, block, archive);
  if (const auto* lateness = map->find("lateness")) archive.lateness = reader.duration(lateness, "\"lateness\"");
  if (const auto* share = map->find("max_late")) {
    archive.max_late = reader.decimal(share, "\"max_late\"");
    if (!(archive.max_late >= 0 && archive.max_late <= 1))
      reader.fail(share->where, "\"max_late\" must be a share from 0 to 1, such as 0.02");
  }
  if (const auto* delay = reader.map(map->find("export_delay"), "\"export_delay\"", {"start", "end"})) {
    archive.export_delay = {read_delays(reader, *delay, "start"), read_delays(reader, *delay, "end")};
    archive.has_export_delay = true;
  }
  if (const auto* home = map->find("home")) archive.home = read_home(reader, *home);
  if (const auto* sampling = map->find("sampling"); sampling && !reader.error())
    archive.sampling = read_sampling(reader, *sampling, archive.files.pattern().names_router());
  if (const auto* horizon = map->find("horizon")) archive.horizon = reader.time(horizon, "\"horizon\"");
  if (const auto* moved = reader.map(map->find("moved_from"), "\"moved_from\"", {"downloader", "params"}))
    archive.moved_from = {moved->where,
                          moved->find("downloader") ? reader.require_text(*moved, "downloader", "") : archive.downloader,
                          reader.object(moved->find("params"), "\"params\"")};
  if (const auto* decoder = map->find("decoder")) {
    if (decoder->kind != YamlNode::Kind::map) {
      archive.decoder = reader.text(decoder, "\"decoder\"");
      if (archive.decoder.empty())
        reader.fail(decoder->where,
                    "\"decoder\" is empty; name a decoder, or leave it out to let the content of each file decide");
    } else if (const auto* long_form = reader.map(decoder, "\"decoder\"", {"plugin", "params"})) {
      archive.decoder = reader.require_text(*long_form, "plugin", "name the decoder, such as netflow5");
      archive.decoder_params = reader.object(long_form->find("params"), "\"params\"");
    }
  }
  if (const auto* params = map->find("decoder_params")) {
    archive.decoder_params = reader.object(params, "\"decoder_params\"");
    if (archive.decoder.empty())
      reader.fail(params->where,
                  "\"decoder_params\" needs \"decoder\", because without it the content of each file selects its decoder; name "
                  "the decoder, or remove \"decoder_params\"");
  }
  read_name(reader, *map, "damage", archive.damage, "unknown policy", " for damaged files");
  read_name(reader, *map, "export_time", archive.export_time, "\"export_time\" must be header or flow_end, not");
  read_name(reader, *map, "duplicates", archive.duplicates, "unknown policy", " for files of one router and time");
  if (const auto* limit = map->find("max_content")) {
    archive.max_content = reader.size(limit, "\"max_content\"");
    if (archive.max_content == 0) reader.fail(limit->where, "\"max_content\" must be greater than zero, such as 16GiB");
  }
  if (const auto* size = map->find("minimum_size")) archive.minimum_size = reader.size(size, "\"minimum_size\"");
  if (const auto* drives = map->find("drives")) archive.drives = read_drives(reader, *drives);
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

}  // namespace

Result<Manifest> parse_manifest(std::string_view text, const std::string& name, const std::vector<std::string>& overrides) {
  if (overrides.size() > max_overrides)
    return invalid(std::to_string(overrides.size()) + " values are set, but at most " + std::to_string(max_overrides) +
                   " may be; write them into the manifest");
  std::size_t bytes = text.size();
  for (const auto& assignment : overrides) bytes += assignment.size();
  if (text.size() <= max_manifest_bytes && bytes > 2 * max_manifest_bytes)
    return invalid(name + ": the manifest and its --set options have " + std::to_string(bytes) + " bytes, but may have " +
                   std::to_string(2 * max_manifest_bytes) + "; shorten them");
  MOLE_TRY(auto tree, parse_yaml(text, name));
  for (const auto& assignment : overrides)
    if (auto done = apply_override(tree, assignment); !done) return done.error();
  Reader reader;
  Manifest manifest;
  if (tree.kind == YamlNode::Kind::null)
    return invalid(name + ":1:1: the manifest is empty; it needs \"pipeline\", \"archives\" and \"modules\"");
  const auto* root =
      reader.map(&tree, "the manifest", {"pipeline", "archives", "modules", "resources", "plugins", "require_sandbox"});
  if (!root) return *reader.error();
  const auto* pipeline = reader.require(*root, "pipeline", "give the pipeline a name");
  manifest.pipeline = reader.text(pipeline, "\"pipeline\"");
  if (!reader.error() && !valid_name(manifest.pipeline))
    reader.fail(pipeline->where,
                "\"" + manifest.pipeline.substr(0, 60) + "\" is not a valid name; use up to 64 of A-Z a-z 0-9 _ -");
  if (const auto* archives = reader.names(reader.require(*root, "archives", "declare at least one archive"), "\"archives\"")) {
    if (archives->entries.empty()) reader.fail(archives->where, "the manifest has no archive; declare at least one");
    for (const auto& [key, node] : archives->entries) manifest.archives.push_back(read_archive(reader, key, node));
  }
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
  if (const auto* plugins = root->find("plugins")) {
    manifest.plugins = reader.strings(plugins, "\"plugins\"");
    manifest.plugins_where = plugins->where;
  }
  if (const auto* parts = root->find("require_sandbox"))
    for (const auto& name : reader.choices(parts, "\"require_sandbox\"", all_names<SandboxPart>(), "is no part of a sandbox"))
      if (const auto part = from_name<SandboxPart>(name)) manifest.require_sandbox.push_back(*part);
  if (reader.error()) return *reader.error();
  return manifest;
}

}  // namespace mole::coordinator::manifest
