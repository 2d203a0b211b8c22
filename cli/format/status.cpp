#include "cli/format/status.hpp"

#include "cli/format/document.hpp"
#include "cli/format/human.hpp"
#include "cli/format/request.hpp"
#include "cli/format/table.hpp"
#include "sdk/model/time.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace mole::cli {
namespace {

using nlohmann::json;

struct Look {
  std::string_view state, sign;
  Paint paint;
};
// From best to worst; a cell takes the worst of what it covers. Each has a sign of its own: colour is not needed to
// read it.
constexpr std::array looks{Look{"", " ", Paint::plain},         Look{"done", "█", Paint::green},
                           Look{"partial", "▓", Paint::yellow}, Look{"running", "▒", Paint::cyan},
                           Look{"ready", "░", Paint::blue},     Look{"waiting", "·", Paint::dim},
                           Look{"blocked", "!", Paint::red},    Look{"failed", "x", Paint::red}};

std::size_t rank_of(const std::string& state) {
  for (std::size_t i = 0; i < looks.size(); ++i)
    if (state == looks[i].state) return i;
  return 5;  // a word this program does not know: nothing is done there
}

struct Piece {
  TimeRange range;
  std::size_t rank;
};

std::vector<Piece> pieces_of(const json& strip) {
  std::vector<Piece> pieces;
  for (const auto& p : strip) {
    const auto from = parse_time(text_of(p, "from")), to = parse_time(text_of(p, "to"));
    if (from && to && *from < *to) pieces.push_back({{*from, *to}, rank_of(text_of(p, "state"))});
  }
  return pieces;
}

TimeRange span_of(const std::vector<Piece>& pieces) {
  TimeRange span = pieces.front().range;
  for (const auto& p : pieces) span = {std::min(span.from, p.range.from), std::max(span.to, p.range.to)};
  return span;
}

std::string legend(const Style& style) {
  std::string text;
  for (std::size_t i = 1; i < looks.size(); ++i)
    text += fmt::format("{}{} {}", i > 1 ? "   " : "", style.paint(looks[i].paint, looks[i].sign), looks[i].state);
  return text + "\n";
}

std::string map_text(const json& modules, const Style& style) {
  std::string out;
  std::size_t name_width = 6;
  for (const auto& m : modules) name_width = std::max(name_width, display_width(text_of(m, "module")));
  for (const auto& m : modules) {
    auto name = text_of(m, "module");
    name.resize(std::max(name.size(), name_width), ' ');
    out += fmt::format("{}  {}", style.paint(Paint::bold, name), strip_text(field(m, "strip"), strip_width, style));
    if (const auto pieces = pieces_of(field(m, "strip")); !pieces.empty()) {
      const auto span = span_of(pieces);
      out += fmt::format("  {} .. {}", format_time(span.from), format_time(span.to));
    }
    out += '\n';
  }
  return out.empty() ? out : out + std::string(name_width + 2, ' ') + legend(style);
}

std::string nodes_text(const json& nodes, const Style& style) {
  if (nodes.empty()) return "nodes: none\n";
  Table table({{"node"}, {"state"}, {"slots", Align::right}, {"threads", Align::right}, {"leases", Align::right}});
  for (const auto& n : nodes)
    table.row({text_of(n, "name"), text_of(n, "state"), text_of(n, "slots"), text_of(n, "threads"), text_of(n, "leases")});
  return table.text(style);
}

}  // namespace

std::string strip_text(const json& strip, std::size_t width, const Style& style) {
  const auto pieces = pieces_of(strip);
  if (pieces.empty()) return std::string(width, ' ');
  const auto span = span_of(pieces);
  std::vector<std::size_t> cells(width, 0);
  const auto length = static_cast<double>(span.to - span.from);
  for (const auto& p : pieces) {
    const auto first =
        static_cast<std::size_t>(static_cast<double>(p.range.from - span.from) / length * static_cast<double>(width) + 1e-9);
    const auto last =
        static_cast<std::size_t>(static_cast<double>(p.range.to - span.from) / length * static_cast<double>(width) - 1e-9);
    for (auto i = first; i <= std::min(std::max(first, last), width - 1); ++i) cells[i] = std::max(cells[i], p.rank);
  }
  std::string out;
  for (std::size_t i = 0; i < width;) {  // one colour sequence for each run of equal cells
    std::string run;
    const auto rank = cells[i];
    for (; i < width && cells[i] == rank; ++i) run += looks[rank].sign;
    out += style.paint(looks[rank].paint, run);
  }
  return out;
}

std::string status_text(const json& status, bool only_map, const Style& style) {
  const auto& modules = field(status, "modules");
  auto out = modules.empty() ? std::string("no module has been asked for yet: mole run PIPELINE --from T --to T\n")
                             : map_text(modules, style);
  if (only_map) return out;
  out += "\n" + nodes_text(field(status, "nodes"), style);
  const auto& requests = field(status, "requests");
  if (requests.is_array())
    out += "\n" + requests_text(requests, style);
  else if (requests.is_number())
    out += fmt::format("\n{}\n", human_number(count_of(status, "requests"), "request", "requests"));
  return out;
}

}  // namespace mole::cli
