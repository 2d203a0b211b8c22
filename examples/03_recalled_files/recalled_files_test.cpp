#include "recalled_files.cpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

namespace {

class RecalledFilesTest : public ::testing::Test {
 protected:
  RecalledFilesTest() {
    std::string pattern = ::testing::TempDir() + "recalled-XXXXXX";
    base = ::mkdtemp(pattern.data());
    for (const char* folder : {"requests", "folder"}) fs::create_directories(base / folder);
    std::ofstream(base / "list") << "2007-a.bz2 5 aa\n2008-b.bz2 6 bb\n";
  }
  ~RecalledFilesTest() override { fs::remove_all(base); }

  RecalledFiles archive() const { return RecalledFiles({base / "list", base / "requests", base / "folder"}); }

  // The listed files, and whether each must be staged.
  mole::Result<std::map<std::string, bool>> index(std::vector<std::string_view> prefixes = {}) const {
    std::map<std::string, bool> listed;
    const mole_index_sink raw{&listed,
                              [](void* self, const mole_object* o) -> std::int32_t {
                                (*static_cast<std::map<std::string, bool>*>(self))[std::string(o->id.data, o->id.size)] =
                                    o->offline != 0;
                                return MOLE_OK;
                              },
                              nullptr};
    mole::ObjectSink sink(&raw);
    if (auto done = archive().index(sink, {{0}, {0}, prefixes}); !done) return done.error();
    return listed;
  }
  std::int32_t stage(std::string_view name) const {
    std::int32_t state = MOLE_INTERNAL;
    const mole_stage_sink raw{
        &state, [](void* self, std::uint32_t, std::int32_t code, mole_text) { *static_cast<std::int32_t*>(self) = code; }};
    mole::StageSink sink(&raw);
    EXPECT_TRUE(archive().stage({&name, 1}, sink));
    return state;
  }
  mole::Result<std::string> fetch(std::string_view name, std::uint64_t size, std::uint64_t offset) const {
    std::string bytes;
    const mole_writer raw{&bytes, [](void* self, const void* data, std::uint64_t n) -> std::int32_t {
                            static_cast<std::string*>(self)->append(static_cast<const char*>(data), n);
                            return MOLE_OK;
                          }};
    mole::ByteSink sink(&raw);
    if (auto done = archive().fetch({.id = name, .size = size}, offset, sink); !done) return done.error();
    return bytes;
  }

  fs::path base;
};

TEST_F(RecalledFilesTest, ListsTheFilesOfAPrefix) {
  std::ofstream(base / "folder" / "2007-a.bz2") << "12345";
  EXPECT_EQ(*index(), (std::map<std::string, bool>{{"2007-a.bz2", false}, {"2008-b.bz2", true}}));
  EXPECT_EQ(index({"2008"})->size(), 1u);
  std::ofstream(base / "list") << "2007-a.bz2 five\n";
  EXPECT_EQ(index().error().code, mole::Code::invalid);
}

TEST_F(RecalledFilesTest, RequestsAFileAndWaitsForIt) {
  EXPECT_EQ(stage("2007-a.bz2"), MOLE_PENDING);
  EXPECT_TRUE(fs::exists(base / "requests" / "2007-a.bz2"));
  std::ofstream(base / "folder" / "2007-a.bz2") << "12345";
  EXPECT_EQ(stage("2007-a.bz2"), MOLE_OK);
  const std::string_view name = "2007-a.bz2";
  EXPECT_TRUE(archive().release({&name, 1}));
  EXPECT_FALSE(fs::exists(base / "requests" / "2007-a.bz2"));
}

TEST_F(RecalledFilesTest, ResumesATransferOfTheListedFileOnly) {
  std::ofstream(base / "folder" / "2007-a.bz2") << "12345";
  EXPECT_EQ(*fetch("2007-a.bz2", 5, 0), "12345");
  EXPECT_EQ(*fetch("2007-a.bz2", 5, 3), "45");
  EXPECT_EQ(fetch("2007-a.bz2", 6, 0).error().code, mole::Code::missing);
  EXPECT_EQ(fetch("gone.bz2", 6, 0).error().code, mole::Code::missing);
}

}  // namespace
