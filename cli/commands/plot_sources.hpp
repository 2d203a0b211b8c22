// What a figure is drawn from: rows of one or more modules, each read once, as lines.
#pragma once

#include "cli/commands/result_files.hpp"
#include "cli/export/export.hpp"
#include "cli/plot/series.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace mole::cli {

// "bytes", or "mean.bytes_mean" of another module of the pipeline.
struct Reference {
  std::string module;  // "" is the one of the command
  std::string column;  // or a glob

  static Reference of(const std::string& text);
};

class PlotSources {
 public:
  // Rows of the range that pass `where`. `pale_below`: the coverage below which points are drawn lighter; without it 1, and
  // for modules with a window 0: their window reaches before the archive's beginning, or over a gap, for a long time. `rates`:
  // counts of bytes, packets and flows are given per second.
  PlotSources(Session& session, TimeRange range, std::vector<GroupFilter> where, std::optional<double> pale_below, bool rates)
      : session_(session), blobs_(session), range_(range), where_(std::move(where)), pale_below_(pale_below), rates_(rates) {}

  // The command's module. missing, invalid.
  Result<> open(const std::string& module);
  void need(const Reference& reference) { globs_[reference.module].push_back(reference.column); }
  // Reads what is needed. Of dimensions with totals that `where` does not name only the rows of `all` are taken.
  Result<> load();
  // Lines of the columns the reference matches. invalid, with what to choose, where an interval and group has several rows.
  Result<std::vector<Series>> series(const Reference& reference) const;

  // "border-traffic/traffic, direction in": groups of one value are said once, as is what makes it a what-if.
  std::string title() const;
  // What was read that counts bytes, packets or flows.
  CountedOver counted() const;
  // What a reader must know: results of a what-if run, totals taken for their parts and how to see these.
  std::vector<std::string> notes() const;

 private:
  struct Loaded {
    LoadedResults results;
    std::vector<GroupFilter> where;  // with the totals
    std::vector<std::filesystem::path> files;
    CountedOver counted;
    std::string what_if;
    double pale_below = 1;
  };
  std::string note_of_totals() const;
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
