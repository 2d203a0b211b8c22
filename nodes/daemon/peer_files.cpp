#include "nodes/daemon/peer_files.hpp"

#include "coordinator/wire/limits.hpp"
#include "nodes/daemon/backoff.hpp"
#include "runtime/staging/cached_piece.hpp"
#include "sdk/model/kept_columns.hpp"

#include <algorithm>
#include <optional>

namespace mole::nodes {
namespace {

constexpr int attempts = 4;  // to get one piece
constexpr coordinator::Timeouts timeouts{.connect = std::chrono::seconds(5), .receive = std::chrono::seconds(30)};

Error wrong(const task::File& file, const std::string& how) {
  return corrupt("the node sent file " + file.id + " " + how + "; check its disk");
}

}  // namespace

Result<coordinator::FilePiece> CachedFiles::get(const Digest& name, std::uint64_t offset, std::uint32_t limit) {
  MOLE_TRY(auto piece, runtime::read_cached_piece(cache_, name, offset, limit));
  return coordinator::FilePiece{piece.digest, piece.size, std::move(piece.bytes)};
}

Result<> FileCopies::copy(const task::Spec& spec) {
  if (spec.peers.empty() || !spec.archive) return {};
  std::vector<task::File> files;
  std::map<std::string, std::string> addresses;  // by id
  for (const auto& peer : spec.peers) {
    if (peer.file >= spec.files.size()) return invalid("the task names a file that it does not have; update the coordinator");
    files.push_back(spec.files[peer.file]);
    addresses[files.back().id] = peer.address;
  }
  MOLE_TRY(auto cache,
           runtime::Cache::open(cache_, {.limit = cache_limit_,
                                         .cancelled = [this] { return cancel_.requested(); },
                                         .damaged = [this](const task::File& file) { bad_copies_.push_back(file.id); }}));
  std::optional<Error> failed;  // of the last file: no other one is tried, because the task cannot run
  const runtime::Fetching fetching(
      [&](const task::File& file, const runtime::ByteSink& to) -> Result<> {
        failed.reset();
        auto done = copy_file(spec, file, addresses.at(file.id), to);
        if (!done) failed = done.error();
        return done;
      },
      [&](std::span<const task::File* const>) { return failed ? Result<std::size_t>(*failed) : Result<std::size_t>(0); });
  auto staged = cache.acquire(files, task::cache_name_of(*spec.archive), fetching);
  if (staged && !failed) {
    pinned_ = std::move(*staged);
    return {};
  }
  const auto error = failed ? *failed : staged.error();
  return error.code == Code::exhausted || error.code == Code::cancelled ? error : transient(error.message);
}

Result<> FileCopies::copy_file(const task::Spec& spec, const task::File& file, const std::string& address,
                               const runtime::ByteSink& to) {
  unstaged_.clear();
  auto peer = peers_.find(address);
  if (peer == peers_.end()) {
    MOLE_TRY(auto parsed, coordinator::parse_address(address));
    peer = peers_.try_emplace(address, std::move(parsed), timeouts, secret_).first;
  }
  auto done = transfer(kept_file_name(file, task::cache_name_of(*spec.archive)), file, peer->second, to);
  if (done) return {};
  using enum Code;
  const auto code = done.error().code;
  if (code != transient && code != exhausted && code != cancelled) unstaged_.push_back(file.id);
  return Error{code, "cannot copy file " + file.id + " from the node at " + address + ": " + done.error().message};
}

Result<> FileCopies::transfer(const Digest& name, const task::File& file, coordinator::PeerClient& peer,
                              const runtime::ByteSink& to) {
  std::optional<Digest> stated;
  Hasher hasher;
  for (std::uint64_t offset = 0;;) {
    MOLE_TRY(const auto piece, next_piece(name, peer, offset));
    if (piece.size != file.size)
      return wrong(file, "with a size that differs from the " + std::to_string(file.size) + " bytes in the archive's index");
    if (piece.bytes.size() != std::min<std::uint64_t>(coordinator::piece_bytes, file.size - offset))
      return wrong(file, "in pieces of a wrong length");
    if (stated.value_or(piece.digest) != piece.digest) return wrong(file, "with bytes of two versions");
    stated = piece.digest;
    if (piece.bytes.empty())
      return hasher.finish() == *stated ? Result<>() : wrong(file, "with bytes that do not match its digest");
    hasher.bytes(piece.bytes.data(), piece.bytes.size());
    if (auto written = to(std::as_bytes(std::span(piece.bytes))); !written) return written;
    offset += piece.bytes.size();
  }
}

// After a broken connection the transfer continues where it stopped.
Result<coordinator::FilePiece> FileCopies::next_piece(const Digest& name, coordinator::PeerClient& peer, std::uint64_t offset) {
  Backoff backoff;
  for (int attempt = 1;; ++attempt) {
    if (cancel_.requested()) return Error{Code::cancelled, "the task was cancelled"};
    auto piece = peer.get_file(name, offset, coordinator::piece_bytes);
    if (piece || piece.error().code != Code::transient || attempt == attempts) return piece;
    cancel_.wait(backoff.next());
  }
}

}  // namespace mole::nodes
