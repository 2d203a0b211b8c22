// Accepts a request: checks it against running requests, writes its rows and starts its first step.
#include "coordinator/control/requests.hpp"

namespace mole::coordinator::control {
namespace {

constexpr std::size_t max_history = 16;
constexpr std::size_t max_open = 1000;  // requests; each holds a plan in memory and is visited by every completion

Accepted accepted_document(const Request& request, bool created) {
  Accepted out{request.id, created, {}, request.from, request.to};
  for (const auto& module : request.graph->modules)
    if (request.module.empty() || module.name == request.module) out.modules.push_back(request.graph->full_name(module));
  return out;
}

}  // namespace

Result<Accepted> Requests::accept(PreparedRequest prepared, Change& change) {
  auto& request = prepared.request;
  if (auto known = earlier_reply(request, change)) return std::move(*known);
  if (state_.live.size() >= max_open)
    return exhausted(std::to_string(state_.live.size()) +
                     " requests are open, which is the limit; wait until some have ended, or cancel some (mole request "
                     "cancel)");
  if (auto good = check_archives_agree(*request.graph); !good) return good.error();
  if (request.kind == RequestKind::run)
    for (const auto& [number, other] : state_.live)
      if (!other.terminal() && other.kind == RequestKind::run)
        if (auto good = check_tables_agree(request, other); !good) return good.error();
  if (auto stored = store_versions(prepared.libraries, change); !stored) return stored.error();
  request.number = state_.next_request++;
  request.id = requests::request_id(request.number);
  request.submitted = state_.wall();
  records_.put_json(change.batch, Table::revisions, keys::bytes_of(request.revision), prepared.document);
  if (!request.client_id.empty())
    records_.put_json(change.batch, Table::clients, request.client_id,
                      {{"request", request.number}, {"body", digest_of_body(request)}});
  if (request.kind == RequestKind::run) {
    store_modules(prepared, change);
    forget_failures(*request.graph, change);
  }
  auto& live = state_.live[request.number] = std::move(request);
  save(live, change);  // in one batch with its client id
  change.flush();      // planning reads these rows
  auto accepted = accepted_document(live, true);
  advance(live, change);
  return accepted;
}

// Returns the reply to an earlier submission with the same client id.
std::optional<Result<Accepted>> Requests::earlier_reply(const Request& request, Change& change) {
  if (request.client_id.empty()) return std::nullopt;
  const auto known = records_.json(Table::clients, request.client_id);
  if (!known.is_object()) return std::nullopt;
  if (known.value("body", "") != digest_of_body(request))
    return Result<Accepted>(
        invalid("the client id \"" + request.client_id + "\" was used for a different submission; choose a new one"));
  change.require_sync();
  const auto number = known.value("request", std::uint64_t{0});
  if (const auto live = state_.live.find(number); live != state_.live.end())
    return Result<Accepted>(accepted_document(live->second, false));
  auto ended = requests::request_from_row(number, records_.json(Table::requests, keys::number(number)));
  ended.graph =
      std::make_shared<const dag::Graph>(dag::graph_from_json(records_.json(Table::revisions, keys::bytes_of(ended.revision))));
  return Result<Accepted>(accepted_document(ended, false));
}

// An archive has one index, so all running requests must read it from the same location.
Result<> Requests::check_archives_agree(const dag::Graph& graph) const {
  for (const auto& archive : graph.archives)
    for (const auto& [number, other] : state_.live) {
      const auto same =
          other.terminal() || other.graph->pipeline != graph.pipeline ? std::nullopt : other.graph->find_archive(archive.name);
      if (same && location_of(*other.graph, other.graph->archives[*same]) != location_of(graph, archive))
        return transient("request " + other.id + " reads the archive \"" + graph.full_name(archive) +
                         "\" with different parameters; submit again when it has ended, cancel it, or rename this archive");
    }
  return {};
}

// Stores the digests of released plugins. Keys contain only name and version, so the binary of a version must not change.
Result<> Requests::store_versions(const std::vector<dag::Library>& libraries, Change& change) const {
  store::Batch new_rows;
  for (const auto& library : libraries) {
    if (library.development) continue;
    const auto key = keys::pair(library.name, library.version);
    const auto known = records_.json(Table::plugins, key);
    if (!known.is_object())
      records_.put_json(new_rows, Table::plugins, key, {{"digest", library.digest}});
    else if (known.value("digest", "") != library.digest.hex())
      return unsupported("the plugin " + library.name + " " + library.version + " is a different binary (" +
                         library.digest.hex().substr(0, 12) + ") from the one that computed earlier results (" +
                         known.value("digest", "").substr(0, 12) +
                         "); give it a new version, or one that ends in -dev while you work on it");
  }
  change.batch.append(std::move(new_rows));
  return {};
}

void Requests::store_modules(const PreparedRequest& prepared, Change& change) {
  const auto& graph = prepared.graph;
  const auto& request = prepared.request;
  for (const auto& module : graph.modules) {
    const auto overrides = prepared.overridden.contains(module.name) ? request.overrides : std::vector<std::string>{};
    const auto name = graph.full_name(module);
    auto& row = state_.modules[name];
    const bool changed = row.fingerprint != module.fingerprint;
    if (changed) {
      if (!row.fingerprint.empty()) row.history.insert(row.history.begin(), row.fingerprint);
      std::erase(row.history, module.fingerprint);
      if (row.history.size() > max_history) row.history.resize(max_history);
      row.fingerprint = module.fingerprint;
      records_.put_json(change.batch, Table::fingerprints, keys::bytes_of(module.fingerprint),
                        {{"module", name}, {"parts", module.parts}});
      change.views.relink.push_back(name);
    }
    if (!changed && row.revision == request.revision && row.overrides == overrides) continue;
    row.revision = request.revision;
    row.overrides = overrides;
    records_.put_json(change.batch, Table::modules, name, row);
  }
}

// A new request retries jobs that were abandoned.
void Requests::forget_failures(const dag::Graph& graph, Change& change) {
  for (const auto& module : graph.modules)
    records_.scan_jobs(Table::failures, module.fingerprint,
                       [&](const Digest& fingerprint, Micros from, const json& row) MOLE_REQUIRES(service_mutex) {
                         if (!row.value("given_up", false)) return;
                         records_.erase_job_row(change.batch, Table::failures, fingerprint, from);
                         state_.scheduler.forget({fingerprint, from});
                       });
}

}  // namespace mole::coordinator::control
