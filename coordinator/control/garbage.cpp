// Removes what nothing needs (garbage_search.cpp finds it).
#include "coordinator/control/garbage.hpp"

#include "coordinator/store/removed_requests.hpp"
#include "coordinator/store/unreadable.hpp"

#include <algorithm>

namespace mole::coordinator::control {

namespace fs = std::filesystem;

namespace {

// In one step, so that others wait for the lock some milliseconds at most.
constexpr std::size_t requests_at_once = 50, rows_at_once = 1000;
constexpr std::size_t max_nodes = 4096;
constexpr Micros heard_again = hour_us;  // how exactly rows say when a node was heard

template <class Item>
std::vector<std::vector<Item>> in_parts(const std::vector<Item>& items, std::size_t size) {
  std::vector<std::vector<Item>> out;
  for (const auto& item : items) {
    if (out.empty() || out.back().size() == size) out.emplace_back();
    out.back().push_back(item);
  }
  return out;
}

Error unreadable() {
  return corrupt(
      "rows of the coordinator's store cannot be read, and what they name is not known, so nothing more is removed; "
      "run mole state check --repair");
}

}  // namespace

Result<Collection> Garbage::collect(const CollectOptions& options, const Apply& apply, const Stop& stop) {
  const std::unique_lock at_work(at_work_, std::try_to_lock);
  if (!at_work.owns_lock()) return transient("garbage is being removed already; try again when that has ended");
  auto keep = config_.retention;
  keep.keep_requests = options.keep_requests.value_or(keep.keep_requests);
  keep.max_requests = options.max_requests.value_or(keep.max_requests);
  if (keep.keep_requests < 0) return invalid("requests are kept for a time of at least 0; pass a longer one");
  const auto least = 2 * (config_.leases.lease + config_.leases.lost_after);
  keep.keep_nodes = keep.keep_nodes > 0 ? std::max(keep.keep_nodes, least) : INT64_MAX;
  keep.keep_unclaimed = std::max(keep.keep_unclaimed, least);
  const auto unreadable_rows = records_.store().unreadable_rows();
  Counts found_counts, removed;
  Found found;
  try {
    const store::AnsweringReads reads;
    found = find(keep, found_counts);
  } catch (const store::UnreadableRow&) {
    return unreadable();
  }
  if (records_.store().unreadable_rows() != unreadable_rows) return unreadable();
  if (!options.dry_run) {
    remove_requests(found, apply, stop, removed);
    remove_job_rows(found, apply, stop, removed);
    remove_revisions(found, apply, stop, removed);
  }
  auto& counts = options.dry_run ? found_counts : removed;
  remove_events(keep, options.dry_run, apply, stop, counts);
  remove_states(found, keep, options.dry_run, apply, stop, counts);
  if (!stop()) remove_nodes(found, keep, options.dry_run, apply, counts);
  if (!stop()) remove_blobs(found, keep, options.dry_run, stop, counts);
  Collection out{options.dry_run, {}};
  for (const auto& [kind, count] : counts)
    if (count.first > 0) out.kinds.push_back({kind, count.first, count.second});
  if (!options.dry_run && !out.kinds.empty())
    apply([&](Change& change) MOLE_REQUIRES(service_mutex) {
      state_.log({{"event", "garbage removed"}, {"kinds", out.kinds}}, change);
    });
  return out;
}

void Garbage::remove_requests(Found& found, const Apply& apply, const Stop& stop, Counts& counts) {
  for (const auto& part : in_parts(found.requests, requests_at_once)) {
    if (stop()) return;
    apply([&](Change& change) MOLE_REQUIRES(service_mutex) {
      Needed now;  // modules may name requests that they did not name before
      read_memory(now);
      store::RemovedRequests removed(records_.store().get(Table::meta, store::requests_removed).value_or(""));
      for (const auto& [number, clients] : part) {
        if (now.requests.contains(number)) continue;
        const auto row = records_.store().get(Table::requests, keys::number(number));
        if (!row) continue;
        change.batch.erase(Table::requests, keys::number(number));
        for (const auto& client : clients) change.batch.erase(Table::clients, client);
        add(counts, "requests", row->size());
        for (const auto& client : clients) add(counts, "client ids", client.size());
        found.folders.push_back(config_.state / "requests" / requests::request_id(number));
        removed.add(number);
      }
      if (!change.batch.empty()) change.batch.put(Table::meta, store::requests_removed, removed.text());
    });
  }
  for (const auto& folder : found.folders) {
    if (stop()) return;
    const auto bytes = bytes_of_folder(folder);
    std::error_code problem;
    if (fs::remove_all(folder, problem) > 0 && !problem) add(counts, "request folders", bytes);
  }
  for (const auto& part : in_parts(found.clients, rows_at_once)) {
    if (stop()) return;
    apply([&](Change& change) MOLE_REQUIRES(service_mutex) {
      for (const auto& client : part) {
        const auto row = records_.json(Table::clients, client);
        const auto number = row.is_object() ? row.value("request", std::uint64_t{0}) : 0;
        if (records_.store().get(Table::requests, keys::number(number))) continue;  // it has been used again
        change.batch.erase(Table::clients, client);
        add(counts, "client ids", client.size());
      }
    });
  }
}

void Garbage::remove_job_rows(Found& found, const Apply& apply, const Stop& stop, Counts& counts) {
  auto next = found.fingerprints.begin();
  while (next != found.fingerprints.end() && !stop())
    apply([&](Change& change) MOLE_REQUIRES(service_mutex) {
      read_new_requests(found.needed);
      std::size_t rows = 0;
      while (next != found.fingerprints.end()) {
        // If it is needed again, what is left of it is valid.
        if (!found.needed.digests.contains(*next)) rows += erase_rows(*next, rows_at_once - rows, change, counts);
        if (rows == rows_at_once) return;  // there may be more rows
        ++next;
      }
    });
}

// Returns how many rows were erased: all, unless they are `limit`.
std::size_t Garbage::erase_rows(const Digest& fingerprint, std::size_t limit, Change& change, Counts& counts) {
  const std::string prefix(keys::bytes_of(fingerprint));
  std::size_t rows = 0;
  std::vector<Micros> failed;
  for (const auto& [table, kind] : tables_of_jobs) {
    records_.scan_prefix(table, prefix, [&, table = table, kind = kind](std::string_view key, std::string_view value) {
      if (rows == limit) return false;
      ++rows;
      change.batch.erase(table, key);
      add(counts, kind, key.size() + value.size());
      if (table == Table::failures) failed.push_back(keys::block_start_of(key));
      return true;
    });
  }
  for (const auto from : failed) state_.scheduler.forget({fingerprint, from});
  if (rows == limit) return rows;
  if (const auto row = records_.store().get(Table::fingerprints, prefix)) {
    ++rows;
    change.batch.erase(Table::fingerprints, prefix);
    add(counts, "fingerprints", prefix.size() + row->size());
  }
  return rows;
}

void Garbage::remove_revisions(Found& found, const Apply& apply, const Stop& stop, Counts& counts) {
  for (const auto& part : in_parts(found.revisions, requests_at_once)) {
    if (stop()) return;
    apply([&](Change& change) MOLE_REQUIRES(service_mutex) {
      read_new_requests(found.needed);
      for (const auto& revision : part) {
        const auto row = records_.store().get(Table::revisions, keys::bytes_of(revision));
        if (!row || found.needed.revisions.contains(revision)) continue;
        change.batch.erase(Table::revisions, keys::bytes_of(revision));
        add(counts, "revisions", 16 + row->size());
      }
    });
  }
  const State::Lock lock(state_);
  std::set<Digest> shown;
  for (const auto& [name, row] : state_.modules) shown.insert(row.revision);
  std::erase_if(state_.graphs, [&](const auto& graph) { return graph.second.use_count() <= 1 && !shown.contains(graph.first); });
}

void Garbage::remove_events(const Retention& keep, bool dry_run, const Apply& apply, const Stop& stop, Counts& counts) {
  const auto last = records_.store().last_key(Table::events);
  if (last.empty() || keys::read_u64(last) <= keep.max_events) return;
  const auto end = keys::number(keys::read_u64(last) - keep.max_events + 1);
  std::vector<std::string> old;
  records_.store().scan(Table::events, "", end, [&](std::string_view key, std::string_view value) {
    old.emplace_back(key);
    if (dry_run) add(counts, "events", key.size() + value.size());
    return true;
  });
  if (dry_run) return;
  for (const auto& part : in_parts(old, rows_at_once)) {
    if (stop()) return;
    apply([&](Change& change) MOLE_REQUIRES(service_mutex) {
      for (const auto& key : part) {
        const auto row = records_.store().get(Table::events, key);
        change.batch.erase(Table::events, key);
        add(counts, "events", key.size() + (row ? row->size() : 0));
      }
    });
  }
}

// Forgets states on nodes that have been silent for long; they are computed again when they are needed.
void Garbage::remove_states(const Found& found, const Retention& keep, bool dry_run, const Apply& apply, const Stop& stop,
                            Counts& counts) {
  for (const auto& part : in_parts(found.held, rows_at_once)) {
    if (stop()) return;
    apply([&](Change& change) MOLE_REQUIRES(service_mutex) {
      const auto silent = silent_nodes(keep);
      for (const auto& job : part) {
        auto row = records_.catalogue(job.fingerprint, job.from);
        if (!row || std::erase_if(row->holders, [&](std::uint32_t node) { return silent.contains(node); }) == 0) continue;
        if (row->holders.empty()) {
          add(counts, "states", row->state_bytes);
          row->state_blob = row->state_key = {};
        }
        if (!dry_run) records_.put(change.batch, job.fingerprint, job.from, *row);
      }
    });
  }
}

// Also notes when the others were heard, for the time after a restart.
void Garbage::remove_nodes(const Found& found, const Retention& keep, bool dry_run, const Apply& apply, Counts& counts) {
  apply([&](Change& change) MOLE_REQUIRES(service_mutex) {
    for (const auto& name : old_nodes(found, keep)) {
      const auto node = state_.nodes.find(name);
      add(counts, "nodes", name.size() + node->second.address.size());
      if (dry_run) continue;
      change.batch.erase(Table::nodes, keys::number(node->second.number));
      state_.scheduler.forget_node(name);
      state_.nodes.erase(node);
    }
    if (dry_run) return;
    for (const auto& [name, silence] : silences()) {
      const auto node = state_.nodes.find(name);
      const auto heard = state_.wall() - silence;
      if (node == state_.nodes.end() || heard < node->second.heard + heard_again) continue;
      node->second.heard = heard;
      records_.put_json(change.batch, Table::nodes, keys::number(node->second.number), node->second);
    }
  });
}

void Garbage::remove_blobs(Found& found, const Retention& keep, bool dry_run, const Stop& stop, Counts& counts) {
  const auto unreadable_rows = records_.store().unreadable_rows();
  const auto before = fs::file_time_type::clock::now() - std::chrono::microseconds(keep.keep_unclaimed);
  if (!dry_run) {
    const State::Lock lock(state_);
    read_new_requests(found.needed);
    read_memory(found.needed);
  }
  // Rows that are written later name blobs that have been claimed since `before`.
  const auto claimed = claimed_blobs(records_.snapshot(), found, !dry_run);
  if (records_.store().unreadable_rows() != unreadable_rows) return;  // an event tells of them
  blobs_.visit_blobs(before, [&](const Digest& digest, std::uint64_t bytes) {
    if (stop() || std::ranges::binary_search(claimed, digest)) return;
    if (dry_run || blobs_.remove_unclaimed(digest, before)) add(counts, "blobs", bytes);
  });
  blobs_.visit_uploads(before, [&](const fs::path& file, std::uint64_t bytes) {
    std::error_code problem;
    if (dry_run || fs::remove(file, problem)) add(counts, "uploads", bytes);
  });
}

Result<> check_room(const State& state, const std::string& node) {
  if (state.nodes.size() < max_nodes || state.nodes.contains(node)) return {};
  return exhausted(std::to_string(max_nodes) + " nodes are registered, which is the limit; nodes that never did anything are " +
                   "forgotten after a day (mole state gc), so let each node keep its name");
}

}  // namespace mole::coordinator::control
