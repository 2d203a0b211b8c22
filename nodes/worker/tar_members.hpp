// The files in a tar archive, one after the other, for `mole flows`: ustar, GNU and pax, compressed or not.
//
//   MOLE_TRY(auto opened, open_flow_file(path, options));
//   if (!opened.tar) return read(std::move(opened.content));
//   while (true) {
//     MOLE_TRY(const auto member, opened.tar->next());
//     if (!member) break;
//     MOLE_TRY(auto content, opened.tar->open(options));
//   }
#pragma once

#include "runtime/decode/content_source.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace mole::nodes {

class TarMembers {
 public:
  // Reads up to `size` bytes; fewer only at the end. corrupt: bytes are missing.
  using Read = std::function<Result<std::size_t>(char* to, std::size_t size)>;
  struct Member {
    std::string name;  // control characters are replaced by "?"
    std::uint64_t size = 0;
  };

  // Whether a file with this head is a tar archive: its first header has the magic and checksum.
  static bool is_tar(std::span<const std::uint8_t> head);

  explicit TarMembers(Read read) : read_(std::move(read)) {}
  TarMembers(const TarMembers&) = delete;
  TarMembers& operator=(const TarMembers&) = delete;
  ~TarMembers();

  // Moves to the next regular file whose name is not hidden; nullopt: there is none. corrupt: the archive is damaged here, so
  // that further members are not found.
  Result<std::optional<Member>> next();
  // Opens the content of the current member, once: a copy in a file without a name in $TMPDIR, until the next call of next().
  // exhausted: it is larger than options.max_content, or there is no space for it.
  Result<std::unique_ptr<runtime::ContentSource>> open(const runtime::ContentOptions& options);

 private:
  Result<bool> fill(char* to, std::size_t size);
  Result<std::string> text(std::uint64_t size);
  Result<> skip(std::uint64_t size);
  Error damaged(const std::string& what) const;

  Read read_;
  std::uint64_t at_ = 0;    // bytes read
  std::uint64_t left_ = 0;  // of the current member, with its padding
  Member member_;
  int copy_ = -1;
};

// Either the content of a file, or the members of a tar archive.
struct FlowFile {
  std::unique_ptr<runtime::ContentSource> content;
  std::string compression;  // of the content
  std::unique_ptr<TarMembers> tar;
};

// Errors as of open_content.
Result<FlowFile> open_flow_file(const std::filesystem::path& path, const runtime::ContentOptions& options);

}  // namespace mole::nodes
