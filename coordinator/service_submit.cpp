// A request's way: manifest -> graph -> durable row -> listing of its archives -> plan -> the scheduler; and its end.
#include "coordinator/dag/describe.hpp"
#include "coordinator/requests/folder.hpp"
#include "coordinator/service.hpp"
#include "coordinator/store/keys.hpp"
#include "sdk/model/code_name.hpp"

#include <algorithm>
#include <cmath>

namespace mole::coordinator {

using nlohmann::json;
using requests::Request;
using store::Table;
namespace keys = store::keys;

namespace {

constexpr std::size_t max_history = 16;
constexpr std::size_t max_failures = 1000;
constexpr std::size_t max_open = 1000;  // requests; each holds a plan in memory and is looked at in every completion

// Mean coverage of jobs.
struct Covered {
  double sum = 0;
  std::uint64_t jobs = 0;
  bool whole = true;

  void add(const store::CatalogueRow& row) {
    sum += row.coverage;
    ++jobs;
    whole = whole && row.coverage_min >= 1;
  }
  // Rounding hides no gap.
  double mean() const { return whole ? 1 : std::min(sum / static_cast<double>(jobs), std::nextafter(1.0, 0.0)); }
};

// By module: whether it or one it reads has a window.
std::vector<bool> windowed_modules(const dag::Graph& graph) {
  std::vector<bool> windowed;
  for (const auto& module : graph.modules) {
    bool any = module.window > 0;
    for (const auto& input : module.inputs) any = any || (input.kind != "flows" && windowed[input.source]);
    windowed.push_back(any);
  }
  return windowed;
}

// The modules a request is about, as indexes into its own graph.
std::vector<std::uint32_t> asked_modules(const Request& request) {
  if (request.module.empty()) return {};
  const auto m = request.graph->find_module(request.module);
  return m ? std::vector<std::uint32_t>{*m} : std::vector<std::uint32_t>{};
}

}  // namespace

// ---- understanding what is asked

Result<Service::Parsed> Service::parse(const Submission& submission) const {
  auto parsed = manifest::parse_manifest(submission.manifest, submission.manifest_name, submission.overrides);
  if (!parsed) return parsed.error();
  auto resolved = dag::resolve(*parsed, *plugins_.get(), submission.base,
                               [this](const std::filesystem::path& table) { return table_digest(table); });
  if (!resolved) return resolved.error();
  return Parsed{std::move(*parsed), std::move(*resolved)};
}

std::set<std::string> Service::what_if(const Submission& submission, const dag::Graph& graph) const {
  if (submission.overrides.empty()) return {};
  auto written = submission;
  written.overrides.clear();
  const auto plain = parse(written);  // may be no pipeline without them
  std::set<std::string> names;
  for (const auto& module : graph.modules) {
    const auto m = plain ? plain->resolved.graph.find_module(module.name) : std::nullopt;
    if (!m || plain->resolved.graph.modules[*m].fingerprint != module.fingerprint) names.insert(module.name);
  }
  return names;
}

// The part of the pipeline that `module` stands on; all of it if none is named.
Result<Service::Shared> Service::asked_part(const Submission& submission, const dag::Graph& graph) const {
  if (submission.module.empty()) return std::make_shared<const dag::Graph>(graph);
  const auto m = graph.find_module(submission.module);
  std::vector<std::string> names;
  for (const auto& module : graph.modules) names.push_back(module.name);
  if (!m)
    return missing("the pipeline " + graph.pipeline + " has no module \"" + submission.module + "\"" +
                   manifest::suggestion(submission.module, names));
  return std::make_shared<const dag::Graph>(dag::prune(graph, {*m}));
}

TimeRange Service::round_outward(const dag::Graph& graph, TimeRange range) const {
  TimeRange out = range;
  for (const auto& module : graph.modules) {
    const auto& archive = graph.grid(module);
    out.from = std::min(out.from, floor_to(range.from, archive.block_length, archive.block_origin));
    out.to = std::max(out.to, ceil_to(range.to, archive.block_length, archive.block_origin));
  }
  return out;
}

Result<PipelineDescription> Service::validate(const Submission& submission) {
  auto parsed = parse(submission);
  if (!parsed) return parsed.error();
  return dag::describe(parsed->resolved.graph);
}

// ---- accepting

Result<Accepted> Service::submit(const Submission& submission) {
  if (submission.range.empty())
    return invalid("the range [" + format_time(submission.range.from) + ", " + format_time(submission.range.to) +
                   ") is empty; --to must be after --from");
  auto parsed = parse(submission);
  if (!parsed) return parsed.error();
  auto part = asked_part(submission, parsed->resolved.graph);
  if (!part) return part.error();
  Request request;
  parsed->what_if = what_if(submission, parsed->resolved.graph);
  request.overrides = submission.overrides;
  request.kind = "run";
  request.module = submission.module;
  request.range = round_outward(**part, submission.range);
  request.graph = *part;
  return accept(submission, std::move(request), *parsed);
}

Result<Accepted> Service::archive_task(const Submission& submission, const std::string& archive, RequestKind kind) {
  if (kind != RequestKind::index && kind != RequestKind::verify) return invalid("an archive task is index or verify");
  auto parsed = parse(submission);
  if (!parsed) return parsed.error();
  const auto& graph = parsed->resolved.graph;
  const auto slash = archive.find('/');
  const auto name = slash == std::string::npos ? archive : archive.substr(slash + 1);
  std::vector<std::string> names;
  for (const auto& a : graph.archives) names.push_back(a.name);
  if (!graph.find_archive(name) || (slash != std::string::npos && archive.substr(0, slash) != graph.pipeline))
    return missing("the pipeline " + graph.pipeline + " has no archive \"" + archive + "\"" + manifest::suggestion(name, names));
  Request request;
  request.kind = word_of(kind);
  request.archive = graph.pipeline + "/" + name;
  request.range = submission.range;
  request.graph = std::make_shared<const dag::Graph>(graph);
  auto answer = accept(submission, std::move(request), *parsed);
  // The run that most often follows wants the others too: they come while a node is at the archive. What goes wrong it will say.
  if (answer) (void)keep_libraries(parsed->resolved.libraries);
  return answer;
}

// Who asks for an archive alone needs what reads it.
std::vector<dag::Library> Service::needed_libraries(const Request& request, std::vector<dag::Library> libraries) {
  if (request.kind == "run") return libraries;
  const auto& archive =
      request.graph->archives[*request.graph->find_archive(request.archive.substr(request.archive.find('/') + 1))];
  std::erase_if(libraries, [&](const dag::Library& l) {
    return l.digest != archive.downloader.library && l.digest != archive.decoder.library;
  });
  return libraries;
}

Result<> Service::keep_libraries(const std::vector<dag::Library>& libraries) {
  for (const auto& library : libraries)
    if (auto kept = blobs_->import(library.digest, library.path); !kept) return kept;
  return blobs_->sync();
}

std::string Service::place_of(const dag::Graph& graph, const dag::Archive& archive) {
  return graph.full_name(archive) + "\n" + archive.downloader.name + "\n" +
         archive.downloader.params.dump(-1, ' ', false, json::error_handler_t::replace);
}

// An archive has one index: while work is going on it stays in one place.
Result<> Service::check_places(const dag::Graph& graph) const {
  for (const auto& archive : graph.archives)
    for (const auto& [number, other] : live_) {
      const auto same =
          other.terminal() || other.graph->pipeline != graph.pipeline ? std::nullopt : other.graph->find_archive(archive.name);
      if (same && place_of(*other.graph, other.graph->archives[*same]) != place_of(graph, archive))
        return transient("request " + other.id() + " reads the archive " + graph.full_name(archive) +
                         " with other parameters; try again when it has ended, cancel it, or give this archive another name");
    }
  return {};
}

// A released version is one binary for ever: its name and version are what keys know of it (decision 7).
Result<> Service::check_versions(const std::vector<dag::Library>& libraries, Aftermath& after) {
  for (const auto& library : libraries) {
    if (library.development) continue;
    const auto key = keys::pair(library.name, library.version);
    const auto known = records_->json(Table::plugins, key);
    if (known.is_object() && known.value("digest", "") != library.digest.hex())
      return unsupported("the plugin " + library.name + " " + library.version + " is another binary (" +
                         library.digest.hex().substr(0, 12) + ") than the one results were computed with (" +
                         known.value("digest", "").substr(0, 12) +
                         "); give it a new version, or one that ends in -dev while you work on it");
    if (!known.is_object()) records_->put_json(after.batch, Table::plugins, key, {{"digest", library.digest}});
  }
  return {};
}

std::optional<Result<Accepted>> Service::already_submitted(const Submission& submission, const std::string& body) const {
  if (submission.client_id.empty()) return std::nullopt;
  const auto known = records_->json(Table::clients, submission.client_id);
  if (!known.is_object()) return std::nullopt;
  if (known.value("body", "") != body)
    return Result<Accepted>(
        invalid("the client id \"" + submission.client_id + "\" was used for another submission; choose a new one"));
  const auto number = known.value("request", std::uint64_t{0});
  if (const auto live = live_.find(number); live != live_.end()) return Result<Accepted>(accepted_document(live->second, false));
  auto request = requests::request_from_row(number, records_->json(Table::requests, keys::number(number)));
  auto graph = records_->json(Table::revisions, keys::text(request.revision));
  request.graph = std::make_shared<const dag::Graph>(dag::graph_from_json(graph));
  return Result<Accepted>(accepted_document(request, false));
}

Result<Accepted> Service::accept(const Submission& submission, Request request, const Parsed& parsed) {
  if (submission.client_id.size() > 256) return invalid("a client id has at most 256 characters");
  if (auto kept = keep_libraries(needed_libraries(request, parsed.resolved.libraries)); !kept) return kept.error();
  if (request.kind == "run")
    if (auto kept = keep_tables(parsed.resolved.tables, *request.graph, request.range); !kept) return kept.error();
  const auto document = dag::to_json(parsed.resolved.graph);
  request.revision = digest_of(std::string_view(document.dump()));
  request.pipeline = parsed.resolved.graph.pipeline;
  request.partial = submission.partial;
  request.priority = submission.priority;
  request.client_id = submission.client_id;
  const auto body = Hasher()
                        .field(request.kind)
                        .field(request.archive)
                        .field(request.module)
                        .field(request.revision)
                        .field(request.range.from)
                        .field(request.range.to)
                        .field(std::uint64_t{request.partial})
                        .field(static_cast<std::int64_t>(request.priority))
                        .finish()
                        .hex();
  Guard guard(mutex_);
  if (auto known = already_submitted(submission, body)) {
    const auto ticket = store_->write({});  // who accepted it may not have made it durable yet
    guard.unlock();
    store_->sync(ticket);
    return std::move(*known);
  }
  if (live_.size() >= max_open)
    return exhausted(std::to_string(live_.size()) +
                     " requests are open, as many as there may be; wait until some have ended, or cancel those that wait (mole "
                     "request cancel)");
  Aftermath after;
  if (auto good = check_places(*request.graph); !good) return good.error();
  if (request.kind == "run")
    if (auto good = check_tables(*request.graph, request.range); !good) return good.error();
  if (auto good = check_versions(parsed.resolved.libraries, after); !good) return good.error();
  request.number = next_request_++;
  request.submitted = config_.wall();
  records_->put_json(after.batch, Table::revisions, keys::text(request.revision), document);
  if (!request.client_id.empty())
    records_->put_json(after.batch, Table::clients, request.client_id, {{"request", request.number}, {"body", body}});
  if (request.kind == "run") {
    note_modules(parsed, request, after);
    for (const auto& module : request.graph->modules)  // asking again is asking to try again
      records_->scan_jobs(Table::failures, module.fingerprint, [&](const Digest& fingerprint, Micros from, const json& row) {
        if (!row.value("given_up", false)) return;
        records_->erase_of_job(after.batch, Table::failures, fingerprint, from);
        scheduler_->forget({fingerprint, from});
      });
  }
  flush(after);  // planning reads what was just written; settle makes it durable
  auto& live = live_[request.number] = std::move(request);
  save(live, after);
  auto answer = accepted_document(live, true);
  advance(live, after);
  settle(guard, std::move(after));
  return answer;
}

void Service::note_modules(const Parsed& parsed, const Request& request, Aftermath& after) {
  const auto& graph = parsed.resolved.graph;
  for (const auto& module : graph.modules) {
    const auto overrides = parsed.what_if.contains(module.name) ? request.overrides : std::vector<std::string>{};
    const auto name = graph.full_name(module);
    auto& row = modules_[name];
    const bool changed = row.fingerprint != module.fingerprint;
    if (changed) {
      if (!row.fingerprint.empty()) row.history.insert(row.history.begin(), row.fingerprint);
      std::erase(row.history, module.fingerprint);
      if (row.history.size() > max_history) row.history.resize(max_history);
      row.fingerprint = module.fingerprint;
      records_->put_json(after.batch, Table::fingerprints, keys::text(module.fingerprint),
                         {{"module", name}, {"parts", module.parts}});
      after.relink.push_back(name);
    }
    if (!changed && row.revision == request.revision && row.overrides == overrides) continue;
    row.revision = request.revision;
    row.overrides = overrides;
    records_->put_json(
        after.batch, Table::modules, name,
        {{"fingerprint", row.fingerprint}, {"revision", row.revision}, {"history", row.history}, {"overrides", overrides}});
  }
}

Accepted Service::accepted_document(const Request& request, bool created) const {
  Accepted accepted{.id = request.id(), .created = created, .modules = {}, .from = request.range.from, .to = request.range.to};
  for (const auto& module : request.graph->modules)
    if (request.module.empty() || module.name == request.module) accepted.modules.push_back(request.graph->full_name(module));
  return accepted;
}

void Service::save(const Request& request, Aftermath& after) {
  records_->put_json(after.batch, Table::requests, keys::number(request.number), requests::to_row(request));
}

// ---- getting it done

// The next step of a request that is not running yet, or was not when the coordinator stopped.
void Service::advance(Request& request, Aftermath& after) {
  request.unlisted.clear();
  const auto fresh = [&](const dag::Archive& archive) {
    const auto at = listed_at_.find(place_of(*request.graph, archive));
    return at != listed_at_.end() && now() - at->second < config_.listing_age;
  };
  if (request.kind == "index") {
    request.unlisted = {request.archive};
  } else if (request.kind == "verify") {
    if (records_->json(Table::archives, request.archive).is_null()) request.unlisted = {request.archive};
  } else if (request.state == "ACCEPTED") {
    for (const auto& archive : request.graph->archives)
      if (!fresh(archive)) request.unlisted.insert(request.graph->full_name(archive));
  }
  if (!request.unlisted.empty()) return begin_listing(request);
  if (request.kind == "verify") return begin_verify(request, after);
  replan(request, after);
}

void Service::begin_listing(Request& request) {
  for (const auto& archive : request.unlisted)
    scheduler_->add_archive_task(request.number, request.priority, {next_archive_task_++, "index", archive, request.range});
}

// One task for each block that holds a file which this request has not read yet.
void Service::begin_verify(Request& request, Aftermath& after) {
  const auto& graph = *request.graph;
  const auto& archive = graph.archives[*graph.find_archive(request.archive.substr(request.archive.find('/') + 1))];
  std::set<Micros> blocks;
  request.files_total = request.bytes_total = 0;
  for (const auto& file : index_of(graph, archive)->files()) {
    if (!request.range.empty() && !file.file.covers.overlaps(request.range)) continue;
    ++request.files_total;
    request.bytes_total += file.file.size;
    const auto row = records_->file(request.archive, file.file.id);
    if (row && row->verified < request.number)
      blocks.insert(floor_to(file.file.covers.from, archive.block_length, archive.block_origin));
  }
  for (const auto from : blocks)
    scheduler_->add_archive_task(request.number, request.priority,
                                 {next_archive_task_++, "verify", request.archive, {from, from + archive.block_length}});
  request.state = "RUNNING";
  save(request, after);
  if (blocks.empty()) finish(request, "COMPLETE", "", after);
}

void Service::replan(Request& request, Aftermath& after) {
  auto plan = make_plan(request.graph, {asked_modules(request), request.range, request.partial});
  if (!plan) {
    request.code = code_name(plan.error().code);
    return finish(request, "FAILED", plan.error().message, after);
  }
  request.waits = plan->waits;
  const bool first = request.files_total == 0;
  if (first)
    for (const auto& needed : jobs::needed_files(*plan)) {
      ++request.files_total;
      request.bytes_total += plan->indexes[needed.archive]->files()[needed.file].file.size;
    }
  scheduler_->set_plan(request.number, request.priority, std::move(*plan));
  if (request.state != "RUNNING") {
    request.state = "RUNNING";
    request.reason.clear();
    save(request, after);
  }
  check_finished(request, after);
}

// The index or the catalogue is not what plans were made from any more.
void Service::replan_all(Aftermath& after) {
  flush(after);
  for (auto& [number, request] : live_)
    if (request.kind == "run" && !request.terminal() && request.unlisted.empty()) replan(request, after);
}

void Service::check_finished(Request& request, Aftermath& after) {
  if (request.terminal() || request.kind != "run" || !request.unlisted.empty() || !scheduler_->exhausted(request.number)) return;
  const auto counts = scheduler_->counts(request.number);
  if (counts.failed + counts.blocked > 0) {
    const auto text = std::to_string(counts.failed) + (counts.failed == 1 ? " job" : " jobs") + " failed" +
                      (counts.blocked ? ", " + std::to_string(counts.blocked) + " more depend on them" : "");
    return finish(request, "FAILED", text, after);
  }
  if (counts.waiting > 0) {
    const auto reason = request.waits.empty() ? std::string("waits for files") : request.waits.front();
    if (request.state == "WAITING" && request.reason == reason) return;
    request.state = "WAITING";
    request.reason = reason;
    return save(request, after);
  }
  finish(request, "", "", after);
}

// Ends a request. `state` empty: COMPLETE, or PARTIAL if some row has less than full coverage.
void Service::finish(Request& request, const std::string& state, const std::string& reason, Aftermath& after) {
  flush(after);  // the summary reads the catalogue
  if (request.kind == "run") summarise(request);
  request.state = state.empty() ? (request.coverage >= 0 && request.coverage < 1 ? "PARTIAL" : "COMPLETE") : state;
  request.reason = reason;
  request.finished = config_.wall();
  save(request, after);
  scheduler_->drop(request.number);
  after.folders.push_back(request.number);
}

// Failures, counts and coverage, for good.
void Service::summarise(Request& request) {
  request.counts = scheduler_->counts(request.number);
  request.files_done = request.files_total;
  request.bytes_done = request.bytes_total;
  const auto* plan = scheduler_->plan(request.number);
  if (!plan) return;
  Covered all, plain, windowed;
  const auto has_window = windowed_modules(*plan->graph);
  request.failures = json::array();
  for (std::size_t m = 0; m < plan->modules.size(); ++m) {
    const auto& mine = plan->modules[m];
    const auto& module = plan->graph->modules[m];
    if (mine.flags.empty()) continue;
    const auto& grid = plan->grid(m);
    records_->scan_catalogue(module.fingerprint, {grid.start(mine.first), grid.start(mine.last())},
                             [&](Micros from, const store::CatalogueRow& row) {
                               if (!(mine.flags_at(grid.number(from)) & jobs::asked) || row.rows_blob.empty()) return;
                               all.add(row);
                               (has_window[m] ? windowed : plain).add(row);
                             });
    for (auto b = mine.first; b < mine.last() && request.failures.size() < max_failures; ++b) {
      if (!(mine.flags_at(b) & jobs::failed)) continue;
      const auto* failure = scheduler_->failure({module.fingerprint, grid.start(b)});
      if (!failure) continue;
      request.failures.push_back({{"job", plan->graph->full_name(module) + "@" + format_time(grid.start(b))},
                                  {"plugin", module.plugin.name + " " + module.plugin.version},
                                  {"module", module.name},
                                  {"block", format_time(grid.start(b))},
                                  {"code", failure->code},
                                  {"message", failure->message},
                                  {"attempts", failure->plugin_failures + failure->infra_failures},
                                  {"log_tail", failure->log_tail}});
    }
  }
  if (all.jobs == 0) return;
  request.coverage = all.mean();
  if (plain.jobs == 0 || windowed.jobs == 0) return;
  request.coverage_plain = plain.mean();
  request.coverage_windowed = windowed.mean();
}

Result<RequestStatus> Service::cancel(const std::string& id) {
  const auto number = requests::request_number(id);
  if (!number) return number.error();
  Guard guard(mutex_);
  const auto found = live_.find(*number);
  if (found == live_.end() || found->second.terminal()) {
    const auto row = records_->json(Table::requests, keys::number(*number));
    if (!row.is_object()) return missing("there is no request " + id + "; mole request list shows them");
    return requests::describe(requests::request_from_row(*number, row), requests::request_from_row(*number, row).counts, true);
  }
  Aftermath after;
  finish(found->second, "CANCELLED", "withdrawn", after);
  auto document = request_document(found->second, true);
  settle(guard, std::move(after));
  return document;
}

RequestStatus Service::request_document(const Request& request, bool with_failures) const {
  return requests::describe(request, request.terminal() ? request.counts : scheduler_->counts(request.number), with_failures);
}

// <state>/requests/<id>/: request.json and a link to the rows of every block.
void Service::write_folder(std::uint64_t number) {
  const auto row = records_->json(Table::requests, keys::number(number));
  if (!row.is_object()) return;
  const auto request = requests::request_from_row(number, row);
  json jobs = json::array();
  std::vector<std::pair<std::string, std::filesystem::path>> links;
  if (request.kind == "run") {
    const auto stored = records_->json(Table::revisions, keys::text(request.revision));
    if (!stored.is_object()) return;
    const auto graph = dag::graph_from_json(stored);
    for (const auto& module : graph.modules) {
      if (!request.module.empty() && module.name != request.module) continue;
      records_->scan_catalogue(module.fingerprint, request.range, [&](Micros from, const store::CatalogueRow& r) {
        if (r.rows_blob.empty()) return;
        jobs.push_back({{"job", graph.full_name(module) + "@" + format_time(from)},
                        {"state", "done"},
                        {"coverage", r.coverage},
                        {"result_key", r.result_key},
                        {"rows_blob", r.rows_blob},
                        {"rows", r.rows}});
        links.emplace_back(module.name + "/" + store::TablesView::file_of(from), blobs_->path_of(r.rows_blob));
      });
    }
  }
  json document = requests::describe(request, request.counts, true);
  document["job_list"] = std::move(jobs);
  (void)requests::write_folder(config_.state / "requests" / request.id(), document, links);  // a view, as tables/ are
}

}  // namespace mole::coordinator
