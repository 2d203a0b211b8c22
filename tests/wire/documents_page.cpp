// Makes docs/formats/api.md and coordinator/wire/documents.thrift from the tables of fields in coordinator/wire/documents/.
//
//   documents_page ROOT            compares; exits with 1 if a file differs
//   documents_page ROOT --write    writes both files
#include "coordinator/wire/documents/documents.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace mole::coordinator {
namespace {

struct FieldText {
  std::string name, json, thrift, doc;
};
struct DocumentText {
  std::string name, doc;
  std::vector<FieldText> fields;
};

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}
std::string link(std::string_view name) { return "[" + std::string(name) + "](#" + lower(std::string(name)) + ")"; }

template <class V>
std::string json_type(As as) {
  if constexpr (detail::Vector<V>)
    return "list of " + json_type<typename V::value_type>(as);
  else if constexpr (detail::Optional<V>)
    return json_type<typename V::value_type>(as);
  else if constexpr (detail::Map<V>)
    return "object: " + json_type<typename V::key_type>(as) + " to " + json_type<typename V::mapped_type>(as);
  else if constexpr (NamedEnum<V>)
    return link(EnumNamesOf<V>::value.name);
  else if constexpr (Document<V>)
    return link(FieldTableOf<V>::value.name);
  else if constexpr (std::is_same_v<V, std::string>)
    return "text";
  else if constexpr (std::is_same_v<V, Digest>)
    return "digest";
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
  if constexpr (detail::Vector<V>)
    return "list<" + thrift_type<typename V::value_type>() + ">";
  else if constexpr (detail::Optional<V>)
    return thrift_type<typename V::value_type>();
  else if constexpr (detail::Map<V>)
    return "map<" + thrift_type<typename V::key_type>() + ", " + thrift_type<typename V::mapped_type>() + ">";
  else if constexpr (NamedEnum<V>)
    return EnumNamesOf<V>::value.name;
  else if constexpr (Document<V>)
    return FieldTableOf<V>::value.name;
  else if constexpr (std::is_same_v<V, std::string> || std::is_same_v<V, nlohmann::json>)
    return "string";
  else if constexpr (std::is_same_v<V, Digest>)
    return "binary";
  else if constexpr (std::is_same_v<V, bool>)
    return "bool";
  else if constexpr (std::is_same_v<V, double>)
    return "double";
  else
    return sizeof(V) == 8 ? "i64" : "i32";
}

// Names that Thrift or one of its target languages reserves get an underscore.
std::string thrift_name(const std::string& name, As as) {
  static const std::set<std::string> reserved{"module", "from", "is", "new", "next"};
  if (as != As::number) return name + "_us";
  return reserved.contains(name) ? name + "_" : name;
}

// The documents and enums that were reached so far, each after those it contains.
struct Reference {
  std::vector<DocumentText> documents;
  std::vector<EnumNames> enums;

  template <class V>
  void add() {
    if constexpr (detail::Vector<V> || detail::Optional<V>) {
      add<typename V::value_type>();
    } else if constexpr (detail::Map<V>) {
      add<typename V::key_type>();
      add<typename V::mapped_type>();
    } else if constexpr (NamedEnum<V>) {
      if (std::none_of(enums.begin(), enums.end(), [](const EnumNames& n) { return n.name == EnumNamesOf<V>::value.name; }))
        enums.push_back(EnumNamesOf<V>::value);
    } else if constexpr (Document<V>) {
      if (std::none_of(documents.begin(), documents.end(), [](const auto& d) { return d.name == FieldTableOf<V>::value.name; }))
        add_document<V>();
    }
  }

 private:
  template <Document V>
  void add_document() {
    DocumentText text{FieldTableOf<V>::value.name, FieldTableOf<V>::value.doc, {}};
    for_each_field<V>([&](const auto& field, std::int16_t) {
      using M = std::remove_cvref_t<decltype(std::declval<V>().*field.member)>;
      add<M>();
      std::string type = json_type<M>(field.as);
      if (*field.unit_name) type += std::string(", ") + field.unit_name;
      if (field.may_be_absent)
        type += "; may be absent";
      else if (detail::Optional<M>)
        type += " or null";
      const bool optional = field.may_be_absent || detail::Optional<M>;
      text.fields.push_back({field.name, type,
                             (optional ? "optional " : "") + thrift_type<M>() + " " + thrift_name(field.name, field.as),
                             field.doc});
    });
    documents.push_back(std::move(text));
  }
};

Reference all_documents() {
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
  all.add<TableDump>();
  return all;
}

constexpr const char* page_head = R"(# Documents of the coordinator's interface

Generated by `documents_page --write` (tests/wire) from the tables of fields in `coordinator/wire/documents/`; a test compares them.
The calls are declared in `coordinator/wire/client_api.hpp`. The command line prints documents as JSON with `--json`; over Thrift they travel as the structs of
`coordinator/wire/documents.thrift` ([wire.md](wire.md)).

| call | result |
| --- | --- |
| `submit`, `archive_task` | [Accepted](#accepted) |
| `plan` | [PlanReport](#planreport) |
| `validate` | [PipelineDescription](#pipelinedescription) |
| `request`, `cancel` | [RequestStatus](#requeststatus) |
| `requests` | list of [RequestStatus](#requeststatus), without `failures` |
| `status` | [ClusterStatus](#clusterstatus) |
| `explain` | [JobExplanation](#jobexplanation) |
| `why` | [Lineage](#lineage) |
| `results` | [ModuleResults](#moduleresults) |
| `archive_files` | list of [ArchiveFile](#archivefile) |
| `archive_gaps` | [ArchiveGaps](#archivegaps) |
| `dump` | [TableDump](#tabledump) |

In JSON a time is RFC 3339 text, a duration is text such as `15m`, and a digest is 32 hex digits, or empty text for none. A field is
always present unless its type says otherwise. Fields may be added; none changes its meaning. A reader ignores fields it does not know and
refuses a document in which a field is missing or has another type.

**The folder of a request**, `STATE/requests/ID/`: `request.json` (its RequestStatus with `job_list`, a list of [FinishedJob](#finishedjob)) and
`MODULE/date=YYYY-MM-DD/START.parquet`, hard links to the rows as they were when the request ended. `request.json` is written last.
)";

std::string page(const Reference& all) {
  std::ostringstream out;
  out << page_head << "\n## Documents\n";
  for (const auto& document : all.documents) {
    out << "\n### " << document.name << "\n\n" << document.doc << "\n\n| field | type | meaning |\n| --- | --- | --- |\n";
    for (const auto& field : document.fields) out << "| `" << field.name << "` | " << field.json << " | " << field.doc << " |\n";
  }
  out << "\n## States\n";
  for (const auto& names : all.enums) {
    out << "\n### " << names.name << "\n\n| value | meaning |\n| --- | --- |\n";
    for (const auto& value : names.values) out << "| `" << value.word << "` | " << value.doc << " |\n";
  }
  return out.str();
}

std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return out;
}

std::string thrift(const Reference& all) {
  std::ostringstream out;
  out << "// Generated by documents_page --write (tests/wire) from coordinator/wire/documents/; do not edit. Meanings: "
         "docs/formats/api.md.\n"
         "// Digests are 16 bytes, or none for \"no digest\". Times and durations are microseconds. Unsigned 64-bit values "
         "travel as i64\n"
         "// with the same bits. Free-form parts are JSON texts.\n"
         "namespace cpp mole.wire\n";
  for (const auto& names : all.enums) {
    out << "\nenum " << names.name << " {\n";
    for (std::size_t i = 0; i < names.values.size(); ++i) out << "  " << upper(names.values[i].word) << " = " << i << "\n";
    out << "}\n";
  }
  for (const auto& document : all.documents) {
    out << "\nstruct " << document.name << " {\n";
    for (std::size_t i = 0; i < document.fields.size(); ++i) out << "  " << i + 1 << ": " << document.fields[i].thrift << "\n";
    out << "}\n";
  }
  return out.str();
}

bool same(const std::filesystem::path& file, const std::string& text) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream found;
  found << in.rdbuf();
  return in && found.str() == text;
}

}  // namespace
}  // namespace mole::coordinator

int main(int argc, char** argv) {
  namespace fs = std::filesystem;
  const bool write = argc == 3 && std::string_view(argv[2]) == "--write";
  if (argc != 2 && !write) return std::fputs("usage: documents_page ROOT [--write]\n", stderr), 2;
  const fs::path root = argv[1];
  const auto all = mole::coordinator::all_documents();
  int different = 0;
  for (const auto& [file, text] : {std::pair(root / "docs/formats/api.md", mole::coordinator::page(all)),
                                   std::pair(root / "coordinator/wire/documents.thrift", mole::coordinator::thrift(all))}) {
    if (write)
      std::ofstream(file, std::ios::binary) << text;
    else if (!mole::coordinator::same(file, text))
      ++different, std::fprintf(stderr, "%s differs from the tables of fields; run documents_page --write\n", file.c_str());
  }
  return different ? 1 : 0;
}
