// Applies the damage policy of an archive to its files. partial: what is readable of a damaged file counts; strict: a damaged
// file fails the steps that read it; skip: a damaged file is left out.
#pragma once

#include "runtime/task/flow_files.hpp"
#include "sdk/model/task.hpp"

#include <optional>

namespace mole::runtime {

class DamageHandler {
 public:
  explicit DamageHandler(const task::Archive* archive) : policy_(archive ? archive->damage : DamagePolicy::partial) {}

  // Returns the report of a file that was not decoded.
  static task::FileReport report_of(const task::File& file, task::FileState state);
  // Returns the report of a file that could not be staged. An error if the task cannot go on: the archive, the cache, the disk.
  static Result<task::FileReport> report_unstaged(const task::File& file, const Error& error);

  // Whether each file must be scanned before its first flow counts, because a damaged file is left out.
  bool scans_first() const { return policy_ == DamagePolicy::skip; }
  // Decodes file `number` only for its report.
  static Result<task::FileReport> scan_for_damage(FlowFiles& files, std::uint32_t number);
  // Returns the error for the steps that read the file, if the policy is strict and the file is damaged or unreadable.
  std::optional<Error> refusal(const task::FileReport& report) const;

 private:
  DamagePolicy policy_;
};

}  // namespace mole::runtime
