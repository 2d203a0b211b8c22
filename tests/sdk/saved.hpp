// Saves and loads values like the state of a metric.
#pragma once

#include <mole/fields.hpp>

#include <string>
#include <vector>

template <class T>
std::string saved(const T& value) {
  std::string out;
  const mole_writer writer{&out, [](void* self, const void* data, std::uint64_t size) -> std::int32_t {
                             static_cast<std::string*>(self)->append(static_cast<const char*>(data), size);
                             return MOLE_OK;
                           }};
  mole::StateWriter w(&writer);
  mole::detail::save_value(w, value);
  w.flush();
  return out;
}

// Throws mole::Failure unless `bytes` is a complete saved T. A sanitizer detects reads past the end of the bytes.
template <class T>
T loaded(const std::string& bytes) {
  const std::vector<char> exact(bytes.begin(), bytes.end());
  mole::StateReader r(exact.data(), exact.size());
  T value{};
  mole::detail::load_value(r, value);
  if (r.left() > 0) mole::StateReader::reject("bytes remain");
  return value;
}
