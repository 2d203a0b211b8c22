// Decides whether a request has ended, and writes its summary.
#include "coordinator/control/requests.hpp"
#include "coordinator/control/sandbox_text.hpp"
#include "coordinator/requests/damaged_files.hpp"
#include "coordinator/requests/range_coverage.hpp"

namespace mole::coordinator::control {
namespace {

constexpr std::size_t max_failures = 1000, max_damaged_files = 100;

// Says which modules' processes printed something, and how to see it. Empty: none did.
std::string printed_note(const Request& request) {
  constexpr std::size_t max_modules = 5;
  std::string modules, command;
  std::size_t named = 0;
  for (const auto& [name, printed] : request.printed) {
    if (++named > max_modules) break;
    modules += (modules.empty() ? "" : ", ") + name + " (" + std::to_string(printed.blocks) +
               (printed.blocks == 1 ? " block)" : " blocks)");
    const auto m = request.graph ? request.graph->find_module(name) : std::nullopt;
    if (!command.empty() || !m) continue;
    const auto& module = request.graph->modules[*m];
    command = "; see mole why " + request.graph->full_name(module) + " " + dag::result_columns(module).front().name + " " +
              format_time(printed.last) + (request.overrides.empty() ? "" : " --what-if " + request.id);
  }
  if (modules.empty()) return "";
  if (request.printed.size() > max_modules) modules += " and " + std::to_string(request.printed.size() - max_modules) + " more";
  return "plugins printed messages while these modules were computed: " + modules + command;
}

// "a, b, c and 2 more"
std::string some_of(const std::set<std::string>& names) {
  constexpr std::size_t max_shown = 5;
  std::string text;
  std::size_t shown = 0;
  for (const auto& name : names)
    if (++shown <= max_shown) text += (text.empty() ? "" : ", ") + name;
  return shown > max_shown ? text + " and " + std::to_string(shown - max_shown) + " more" : text;
}

// Names the files that repeat others. Empty: none.
std::string copies_note(const Request& request) {
  if (request.copies.empty()) return "";
  const bool one = request.copies.size() == 1;
  return std::to_string(request.copies.size()) +
         (one ? " file repeats the content of another file of its router with an overlapping time and is"
              : " files repeat the content of another file of their router with an overlapping time and are") +
         " not counted again: " + some_of(request.copies) + "; remove " + (one ? "the copy" : "the copies") +
         ", or set \"duplicates\" of the archive to all to count " + (one ? "it" : "them");
}

// Says which columns some files do not have. Empty: none.
std::string absent_note(const Request& request) {
  constexpr std::size_t max_shown = 5;
  std::string text;
  std::size_t shown = 0;
  for (const auto& [column, absent] : request.absent) {
    if (++shown > max_shown) break;
    text += (text.empty() ? "" : "; ") + column + ", which " + some_of(absent.modules) +
            (absent.modules.size() == 1 ? " reads" : " read") + " (" + std::to_string(absent.blocks.size()) +
            (absent.blocks.size() == 1 ? " block" : " blocks") + ", files read by " + some_of(absent.decoders) + ")";
  }
  if (text.empty()) return "";
  if (request.absent.size() > max_shown) text += "; and " + std::to_string(request.absent.size() - max_shown) + " more columns";
  return "files that do not have a column that is read count as missing in the coverage: " + text +
         "; mole why shows these files";
}

// "12 flows of traffic, 3 flows of top": the modules with such flows. Empty: none has any.
std::string modules_with(const Request& request, std::uint64_t Request::Sampled::*flows) {
  constexpr std::size_t max_shown = 5;
  std::string text;
  std::size_t shown = 0;
  for (const auto& [module, sampled] : request.sampled) {
    const auto count = sampled.*flows;
    if (count == 0 || ++shown > max_shown) continue;
    text += (text.empty() ? "" : ", ") + std::to_string(count) + (count == 1 ? " flow of " : " flows of ") + module;
  }
  return shown > max_shown ? text + " and of " + std::to_string(shown - max_shown) + " more" : text;
}

// Says for which flows packets and bytes do not have the scale that a module asks for, or may not have it.
std::vector<std::string> sampling_notes(const Request& request) {
  using Sampled = Request::Sampled;
  const std::pair<std::uint64_t Sampled::*, const char*> causes[] = {
      {&Sampled::unscaled,
       ": not scaled, because neither the records, nor options in the same file, nor the manifest state a sampling rate; they "
       "count as 1:1; give the rate as \"sampling\" of the archive"},
      {&Sampled::manifest_differs,
       ": the records or options state a different sampling rate than \"sampling\" of the archive; theirs was used"},
      {&Sampled::saturated,
       ": a counter multiplied by the sampling rate exceeds 64 bits and counts as 2^64 - 1; check the rate (mole flows "
       "--summary)"},
      {&Sampled::not_divisible,
       ": the collector has multiplied the counters, and they are not a multiple of a known sampling rate, so they are "
       "used unchanged; set \"scale: sampling\" to use scaled counters for all flows"}};
  std::vector<std::string> notes;
  for (const auto& [flows, cause] : causes)
    if (auto modules = modules_with(request, flows); !modules.empty()) notes.push_back(modules + cause);
  return notes;
}

}  // namespace

JobFailure failure_document(const dag::Graph& graph, const dag::Module& module, Micros block,
                            const leases::FailureRecord& failure) {
  return {.job = graph.job_name(module, block),
          .plugin = module.plugin.name + " " + module.plugin.version,
          .module = module.name,
          .block = block,
          .code = name_of(failure.code),
          .message = failure.message,
          .attempts = std::uint64_t{failure.plugin_failures} + failure.infra_failures + failure.lost,
          .log_tail = failure.log_tail};
}

void Requests::check_finished(Request& request, Change& change) {
  if (request.terminal() || request.kind != RequestKind::run || !request.unlisted.empty() ||
      !state_.scheduler.exhausted(request.number))
    return;
  const auto counts = state_.scheduler.counts(request.number);
  if (counts.failed + counts.blocked > 0) {
    const auto reason = std::to_string(counts.failed) + (counts.failed == 1 ? " job" : " jobs") + " failed" +
                        (counts.blocked ? ", " + std::to_string(counts.blocked) + " more blocked by failures" : "");
    return finish(request, RequestState::failed, reason, change);
  }
  if (counts.waiting > 0) {
    const auto reason = request.waits.empty() ? std::string("waits for files") : request.waits.front();
    if (request.state == RequestState::waiting && request.reason == reason) return;
    if (counts.done > 0) publish(request, change);
    request.state = RequestState::waiting;
    request.reason = reason;
    change.info("request " + request.id + ": " + name_of(request.state) + ", " + reason);
    return save(request, change);
  }
  const auto looked = look_for_results(request, change);
  if (looked == Looked::some) return;  // continue_ending looks at the others
  looked_at_.erase(request.number);
  if (looked == Looked::lost) return replan_all(change);
  // Ends as complete, unless the summary finds rows with less than full coverage.
  finish(request, RequestState::complete, "", change);
}

// Looks whether the blobs of some more of the request's results still exist, so that the lock is not held for long, and makes
// those that do not count as not computed.
Requests::Looked Requests::look_for_results(const Request& request, Change& change) {
  constexpr std::int64_t slice = 1000;  // blocks
  const auto* plan = state_.scheduler.plan(request.number);
  if (!plan) return Looked::all;
  change.flush();
  auto& at = looked_at_[request.number];
  auto left = slice;
  for (; at.module < plan->modules.size(); ++at.module, at.blocks = 0) {
    const auto& planned = plan->modules[at.module];
    const auto& module = plan->graph->modules[at.module];
    const auto& grid = plan->grid(at.module);
    if (planned.flags.empty()) continue;
    const auto from = planned.first + at.blocks, to = std::min<std::int64_t>(from + left, planned.last());
    std::vector<leases::JobKey> lost;
    records_.scan_catalogue(module.fingerprint, {grid.start(from), grid.start(to)},
                            [&](Micros start, const store::CatalogueRow& row) {
                              if (!row.rows_blob.empty() && !blobs_.has(row.rows_blob))
                                lost.push_back({module.fingerprint, start});
                            });
    for (const auto& job : lost) drop_result(job, plan->graph->full_name(module), change);
    if (!lost.empty()) return Looked::lost;
    at.blocks += to - from;
    left -= to - from;
    if (to < planned.last()) return Looked::some;
  }
  return Looked::all;
}

bool Requests::continue_ending(Change& change) {
  const auto ending = looked_at_;
  for (const auto& [number, before] : ending) {
    if (const auto request = state_.live.find(number); request != state_.live.end()) check_finished(request->second, change);
    const auto now = looked_at_.find(number);  // where it was: something else keeps it from ending
    if (now != looked_at_.end() && now->second == before) looked_at_.erase(now);
  }
  return !looked_at_.empty();
}

void Requests::drop_result(const leases::JobKey& job, const std::string& module, Change& change) {
  auto& row = change.edit(job);
  state_.log({{"event", "rows lost"}, {"module", module}, {"block", format_time(job.from)}, {"blob", row.rows_blob}}, change);
  row.rows_blob = row.result_key = {};
  auto& relink = change.views.relink;  // no reader of the tables sees damaged rows
  if (std::ranges::find(relink, module) == relink.end()) relink.push_back(module);
}

void Requests::finish(Request& request, RequestState state, const std::string& reason, Change& change) {
  looked_at_.erase(request.number);
  change.flush();  // the summary reads the catalogue
  const auto too_late = request.kind == RequestKind::run ? summarize(request) : std::string();
  const bool gaps = state == RequestState::complete && (request.coverage.value_or(1) < 1 || !too_late.empty());
  request.state = gaps ? RequestState::partial : state;
  if (request.kind == RequestKind::run && state == RequestState::complete) publish(request, change);
  request.reason = reason.empty() ? too_late : reason;
  request.finished = state_.wall();
  const auto line =
      "request " + request.id + ": " + name_of(request.state) + (request.reason.empty() ? "" : ", " + request.reason);
  change.log.emplace_back(request.state == RequestState::failed ? LogLevel::warning : LogLevel::info, line);
  save(request, change);
  state_.scheduler.drop(request.number);
  change.views.folders.push_back(request.number);
}

void Requests::end_those_without_sandbox(Change& change) {
  for (auto& [number, request] : state_.live)
    if (!request.terminal() && state_.scheduler.lacks_sandbox(request.graph->require_sandbox)) {
      request.code = name_of(task::FailureCode::unsupported);
      finish(request, RequestState::failed, cause_of_no_sandbox(request.graph->require_sandbox) + "; " + remedy_of_no_sandbox,
             change);
    }
}

void Requests::finish_verified(Request& request, Change& change) {
  if (!request.given_up.empty())
    return finish(request, RequestState::failed, "some files could not be read; mole archive verify tries them again", change);
  std::string reason;
  if (request.changed > 0 && request.kind == RequestKind::verify)
    reason = std::to_string(request.changed) + (request.changed == 1 ? " file has" : " files have") +
             " a different content than when last read; mole run computes the blocks that use it again";
  if (request.damaged && request.kind == RequestKind::verify)
    return finish(request, RequestState::partial,
                  (reason.empty() ? "" : reason + "; ") + "some files are damaged or unreadable; mole archive gaps lists them",
                  change);
  finish(request, RequestState::complete, reason, change);
}

// Returns which files in the range are misplaced, empty if none is.
std::string Requests::misplaced_files(const jobs::Plan& plan, TimeRange range) const {
  std::size_t count = 0;
  std::string first;
  for (std::size_t a = 0; a < plan.indexes.size(); ++a) {
    if (!plan.indexes[a]) continue;
    std::set<std::string> misplaced;
    for (const auto& [id, state] : records_.faulty_files(plan.graph->index_name(plan.graph->archives[a])))
      if (state == task::FileState::misplaced) misplaced.insert(id);
    if (misplaced.empty()) continue;
    std::set<std::string> routers;
    for (std::size_t m = 0; m < plan.modules.size(); ++m)
      if (plan.graph->modules[m].archive == a)
        for (auto& router : plan.routers(m)) routers.insert(router);
    for (const auto& [file, key] : plan.indexes[a]->files()) {
      if (!file.covers.overlaps(range) || !misplaced.contains(file.id) || !routers.contains(file.router)) continue;
      if (count++ == 0) first = file.id;
    }
  }
  if (count == 0) return {};
  return (count == 1 ? "a file is misplaced and counts" : std::to_string(count) + " files are misplaced and count") +
         std::string(" as missing: most export times in ") + first +
         " are not near the time in its name; mole archive gaps shows both and a remedy";
}

// Sets the final failures, counts and coverage. Returns why rows lack input, if it is more than gaps and damage.
std::string Requests::summarize(Request& request) {
  request.jobs = state_.scheduler.counts(request.number);
  request.jobs.running = 0;  // its tasks are cancelled; those that other requests need no longer belong to it
  request.files.done = request.files.total;
  request.bytes.done = request.bytes.total;
  if (auto note = printed_note(request); !note.empty()) request.notes.push_back(std::move(note));
  if (auto note = absent_note(request); !note.empty()) request.notes.push_back(std::move(note));
  if (auto note = copies_note(request); !note.empty()) request.notes.push_back(std::move(note));
  for (auto& note : sampling_notes(request)) request.notes.push_back(std::move(note));
  const auto* plan = state_.scheduler.plan(request.number);
  if (!plan) return {};
  request.given_up.clear();
  for (std::size_t m = 0; m < plan->modules.size(); ++m) {
    const auto& planned = plan->modules[m];
    const auto& module = plan->graph->modules[m];
    if (planned.flags.empty()) continue;
    const auto& grid = plan->grid(m);
    for (auto b = planned.first; b < planned.last() && request.given_up.size() < max_failures; ++b) {
      if (!(planned.flags_at(b) & jobs::failed)) continue;
      if (const auto* failure = state_.scheduler.failure({module.fingerprint, grid.start(b)}))
        request.given_up.push_back(failure_document(*plan->graph, module, grid.start(b), *failure));
    }
  }
  const auto coverage = requests::coverage_in(records_, *plan, request.asked());
  if (!coverage) return {};
  request.coverage = coverage->coverage;
  request.coverage_without_windows = coverage->without_windows;
  request.coverage_with_windows = coverage->with_windows;
  request.damaged_files = requests::damaged_files(records_, *plan, request.asked(), max_damaged_files);
  for (const auto& file : request.unreadable)
    if (request.damaged_files.size() < max_damaged_files) request.damaged_files.push_back(file);
  if (coverage->coverage == 1 && coverage->too_late.empty()) return {};
  auto misplaced = misplaced_files(*plan, request.asked());
  return misplaced.empty() ? coverage->too_late : std::move(misplaced);
}

Result<RequestStatus> Requests::cancel(const std::string& id, Change& change) {
  MOLE_TRY(const auto number, requests::request_number(id));
  const auto found = state_.live.find(number);
  if (found == state_.live.end()) return ended_request(records_, number);
  auto& request = found->second;
  if (!request.terminal()) finish(request, RequestState::cancelled, "cancelled by a client", change);
  return requests::describe(request, request.jobs, true);
}

Result<RequestStatus> ended_request(const store::Records& records, std::uint64_t number) {
  const auto row = records.json(Table::requests, keys::number(number));
  if (!row.is_object()) return missing("there is no request " + requests::request_id(number) + "; see mole request list");
  const auto ended = requests::request_from_row(number, row);
  return requests::describe(ended, ended.jobs, true);
}

}  // namespace mole::coordinator::control
