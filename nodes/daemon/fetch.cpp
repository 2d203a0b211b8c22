#include "nodes/daemon/fetch.hpp"

#include "coordinator/wire/blob_place.hpp"
#include "coordinator/wire/limits.hpp"
#include "coordinator/wire/peer.hpp"
#include "nodes/daemon/backoff.hpp"

#include <algorithm>
#include <atomic>
#include <fstream>

namespace mole::nodes {
namespace fs = std::filesystem;
namespace {

bool is_whole(const fs::path& file, const Digest& digest) {
  const auto found = digest_of_file(file);
  return found && *found == digest;
}

// A name for what is to become `target`, nobody else's.
fs::path part_of(const fs::path& target) {
  static std::atomic<unsigned> number{0};
  return target.parent_path() / (".part." + std::to_string(number++) + "." + target.filename().string());
}

// Leaves the `most` files that were used last.
void forget_oldest(const fs::path& folder, std::size_t most) {
  std::vector<std::pair<fs::file_time_type, fs::path>> files;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(folder, failed))
    files.emplace_back(entry.last_write_time(failed), entry.path());
  std::sort(files.rbegin(), files.rend());
  for (std::size_t i = most; i < files.size(); ++i) fs::remove(files[i].second, failed);
}

}  // namespace

Result<> Fetcher::all(const task::Spec& spec, const fs::path& attempt) {
  if (spec.archive)
    for (const auto* use : {&spec.archive->downloader, &spec.archive->decoder})
      if (!use->name.empty())
        if (auto done = plugin(*use); !done) return done;
  for (const auto& step : spec.steps) {
    if (auto done = plugin(step.plugin); !done) return done;
    for (const auto& input : step.inputs)
      for (const auto& ref : input.rows)
        if (auto done = rows(ref.blob, attempt); !done) return done;
    for (const auto& route : step.routes)
      if (auto done = table(route, attempt); !done) return done;
    for (const auto& ref : step.states)
      if (auto done = state(ref, attempt); !done) return done;
  }
  return {};
}

// One that an earlier life kept may be what a power failure left of it.
Result<> Fetcher::plugin(const task::PluginUse& use) {
  const fs::path library = folder_.plugins() / (use.library.hex() + ".so");
  std::error_code failed;
  if (plugins_.contains(use.library) && fs::exists(library, failed)) return {};
  if (!is_whole(library, use.library))
    if (auto done = from_coordinator(use.library, library); !done)
      return Error{done.error().code, "plugin " + use.name + " " + use.version + ": " + done.error().message};
  plugins_.add(use.library);
  return {};
}

Result<> Fetcher::rows(const Digest& blob, const fs::path& attempt) {
  const fs::path target = attempt / "rows" / (blob.hex() + ".parquet");
  std::error_code failed;
  if (fs::exists(target, failed)) return {};  // two inputs may read the same result
  const auto done = from_coordinator(blob, target);
  if (!done) return Error{done.error().code, "rows " + blob.hex() + ": " + done.error().message};  // by name they are made again
  return {};
}

// The node keeps the tables used last, because one serves the blocks of a whole day; the attempt has links of its own.
Result<> Fetcher::table(const task::RouteTable& table, const fs::path& attempt) {
  constexpr std::size_t most_kept = 32;
  if (table.blob.empty()) return {};
  const fs::path target = attempt / "tables" / table.blob.hex(), kept = folder_.tables() / table.blob.hex();
  std::error_code failed;
  if (fs::exists(target, failed)) return {};
  fs::create_hard_link(kept, target, failed);
  if (!failed && is_whole(target, table.blob)) {
    fs::last_write_time(kept, fs::file_time_type::clock::now(), failed);
    return {};
  }
  fs::remove(kept, failed);
  fs::remove(target, failed);
  if (auto done = from_coordinator(table.blob, target); !done)
    return Error{done.error().code, "routing table " + table.name + " (" + table.blob.hex() + "): " + done.error().message};
  fs::create_hard_link(target, kept, failed);  // another attempt may have been faster
  forget_oldest(folder_.tables(), most_kept);
  return {};
}

Result<> Fetcher::state(const task::StateRef& ref, const fs::path& attempt) {
  const fs::path target = attempt / "states" / ref.blob.hex();
  std::error_code failed;
  if (fs::exists(target, failed)) return {};
  if (states_.link_to(ref.blob, target)) return {};
  std::string tried;
  for (const auto& node : ref.nodes) {
    if (cancel_.requested()) return Error{Code::cancelled, "cancelled while fetching states"};
    const auto got = from_peer(node, ref.blob, target);
    if (got) return states_.adopt(target, ref.blob);
    tried += "; " + got.error().message;
  }
  return missing("state " + ref.blob.hex() + " is on none of the nodes that had it" + tried + "; it is computed again");
}

Result<> Fetcher::from_peer(const std::string& node, const Digest& blob, const fs::path& target) {
  auto address = coordinator::parse_address(node);
  if (!address) return address.error();
  coordinator::PeerClient peer(std::move(*address), {.connect = std::chrono::seconds(5), .receive = std::chrono::seconds(30)});
  return download(blob, target, [&](std::uint64_t offset) { return peer.get_blob(blob, offset, coordinator::piece_bytes); });
}

// A coordinator that is away comes back: the same piece is asked for until patience ends.
Result<> Fetcher::from_coordinator(const Digest& blob, const fs::path& target) {
  if (link(blob, target)) return {};
  return download(blob, target, [&](std::uint64_t offset) {
    Backoff backoff;
    for (Micros waited = 0;;) {
      auto piece = coordinator_.get_blob(blob, offset, coordinator::piece_bytes);
      if (piece || piece.error().code != Code::transient || waited >= options_.patience) return piece;
      const auto pause = backoff.next();
      if (cancel_.wait(pause)) return piece;
      waited += pause;
    }
  });
}

// True: the blob lies on this machine, and `target` is another name of it.
bool Fetcher::link(const Digest& blob, const fs::path& target) const {
  if (options_.blobs.empty()) return false;
  const fs::path part = part_of(target);
  std::error_code failed;
  fs::create_hard_link(coordinator::blob_place(options_.blobs, blob), part, failed);
  if (failed) return false;
  const bool whole = is_whole(part, blob);
  if (whole) fs::rename(part, target, failed);
  std::error_code ignored;
  fs::remove(part, ignored);  // rename of two names of one file leaves both
  return whole && !failed;
}

// `target` appears whole and with the right bytes, or not at all. Not synced: attempts do not outlive the machine, and what is
// kept is checked before it is used.
Result<> Fetcher::download(const Digest& blob, const fs::path& target, const Source& source) {
  const fs::path part = part_of(target);
  auto fetched = [&]() -> Result<> {
    std::ofstream file(part, std::ios::binary | std::ios::trunc);
    Hasher hasher;
    for (std::uint64_t offset = 0;;) {
      if (cancel_.requested()) return Error{Code::cancelled, "cancelled while fetching " + blob.hex()};
      const auto piece = source(offset);
      if (!piece) return piece.error();
      if (piece->empty()) break;
      hasher.bytes(piece->data(), piece->size());
      if (!file.write(piece->data(), static_cast<std::streamsize>(piece->size())))
        return exhausted("writing " + target.string() + " failed; free space on the node's disk");
      offset += piece->size();
    }
    file.close();
    if (!file) return exhausted("writing " + target.string() + " failed; free space on the node's disk");
    if (hasher.finish() != blob)
      return corrupt("blob " + blob.hex() + " arrived with other bytes; the sender's disk is at fault");
    std::error_code failed;
    fs::rename(part, target, failed);
    if (failed) return exhausted("naming " + target.string() + " failed: " + failed.message() + "; look after the node's disk");
    return {};
  }();
  std::error_code ignored;
  if (!fetched) fs::remove(part, ignored);
  return fetched;
}

}  // namespace mole::nodes
