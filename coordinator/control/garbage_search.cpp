// Finds what nothing needs (garbage.cpp removes it).
#include "coordinator/control/garbage.hpp"

#include <algorithm>

namespace mole::coordinator::control {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t max_held = 100'000;  // jobs whose states are forgotten at once

// Adds every digest in a row. Text that only looks like a digest is added, too: then too much is kept, which is safe.
void add_digests(const json& row, std::set<Digest>& out) {
  if (row.is_string()) {
    const auto& text = row.get_ref<const std::string&>();
    if (text.size() != 32) return;
    if (const auto digest = Digest::from_hex(text)) out.insert(*digest);
  } else if (row.is_structured()) {
    for (const auto& part : row) add_digests(part, out);
  }
}

}  // namespace

std::uint64_t Garbage::bytes_of_folder(const fs::path& folder) {
  std::uint64_t bytes = 0;
  std::error_code problem;
  for (fs::recursive_directory_iterator at(folder, problem), end; !problem && at != end; at.increment(problem)) {
    std::error_code gone;
    if (!at->is_regular_file(gone) || at->hard_link_count(gone) != 1) continue;
    if (const auto size = at->file_size(gone); !gone) bytes += size;
  }
  return bytes;
}

// Adds what modules, live requests and leased tasks need.
void Garbage::read_memory(Needed& needed) const {
  for (const auto& [name, row] : state_.modules) {
    needed.requests.insert({row.request, row.changed_by});
    needed.revisions.insert(row.revision);
    needed.digests.insert(row.fingerprint);
    for (const auto& what_if : row.what_ifs) {
      needed.requests.insert({what_if.request, what_if.latest});
      needed.revisions.insert(what_if.revision);
      needed.digests.insert(what_if.fingerprint);
    }
  }
  for (const auto& [number, request] : state_.live) {
    needed.requests.insert(number);
    needed.revisions.insert(request.revision);
  }
  for (const auto& [id, spec] : state_.specs)  // rows that have been replaced since
    for (const auto& step : spec.steps)
      for (const auto& input : step.inputs)
        for (const auto& rows : input.rows) needed.digests.insert(rows.blob);
}

// Adds what has been submitted since the last call.
void Garbage::read_new_requests(Needed& needed) const {
  for (; needed.next_request < state_.next_request; ++needed.next_request) {
    const auto row = records_.json(Table::requests, keys::number(needed.next_request));
    if (!row.is_object()) continue;
    const auto revision = row.value("revision", Digest{});
    needed.revisions.insert(revision);
    add_digests(records_.json(Table::revisions, keys::bytes_of(revision)), needed.digests);
  }
}

Garbage::Found Garbage::find(const Retention& keep, Counts& counts) {
  Found found;
  std::optional<store::Records> now;
  {
    const State::Lock lock(state_);
    read_memory(found.needed);
    found.needed.next_request = state_.next_request;
    found.silent = silent_nodes(keep);
    now.emplace(records_.snapshot());
  }
  find_requests(*now, keep, found, counts);
  find_revisions(*now, found, counts);
  find_job_rows(*now, found, counts);
  const auto have_loads = now->nodes_with_loads();
  found.have_loads = {have_loads.begin(), have_loads.end()};
  return found;
}

// Requests that ended long ago, or after which many others ended.
void Garbage::find_requests(const store::Records& now, const Retention& keep, Found& found, Counts& counts) const {
  std::set<std::uint64_t> kept;
  std::map<std::uint64_t, OldRequest> old;
  std::uint64_t ended = 0;
  now.scan_json_back(Table::requests, [&](std::string_view key, const json& row) {
    const auto number = keys::read_u64(key);
    try {
      const auto request = requests::request_from_row(number, row);
      const auto age = config_.wall() - request.finished.value_or(request.submitted);
      ended += request.terminal();
      const bool expired =
          (keep.keep_requests > 0 && age > keep.keep_requests) || (keep.max_requests > 0 && ended > keep.max_requests);
      const bool last = number + 1 >= found.needed.next_request;  // its row says which numbers were given
      if (request.terminal() && expired && !last && !found.needed.requests.contains(number)) {
        old[number].number = number;
        add(counts, "requests", row.dump(-1, ' ', false, json::error_handler_t::replace).size());
        return true;
      }
      found.needed.revisions.insert(request.revision);
    } catch (const json::exception&) {  // of a different version: it stays, and so does what it names
      add_digests(row, found.needed.revisions);
    }
    kept.insert(number);
    return true;
  });
  now.scan_json(Table::clients, [&](std::string_view key, const json& row) {
    const auto number = row.is_object() ? row.value("request", std::uint64_t{0}) : 0;
    if (kept.contains(number) || number >= found.needed.next_request) return true;
    add(counts, "client ids", key.size());
    if (const auto request = old.find(number); request != old.end())
      request->second.clients.emplace_back(key);
    else
      found.clients.emplace_back(key);
    return true;
  });
  std::error_code problem;
  for (fs::directory_iterator at(config_.state / "requests", problem), end; !problem && at != end; at.increment(problem)) {
    const auto number = requests::request_number(at->path().filename().string());
    if (!number || kept.contains(*number) || *number >= found.needed.next_request) continue;
    add(counts, "request folders", bytes_of_folder(at->path()));
    if (!old.contains(*number)) found.folders.push_back(at->path());
  }
  for (auto& [number, request] : old) found.requests.push_back(std::move(request));
}

void Garbage::find_revisions(const store::Records& now, Found& found, Counts& counts) const {
  for (const auto table : {Table::plugins, Table::resources, Table::archives})
    now.scan_json(table, [&](std::string_view, const json& row) {
      add_digests(row, found.needed.digests);
      if (table == Table::archives) add_digests(row, found.needed.revisions);
      return true;
    });
  now.scan_json(Table::revisions, [&](std::string_view key, const json& row) {
    if (found.needed.revisions.contains(keys::read_digest(key))) {
      add_digests(row, found.needed.digests);
    } else {
      found.revisions.push_back(keys::read_digest(key));
      add(counts, "revisions", key.size() + row.dump(-1, ' ', false, json::error_handler_t::replace).size());
    }
    return true;
  });
}

// Rows of jobs whose fingerprint nothing names, and states on nodes that have been silent for long.
void Garbage::find_job_rows(const store::Records& now, Found& found, Counts& counts) const {
  now.scan(Table::catalogue, [&](std::string_view key, std::string_view value) {
    const auto fingerprint = keys::read_digest(key);
    if (!found.needed.digests.contains(fingerprint)) {
      found.fingerprints.insert(fingerprint);
    } else if (const auto row = store::decode_catalogue(value)) {
      const auto is_silent = [&](std::uint32_t node) { return found.silent.contains(node); };
      const bool held = std::ranges::any_of(row->holders, is_silent) && found.held.size() < max_held;
      if (held) found.held.push_back({fingerprint, keys::block_start_of(key)});
      for (const auto node : row->holders)
        if (!held || !is_silent(node)) found.holders.insert(node);
    }
    return true;
  });
  for (const auto table : {Table::failures, Table::fingerprints})
    now.scan(table, [&](std::string_view key, std::string_view value) {
      if (found.needed.digests.contains(keys::read_digest(key))) return true;
      found.fingerprints.insert(keys::read_digest(key));
      if (table == Table::fingerprints) add(counts, "fingerprints", key.size() + value.size());
      return true;
    });
  for (const auto& fingerprint : found.fingerprints)
    for (const auto& [table, kind] : tables_of_jobs)
      now.scan_prefix(table, std::string(keys::bytes_of(fingerprint)),
                      [&, kind = kind](std::string_view key, std::string_view value) {
                        add(counts, kind, key.size() + value.size());
                        return true;
                      });
}

// Returns the blobs that rows name, in order. Without `all_rows`, rows of fingerprints that nothing needs do not count.
std::vector<Digest> Garbage::claimed_blobs(const store::Records& now, const Found& found, bool all_rows) const {
  std::vector<Digest> out(found.needed.digests.begin(), found.needed.digests.end());
  now.scan(Table::catalogue, [&](std::string_view key, std::string_view value) {
    if (!all_rows && found.fingerprints.contains(keys::read_digest(key))) return true;
    if (const auto row = store::decode_catalogue(value)) out.insert(out.end(), {row->rows_blob, row->state_blob});
    return true;
  });
  std::ranges::sort(out);
  return out;
}

std::map<std::string, Micros> Garbage::silences() const {
  std::map<std::string, Micros> out;
  for (const auto& [name, row] : state_.nodes) out[name] = row.heard > 0 ? state_.wall() - row.heard : 0;
  for (const auto& node : state_.scheduler.nodes(state_.now()))
    out[node.info.name] = node.leases > 0 ? 0 : state_.now() - node.heard;
  return out;
}

std::set<std::uint32_t> Garbage::silent_nodes(const Retention& keep) const {
  std::set<std::uint32_t> out;
  for (const auto& [name, silence] : silences())
    if (const auto node = state_.nodes.find(name); node != state_.nodes.end() && silence > keep.keep_nodes)
      out.insert(static_cast<std::uint32_t>(node->second.number));
  return out;
}

// Nodes that have been silent for long, hold no states and run no task.
std::vector<std::string> Garbage::old_nodes(const Found& found, const Retention& keep) const {
  std::vector<std::string> out;
  for (const auto& [name, silence] : silences()) {
    const auto node = state_.nodes.find(name);
    if (node == state_.nodes.end()) continue;
    const auto number = node->second.number;
    const auto limit = found.have_loads.contains(number) ? keep.keep_nodes : std::min(keep.keep_nodes, keep.keep_unused_nodes);
    if (silence > limit && !found.holders.contains(static_cast<std::uint32_t>(number))) out.push_back(name);
  }
  return out;
}

}  // namespace mole::coordinator::control
