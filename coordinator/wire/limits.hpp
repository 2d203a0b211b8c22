// Bounds on everything read from a socket. Thrift's own defaults let a kilobyte claim gigabytes; each of these is enforced
// before memory is taken (docs/formats/wire.md).
#pragma once

#include <cstdint>

namespace mole::coordinator {

inline constexpr std::uint32_t piece_bytes = 1u << 20;     // of a blob
inline constexpr std::uint32_t request_bytes = 4u << 20;   // a frame towards a service; also its longest string
inline constexpr std::uint32_t reply_bytes = 64u << 20;    // a frame towards a client, who trusts the service
inline constexpr std::uint32_t container_items = 100'000;  // elements of a list in a request
inline constexpr std::uint32_t reply_items = 16u << 20;    // elements of a list in a reply
inline constexpr std::uint32_t nesting = 32;               // structs within structs

// What a frame has room for beside its envelope.
constexpr std::uint32_t room(std::uint32_t frame_bytes) { return frame_bytes - (64u << 10); }

}  // namespace mole::coordinator
