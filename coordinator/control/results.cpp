// Applies a completion to the catalogue: new results, duplicates, missing blobs.
#include "coordinator/control/completions.hpp"
#include "coordinator/requests/lineage.hpp"
#include "coordinator/store/keys.hpp"

#include <algorithm>

namespace mole::coordinator::control {

using nlohmann::json;
using store::Table;

namespace {

constexpr std::size_t max_changes = 20;
constexpr std::size_t max_log = 4096;  // bytes for each result; a node sends no more for a success

}  // namespace

void Completions::apply_result(const Completion& completion, const leases::SettledStep& settled, Change& change) {
  const auto& report = completion.report.steps[settled.step];
  const auto& step = completion.spec.steps[report.step];
  const auto& job = settled.job;
  auto& row = change.edit(job);
  auto& lineage = change.edit_lineage(job);
  auto record = requests::lineage_of(completion, report);
  if (settled.state) {
    row.state_key = step.state_key;
    row.state_blob = report.state_blob;
    row.state_bytes = report.state_bytes;
    row.holders = {state_.node_number(completion.node)};
    lineage["state"] = record;
  }
  if (settled.result) {
    row.result_key = step.result_key;
    row.rows_blob = report.rows_blob;
    row.rows_bytes = report.rows_bytes;
    row.rows = report.rows;
    row.coverage = report.coverage;
    row.coverage_min = report.coverage_min;
    row.flows_counted = report.flows_counted;
    row.flows_late = report.flows_late;
    lineage["result"] = std::move(record);
    const auto module = step.pipeline + "/" + step.module;
    const auto shown = state_.shown_fingerprints(module);
    if (std::ranges::find(shown, job.fingerprint) != shown.end())
      change.views.links.push_back({module, job.fingerprint, job.from, report.rows_blob});
    lineage.erase("incomplete");
    if (!report.incomplete.empty()) lineage["incomplete"] = report.incomplete;
  }
  lineage.erase("log");
  if (const auto& log = completion.report.log_tail; !log.empty()) {
    auto start = log.size() - std::min(log.size(), max_log);
    while (start < log.size() && (static_cast<unsigned char>(log[start]) & 0xc0) == 0x80) ++start;
    lineage["log"] = log.substr(start);
  }
  note_inputs(step, job, lineage);
  lineage["at"] = format_time(state_.wall());
  if (settled.had_failures) records_.erase_job_row(change.batch, Table::failures, job.fingerprint, job.from);
}

// Adds the inputs of the job's keys, and their differences from the previous result, for `explain`.
void Completions::note_inputs(const task::Step& step, const leases::JobKey& job, json& lineage) {
  for (const auto& [number, request] : state_.live) {
    const auto* plan = state_.scheduler.plan(number);
    const auto m = plan ? plan->graph->find_module(step.module) : std::nullopt;
    if (!m || plan->graph->modules[*m].fingerprint != job.fingerprint) continue;
    auto decides = requests::inputs_now(*plan, *m, plan->grid(*m).number(job.from));
    if (lineage.contains("decides"))
      if (auto because = requests::changed_inputs(lineage["decides"], decides, max_changes); !because.empty())
        lineage["because"] = std::move(because);
    lineage["decides"] = std::move(decides);
    return;
  }
}

// Keeps the first result of a job that was computed twice. Equal keys must mean equal bytes; a difference is logged.
void Completions::apply_duplicate(const Completion& completion, const leases::SettledStep& settled, Change& change) {
  const auto& report = completion.report.steps[settled.step];
  auto& row = change.edit(settled.job);
  const auto log_difference = [&](const char* what, const Digest& first, const Digest& second) MOLE_REQUIRES(service_mutex) {
    state_.log({{"event", "NONDETERMINISM"},
                {"what", what},
                {"module", completion.spec.steps[report.step].module},
                {"block", format_time(settled.job.from)},
                {"first", first},
                {"second", second},
                {"node", completion.node}},
               change);
  };
  if (settled.result && row.rows_blob != report.rows_blob) log_difference("rows", row.rows_blob, report.rows_blob);
  if (!settled.state) return;
  if (row.state_blob != report.state_blob) return log_difference("state", row.state_blob, report.state_blob);
  const auto node = state_.node_number(completion.node);
  if (std::find(row.holders.begin(), row.holders.end(), node) == row.holders.end()) row.holders.push_back(node);
}

// Removes states and rows that the task could not fetch, so that they are computed again. Returns whether any were removed.
bool Completions::drop_missing_blobs(const Completion& completion, Change& change) {
  const auto& missing = completion.report.missing_blobs;
  const auto is_missing = [&](const Digest& blob) { return std::find(missing.begin(), missing.end(), blob) != missing.end(); };
  bool dropped = false;
  for (const auto& step : completion.spec.steps) {
    for (const auto& state : step.states)
      if (is_missing(state.blob)) dropped = drop_state(step, state, change) || dropped;
    for (const auto& input : step.inputs)
      for (const auto& rows : input.rows)
        if (is_missing(rows.blob) && !blobs_.has(rows.blob))
          dropped = drop_rows(step.pipeline + "/" + input.module, rows, change) || dropped;
  }
  if (!dropped) return false;
  for (const auto& step : completion.spec.steps) {  // the attempt does not count, because the task was not at fault
    state_.scheduler.forget({step.fingerprint, completion.spec.block.from});
    records_.erase_job_row(change.batch, Table::failures, step.fingerprint, completion.spec.block.from);
  }
  return true;
}

bool Completions::drop_state(const task::Step& step, const task::StateRef& state, Change& change) const {
  auto& row = change.edit({step.fingerprint, state.block.from});
  if (row.state_blob != state.blob) return false;
  row.state_blob = row.state_key = {};
  row.holders.clear();
  return true;
}

bool Completions::drop_rows(const std::string& module, const task::RowsRef& rows, Change& change) {
  auto fingerprints = state_.shown_fingerprints(module);
  for (const auto& [number, request] : state_.live)
    if (const auto m = request.graph->find_module(local_name(module));
        m && request.pipeline == module.substr(0, module.find('/')))
      fingerprints.push_back(request.graph->modules[*m].fingerprint);
  for (const auto& fingerprint : fingerprints) {
    const auto known = change.catalogue({fingerprint, rows.block.from});
    if (!known || known->rows_blob != rows.blob) continue;
    requests_.drop_result({fingerprint, rows.block.from}, module, change);
    return true;
  }
  return false;
}

}  // namespace mole::coordinator::control
