#include "coordinator/manifest/manifest.hpp"

#include <gtest/gtest.h>

namespace mole::test {
namespace {

using namespace coordinator::manifest;

const std::string good = R"(pipeline: border-traffic
archives:
  ddosvax:
    downloader: directory
    params: {root: ./archive}
    files: "{router}_{sequence}_{start:unix}.dat.bz2"
    covers: 1h
    block: {length: 12h, origin: 06:00}
modules:
  traffic:  {plugin: traffic, input: {archive: ddosvax, where: {router: [19993, 19991]}}, interval: 15m, by: [router]}
  mean:     {plugin: mean,     inputs: {values: traffic.bytes}, window: 7d}
resources: {}
)";

std::string replaced(const std::string& what, const std::string& by) {
  auto text = good;
  text.replace(text.find(what), what.size(), by);
  return text;
}

std::string error_of(const std::string& text, const std::vector<std::string>& overrides = {}) {
  const auto parsed = parse_manifest(text, "m.yaml", overrides);
  return parsed ? "no error" : parsed.error().message;
}

task::Home home_of(const std::string& home) {
  const auto parsed = parse_manifest(good, "m.yaml", {"archives.ddosvax.home=" + home});
  EXPECT_TRUE(parsed) << parsed.error().message;
  return parsed ? parsed->archives[0].home : task::Home{};
}

TEST(Manifest, ReadsHomeAsTwoFilters) {
  EXPECT_EQ(home_of("{networks: [192.0.2.0/24, '2001:db8::/32']}").source, "src_addr in [192.0.2.0/24, 2001:db8::/32]");
  EXPECT_EQ(home_of("{as: 64500}").destination, "dst_as in [64500]");
  EXPECT_EQ(home_of("{border_interfaces: [18, 17]}").source, "not in_if in [17, 18]");
  const auto by_router = home_of("{border_interfaces: {'1': [17], '2': 4}}");
  EXPECT_EQ(home_of("{border_interfaces: {'zh,1': 4}}").source, "not (router in [\"zh,1\"] and in_if in [4])");
  EXPECT_EQ(home_of("{networks: [10.0.0.0/8, 192.0.2.0/24]}").destination, "dst_addr in [10.0.0.0/8, 192.0.2.0/24]");
  EXPECT_EQ(home_of("{as: [64512, '64513']}").source, "src_as in [64512, 64513]");
  EXPECT_EQ(by_router.destination, "not ((router in [\"1\"] and out_if in [17]) or (router in [\"2\"] and out_if in [4]))");
}

TEST(Manifest, RejectsAnInvalidHome) {
  EXPECT_NE(error_of(good, {"archives.ddosvax.home={as: 1, networks: [10.0.0.0/8]}"})
                .find("must contain exactly one of networks, as, border_interfaces"),
            std::string::npos);
  EXPECT_NE(error_of(good, {"archives.ddosvax.home={networks: [10.0.0/8]}"}).find("\"10.0.0/8\" is not valid; list networks"),
            std::string::npos);
  EXPECT_NE(error_of(good, {"archives.ddosvax.home={networks: ['10.0.0.0/8] or src ip in [1.2.3.4']}"}).find("is not valid"),
            std::string::npos);
  EXPECT_NE(error_of(good, {"archives.ddosvax.home={networks: []}"}).find("is empty"), std::string::npos);
  EXPECT_NE(error_of(good, {"archives.ddosvax.home={as: [many]}"}).find("list AS numbers"), std::string::npos);
  EXPECT_NE(error_of(good, {"archives.ddosvax.home={border: [1]}"}).find("border_interfaces"), std::string::npos);
}

TEST(Manifest, ReadsTheExample) {
  const auto parsed = parse_manifest(good, "m.yaml", {});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->pipeline, "border-traffic");
  const auto& archive = parsed->archives.at(0);
  EXPECT_EQ(archive.block_length, 12 * hour_us);
  EXPECT_EQ(archive.block_origin, 6 * hour_us);
  EXPECT_EQ(archive.lateness, hour_us);
  EXPECT_EQ(archive.decoder, "") << "the content decides";
  EXPECT_EQ(archive.downloader_params["root"], "./archive");
  EXPECT_EQ(parsed->modules.at(0).inputs.at(0).routers, (std::vector<std::string>{"19991", "19993"}));
  EXPECT_EQ(parsed->modules.at(1).window, 7 * day_us);
  EXPECT_EQ(parsed->modules.at(1).inputs.at(0).column, "bytes");
}

TEST(Manifest, AppliesOverridesBeforeValidation) {
  const auto parsed = parse_manifest(good, "m.yaml",
                                     {"modules.mean.window=1d", "modules.mean.params.minimum_coverage=0.5",
                                      "archives.ddosvax.damage=strict", "archives.ddosvax.decode=interleaved"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->modules[1].window, day_us);
  EXPECT_EQ(parsed->modules[1].params["minimum_coverage"], 0.5);
  EXPECT_EQ(parsed->archives[0].damage, DamagePolicy::strict);
  EXPECT_EQ(parsed->archives[0].decode, Bzip2Decoder::interleaved);
}

struct Golden {
  const char* what;
  const char* by;
  const char* message;
};

TEST(Manifest, ErrorsNamePositionCauseAndRemedy) {
  const Golden goldens[] = {
      {"window: 7d", "windw: 7d", "m.yaml:11:65: unknown key \"windw\" in the module \"mean\"; did you mean \"window\"?"},
      {"pipeline: border-traffic", "pipelin: x",
       "m.yaml:1:1: unknown key \"pipelin\" in the manifest; did you mean \"pipeline\"?"},
      {"covers: 1h", "covers: soon", "m.yaml:7:13: \"covers\": "},
      {"covers: 1h", "cover: 1h", "m.yaml:7:5: unknown key \"cover\" in the archive \"ddosvax\"; did you mean \"covers\"?"},
      {"origin: 06:00", "origin: 26:00", "m.yaml:8:34: \"origin\" must be a time of day such as 06:00, not \"26:00\""},
      {"{start:unix}", "{begin}",
       "m.yaml:6:12: \"files\": unknown placeholder {begin}; use {router}, {sequence}, {start:unix}, {end:unix}, or a time such "
       "as "
       "{start:%Y-%m-%d.%H%M%S%z}"},
      {"_{start:unix}", "",
       "m.yaml:6:12: \"files\": the pattern has no time; put {start:unix}, {end:unix} or a time such as {start:%Y%m%d%H%M} where "
       "file names contain it"},
      {"{router}_{sequence}", "{router}{sequence}",
       "m.yaml:6:12: \"files\": two placeholders need text between them to show where the first ends, unless it is a time of "
       "fixed "
       "width"},
      {"{router}_{sequence}_{start:unix}.dat.bz2\"", "nf.{start:unix}\"\n    routers: {a: b}",
       "m.yaml:7:14: \"routers\" renames what {router} matches, but \"files\" has no {router}; add it"},
      {"covers: 1h", "covers: 1h\n    zone: Europe/Zurish", "m.yaml:8:11: there is no time zone \"Europe/Zurish\"; "},
      {"covers: 1h", "covers: 1h\n    duplicates: some",
       "m.yaml:8:17: unknown policy \"some\" for files of one router and time; use one of refuse, newest, largest, all"},
      {"covers: 1h", "covers: 1h\n    decode: interlaced",
       "m.yaml:8:13: \"decode\" must be libbzip2 or interleaved, not \"interlaced\""},
      {"downloader: directory", "damage: maybe",
       "m.yaml:4:5: the key \"downloader\" is missing; name the plugin that reads the archive, such as directory"},
      {"traffic.bytes", "traffic", "m.yaml:11:49: \"traffic\" must be MODULE.COLUMN, such as traffic.bytes"},
      {"input: {archive: ddosvax, where: {router: [19993, 19991]}}", "window: 1d",
       "m.yaml:10:3: the module \"traffic\" has no input; add \"input: {archive: NAME}\" or \"inputs: {ROLE: MODULE.COLUMN}\""},
      {"resources: {}", "resources: {routes: {}}",
       "m.yaml:12:21: the key \"files\" is missing; give a pattern of file names, such as \"rib.{date}.txt\""},
      {"params: {root: ./archive}", "params: [1]", "m.yaml:5:13: \"params\" must be a map of keys, not a list"},
      {"pipeline: border-traffic", "pipeline: \"a b\"",
       "m.yaml:1:11: \"a b\" is not a valid name; use up to 64 of A-Z a-z 0-9 _ -"},
      {"  mean: ", "  traffic: ", "m.yaml:11:3: duplicate key \"traffic\"; remove one of the two"},
      {"by: [router]", "by: {a: b}", "m.yaml:10:110: \"by\" must be a list, not a map"},
      {"window: 7d", "keep_states: 7d",
       "m.yaml:11:78: \"keep_states: 7d\" is not available in this version, which keeps every state; leave it out or write all"},
      {"modules:", "modules", "m.yaml:10:10: this is not YAML: "},
  };
  for (const auto& golden : goldens) {
    const auto message = error_of(replaced(golden.what, golden.by));
    EXPECT_EQ(message.substr(0, std::string(golden.message).size()), golden.message);
  }
  EXPECT_EQ(error_of(replaced("covers: 1h", "covers: 1h\n    damage: maybe")),
            "m.yaml:8:13: unknown policy \"maybe\" for damaged files; use one of partial, strict, skip");
  EXPECT_EQ(error_of(""), "m.yaml:1:1: the manifest is empty; it needs \"pipeline\", \"archives\" and \"modules\"");
  EXPECT_EQ(error_of(good, {"modules.mean.windw=1d"}),
            "--set modules.mean.windw=1d: unknown key \"windw\" in the module \"mean\"; did you mean \"window\"?");
  EXPECT_EQ(error_of(good, {"modules.mean"}), "--set modules.mean: write KEY=VALUE, such as modules.mean.window=1d");
  EXPECT_EQ(error_of(good, {"pipeline.x=1"}), "--set pipeline.x=1: \"pipeline\" has no keys; set it as a whole");
}

// Each of these would be a divisor or would be added to a time.
TEST(Manifest, RejectsTimesThatWouldOverflowOrDivideByZero) {
  EXPECT_NE(error_of(good, {"modules.traffic.interval=0s"}).find("\"interval\" must be greater than zero"), std::string::npos);
  EXPECT_NE(error_of(good, {"archives.ddosvax.covers=0s"}).find("\"covers\" must be a whole number of seconds"),
            std::string::npos);
  EXPECT_NE(error_of(good, {"archives.ddosvax.lateness=200000d"}).find("between 0s and ten years"), std::string::npos);
  EXPECT_NE(error_of(good, {"archives.ddosvax.covers=1s", "archives.ddosvax.lateness=300d"}).find("files of a router"),
            std::string::npos);
}

TEST(Manifest, LimitsTheExpansionOfAliases) {
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c < 'k'; ++c) {
    bomb += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 10; ++i) bomb += std::string(i ? "," : "") + "*" + static_cast<char>(c - 1);
    bomb += "]\n";
  }
  EXPECT_NE(error_of(bomb).find("expands to more than 20000 values"), std::string::npos) << error_of(bomb);
  EXPECT_NE(error_of("a: " + std::string(60, '[') + std::string(60, ']')).find("nested deeper than 16 levels"),
            std::string::npos);
  EXPECT_NE(error_of("a: &a [*a]").find("nested deeper than 16 levels"), std::string::npos) << error_of("a: &a [*a]");
  EXPECT_NE(error_of(std::string(2 << 20, 'x')).find("at most 256 KiB"), std::string::npos);
  EXPECT_NE(error_of(std::string(100'000, '[')).find("more than 20000 opening brackets"), std::string::npos);
  const auto long_value = error_of(good, {"modules.mean.params.x=" + std::string(100 << 10, '[')});
  EXPECT_NE(long_value.find("at most 64 KiB"), std::string::npos) << long_value.substr(0, 500);
  EXPECT_LT(long_value.size(), 500u);
  EXPECT_NE(error_of(good, std::vector<std::string>(30'000, "modules.mean.window=3h")).find("at most 1000"), std::string::npos);
  EXPECT_NE(error_of(good, std::vector<std::string>(10, "modules.mean.x=" + std::string(60'000, 'x'))).find("--set options have"),
            std::string::npos);
  error_of("? {a: b} : c");
  error_of("!!binary x");
}

TEST(Manifest, RefusesWhatWouldBeIgnored) {
  EXPECT_EQ(error_of(good + "---\npipeline: second\n").substr(0, 45), "m.yaml:14:1: a second document begins here, w");
  EXPECT_NE(error_of(good + "pipeline: again\n").find("m.yaml:13:1: duplicate key \"pipeline\""), std::string::npos);
  EXPECT_NE(error_of(good, {"modules.mean.window=1d\n---\n2d"}).find("a second document"), std::string::npos);
  EXPECT_NE(error_of(replaced("window: 7d", "window: !long 7d")).find("the tag !long is not supported"), std::string::npos);
  EXPECT_EQ(error_of("---\n" + good + "...\n"), "no error");
}

TEST(Manifest, ScalarsHaveTheTypesOfYaml) {
  EXPECT_EQ(error_of(replaced("pipeline: border-traffic", "pipeline: 2007")),
            "m.yaml:1:11: \"pipeline\" must be a string, not \"2007\"; put it in quotes");
  EXPECT_EQ(error_of(replaced("pipeline: border-traffic", "pipeline: \"2007\"")), "no error");
  EXPECT_NE(error_of(replaced("covers: 1h", "covers: true")).find("must be a string"), std::string::npos);
  EXPECT_EQ(error_of(replaced("[19993, 19991]", "[zh, 19991, \"7\"]")), "no error");
  EXPECT_NE(error_of(replaced("[19993, 19991]", "[1.5]")).find("must be a string"), std::string::npos);
}

TEST(Manifest, InputsSelectOneOfSeveralRows) {
  const auto parsed = parse_manifest(
      good, "m.yaml", {"modules.mean.inputs={values: {column: traffic.bytes, where: {rank: 1, side: src, new: true}}}"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  const auto& input = parsed->modules[1].inputs[0];
  EXPECT_EQ(input.column, "bytes");
  EXPECT_EQ(input.where_columns, (std::vector<RowFilter>{{"rank", "1"}, {"side", "src"}, {"new", "true"}}));
  EXPECT_NE(error_of(good, {"modules.mean.inputs={values: {column: traffic.bytes, where: {}}}"}).find("\"where\" is empty"),
            std::string::npos);
  EXPECT_NE(error_of(good, {"modules.mean.inputs={values: {column: traffic.bytes, where: {rank: [1, 2]}}}"})
                .find("must be a string, an integer"),
            std::string::npos);
  EXPECT_NE(error_of(good, {"modules.mean.inputs={values: {column: traffic, where: {rank: 1}}}"}).find("must be MODULE.COLUMN"),
            std::string::npos);
}

TEST(Manifest, NamesFoldersOfPlugins) {
  const auto parsed = parse_manifest(good, "m.yaml", {"plugins=[./a, /b]"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->plugins, (std::vector<std::string>{"./a", "/b"}));
}

}  // namespace
}  // namespace mole::test
