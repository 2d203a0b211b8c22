#include "csv.hpp"

#include <algorithm>
#include <cstring>

namespace mole::plugins {

using table::Mapping, table::Record, table::Times, table::Use;

namespace {

std::string_view text_of(std::span<const std::byte> bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

std::string_view trim(std::string_view text, char delimiter) {
  const auto is_space = [&](char c) { return (c == ' ' || c == '\t') && c != delimiter; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view without_mark(std::string_view text) {
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  return text;
}

char find_delimiter(std::string_view header) {
  char best = ',';
  std::ptrdiff_t most = 0;
  for (const char c : {',', ';', '\t', '|'})
    if (const auto count = std::ranges::count(header, c); count > most) {
      best = c;
      most = count;
    }
  return best;
}

// The cells of a line. Views of `line`, or of `unquoted` if they contain doubled quotes. False: a quote is not closed.
bool split_line(std::string_view line, char delimiter, std::size_t most, std::vector<std::string_view>& cells,
                std::string& unquoted) {
  cells.clear();
  unquoted.clear();
  unquoted.reserve(line.size());
  for (bool more = true; more && cells.size() < most;) {
    std::size_t first = 0;
    while (first < line.size() && line[first] == ' ' && delimiter != ' ') ++first;
    if (first == line.size() || line[first] != '"') {
      const auto* found = static_cast<const char*>(std::memchr(line.data(), delimiter, line.size()));
      const auto size = found == nullptr ? line.size() : static_cast<std::size_t>(found - line.data());
      cells.push_back(trim(line.substr(0, size), delimiter));
      more = found != nullptr;
      line.remove_prefix(more ? size + 1 : size);
      continue;
    }
    line.remove_prefix(first + 1);
    std::size_t end = line.find('"');
    const std::size_t from = unquoted.size();
    bool doubled = false;
    while (end != line.npos && end + 1 < line.size() && line[end + 1] == '"') {
      unquoted.append(line.substr(0, end + 1));
      line.remove_prefix(end + 2);
      end = line.find('"');
      doubled = true;
    }
    if (end == line.npos) return false;
    if (doubled) unquoted.append(line.substr(0, end));
    cells.push_back(doubled ? std::string_view(unquoted).substr(from) : line.substr(0, end));
    line = trim(line.substr(end + 1), delimiter);
    const auto size = std::min(line.find(delimiter), line.size());
    if (size > 0) cells.back() = "\"";  // text behind the quote: not a value
    more = size < line.size();
    line.remove_prefix(more ? size + 1 : size);
  }
  return true;
}

// The names in a header line; those of empty cells at its end are dropped.
std::vector<std::string> names_in(std::string_view header, char delimiter) {
  if (header.starts_with('#')) header.remove_prefix(1);
  std::vector<std::string_view> cells;
  std::string unquoted;
  std::vector<std::string> names;
  if (split_line(header, delimiter, SIZE_MAX, cells, unquoted))
    for (const auto cell : cells) names.emplace_back(trim(cell, delimiter));
  while (!names.empty() && names.back().empty()) names.pop_back();
  return names;
}

std::string_view without_ending(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

bool Csv::recognises(std::span<const std::byte> head) {
  auto text = without_mark(text_of(head));
  const auto size = text.find('\n');
  if (size == text.npos && head.size() < 4096) return false;
  text = without_ending(text.substr(0, size));
  return text.find('\0') == text.npos && Mapping::recognises(names_in(text, find_delimiter(text)));
}

Result<bool> Csv::next(FlowBuilder& out) {
  if (!record_)
    if (auto read = read_header(out.elements()); !read) return read.error();
  out.set_absent(mapping_->absent());
  out.set_known(mapping_->known());
  MOLE_TRY(const bool complete, rows_.begin(out));
  if (complete) return true;
  while (!ended_ && rows_.has_room()) {
    if (const auto line = read_line()) {
      if (auto read = read_row(*line); !read) return read.error();
    } else {
      skip_rest();
    }
  }
  if (ended_) {
    rows_.flush();
    flush_skipped();
  }
  return rows_.end(out);
}

Result<> Csv::read_header(std::span<const mole_element> elements) {
  if (params_.delimiter != "auto" && params_.delimiter != "tab" && params_.delimiter != "space" && params_.delimiter.size() != 1)
    return invalid("the parameter delimiter is \"" + params_.delimiter + "\"; give one character, tab, space or auto");
  MOLE_TRY(auto times, Times::make(params_.time, params_.zone));
  auto line = read_line();
  while (line && trim(without_mark(line->text), 0).empty()) {
    use_up(*line);
    line = read_line();
  }
  if (!line)
    return corrupt(in_.peek(1).empty() && !in_.gap()
                       ? "the file has no lines; a file without flows has a header line"
                       : "the header line is damaged, cut short, or longer than 64 KiB; export the file again");
  header_ = line->text;
  const auto text = without_mark(header_);
  delimiter_ = params_.delimiter == "auto"    ? find_delimiter(text)
               : params_.delimiter == "tab"   ? '\t'
               : params_.delimiter == "space" ? ' '
                                              : params_.delimiter[0];
  const auto names = names_in(text, delimiter_);
  columns_ = names.size();
  MOLE_TRY(mapping_, Mapping::make(names, elements, params_));
  use_up(*line);
  record_.emplace(*mapping_, elements, std::move(times));
  return {};
}

// ---- lines

// Returns the size up to the first line ending behind `from`, 0 if there is none before the file or the bytes before a gap end or
// within the longest line.
std::size_t Csv::find_line_end(std::size_t from) {
  for (std::size_t wanted = from + 256; from < max_line; wanted = std::min(wanted * 2, max_line)) {
    const auto bytes = text_of(in_.window(wanted)).substr(0, max_line);
    if (from < bytes.size())
      if (const void* found = std::memchr(bytes.data() + from, '\n', bytes.size() - from))
        return static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data()) + 1;
    if (bytes.size() < wanted) break;
    from = bytes.size();
  }
  return 0;
}

std::optional<Csv::Line> Csv::read_line() {
  const auto size = find_line_end(0);
  if (size == 0) return std::nullopt;
  return Line{without_ending(text_of(in_.peek(size)).substr(0, size)), size};
}

// There is no whole line: skips what is left before the end or a gap, or a line that is too long.
void Csv::skip_rest() {
  const auto left = in_.peek(max_line).size();
  if (left == max_line) return skip_long_line();
  const bool gap = in_.gap();
  if (left > 0)
    skip(left, 1, gap ? "it is cut by damage" : "it has no line ending, so it may be cut; copy or export the file again");
  in_.skip(left);
  ended_ = !gap;
  if (!gap) return;
  rows_.flush();
  flush_skipped();
  sink_.skipped(in_.offset(), 0, "damage");
  in_.cross_gap();
  knows_line_ = false;
  trailer_ = 0;
  // The rest of the line that the damage begins in.
  if (const auto line = read_line()) {
    skip(line->size_in_file, 1, "it is cut by damage");
    in_.skip(line->size_in_file);
  }
}

void Csv::skip_long_line() {
  for (bool ended = false; !ended;) {
    const auto bytes = text_of(in_.window(max_line));
    const auto found = bytes.find('\n');
    ended = found != bytes.npos || bytes.size() < max_line;
    const auto size = found == bytes.npos ? bytes.size() : found + 1;
    skip(size, ended ? 1 : 0, "it is longer than 64 KiB");
    in_.skip(size);
  }
  ++line_;
}

void Csv::use_up(const Line& line) {
  in_.skip(line.size_in_file);
  line_ += line.lines;
}

// ---- rows

// Whether the line is not a flow and not damage: nfdump's summary, or the header of a file that was appended.
bool Csv::is_ignored(std::string_view line) {
  if (trailer_ > 0) return --trailer_, true;
  if (line == "Summary") return trailer_ = 2, true;
  return trim(line, 0).empty() || line == header_ || line == "No matching flows" || line == "No matched flows";
}

Result<> Csv::read_row(const Line& first) {
  Line line = first;
  if (is_ignored(line.text)) {
    use_up(line);
    return {};
  }
  bool closed = split_line(line.text, delimiter_, columns_ + 2, cells_, unquoted_);
  for (int n = 1; !closed && n < max_lines_of_record; ++n) {
    const auto size = find_line_end(line.size_in_file);
    if (size == 0) break;
    line = {without_ending(text_of(in_.peek(size)).substr(0, size)), size, line.lines + 1};
    closed = split_line(line.text, delimiter_, columns_ + 2, cells_, unquoted_);
  }
  const auto refuse = [&](const Line& what, const std::string& reason) {
    skip(what.size_in_file, what.lines, reason);
    use_up(what);
    return Result<>();
  };
  const Line whole{text_of(in_.peek(1)), first.size_in_file};  // the views of `first` may be invalid
  if (!closed) return refuse(whole, "a quote is not closed");
  if (cells_.size() == columns_ + 1 && cells_.back().empty()) cells_.pop_back();
  if (cells_.size() != columns_)
    return refuse(whole, "it has " + (cells_.size() > columns_ ? "more" : std::to_string(cells_.size())) +
                             " columns, but the header has " + std::to_string(columns_));
  record_->start(rows_.flow);
  for (const Use& use : mapping_->uses())
    if (!record_->set_text(use, cells_[use.column])) return refuse(line, record_->why());
  if (!record_->finish()) return refuse(line, record_->why());
  if (skipped_.lines > 0) flush_skipped();
  auto added = rows_.add();
  use_up(line);
  return added;
}

void Csv::skip(std::uint64_t size, std::uint64_t lines, const std::string& reason) {
  if (skipped_.size == 0) {
    rows_.flush();
    skipped_ = {in_.offset(), 0, line_, 0, reason};
  }
  skipped_.size += size;
  skipped_.lines += lines;
}

// Reports the lines that were skipped since the last flow.
void Csv::flush_skipped() {
  if (skipped_.size == 0) return;
  const auto last = skipped_.first_line + skipped_.lines - 1;
  std::string where = !knows_line_ ? "a line after damage" : "line " + std::to_string(skipped_.first_line);
  if (skipped_.lines > 1)
    where = (knows_line_ ? "lines " + std::to_string(skipped_.first_line) + " to " + std::to_string(last)
                         : std::to_string(skipped_.lines) + " lines after damage") +
            ", the first";
  sink_.skipped(skipped_.offset, skipped_.size, where + ": " + skipped_.reason);
  skipped_ = {};
}

}  // namespace mole::plugins
