#include "cli/init/reading.hpp"

#include "coordinator/manifest/file_names.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <tuple>

namespace mole::cli {
namespace {

using coordinator::manifest::FileNames;
using coordinator::manifest::NameKind;

// Zones with different rules; the first of those that agree is proposed.
constexpr const char* common_zones[] = {
    "Europe/Zurich",  "Europe/London",   "Europe/Helsinki",     "Europe/Moscow",     "America/New_York", "America/Chicago",
    "America/Denver", "America/Phoenix", "America/Los_Angeles", "America/Sao_Paulo", "Asia/Tokyo",       "Asia/Shanghai",
    "Asia/Kolkata",   "Asia/Dubai",      "Asia/Bangkok",        "Australia/Sydney",  "Australia/Perth",  "Pacific/Auckland"};

// How well a reading of the names agrees with the contents.
struct Agreement {
  std::size_t files = 0;
  Micros distance = 0;  // of export times outside the times in names, and of the middle of both
};

Micros outside(TimeRange exported, TimeRange named) {
  return std::max<Micros>(0, named.from - exported.from) + std::max<Micros>(0, exported.to - named.to);
}

Agreement agreement_of(const FileNames& names, const std::vector<task::FileReport>& reports) {
  Agreement out;
  for (const auto& report : reports) {
    if (report.datagrams == 0) continue;
    const auto parts = names.read(report.id);
    if (parts.kind != NameKind::archive_file) continue;
    const TimeRange exported{report.exported_first, report.exported_last + 1};
    const auto distance = [&](TimeRange named) { return outside(exported, named); };
    auto named = parts.covers;
    if (parts.later && distance(*parts.later) < distance(named)) named = *parts.later;
    const Micros tolerance = std::max((named.to - named.from) / 10, minute_us);
    const auto inside = std::min(exported.to, named.to + tolerance) - std::max(exported.from, named.from - tolerance);
    if (inside <= 0 || inside * 2 < exported.to - exported.from) continue;
    ++out.files;
    out.distance += distance(named);
  }
  return out;
}

std::string with_end(std::string files) {
  for (auto at = files.find("{start:"); at != std::string::npos; at = files.find("{start:", at)) files.replace(at, 7, "{end:");
  return files;
}

// The zones in the order of preference: fixed offsets last.
std::vector<std::string> zones_to_try(const Naming& naming, const std::string& zone) {
  if (!naming.local) return {"UTC"};
  if (!zone.empty()) return {zone};
  std::vector<std::string> zones{"UTC"};
  if (const auto local = system_zone(); !local.empty() && local != "UTC") zones.push_back(local);
  zones.insert(zones.end(), std::begin(common_zones), std::end(common_zones));
  for (int hours = 1; hours <= 14; ++hours) {
    zones.push_back("Etc/GMT-" + std::to_string(hours));
    if (hours <= 12) zones.push_back("Etc/GMT+" + std::to_string(hours));
  }
  return zones;
}

std::vector<Micros> spans_of(const std::vector<task::FileReport>& reports) {
  std::vector<Micros> spans;
  for (const auto& report : reports)
    if (report.datagrams > 0) spans.push_back(report.exported_last - report.exported_first);
  std::ranges::sort(spans);
  return spans;
}

// The length of a file, from the distances between names, or from the contents if files are missing between most names.
Micros length_of(const Naming& naming, const std::vector<task::FileReport>& reports, bool& assumed) {
  const auto spans = spans_of(reports);
  if (spans.empty()) return naming.spacing > 0 ? naming.spacing : hour_us;
  const auto typical = spans[spans.size() / 2];
  const auto usual = usual_length(typical);
  assumed = naming.spacing == 0 || (usual < naming.spacing && naming.spacing % usual == 0 && typical * 10 > usual * 8);
  return assumed ? usual : naming.spacing;
}

std::string description(const Reading& reading) {
  return "\"" + reading.files + "\"" + (reading.local ? " in the zone " + reading.zone : "");
}

// Tries the zones with times as the start of files, then as their end.
Reading best_reading(const Naming& naming, const std::vector<task::FileReport>& reports, const std::string& zone,
                     std::optional<Micros> covers) {
  Reading best{.files = naming.files, .local = naming.local};
  best.covers = covers ? *covers : length_of(naming, reports, best.covers_assumed);
  if (naming.local && !zone.empty()) best.zone = zone;
  for (const auto& report : reports) best.read += report.datagrams > 0;
  const auto consider = [&](const std::string& files, const std::string& in_zone) {
    const auto names = FileNames::make({.files = files, .covers = best.covers, .zone = in_zone});
    if (!names) return;
    const auto agreement = agreement_of(*names, reports);
    if (agreement.files == 0) return;
    auto reading = best;
    reading.files = files;
    reading.zone = in_zone;
    reading.agree = agreement.files;
    reading.distance = agreement.distance;
    const auto order = std::tuple(best.agree, -best.distance), this_order = std::tuple(agreement.files, -agreement.distance);
    if (this_order == order && best.other.empty() && files != best.files && best.zone != "UTC") best.other = description(reading);
    if (this_order <= order) return;
    reading.other.clear();
    best = reading;
  };
  const auto zones = zones_to_try(naming, zone);
  const auto ends = with_end(naming.files);
  // Fixed offsets and unusual combinations only where nothing simpler agrees.
  for (const auto& in_zone : zones)
    if (!in_zone.starts_with("Etc/")) consider(naming.files, in_zone);
  if (!naming.has_both)
    for (const auto& in_zone : zones)
      if (!in_zone.starts_with("Etc/")) consider(ends, in_zone);
  for (const auto& in_zone : zones)
    if (in_zone.starts_with("Etc/")) consider(naming.files, in_zone);
  return best;
}

}  // namespace

Micros usual_length(Micros span) {
  for (const auto length : {minute_us, 5 * minute_us, 10 * minute_us, 15 * minute_us, 30 * minute_us, hour_us, 2 * hour_us,
                            3 * hour_us, 4 * hour_us, 6 * hour_us, 8 * hour_us, 12 * hour_us})
    if (span <= length + length / 50) return length;
  return ceil_to(span - span / 50, day_us);
}

std::string system_zone() {
  if (const char* zone = std::getenv("TZ"); zone && *zone && *zone != ':' && *zone != '/') return zone;
  std::error_code error;
  const auto target = std::filesystem::read_symlink("/etc/localtime", error).string();
  const auto at = target.find("zoneinfo/");
  if (error || at == std::string::npos) return {};
  const auto zone = target.substr(at + 9);
  return zone == "Etc/UTC" || zone == "Universal" || zone == "Zulu" ? "UTC" : zone;
}

Reading reading_of(const std::vector<Naming>& namings, const std::vector<task::FileReport>& reports, const std::string& zone,
                   std::optional<Micros> covers) {
  std::optional<Reading> best;
  for (const auto& naming : namings) {
    auto reading = best_reading(naming, reports, zone, covers);
    const bool as_usual = naming.matched * 10 >= namings.front().matched * 9;
    if (!best || (as_usual && std::tuple(reading.agree, -reading.distance) > std::tuple(best->agree, -best->distance)))
      best = std::move(reading);
  }
  return std::move(*best);
}

}  // namespace mole::cli
