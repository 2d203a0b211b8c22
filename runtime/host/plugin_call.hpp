// One call through a plugin's table: marked before, cleared after, its outcome as a Result.
#pragma once

#include "runtime/host/call_record.hpp"
#include "sdk/descriptor/descriptor.hpp"

#include <mole/abi.h>
#include <mole/result.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace mole::runtime {

// The error for outcome `code` (below zero, or one the ABI does not know) of a call of `who`.
Error call_error(std::string_view who, Call call, std::int32_t code, std::string_view message);

// body(mole_error*) -> outcome. `outcome`: the codes at or above zero that the call may return.
template <class F>
Result<std::int32_t> plugin_call(CallRecord& record, Call which, std::uint32_t step, std::string_view who, std::uint64_t number,
                                 F&& body) {
  char text[2048];
  mole_error error{text, sizeof text, 0};
  record.mark(which, step, who, number);
  const std::int32_t outcome = body(&error);
  record.clear();
  if (outcome >= MOLE_OK && outcome <= MOLE_PENDING) return outcome;
  return call_error(who, which, outcome, {text, error.size <= sizeof text ? error.size : 0});
}

// Parameters as the ABI passes them, in the order the descriptor declares them. Texts point into `params`.
Result<std::vector<mole_value>> to_values(const Descriptor& descriptor, const nlohmann::json& params);

inline mole_text to_text(std::string_view s) { return {s.data(), s.size()}; }

}  // namespace mole::runtime
