#include "cli/app.hpp"
#include "tests/cli/fake_api.hpp"
#include "tests/support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <fstream>
#include <sstream>

namespace mole::cli {
namespace {

using nlohmann::json;

struct Said {
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

  Said mole(std::vector<std::string> arguments) {
    std::ostringstream out, err;
    Context context{out, err, {}, {}, false, {}, [this](const Options& options, Need need) -> Result<std::unique_ptr<Session>> {
                      options_ = options;
                      needs_.push_back(need);
                      if (refused_) return *refused_;
                      return std::unique_ptr<Session>(std::make_unique<FakeSession>(api_, outlives_));
                    }};
    const auto code = static_cast<int>(run_command_line(arguments, context));
    return {code, out.str(), err.str()};
  }
  // Answers of a run that ends like this.
  void prepare_run(const json& request) {
    api_.answers.insert_or_assign(
        "validate", json{{"modules", {{{"module", "traffic"}, {"outputs", {{{"name", "bytes"}, {"type", "u64"}}}}}}}});
    api_.answers.insert_or_assign("archive_task", json{{"id", "listing"}});
    api_.answers.insert_or_assign("request listing", json{{"state", "COMPLETE"}});
    api_.answers.insert_or_assign("plan", json{{"jobs", {{"reused", 2}, {"new", 1}, {"waiting", 0}}}});
    api_.answers.insert_or_assign("submit", json{{"id", "r-1"}, {"created", true}, {"modules", {"border/traffic"}}});
    api_.answers.insert_or_assign("request", request);
  }

  mole::testing::TempFolder temporary_;
  const std::filesystem::path folder_ = temporary_.path();
  std::string manifest_;
  FakeApi api_;
  bool outlives_ = false;
  std::optional<Error> refused_;
  Options options_;
  std::vector<Need> needs_;
};

json finished(const char* state, std::uint64_t done = 3, double coverage = 1) {
  return {{"id", "r-1"},
          {"pipeline", "border"},
          {"module", ""},
          {"from", "2007-09-22T00:00:00Z"},
          {"to", "2007-09-23T00:00:00Z"},
          {"state", state},
          {"coverage", coverage},
          {"jobs", {{"total", 3}, {"done", done}}}};
}
const std::vector<std::string> range{"--from", "2007-09-22", "--to", "2007-09-23"};

std::vector<std::string> with_range(std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), range.begin(), range.end());
  return arguments;
}

TEST_F(CommandLine, WithoutACommandIsAUsageError) {
  const auto said = mole({});
  EXPECT_EQ(said.code, 2);
  EXPECT_EQ(said.err, "mole: A subcommand is required; mole --help shows what it takes\n");
}

TEST_F(CommandLine, NamesTheCommandWhoseOptionIsUnknown) {
  const auto said = mole({"archive", "ls", manifest_, "--frobnicate"});
  EXPECT_EQ(said.code, 2);
  EXPECT_EQ(said.err,
            "mole: The following argument was not expected: --frobnicate; mole archive ls --help shows what it takes\n");
}

TEST_F(CommandLine, RefusesAMalformedTimeBeforeConnecting) {
  const auto said = mole({"run", manifest_, "--from", "yesterday", "--to", "2007-09-23"});
  EXPECT_EQ(said.code, 2);
  EXPECT_NE(said.err.find("'yesterday' is not a time: write 2007-09-22T20:00:00Z"), std::string::npos) << said.err;
  EXPECT_TRUE(needs_.empty());
}

TEST_F(CommandLine, NeedsARange) {
  EXPECT_EQ(mole({"run", manifest_}).code, 2);
  EXPECT_EQ(mole({"plan", manifest_, "--from", "2007-09-22"}).code, 2);
  EXPECT_EQ(mole({"run", manifest_, "--from", "2007-09-23", "--to", "2007-09-22"}).code, 2);
  EXPECT_EQ(mole({"run", manifest_, "2007-09-22/P1D", "--from", "2007-09-22"}).code, 2);
}

TEST_F(CommandLine, HelpIsNoError) {
  const auto said = mole({"run", "--help"});
  EXPECT_EQ(said.code, 0);
  EXPECT_NE(said.out.find("--partial"), std::string::npos);
}

TEST_F(CommandLine, AManifestThatIsNotThereIsNotFound) {
  const auto said = mole(with_range({"run", "absent.yaml"}));
  EXPECT_EQ(said.code, 4);
  EXPECT_NE(said.err.find("mole: cannot read the manifest absent.yaml"), std::string::npos) << said.err;
}

TEST_F(CommandLine, AnErrorInTheManifestIsRefusedWithItsPlace) {
  std::ofstream(manifest_) << "pipeline: border\nfrequency: 3\n";
  const auto said = mole({"archive", "ls", manifest_});
  EXPECT_EQ(said.code, 5);
  EXPECT_NE(said.err.find("border.yaml:2:1"), std::string::npos) << said.err;
}

TEST_F(CommandLine, RunPassesTheSubmissionOn) {
  prepare_run(finished("COMPLETE"));
  const auto said = mole({"run", manifest_, "2007-09-22/P1D", "--set", "modules.traffic.interval=30m", "--set",
                          "archives.store.damage=skip", "--partial", "--module", "traffic", "--progress=none"});
  EXPECT_EQ(said.code, 0) << said.err;
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

TEST_F(CommandLine, RunSumsUpAndSaysWhatToTypeNext) {
  prepare_run(finished("COMPLETE"));
  const auto said = mole(with_range({"run", manifest_, "--progress=none"}));
  EXPECT_EQ(said.out,
            "request   r-1\n"
            "for       border, 2007-09-22T00:00:00Z .. 2007-09-23T00:00:00Z\n"
            "state     COMPLETE\n"
            "jobs      3 done of 3\n"
            "coverage  100 %\n"
            "          2 of them reused from earlier runs\n"
            "tables    mole-state/tables/border\n"
            "next      mole results traffic\n"
            "          mole plot traffic bytes -o bytes.svg\n");
  EXPECT_EQ(said.err, "");
}

TEST_F(CommandLine, RunSuggestsALineWorthSeeing) {
  prepare_run(finished("COMPLETE"));
  const auto column = [](const char* name, const char* type, const char* unit) {
    return json{{"name", name}, {"type", type}, {"unit", unit}};
  };
  const auto suggested = [&](const json& modules, const std::vector<std::string>& more = {}) {
    api_.answers.insert_or_assign("validate", json{{"modules", modules}});
    auto accepted = json::array();
    for (const auto& m : modules) accepted.push_back("border/" + m.at("module").get<std::string>());
    api_.answers.insert_or_assign("submit", json{{"id", "r-1"}, {"created", true}, {"modules", accepted}});
    auto arguments = with_range({"run", manifest_, "--progress=none"});
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto said = mole(arguments).out;
    return said.substr(said.find("next"));
  };
  const json top{{"module", "top"}, {"outputs", {column("side", "text", "1"), column("bytes", "u64", "B")}}};
  const json hosts{{"module", "hosts"},
                   {"outputs", {column("when", "time", "1"), column("odd", "bool", "1"), column("share", "f64", "1")}}};
  const json traffic{{"module", "traffic"}, {"outputs", {column("rate", "f64", "1"), column("flows", "u64", "flow")}}};
  EXPECT_EQ(suggested({top, traffic, hosts}), "next      mole results traffic\n          mole plot traffic flows -o flows.svg\n");
  EXPECT_EQ(suggested({top, hosts, traffic}), "next      mole results hosts\n          mole plot hosts share -o share.svg\n");
  EXPECT_EQ(suggested({traffic, hosts}, {"--module", "hosts"}),
            "next      mole results hosts\n          mole plot hosts share -o share.svg\n");
  EXPECT_EQ(suggested(json::array({top})), "next      mole results top\n");  // a row for each name is no line
  api_.answers.insert_or_assign("status", json{{"modules", {{{"module", "border/traffic"}}, {{"module", "other/traffic"}}}}});
  EXPECT_EQ(suggested(json::array({traffic})),
            "next      mole results border/traffic\n          mole plot border/traffic flows -o flows.svg\n");
}

TEST_F(CommandLine, RunExitsByHowTheRequestEnded) {
  prepare_run(finished("PARTIAL", 3, 0.98));
  EXPECT_EQ(mole(with_range({"run", manifest_})).code, 3);
  auto failed = finished("FAILED", 2);
  failed["failures"] = {{{"job", "border/traffic@2007-09-22T06:00:00Z"},
                         {"plugin", "traffic 1.0.0"},
                         {"block", "2007-09-22T06:00:00Z"},
                         {"code", "crashed"},
                         {"message", "signal 11 in add"},
                         {"attempts", 3},
                         {"log_tail", "first\nlast \x1b[31m"}}};
  prepare_run(failed);
  const auto said = mole(with_range({"run", manifest_, "--progress=none"}));
  EXPECT_EQ(said.code, 1);
  EXPECT_NE(said.out.find("next      mole explain border/traffic@2007-09-22T06:00:00Z\n"), std::string::npos) << said.out;
  EXPECT_EQ(said.err,
            "failed: border/traffic@2007-09-22T06:00:00Z\n"
            "  plugin traffic 1.0.0, block 2007-09-22T06:00:00Z: crashed after 3 attempts\n"
            "  signal 11 in add\n"
            "  | first\n"
            "  | last \\x1b[31m\n");
}

TEST_F(CommandLine, BlocksPastTheHorizonAreForLater) {
  auto waiting = finished("WAITING", 2);
  waiting["jobs"]["waiting"] = 1;
  waiting["waits"] = {
      "1 job waits for files: the archive store ends at 2007-09-22T18:00:00Z; compute with what there is (--partial)"};
  api_.answers.insert_or_assign("cancel", json::object());
  prepare_run(waiting);
  const auto said = mole(with_range({"run", manifest_, "--progress=none"}));
  EXPECT_EQ(said.code, 75);
  EXPECT_EQ(said.err,
            "mole: 1 job waits for files: the archive store ends at 2007-09-22T18:00:00Z; compute with what there is "
            "(--partial)\n");
  EXPECT_EQ(api_.calls.back(), "cancel r-1") << "nobody serves it once the command has ended";
}

TEST_F(CommandLine, WhatTheCoordinatorSaysDecidesTheExitCode) {
  const std::vector<std::pair<Error, int>> cases{{invalid("x"), 5}, {missing("x"), 4},   {unsupported("x"), 5},
                                                 {corrupt("x"), 1}, {exhausted("x"), 1}, {transient("x"), 75},
                                                 {internal("x"), 1}};
  for (const auto& [error, code] : cases) {
    api_.answers.insert_or_assign("explain", error);
    EXPECT_EQ(mole({"explain", "a/b@2007-09-22"}).code, code);
  }
  EXPECT_EQ(mole({"explain", "a@2007-09-22"}).code, 2);
}

TEST_F(CommandLine, FlowsOfAFileThatIsNotThereAreNotFound) {
  const auto said = mole({"flows", (folder_ / "absent.bz2").string()});
  EXPECT_EQ(said.code, 4);
  EXPECT_NE(said.err.find("absent.bz2 is not there"), std::string::npos);
}

TEST_F(CommandLine, AServiceThatDoesNotAnswerIsForLater) {
  refused_ = transient("nothing answers");
  const auto said = mole({"status", "--coordinator", "unix:/nowhere"});
  EXPECT_EQ(said.code, 75);
  EXPECT_EQ(options_.coordinator, "unix:/nowhere");
}

TEST_F(CommandLine, TheStateIsGivenOrOfTheEnvironmentOrHere) {
  api_.answers.insert_or_assign("requests", json::array());
  mole({"request", "list"});
  EXPECT_EQ(options_.state, "mole-state");
  ::setenv("MOLE_STATE", "/elsewhere", 1);
  mole({"request", "list"});
  EXPECT_EQ(options_.state, "/elsewhere");
  mole({"--state", "here", "request", "list"});
  EXPECT_EQ(options_.state, "here");
  mole({"request", "list", "--state", "behind"});
  EXPECT_EQ(options_.state, "behind");
  ::unsetenv("MOLE_STATE");
}

TEST_F(CommandLine, SaysThatAServiceHasNoNode) {
  outlives_ = true;
  api_.answers.insert_or_assign("request", finished("COMPLETE"));
  api_.answers.insert_or_assign("status", json{{"nodes", {{{"name", "a"}, {"state", "silent"}}}}});
  EXPECT_EQ(mole({"request", "watch", "r-1", "--progress=none"}).err,
            "mole: the coordinator has no node yet; the work begins when a mole-node joins it\n");
  api_.answers.insert_or_assign("status", json{{"nodes", {{{"name", "a"}, {"state", "online"}}}}});
  EXPECT_EQ(mole({"request", "watch", "r-1", "--progress=none"}).err, "");
}

TEST_F(CommandLine, GapsOfAManifestAreThoseOfItsArchives) {
  api_.answers.insert_or_assign(
      "archive",
      json{{"missing", {{{"router", "19993"}, {"sequence", 40897}, {"from", "a"}, {"to", "b"}}}}, {"damaged", json::array()}});
  const auto said = mole({"archive", "gaps", manifest_});
  EXPECT_EQ(said.code, 0) << said.err;
  EXPECT_EQ(api_.calls, (std::vector<std::string>{"archive border/store gaps"}));
  EXPECT_EQ(said.out,
            "missing: router  sequence  from  to\n"
            "19993               40897  a     b\n");
  EXPECT_EQ(json::parse(mole({"archive", "gaps", "border/store", "--json"}).out)["missing"][0]["sequence"], 40897);
}

TEST_F(CommandLine, DumpFollowsTheCursorToTheEnd) {
  api_.answers.insert_or_assign("dump", json{{"rows", {{{"a", 1}}, {{"a", 2}}}}, {"next", ""}});
  const auto said = mole({"state", "dump", "files"});
  EXPECT_EQ(said.out, "{\"a\":1}\n{\"a\":2}\n");
  EXPECT_EQ(api_.calls, (std::vector<std::string>{"dump files "}));
}

TEST_F(CommandLine, WatchingAStateNobodyWorksOnIsForLater) {
  auto running = finished("RUNNING", 1);
  api_.answers.insert_or_assign("request", running);
  const auto said = mole({"request", "watch", "r-1"});
  EXPECT_EQ(said.code, 75);
  EXPECT_NE(said.err.find("nobody works on this state"), std::string::npos);
}

TEST_F(CommandLine, SimulateRefusesContradictions) {
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
  EXPECT_EQ(simulate({"--gap", "1@2007-09-22T10"}).code, 0);
}

TEST_F(CommandLine, TheReferenceHoldsEveryCommand) {
  const auto text = command_reference();
  for (const auto* name : {"mole run", "mole plan", "mole results", "mole plot", "mole why", "mole explain", "mole status",
                           "mole request submit", "mole request watch", "mole archive index", "mole archive simulate",
                           "mole plugin inspect", "mole manifest graph", "mole flows", "mole state dump"})
    EXPECT_NE(text.find(std::string("## ") + name + "\n"), std::string::npos) << name;
}

TEST_F(CommandLine, TheGuideHoldsTheReference) {
  std::ifstream guide(MOLE_SOURCE_DIR "/docs/guide/commands.md");
  std::stringstream text;
  text << guide.rdbuf();
  EXPECT_TRUE(text.str() == command_reference()) << "write it anew: mole --reference > docs/guide/commands.md";
}

}  // namespace
}  // namespace mole::cli
