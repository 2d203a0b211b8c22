#include "runtime/archive/archive_reader.hpp"

#include "runtime/archive/stated_digest.hpp"
#include "runtime/host/host_services.hpp"

#include <algorithm>
#include <optional>
#include <thread>
#include <unordered_map>

namespace mole::runtime {

Result<> ArchiveReader::index(const std::function<Result<>(const task::IndexEntry&)>& found,
                              std::vector<task::PassedOver>* passed_over) const {
  struct Seen {
    std::uint64_t size;
    std::size_t tier;
  };
  std::unordered_map<std::string, Seen> seen;
  for (std::size_t tier = 0; tier < tiers_.size(); ++tier) {
    const auto once = [&](const task::IndexEntry& entry) -> Result<> {
      const auto [at, fresh] = seen.try_emplace(entry.id, Seen{entry.size, tier});
      if (fresh) {
        auto listed = entry;
        listed.tier = tiers_.size() - 1 - tier;
        return found(listed);
      }
      if (at->second.tier == tier)
        return invalid("the archive lists '" + entry.id + "' twice; check the downloader and its folder");
      if (at->second.size != entry.size && passed_over)
        task::pass_over(*passed_over, "an earlier tier lists it with a different size", entry.id);
      return {};
    };
    if (auto listed = tiers_[tier]->index(once, passed_over); !listed) return listed;
  }
  return {};
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

// Whether another tier may deliver the file.
bool may_be_elsewhere(const Error& error) {
  return may_pass(error) || error.code == Code::missing || error.code == Code::corrupt;
}

Error staging_timed_out(std::size_t files) {
  return transient("timed out waiting for the archive to stage " + std::to_string(files) + (files == 1 ? " file" : " files") +
                   "; check the archive and try again");
}

}  // namespace

Result<std::size_t> ArchiveReader::next_ready(std::span<const task::File* const> files) {
  if (files.empty()) return std::size_t{0};
  const auto take_ready = [&]() -> std::optional<std::size_t> {
    for (std::size_t i = 0; i < files.size(); ++i) {
      if (ready_.erase(files[i]->id) == 0) continue;
      any_staged_ = any_staged_ || (staged_.contains(files[i]->id) && !failed_.contains(files[i]->id));
      if (poll_.each) begin_ = std::chrono::steady_clock::now();
      return i;
    }
    return std::nullopt;
  };
  if (const auto ready = take_ready()) return *ready;
  release_transferred();
  Pause pause(poll_.first, poll_.max);
  for (unsigned failures = 0;;) {
    std::optional<Error> failed;
    for (std::size_t tier = 0; tier < tiers_.size(); ++tier) {
      const auto polled = poll_tier(tier, files);
      if (polled) continue;
      if (!may_pass(polled.error())) return polled.error();
      failed = polled.error();
    }
    if (const auto ready = take_ready()) return *ready;
    failures = failed ? failures + 1 : 0;
    if (failed && failures >= retry_.attempts) return *failed;
    if (is_late(pause.next())) {
      if (!poll_.each || !any_staged_) return staging_timed_out(files.size());
      for (const auto* file : files) {
        failed_.emplace(file->id, staging_timed_out(1));
        ready_.insert(file->id);
      }
      return *take_ready();
    }
    if (auto waited = pause.wait("files were being staged"); !waited) return waited.error();
  }
}

// Requests the files of one tier together, and notes those that are ready or cannot be staged.
Result<> ArchiveReader::poll_tier(std::size_t tier, std::span<const task::File* const> files) {
  std::vector<std::string> ids;
  for (const auto* file : files)
    if (tier_of(*file) == tier) ids.push_back(file->id);
  if (ids.empty()) return {};
  if (!tiers_[tier]->stages_each()) {
    ready_.insert(ids.begin(), ids.end());  // fetch waits for each, and returns its error
    const auto requested = tiers_[tier]->stage(ids);
    return requested || requested.error().code != Code::cancelled ? Result<>() : requested.error();
  }
  MOLE_TRY(const auto states, tiers_[tier]->stage_each(ids));
  for (std::size_t i = 0; i < states.size(); ++i) {
    if (states[i] && !*states[i]) {
      staged_.insert(ids[i]);
      continue;
    }
    failed_.erase(ids[i]);
    if (!states[i]) failed_.emplace(ids[i], states[i].error());
    ready_.insert(ids[i]);
  }
  return {};
}

// For a downloader that does not report the state of each file.
Result<> ArchiveReader::stage(const DownloaderModule& downloader, const std::string& id) const {
  Pause pause(poll_.first, poll_.max);
  while (true) {
    MOLE_TRY(auto ready, downloader.stage(std::span(&id, 1)));
    if (ready) return {};
    if (is_late(pause.next())) return staging_timed_out(1);
    if (auto waited = pause.wait("files were being staged"); !waited) return waited;
  }
}

// Transfers the file, continuing after errors that may pass.
Result<> ArchiveReader::transfer(const DownloaderModule& downloader, const task::File& file, const ByteSink& to,
                                 std::uint64_t& written) const {
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
    auto done = downloader.fetch(file, written, write);
    if (done || refused || !may_pass(done.error()) || (written > 0 && !downloader.resumes())) return done;
    if (written > before) {
      failures = 0;
      pause.reset();
    }
    if (++failures >= retry_.attempts) return done;
    if (auto waited = pause.wait("a file was being fetched"); !waited) return waited;
  }
}

Result<> ArchiveReader::fetch(const task::File& file, const ByteSink& to) {
  StatedDigest digest(file.stated_digest);
  std::uint64_t written = 0;
  const auto hashed = [&](std::span<const std::byte> bytes) {
    digest.add(bytes);
    return to(bytes);
  };
  const auto from = [&](std::size_t tier, const task::File& expected) -> Result<> {
    if (const auto failed = failed_.find(file.id); failed != failed_.end() && tier == tier_of(file)) return failed->second;
    if (tier != tier_of(file) || !tiers_[tier]->stages_each())
      if (auto staged = stage(*tiers_[tier], file.id); !staged) return staged;
    auto done = transfer(*tiers_[tier], expected, hashed, written);
    // The archive may have evicted the staged file, or released it for a different reader.
    if (done || written > 0 || done.error().code != Code::transient || !tiers_[tier]->stages_each()) return done;
    if (auto staged = stage(*tiers_[tier], file.id); !staged) return staged;
    return transfer(*tiers_[tier], expected, hashed, written);
  };
  auto done = from(tier_of(file), file);
  for (auto tier = tier_of(file) + 1; !done && tier < tiers_.size() && written == 0 && may_be_elsewhere(done.error()); ++tier) {
    auto expected = file;
    expected.version = {};  // of the other tier
    if (auto other = from(tier, expected); other || written > 0) done = other;
  }
  if (done) done = digest.check(file.id);
  if (done && staged_.erase(file.id) > 0) transferred_[tier_of(file)].push_back(file.id);
  return done;
}

// An archive that cannot release files now may do so later by itself.
void ArchiveReader::release_transferred() {
  for (std::size_t tier = 0; tier < tiers_.size(); ++tier)
    if (const auto files = std::exchange(transferred_[tier], {}); !files.empty()) (void)tiers_[tier]->release(files);
}

Fetching ArchiveReader::fetching() {
  return {[this](const task::File& file, const ByteSink& to) { return fetch(file, to); },
          [this](std::span<const task::File* const> files) { return next_ready(files); }};
}

}  // namespace mole::runtime
