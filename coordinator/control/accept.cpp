// Accepts a request: checks it against running requests, writes its rows and starts its first step.
#include "coordinator/control/places.hpp"
#include "coordinator/control/requests.hpp"
#include "coordinator/control/sandbox_text.hpp"

#include <algorithm>

namespace mole::coordinator::control {
namespace {

constexpr std::size_t max_history = 16;
constexpr std::size_t max_what_ifs = 16;  // with folders; the results of others are kept
constexpr std::size_t max_open = 1000;    // requests; each holds a plan in memory and is visited by every completion

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
  if (auto* waiting = waiting_twin(request)) {
    store_client(request, waiting->number, change);
    list_again(*waiting);
    return accepted_document(*waiting, false);
  }
  if (state_.live.size() >= max_open)
    return exhausted(std::to_string(state_.live.size()) +
                     " requests are open, which is the limit; wait until some have ended, or cancel some (mole request "
                     "cancel)");
  if (state_.scheduler.lacks_sandbox(request.graph->require_sandbox))
    return unsupported(cause_of_no_sandbox(request.graph->require_sandbox) + "; " + remedy_of_no_sandbox);
  if (auto good = check_archives_agree(request); !good) return good.error();
  if (request.kind == RequestKind::run)
    for (const auto& [number, other] : state_.live)
      if (!other.terminal() && other.kind == RequestKind::run)
        if (auto good = check_tables_agree(request, other); !good) return good.error();
  if (auto stored = store_versions(prepared.libraries, change); !stored) return stored.error();
  request.number = state_.next_request++;
  request.id = requests::request_id(request.number);
  request.submitted = state_.wall();
  records_.put_json(change.batch, Table::revisions, keys::bytes_of(request.revision), prepared.document);
  store_client(request, request.number, change);
  replace_waiting(request, change);
  if (request.kind == RequestKind::run) {
    store_modules(prepared, change);
    store_what_ifs(request, change);
    forget_failures(*request.graph, change);
  }
  auto& live = state_.live[request.number] = std::move(request);
  save(live, change);  // in one batch with its client id
  change.flush();      // planning reads these rows
  change.info("request " + live.id + ": accepted, " + title_of(live));
  auto accepted = accepted_document(live, true);
  advance(live, change);
  return accepted;
}

void Requests::store_client(const Request& request, std::uint64_t number, Change& change) const {
  if (!request.client_id.empty())
    records_.put_json(change.batch, Table::clients, request.client_id, {{"request", number}, {"body", digest_of_body(request)}});
}

// Returns the same request if it waits for files. It keeps waiting after `mole run` ends; the same command continues it.
Request* Requests::waiting_twin(const Request& request) {
  const auto body = digest_of_body(request);
  for (auto& [number, other] : state_.live)
    if (waits(other) && digest_of_body(other) == body) return &other;
  return nullptr;
}

bool Requests::waits(const Request& request) const {
  return request.state == RequestState::waiting ||
         (request.state == RequestState::accepted && state_.scheduler.plan(request.number));
}

// Lists the archives of a waiting request whose listings are older than a new request accepts.
void Requests::list_again(Request& request) {
  if (request.unlisted.empty()) {
    for (const auto& archive : request.graph->archives)
      if (!state_.listed_within(config_.listing_age, *request.graph, archive))
        request.unlisted.insert(request.graph->index_name(archive));
    list_archives(request);
  }
  if (!request.unlisted.empty()) request.state = RequestState::accepted;  // in memory only: after a crash it waits as before
}

// Ends requests that wait for files and differ from this one only by an earlier version of the manifest.
void Requests::replace_waiting(const Request& request, Change& change) {
  for (auto& [number, other] : state_.live)
    if (waits(other) && other.kind == request.kind && other.pipeline == request.pipeline && other.module == request.module &&
        other.asked() == request.asked() && other.overrides == request.overrides && other.partial == request.partial)
      finish(other, RequestState::cancelled, "replaced by " + request.id + ", which has a changed manifest", change);
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
  const auto row = records_.json(Table::requests, keys::number(number));
  if (!row.is_object()) return std::nullopt;  // lost, and dropped by a repair
  auto ended = requests::request_from_row(number, row);
  MOLE_TRY(ended.graph, read_graph(records_, ended.revision));
  return Result<Accepted>(accepted_document(ended, false));
}

// The results of a pipeline, except what-ifs, come from one place, and an index is listed from one place at a time.
Result<> Requests::check_archives_agree(const Request& request) const {
  const auto plain = without_overridden(*request.graph, request.overridden);
  if (auto good = check_places(records_, state_.modules, plain); !good) return good;
  for (const auto& [number, other] : state_.live) {
    if (other.terminal() || other.graph->pipeline != request.graph->pipeline) continue;
    const auto other_plain = without_overridden(*other.graph, other.overridden);
    for (const auto& archive : request.graph->archives) {
      const auto found = other.graph->find_archive(archive.name);
      if (!found) continue;
      const auto& same = other.graph->archives[*found];
      const bool shared =
          same.index == archive.index || (plain.find_archive(archive.name) && other_plain.find_archive(archive.name));
      if (shared && same.place() != archive.place())
        return transient("request " + other.id + " reads the archive \"" + archive.name + "\" of the pipeline " + other.pipeline +
                         " from " + text_of(same.place()) + ", this one from " + text_of(archive.place()) +
                         "; submit again when it has ended, cancel it, or give this pipeline another name");
    }
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

// Results are shown at once if that takes away none of an earlier revision; otherwise when the request is complete (publish).
void Requests::store_modules(const PreparedRequest& prepared, Change& change) {
  const auto& graph = prepared.graph;
  const auto& request = prepared.request;
  for (const auto& module : graph.modules) {
    records_.put_json(change.batch, Table::fingerprints, keys::bytes_of(module.fingerprint),
                      {{"module", graph.full_name(module)}, {"parts", module.parts}});
    if (request.overridden.contains(module.name)) continue;
    auto& row = state_.modules[graph.full_name(module)];
    if (row.fingerprint == module.fingerprint || !records_.has_results(row.fingerprint))
      show_results(module, request, change);
    else if (request.graph->find_module(module.name))
      row.changed_by = request.number;
    records_.put_json(change.batch, Table::modules, graph.full_name(module), row);
  }
}

void Requests::show_results(const dag::Module& module, const Request& request, Change& change) {
  const auto name = request.graph->full_name(module);
  auto& row = state_.modules[name];
  row.request = request.number;
  row.changed_by = 0;
  row.revision = request.revision;
  if (row.fingerprint == module.fingerprint) return;
  if (!row.fingerprint.empty()) row.history.insert(row.history.begin(), row.fingerprint);
  std::erase(row.history, module.fingerprint);
  if (row.history.size() > max_history) row.history.resize(max_history);
  row.fingerprint = module.fingerprint;
  change.views.switched.push_back(name);
}

// Shows the results of a request that is complete, as far as the archive reaches, in place of those of earlier requests.
void Requests::publish(const Request& request, Change& change) {
  for (const auto& module : request.graph->modules) {
    if (request.overridden.contains(module.name)) continue;
    const auto& name = request.graph->full_name(module);
    if (auto& row = state_.modules[name]; row.request < request.number) {
      show_results(module, request, change);
      records_.put_json(change.batch, Table::modules, name, row);
    }
  }
}

// Results with `--set` options are kept beside those of the manifest.
void Requests::store_what_ifs(const Request& request, Change& change) {
  for (const auto& module : request.graph->modules) {
    if (!request.overridden.contains(module.name)) continue;
    const auto name = request.graph->full_name(module);
    auto& what_ifs = state_.modules[name].what_ifs;
    const auto known = std::ranges::find(what_ifs, module.fingerprint, &requests::WhatIf::fingerprint);
    requests::WhatIf latest{request.number, request.number, module.fingerprint, request.revision, request.overrides};
    if (known != what_ifs.end()) {
      latest.request = known->request;
      what_ifs.erase(known);
    }
    what_ifs.push_back(std::move(latest));
    if (what_ifs.size() > max_what_ifs) what_ifs.erase(what_ifs.begin());
    records_.put_json(change.batch, Table::modules, name, state_.modules[name]);
    change.views.relink.push_back(name);
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
