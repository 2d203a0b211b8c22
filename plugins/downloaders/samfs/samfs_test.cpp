#include "samfs.cpp"

#include <gtest/gtest.h>

#include <fstream>

namespace {

struct Read {
  std::vector<Entry> found;
  std::map<std::string, std::string> unreadable;
};

Read read(std::string_view text) {
  Read out;
  samfs::Listing listing;
  listing.found = [&](const Entry& e) { out.found.push_back(e); };
  listing.unreadable = [&](const std::string& path, const std::string& reason) { out.unreadable[path] = reason; };
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    listing.line(line);
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  listing.end();
  return out;
}

// The example of sls(1).
constexpr const char* offline = R"(mickey.gif:
  mode: -rw-r--r--  links:   1  owner: root      group: other
  length:    319279  admin id:      7  inode: 1407.5
  project: system(0)
  offline;  archdone;  stage -n;
  copy 1: ---- May 21 10:29     1e4b1.1    lt DLT001
  access:      May 21 09:25     modification: May 21 09:25
  changed:     May 21 09:26     attributes:   May 21 10:44
  creation:    May 21 09:25     residence:    May 21 10:44

)";

std::string with(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(Listing, ReadsAnEntryOfTheManual) {
  const auto listed = read(offline);
  ASSERT_EQ(listed.found.size(), 1u);
  EXPECT_TRUE(listed.unreadable.empty());
  const auto& entry = listed.found[0];
  EXPECT_EQ(entry.path, "mickey.gif");
  EXPECT_EQ(entry.kind, Entry::Kind::file);
  EXPECT_EQ(entry.size, 319'279u);
  EXPECT_TRUE(entry.offline);
  EXPECT_FALSE(entry.damaged);
  EXPECT_EQ(entry.tape, "DLT001");
  EXPECT_EQ(entry.position, 0x1e4b100000001u);
  EXPECT_EQ(entry.version, "1407.5 May 21");
}

TEST(Listing, KeepsTheVersionOfAnOldFile) {
  EXPECT_EQ(read(with(offline, "modification: May 21 09:25", "modification: May 21  2007")).found.at(0).version, "1407.5 May 21");
  EXPECT_NE(read(with(offline, "1407.5", "1407.6")).found.at(0).version, "1407.5 May 21");
}

TEST(Listing, ReadsACopyOnSeveralTapes) {
  const auto listed =
      read(with(offline, "     1e4b1.1    lt DLT001\n",
                " lt\n    section 0:  477609472     7eed4.1    DLT000\n    section 1:  516407296     7fb80.0    DLT001\n"));
  ASSERT_EQ(listed.found.size(), 1u);
  EXPECT_EQ(listed.found[0].tape, "DLT000");
  EXPECT_EQ(listed.found[0].position, 0x7eed400000001u);
}

TEST(Listing, ChoosesTheFirstCopyThatCanBeStaged) {
  const std::string copy = "  copy 1: ---- May 21 10:29     1e4b1.1    lt DLT001\n";
  for (const auto* bad : {"  copy 1: S----- May 21 10:29 1.1 lt DLT009\n", "  copy 1: U--- May 21 10:29 1.1 lt DLT009\n",
                          "  copy 1: ----D- May 21 10:29 1.1 lt DLT009\n", "  copy 1: ---D May 21  2007 1.1 lt DLT009\n"}) {
    EXPECT_EQ(read(with(offline, copy, bad + copy)).found.at(0).tape, "DLT001") << bad;
    const auto alone = read(with(offline, copy, bad)).found.at(0);
    EXPECT_TRUE(alone.damaged) << bad;
    EXPECT_EQ(alone.tape, "");
  }
}

TEST(Listing, ReadsFilesOnlineAndFilesOfOtherFileSystems) {
  const auto online = read(with(offline, "  offline;  archdone;  stage -n;\n", "  archdone;\n")).found.at(0);
  EXPECT_FALSE(online.offline);
  const auto plain = read(
      "a:\n  mode: -rw-r--r--  links:   1  owner: x  group: y\n  length:  5  admin id: 0\n  project: 1\n"
      "  access:   May 21 09:25  modification: May 21 09:25\n  changed:  May 21 09:25\n\n");
  ASSERT_EQ(plain.found.size(), 1u);
  EXPECT_FALSE(plain.found[0].offline);
  EXPECT_FALSE(plain.found[0].damaged);
}

TEST(Listing, DistinguishesHeadingsFoldersAndLinks) {
  const std::string entry = std::string(offline).substr(12);
  const auto listed =
      read("/sam:\n/sam/a:\n" + entry.substr(0, entry.size()) + "/sam/b -> a:\n" + with(entry, "mode: -", "mode: l") +
           "/sam/2007:\n" + with(entry, "mode: -", "mode: d") + "\n/sam/2007:\ntotal 3\n/sam/2007/c:\n" + entry);
  EXPECT_TRUE(listed.unreadable.empty());
  ASSERT_EQ(listed.found.size(), 4u);
  EXPECT_EQ(listed.found[1].path, "/sam/b");
  EXPECT_EQ(listed.found[1].kind, Entry::Kind::link);
  EXPECT_EQ(listed.found[2].kind, Entry::Kind::folder);
  EXPECT_EQ(listed.found[3].path, "/sam/2007/c");
}

TEST(Listing, DecodesNames) {
  EXPECT_EQ(read(with(offline, "mickey.gif", "/a\\ b\\\\c\\303\\274\\n\\\"")).found.at(0).path, "/a b\\c\xc3\xbc\n\"");
  for (const auto* wrong : {"a\\", "a\\x", "a\\9", "a\\777"})
    EXPECT_EQ(read(with(offline, "mickey.gif", wrong)).unreadable.size(), 1u) << wrong;
}

TEST(Listing, NamesEntriesThatItCannotRead) {
  for (const auto& [from, to] :
       std::vector<std::pair<std::string, std::string>>{{"319279", "31x279"},
                                                        {"319279", "-1"},
                                                        {"319279", "99999999999999999999"},
                                                        {"1e4b1.1", "1e4b1"},
                                                        {"1e4b1.1", "1e4bx.1"},
                                                        {"1e4b1.1", "1e4b1e4b1.1"},
                                                        {"May 21 10:29", "Mai 21 10:29"},

                                                        {"DLT001", ""},
                                                        {"modification: May 21 09:25", "modification: yesterday"},
                                                        {"  length:    319279  admin id:      7  inode: 1407.5\n", ""}}) {
    const auto listed = read(with(offline, from, to) + offline);
    EXPECT_EQ(listed.unreadable.size(), 1u) << to;
    EXPECT_EQ(listed.found.size(), 1u) << to;
  }
}

TEST(Listing, NamesAnEntryThatIsCutShort) {
  const std::string text = offline;
  for (const auto* end : {"  length", "  project", "  offline", "  copy 1", "  access"}) {
    const auto listed = read(text.substr(0, text.find(end)));
    EXPECT_TRUE(listed.found.empty()) << end;
    EXPECT_EQ(listed.unreadable.size(), 1u) << end;
  }
}

TEST(Samfs, QuotesNames) {
  EXPECT_EQ(quoted("a 'b'"), "'a '\\''b'\\'''");
  EXPECT_EQ(xargs_line("/a b'c\"\\\xc3\xbc"), "/a\\ b\\'c\\\"\\\\\\\xc3\\\xbc\n");
}

TEST(Samfs, FindsTheReasonsOfErrors) {
  EXPECT_EQ(reasons_by_path("sls: /sam/a: b: No such file or directory\nnoise\n/opt/sls: /sam/c: Permission denied\n", "sls"),
            (std::map<std::string, std::string>{{"/sam/a: b", "No such file or directory"}, {"/sam/c", "Permission denied"}}));
}

class SamfsParams : public ::testing::Test {
 protected:
  SamfsParams() {
    key = ::testing::TempDir() + "mole-samfs-key-" + std::to_string(::getpid());
    std::ofstream(key) << "not a key";
    given = {"127.0.0.1", 1, "user", "/sam", key, "SHA256:x", "", "", 2, 1};
  }
  ~SamfsParams() override { ::unlink(key.c_str()); }
  mole::Error error() const {
    const mole_stage_sink raw{nullptr, [](void*, std::uint32_t, std::int32_t, mole_text) {}};
    mole::StageSink sink(&raw);
    const std::string_view id = "a";
    return Samfs(given, {}).stage(std::span(&id, 1), sink).error();
  }
  std::string key;
  Samfs::Params given;
};

TEST_F(SamfsParams, AreCheckedBeforeTheStoreIsContacted) {
  for (auto member :
       {&Samfs::Params::host, &Samfs::Params::user, &Samfs::Params::root, &Samfs::Params::key_file, &Samfs::Params::host_key}) {
    const auto kept = std::exchange(given.*member, "");
    EXPECT_EQ(error().code, mole::Code::invalid);
    given.*member = kept;
  }
  for (const auto& [member, wrong] : {std::pair{&Samfs::Params::root, "sam"}, std::pair{&Samfs::Params::host_key, "MD5:00"},
                                      std::pair{&Samfs::Params::known_hosts, "/etc/hosts"}}) {
    const auto kept = std::exchange(given.*member, wrong);
    EXPECT_EQ(error().code, mole::Code::invalid) << wrong;
    given.*member = kept;
  }
}

TEST_F(SamfsParams, AKeyFileThatOthersMayReadIsRefused) {
  for (const mode_t mode : {0640U, 0604U, 0660U}) {
    ASSERT_EQ(::chmod(key.c_str(), mode), 0);
    EXPECT_EQ(error().code, mole::Code::denied);
    EXPECT_NE(error().message.find("chmod 600"), std::string::npos);
  }
  ASSERT_EQ(::chmod(key.c_str(), 0600), 0);
  EXPECT_EQ(error().code, mole::Code::transient) << error().message;  // nothing listens on port 1
  given.key_file.clear();
  ASSERT_EQ(::setenv("MOLE_SSH_KEY_FILE", key.c_str(), 1), 0);
  EXPECT_EQ(error().code, mole::Code::transient);
  ASSERT_EQ(::unsetenv("MOLE_SSH_KEY_FILE"), 0);
  EXPECT_EQ(error().code, mole::Code::invalid);
  given.key_file = key;
  ASSERT_EQ(::unlink(key.c_str()), 0);
  EXPECT_EQ(error().code, mole::Code::denied);
}

}  // namespace
