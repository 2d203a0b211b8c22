#include "coordinator/control/scrub.hpp"

#include "coordinator/views/request_folder.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace mole::coordinator::control {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t piece_bytes = 1 << 20;  // between two pauses
constexpr std::size_t max_step = 100;           // results dropped in one step

// Visits the blobs of one of the folders 00 to ff.
void for_each_blob(const fs::path& folder, const std::function<void(const Digest&, std::uint64_t)>& visit) {
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (const auto digest = Digest::from_hex(at->path().filename().string())) {
      std::error_code gone;
      const auto bytes = at->file_size(gone);
      if (!gone) visit(*digest, bytes);
    }
}

fs::path folder_of_blobs(const fs::path& state, unsigned number) {
  static constexpr char digits[] = "0123456789abcdef";
  return state / "blobs" / std::string{digits[number / 16], digits[number % 16]};
}

}  // namespace

struct Scrub::Round {
  const Apply& apply;
  const Wait& wait;
  const std::function<Micros()>& now;
  Micros period, began;
  std::uint64_t total = 1;  // bytes to read, about
  bool stopped = false;
  ScrubReport report = {};

  // Pauses until `bytes` more may be read. false: stop.
  bool pace(std::uint64_t bytes) {
    if (stopped) return false;
    report.bytes += bytes;
    const auto share = std::min(1.0, static_cast<double>(report.bytes) / static_cast<double>(total));
    const auto due = static_cast<Micros>(share * static_cast<double>(period));
    stopped = !wait(std::max<Micros>(0, began + due - now()));
    return !stopped;
  }
  void log(const json& event, State& state) const {
    apply([&](Change& change) MOLE_REQUIRES(service_mutex) { state.log(event, change); });
  }
};

std::optional<ScrubReport> Scrub::round(Micros period, const Apply& apply, const Wait& wait) {
  Round round{.apply = apply, .wait = wait, .now = config_.now, .period = period, .began = config_.now()};
  round.report.started = config_.wall();
  std::error_code gone;
  for (const auto& file : records_.store().files())
    if (const auto bytes = fs::file_size(file, gone); !gone) round.total += 2 * bytes;  // read as a file, and as rows
  for (unsigned folder = 0; folder < 256; ++folder)
    for_each_blob(folder_of_blobs(config_.state, folder), [&](const Digest&, std::uint64_t bytes) { round.total += bytes; });
  check_database(round);
  check_blobs(round);
  drop_lost_results(round);
  check_links(round);
  check_request_folders(round);
  if (round.stopped) return std::nullopt;
  round.report.finished = config_.wall();
  apply([&](Change& change) {
    records_.put_json(change.batch, Table::meta, last_scrub, round.report);
    auto line = "scrub: read " + std::to_string(round.report.bytes) + " bytes";
    round.report.found_damage() ? change.warn(line + " and found damage: " + json(round.report).dump()) : change.info(line);
  });
  return round.report;
}

void Scrub::check_database(Round& round) const {
  for (const auto& file : records_.store().files()) {
    std::error_code gone;
    const auto bytes = fs::file_size(file, gone);
    if (gone) continue;
    if (!round.pace(bytes)) return;
    const auto why = store::Store::check_file(file);
    if (why.empty()) continue;
    ++round.report.damaged_files;
    round.log({{"event", "database damaged"}, {"why", why}, {"remedy", "mole state check --repair"}}, state_);
  }
  for (const auto& name : store::table_names()) check_rows(*store::table_of(name), round);
}

void Scrub::check_rows(Table table, Round& round) const {
  const auto& store = records_.store();
  std::vector<std::string> bad;
  for (std::optional<std::string> from = ""; from && round.pace(0);) {
    auto slice = store.check_rows(table, *from, piece_bytes);
    if (!round.pace(slice.bytes)) return;
    round.report.rows += slice.rows;
    bad.insert(bad.end(), slice.unreadable.begin(), slice.unreadable.end());
    from = std::move(slice.next);
  }
  if (bad.empty()) return;
  round.report.unreadable_rows += bad.size();
  const bool derived = store::is_derived(table);
  round.apply([&](Change& change) MOLE_REQUIRES(service_mutex) {
    json event{
        {"event", "rows unreadable"}, {"table", store::table_names()[static_cast<std::size_t>(table)]}, {"rows", bad.size()}};
    if (!derived) event["remedy"] = "mole state check --repair";
    state_.log(std::move(event), change);
    if (!derived) return;
    for (const auto& key : bad)  // unless it has been written again
      if (const auto now = store.check_rows(table, key, 1); !now.unreadable.empty() && now.unreadable.front() == key)
        change.batch.erase(table, key);
  });
}

void Scrub::check_blobs(Round& round) const {
  const auto first = std::random_device{}() % 256;
  for (unsigned i = 0; i < 256 && !round.stopped; ++i) {
    std::vector<Digest> blobs;
    for_each_blob(folder_of_blobs(config_.state, (first + i) % 256),
                  [&](const Digest& digest, std::uint64_t) { blobs.push_back(digest); });
    for (const auto& digest : blobs) check_blob(digest, round);
  }
}

// Reads the blob from the disk, not from memory.
void Scrub::check_blob(const Digest& digest, Round& round) const {
  if (round.stopped) return;
  const int fd = ::open(blobs_.path_of(digest).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;  // removed meanwhile, or it cannot be opened now
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  Hasher hasher;
  std::string piece(piece_bytes, '\0');
  ssize_t n = 0;
  while (round.pace(static_cast<std::uint64_t>(n))) {
    while ((n = ::read(fd, piece.data(), piece.size())) < 0 && errno == EINTR) {
    }
    if (n <= 0) break;
    hasher.bytes(piece.data(), static_cast<std::size_t>(n));
  }
  ::close(fd);
  if (round.stopped) return;
  ++round.report.blobs;
  if (n == 0 && hasher.finish() == digest) return;
  if (blobs_.verify(digest) || blobs_.has(digest)) return;  // it was removed meanwhile, or cannot be read now
  ++round.report.damaged_blobs;
  if (submissions_.restore_library(digest) || tables_.restore(digest)) return round.apply([](Change&) {});  // logs the damage
  drop_lost_results(round);
}

// Looks whether the blobs of all results exist.
void Scrub::drop_lost_results(Round& round) const {
  std::vector<std::pair<leases::JobKey, Digest>> lost;
  records_.store().scan(Table::catalogue, "", "", [&](std::string_view key, std::string_view value) {
    const auto row = store::decode_catalogue(value);
    if (row && !row->rows_blob.empty() && !blobs_.has(row->rows_blob))
      lost.push_back({{keys::read_digest(key), keys::block_start_of(key)}, row->rows_blob});
    return round.pace(0);
  });
  for (std::size_t at = 0; at < lost.size() && !round.stopped; at += max_step)
    round.apply([&](Change& change) MOLE_REQUIRES(service_mutex) {
      bool dropped = false;
      for (auto i = at; i < std::min(lost.size(), at + max_step); ++i) {
        const auto& [job, blob] = lost[i];
        const auto row = change.catalogue(job);
        if (!row || row->rows_blob != blob || blobs_.has(blob)) continue;
        const auto name = records_.json(Table::fingerprints, keys::bytes_of(job.fingerprint));
        requests_.drop_result(job, name.is_object() ? name.value("module", "") : "", change);
        ++round.report.lost_results;
        dropped = true;
      }
      if (dropped) requests_.replan_all(change);
    });
}

void Scrub::check_links(Round& round) const {
  const auto pace = [&](std::uint64_t bytes) { return round.pace(bytes); };
  std::vector<std::string> modules;
  records_.scan_json(Table::modules, [&](std::string_view name, const json&) {
    modules.emplace_back(name);
    return true;
  });
  for (const auto& module : modules) {
    std::size_t wrong = 0;
    for (const auto& shown : views::shown_of(records_, module)) {
      const auto look = [&] {
        const auto found =
            views::wrong_links(config_.state / shown.folder, views::rows_of(records_, shown.fingerprint), blobs_, pace);
        return found.damaged.size() + found.stale;
      };
      if (look() == 0) continue;
      views_.wait();  // the change that it came across is complete
      wrong += look();
    }
    if (round.stopped || wrong == 0) continue;
    round.report.wrong_links += wrong;
    round.apply([&](Change& change) MOLE_REQUIRES(service_mutex) {
      state_.log({{"event", "links damaged"}, {"module", module}, {"files", wrong}}, change);
      change.views.relink.push_back(module);
    });
  }
}

void Scrub::check_request_folders(Round& round) const {
  const auto pace = [&](std::uint64_t bytes) { return round.pace(bytes); };
  std::vector<std::uint64_t> ended;
  records_.scan_json(Table::requests, [&](std::string_view key, const json& row) {
    if (row.is_object() && requests::request_from_row(keys::read_u64(key), row).terminal()) ended.push_back(keys::read_u64(key));
    return round.pace(0);
  });
  for (const auto number : ended) {
    if (!round.pace(0)) return;
    const auto found = views::check_request_folder(views::request_folder(config_.state, number), blobs_, true, pace);
    if (found.wrong.empty() || !records_.store().get(Table::requests, keys::number(number))) continue;
    round.report.wrong_links += found.wrong.size();
    round.apply([&](Change& change) MOLE_REQUIRES(service_mutex) {
      state_.log({{"event", "request folder damaged"},
                  {"request", requests::request_id(number)},
                  {"files", found.wrong.size()},
                  {"lost", found.lost.size()}},
                 change);
      if (found.rewrite) change.views.folders.push_back(number);
    });
  }
}

}  // namespace mole::coordinator::control
