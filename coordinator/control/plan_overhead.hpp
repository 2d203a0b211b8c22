// What a plan costs beyond reading each requested file once: files that several blocks read, blocks before the range, and the
// work that a crash loses.
#pragma once

#include "coordinator/jobs/plan.hpp"
#include "coordinator/wire/documents/plan.hpp"

namespace mole::coordinator::control {

// `bytes_per_second`: of decoding, in one slot. Returns nullopt if the plan reads no files.
std::optional<PlanOverhead> overhead_of(const jobs::Plan& plan, double bytes_per_second);

}  // namespace mole::coordinator::control
