#include "runtime/task/damage_policy.hpp"

namespace mole::runtime {

task::FileReport DamageHandler::report_of(const task::File& file, task::FileState state) {
  task::FileReport report;
  report.id = file.id;
  report.state = state;
  return report;
}

Result<task::FileReport> DamageHandler::report_unstaged(const task::File& file, const Error& error) {
  if (error.code == Code::missing) return report_of(file, task::FileState::missing);
  if (error.code == Code::corrupt) return report_of(file, task::FileState::unreadable);
  // The index listed this file, so the parameters of the archive were good, and a retry may succeed.
  const bool permanent = error.code == Code::exhausted || error.code == Code::cancelled;
  return Error{permanent ? error.code : Code::transient, "file " + file.id + ": " + error.message};
}

Result<task::FileReport> DamageHandler::scan_for_damage(FlowFiles& files, std::uint32_t number) {
  auto source = files.open(number, ColumnSet().set(MOLE_COLUMN_START));
  if (!source) return source.error();
  FlowBatch batch;
  while (true) {
    auto more = (*source)->next(batch);
    if (!more) return more.error();
    if (!*more) return (*source)->report();
  }
}

std::optional<Error> DamageHandler::refusal(const task::FileReport& report) const {
  if (policy_ != DamagePolicy::strict || report.state == task::FileState::sound || report.state == task::FileState::missing)
    return std::nullopt;
  return corrupt("file " + report.id + " is " + name_of(report.state) +
                 " and the archive's policy is damage: strict; repair the file or choose partial or skip");
}

}  // namespace mole::runtime
