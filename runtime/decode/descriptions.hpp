// What a file says about its exporters: templates, elements, and names. A limited number of different ones of each kind is kept:
// the first ones in the file. The file and the limit decide which, not the number of threads.
#pragma once

#include <mole/abi.h>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace mole::runtime {

class Descriptions {
 public:
  static constexpr std::size_t max_lengths = 16;  // of an element
  static constexpr std::size_t max_name = 256;    // bytes
  static constexpr std::uint32_t no_type = UINT32_MAX;

  struct Template {
    std::uint32_t exporter, domain;
    std::uint64_t id;
    bool options;
    std::uint32_t fields;
    auto operator<=>(const Template&) const = default;
  };
  struct ElementKey {
    std::uint32_t enterprise;
    std::uint64_t id;
    auto operator<=>(const ElementKey&) const = default;
  };
  struct Named {
    std::uint32_t exporter, domain;
    std::uint64_t id;
    auto operator<=>(const Named&) const = default;
  };
  using Names = std::map<Named, std::string>;

  // `limit`: of each kind.
  explicit Descriptions(std::size_t limit) : limit_(limit) {}

  // Adds what a decoder reports. Accepts anything.
  void add(const mole_description& d);

  const std::set<Template>& templates() const { return templates_; }
  // The lengths of the elements of templates.
  const std::map<ElementKey, std::set<std::uint32_t>>& elements() const { return lengths_; }
  // Returns the name that type records of the file give to an element; empty: none.
  std::string_view name_of(const ElementKey& element) const;
  // Returns the type that they give to it: a number in the registry of RFC 5610; no_type: none.
  std::uint32_t type_of(const ElementKey& element) const;
  // The last names of the file.
  const Names& interfaces() const { return interfaces_; }
  const Names& applications() const { return applications_; }
  // Returns the address of an exporter; empty: not in the file.
  std::string_view address_of(std::uint32_t exporter) const;

 private:
  // Returns the value of a key, which is added if there is room; nullptr: there is none.
  template <class Map>
  auto* at(Map& map, const typename Map::key_type& key) const {
    const auto found = map.find(key);
    if (found != map.end()) return &found->second;
    return map.size() < limit_ ? &map[key] : nullptr;
  }

  std::size_t limit_;
  std::set<Template> templates_;
  std::map<ElementKey, std::set<std::uint32_t>> lengths_;
  struct TypeRecord {
    std::string name;
    std::uint32_t type;
  };
  std::map<ElementKey, TypeRecord> type_records_;
  Names interfaces_, applications_;
  std::map<std::uint32_t, std::string> addresses_;
};

}  // namespace mole::runtime
