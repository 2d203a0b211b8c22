#include "cli/format/flow_descriptions.hpp"

#include "cli/format/human.hpp"
#include "sdk/model/element_types.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>
#include <vector>

namespace mole::cli {
namespace {

// "12", or "10,000 or more"
std::string seen_text(std::uint64_t seen, bool cut) {
  return human_count(seen) + (seen >= max_described || (cut && seen >= max_listed) ? " or more" : "");
}

// One line per exporter and observation domain: "exporter 192.0.2.1, domain 1: 256 (21 fields), 257 (5 fields), ... (12)". `all`:
// whether every one is in the list, which is sorted by exporter and domain.
template <class T>
std::string by_domain(const std::vector<T>& list, bool all, std::string (*text_of)(const T&)) {
  const auto domain = [](const T& t) { return std::tie(t.exporter, t.exporter_address, t.observation_domain); };
  std::string out;
  std::size_t lines = 0;
  for (auto next = list.begin(); next != list.end();) {
    const auto& first = *next;
    if (lines++ == shown_values) return out + summary_line("", "...");
    const auto end = std::find_if(next, list.end(), [&](const T& t) { return domain(t) != domain(first); });
    const auto count = static_cast<std::size_t>(end - next);
    std::vector<std::string> texts;
    for (; next != end && texts.size() < shown_values; ++next) texts.push_back(text_of(*next));
    std::string more;
    if (end == list.end() && !all)
      more = ", ...";
    else if (next != end)
      more = fmt::format(", ... ({})", count);
    out += summary_line(
        "", fmt::format("exporter {}, domain {}: {}{}",
                        first.exporter_address.empty() ? std::to_string(first.exporter) : printable(first.exporter_address),
                        first.observation_domain, fmt::join(texts, ", "), more));
    next = end;
  }
  return out;
}

std::string template_text(const SeenTemplate& t) {
  return fmt::format("{} ({}{})", t.id, t.kind == TemplateKind::options ? "options, " : "",
                     human_number(t.fields, "field", "fields"));
}

// "9/12232:string acmeThing (4 bytes or variable length)", with the type that the file states; in the parentheses if an element
// cannot be read as it.
std::string element_text(const SeenElement& e) {
  std::vector<std::string> lengths;
  for (const auto n : e.lengths) lengths.push_back(n == variable_length ? "variable length" : human_number(n, "byte", "bytes"));
  const auto typed = e.element + ":" + e.type;
  const bool known = e.type.empty() || e.type == "octetArray";  // read so without a type in its name
  const bool states_type = !known && wrong_element_type(typed).empty();
  return fmt::format("{}{}{} ({}{})", printable(states_type ? typed : e.element), e.name.empty() ? "" : " ", printable(e.name),
                     known || states_type ? "" : printable(e.type) + ", ", fmt::join(lengths, " or "));
}

// Lines with the first names, separated by commas: "octetDeltaCount, packetDeltaCount, ... (21)".
std::string wrapped(const std::vector<std::string>& names, std::size_t shown) {
  constexpr std::size_t width = 110;
  std::string out, line;
  for (std::size_t i = 0; i < std::min(names.size(), shown); ++i) {
    const auto name = printable(names[i]) + (i + 1 < names.size() ? ", " : "");
    if (!line.empty() && line.size() + name.size() > width) {
      line.pop_back();
      out += summary_line("", std::exchange(line, {}));
    }
    line += name;
  }
  if (names.size() > shown) line += fmt::format("... ({})", names.size());
  return line.empty() ? out : out + summary_line("", line);
}

std::string name_text(const SeenName& n) { return fmt::format("{} {}", n.id, printable(n.name)); }

std::string names_text(std::string_view one, std::string_view many, std::uint64_t seen, const std::vector<SeenName>& names,
                       bool cut) {
  if (seen == 0) return "";
  return summary_line("names", fmt::format("{} {}", seen_text(seen, cut), seen == 1 ? one : many)) +
         by_domain(names, names.size() == seen, name_text);
}

template <class T>
void add_to(std::set<T>& set, const T& value) {
  if (set.size() < max_described) set.insert(value);
}

// Files number their exporters independently.
template <class T>
T by_address(T t) {
  if (!t.exporter_address.empty()) t.exporter = 0;
  return t;
}

template <class T>
std::vector<T> first_of(const std::set<T>& set) {
  return {set.begin(), std::next(set.begin(), static_cast<std::ptrdiff_t>(std::min(set.size(), max_listed)))};
}

}  // namespace

std::string summary_line(std::string_view name, const std::string& text) { return fmt::format("  {:<10}{}\n", name, text); }

std::string descriptions_text(const FlowSummary& s, ShownElements shown, bool cut) {
  std::string out;
  if (s.templates_seen > 0)
    out += summary_line("templates", seen_text(s.templates_seen, cut)) +
           by_domain(s.templates, s.templates.size() == s.templates_seen, template_text);
  if (s.elements_known_seen + s.elements_unknown_seen > 0)
    out += summary_line("elements", fmt::format("{} known, {} not known", human_count(s.elements_known_seen),
                                                seen_text(s.elements_unknown_seen, cut)));
  out += wrapped(s.elements_known, shown == ShownElements::all ? s.elements_known.size() : shown_values);
  if (!s.elements_unknown.empty()) {
    std::vector<std::string> texts;
    for (const auto& e : s.elements_unknown)
      if (texts.size() < shown_values) texts.push_back(element_text(e));
    out += summary_line("", fmt::format("{}{}", fmt::join(texts, ", "), s.elements_unknown_seen > texts.size() ? ", ..." : ""));
  }
  return out + names_text("interface", "interfaces", s.interfaces_seen, s.interfaces, cut) +
         names_text("application", "applications", s.applications_seen, s.applications, cut);
}

void Described::add(const FlowSummary& file) {
  cut_ = cut_ || file.templates_seen > file.templates.size() || file.elements_unknown_seen > file.elements_unknown.size() ||
         file.interfaces_seen > file.interfaces.size() || file.applications_seen > file.applications.size();
  for (const auto& t : file.templates) add_to(templates_, by_address(t));
  for (const auto& name : file.elements_known) add_to(known_, name);
  for (const auto& n : file.interfaces) add_to(interfaces_, by_address(n));
  for (const auto& n : file.applications) add_to(applications_, by_address(n));
  for (const auto& e : file.elements_unknown) {
    if (unknown_.size() >= max_described && !unknown_.contains(e.element)) continue;
    auto& [element, lengths, name, type] = unknown_[e.element];
    element = e.element;
    for (const auto n : e.lengths)
      if (std::ranges::find(lengths, n) == lengths.end()) lengths.insert(std::ranges::upper_bound(lengths, n), n);
    if (name.empty()) name = e.name;
    if (type.empty()) type = e.type;
  }
}

void Described::list_in(FlowSummary& sums) const {
  sums.templates_seen = templates_.size();
  sums.templates = first_of(templates_);
  sums.elements_known_seen = known_.size();
  sums.elements_known.assign(known_.begin(), known_.end());
  sums.elements_unknown_seen = unknown_.size();
  sums.elements_unknown.clear();
  for (const auto& [element, seen] : unknown_)
    if (sums.elements_unknown.size() < max_listed) sums.elements_unknown.push_back(seen);
  sums.interfaces_seen = interfaces_.size();
  sums.interfaces = first_of(interfaces_);
  sums.applications_seen = applications_.size();
  sums.applications = first_of(applications_);
}

}  // namespace mole::cli
