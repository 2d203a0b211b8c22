#include "cli/format/plan.hpp"

#include "cli/format/document.hpp"
#include "cli/format/human.hpp"
#include "cli/format/table.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mole::cli {
namespace {

using nlohmann::json;

constexpr std::size_t reasons_shown = 10;

std::string modules_text(const json& modules, const Style& style) {
  Table table({{"module"},
               {"blocks", Align::right},
               {"reused", Align::right},
               {"new", Align::right},
               {"waiting", Align::right},
               {"states kept", Align::right}});
  for (const auto& m : modules)
    table.row({text_of(m, "module"), human_count(count_of(m, "blocks")), human_count(count_of(m, "reused")),
               human_count(count_of(m, "new")), human_count(count_of(m, "waiting")),
               human_bytes(number_of(m, "states_kept_bytes"))});
  return table.text(style);
}

std::string files_text(const json& files) {
  if (count_of(files, "count") == 0) return "no file is read";
  auto text =
      fmt::format("{}, {}", human_number(count_of(files, "count"), "file", "files"), human_bytes(number_of(files, "bytes")));
  if (field(files, "border_share").is_number())
    text += fmt::format("; {} of it for two blocks", human_share(number_of(files, "border_share")));
  return text;
}

std::string reasons_text(const json& new_jobs, std::uint64_t total, const Style& style) {
  if (!new_jobs.is_array() || new_jobs.empty()) return "";
  Table table({{"new job"}, {"because"}});
  for (std::size_t i = 0; i < std::min(reasons_shown, new_jobs.size()); ++i)
    table.row({text_of(new_jobs[i], "job"), text_of(new_jobs[i], "reason")});
  auto text = "\n" + table.text(style);
  if (total > reasons_shown) text += fmt::format("... and {} more (--json lists them)\n", human_count(total - reasons_shown));
  return text;
}

std::string ranges_text(const json& ranges, std::string_view of) {
  std::string text;
  for (const auto& r : ranges) {
    if (!text.empty()) text += ", ";
    text += fmt::format("[{}, {})", text_of(r, "from"), text_of(r, "to"));
    if (const auto reason = text_of(r, "reason"); !reason.empty()) text += " " + reason;
  }
  return text.empty() ? text : fmt::format("{} bytes {}", of, text);
}

}  // namespace

std::string missing_tables_text(const json& plan) {
  constexpr std::size_t most = 5;
  const auto& texts = field(plan, "missing_tables");
  std::string out;
  for (std::size_t i = 0; i < std::min(most, texts.size()); ++i) out += "routes    " + text_of(texts[i]) + "\n";
  if (texts.size() > most) out += fmt::format("          and {} more (mole plan --json lists them)\n", texts.size() - most);
  return out;
}

std::string plan_text(const json& plan, const Style& style) {
  const auto& jobs = field(plan, "jobs");
  auto text = modules_text(field(plan, "modules"), style) + "\n";
  const auto fresh = count_of(jobs, "new");
  if (fresh == 0 && count_of(jobs, "waiting") == 0)
    return text + style.paint(Paint::green, "nothing to do:") +
           fmt::format(" {} there already\n", human_number(count_of(jobs, "reused"), "job is", "jobs are"));
  text += fmt::format("jobs      {} new, {} reused, {} waiting\n", human_count(fresh), human_count(count_of(jobs, "reused")),
                      human_count(count_of(jobs, "waiting")));
  text += "files     " + files_text(field(plan, "files")) + "\n";
  if (const double seconds = number_of(plan, "estimate_seconds"); seconds > 0)
    text += "estimate  " + human_seconds(seconds) + "\n";
  const auto& gaps = field(plan, "gaps");
  const auto within = static_cast<std::size_t>(
      std::count_if(gaps.begin(), gaps.end(), [](const json& gap) { return field(gap, "within") == true; }));
  if (within > 0)
    text += fmt::format("gaps      {} missing in reach: mole archive gaps names them\n",
                        human_number(within, "file is", "files are"));
  if (within < gaps.size())
    text += fmt::format("outside   {} in reach before a router's first file or after its last\n",
                        human_number(gaps.size() - within, "file time is", "file times are"));
  return text + missing_tables_text(plan) + reasons_text(field(plan, "new_jobs"), fresh, style);
}

std::string gaps_text(const json& gaps, const Style& style) {
  const auto& lost = field(gaps, "missing");
  const auto& damaged = field(gaps, "damaged");
  if (lost.empty() && damaged.empty()) return "no file is missing, none is known to be damaged\n";
  std::string text;
  if (!lost.empty()) {
    Table table({{"missing: router"}, {"sequence", Align::right}, {"from"}, {"to"}});
    for (const auto& gap : lost)
      table.row({text_of(gap, "router"), text_of(gap, "sequence"), text_of(gap, "from"), text_of(gap, "to")});
    text += table.text(style);
  }
  if (!damaged.empty()) {
    if (!text.empty()) text += '\n';
    Table table({{"damaged: file"}, {"state"}, {"lost"}});
    for (const auto& file : damaged) {
      const auto compressed = ranges_text(field(file, "lost_compressed"), "compressed");
      const auto content = ranges_text(field(file, "lost_content"), "content");
      table.row({text_of(file, "id"), text_of(file, "state"),
                 compressed + (compressed.empty() || content.empty() ? "" : "; ") + content});
    }
    text += table.text(style);
  }
  return text;
}

}  // namespace mole::cli
