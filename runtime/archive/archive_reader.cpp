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
      return invalid("the archive lists '" + entry.id + "' twice; the downloader is broken or its folder is");
    return found(entry);
  });
}

Result<> ArchiveReader::stage(const std::vector<std::string>& ids) const {
  if (ids.empty()) return {};
  const auto begin = std::chrono::steady_clock::now();
  for (auto pause = patience_.first;; pause = std::min(pause * 2, patience_.longest)) {
    auto ready = downloader_.stage(ids);
    if (!ready) return ready.error();
    if (*ready) return {};
    if (plugins_cancelled()) return Error{Code::cancelled, "asked to stop while files were being staged"};
    if (std::chrono::steady_clock::now() - begin + pause > patience_.total)
      return transient("the archive did not make " + std::to_string(ids.size()) +
                       " files ready in time; look at the archive and ask again");
    std::this_thread::sleep_for(pause);
  }
}

Result<> ArchiveReader::fetch(const task::File& file, const ByteSink& to) const {
  if (auto staged = stage({file.id}); !staged) return staged;
  return downloader_.fetch(file.id,
                           [&](std::string_view bytes) { return to(std::as_bytes(std::span(bytes.data(), bytes.size()))); });
}

}  // namespace mole::runtime
