#include "coordinator/manifest/yaml_tree.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <utility>

namespace mole::coordinator::manifest {
namespace {

std::string place(const std::string& name, const YAML::Mark& mark) {
  if (mark.is_null()) return name;
  return name + ":" + std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1);
}

class Converter {
 public:
  // `line_known` is false for the value of an override, which has no position in the file.
  Converter(std::string name, bool line_known) : name_(std::move(name)), line_known_(line_known) {}

  Result<YamlNode> convert(const YAML::Node& from, std::size_t depth) {
    YamlNode node;
    node.where = line_known_ ? place(name_, from.Mark()) : name_;
    if (++count_ > max_nodes)
      return invalid(node.where + ": the text expands to more than " + std::to_string(max_nodes) +
                     " values; shorten it or use fewer aliases");
    if (depth > max_depth)
      return invalid(node.where + ": nested deeper than " + std::to_string(max_depth) + " levels; flatten the manifest");
    if (from.IsScalar()) {
      node.kind = YamlNode::Kind::scalar;
      node.text = from.Scalar();
      node.quoted = from.Tag() == "!";
    } else if (from.IsSequence()) {
      node.kind = YamlNode::Kind::sequence;
      for (const auto& item : from) {
        auto child = convert(item, depth + 1);
        if (!child) return child.error();
        node.items.push_back(std::move(*child));
      }
    } else if (from.IsMap()) {
      return convert_map(from, std::move(node), depth);
    }
    return node;
  }

 private:
  Result<YamlNode> convert_map(const YAML::Node& from, YamlNode node, std::size_t depth) {
    node.kind = YamlNode::Kind::map;
    for (const auto& entry : from) {
      if (!entry.first.IsScalar())
        return invalid((line_known_ ? place(name_, entry.first.Mark()) : name_) + ": a key must be a plain word");
      auto key = convert(entry.first, depth + 1);
      if (!key) return key.error();
      if (node.find(key->text)) return invalid(key->where + ": duplicate key \"" + key->text + "\"; remove one of the two");
      auto value = convert(entry.second, depth + 1);
      if (!value) return value.error();
      node.entries.push_back({std::move(*key), std::move(*value)});
    }
    return node;
  }

  std::string name_;
  bool line_known_;
  std::size_t count_ = 0;
};

Result<YamlNode> load(std::string_view text, const std::string& name, bool line_known) {
  try {
    return Converter(name, line_known).convert(YAML::Load(std::string(text)), 0);
  } catch (const YAML::Exception& e) {
    return invalid((line_known ? place(name, e.mark) : name) + ": this is not YAML: " + e.msg +
                   "; check indentation, quotes and brackets here");
  }
}

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const auto& e) { return e.key.text == key; });
  return found == entries.end() ? nullptr : &found->value;
}

YamlNode* YamlNode::find(std::string_view key) { return const_cast<YamlNode*>(std::as_const(*this).find(key)); }

Result<YamlNode> parse_yaml(std::string_view text, const std::string& name) {
  if (text.size() > max_manifest_bytes)
    return invalid(name + ":1:1: a manifest has at most 1 MiB, this text has " + std::to_string(text.size()) + " bytes");
  return load(text, name, true);
}

Result<> apply_override(YamlNode& root, const std::string& assignment) {
  const std::string where = "--set " + assignment;
  const auto equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0) return invalid(where + ": write KEY=VALUE, such as modules.mean.window=1d");
  auto value = load(std::string_view(assignment).substr(equals + 1), where, false);
  if (!value) return value.error();
  YamlNode* at = &root;
  const std::string path = assignment.substr(0, equals);
  for (std::size_t begin = 0;;) {
    const auto dot = path.find('.', begin);
    const auto key = path.substr(begin, dot == std::string::npos ? dot : dot - begin);
    if (at->kind == YamlNode::Kind::null) at->kind = YamlNode::Kind::map;
    if (key.empty() || at->kind != YamlNode::Kind::map)
      return invalid(where + ": \"" + path.substr(0, begin ? begin - 1 : dot) +
                     "\" has no keys to set; it is replaced as a whole");
    YamlNode* next = at->find(key);
    if (!next) {
      auto& entry = at->entries.emplace_back();
      entry.key.kind = YamlNode::Kind::scalar;
      entry.key.text = key;
      entry.key.where = entry.value.where = where;
      next = &entry.value;
    }
    at = next;
    if (dot == std::string::npos) break;
    begin = dot + 1;
  }
  *at = std::move(*value);
  return {};
}

}  // namespace mole::coordinator::manifest
