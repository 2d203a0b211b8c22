#include "cli/init/pattern_text.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

namespace mole::cli {
namespace {

enum class Role { literal, time, sequence, router };

class PatternWriter {
 public:
  PatternWriter(const NameShape& shape, const TimeLayout& layout)
      : shape_(shape), layout_(layout), roles_(shape.columns(), Role::literal) {
    for (std::size_t c = 0; c < shape.columns(); ++c)
      if (layout.is_time(c)) roles_[c] = Role::time;
  }

  PatternText write() && {
    find_sequence();
    if (!find_router()) return {};
    drop_leading_folders();
    return text();
  }

 private:
  bool is_slash(std::size_t c) const {
    return shape_.kind(c) == Run::Kind::other && shape_.text(0, c).find('/') != std::string_view::npos;
  }
  bool is_other(std::size_t c) const { return shape_.kind(c) == Run::Kind::other; }
  bool is_open(std::size_t c) const { return roles_[c] == Role::literal && !shape_.is_constant(c); }

  // The columns of a component of the path: [first, last).
  struct Component {
    std::size_t first, last;
  };
  std::vector<Component> components() const {
    std::vector<Component> out{{0, 0}};
    for (std::size_t c = 0; c < shape_.columns(); ++c) {
      if (is_slash(c)) {
        out.back().last = c;
        out.push_back({c + 1, c + 1});
      }
    }
    out.back().last = shape_.columns();
    return out;
  }

  // The names in the order of their time, as indexes. Pieces are compared from the largest to the smallest.
  std::vector<std::size_t> in_time_order() const {
    std::vector<std::string> keys(shape_.names());
    for (std::size_t name = 0; name < shape_.names(); ++name)
      for (const char piece : std::string("sYymjdHMS"))
        for (std::size_t c = 0; c < shape_.columns(); ++c) {
          const auto at = layout_.pieces[c].find(piece);
          if (at == std::string::npos) continue;
          std::size_t from = 0;
          for (std::size_t i = 0; i < at; ++i) from += layout_.pieces[c][i] == 'Y' ? 4 : layout_.pieces[c][i] == 'j' ? 3 : 2;
          const auto text = shape_.text(name, c);
          keys[name] += piece == 's' ? std::string(12 - std::min<std::size_t>(12, text.size()), '0') + std::string(text)
                                     : std::string(text.substr(from, piece == 'Y'   ? 4
                                                                     : piece == 'j' ? 3
                                                                                    : 2));
          break;
        }
    std::vector<std::size_t> order(shape_.names());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, {}, [&](std::size_t name) { return keys[name]; });
    return order;
  }

  // A running number rises with time among names that are otherwise equal. Numbers that differ in nearly every name are not
  // routers either.
  void find_sequence() {
    const auto order = in_time_order();
    std::size_t best = 0;
    for (std::size_t c = 0; c < shape_.columns(); ++c)
      if (shape_.kind(c) == Run::Kind::digits && is_open(c) && is_unique(c)) best = c + 1;
    for (std::size_t c = 0; c < shape_.columns(); ++c) {
      if (shape_.kind(c) != Run::Kind::digits || roles_[c] != Role::literal) continue;
      if (shape_.names() == 1 ? shape_.text(0, c).size() >= 4 && c > 0 : !shape_.is_constant(c) && rises(c, order)) best = c + 1;
    }
    if (best > 0) roles_[best - 1] = Role::sequence;
  }

  bool is_unique(std::size_t column) const {
    constexpr std::size_t enough_names = 10;
    std::set<std::string_view> values;
    for (std::size_t name = 0; name < shape_.names(); ++name) values.insert(shape_.text(name, column));
    return shape_.names() >= enough_names && values.size() * 10 >= shape_.names() * 9;
  }

  bool rises(std::size_t column, const std::vector<std::size_t>& order) const {
    std::map<std::string, std::string_view> before;  // by the other parts
    std::size_t steps = 0, rising = 0;
    for (const auto name : order) {
      std::string others;
      for (std::size_t c = 0; c < shape_.columns(); ++c)
        if (c != column && is_open(c)) others += std::string(shape_.text(name, c)) + "\n";
      const auto value = shape_.text(name, column);
      const auto [known, added] = before.try_emplace(others, value);
      if (added) continue;
      ++steps;
      rising += value.size() > known->second.size() || (value.size() == known->second.size() && value > known->second);
      known->second = value;
    }
    return steps > 0 && rising * 10 >= steps * 9;
  }

  // False: the names differ in parts that no single router explains.
  bool find_router() {
    const auto parts = components();
    const auto is_varied = [&](const Component& p) {
      for (auto c = p.first; c < p.last; ++c)
        if (is_open(c)) return true;
      return false;
    };
    const auto varied = static_cast<std::size_t>(std::ranges::count_if(parts, is_varied));
    if (varied == 0) return add_constant_router(parts);
    // The innermost part that differs is the router; folders above it are left out, or repeat it.
    const auto inner = std::find_if(parts.rbegin(), parts.rend(), is_varied);
    const auto router = span_of(*inner, static_cast<std::size_t>(&*inner - parts.data()) + 1 == parts.size());
    for (auto c = router.first; c < router.last; ++c)
      if (roles_[c] == Role::time || roles_[c] == Role::sequence) return false;
    mark(router);
    for (auto p = parts.begin(); &*p != &*inner; ++p) {
      if (!is_varied(*p)) continue;
      const auto folder = span_of(*p, false);
      bool equal = true;
      for (std::size_t name = 0; name < shape_.names(); ++name) equal = equal && text_of(name, folder) == text_of(name, router);
      if (equal)
        mark(folder);
      else
        first_component_ = static_cast<std::size_t>(p - parts.begin()) + 1;
    }
    return true;
  }

  // The columns of the router in this component: all of a folder without a time, else what differs and the runs that adjoin it.
  Component span_of(const Component& part, bool is_file_name) const {
    bool only_router = !is_file_name;
    std::size_t first = part.last, last = part.first;
    for (auto c = part.first; c < part.last; ++c) {
      only_router = only_router && roles_[c] != Role::time && roles_[c] != Role::sequence;
      if (!is_open(c)) continue;
      first = std::min(first, c);
      last = c + 1;
    }
    if (only_router) return part;
    while (first > part.first && roles_[first - 1] == Role::literal && !is_other(first - 1)) --first;
    while (last < part.last && roles_[last] == Role::literal && !is_other(last)) ++last;
    // The numbers of an address belong together.
    while (first >= part.first + 2 && joins_address(first - 1, first - 2)) first -= 2;
    while (last + 1 < part.last && joins_address(last, last + 1)) last += 2;
    return {first, last};
  }

  bool joins_address(std::size_t point, std::size_t number) const {
    return shape_.text(0, point) == "." && shape_.kind(number) == Run::Kind::digits && roles_[number] == Role::literal &&
           shape_.text(0, number).size() <= 3;
  }

  std::string text_of(std::size_t name, const Component& span) const {
    std::string text;
    for (auto c = span.first; c < span.last; ++c) text += shape_.text(name, c);
    return text;
  }

  void mark(const Component& span) {
    for (auto c = span.first; c < span.last; ++c) roles_[c] = Role::router;
  }

  // With one router, its name is the same everywhere: the folder of the files, or a number with which file names begin.
  bool add_constant_router(const std::vector<Component>& parts) {
    for (std::size_t i = parts.size() - 1; i-- > 0;) {
      const auto& part = parts[i];
      bool has_time = false;
      for (auto c = part.first; c < part.last; ++c) has_time = has_time || roles_[c] != Role::literal;
      if (has_time || part.first == part.last) continue;
      mark(part);
      return true;
    }
    const auto first = parts.back().first;
    if (shape_.kind(first) == Run::Kind::digits && roles_[first] == Role::literal && first + 1 < shape_.columns() &&
        is_other(first + 1))
      roles_[first] = Role::router;
    return true;
  }

  // A pattern is matched against the end of a path, so folders that show nothing are not needed.
  void drop_leading_folders() {
    const auto parts = components();
    auto first = first_component_;
    const auto shows_nothing = [&](const Component& p) {
      for (auto c = p.first; c < p.last; ++c)
        if (roles_[c] != Role::literal) return false;
      return true;
    };
    while (first + 1 < parts.size() && shows_nothing(parts[first])) ++first;
    first_column_ = parts[first].first;
  }

  PatternText text() const {
    PatternText out;
    out.local = !layout_.has('s') && !layout_.has('z');
    out.has_both = layout_.second_time > 0;
    for (std::size_t c = first_column_; c < shape_.columns();) {
      const auto text = shape_.text(0, c);
      switch (roles_[c]) {
        case Role::time:
          out.files += time_from(c, out);
          break;
        case Role::sequence:
          out.files += "{sequence}";
          ++c;
          break;
        case Role::router:
          out.files += "{router}";
          while (c < shape_.columns() && roles_[c] == Role::router) ++c;
          break;
        case Role::literal:
          if (text.find_first_of("{}") != std::string_view::npos) return {};
          out.files += is_sign(c) ? text.substr(0, text.size() - 1) : text;
          ++c;
          break;
      }
    }
    return out;
  }

  bool is_sign(std::size_t c) const { return c + 1 < shape_.columns() && layout_.pieces[c + 1] == "z"; }

  // One placeholder for the pieces of a time and the text between them. Moves `c` behind it.
  std::string time_from(std::size_t& c, PatternText& out) const {
    const bool end = layout_.second_time > 0 && c >= layout_.second_time;
    if (layout_.pieces[c] == "s") return ++c, end ? "{end:unix}" : "{start:unix}";
    std::string text = end ? "{end:" : "{start:";
    while (c < shape_.columns()) {
      for (const char piece : layout_.pieces[c]) text += std::string("%") + piece;
      ++c;
      auto next = c;
      while (next < shape_.columns() && roles_[next] == Role::literal && next < c + 2 && shape_.is_constant(next)) ++next;
      if (next < shape_.columns() && layout_.is_time(next) && next != layout_.second_time) {
        for (; c < next; ++c)
          for (const char letter : is_sign(c) ? std::string_view() : shape_.text(0, c))
            text += letter == '%' ? "%%" : std::string(1, letter);
        continue;
      }
      if (c < shape_.columns() && shape_.is_constant(c) && shape_.text(0, c) == "Z" && layout_.has('H')) {
        text += "%z";
        out.local = false;
        ++c;
      }
      break;
    }
    return text + "}";
  }

  const NameShape& shape_;
  const TimeLayout& layout_;
  std::vector<Role> roles_;
  std::size_t first_component_ = 0, first_column_ = 0;
};

}  // namespace

PatternText pattern_of(const NameShape& shape, const TimeLayout& layout) { return PatternWriter(shape, layout).write(); }

}  // namespace mole::cli
