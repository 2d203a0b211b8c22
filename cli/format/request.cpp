#include "cli/format/request.hpp"

#include "cli/format/document.hpp"
#include "cli/format/human.hpp"
#include "cli/format/table.hpp"

#include <fmt/format.h>

#include <sstream>

namespace mole::cli {
namespace {

using nlohmann::json;

Paint paint_of(const std::string& state) {
  if (state == "COMPLETE") return Paint::green;
  if (state == "PARTIAL" || state == "WAITING") return Paint::yellow;
  if (state == "FAILED" || state == "CANCELLED") return Paint::red;
  return Paint::cyan;
}

std::string jobs_text(const json& jobs) {
  std::string text = fmt::format("{} done of {}", human_count(count_of(jobs, "done")), human_count(count_of(jobs, "total")));
  for (const auto* kind : {"running", "waiting", "blocked", "failed"})
    if (const auto n = count_of(jobs, kind); n > 0) text += fmt::format(", {} {}", human_count(n), kind);
  return text;
}

// How they were read; empty: none was.
std::string files_text(const json& files) {
  const auto decoded = count_of(files, "decoded"), kept = count_of(files, "from_columns");
  if (decoded + kept == 0) return "";
  if (kept == 0) return human_count(decoded) + " decoded";
  return fmt::format("{} decoded, {} read from the columns of an earlier decode", human_count(decoded), human_count(kept));
}

// Windows reach back, at first before the archive: what that takes off is told apart from what is missing.
std::string coverage_text(const json& request) {
  const auto share = [&](const char* key) { return human_share(number_of(request, key)); };
  const auto plain = share("coverage_without_windows"), windowed = share("coverage_with_windows");
  if (plain == windowed) return share("coverage");  // also of a request with one kind of modules
  return fmt::format("{} ({} without windows, {} with, which reach back, also before the archive)", share("coverage"), plain,
                     windowed);
}

void line(std::string& out, std::string_view name, const std::string& value) {
  if (!value.empty()) out += fmt::format("{:<10}{}\n", name, value);
}

std::string target_of(const json& request) {
  auto module = text_of(request, "module");
  if (const auto archive = text_of(request, "archive"); !archive.empty()) return text_of(request, "kind") + " of " + archive;
  if (module.find('/') != std::string::npos) return module;
  return module.empty() ? text_of(request, "pipeline") : text_of(request, "pipeline") + "/" + module;
}

}  // namespace

std::string request_text(const json& request, const Style& style) {
  const auto state = text_of(request, "state");
  std::string out;
  line(out, "request", text_of(request, "id"));
  line(out, "for", fmt::format("{}, {} .. {}", target_of(request), text_of(request, "from"), text_of(request, "to")));
  for (const auto& override : field(request, "overrides")) line(out, "what if", text_of(override));
  const auto reason = text_of(request, "reason");
  line(out, "state", style.paint(paint_of(state), state) + (reason.empty() ? "" : ": " + reason));
  line(out, "jobs", jobs_text(field(request, "jobs")));
  line(out, "files", files_text(field(request, "files")));
  if (field(request, "coverage").is_number()) line(out, "coverage", coverage_text(request));
  for (const auto& wait : field(request, "waits")) line(out, "waits", text_of(wait));
  return out;
}

std::string failures_text(const json& request, const Style& style) {
  std::string out;
  for (const auto& failure : field(request, "failures")) {
    out += style.paint(Paint::red, "failed:") + " " + text_of(failure, "job");
    out += fmt::format("\n  plugin {}, block {}: {} after {}\n", text_of(failure, "plugin"), text_of(failure, "block"),
                       text_of(failure, "code"), human_number(count_of(failure, "attempts"), "attempt", "attempts"));
    out += "  " + text_of(failure, "message") + "\n";
    if (!field(failure, "log_tail").is_string()) continue;
    std::istringstream log(field(failure, "log_tail").get<std::string>());
    for (std::string text; std::getline(log, text);)
      if (!text.empty()) out += style.paint(Paint::dim, "  | " + printable(text)) + "\n";
  }
  return out;
}

std::string requests_text(const json& requests, const Style& style) {
  Table table({{"request"}, {"for"}, {"from"}, {"to"}, {"state"}, {"jobs", Align::right}, {"coverage", Align::right}});
  for (const auto& r : requests) {
    const auto& jobs = field(r, "jobs");
    const auto state = text_of(r, "state");
    table.row({text_of(r, "id"), target_of(r) + (field(r, "overrides").empty() ? "" : ", what if"), text_of(r, "from"),
               text_of(r, "to"), style.paint(paint_of(state), state),
               fmt::format("{}/{}", human_count(count_of(jobs, "done")), human_count(count_of(jobs, "total"))),
               field(r, "coverage").is_number() ? human_share(number_of(r, "coverage")) : ""});
  }
  return table.rows() ? table.text(style) : "no requests yet: mole run or mole request submit makes one\n";
}

Exit exit_of_request(const json& request) {
  const auto state = text_of(request, "state");
  const auto& jobs = field(request, "jobs");
  if (state == "FAILED" || count_of(jobs, "failed") > 0 || count_of(jobs, "blocked") > 0) return Exit::failed;
  if (state == "CANCELLED" || state == "WAITING" || count_of(jobs, "waiting") > 0) return Exit::try_later;
  if (state == "PARTIAL") return Exit::incomplete;
  if (field(request, "coverage").is_number() && number_of(request, "coverage") < 1) return Exit::incomplete;
  return Exit::done;
}

}  // namespace mole::cli
