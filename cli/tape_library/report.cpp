#include "cli/tape_library/report.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace mole::cli {
namespace {

using Positions = std::map<std::string, std::set<std::pair<std::uint64_t, std::uint64_t>>>;  // tape -> (position, size)

Micros best_time(const TapeSettings& settings, const std::set<std::pair<std::uint64_t, std::uint64_t>>& files) {
  Micros time = settings.move + settings.load;
  std::uint64_t at = 0;
  for (const auto& [position, size] : files) {
    time += seek_time(settings, at, position) + read_time(settings, size);
    at = position + blocks_of(settings, size);
  }
  return time;
}

void find_least(const TapeSettings& settings, const Positions& read, TapeReport& report) {
  Micros all = 0;
  for (const auto& [tape, files] : read) {
    const auto time = best_time(settings, files);
    all += time;
    if (time <= report.busiest_tape) continue;
    report.busiest_tape = time;
    report.busiest = tape;
  }
  report.tapes = read.size();
  report.least = std::max(report.busiest_tape, all / static_cast<Micros>(settings.drives));
}

// The times during which a drive is used for clients: from each mount to the last activity before the next.
std::vector<TimeRange> times_of_use(const std::vector<TapeEvent>& events, std::uint64_t drive) {
  std::vector<TimeRange> times;
  bool used = false;
  for (const auto& event : events) {
    if (event.drive != drive) continue;
    if (event.event == TapeEventKind::insert) {
      used = !event.others;
      if (used) times.push_back({event.at - event.took, event.at});
    } else if (used && event.event != TapeEventKind::remove) {
      times.back().to = event.at;
    }
  }
  return times;
}

std::uint64_t most_at_once(const std::vector<TapeEvent>& events, std::uint64_t drives) {
  std::vector<std::pair<Micros, int>> changes;  // an end sorts before a start at the same time
  for (std::uint64_t drive = 1; drive <= drives; ++drive)
    for (const auto& time : times_of_use(events, drive)) {
      changes.emplace_back(time.from, 1);
      changes.emplace_back(time.to, -1);
    }
  std::ranges::sort(changes);
  int used = 0, most = 0;
  for (const auto& [unused, change] : changes) most = std::max(most, used += change);
  return static_cast<std::uint64_t>(most);
}

void add(const TapeEvent& event, DriveReport& drive, TapeReport& report) {
  if (event.others) {
    drive.others += event.took;
    return;
  }
  switch (event.event) {
    case TapeEventKind::insert:
      ++drive.mounts;
      ++report.mounts;
      drive.mounting += event.took;
      break;
    case TapeEventKind::remove:
      drive.removing += event.took;
      break;
    case TapeEventKind::seek:
      drive.seeking += event.took;
      break;
    case TapeEventKind::read:
      ++drive.files;
      drive.reading += event.took;
      break;
    case TapeEventKind::error:
      drive.reading += event.took;
      break;
    default:
      break;
  }
}

}  // namespace

TapeReport report_of(const TapeLibrary& library, const std::vector<TapeEvent>& events) {
  TapeReport report;
  report.drives.resize(library.settings.drives);
  for (std::size_t i = 0; i < report.drives.size(); ++i) report.drives[i].drive = i + 1;
  Positions read;
  report.from = report.to = library.start;
  for (const auto& event : events) {
    if (event.drive > 0 && event.drive <= report.drives.size()) add(event, report.drives[event.drive - 1], report);
    if (event.event == TapeEventKind::request && report.requests++ == 0) report.from = report.to = event.at;
    if (event.event == TapeEventKind::read || event.event == TapeEventKind::fail) report.to = event.at;
    report.failed += event.event == TapeEventKind::fail;
    report.read_errors += event.event == TapeEventKind::error;
    report.evicted += event.event == TapeEventKind::evict;
    if (event.event != TapeEventKind::read) continue;
    ++report.files;
    report.bytes += event.bytes;
    if (const auto file = library.find(event.file); file && event.copy > 0 && event.copy <= library.files[*file].copies.size())
      read[event.tape].insert({library.files[*file].copies[event.copy - 1].position, event.bytes});
  }
  find_least(library.settings, read, report);
  report.most_drives = most_at_once(events, library.settings.drives);
  for (const auto& drive : report.drives) report.work += drive.mounting + drive.seeking + drive.reading;
  return report;
}

}  // namespace mole::cli
