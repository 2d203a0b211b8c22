// The document that the call `validate` returns.
#pragma once

#include "sdk/model/field_json.hpp"

namespace mole::coordinator {

struct ColumnDescription {
  std::string name, type, unit, doc;
  std::optional<Micros> counted_over;

  bool operator==(const ColumnDescription&) const = default;
  static constexpr auto table = document(
      "ColumnDescription", "A column of a module's rows.",  //
      field("name", &ColumnDescription::name, "Name"),
      field("type", &ColumnDescription::type, "`u64`, `i64`, `f64`, `text`, `time`, `bool`"),
      field("unit", &ColumnDescription::unit, "Unit; empty: none"), field("doc", &ColumnDescription::doc, "Meaning"),
      duration_field(
          "counted_over", &ColumnDescription::counted_over,
          "In `ModuleResults`, if the column counts bytes, packets or flows: the time over which it counts, `15m` or the window "
          "([decision 0097](../decisions/0097-rates.md))")
          .optional());
};

struct PipelineArchive {
  std::string archive, downloader, decoder, files;
  Micros covers = 0, block = 0;

  bool operator==(const PipelineArchive&) const = default;
  static constexpr auto table =
      document("PipelineArchive", "An archive of a pipeline.",  //
               field("archive", &PipelineArchive::archive, "Name"),
               field("downloader", &PipelineArchive::downloader, "Plugin that lists and fetches files"),
               field("decoder", &PipelineArchive::decoder,
                     "Plugin that decodes them; several, separated by commas: the content of each file decides"),
               field("files", &PipelineArchive::files, "Pattern of the file names"),
               duration_field("covers", &PipelineArchive::covers, "Time one file covers"),
               duration_field("block", &PipelineArchive::block, "Length of a block"));
};

struct ModuleInput {
  std::string role, kind, from, column, unit;

  bool operator==(const ModuleInput&) const = default;
  static constexpr auto table = document("ModuleInput", "An input of a module.",  //
                                         field("role", &ModuleInput::role, "Role, as the plugin names it"),
                                         field("kind", &ModuleInput::kind, "`flows`, `rows` or `context`"),
                                         field("from", &ModuleInput::from, "Archive or module that is read"),
                                         field("column", &ModuleInput::column, "Column; empty for flows"),
                                         field("unit", &ModuleInput::unit, "Unit of the column"));
};

struct PipelineModule {
  std::string module, plugin, version;
  Micros interval = 0;
  std::optional<Micros> window;
  std::vector<std::string> by, totals;
  std::vector<ModuleInput> inputs;
  std::vector<ColumnDescription> outputs;
  std::string execution;
  Digest fingerprint;

  bool operator==(const PipelineModule&) const = default;
  static constexpr auto table =
      document("PipelineModule", "A module of a pipeline.",  //
               field("module", &PipelineModule::module, "Name"), field("plugin", &PipelineModule::plugin, "Plugin"),
               field("version", &PipelineModule::version, "Version of the plugin"),
               duration_field("interval", &PipelineModule::interval, "Length of an interval"),
               duration_field("window", &PipelineModule::window, "Trailing window; null: none"),
               field("by", &PipelineModule::by, "Dimensions of the groups, outermost first"),
               field("totals", &PipelineModule::totals, "Dimensions that have the member `all` as well").optional(),
               field("inputs", &PipelineModule::inputs, "Inputs"), field("outputs", &PipelineModule::outputs, "Columns"),
               field("execution", &PipelineModule::execution, "`mergeable`, `sequential` or `block`"),
               field("fingerprint", &PipelineModule::fingerprint,
                     "Digest of everything that determines its results, except the input data"));
};

struct PipelineEdge {
  std::string from, to, role, column, kind;

  bool operator==(const PipelineEdge&) const = default;
  static constexpr auto table =
      document("PipelineEdge", "An edge of the graph: a module reads an archive or another module.",  //
               field("from", &PipelineEdge::from, "Archive or module that is read"),
               field("to", &PipelineEdge::to, "Module that reads it"), field("role", &PipelineEdge::role, "Role of the input"),
               field("column", &PipelineEdge::column, "Column; empty for flows"),
               field("kind", &PipelineEdge::kind, "`flows`, `rows` or `context`"));
};

struct PipelineDescription {
  std::string pipeline;
  std::vector<PipelineArchive> archives;
  std::vector<PipelineModule> modules;
  std::vector<PipelineEdge> edges;

  bool operator==(const PipelineDescription&) const = default;
  static constexpr auto table = document(
      "PipelineDescription", "A validated pipeline.",  //
      field("pipeline", &PipelineDescription::pipeline, "Name"), field("archives", &PipelineDescription::archives, "Archives"),
      field("modules", &PipelineDescription::modules, "Modules; inputs come before their readers"),
      field("edges", &PipelineDescription::edges, "Inputs of the modules as edges of a graph"));
};

}  // namespace mole::coordinator
