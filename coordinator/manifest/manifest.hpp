// A pipeline as its author wrote it: each name and number is checked, but nothing is looked up yet (see dag/).
//
//   auto manifest = parse_manifest(text, "border.yaml", {"modules.mean.window=1d"});
//   if (!manifest) return manifest.error();  // "border.yaml:9:5: unknown key "windw"; did you mean "window"?"
#pragma once

#include "coordinator/manifest/drives.hpp"
#include "coordinator/manifest/file_names.hpp"
#include "sdk/model/task.hpp"

namespace mole::coordinator::manifest {

// Settings that a resolved pipeline contains unchanged (dag/graph.hpp).
struct ArchiveSettings {
  std::string name;
  Micros covers = hour_us, lateness = hour_us;  // lateness: default: one file
  ExportDelay export_delay = default_export_delay();
  bool has_export_delay = false;  // declared in the manifest
  double max_late = 0.02;         // share of the flows exported after `lateness`, above which a request is partial; in no key
  Micros block_length = 0, block_origin = 0;
  DamagePolicy damage = DamagePolicy::partial;
  Duplicates duplicates = Duplicates::refuse;
  std::string zone = "UTC";                               // of local times in file names
  std::map<std::string, std::string> routers;             // name in the file name -> router
  Bzip2Decoder decode = Bzip2Decoder::interleaved;        // bzip2 decoder; not part of any key, because the content is the same
  std::uint64_t max_content = task::default_max_content;  // decompressed bytes of a file
  std::uint64_t minimum_size = 0;                         // smaller files are gaps; in the keys of the files they would be
  task::Home home;                                        // canonical filters
  ExportTime export_time = ExportTime::header;
  task::Sampling sampling;        // in a key only with `scale: sampling`
  std::optional<Micros> horizon;  // the archive is complete up to this time
  Drives drives;                  // of its tapes or other media that may be used at once; in no key
};

struct ResourceSettings {
  std::string name;
  std::string files;      // "ribs/rib.{date}.txt": at most one {date}, in the last component; without it the file is always valid
  Micros valid = day_us;  // how long a table is valid, from the start of its date
  std::string format;     // "prefixes" or "mmdb"
};

struct ModuleSettings {
  std::string name;
  Micros window = 0, warmup = 0;
  std::optional<Micros> since;
  Load load = Load::start;
  std::string keep_states = "all";  // the only supported value
};

// The place the archive's first results were computed from, if it has moved since.
struct MovedFrom {
  std::string where, downloader;
  nlohmann::json params = nlohmann::json::object();
};

// A store of an archive's files.
struct Tier {
  std::string where, downloader;
  nlohmann::json params = nlohmann::json::object();
};

struct Archive : ArchiveSettings {
  std::string where;                // position of the declaration, for messages
  std::vector<Tier> tiers;          // tried before the downloader
  std::string downloader, decoder;  // decoder: empty: the content of each file decides
  nlohmann::json downloader_params = nlohmann::json::object(), decoder_params = nlohmann::json::object();
  std::optional<MovedFrom> moved_from;
  FileNames files;
};

// Files used in addition to the flows: routing tables.
struct Resource : ResourceSettings {
  std::string where;
};

using task::RowFilter;

struct Input {
  std::string role;  // empty: the module's only input of flows
  std::string where;
  std::string archive;                   // flows of this archive ...
  std::vector<std::string> routers;      // ... of these routers, sorted; empty: all
  Scale scale = Scale::none;             // the counters that are read
  std::string as = "record";             // source of AS numbers: the records, or the resource with this name
  std::string module, column;            // or a column of this module ...
  std::vector<RowFilter> where_columns;  // ... of the row with these values; empty: there is one row per interval and group
};

struct Module : ModuleSettings {
  std::string where;
  std::string plugin, plugin_where;
  nlohmann::json params = nlohmann::json::object();
  std::string params_where;
  std::vector<Input> inputs;
  std::optional<Micros> interval;  // absent: the upstream module's
  std::optional<std::vector<std::string>> by, totals;
  std::string filter, filter_where;
  std::optional<Scale> scale;  // replaces the scale of the input
  std::string scale_where;
};

struct Manifest {
  std::string pipeline;
  std::vector<std::string> plugins;  // folders, searched before all others; relative paths start at the manifest's folder
  std::string plugins_where;
  std::vector<Archive> archives;  // in the order of the manifest
  std::vector<Module> modules;
  std::vector<Resource> resources;
  std::vector<SandboxPart> require_sandbox = {};  // of a node that runs its tasks
};

inline constexpr std::size_t max_modules = 64;
inline constexpr std::string_view date_placeholder = "{date}";  // in Resource::files

// `overrides` are "a.b.c=value". invalid: the first error, as "<file>:<line>:<column>: cause; remedy".
Result<Manifest> parse_manifest(std::string_view text, const std::string& name, const std::vector<std::string>& overrides);

// Returns the closest of `known` as "; did you mean \"x\"?", or "; use one of a, b, c" if none is close.
std::string suggestion(std::string_view word, const std::vector<std::string>& known);
// Returns `names` in ascending order of the number of edits that turn them into `word`.
std::vector<std::string> nearest_first(std::string_view word, std::vector<std::string> names);

std::vector<std::string> names_of(const auto& items) {
  std::vector<std::string> names;
  names.reserve(items.size());
  for (const auto& item : items) names.push_back(item.name);
  return names;
}

}  // namespace mole::coordinator::manifest
