// Reads typed values from a YAML tree and keeps the first error, so that callers need no check after every key.
#pragma once

#include "coordinator/manifest/yaml_tree.hpp"
#include "sdk/model/time.hpp"

#include <nlohmann/json.hpp>

#include <optional>

namespace mole::coordinator::manifest {

class Reader {
 public:
  // The first error, if any. Once it is set, every read returns a default.
  const std::optional<Error>& error() const { return error_; }
  void fail(const std::string& where, const std::string& message);

  // Returns `node` if it is a map whose keys are all in `known`; else sets an error and returns null. `what` names it in
  // messages.
  const YamlNode* map(const YamlNode* node, const std::string& what, const std::vector<std::string>& known);
  // The same for a map from names ([A-Za-z0-9_-]{1,64}) to any values.
  const YamlNode* names(const YamlNode* node, const std::string& what);

  std::string text(const YamlNode* node, const std::string& what);
  Micros duration(const YamlNode* node, const std::string& what);
  Micros time(const YamlNode* node, const std::string& what);
  // "06:00" or a duration: an offset from midnight.
  Micros time_of_day(const YamlNode* node, const std::string& what);
  std::vector<std::string> texts(const YamlNode* node, const std::string& what);  // a list, or one word
  nlohmann::json object(const YamlNode* node, const std::string& what);
  // Returns the value of `key` in `parent`; sets an error if it is absent.
  const YamlNode* require(const YamlNode& parent, const std::string& key, const std::string& remedy);

 private:
  const YamlNode* map_of(const char* entries, const YamlNode* node, const std::string& what);
  nlohmann::json value(const YamlNode& node);
  std::optional<Error> error_;
};

bool valid_name(std::string_view name);

}  // namespace mole::coordinator::manifest
