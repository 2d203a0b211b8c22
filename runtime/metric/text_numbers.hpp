// Assigns numbers to distinct strings, in order of first appearance, so that a group key can contain them.
//
//   TextNumbers texts(1 << 30);
//   const auto number = texts.number_of("www.example.com");   // equal texts have equal numbers
//   texts.text(*number);
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace mole::runtime {

// Not thread-safe.
class TextNumbers {
 public:
  // `max_bytes`: of all texts, with about 100 bytes for each.
  explicit TextNumbers(std::size_t max_bytes) : room_(max_bytes) {}

  // nullopt: the text is new, and there is no room for it.
  std::optional<std::uint64_t> number_of(std::string_view text) {
    if (const auto known = numbers_.find(text); known != numbers_.end()) return known->second;
    constexpr std::size_t overhead = 100;
    if (room_ < text.size() + overhead) return std::nullopt;
    room_ -= text.size() + overhead;
    const std::uint64_t number = texts_.size();
    numbers_.emplace(texts_.emplace_back(text), number);
    return number;
  }
  const std::string& text(std::uint64_t number) const { return texts_[number]; }

 private:
  std::size_t room_;
  std::deque<std::string> texts_;  // a deque keeps their addresses
  std::unordered_map<std::string_view, std::uint64_t> numbers_;
};

}  // namespace mole::runtime
