#include "runtime/archive/archive_reader.hpp"

#include "runtime/host/host_services.hpp"

#include <algorithm>
#include <thread>
#include <unordered_set>

namespace mole::runtime {

Result<> ArchiveReader::index(const std::function<Result<>(const task::IndexEntry&)>& found) const {
  std::unordered_set<std::string> seen;
  return downloader_.index([&](const task::IndexEntry& entry) -> Result<> {
    if (!seen.insert(entry.id).second)
      return invalid("the archive lists '" + entry.id + "' twice; check the downloader and its folder");
    return found(entry);
  });
}

Result<> ArchiveReader::stage(const std::vector<std::string>& ids) const {
  if (ids.empty()) return {};
  const auto begin = std::chrono::steady_clock::now();
  for (auto pause = poll_.first;; pause = std::min(pause * 2, poll_.max)) {
    MOLE_TRY(auto ready, downloader_.stage(ids));
    if (ready) return {};
    if (plugins_cancelled()) return Error{Code::cancelled, "cancelled while files were being staged"};
    if (std::chrono::steady_clock::now() - begin + pause > poll_.total)
      return transient("timed out waiting for the archive to stage " + std::to_string(ids.size()) +
                       " files; check the archive and try again");
    std::this_thread::sleep_for(pause);
  }
}

Result<> ArchiveReader::fetch(const task::File& file, const ByteSink& to) const {
  if (auto staged = stage({file.id}); !staged) return staged;
  return downloader_.fetch(file.id,
                           [&](std::string_view bytes) { return to(std::as_bytes(std::span(bytes.data(), bytes.size()))); });
}

}  // namespace mole::runtime
