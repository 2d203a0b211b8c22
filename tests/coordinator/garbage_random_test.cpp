// Random histories of requests, from which garbage is removed again and again, at times only in part: what can be shown stays.
#include "tests/coordinator/garbage_fixture.hpp"

#include <random>
#include <set>

namespace mole::test {
namespace {

struct RandomGarbage : Garbage {
  std::mt19937 chance;
  std::vector<coordinator::Submission> submitted;

  std::uint64_t below(std::uint64_t limit) { return chance() % limit; }

  coordinator::Submission random_submission() {
    const auto from = 2 * below(3), to = from + 2 + 2 * below(2);
    const auto hour = [](std::uint64_t h) { return "2007-09-22T0" + std::to_string(h); };
    const char* windows[] = {"window: 6h", "window: 4h", "window: 2h"};
    const auto window = windows[below(20) == 0 ? 1 + below(2) : 0];
    auto s = world.submission(below(5) == 0 ? border : replaced(chain, "window: 6h", window), hour(from), hour(to));
    if (s.manifest.find("mean") != std::string::npos && below(3) > 0)
      s.overrides = {"modules.mean.params.minimum_coverage=0." + std::to_string(1 + below(40))};
    return s;
  }

  // All files that users see, and their sizes.
  std::map<std::string, std::uintmax_t> shown_files() {
    std::map<std::string, std::uintmax_t> out;
    for (const auto* folder : {"tables", "what_if"})
      if (fs::exists(state() / folder))
        for (const auto& entry : fs::recursive_directory_iterator(state() / folder))
          if (entry.is_regular_file()) out[entry.path().string()] = entry.file_size();
    return out;
  }

  std::set<std::string> open_requests() {
    std::set<std::string> out;
    const nlohmann::json requests = *world.client().requests();
    for (const auto& request : requests)
      if (request["state"] == "WAITING") out.insert(request["id"]);
    return out;
  }

  void expect_readable(const nlohmann::json& results, const std::string& what) {
    for (const auto& block : results["blocks"])
      EXPECT_TRUE(world.service().get_blob(*Digest::from_hex(block["rows_blob"].get<std::string>()), 0, 10)) << what;
  }

  void expect_complete_state() {
    const nlohmann::json requests = *world.client().requests();
    const nlohmann::json modules = world.client().dump("modules", "", 100)->at("rows");
    const nlohmann::json catalogue = world.client().dump("catalogue", "", 10'000)->at("rows");
    for (const auto& request : requests) {
      const std::string id = request["id"];
      if (request["state"] != "COMPLETE") continue;
      EXPECT_TRUE(fs::exists(state() / "requests" / id / "request.json")) << id;
      for (const auto* module : {"traffic", "mean", "variance"})
        if (const auto results = world.client().results("border/" + std::string(module), {}, id))
          expect_readable(*results, id);
        else
          EXPECT_NE(results.error().message.find("has no module"), std::string::npos) << results.error().message;
    }
    for (const auto& row : modules)
      for (const auto& what_if : row["what_ifs"]) {
        const auto id = "r" + std::to_string(what_if["latest"].get<std::uint64_t>());
        const auto results = world.client().results(row["key"], {}, id);
        EXPECT_TRUE(results) << id;
        if (results) expect_readable(*results, id);
      }
    for (const auto& row : catalogue) {
      const auto blob = row.value("rows_blob", "");
      EXPECT_TRUE(blob.empty() || fs::exists(state() / "blobs" / blob.substr(0, 2) / blob)) << row;
    }
  }

  void collect_some() {
    age_blobs();
    world.wall += static_cast<Micros>(below(40)) * day_us;
    const auto options = latest(below(6));
    const auto shown = world.catalogue();
    const auto files = shown_files();
    const auto open = open_requests();
    const bool whole = below(2) == 0;
    collect(options, whole ? UINT64_MAX : 1 + below(12));
    if (!whole || below(3) == 0) world.reopen();  // as after a crash between two steps
    EXPECT_EQ(world.catalogue(), shown);
    EXPECT_EQ(shown_files(), files);
    EXPECT_EQ(open_requests(), open);
    expect_complete_state();
    if (whole) EXPECT_EQ(collect(options), (std::map<std::string, std::uint64_t>{}));
  }

  void act() {
    const auto what = below(10);
    if (what == 0) {
      ASSERT_TRUE(world.client().submit(world.submission(border, "2030-01-01", "2030-01-0" + std::to_string(2 + below(5)))));
      world.work();
    } else if (what == 1) {
      const auto accepted = world.client().submit(random_submission());
      ASSERT_TRUE(accepted);
      (void)world.work_once();
      ASSERT_TRUE(world.client().cancel(accepted->at("id")));
    } else if (what < 8) {
      submitted.push_back(random_submission());
      EXPECT_EQ(world.run(submitted.back())["state"], "COMPLETE");
    } else {
      collect_some();
    }
  }
};

TEST_F(RandomGarbage, KeepsWhatCanBeShownOrContinued) {
  chance.seed(7);
  for (int i = 0; i < 150 && !HasFailure(); ++i) act();
  for (const auto& s : submitted) ASSERT_EQ(world.run(s)["state"], "COMPLETE");
  expect_complete_state();
}

}  // namespace
}  // namespace mole::test
