// Result<T>: a value, or an error that says who acts next.
//
//   mole::Result<Manifest> parse(std::string_view text);
//   auto manifest = parse(text);
//   if (!manifest) return manifest.error();
//   use(*manifest);
#pragma once

#include <mole/abi.h>

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace mole {

// The outcomes of abi.h as a type. A code's only purpose is to say who acts next.
enum class Code : int {
  invalid = MOLE_INVALID,          // the request is wrong: tell the user
  corrupt = MOLE_CORRUPT,          // bytes are damaged
  missing = MOLE_MISSING,          // not there
  transient = MOLE_TRANSIENT,      // try again
  exhausted = MOLE_EXHAUSTED,      // memory, disk or a declared limit
  cancelled = MOLE_CANCELLED,      // asked to stop
  unsupported = MOLE_UNSUPPORTED,  // this build cannot
  internal = MOLE_INTERNAL,        // a bug
};

// What went wrong. The message states the cause and, after it, the remedy.
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

}  // namespace mole
