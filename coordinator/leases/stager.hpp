// Decides which files of tapes and other media are fetched next, and into which node's cache, for all requests together.
//
//   stager.set_request(17, 0, false, blocks);       // its blocks, and the files that each reads
//   if (auto batch = stager.next("node1", now)) ... // files of one tape, in the order of their positions
//   stager.add_ready("node1", key);                 // one of them is in the cache of the node
//   if (stager.may_run("node1", 17, block)) ...     // all files of the block are there, or can be copied from other nodes
//
// - At most `drives` batches of a library run at once, each of a different tape; a batch serves all requests.
// - The tape for which most blocks wait is next, weighed by their priority and by how long they have waited.
// - Space for all files of a block is reserved on a node before the first one is fetched, so that no two blocks wait for each
//   other's space. A node reserves at most a part of its cache, except for a block that would otherwise never run.
//
// Time is an argument; no I/O, threads or clocks are used. Not thread-safe. What is in the caches is a hint: a task whose files
// are not there fetches them itself.
#pragma once

#include "coordinator/manifest/drives.hpp"
#include "coordinator/tasks/fuse.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace mole::coordinator::leases {

using manifest::default_drives;
using tasks::BlockRef;

// A tape or other medium. `library`: identifies the store whose drives it needs.
struct Medium {
  std::string library, name;
  auto operator<=>(const Medium&) const = default;
};

// A file that is read from a medium.
struct MediumFile {
  Digest key;  // identifies its copies in the caches of nodes
  Medium medium;
  std::uint64_t position = 0, size = 0;
  std::string archive = {};                            // its name in caches; the files of a batch are of one archive
  std::shared_ptr<const task::File> description = {};  // for the spec of a task; not used by the stager
};

struct WantedBlock {
  BlockRef ref;
  std::vector<MediumFile> files;
  bool all_on_media = true;  // it reads no other files of the same archives
};

// Files of one medium for one node, in the order of their positions.
struct Batch {
  std::uint64_t number = 0;
  std::uint64_t request = 0;  // one of those that wait for it
  std::string node;
  Medium medium;
  std::vector<Digest> files;
  bool mounts = false;  // its medium is not among those used last
};

// A medium that blocks of a request wait for.
struct MediumDemand {
  Medium medium;
  std::string node;  // that fetches from it; empty: none
  std::uint64_t files = 0, bytes = 0, blocks = 0;
};

// What blocks wait for at one moment.
struct MediaWait {
  bool waiting = false;    // blocks wait for files on media
  bool unfetched = false;  // some of these may be fetched now from a medium that no node reads, although a drive is free
};

// Whether a node has all parts of a sandbox that are required.
inline bool has_all(const std::vector<SandboxPart>& parts, const std::vector<SandboxPart>& required) {
  return std::ranges::all_of(required, [&](SandboxPart part) { return std::ranges::find(parts, part) != parts.end(); });
}

class Stager {
 public:
  // ---- what is wanted
  // Sets or replaces the unfinished blocks of a request that read files from media. `in_order`: a block may need results of
  // earlier ones. `sandbox`: parts that a node must have to run them.
  void set_request(std::uint64_t request, std::int32_t priority, bool in_order, std::vector<WantedBlock> blocks,
                   std::vector<SandboxPart> sandbox = {});
  void drop(std::uint64_t request);
  // Ends a block. `used`: its node read the files, which are then evicted in the usual order.
  void finish(std::uint64_t request, BlockRef block, bool used);
  bool empty() const { return requests_.empty(); }

  // ---- nodes and drives
  // `cache_limit`: bytes; 0: it fetches nothing. Returns whether it was different.
  bool set_node(const std::string& node, std::uint64_t cache_limit);
  void set_sandbox(const std::string& node, const std::vector<SandboxPart>& parts);
  void set_cached(const std::string& node, std::vector<Digest> files);  // what its cache held when it registered
  void remove_node(const std::string& node);                            // with what its cache holds
  // A node that does not reach the archives: it fetches nothing, but runs blocks whose files it can copy from nodes that serve
  // theirs. `copy_limit`: bytes of its cache; 0: it copies nothing. Returns whether it was different.
  bool set_copy_limit(const std::string& node, std::uint64_t copy_limit);
  bool copies(const std::string& node) const;                         // whether it has a copy limit
  void set_serving(const std::string& node, bool serves);             // whether others can copy the files that it holds
  void set_drives(const std::string& library, std::uint32_t drives);  // default: default_drives
  std::uint32_t drives_of(const std::string& library) const;
  // Makes the newest batches unwanted that exceed this number of drives. Returns whether there are any.
  bool limit_batches(const std::string& library, std::uint32_t drives);

  // ---- batches
  // Returns the next batch for a node. `idle`: the node runs no task, so that it would do nothing without this batch.
  std::optional<Batch> next(const std::string& node, Micros now, bool idle = false);
  // Notes a batch granted before a restart, whose files are not known.
  std::uint64_t adopt(const std::string& node, const Medium& medium);
  bool add_ready(const std::string& node, const Digest& file);  // it is in the node's cache; returns whether that is new
  bool has(const std::string& node, const Digest& file) const;
  // A file was not fetched and is not fetched before `until`. Returns false after the third time: blocks no longer wait for it,
  // and their tasks report why it cannot be fetched. `permanent`: not tried again.
  bool add_failure(const Digest& file, Micros until, bool permanent);
  // A task did not find a file in the cache of the node that should hold it, or only columns of it that are not enough. It is
  // fetched again; after the third time, the tasks that read it fetch it themselves.
  // Returns whether a block wants the file.
  bool lose(const std::string& node, const Digest& file);
  // A node did not serve a file that it should hold: it has evicted it, or has only columns, which its own tasks can read. They
  // decide whether it is lost; other nodes do not copy it any more. Returns whether a block wants the file.
  bool stop_copying(const std::string& node, const Digest& file);
  bool needs_whole(const Digest& file) const;  // whether kept columns of the file are not enough
  std::uint32_t failures(const Digest& file) const;
  void end(std::uint64_t batch);
  // Whether every file of the batch that is not ready yet is still wanted.
  bool is_wanted(std::uint64_t batch) const;

  // ---- blocks
  // Whether a node holds the files of the block or can copy all of them, or staging does not concern the block.
  bool may_run(const std::string& node, std::uint64_t request, BlockRef block) const;
  bool waits(std::uint64_t request, BlockRef block) const { return find_block(request, block) != nullptr; }
  std::vector<BlockRef> blocks_of(std::uint64_t request) const;  // unfinished
  // Whether the node has reserved space for the block.
  bool has_space(const std::string& node, std::uint64_t request, BlockRef block) const;
  // Whether the block can only run on another node, which has its files or has reserved space for them.
  bool is_elsewhere(const std::string& node, std::uint64_t request, BlockRef block) const;
  // Returns the files of the block that other blocks wait for on the same node, which keeps them after their use.
  std::set<Digest> shared_files(const std::string& node, std::uint64_t request, BlockRef block);
  // Returns the files of the block that the node holds; none if its tasks fetch files themselves.
  std::set<Digest> staged_files(const std::string& node, std::uint64_t request, BlockRef block) const;
  // Returns the node from which each file of the block is copied; none unless `node` copies files and may run the block.
  std::map<Digest, std::string> sources(const std::string& node, std::uint64_t request, BlockRef block) const;
  // Blocks whose last file became ready since the last call.
  std::vector<std::pair<std::uint64_t, BlockRef>> take_staged();
  // Returns the files of the archive that the node kept for blocks that were withdrawn.
  std::vector<MediumFile> take_released(const std::string& node, const std::string& archive);
  // Null: no block wants the file.
  const MediumFile* find_file(const Digest& key) const;
  // The media that blocks of a request wait for, those of most blocks first.
  std::vector<MediumDemand> demand(std::uint64_t request) const;
  MediaWait media_wait(Micros now) const;
  std::uint64_t reserved(const std::string& node) const;                // bytes
  std::uint64_t bytes_of(std::uint64_t request, BlockRef block) const;  // of its files on media; 0: it has ended
  // Returns the first blocks of a request, at most `limit`, as of set_request.
  struct Wanted {
    bool in_order = false;
    std::size_t count = 0;  // of all blocks
    std::vector<WantedBlock> blocks = {};
  };
  Wanted wanted(std::uint64_t request, std::size_t limit) const;
  // Returns the files that are in caches of nodes, with the name of one of its nodes; also those that no block waits for.
  std::vector<std::pair<std::string, Digest>> held() const;

 private:
  using FileNumber = std::uint32_t;
  struct DigestHash {
    std::size_t operator()(const Digest& digest) const;
  };
  struct File {
    MediumFile file;
    std::uint32_t blocks = 0, failures = 0;
    Micros not_before = 0;
    bool settled = false;  // blocks do not wait for it
    std::uint32_t losses = 0;
    std::vector<std::uint32_t> held{};      // numbers of nodes
    std::vector<std::uint32_t> unserved{};  // those of them from which it is not copied
    std::vector<std::pair<std::uint64_t, BlockRef>> readers{};
  };
  struct Node {
    std::string name;
    std::uint64_t limit = 0, reserved = 0, copy_limit = 0;
    bool serves = false;
    std::vector<SandboxPart> sandbox{};
    std::unordered_map<FileNumber, std::uint32_t> blocks{};  // number of its blocks by file
    std::set<FileNumber> kept_again{};                       // after their use, for other blocks
    std::vector<MediumFile> released{};
    std::vector<Digest> cached{};  // in order
    std::uint64_t idle_at = 0;     // changes_ when there was nothing to fetch
    Micros wake = 0;               // there may be something at this time
  };
  struct Block {
    std::vector<FileNumber> files;
    std::uint64_t bytes = 0, since = 0;  // since: batches_ when it was first wanted
    std::optional<std::uint32_t> node;   // that has reserved space for it
    bool all_on_media = true;
  };
  struct Request {
    std::int32_t priority = 0;
    bool in_order = false;
    std::map<BlockRef, Block> blocks;
    std::vector<SandboxPart> sandbox = {};
  };
  struct Running {
    Batch batch;
    std::uint32_t node = 0;
    std::set<FileNumber> files{};  // not ready yet
    bool unwanted = false;         // a file that was not ready is not wanted any more
  };
  struct Choice;

  FileNumber add_file(const MediumFile& file);
  void remove_block(Block& block, std::uint64_t request, BlockRef ref, bool used);
  void release_space(Block& block, bool used);
  void release_node(std::uint32_t node);
  void note_staged(const File& file);
  void reserve(Block& block, std::uint32_t node);
  void drop_unused_file(FileNumber number);
  std::uint32_t node_number(const std::string& name);
  const Node* find_node(const std::string& name) const;
  const Block* find_block(std::uint64_t request, BlockRef ref) const;
  bool holds(std::uint32_t node, const Block& block) const;
  bool has(std::uint32_t node, FileNumber file) const;
  void remove_holder(File& file, std::uint32_t node);
  std::optional<std::uint32_t> source_of(const File& file) const;
  bool can_be_copied(const Block& block) const;
  bool is_being_fetched(std::uint32_t node, FileNumber file) const;
  std::uint64_t new_bytes(const Node& node, const Block& block) const;
  std::uint64_t space_for_blocks(const Node& node) const;
  bool fits(const Node& node, const Block& block) const;
  static bool may_take(const Node& node, const Request& request) { return has_all(node.sandbox, request.sandbox); }
  bool is_near(std::uint32_t node, const Request& request, const Block& block) const;
  std::size_t nodes_with_cache() const;
  bool exceeds_every_cache(const Request& request, const Block& block) const;
  double weight_of(const Request& request, const Block& block) const;
  std::vector<std::pair<std::uint64_t, Request*>> by_priority();
  void admit_in_order(std::uint32_t node);
  std::optional<Batch> choose(std::uint32_t node, Micros now);
  bool admit_one(std::uint32_t node);
  bool may_use(const Medium& medium, std::size_t drives_left) const;
  std::set<Medium> left_to_others(std::uint32_t node, Micros now);
  bool any_drive_is_free() const;

  std::map<std::uint64_t, Request> requests_;
  std::vector<File> files_;
  std::vector<FileNumber> free_files_;
  std::unordered_map<Digest, FileNumber, DigestHash> file_numbers_;
  std::vector<Node> nodes_;
  std::map<std::uint64_t, Running> running_;
  std::map<std::string, std::uint32_t> drives_;              // by library
  std::map<std::string, std::size_t> wanted_files_;          // by library
  std::map<std::string, std::vector<std::string>> mounted_;  // by library: the media used last, the latest one first
  std::map<Medium, Micros> left_since_;                      // when a medium in a drive was first left to another node
  std::vector<std::pair<std::uint64_t, BlockRef>> staged_;
  std::uint64_t batches_ = 0, changes_ = 1, wanted_bytes_ = 0;
};

}  // namespace mole::coordinator::leases
