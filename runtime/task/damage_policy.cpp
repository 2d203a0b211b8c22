#include "runtime/task/damage_policy.hpp"

namespace mole::runtime {

task::FileReport DamagePolicy::report_of(const task::File& file, const char* state) {
  task::FileReport report;
  report.id = file.id;
  report.state = state;
  return report;
}

Result<task::FileReport> DamagePolicy::report_unstaged(const task::File& file, const Error& error) {
  if (error.code == Code::missing) return report_of(file, "missing");
  if (error.code == Code::corrupt) return report_of(file, "unreadable");
  // The index listed this file, so the parameters of the archive were good, and a retry may succeed.
  const bool permanent = error.code == Code::exhausted || error.code == Code::cancelled;
  return Error{permanent ? error.code : Code::transient, "file " + file.id + ": " + error.message};
}

Result<task::FileReport> DamagePolicy::scan_for_damage(FlowFiles& files, std::uint32_t number) {
  auto source = files.open(number, ColumnSet().set(MOLE_COLUMN_START));
  if (!source) return source.error();
  FlowBatch batch;
  while (true) {
    auto more = (*source)->next(batch);
    if (!more) return more.error();
    if (!*more) return (*source)->report();
  }
}

std::optional<Error> DamagePolicy::refusal(const task::FileReport& report) const {
  if (policy_ != "strict" || report.state == "sound" || report.state == "missing") return std::nullopt;
  return corrupt("file " + report.id + " is " + report.state +
                 " and the archive's policy is damage: strict; repair the file or choose partial or skip");
}

}  // namespace mole::runtime
