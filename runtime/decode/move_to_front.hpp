// Undoes move-to-front coding: in a list of byte values, each value read moves to the front.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace mole::runtime {

// A step: `run` times the value at the front, then the value at `place`, which moves to the front.
struct MtfStep {
  static constexpr std::uint32_t max_run = (1u << 24) - 1;
  std::uint32_t packed;

  MtfStep() = default;
  MtfStep(std::uint32_t run, unsigned place) : packed(run << 8 | place) {}
  std::uint32_t run() const { return packed >> 8; }
  unsigned place() const { return packed & 255; }
};

class MoveToFront {
 public:
  // undo() may write this many bytes past its result.
  static constexpr std::size_t slack = 32;

  // wide: use AVX2 if the processor supports it.
  explicit MoveToFront(bool wide = true);

  void set(unsigned place, std::uint8_t value) { list_[place] = value; }
  std::uint8_t front() const { return list_[0]; }

  // Writes the values of the steps to `out` and counts them. Returns the number of bytes; nullopt if there are more than `room`.
  std::optional<std::size_t> undo(std::span<const MtfStep> steps, std::uint8_t* out, std::size_t room,
                                  std::array<std::uint32_t, 256>& counts) {
    return wide_ ? undo_wide(steps, out, room, counts) : undo_by_rows(steps, out, room, counts);
  }

 private:
  std::uint8_t take(unsigned place);
  std::optional<std::size_t> undo_by_rows(std::span<const MtfStep> steps, std::uint8_t* out, std::size_t room,
                                          std::array<std::uint32_t, 256>& counts);
  std::optional<std::size_t> undo_wide(std::span<const MtfStep> steps, std::uint8_t* out, std::size_t room,
                                       std::array<std::uint32_t, 256>& counts);

  alignas(64) std::array<std::uint8_t, 256> list_{};
  bool wide_;
};

}  // namespace mole::runtime
