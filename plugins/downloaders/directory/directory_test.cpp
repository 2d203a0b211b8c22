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

  mole::Result<std::map<std::string, std::string>> index(bool recursive = true) const {
    std::map<std::string, std::string> out;  // id -> "size version"
    const mole_index_sink raw{&out, [](void* self, const mole_object* o) -> std::int32_t {
                                auto& map = *static_cast<std::map<std::string, std::string>*>(self);
                                map[std::string(mole::detail::view(o->id))] =
                                    std::to_string(o->size) + " " + std::string(mole::detail::view(o->version));
                                return MOLE_OK;
                              }};
    mole::ObjectSink sink(&raw);
    if (auto done = Directory({root.string(), recursive}).index(sink); !done) return done.error();
    return out;
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
