#include "listing.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace samfs {
namespace {

std::string_view trimmed(std::string_view s) {
  while (!s.empty() && s.front() == ' ') s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\r')) s.remove_suffix(1);
  return s;
}

// Removes and returns the first word.
std::string_view next_word(std::string_view& s) {
  s = trimmed(s);
  const auto word = s.substr(0, s.find(' '));
  s.remove_prefix(word.size());
  return word;
}

std::optional<std::uint64_t> number(std::string_view s, int base = 10) {
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), n, base);
  if (s.empty() || error != std::errc{} || end != s.data() + s.size()) return std::nullopt;
  return n;
}

bool skip(std::string_view& s, std::string_view prefix) {
  if (!s.starts_with(prefix)) return false;
  s.remove_prefix(prefix.size());
  return true;
}

// Twelve characters: "Mar 24 18:32", "Mar 24  1980" or "none".
bool is_time(std::string_view s) {
  static constexpr std::array months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (s.size() != 12) return false;
  if (s == "none        ") return true;
  return std::ranges::find(months, s.substr(0, 3)) != months.end() && number(trimmed(s.substr(4, 2))) &&
         (s[9] == ':' || number(s.substr(8)));
}

// "1e4b1.1": a position and an offset in units of 512 bytes, both hexadecimal.
std::optional<std::uint64_t> position_of(std::string_view s) {
  const auto dot = s.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto position = number(s.substr(0, dot), 16), offset = number(s.substr(dot + 1), 16);
  if (!position || !offset || *position > 0xffffffff || *offset > 0xffffffff) return std::nullopt;
  return *position << 32 | *offset;
}

}  // namespace

bool unescape(std::string_view escaped, std::string& out) {
  static constexpr std::string_view letters = "\\nbrtf \"", bytes = "\\\n\b\r\t\f \"";
  out.clear();
  while (!escaped.empty()) {
    const char c = escaped.front();
    escaped.remove_prefix(1);
    if (c != '\\') {
      out += c;
      continue;
    }
    if (escaped.empty()) return false;
    if (const auto at = letters.find(escaped.front()); at != std::string_view::npos) {
      out += bytes[at];
      escaped.remove_prefix(1);
    } else if (const auto octal = number(escaped.substr(0, 3), 8); octal && escaped.size() >= 3 && *octal < 256) {
      out += static_cast<char>(*octal);
      escaped.remove_prefix(3);
    } else {
      return false;
    }
  }
  return true;
}

void Listing::line(std::string_view text) {
  if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
  if (text.empty()) {
    end_entry();
    name_.clear();
  } else if (text.front() != ' ') {
    end_entry();
    name_ = text.ends_with(':') ? text.substr(0, text.size() - 1) : std::string_view();
    if (name_.empty() && !text.starts_with("total ")) unreadable(std::string(text), "an unknown line in the listing of sls");
  } else {
    if (!name_.empty()) begin_entry();
    if (within_ != Within::entry || read_line(text)) return;
    unreadable(entry_.path, "an entry in the listing of sls that cannot be read");
    within_ = Within::skipped;
  }
}

void Listing::end() {
  if (within_ == Within::entry) {
    unreadable(entry_.path, "an entry in the listing of sls that is cut short");
    within_ = Within::nothing;
  }
}

void Listing::begin_entry() {
  entry_ = {};
  inode_.clear();
  modified_.clear();
  has_length_ = has_copies_ = usable_copy_ = wants_section_ = false;
  within_ = Within::entry;
  const std::string name = std::exchange(name_, {});
  if (unescape(std::string_view(name).substr(0, name.find(" -> ")), entry_.path)) return;
  unreadable(name, "an entry in the listing of sls whose name cannot be read");
  within_ = Within::skipped;
}

void Listing::end_entry() {
  if (std::exchange(within_, Within::nothing) != Within::entry) return;
  if (!has_length_ || modified_.empty() || wants_section_)
    return unreadable(entry_.path, "an entry in the listing of sls that is cut short");
  entry_.version = inode_ + ' ' + modified_;
  entry_.damaged = entry_.damaged || (has_copies_ && !usable_copy_);
  found(entry_);
}

bool Listing::read_line(std::string_view text) {
  const auto section = text.starts_with("    section ");
  if (section) return has_copies_ && read_section(trimmed(text));
  text = trimmed(text);
  if (text.ends_with(';')) return read_attributes(text);
  if (skip(text, "mode: ")) {
    static constexpr std::string_view kinds = "-dl";
    const auto at = kinds.find(text.empty() ? ' ' : text.front());
    if (at != std::string_view::npos) entry_.kind = static_cast<Entry::Kind>(at);
    return text.size() >= 10;
  }
  if (skip(text, "length: ")) {
    const auto size = number(next_word(text));
    entry_.size = size.value_or(0);
    has_length_ = size.has_value();
    if (const auto at = text.find("inode:"); at != std::string_view::npos) {
      text.remove_prefix(at + 6);
      inode_ = next_word(text);
    }
    return has_length_;
  }
  if (skip(text, "copy ")) return read_copy(text);
  if (const auto at = text.find("modification: "); at != std::string_view::npos) {
    auto time = std::string(text.substr(at + 14));
    time.resize(12, ' ');
    modified_ = trimmed(time.substr(0, 6));  // the rest changes when the file becomes half a year old
    return is_time(time);
  }
  const auto key = text.substr(0, text.find_first_of(": "));
  return !key.empty() && std::ranges::all_of(key, [](char c) { return (c >= 'a' && c <= 'z') || c == '-' || c == '_'; });
}

bool Listing::read_attributes(std::string_view text) {
  while (!text.empty()) {
    const auto attribute = trimmed(text.substr(0, text.find(';')));
    entry_.offline = entry_.offline || attribute == "offline";
    entry_.damaged = entry_.damaged || attribute == "damaged";
    text.remove_prefix(std::min(text.size(), text.find(';') + 1));
  }
  return true;
}

// "1: ------ May 21 10:29     1e4b1.1    m2 MT0001"; without position and tape, sections follow.
bool Listing::read_copy(std::string_view text) {
  const auto copy = text.substr(0, text.find(':'));
  text.remove_prefix(std::min(text.size(), copy.size() + 2));
  const auto flags = next_word(text);
  if (!number(copy) || flags.size() < 4 || flags.find_first_not_of("-SUrIVDp") != std::string_view::npos) return false;
  if (text.size() < 13 || !is_time(text.substr(1, 12))) return false;
  text.remove_prefix(13);
  has_copies_ = true;
  copy_is_usable_ = flags.find_first_of("SUD") == std::string_view::npos;
  const auto place = next_word(text);
  if (place.find('.') == std::string_view::npos) {  // the medium
    wants_section_ = true;
    usable_copy_ = usable_copy_ || copy_is_usable_;
    return !place.empty();
  }
  const auto medium = next_word(text), tape = next_word(text);
  if (!position_of(place) || medium.empty() || tape.empty()) return false;
  if (copy_is_usable_) use_copy(place, tape);
  return true;
}

// "section 0:  477609472     7eed4.1    DLT000"
bool Listing::read_section(std::string_view text) {
  next_word(text);
  next_word(text);
  const auto length = next_word(text), place = next_word(text), tape = next_word(text);
  if (!number(length) || !position_of(place) || tape.empty()) return false;
  wants_section_ = false;
  if (copy_is_usable_) use_copy(place, tape);
  return true;
}

void Listing::use_copy(std::string_view place, std::string_view tape) {
  usable_copy_ = true;
  if (!entry_.tape.empty()) return;
  entry_.tape = tape;
  entry_.position = *position_of(place);
}

}  // namespace samfs
