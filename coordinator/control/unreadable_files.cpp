// Files that an archive lists and does not deliver.
#include "coordinator/control/completions.hpp"
#include "coordinator/jobs/listing.hpp"
#include "coordinator/store/keys.hpp"

#include <algorithm>
#include <map>

namespace mole::coordinator::control {

namespace keys = store::keys;

namespace {

constexpr std::size_t max_unreadable = 100;  // kept for one request

std::size_t nodes_at_work(const leases::Scheduler& scheduler, Micros now) {
  const auto nodes = scheduler.nodes(now);
  return static_cast<std::size_t>(
      std::ranges::count_if(nodes, [](const auto& node) { return node.reason.empty() && !node.draining; }));
}

}  // namespace

// Counts the files that a task could not fetch. Returns whether the key of any block has changed, because a file is given up: it
// counts as not listed until the archive is listed again.
bool Completions::count_unread_files(const Completion& completion, const std::string& archive, Change& change) {
  const auto* grant = state_.scheduler.grant(completion.spec.id);
  if (!grant || grant->kind != task::Kind::compute || archive.empty()) return false;
  std::map<std::string, const task::File*> files;
  for (const auto& file : completion.spec.files)
    if (file.present) files[file.id] = &file;
  for (const auto& fetched : completion.report.fetched)
    if (fetched.outcome != task::FetchOutcome::failed && files.contains(fetched.id))
      state_.file_failures.succeed(archive, fetched.id, state_.now());
  bool any = false;
  for (const auto& fetched : completion.report.fetched) {
    const auto file = files.find(fetched.id);
    const bool counts = fetched.code == task::FailureCode::transient || fetched.code == task::FailureCode::invalid;
    if (file == files.end() || fetched.outcome != task::FetchOutcome::failed || !counts) continue;
    const leases::FileFailure failure{archive, fetched.id, completion.node, fetched.code,
                                      nodes_at_work(state_.scheduler, state_.now())};
    if (state_.file_failures.fail(failure, state_.leases(), state_.now()))
      any = give_up_file(*file->second, archive, fetched.message, change) || any;
  }
  return any;
}

bool Completions::give_up_file(const task::File& file, const std::string& archive, const std::string& why, Change& change) {
  const auto known = change.file(archive, file.id);
  if (!known || known->gone || known->revision != file.revision) return false;
  auto row = *known;
  row.gone = true;
  row.state = task::FileState::unreadable;
  change.put_file(archive, file.id, row);
  if (const auto listed = state_.listings.find(archive); listed != state_.listings.end())
    listed->second.change({{file.id, known, row}});
  state_.log({{"event", "file unreadable"}, {"archive", archive}, {"file", file.id}, {"message", why}}, change);
  change.warn("archive " + archive + ": " + file.id + " counts as unreadable until the archive is listed again: " + why);
  for (auto& [number, request] : state_.live) {
    const auto& graph = *request.graph;
    const auto reads = [&](const auto& each) { return graph.index_name(each) == archive; };
    const auto found = std::ranges::find_if(graph.archives, reads);
    if (found == graph.archives.end()) continue;
    state_.forget_listed(graph, *found);  // the next request tries again
    if (request.unreadable.size() < max_unreadable)
      request.unreadable.push_back({.id = file.id,
                                    .state = task::FileState::unreadable,
                                    .from = file.covers.from,
                                    .to = file.covers.to,
                                    .more_lost = true,
                                    .lost = {{file.covers.from, file.covers.to}}});
  }
  return true;
}

}  // namespace mole::coordinator::control
