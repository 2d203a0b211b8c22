#include "coordinator/leases/staging.hpp"

#include "coordinator/leases/work.hpp"
#include "coordinator/tasks/spec_builder.hpp"
#include "sdk/model/kept_columns.hpp"

#include <algorithm>

namespace mole::coordinator::leases {
namespace {

bool reads_flows(const jobs::Plan& plan, std::size_t m) { return plan.graph->modules[m].inputs[0].kind == InputKind::flows; }

bool is_reading(const jobs::Plan& plan, std::size_t m, std::int64_t block) {
  return reads_flows(plan, m) && is_live(plan.modules[m].flags_at(block)) && plan.reads_inputs(m, block);
}

bool any_on_media(const jobs::ArchiveIndex& index) {
  return std::ranges::any_of(index.files(), [](const auto& indexed) { return !indexed.file.medium.empty(); });
}

// The files of one archive that blocks read.
class Files {
 public:
  Files(const dag::Archive& archive, std::shared_ptr<const jobs::ArchiveIndex> index)
      : archive_(archive),
        index_(std::move(index)),
        cache_name_(task::cache_name_of(tasks::archive_of(archive))),
        known_(index_->files().size()) {}

  void add(const std::vector<std::string>& routers, TimeRange range, const std::function<bool(std::uint32_t)>& wanted,
           WantedBlock& out) {
    for (const auto& router : routers)
      index_->slots(router, range, [&](std::uint32_t number, TimeRange) {
        if (number == jobs::ArchiveIndex::no_file || !wanted(number)) return;
        const auto& file = index_->files()[number].file;
        if (file.medium.empty()) {
          out.all_on_media = false;
          return;
        }
        auto& key = known_[number];
        if (key.empty()) key = kept_file_name(file, cache_name_);
        auto& library = libraries_[file.tier];
        if (library.empty()) library = library_of(archive_, file.tier);
        out.files.push_back({key, {library, file.medium}, file.position, file.size, cache_name_, {index_, &file}});
      });
  }

 private:
  const dag::Archive& archive_;
  const std::shared_ptr<const jobs::ArchiveIndex> index_;
  const std::string cache_name_;
  std::vector<Digest> known_;
  std::map<std::uint64_t, std::string> libraries_;  // by tier
};

}  // namespace

std::string library_of(const dag::Archive& archive, std::uint64_t number) {
  const auto tier = std::min<std::size_t>(number, archive.tiers.size());
  const auto& store = tier == 0 ? archive.downloader : archive.tiers[archive.tiers.size() - tier];
  return dag::text_of({store.name, store.params});
}

bool runs_in_order(const jobs::Plan& plan) {
  for (std::size_t m = 0; m < plan.modules.size(); ++m) {
    const auto& module = plan.graph->modules[m];
    if (!reads_flows(plan, m)) continue;
    if (module.since) return true;
    if (std::ranges::any_of(module.inputs, [](const dag::Input& input) { return input.kind != InputKind::flows; })) return true;
  }
  return false;
}

std::vector<WantedBlock> blocks_on_media(const jobs::Plan& plan, const std::function<bool(std::size_t, std::uint32_t)>& wanted) {
  std::map<BlockRef, WantedBlock> blocks;
  for (std::size_t a = 0; a < plan.indexes.size(); ++a) {
    if (!plan.indexes[a] || !any_on_media(*plan.indexes[a])) continue;
    Files files(plan.graph->archives[a], plan.indexes[a]);
    const auto is_wanted = [&](std::uint32_t number) { return !wanted || wanted(a, number); };
    for (std::size_t m = 0; m < plan.modules.size(); ++m) {
      if (!reads_flows(plan, m) || plan.graph->modules[m].inputs[0].source != a) continue;
      const auto routers = plan.routers(m);
      const auto& planned = plan.modules[m];
      for (auto b = planned.first; b < planned.last(); ++b) {
        if (!is_reading(plan, m, b)) continue;
        auto& block = blocks[{planned.grid, b}];
        files.add(routers, plan.reach(m, b), is_wanted, block);
      }
    }
  }
  std::vector<WantedBlock> out;
  for (auto& [ref, block] : blocks) {
    if (block.files.empty()) continue;
    std::ranges::sort(block.files, {}, &MediumFile::key);
    const auto is_same = [](const MediumFile& x, const MediumFile& y) { return x.key == y.key; };
    block.files.erase(std::unique(block.files.begin(), block.files.end(), is_same), block.files.end());
    block.ref = ref;
    out.push_back(std::move(block));
  }
  return out;
}

void Staging::set_plan(std::uint64_t request, std::int32_t priority, const jobs::Plan& plan) {
  on_media_.erase(request);
  for (std::size_t a = 0; a < plan.indexes.size(); ++a)
    if (plan.indexes[a] && any_on_media(*plan.indexes[a])) on_media_[request].insert(a);
  auto blocks = blocks_on_media(plan);
  if (blocks.empty())
    stager.drop(request);
  else
    stager.set_request(request, priority, runs_in_order(plan), std::move(blocks), plan.graph->require_sandbox);
}

void Staging::drop(std::uint64_t request) {
  on_media_.erase(request);
  stager.drop(request);
}

bool Staging::has_media(std::uint64_t request, std::size_t archive) const {
  const auto found = on_media_.find(request);
  return found != on_media_.end() && found->second.contains(archive);
}

bool Staging::reads_media(std::uint64_t request, const jobs::Plan& plan, BlockRef ref) const {
  for (std::size_t m = 0; m < plan.modules.size(); ++m)
    if (plan.modules[m].grid == ref.grid && is_reading(plan, m, ref.number) &&
        has_media(request, plan.graph->modules[m].inputs[0].source))
      return true;
  return false;
}

void Staging::refresh(std::uint64_t request, const jobs::Plan& plan, BlockRef ref, const std::string& node) {
  if (!stager.waits(request, ref)) return;
  bool done = true, abandoned = false;
  for (std::size_t m = 0; m < plan.modules.size(); ++m) {
    if (plan.modules[m].grid != ref.grid) continue;
    done = done && !is_reading(plan, m, ref.number);
    abandoned = abandoned || (plan.modules[m].flags_at(ref.number) & (jobs::Flag::failed | jobs::Flag::blocked));
  }
  // What another node read is released on the node that kept it.
  if (done) stager.finish(request, ref, !abandoned && stager.has_space(node, request, ref));
}

bool Staging::reads_again(const jobs::Plan& plan, const tasks::Grant& grant) {
  for (std::size_t m = 0; m < plan.modules.size(); ++m) {
    if (plan.modules[m].grid != grant.ref.grid || !is_reading(plan, m, grant.ref.number)) continue;
    if (std::ranges::none_of(grant.steps, [&](const auto& step) { return step.step.module == m; })) return true;
  }
  return false;
}

bool Staging::set_node(const std::string& node, std::uint64_t cache_limit, std::uint64_t copy_limit) {
  if (cache_limit > 0)
    nodes_.insert(node);
  else
    nodes_.erase(node);
  const bool copies = stager.set_copy_limit(node, copy_limit);
  return stager.set_node(node, cache_limit) || copies;
}

void Staging::remove_node(const std::string& node) {
  stager.remove_node(node);
  nodes_.erase(node);
}

}  // namespace mole::coordinator::leases
