#include "runtime/task/remote_files.hpp"

#include "sdk/model/flow_columns.hpp"

#include <cerrno>
#include <utility>

namespace mole::runtime {
namespace {

using nlohmann::json;

Error unexpected() { return internal("the process that stages the files sent an answer that does not fit; report this"); }

// An answer comes from the same installation: what does not fit is a bug, or the work of a downloader plugin.
std::optional<Error> error_of(const json& body) {
  const auto found = body.find("error");
  if (found == body.end()) return std::nullopt;
  return Error{static_cast<Code>(found->value("code", static_cast<int>(Code::internal))), found->value("message", "")};
}

TaskFile file_of(const json& entry) {
  const auto digest = Digest::from_hex(entry.value("digest", ""));
  return {.fetched = entry.value("fetched", false),
          .columns = entry.value("columns", false),
          .size = entry.value("size", std::uint64_t{0}),
          .digest = digest ? *digest : Digest{},
          .error = error_of(entry)};
}

}  // namespace

Result<FilesChannel::Message> RemoteFiles::call(const json& request) {
  const auto sent = channel_.send(request);
  auto received = sent ? channel_.receive(true) : Result<std::optional<FilesChannel::Message>>(sent.error());
  if (!received || !*received) {
    ended_ = true;
    return transient("the process that stages the files of the task has ended; see its log");
  }
  auto& reply = *received;
  try {
    unstaged_ = reply->body.value("unstaged", unstaged_);
    bad_copies_ = reply->body.value("bad_copies", bad_copies_);
    if (const auto error = error_of(reply->body)) return *error;
  } catch (const json::exception&) {
    return unexpected();
  }
  return std::move(*reply);
}

Result<TaskFile> RemoteFiles::call_for_file(const json& request) {
  MOLE_TRY(const auto reply, call(request));
  try {
    return file_of(reply.body.at("file"));
  } catch (const json::exception&) {
    return unexpected();
  }
}

Result<std::vector<TaskFile>> RemoteFiles::acquire(const std::optional<std::vector<int>>& columns,
                                                   const std::vector<std::uint32_t>& whole) {
  json request{{"call", "acquire"}, {"whole", whole}};
  if (columns)  // by name: numbers of information elements are those of one process
    for (auto& names = request["columns"] = json::array(); const int column : *columns) names.push_back(flow_column_name(column));
  MOLE_TRY(const auto reply, call(request));
  try {
    std::vector<TaskFile> out;
    for (const auto& entry : reply.body.at("files")) out.push_back(file_of(entry));
    return out;
  } catch (const json::exception&) {
    return unexpected();
  }
}

Result<TaskFile> RemoteFiles::replace_columns(std::uint32_t number) {
  return call_for_file({{"call", "replace_columns"}, {"number", number}});
}

Result<> RemoteFiles::remove_columns(std::uint32_t number) {
  const auto reply = call({{"call", "remove_columns"}, {"number", number}});
  return reply ? Result<>() : reply.error();
}

Result<FileBytes> RemoteFiles::open(std::uint32_t number) {
  MOLE_TRY(auto reply, call({{"call", "open"}, {"number", number}}));
  if (!reply.file) return exhausted("too many open files to read the task's input; raise the limit on open files (ulimit -n)");
  return FileBytes::of(std::move(reply.file), "file " + std::to_string(number) + " of the task");
}

Result<bool> RemoteFiles::is_intact(std::uint32_t number) {
  MOLE_TRY(const auto reply, call({{"call", "is_intact"}, {"number", number}}));
  const auto found = reply.body.find("intact");
  if (found == reply.body.end() || !found->is_boolean()) return unexpected();
  return found->get<bool>();
}

class RemoteFiles::Output final : public ColumnsOutput {
 public:
  Output(RemoteFiles& files, std::uint32_t number, OwnedFd pipe) : files_(files), number_(number), pipe_(std::move(pipe)) {}
  ~Output() override {
    if (!published_) (void)files_.call({{"call", "drop_columns"}, {"number", number_}});
  }

  Result<> append(std::string_view bytes) override {
    size_ += bytes.size();
    return write_all(pipe_.get(), bytes, "writing columns to the cache");
  }
  Result<TaskFile> publish() override {
    published_ = true;
    return files_.call_for_file({{"call", "publish_columns"}, {"number", number_}, {"size", size_}});
  }

 private:
  RemoteFiles& files_;
  const std::uint32_t number_;
  OwnedFd pipe_;
  std::uint64_t size_ = 0;
  bool published_ = false;
};

Result<std::unique_ptr<ColumnsOutput>> RemoteFiles::begin_columns(std::uint32_t number) {
  MOLE_TRY(auto reply, call({{"call", "begin_columns"}, {"number", number}}));
  if (!reply.file) return std::unique_ptr<ColumnsOutput>();
  return std::unique_ptr<ColumnsOutput>(std::make_unique<Output>(*this, number, std::move(reply.file)));
}

}  // namespace mole::runtime
