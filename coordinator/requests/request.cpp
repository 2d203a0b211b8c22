#include "coordinator/requests/request.hpp"

#include <charconv>

namespace mole::coordinator::requests {
namespace {

using nlohmann::json;

json to_json(const leases::JobCounts& c) {
  return {{"total", c.total},     {"done", c.done},       {"failed", c.failed},
          {"running", c.running}, {"waiting", c.waiting}, {"blocked", c.blocked}};
}

leases::JobCounts counts_from(const json& j) {
  leases::JobCounts c;
  c.total = j.value("total", 0u);
  c.done = j.value("done", 0u);
  c.failed = j.value("failed", 0u);
  c.running = j.value("running", 0u);
  c.waiting = j.value("waiting", 0u);
  c.blocked = j.value("blocked", 0u);
  return c;
}

json progress(std::uint64_t total, std::uint64_t done) { return {{"total", total}, {"done", done}}; }

json files(const Request& r) {
  auto files = progress(r.files_total, r.files_done);
  files["decoded"] = r.files_decoded;
  files["from_columns"] = r.files_from_columns;
  return files;
}

}  // namespace

Result<std::uint64_t> request_number(const std::string& id) {
  std::uint64_t number = 0;
  const auto* end = id.data() + id.size();
  if (id.size() < 2 || id[0] != 'r' || std::from_chars(id.data() + 1, end, number).ptr != end)
    return missing("there is no request \"" + id.substr(0, 60) + "\"; ids look like r17, mole request list shows them");
  return number;
}

json to_row(const Request& r) {
  return {{"kind", r.kind},
          {"pipeline", r.pipeline},
          {"module", r.module},
          {"archive", r.archive},
          {"range", r.range},
          {"partial", r.partial},
          {"priority", r.priority},
          {"client_id", r.client_id},
          {"overrides", r.overrides},
          {"revision", r.revision},
          {"submitted", r.submitted},
          {"finished", r.finished},
          {"state", r.state},
          {"reason", r.reason},
          {"code", r.code},
          {"counts", to_json(r.counts)},
          {"coverage", r.coverage},
          {"coverage_plain", r.coverage_plain},
          {"coverage_windowed", r.coverage_windowed},
          {"failures", r.failures},
          {"waits", r.waits},
          {"files", files(r)},
          {"bytes", progress(r.bytes_total, r.bytes_done)}};
}

Request request_from_row(std::uint64_t number, const json& row) {
  Request r;
  r.number = number;
  row.at("kind").get_to(r.kind);
  row.at("pipeline").get_to(r.pipeline);
  row.at("module").get_to(r.module);
  row.at("archive").get_to(r.archive);
  r.range = row.at("range").get<TimeRange>();
  row.at("partial").get_to(r.partial);
  row.at("priority").get_to(r.priority);
  row.at("client_id").get_to(r.client_id);
  r.overrides = row.value("overrides", std::vector<std::string>{});
  r.revision = row.at("revision").get<Digest>();
  row.at("submitted").get_to(r.submitted);
  row.at("finished").get_to(r.finished);
  row.at("state").get_to(r.state);
  row.at("reason").get_to(r.reason);
  r.code = row.value("code", "");
  r.counts = counts_from(row.at("counts"));
  row.at("coverage").get_to(r.coverage);
  r.coverage_plain = row.value("coverage_plain", -1.0);
  r.coverage_windowed = row.value("coverage_windowed", -1.0);
  r.failures = row.at("failures");
  row.at("waits").get_to(r.waits);
  row.at("files").at("total").get_to(r.files_total);
  row.at("files").at("done").get_to(r.files_done);
  r.files_decoded = row.at("files").value("decoded", std::uint64_t{0});
  r.files_from_columns = row.at("files").value("from_columns", std::uint64_t{0});
  row.at("bytes").at("total").get_to(r.bytes_total);
  row.at("bytes").at("done").get_to(r.bytes_done);
  return r;
}

RequestStatus describe(const Request& r, const leases::JobCounts& counts, bool with_failures) {
  RequestStatus out;
  out.id = r.id();
  out.kind = from_word<RequestKind>(r.kind).value_or(RequestKind::run);
  out.pipeline = r.pipeline;
  out.module = r.module;
  out.archive = r.archive;
  out.from = r.range.from;
  out.to = r.range.to;
  out.state = from_word<RequestState>(r.state).value_or(RequestState::accepted);
  out.reason = r.reason;
  out.code = r.code;
  out.priority = r.priority;
  out.partial = r.partial;
  out.submitted = r.submitted;
  if (r.finished) out.finished = r.finished;
  out.jobs = {.total = counts.total,
              .done = counts.done,
              .failed = counts.failed,
              .running = counts.running,
              .waiting = counts.waiting,
              .blocked = counts.blocked};
  out.files = {.total = r.files_total, .done = r.files_done, .decoded = r.files_decoded, .from_columns = r.files_from_columns};
  out.bytes = {.total = r.bytes_total, .done = r.bytes_done};
  if (r.coverage >= 0) out.coverage = r.coverage;
  if (r.coverage_plain >= 0) out.coverage_without_windows = r.coverage_plain;
  if (r.coverage_windowed >= 0) out.coverage_with_windows = r.coverage_windowed;
  out.overrides = r.overrides;
  out.waits = r.waits;
  if (!with_failures) return out;
  auto& failures = out.failures.emplace();
  for (const auto& row : r.failures)
    if (auto failure = read_document<JobFailure>(row)) failures.push_back(std::move(*failure));
  return out;
}

}  // namespace mole::coordinator::requests
