#include "cli/export/export.hpp"

#include "cli/export/result_reader.hpp"
#include "cli/export/row_writer.hpp"
#include "runtime/result/parquet.hpp"
#include "sdk/descriptor/durable_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace mole::cli {
namespace {

namespace fs = std::filesystem;
using runtime::Column;
using runtime::RowTable;

constexpr std::uint64_t most_rows_in_memory = 16'000'000;

// Where the bytes go: stdout, or a file that appears under its name only when it is whole.
class Target {
 public:
  static Result<std::unique_ptr<Target>> open(const std::optional<fs::path>& output) {
    auto target = std::unique_ptr<Target>(new Target);
    if (!output) return target;
    target->path_ = *output;
    target->tmp_ = output->parent_path() / (".tmp." + std::to_string(::getpid()) + "." + output->filename().string());
    target->fd_ = ::open(target->tmp_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (target->fd_ < 0)
      return invalid(
          fmt::format("cannot write {}: {}; name a folder you may write to", output->string(), std::strerror(errno)));
    return target;
  }

  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;
  ~Target() {
    if (tmp_.empty()) return;
    ::close(fd_);
    ::unlink(tmp_.c_str());
  }

  Result<> write(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto n = ::write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return failed();
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
  }

  Result<> finish() {
    if (tmp_.empty()) return {};
    if (auto done = durable_rename(tmp_, path_); !done) return done;
    ::close(fd_);
    tmp_.clear();
    return {};
  }

 private:
  Target() = default;

  Error failed() const {
    if (errno == EPIPE) return {Code::cancelled, "the reader of the output has gone"};
    const auto text =
        fmt::format("writing {} failed: {}", path_.empty() ? "the output" : path_.string(), std::strerror(errno));
    return errno == ENOSPC || errno == EDQUOT ? exhausted(text + "; free space there") : transient(text);
  }

  int fd_ = STDOUT_FILENO;
  fs::path path_, tmp_;
};

// Appends the rows of one column to another of the same type.
void append(Column& to, Column&& from) {
  const auto before = to.size();
  const auto count = from.size();
  if (!to.valid.empty() || !from.valid.empty()) {
    to.valid.resize(before, 1);
    if (from.valid.empty()) from.valid.resize(count, 1);
    to.valid.insert(to.valid.end(), from.valid.begin(), from.valid.end());
  }
  std::visit(
      [&](auto& values) {
        auto& more = std::get<std::decay_t<decltype(values)>>(from.values);
        values.insert(values.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
      },
      to.values);
}

Result<RowTable> load_all(ResultReader& reader) {
  RowTable all = reader.shape();
  for (;;) {
    auto rows = reader.next();
    if (!rows) return rows.error();
    if (!*rows) return all;
    for (std::size_t i = 0; i < all.columns.size(); ++i) append(all.columns[i], std::move((*rows)->columns[i]));
    if (all.rows() > most_rows_in_memory)
      return exhausted(fmt::format("more than {} rows at once; ask for a shorter range", most_rows_in_memory));
  }
}

// DuckDB wants a name to write to; what it wrote is copied to the target.
Result<std::uint64_t> export_parquet(ResultReader& reader, Target& target) {
  auto rows = load_all(reader);
  if (!rows) return rows.error();
  const auto scratch = fs::temp_directory_path() / fmt::format("mole-export-{}.parquet", ::getpid());
  struct Remove {
    const fs::path& path;
    ~Remove() { ::unlink(path.c_str()); }
  } const remove{scratch};
  auto parquet = runtime::Parquet::open({fs::temp_directory_path()});
  if (!parquet) return parquet.error();
  if (auto done = parquet->write(*rows, scratch, reader.note()); !done) return done.error();
  auto bytes = read_file(scratch);
  if (!bytes) return bytes.error();
  if (auto done = target.write(*bytes); !done) return done.error();
  return rows->rows();
}

Result<std::uint64_t> export_stream(ResultReader& reader, RowWriter& writer) {
  if (auto done = writer.begin(reader.shape()); !done) return done.error();
  std::uint64_t count = 0;
  for (;;) {
    auto rows = reader.next();
    if (!rows) return rows.error();
    if (!*rows) break;
    count += (*rows)->rows();
    if (auto done = writer.rows(**rows); !done) return done.error();
  }
  if (auto done = writer.end(); !done) return done.error();
  return count;
}

std::unique_ptr<RowWriter> writer_for(ExportFormat format, Sink sink, const ExportRequest& request) {
  switch (format) {
    case ExportFormat::csv:
      return csv_writer(std::move(sink));
    case ExportFormat::ndjson:
      return ndjson_writer(std::move(sink));
    case ExportFormat::arrow:
      return arrow_writer(std::move(sink));
    default:
      return table_writer(std::move(sink), request.table_rows, request.table_width);
  }
}

}  // namespace

Result<ExportFormat> export_format(std::string_view name) {
  constexpr std::pair<std::string_view, ExportFormat> formats[] = {{"csv", ExportFormat::csv},
                                                                   {"ndjson", ExportFormat::ndjson},
                                                                   {"parquet", ExportFormat::parquet},
                                                                   {"arrow", ExportFormat::arrow},
                                                                   {"table", ExportFormat::table}};
  for (const auto& [known, format] : formats)
    if (known == name) return format;
  return invalid(fmt::format("there is no format '{}'; choose csv, ndjson, parquet, arrow or table", name));
}

Result<std::uint64_t> export_results(const ExportRequest& request, ExportFormat format,
                                     const std::optional<fs::path>& output) {
  auto reader = ResultReader::open(request, format == ExportFormat::table);
  if (!reader) return reader.error();
  auto target = Target::open(output);
  if (!target) return target.error();
  auto sink = [&](std::string_view bytes) { return (*target)->write(bytes); };
  auto count = format == ExportFormat::parquet ? export_parquet(*reader, **target)
                                               : export_stream(*reader, *writer_for(format, sink, request));
  if (!count) return count;
  if (auto done = (*target)->finish(); !done) return done.error();
  return count;
}

Result<LoadedResults> load_results(const ExportRequest& request) {
  auto reader = ResultReader::open(request, false);
  if (!reader) return reader.error();
  auto rows = load_all(*reader);
  if (!rows) return rows.error();
  return LoadedResults{std::move(*rows), reader->note().by, reader->note().metric};
}

}  // namespace mole::cli
