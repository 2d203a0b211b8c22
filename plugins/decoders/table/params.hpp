// The parameters that the decoders of tables share.
#pragma once

#include <mole/params.hpp>

#include <string>

namespace mole::plugins::table {

struct Params {
  std::string columns;  // lines of COLUMN=HEADER, see Mapping
  std::string time = "auto";
  std::string zone = "UTC";
  std::string delimiter = "auto";  // csv
};

// The host accepts a mapping from columns to strings and hands it over as lines of KEY=VALUE, sorted by key.
inline constexpr Format columns_format{"columns"};

inline constexpr const char* columns_doc =
    "names in the file by flow column, information element, duration or received; \"\": the files do not have it";
inline constexpr const char* time_doc =
    "format of times: auto, seconds, milliseconds, microseconds or nanoseconds since 1970, or one of strftime such as %d.%m.%Y "
    "%H:%M:%S";
inline constexpr const char* zone_doc = "time zone of times without one, such as Europe/Zurich";

}  // namespace mole::plugins::table
