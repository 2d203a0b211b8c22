#include "cli/init/naming.hpp"

#include "cli/init/pattern_text.hpp"
#include "coordinator/manifest/file_names.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <span>

namespace mole::cli {
namespace {

using coordinator::manifest::FileNames;
using coordinator::manifest::NameKind;

constexpr std::size_t max_shapes = 4, max_tried = 60, max_names_tried = 3000, max_returned = 5;

// A pattern with the times that it reads in the names.
struct Tried {
  Naming naming;
  std::size_t good = 0;    // matched without collisions
  std::size_t pieces = 0;  // of times
};

Tried tried(const PatternText& text, int weight, std::span<const std::string> names, Micros now) {
  Tried out;
  out.naming.files = text.files;
  out.naming.local = text.local;
  out.naming.has_both = text.has_both;
  out.naming.weight = weight;
  const auto read = FileNames::make({.files = out.naming.files});
  if (!read) return out;
  std::map<std::string, std::multiset<Micros>> times;  // by router
  std::size_t implausible = 0;
  for (const auto& name : names) {
    const auto parts = read->read(name);
    if (parts.kind != NameKind::archive_file) continue;
    ++out.naming.matched;
    times[parts.router].insert(parts.covers.from);
    implausible += parts.covers.from > now + day_us || (text.has_both && parts.covers.to - parts.covers.from > 31 * day_us);
  }
  std::map<Micros, std::size_t> distances;
  std::size_t all = 0;
  for (const auto& [router, of_router] : times) {
    Micros before = -1;
    for (const auto at : of_router) {
      if (at == before) ++out.naming.collisions;
      if (before >= 0 && at > before) ++distances[at - before], ++all;
      before = at;
    }
  }
  if (all > 0) {
    const auto usual = std::ranges::max_element(distances, {}, [](const auto& d) { return d.second; });
    out.naming.spacing = usual->first;
    out.naming.regularity = static_cast<double>(usual->second) / static_cast<double>(all);
  }
  const auto bad = out.naming.collisions + implausible;
  out.good = out.naming.matched > bad ? out.naming.matched - bad : 0;
  return out;
}

// Whether a file is still being written: "tmp-v05.2007-09-22", "nfcapd.current.4711".
bool is_unfinished(const std::string& name) {
  static constexpr std::string_view words[] = {"tmp", "temp", "current", "incomplete", "partial", "unfinished"};
  return std::ranges::any_of(runs_of(name), [](const Run& run) { return std::ranges::find(words, run.text) != std::end(words); });
}

// Some of the names: runs of neighbours, so that the distances between them are the usual ones.
std::vector<std::string> runs_from(const std::vector<std::string>& names) {
  constexpr std::size_t runs = 10;
  if (names.size() <= max_names_tried) return names;
  std::vector<std::string> some;
  for (std::size_t run = 0; run < runs; ++run) {
    const auto from = names.begin() + static_cast<std::ptrdiff_t>(run * (names.size() / runs));
    some.insert(some.end(), from, from + max_names_tried / runs);
  }
  return some;
}

// Regularity in tenths, so that a gap more or less does not matter.
int tenths(const Naming& naming) { return static_cast<int>(naming.regularity * 10); }

}  // namespace

std::vector<Naming> namings_of(const std::vector<std::string>& names, Micros now) {
  std::vector<std::string> finished;
  std::ranges::copy_if(names, std::back_inserter(finished), [](const auto& name) { return !is_unfinished(name); });
  const auto some = runs_from(finished);
  std::vector<Tried> all;
  std::set<std::string> known;
  std::size_t shapes = 0;
  for (const auto& shape : NameShape::of(finished)) {
    if (++shapes > max_shapes) break;
    auto layouts = time_layouts(shape, now);
    std::ranges::stable_sort(layouts, std::greater(), [&](const TimeLayout& l) { return l.weight(shape); });
    std::size_t count = 0;
    for (const auto& layout : layouts) {
      auto text = pattern_of(shape, layout);
      if (text.files.empty() || !known.insert(text.files).second) continue;
      if (++count > max_tried) break;
      all.push_back(tried(text, layout.weight(shape), some, now));
      all.back().pieces = layout.count();
    }
  }
  std::erase_if(all, [](const Tried& t) { return t.good == 0; });
  std::ranges::stable_sort(all, [](const Tried& a, const Tried& b) {
    if (a.good != b.good) return a.good > b.good;
    if (a.naming.weight != b.naming.weight) return a.naming.weight > b.naming.weight;
    if (tenths(a.naming) != tenths(b.naming)) return tenths(a.naming) > tenths(b.naming);
    if (a.pieces != b.pieces) return a.pieces > b.pieces;
    return a.naming.files.size() < b.naming.files.size();
  });
  std::vector<Naming> out;
  for (const auto& [naming, good, pieces] : std::span(all).first(std::min(all.size(), max_returned)))
    out.push_back(tried({naming.files, naming.local, naming.has_both}, naming.weight, names, now).naming);
  return out;
}

}  // namespace mole::cli
