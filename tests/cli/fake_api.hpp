// A coordinator with predefined answers that records its calls.
#pragma once

#include "cli/session/session.hpp"
#include "coordinator/wire/documents/documents.hpp"

#include <map>
#include <string>
#include <vector>

namespace mole::cli {

class FakeApi final : public coordinator::ClientApi {
 public:
  using json = nlohmann::json;
  // By function name, or by function name and argument; a call without an answer returns `missing`.
  std::map<std::string, Result<json>> answers;
  std::vector<std::string> calls;
  template <class Document>
  void answer_with(const std::string& call, const Document& document) {
    answers.insert_or_assign(call, json(document));
  }
  coordinator::Submission submission;

  Result<coordinator::Accepted> submit(const coordinator::Submission& s) override { return submission = s, answer("submit"); }
  Result<coordinator::PlanReport> plan(const coordinator::Submission& s) override { return submission = s, answer("plan"); }
  Result<coordinator::PipelineDescription> validate(const coordinator::Submission& s) override {
    return submission = s, answer("validate");
  }
  Result<coordinator::RequestStatus> request(const std::string& id) override { return answer("request", id); }
  Result<std::vector<coordinator::RequestStatus>> requests() override { return answer("requests"); }
  Result<coordinator::RequestStatus> cancel(const std::string& id) override { return answer("cancel", id); }
  Result<coordinator::ClusterStatus> status() override { return answer("status"); }
  Result<coordinator::JobExplanation> explain(const std::string& job, const std::string& what_if) override {
    return answer("explain", job + (what_if.empty() ? "" : " " + what_if));
  }
  Result<coordinator::Lineage> why(const std::string& module, const std::string& column, Micros time,
                                   const std::string& what_if) override {
    return answer("why", module + " " + column + " " + format_time(time) + (what_if.empty() ? "" : " " + what_if));
  }
  Result<coordinator::ModuleResults> results(const std::string& module, TimeRange, const std::string& what_if) override {
    return answer("results", module + (what_if.empty() ? "" : " " + what_if));
  }
  Result<std::vector<coordinator::ArchiveFile>> archive_files(const std::string& archive, TimeRange) override {
    return answer("archive", archive + " ls");
  }
  Result<coordinator::ArchiveGaps> archive_gaps(const std::string& archive) override {
    return answer("archive", archive + " gaps");
  }
  Result<coordinator::LoadHistory> load_history(TimeRange) override { return answer("load_history"); }
  Result<coordinator::Accepted> archive_task(const coordinator::Submission& s, const std::string& archive,
                                             coordinator::RequestKind kind) override {
    return submission = s, answer("archive_task", archive + " " + std::string(name_of(kind)));
  }
  Result<coordinator::TableDump> dump(const std::string& table, const std::string& from, std::uint32_t) override {
    return answer("dump", table + " " + from);
  }

  Result<std::uint64_t> put_blob(const Digest&, std::uint64_t, std::string_view, std::uint64_t) override { return unexpected(); }
  Result<coordinator::Collection> collect_garbage(const coordinator::CollectOptions&) override {
    return answer("collect_garbage");
  }
  Result<std::string> get_blob(const Digest&, std::uint64_t, std::uint32_t) override { return unexpected(); }

 private:
  static Error unexpected() { return internal("FakeApi has no blobs"); }
  // Converts to the document type of the call.
  struct Answer {
    Result<json> document;
    template <class T>
    operator Result<T>() const {  // NOLINT: implicit by design
      if (!document) return document.error();
      return read_document<T>(*document);
    }
    template <class T>
    operator Result<std::vector<T>>() const {  // NOLINT: implicit by design
      if (!document) return document.error();
      std::vector<T> out;
      for (const auto& item : *document) out.push_back(*read_document<T>(item));
      return out;
    }
  };
  Answer answer(const std::string& name, const std::string& argument = "") {
    calls.push_back(argument.empty() ? name : name + " " + argument);
    auto found = answers.find(calls.back());
    if (found == answers.end()) found = answers.find(name);
    return {found == answers.end() ? missing("FakeApi has no answer for " + name + "; add one") : found->second};
  }
};

class FakeSession final : public Session {
 public:
  FakeSession(FakeApi& api, bool embedded) : api_(api), embedded_(embedded) {}
  coordinator::ClientApi& api() override { return api_; }
  std::filesystem::path folder() const override { return "mole-state"; }
  bool embedded() const override { return embedded_; }
  Result<> check() override { return {}; }
  pid_t other_run() const override { return other_run_pid; }
  bool other_run_ended(std::chrono::milliseconds) const override { return other_run_pid != 0; }

  pid_t other_run_pid = 0;

 private:
  FakeApi& api_;
  bool embedded_;
};

}  // namespace mole::cli
