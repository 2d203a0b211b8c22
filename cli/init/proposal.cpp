#include "cli/init/proposal.hpp"

#include "cli/format/documents.hpp"
#include "cli/format/human.hpp"
#include "cli/init/contents.hpp"
#include "cli/init/folder.hpp"
#include "cli/init/reading.hpp"
#include "coordinator/manifest/manifest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <numeric>
#include <set>

namespace mole::cli {
namespace fs = std::filesystem;
using coordinator::manifest::FileNames;
using coordinator::manifest::NameKind;

namespace {

constexpr std::uint64_t max_sample_bytes = std::uint64_t{2} << 30;
constexpr std::uint64_t enough_flows = 1000;  // to measure export delays

// What the chosen reading of the names finds.
struct Named {
  std::vector<std::string> unmatched, impossible, future, repeated;  // repeated: local times that occurred twice
  std::set<std::string> routers;
  std::uint64_t files = 0, same_time = 0;
  bool has_router = false, has_sequence = false;
  TimeRange span{INT64_MAX, INT64_MIN};
};

Result<Named> read_names(const Reading& reading, const FolderNames& folder, Micros now) {
  MOLE_TRY(const auto rules, FileNames::make({.files = reading.files, .covers = reading.covers, .zone = reading.zone}));
  Named out;
  out.has_router = rules.pattern().names_router();
  out.has_sequence = rules.pattern().names_sequence();
  std::set<std::pair<std::string, Micros>> times;
  for (const auto& name : folder.names) {
    const auto parts = rules.read(name);
    if (parts.kind == NameKind::archive_file && parts.covers.from > now + day_us) {
      out.future.push_back(name);
    } else if (parts.kind == NameKind::archive_file) {
      ++out.files;
      out.routers.insert(parts.router);
      out.span = {std::min(out.span.from, parts.covers.from), std::max(out.span.to, parts.covers.to)};
      if (parts.later) out.repeated.push_back(name);
      if (!times.emplace(parts.router, parts.covers.from).second && !parts.later) ++out.same_time;
    } else {
      (parts.kind == NameKind::impossible ? out.impossible : out.unmatched).push_back(name);
    }
  }
  return out;
}

std::string examples(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, names.size()); ++i) text += (i ? ", " : "") + printable(names[i]);
  return text + (names.size() > 3 ? " and others" : "");
}

std::string quoted(const std::string& text) { return nlohmann::json(text).dump(); }

// A name for a pipeline or an archive.
std::string name_from(const fs::path& folder) {
  std::string name;
  for (const char c : fs::absolute(folder).lexically_normal().filename().string())
    if (const auto u = static_cast<unsigned char>(c); std::isalnum(u) || c == '_' || c == '-') name += c;
  if (const auto full = fs::absolute(folder).lexically_normal(); name.empty() && full.has_parent_path() && !full.has_filename())
    return name_from(full.parent_path());
  return name.empty() ? "archive" : name.substr(0, 60);
}

// The shortest usual duration after which nearly all flows have been exported.
Micros longest_delay(const DelayCounts& delays) {
  const auto all = std::accumulate(delays.start.begin(), delays.start.end(), std::uint64_t{0});
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < delay_bounds().size() && i < delays.start.size(); ++i) {
    below += delays.start[i];
    if ((all - below) * 10'000 <= all) return delay_bounds()[i];
  }
  return delay_bounds().back();
}

// Why none of the files contains flows: the reasons that their reports state.
Error not_readable(const std::vector<task::FileReport>& reports, const Naming& naming, const std::string& decoder) {
  std::map<std::string, std::string> reasons;  // with an example
  for (const auto& report : reports)
    for (const auto* lost : {&report.lost_compressed, &report.lost_content})
      if (!lost->empty()) reasons.try_emplace(lost->front().reason, report.id);
  std::string text;
  for (const auto& [reason, file] : reasons) text += (text.empty() ? "" : "; ") + file + ": " + reason;
  return invalid(fmt::format("none of the {} that were read contains flows for {}{}. Their names would be read as \"{}\"",
                             human_number(reports.size(), "file", "files"),
                             decoder.empty() ? "the installed decoders" : "the decoder " + decoder,
                             text.empty() ? "" : ": " + text, naming.files));
}

// The contents of some files, and what the names mean according to them.
struct Contents {
  std::vector<task::FileReport> reports;
  Reading reading;
  ExportTime export_time = ExportTime::header;

  bool agrees() const { return reading.agree * 2 > reading.read; }
};

// Whether most flows were exported more than an hour after they ended: later than routers do.
bool exported_late(const std::vector<task::FileReport>& reports) {
  std::uint64_t all = 0, late = 0;
  for (const auto& report : reports)
    for (std::size_t i = 0; i < report.delays.end.size(); ++i) {
      all += report.delays.end[i];
      if (i >= delay_bounds().size() || delay_bounds()[i] > hour_us) late += report.delays.end[i];
    }
  return late * 2 > all;
}

// Files that were made from packets later state the time of the conversion as export times. If their names state the time of the
// packets instead, the ends of their flows are used.
Result<Contents> contents_of(const Context& context, const InitArgs& args, const std::vector<Naming>& namings,
                             const std::vector<std::string>& sample) {
  Contents out;
  MOLE_TRY(out.reports, read_contents(context, args.folder, sample, args.decoder, ExportTime::header));
  if (std::ranges::none_of(out.reports, [](const auto& r) { return r.datagrams > 0; }))
    return not_readable(out.reports, namings.front(), args.decoder);
  out.reading = reading_of(namings, out.reports, args.zone);
  if (!exported_late(out.reports)) return out;
  Contents by_end{.export_time = ExportTime::flow_end};
  MOLE_TRY(by_end.reports, read_contents(context, args.folder, sample, args.decoder, ExportTime::flow_end));
  by_end.reading = reading_of(namings, by_end.reports, args.zone);
  return by_end.agrees() && by_end.reading.agree >= out.reading.agree ? by_end : out;
}

class ManifestText {
 public:
  ManifestText(const InitArgs& args, const Contents& contents, const Named& named, const FolderNames& folder)
      : args_(args), reading_(contents.reading), named_(named), folder_(folder), contents_(contents), reports_(contents.reports) {
    const auto& reports = reports_;
    for (const auto& report : reports)
      if (report.state == task::FileState::sound) delays_ += report.delays;
  }

  const std::vector<std::string>& notes() const { return notes_; }

  std::string text() {
    const auto pipeline = name_from(args_.folder);
    auto archive = std::string(named_.has_router ? "routers" : "files");
    if (archive == pipeline) archive = "archive";
    header();
    line("pipeline: " + quoted(pipeline));
    line("archives:");
    line("  " + archive + ":");
    line("    downloader: directory");
    line("    params: {root: " + quoted(root()) + "}");
    names();
    lengths();
    delays();
    formats();
    line("modules:");
    comment("A first metric: bytes, packets and flows every quarter of an hour. `mole plugin list` shows others.", "  ");
    line(fmt::format("  traffic: {{plugin: traffic, input: {{archive: {}}}, interval: 15m{}}}", archive,
                     named_.has_router ? ", by: [router]" : ""));
    return out_;
  }

 private:
  void line(const std::string& text) { out_ += text + "\n"; }
  // Wraps words at the width of a terminal.
  void comment(const std::string& text, const std::string& indent = "    ") {
    std::string current = indent + "#";
    for (std::size_t from = 0; from < text.size();) {
      const auto to = std::min(text.find(' ', from), text.size());
      if (current.size() + 1 + to - from > 100 && current.size() > indent.size() + 1) {
        line(current);
        current = indent + "#";
      }
      current += " " + text.substr(from, to - from);
      from = to + 1;
    }
    line(current);
  }

  // Adds a comment that is also printed when the manifest is written.
  void note(const std::string& text) {
    comment(text);
    notes_.push_back(text);
  }

  // The path as the manifest's folder sees it, if the folder is below it.
  std::string root() const {
    const auto base = args_.out.empty() ? fs::current_path() : fs::absolute(args_.out).lexically_normal().parent_path();
    const auto folder = fs::absolute(args_.folder).lexically_normal();
    const auto relative = folder.lexically_relative(base).generic_string();
    if (relative.empty() || relative.starts_with("..")) return folder.generic_string();
    auto path = relative == "." ? relative : "./" + relative;
    if (path.size() > 2 && path.ends_with('/')) path.pop_back();
    return path;
  }

  void header() {
    comment(fmt::format("Proposed by mole manifest init for {}: {} from {} to {}. Check every line with a comment, then:",
                        printable(args_.folder), human_number(named_.files, "file", "files"), format_time(named_.span.from),
                        format_time(named_.span.to)),
            "");
    const auto path = printable(args_.out.empty() ? "MANIFEST" : args_.out);
    line("#   mole archive check " + path);
    line(fmt::format("#   mole run {} --from {} --to {} --partial", path, format_time(named_.span.from),
                     format_time(named_.span.to)));
  }

  void names() {
    const auto total = folder_.names.size();
    comment(fmt::format("Found: {} of {} names match{}.", human_count(named_.files + named_.future.size()), human_count(total),
                        routers_found()));
    listed(named_.unmatched, "does not match and is not used", "do not match and are not used");
    if (named_.unmatched.size() >= 10 && named_.unmatched.size() * 10 >= total)  // a second kind of files, not a few others
      notes_.push_back(
          fmt::format("{} of {} files do not match the pattern and are not used, such as {}; files with other names "
                      "need an archive of their own, or names of the same form",
                      human_count(named_.unmatched.size()), human_count(total), printable(named_.unmatched.front())));
    listed(folder_.left_out, "is hidden, temporary or partial and is not used",
           "are hidden, temporary or partial and are not used");
    listed(folder_.unreadable, "cannot be read as a name or folder", "cannot be read as names or folders");
    listed(named_.impossible, "has a date or local time that does not exist", "have a date or local time that does not exist");
    listed(named_.future, "is of the future and is not used", "are of the future and are not used");
    if (named_.same_time > 0)
      comment(
          fmt::format("{} the same router and time as another one. Requests that read such a time are refused unless the "
                      "contents are equal; see `duplicates` in the reference of manifests.",
                      human_number(named_.same_time, "name has", "names have")));
    if (!named_.repeated.empty() && !named_.has_sequence)
      comment(
          fmt::format("{} a local time that occurred twice, when clocks were set back ({}). Requests that read these two hours "
                      "are refused, because nothing shows which one is meant.",
                      human_number(named_.repeated.size(), "name has", "names have"), examples(named_.repeated)));
    readings();
    exporters();
    line("    files: " + quoted(reading_.files));
    if (at_flow_ends()) {
      comment(
          "The export times in the files are later: they were probably made from packets afterwards, so the ends of flows are "
          "used instead.");
      line("    export_time: flow_end");
    }
    if (reading_.local) line("    zone: " + reading_.zone);
  }

  std::string routers_found() const {
    if (!named_.has_router) return "; no part of them names a router, so all flows are counted together";
    return fmt::format("; {}: {}", human_number(named_.routers.size(), "router", "routers"),
                       examples({named_.routers.begin(), named_.routers.end()}));
  }

  void listed(const std::vector<std::string>& names, const char* one, const char* many) {
    if (!names.empty())
      comment(fmt::format("{} {}: {}.", human_count(names.size()), names.size() == 1 ? one : many, examples(names)));
  }

  void readings() {
    const bool end = reading_.files.find("{start:") == std::string::npos;
    const bool both = !end && reading_.files.find("{end:") != std::string::npos;
    comment(fmt::format("Compared with the contents: {} of {} read have {} near the time in their names, read as the {}{}.",
                        human_count(reading_.agree), human_number(reading_.read, "file", "files"),
                        at_flow_ends() ? "ends of flows" : "export times",
                        both  ? "start and end"
                        : end ? "end"
                              : "start",
                        reading_.local ? " in the time zone " + reading_.zone : std::string()));
    if (reading_.agree * 2 <= reading_.read)
      note("ASSUMED: the contents agree with no reading of the names. The clocks of the routers or the names may be wrong.");
    else if (reading_.local && args_.zone.empty())
      comment("Assumed: the names follow the rules of this time zone all year. Other zones have the same time in these files.");
    if (!reading_.other.empty()) note("The contents agree equally with " + reading_.other + ".");
  }

  void exporters() {
    if (named_.has_router) return;
    for (const auto& report : reports_)
      if (report.exporters > 1)
        return comment(fmt::format("{} contains datagrams of {} exporters, which results cannot separate.", printable(report.id),
                                   report.exporters));
  }

  void lengths() {
    comment(reading_.covers_assumed ? "Assumed from the contents of the files; the names are not that far apart."
                                    : "The usual distance between the names of a router's files.");
    line("    covers: " + format_duration(reading_.covers));
    line(reading_.covers <= 12 * hour_us && 12 * hour_us % reading_.covers == 0 ? "    block: {length: 12h, origin: 00:00}"
                                                                                : "    block: {length: 1d, origin: 00:00}");
    if (flows() == 0) return;
    const auto longest = longest_delay(delays_);
    if (longest <= std::max(reading_.covers, 31 * minute_us)) return;  // the default
    comment(fmt::format("Flows were exported up to {} after they began.", format_duration(longest)));
    line("    lateness: " + format_duration(longest));
  }

  bool at_flow_ends() const { return contents_.export_time == ExportTime::flow_end; }

  std::uint64_t flows() const { return std::accumulate(delays_.start.begin(), delays_.start.end(), std::uint64_t{0}); }

  void delays() {
    if (flows() < enough_flows)
      return comment(
          fmt::format("Not enough flows were read ({}) to measure how long after a flow its record is exported, so the "
                      "default applies. `mole archive profile` measures it.",
                      human_count(flows())));
    comment(
        fmt::format("Measured on {} of {}: the share of flows exported within each delay after their start and after their end.",
                    human_number(flows(), "flow", "flows"), human_number(reading_.read, "file", "files")));
    out_ += export_delay_text({distribution_of(delays_.start), distribution_of(delays_.end)});
  }

  void formats() {
    if (!args_.decoder.empty()) return line("    decoder: " + quoted(args_.decoder));
    std::map<std::string, std::uint64_t> files;
    for (const auto& report : reports_) ++files[report.decoder.empty() ? "no decoder" : report.decoder];
    std::string text;
    for (const auto& [decoder, count] : files) text += fmt::format("{}{} by {}", text.empty() ? "" : ", ", count, decoder);
    comment(fmt::format("Of the files that were read, {}: the content of each file selects its decoder.", text));
  }

  const InitArgs& args_;
  const Reading& reading_;
  const Named& named_;
  const FolderNames& folder_;
  const Contents& contents_;
  const std::vector<task::FileReport>& reports_;
  DelayCounts delays_;
  std::string out_;
  std::vector<std::string> notes_;
};

Micros present() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Error not_recognised(const FolderNames& folder, const std::string& where) {
  return invalid(
      fmt::format("no time is recognised in the {} of {}, such as {}; write a manifest with a pattern for them: "
                  "\"files: \\\"{{router}}/flows.{{start:%Y%m%d%H%M}}\\\"\" (docs/guide/own_archive.md lists patterns of "
                  "common collectors)",
                  human_number(folder.names.size(), "name", "names"), where, examples(folder.names)));
}

}  // namespace

Result<Proposal> propose_manifest(const Context& context, const InitArgs& args) {
  MOLE_TRY(const auto folder, names_in(args.folder));
  const auto now = present();
  const auto namings = namings_of(folder.names, now);
  if (namings.empty()) return not_recognised(folder, args.folder);
  MOLE_TRY(const auto first, FileNames::make({.files = namings.front().files}));
  std::vector<std::string> readable;  // in time order, so that a sample is spread over the archive
  std::vector<std::pair<Micros, std::string>> by_time;
  for (const auto& name : folder.names)
    if (const auto parts = first.read(name); parts.kind == NameKind::archive_file && parts.covers.from <= now + day_us)
      by_time.emplace_back(parts.covers.from, name);
  std::ranges::sort(by_time);
  for (auto& [time, name] : by_time) readable.push_back(std::move(name));
  const auto sample = sample_of(args.folder, readable, args.sample, max_sample_bytes);
  if (sample.empty())
    return invalid(
        fmt::format("the files in {} whose names have a time, such as {}, are empty or cannot be opened; give a folder with "
                    "flow files",
                    args.folder, examples(readable)));
  MOLE_TRY(const auto contents, contents_of(context, args, namings, sample));
  MOLE_TRY(const auto named, read_names(contents.reading, folder, now));
  ManifestText text(args, contents, named, folder);
  Proposal proposal{text.text(), named.span, text.notes()};
  const auto parsed = coordinator::manifest::parse_manifest(proposal.manifest, "the proposed manifest", {});
  if (!parsed) return internal("the proposed manifest is not valid: " + parsed.error().message + "; write one by hand");
  return proposal;
}

}  // namespace mole::cli
