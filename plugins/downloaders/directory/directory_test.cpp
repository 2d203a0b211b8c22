#include "directory.cpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>

namespace {

// A temporary folder.
class DirectoryTest : public ::testing::Test {
 protected:
  DirectoryTest() {
    std::string pattern = ::testing::TempDir() + "mole-directory-XXXXXX";
    base = fs::canonical(::mkdtemp(pattern.data()));
    root = base / "archive";
    fs::create_directories(root / "2007");
  }
  ~DirectoryTest() override { fs::remove_all(base); }

  static void put(const fs::path& path, const std::string& bytes) { std::ofstream(path) << bytes; }

  struct Listed {
    std::map<std::string, std::string> files;        // id -> "size version"
    std::map<std::string, std::string> passed_over;  // path -> reason
  };
  mole::Result<Listed> list(bool recursive = true) const {
    Listed out;
    const mole_index_sink raw{&out,
                              [](void* self, const mole_object* o) -> std::int32_t {
                                static_cast<Listed*>(self)->files[std::string(mole::detail::view(o->id))] =
                                    std::to_string(o->size) + " " + std::string(mole::detail::view(o->version));
                                return MOLE_OK;
                              },
                              [](void* self, mole_text path, mole_text why) {
                                static_cast<Listed*>(self)->passed_over[std::string(mole::detail::view(path))] =
                                    mole::detail::view(why);
                              }};
    mole::ObjectSink sink(&raw);
    if (auto done = Directory({root.string(), recursive}).index(sink); !done) return done.error();
    return out;
  }
  mole::Result<std::map<std::string, std::string>> index(bool recursive = true) const {
    auto listed = list(recursive);
    if (!listed) return listed.error();
    return listed->files;
  }
  mole::Result<std::string> fetch(std::string_view id) const {
    std::string out;
    const mole_writer raw{&out, [](void* self, const void* data, std::uint64_t size) -> std::int32_t {
                            static_cast<std::string*>(self)->append(static_cast<const char*>(data), size);
                            return MOLE_OK;
                          }};
    mole::ByteSink sink(&raw);
    if (auto done = Directory({root.string(), true}).fetch(id, sink); !done) return done.error();
    return out;
  }

  fs::path base, root;
};

TEST_F(DirectoryTest, ListsFilesByTheirPathBelowTheRoot) {
  put(root / "a.bz2", "12345");
  put(root / "2007" / "b.bz2", "");
  const auto found = index();
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 2u);
  EXPECT_TRUE(found->at("a.bz2").starts_with("5 "));
  EXPECT_TRUE(found->at("2007/b.bz2").starts_with("0 "));
}

TEST_F(DirectoryTest, IgnoresSubfoldersUnlessRecursive) {
  put(root / "a.bz2", "1");
  put(root / "2007" / "b.bz2", "2");
  const auto found = index(false);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->size(), 1u);
}

TEST_F(DirectoryTest, ChangesTheVersionWhenAFileIsRewritten) {
  put(root / "a", "1");
  const auto before = index()->at("a");
  fs::last_write_time(root / "a", fs::last_write_time(root / "a") + std::chrono::nanoseconds(1));
  EXPECT_NE(index()->at("a"), before);
}

TEST_F(DirectoryTest, FollowsOnlyLinksToFilesBelowTheRoot) {
  put(base / "secret", "s");
  put(root / "a", "1");
  fs::create_symlink(root / "a", root / "inside");
  fs::create_symlink(base / "secret", root / "outside");
  fs::create_symlink(root / "nothing", root / "broken");
  const auto found = index();
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->contains("inside"));
  EXPECT_FALSE(found->contains("outside"));
  EXPECT_FALSE(found->contains("broken"));
  EXPECT_EQ(*fetch("inside"), "1");
  EXPECT_EQ(fetch("outside").error().code, mole::Code::invalid);
}

TEST_F(DirectoryTest, RejectsAnArchiveOfExternalLinks) {
  put(base / "secret", "s");
  fs::create_symlink(base / "secret", root / "outside");
  EXPECT_EQ(index().error().code, mole::Code::invalid);
}

TEST_F(DirectoryTest, NamesLinksDevicesAndPipesItPassesOver) {
  put(base / "secret", "s");
  put(root / "2007" / "a", "1");
  fs::create_symlink(base / "secret", root / "outside");
  fs::create_symlink("/dev/zero", root / "device");
  fs::create_symlink(root / "nothing", root / "broken");
  fs::create_directory_symlink(root / "2007", root / "year");
  ASSERT_EQ(::mkfifo((root / "pipe").c_str(), 0600), 0);
  const auto listed = list();
  ASSERT_TRUE(listed);
  EXPECT_EQ(listed->files.size(), 1u);
  EXPECT_EQ(listed->passed_over, (std::map<std::string, std::string>{{"broken", "a link to nothing"},
                                                                     {"device", "a link to a place outside the archive"},
                                                                     {"outside", "a link to a place outside the archive"},
                                                                     {"pipe", "a device, FIFO or socket"},
                                                                     {"year", "a link to a folder"}}));
}

TEST_F(DirectoryTest, NeverWaitsForAPipe) {
  ASSERT_EQ(::mkfifo((root / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(fetch("pipe").error().code, mole::Code::missing);
  fs::create_symlink("/dev/zero", root / "device");
  EXPECT_FALSE(fetch("device"));
}

TEST_F(DirectoryTest, ReadsNamesThatAreNotUtf8) {
  for (const auto& name : {std::string("z\xfcrich"), std::string("cut\xe2\x82"), std::string("a\\xFFb"),
                           std::string("Zürich \\x41"), std::string("both\\xFC\xfc")}) {
    fs::create_directories(root / name);
    put(root / name / "f", name);
  }
  const auto listed = list();
  ASSERT_TRUE(listed);
  EXPECT_EQ(listed->files.size(), 5u);
  for (const auto* id : {"z\\xFCrich/f", "cut\\xE2\\x82/f", "a\\x5CxFFb/f", "Zürich \\x41/f", "both\\x5CxFC\\xFC/f"})
    EXPECT_TRUE(listed->files.contains(id)) << id;
  for (const auto& [id, unused] : listed->files) EXPECT_TRUE(fetch(id)) << id;
  EXPECT_EQ(*fetch("z\\xFCrich/f"), "z\xfcrich");
  EXPECT_EQ(*fetch("a\\x5CxFFb/f"), "a\\xFFb");
}

TEST_F(DirectoryTest, CannotBeLedOutByAnEscapedName) {
  put(base / "secret", "s");
  for (const auto* id : {"\\x2E\\x2E/secret", "..\\x2Fsecret", "2007\\x2F..\\x2F..\\x2Fsecret"}) EXPECT_FALSE(fetch(id)) << id;
}

TEST_F(DirectoryTest, AnUnreadableFolderCostsOnlyItsOwnFiles) {
  put(root / "2007" / "a", "1");
  for (const auto* closed : {"lost+found", "no_names"}) {
    fs::create_directories(root / closed);
    put(root / closed / "b", "2");
  }
  fs::permissions(root / "lost+found", fs::perms::none);
  fs::permissions(root / "no_names", fs::perms::owner_read | fs::perms::group_read | fs::perms::others_read);
  fs::permissions(base, fs::perms::all);
  const bool is_root = ::geteuid() == 0;  // who may read everything
  if (is_root) ASSERT_EQ(::seteuid(65534), 0);
  const auto listed = list();
  if (is_root) ASSERT_EQ(::seteuid(0), 0);
  for (const auto* closed : {"lost+found", "no_names"}) fs::permissions(root / closed, fs::perms::owner_all);
  ASSERT_TRUE(listed) << listed.error().message;
  EXPECT_EQ(listed->files.size(), 1u);
  EXPECT_EQ(listed->passed_over.at("lost+found"), "an unreadable folder (Permission denied); make it readable");
  EXPECT_EQ(listed->passed_over.at("no_names/b"), "an unreadable file (Permission denied); make its folder accessible");
}

TEST_F(DirectoryTest, FetchesTheBytes) {
  const std::string big(3'000'000, 'x');
  put(root / "2007" / "b", big);
  EXPECT_EQ(*fetch("2007/b"), big);
}

TEST_F(DirectoryTest, RejectsIdsOutsideTheRoot) {
  put(base / "secret", "s");
  for (const auto* id : {"../secret", "2007/../../secret", "/etc/passwd"})
    EXPECT_EQ(fetch(id).error().code, mole::Code::invalid) << id;
}

TEST_F(DirectoryTest, ReportsADeletedFileAsMissing) {
  for (const auto* id : {"gone", "2007", "", "2007/x/y"}) EXPECT_EQ(fetch(id).error().code, mole::Code::missing) << id;
}

TEST_F(DirectoryTest, StatesTheRemedyForAMissingFolder) {
  fs::remove_all(root);
  const auto found = index();
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, mole::Code::invalid);
  EXPECT_NE(found.error().message.find("check params.root"), std::string::npos);
}

}  // namespace
