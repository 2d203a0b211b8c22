// Parquet files of flows. docs/formats/csv.md describes what is read.
#pragma once

#include <mole/decoder.hpp>

#include "plugins/decoders/table/mapping.hpp"
#include "plugins/decoders/table/params.hpp"
#include "plugins/decoders/table/record.hpp"
#include "plugins/decoders/table/rows.hpp"
#include "query.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace mole::plugins {

class Parquet {
 public:
  using Params = table::Params;
  static constexpr auto about = mole::decoder("parquet", "1.1.0", "Flows as rows of Parquet files, such as those of mole flows");
  using writes = table::Columns;
  static constexpr auto params =
      mole::params(mole::param("columns", &Params::columns, table::columns_format, table::columns_doc),
                   mole::param("time", &Params::time, table::time_doc), mole::param("zone", &Params::zone, table::zone_doc));

  static bool recognises(std::span<const std::byte> head);

  Parquet(ByteSource& source, Sink& sink, const Params& given) : in_(source), sink_(sink), params_(given), rows_(sink) {}
  ~Parquet();
  Parquet(const Parquet&) = delete;
  Parquet& operator=(const Parquet&) = delete;
  Result<bool> next(FlowBuilder& out);

 private:
  Result<> open(std::span<const mole_element> elements);
  Result<> copy_to_file();
  Result<> read_row();
  bool set(const table::Use& use);
  bool set_value(const table::Use& use, parquet::Reading reading, const parquet::Vector& values, std::size_t at);
  void skip(const std::string& reason);
  void flush_skipped();

  ByteSource& in_;
  Sink& sink_;
  const Params& params_;
  table::Rows rows_;
  int file_ = -1;  // a copy of the content without a name
  std::uint64_t size_ = 0;
  std::unique_ptr<parquet::Query> query_;
  struct UsedColumn {
    parquet::Reading reading;
    bool is_list;
  };
  std::vector<UsedColumn> used_;       // the selected columns
  std::vector<std::size_t> selected_;  // position among them, by column of the file
  std::optional<table::Mapping> mapping_;
  std::optional<table::Record> record_;
  std::size_t row_ = 0, rows_in_chunk_ = 0;
  std::uint64_t number_ = 0;  // of the current row in the file, from 1; 0: none yet
  bool ended_ = false;
  std::optional<Error> failure_;

  // Consecutive rows that were skipped.
  std::uint64_t skipped_ = 0, first_skipped_ = 0;
  std::string reason_;
};

}  // namespace mole::plugins
