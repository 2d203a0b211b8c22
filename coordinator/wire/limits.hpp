// Limits on everything read from a socket (docs/formats/wire.md). Each is checked before memory is allocated: with the defaults
// of Thrift, a request of one kilobyte could allocate gigabytes.
#pragma once

#include <cstdint>

namespace mole::coordinator {

inline constexpr std::uint32_t piece_bytes = 1u << 20;     // of a blob
inline constexpr std::uint32_t request_bytes = 4u << 20;   // a frame to a service; also its longest string
inline constexpr std::uint32_t reply_bytes = 64u << 20;    // a frame to a client, which trusts the service
inline constexpr std::uint32_t container_items = 100'000;  // elements of a list in a request
inline constexpr std::uint32_t reply_items = 16u << 20;    // elements of a list in a reply
inline constexpr std::uint32_t nesting = 32;               // structs within structs

// Returns the maximum size of a message without its envelope.
constexpr std::uint32_t max_payload(std::uint32_t frame_bytes) { return frame_bytes - (64u << 10); }

}  // namespace mole::coordinator
