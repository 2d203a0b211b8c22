#include "record.hpp"

#include "cell.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace mole::plugins::table {
namespace {

enum class Kind : std::uint8_t { number, time, duration, address, protocol, tcp_flags, mpls_label };

Kind kind_of(int target) {
  switch (target) {
    case MOLE_COLUMN_START:
    case MOLE_COLUMN_END:
    case received_target:
      return Kind::time;
    case duration_target:
      return Kind::duration;
    case MOLE_COLUMN_SRC_ADDR:
    case MOLE_COLUMN_DST_ADDR:
    case MOLE_COLUMN_NEXT_HOP:
    case MOLE_COLUMN_EXPORTER_ADDR:
    case MOLE_COLUMN_POST_SRC_ADDR:
    case MOLE_COLUMN_POST_DST_ADDR:
      return Kind::address;
    case MOLE_COLUMN_PROTOCOL:
      return Kind::protocol;
    case MOLE_COLUMN_TCP_FLAGS:
      return Kind::tcp_flags;
    case MOLE_COLUMN_MPLS_LABEL:
      return Kind::mpls_label;
    default:
      return Kind::number;
  }
}

std::uint64_t largest_of(int column) {
  if (column == MOLE_COLUMN_SCALED) return 1;
  const auto width = column_widths[static_cast<std::size_t>(column)];
  return width == 8 ? ~std::uint64_t{0} - 1 : (std::uint64_t{1} << 8 * width) - 1;
}

const char* expected_number(int column) {
  switch (largest_of(column)) {
    case 1:
      return "is not 0 or 1";
    case 0xff:
      return "is not a number from 0 to 255";
    case 0xffff:
      return "is not a number from 0 to 65535";
    case 0xffffffff:
      return "is not a number from 0 to 4294967295";
    default:
      return "is not a whole number; values rounded by nfdump, such as 1.2 M, need nfdump -N";
  }
}

constexpr std::uint64_t no_port = 0x10000;

constexpr std::int64_t units_per_second(TimeUnit unit) {
  return unit == TimeUnit::milliseconds ? 1000 : unit == TimeUnit::microseconds ? 1'000'000 : 1;
}

// Bytes written as 0x0a1b or 0a:1b; other text is itself.
std::string_view bytes_of(std::string_view text, std::array<char, 256>& out) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
  };
  const bool hex = text.starts_with("0x"), mac = text.size() == 17 && text[2] == ':';
  if (!hex && !mac) return text;
  const std::size_t step = mac ? 3 : 2;
  std::size_t size = 0;
  for (std::size_t at = mac ? 0 : 2; at < text.size(); at += step) {
    if (at + 1 >= text.size() || size == out.size() || digit(text[at]) < 0 || digit(text[at + 1]) < 0) return text;
    if (mac && at + 2 < text.size() && text[at + 2] != ':') return text;
    out[size++] = static_cast<char>(digit(text[at]) << 4 | digit(text[at + 1]));
  }
  return {out.data(), size};
}

}  // namespace

void Record::start(Flow& flow) {
  flow_ = &flow;
  flow.reset();
  set_ = {};
  icmp_port_.reset();
}

bool Record::fail(const Use& use, std::string_view text, const char* expected) {
  failed_ = use.target;
  value_.assign(text.substr(0, 40));
  for (char& c : value_)
    if (c < ' ' || c > '~') c = '?';
  expected_ = expected;
  return false;
}

bool Record::missing(int target) {
  failed_ = target;
  value_.clear();
  expected_ = "is missing";
  return false;
}

std::string Record::why() const {
  return Mapping::name_of(failed_) + (value_.empty() ? " " : " \"" + value_ + "\" ") + expected_;
}

bool Record::set_number(const Use& use, std::uint64_t number) {
  if (is_done(use)) return true;
  if (use.target >= first_element_target) {
    char text[24];
    put_element(static_cast<std::size_t>(use.target - first_element_target),
                {text, static_cast<std::size_t>(std::to_chars(text, text + sizeof text, number).ptr - text)});
    return true;
  }
  const auto text = [&] { return std::to_string(number); };
  switch (kind_of(use.target)) {
    case Kind::time: {
      const auto time = number > INT64_MAX ? std::nullopt : times_.from_number(static_cast<std::int64_t>(number), use.unit);
      return time ? set_time(use, *time) : fail(use, text(), "is not a time between 1970 and 2261");
    }
    case Kind::duration:
      if (number > INT64_MAX / 1'000'000) return fail(use, text(), "is not a duration");
      duration_ = static_cast<std::int64_t>(number) * (1'000'000 / units_per_second(use.unit));
      break;
    case Kind::address:
      if (number > 0xffffffff) return fail(use, text(), "is not an address");
      return set_address(use, Addr::v4(static_cast<std::uint32_t>(number)));
    default: {
      const auto largest = use.target == MOLE_COLUMN_MPLS_LABEL ? (1 << 20) - 1 : largest_of(use.target);
      if (number > largest) return fail(use, number == ~std::uint64_t{0} ? std::string() : text(), expected_number(use.target));
      flow_->numbers[static_cast<std::size_t>(use.target)] = number;
    }
  }
  set_[static_cast<std::size_t>(use.target)] = true;
  return true;
}

bool Record::set_time(const Use& use, std::int64_t time) {
  if (is_done(use)) return true;
  if (use.target >= first_element_target) {
    const auto element = static_cast<std::size_t>(use.target - first_element_target);
    if (elements_[element].type == MOLE_TYPE_TIME) flow_->put(element, &time, sizeof time);
    return true;
  }
  if (kind_of(use.target) != Kind::time) return fail(use, "", "is a time");
  if (time < 0 || time >= end_of_time) return fail(use, "", "is not a time between 1970 and 2261");
  if (use.target == received_target)
    flow_->received = time;
  else
    flow_->numbers[static_cast<std::size_t>(use.target)] = static_cast<std::uint64_t>(time);
  set_[static_cast<std::size_t>(use.target)] = true;
  return true;
}

bool Record::set_local_time(const Use& use, std::int64_t local) {
  const auto time = times_.from_local(local);
  return time ? set_time(use, *time) : fail(use, "", "is not a time that occurs once in the zone");
}

bool Record::set_address(const Use& use, const Addr& address) {
  if (is_done(use)) return true;
  if (use.target >= first_element_target) {
    const auto element = static_cast<std::size_t>(use.target - first_element_target);
    if (elements_[element].type == MOLE_TYPE_ADDR) flow_->put(element, address.bytes.data(), sizeof address.bytes);
    return true;
  }
  if (kind_of(use.target) != Kind::address) return fail(use, "", "is an address");
  const bool is_end = use.target == MOLE_COLUMN_SRC_ADDR || use.target == MOLE_COLUMN_DST_ADDR;
  // nfdump writes 0.0.0.0 for an address that the record does not have, even of IPv6 flows.
  if (is_end || address != Addr::v4(0)) flow_->addresses[static_cast<std::size_t>(use.target)] = address;
  if (use.target == MOLE_COLUMN_EXPORTER_ADDR) flow_->has_exporter = true;
  set_[static_cast<std::size_t>(use.target)] = true;
  return true;
}

bool Record::set_octets(const Use& use, std::string_view octets) {
  if (use.target >= first_element_target) {
    const auto element = static_cast<std::size_t>(use.target - first_element_target);
    const auto type = elements_[element].type;
    if (type == MOLE_TYPE_TEXT || type == MOLE_TYPE_BYTES) flow_->put(element, octets.data(), octets.size());
    if (type != MOLE_TYPE_ADDR) return true;
  }
  if (octets.size() == 16) return set_address(use, Addr::v6(octets.data()));
  if (octets.size() != 4) return set_text(use, octets);
  std::uint32_t number;
  std::memcpy(&number, octets.data(), 4);
  return set_address(use, Addr::v4(__builtin_bswap32(number)));
}

bool Record::set_text(const Use& use, std::string_view text) {
  if (text.empty() || is_done(use)) return true;
  if (use.target >= first_element_target) {
    put_element(static_cast<std::size_t>(use.target - first_element_target), text);
    return true;
  }
  const auto number = [&](auto parsed, const char* expected) {
    return parsed ? set_number(use, *parsed) : fail(use, text, expected);
  };
  switch (kind_of(use.target)) {
    case Kind::number:
      if (use.target == MOLE_COLUMN_DST_PORT) {
        icmp_port_ = parse_icmp_port(text);
        // 3.1 is no port, but the protocol is not known yet.
        if (icmp_port_ && !parse_number(text, largest_of(use.target))) {
          flow_->numbers[MOLE_COLUMN_DST_PORT] = no_port;
          return set_[MOLE_COLUMN_DST_PORT] = true;
        }
      }
      return number(parse_number(text, largest_of(use.target)), expected_number(use.target));
    case Kind::protocol:
      return number(parse_protocol(text), "is not a protocol");
    case Kind::tcp_flags:
      return number(parse_tcp_flags(text), "is neither a number nor letters of FSRPAUEC");
    case Kind::mpls_label:
      return number(parse_mpls_label(text), "is not an MPLS label");
    case Kind::time: {
      const auto time = times_.parse(text, use.unit);
      if (time) return set_time(use, *time);
      return fail(use, text,
                  times_.is_utc() ? "is not a time of the given format" : "is not a time that occurs once in the zone");
    }
    case Kind::duration: {
      const auto scale = 1'000'000 / units_per_second(use.unit);
      const auto duration = parse_decimal(text, scale);
      if (!duration) return fail(use, text, "is not a duration");
      duration_ = *duration;
      set_[duration_target] = true;
      return true;
    }
    case Kind::address:
      break;
  }
  const auto address = parse_address(text);
  return address ? set_address(use, *address) : fail(use, text, "is not an address");
}

bool Record::finish() {
  auto& numbers = flow_->numbers;
  if (!is_set(MOLE_COLUMN_START)) return missing(MOLE_COLUMN_START);
  if (!is_set(MOLE_COLUMN_END)) {
    if (!is_set(duration_target)) return missing(mapping_->has(MOLE_COLUMN_END) ? MOLE_COLUMN_END : duration_target);
    if (duration_ >= end_of_time - static_cast<std::int64_t>(numbers[MOLE_COLUMN_START]))
      return fail({0, duration_target, TimeUnit::any}, "", "is too long");
    numbers[MOLE_COLUMN_END] = numbers[MOLE_COLUMN_START] + static_cast<std::uint64_t>(duration_);
  }
  for (const int column :
       {MOLE_COLUMN_SRC_ADDR, MOLE_COLUMN_DST_ADDR, MOLE_COLUMN_PROTOCOL, MOLE_COLUMN_PACKETS, MOLE_COLUMN_BYTES})
    if (!is_set(column) && mapping_->has(column)) return missing(column);
  const auto protocol = numbers[MOLE_COLUMN_PROTOCOL];
  const bool is_icmp = protocol == 1 || protocol == 58;
  auto& dst_port = numbers[MOLE_COLUMN_DST_PORT];
  if (is_icmp && icmp_port_) dst_port = *icmp_port_;
  if (dst_port == no_port) return fail({0, MOLE_COLUMN_DST_PORT, TimeUnit::any}, "", expected_number(MOLE_COLUMN_DST_PORT));
  const bool has_ports = protocol == 6 || protocol == 17 || protocol == 132 || protocol == 33 || protocol == 136;
  for (const int column : {MOLE_COLUMN_SRC_PORT, MOLE_COLUMN_DST_PORT})
    if (has_ports && !is_set(column) && mapping_->has(column)) return missing(column);
  auto& sampling = numbers[MOLE_COLUMN_SAMPLING];
  if (sampling > 1 && !is_set(MOLE_COLUMN_SAMPLING_SOURCE)) numbers[MOLE_COLUMN_SAMPLING_SOURCE] = MOLE_SAMPLING_RECORD;
  if (sampling == 0) sampling = 1;  // not sampled, or not known
  if (is_icmp && !is_set(MOLE_COLUMN_ICMP_TYPE) && !is_set(MOLE_COLUMN_ICMP_CODE)) {
    numbers[MOLE_COLUMN_ICMP_TYPE] = dst_port >> 8;
    numbers[MOLE_COLUMN_ICMP_CODE] = dst_port & 0xff;
  }
  return true;
}

void Record::put_element(std::size_t element, std::string_view text) {
  const auto put = [&](const auto& value) { flow_->put(element, &value, sizeof value); };
  const auto* end = text.data() + text.size();
  switch (elements_[element].type) {
    case MOLE_TYPE_U64:
      if (const auto number = parse_number(text, ~std::uint64_t{0})) put(*number);
      break;
    case MOLE_TYPE_I64: {
      std::int64_t number = 0;
      if (const auto [stop, error] = std::from_chars(text.data(), end, number); error == std::errc() && stop == end) put(number);
      break;
    }
    case MOLE_TYPE_F64: {
      double number = 0;
      if (const auto [stop, error] = std::from_chars(text.data(), end, number); error == std::errc() && stop == end) put(number);
      break;
    }
    case MOLE_TYPE_BOOL:
      if (text == "1" || text == "0" || text == "true" || text == "false") put(std::uint64_t{text == "1" || text == "true"});
      break;
    case MOLE_TYPE_TIME:
      if (const auto time = times_.parse(text)) put(*time);
      break;
    case MOLE_TYPE_ADDR:
      if (const auto address = parse_address(text)) put(address->bytes);
      break;
    case MOLE_TYPE_TEXT:
      flow_->put(element, text.data(), text.size());
      break;
    default: {
      std::array<char, 256> buffer;
      const auto bytes = bytes_of(text, buffer);
      flow_->put(element, bytes.data(), bytes.size());
    }
  }
}

}  // namespace mole::plugins::table
