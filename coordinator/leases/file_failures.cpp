#include "coordinator/leases/file_failures.hpp"

#include <algorithm>

namespace mole::coordinator::leases {
namespace {

constexpr std::size_t max_failing = 100'000;  // of one archive

}  // namespace

bool FileFailures::fail(const FileFailure& failure, const Settings& settings, Micros now) {
  auto& archive = archives_[failure.archive];
  if (archive.failing.size() >= max_failing && !archive.failing.contains(failure.file)) return false;
  auto& attempts = archive.failing[failure.file];
  attempts.nodes.insert(failure.node);
  if (now < attempts.next) return false;
  if (attempts.count++ == 0) attempts.first = now;
  attempts.next = now + doubled(settings.infra_delay, settings.infra_delay_cap, attempts.count) / 2;
  const auto enough = settings.file_attempts, many = 2 * enough;
  if (attempts.count < enough || (attempts.nodes.size() < std::min<std::size_t>(failure.nodes, 2) && attempts.count < many))
    return false;
  const bool refused = failure.code == task::FailureCode::invalid, delivers = archive.delivered >= attempts.first;
  const bool only_this = archive.failing.size() == 1 && 2 * attempts.count >= 3 * enough;
  if (!refused && !delivers && !only_this) return false;
  archive.failing.erase(failure.file);
  return true;
}

void FileFailures::succeed(const std::string& archive, const std::string& file, Micros now) {
  auto& known = archives_[archive];
  known.failing.erase(file);
  known.delivered = now;
}

}  // namespace mole::coordinator::leases
