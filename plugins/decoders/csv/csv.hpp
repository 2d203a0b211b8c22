// Tables of flows as text: a header line, then one flow a line. docs/formats/csv.md describes what is read.
#pragma once

#include <mole/decoder.hpp>

#include "plugins/decoders/table/mapping.hpp"
#include "plugins/decoders/table/params.hpp"
#include "plugins/decoders/table/record.hpp"
#include "plugins/decoders/table/rows.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mole::plugins {

class Csv {
 public:
  using Params = table::Params;
  static constexpr auto about =
      mole::decoder("csv", "1.1.0", "Flows as lines of text with a header, such as those of nfdump -o csv");
  using writes = table::Columns;
  static constexpr auto params = mole::params(
      mole::param("columns", &Params::columns, table::columns_format, table::columns_doc),
      mole::param("delimiter", &Params::delimiter,
                  "one character, tab or space; auto: the one of comma, semicolon, tab and | that the header has most of"),
      mole::param("time", &Params::time, table::time_doc), mole::param("zone", &Params::zone, table::zone_doc));

  // Whether the first line has known names of a start time and two addresses.
  static bool recognises(std::span<const std::byte> head);

  Csv(ByteSource& source, Sink& sink, const Params& given) : in_(source), sink_(sink), params_(given), rows_(sink) {}
  Result<bool> next(FlowBuilder& out);

 private:
  static constexpr std::size_t max_line = 64 << 10;
  static constexpr int max_lines_of_record = 16;

  // A line, or the lines of a record with line breaks in quotes, without the last line ending.
  struct Line {
    std::string_view text;
    std::size_t size_in_file = 0;
    std::uint64_t lines = 1;
  };
  Result<> read_header(std::span<const mole_element> elements);
  std::size_t find_line_end(std::size_t from);
  std::optional<Line> read_line();
  void skip_rest();
  void skip_long_line();
  Result<> read_row(const Line& line);
  bool is_ignored(std::string_view line);
  void use_up(const Line& line);
  void skip(std::uint64_t size, std::uint64_t lines, const std::string& reason);
  void flush_skipped();

  ByteSource& in_;
  Sink& sink_;
  const Params& params_;
  table::Rows rows_;
  std::optional<table::Mapping> mapping_;
  std::optional<table::Record> record_;

  char delimiter_ = ',';
  std::string header_;       // the first line
  std::size_t columns_ = 0;  // in the header
  std::vector<std::string_view> cells_;
  std::string unquoted_;    // text of cells with doubled quotes
  std::uint64_t line_ = 1;  // number of the next line
  bool knows_line_ = true;  // not after a gap
  int trailer_ = 0;         // lines of nfdump's summary left
  bool ended_ = false;

  // Consecutive lines that were skipped.
  struct Skipped {
    std::uint64_t offset = 0, size = 0, first_line = 0, lines = 0;
    std::string reason;
  };
  Skipped skipped_;
};

}  // namespace mole::plugins
