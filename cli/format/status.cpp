#include "cli/format/documents.hpp"
#include "cli/format/human.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace mole::cli {
namespace {

using coordinator::JobState;
using coordinator::StripPiece;

struct Symbol {
  JobState state;
  std::string_view text;
  Paint paint;
};
// From best to worst. The symbols differ, so that the timeline can be read without colour.
constexpr std::array symbols{Symbol{JobState::empty, " ", Paint::plain},  Symbol{JobState::unrequested, " ", Paint::plain},
                             Symbol{JobState::done, "█", Paint::green},   Symbol{JobState::partial, "▓", Paint::yellow},
                             Symbol{JobState::running, "▒", Paint::cyan}, Symbol{JobState::ready, "░", Paint::blue},
                             Symbol{JobState::waiting, "·", Paint::dim},  Symbol{JobState::blocked, "!", Paint::red},
                             Symbol{JobState::failed, "x", Paint::red}};

std::size_t rank_of(JobState state) {
  const auto found = std::find_if(symbols.begin(), symbols.end(), [&](const Symbol& symbol) { return symbol.state == state; });
  return static_cast<std::size_t>(found - symbols.begin());
}

// Returns the range of the pieces; empty if no piece is valid.
TimeRange span_of(const std::vector<StripPiece>& strip) {
  TimeRange span;
  for (const auto& p : strip)
    if (p.from < p.to)
      span = span.empty() ? TimeRange{p.from, p.to} : TimeRange{std::min(span.from, p.from), std::max(span.to, p.to)};
  return span;
}

std::string legend(const Style& style) {
  std::string text;
  for (std::size_t i = 2; i < symbols.size(); ++i)
    text += fmt::format("{}{} {}", i > 2 ? "   " : "", style.paint(symbols[i].paint, symbols[i].text), name_of(symbols[i].state));
  return text + "\n";
}

// Draws the timelines of all modules on one time axis.
std::string map_text(const std::vector<coordinator::ModuleStrip>& modules, const Style& style) {
  std::string out;
  std::size_t name_width = 6;
  TimeRange axis;
  for (const auto& m : modules) {
    name_width = std::max(name_width, display_width(printable(m.module)));
    if (const auto span = span_of(m.strip); !span.empty())
      axis = axis.empty() ? span : TimeRange{std::min(axis.from, span.from), std::max(axis.to, span.to)};
  }
  for (const auto& m : modules) {
    auto name = printable(m.module);
    name.resize(std::max(name.size(), name_width), ' ');
    out += fmt::format("{}  {}", style.paint(Paint::bold, name), strip_text(m.strip, axis, strip_width, style));
    if (const auto span = span_of(m.strip); !span.empty())
      out += fmt::format("  {} .. {}", format_time(span.from), format_time(span.to));
    out += '\n';
  }
  return out + std::string(name_width + 2, ' ') + legend(style);
}

// Names the strips of variants after their request: "border/mean in r2".
std::vector<coordinator::ModuleStrip> named_after_request(std::vector<coordinator::ModuleStrip> variants) {
  for (auto& strip : variants) strip.module += " in " + strip.what_if;
  return variants;
}

std::string tasks_text(const std::vector<coordinator::TaskStatus>& tasks, const Style& style) {
  if (tasks.empty()) return "";
  Table table({"task", "node", "phase", right("read"), right("of"), right("flows")});
  for (const auto& t : tasks)
    table.row({printable(t.task), printable(t.node), printable(t.phase), human_bytes(static_cast<double>(t.bytes_done)),
               human_bytes(static_cast<double>(t.bytes_total)), human_count(t.flows)});
  return "\n" + table.text(style);
}

std::string nodes_text(const std::vector<coordinator::NodeStatus>& nodes, const Style& style) {
  if (nodes.empty()) return "nodes: none\n";
  Table table({"node", "state", right("slots"), right("threads"), right("leases"), "sandbox"});
  for (const auto& n : nodes) {
    std::string sandbox;
    for (const auto part : n.sandbox) sandbox += (sandbox.empty() ? "" : " ") + std::string(name_of(part));
    table.row({printable(n.name), std::string(name_of(n.state)), std::to_string(n.slots), std::to_string(n.threads),
               std::to_string(n.leases), sandbox});
  }
  auto text = table.text(style);
  for (const auto& n : nodes)
    if (!n.reason.empty()) text += "attention node " + printable(n.name) + ": " + printable(n.reason) + "\n";
  return text;
}

// Returns "bound     tape: blocks wait for files ...; in the last minutes 12 % of the slots were busy, and the caches 83 % full".
std::string bound_text(const coordinator::BoundStatus& status) {
  const auto& names = name_table<coordinator::Bound>.names;
  const auto known = std::ranges::find(names, status.bound, &Name<coordinator::Bound>::value);
  auto text = fmt::format("bound     {}: {}", name_of(status.bound), known == names.end() ? "" : known->doc);
  if (status.bound != coordinator::Bound::unknown)
    text += fmt::format("; in the last minutes {} of the slots were busy, and the caches {} full", human_share(status.slots_busy),
                        human_share(status.cache_used));
  return text + "\n";
}

}  // namespace

std::string strip_text(const std::vector<StripPiece>& strip, TimeRange span, std::size_t width, const Style& style) {
  std::vector<std::size_t> cells(width, 0);
  const auto cells_per_us = static_cast<double>(width) / static_cast<double>(std::max<Micros>(1, span.to - span.from));
  for (const auto& p : strip) {
    if (p.from >= p.to || !span.overlaps({p.from, p.to})) continue;
    const auto first = static_cast<std::size_t>(static_cast<double>(p.from - span.from) * cells_per_us + 1e-9);
    const auto last = static_cast<std::size_t>(static_cast<double>(p.to - span.from) * cells_per_us - 1e-9);
    for (auto i = first; i <= std::min(std::max(first, last), width - 1); ++i) cells[i] = std::max(cells[i], rank_of(p.state));
  }
  std::string out;
  for (std::size_t i = 0; i < width;) {  // one colour sequence per run of equal cells
    std::string run;
    const auto rank = cells[i];
    for (; i < width && cells[i] == rank; ++i) run += symbols[rank].text;
    out += style.paint(symbols[rank].paint, run);
  }
  return out;
}

std::string status_text(const coordinator::ClusterStatus& status, bool only_map, const Style& style) {
  auto strips = status.modules;
  const auto variants = named_after_request(status.variants);
  strips.insert(strips.end(), variants.begin(), variants.end());
  auto map = strips.empty() ? "no modules yet; compute some with mole run PIPELINE --from T --to T\n" : map_text(strips, style);
  if (only_map) return map;
  return map + "\n" + nodes_text(status.nodes, style) + tasks_text(status.tasks, style) + "\n" +
         requests_text(wanted_requests(status.requests), style) + bound_text(status.bound) +
         (status.no_work.empty() ? "" : "attention " + status.no_work + "\n");
}

}  // namespace mole::cli
