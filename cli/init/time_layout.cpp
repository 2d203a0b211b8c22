#include "cli/init/time_layout.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

namespace mole::cli {
namespace {

constexpr std::size_t max_layouts = 3000;
constexpr std::int64_t first_year = 1985;           // of flow records
constexpr std::int64_t first_second = 473'385'600;  // 1985-01-01

// What a run with this number of digits may mean.
const std::map<std::size_t, std::vector<std::string>>& meanings() {
  static const std::map<std::size_t, std::vector<std::string>> all = {{14, {"YmdHMS"}},
                                                                      {12, {"YmdHM", "ymdHMS"}},
                                                                      {10, {"s", "YmdH", "ymdHM"}},
                                                                      {9, {"s"}},
                                                                      {8, {"Ymd", "ymdH", "dmY", "mdY"}},
                                                                      {7, {"Yj"}},
                                                                      {6, {"ymd", "HMS", "Ym"}},
                                                                      {5, {"yj"}},
                                                                      {4, {"Y", "HM", "z", "md"}},
                                                                      {3, {"j"}},
                                                                      {2, {"y", "m", "d", "H", "M", "S"}}};
  return all;
}

std::size_t width_of(char piece) { return piece == 'Y' || piece == 'z' ? 4 : piece == 'j' ? 3 : 2; }

std::int64_t number_of(std::string_view digits) {
  std::int64_t value = -1;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

bool contains(const std::string& letters, char letter) { return letters.find(letter) != std::string::npos; }
bool has_year(const std::string& known) { return contains(known, 'Y') || contains(known, 'y'); }
bool has_date(const std::string& known) {
  return contains(known, 's') || (has_year(known) && (contains(known, 'j') || (contains(known, 'm') && contains(known, 'd'))));
}

class Search {
 public:
  Search(const NameShape& shape, Micros now) : shape_(shape), latest_(now + day_us), latest_year_(first_year) {
    while (latest_year_ < 9999 && *parse_time(std::to_string(latest_year_ + 1) + "-01-01") <= latest_) ++latest_year_;
    layout_.pieces.resize(shape.columns());
  }

  std::vector<TimeLayout> run() && {
    visit(0);
    return std::move(found_);
  }

 private:
  using Values = std::vector<std::int64_t>;  // by name
  struct Time {
    std::string known;  // pieces
    std::map<char, Values> values;
  };

  void visit(std::size_t column) {
    if (found_.size() == max_layouts) return;
    if (column == shape_.columns()) {
      if (has_date(times_.front().known) && (times_.size() == 1 || has_date(times_.back().known))) found_.push_back(layout_);
      return;
    }
    bool repeats = false;
    if (shape_.kind(column) == Run::Kind::digits)
      if (const auto known = meanings().find(shape_.text(0, column).size());
          known != meanings().end() && shape_.has_width(column, known->first))
        for (const auto& pieces : known->second) repeats = try_pieces(column, pieces) || repeats;
    // A date that is repeated, such as in a folder, is always a part of the time.
    if (!repeats) visit(column + 1);
  }

  // Continues with this meaning of the column, if it is possible. Returns whether it repeats known pieces.
  bool try_pieces(std::size_t column, const std::string& pieces) {
    const auto before = times_;
    bool repeats = true;
    const bool possible = add(column, pieces, repeats);
    if (possible) continue_with(column, pieces);
    times_ = before;
    if (!possible && times_.size() == 1 && (contains(times_[0].known, 'H') || contains(times_[0].known, 's')) &&
        (pieces[0] == 'Y' || pieces[0] == 'y' || pieces[0] == 's')) {
      times_.emplace_back();
      layout_.second_time = column;
      if (add(column, pieces, repeats)) continue_with(column, pieces);
      layout_.second_time = 0;
      times_ = before;
      return false;
    }
    return possible && repeats && (pieces.size() > 1 || pieces == "Y");
  }

  void continue_with(std::size_t column, const std::string& pieces) {
    layout_.pieces[column] = pieces;
    visit(column + 1);
    layout_.pieces[column].clear();
  }

  // Adds the values of the pieces to the current time. False: they are not possible.
  bool add(std::size_t column, const std::string& pieces, bool& repeats) {
    auto& time = times_.back();
    std::size_t at = 0;
    repeats = true;
    for (const char piece : pieces) {
      Values values;
      for (std::size_t name = 0; name < shape_.names(); ++name) {
        const auto text = shape_.text(name, column);
        const auto digits = piece == 's' ? text : text.substr(at, width_of(piece));
        const auto value = number_of(digits);
        if (!in_range(piece, value)) return false;
        values.push_back(value);
      }
      const bool first = at == 0;
      at += width_of(piece);
      if (contains(time.known, piece)) {
        if (piece == 'z' || time.values[piece] != values) return false;
        continue;
      }
      const bool far = first && !time.known.empty() && contains("mdjMS", piece) && !is_near_time(column);
      if (far || !may_follow(time.known, piece, column)) return false;
      repeats = false;
      time.known += piece;
      time.values[piece] = std::move(values);
    }
    return true;
  }

  bool in_range(char piece, std::int64_t value) const {
    switch (piece) {
      case 's':
        return value >= first_second && value * second_us <= latest_;
      case 'Y':
        return value >= first_year && value <= latest_year_;
      case 'y':
        return value + (value < 69 ? 2000 : 1900) >= first_year && value + (value < 69 ? 2000 : 1900) <= latest_year_;
      case 'm':
        return value >= 1 && value <= 12;
      case 'd':
        return value >= 1 && value <= 31;
      case 'j':
        return value >= 1 && value <= 366;
      case 'H':
        return value <= 23;
      case 'z':
        return value <= 1400 && value % 100 % 15 == 0 && value % 100 < 60;
      default:
        return value <= 59;
    }
  }

  // Years come before months before days, or days before months before years; then hours, minutes, seconds and an offset.
  bool may_follow(const std::string& known, char piece, std::size_t column) const {
    if (contains(known, 's')) return false;
    const bool year = has_year(known), date = has_date(known);
    switch (piece) {
      case 's':
        return known.empty();
      case 'Y':
      case 'y':
        return !year && (known.empty() || (contains(known, 'm') && contains(known, 'd')));
      case 'm':
        return !contains(known, 'j') && (known.empty() || known == "d" || (year && !contains(known, 'd')));
      case 'd':
        return known.empty() || known == "m" || (year && contains(known, 'm'));
      case 'j':
        return year && !contains(known, 'm');
      case 'H':
        return date;
      case 'M':
        return contains(known, 'H');
      case 'S':
        return contains(known, 'M');
      case 'z':
        return contains(known, 'H') && follows_sign(column) && column >= 2 && !layout_.pieces[column - 2].empty();
      default:
        return false;
    }
  }

  // Month and day are written close to the year, minute and second to the hour: "2007/09/22", "year=2007/month=09".
  bool is_near_time(std::size_t column) const {
    constexpr std::size_t most_runs = 4;
    for (std::size_t c = column; c + most_runs >= column; --c) {
      if (c < column && !layout_.pieces[c].empty()) return true;
      if (c == 0) break;
    }
    return false;
  }

  bool follows_sign(std::size_t column) const {
    const auto before = column == 0 ? std::string_view() : shape_.text(0, column - 1);
    return before == "+" || before == "-";
  }

  const NameShape& shape_;
  const Micros latest_;
  std::int64_t latest_year_;
  TimeLayout layout_;
  std::vector<Time> times_{1};
  std::vector<TimeLayout> found_;
};

}  // namespace

bool TimeLayout::has(char piece) const {
  return std::ranges::any_of(pieces, [&](const std::string& p) { return contains(p, piece); });
}

std::size_t TimeLayout::count() const {
  std::set<char> different;
  for (const auto& p : pieces) different.insert(p.begin(), p.end());
  return different.size();
}

int TimeLayout::weight(const NameShape& shape) const {
  int weight = has('s') ? 10 : has('Y') ? 2 : 0;
  std::string counted;
  for (std::size_t c = 0; c < pieces.size(); ++c) {
    const bool date = pieces[c].find_first_of("Yymdjs") != std::string::npos;
    if (pieces[c].size() == 1 && shape.is_constant(c) && c > 0 && shape.kind(c - 1) == Run::Kind::letters) {
      weight -= 10;
      continue;
    }
    if (pieces[c].empty() || (shape.is_constant(c) && !date && pieces[c] != "z")) continue;
    ++weight;
    for (const char piece : pieces[c]) {
      if (!contains(counted, piece) && contains("HMz", piece)) weight += 2;
      counted += piece;
    }
  }
  return weight;
}

std::vector<TimeLayout> time_layouts(const NameShape& shape, Micros now) {
  if (shape.columns() > 64) return {};
  return Search(shape, now).run();
}

}  // namespace mole::cli
