#include "runtime/archive/archive_reader.hpp"

#include "runtime/archive/stated_digest.hpp"
#include "runtime/host/host_services.hpp"

#include <algorithm>
#include <thread>
#include <unordered_set>

namespace mole::runtime {

Result<> ArchiveReader::index(const std::function<Result<>(const task::IndexEntry&)>& found,
                              std::vector<task::PassedOver>* passed_over) const {
  std::unordered_set<std::string> seen;
  const auto once = [&](const task::IndexEntry& entry) -> Result<> {
    if (!seen.insert(entry.id).second)
      return invalid("the archive lists '" + entry.id + "' twice; check the downloader and its folder");
    return found(entry);
  };
  return downloader_.index(once, passed_over);
}

namespace {

// A pause that doubles up to a limit, and ends early if the host is stopping.
class Pause {
 public:
  Pause(std::chrono::milliseconds first, std::chrono::milliseconds max) : first_(first), next_(first), max_(max) {}

  void reset() { next_ = first_; }
  std::chrono::milliseconds next() const { return next_; }
  Result<> wait(const std::string& during) {
    constexpr std::chrono::milliseconds step(100);
    for (auto left = next_; left.count() > 0 && !plugins_cancelled(); left -= step)
      std::this_thread::sleep_for(std::min(left, step));
    next_ = std::min(next_ * 2, max_);
    if (plugins_cancelled()) return Error{Code::cancelled, "cancelled while " + during};
    return {};
  }

 private:
  std::chrono::milliseconds first_, next_, max_;
};

bool may_pass(const Error& error) { return error.code == Code::transient || error.code == Code::busy; }

Error staging_timed_out(std::size_t files) {
  return transient("timed out waiting for the archive to stage " + std::to_string(files) + (files == 1 ? " file" : " files") +
                   "; check the archive and try again");
}

}  // namespace

Result<std::size_t> ArchiveReader::next_ready(std::span<const task::File* const> files) {
  if (!downloader_.stages_each() || files.empty()) return std::size_t{0};
  std::vector<std::string> ids;
  for (const auto* file : files) ids.push_back(file->id);
  const auto begin = std::chrono::steady_clock::now();
  Pause pause(poll_.first, poll_.max);
  for (unsigned failures = 0;;) {
    const auto states = downloader_.stage_each(ids);
    if (!states && (!may_pass(states.error()) || ++failures >= retry_.attempts)) return states.error();
    if (states) failures = 0;
    for (std::size_t i = 0; states && i < states->size(); ++i) {
      const auto& state = (*states)[i];
      if (state && !*state) continue;
      failed_.erase(ids[i]);
      if (!state) failed_.emplace(ids[i], state.error());
      return i;
    }
    if (std::chrono::steady_clock::now() - begin + pause.next() > poll_.total) return staging_timed_out(files.size());
    if (auto waited = pause.wait("files were being staged"); !waited) return waited.error();
  }
}

// For a downloader that does not report the state of each file.
Result<> ArchiveReader::stage(const std::string& id) const {
  const auto begin = std::chrono::steady_clock::now();
  Pause pause(poll_.first, poll_.max);
  while (true) {
    MOLE_TRY(auto ready, downloader_.stage(std::span(&id, 1)));
    if (ready) return {};
    if (std::chrono::steady_clock::now() - begin + pause.next() > poll_.total) return staging_timed_out(1);
    if (auto waited = pause.wait("files were being staged"); !waited) return waited;
  }
}

// Transfers the file, continuing after errors that may pass.
Result<> ArchiveReader::transfer(const task::File& file, const ByteSink& to) const {
  std::uint64_t written = 0;
  bool refused = false;
  const auto write = [&](std::string_view bytes) -> Result<> {
    auto taken = to(std::as_bytes(std::span(bytes.data(), bytes.size())));
    refused = !taken;
    if (taken) written += bytes.size();
    return taken;
  };
  Pause pause(retry_.first, retry_.max);
  for (unsigned failures = 0;;) {
    const auto before = written;
    auto done = downloader_.fetch(file, written, write);
    if (done || refused || !may_pass(done.error()) || (written > 0 && !downloader_.resumes())) return done;
    if (written > before) {
      failures = 0;
      pause.reset();
    }
    if (++failures >= retry_.attempts) return done;
    if (auto waited = pause.wait("a file was being fetched"); !waited) return waited;
  }
}

Result<> ArchiveReader::fetch(const task::File& file, const ByteSink& to) {
  if (const auto failed = failed_.find(file.id); failed != failed_.end()) return failed->second;
  if (!downloader_.stages_each())
    if (auto staged = stage(file.id); !staged) return staged;
  StatedDigest digest(file.stated_digest);
  const auto hashed = [&](std::span<const std::byte> bytes) {
    digest.add(bytes);
    return to(bytes);
  };
  if (auto done = transfer(file, hashed); !done) return done;
  return digest.check(file.id);
}

Fetching ArchiveReader::fetching() {
  return {[this](const task::File& file, const ByteSink& to) { return fetch(file, to); },
          [this](std::span<const task::File* const> files) { return next_ready(files); }};
}

}  // namespace mole::runtime
