#include "cli/app.hpp"
#include "tests/cli/fake_api.hpp"
#include "tests/support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <fstream>
#include <sstream>

namespace mole::cli {
namespace {

using coordinator::RequestState;
using coordinator::RequestStatus;
using nlohmann::json;

struct Outcome {
  int code;
  std::string out, err;
};

class CommandLine : public ::testing::Test {
 protected:
  void SetUp() override {
    manifest_ = (folder_ / "border.yaml").string();
    std::ofstream(manifest_)
        << "pipeline: border\n"
           "archives:\n"
           "  store: {downloader: directory, params: {root: ./archive}, files: \"{router}_{start:unix}\", covers: 1h,\n"
           "          block: {length: 12h}}\n"
           "modules:\n"
           "  traffic: {plugin: traffic, input: {archive: store}, interval: 15m}\n";
    ::unsetenv("MOLE_STATE");
  }

  Outcome mole(std::vector<std::string> arguments) {
    std::ostringstream out, err;
    Context context{out, err, {}, {}, false, {}, [this](const Options& options, Need need) -> Result<std::unique_ptr<Session>> {
                      options_ = options;
                      needs_.push_back(need);
                      if (connect_error_) return *connect_error_;
                      auto session = std::make_unique<FakeSession>(api_, embedded_);
                      if (!other_runs_.empty()) {
                        session->other_run_pid = other_runs_.front();
                        other_runs_.erase(other_runs_.begin());
                        if (const auto& answer = answers_later_; other_runs_.empty() && answer) answer();
                      }
                      return std::unique_ptr<Session>(std::move(session));
                    }};
    const auto code = static_cast<int>(run_command_line(arguments, context));
    return {code, out.str(), err.str()};
  }
  // Sets the answers for a run that ends with this request.
  void prepare_run(const RequestStatus& request) {
    coordinator::PipelineDescription pipeline;
    pipeline.modules = {module("traffic", {{"bytes", "u64", "", "", {}}})};
    RequestStatus listing;
    listing.state = RequestState::complete;
    coordinator::PlanReport plan;
    plan.jobs = {2, 1, 0};
    api_.answer_with("validate", pipeline);
    api_.answer_with("archive_task", coordinator::Accepted{"listing", true, {}, 0, 0});
    api_.answer_with("request listing", listing);
    api_.answer_with("plan", plan);
    api_.answer_with("submit", coordinator::Accepted{"r-1", true, {"border/traffic"}, 0, 0});
    api_.answer_with("request", request);
  }
  static coordinator::PipelineModule module(const char* name, std::vector<coordinator::ColumnDescription> outputs) {
    coordinator::PipelineModule module;
    module.module = name;
    module.outputs = std::move(outputs);
    return module;
  }

  mole::testing::TempFolder temporary_;
  const std::filesystem::path folder_ = temporary_.path();
  std::string manifest_;
  FakeApi api_;
  bool embedded_ = true;
  std::optional<Error> connect_error_;
  std::vector<pid_t> other_runs_;        // of the next sessions; 0: none
  std::function<void()> answers_later_;  // called when the last of them is opened
  Options options_;
  std::vector<Need> needs_;
};

RequestStatus finished(RequestState state, std::uint64_t done = 3, double coverage = 1) {
  RequestStatus request;
  request.id = "r-1";
  request.pipeline = "border";
  request.from = *parse_time("2007-09-22");
  request.to = *parse_time("2007-09-23");
  request.state = state;
  request.coverage = coverage;
  request.jobs.total = 3;
  request.jobs.done = done;
  return request;
}
coordinator::ModuleStrip known_module(const char* name) { return {name, coordinator::JobState::done, {}, {}}; }
const std::vector<std::string> range{"--from", "2007-09-22", "--to", "2007-09-23"};

std::vector<std::string> with_range(std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), range.begin(), range.end());
  return arguments;
}

TEST_F(CommandLine, WithoutACommandIsAUsageError) {
  const auto outcome = mole({});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.err, "mole: A subcommand is required; see mole --help\n");
}

TEST_F(CommandLine, NamesTheCommandWhoseOptionIsUnknown) {
  const auto outcome = mole({"archive", "ls", manifest_, "--frobnicate"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.err, "mole: mole archive ls has no option --frobnicate; see mole archive ls --help\n");
}

TEST_F(CommandLine, SuggestsTheCommandThatWasMeant) {
  EXPECT_EQ(mole({"statsu"}).err, "mole: mole has no command \"statsu\"; did you mean \"status\"?; see mole --help\n");
  EXPECT_EQ(mole({"--json", "resluts", "traffic"}).code, 2);
  EXPECT_NE(mole({"--json", "resluts", "traffic"}).err.find("did you mean \"results\"?"), std::string::npos);
  EXPECT_NE(mole({"archive", "lss", manifest_}).err.find("mole archive has no command \"lss\"; did you mean \"ls\"?"),
            std::string::npos)
      << mole({"archive", "lss", manifest_}).err;
  EXPECT_NE(mole({"request", "frobnicate"}).err.find("use one of submit, list, show, watch, cancel"), std::string::npos);
}

TEST_F(CommandLine, SuggestsTheOptionThatWasMeant) {
  const auto from = mole({"run", manifest_, "--frm", "2007-09-22", "--to", "2007-09-23"});
  EXPECT_EQ(from.code, 2);
  EXPECT_EQ(from.err, "mole: mole run has no option --frm; did you mean \"--from\"?; see mole run --help\n");
  EXPECT_NE(mole({"results", "traffic", "--colums=flows"}).err.find("--colums; did you mean \"--columns\"?"), std::string::npos);
  EXPECT_NE(mole({"--jsn", "status"}).err.find("--jsn; did you mean \"--json\"?"), std::string::npos);
  EXPECT_TRUE(needs_.empty());
}

TEST_F(CommandLine, RefusesACacheWithoutSpace) {
  for (const char* size : {"0", "0KiB", "0GiB"}) {
    const auto outcome = mole(with_range({"run", manifest_, "--cache-limit", size}));
    EXPECT_EQ(outcome.code, 2) << size;
    EXPECT_NE(outcome.err.find("--cache-limit: 0 leaves no room"), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find("give a size"), std::string::npos) << outcome.err;
  }
  EXPECT_TRUE(needs_.empty());
}

TEST_F(CommandLine, PrintsItsVersion) {
  const auto outcome = mole({"--version"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_TRUE(outcome.out.starts_with("mole 1.")) << outcome.out;
}

TEST_F(CommandLine, RefusesEmptyAndOverflowingRanges) {
  const std::vector<std::vector<std::string>> bad = {{"results", "traffic", "2007-09-22/P0D"},
                                                     {"results", "traffic", "2007-09-22/P106751991D"},
                                                     {"results", "traffic", "2007-09-22/0s"},
                                                     {"run", manifest_, "2007-09-22/PT0S"},
                                                     {"plan", manifest_, "2007-09-22/2007-09-22"},
                                                     {"results", "traffic", "--from", "2007-09-22", "--to", "2007-09-22"},
                                                     {"results", "traffic", "--from", "2200-01-01"},
                                                     {"plot", "traffic", "bytes", "--to", "1969-01-01"},
                                                     {"plot", "traffic", "bytes", "--shade", "x@2007-09-22/P0D"},
                                                     {"plot", "traffic", "bytes", "--shade", "x@2007-09-22/0s"},
                                                     {"archive", "simulate", "out", "--routers", "1", "--from", "2007-09-22",
                                                      "--to", "2007-09-23", "--event", "scan@2007-09-22/P106751991D"}};
  for (const auto& arguments : bad) EXPECT_EQ(mole(arguments).code, 2) << arguments[0] << ' ' << arguments.back();
  EXPECT_TRUE(needs_.empty());
}

TEST_F(CommandLine, RejectsAMalformedTimeBeforeConnecting) {
  const auto outcome = mole({"run", manifest_, "--from", "yesterday", "--to", "2007-09-23"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("'yesterday' is not a time: write 2007-09-22T20:00:00Z"), std::string::npos) << outcome.err;
  EXPECT_TRUE(needs_.empty());
}

TEST_F(CommandLine, RequiresARange) {
  EXPECT_EQ(mole({"run", manifest_}).code, 2);
  EXPECT_EQ(mole({"plan", manifest_, "--from", "2007-09-22"}).code, 2);
  EXPECT_EQ(mole({"run", manifest_, "--from", "2007-09-23", "--to", "2007-09-22"}).code, 2);
  EXPECT_EQ(mole({"run", manifest_, "2007-09-22/P1D", "--from", "2007-09-22"}).code, 2);
}

TEST_F(CommandLine, RejectsAMalformedFilterBeforeConnecting) {
  const auto outcome = mole({"results", "traffic", "--where", "direction=in,tcp"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("'tcp' in 'direction=in,tcp' is not a filter; write COLUMN=VALUE"), std::string::npos)
      << outcome.err;
  EXPECT_TRUE(needs_.empty());
}

TEST_F(CommandLine, HelpIsNotAnError) {
  const auto outcome = mole({"run", "--help"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_NE(outcome.out.find("--partial"), std::string::npos);
}

TEST_F(CommandLine, AMissingManifestIsNotFound) {
  const auto outcome = mole(with_range({"run", "absent.yaml"}));
  EXPECT_EQ(outcome.code, 4);
  EXPECT_NE(outcome.err.find("mole: cannot read the manifest absent.yaml"), std::string::npos) << outcome.err;
}

TEST_F(CommandLine, AnErrorInTheManifestIsReportedWithItsPosition) {
  std::ofstream(manifest_) << "pipeline: border\nfrequency: 3\n";
  const auto outcome = mole({"archive", "ls", manifest_});
  EXPECT_EQ(outcome.code, 5);
  EXPECT_NE(outcome.err.find("border.yaml:2:1"), std::string::npos) << outcome.err;
}

TEST_F(CommandLine, RunSubmitsItsArguments) {
  prepare_run(finished(RequestState::complete));
  const auto outcome = mole({"run", manifest_, "2007-09-22/P1D", "--set", "modules.traffic.interval=30m", "--set",
                             "archives.store.damage=skip", "--partial", "--module", "traffic", "--progress=none"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(format_time(api_.submission.range.from), "2007-09-22T00:00:00Z");
  EXPECT_EQ(format_time(api_.submission.range.to), "2007-09-23T00:00:00Z");
  EXPECT_EQ(api_.submission.overrides, (std::vector<std::string>{"modules.traffic.interval=30m", "archives.store.damage=skip"}));
  EXPECT_EQ(api_.submission.base, folder_.string());
  EXPECT_EQ(api_.submission.module, "traffic");
  EXPECT_TRUE(api_.submission.partial);
  EXPECT_EQ(api_.submission.client_id.size(), 32u);
  ASSERT_EQ(needs_.size(), 1u);
  EXPECT_EQ(needs_.front(), Need::work);
  EXPECT_EQ(api_.calls, (std::vector<std::string>{"validate", "archive_task border/store index", "request listing", "plan",
                                                  "submit", "request r-1", "status"}));
}

TEST_F(CommandLine, RunPrintsASummaryAndSuggestsTheNextCommands) {
  prepare_run(finished(RequestState::complete));
  const auto outcome = mole(with_range({"run", manifest_, "--progress=none"}));
  EXPECT_EQ(outcome.out,
            "request   r-1\n"
            "for       border, 2007-09-22T00:00:00Z .. 2007-09-23T00:00:00Z\n"
            "state     COMPLETE\n"
            "jobs      3 done of 3\n"
            "coverage  100 %\n"
            "reused    2 jobs from earlier runs\n"
            "tables    mole-state/tables/border\n"
            "next      mole results traffic\n"
            "          mole plot traffic bytes -o bytes.svg\n");
  EXPECT_EQ(outcome.err, "");
}

TEST_F(CommandLine, RunSuggestsAColumnToPlot) {
  prepare_run(finished(RequestState::complete));
  using Modules = std::vector<coordinator::PipelineModule>;
  const auto suggested = [&](const Modules& modules, const std::vector<std::string>& more = {}) {
    coordinator::PipelineDescription pipeline;
    pipeline.modules = modules;
    coordinator::Accepted accepted{"r-1", true, {}, 0, 0};
    for (const auto& m : modules) accepted.modules.push_back("border/" + m.module);
    api_.answer_with("validate", pipeline);
    api_.answer_with("submit", accepted);
    auto arguments = with_range({"run", manifest_, "--progress=none"});
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto out = mole(arguments).out;
    return out.substr(out.find("next"));
  };
  const auto top = module("top", {{"side", "text", "1", "", {}}, {"bytes", "u64", "B", "", {}}});
  const auto hosts =
      module("hosts", {{"when", "time", "1", "", {}}, {"odd", "bool", "1", "", {}}, {"share", "f64", "1", "", {}}});
  const auto traffic = module("traffic", {{"rate", "f64", "1", "", {}}, {"flows", "u64", "flow", "", {}}});
  const auto all = module("all", {{"flows", "u64", "flow", "", {}}, {"bytes", "u64", "B", "", {}}, {"size", "f64", "B", "", {}}});
  EXPECT_EQ(suggested({top, traffic, hosts}), "next      mole results traffic\n          mole plot traffic flows -o flows.svg\n");
  EXPECT_EQ(suggested({all}), "next      mole results all\n          mole plot all bytes -o bytes.svg\n");
  EXPECT_EQ(suggested({top, hosts, traffic}), "next      mole results hosts\n          mole plot hosts share -o share.svg\n");
  EXPECT_EQ(suggested({traffic, hosts}, {"--module", "hosts"}),
            "next      mole results hosts\n          mole plot hosts share -o share.svg\n");
  EXPECT_EQ(suggested({top}), "next      mole results top\n");  // several rows per interval cannot be plotted
  coordinator::ClusterStatus status;
  status.modules = {known_module("border/traffic"), known_module("other/traffic")};
  api_.answer_with("status", status);
  EXPECT_EQ(suggested({traffic}),
            "next      mole results border/traffic\n          mole plot border/traffic flows -o flows.svg\n");
}

TEST_F(CommandLine, RunReturnsTheExitCodeOfTheRequest) {
  prepare_run(finished(RequestState::partial, 3, 0.98));
  EXPECT_EQ(mole(with_range({"run", manifest_})).code, 3);
  auto failed = finished(RequestState::failed, 2);
  failed.failures = std::vector<coordinator::JobFailure>{{"border/traffic@2007-09-22T06:00:00Z", "traffic 1.0.0", "traffic",
                                                          *parse_time("2007-09-22T06"), "crashed", "signal 11 in add", 3,
                                                          "first\nlast \x1b[31m"}};
  prepare_run(failed);
  const auto outcome = mole(with_range({"run", manifest_, "--progress=none"}));
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.out.find("next      mole explain border/traffic@2007-09-22T06:00:00Z\n"), std::string::npos) << outcome.out;
  EXPECT_EQ(outcome.err,
            "failed: border/traffic@2007-09-22T06:00:00Z\n"
            "  plugin traffic 1.0.0, block 2007-09-22T06:00:00Z: crashed after 3 attempts\n"
            "  signal 11 in add\n"
            "  | first\n"
            "  | last \\x1b[31m\n");
}

TEST_F(CommandLine, RunReturnsTryLaterForBlocksPastTheEndOfTheArchive) {
  auto waiting = finished(RequestState::waiting, 2);
  waiting.jobs.waiting = 1;
  waiting.waits = {"1 job waits for files: the archive \"store\" ends at 2007-09-22T18:00:00Z; compute without them (--partial)"};
  waiting.reason = waiting.waits.front();
  prepare_run(waiting);
  const auto outcome = mole(with_range({"run", manifest_, "--progress=none"}));
  EXPECT_EQ(outcome.code, 75);
  EXPECT_EQ(outcome.out.find("waits for files"), std::string::npos) << "once, on stderr: " << outcome.out;
  EXPECT_EQ(outcome.err,
            "mole: 1 job waits for files: the archive \"store\" ends at 2007-09-22T18:00:00Z; compute without them "
            "(--partial)\n");
  EXPECT_NE(api_.calls.back(), "cancel r-1") << "it still waits: the same command, or any other run, continues it";
}

TEST_F(CommandLine, ErrorsOfTheCoordinatorDetermineTheExitCode) {
  const std::vector<std::pair<Error, int>> cases{{invalid("x"), 5}, {missing("x"), 4},   {unsupported("x"), 5},
                                                 {corrupt("x"), 1}, {exhausted("x"), 1}, {transient("x"), 75},
                                                 {internal("x"), 1}};
  for (const auto& [error, code] : cases) {
    api_.answers.insert_or_assign("explain", error);
    EXPECT_EQ(mole({"explain", "a/b@2007-09-22"}).code, code);
  }
  EXPECT_EQ(mole({"explain", "a@2007-09-32"}).code, 2);
}

TEST_F(CommandLine, FlowsOfAMissingFileAreNotFound) {
  const auto outcome = mole({"flows", (folder_ / "absent.bz2").string()});
  EXPECT_EQ(outcome.code, 4);
  EXPECT_NE(outcome.err.find("absent.bz2 does not exist"), std::string::npos);
}

TEST_F(CommandLine, ARunContinuesWhenTheRunWhoseCoordinatorItUsesEnds) {
  RequestStatus complete;
  complete.id = "r-1";
  complete.pipeline = "border";
  complete.state = RequestState::complete;
  prepare_run(complete);
  answers_later_ = [&] { prepare_run(complete); };
  for (const char* call : {"validate", "archive_task", "submit"}) {
    prepare_run(complete);
    api_.answers.insert_or_assign(call, transient("connection refused"));
    other_runs_ = {71, 72, 0};
    needs_.clear();
    const auto outcome = mole({"run", manifest_, "2007-09-22/P1D"});
    EXPECT_EQ(outcome.code, 0) << call << outcome.err;
    EXPECT_EQ(needs_.size(), 3u) << call;
    for (const char* text :
         {"process 71 (mole) works on this state", "process 71 (mole) has ended", "process 72 (mole) has ended"})
      EXPECT_NE(outcome.err.find(text), std::string::npos) << call << outcome.err;
  }
}

TEST_F(CommandLine, ARunThatFailsForADifferentReasonIsNotRepeated) {
  prepare_run({});
  api_.answers.insert_or_assign("submit", invalid("no such module"));
  other_runs_ = {71, 0};
  EXPECT_EQ(mole({"run", manifest_, "2007-09-22/P1D"}).code, 5);
  EXPECT_EQ(needs_.size(), 1u);
}

TEST_F(CommandLine, AnUnreachableServiceReturnsTryLater) {
  connect_error_ = transient("connection refused");
  const auto outcome = mole({"status", "--coordinator", "unix:/nowhere"});
  EXPECT_EQ(outcome.code, 75);
  EXPECT_EQ(options_.coordinator, "unix:/nowhere");
}

TEST_F(CommandLine, TheStateComesFromTheOptionTheEnvironmentOrTheDefault) {
  api_.answer_with("requests", std::vector<RequestStatus>{});
  mole({"request", "list"});
  EXPECT_EQ(options_.state, "mole-state");
  ::setenv("MOLE_STATE", "/elsewhere", 1);
  mole({"request", "list"});
  EXPECT_EQ(options_.state, "/elsewhere");
  mole({"--state", "here", "request", "list"});
  EXPECT_EQ(options_.state, "here");
  mole({"request", "list", "--state", "after"});
  EXPECT_EQ(options_.state, "after");
  ::unsetenv("MOLE_STATE");
}

TEST_F(CommandLine, WarnsThatAServiceHasNoNodes) {
  embedded_ = false;
  api_.answer_with("request", finished(RequestState::complete));
  coordinator::ClusterStatus status;
  status.nodes = {{"a", "", 1, 1, 0, 0, coordinator::NodeState::silent}};
  api_.answer_with("status", status);
  EXPECT_EQ(mole({"request", "watch", "r-1", "--progress=none"}).err,
            "mole: the coordinator has no nodes; work starts when a mole-node registers\n");
  status.nodes.front().state = coordinator::NodeState::online;
  api_.answer_with("status", status);
  EXPECT_EQ(mole({"request", "watch", "r-1", "--progress=none"}).err, "");
}

TEST_F(CommandLine, PlotDrawsTheCachesWithoutAModule) {
  coordinator::LoadHistory history;
  EXPECT_EQ(mole({"plot", "--cache"}).code, 4) << "no node has told anything";
  history.nodes = {
      {"node-a", {{.from = 0, .to = minute_us, .heartbeats = 6, .measured_seconds = 60, .cache_bytes = 5, .cache_limit = 9}}}};
  api_.answer_with("load_history", history);
  const auto figure = mole({"plot", "--cache", "--title", "a month"});
  EXPECT_EQ(figure.code, 0) << figure.err;
  EXPECT_TRUE(figure.out.starts_with("<svg")) << figure.out.substr(0, 80);
  EXPECT_NE(figure.out.find(">a month<"), std::string::npos);
  EXPECT_NE(figure.out.find(">node-a<"), std::string::npos);
  const auto data = mole({"--json", "plot", "--cache"});
  EXPECT_EQ(nlohmann::json::parse(data.out)["nodes"][0]["node"], "node-a") << data.out;
}

TEST_F(CommandLine, PlotRefusesResultsAndCachesInOneFigure) {
  const std::vector<std::vector<std::string>> mixed = {{"plot", "--cache", "traffic", "bytes"},
                                                       {"plot", "--cache", "traffic"},
                                                       {"plot", "--cache", "--rate"},
                                                       {"plot", "--cache", "--where", "a=b"},
                                                       {"plot", "--cache", "--what-if", "last"},
                                                       {"plot", "--cache", "--band", "a,b"},
                                                       {"plot", "--cache", "--panels", "each"},
                                                       {"plot", "--cache", "--mark", "x"},
                                                       {"plot", "--cache", "--pale-below", "0.5"}};
  for (const auto& arguments : mixed) {
    const auto outcome = mole(arguments);
    EXPECT_EQ(outcome.code, 2) << arguments.back();
    EXPECT_NE(outcome.err.find("--cache draws the nodes, not results: leave out"), std::string::npos) << outcome.err;
  }
  for (const auto& arguments : std::vector<std::vector<std::string>>{{"plot"}, {"plot", "traffic"}}) {
    const auto outcome = mole(arguments);
    EXPECT_EQ(outcome.code, 2);
    EXPECT_NE(outcome.err.find("name a module and its columns, such as mole plot traffic bytes"), std::string::npos)
        << outcome.err;
  }
  EXPECT_TRUE(needs_.empty());
}

TEST_F(CommandLine, ArchiveGapsAcceptsAManifest) {
  coordinator::ArchiveGaps found;
  found.missing = {{"19993", 40897, *parse_time("2007-09-22T20"), *parse_time("2007-09-22T21")}};
  api_.answer_with("archive", found);
  const auto outcome = mole({"archive", "gaps", manifest_});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(api_.calls, (std::vector<std::string>{"archive border/store gaps"}));
  EXPECT_EQ(outcome.out,
            "missing: router  sequence  from                  to                    cause\n"
            "19993               40897  2007-09-22T20:00:00Z  2007-09-22T21:00:00Z  no file\n");
  EXPECT_EQ(json::parse(mole({"archive", "gaps", "border/store", "--json"}).out)["missing"][0]["sequence"], 40897);
}

TEST_F(CommandLine, DumpFollowsTheCursorToTheEnd) {
  api_.answer_with("dump", coordinator::TableDump{"files", {json{{"a", 1}}, json{{"a", 2}}}, ""});
  const auto outcome = mole({"state", "dump", "files"});
  EXPECT_EQ(outcome.out, "{\"a\":1}\n{\"a\":2}\n");
  EXPECT_EQ(api_.calls, (std::vector<std::string>{"dump files "}));
}

TEST_F(CommandLine, WatchingAStateWithoutACoordinatorReturnsTryLater) {
  api_.answer_with("request", finished(RequestState::running, 1));
  const auto outcome = mole({"request", "watch", "r-1"});
  EXPECT_EQ(outcome.code, 75);
  EXPECT_NE(outcome.err.find("no coordinator serves this state"), std::string::npos);
}

TEST_F(CommandLine, SimulateRejectsInvalidOptions) {
  const auto out = (folder_ / "archive").string();
  const auto simulate = [&](std::vector<std::string> more) {
    std::vector<std::string> all = with_range({"archive", "simulate", out, "--routers", "1,2", "--flows-per-hour", "10"});
    all.insert(all.end(), more.begin(), more.end());
    return mole(all);
  };
  EXPECT_EQ(simulate({"--gap", "3@2007-09-22T10"}).code, 2);
  EXPECT_EQ(simulate({"--gap", "1@2007-09-24"}).code, 2);
  EXPECT_EQ(simulate({"--gap", "1"}).code, 2);
  EXPECT_EQ(simulate({"--damage", "1@2007-09-22T10:melt"}).code, 2);
  EXPECT_EQ(simulate({"--gap", "1@2007-09-22T10", "--damage", "1@2007-09-22T10:flip"}).code, 2);
  EXPECT_EQ(simulate({"--late-share", "0.7"}).code, 2);
  EXPECT_EQ(simulate({"--noise", "nan"}).code, 2);
  EXPECT_EQ(simulate({"--gap", "1@2007-09-22T10"}).code, 0);
}

TEST_F(CommandLine, TheReferenceContainsEveryCommand) {
  const auto text = command_reference();
  for (const auto* name : {"mole run", "mole plan", "mole results", "mole plot", "mole why", "mole explain", "mole status",
                           "mole request submit", "mole request watch", "mole archive index", "mole archive simulate",
                           "mole plugin inspect", "mole manifest graph", "mole flows", "mole state dump"})
    EXPECT_NE(text.find(std::string("## ") + name + "\n"), std::string::npos) << name;
}

TEST_F(CommandLine, TheGuideContainsTheReference) {
  std::ifstream guide(MOLE_SOURCE_DIR "/docs/guide/commands.md");
  std::stringstream text;
  text << guide.rdbuf();
  EXPECT_TRUE(text.str() == command_reference()) << "update it: mole --reference > docs/guide/commands.md";
}

}  // namespace
}  // namespace mole::cli
