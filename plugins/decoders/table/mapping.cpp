#include "mapping.hpp"

#include <mole/names.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <optional>

namespace mole::plugins::table {
namespace {

struct KnownName {
  std::string_view names;  // separated by spaces
  int target;
  TimeUnit unit = TimeUnit::any;
};

// Names in tables that are not aliases everywhere, and names that state a unit.
constexpr std::array known_names{
    KnownName{"flowStartSeconds", MOLE_COLUMN_START, TimeUnit::seconds},
    KnownName{"flowStartMilliseconds", MOLE_COLUMN_START, TimeUnit::milliseconds},
    KnownName{"flowStartMicroseconds", MOLE_COLUMN_START, TimeUnit::microseconds},
    KnownName{"flowStartNanoseconds", MOLE_COLUMN_START, TimeUnit::nanoseconds},
    KnownName{"flowEndSeconds", MOLE_COLUMN_END, TimeUnit::seconds},
    KnownName{"flowEndMilliseconds", MOLE_COLUMN_END, TimeUnit::milliseconds},
    KnownName{"flowEndMicroseconds", MOLE_COLUMN_END, TimeUnit::microseconds},
    KnownName{"flowEndNanoseconds", MOLE_COLUMN_END, TimeUnit::nanoseconds},
    KnownName{"firstSeen first_seen", MOLE_COLUMN_START},
    KnownName{"lastSeen last_seen", MOLE_COLUMN_END},
    KnownName{"duration td dur durationSeconds", duration_target, TimeUnit::seconds},
    KnownName{"flowDurationMilliseconds", duration_target, TimeUnit::milliseconds},
    KnownName{"flowDurationMicroseconds", duration_target, TimeUnit::microseconds},
    KnownName{"received tr", received_target},
    KnownName{"srcAddr", MOLE_COLUMN_SRC_ADDR},
    KnownName{"dstAddr", MOLE_COLUMN_DST_ADDR},
    KnownName{"pro", MOLE_COLUMN_PROTOCOL},
    KnownName{"iType iTy", MOLE_COLUMN_ICMP_TYPE},
    KnownName{"iCode iCo", MOLE_COLUMN_ICMP_CODE},
};

// A flow without one of them has no meaning; a column that is not in the file would be read as 0.
constexpr std::array required{MOLE_COLUMN_SRC_ADDR, MOLE_COLUMN_DST_ADDR, MOLE_COLUMN_SRC_PORT, MOLE_COLUMN_DST_PORT,
                              MOLE_COLUMN_PROTOCOL, MOLE_COLUMN_PACKETS,  MOLE_COLUMN_BYTES};

std::optional<Use> find_target(std::string_view name) {
  for (const auto& known : known_names)
    if (any_word(known.names, [&](std::string_view word) { return equal_names(word, name); }))
      return Use{0, known.target, known.unit};
  const int column = column_named(name);
  // The host knows the router.
  return column < 0 || column == MOLE_COLUMN_ROUTER ? std::nullopt : std::optional(Use{0, column, TimeUnit::any});
}

std::string_view view_of(const mole_text& text) { return {text.data, static_cast<std::size_t>(text.size)}; }

std::optional<Use> find_element(std::string_view name, std::span<const mole_element> elements) {
  for (std::size_t i = 0; i < elements.size(); ++i)
    if (equal_names(view_of(elements[i].name), name)) return Use{0, first_element_target + static_cast<int>(i), TimeUnit::any};
  return std::nullopt;
}

std::string list_of(std::span<const std::string> header) {
  std::string out;
  for (const auto& name : header.first(std::min<std::size_t>(header.size(), 60))) out += (out.empty() ? "" : ", ") + name;
  return out.substr(0, 120);
}

std::string remedy(std::string_view key) {
  return "; name the column in the manifest: decoder: {plugin: ..., params: {columns: {" + std::string(key) + ": NAME}}}";
}

}  // namespace

std::string Mapping::name_of(int target) {
  if (target == duration_target) return "duration";
  if (target == received_target) return "received";
  if (target >= first_element_target) return "element";
  return std::string(column_names[target].substr(0, column_names[target].find(' ')));
}

bool Mapping::has(int target) const {
  return std::ranges::any_of(uses_, [&](const Use& use) { return use.target == target; });
}

std::uint64_t Mapping::absent() const {
  std::uint64_t absent = 0;
  for (int column = 0; column < MOLE_COLUMN_COUNT; ++column)
    if (!has(column)) absent |= std::uint64_t{1} << column;
  const auto provide = [&](int column) { absent &= ~(std::uint64_t{1} << column); };
  // The end may follow from a duration, and type and code are in the destination port. Of the others, the default is a value.
  for (const int column :
       {MOLE_COLUMN_END, MOLE_COLUMN_ROUTER, MOLE_COLUMN_SAMPLING, MOLE_COLUMN_SAMPLING_SOURCE, MOLE_COLUMN_SCALED})
    provide(column);
  if (has(MOLE_COLUMN_PROTOCOL) && has(MOLE_COLUMN_DST_PORT)) provide(MOLE_COLUMN_ICMP_TYPE), provide(MOLE_COLUMN_ICMP_CODE);
  return absent;
}

std::uint64_t Mapping::known() const {
  std::uint64_t known = 0;
  for (const Use& use : uses_)
    if (use.target >= first_element_target) known |= std::uint64_t{1} << (use.target - first_element_target);
  return known;
}

bool Mapping::recognises(std::span<const std::string> header) {
  std::array<bool, 3> found{};
  for (const auto& name : header)
    if (const auto use = find_target(name); use && use->target < static_cast<int>(found.size()) + 1) {
      if (use->target == MOLE_COLUMN_START) found[0] = true;
      if (use->target == MOLE_COLUMN_SRC_ADDR) found[1] = true;
      if (use->target == MOLE_COLUMN_DST_ADDR) found[2] = true;
    }
  return found[0] && found[1] && found[2];
}

Result<Mapping> Mapping::make(std::span<const std::string> header, std::span<const mole_element> elements, const Params& params) {
  Mapping out;
  std::vector<int> mapped;  // targets of keys of `columns`
  for (std::string_view left = params.columns; !left.empty();) {
    const auto line = left.substr(0, left.find('\n'));
    left.remove_prefix(std::min(line.size() + 1, left.size()));
    const auto equals = line.find('=');
    if (equals == 0 || equals == line.npos)
      return invalid("the parameter columns is \"" + std::string(line.substr(0, 60)) +
                     "\"; give a mapping such as {src_addr: \"source ip\", bytes: octets}");
    const auto key = line.substr(0, equals), name = line.substr(equals + 1);
    auto use = find_element(key, elements);
    if (!use) use = find_target(key);
    if (!use) continue;  // an element that is not needed
    // The name in the file may state a unit; the key does not.
    if (const auto by_name = find_target(name); by_name && by_name->unit != TimeUnit::any) use->unit = by_name->unit;
    mapped.push_back(use->target);
    if (name.empty()) continue;
    const auto found = std::ranges::find_if(header, [&](const auto& column) { return equal_names(column, name); });
    if (found == header.end())
      return corrupt("the file has no column \"" + std::string(name) + "\", which the manifest names for " + std::string(key) +
                     "; it has " + list_of(header) + "; correct decoder: {plugin: ..., params: {columns: {" + std::string(key) +
                     ": NAME}}}");
    use->column = static_cast<std::size_t>(found - header.begin());
    out.uses_.push_back(*use);
  }
  const auto is_mapped = [&](int target) { return std::ranges::find(mapped, target) != mapped.end(); };
  for (std::size_t i = 0; i < header.size(); ++i)
    for (auto use : {find_target(header[i]), find_element(header[i], elements)}) {
      if (!use || is_mapped(use->target)) continue;
      use->column = i;
      out.uses_.push_back(*use);
    }
  std::ranges::stable_sort(out.uses_, {}, &Use::target);
  if (!out.has(MOLE_COLUMN_START))
    return corrupt("the file has no known column for the start of flows, but " + list_of(header) + remedy("start"));
  if (!out.has(MOLE_COLUMN_END) && !out.has(duration_target))
    return corrupt("the file has no known column for the end or duration of flows, but " + list_of(header) + remedy("end"));
  for (const int column : required)
    if (!out.has(column) && !is_mapped(column))
      return corrupt("the file has no known column for " + name_of(column) + ", but " + list_of(header) +
                     remedy(name_of(column)) + ", or \"\" if the files do not have it");
  return out;
}

}  // namespace mole::plugins::table
