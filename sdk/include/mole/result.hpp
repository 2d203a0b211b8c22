// Result<T>: a value, or an error whose code says who must act.
//
//   mole::Result<int> parse(const std::string& text) {
//     if (text.empty()) return mole::invalid("the number is empty; give a number");
//     return std::stoi(text);
//   }
//   mole::Result<int> twice(const std::string& text) {
//     MOLE_TRY(const auto number, parse(text));
//     return 2 * number;
//   }
#pragma once

#include <mole/abi.h>

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace mole {

// The error codes of abi.h. A code says who must act.
enum class Code : int {
  invalid = MOLE_INVALID,          // the request is wrong; the user must change it
  corrupt = MOLE_CORRUPT,          // bytes are damaged
  missing = MOLE_MISSING,          // does not exist
  transient = MOLE_TRANSIENT,      // try again
  exhausted = MOLE_EXHAUSTED,      // memory, disk or a declared limit
  cancelled = MOLE_CANCELLED,      // the host asked to stop
  unsupported = MOLE_UNSUPPORTED,  // not supported by this build
  internal = MOLE_INTERNAL,        // a bug
  denied = MOLE_DENIED,            // credentials or host key do not match; the operator must act
  busy = MOLE_BUSY,                // the archive asks to wait; try again later
};

// The message states the cause, then the remedy.
struct Error {
  Code code = Code::internal;
  std::string message;
};

inline Error invalid(std::string message) { return {Code::invalid, std::move(message)}; }
inline Error corrupt(std::string message) { return {Code::corrupt, std::move(message)}; }
inline Error missing(std::string message) { return {Code::missing, std::move(message)}; }
inline Error transient(std::string message) { return {Code::transient, std::move(message)}; }
inline Error exhausted(std::string message) { return {Code::exhausted, std::move(message)}; }
inline Error unsupported(std::string message) { return {Code::unsupported, std::move(message)}; }
inline Error denied(std::string message) { return {Code::denied, std::move(message)}; }
inline Error busy(std::string message) { return {Code::busy, std::move(message)}; }
inline Error internal(std::string message) { return {Code::internal, std::move(message)}; }

template <class T = void>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit by design
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit by design

  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() & { return std::get<0>(state_); }
  const T& operator*() const& { return std::get<0>(state_); }
  T&& operator*() && { return std::get<0>(std::move(state_)); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit by design

  explicit operator bool() const { return !error_; }
  const Error& error() const { return *error_; }

 private:
  std::optional<Error> error_;
};

// Returns `result`, with `prefix` before the message if it is an error.
template <class T>
Result<T> prefixed(const std::string& prefix, Result<T> result) {
  if (result) return result;
  return Error{result.error().code, prefix + result.error().message};
}

}  // namespace mole

// Initialises or assigns `variable` with the value of a Result, or returns its error from the calling function. It expands to
// three statements: use braces after `if`.
#define MOLE_TRY(variable, ...) MOLE_TRY_AT(variable, __LINE__, __VA_ARGS__)
#define MOLE_TRY_AT(variable, line, ...) MOLE_TRY_IN(variable, line, __VA_ARGS__)
#define MOLE_TRY_IN(variable, line, ...)            \
  auto result_##line = __VA_ARGS__;                 \
  if (!result_##line) return result_##line.error(); \
  variable = *std::move(result_##line)  // NOLINT: a declaration cannot be in parentheses
