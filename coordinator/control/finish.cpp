// Decides whether a request has ended, and writes its summary.
#include "coordinator/control/requests.hpp"

#include <cmath>

namespace mole::coordinator::control {
namespace {

constexpr std::size_t max_failures = 1000;

struct MeanCoverage {
  double sum = 0;
  std::uint64_t jobs = 0;
  bool full = true;

  void add(const store::CatalogueRow& row) {
    sum += row.coverage;
    ++jobs;
    full = full && row.coverage_min >= 1;
  }
  // Less than 1 if any row has a gap, which rounding must not hide.
  double mean() const { return full ? 1 : std::min(sum / static_cast<double>(jobs), std::nextafter(1.0, 0.0)); }
};

// Returns for each module whether it or a module it reads has a window.
std::vector<bool> windowed_modules(const dag::Graph& graph) {
  std::vector<bool> windowed;
  for (const auto& module : graph.modules) {
    bool any = module.window > 0;
    for (const auto& input : module.inputs) any = any || (input.kind != InputKind::flows && windowed[input.source]);
    windowed.push_back(any);
  }
  return windowed;
}

JobFailure failure_document(const dag::Graph& graph, const dag::Module& module, Micros block,
                            const leases::FailureRecord& failure) {
  return {.job = graph.job_name(module, block),
          .plugin = module.plugin.name + " " + module.plugin.version,
          .module = module.name,
          .block = block,
          .code = name_of(failure.code),
          .message = failure.message,
          .attempts = std::uint64_t{failure.plugin_failures} + failure.infra_failures,
          .log_tail = failure.log_tail};
}

}  // namespace

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
    request.state = RequestState::waiting;
    request.reason = reason;
    return save(request, change);
  }
  // Ends as complete, unless the summary finds rows with less than full coverage.
  finish(request, RequestState::complete, "", change);
}

void Requests::finish(Request& request, RequestState state, const std::string& reason, Change& change) {
  change.flush();  // the summary reads the catalogue
  if (request.kind == RequestKind::run) summarize(request);
  const bool gaps = state == RequestState::complete && request.coverage.value_or(1) < 1;
  request.state = gaps ? RequestState::partial : state;
  request.reason = reason;
  request.finished = state_.wall();
  save(request, change);
  state_.scheduler.drop(request.number);
  change.views.folders.push_back(request.number);
}

void Requests::finish_verified(Request& request, Change& change) {
  if (!request.given_up.empty())
    return finish(request, RequestState::failed, "some files could not be read; mole archive verify tries them again", change);
  if (request.damaged)
    return finish(request, RequestState::partial, "some files are damaged or unreadable; mole archive gaps lists them", change);
  finish(request, RequestState::complete, "", change);
}

// Sets the final failures, counts and coverage.
void Requests::summarize(Request& request) {
  request.jobs = state_.scheduler.counts(request.number);
  request.files.done = request.files.total;
  request.bytes.done = request.bytes.total;
  const auto* plan = state_.scheduler.plan(request.number);
  if (!plan) return;
  MeanCoverage all, plain, windowed;
  const auto has_window = windowed_modules(*plan->graph);
  request.given_up.clear();
  for (std::size_t m = 0; m < plan->modules.size(); ++m) {
    const auto& planned = plan->modules[m];
    const auto& module = plan->graph->modules[m];
    if (planned.flags.empty()) continue;
    const auto& grid = plan->grid(m);
    records_.scan_catalogue(module.fingerprint, {grid.start(planned.first), grid.start(planned.last())},
                            [&](Micros from, const store::CatalogueRow& row) {
                              if (!(planned.flags_at(grid.number(from)) & jobs::requested) || row.rows_blob.empty()) return;
                              all.add(row);
                              (has_window[m] ? windowed : plain).add(row);
                            });
    for (auto b = planned.first; b < planned.last() && request.given_up.size() < max_failures; ++b) {
      if (!(planned.flags_at(b) & jobs::failed)) continue;
      if (const auto* failure = state_.scheduler.failure({module.fingerprint, grid.start(b)}))
        request.given_up.push_back(failure_document(*plan->graph, module, grid.start(b), *failure));
    }
  }
  if (all.jobs == 0) return;
  request.coverage = all.mean();
  if (plain.jobs == 0 || windowed.jobs == 0) return;
  request.coverage_without_windows = plain.mean();
  request.coverage_with_windows = windowed.mean();
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
