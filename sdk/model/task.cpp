#include "sdk/model/task.hpp"

#include <algorithm>

namespace mole::task {

using nlohmann::json;

namespace {

template <class T>
Result<T> parse(std::string_view text, const char* what) {
  try {
    return json::parse(text).get<T>();
  } catch (const json::exception& e) {
    return corrupt(std::string("this is not a ") + what + ": " + e.what());
  }
}

}  // namespace

Result<Spec> parse_spec(std::string_view text) { return parse<Spec>(text, "task specification"); }
Result<Report> parse_report(std::string_view text) { return parse<Report>(text, "task report"); }

void pass_over(std::vector<PassedOver>& list, const std::string& reason, std::string path) {
  constexpr std::size_t max_reasons = 32, max_examples = 5;
  auto found = std::ranges::find(list, reason, &PassedOver::reason);
  if (found == list.end() && list.size() == max_reasons) found = std::prev(list.end());
  if (found == list.end()) found = list.insert(list.end(), {reason, 0, {}});
  ++found->count;
  if (found->examples.size() < max_examples) found->examples.push_back(std::move(path));
}

std::string index_text(const std::vector<IndexEntry>& entries) {
  std::string text;
  for (const auto& entry : entries) text += json_text(json(entry)) + "\n";
  return text;
}

Result<std::vector<IndexEntry>> parse_index(std::string_view text) {
  if (text.size() > max_index_bytes) return exhausted("the listing is larger than 256 MiB; split the archive into several");
  std::vector<IndexEntry> entries;
  while (!text.empty()) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return corrupt("the listing is truncated; index the archive again");
    if (entries.size() == max_index_entries)
      return exhausted("the listing has more than 2,000,000 files; split the archive into several");
    auto entry = parse<IndexEntry>(text.substr(0, end), "line of a listing");
    if (!entry) return entry.error();
    entries.push_back(std::move(*entry));
    text.remove_prefix(end + 1);
  }
  return entries;
}

}  // namespace mole::task
