#include "coordinator/manifest/time_zone.hpp"

#include <cctz/time_zone.h>

#include <algorithm>

namespace mole::coordinator::manifest {
namespace {

Micros micros_of(const cctz::time_point<cctz::seconds>& at) { return at.time_since_epoch().count() * second_us; }

cctz::time_point<cctz::seconds> time_point_of(Micros at) {
  return cctz::time_point<cctz::seconds>(cctz::seconds(floor_div(at, second_us)));
}

// The library would also open files by other names.
bool is_zone_name(const std::string& name) {
  return !name.empty() && name.size() <= 64 && name[0] != '/' && name.find("..") == std::string::npos &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '_' ||
                  c == '-' || c == '+';
         });
}

}  // namespace

struct TimeZone::Rules {
  cctz::time_zone zone;
};

TimeZone::TimeZone() : rules_(std::make_shared<const Rules>(Rules{cctz::utc_time_zone()})) {}

Result<TimeZone> TimeZone::load(const std::string& name) {
  cctz::time_zone zone;
  if (!is_zone_name(name) || !cctz::load_time_zone(name, &zone))
    return invalid("there is no time zone \"" + name.substr(0, 64) +
                   "\"; use a name of the tz database, such as Europe/Zurich, and install the package tzdata");
  TimeZone out;
  out.rules_ = std::make_shared<const Rules>(Rules{zone});
  return out;
}

std::vector<Micros> TimeZone::instants(const CivilTime& local) const {
  const cctz::civil_second civil(local.year, local.month, local.day, local.hour, local.minute, local.second);
  const CivilTime normalized{civil.year(), civil.month(), civil.day(), civil.hour(), civil.minute(), civil.second()};
  if (normalized != local) return {};  // such as 30 February
  const auto found = rules_->zone.lookup(civil);
  switch (found.kind) {
    case cctz::time_zone::civil_lookup::UNIQUE:
      return {micros_of(found.pre)};
    case cctz::time_zone::civil_lookup::REPEATED:
      return {micros_of(found.pre), micros_of(found.post)};
    case cctz::time_zone::civil_lookup::SKIPPED:
      break;
  }
  return {};
}

CivilTime TimeZone::local(Micros at) const {
  const auto civil = cctz::convert(time_point_of(at), rules_->zone);
  return {civil.year(), civil.month(), civil.day(), civil.hour(), civil.minute(), civil.second()};
}

Micros TimeZone::days_later(Micros at, std::int64_t days) const {
  auto civil = cctz::convert(time_point_of(at), rules_->zone);
  const auto later = cctz::civil_second(cctz::civil_day(civil) + days) + (civil - cctz::civil_second(cctz::civil_day(civil)));
  return micros_of(cctz::convert(later, rules_->zone));
}

}  // namespace mole::coordinator::manifest
