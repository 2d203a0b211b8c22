// Calls a function of a plugin: marks the call in the call record and converts the outcome to a Result.
#pragma once

#include "runtime/host/call_record.hpp"
#include "sdk/descriptor/descriptor.hpp"

#include <mole/abi.h>
#include <mole/result.hpp>

#include <string_view>
#include <vector>

namespace mole::runtime {

// Returns the error for outcome `code` (negative, or not defined in the ABI) of a call to module `name`.
Error call_error(std::string_view name, Call call, std::int32_t code, std::string_view message);

// Runs body(mole_error*), which returns an outcome of the ABI. Returns the outcome if it is not an error.
template <class F>
Result<std::int32_t> plugin_call(CallRecord& record, Call which, std::uint32_t step, std::string_view name, std::uint64_t number,
                                 F&& body) {
  char text[2048];
  mole_error error{text, sizeof text, 0};
  record.mark(which, step, name, number);
  const std::int32_t outcome = body(&error);
  record.clear();
  if (outcome >= MOLE_OK && outcome <= MOLE_PENDING) return outcome;
  return call_error(name, which, outcome, {text, error.size <= sizeof text ? error.size : 0});
}

// Converts parameters to ABI values, in the order of the descriptor. Strings point into `params`.
Result<std::vector<mole_value>> to_values(const Descriptor& descriptor, const nlohmann::json& params);

inline mole_text to_text(std::string_view s) { return {s.data(), s.size()}; }

}  // namespace mole::runtime
