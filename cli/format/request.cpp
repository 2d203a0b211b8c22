#include "cli/format/documents.hpp"
#include "cli/format/human.hpp"

#include <fmt/format.h>

#include <sstream>

namespace mole::cli {
namespace {

using coordinator::RequestKind;
using coordinator::RequestState;
using coordinator::RequestStatus;

Paint paint_of(RequestState state) {
  if (state == RequestState::complete) return Paint::green;
  if (state == RequestState::partial || state == RequestState::waiting) return Paint::yellow;
  return state == RequestState::failed || state == RequestState::cancelled ? Paint::red : Paint::cyan;
}

std::string jobs_text(const coordinator::JobCounts& jobs) {
  auto text = fmt::format("{} done of {}", human_count(jobs.done), human_count(jobs.total));
  for (const auto& [kind, n] : {std::pair("running", jobs.running), std::pair("waiting", jobs.waiting),
                                std::pair("blocked", jobs.blocked), std::pair("failed", jobs.failed)})
    if (n > 0) text += fmt::format(", {} {}", human_count(n), kind);
  return text;
}

// Describes how the files were read; "" if none were read.
std::string files_text(const coordinator::FileProgress& files) {
  if (files.decoded + files.from_columns == 0) return "";
  const auto decoded = human_count(files.decoded) + " decoded";
  return files.from_columns == 0 ? decoded : decoded + ", " + human_count(files.from_columns) + " read from cached columns";
}

// Shows the coverage of modules with windows separately: their windows can reach back before the start of the archive, which
// lowers the coverage although no file is missing.
std::string coverage_text(const RequestStatus& request) {
  if (!request.coverage) return "";
  auto all = human_share(*request.coverage);
  const auto plain = human_share(request.coverage_without_windows.value_or(0)),
             windowed = human_share(request.coverage_with_windows.value_or(0));
  if (plain == windowed) return all;  // also if all modules are of one kind
  return fmt::format("{} ({} without windows, {} with windows, which reach back before the range)", all, plain, windowed);
}

std::string task_text(const coordinator::TaskStatus& task) {
  return fmt::format("{} on {}, phase {}: {} of {} read, {}", printable(task.task), printable(task.node), printable(task.phase),
                     human_bytes(static_cast<double>(task.bytes_done)), human_bytes(static_cast<double>(task.bytes_total)),
                     human_number(task.flows, "flow", "flows"));
}

std::string target_of(const RequestStatus& request) {
  if (!request.archive.empty()) return std::string(name_of(request.kind)) + " of " + printable(request.archive);
  if (request.module.empty()) return printable(request.pipeline);
  if (request.module.find('/') != std::string::npos) return printable(request.module);
  return printable(request.pipeline + "/" + request.module);
}

}  // namespace

std::string request_text(const RequestStatus& request, const Style& style) {
  std::string out;
  const auto line = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) out += fmt::format("{:<10}{}\n", name, value);
  };
  line("request", printable(request.id));
  line("for", fmt::format("{}, {} .. {}", target_of(request), format_time(request.from), format_time(request.to)));
  for (const auto& override : request.overrides) line("what if", printable(override));
  line("state", style.paint(paint_of(request.state), name_of(request.state)) +
                    (request.reason.empty() ? "" : ": " + printable(request.reason)));
  line("jobs", jobs_text(request.jobs));
  line("files", files_text(request.files));
  line("coverage", coverage_text(request));
  for (const auto& task : request.tasks) line("task", task_text(task));
  for (const auto& wait : request.waits) line("waits", printable(wait));
  return out;
}

std::string failures_text(const RequestStatus& request, const Style& style) {
  std::string out;
  for (const auto& failure : request.failures.value_or(std::vector<coordinator::JobFailure>{})) {
    out += fmt::format("{} {}\n  plugin {}, block {}: {} after {}\n  {}\n", style.paint(Paint::red, "failed:"),
                       printable(failure.job), printable(failure.plugin), format_time(failure.block), printable(failure.code),
                       human_number(failure.attempts, "attempt", "attempts"), printable(failure.message));
    std::istringstream log(failure.log_tail);
    for (std::string text; std::getline(log, text);)
      if (!text.empty()) out += style.paint(Paint::dim, "  | " + printable(text)) + "\n";
  }
  return out;
}

std::string requests_text(const std::vector<RequestStatus>& requests, const Style& style) {
  if (requests.empty()) return "no requests; create one with mole run or mole request submit\n";
  Table table({"request", "for", "from", "to", "state", right("jobs"), right("coverage")});
  for (const auto& r : requests)
    table.row({printable(r.id), target_of(r) + (r.overrides.empty() ? "" : ", what if"), format_time(r.from), format_time(r.to),
               style.paint(paint_of(r.state), name_of(r.state)),
               fmt::format("{}/{}", human_count(r.jobs.done), human_count(r.jobs.total)),
               r.coverage ? human_share(*r.coverage) : ""});
  return table.text(style);
}

Exit exit_of_request(const RequestStatus& request) {
  const auto& jobs = request.jobs;
  if (request.state == RequestState::failed || jobs.failed > 0 || jobs.blocked > 0) return Exit::failed;
  if (request.state == RequestState::cancelled || request.state == RequestState::waiting || jobs.waiting > 0)
    return Exit::try_later;
  if (request.state == RequestState::partial || request.coverage.value_or(1) < 1) return Exit::incomplete;
  return Exit::done;
}

}  // namespace mole::cli
