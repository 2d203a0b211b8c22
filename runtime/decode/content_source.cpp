#include "runtime/decode/content_source.hpp"

#include "runtime/decode/bzip2_source.hpp"
#include "runtime/decode/file_bytes.hpp"
#include "runtime/decode/segment_scanner.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace mole::runtime {
namespace {

constexpr std::size_t max_lost = 1024;
constexpr std::size_t plain_chunk = std::size_t{1} << 20;

// A file that is not compressed.
class PlainSource final : public ContentSource {
 public:
  explicit PlainSource(FileBytes file) : ContentSource(file.size()), file_(std::move(file)) {}

  Result<std::optional<Chunk>> next() override {
    buffer_.resize(std::min<std::uint64_t>(plain_chunk, std::max<std::uint64_t>(stored_bytes_, 1)));
    MOLE_TRY(auto got, file_.read(content_bytes_, buffer_));
    if (got == 0) {
      end();
      return std::optional<Chunk>();
    }
    const Chunk chunk{{buffer_.data(), got}, content_bytes_, false};
    content_bytes_ += got;
    return std::optional(chunk);
  }

 private:
  void end() {
    if (stored_bytes_ > 0 && content_bytes_ >= stored_bytes_) return;
    if (lost_.empty())
      add_lost(lost_, content_bytes_, stored_bytes_,
               stored_bytes_ == 0 ? "the file is empty" : "the file was truncated while it was being read");
    ends_in_damage_ = true;
  }

  FileBytes file_;
  std::vector<std::uint8_t> buffer_;
};

}  // namespace

Result<std::unique_ptr<ContentSource>> open_content(const std::filesystem::path& path, const ContentOptions& options) {
  MOLE_TRY(auto file, FileBytes::open(path));
  std::array<std::uint8_t, 4> head{};
  MOLE_TRY(auto got, file.read(0, head));
  // The extension is considered too: a .bz2 file with damaged first bytes may still have readable blocks.
  if (begins_bzip2_stream(std::span(head).first(got)) || path.extension() == ".bz2")
    return std::unique_ptr<ContentSource>(std::make_unique<Bzip2Source>(std::move(file), options));
  return std::unique_ptr<ContentSource>(std::make_unique<PlainSource>(std::move(file)));
}

void add_lost(std::vector<task::ByteRange>& list, std::uint64_t from, std::uint64_t to, std::string_view reason) {
  if (!list.empty() && list.back().to == from && list.back().reason == reason) {
    list.back().to = std::max(list.back().to, to);
  } else if (list.size() < max_lost) {
    list.push_back({from, to, std::string(reason)});
  } else {
    list.back().to = std::max(list.back().to, to);
    list.back().reason = "several losses, including: " + std::string(reason);
  }
}

}  // namespace mole::runtime
