#include "coordinator/leases/failures.hpp"

namespace mole::coordinator::leases {

bool is_infra_failure(task::FailureCode code) {
  return code == task::FailureCode::transient || code == task::FailureCode::cancelled || code == task::FailureCode::missing ||
         code == task::FailureCode::busy || code == task::FailureCode::none;
}

Micros doubled(Micros base, Micros cap, std::uint32_t failures) {
  Micros delay = base;
  for (std::uint32_t i = 1; i < failures && delay < cap; ++i) delay *= 2;
  return std::min(delay, cap);
}

Micros backoff(Micros base, Micros cap, std::uint32_t failures, Random& random) {
  const auto max = doubled(base, cap, failures);
  return max <= 0 ? 0 : max / 2 + static_cast<Micros>(random() % static_cast<std::uint64_t>(max / 2 + 1));
}

Micros FailureLog::add(const JobKey& job, const Failure& failure, const Settings& settings, Micros now, Random& random) {
  auto& record = records_[job];
  // A module that runs alone and uses up the memory may end in any of its calls.
  const bool repeated = failure.code == task::FailureCode::exhausted && record.code == failure.code &&
                        (failure.alone || record.message == failure.message);
  record.repeats = repeated ? record.repeats + 1 : 1;
  record.code = failure.code;
  record.message = failure.message;
  record.log_tail = failure.log_tail;
  if (failure.alone && failure.code == task::FailureCode::exhausted) greedy_.insert(job.fingerprint);
  Micros until;
  if (failure.infra) {
    ++record.infra_failures;
    until = now + backoff(settings.infra_delay, settings.infra_delay_cap, record.infra_failures, random);
    // Exhausted each time means that the job is too large for the node, so that more attempts would fail too.
    record.given_up = record.infra_failures >= settings.infra_attempts || record.repeats >= settings.exhausted_attempts;
  } else {
    ++record.plugin_failures;
    until = now + backoff(settings.plugin_delay, settings.plugin_delay_cap, record.plugin_failures, random);
    const auto hung_attempts = hanging_.contains(job.fingerprint) ? 1 : settings.hung_attempts;
    const auto attempts = failure.code == task::FailureCode::hung ? hung_attempts : settings.plugin_attempts;
    record.given_up = record.plugin_failures >= attempts || failure.permanent;
    if (record.given_up && record.code == task::FailureCode::hung) ++hanging_[job.fingerprint];
  }
  return not_before_[job] = until;
}

Micros FailureLog::lose(const JobKey& job, const Loss& loss, const Settings& settings, Micros now) {
  auto& record = records_[job];
  ++record.lost;
  if (loss.alone) ++record.lost_alone;
  if (loss.alone && record.lost_on.size() < 2) record.lost_on.insert(loss.node);
  record.code = task::FailureCode::lost;
  record.message = "node " + loss.node + " ended or went silent while it ran this job";
  if (record.lost_alone > 0)
    record.message += ", the last " + std::to_string(record.lost_alone) +
                      " times with nothing else running there; its plugin may stop the node: test it alone (mole plugin test)";
  record.given_up = record.lost_alone >= settings.lost_attempts && record.lost_on.size() >= std::min<std::size_t>(loss.nodes, 2);
  if (record.lost >= 2 && !record.given_up)
    lost_twice_.insert(job);
  else
    lost_twice_.erase(job);
  const auto delay = record.lost < 2 ? 0 : doubled(settings.infra_delay, settings.infra_delay_cap, record.lost - 1);
  return not_before_[job] = now + delay;
}

void FailureLog::restore(const JobKey& job, FailureRecord record) {
  if (record.given_up && record.code == task::FailureCode::hung && record.plugin_failures > 0) ++hanging_[job.fingerprint];
  records_[job] = std::move(record);
}

bool FailureLog::erase(const JobKey& job) {
  hanging_.erase(job.fingerprint);
  lost_twice_.erase(job);
  not_before_.erase(job);
  return records_.erase(job) > 0;
}

void FailureLog::skip(const JobKey& job, const std::string& message) {
  auto& record = records_[job];
  record.code = task::FailureCode::hung;
  record.message = message;
  record.given_up = true;
}

std::uint32_t FailureLog::hung_blocks(const Digest& fingerprint) const {
  const auto found = hanging_.find(fingerprint);
  return found == hanging_.end() ? 0 : found->second;
}

void FailureLog::forget(const JobKey& job) {
  erase(job);
  greedy_.erase(job.fingerprint);
}

const FailureRecord* FailureLog::find(const JobKey& job) const {
  const auto found = records_.find(job);
  return found == records_.end() ? nullptr : &found->second;
}

bool FailureLog::is_due(const JobKey& job, Micros now) const {
  const auto until = not_before_.find(job);
  return until == not_before_.end() || until->second <= now;
}

}  // namespace mole::coordinator::leases
