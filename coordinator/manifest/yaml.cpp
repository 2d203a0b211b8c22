#include "coordinator/manifest/yaml.hpp"

#include "coordinator/manifest/manifest.hpp"
#include "sdk/model/size.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace mole::coordinator::manifest {
namespace {

using nlohmann::json;

std::string place(const std::string& name, const YAML::Mark& mark) {
  if (mark.is_null()) return name;
  return name + ":" + std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1);
}

struct Converter {
  const std::string& name;
  bool line_known;  // false for the value of an override, which has no position in the file
  std::size_t count = 0;

  Result<YamlNode> convert(const YAML::Node& from, std::size_t depth) {
    YamlNode node;
    node.where = line_known ? place(name, from.Mark()) : name;
    if (++count > max_nodes)
      return invalid(node.where + ": the text expands to more than " + std::to_string(max_nodes) +
                     " values; shorten it or use fewer aliases");
    if (depth > max_depth)
      return invalid(node.where + ": nested deeper than " + std::to_string(max_depth) + " levels; flatten the manifest");
    if (const auto& tag = from.Tag(); !tag.empty() && tag != "?" && tag != "!")
      return invalid(node.where + ": the tag " + tag.substr(0, 60) + " is not supported; remove it");
    if (from.IsScalar()) {
      node.kind = YamlNode::Kind::scalar;
      node.text = from.Scalar();
      node.quoted = from.Tag() == "!";
    } else if (from.IsSequence()) {
      node.kind = YamlNode::Kind::sequence;
      for (const auto& item : from) {
        MOLE_TRY(auto child, convert(item, depth + 1));
        node.items.push_back(std::move(child));
      }
    } else if (from.IsMap()) {
      node.kind = YamlNode::Kind::map;
      for (const auto& entry : from) {
        if (!entry.first.IsScalar())
          return invalid((line_known ? place(name, entry.first.Mark()) : name) + ": a key must be a string, not a list or a map");
        MOLE_TRY(auto key, convert(entry.first, depth + 1));
        if (node.find(key.text)) return invalid(key.where + ": duplicate key \"" + key.text + "\"; remove one of the two");
        MOLE_TRY(auto value, convert(entry.second, depth + 1));
        node.entries.push_back({std::move(key), std::move(value)});
      }
    }
    return node;
  }
};

// The parser allocates much more memory than the text has bytes, before any value is counted.
bool has_too_many_brackets(std::string_view text) {
  return std::ranges::count_if(text, [](char c) { return c == '[' || c == '{'; }) > static_cast<std::ptrdiff_t>(max_nodes);
}

Result<YamlNode> load(std::string_view text, const std::string& name, bool line_known) {
  if (has_too_many_brackets(text))
    return invalid(name + ": the text has more than " + std::to_string(max_nodes) + " opening brackets; shorten it");
  try {
    const auto documents = YAML::LoadAll(std::string(text));
    if (documents.size() > 1)
      return invalid((line_known ? place(name, documents[1].Mark()) : name) +
                     ": a second document begins here, which would be ignored; keep one, without a line \"---\" after it");
    return Converter{name, line_known}.convert(documents.empty() ? YAML::Node() : documents[0], 0);
  } catch (const YAML::Exception& e) {
    return invalid((line_known ? place(name, e.mark) : name) + ": this is not YAML: " + e.msg +
                   "; check indentation, quotes and brackets here");
  }
}

// ---- typed values

constexpr Micros max_duration = 3660 * day_us;  // so that the sum of a time and a few durations cannot overflow

// Edit distance of two short words, for "did you mean".
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto change = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
    }
  }
  return row.back();
}

std::string kind_of(const YamlNode& node) {
  static constexpr const char* kinds[] = {"nothing", "", "a list", "a map"};  // in the order of YamlNode::Kind
  const auto* kind = kinds[static_cast<std::size_t>(node.kind)];
  return node.kind == YamlNode::Kind::scalar ? "\"" + node.text.substr(0, 60) + "\"" : kind;
}

constexpr std::string_view infinities[] = {".inf", ".Inf", ".INF"};

template <class T>
std::optional<T> number(std::string_view text, auto... base) {
  T value{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value, base...);
  if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const auto& e) { return e.key.text == key; });
  return found == entries.end() ? nullptr : &found->value;
}

json YamlNode::scalar() const {
  const auto is = [this](std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), text) != words.end();
  };
  if (quoted) return text;
  if (is({"", "~", "null", "Null", "NULL"})) return nullptr;
  if (is({"true", "True", "TRUE"})) return true;
  if (is({"false", "False", "FALSE"})) return false;
  if (is({".nan", ".NaN", ".NAN"})) return std::numeric_limits<double>::quiet_NaN();
  std::string_view digits = text;
  if (digits.starts_with("0x") || digits.starts_with("0o"))
    if (const auto u = number<std::uint64_t>(digits.substr(2), digits[1] == 'x' ? 16 : 8)) return *u;
  const bool positive = digits.starts_with('+');
  if (positive) digits.remove_prefix(1);
  auto size = digits;
  if (!positive && size.starts_with('-')) size.remove_prefix(1);
  if (std::find(std::begin(infinities), std::end(infinities), size) != std::end(infinities))
    return std::numeric_limits<double>::infinity();
  if (size.empty() || size.find_first_not_of("0123456789.eE+-") != size.npos || size.find_first_of("0123456789") > 1 ||
      size[0] == '-' || size[0] == '+')
    return text;
  if (const auto u = number<std::uint64_t>(digits)) return *u;
  if (const auto i = number<std::int64_t>(digits)) return *i;
  if (const auto d = number<double>(digits)) return *d;
  return text;
}

YamlNode* YamlNode::find(std::string_view key) { return const_cast<YamlNode*>(std::as_const(*this).find(key)); }

Result<YamlNode> parse_yaml(std::string_view text, const std::string& name) {
  if (text.size() > max_manifest_bytes)
    return invalid(name + ":1:1: a manifest may have at most 256 KiB, but this one has " + std::to_string(text.size()) +
                   " bytes; shorten it");
  return load(text, name, true);
}

Result<> apply_override(YamlNode& root, const std::string& assignment) {
  constexpr std::size_t shown = 200;  // every value keeps a copy of its position
  const std::string where = "--set " + (assignment.size() > shown ? assignment.substr(0, shown) + "..." : assignment);
  if (assignment.size() > max_override_bytes)
    return invalid(where + ": it may have at most 64 KiB, but it has " + std::to_string(assignment.size()) +
                   " bytes; write it into the manifest");
  const auto equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0) return invalid(where + ": write KEY=VALUE, such as modules.mean.window=1d");
  MOLE_TRY(auto value, load(std::string_view(assignment).substr(equals + 1), where, false));
  YamlNode* at = &root;
  const std::string path = assignment.substr(0, equals);
  for (std::size_t begin = 0;;) {
    const auto dot = path.find('.', begin);
    const auto key = path.substr(begin, dot == std::string::npos ? dot : dot - begin);
    if (at->kind == YamlNode::Kind::null) at->kind = YamlNode::Kind::map;
    if (key.empty() || at->kind != YamlNode::Kind::map)
      return invalid(where + ": \"" + path.substr(0, begin ? begin - 1 : dot) + "\" has no keys; set it as a whole");
    YamlNode* next = at->find(key);
    if (!next) {
      auto& entry = at->entries.emplace_back();
      entry.key.kind = YamlNode::Kind::scalar;
      entry.key.text = key;
      entry.key.where = entry.value.where = where;
      next = &entry.value;
    }
    at = next;
    if (dot == std::string::npos) break;
    begin = dot + 1;
  }
  *at = std::move(value);
  return {};
}

// ---- typed values

std::vector<std::string> nearest_first(std::string_view word, std::vector<std::string> names) {
  std::ranges::stable_sort(names, {}, [&](const std::string& name) { return distance(word.substr(0, 80), name); });
  return names;
}

std::string suggestion(std::string_view word, const std::vector<std::string>& known) {
  const std::string* best = nullptr;
  std::size_t least = word.size() <= 3 ? 2 : 1 + word.size() / 3;  // with more edits it is a different word
  for (const auto& candidate : known)
    if (const auto d = distance(word.substr(0, 80), candidate); d < least || (d == least && !best && word.size() > 3)) {
      least = d;
      best = &candidate;
    }
  if (best) return "; did you mean \"" + *best + "\"?";
  if (known.empty()) return "; none is defined";
  std::string list;
  for (const auto& candidate : known) list += (list.empty() ? "" : ", ") + candidate;
  return "; use one of " + list;
}

bool valid_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && name[0] != '-' && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

void Reader::fail(const std::string& where, const std::string& message) {
  if (!error_) error_ = invalid(where + ": " + message);
}

const YamlNode* Reader::map_of(const char* entries, const YamlNode* node, const std::string& what) {
  if (error_ || !node) return nullptr;
  if (node->kind == YamlNode::Kind::map) return node;
  fail(node->where, what + " must be a map of " + entries + ", not " + kind_of(*node));
  return nullptr;
}

const YamlNode* Reader::map(const YamlNode* node, const std::string& what, const std::vector<std::string>& known) {
  if (!map_of("keys", node, what)) return nullptr;
  for (const auto& [key, child] : node->entries)
    if (std::find(known.begin(), known.end(), key.text) == known.end()) {
      fail(key.where, "unknown key \"" + key.text.substr(0, 60) + "\" in " + what + suggestion(key.text, known));
      return nullptr;
    }
  return node;
}

const YamlNode* Reader::names(const YamlNode* node, const std::string& what) {
  if (!map_of("names", node, what)) return nullptr;
  for (const auto& [key, child] : node->entries)
    if (!valid_name(key.text)) {
      fail(key.where, "\"" + key.text.substr(0, 60) + "\" is not a valid name; use up to 64 of A-Z a-z 0-9 _ -");
      return nullptr;
    }
  return node;
}

const YamlNode* Reader::require(const YamlNode& parent, const std::string& key, const std::string& remedy) {
  const auto* child = parent.find(key);
  if (!child) fail(parent.where, "the key \"" + key + "\" is missing; " + remedy);
  return child;
}

std::string Reader::text(const YamlNode* node, const std::string& what) {
  if (error_ || !node) return {};
  const bool is_scalar = node->kind == YamlNode::Kind::scalar && !node->text.empty();
  if (is_scalar && node->scalar().is_string()) return node->text;
  fail(node->where, what + " must be a string, not " + kind_of(*node) + (is_scalar ? "; put it in quotes" : ""));
  return {};
}

std::string Reader::text_or_integer(const YamlNode* node, const std::string& what) {
  if (error_ || !node) return {};
  if (node->kind == YamlNode::Kind::scalar && node->scalar().is_number_integer()) return node->text;
  return text(node, what);
}

std::string Reader::text_or_number(const YamlNode* node, const std::string& what) {
  const auto written = text_or_integer(node, what);
  const auto value = error_ || !node ? json() : node->scalar();
  return value.is_number_integer() ? value.dump() : written;
}

std::string Reader::constant(const YamlNode* node, const std::string& what) {
  if (error_ || !node) return {};
  const auto value = node->kind == YamlNode::Kind::scalar ? node->scalar() : json();
  if (value.is_number_integer() || value.is_boolean()) return value.dump();
  if (value.is_string()) return node->text;
  fail(node->where, what + " must be a string, an integer, true or false, not " + kind_of(*node));
  return {};
}

double Reader::decimal(const YamlNode* node, const std::string& what) {
  if (error_ || !node) return 0;
  const auto value = node->kind == YamlNode::Kind::scalar ? node->scalar() : json();
  if (value.is_number() && std::isfinite(value.get<double>())) return value.get<double>();
  fail(node->where, what + " must be a number, not " + kind_of(*node));
  return 0;
}

std::uint64_t Reader::size(const YamlNode* node, const std::string& what) {
  const auto written = text_or_number(node, what);
  if (error_ || !node) return 0;
  const auto parsed = parse_size(written.substr(0, 60));
  if (!parsed) fail(node->where, what + ": " + parsed.error().message);
  return parsed ? *parsed : 0;
}

Micros Reader::duration(const YamlNode* node, const std::string& what) {
  const auto written = text(node, what);
  if (error_ || !node) return 0;
  const auto parsed = parse_duration(written);
  if (!parsed)
    fail(node->where, what + ": " + parsed.error().message);
  else if (*parsed < 0 || *parsed > max_duration)
    fail(node->where, what + " must be between 0s and ten years, not \"" + written.substr(0, 60) + "\"");
  return error_ ? 0 : *parsed;
}

Micros Reader::time(const YamlNode* node, const std::string& what) {
  const auto written = text(node, what);
  if (error_ || !node) return 0;
  const auto parsed = parse_time(written);
  if (!parsed) fail(node->where, what + ": " + parsed.error().message);
  return parsed ? *parsed : 0;
}

Micros Reader::time_of_day(const YamlNode* node, const std::string& what) {
  const auto written = text_or_integer(node, what);
  if (error_ || !node) return 0;
  if (const auto colon = written.find(':'); colon != std::string::npos) {
    const auto hours = number<unsigned>(std::string_view(written).substr(0, colon));
    const auto minutes = number<unsigned>(std::string_view(written).substr(colon + 1));
    if (hours && minutes && colon <= 2 && written.size() - colon <= 3 && *hours < 24 && *minutes < 60)
      return *hours * hour_us + *minutes * minute_us;
    fail(node->where, what + " must be a time of day such as 06:00, not \"" + written.substr(0, 60) + "\"");
    return 0;
  }
  if (written == "0") return 0;
  return duration(node, what);
}

std::vector<std::string> Reader::list(const YamlNode* node, const std::string& what, ReadEntry read) {
  if (error_ || !node) return {};
  if (node->kind == YamlNode::Kind::scalar) return {(this->*read)(node, what)};
  std::vector<std::string> out;
  if (node->kind != YamlNode::Kind::sequence) fail(node->where, what + " must be a list, not " + kind_of(*node));
  for (const auto& item : node->items) out.push_back((this->*read)(&item, "an entry of " + what));
  return out;
}

std::vector<std::string> Reader::strings(const YamlNode* node, const std::string& what) {
  return list(node, what, &Reader::text);
}
std::vector<std::string> Reader::strings_or_integers(const YamlNode* node, const std::string& what) {
  return list(node, what, &Reader::text_or_integer);
}
std::vector<std::string> Reader::strings_or_numbers(const YamlNode* node, const std::string& what) {
  return list(node, what, &Reader::text_or_number);
}

std::vector<std::string> Reader::choices(const YamlNode* node, const std::string& what, const std::vector<std::string>& known,
                                         const std::string& problem, bool (*also)(const std::string&)) {
  auto words = strings(node, what);
  for (std::size_t i = 0; i < words.size() && !error_; ++i) {
    const auto& where = node->kind == YamlNode::Kind::sequence ? node->items[i].where : node->where;
    if (std::find(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(i), words[i]) !=
        words.begin() + static_cast<std::ptrdiff_t>(i))
      fail(where, what + " names " + words[i].substr(0, 60) + " twice; remove one of them");
    if (std::find(known.begin(), known.end(), words[i]) == known.end() && !(also && also(words[i])))
      fail(where, what + ": \"" + words[i].substr(0, 60) + "\" " + problem + suggestion(words[i], known));
  }
  return words;
}

nlohmann::json Reader::value(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::map) return object(&node, "this");
  if (node.kind == YamlNode::Kind::sequence) {
    auto list = nlohmann::json::array();
    for (const auto& item : node.items) list.push_back(value(item));
    return list;
  }
  const auto value = node.scalar();
  return value.is_number_float() && !std::isfinite(value.get<double>()) ? json(node.text) : value;
}

nlohmann::json Reader::object(const YamlNode* node, const std::string& what) {
  auto out = nlohmann::json::object();
  if (!node || node->kind == YamlNode::Kind::null || !map_of("keys", node, what)) return out;
  for (const auto& [key, child] : node->entries) out[key.text] = value(child);
  return out;
}

}  // namespace mole::coordinator::manifest
