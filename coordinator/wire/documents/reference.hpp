// Lists the fields of documents with their types in JSON and in Thrift: for documents.thrift (idl.cpp) and docs/formats/api.md
// (tests/wire/documents_page.cpp).
#pragma once

#include "coordinator/wire/documents/documents.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace mole::coordinator {

struct FieldEntry {
  std::string name, json, thrift, doc;
};
struct EnumEntry {
  std::string name;
  std::vector<Name<std::int64_t>> values;
};
struct DocumentEntry {
  std::string name, doc;
  std::vector<FieldEntry> fields;
};

inline std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}
inline std::string link(std::string_view name) { return "[" + std::string(name) + "](#" + lower(std::string(name)) + ")"; }

template <class V>
std::string json_type(As as) {
  if constexpr (field_detail::Vector<V>)
    return "list of " + json_type<typename V::value_type>(as);
  else if constexpr (field_detail::Optional<V>)
    return json_type<typename V::value_type>(as);
  else if constexpr (field_detail::Map<V>)
    return "object: " + json_type<typename V::key_type>(as) + " to " + json_type<typename V::mapped_type>(as);
  else if constexpr (Named<V>)
    return link(name_table<V>.type);
  else if constexpr (Document<V>)
    return link(V::table.name);
  else if constexpr (std::is_same_v<V, std::string>)
    return "text";
  else if constexpr (std::is_same_v<V, Digest>)
    return "digest";
  else if constexpr (std::is_same_v<V, TimeRange>)
    return "range";
  else if constexpr (std::is_same_v<V, nlohmann::json>)
    return "any";
  else if constexpr (std::is_same_v<V, bool>)
    return "bool";
  else if constexpr (std::is_same_v<V, double>)
    return "number";
  else
    return as == As::time ? "time" : as == As::duration ? "duration" : "integer";
}

template <class V>
std::string thrift_type() {
  if constexpr (field_detail::Vector<V>)
    return "list<" + thrift_type<typename V::value_type>() + ">";
  else if constexpr (field_detail::Optional<V>)
    return thrift_type<typename V::value_type>();
  else if constexpr (field_detail::Map<V>)
    return "map<" + thrift_type<typename V::key_type>() + ", " + thrift_type<typename V::mapped_type>() + ">";
  else if constexpr (Named<V>)
    return name_table<V>.type;
  else if constexpr (Document<V>)
    return V::table.name;
  else if constexpr (std::is_same_v<V, std::string> || std::is_same_v<V, nlohmann::json>)
    return "string";
  else if constexpr (std::is_same_v<V, Digest>)
    return "binary";
  else if constexpr (std::is_same_v<V, TimeRange>)
    return "TimeRange";
  else if constexpr (std::is_same_v<V, bool>)
    return "bool";
  else if constexpr (std::is_same_v<V, double>)
    return "double";
  else
    return sizeof(V) == 8 ? "i64" : "i32";
}

// Appends the unit to times, and an underscore to names that Thrift or one of its target languages reserves.
inline std::string thrift_name(const std::string& name, As as) {
  static const std::set<std::string> reserved{"module", "from", "is", "new", "next"};
  if (as != As::number) return name + "_us";
  return reserved.contains(name) ? name + "_" : name;
}

// The documents and enums added so far, each after those it contains.
struct Reference {
  std::vector<DocumentEntry> documents;
  std::vector<EnumEntry> enums;

  template <class V>
  void add() {
    if constexpr (field_detail::Vector<V> || field_detail::Optional<V>) {
      add<typename V::value_type>();
    } else if constexpr (field_detail::Map<V>) {
      add<typename V::key_type>();
      add<typename V::mapped_type>();
    } else if constexpr (Named<V>) {
      if (contains(enums, name_table<V>.type)) return;
      auto& entry = enums.emplace_back(EnumEntry{name_table<V>.type, {}});
      for (const auto& [value, name, doc] : name_table<V>.names)
        entry.values.push_back({static_cast<std::int64_t>(value), name, doc});
    } else if constexpr (Document<V>) {
      if (!contains(documents, V::table.name)) add_document<V>();
    }
  }

 private:
  static bool contains(const auto& entries, std::string_view name) {
    return std::any_of(entries.begin(), entries.end(), [&](const auto& entry) { return entry.name == name; });
  }

  template <Document V>
  void add_document() {
    DocumentEntry entry{V::table.name, V::table.doc, {}};
    for_each_field<V>([&](const auto& field, std::int16_t) {
      using M = std::remove_cvref_t<decltype(std::declval<V>().*field.member)>;
      add<M>();
      std::string type = json_type<M>(field.as);
      if (*field.unit_name) type += std::string(", ") + field.unit_name;
      if (field.may_be_absent)
        type += "; may be absent";
      else if (field_detail::Optional<M>)
        type += " or null";
      const bool optional = field.may_be_absent || field_detail::Optional<M>;
      entry.fields.push_back({field.name, type,
                              (optional ? "optional " : "") + thrift_type<M>() + " " + thrift_name(field.name, field.as),
                              field.doc});
    });
    documents.push_back(std::move(entry));
  }
};

// The documents that clients receive.
inline Reference client_documents() {
  Reference all;
  all.add<Accepted>();
  all.add<PlanReport>();
  all.add<PipelineDescription>();
  all.add<RequestStatus>();
  all.add<FinishedJob>();
  all.add<ClusterStatus>();
  all.add<JobExplanation>();
  all.add<Lineage>();
  all.add<ModuleResults>();
  all.add<ArchiveFile>();
  all.add<ArchiveGaps>();
  all.add<LoadHistory>();
  all.add<Collection>();
  all.add<TableDump>();
  return all;
}

}  // namespace mole::coordinator
