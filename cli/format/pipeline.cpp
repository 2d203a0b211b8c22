#include "cli/format/documents.hpp"
#include "cli/format/human.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

namespace mole::cli {
namespace {

constexpr std::size_t max_reasons = 10, max_tables = 5;

std::string outputs_of(const coordinator::PipelineModule& module) {
  std::vector<std::string> columns;
  for (const auto& column : module.outputs)
    columns.push_back(column.name + (column.unit.empty() ? "" : " [" + column.unit + "]"));
  return printable_list(columns);
}

std::string modules_text(const std::vector<coordinator::PlanModule>& modules, const Style& style) {
  Table table({"module", right("blocks"), right("reused"), right("new"), right("waiting"), right("states kept")});
  for (const auto& m : modules)
    table.row({printable(m.module), human_count(m.blocks), human_count(m.reused), human_count(m.fresh), human_count(m.waiting),
               human_bytes(static_cast<double>(m.states_kept_bytes))});
  return table.text(style);
}

// "files     34 files, 643 KiB", then how they are read.
std::string files_text(const coordinator::PlanFiles& files) {
  std::string text = "files     none to read\n";
  if (files.count > 0) {
    text = fmt::format("files     {}, {}\n", human_number(files.count, "file", "files"),
                       human_bytes(static_cast<double>(files.bytes)));
    text += fmt::format("decode    {}, {}\n", human_number(files.decoded, "file", "files"),
                        human_bytes(static_cast<double>(files.decoded_bytes)));
  }
  if (files.from_columns > 0)
    text += fmt::format("cached    {} read from the columns that a node kept\n",
                        human_number(files.from_columns, "file is", "files are"));
  if (files.not_read > 0)
    text += fmt::format("not read  {}, because what is computed from {} is stored\n",
                        human_number(files.not_read, "file", "files"), files.not_read == 1 ? "it" : "them");
  return text;
}

// "tapes     12 tapes, 14 mounts; 500 files, 9.8 GiB to fetch; ...", then how long it takes.
std::string staging_text(const coordinator::PlanReport& plan) {
  if (!plan.staging) return "";
  const auto& cost = *plan.staging;
  return fmt::format("tapes     {}, {}; {}, {} to fetch; a node needs up to {} of its cache at once\n",
                     human_number(cost.media, "tape", "tapes"), human_number(cost.mounts, "mount", "mounts"),
                     human_number(cost.files, "file", "files"), human_bytes(static_cast<double>(cost.bytes)),
                     human_bytes(static_cast<double>(cost.cache_bytes))) +
         fmt::format("staging   {} with {} and {}: {} of drives, {} of decoding ({})\n",
                     human_seconds(cost.seconds, cost.low_seconds, cost.high_seconds),
                     human_number(cost.drives, "drive now", "drives now"), human_number(cost.nodes, "node", "nodes"),
                     human_seconds(cost.drive_seconds), human_seconds(cost.compute_seconds),
                     cost.batches == 0 ? "assumed times of drives"
                                       : "learned from " + human_number(cost.batches, "batch", "batches") + " of files");
}

std::string reasons_text(const coordinator::PlanReport& plan, const Style& style) {
  if (plan.new_jobs.empty()) return "";
  Table table({"new job", "reason"});
  for (std::size_t i = 0; i < std::min(max_reasons, plan.new_jobs.size()); ++i)
    table.row({printable(plan.new_jobs[i].job), printable(plan.new_jobs[i].reason)});
  auto text = "\n" + table.text(style);
  if (plan.jobs.fresh > max_reasons)
    text += fmt::format("... and {} more (--json lists them)\n", human_count(plan.jobs.fresh - max_reasons));
  return text;
}

std::string gap_counts_text(const std::vector<coordinator::PlanGap>& gaps) {
  std::string text;
  const auto within =
      static_cast<std::size_t>(std::count_if(gaps.begin(), gaps.end(), [](const auto& gap) { return gap.within; }));
  if (within > 0)
    text += fmt::format("gaps      {} missing in the range; mole archive gaps lists them\n",
                        human_number(within, "file is", "files are"));
  if (within < gaps.size())
    text += fmt::format("outside   {} before the first or after the last file of a router\n",
                        human_number(gaps.size() - within, "expected file is", "expected files are"));
  return text;
}

// Says when the listings were made that the plan relies on.
std::string listings_text(const coordinator::PlanReport& plan) {
  std::string text;
  for (const auto& listing : plan.listings)
    text += fmt::format("listing   {}: {}, listed {}\n", printable(listing.archive), human_number(listing.files, "file", "files"),
                        format_time(listing.listed));
  return text;
}

std::string cause_text(const coordinator::MissingFile& file) {
  using enum coordinator::GapCause;
  switch (file.cause) {
    case no_file:
      return "no file";
    case too_small:
      return "too small: " + printable(file.file) + ", " + human_bytes(static_cast<double>(file.size));
    case future:
      return "in the future: " + printable(file.file);
  }
  return "";
}

std::string missing_files_text(const std::vector<coordinator::MissingFile>& files, const Style& style) {
  if (files.empty()) return "";
  Table table({"missing: router", right("sequence"), "from", "to", "cause"});
  for (const auto& file : files)
    table.row({printable(file.router), file.sequence ? std::to_string(*file.sequence) : "", format_time(file.from),
               format_time(file.to), cause_text(file)});
  return table.text(style);
}

// Returns "compressed bytes [10, 20) block checksum, [30, 40)" for `what` = "compressed bytes", with at most five ranges; "" if
// there are none.
std::string lost_ranges_text(std::string_view what, const std::vector<task::ByteRange>& ranges) {
  constexpr std::size_t max_ranges = 5;
  std::string text;
  for (const auto& r : std::span(ranges).first(std::min(max_ranges, ranges.size())))
    text +=
        fmt::format("{}[{}, {}){}{}", text.empty() ? "" : ", ", r.from, r.to, r.reason.empty() ? "" : " ", printable(r.reason));
  if (ranges.size() > max_ranges) text += fmt::format(" and {} other ranges", ranges.size() - max_ranges);
  return text.empty() ? text : fmt::format("{} {}", what, text);
}

// {0s: 0, 15s: 0.4, 31m: 1}
std::string shares_text(const std::vector<DelayPoint>& points) {
  std::string out;
  for (const auto& [delay, share] : points)
    out += fmt::format("{}{}: {}", out.empty() ? "" : ", ", format_duration(delay), share);
  return "{" + out + "}";
}

// "at least 214 flows, exported from 2007-09-22T14:20:03Z to 2007-09-22T14:25:31Z"; "" if it is not known what is lost.
std::string lost_flows_text(const coordinator::DamagedFile& file) {
  constexpr std::size_t max_spans = 5;
  std::string text;
  if (file.flows_lost > 0)
    text = (file.more_lost ? "at least " : "") + human_number(file.flows_lost, "flow", "flows");
  else if (file.more_lost)
    text = "an unknown number of flows";
  for (std::size_t i = 0; i < std::min(max_spans, file.lost.size()); ++i)
    text += fmt::format("{} {} to {}",
                        i > 0          ? " and"
                        : text.empty() ? "exported from"
                                       : ", exported from",
                        format_time(file.lost[i].from), format_time(file.lost[i].to));
  if (file.lost.size() > max_spans) text += fmt::format(" and {} other times", file.lost.size() - max_spans);
  return text;
}

std::string damaged_files_text(const std::vector<coordinator::DamagedFile>& files, const Style& style) {
  if (files.empty()) return "";
  Table table({"damaged: file", "state", "lost"});
  for (const auto& file : files) {
    auto flows = file.state == coordinator::FileState::misplaced ? std::string() : lost_flows_text(file);
    const auto compressed = lost_ranges_text("compressed bytes", file.lost_compressed);
    const auto content = lost_ranges_text("content bytes", file.lost_content);
    auto lost = compressed + (compressed.empty() || content.empty() ? "" : "; ") + content;
    if (!flows.empty()) lost = lost.empty() ? flows : flows + "; " + lost;
    table.row(
        {printable(file.id), std::string(name_of(file.state)),
         file.state == coordinator::FileState::misplaced ? misplaced_text(file) + (lost.empty() ? "" : "; ") + lost : lost});
  }
  return table.text(style);
}

}  // namespace

std::string manifest_text(const coordinator::PipelineDescription& pipeline, const Style& style) {
  Table table({"module", "plugin", "execution", "interval", "window", "by", "columns"});
  for (const auto& m : pipeline.modules)
    table.row({printable(m.module), printable(m.plugin), printable(m.execution), format_duration(m.interval),
               m.window ? format_duration(*m.window) : "", printable_list(m.by), outputs_of(m)});
  return style.paint(Paint::bold, printable(pipeline.pipeline)) + " is valid\n\n" + table.text(style);
}

std::string table_warnings_text(const coordinator::PlanReport& plan) {
  const auto& tables = plan.table_warnings;
  std::string out;
  for (std::size_t i = 0; i < std::min(max_tables, tables.size()); ++i) out += "routes    " + printable(tables[i]) + "\n";
  if (tables.size() > max_tables)
    out += fmt::format("          and {} more (mole plan --json lists them)\n", tables.size() - max_tables);
  return out;
}

std::string notes_text(const coordinator::PlanReport& plan) {
  std::string out;
  for (const auto& note : plan.notes) out += "note      " + printable(note) + "\n";
  return out;
}

// Says which jobs wait for which files, and what to do.
std::string waits_text(const coordinator::PlanReport& plan) {
  std::string out;
  for (const auto& wait : plan.waits) out += "waits     " + printable(wait) + "\n";
  return out;
}

// "overhead  35.00 % of the bytes are read again at the borders of blocks of 4 h; blocks of 28 h would read 5 % again", then
// what a crash loses.
std::string overhead_text(const coordinator::PlanReport& plan) {
  if (!plan.overhead) return "";
  const auto& cost = *plan.overhead;
  std::string text;
  if (cost.borders > 0 || cost.before_range > 0) {
    text = fmt::format("overhead  {} of the bytes are read again at the borders of blocks of {}", human_share(cost.borders),
                       format_duration(cost.block_length));
    if (cost.better_length > 0)
      text += fmt::format("; blocks of {} would read about 5 % again", format_duration(cost.better_length));
    if (cost.before_range > 0) text += fmt::format("; {} only for blocks before the range", human_share(cost.before_range));
    text += "\n";
  }
  return text + fmt::format("crash     loses at most {} of work: one block of {}\n", human_seconds(cost.block_seconds),
                            human_bytes(static_cast<double>(cost.block_bytes)));
}

std::string plan_text(const coordinator::PlanReport& plan, const Style& style) {
  const auto& jobs = plan.jobs;
  auto text = modules_text(plan.modules, style) + "\n";
  if (jobs.fresh == 0 && jobs.waiting == 0)
    return text + style.paint(Paint::green, "nothing to do:") +
           fmt::format(" {} already computed\n", human_number(jobs.reused, "job is", "jobs are")) + waits_text(plan) +
           listings_text(plan) + notes_text(plan);
  text += fmt::format("jobs      {} new, {} reused, {} waiting\n", human_count(jobs.fresh), human_count(jobs.reused),
                      human_count(jobs.waiting));
  text += waits_text(plan);
  text += files_text(plan.files);
  text += overhead_text(plan) + staging_text(plan);
  if (plan.estimate_seconds > 0 && !plan.staging) text += "estimate  " + human_seconds(plan.estimate_seconds) + "\n";
  return text + listings_text(plan) + gap_counts_text(plan.gaps) + table_warnings_text(plan) + notes_text(plan) +
         reasons_text(plan, style);
}

std::string gaps_text(const coordinator::ArchiveGaps& gaps, const Style& style) {
  std::string text;
  for (const auto& part : {missing_files_text(gaps.missing, style), damaged_files_text(gaps.damaged, style)})
    if (!part.empty()) text += (text.empty() ? "" : "\n") + part;
  if (text.empty()) text = "no missing files, no known damage\n";
  if (gaps.listed) text += "as listed " + format_time(gaps.listed) + "\n";
  const auto names = names_text(gaps, style);
  return text + (names.empty() ? "" : "\n") + names;
}

std::string misplaced_text(const coordinator::DamagedFile& file) {
  const auto covers = file.to - file.from;
  const auto mostly_in = [&](Micros from, Micros to) {
    return std::min(file.exported_to, to) - std::max(file.exported_from, from) > covers / 2;
  };
  const std::string exported = fmt::format("exported from {} to {}, named {} to {}; ", format_time(file.exported_from),
                                           format_time(file.exported_to), format_time(file.from), format_time(file.to));
  if (mostly_in(file.from - covers, file.from)) return exported + "if names give the end of a file, write {end:..} in \"files\"";
  if (mostly_in(file.to, file.to + covers)) return exported + "if names give the start of a file, write {start:..} in \"files\"";
  if (file.exported_from >= file.to)
    return exported +
           "the router's clock or the name is wrong; if the file was made from packets later, set \"export_time: flow_end\" "
           "in the archive of the manifest";
  return exported + "the router's clock or the name is wrong";
}

std::string damage_text(const coordinator::DamagedFile& file) {
  if (file.state == coordinator::FileState::misplaced) return "misplaced: " + misplaced_text(file);
  const auto lost = lost_flows_text(file);
  return std::string(name_of(file.state)) + (lost.empty() ? "" : ", lost: " + lost);
}

std::string export_delay_text(const ExportDelay& delay) {
  return fmt::format("    export_delay:\n      start: {}\n      end: {}\n", shares_text(delay.start), shares_text(delay.end));
}

std::string names_text(const coordinator::ArchiveGaps& gaps, const Style& style) {
  std::string text;
  for (const auto& conflict : gaps.conflicts)
    text += style.paint(conflict.refused ? Paint::red : Paint::yellow, conflict.refused ? "refused" : "note") +
            (conflict.refused ? "   " : "      ") + printable(conflict.message) + "\n";
  for (const auto& passed : gaps.passed_over) {
    text += fmt::format("{} not used: {}", human_number(passed.count, "path is", "paths are"), printable(passed.reason));
    if (!passed.examples.empty()) text += ": " + printable_list(passed.examples);
    text += passed.count > passed.examples.size() ? ", ...\n" : "\n";
  }
  return text;
}

}  // namespace mole::cli
