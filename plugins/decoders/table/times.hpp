// Reads times from text and numbers: microseconds since 1970.
//
//   auto times = Times::make("auto", "Europe/Zurich");
//   times->parse("2009-02-12 00:00:01.5");   // local time
//   times->parse("2009-02-12T00:00:01Z");
//   times->parse("1234396801.5");            // by its size: seconds, milliseconds, microseconds or nanoseconds
#pragma once

#include <mole/result.hpp>

#include <cctz/time_zone.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mole::plugins::table {

// What a number counts; any: its size decides.
enum class TimeUnit : std::uint8_t { any, seconds, milliseconds, microseconds, nanoseconds };

inline constexpr std::int64_t end_of_time = 9'183'110'400'000'000;  // 2261-01-01

// Not thread-safe.
class Times {
 public:
  // invalid: an unknown zone, or a format with an unknown specification.
  static Result<Times> make(const std::string& format, const std::string& zone);

  // Nothing: not a time between 1970 and 2261; or a local time that the zone's clocks showed twice or never. `unit` is that of
  // numbers, if the format does not state it.
  std::optional<std::int64_t> parse(std::string_view text, TimeUnit unit = TimeUnit::any);
  std::optional<std::int64_t> from_number(std::int64_t number, TimeUnit unit) const;
  // A local time in microseconds, as if it were UTC.
  std::optional<std::int64_t> from_local(std::int64_t local);
  bool is_utc() const { return utc_; }

 private:
  struct Fields {
    int year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0;
    std::int64_t microseconds = 0;
    std::optional<int> offset{};          // seconds east of UTC
    std::optional<std::int64_t> epoch{};  // in seconds
  };
  std::optional<Fields> read(std::string_view text) const;
  std::optional<std::int64_t> to_time(const Fields& fields);

  std::string format_;  // empty: any known one
  TimeUnit unit_ = TimeUnit::any;
  bool utc_ = true;
  cctz::time_zone zone_;
  std::int64_t known_minute_ = -1;      // a local minute whose offset is known
  std::optional<std::int64_t> offset_;  // nothing: there are two, or none
};

}  // namespace mole::plugins::table
