#include "s3.cpp"

#include "plugins/downloaders/web/test_server.hpp"

#include <fstream>

namespace {
using mole::Code;
using web::code_of;
using web::content_of;

S3::Params bucket(const std::string& name) { return {.bucket = name, .endpoint = web::TestServer::url()}; }
S3 at(const std::string& name) { return S3(bucket(name), {}, web::impatient()); }

const std::string a_content = content_of("a.bz2", 1000);
const std::map<std::string, std::string> keys{{"AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"},
                                              {"AWS_SECRET_ACCESS_KEY", "secret/with+characters="}};

mole::Result<std::string> fetch_a(const S3& archive, std::uint64_t offset = 0) {
  const auto listed = web::list(archive);
  if (!listed) return listed.error();
  const auto& file = listed->files.at("a.bz2");
  return web::fetch(archive, {.id = "a.bz2", .size = file.size, .version = file.version}, offset);
}

// The states of files as words.
mole::Result<std::vector<std::string>> stage(const S3& archive, const std::vector<std::string_view>& ids) {
  std::vector<std::string> out(ids.size());
  const mole_stage_sink raw{&out, [](void* self, std::uint32_t i, std::int32_t code, mole_text message) {
                              (*static_cast<std::vector<std::string>*>(self))[i] = code == MOLE_OK ? "ready"
                                                                                   : code == MOLE_PENDING
                                                                                       ? "pending"
                                                                                       : std::string(mole::detail::view(message));
                            }};
  mole::StageSink sink(&raw);
  if (auto done = archive.stage(ids, sink); !done) return done.error();
  return out;
}

TEST(S3Index, ListsAllPages) {
  const auto listed = web::list(at("pages"));
  ASSERT_TRUE(listed) << listed.error().message;
  EXPECT_EQ(listed->names(), web::archive_names);
  const auto& file = listed->files.at("a.bz2");
  EXPECT_EQ(file.size, a_content.size());
  EXPECT_EQ(file.digest, "md5:" + file.version.substr(1, 32));
  EXPECT_FALSE(file.offline);
}

TEST(S3Index, EveryListedObjectCanBeFetched) { web::expect_every_listed_file_can_be_fetched(at("ok")); }

TEST(S3Index, ListsOnlyPrefixesAndNothingTwice) {
  const auto listed = web::list(at("ok"), {"2007/d", "a.", "2007/", "a.bz2"});
  ASSERT_TRUE(listed);
  EXPECT_EQ(listed->names(), (std::vector<std::string>{"2007/b.bz2", "2007/deep/c.bz2", "a.bz2"}));
}

TEST(S3Index, NamesObjectsBelowTheFolder) {
  auto params = bucket("ok");
  params.prefix = "2007";
  const S3 archive(params, {}, web::impatient());
  const auto listed = web::list(archive, {"deep/"});
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->files.size(), 1u);
  EXPECT_TRUE(web::fetch(archive, {.id = "deep/c.bz2", .size = listed->files.at("deep/c.bz2").size}));
}

TEST(S3Index, PassesOverKeysThatAreNotPaths) {
  const auto listed = web::list(at("odd"));
  ASSERT_TRUE(listed);
  EXPECT_EQ(listed->files.size(), 1u);
  EXPECT_TRUE(listed->files.contains("good"));
  EXPECT_EQ(listed->passed_over.size(), 4u);  // a folder is none
}

TEST(S3Index, RejectsDamagedLists) {
  for (const auto* name : {"entities", "external", "half", "endless", "tokenless", "unsized", "huge"})
    EXPECT_EQ(code_of(web::list(at(name))), Code::transient) << name;
  EXPECT_EQ(code_of(web::list(at("foreign"), {"2007/"})), Code::transient);
  EXPECT_EQ(code_of(web::list(at("html"))), Code::invalid);
  EXPECT_EQ(code_of(web::list(at("large"))), Code::exhausted);
  EXPECT_EQ(code_of(web::list(at("hang"))), Code::transient);
}

TEST(S3Index, WaitsForABusyServer) { EXPECT_TRUE(web::list(at("throttled"))); }

TEST(S3Index, StatesTheRemedyForRefusals) {
  struct Case {
    const char* bucket;
    Code code;
    const char* remedy;
  };
  for (const auto& c :
       {Case{"denied", Code::denied, "check the credentials"}, Case{"expired", Code::denied, "has expired"},
        Case{"skewed", Code::denied, "set the clock"},
        Case{"elsewhere", Code::denied, "in the region eu-central-2; set params.region"},
        Case{"nobucket", Code::invalid, "correct params.bucket"}, Case{"signed", Code::denied, "check the credentials"}}) {
    const auto refused = web::list(at(c.bucket));
    ASSERT_EQ(code_of(refused), c.code) << c.bucket;
    EXPECT_NE(refused.error().message.find(c.remedy), std::string::npos) << refused.error().message;
  }
}

TEST(S3Signature, IsAcceptedByAnIndependentComputation) {
  const web::Variables set(keys);
  const auto archive = at("signed");
  const auto listed = web::list(archive, {"2007/d", "a", "zü", "with space", "100%", "hash#"});
  ASSERT_TRUE(listed) << listed.error().message;
  EXPECT_EQ(listed->files.size(), 8u);
  for (const auto& [name, file] : listed->files) {
    const auto content = web::fetch(archive, {.id = name, .size = file.size, .version = file.version}, 3);
    EXPECT_TRUE(content) << content.error().message;
  }
}

TEST(S3Signature, CoversTheSessionToken) {
  auto with_token = keys;
  with_token["AWS_SESSION_TOKEN"] = "session";
  {
    const web::Variables set(with_token);
    EXPECT_TRUE(web::list(at("token")));
  }
  with_token["AWS_SESSION_TOKEN"] = "old";
  const web::Variables set(with_token);
  const auto refused = web::list(at("token"));
  ASSERT_EQ(code_of(refused), Code::denied);
  EXPECT_NE(refused.error().message.find("correct AWS_SESSION_TOKEN"), std::string::npos);
  EXPECT_EQ(refused.error().message.find("old"), std::string::npos);
}

TEST(S3Signature, WrongKeysAreToldApart) {
  {
    const web::Variables set({{"AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"}, {"AWS_SECRET_ACCESS_KEY", "hidden-key"}});
    const auto refused = web::list(at("signed"));
    ASSERT_EQ(code_of(refused), Code::denied);
    EXPECT_NE(refused.error().message.find("correct AWS_SECRET_ACCESS_KEY"), std::string::npos);
    EXPECT_EQ(refused.error().message.find("hidden-key"), std::string::npos);
  }
  const web::Variables set({{"AWS_ACCESS_KEY_ID", "AKIDOTHER"}, {"AWS_SECRET_ACCESS_KEY", "hidden-key"}});
  EXPECT_NE(web::list(at("signed")).error().message.find("correct AWS_ACCESS_KEY_ID"), std::string::npos);
}

TEST(S3Signature, TakesKeysFromASectionOfAPrivateFile) {
  const auto path = ::testing::TempDir() + "mole-aws-" + std::to_string(::getpid());
  std::ofstream(path) << "[default]\naws_access_key_id = none\naws_secret_access_key = none\n"
                      << "[archive]\naws_access_key_id=AKIDEXAMPLE\naws_secret_access_key=secret/with+characters=\n";
  ::chmod(path.c_str(), 0600);
  const web::Variables set({{"AWS_SHARED_CREDENTIALS_FILE", path}});
  auto params = bucket("signed");
  params.profile = "archive";
  EXPECT_TRUE(web::list(S3(params, {}, web::impatient())));
  EXPECT_EQ(code_of(web::list(at("signed"))), Code::denied);
  params.profile = "none";
  EXPECT_THROW(S3{params}, mole::Failure);
  ::chmod(path.c_str(), 0644);
  params.profile = "archive";
  EXPECT_THROW(S3{params}, mole::Failure);
  ::unlink(path.c_str());
}

TEST(S3Fetch, ResumesAtAnOffset) {
  for (const auto* name : {"ok", "noranges"})
    for (const auto offset : {std::size_t{0}, std::size_t{777}, a_content.size() - 1, a_content.size()}) {
      const auto rest = fetch_a(at(name), offset);
      ASSERT_TRUE(rest) << rest.error().message;
      EXPECT_EQ(*rest, a_content.substr(offset));
    }
}

TEST(S3Fetch, ReportsAChangedObjectAsMissing) {
  for (const auto* name : {"changed", "grown"})
    for (const std::uint64_t offset : {0u, 777u}) EXPECT_EQ(code_of(fetch_a(at(name), offset)), Code::missing) << name;
  EXPECT_EQ(code_of(web::fetch(at("ok"), {.id = "gone.bz2", .size = 5, .version = "\"1\""})), Code::missing);
}

TEST(S3Fetch, ABrokenTransferIsTransient) {
  for (const auto* name : {"hang", "reset", "cut", "drip", "broken"})
    EXPECT_EQ(code_of(web::fetch(at(name), {.id = "a.bz2", .size = a_content.size()})), Code::transient) << name;
}

TEST(S3Fetch, IsNotLedToADifferentServer) {
  EXPECT_EQ(code_of(web::fetch(at("away"), {.id = "a.bz2", .size = a_content.size()})), Code::denied);
}

TEST(S3Fetch, SlowDownIsBusy) {
  const auto refused = web::fetch(at("busy"), {.id = "a.bz2", .size = a_content.size()});
  ASSERT_EQ(code_of(refused), Code::busy);
  EXPECT_NE(refused.error().message.find("try again in 7 s"), std::string::npos);
}

TEST(S3Restore, AsksOnceAndWaitsUntilAnObjectIsReadable) {
  const web::Variables set(keys);
  auto params = bucket("cold");
  params.restore = "bulk";
  const S3 archive(params, {}, web::impatient());
  const auto listed = web::list(archive);
  ASSERT_TRUE(listed);
  EXPECT_TRUE(listed->files.at("a.bz2").offline);
  EXPECT_EQ(code_of(fetch_a(archive)), Code::transient);
  const auto states = [&] { return stage(archive, {"a.bz2", "gone.bz2"}); };
  for (int polls = 0; polls < 3; ++polls) {
    const auto pending = states();
    ASSERT_TRUE(pending) << pending.error().message;
    EXPECT_EQ(pending->at(0), "pending");
    EXPECT_NE(pending->at(1).find("not found"), std::string::npos);
  }
  EXPECT_EQ(states()->at(0), "ready");
  EXPECT_EQ(*fetch_a(archive), a_content);
}

TEST(S3Restore, CostsNothingUnlessTheManifestAllowsIt) {
  const auto archive = at("cold");
  EXPECT_EQ(stage(archive, {"2007/b.bz2"})->at(0), "ready");
  const auto refused = web::fetch(archive, {.id = "2007/b.bz2", .size = 1});
  ASSERT_EQ(code_of(refused), Code::invalid);
  EXPECT_NE(refused.error().message.find("set params.restore"), std::string::npos);
}

TEST(S3Address, FollowsAmazonsRules) {
  EXPECT_EQ(S3({.bucket = "flows", .region = "eu-central-2"}).url_of("a b"), "https://flows.s3.eu-central-2.amazonaws.com/a%20b");
  EXPECT_EQ(S3({.bucket = "flows.org"}).url_of("a+b"), "https://s3.us-east-1.amazonaws.com/flows.org/a%2Bb");
  EXPECT_EQ(S3({.bucket = "b", .region = "cn-north-1"}).url_of("a"), "https://b.s3.cn-north-1.amazonaws.com.cn/a");
  for (const auto* name : {"", "a/b", "a?b", "user@host"}) EXPECT_THROW(S3({.bucket = name}), mole::Failure) << name;
  EXPECT_THROW(S3({.bucket = "b", .region = "a/b"}), mole::Failure);
  EXPECT_THROW(S3({.bucket = "b", .endpoint = "https://key:secret@host/"}), mole::Failure);
}

}  // namespace
