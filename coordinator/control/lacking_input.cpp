#include "coordinator/control/lacking_input.hpp"

#include "coordinator/requests/damaged_files.hpp"
#include "coordinator/requests/range_coverage.hpp"

namespace mole::coordinator::control {
namespace {

constexpr std::size_t max_rows = 20, max_files = 100;

TimeRange overlap(TimeRange a, TimeRange b) { return {std::max(a.from, b.from), std::min(a.to, b.to)}; }

class Search {
 public:
  Search(const store::Records& records, const jobs::Plan& plan) : records_(records), plan_(plan), attainable_(plan) {}

  std::optional<LackingInput> run(std::uint32_t m, TimeRange range) {
    const auto rows = partial_rows(m, range);
    if (rows.empty()) return std::nullopt;
    out_.rows.assign(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(std::min(max_rows, rows.size())));
    if (rows.front().from < attainable_.full_from(m) && attainable_.has_window(m))
      out_.reasons.push_back("the windows of rows before " + format_time(attainable_.full_from(m)) +
                             " reach back before the archive begins");
    for (const auto& part : rows) search(m, {part.from, part.to});
    add_reasons();
    return std::move(out_);
  }

 private:
  struct Ends {
    bool before = false, after = false;
  };

  // Returns the rows of a module in `range` that have a coverage below 1.
  std::vector<PartialRows> partial_rows(std::uint32_t m, TimeRange range) const {
    std::vector<PartialRows> out;
    const auto& grid = plan_.grid(m);
    const auto& fingerprint = plan_.graph->modules[m].fingerprint;
    for (auto b = grid.number(range.from); grid.start(b) < range.to; ++b) {
      const auto row = records_.catalogue(fingerprint, grid.start(b));
      if (!row || row->rows_blob.empty() || row->coverage_min >= 1) continue;
      const auto lineage = records_.job_row(store::Table::lineage, fingerprint, grid.start(b));
      const auto ranges = lineage.is_object() ? lineage.value("incomplete", json()) : json();
      if (!ranges.is_array()) add(overlap(grid.block(b), range), row->coverage_min, out);
      for (const auto& stored : ranges)
        if (const auto part = read_document<task::CoverageRange>(stored))
          add(overlap(part->range, range), part->coverage_min, out);
    }
    return out;
  }

  static void add(TimeRange range, double coverage_min, std::vector<PartialRows>& out) {
    if (range.empty()) return;
    if (!out.empty() && out.back().to == range.from) {
      out.back().to = range.to;
      out.back().coverage_min = std::min(out.back().coverage_min, coverage_min);
    } else {
      out.push_back({range.from, range.to, coverage_min});
    }
  }

  // Searches the inputs of partial rows.
  void search(std::uint32_t m, TimeRange rows) {
    if (!searched_.emplace(m, rows.from, rows.to).second) return;
    const auto& module = plan_.graph->modules[m];
    auto read = rows;
    if (module.window > 0) read.from += module.interval - module.window;
    read.from -= module.warmup;
    for (const auto& input : module.inputs) {
      if (input.kind == InputKind::flows) search_files(m, input.source, read);
      if (input.kind != InputKind::rows) continue;
      for (const auto& part : partial_rows(input.source, read)) search(input.source, {part.from, part.to});
    }
  }

  // Searches the files that the blocks of a module read for flows that began or ended in `range`.
  void search_files(std::uint32_t m, std::uint32_t a, TimeRange range) {
    const auto& module = plan_.graph->modules[m];
    const auto& archive = plan_.graph->archives[a];
    const auto& delays = module.load == Load::end ? archive.export_delay.end : archive.export_delay.start;
    const TimeRange exported{range.from, range.to + delays.back().delay};
    const auto& grid = plan_.grid(m);
    for (auto b = grid.number(range.from); grid.start(b) < range.to; ++b) {
      const auto lineage = records_.job_row(store::Table::lineage, module.fingerprint, grid.start(b));
      for (const auto* part : {"state", "result"})
        if (lineage.is_object() && lineage.contains(part) && lineage[part].is_object() && lineage[part]["worker"].is_object())
          search_lineage(a, lineage[part]["worker"], exported);
    }
  }

  void search_lineage(std::uint32_t a, const json& worker, TimeRange exported) {
    for (const auto& gap : worker.value("missing", json::array())) {
      const auto covers = gap.at("covers").get<TimeRange>();
      if (covers.overlaps(exported)) add_missing(a, gap.value("router", ""), gap.value("sequence", std::uint64_t{0}), covers);
    }
    for (const auto& file : worker.value("files", json::array())) {
      const auto covers = file.at("covers").get<TimeRange>();
      const auto id = file.value("id", "");
      if (!covers.overlaps(exported)) continue;
      for (const auto& column : file.value("columns_absent", json::array())) absent_[column.get<std::string>()].insert(id);
      if (!files_.insert(id).second) continue;  // the rest is the same for every module
      if (const auto lost = file.value("flows_lost", std::uint64_t{0}); lost > 0) lost_ += lost, ++files_with_losses_;
      const auto state = from_name<task::FileState>(file.value("state", "")).value_or(task::FileState::unread);
      if (is_faulty(state)) add_damaged(a, {.id = id, .router = file.value("router", ""), .covers = covers}, state, exported);
    }
  }

  void add_missing(std::uint32_t a, const std::string& router, std::uint64_t sequence, TimeRange covers) {
    if (!missing_.emplace(a, router, covers.from).second) return;
    const auto span = plan_.indexes[a]->span({router});
    if (span && covers.to <= span->from)
      ends_[{a, router}].before = true;
    else if (span && covers.from >= span->to)
      ends_[{a, router}].after = true;
    else if (out_.missing.size() < max_files)
      out_.missing.push_back({router, sequence > 0 ? std::optional(sequence) : std::nullopt, covers.from, covers.to});
  }

  void add_damaged(std::uint32_t a, const task::File& file, task::FileState state, TimeRange exported) {
    const auto& archive = plan_.graph->archives[a];
    const auto key = store::keys::pair(plan_.graph->index_name(archive), file.id);
    auto damaged = requests::damaged_file(file, state, records_.json(store::Table::damage, key), archive.damage);
    const bool concerns = std::ranges::any_of(damaged.lost, [&](const Interval& lost) {
      return exported.overlaps({lost.from, lost.to});
    });
    if (concerns && out_.damaged.size() < max_files) out_.damaged.push_back(std::move(damaged));
  }

  void add_reasons() {
    for (const auto& [of, ends] : ends_) {
      const auto& [a, router] = of;
      const auto span = plan_.indexes[a]->span({router});
      const auto files = "the files of " + (router.empty() ? "the archive" : "router " + router);
      if (ends.before) out_.reasons.push_back(files + " begin at " + format_time(span->from));
      if (ends.after) out_.reasons.push_back(files + " end at " + format_time(span->to));
    }
    if (lost_ > 0)
      out_.reasons.push_back(std::to_string(lost_) + (lost_ == 1 ? " flow was" : " flows were") +
                             " lost between router and collector, by the sequence numbers in " +
                             std::to_string(files_with_losses_) + (files_with_losses_ == 1 ? " file" : " files"));
    for (const auto& [column, files] : absent_)
      out_.reasons.push_back(std::to_string(files.size()) + (files.size() == 1 ? " file does" : " files do") +
                             " not have the column " + column +
                             ", so it is not known which of their flows count; mole why shows these files");
    if (out_.reasons.empty() && out_.missing.empty() && out_.damaged.empty())
      out_.reasons.emplace_back("its files have no datagrams for a part of their time; mole why lists them");
  }

  const store::Records& records_;
  const jobs::Plan& plan_;
  const requests::AttainableCoverage attainable_;
  LackingInput out_;
  std::set<std::tuple<std::uint32_t, Micros, Micros>> searched_;
  std::set<std::tuple<std::uint32_t, std::string, Micros>> missing_;
  std::map<std::pair<std::uint32_t, std::string>, Ends> ends_;
  std::set<std::string> files_;
  std::map<std::string, std::set<std::string>> absent_;  // ids of files by column that they do not have
  std::uint64_t lost_ = 0, files_with_losses_ = 0;
};

}  // namespace

std::optional<LackingInput> lacking_input(const store::Records& records, const jobs::Plan& plan, std::uint32_t module,
                                          TimeRange range) {
  return Search(records, plan).run(module, range);
}

}  // namespace mole::coordinator::control
