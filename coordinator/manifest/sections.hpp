// Reads the sections of a manifest. Used by manifest/ only.
#pragma once

#include "coordinator/manifest/manifest.hpp"
#include "coordinator/manifest/yaml.hpp"

namespace mole::coordinator::manifest {

// Reads the name of an enum value. The error for any other name is `unknown`, the name in quotes, and `of`.
template <class E>
void read_name(Reader& reader, const YamlNode& map, const std::string& key, E& value, const std::string& unknown,
               const std::string& of = "") {
  const auto* node = map.find(key);
  const auto name = reader.text(node, "\"" + key + "\"");
  const auto known = from_name<E>(name);
  value = known.value_or(value);
  if (node && !known) reader.fail(node->where, unknown + " \"" + name + "\"" + of + suggestion(name, all_names<E>()));
}

Module read_module(Reader& reader, const YamlNode& key, const YamlNode& node);

}  // namespace mole::coordinator::manifest
