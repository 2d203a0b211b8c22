// Compares a file with the digest that its archive states: "sha256:" or "md5:" and hexadecimal digits.
#pragma once

#include <mole/result.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace mole::runtime {

// Not thread-safe: use from one thread at a time.
class StatedDigest {
 public:
  // Other algorithms and an empty string are not checked.
  explicit StatedDigest(const std::string& stated);

  void add(std::span<const std::byte> bytes);
  // corrupt: the bytes added so far have a different digest. `id`: of the file, for the message.
  Result<> check(const std::string& id);

 private:
  struct Free {
    void operator()(void* context) const;
  };
  std::unique_ptr<void, Free> context_;  // null: nothing to compare
  std::string expected_;                 // lower-case digits
};

}  // namespace mole::runtime
