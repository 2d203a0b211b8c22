#include "coordinator/manifest/home.hpp"

#include "sdk/model/filter.hpp"

namespace mole::coordinator::manifest {
namespace {

std::string listed(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "[" : ", ") + word;
  return out + "]";
}

// Reads a list of words and checks each as a filter after `prefix`, so that the error names the bad one.
std::vector<std::string> filter_words(Reader& reader, const YamlNode& node, const std::string& what, const std::string& prefix,
                                      const std::string& remedy) {
  auto words = reader.texts(&node, what);
  if (!reader.error() && words.empty()) reader.fail(node.where, what + " is empty; " + remedy);
  for (const auto& word : words)
    if (!reader.error() && (word.find_first_of("[]()\" ") != word.npos || !parse_filter(prefix + " [" + word + "]")))
      reader.fail(node.where, what + ": \"" + word.substr(0, 60) + "\" is not valid; " + remedy);
  return words;
}

// A flow that crosses no border interface on this side began (or ended) at home.
std::string not_at_border(Reader& reader, const YamlNode& node, const std::string& side) {
  const std::string remedy = "list interface numbers, such as [17, 18], or give each router its own: {19991: [17]}";
  const auto numbers = [&](const YamlNode& list) {
    return side + " if in " + listed(filter_words(reader, list, "\"border_interfaces\"", side + " if in", remedy));
  };
  if (node.kind != YamlNode::Kind::map) return "not " + numbers(node);
  std::string all;
  const auto* routers = reader.names(&node, "\"border_interfaces\"");
  if (!routers) return {};
  if (routers->entries.empty()) reader.fail(node.where, "\"border_interfaces\" is empty; " + remedy);
  for (const auto& [router, list] : routers->entries)
    all += (all.empty() ? "" : " or ") + ("router in [\"" + router.text + "\"] and " + numbers(list));
  return "not (" + all + ")";
}

task::Home filters_of(Reader& reader, const std::string& kind, const YamlNode& value) {
  if (kind == "border_interfaces") return {not_at_border(reader, value, "in"), not_at_border(reader, value, "out")};
  const bool networks = kind == "networks";
  const std::string word = networks ? "ip" : "as";
  const auto list = listed(filter_words(reader, value, "\"" + kind + "\"", "src " + word + " in",
                                        networks ? "list networks, such as [192.0.2.0/24]" : "list AS numbers, such as [64500]"));
  return {"src " + word + " in " + list, "dst " + word + " in " + list};
}

}  // namespace

task::Home read_home(Reader& reader, const YamlNode& node) {
  const auto* map = reader.map(&node, "\"home\"", {"networks", "as", "border_interfaces"});
  if (!map) return {};
  if (map->entries.size() != 1)
    reader.fail(node.where, "\"home\" takes exactly one of networks, as, border_interfaces; remove the others");
  if (reader.error()) return {};
  auto home = filters_of(reader, map->entries[0].key.text, map->entries[0].value);
  for (auto* side : {&home.source, &home.destination}) {
    if (reader.error()) return {};
    auto filter = parse_filter(*side);
    if (!filter)
      reader.fail(node.where, "\"home\": " + filter.error().message);
    else
      *side = filter->canonical();
  }
  return home;
}

}  // namespace mole::coordinator::manifest
