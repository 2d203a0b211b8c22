#include "coordinator/jobs/archive_index.hpp"

#include <map>
#include <set>
#include <tuple>

namespace mole::coordinator::jobs {
namespace {

bool is_before(const task::File& a, const task::File& b) {
  return std::tie(a.router, a.covers.from, a.id) < std::tie(b.router, b.covers.from, b.id);
}

}  // namespace

ArchiveIndex::ArchiveIndex(std::vector<task::File> files, Micros covers, Findings findings)
    : covers_(covers), findings_(std::move(findings)) {
  std::sort(files.begin(), files.end(), is_before);
  files_.reserve(files.size());
  for (auto& file : files) {
    // The time is not always known from the name alone.
    const auto key = Hasher().field("file").field(file.id).field(file.size).field(file.revision).field(file.covers.from).finish();
    files_.push_back({std::move(file), key});
  }
  for (std::uint32_t i = 0; i < files_.size();) {
    Timeline t{files_[i].file.router, i, i, files_[i].file.covers.from, {}};
    Micros latest = files_[i].file.covers.to;
    for (; t.last < files_.size() && files_[t.last].file.router == t.router; ++t.last) {
      latest = std::max(latest, files_[t.last].file.covers.to);
      t.reaches.push_back(latest);
    }
    i = t.last;
    timelines_.push_back(std::move(t));
  }
  // A requested router without files uses the slots of the first router.
  if (!timelines_.empty()) phase_ = timelines_.front().phase;
}

std::vector<std::string> ArchiveIndex::routers() const {
  std::vector<std::string> out;
  for (const auto& t : timelines_) out.push_back(t.router);
  return out;
}

const ArchiveIndex::Timeline* ArchiveIndex::timeline(const std::string& router) const {
  const auto found = std::ranges::lower_bound(timelines_, router, {}, &Timeline::router);
  return found != timelines_.end() && found->router == router ? &*found : nullptr;
}

std::optional<TimeRange> ArchiveIndex::span(const std::vector<std::string>& routers) const {
  std::optional<TimeRange> span;
  for (const auto& t : timelines_) {
    if (!routers.empty() && std::find(routers.begin(), routers.end(), t.router) == routers.end()) continue;
    const TimeRange covered{files_[t.first].file.covers.from, t.reaches.back()};
    span = span ? TimeRange{std::min(span->from, covered.from), std::max(span->to, covered.to)} : covered;
  }
  return span;
}

std::vector<task::File> ArchiveIndex::reach(const std::vector<std::string>& routers, TimeRange range) const {
  std::vector<task::File> out;
  for (const auto& router : routers)
    slots(router, range, [&](std::uint32_t file, TimeRange covers) {
      if (file != no_file) return out.push_back(files_[file].file);
      task::File gap;
      gap.router = router;
      gap.covers = covers;
      gap.present = false;
      out.push_back(std::move(gap));
    });
  std::stable_sort(out.begin(), out.end(), is_before);
  return out;
}

Digest ArchiveIndex::gap_key(const std::string& router, Micros from) {
  return Hasher().field("gap").field(router).field(from).finish();
}

std::vector<Gap> ArchiveIndex::gaps(std::size_t limit) const {
  std::vector<Gap> out;
  for (const auto& t : timelines_) {
    const IndexedFile* before = nullptr;
    std::size_t pending = out.size();  // gaps found since `before`
    walk(t, {files_[t.first].file.covers.from, t.reaches.back()}, [&](std::uint32_t index, TimeRange covers) {
      if (index == no_file) {
        if (out.size() == limit) return false;  // the next file may be from the year 9999
        out.push_back({t.router, std::nullopt, covers});
        return true;
      }
      const auto& file = files_[index].file;
      // The missing numbers are known if numbers rise by one per slot.
      const auto holes = out.size() - pending;
      if (before && file.sequence > before->file.sequence && file.sequence - before->file.sequence == holes + 1)
        for (std::size_t i = 0; i < holes; ++i) out[pending + i].sequence = before->file.sequence + 1 + i;
      else if (before && holes == 0 && file.sequence > before->file.sequence + 1 && out.size() < limit &&
               before->file.covers.to - file.covers.from < covers_ / 2)  // else one of them is a copy under another time
        out.push_back({t.router,
                       before->file.sequence + 1,  // the number is known, the time is not
                       {std::min(before->file.covers.to, file.covers.from), file.covers.from}});
      before = &files_[index];
      pending = out.size();
      return true;
    });
  }
  add_causes(out, limit);
  return out;
}

void ArchiveIndex::add_causes(std::vector<Gap>& gaps, std::size_t limit) const {
  std::map<std::pair<std::string, std::int64_t>, std::size_t> at_slot;  // of the gaps with a known slot
  for (std::size_t i = 0; i < gaps.size(); ++i)
    if (const auto* t = timeline(gaps[i].router))
      at_slot.emplace(std::pair(gaps[i].router, slot_near(*t, gaps[i].covers.from)), i);
  const auto add = [&](const task::File& file, GapCause cause) {
    const auto* t = timeline(file.router);
    const auto found = t ? at_slot.find({file.router, slot_near(*t, file.covers.from)}) : at_slot.end();
    if (found == at_slot.end() && gaps.size() >= limit) return;
    Gap& gap = found == at_slot.end() ? gaps.emplace_back(Gap{file.router, std::nullopt, file.covers}) : gaps[found->second];
    gap.cause = cause;
    gap.file = file.id;
    gap.size = file.size;
    if (file.sequence > 0) gap.sequence = file.sequence;
  };
  for (const auto& file : findings_.too_small) {
    const auto* t = timeline(file.router);
    bool replaced = false;  // another file of the time is large enough
    if (t)
      walk(*t, file.covers, [&](std::uint32_t index, TimeRange covers) {
        replaced = replaced || (index != no_file && covers.from == file.covers.from);
      });
    if (!replaced) add(file, GapCause::too_small);
  }
  for (const auto& file : findings_.future) add(file, GapCause::future);
  std::ranges::stable_sort(gaps, {}, [](const Gap& g) { return std::tie(g.router, g.covers.from); });
}

std::vector<TimeRange> sample_of(const ArchiveIndex& index, TimeRange range, std::size_t count) {
  const std::size_t max_slots = count > 0 ? count : 12;
  std::set<Micros> starts;
  for (const auto& file : index.files())
    if (range.empty() || file.file.covers.overlaps(range)) starts.insert(file.file.covers.from);
  std::vector<TimeRange> out;
  std::size_t i = 0;
  for (const auto start : starts) {
    const auto chosen = out.size() * starts.size() / std::min(max_slots, starts.size());
    if (i++ == chosen) out.push_back({start, start + index.covers()});
  }
  return out;
}

}  // namespace mole::coordinator::jobs
