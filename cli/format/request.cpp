#include "cli/format/documents.hpp"
#include "cli/format/human.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

namespace mole::cli {
namespace {

using coordinator::RequestKind;
using coordinator::RequestState;
using coordinator::RequestStatus;

constexpr std::size_t max_damaged_files = 5;

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
  std::string text;
  if (files.decoded > 0) text = human_count(files.decoded) + " decoded";
  if (files.from_columns > 0) text += (text.empty() ? "" : ", ") + human_count(files.from_columns) + " read from cached columns";
  return text;
}

// Windows that reach back before the start of the archive have a low coverage although no file is missing.
std::string coverage_text(const RequestStatus& request) {
  if (!request.coverage) return "";
  auto all = human_share(*request.coverage);
  if (!request.coverage_with_windows) return all;
  return fmt::format("{}; rows with windows have {}, because their windows reach back before the archive begins", all,
                     human_share(*request.coverage_with_windows));
}

// Returns the range that was asked for.
TimeRange range_of(const RequestStatus& request) {
  const TimeRange asked{request.asked_from, request.asked_to};
  return asked.empty() ? TimeRange{request.from, request.to} : asked;
}

std::string task_text(const coordinator::TaskStatus& task) {
  return fmt::format("{} on {}, phase {}: {} of {} read, {}", printable(task.task), printable(task.node), printable(task.phase),
                     human_bytes(static_cast<double>(task.bytes_done)), human_bytes(static_cast<double>(task.bytes_total)),
                     human_number(task.flows, "flow", "flows"));
}

// Says for which tape blocks wait: "tape MT0003: 12 files (1.2 GiB) for 4 blocks, node1 is reading it".
std::string wait_text(const coordinator::MediumWait& wait) {
  return fmt::format("{}: {} ({}) for {}, {}", printable(wait.medium), human_number(wait.files, "file", "files"),
                     human_bytes(static_cast<double>(wait.bytes)), human_number(wait.blocks, "block", "blocks"),
                     !wait.node.empty()    ? "being read for " + printable(wait.node)
                     : wait.reason.empty() ? "queued"
                                           : printable(wait.reason));
}

// "2h10m (1h50m to 2h40m): 212 files, 5 mounts; learned from 43 batches of files"
std::string left_text(const coordinator::TimeLeft& left) {
  return fmt::format("{}: {}, {}; {}", human_seconds(left.seconds, left.low_seconds, left.high_seconds),
                     human_number(left.files, "file", "files"), human_number(left.mounts, "mount", "mounts"),
                     left.batches == 0 ? "assumed times of drives"
                                       : "learned from " + human_number(left.batches, "batch", "batches") + " of files");
}

std::string target_of(const RequestStatus& request) {
  if (!request.archive.empty()) return "archive " + std::string(name_of(request.kind)) + " of " + printable(request.archive);
  if (request.module.empty()) return printable(request.pipeline);
  if (request.module.find('/') != std::string::npos) return printable(request.module);
  return printable(request.pipeline + "/" + request.module);
}

// Says what a request is: "run of border", "what if modules.mean.window=1d, run of border/mean", "archive index of border/flows".
std::string what_of(const RequestStatus& request) {
  std::string out = request.archive.empty() ? "run of " + target_of(request) : target_of(request);
  if (!request.overrides.empty()) out = "what if " + printable_list(request.overrides) + ", " + out;
  return request.partial ? out + ", partial" : out;
}

// Counts the jobs of a run, or the files of an archive task.
std::string counts_of(const RequestStatus& request) {
  if (request.archive.empty()) return fmt::format("{}/{}", human_count(request.jobs.done), human_count(request.jobs.total));
  return request.files.total > 0 ? human_number(request.files.total, "file", "files") : "";
}

// Quotes the last lines that a plugin printed.
std::string printed_lines(const std::string& log, const Style& style) {
  constexpr std::size_t max_lines = 20;
  std::vector<std::string> lines;
  std::istringstream in(log);
  for (std::string text; std::getline(in, text);)
    if (!text.empty()) lines.push_back(printable(text));
  const std::size_t first = lines.size() > max_lines ? lines.size() - max_lines : 0;
  std::string out;
  if (first > 0)
    out += style.paint(Paint::dim,
                       fmt::format("  | ({} before; see mole request show --json)", human_number(first, "line", "lines"))) +
           "\n";
  for (std::size_t i = first; i < lines.size(); ++i) out += style.paint(Paint::dim, "  | " + lines[i]) + "\n";
  return out;
}

}  // namespace

std::string request_text(const RequestStatus& request, const Style& style) {
  std::string out;
  const auto line = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) out += fmt::format("{:<10}{}\n", name, value);
  };
  line("request", printable(request.id));
  const auto range = range_of(request);
  line("for", fmt::format("{}, {} .. {}", target_of(request), format_time(range.from), format_time(range.to)));
  if (range != TimeRange{request.from, request.to})
    line("blocks", fmt::format("{} .. {}, computed as a whole", format_time(request.from), format_time(request.to)));
  for (const auto& override : request.overrides) line("what if", printable(override));
  if (request.submitted > 0) line("submitted", fmt::format("{}, priority {}", format_time(request.submitted), request.priority));
  const bool repeated = std::ranges::find(request.waits, request.reason) != request.waits.end();
  line("state", style.paint(paint_of(request.state), name_of(request.state)) +
                    (request.reason.empty() || repeated ? "" : ": " + printable(request.reason)));
  line("jobs", jobs_text(request.jobs));
  line("files", files_text(request.files));
  line("coverage", coverage_text(request));
  for (const auto& task : request.tasks) line("task", task_text(task));
  for (std::size_t i = 0; i < std::min(max_damaged_files, request.damaged_files.size()); ++i)
    line(i == 0 ? "damaged" : "", printable(request.damaged_files[i].id) + ": " + damage_text(request.damaged_files[i]));
  if (request.damaged_files.size() > max_damaged_files)
    line("", fmt::format("and {} more; mole archive gaps lists them", request.damaged_files.size() - max_damaged_files));
  for (const auto& wait : request.waits) line("waits", printable(wait));
  for (const auto& wait : request.media) line("tape", wait_text(wait));
  if (request.left) line("left", left_text(*request.left));
  for (const auto& note : request.notes) line("note", printable(note));
  return out;
}

std::string failures_text(const RequestStatus& request, const Style& style) {
  std::string out;
  for (const auto& failure : request.failures.value_or(std::vector<coordinator::JobFailure>{})) {
    out += fmt::format("{} {}\n  plugin {}, block {}: {} after {}\n  {}\n", style.paint(Paint::red, "failed:"),
                       printable(failure.job), printable(failure.plugin), format_time(failure.block), printable(failure.code),
                       human_number(failure.attempts, "attempt", "attempts"), printable(failure.message));
    out += printed_lines(failure.log_tail, style);
  }
  return out;
}

std::vector<RequestStatus> wanted_requests(std::vector<RequestStatus> requests) {
  std::erase_if(requests, [](const auto& request) { return request.internal; });
  return requests;
}

std::string requests_text(const std::vector<RequestStatus>& requests, const Style& style) {
  if (requests.empty()) return "no requests; create one with mole run or mole request submit\n";
  const bool any_left = std::ranges::any_of(requests, [](const RequestStatus& r) { return r.left.has_value(); });
  std::vector<Heading> columns{"request",         "submitted", "for",         "from",           "to",
                               right("priority"), "state",     right("jobs"), right("coverage")};
  if (any_left) columns.push_back(right("time left"));
  Table table(columns);
  for (const auto& r : requests) {
    const bool reads_all = r.archive.empty() ? false : range_of(r).empty();
    std::vector<std::string> row{printable(r.id),
                                 r.submitted > 0 ? format_time(r.submitted / second_us * second_us) : "",
                                 what_of(r),
                                 reads_all ? "" : format_time(range_of(r).from),
                                 reads_all ? "" : format_time(range_of(r).to),
                                 std::to_string(r.priority),
                                 style.paint(paint_of(r.state), name_of(r.state)),
                                 counts_of(r),
                                 r.coverage ? human_share(*r.coverage) : ""};
    if (any_left) row.push_back(r.left ? human_seconds(r.left->seconds) : "");
    table.row(row);
  }
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
