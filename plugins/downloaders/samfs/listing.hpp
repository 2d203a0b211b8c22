// Reads the output of `sls -D` of SAM-QFS, with -b (escaped names), -i (inode numbers) and optionally -R (subfolders):
//
//   /sam/2007/19991_1.dat.bz2:
//     mode: -rw-r--r--  links:   1  owner: netflow   group: netflow
//     length: 319279  admin id:      0  inode:     1407.5
//     project: default(3)
//     offline;  archdone;
//     copy 1: ------ May 21 10:29     1e4b1.1    m2 MT0001
//     access:      May 21 09:25  modification: May 21 09:25
//     ...                                                          and a blank line
//
// (The lines after the name begin with two spaces.) A copy on several tapes has a line "    section 0: LENGTH POSITION TAPE" for
// each. Source: sls(1) and src/cmd/sls/lsci/ls.c of SAM-QFS.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace samfs {

struct Entry {
  enum class Kind { file, folder, link, other };
  std::string path;  // any bytes
  Kind kind = Kind::other;
  std::uint64_t size = 0;
  std::string version;  // inode, its generation, and the day of the last modification
  bool offline = false;
  bool damaged = false;  // no copy can be staged
  std::string tape;      // of the first copy that can be staged
  std::uint64_t position = 0;
};

class Listing {
 public:
  std::function<void(const Entry&)> found;
  std::function<void(const std::string& path, const std::string& reason)> unreadable;  // an entry that is not as described above

  void line(std::string_view text);
  // Ends the listing.
  void end();

 private:
  void begin_entry();
  void end_entry();
  bool read_line(std::string_view text);
  bool read_copy(std::string_view text);
  bool read_section(std::string_view text);
  bool read_attributes(std::string_view text);
  void use_copy(std::string_view place, std::string_view tape);

  std::string name_;  // of the next entry, or a heading
  Entry entry_;
  std::string inode_, modified_;
  enum class Within { nothing, entry, skipped } within_ = Within::nothing;
  bool has_length_ = false, has_copies_ = false, usable_copy_ = false, wants_section_ = false;
  bool copy_is_usable_ = false;  // the last one
};

// Decodes a name that `sls -b` has escaped. false: it is not such a name.
bool unescape(std::string_view escaped, std::string& out);

}  // namespace samfs
