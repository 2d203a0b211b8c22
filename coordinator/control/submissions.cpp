#include "coordinator/control/submissions.hpp"

#include "coordinator/control/allowed_roots.hpp"
#include "coordinator/dag/describe.hpp"
#include "coordinator/wire/caller.hpp"

namespace mole::coordinator::control {

using requests::Request;

namespace {

// Returns the part of the pipeline that `module` depends on, or everything if `module` is empty.
Result<SharedGraph> part_of(const dag::Graph& graph, const std::string& module) {
  if (module.empty()) return std::make_shared<const dag::Graph>(graph);
  const auto m = graph.find_module(module);
  if (!m)
    return missing("the pipeline " + graph.pipeline + " has no module \"" + module + "\"" +
                   manifest::suggestion(module, manifest::names_of(graph.modules)));
  return std::make_shared<const dag::Graph>(dag::prune(graph, {*m}));
}

TimeRange round_outward(const dag::Graph& graph, TimeRange range) {
  auto out = range;
  for (const auto& module : graph.modules) {
    const auto& archive = graph.grid(module);
    out.from = std::min(out.from, archive.block_at(range.from));
    out.to = std::max(out.to, ceil_to(range.to, archive.block_length, archive.block_origin));
  }
  return out;
}

// A request about an archive needs only the plugins that read it.
std::vector<dag::Library> needed_libraries(const Request& request, std::vector<dag::Library> libraries) {
  if (request.kind == RequestKind::run) return libraries;
  const auto& archive = request.graph->archives[*request.graph->find_archive(local_name(request.archive))];
  std::erase_if(libraries, [&](const dag::Library& l) {
    return l.digest != archive.downloader.library &&
           std::ranges::find(archive.tiers, l.digest, &task::PluginUse::library) == archive.tiers.end() &&
           std::ranges::find(archive.decoders, l.digest, &task::PluginUse::library) == archive.decoders.end();
  });
  return libraries;
}

}  // namespace

std::string digest_of_body(const Request& request) {
  return Hasher()
      .field(name_of(request.kind))
      .field(request.archive)
      .field(request.module)
      .field(request.revision)
      .field(request.asked_from)
      .field(request.asked_to)
      .field(std::uint64_t{request.partial})
      .field(request.sample)
      .field(static_cast<std::int64_t>(request.priority))
      .finish()
      .hex();
}

Result<dag::Resolution> Submissions::resolve(const Submission& submission) const {
  MOLE_TRY(auto parsed, manifest::parse_manifest(submission.manifest, submission.manifest_name, submission.overrides));
  const auto digest_of_table = [this](const std::filesystem::path& table) { return tables_.digest(table); };
  dag::AllowPath allow;
  if (called_over_tcp()) allow = [this](const std::filesystem::path& path) { return check_allowed(config_.allowed_roots, path); };
  if (parsed.plugins.empty()) return dag::resolve(parsed, *plugins_.get(), submission.base, digest_of_table, allow);
  if (!config_.manifest_plugins)
    return invalid(parsed.plugins_where +
                   ": this coordinator loads no plugins from folders that a manifest names; remove \"plugins\", or start "
                   "mole-coordinator with --manifest-plugins");
  MOLE_TRY(const auto folders, dag::plugin_folders(parsed, submission.base, config_.plugins, allow));
  return dag::resolve(parsed, PluginCatalogue::load(folders), submission.base, digest_of_table, allow);
}

std::set<std::string> Submissions::changed_by_overrides(const Submission& submission, const dag::Graph& graph) const {
  if (submission.overrides.empty()) return {};
  auto without = submission;
  without.overrides.clear();
  const auto plain = resolve(without);  // fails if the manifest is valid only with the overrides
  std::set<std::string> names;
  for (const auto& module : graph.modules) {
    const auto m = plain ? plain->graph.find_module(module.name) : std::nullopt;
    if (!m || plain->graph.modules[*m].fingerprint != module.fingerprint) names.insert(module.name);
  }
  return names;
}

Result<SharedGraph> Submissions::checked_part(const Submission& submission, dag::Resolution& resolved) const {
  MOLE_TRY(const auto part, part_of(resolved.graph, submission.module));
  const auto range = round_outward(*part, submission.range);
  if (auto good = tables_.check(resolved.tables, *part, range, resolved.graph); !good) return good.error();
  return part_of(resolved.graph, submission.module);
}

Result<PipelineDescription> Submissions::validate(const Submission& submission) const {
  MOLE_TRY(auto resolved, resolve(submission));
  return dag::describe(resolved.graph);
}

Result<Submissions::PlanQuery> Submissions::for_plan(const Submission& submission) const {
  if (submission.range.empty()) return invalid("the range is empty; --to must be after --from");
  if (submission.drives > 64 || submission.nodes > 1000)
    return invalid("a plan is estimated for at most 64 drives and 1000 nodes; lower --drives or --nodes");
  MOLE_TRY(auto resolved, resolve(submission));
  MOLE_TRY(auto part, checked_part(submission, resolved));
  PlanQuery query{part,
                  {{}, submission.range, submission.partial},
                  changed_by_overrides(submission, resolved.graph),
                  {submission.drives, submission.nodes, submission.cache_bytes}};
  if (!submission.module.empty()) query.request.modules = {*part->find_module(submission.module)};
  return query;
}

Result<PreparedRequest> Submissions::for_run(const Submission& submission) const {
  if (submission.range.empty())
    return invalid("the range [" + format_time(submission.range.from) + ", " + format_time(submission.range.to) +
                   ") is empty; --to must be after --from");
  MOLE_TRY(auto resolved, resolve(submission));
  MOLE_TRY(auto part, checked_part(submission, resolved));
  Request request;
  request.kind = RequestKind::run;
  request.overrides = submission.overrides;
  request.module = submission.module;
  request.graph = part;
  const auto range = round_outward(*part, submission.range);
  request.overridden = changed_by_overrides(submission, resolved.graph);
  const auto files = resolved.tables;
  auto prepared = prepare(submission, range, std::move(request), std::move(resolved));
  if (!prepared) return prepared;
  if (auto kept = tables_.keep(files, *part, range); !kept) return kept.error();
  return prepared;
}

Result<PreparedRequest> Submissions::for_archive(const Submission& submission, const std::string& archive,
                                                 RequestKind kind) const {
  if (kind != RequestKind::index && kind != RequestKind::verify && kind != RequestKind::profile)
    return invalid("this kind of request is not an archive task; use index, verify or profile");
  MOLE_TRY(auto resolved, resolve(submission));
  const auto& graph = resolved.graph;
  const auto slash = archive.find('/');
  const auto name = local_name(archive);
  if (!graph.find_archive(name) || (slash != std::string::npos && archive.substr(0, slash) != graph.pipeline))
    return missing("the pipeline " + graph.pipeline + " has no archive \"" + archive + "\"" +
                   manifest::suggestion(name, manifest::names_of(graph.archives)));
  Request request;
  request.kind = kind;
  request.archive = graph.pipeline + "/" + name;
  request.graph = std::make_shared<const dag::Graph>(graph);
  request.overridden = changed_by_overrides(submission, graph);
  return prepare(submission, submission.range, std::move(request), std::move(resolved));
}

Result<PreparedRequest> Submissions::prepare(const Submission& submission, TimeRange range, Request request,
                                             dag::Resolution resolved) const {
  if (submission.client_id.size() > 256) return invalid("the client id has more than 256 characters; choose a shorter one");
  if (auto kept = keep_libraries(needed_libraries(request, resolved.libraries)); !kept) return kept.error();
  auto document = dag::to_json(resolved.graph);
  request.revision = digest_of(std::string_view(document.dump()));
  request.pipeline = resolved.graph.pipeline;
  request.from = range.from;
  request.to = range.to;
  request.asked_from = submission.range.from;
  request.asked_to = submission.range.to;
  request.partial = submission.partial;
  request.sample = submission.sample;
  request.priority = submission.priority;
  request.client_id = submission.client_id;
  request.manifest = submission.manifest_name;
  request.internal = submission.internal;
  return PreparedRequest{std::move(request), std::move(resolved.graph), std::move(document), std::move(resolved.libraries)};
}

bool Submissions::restore_library(const Digest& digest) const {
  const auto plugins = plugins_.get();
  for (const auto* plugin : plugins->all())
    if (plugin->sidecar.digest == digest) return blobs_.import(digest, plugin->library) && blobs_.sync();
  return false;
}

Result<> Submissions::keep_libraries(const std::vector<dag::Library>& libraries) const {
  for (const auto& library : libraries)
    if (auto kept = blobs_.import(library.digest, library.path); !kept) return kept;
  return blobs_.sync();
}

}  // namespace mole::coordinator::control
