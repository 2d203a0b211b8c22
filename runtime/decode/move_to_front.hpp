// The list of byte values in which each value read moves to the front.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace mole::runtime {

// One turn of the list: `run` times the value at the front, then the value at `place`, which moves to the front.
struct Turn {
  static constexpr std::uint32_t most_run = (1u << 24) - 1;
  std::uint32_t packed;

  Turn() = default;
  Turn(std::uint32_t run, unsigned place) : packed(run << 8 | place) {}
  std::uint32_t run() const { return packed >> 8; }
  unsigned place() const { return packed & 255; }
};

class MoveToFront {
 public:
  // undo() may write this many bytes behind what it gives.
  static constexpr std::size_t slack = 32;

  // wide: with the processor's AVX2, if it has it.
  explicit MoveToFront(bool wide = true);

  void set(unsigned place, std::uint8_t value) { list_[place] = value; }
  std::uint8_t front() const { return list_[0]; }

  // Writes the values of the turns to `out` and counts them. The number of bytes; nothing if
  // they are more than `room`.
  std::optional<std::size_t> undo(std::span<const Turn> turns, std::uint8_t* out, std::size_t room,
                                  std::array<std::uint32_t, 256>& counts) {
    return wide_ ? undo_wide(turns, out, room, counts) : undo_by_rows(turns, out, room, counts);
  }

 private:
  std::uint8_t take(unsigned place);
  std::optional<std::size_t> undo_by_rows(std::span<const Turn> turns, std::uint8_t* out, std::size_t room,
                                          std::array<std::uint32_t, 256>& counts);
  std::optional<std::size_t> undo_wide(std::span<const Turn> turns, std::uint8_t* out, std::size_t room,
                                       std::array<std::uint32_t, 256>& counts);

  alignas(64) std::array<std::uint8_t, 256> list_{};
  bool wide_;
};

}  // namespace mole::runtime
