// A resolved pipeline: plugins by digest, parameters with defaults, bound columns with type and unit, result columns,
// fingerprints. A value with a JSON form; a request keeps the graph it was accepted with.
#pragma once

#include "coordinator/manifest/manifest.hpp"
#include "sdk/descriptor/descriptor.hpp"
#include "sdk/model/routes.hpp"

#include <mole/abi.h>

namespace mole::coordinator::dag {

// Where the files of an archive are. Archives at different places share no index, blocks or tables (docs/decisions/0130).
struct Place {
  std::string downloader;
  nlohmann::json params = nlohmann::json::object();
  bool operator==(const Place&) const = default;
};
std::string text_of(const Place& place);  // "directory {"root":"/data"}"

struct Archive : manifest::ArchiveSettings {
  task::PluginUse downloader;
  std::vector<task::PluginUse> tiers = {};  // tried before it
  std::vector<task::PluginUse> decoders;    // the one in the manifest, or all that are installed, by name
  std::string files;                        // the pattern
  Place identity;                           // `moved_from`, or its place
  std::string index;                        // 12 hex digits: digest of identity and pattern

  Place place() const { return {downloader.name, downloader.params}; }

  manifest::NameRules name_rules() const { return {files, covers, zone, routers}; }

  // Start of the block that contains `t`.
  Micros block_at(Micros t) const { return floor_to(t, block_length, block_origin); }
};

struct RoutingTable {
  Micros from = INT64_MIN;  // used from this time until the next table begins
  Digest digest;
  std::string name;             // of the file
  UnusableLines unusable = {};  // known for the tables that the request may use
};

// A `resources:` entry that a module uses, with the files that existed when the manifest was submitted.
struct Resource : manifest::ResourceSettings {
  std::vector<RoutingTable> tables;  // in time order
};

struct Input {
  std::string role;
  InputKind kind = InputKind::flows;
  std::uint32_t source = 0;  // flows: index into Graph::archives, else into Graph::modules (smaller than the reader's own)
  std::string column, type, unit;
  Scale scale = Scale::none;                // flows: the counters that are read
  std::vector<task::RowFilter> where = {};  // rows, context: selects one of several rows of an interval and group
};

struct Column {
  std::string name, type, unit, doc;
};

struct Module : manifest::ModuleSettings {
  task::PluginUse plugin;
  Execution execution = Execution::mergeable;
  Micros interval = 0;
  std::vector<std::string> by;
  std::vector<std::string> totals;   // dimensions of `by` that also have the member "all", in the order of `by`
  std::string filter;                // canonical; empty: all flows
  std::vector<std::string> routers;  // selected by `where`, sorted; empty: all of the archive
  std::vector<Input> inputs;         // in the descriptor's order
  std::vector<Column> outputs;
  std::vector<std::string> elements;    // information elements that are read, by their names, in ascending order
  bool many_rows = false;               // the metric may return several rows per interval and group
  std::optional<std::uint32_t> routes;  // resource in which AS numbers are looked up; nullopt: from the records, or not needed
  std::uint32_t archive = 0;            // index of the archive whose block grid this module uses
  Digest fingerprint;                   // of everything but the block and its inputs
  nlohmann::json parts;                 // the parts of the fingerprint, for `explain`
};

// Returns the scale of the counters that the module reads from an archive.
Scale scale_of(const Module& module);

// The number of information elements that one task can read: batches have places for as many columns.
inline constexpr std::size_t max_elements = MOLE_COLUMN_LIMIT - MOLE_COLUMN_COUNT;

// Returns whether rows are grouped by direction, which the archive's `home` defines.
bool by_direction(const std::vector<std::string>& by);

struct Graph {
  std::string pipeline;
  std::vector<Archive> archives;
  std::vector<Module> modules;  // inputs come before their readers
  std::vector<Resource> resources;
  std::vector<SandboxPart> require_sandbox = {};  // of a node that runs its tasks; in no key

  std::optional<std::uint32_t> find_module(std::string_view name) const;
  std::optional<std::uint32_t> find_archive(std::string_view name) const;
  std::string full_name(const Module& m) const { return pipeline + "/" + m.name; }
  std::string job_name(const Module& m, Micros block) const { return full_name(m) + "@" + format_time(block); }
  std::string full_name(const Archive& a) const { return pipeline + "/" + a.name; }
  // Names the archive's index: its file rows, damage and listings.
  std::string index_name(const Archive& a) const { return full_name(a) + "@" + a.index; }
  const Archive& grid(const Module& m) const { return archives[m.archive]; }
};

// Returns the part of the graph that consists of these modules, all modules they depend on, and the archives those read.
Graph prune(const Graph& graph, const std::vector<std::uint32_t>& modules);

// Returns whether the module, or one from which it is computed, reads counters multiplied by the sampling rate.
bool reads_scaled(const Graph& graph, const Module& module);

nlohmann::json to_json(const Graph& graph);
// Reads the output of to_json from the store, which verifies checksums. Throws nlohmann::json::exception if the shape differs.
Graph graph_from_json(const nlohmann::json& document);

void set_fingerprints(Graph& graph);

// Returns every column of the module's result, in order: interval, by, outputs, coverage, lost and late flows, files.
std::vector<Column> result_columns(const Module& module);

// Returns the time over which an output counts bytes, packets or flows. An integer in such a unit, computed from flows, is a
// count over the interval or the window; a column computed from a count, in the same unit, covers the same time. nullopt: not a
// count, such as the mean size of a flow (docs/decisions/0097).
std::optional<Micros> counted_over(const Graph& graph, const Module& module, std::string_view output);

}  // namespace mole::coordinator::dag
