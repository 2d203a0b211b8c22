#include "sdk/model/flow_columns.hpp"

#include "sdk/model/element_types.hpp"
#include "sdk/model/mutex.hpp"

#include <mole/names.hpp>

#include <algorithm>
#include <deque>

namespace mole {
namespace {

// The information elements that have been named in this process, numbered from 0.
class ElementColumns {
 public:
  int number_of(const Element& element) {
    const MutexLock lock(mutex_);
    const auto found = std::ranges::find_if(named_, [&](const Element& e) {
      return e.enterprise == element.enterprise && e.id == element.id && e.type == element.type;
    });
    const auto number = static_cast<int>(found - named_.begin());
    if (found == named_.end()) named_.push_back(element);
    return MOLE_COLUMN_COUNT + number;
  }
  const Element* at(std::size_t number) {
    const MutexLock lock(mutex_);
    return number < named_.size() ? &named_[number] : nullptr;
  }

 private:
  Mutex mutex_;
  std::deque<Element> named_ MOLE_GUARDED_BY(mutex_);  // never removed, so that pointers to them stay valid
};

ElementColumns& element_columns() {
  static ElementColumns columns;
  return columns;
}

}  // namespace

std::string_view flow_column_name(int column) {
  if (const auto* element = element_of_column(column)) return element->name;
  return column >= 0 && column < MOLE_COLUMN_COUNT ? column_names[column].substr(0, column_names[column].find(' '))
                                                   : std::string_view{};
}

std::string_view ipfix_name_of_column(int column) {
  if (is_element_column(column)) return flow_column_name(column);
  const auto aliases = column_names[column].substr(std::min(flow_column_name(column).size() + 1, column_names[column].size()));
  const auto first = aliases.substr(0, aliases.find(' '));
  const auto two = aliases.substr(0, aliases.find(' ', std::min(first.size() + 1, aliases.size())));
  return first.find("IPv4") != first.npos && two.find("IPv6") != two.npos ? two : first;
}

std::string nearest_columns(std::string_view name) {
  if (const auto wrong = wrong_element_type(name); !wrong.empty()) return "; " + wrong;
  std::string out;
  for (const auto near : nearest_elements(name)) (out += out.empty() ? "; did you mean " : ", ") += near;
  if (!out.empty()) return out + "?";
  return "; an information element without a name in the IANA registry or CERT's list is named by number, ENTERPRISE/ID, such as "
         "9/12232 (mole flows FILE --summary lists those of a file, with their types)";
}

int flow_column_named(std::string_view name) {
  if (const int column = column_named(name); column >= 0) return column;
  const auto element = find_element(name);
  if (element && name.find('/') != name.npos && element->name != name) return flow_column_named(element->name);  // by its number
  return element && !value_type(element->type).empty() ? element_columns().number_of(*element) : -1;
}

const Element* element_of_column(int column) {
  return column < MOLE_COLUMN_COUNT ? nullptr : element_columns().at(static_cast<std::size_t>(column - MOLE_COLUMN_COUNT));
}

std::string_view value_type(ElementType type) {
  using enum ElementType;
  switch (type) {
    case unsigned8:
    case unsigned16:
    case unsigned32:
    case unsigned64:
      return "u64";
    case signed8:
    case signed16:
    case signed32:
    case signed64:
      return "i64";
    case float32:
    case float64:
      return "f64";
    case boolean:
      return "bool";
    case date_time_seconds:
    case date_time_milliseconds:
    case date_time_microseconds:
    case date_time_nanoseconds:
      return "time";
    case ipv4_address:
    case ipv6_address:
      return "addr";
    case octet_array:
    case unsigned256:
    case mac_address:
    case string:
      return "text";
    case basic_list:
    case sub_template_list:
    case sub_template_multi_list:
      break;
  }
  return {};
}

}  // namespace mole
