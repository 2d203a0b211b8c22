// Helpers for the C ABI: convert errors and exceptions to a code and a message.
#pragma once

#include <mole/result.hpp>

#include <cstring>
#include <exception>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>

namespace mole {

// Throw a Failure to fail a call with a code of your choice: throw mole::Failure(mole::invalid("ddof is 2; use 0 or 1"));
class Failure : public std::exception {
 public:
  explicit Failure(Error error) : error_(std::move(error)) {}
  const Error& error() const { return error_; }
  const char* what() const noexcept override { return error_.message.c_str(); }

 private:
  Error error_;
};

namespace detail {

inline std::string_view view(mole_text t) { return t.size ? std::string_view(t.data, t.size) : std::string_view(); }
inline mole_text text_of(std::string_view s) { return {s.data(), s.size()}; }

// Writes as much as fits, without splitting a UTF-8 character.
inline void put_message(mole_error* e, std::string_view message) noexcept {
  if (!e || !e->text) return;
  std::size_t n = message.size() < e->capacity ? message.size() : e->capacity;
  while (n > 0 && n < message.size() && (static_cast<unsigned char>(message[n]) & 0xC0) == 0x80) --n;
  std::memcpy(e->text, message.data(), n);
  e->size = static_cast<std::uint32_t>(n);
}

inline std::int32_t put_error(mole_error* e, const Error& error) noexcept {
  put_message(e, error.message);
  return static_cast<std::int32_t>(error.code);
}

// Runs `call`, which returns nothing, a result code or a Result<>, and turns errors and exceptions into a code.
template <class F>
std::int32_t guarded(mole_error* e, F&& call) noexcept {
  try {
    if constexpr (std::is_void_v<decltype(call())>) {
      call();
      return MOLE_OK;
    } else if constexpr (std::is_same_v<decltype(call()), Result<>>) {
      const Result<> done = call();
      return done ? MOLE_OK : put_error(e, done.error());
    } else {
      return call();
    }
  } catch (const Failure& f) {
    return put_error(e, f.error());
  } catch (const std::bad_alloc&) {
    put_message(e, "out of memory; give the node more memory or reduce the work");
    return MOLE_EXHAUSTED;
  } catch (const std::exception& x) {
    put_message(e, x.what());
    return MOLE_INTERNAL;
  } catch (...) {
    put_message(e, "the plugin threw an exception that is not a std::exception; throw mole::Failure instead");
    return MOLE_INTERNAL;
  }
}

template <class M>
mole_module* as_module(M* m) {
  return reinterpret_cast<mole_module*>(m);
}
template <class M>
const M& module_of(const mole_module* m) {
  return *reinterpret_cast<const M*>(m);
}

}  // namespace detail
}  // namespace mole
