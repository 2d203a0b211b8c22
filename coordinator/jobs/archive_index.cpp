#include "coordinator/jobs/archive_index.hpp"

#include <map>
#include <set>
#include <tuple>

namespace mole::coordinator::jobs {
namespace {

bool is_before(const task::File& a, const task::File& b) {
  return std::tie(a.router, a.covers.from, a.id) < std::tie(b.router, b.covers.from, b.id);
}

IndexedFile indexed(task::File file) {
  // The time is not always known from the name alone.
  const auto key = Hasher().field("file").field(file.id).field(file.size).field(file.revision).field(file.covers.from).finish();
  return {std::move(file), key};
}

}  // namespace

ArchiveIndex::ArchiveIndex(std::vector<task::File> files, Micros covers, Findings findings)
    : covers_(covers), findings_(std::make_shared<const Findings>(std::move(findings))) {
  std::sort(files.begin(), files.end(), is_before);
  auto block = std::make_shared<std::vector<IndexedFile>>();
  block->reserve(files.size());
  files_.reserve(files.size());
  for (auto& file : files) {
    bytes_ += file.size;
    files_.push_back(&block->emplace_back(indexed(std::move(file))));
  }
  blocks_.push_back(std::move(block));
  for (std::uint32_t i = 0; i < files_.size();) {
    Timeline t{files_[i]->file.router, i, i, files_[i]->file.covers.from, {}};
    Micros latest = files_[i]->file.covers.to;
    for (; t.last < files_.size() && files_[t.last]->file.router == t.router; ++t.last) {
      latest = std::max(latest, files_[t.last]->file.covers.to);
      t.reaches.push_back(latest);
    }
    i = t.last;
    timelines_.push_back(std::move(t));
  }
  // A requested router without files uses the slots of the first router.
  if (!timelines_.empty()) phase_ = timelines_.front().phase;
}

ArchiveIndex ArchiveIndex::with(std::vector<Group> groups, Findings findings) const {
  auto out = *this;
  out.findings_ = std::make_shared<const Findings>(std::move(findings));
  auto block = std::make_shared<std::vector<IndexedFile>>();
  std::size_t size = 0;
  for (const auto& group : groups) size += group.files.size();
  block->reserve(size);  // so that pointers to its files stay valid
  for (auto& group : groups) {
    std::sort(group.files.begin(), group.files.end(), is_before);
    std::vector<const IndexedFile*> files;
    for (auto& file : group.files) files.push_back(&block->emplace_back(indexed(std::move(file))));
    out.replace(group, files);
  }
  out.changed_ += size;
  if (size > 0) out.blocks_.push_back(std::move(block));
  return out;
}

void ArchiveIndex::replace(const Group& group, std::span<const IndexedFile* const> files) {
  const auto [first, last] = starting(group.router, {group.from, group.from + 1});
  for (auto i = first; i < last; ++i) bytes_ -= files_[i]->file.size;
  for (const auto* file : files) bytes_ += file->file.size;
  auto t = std::ranges::lower_bound(timelines_, group.router, {}, &Timeline::router);
  if (t == timelines_.end() || t->router != group.router) {
    if (files.empty()) return;
    const auto at = static_cast<std::uint32_t>(first);
    t = timelines_.insert(t, Timeline{group.router, at, at, 0, {}});
  }
  const auto at = [](auto& list, std::size_t i) { return list.begin() + static_cast<std::ptrdiff_t>(i); };
  const auto place = first - t->first;
  files_.erase(at(files_, first), at(files_, last));
  files_.insert(at(files_, first), files.begin(), files.end());
  auto& reaches = t->reaches;
  reaches.erase(at(reaches, place), at(reaches, place + last - first));
  reaches.insert(at(reaches, place), files.size(), 0);
  const auto grown = static_cast<std::uint32_t>(files.size() - (last - first));  // modulo 2^32
  t->last += grown;
  for (auto later = std::next(t); later != timelines_.end(); ++later) {
    later->first += grown;
    later->last += grown;
  }
  auto latest = place > 0 ? reaches[place - 1] : INT64_MIN;
  for (auto i = place; i < reaches.size(); ++i) {
    latest = std::max(latest, files_[t->first + i]->file.covers.to);
    if (i >= place + files.size() && reaches[i] == latest) break;  // so are all later ones
    reaches[i] = latest;
  }
  if (t->first == t->last)
    timelines_.erase(t);
  else
    t->phase = files_[t->first]->file.covers.from;
  phase_ = timelines_.empty() ? 0 : timelines_.front().phase;
}

std::pair<std::size_t, std::size_t> ArchiveIndex::starting(const std::string& router, TimeRange range) const {
  const auto t = std::ranges::lower_bound(timelines_, router, {}, &Timeline::router);
  if (t == timelines_.end()) return {files_.size(), files_.size()};
  if (t->router != router) return {t->first, t->first};
  const auto place_of = [&](Micros from) {
    const auto begin = files_.begin() + t->first, end = files_.begin() + t->last;
    return static_cast<std::size_t>(
        std::lower_bound(begin, end, from, [](const IndexedFile* f, Micros time) { return f->file.covers.from < time; }) -
        files_.begin());
  };
  return {place_of(range.from), place_of(range.to)};
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
    const TimeRange covered{files_[t.first]->file.covers.from, t.reaches.back()};
    span = span ? TimeRange{std::min(span->from, covered.from), std::max(span->to, covered.to)} : covered;
  }
  return span;
}

std::vector<task::File> ArchiveIndex::reach(const std::vector<std::string>& routers, TimeRange range) const {
  std::vector<task::File> out;
  for (const auto& router : routers)
    slots(router, range, [&](std::uint32_t file, TimeRange covers) {
      if (file != no_file) return out.push_back(files_[file]->file);
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
    walk(t, {files_[t.first]->file.covers.from, t.reaches.back()}, [&](std::uint32_t index, TimeRange covers) {
      if (index == no_file) {
        if (out.size() == limit) return false;  // the next file may be from the year 9999
        out.push_back({t.router, std::nullopt, covers});
        return true;
      }
      const auto& file = files_[index]->file;
      // The missing numbers are known if numbers rise by one per slot.
      const auto holes = out.size() - pending;
      if (before && file.sequence > before->file.sequence && file.sequence - before->file.sequence == holes + 1)
        for (std::size_t i = 0; i < holes; ++i) out[pending + i].sequence = before->file.sequence + 1 + i;
      else if (before && holes == 0 && file.sequence > before->file.sequence + 1 && out.size() < limit &&
               before->file.covers.to - file.covers.from < covers_ / 2)  // else one of them is a copy under another time
        out.push_back({t.router,
                       before->file.sequence + 1,  // the number is known, the time is not
                       {std::min(before->file.covers.to, file.covers.from), file.covers.from}});
      before = files_[index];
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
  for (const auto& file : findings_->too_small) {
    const auto* t = timeline(file.router);
    bool replaced = false;  // another file of the time is large enough
    if (t)
      walk(*t, file.covers, [&](std::uint32_t index, TimeRange covers) {
        replaced = replaced || (index != no_file && covers.from == file.covers.from);
      });
    if (!replaced) add(file, GapCause::too_small);
  }
  for (const auto& file : findings_->future) add(file, GapCause::future);
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
