// Reads typed values out of a YAML tree and remembers the first error, so that a table of keys reads as a table.
#pragma once

#include "coordinator/manifest/yaml_tree.hpp"
#include "sdk/model/time.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <vector>

namespace mole::coordinator::manifest {

class Reader {
 public:
  // The first error, if any. Once set, every read gives defaults.
  const std::optional<Error>& error() const { return error_; }
  void fail(const std::string& where, const std::string& message);

  // A map whose keys are all in `known`; null (with an error) otherwise. `what` names it in messages.
  const YamlNode* map(const YamlNode* node, const std::string& what, const std::vector<std::string>& known);
  // A map from names ([A-Za-z0-9_-]{1,64}) to anything.
  const YamlNode* names(const YamlNode* node, const std::string& what);

  std::string text(const YamlNode* node, const std::string& what);
  Micros duration(const YamlNode* node, const std::string& what);
  Micros time(const YamlNode* node, const std::string& what);
  // "06:00" or a duration: an offset from midnight.
  Micros time_of_day(const YamlNode* node, const std::string& what);
  std::vector<std::string> texts(const YamlNode* node, const std::string& what);  // a list, or one word
  nlohmann::json object(const YamlNode* node, const std::string& what);
  // `child` of `parent`; an error if it is absent.
  const YamlNode* require(const YamlNode& parent, const std::string& key, const std::string& remedy);

 private:
  nlohmann::json value(const YamlNode& node);
  std::optional<Error> error_;
};

bool valid_name(std::string_view name);

}  // namespace mole::coordinator::manifest
