// The steps of an accepted request: list, verify or plan.
#include "coordinator/control/requests.hpp"

namespace mole::coordinator::control {

Result<> Requests::resume(Change& change) {
  state_.next_request = records_.store().last_request() + 1;  // numbers of requests that are lost are not used again
  std::vector<std::uint64_t> open;
  std::optional<Error> problem;
  records_.scan_json(Table::requests, [&](std::string_view key, const json& row) MOLE_REQUIRES(service_mutex) {
    const auto number = keys::read_u64(key);
    if (!row.is_object()) return true;
    auto request = requests::request_from_row(number, row);
    if (request.terminal()) {
      change.views.missing_folders.push_back(number);
      return true;
    }
    auto& graph = state_.graphs[request.revision];
    if (!graph) {
      auto stored = read_graph(records_, request.revision);
      if (!stored) {
        problem = stored.error();
        return false;
      }
      graph = std::move(*stored);
    }
    request.graph = graph;
    if (const auto m = request.graph->find_module(request.module))
      request.graph = std::make_shared<dag::Graph>(dag::prune(*request.graph, {*m}));
    state_.live[number] = std::move(request);
    open.push_back(number);
    return true;
  });
  if (problem) return *problem;
  for (const auto number : open) advance(state_.live.at(number), change);
  return {};
}

// Starts the next step of a request that is new, or that was interrupted when the coordinator stopped.
void Requests::advance(Request& request, Change& change) {
  request.unlisted.clear();
  if (request.kind == RequestKind::index) {
    request.unlisted = {index_name(request)};
  } else if (request.kind == RequestKind::verify || request.kind == RequestKind::profile) {
    if (records_.json(Table::archives, index_name(request)).is_null()) request.unlisted = {index_name(request)};
  } else if (request.state == RequestState::accepted) {
    for (const auto& archive : request.graph->archives)
      if (!state_.listed_within(config_.listing_age, *request.graph, archive))
        request.unlisted.insert(request.graph->index_name(archive));
  }
  if (!request.unlisted.empty()) return list_archives(request);
  proceed(request, change);
}

void Requests::list_archives(Request& request) {
  for (const auto& archive : request.unlisted)
    state_.scheduler.add_archive_task(
        request.number, request.priority,
        {state_.next_archive_task++, task::Kind::index, archive, request.range(), request.graph->require_sandbox});
}

void Requests::proceed(Request& request, Change& change) {
  if (request.kind == RequestKind::index)
    finish(request, RequestState::complete, "", change);
  else if (request.kind == RequestKind::verify || request.kind == RequestKind::profile)
    read_archive(request, change);
  else
    replan(request, change);
}

// Adds one task per block with a file that this request has not read yet; for a profile, one per sampled hour.
void Requests::read_archive(Request& request, Change& change) {
  const auto& graph = *request.graph;
  const auto& archive = archive_named(graph, request.archive);
  const auto name = graph.index_name(archive);
  const auto index = state_.index_of(graph, archive);
  const auto sample =
      request.kind == RequestKind::profile ? jobs::sample_of(*index, request.range(), request.sample) : std::vector<TimeRange>();
  std::set<Micros> starts;
  request.files.total = request.bytes.total = 0;
  const Micros length = sample.empty() ? archive.block_length : archive.covers;
  for (const auto& file : index->files()) {
    const auto& covers = file.file.covers;
    if (!request.range().empty() && !covers.overlaps(request.range())) continue;
    const auto slot = std::ranges::find_if(sample, [&](TimeRange s) { return s.contains(covers.from); });
    if (!sample.empty() && slot == sample.end()) continue;
    ++request.files.total;
    request.bytes.total += file.file.size;
    const auto row = records_.file(name, file.file.id);
    if (row && (request.kind == RequestKind::profile || row->verified < request.number))  // a sample is measured as a whole
      starts.insert(sample.empty() ? archive.block_at(covers.from) : slot->from);
    else if (row && is_faulty(row->state))
      request.damaged = true;
  }
  for (const auto from : starts)
    state_.scheduler.add_archive_task(
        request.number, request.priority,
        {state_.next_archive_task++, task::Kind::verify, name, {from, from + length}, graph.require_sandbox});
  request.state = RequestState::running;
  save(request, change);
  if (starts.empty()) finish_verified(request, change);
}

void Requests::replan(Request& request, Change& change) {
  jobs::PlanRequest wanted{{}, request.asked(), request.partial};
  if (const auto m = request.graph->find_module(request.module)) wanted.modules = {*m};
  auto plan = state_.make_plan(request.graph, wanted);
  if (!plan) {
    request.code = name_of(task::failure_code(plan.error().code));
    return finish(request, RequestState::failed, plan.error().message, change);
  }
  request.waits = plan->waits;
  request.notes = plan->notes;
  if (request.files.total == 0)
    for (const auto& needed : jobs::needed_files(*plan)) {
      ++request.files.total;
      request.bytes.total += plan->indexes[needed.archive]->files()[needed.file].file.size;
    }
  looked_at_.erase(request.number);
  state_.scheduler.set_plan(request.number, request.priority, std::move(*plan));
  if (request.state != RequestState::running) {
    request.state = RequestState::running;
    request.reason.clear();
    save(request, change);
  }
  check_finished(request, change);
}

void Requests::replan_all(Change& change) {
  change.flush();
  for (auto& [number, request] : state_.live)
    if (request.kind == RequestKind::run && !request.terminal() && request.unlisted.empty()) replan(request, change);
}

void Requests::save(const Request& request, Change& change) const {
  records_.put_json(change.batch, Table::requests, keys::number(request.number), requests::to_row(request));
}

}  // namespace mole::coordinator::control
