// Nodes that end again and again while they hold tasks: they get none for a growing time (quarantine), then one as a probe.
#pragma once

#include "coordinator/leases/failures.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace mole::coordinator::leases {

// A quarantine that began or ended.
struct QuarantineChange {
  std::string node;
  Micros length = 0;  // 0: it ended
  std::uint32_t ends = 0;
};

// Not thread-safe. Nothing is stored: a restart of the coordinator forgets it.
class NodeHealth {
 public:
  // An incarnation of a node ended, or went silent, while it ran tasks over these blocks (their starts). One task alone may be
  // the cause, so a node is quarantined after Settings::node_ends in a row that concerned several blocks, if one of `others`,
  // which take tasks, has finished some in the meantime.
  void end(const std::string& node, const std::string& incarnation, const std::set<Micros>& blocks,
           const std::vector<std::string>& others, const Settings& settings, Micros now);
  void succeed(const std::string& node, Micros now);  // it finished a task
  void forget(const std::string& node);               // its operator stopped it: all is forgotten
  bool is_quarantined(const std::string& node, Micros now) const;
  bool is_probed(const std::string& node) const;      // was quarantined, and has finished no task since: one task at a time
  std::uint32_t ends(const std::string& node) const;  // in a row
  Micros until(const std::string& node) const;        // of the quarantine; 0: none
  // Returns what has changed since the last call.
  std::vector<QuarantineChange> take_changes() { return std::exchange(changes_, {}); }

 private:
  struct Ends {
    std::uint32_t count = 0, quarantines = 0;
    Micros first = 0, until = 0;
    std::string incarnation;  // the last one that ended
    std::set<Micros> blocks;  // some of those that it ran
  };
  const Ends* find(const std::string& node) const;

  std::map<std::string, Ends> ends_;         // by node: those in a row
  std::map<std::string, Micros> succeeded_;  // by node: the last time
  std::vector<QuarantineChange> changes_;
};

}  // namespace mole::coordinator::leases
