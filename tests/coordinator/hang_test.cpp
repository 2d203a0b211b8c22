#include "coordinator/leases/failures.hpp"
#include "nodes/daemon/options.hpp"

#include <gtest/gtest.h>

namespace mole::coordinator {
namespace {

using leases::FailureLog;
using leases::JobKey;
using task::FailureCode;

JobKey job(const char* module, Micros from) { return {digest_of(std::string_view(module)), from}; }

// Returns the number of failures after which the job is abandoned.
int attempts(FailureLog& log, const JobKey& job, FailureCode code) {
  leases::Random random(1);
  for (int n = 1; n <= 100; ++n) {
    log.add(job, {.code = code, .message = "no progress", .log_tail = {}}, {}, hour_us, random);
    if (log.find(job)->given_up) return n;
  }
  return -1;
}

TEST(Hang, CostsMinutesByDefault) {
  const leases::Settings settings;
  const nodes::Options node;
  Micros delays = 0;
  for (std::uint32_t n = 1; n < settings.hung_attempts; ++n) delays += settings.plugin_delay << (n - 1);
  EXPECT_LE(settings.hung_attempts * node.stall_limit + delays, 5 * minute_us);
  EXPECT_GE(node.stall_limit, minute_us);  // long enough for one call on a slow and busy machine
}

TEST(Hang, IsTriedOnceMore) {
  FailureLog log;
  EXPECT_EQ(attempts(log, job("hanging", 0), FailureCode::hung), 2);
  EXPECT_EQ(attempts(log, job("crashing", 0), FailureCode::crashed), 3);
}

TEST(Hang, IsNotTriedAgainInOtherBlocksOfTheModule) {
  FailureLog log;
  EXPECT_EQ(attempts(log, job("hanging", 0), FailureCode::hung), 2);
  EXPECT_EQ(attempts(log, job("hanging", hour_us), FailureCode::hung), 1);
  EXPECT_EQ(attempts(log, job("hanging", 2 * hour_us), FailureCode::crashed), 3);
  EXPECT_EQ(attempts(log, job("other", hour_us), FailureCode::hung), 2);
}

TEST(Hang, OfAModuleInSeveralBlocksIsCounted) {
  FailureLog log;
  for (int block = 0; block < 3; ++block) attempts(log, job("hanging", block * hour_us), FailureCode::hung);
  EXPECT_EQ(log.hung_blocks(job("hanging", 0).fingerprint), 3u);
  EXPECT_EQ(log.hung_blocks(job("other", 0).fingerprint), 0u);
  log.skip(job("hanging", 3 * hour_us), "not tried");
  EXPECT_TRUE(log.find(job("hanging", 3 * hour_us))->given_up);
  FailureLog restarted;
  for (int block = 0; block < 4; ++block)
    restarted.restore(job("hanging", block * hour_us), *log.find(job("hanging", block * hour_us)));
  EXPECT_EQ(restarted.hung_blocks(job("hanging", 0).fingerprint), 3u) << "not those that were not tried";
  log.erase(job("hanging", 5 * hour_us));
  EXPECT_EQ(log.hung_blocks(job("hanging", 0).fingerprint), 0u) << "it succeeded";
}

TEST(Hang, IsForgottenWhenTheModuleSucceedsOrIsRequestedAgain) {
  FailureLog log;
  EXPECT_EQ(attempts(log, job("hanging", 0), FailureCode::hung), 2);
  log.erase(job("hanging", 0));
  EXPECT_EQ(attempts(log, job("hanging", hour_us), FailureCode::hung), 2);
}

TEST(Hang, IsRememberedAfterARestart) {
  FailureLog log, restarted;
  EXPECT_EQ(attempts(log, job("hanging", 0), FailureCode::hung), 2);
  restarted.restore(job("hanging", 0), *log.find(job("hanging", 0)));
  EXPECT_EQ(attempts(restarted, job("hanging", hour_us), FailureCode::hung), 1);
}

}  // namespace
}  // namespace mole::coordinator
