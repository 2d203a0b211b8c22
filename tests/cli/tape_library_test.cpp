#include "cli/tape_library/report.hpp"
#include "cli/tape_library/session.hpp"
#include "sdk/model/field_json.hpp"
#include "tests/support/temp_folder.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace mole::cli {
namespace {

constexpr Micros start = 1'199'145'600 * second_us;  // 2008-01-01

// `tapes` tapes of `each` files of 50 MB; file i is on tape i % tapes, in the order of the names.
TapeLibrary library_of(std::uint64_t tapes, std::uint64_t each) {
  TapeLibrary library;
  library.start = start;
  for (std::uint64_t i = 0; i < tapes * each; ++i)
    library.files.push_back(
        {fmt::format("f{:04}", i), 50'000'000, 0, {{fmt::format("MT{:04}", i % tapes + 1), i / tapes * 1000}}});
  return library;
}

struct Run {
  TapeState state;
  std::vector<TapeEvent> events;

  std::uint64_t count(TapeEventKind kind) const {
    return static_cast<std::uint64_t>(std::ranges::count(events, kind, &TapeEvent::event));
  }
  const TapeEvent* first(TapeEventKind kind) const {
    const auto found = std::ranges::find(events, kind, &TapeEvent::event);
    return found == events.end() ? nullptr : &*found;
  }
  Micros time() const { return state.clock - start; }
};

// Stages the files `batch` at a time, in their order, each batch when the previous one has settled.
Run run(const TapeLibrary& library, std::size_t batch = ~std::size_t{0}) {
  Run out;
  TapeModel model(library, {}, [&](const TapeEvent& e) { out.events.push_back(e); });
  for (std::size_t i = 0; i < library.files.size();) {
    for (std::size_t n = 0; n < batch && i < library.files.size(); ++n) model.stage(i++);
    while (model.advance()) {
    }
  }
  out.state = model.state();
  return out;
}

std::string text_of(const std::vector<TapeEvent>& events) {
  std::string out;
  for (const auto& event : events) out += json_text(nlohmann::json(event)) + "\n";
  return out;
}

TEST(TapeModel, MountsEachTapeOnceIfAllFilesAreRequestedTogether) {
  const auto library = library_of(6, 10);
  const auto together = run(library);
  EXPECT_EQ(together.count(TapeEventKind::insert), 6u);
  EXPECT_EQ(together.count(TapeEventKind::read), 60u);
  EXPECT_EQ(together.state.online.size(), 60u);
}

TEST(TapeModel, TakesLongerForOneFileAtATime) {
  const auto library = library_of(6, 10);
  const auto together = run(library), single = run(library, 1);
  EXPECT_EQ(single.count(TapeEventKind::read), 60u);
  EXPECT_EQ(single.count(TapeEventKind::insert), 60u);  // the tapes alternate
  EXPECT_GT(single.time(), 4 * together.time());
}

TEST(TapeModel, ReadsInTheOrderOfPositions) {
  auto library = library_of(1, 5);
  library.settings.drives = 1;
  for (std::size_t i = 0; i < 5; ++i) library.files[i].copies[0].position = (i * 3 + 1) % 5 * 1000;
  const auto done = run(library);
  std::vector<std::string> order;
  for (const auto& event : done.events)
    if (event.event == TapeEventKind::read) order.push_back(event.file);
  EXPECT_EQ(order, (std::vector<std::string>{"f0003", "f0000", "f0002", "f0004", "f0001"}));
}

TEST(TapeModel, TimesOfOneFileAddUp) {
  auto library = library_of(1, 1);
  library.files[0].copies[0].position = library.settings.capacity / tape_block_bytes / 2;
  const auto done = run(library);
  // move 15 s + load 20 s, locate 4 s + half of 90 s, 50 MB at 5 MB/s
  EXPECT_EQ(done.time(), (15 + 20 + 4 + 45 + 10) * second_us + 1);
  EXPECT_EQ(done.first(TapeEventKind::insert)->took, 35 * second_us);
  EXPECT_EQ(done.first(TapeEventKind::seek)->took, 49 * second_us);
}

TEST(TapeModel, NoTimePassesUnlessAFileWaits) {
  auto library = library_of(2, 2);
  library.settings.others_per_hour = 60;
  TapeModel model(library, {}, [](const TapeEvent&) {});
  EXPECT_FALSE(model.advance());
  model.stage(0);
  EXPECT_EQ(model.state().clock, start);
  EXPECT_TRUE(model.advance());
  const auto clock = model.state().clock;
  EXPECT_EQ(model.where(0), FileWhere::online);
  model.release(0);
  EXPECT_FALSE(model.advance());
  EXPECT_EQ(model.state().clock, clock);
}

TEST(TapeModel, DrivesAndArmDoOneThingAtATime) {
  auto library = library_of(9, 8);
  library.settings.drives = 3;
  library.settings.others_per_hour = 20;
  const auto done = run(library, 7);
  for (std::uint64_t drive = 1; drive <= 3; ++drive) {
    Micros end = start;
    for (const auto& event : done.events) {
      if (event.drive != drive || event.took == 0) continue;
      EXPECT_GE(event.at - event.took, end) << json_text(nlohmann::json(event));
      end = event.at;
    }
  }
  std::vector<Micros> inserted;
  for (const auto& event : done.events)
    if (event.event == TapeEventKind::insert) inserted.push_back(event.at);
  for (std::size_t i = 1; i < inserted.size(); ++i) EXPECT_GE(inserted[i] - inserted[i - 1], library.settings.move);
  EXPECT_GT(done.count(TapeEventKind::lend), 0u);
  EXPECT_LE(report_of(library, done.events).most_drives, 3u);
}

TEST(TapeModel, EqualSeedsGiveEqualEvents) {
  auto library = library_of(5, 6);
  library.settings.others_per_hour = 30;
  library.settings.read_errors_per_million = 100'000;
  const auto first = text_of(run(library, 10).events);
  EXPECT_EQ(first, text_of(run(library, 10).events));
  library.settings.seed = 2;
  EXPECT_NE(first, text_of(run(library, 10).events));
}

TEST(TapeModel, ContinuesFromItsStoredState) {
  auto library = library_of(4, 6);
  library.settings.others_per_hour = 30;
  library.settings.faults = {{TapeFault::read, "f0003", 1}};
  library.settings.drive_faults = {{2, 4 * minute_us}};
  std::vector<TapeEvent> events;
  TapeState state;
  for (bool more = true, begun = false; more; begun = true) {
    TapeModel model(library, state, [&](const TapeEvent& e) { events.push_back(e); });
    for (std::size_t i = 0; !begun && i < library.files.size(); ++i) model.stage(i);
    more = model.advance();
    state = *read_document<TapeState>(nlohmann::json::parse(nlohmann::json(model.state()).dump()));
  }
  EXPECT_EQ(text_of(events), text_of(run(library).events));
}

TEST(TapeModel, ReadsAgainAfterAnError) {
  auto library = library_of(1, 3);
  library.settings.faults = {{TapeFault::read, "f0001", 1}};
  const auto done = run(library);
  EXPECT_EQ(done.state.online.size(), 3u);
  ASSERT_EQ(done.count(TapeEventKind::error), 1u);
  EXPECT_EQ(done.first(TapeEventKind::error)->took, 5 * second_us);  // half of the read
}

TEST(TapeModel, UsesTheNextCopyOfADamagedOne) {
  auto library = library_of(1, 3);
  library.files[1].copies.push_back({"MT0009", 77});
  library.settings.faults = {{TapeFault::read, "f0001", 0}};
  const auto done = run(library);
  EXPECT_EQ(done.state.online.size(), 3u);
  EXPECT_EQ(done.count(TapeEventKind::error), 2u);
  EXPECT_EQ(done.state.damaged, (std::vector<DamagedCopy>{{1, 0}}));
  library.files[1].copies.pop_back();
  const auto lost = run(library);
  EXPECT_EQ(lost.state.online.size(), 2u);
  EXPECT_EQ(lost.first(TapeEventKind::fail)->reason, "all copies are damaged");
}

TEST(TapeModel, FailsToStageAsOftenAsTold) {
  auto library = library_of(1, 2);
  library.settings.faults = {{TapeFault::stage, "f0001", 1}};
  TapeModel model(library, {}, [](const TapeEvent&) {});
  model.stage(1);
  EXPECT_TRUE(model.advance());
  EXPECT_EQ(model.where(1), FileWhere::offline);
  model.stage(1);
  EXPECT_TRUE(model.advance());
  EXPECT_EQ(model.where(1), FileWhere::online);
}

TEST(TapeModel, FinishesOnTheRemainingDrives) {
  for (const Micros after : {Micros{1}, 20 * second_us, 40 * second_us, minute_us, 3 * minute_us}) {
    auto library = library_of(4, 5);
    library.settings.drive_faults = {{1, after}};
    const auto done = run(library);
    EXPECT_EQ(done.state.online.size(), 20u) << after;
    EXPECT_EQ(done.count(TapeEventKind::broken), 1u);
  }
}

TEST(TapeModel, FailsRequestsIfNoDriveWorks) {
  auto library = library_of(2, 3);
  library.settings.drive_faults = {{1, minute_us}, {2, 90 * second_us}};
  const auto done = run(library);
  EXPECT_EQ(done.first(TapeEventKind::fail)->reason, "no drive works");
  EXPECT_TRUE(done.state.queue.empty());
  EXPECT_EQ(done.count(TapeEventKind::fail) + done.state.online.size(), 6u);
}

TEST(TapeModel, NeverExceedsItsDisk) {
  auto library = library_of(3, 10);
  library.settings.disk = 120'000'000;  // two files and a bit
  std::vector<TapeEvent> events;
  TapeModel model(library, {}, [&](const TapeEvent& e) { events.push_back(e); });
  for (std::size_t i = 0; i < library.files.size(); ++i) model.stage(i);
  while (model.advance()) EXPECT_LE(model.state().online.size(), 2u);
  EXPECT_EQ(std::ranges::count(events, TapeEventKind::read, &TapeEvent::event), 30);
  EXPECT_EQ(std::ranges::count(events, TapeEventKind::evict, &TapeEvent::event), 28);
}

TEST(TapeModel, EvictsTheFileThatWasNotUsedForLongest) {
  auto library = library_of(1, 3);
  library.settings.disk = 100'000'000;
  TapeModel model(library, {}, [](const TapeEvent&) {});
  for (const std::uint64_t file : {0, 1}) {
    model.stage(file);
    model.advance();
  }
  model.use(0);
  model.stage(2);
  model.advance();
  EXPECT_EQ(model.where(0), FileWhere::online);
  EXPECT_EQ(model.where(1), FileWhere::offline);
}

TEST(TapeModel, RefusesAFileLargerThanItsDisk) {
  auto library = library_of(1, 1);
  library.settings.disk = 49'999'999;
  const auto done = run(library);
  EXPECT_EQ(done.first(TapeEventKind::fail)->reason, "the file is larger than the disk of the store");
}

TEST(TapeModel, WithdrawsWaitingRequestsOnly) {
  auto library = library_of(1, 3);
  TapeModel model(library, {}, [](const TapeEvent&) {});
  for (const std::uint64_t file : {0, 1, 2}) model.stage(file);
  model.cancel(1);
  EXPECT_EQ(model.where(1), FileWhere::offline);
  while (model.advance()) {
  }
  EXPECT_EQ(model.state().online.size(), 2u);
}

TEST(TapeModel, PassesSeveralFilesPerPoll) {
  auto library = library_of(1, 20);
  library.settings.poll = minute_us;
  TapeModel model(library, {}, [](const TapeEvent&) {});
  for (std::size_t i = 0; i < 20; ++i) model.stage(i);
  int polls = 0;
  while (model.advance()) ++polls;
  EXPECT_EQ(model.state().online.size(), 20u);
  EXPECT_LT(polls, 10);
}

TEST(TapeModel, FollowsTheRealTimeWithAPace) {
  auto library = library_of(2, 6);
  library.settings.others_per_hour = 6;
  const auto expected = run(library);
  library.settings.pace = 1000;
  std::vector<TapeEvent> events;
  TapeModel model(library, {}, [&](const TapeEvent& event) { events.push_back(event); });
  const Micros from = 5 * day_us;
  model.follow(from);
  for (std::uint64_t file = 0; file < library.files.size(); ++file) model.stage(file);
  model.follow(from - second_us);
  EXPECT_EQ(model.state().clock, start) << "the real clock was set back";
  Micros real = from - second_us;
  for (int visits = 0; visits < 1000 && model.state().online.size() < library.files.size(); ++visits) {
    real += 1 + model.follow(real);
    EXPECT_LE(model.state().clock - start, (real - from + second_us) * 1000);
  }
  ASSERT_EQ(model.state().online.size(), library.files.size());
  std::erase_if(events, [&](const TapeEvent& event) { return event.at > expected.events.back().at; });
  EXPECT_EQ(text_of(events), text_of(expected.events));
}

TEST(TapeReport, ComparesTheTimeUsedWithTheLeast) {
  const auto library = library_of(6, 40);
  const auto together = run(library), single = run(library, 1);
  const auto good = report_of(library, together.events), naive = report_of(library, single.events);
  EXPECT_EQ(good.least, naive.least);
  EXPECT_EQ(good.tapes, 6u);
  EXPECT_EQ(good.files, 240u);
  EXPECT_EQ(good.bytes, 12'000'000'000u);
  EXPECT_EQ(good.most_drives, 2u);
  EXPECT_EQ(naive.most_drives, 1u);
  EXPECT_EQ(good.to - good.from, together.time());
  EXPECT_GE(together.time(), good.least);
  EXPECT_LT(static_cast<double>(together.time()), 1.15 * static_cast<double>(good.least));
}

class TapeLibraryFolder : public ::testing::Test {
 protected:
  TapeLibraryFolder() {
    std::filesystem::create_directories(folder.path() / "files/2007");
    for (const auto* name : {"a", "b b", "c\\d", "2007/e", "2007/f"}) std::ofstream(folder.path() / "files" / name) << name;
  }
  TapeLibrary filled(LayoutSpec spec, TapeSettings settings = {}) {
    TapeLibrary library;
    library.folder = (folder.path() / "files").string();
    library.start = start;
    library.settings = std::move(settings);
    const auto done = fill_library(library, spec);
    EXPECT_TRUE(done) << done.error().message;
    return library;
  }
  struct Output {
    int code;
    std::string out, err;
  };
  Output call(const std::string& command, const std::string& input = "") {
    std::istringstream in(input);
    std::ostringstream out, err;
    const int code = run_session_command(folder.path() / "library", command, {in, out, err});
    return {code, out.str(), err.str()};
  }
  void create(TapeSettings settings = {}) {
    ASSERT_TRUE(write_library(folder.path() / "library", filled({}, std::move(settings))));
  }

  testing::TempFolder folder;
};

TEST_F(TapeLibraryFolder, AssignsFilesToTapes) {
  const auto tapes = [&](LayoutSpec spec) {
    std::string out;
    for (const auto& file : filled(spec).files) out += file.copies[0].tape.back();
    return out;
  };
  EXPECT_EQ(tapes({TapeLayout::sequential, 2, 1}), "11122");
  EXPECT_EQ(tapes({TapeLayout::interleaved, 2, 1}), "12121");
  EXPECT_EQ(tapes({TapeLayout::shuffled, 2, 1}).size(), 5u);
  const auto copies = filled({TapeLayout::sequential, 2, 2}).files[0].copies;
  ASSERT_EQ(copies.size(), 2u);
  EXPECT_EQ(copies[1].tape, "MT0003");
}

TEST_F(TapeLibraryFolder, RejectsFaultsOfUnknownFilesAndDrives) {
  for (const auto& settings :
       {TapeSettings{.faults = {{TapeFault::read, "zzz", 0}}}, TapeSettings{.drive_faults = {{3, second_us}}}}) {
    TapeLibrary library;
    library.folder = (folder.path() / "files").string();
    library.settings = settings;
    EXPECT_EQ(fill_library(library, {}).error().code, Code::invalid);
  }
  for (const auto* text : {"read", "melt:a", "read:", "read:a:b", "read::1"}) EXPECT_FALSE(parse_file_fault(text)) << text;
  EXPECT_EQ(parse_file_fault("read:2007/e:3")->times, 3u);
  for (const auto* text : {"1", "@2h", "1@", "x@2h"}) EXPECT_FALSE(parse_drive_fault(text)) << text;
}

TEST_F(TapeLibraryFolder, ListsAsSlsDoes) {
  create();
  const auto listed = call("sls -Dbi '/sam/c\\d'");
  EXPECT_EQ(listed.code, 0) << listed.err;
  EXPECT_TRUE(
      listed.out.starts_with("/sam/c\\\\d:\n  mode: -rw-r--r--  links:   1  owner: netflow   group: netflow \n"
                             "  length:         3  admin id:      0  inode:     1004.1\n  project: default(3)\n"
                             "  offline;  archdone;\n  copy 1: ------ "))
      << listed.out;
  EXPECT_NE(listed.out.find("         0.1    m2 MT0004\n  access:      "), std::string::npos) << listed.out;
  const auto all = call("sls -DRb /sam");
  EXPECT_NE(all.out.find("/sam:\n/sam/2007:\n  mode: drwxr-xr-x"), std::string::npos);
  EXPECT_NE(all.out.find("\n\n/sam/2007:\n/sam/2007/e:\n  mode: -rw"), std::string::npos) << all.out;
  EXPECT_NE(all.out.find("/sam/b\\ b:\n"), std::string::npos);
}

TEST_F(TapeLibraryFolder, StagesAListFromStandardInput) {
  create();
  EXPECT_EQ(call("xargs stage -f", "/sam/a /sam/b\\ b\n'/sam/2007/e'\n").code, 0);
  EXPECT_NE(call("sls -D /sam/2007/f").out.find("offline"), std::string::npos);
  EXPECT_EQ(call("stage -w /sam/a '/sam/b b' /sam/2007/e").code, 0);
  for (const auto* path : {"/sam/a", "'/sam/b b'", "/sam/2007/e"})
    EXPECT_EQ(call(std::string("sls -D ") + path).out.find("offline"), std::string::npos) << path;
  EXPECT_EQ(call("release /sam/a").code, 0);
  EXPECT_NE(call("sls -D /sam/a").out.find("offline"), std::string::npos);
  const auto log = read_log(folder.path() / "library");
  ASSERT_TRUE(log);
  EXPECT_EQ(std::ranges::count(*log, TapeEventKind::request, &TapeEvent::event), 3);
}

TEST_F(TapeLibraryFolder, NamesWhatItCannotDo) {
  create({.faults = {{TapeFault::read, "a", 0}}});
  EXPECT_EQ(call("sls -D /sam/none").err, "sls: /sam/none: No such file or directory\n");
  EXPECT_EQ(call("cat /etc/passwd").code, 127);
  EXPECT_EQ(call("sls -D /etc/passwd").code, 1);
  EXPECT_EQ(call("stage -q /sam/a").code, 2);
  EXPECT_EQ(call("stage -w /sam/a").err, "stage: /sam/a: I/O error\n");
  EXPECT_NE(call("sls -D /sam/a").out.find("  damaged;  offline;  archdone;\n  copy 1: ----D- "), std::string::npos);
}

TEST(ShellWords, FollowQuotesAndBackslashes) {
  EXPECT_EQ(shell_words("a  'b c'\\ d \"e'f\" \n''"), (std::vector<std::string>{"a", "b c d", "e'f", ""}));
}

}  // namespace
}  // namespace mole::cli
