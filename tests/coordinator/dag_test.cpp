#include "coordinator/dag/describe.hpp"
#include "coordinator/dag/resolve.hpp"
#include "tests/coordinator/world.hpp"

#include "sdk/model/durable_file.hpp"

namespace mole::test {
namespace {

using namespace coordinator;

class Dag : public ::testing::Test {
 protected:
  Dag() { write_plugins(folder_.path()); }

  Result<dag::Resolution> resolve(const std::string& text, const std::vector<std::string>& overrides = {}) {
    auto parsed = manifest::parse_manifest(text, "m.yaml", overrides);
    if (!parsed) return parsed.error();
    return dag::resolve(*parsed, PluginCatalogue::load({folder_.path()}), "/base");
  }
  std::string error(const std::vector<std::string>& overrides) {
    const auto resolved = resolve(chain, overrides);
    return resolved ? "no error" : resolved.error().message;
  }

  TempFolder folder_;
};

TEST_F(Dag, ResolvesTheChain) {
  const auto resolved = resolve(chain);
  ASSERT_TRUE(resolved) << resolved.error().message;
  const auto& graph = resolved->graph;
  ASSERT_EQ(graph.modules.size(), 3u);
  EXPECT_EQ(graph.modules[1].by, (std::vector<std::string>{"router"}));
  EXPECT_EQ(graph.modules[1].interval, 15 * minute_us);
  EXPECT_EQ(graph.modules[1].outputs[0].name, "bytes_mean");
  EXPECT_EQ(graph.modules[1].outputs[0].unit, "B");
  EXPECT_EQ(graph.modules[2].outputs[0].unit, "B^2");
  EXPECT_EQ(graph.archives[0].downloader.params["root"], "/base/archive");
}

TEST_F(Dag, FindsTheTimeSpanCoveredByACount) {
  using nlohmann::json;
  const json size = {{"name", "size_mean"}, {"type", "f64"}, {"nullable", true}, {"unit", "B"}, {"doc", "mean size of a flow"}};
  const json flows = {{"role", "flows"}, {"kind", "flows"}, {"reads", {"bytes"}}};
  write_plugin(folder_.path(), metric("sizes", "mergeable", json::array({flows}), json::array({size})), "sizes");
  const auto resolved =
      resolve(chain, {"modules.day={plugin: traffic, input: {archive: flows}, interval: 15m, window: 2h}",
                      "modules.day_mean={plugin: mean, inputs: {values: day.bytes}}",
                      "modules.sizes={plugin: sizes, input: {archive: flows}, interval: 15m}",
                      "modules.sizes_mean={plugin: mean, inputs: {values: sizes.size_mean}}", "modules.mean.window=1h"});
  ASSERT_TRUE(resolved) << resolved.error().message;
  const auto& graph = resolved->graph;
  const auto over = [&](const std::string& module, const std::string& column) {
    return dag::counted_over(graph, graph.modules[*graph.find_module(module)], column).value_or(0) / minute_us;
  };
  EXPECT_EQ(over("traffic", "bytes"), 15);
  EXPECT_EQ(over("traffic", "flows"), 15);
  EXPECT_EQ(over("day", "packets"), 120);     // its window
  EXPECT_EQ(over("mean", "bytes_mean"), 15);  // the interval of its input
  EXPECT_EQ(over("day_mean", "bytes_mean"), 120);
  EXPECT_EQ(over("sizes", "size_mean"), 0);
  EXPECT_EQ(over("sizes_mean", "size_mean_mean"), 0);
  EXPECT_EQ(over("variance", "bytes_variance"), 0);
  EXPECT_EQ(over("traffic", "flows_lost"), 0);  // not an output
  EXPECT_EQ(over("traffic", "octets"), 0);
}

// A decoder that no file is read with; `writes` beside start, end and bytes.
nlohmann::json decoder(const std::string& name, std::vector<std::string> writes, const std::string& version = "1.0.0") {
  writes.insert(writes.end(), {"start", "end", "bytes", "packets"});
  return {{"kind", "decoder"},
          {"name", name},
          {"version", version},
          {"summary", name},
          {"params", nlohmann::json::array()},
          {"inputs", nlohmann::json::array()},
          {"output", nlohmann::json::array()},
          {"writes", std::move(writes)}};
}

TEST_F(Dag, WithoutADecoderAllInstalledOnesAreCandidates) {
  const auto names = [&](const std::vector<std::string>& overrides) {
    const auto resolved = resolve(chain, overrides);
    EXPECT_TRUE(resolved) << resolved.error().message;
    return resolved ? manifest::names_of(resolved->graph.archives[0].decoders) : std::vector<std::string>();
  };
  EXPECT_EQ(names({}), (std::vector<std::string>{"netflow5"}));
  write_plugin(folder_.path(), decoder("ipfix", {"application_label"}), "ipfix");
  write_plugin(folder_.path(), decoder("zeta", {}), "zeta");
  EXPECT_EQ(names({}), (std::vector<std::string>{"ipfix", "netflow5", "zeta"}));
  EXPECT_EQ(names({"archives.flows.decoder=zeta"}), (std::vector<std::string>{"zeta"}));
  EXPECT_NE(error({"archives.flows.decoder=zetta"}).find("there is no decoder plugin 'zetta'"), std::string::npos);
}

TEST_F(Dag, TheCandidatesArePartOfTheFingerprint) {
  const auto fingerprint = [&](const std::vector<std::string>& overrides = {}) {
    return resolve(chain, overrides)->graph.modules[0].fingerprint;
  };
  const auto alone = fingerprint();
  EXPECT_EQ(fingerprint({"archives.flows.decoder=netflow5"}), alone) << "the same decoder reads every file";
  write_plugin(folder_.path(), decoder("ipfix", {}), "ipfix");
  const auto both = fingerprint();
  EXPECT_NE(both, alone);
  EXPECT_EQ(fingerprint({"archives.flows.decoder=netflow5"}), alone);
  write_plugin(folder_.path(), decoder("ipfix", {}, "1.0.1"), "ipfix 2");
  EXPECT_NE(fingerprint(), both);
}

TEST_F(Dag, AColumnMustBeProvidedBySomeDecoder) {
  const std::string by = "modules.traffic.by=[src_vlan]", filter = "modules.traffic.filter=dst port 80";
  EXPECT_EQ(error({by}),
            "m.yaml:11:3: \"by\" of \"traffic\" names the column \"src_vlan\", which the decoder \"netflow5\" does not "
            "provide; choose a different decoder");
  write_plugin(folder_.path(), decoder("ipfix", {"src_vlan"}), "ipfix");
  EXPECT_EQ(error({by}), "no error") << "IPFIX files have it";
  EXPECT_EQ(error({filter}), "no error") << "NetFlow v5 files have it";
  EXPECT_NE(error({filter, "archives.flows.decoder=ipfix"}).find("\"dst_port\", which the decoder \"ipfix\" does not provide"),
            std::string::npos);
  const auto none = "\"src_as\", which no installed decoder (ipfix, netflow5) provides";
  EXPECT_NE(error({"modules.traffic.filter=src as 559"}).find(none), std::string::npos);
  EXPECT_NE(error({"modules.traffic.by=[src_as]"}).find(none), std::string::npos);
}

TEST_F(Dag, AModuleReadsAtMostTheElementsOfATask) {
  write_plugin(folder_.path(), decoder("ipfix", {"elements"}), "ipfix");
  const auto filter = [](std::size_t elements) {
    std::string text = "modules.traffic.filter=";
    for (std::size_t i = 0; i < elements; ++i) text += (i > 0 ? " or 9/" : "9/") + std::to_string(100 + i) + " 0x00";
    return text;
  };
  const std::string by = "modules.traffic.by=[9/100, flowId]";
  const auto fits = resolve(chain, {filter(dag::max_elements - 1), by});
  ASSERT_TRUE(fits) << fits.error().message;
  const auto& elements = fits->graph.modules[0].elements;
  EXPECT_EQ(elements.size(), dag::max_elements);
  EXPECT_EQ(elements.front(), "9/100");
  EXPECT_EQ(elements.back(), "flowId");
  EXPECT_TRUE(fits->graph.modules[1].elements.empty() || fits->graph.modules[1].elements.size() <= 2);
  EXPECT_EQ(dag::graph_from_json(dag::to_json(fits->graph)).modules[0].elements, elements);
  EXPECT_NE(error({filter(dag::max_elements), by})
                .find("reads 27 information elements in its metric, \"filter\" and \"by\", but at most 26"),
            std::string::npos)
      << error({filter(dag::max_elements), by});
}

TEST_F(Dag, SuggestsNearNamesOfElements) {
  write_plugin(folder_.path(), decoder("ipfix", {"elements"}), "ipfix");
  EXPECT_NE(error({"modules.traffic.by=[acmeThing]"}).find("ENTERPRISE/ID"), std::string::npos);
  EXPECT_NE(error({"modules.traffic.by=[dnsQNam]"}).find("did you mean dnsQName"), std::string::npos)
      << error({"modules.traffic.by=[dnsQNam]"});
  EXPECT_NE(error({"modules.traffic.by=[9/0]"}).find("neither a dimension"), std::string::npos)
      << error({"modules.traffic.by=[9/0]"});
}

TEST_F(Dag, ReadsGraphsStoredWithASingleDecoder) {
  const auto graph = resolve(chain)->graph;
  auto stored = dag::to_json(graph);
  stored["archives"][0]["decoder"] = stored["archives"][0]["decoders"][0];
  stored["archives"][0].erase("decoders");
  EXPECT_EQ(dag::to_json(dag::graph_from_json(stored)), dag::to_json(graph));
}

TEST_F(Dag, RoundTripsThroughJson) {
  const auto graph = resolve(chain)->graph;
  const auto again = dag::graph_from_json(nlohmann::json::parse(dag::to_json(graph).dump()));
  EXPECT_EQ(dag::to_json(again), dag::to_json(graph));
}

TEST_F(Dag, OnlyGroupingByDirectionNeedsAHomeAndAddsItToTheFingerprint) {
  EXPECT_NE(error({"modules.traffic.by=[direction]"}).find("does not define \"home\""), std::string::npos);
  const std::string home = "archives.flows.home={networks: [10.0.0.0/8]}", other = "archives.flows.home={networks: [11.0.0.0/8]}";
  const auto fingerprint = [&](const std::vector<std::string>& overrides) {
    return resolve(chain, overrides)->graph.modules[0].fingerprint;
  };
  EXPECT_EQ(fingerprint({home}), fingerprint({}));
  EXPECT_NE(fingerprint({home, "modules.traffic.by=[direction]"}), fingerprint({other, "modules.traffic.by=[direction]"}));
}

TEST_F(Dag, OrdersModulesIndependentlyOfTheManifest) {
  const auto resolved = resolve(chain, {"modules.a={plugin: mean, inputs: {values: variance.bytes_variance}}"});
  ASSERT_TRUE(resolved) << resolved.error().message;
  EXPECT_EQ(resolved->graph.modules.back().name, "a");
}

TEST_F(Dag, NamesEveryModuleOfACycle) {
  EXPECT_EQ(error({"modules.mean.inputs={values: variance.bytes_variance}"}),
            "m.yaml:12:3: the modules depend on each other in a cycle: mean -> variance -> mean; remove one of these inputs");
}

TEST_F(Dag, ReportsBindingErrors) {
  EXPECT_EQ(error({"modules.mean.inputs={values: trafic.bytes}"}),
            "--set modules.mean.inputs={values: trafic.bytes}: there is no module \"trafic\"; did you mean \"traffic\"?");
  EXPECT_EQ(
      error({"modules.mean.inputs={values: traffic.byte}"}),
      "--set modules.mean.inputs={values: traffic.byte}: the module \"traffic\" has no column \"byte\"; did you mean \"bytes\"?");
  EXPECT_EQ(error({"modules.mean.inputs={value: traffic.bytes}"}),
            "--set modules.mean.inputs={value: traffic.bytes}: the plugin mean has no input \"value\"; did you mean \"values\"?");
  EXPECT_EQ(error({"modules.traffic.input={archive: flow}"}),
            "--set modules.traffic.input={archive: flow}: there is no archive \"flow\"; did you mean \"flows\"?");
  EXPECT_EQ(error({"modules.traffic.interval=7m"}),
            "m.yaml:11:3: the interval 7m does not divide the block length 2h of the archive \"flows\"; choose one that does");
  EXPECT_EQ(
      error({"modules.traffic.interval=1d"}),
      "m.yaml:11:3: the interval 1d is longer than the blocks of the archive \"flows\", 2h; set \"block\" of the archive to a "
      "multiple of the interval, or choose a shorter interval");
  EXPECT_EQ(error({"modules.mean.window=20m"}),
            "m.yaml:12:3: the window 20m is not a multiple of the interval 15m; set the window to a multiple of 15m");
  EXPECT_EQ(
      error({"modules.mean.interval=30m"}),
      "m.yaml:12:3: the interval 30m differs from 15m, the interval of its input \"traffic\"; omit \"interval\" to inherit it");
  EXPECT_NE(error({"modules.traffic.by=[colour]"}).find("\"by\": \"colour\" is not a dimension; use one of "), std::string::npos);
  EXPECT_EQ(error({"modules.mean.filter=proto tcp"}).substr(0, 40), "--set modules.mean.filter=proto tcp: \"fi");
  EXPECT_EQ(error({"modules.mean.warmup=1h"}),
            "m.yaml:12:3: \"warmup\" and \"since\" are for sequential metrics; mean is mergeable; use \"window\"");
  EXPECT_EQ(error({"modules.s={plugin: longest_silence, input: {archive: flows}, interval: 15m}"})
                .find("longest_silence is sequential: it needs either \"warmup\""),
            83u);
  EXPECT_NE(error({"modules.mean.plugin=meen"}).find("there is no metric plugin 'meen'"), std::string::npos);
  EXPECT_NE(error({"modules.traffic.interval="}).find("\"interval\" must be a string"), std::string::npos);
  EXPECT_NE(error({"modules.mean.params.x=1"}).find("x"), std::string::npos);
}

TEST_F(Dag, ModulesThatComputeTheSameAreStoredApart) {
  const auto base = resolve(chain)->graph;
  const auto graph =
      resolve(chain, {"modules.again={plugin: traffic, input: {archive: flows}, interval: 15m, by: [router]}"})->graph;
  const auto fingerprint = [](const dag::Graph& of, const char* module) {
    return of.modules[*of.find_module(module)].fingerprint;
  };
  EXPECT_EQ(fingerprint(graph, "traffic"), fingerprint(base, "traffic"));
  EXPECT_NE(fingerprint(graph, "traffic"), fingerprint(graph, "again"));
}

TEST_F(Dag, NamesBothColumnsOfAUnitMismatch) {
  const auto message = error({"modules.variance.inputs={values: traffic.packets, centre: mean.bytes_mean}"});
  EXPECT_NE(message.find("traffic.packets [packet]"), std::string::npos) << message;
  EXPECT_NE(message.find("mean.bytes_mean [B]"), std::string::npos) << message;
}

TEST_F(Dag, TotalsNeedClosedDimensionsAndAreInherited) {
  const auto graph =
      resolve(chain, {"modules.traffic.by=[router, protocol_class]", "modules.traffic.totals=[protocol_class, router]"})->graph;
  for (const auto& module : graph.modules)
    EXPECT_EQ(module.totals, (std::vector<std::string>{"router", "protocol_class"})) << module.name;
  EXPECT_EQ(dag::graph_from_json(dag::to_json(graph)).modules[2].totals, graph.modules[2].totals);
  EXPECT_EQ(error({"modules.traffic.totals=[protocol_class]"}),
            "m.yaml:11:3: \"totals\" names protocol_class, but \"by\" does not; add it to \"by\" or remove it from \"totals\"");
  EXPECT_NE(error({"modules.traffic.by=[router, dst_port]", "modules.traffic.totals=[dst_port]"})
                .find("\"dst_port\" is not a closed dimension"),
            std::string::npos);
  EXPECT_EQ(error({"modules.mean.totals=[router]"}),
            "m.yaml:12:3: \"totals\" is only for modules that read flows; omit it, because \"mean\" inherits the totals of its "
            "input \"traffic\"");
  EXPECT_NE(error({"modules.traffic.input={archive: flows, where: {router: [\"1\", all]}}", "modules.traffic.totals=[router]"})
                .find("a router is named \"all\""),
            std::string::npos);
  EXPECT_NE(error({"modules.s={plugin: longest_silence, input: {archive: flows}, interval: 15m, warmup: 1h, by: [router], "
                   "totals: [router]}"})
                .find("longest_silence is sequential: its states cannot be merged into totals"),
            std::string::npos);
}

TEST_F(Dag, RejectsAPluginWithADifferentAbi) {
  const auto sidecar = folder_.path() / "traffic.plugin.json";
  auto document = nlohmann::json::parse(*read_file(sidecar));
  document["abi"]["major"] = 9;
  ASSERT_TRUE(durable_write(sidecar, document.dump()));
  EXPECT_NE(error({}).find("is built for plugin ABI 9.3, but this host has 1.3"), std::string::npos);
}

TEST_F(Dag, FingerprintsDependOnExactlyWhatAffectsResults) {
  const auto base = resolve(chain)->graph;
  const auto changed = [&](const std::string& override) {
    std::string out;
    const auto graph = resolve(chain, {override})->graph;
    for (std::size_t m = 0; m < 3; ++m) out += graph.modules[m].fingerprint == base.modules[m].fingerprint ? "=" : "x";
    return out;
  };
  EXPECT_EQ(changed("archives.flows.params.root=/elsewhere"), "xxx");
  EXPECT_EQ(changed("modules.mean.params.minimum_coverage=0.5"), "=xx");
  EXPECT_EQ(changed("modules.traffic.filter=proto tcp"), "xxx");
  EXPECT_EQ(changed("modules.variance.window=1d"), "==x");
  EXPECT_EQ(changed("archives.flows.damage=skip"), "xxx");
  EXPECT_EQ(changed("archives.flows.block.length=4h"), "xxx");
  EXPECT_EQ(changed("archives.flows.lateness=2h"), "xxx");
  EXPECT_EQ(changed("archives.flows.decode=interleaved"), "===");
  EXPECT_EQ(changed("modules.mean.keep_states=all"), "===");
  EXPECT_EQ(changed("modules.traffic.totals=[router]"), "xxx");
  EXPECT_EQ(changed("modules.traffic.totals=[]"), "===");
}

TEST_F(Dag, FingerprintOfADevelopmentVersionDependsOnItsLibrary) {
  const auto rebuild = [&](const std::string& bytes) {
    auto descriptor = nlohmann::json::parse(*read_file(folder_.path() / "mean.plugin.json"))["plugins"][0];
    descriptor["version"] = "1.0.0-dev";
    write_plugin(folder_.path(), descriptor, bytes);
    return resolve(chain)->graph.modules[1].fingerprint;
  };
  EXPECT_NE(rebuild("one"), rebuild("two"));
}

TEST_F(Dag, RendersGraphviz) {
  const auto dot = dag::to_dot(dag::describe(resolve(chain)->graph));
  EXPECT_NE(dot.find("\"mean\" -> \"variance\" [label=\"bytes_mean\", style=dashed];"), std::string::npos) << dot;
}

TEST_F(Dag, PrunesToDependencies) {
  const auto graph = resolve(chain)->graph;
  const auto part = dag::prune(graph, {1});
  ASSERT_EQ(part.modules.size(), 2u);
  EXPECT_EQ(part.modules[1].name, "mean");
  EXPECT_EQ(part.modules[1].inputs[0].source, 0u);
}

}  // namespace
}  // namespace mole::test
