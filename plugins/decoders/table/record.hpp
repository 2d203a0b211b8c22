// Fills a Flow from the values of one row, and checks them. What is checked does not depend on the columns that the host needs,
// so that every reader of a file skips the same rows.
#pragma once

#include "mapping.hpp"
#include "rows.hpp"
#include "times.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mole::plugins::table {

class Record {
 public:
  // The mapping must outlive the record.
  Record(const Mapping& mapping, std::span<const mole_element> elements, Times times)
      : mapping_(&mapping), elements_(elements.begin(), elements.end()), times_(std::move(times)) {}

  void start(Flow& flow);
  // Each sets one value. False: it is not a value of the target; why() is the reason. An element that cannot be read is null.
  bool set_text(const Use& use, std::string_view text);
  bool set_number(const Use& use, std::uint64_t number);
  bool set_time(const Use& use, std::int64_t time);         // microseconds since 1970
  bool set_local_time(const Use& use, std::int64_t local);  // in the zone of the parameter
  bool set_address(const Use& use, const Addr& address);
  bool set_octets(const Use& use, std::string_view octets);  // in network order; 4 and 16 can be an address
  // Completes the flow. False: a value is missing; why() is the reason.
  bool finish();
  std::string why() const;

 private:
  bool is_set(int target) const { return set_[static_cast<std::size_t>(target)]; }
  bool is_done(const Use& use) const { return use.target < first_element_target && is_set(use.target); }
  bool fail(const Use& use, std::string_view text, const char* expected);
  bool missing(int target);
  void put_element(std::size_t element, std::string_view text);

  const Mapping* mapping_;
  std::vector<mole_element> elements_;
  Times times_;
  Flow* flow_ = nullptr;
  std::array<bool, first_element_target> set_{};
  std::int64_t duration_ = 0;
  std::optional<std::uint16_t> icmp_port_{};  // dst_port, if it is the right one only of ICMP flows

  int failed_ = 0;
  std::string value_;
  const char* expected_ = "";
};

}  // namespace mole::plugins::table
