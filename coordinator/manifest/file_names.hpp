// The rules of an archive for its file names: which names are archive files, of which router, and of what time.
//
//   auto names = FileNames::make({.files = "{router}_{sequence}_{start:unix}.dat.bz2", .covers = hour_us});
//   names->read("2007/19991_00040895_1190487600.dat.bz2").kind;  // NameKind::archive_file
#pragma once

#include "coordinator/manifest/file_pattern.hpp"

#include <map>

namespace mole::coordinator::manifest {

struct NameRules {
  std::string files;                                // the pattern
  Micros covers = hour_us;                          // length of one file
  std::string zone = "UTC";                         // of times without an offset
  std::map<std::string, std::string> routers = {};  // name in the file name -> router; other names are routers themselves
};

// temporary: a hidden or temporary file or a partial download. unmatched: does not match the pattern. impossible: its date or
// local time does not exist, or its end is before its start.
enum class NameKind { archive_file, temporary, unmatched, impossible };

struct NameParts {
  NameKind kind = NameKind::unmatched;
  std::string router;              // empty if the pattern has none
  std::uint64_t sequence = 0;      // 0 if the pattern has none
  TimeRange covers;                // if the name has only a start or an end, the other is one file length away
  std::optional<TimeRange> later;  // the other meaning of a local time that occurs twice, when clocks are set back
};

class FileNames {
 public:
  // invalid: the pattern or the zone.
  static Result<FileNames> make(NameRules rules);

  NameParts read(std::string_view id) const;
  const FilePattern& pattern() const { return pattern_; }
  const NameRules& rules() const { return rules_; }

 private:
  Micros shifted(Micros at, int files) const;  // by this number of file lengths

  NameRules rules_;
  FilePattern pattern_;
  TimeZone zone_;
};

}  // namespace mole::coordinator::manifest
