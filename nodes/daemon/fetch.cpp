#include "nodes/daemon/fetch.hpp"

#include "coordinator/wire/blob_place.hpp"
#include "coordinator/wire/limits.hpp"
#include "coordinator/wire/peer.hpp"
#include "nodes/daemon/backoff.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>

namespace mole::nodes {
namespace fs = std::filesystem;
namespace {

bool is_intact(const fs::path& file, const Digest& digest) {
  const auto found = digest_of_file(file);
  return found && *found == digest;
}

// Returns a unique temporary name in the folder of `target`.
fs::path part_of(const fs::path& target) {
  static std::atomic<unsigned> number{0};
  return target.parent_path() / (".part." + std::to_string(number++) + "." + target.filename().string());
}

// Removes all but the `count` most recently used files.
void keep_newest(const fs::path& folder, std::size_t count) {
  std::vector<std::pair<fs::file_time_type, fs::path>> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) files.emplace_back(entry.last_write_time(error), entry.path());
  std::sort(files.rbegin(), files.rend());
  for (std::size_t i = count; i < files.size(); ++i) fs::remove(files[i].second, error);
}

}  // namespace

Result<> Fetcher::fetch(const task::Spec& spec, const fs::path& attempt) {
  if (spec.archive) {
    if (!spec.archive->downloader.name.empty())
      if (auto done = fetch_plugin(spec.archive->downloader); !done) return done;
    for (const auto& tier : spec.archive->tiers)
      if (auto done = fetch_plugin(tier); !done) return done;
    for (const auto& decoder : spec.archive->candidates())
      if (!decoder.name.empty())
        if (auto done = fetch_plugin(decoder); !done) return done;
  }
  for (const auto& step : spec.steps) {
    if (auto done = fetch_plugin(step.plugin); !done) return done;
    for (const auto& input : step.inputs)
      for (const auto& ref : input.rows)
        if (auto done = fetch_rows(ref.blob, attempt); !done) return done;
    for (const auto& route : step.routes)
      if (auto done = fetch_table(route, attempt); !done) return done;
    for (const auto& ref : step.states)
      if (auto done = fetch_state(ref, attempt); !done) return done;
  }
  return files_.copy(spec);
}

// A library stored by an earlier run may be incomplete after a power failure, so its digest is verified once.
Result<> Fetcher::fetch_plugin(const task::PluginUse& use) {
  const fs::path library = node_.folder.plugins() / (use.library.hex() + ".so");
  std::error_code error;
  if (node_.plugins.contains(use.library) && fs::exists(library, error)) return {};
  if (!is_intact(library, use.library))
    if (auto done = fetch_from_coordinator(use.library, library); !done)
      return Error{done.error().code, "plugin " + use.name + " " + use.version + ": " + done.error().message};
  node_.plugins.add(use.library);
  return {};
}

Result<> Fetcher::fetch_rows(const Digest& blob, const fs::path& attempt) {
  const fs::path target = attempt / "rows" / (blob.hex() + ".parquet");
  std::error_code error;
  if (fs::exists(target, error)) return {};  // two inputs may read the same result
  const auto done = fetch_from_coordinator(blob, target);
  if (done) return {};
  if (done.error().code == Code::missing) missing_blobs_.push_back(blob);
  return Error{done.error().code, "rows " + blob.hex() + ": " + done.error().message};
}

// The node stores recently used tables, because one table serves all blocks of a day; an attempt has its own links to them.
Result<> Fetcher::fetch_table(const task::RouteTableRef& table, const fs::path& attempt) {
  constexpr std::size_t max_tables = 32;
  if (table.blob.empty()) return {};
  const fs::path target = attempt / "tables" / table.blob.hex(), stored = node_.folder.tables() / table.blob.hex();
  std::error_code error;
  if (fs::exists(target, error)) return {};
  fs::create_hard_link(stored, target, error);
  if (!error && is_intact(target, table.blob)) {
    fs::last_write_time(stored, fs::file_time_type::clock::now(), error);
    return {};
  }
  fs::remove(stored, error);
  fs::remove(target, error);
  if (auto done = fetch_from_coordinator(table.blob, target); !done)
    return Error{done.error().code, "routing table " + table.name + " (" + table.blob.hex() + "): " + done.error().message};
  fs::create_hard_link(target, stored, error);  // fails if another attempt stored it first
  keep_newest(node_.folder.tables(), max_tables);
  return {};
}

Result<> Fetcher::fetch_state(const task::StateRef& ref, const fs::path& attempt) {
  const fs::path target = attempt / "states" / ref.blob.hex();
  std::error_code error;
  if (fs::exists(target, error)) return {};
  if (node_.states.link_to(ref.blob, target)) return {};
  std::string tried;
  for (const auto& node : ref.nodes) {
    if (cancel_.requested()) return Error{Code::cancelled, "cancelled while fetching states"};
    const auto got = fetch_from_peer(node, ref.blob, target);
    if (got) return node_.states.adopt(target, ref.blob);
    tried += "; " + got.error().message;
  }
  missing_blobs_.push_back(ref.blob);
  return missing("no node that had state " + ref.blob.hex() + " can provide it" + tried + "; it will be computed again");
}

Result<> Fetcher::fetch_from_peer(const std::string& node, const Digest& blob, const fs::path& target) {
  MOLE_TRY(auto address, coordinator::parse_address(node));
  coordinator::PeerClient peer(std::move(address), {.connect = std::chrono::seconds(5), .receive = std::chrono::seconds(30)},
                               node_.options.secret);
  return download(blob, target, [&](std::uint64_t offset) { return peer.get_blob(blob, offset, coordinator::piece_bytes); });
}

// Retries a piece while the coordinator is unreachable, up to the retry limit.
Result<> Fetcher::fetch_from_coordinator(const Digest& blob, const fs::path& target) {
  if (link_local_blob(blob, target)) return {};
  return download(blob, target, [&](std::uint64_t offset) {
    Backoff backoff;
    for (Micros waited = 0;;) {
      auto piece = node_.coordinator.get_blob(blob, offset, coordinator::piece_bytes);
      const bool later = !piece && (piece.error().code == Code::transient || piece.error().code == Code::denied);
      if (!later || waited >= node_.options.retry_limit) return piece;
      const auto pause = backoff.next();
      if (cancel_.wait(pause)) return piece;
      waited += pause;
    }
  });
}

// Links `target` to the blob if the coordinator's store is on this machine; returns whether it did.
bool Fetcher::link_local_blob(const Digest& blob, const fs::path& target) const {
  if (node_.options.blobs.empty()) return false;
  const fs::path part = part_of(target);
  std::error_code error;
  fs::create_hard_link(coordinator::blob_place(node_.options.blobs, blob), part, error);
  if (error) return false;
  const bool intact = is_intact(part, blob);
  if (intact) fs::rename(part, target, error);
  ::unlink(part.c_str());  // rename does nothing if both names are links to the same file
  return intact && !error;
}

// Creates `target` only if it is complete and its digest matches. Not synced: attempts do not survive a crash, and stored files
// are verified before use.
Result<> Fetcher::download(const Digest& blob, const fs::path& target, const Source& source) {
  const fs::path part = part_of(target);
  auto fetched = [&]() -> Result<> {
    std::ofstream file(part, std::ios::binary | std::ios::trunc);
    Hasher hasher;
    for (std::uint64_t offset = 0;;) {
      if (cancel_.requested()) return Error{Code::cancelled, "cancelled while fetching " + blob.hex()};
      MOLE_TRY(const auto piece, source(offset));
      if (piece.empty()) break;
      hasher.bytes(piece.data(), piece.size());
      if (!file.write(piece.data(), static_cast<std::streamsize>(piece.size())))
        return exhausted("cannot write " + target.string() + "; free up space on the node's disk");
      offset += piece.size();
    }
    file.close();
    if (!file) return exhausted("cannot write " + target.string() + "; free up space on the node's disk");
    if (hasher.finish() != blob) return corrupt("blob " + blob.hex() + " does not match its digest; check the sender's disk");
    std::error_code error;
    fs::rename(part, target, error);
    if (error) return exhausted("cannot rename to " + target.string() + ": " + error.message() + "; check the node's disk");
    return {};
  }();
  if (!fetched) ::unlink(part.c_str());
  return fetched;
}

}  // namespace mole::nodes
