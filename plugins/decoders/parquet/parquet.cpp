#include "parquet.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace mole::plugins {

using parquet::FileColumn, parquet::Query, parquet::Reading, table::Mapping, table::Record, table::Times, table::Use;

bool Parquet::recognises(std::span<const std::byte> head) { return head.size() >= 4 && std::memcmp(head.data(), "PAR1", 4) == 0; }

Parquet::~Parquet() {
  query_.reset();
  if (file_ >= 0) ::close(file_);
}

// A Parquet file is read from its end. The content of a compressed file has to be stored for that.
Result<> Parquet::copy_to_file() {
  constexpr std::size_t chunk = 1 << 20;
  if (!recognises(in_.peek(4))) return corrupt("the file does not begin like a Parquet file; name a different decoder, or none");
  const char* folder = std::getenv("TMPDIR");
  file_ = ::open(folder && *folder ? folder : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file_ < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {  // file systems without O_TMPFILE, such as NFS
    std::string name = std::string(folder && *folder ? folder : "/tmp") + "/mole-parquet-XXXXXX";
    file_ = ::mkostemp(name.data(), O_CLOEXEC);
    if (file_ >= 0) ::unlink(name.c_str());
  }
  const auto failed = [&] {
    return Error{errno == ENOSPC || errno == EFBIG ? Code::exhausted : Code::transient,
                 std::string("cannot copy the Parquet file to ") + (folder ? folder : "/tmp") + ": " + std::strerror(errno) +
                     "; free space there"};
  };
  if (file_ < 0) return failed();
  while (true) {
    const auto bytes = in_.window(1);
    if (bytes.empty()) break;
    const auto part = bytes.first(std::min(bytes.size(), chunk));
    for (std::size_t written = 0; written < part.size();) {
      const auto n = ::write(file_, part.data() + written, part.size() - written);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return failed();
      written += static_cast<std::size_t>(n);
    }
    size_ += part.size();
    in_.skip(part.size());
  }
  if (in_.gap()) {
    sink_.skipped(0, size_, "bytes of a Parquet file are missing; copy the file again");
    return corrupt("bytes of the Parquet file are missing, without which the others cannot be read; copy the file again");
  }
  return {};
}

Result<> Parquet::open(std::span<const mole_element> elements) {
  MOLE_TRY(auto times, Times::make(params_.time, params_.zone));
  if (auto copied = copy_to_file(); !copied) return copied.error();
  MOLE_TRY(query_, Query::open("/proc/self/fd/" + std::to_string(file_)));
  const auto columns = query_->columns();
  if (!columns) {
    sink_.skipped(0, size_, "not a whole Parquet file");
    return corrupt("the Parquet file cannot be read, because it is cut short or damaged; copy it again: " +
                   columns.error().message.substr(0, 150));
  }
  std::vector<std::string> names;
  for (const auto& column : *columns) names.push_back(column.reading == Reading::none ? std::string() : column.name);
  MOLE_TRY(mapping_, Mapping::make(names, elements, params_));
  std::vector<const FileColumn*> used;
  selected_.resize(columns->size());
  for (std::size_t i = 0; i < columns->size(); ++i) {
    if (std::ranges::none_of(mapping_->uses(), [&](const Use& use) { return use.column == i; })) continue;
    selected_[i] = used.size();
    used.push_back(&(*columns)[i]);
    used_.push_back({(*columns)[i].reading, (*columns)[i].is_list});
  }
  if (auto selected = query_->select(used); !selected)
    return corrupt("the Parquet file cannot be read: " + selected.error().message.substr(0, 150) + "; copy it again");
  record_.emplace(*mapping_, elements, std::move(times));
  return {};
}

Result<bool> Parquet::next(FlowBuilder& out) {
  if (!record_)
    if (auto opened = open(out.elements()); !opened) return opened.error();
  out.set_absent(mapping_->absent());
  out.set_known(mapping_->known());
  MOLE_TRY(const bool complete, rows_.begin(out));
  if (complete) return true;
  while (!ended_ && rows_.has_room()) {
    if (row_ == rows_in_chunk_) {
      const auto fetched = query_->fetch();
      row_ = 0;
      rows_in_chunk_ = fetched ? *fetched : 0;
      ended_ = rows_in_chunk_ == 0;
      if (!fetched)
        failure_ = corrupt("the Parquet file is damaged after row " + std::to_string(number_) +
                           "; the rows after it are missing; copy it again: " + fetched.error().message.substr(0, 120));
      continue;
    }
    ++number_;
    if (auto read = read_row(); !read) return read.error();
    ++row_;
  }
  if (ended_) {
    rows_.flush();
    flush_skipped();
  }
  const bool more = rows_.end(out);
  if (!more && failure_) return *failure_;
  return more;
}

bool Parquet::set(const Use& use) {
  const auto column = selected_[use.column];
  if (query_->is_null(column, row_)) return true;
  const auto& vector = query_->vector(column);
  if (!used_[column].is_list) return set_value(use, used_[column].reading, vector, row_);
  const auto [first, count] = query_->items(column, row_);
  if (use.target < table::first_element_target && count > 1) return record_->set_text(use, "a list");  // states the reason
  const auto& items = query_->items_of(column);
  for (std::size_t item = first; item < first + count; ++item) {
    if (items.is_null(item)) continue;
    // An empty text is a value in a list, though not in a column of text.
    const bool empty = used_[column].reading == Reading::text && query_->text(items, item).empty();
    if (empty ? !record_->set_octets(use, {}) : !set_value(use, used_[column].reading, items, item)) return false;
  }
  return true;
}

bool Parquet::set_value(const Use& use, Reading reading, const parquet::Vector& values, std::size_t at) {
  switch (reading) {
    case Reading::text:
      return record_->set_text(use, query_->text(values, at));
    case Reading::number:
      return record_->set_number(use, values.number<std::uint64_t>(at));
    case Reading::signed_number: {
      const auto number = values.number<std::uint64_t>(at);
      if (number == UINT64_MAX && use.target >= table::first_element_target) return true;  // null
      return record_->set_number(use, number);
    }
    case Reading::time:
      return record_->set_time(use, values.number<std::int64_t>(at));
    case Reading::local_time:
      return record_->set_local_time(use, values.number<std::int64_t>(at));
    case Reading::blob:
      return record_->set_octets(use, query_->text(values, at));
    case Reading::none:
      break;
  }
  return true;
}

Result<> Parquet::read_row() {
  record_->start(rows_.flow);
  for (const Use& use : mapping_->uses())
    if (!set(use)) return skip(record_->why()), Result<>();
  if (!record_->finish()) return skip(record_->why()), Result<>();
  flush_skipped();
  return rows_.add();
}

void Parquet::skip(const std::string& reason) {
  if (skipped_++ > 0) return;
  rows_.flush();
  first_skipped_ = number_;
  reason_ = reason;
}

// Which bytes a row has is not known. The file is named as a whole.
void Parquet::flush_skipped() {
  if (skipped_ == 0) return;
  const auto first = std::to_string(first_skipped_), last = std::to_string(first_skipped_ + skipped_ - 1);
  sink_.skipped(0, size_, (skipped_ == 1 ? "row " + first : "rows " + first + " to " + last + ", the first") + ": " + reason_);
  skipped_ = 0;
}

}  // namespace mole::plugins
