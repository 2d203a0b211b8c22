// An Api that answers what the test put in and remembers what it was asked.
#pragma once

#include "coordinator/wire/api.hpp"

#include <map>
#include <mutex>

namespace mole::testing {

class FakeApi : public coordinator::Api {
 public:
  using Json = nlohmann::json;
  using Document = Result<Json>;

  Document answer = Json{{"id", "r-1"}};
  Result<coordinator::Registration> registration = coordinator::Registration{7, minute_us, 10 * second_us};
  std::vector<task::Spec> grants;
  coordinator::HeartbeatReply beat;

  std::mutex mutex;
  std::vector<std::string> calls;  // name and arguments as one text
  std::vector<coordinator::Submission> submissions;
  std::vector<coordinator::NodeInfo> nodes;
  std::vector<coordinator::LeaseRequest> asks;
  std::vector<coordinator::Heartbeat> beats;
  std::vector<coordinator::Completion> completions;
  std::map<Digest, std::string> blobs;

  Document submit(const coordinator::Submission& s) override { return took("submit", s); }
  Document plan(const coordinator::Submission& s) override { return took("plan", s); }
  Document validate(const coordinator::Submission& s) override { return took("validate", s); }
  Document request(const std::string& id) override { return note("request " + id); }
  Document requests() override { return note("requests"); }
  Document cancel(const std::string& id) override { return note("cancel " + id); }
  Document status() override { return note("status"); }
  Document explain(const std::string& job) override { return note("explain " + job); }
  Document why(const std::string& module, const std::string& column, Micros time) override {
    return note("why " + module + " " + column + " " + std::to_string(time));
  }
  Document results(const std::string& module, TimeRange r) override {
    return note("results " + module + " " + std::to_string(r.from) + " " + std::to_string(r.to));
  }
  Document archive(const std::string& archive, const std::string& what) override {
    return note("archive " + archive + " " + what);
  }
  Document archive_task(const coordinator::Submission& s, const std::string& archive, const std::string& what) override {
    return took("archive_task " + archive + " " + what, s);
  }
  Document dump(const std::string& table, const std::string& from, std::uint32_t limit) override {
    return note("dump " + table + " " + from + " " + std::to_string(limit));
  }

  Result<coordinator::Registration> register_node(const coordinator::NodeInfo& n) override {
    const std::lock_guard lock(mutex);
    nodes.push_back(n);
    return registration;
  }
  Result<std::vector<task::Spec>> lease(const coordinator::LeaseRequest& ask) override {
    const std::lock_guard lock(mutex);
    asks.push_back(ask);
    return grants;
  }
  Result<coordinator::HeartbeatReply> heartbeat(const coordinator::Heartbeat& h) override {
    const std::lock_guard lock(mutex);
    beats.push_back(h);
    return beat;
  }
  Result<> release(const std::string& node, const std::string& incarnation, const std::vector<std::string>& tasks) override {
    std::string text = "release " + node + " " + incarnation;
    for (const auto& task : tasks) text += " " + task;
    if (const auto said = note(text); !said) return said.error();
    return {};
  }
  Result<std::vector<std::string>> complete(const std::vector<coordinator::Completion>& all) override {
    const std::lock_guard lock(mutex);
    calls.push_back("complete " + std::to_string(all.size()));
    completions.insert(completions.end(), all.begin(), all.end());
    return std::vector<std::string>(all.size(), "accepted");
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
  Document took(const std::string& name, const coordinator::Submission& s) {
    const std::lock_guard lock(mutex);
    submissions.push_back(s);
    calls.push_back(name);
    return answer;
  }
  Document note(const std::string& text) {
    const std::lock_guard lock(mutex);
    calls.push_back(text);
    return answer;
  }
};

}  // namespace mole::testing
