#include "http.cpp"

#include "plugins/downloaders/web/test_server.hpp"

#include <fstream>

namespace {
using mole::Code;
using web::code_of;
using web::content_of;

Http at(const std::string& folder, const std::string& listing = {}, std::uint64_t depth = 8) {
  return Http({.url = web::TestServer::url() + "/" + folder, .listing = listing, .depth = depth}, {}, web::impatient());
}

const std::string a_content = content_of("a.bz2", 1000);

// a.bz2 as the folder lists it.
mole::Result<std::string> fetch_a(const std::string& folder, std::uint64_t offset = 0, const std::string& version = {}) {
  return web::fetch(at(folder), {.id = "a.bz2", .size = a_content.size(), .version = version}, offset);
}

TEST(HttpIndex, ListsFilesOfFoldersBelowTheUrl) {
  const auto listed = web::list(at("ok"));
  ASSERT_TRUE(listed) << listed.error().message;
  EXPECT_EQ(listed->names(), web::archive_names);
  EXPECT_EQ(listed->files.at("a.bz2").size, a_content.size());
  EXPECT_EQ(listed->files.at("empty.bz2").size, 0u);
  EXPECT_TRUE(listed->files.at("a.bz2").version.starts_with('"'));
  EXPECT_TRUE(listed->passed_over.empty());
}

TEST(HttpIndex, EveryListedFileCanBeFetched) { web::expect_every_listed_file_can_be_fetched(at("ok")); }

TEST(HttpIndex, ReadsOnlyFoldersThatMayHoldWantedFiles) {
  const auto listed = web::list(at("ok"), {"2007/d"});
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->files.size(), 1u);
  EXPECT_TRUE(listed->files.contains("2007/deep/c.bz2"));
}

TEST(HttpIndex, ReadsAtMostTheGivenDepth) {
  const auto listed = web::list(at("ok", {}, 1));
  ASSERT_TRUE(listed);
  EXPECT_TRUE(listed->files.contains("2007/b.bz2"));
  EXPECT_FALSE(listed->files.contains("2007/deep/c.bz2"));
  EXPECT_EQ(listed->passed_over.at("2007/deep/"), "a folder deeper than params.depth");
}

TEST(HttpIndex, FollowsNoLinkOutOfTheArchive) {
  const auto listed = web::list(at("links"));
  ASSERT_TRUE(listed) << listed.error().message;
  EXPECT_EQ(listed->names(), (std::vector<std::string>{"2007/b.bz2", "a.bz2", "with space.bz2"}));
  const auto& over = listed->passed_over;
  EXPECT_EQ(over.at("http://other.example.org/x.bz2"), "a link to a different server");
  EXPECT_EQ(over.at("/ok/x.bz2"), "a link to a place outside params.url");
  EXPECT_EQ(over.at("../../etc/passwd"), "a link to a place outside params.url");
  EXPECT_EQ(over.at("..%2f..%2fetc%2fpasswd"), "a link that is not percent-encoded as a path");
  EXPECT_EQ(over.at("bad%zz.bz2"), "a link that is not percent-encoded as a path");
  EXPECT_EQ(over.at("%ff.bz2"), "a name that is not UTF-8");
  EXPECT_EQ(over.at("a%00b"), "a name with control characters");
  EXPECT_EQ(over.at("a.bz2?x=1"), "a link with a query");
  EXPECT_EQ(over.at("nothing.bz2"), "a file that the server does not have");
  EXPECT_FALSE(over.contains("../"));
}

TEST(HttpIndex, AClosedFolderCostsOnlyItsOwnFiles) {
  const auto listed = web::list(at("closed"));
  ASSERT_TRUE(listed);
  EXPECT_TRUE(listed->files.contains("a.bz2"));
  EXPECT_EQ(listed->passed_over.at("2007/"), "a folder that the server does not list");
}

TEST(HttpIndex, EndsWithPagesWithoutEnd) {
  EXPECT_EQ(code_of(web::list(at("huge"))), Code::exhausted);
  EXPECT_EQ(code_of(web::list(at("nested"))), Code::exhausted);
  const auto folders = web::list(at("endlessfolders", {}, 64));
  ASSERT_TRUE(folders);
  EXPECT_EQ(folders->passed_over.size(), 1u);
}

TEST(HttpIndex, RejectsPagesThatAreNotIndexPages) {
  EXPECT_EQ(code_of(web::list(at("plain"))), Code::invalid);
  EXPECT_EQ(code_of(web::list(at("ok/none"))), Code::invalid);
}

TEST(HttpIndex, WaitsForABusyServer) {
  EXPECT_TRUE(web::list(at("throttled")));
  const auto refused = web::list(at("busy"));
  EXPECT_EQ(code_of(refused), Code::busy);
}

TEST(HttpIndex, TimesOut) { EXPECT_EQ(code_of(web::list(at("hang"))), Code::transient); }

TEST(HttpIndex, IsNotLedToADifferentServer) {
  const auto refused = web::list(at("away"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::denied);
  EXPECT_NE(refused.error().message.find("redirects to http://localhost:1"), std::string::npos) << refused.error().message;
}

TEST(HttpFetch, ResumesAtAnOffset) {
  const auto version = web::list(at("ok"))->files.at("a.bz2").version;
  for (const auto offset : {std::size_t{1}, std::size_t{777}, a_content.size() - 1, a_content.size()}) {
    const auto rest = fetch_a("ok", offset, version);
    ASSERT_TRUE(rest) << rest.error().message;
    EXPECT_EQ(*rest, a_content.substr(offset));
  }
}

TEST(HttpFetch, ResumesWithServersOfLimitedAbility) {
  for (const auto* folder : {"noranges", "bare", "dated", "weak", "dateless"}) {
    const auto version = web::list(at(folder))->files.at("a.bz2").version;
    const auto rest = fetch_a(folder, 777, version);
    ASSERT_TRUE(rest) << folder << ": " << rest.error().message;
    EXPECT_EQ(*rest, a_content.substr(777)) << folder;
  }
}

TEST(HttpFetch, ReportsAChangedFileAsMissing) {
  for (const auto* folder : {"changed", "touched", "grown"}) {
    const auto version = web::list(at(folder))->files.at("a.bz2").version;
    for (const std::uint64_t offset : {0u, 777u}) EXPECT_EQ(code_of(fetch_a(folder, offset, version)), Code::missing) << folder;
  }
  EXPECT_EQ(code_of(web::fetch(at("ok"), {.id = "a.bz2", .size = 5})), Code::missing);
  EXPECT_EQ(code_of(web::fetch(at("ok"), {.id = "a.bz2", .size = 5}, 6)), Code::missing);
  EXPECT_EQ(code_of(web::fetch(at("ok"), {.id = "gone.bz2", .size = 5})), Code::missing);
  EXPECT_EQ(code_of(web::fetch(at("endless"), {.id = "a.bz2", .size = 5})), Code::missing);
}

TEST(HttpFetch, ABrokenTransferIsTransient) {
  for (const auto* folder : {"hang", "reset", "cut", "long", "drip", "wrongrange", "broken"})
    EXPECT_EQ(code_of(fetch_a(folder, folder == std::string("wrongrange") ? 777 : 0)),
              folder == std::string("long") ? Code::missing : Code::transient)
        << folder;
}

TEST(HttpFetch, BoundsHeaders) { EXPECT_EQ(code_of(fetch_a("headers")), Code::transient); }

TEST(HttpFetch, TellsHowLongABusyServerAsksToWait) {
  const auto refused = fetch_a("busy");
  ASSERT_EQ(code_of(refused), Code::busy);
  EXPECT_NE(refused.error().message.find("try again in 7 s"), std::string::npos) << refused.error().message;
  EXPECT_EQ(code_of(fetch_a("limited")), Code::busy);
}

TEST(HttpFetch, FollowsRedirectsOnlyOnTheSameServer) {
  EXPECT_EQ(*fetch_a("moved"), a_content);
  EXPECT_EQ(code_of(fetch_a("away")), Code::denied);
  EXPECT_EQ(code_of(fetch_a("circle")), Code::invalid);
}

TEST(HttpFetch, RejectsNamesOutsideTheArchive) {
  for (const auto* id : {"../secret", "/etc/passwd", "a/../../b", "", "a//b"})
    EXPECT_EQ(code_of(web::fetch(at("ok"), {.id = id})), Code::invalid) << id;
}

TEST(HttpFetch, StopsWhenTheHostAsks) {
  auto settings = web::impatient();
  settings.stall_timeout = std::chrono::seconds(60);
  int polls = 0;
  settings.cancelled = [&polls] { return ++polls > 2; };
  const Http archive({.url = web::TestServer::url() + "/hang"}, {}, settings);
  EXPECT_EQ(code_of(web::fetch(archive, {.id = "a.bz2", .size = a_content.size()})), Code::cancelled);
}

TEST(HttpCredentials, AreSentOnlyToTheirHost) {
  EXPECT_EQ(code_of(web::list(at("login"))), Code::denied);
  {
    const web::Variables set({{"MOLE_HTTP_HOST", "127.0.0.1"}, {"MOLE_HTTP_USER", "user"}, {"MOLE_HTTP_PASSWORD", "pass:word"}});
    EXPECT_TRUE(web::list(at("login")));
  }
  {
    const web::Variables set({{"MOLE_HTTP_HOST", "127.0.0.1"}, {"MOLE_HTTP_TOKEN", "token.1"}});
    EXPECT_TRUE(web::list(at("login")));
  }
  const web::Variables set({{"MOLE_HTTP_HOST", "other.example.org"}, {"MOLE_HTTP_TOKEN", "token.1"}});
  EXPECT_EQ(code_of(web::list(at("login"))), Code::denied);
}

TEST(HttpCredentials, AreNotSentUnencrypted) {
  const web::Variables set({{"MOLE_HTTP_HOST", "archive.example.org"}, {"MOLE_HTTP_TOKEN", "token.1"}});
  EXPECT_THROW(Http({.url = "http://archive.example.org/"}), mole::Failure);
  EXPECT_NO_THROW(Http({.url = "https://archive.example.org/"}));
}

class CredentialsFile : public ::testing::Test {
 protected:
  CredentialsFile() {
    std::ofstream(path) << "# archives\n[other.example.org]\ntoken = none\n\n[127.0.0.1]\nuser = user\npassword = pass:word\n";
    ::chmod(path.c_str(), 0600);
  }
  ~CredentialsFile() override { ::unlink(path.c_str()); }
  std::string refusal() {
    try {
      at("login");
    } catch (const mole::Failure& f) {
      EXPECT_EQ(f.error().message.find("pass:word"), std::string::npos);
      return f.error().message;
    }
    return {};
  }
  const std::string path = ::testing::TempDir() + "mole-credentials-" + std::to_string(::getpid());
  const web::Variables set{std::map<std::string, std::string>{{"MOLE_HTTP_CREDENTIALS_FILE", path}}};
};

TEST_F(CredentialsFile, HasASectionForEachHost) { EXPECT_TRUE(web::list(at("login"))); }

TEST_F(CredentialsFile, IsRefusedIfOthersCanReadIt) {
  for (const auto mode : {0644, 0640, 0604, 0620}) {
    ::chmod(path.c_str(), static_cast<mode_t>(mode));
    EXPECT_NE(refusal().find("run: chmod 600 " + path), std::string::npos) << refusal();
  }
}

TEST_F(CredentialsFile, NamesTheLineThatIsWrong) {
  std::ofstream(path, std::ios::app) << "pass:word\n";
  EXPECT_NE(refusal().find("line 8 of"), std::string::npos) << refusal();
}

TEST_F(CredentialsFile, MustExist) {
  ::unlink(path.c_str());
  EXPECT_NE(refusal().find("No such file"), std::string::npos) << refusal();
}

TEST(HttpUrl, RejectsPasswordsAndQueriesWithoutRepeatingThem) {
  for (const auto* url : {"https://user:secret@example.org/", "https://example.org/?token=secret", "ftp://secret/", "secret", "",
                          "https://exa mple/secret"}) {
    try {
      const Http archive({.url = url});
      ADD_FAILURE() << url;
    } catch (const mole::Failure& f) {
      EXPECT_EQ(f.error().code, Code::invalid) << url;
      EXPECT_EQ(f.error().message.find("secret"), std::string::npos) << f.error().message;
    }
  }
}

TEST(HttpConnection, NamesDoNotLeadToThisMachineOrLinkLocalAddresses) {
  for (const auto* url : {"http://169.254.169.254/latest/", "http://a.localhost/", "http://0.0.0.0/"}) {
    const Http archive({.url = url}, {}, web::impatient());
    EXPECT_EQ(code_of(web::list(archive)), Code::invalid) << url;
  }
}

class TlsServer : public ::testing::Test {
 protected:
  static mole::Result<web::Listed> list() {
    return web::list(Http({.url = web::TestServer::tls_url() + "/ok"}, {}, web::impatient()));
  }
};

TEST_F(TlsServer, MustHaveATrustedCertificate) {
  const auto refused = list();
  ASSERT_EQ(code_of(refused), Code::denied);
  EXPECT_NE(refused.error().message.find("set SSL_CERT_FILE"), std::string::npos) << refused.error().message;
}

TEST_F(TlsServer, IsTrustedByItsCertificate) {
  const web::Variables set({{"SSL_CERT_FILE", web::TestServer::certificate()}});
  const auto listed = list();
  EXPECT_TRUE(listed) << listed.error().message;
}

TEST_F(TlsServer, NeedsAReadableFileOfCertificates) {
  const web::Variables set({{"SSL_CERT_FILE", std::string("/none")}});
  EXPECT_EQ(code_of(list()), Code::invalid);
}

TEST(HttpConnection, StatesWhatToCheckIfNobodyListens) {
  const Http archive({.url = "http://127.0.0.1:1/"}, {}, web::impatient());
  const auto refused = web::list(archive);
  ASSERT_EQ(code_of(refused), Code::transient);
  EXPECT_NE(refused.error().message.find("check the host and port"), std::string::npos) << refused.error().message;
}

std::vector<http::Line> lines_of(const std::string& text) {
  std::vector<http::Line> lines;
  const auto read =
      http::read_listing(text, [&](const http::Line& line) -> mole::Result<> { return lines.push_back(line), mole::Result<>(); });
  EXPECT_TRUE(read) << read.error().message;
  return lines;
}

TEST(HttpListing, ReadsNamesCommasAndTabs) {
  EXPECT_EQ(lines_of("a.bz2\n2007/b c.bz2\r\n\n").at(1).name, "2007/b c.bz2");
  const auto commas = lines_of("\xef\xbb\xbfsize,name,digest\n12,\"a,\"\"b\"\".bz2\",D41D8CD98F00B204E9800998ECF8427E\n,b,\n");
  ASSERT_EQ(commas.size(), 2u);
  EXPECT_EQ(commas[0].name, "a,\"b\".bz2");
  EXPECT_EQ(commas[0].size, 12u);
  EXPECT_EQ(commas[0].digest, "md5:d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_FALSE(commas[1].size);
  const auto tabs = lines_of("a,b.bz2\t7\t2007-09-22T20:00:00Z\n");
  EXPECT_EQ(tabs.at(0).name, "a,b.bz2");
  EXPECT_EQ(tabs.at(0).mtime, "2007-09-22T20:00:00Z");
}

TEST(HttpListing, NamesTheLineThatIsWrong) {
  const auto refused = [](const std::string& text) {
    return http::read_listing(text, [](const http::Line&) { return mole::Result<>(); });
  };
  EXPECT_EQ(code_of(refused("a,1\nb,2")), Code::transient);
  for (const auto* text : {"a,1\nb\n", "a,1\nb,x\n", "a,1\nb,-1\n", "a,1\n,2\n", "a,1\n\"b,2\n", "name,wrong\nb,2\n",
                           "a,1\nb,99999999999999999999\n", "name,digest\nb,1234\n"}) {
    const auto error = refused(text);
    ASSERT_EQ(code_of(error), Code::invalid) << text;
    EXPECT_NE(error.error().message.find("line "), std::string::npos);
  }
}

}  // namespace
