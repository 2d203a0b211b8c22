// Local times of a time zone, by the rules of the system's tz database.
//
//   auto zone = TimeZone::load("Europe/Zurich");
//   zone->instants({2007, 10, 28, 2, 30, 0});  // two: clocks were set back at 3 o'clock
#pragma once

#include "sdk/model/time.hpp"

#include <memory>
#include <string>
#include <vector>

namespace mole::coordinator::manifest {

struct CivilTime {
  std::int64_t year = 1970;
  int month = 1, day = 1, hour = 0, minute = 0, second = 0;

  bool operator==(const CivilTime&) const = default;
};

// A value; copies share the rules. Thread-safe.
class TimeZone {
 public:
  TimeZone();  // UTC
  // invalid: the tz database has no such zone.
  static Result<TimeZone> load(const std::string& name);

  // Returns the times at which clocks of the zone show `local`, in order: none if clocks were set forward past it or the date
  // does not exist, two if they were set back.
  std::vector<Micros> instants(const CivilTime& local) const;
  CivilTime local(Micros at) const;
  // Returns the time at which clocks first show the same time of day `days` days later, or would if they had not been set
  // forward.
  Micros days_later(Micros at, std::int64_t days) const;

 private:
  struct Rules;
  std::shared_ptr<const Rules> rules_;
};

}  // namespace mole::coordinator::manifest
