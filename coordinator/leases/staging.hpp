// Tells the stager which files on media the plans of all requests need.
#pragma once

#include "coordinator/jobs/plan.hpp"
#include "coordinator/leases/stager.hpp"

#include <functional>

namespace mole::coordinator::leases {

// Identifies the store of a tier, counted from the last one, and so the drives that read its media.
std::string library_of(const dag::Archive& archive, std::uint64_t tier);

// Returns the unfinished blocks that read files from media, in order, with these files, each once. `wanted`: which files to
// fetch, by archive and number in its index; empty: all.
std::vector<WantedBlock> blocks_on_media(const jobs::Plan& plan,
                                         const std::function<bool(std::size_t archive, std::uint32_t file)>& wanted = {});
// Whether a block that reads flows may need results of earlier blocks.
bool runs_in_order(const jobs::Plan& plan);

// Not thread-safe.
class Staging {
 public:
  // Call after the plan was set.
  void set_plan(std::uint64_t request, std::int32_t priority, const jobs::Plan& plan);
  void drop(std::uint64_t request);
  // Ends a block if none of its jobs reads flows any more. Call after jobs of the block have ended. `node`: that ran them.
  void refresh(std::uint64_t request, const jobs::Plan& plan, BlockRef block, const std::string& node);
  // Returns whether other nodes may run blocks now than before. `copy_limit`: see Stager::set_copy_limit.
  bool set_node(const std::string& node, std::uint64_t cache_limit, std::uint64_t copy_limit = 0);
  void remove_node(const std::string& node);

  // Whether jobs of the block that read flows may run on the node.
  bool may_read(const std::string& node, std::uint64_t request, BlockRef block) const {
    return (nodes_.empty() && !stager.copies(node)) || stager.may_run(node, request, block);
  }
  // Whether jobs of the block read flows of an archive with files on media.
  bool reads_media(std::uint64_t request, const jobs::Plan& plan, BlockRef block) const;
  // Whether files of the archive, by its number in the plan, are on media.
  bool has_media(std::uint64_t request, std::size_t archive) const;

  // Whether jobs of the grant's block that are not in it will read its files as well.
  static bool reads_again(const jobs::Plan& plan, const tasks::Grant& grant);

  Stager stager;

 private:
  std::map<std::uint64_t, std::set<std::size_t>> on_media_;  // archives, by request
  std::set<std::string> nodes_;  // that run tasks of kind fetch; none: each task fetches its files itself
};

}  // namespace mole::coordinator::leases
