// An Api that returns what the test sets and records the calls.
#pragma once

#include "coordinator/wire/api.hpp"

#include <map>
#include <mutex>

namespace mole::testing {

class FakeApi : public coordinator::Api {
 public:
  template <class T>
  using Document = Result<T>;

  std::optional<Error> error;         // returned by every client call, if set
  coordinator::RequestStatus answer;  // of `request` and `cancel`
  coordinator::TableDump table;       // of `dump`
  Result<coordinator::Registration> registration = coordinator::Registration{7, minute_us, 10 * second_us};
  std::vector<task::Spec> grants;
  coordinator::HeartbeatReply heartbeat_reply;

  std::mutex mutex;
  std::vector<std::string> calls;  // name and arguments as one string
  std::vector<coordinator::Submission> submissions;
  std::vector<coordinator::NodeInfo> nodes;
  std::vector<coordinator::LeaseRequest> lease_requests;
  std::vector<coordinator::Heartbeat> heartbeats;
  std::vector<coordinator::Completion> completions;
  std::map<Digest, std::string> blobs;

  Document<coordinator::Accepted> submit(const coordinator::Submission& s) override {
    return record("submit", s, coordinator::Accepted{.id = "r-1"});
  }
  Document<coordinator::PlanReport> plan(const coordinator::Submission& s) override {
    return record("plan", s, coordinator::PlanReport{});
  }
  Document<coordinator::PipelineDescription> validate(const coordinator::Submission& s) override {
    return record("validate", s, coordinator::PipelineDescription{});
  }
  Document<coordinator::RequestStatus> request(const std::string& id) override { return record("request " + id, answer); }
  Document<std::vector<coordinator::RequestStatus>> requests() override { return record("requests", std::vector{answer}); }
  Document<coordinator::RequestStatus> cancel(const std::string& id) override { return record("cancel " + id, answer); }
  Document<coordinator::ClusterStatus> status() override { return record("status", coordinator::ClusterStatus{}); }
  Document<coordinator::JobExplanation> explain(const std::string& job, const std::string& what_if) override {
    return record("explain " + job + " " + what_if, coordinator::JobExplanation{});
  }
  Document<coordinator::Lineage> why(const std::string& module, const std::string& column, Micros time,
                                     const std::string& what_if) override {
    return record("why " + module + " " + column + " " + std::to_string(time) + " " + what_if, coordinator::Lineage{});
  }
  Document<coordinator::ModuleResults> results(const std::string& module, TimeRange r, const std::string& what_if) override {
    return record("results " + module + " " + std::to_string(r.from) + " " + std::to_string(r.to) + " " + what_if,
                  coordinator::ModuleResults{});
  }
  Document<std::vector<coordinator::ArchiveFile>> archive_files(const std::string& archive, TimeRange r) override {
    return record("archive_files " + archive + " " + std::to_string(r.from) + " " + std::to_string(r.to),
                  std::vector<coordinator::ArchiveFile>{});
  }
  Document<coordinator::ArchiveGaps> archive_gaps(const std::string& archive) override {
    return record("archive_gaps " + archive, coordinator::ArchiveGaps{});
  }
  Document<coordinator::LoadHistory> load_history(TimeRange r) override {
    return record("load_history " + std::to_string(r.from) + " " + std::to_string(r.to), coordinator::LoadHistory{});
  }
  Document<coordinator::Collection> collect_garbage(const coordinator::CollectOptions& o) override {
    return record("collect_garbage " + std::to_string(o.dry_run) + " " + std::to_string(o.keep_requests.value_or(0)) + " " +
                      std::to_string(o.max_requests.value_or(0)),
                  coordinator::Collection{});
  }
  Document<coordinator::Accepted> archive_task(const coordinator::Submission& s, const std::string& archive,
                                               coordinator::RequestKind kind) override {
    return record("archive_task " + archive + " " + std::string(name_of(kind)), s, coordinator::Accepted{});
  }
  Document<coordinator::TableDump> dump(const std::string& name, const std::string& from, std::uint32_t limit) override {
    return record("dump " + name + " " + from + " " + std::to_string(limit), table);
  }

  Result<coordinator::Registration> register_node(const coordinator::NodeInfo& n) override {
    const std::lock_guard lock(mutex);
    nodes.push_back(n);
    return registration;
  }
  Result<std::vector<task::Spec>> lease(const coordinator::LeaseRequest& sent) override {
    const std::lock_guard lock(mutex);
    lease_requests.push_back(sent);
    return grants;
  }
  Result<coordinator::HeartbeatReply> heartbeat(const coordinator::Heartbeat& h) override {
    const std::lock_guard lock(mutex);
    heartbeats.push_back(h);
    return heartbeat_reply;
  }
  Result<> release(const std::string& node, const std::string& incarnation, const std::vector<std::string>& tasks) override {
    std::string text = "release " + node + " " + incarnation;
    for (const auto& task : tasks) text += " " + task;
    const std::lock_guard lock(mutex);
    calls.push_back(text);
    return {};
  }
  Result<std::vector<coordinator::Verdict>> complete(const std::vector<coordinator::Completion>& all) override {
    const std::lock_guard lock(mutex);
    calls.push_back("complete " + std::to_string(all.size()));
    completions.insert(completions.end(), all.begin(), all.end());
    return std::vector(all.size(), coordinator::Verdict::accepted);
  }
  Result<std::uint64_t> put_blob(const Digest& digest, std::uint64_t offset, std::string_view bytes, std::uint64_t) override {
    const std::lock_guard lock(mutex);
    auto& blob = blobs[digest];
    if (offset == blob.size()) blob += bytes;
    return blob.size();
  }
  Result<std::string> get_blob(const Digest& digest, std::uint64_t offset, std::uint32_t limit) override {
    const std::lock_guard lock(mutex);
    const auto found = blobs.find(digest);
    if (found == blobs.end()) return missing("no blob " + digest.hex());
    return offset < found->second.size() ? found->second.substr(offset, limit) : "";
  }

 private:
  template <class T>
  Document<T> record(const std::string& text, T document) {
    const std::lock_guard lock(mutex);
    calls.push_back(text);
    if (error) return *error;
    return document;
  }
  template <class T>
  Document<T> record(const std::string& text, const coordinator::Submission& s, T document) {
    const std::lock_guard lock(mutex);
    submissions.push_back(s);
    calls.push_back(text);
    if (error) return *error;
    return document;
  }
};

}  // namespace mole::testing
