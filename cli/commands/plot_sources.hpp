// Loads the rows of one or more modules, each once, and makes the lines of a figure from them.
#pragma once

#include "cli/commands/result_files.hpp"
#include "cli/export/export.hpp"
#include "cli/plot/series.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace mole::cli {

// Columns are given as "bytes", or as "mean.bytes_mean" of another module of the pipeline; a glob stands for several columns.
class PlotSources {
 public:
  // Uses the rows of the range that pass `where`. `pale_below`: points with less coverage are drawn lighter; default: 1, or 0
  // for modules with a window, whose coverage is low long after the start of the archive or a gap. `rates`: converts counts
  // of bytes, packets and flows to rates.
  PlotSources(Session& session, TimeRange range, std::vector<GroupFilter> where, std::optional<double> pale_below, bool rates)
      : session_(session), blobs_(session), range_(range), where_(std::move(where)), pale_below_(pale_below), rates_(rates) {}

  // Sets the module of the command. missing: no such module; invalid: ambiguous name.
  Result<> open(const std::string& module);
  void need(const std::string& column);
  // Reads the needed columns. For dimensions with totals that `where` does not mention, reads only the rows of `all`.
  Result<> load();
  // Returns the lines of the columns. invalid: an interval and group has several rows; the message suggests a filter.
  Result<std::vector<Series>> series(const std::string& columns) const;

  // Returns "border-traffic/traffic, direction in": the module, groups with a single value, and overrides.
  std::string title() const;
  // Returns the loaded columns that count bytes, packets or flows.
  CountedOver counted() const;
  // Returns notes for the reader: results of a what-if run, and dimensions that are drawn only as their total.
  std::vector<std::string> notes() const;

 private:
  struct Loaded {
    LoadedResults results;
    std::vector<GroupFilter> where;  // including totals
    std::vector<std::filesystem::path> files;
    CountedOver counted;
    std::string what_if;
    double pale_below = 1;
  };
  std::string totals_note() const;
  std::string full_name(const std::string& module) const;
  Error several_rows(const std::string& module, const Loaded& loaded, const std::vector<std::string>& shown) const;

  Session& session_;
  BlobFiles blobs_;
  TimeRange range_;
  std::vector<GroupFilter> where_;
  std::optional<double> pale_below_;
  bool rates_;
  std::string module_;
  std::map<std::string, std::vector<std::string>> globs_;  // by module as referred to
  std::map<std::string, Loaded> loaded_;
};

}  // namespace mole::cli
