// The numbers of requests that were removed on purpose, so that a check of the state can tell them from requests that were lost:
// the row `requests_removed` of the table `meta`.
#pragma once

#include <cstdint>
#include <iterator>
#include <map>
#include <sstream>
#include <string>

namespace mole::coordinator::store {

inline constexpr const char* requests_removed = "requests_removed";

// Ranges of numbers; as text "1-57 60-61".
class RemovedRequests {
 public:
  explicit RemovedRequests(const std::string& text) {
    std::istringstream in(text);
    std::uint64_t first = 0, last = 0;
    for (char dash = 0; in >> first >> dash >> last;) ranges_[first] = last;
  }

  void add(std::uint64_t number) {
    if (contains(number)) return;
    auto [range, added] = ranges_.emplace(number, number);
    if (const auto next = std::next(range); next != ranges_.end() && next->first == number + 1) {
      range->second = next->second;
      ranges_.erase(next);
    }
    if (range == ranges_.begin()) return;
    if (const auto before = std::prev(range); before->second + 1 == number) {
      before->second = range->second;
      ranges_.erase(range);
    }
  }

  bool contains(std::uint64_t number) const {
    const auto next = ranges_.upper_bound(number);
    return next != ranges_.begin() && number <= std::prev(next)->second;
  }

  std::string text() const {
    std::string out;
    for (const auto& [first, last] : ranges_)
      out += (out.empty() ? "" : " ") + std::to_string(first) + "-" + std::to_string(last);
    return out;
  }

 private:
  std::map<std::uint64_t, std::uint64_t> ranges_;  // first and last number of each
};

}  // namespace mole::coordinator::store
