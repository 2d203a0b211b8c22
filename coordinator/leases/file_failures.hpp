// Files that an archive lists and does not deliver: when to stop trying, so that jobs are computed without them.
#pragma once

#include "coordinator/leases/failures.hpp"

#include <map>
#include <set>
#include <string>

namespace mole::coordinator::leases {

// One attempt to fetch a file that failed.
struct FileFailure {
  std::string archive, file, node;
  task::FailureCode code = task::FailureCode::transient;
  std::size_t nodes = 1;  // that could try
};

// Not thread-safe. Nothing is stored: a restart of the coordinator begins again to count.
class FileFailures {
 public:
  // Counts an attempt, unless it followed too soon on the last one. Returns whether the file counts as unreadable now: it failed
  // Settings::file_attempts times, on two nodes if there are two, and it is known that the archive itself works. That is so if it
  // refuses this file (code "invalid"), has delivered another file since the first failure, or, after more attempts, if no other
  // file fails. The file is forgotten then: if it is listed again, it has as many attempts again.
  bool fail(const FileFailure& failure, const Settings& settings, Micros now);
  void succeed(const std::string& archive, const std::string& file, Micros now);

 private:
  struct Attempts {
    std::uint32_t count = 0;
    Micros first = 0, next = 0;
    std::set<std::string> nodes;
  };
  struct Archive {
    std::map<std::string, Attempts> failing;  // by file
    Micros delivered = -1;                    // when it last delivered a file
  };
  std::map<std::string, Archive> archives_;
};

}  // namespace mole::coordinator::leases
