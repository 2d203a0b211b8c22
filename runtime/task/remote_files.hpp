// The files of one task in a process without cache and downloaders: it asks the process at the other end of a socket, which runs
// serve_files, and reads files through the descriptors that it gets (docs/formats/files_channel.md).
#pragma once

#include "runtime/task/files_channel.hpp"
#include "runtime/task/staged_files.hpp"
#include "runtime/task/task_files.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mole::runtime {

class RemoteFiles final : public TaskFiles {
 public:
  explicit RemoteFiles(int socket) : channel_(socket, max_reply) {}

  // In addition to their own errors, all return transient if the other process has ended.
  Result<std::vector<TaskFile>> acquire(const std::optional<std::vector<int>>& columns,
                                        const std::vector<std::uint32_t>& whole) override;
  Result<TaskFile> replace_columns(std::uint32_t number) override;
  Result<> remove_columns(std::uint32_t number) override;
  Result<FileBytes> open(std::uint32_t number) override;
  Result<bool> is_intact(std::uint32_t number) override;
  Result<std::unique_ptr<ColumnsOutput>> begin_columns(std::uint32_t number) override;
  const std::vector<std::string>& unstaged() const override { return unstaged_; }
  const std::vector<std::string>& bad_copies() const { return bad_copies_; }  // as in Report::bad_copies
  bool ended() const { return ended_; }                                       // the other process has, before this one

 private:
  class Output;
  static constexpr std::size_t max_reply = std::size_t{256} << 20;

  Result<FilesChannel::Message> call(const nlohmann::json& request);
  Result<TaskFile> call_for_file(const nlohmann::json& request);

  FilesChannel channel_;
  bool ended_ = false;
  std::vector<std::string> unstaged_, bad_copies_;
};

// Answers the requests of a RemoteFiles until its process ends. `bad_copies`: grows when the cache removes damaged copies. The
// process has plugins, so its requests may be anything: they are bounded, and reach only files of the task. corrupt: a message
// was not a request.
Result<> serve_files(int socket, const task::Spec& spec, StagedFiles& files, const std::vector<std::string>& bad_copies);
// Answers every request with this error, until the other process ends.
void refuse_files(int socket, const Error& error);

}  // namespace mole::runtime
