#include "coordinator/jobs/archive_files.hpp"

#include <charconv>
#include <tuple>

namespace mole::coordinator::jobs {
namespace {

constexpr auto temporary = "hidden, temporary or partial name";
constexpr auto impossible = "its date or local time does not exist, or its end is not after its start";
constexpr auto future = "the time in its name has not come yet";

auto place_of(const task::File& file) { return std::tie(file.router, file.covers.from, file.id); }

std::string named(const task::File& file) { return file.id + " (" + std::to_string(file.size) + " B)"; }

// The modification time in nanoseconds, or another number that rises with every version.
std::optional<std::uint64_t> version_number(const std::string& version) {
  std::uint64_t number = 0;
  const auto* end = version.data() + version.size();
  if (version.empty() || std::from_chars(version.data(), end, number).ptr != end) return std::nullopt;
  return number;
}

// When a file begins that is not longer than usual; an end far in the future counts, too.
Micros begin_of(TimeRange covers, Micros length) { return std::max(covers.from, covers.to - length); }

// Whether the number in a name shows that it is as many files after `other` as its time is.
bool follows(const task::File& other, const task::File& file, Micros from, Micros covers) {
  const auto files = static_cast<std::int64_t>(file.sequence) - static_cast<std::int64_t>(other.sequence);
  return files != 0 && from - other.covers.from == files * covers;
}

}  // namespace

ArchiveFiles::ArchiveFiles(const dag::Archive& archive, Micros now, std::vector<task::PassedOver> passed_over)
    : duplicates_(archive.duplicates),
      covers_(archive.covers),
      now_(now),
      latest_(now + future_tolerance),
      minimum_size_(archive.minimum_size),
      passed_over_(std::move(passed_over)) {
  if (auto names = manifest::FileNames::make(archive.name_rules()))
    names_ = std::move(*names);
  else
    problem_ = names.error().message;
}

ArchiveFiles::Use ArchiveFiles::use_of(const std::string& id, const store::FileRow& row) const {
  if (!problem_.empty()) return {problem_, false, false, {}};
  auto parts = names_.read(id);
  switch (parts.kind) {
    case manifest::NameKind::temporary:
      return {temporary, false, false, {}};
    case manifest::NameKind::unmatched:
      return {"does not match \"" + names_.rules().files + "\"", false, false, {}};
    case manifest::NameKind::impossible:
      return {impossible, false, false, {}};
    case manifest::NameKind::archive_file:
      break;
  }
  Use out;
  out.candidate.file = {id,          row.size,   row.revision, std::move(parts.router), parts.sequence, parts.covers, true,
                        row.version, row.medium, row.position, row.stated_digest,       row.tier};
  out.candidate.later = parts.later;
  out.candidate.digest = row.digest;
  const auto& covers = out.candidate.file.covers;
  out.future = begin_of(covers, covers_) > latest_;
  out.too_small = !out.future && row.size < minimum_size_;
  if (out.future)
    out.reason = future;
  else if (out.too_small)
    out.reason = "smaller than \"minimum_size\"";
  return out;
}

void ArchiveFiles::add(const std::string& id, const store::FileRow& row) {
  auto use = use_of(id, row);
  if (use.reason.empty()) return candidates_.push_back(std::move(use.candidate));
  task::pass_over(findings_.names, use.reason, id);
  if (use.future) findings_.future.push_back(std::move(use.candidate.file));
  if (use.too_small) findings_.too_small.push_back(std::move(use.candidate.file));
}

ArchiveIndex ArchiveFiles::index() && {
  resolve_repeated_times();
  std::ranges::sort(candidates_, {}, [](const Candidate& c) { return place_of(c.file); });
  resolve_duplicates();
  compose_findings();
  std::vector<task::File> files;
  files.reserve(candidates_.size());
  for (auto& candidate : candidates_) files.push_back(std::move(candidate.file));
  return ArchiveIndex(std::move(files), covers_, std::move(findings_));
}

// Completes the findings after all files have been added.
void ArchiveFiles::compose_findings() {
  auto& all = findings_.passed_over = passed_over_;
  for (const auto& passed : passed_over_)
    findings_.notes.push_back(std::to_string(passed.count) + (passed.count == 1 ? " path is" : " paths are") + " not listed: " +
                              (passed.examples.empty() ? std::string() : passed.examples.front() + ": ") + passed.reason);
  std::ranges::sort(findings_.names, {}, [](const task::PassedOver& passed) { return passed.examples.front(); });
  for (const auto& passed : findings_.names) {
    for (const auto& example : passed.examples) task::pass_over(all, passed.reason, example);
    auto found = std::ranges::find(all, passed.reason, &task::PassedOver::reason);
    (found == all.end() ? all.back() : *found).count += passed.count - passed.examples.size();
  }
  for (const auto& passed : all)
    if (passed.reason == future || passed.reason == impossible)
      findings_.notes.push_back(std::to_string(passed.count) + (passed.count == 1 ? " file is" : " files are") +
                                " ignored: " + passed.examples.front() + ": " + passed.reason);
  std::ranges::sort(findings_.conflicts, {}, [](const FileConflict& c) { return std::tie(c.from, c.router, c.files); });
  for (const auto& file : findings_.future)
    findings_.valid_until = std::min(findings_.valid_until, begin_of(file.covers, covers_) - future_tolerance);
}

// ---- local times that occur twice

void ArchiveFiles::resolve_repeated_times() {
  if (std::ranges::none_of(candidates_, [](const Candidate& c) { return c.later.has_value(); })) return;
  for (const auto& candidate : candidates_)
    if (candidate.later)
      for (const auto from : {candidate.file.covers.from, candidate.later->from})
        findings_.repeated.emplace_back(candidate.file.router, from);
  std::ranges::sort(findings_.repeated);
  std::ranges::sort(candidates_, {}, [](const Candidate& c) { return place_of(c.file); });
  for (auto from = candidates_.begin(); from != candidates_.end();) {
    const auto to = std::find_if(from, candidates_.end(), [&](const Candidate& c) { return c.file.router != from->file.router; });
    resolve_router({from, to});
    from = to;
  }
  for (const auto& candidate : candidates_)
    if (candidate.later) refuse_undecided(candidate);
  std::erase_if(candidates_, [](const Candidate& c) { return c.later.has_value(); });
}

// Decides by the running numbers of the nearest files with a definite time. If these do not decide, two files of the same local
// time are in the order of their numbers. The candidates have one router and are sorted by time.
void ArchiveFiles::resolve_router(std::span<Candidate> candidates) {
  if (!names_.pattern().names_sequence()) return;
  const auto decide = [](Candidate& candidate, bool later) {
    if (later) candidate.file.covers = *candidate.later;
    candidate.later.reset();
  };
  const auto is_definite = [](const Candidate& c) { return !c.later; };
  std::vector<std::pair<Candidate*, bool>> decided;  // applied at the end, so that the order of the candidates does not matter
  for (auto at = candidates.begin(); at != candidates.end(); ++at) {
    if (!at->later) continue;
    const auto before = std::find_if(std::make_reverse_iterator(at), candidates.rend(), is_definite);
    const auto after = std::find_if(at, candidates.end(), is_definite);
    const auto agrees = [&](Micros from) {
      return (before != candidates.rend() && follows(before->file, at->file, from, covers_)) ||
             (after != candidates.end() && follows(after->file, at->file, from, covers_));
    };
    const bool first = agrees(at->file.covers.from), second = agrees(at->later->from);
    if (first != second) decided.emplace_back(&*at, second);
  }
  for (const auto& [candidate, later] : decided) decide(*candidate, later);
  for (auto at = candidates.begin(); at != candidates.end(); ++at) {
    if (!at->later) continue;
    const auto same = [&](const Candidate& c) { return c.later && c.file.covers == at->file.covers; };
    const auto next = std::find_if(std::next(at), candidates.end(), same);
    if (next == candidates.end() || std::ranges::count_if(candidates, same) != 2 || at->file.sequence == next->file.sequence)
      continue;
    const bool at_is_later = at->file.sequence > next->file.sequence;
    decide(*next, !at_is_later);
    decide(*at, at_is_later);
  }
}

void ArchiveFiles::refuse_undecided(const Candidate& candidate) {
  const auto& file = candidate.file;
  findings_.conflicts.push_back(
      {.router = file.router,
       .from = file.covers.from,
       .to = candidate.later->to,
       .files = {file.id},
       .refused = true,
       .message =
           file.id + " has a local time that occurred twice in " + names_.rules().zone + ": it can mean " +
           format_time(file.covers.from) + " or " + format_time(candidate.later->from) +
           ", and no running number shows which; rename it to a time with an offset and put %z into \"files\", or move it out of "
           "the archive"});
}

// ---- several files of one router and time

void ArchiveFiles::resolve_duplicates() {
  if (duplicates_ == Duplicates::all) return;
  for (auto from = candidates_.begin(); from != candidates_.end();) {
    const auto to = std::find_if(from, candidates_.end(), [&](const Candidate& c) {
      return c.file.router != from->file.router || c.file.covers.from != from->file.covers.from;
    });
    if (to - from > 1) resolve_group({from, to});
    from = to;
  }
  std::erase_if(candidates_, [](const Candidate& c) { return !c.file.present; });  // those that the policy leaves out
}

// The group has at least two candidates, sorted by id.
void ArchiveFiles::resolve_group(std::span<Candidate> group) {
  const auto& first = group[0].file;
  FileConflict conflict{.router = first.router, .from = first.covers.from, .to = first.covers.to};
  std::string listed;
  constexpr std::size_t max_named = 3;
  for (std::size_t i = 0; i < group.size(); ++i) {
    conflict.files.push_back(group[i].file.id);
    conflict.to = std::max(conflict.to, group[i].file.covers.to);
    if (i < max_named) listed += (i == 0 ? "" : i + 1 == group.size() ? " and " : ", ") + named(group[i].file);
  }
  if (group.size() > max_named) listed += " and " + std::to_string(group.size() - max_named) + " more";
  const auto subject = (first.router.empty() ? "there are " : "router " + first.router + " has ") + std::to_string(group.size()) +
                       " files for " + format_time(first.covers.from) + ": " + listed;
  const auto remedy =
      std::string("remove all but one, or set \"duplicates\" of the archive to newest, largest or all") +
      (names_.pattern().names_router() ? ""
                                       : "; if they are from several routers, put {router} into \"files\", such as "
                                         "\"{router}/" +
                                             names_.rules().files + "\"");
  const Candidate* kept = nullptr;
  const auto version = [](const Candidate& c) { return version_number(c.file.version); };
  if (duplicates_ == Duplicates::largest) {
    kept = &*std::ranges::max_element(group, {}, [](const Candidate& c) { return c.file.size; });
  } else if (duplicates_ == Duplicates::newest) {
    if (std::ranges::any_of(group, [&](const Candidate& c) { return !version(c); })) {
      conflict.refused = true;
      conflict.message = subject + "; their versions are not times, so none is the newest; " + remedy;
    } else {
      kept = &*std::ranges::max_element(group, {}, [&](const Candidate& c) { return std::pair(*version(c), c.file.size); });
    }
  } else {
    const auto same = [&](const auto& member) {
      return std::ranges::all_of(group, [&](const Candidate& c) { return member(c) == member(group[0]); });
    };
    const bool all_read = std::ranges::none_of(group, [](const Candidate& c) { return c.digest.empty(); });
    const bool same_content = same([](const Candidate& c) { return c.digest; });
    if (!same([](const Candidate& c) { return c.file.size; }) || (all_read && !same_content)) {
      conflict.refused = true;
      conflict.message = subject + ", with different content; " + remedy;
    } else {
      conflict.message =
          subject + (all_read ? ", with the same content; it is counted once"
                              : ", of the same size; if their content is the same it is counted once, otherwise the "
                                "jobs that read them fail");
    }
  }
  if (kept) {
    conflict.message = subject + "; " + name_of(duplicates_) + ": " + kept->file.id + " is used";
    for (auto& candidate : group) candidate.file.present = &candidate == kept;
  }
  findings_.conflicts.push_back(std::move(conflict));
}

}  // namespace mole::coordinator::jobs
