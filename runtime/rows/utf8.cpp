#include "runtime/rows/utf8.hpp"

#include <cstddef>

namespace mole::runtime {
namespace {

// Length of the sequence a lead byte opens, and the range its second byte must lie in (Unicode, table 3-7); 0: no lead
// byte.
struct Lead {
  std::size_t length;
  unsigned char low, high;
};

Lead lead_of(unsigned char c) {
  if (c < 0x80) return {1, 0, 0};
  if (c >= 0xc2 && c <= 0xdf) return {2, 0x80, 0xbf};
  if (c == 0xe0) return {3, 0xa0, 0xbf};
  if (c == 0xed) return {3, 0x80, 0x9f};
  if (c >= 0xe1 && c <= 0xef) return {3, 0x80, 0xbf};
  if (c == 0xf0) return {4, 0x90, 0xbf};
  if (c >= 0xf1 && c <= 0xf3) return {4, 0x80, 0xbf};
  if (c == 0xf4) return {4, 0x80, 0x8f};
  return {0, 0, 0};
}

}  // namespace

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto at = [&](std::size_t k) { return static_cast<unsigned char>(text[i + k]); };
    const auto lead = lead_of(at(0));
    if (lead.length == 0 || lead.length > text.size() - i) return false;
    if (lead.length > 1 && (at(1) < lead.low || at(1) > lead.high)) return false;
    for (std::size_t k = 2; k < lead.length; ++k)
      if ((at(k) & 0xc0) != 0x80) return false;
    i += lead.length;
  }
  return true;
}

}  // namespace mole::runtime
