#include "sdk/descriptor/descriptor.hpp"
#include "sdk/descriptor/provided_columns.hpp"

#include <gtest/gtest.h>

#include <stdlib.h>
#include <chrono>
#include <fstream>
#include <thread>

#include "sdk/descriptor/sidecar.hpp"
#include "sdk/model/unit.hpp"
#include "tests/support/temp_folder.hpp"

namespace {

using mole::Binding;
using mole::Code;
using mole::Descriptor;
using nlohmann::json;

const char* const variance = R"json({"deterministic":true,"execution":"mergeable","inputs":[
  {"doc":"Column","kind":"rows","role":"values","type":"number","unit":"any"},
  {"doc":"Centre","kind":"context","role":"centre","type":"number","unit":"same(values)"}],
  "kind":"metric","name":"variance","output":[
  {"doc":"V","name":"{values}_variance","nullable":true,"type":"f64","unit":"square(values)"},
  {"doc":"R","name":"rate","nullable":false,"type":"f64","unit":"per_second(values)"},
  {"doc":"N","name":"{values}_count","nullable":false,"type":"u64","unit":"interval"}],
  "params":[{"default":0,"doc":"Minimum coverage","name":"minimum_coverage","range":[0,1],"type":"f64","unit":"1"},
            {"default":0,"doc":"Delta degrees of freedom","name":"ddof","range":[0,1],"type":"u64"},
            {"default":"","doc":"A file","format":"path","name":"file","type":"text"},
            {"choices":["src","dst"],"default":"src","doc":"A side","name":"side","type":"text"}],
  "state":{"revision":2,"shape":"6cc1afcaf84781f6"},"summary":"S","version":"1.2.0-dev"})json";

Descriptor parsed() { return *Descriptor::parse(variance); }

std::string error_of(const mole::Result<json>& r) { return r ? "no error" : r.error().message; }

TEST(Descriptor, IsParsedFromJson) {
  const auto d = parsed();
  EXPECT_EQ(d.kind, mole::PluginKind::metric);
  EXPECT_EQ(d.name, "variance");
  EXPECT_TRUE(d.development());
  EXPECT_EQ(d.execution, mole::Execution::mergeable);
  ASSERT_EQ(d.inputs.size(), 2u);
  EXPECT_EQ(d.input("centre")->unit, "same(values)");
  EXPECT_EQ(d.input("other"), nullptr);
  ASSERT_EQ(d.params.size(), 4u);
  EXPECT_EQ(d.params[1].range, std::pair(0.0, 1.0));
  EXPECT_EQ(d.params[2].format, "path");
  EXPECT_EQ(d.params[3].choices, (std::vector<std::string>{"src", "dst"}));
  EXPECT_TRUE(d.outputs[0].nullable);
  EXPECT_EQ(d.state_revision, 2u);
}

// Each change makes the descriptor invalid; the error must name the field.
TEST(Descriptor, ErrorsNameTheField) {
  const std::vector<std::pair<std::string, std::string>> changes{
      {R"([{"op":"replace","path":"/kind","value":"thing"}])", "/kind"},
      {R"([{"op":"replace","path":"/name","value":"../x"}])", "/name"},
      {R"([{"op":"replace","path":"/version","value":7}])", "/version"},
      {R"([{"op":"remove","path":"/execution"}])", "/execution"},
      {R"([{"op":"replace","path":"/inputs/0/kind","value":"x"}])", "/inputs/0/kind"},
      {R"json([{"op":"replace","path":"/inputs/1/unit","value":"same(absent)"}])json", "/inputs/centre/unit"},
      {R"([{"op":"replace","path":"/inputs/1/role","value":"values"}])", "/inputs"},
      {R"([{"op":"replace","path":"/output/0/unit","value":"furlong"}])", "/output"},
      {R"([{"op":"replace","path":"/params/3/choices","value":[7]}])", "/params/3/choices"},
      {R"([{"op":"add","path":"/params/1/choices","value":["x"]}])", "/params/1/choices"},
      {R"([{"op":"replace","path":"/output","value":[]}])", "/output"},
      {R"([{"op":"replace","path":"/output/0","value":3}])", "/output/0"},
      {R"([{"op":"replace","path":"/params/1/default","value":-1}])", "/params/1/default"},
      {R"([{"op":"replace","path":"/params/1/range","value":[0]}])", "/params/1/range"},
      {R"([{"op":"replace","path":"/state/shape","value":"zz"}])", "/state/shape"},
      {R"([{"op":"replace","path":"","value":[]}])", "/"}};
  for (const auto& [change, field] : changes) {
    const auto d = Descriptor::from_json(json::parse(variance).patch(json::parse(change)));
    ASSERT_FALSE(d) << change;
    EXPECT_EQ(d.error().code, Code::corrupt);
    EXPECT_NE(d.error().message.find(field), std::string::npos) << d.error().message;
  }
  for (const auto* text : {"", "{", "null", "[]", "{}"}) EXPECT_FALSE(Descriptor::parse(text)) << text;
}

TEST(Params, HaveDefaults) {
  EXPECT_EQ(resolve_params(parsed(), json::object())->dump(), R"({"ddof":0,"file":"","minimum_coverage":0.0,"side":"src"})");
  EXPECT_EQ(resolve_params(parsed(), nullptr)->dump(), R"({"ddof":0,"file":"","minimum_coverage":0.0,"side":"src"})");
  EXPECT_EQ(resolve_params(parsed(), {{"ddof", 1}, {"minimum_coverage", 1}})->dump(),
            R"({"ddof":1,"file":"","minimum_coverage":1.0,"side":"src"})");
}

TEST(Params, ErrorsQuoteTheDocumentation) {
  EXPECT_EQ(error_of(resolve_params(parsed(), {{"ddof", 2}})),
            "variance: parameter 'ddof' (Delta degrees of freedom) is 2; give a value from 0 to 1");
  EXPECT_EQ(error_of(resolve_params(parsed(), {{"ddof", -1}})),
            "variance: parameter 'ddof' (Delta degrees of freedom) is -1; give a whole number, 0 or more");
  EXPECT_EQ(error_of(resolve_params(parsed(), {{"ddof", "x"}})),
            "variance: parameter 'ddof' (Delta degrees of freedom) is \"x\"; give a whole number, 0 or more");
  EXPECT_EQ(error_of(resolve_params(parsed(), {{"side", "scr"}})),
            "variance: parameter 'side' (A side) is \"scr\"; give one of src, dst");
  EXPECT_EQ(error_of(resolve_params(parsed(), {{"dof", 1}})),
            "variance: there is no parameter 'dof'; use one of 'minimum_coverage' (Minimum coverage), 'ddof' (Delta degrees of "
            "freedom), 'file' (A file), 'side' (A side)");
  EXPECT_FALSE(resolve_params(parsed(), {{"minimum_coverage", 1.01}}));
  EXPECT_FALSE(resolve_params(parsed(), {{"file", 3}}));
  EXPECT_FALSE(resolve_params(parsed(), json::array()));
}

TEST(Params, MappingsOfColumnsHaveKnownKeys) {
  auto document = json::parse(variance);
  document["params"][2]["format"] = "columns";
  const auto d = *Descriptor::from_json(document);
  EXPECT_EQ(
      resolve_params(d, {{"file", {{"src_addr", "source"}, {"sp", ""}, {"dnsQName", "q"}, {"duration", "secs"}}}})->at("file"),
      "dnsName=q\nduration=secs\nsrc_addr=source\nsrc_port=\n");
  EXPECT_NE(error_of(resolve_params(d, {{"file", {{"sp", "a"}, {"src_port", "b"}}}})).find("has src_port twice"),
            std::string::npos);
  EXPECT_NE(error_of(resolve_params(d, {{"file", {{"src_adr", "source"}}}})).find("src_adr, which is no flow column"),
            std::string::npos);
  EXPECT_FALSE(resolve_params(d, {{"file", {{"src_addr", 3}}}}));
  EXPECT_FALSE(resolve_params(d, {{"file", {{"src_addr", "a\nb"}}}}));
}

TEST(Outputs, DeriveNamesAndUnitsFromTheBinding) {
  const auto out = resolve_outputs(parsed(), {{"values", {"bytes", "B", "u64"}}, {"centre", {"bytes_mean", "B", "f64"}}});
  ASSERT_TRUE(out);
  EXPECT_EQ((*out)[0].name, "bytes_variance");
  EXPECT_EQ((*out)[0].unit, "B^2");
  EXPECT_EQ((*out)[1].unit, "B/s");
  EXPECT_EQ((*out)[2].name, "bytes_count");
  EXPECT_EQ((*out)[2].unit, "interval");
}

TEST(Outputs, AllowAnUnboundContext) { EXPECT_TRUE(resolve_outputs(parsed(), {{"values", {"bytes", "B", "u64"}}})); }

TEST(Outputs, RejectMismatchedBindings) {
  const Binding bytes{"bytes", "B", "u64"};
  EXPECT_FALSE(resolve_outputs(parsed(), {}));
  EXPECT_FALSE(resolve_outputs(parsed(), {{"values", bytes}, {"other", bytes}}));
  EXPECT_FALSE(resolve_outputs(parsed(), {{"values", {"name", "1", "text"}}}));
  EXPECT_FALSE(resolve_outputs(parsed(), {{"values", {"x", "furlong", "f64"}}}));
  const auto wrong_unit = resolve_outputs(parsed(), {{"values", bytes}, {"centre", {"packets_mean", "packet", "f64"}}});
  ASSERT_FALSE(wrong_unit);
  EXPECT_EQ(wrong_unit.error().message,
            "variance: input 'centre' (Centre) requires unit B, but column 'packets_mean' has unit packet; bind it to a column "
            "of that unit");
}

TEST(Outputs, RejectDuplicateNames) {
  auto j = json::parse(variance);
  j["output"][1]["name"] = "coverage";
  EXPECT_FALSE(resolve_outputs(*Descriptor::from_json(j), {{"values", {"bytes", "B", "u64"}}}));
  j["output"][1]["name"] = "bytes_count";
  EXPECT_FALSE(resolve_outputs(*Descriptor::from_json(j), {{"values", {"bytes", "B", "u64"}}}));
}

TEST(Units, AcceptKnownUnitsWithPowersAndQuotients) {
  for (const auto* unit : {"1", "B", "packet", "B^2", "B/s", "B^2/s^2", "1/s", "B*s"}) EXPECT_TRUE(mole::is_unit(unit)) << unit;
  for (const auto* unit : {"", "furlong", "B^", "B^0", "B^-1", "B//s", "/s", "s/1", "B ", "1*1", "^2"})
    EXPECT_FALSE(mole::is_unit(unit)) << unit;
  EXPECT_EQ(*mole::square_unit("B/s"), "B^2/s^2");
  EXPECT_EQ(*mole::square_unit("1"), "1");
  EXPECT_EQ(*mole::per_second_unit("1"), "1/s");
  EXPECT_EQ(*mole::per_second_unit("s"), "1");
  EXPECT_FALSE(mole::square_unit("furlong"));
}

class SidecarTest : public ::testing::Test {
 protected:
  void put(const std::string& name, const std::string& bytes) { std::ofstream(folder / name) << bytes; }
  static json document(const std::string& library, const std::string& bytes) {
    return {{"schema", 1},
            {"library", library},
            {"digest", mole::digest_of(std::string_view(bytes)).hex()},
            {"abi", {{"major", 1}, {"minor", 0}}},
            {"compiler", "GNU"},
            {"plugins", {json::parse(variance)}}};
  }

  mole::testing::TempFolder temporary;
  const std::filesystem::path folder = temporary.path();
};

TEST_F(SidecarTest, IsFoundByPluginName) {
  put("variance.so", "code");
  put("variance.plugin.json", document("variance.so", "code").dump());
  const auto catalogue = mole::PluginCatalogue::load({folder / "absent", folder});
  const auto found = catalogue.find(mole::PluginKind::metric, "variance");
  ASSERT_TRUE(found);
  EXPECT_EQ((*found)->library, folder / "variance.so");
  EXPECT_TRUE((*found)->sidecar.verify((*found)->library));
  EXPECT_TRUE(catalogue.find("variance"));
  EXPECT_EQ(catalogue.all().size(), 1u);
  EXPECT_TRUE(catalogue.problems().empty());
}

TEST_F(SidecarTest, LaterFoldersTakePrecedence) {
  std::filesystem::create_directories(folder / "later");
  put("variance.plugin.json", document("variance.so", "code").dump());
  put("later/variance.plugin.json", document("other.so", "code").dump());
  EXPECT_EQ((*mole::PluginCatalogue::load({folder, folder / "later"}).find("variance"))->library, folder / "later" / "other.so");
}

TEST_F(SidecarTest, UnusableSidecarsAreListedWhenAPluginIsMissing) {
  put("bad.plugin.json", "{");
  const auto found = mole::PluginCatalogue::load({folder}).find(mole::PluginKind::metric, "mean");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::missing);
  EXPECT_NE(found.error().message.find("bad.plugin.json"), std::string::npos);
  EXPECT_NE(found.error().message.find("--plugins"), std::string::npos);
}

TEST_F(SidecarTest, IsReadAgainAfterAChange) {
  mole::CurrentPlugins current({folder / "absent", folder});
  EXPECT_TRUE(current.get()->all().empty());
  put("variance.so", "code");
  put("variance.plugin.json", document("variance.so", "code").dump());
  EXPECT_EQ(current.get()->all().size(), 1u);
  std::this_thread::sleep_for(std::chrono::milliseconds(2100));  // until the files count as old
  const auto first = current.get();
  ASSERT_EQ(first->all().size(), 1u);
  EXPECT_TRUE(first->all()[0]->verify());
  EXPECT_EQ(current.get(), first);
  put("variance.so", "CODE");  // the same length as before
  const auto second = current.get();
  ASSERT_EQ(second->all().size(), 1u);
  EXPECT_EQ(second->all()[0]->verify().error().code, Code::invalid);
  put("variance.so", "code");
  EXPECT_TRUE(second->all()[0]->verify()) << "an invalid library is checked again";
  std::filesystem::remove(folder / "variance.plugin.json");
  EXPECT_TRUE(current.get()->all().empty());
  EXPECT_EQ(first->all().size(), 1u);
}

TEST_F(SidecarTest, RejectsALibraryWithADifferentDigest) {
  put("variance.so", "other code");
  const auto sidecar = mole::Sidecar::parse(document("variance.so", "code").dump());
  ASSERT_TRUE(sidecar);
  EXPECT_EQ(sidecar->verify(folder / "variance.so").error().code, Code::invalid);
  EXPECT_EQ(sidecar->verify(folder / "gone.so").error().code, Code::missing);
}

TEST_F(SidecarTest, RejectsADifferentAbi) {
  put("variance.so", "code");
  auto j = document("variance.so", "code");
  j["abi"]["major"] = 2;
  const auto verified = mole::Sidecar::parse(j.dump())->verify(folder / "variance.so");
  ASSERT_FALSE(verified);
  EXPECT_EQ(verified.error().code, Code::unsupported);
  EXPECT_NE(verified.error().message.find("plugin ABI 2.0, but this host has 1.3"), std::string::npos);
}

TEST_F(SidecarTest, RejectsADifferentSchemaAndPathsForLibraries) {
  auto j = document("variance.so", "code");
  j["schema"] = 2;
  EXPECT_FALSE(mole::Sidecar::parse(j.dump()));
  for (const auto* library : {"", "../x.so", "/x.so"})
    EXPECT_FALSE(mole::Sidecar::parse(document(library, "").dump())) << library;
  for (const auto* field : {"schema", "library", "digest", "abi", "plugins"}) {
    auto without = document("variance.so", "code");
    without.erase(field);
    EXPECT_FALSE(mole::Sidecar::parse(without.dump())) << field;
  }
}

TEST(PluginFolders, AreInAscendingPrecedence) {
  ::setenv("MOLE_PLUGIN_PATH", "/first:/second", 1);
  const auto folders = mole::plugin_folders({"/given", "/also"});
  ::unsetenv("MOLE_PLUGIN_PATH");
  ASSERT_EQ(folders.size(), 5u);
  EXPECT_EQ(folders[1], "/second");
  EXPECT_EQ(folders[2], "/first");
  EXPECT_EQ(folders[3], "/also");
  EXPECT_EQ(folders[4], "/given");
}

TEST(ProvidedColumns, AreThoseThatADecoderWritesAndTheFilesHave) {
  Descriptor decoder;
  const json nothing = json::object();
  EXPECT_TRUE(mole::provides(decoder, nothing, "src_port"));  // it does not say which
  decoder.writes = {"start", "src_port"};
  EXPECT_TRUE(mole::provides(decoder, nothing, "src_port"));
  EXPECT_FALSE(mole::provides(decoder, nothing, "dst_port"));
  EXPECT_FALSE(mole::provides(decoder, nothing, "wlanSSID"));
  decoder.writes.emplace_back("elements");
  EXPECT_TRUE(mole::provides(decoder, nothing, "wlanSSID"));
  decoder.params.emplace_back();
  decoder.params[0].name = "names";
  decoder.params[0].format = "columns";
  EXPECT_FALSE(mole::provides(decoder, {{"names", "sp=\nstart=first\n"}}, "src_port"));  // by an alias of nfdump
  EXPECT_TRUE(mole::provides(decoder, {{"names", "sp=port\n"}}, "src_port"));
  EXPECT_TRUE(mole::provides(decoder, {{"names", "wlanSSID=\n"}}, "src_port"));
  EXPECT_FALSE(mole::provides(decoder, {{"names", "wlanSSID=\n"}}, "wlanSSID"));
}

}  // namespace
