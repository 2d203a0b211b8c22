#include "runtime/metric/group_table.hpp"

#include <gtest/gtest.h>

#include <array>

namespace mole::runtime {
namespace {

// The words of the key of `by: [src_addr]`: interval and IPv4-mapped address.
std::array<std::uint64_t, 3> address_key(std::uint32_t address) { return {0, 0, std::uint64_t{0xffff} << 32 | address}; }

// The hash of an earlier version: it had no salt, and its lower bits determined the position.
std::uint64_t unsalted_hash(const std::array<std::uint64_t, 3>& key) {
  std::uint64_t h = 0x2545f4914f6cdd1dull;
  for (const std::uint64_t word : key) {
    const auto product = static_cast<unsigned __int128>(h ^ word) * 0x9e3779b97f4a7c15ull;
    h = static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  }
  return h;
}

TEST(GroupTable, NumbersGroupsByFirstAppearance) {
  GroupTable table(3, 1'000'000);
  for (int round = 0; round < 2; ++round)
    for (std::uint32_t i = 0; i < 100'000; ++i) ASSERT_EQ(table.find_or_add(address_key(i * 7).data()), i);
  EXPECT_EQ(table.size(), 100'000u);
  EXPECT_EQ(table.key(5)[2], address_key(35)[2]);
}

TEST(GroupTable, RejectsMoreThanItsMaximum) {
  GroupTable table(3, 2);
  EXPECT_EQ(table.find_or_add(address_key(1).data()), 0u);
  EXPECT_EQ(table.find_or_add(address_key(2).data()), 1u);
  EXPECT_EQ(table.find_or_add(address_key(3).data()), GroupTable::no_slot);
  EXPECT_EQ(table.find_or_add(address_key(2).data()), 1u);
}

// Addresses chosen by an attacker who knows the constants: a fixed hash would put all of them into 1024 adjacent positions.
TEST(GroupTable, KeepsProbesShortForAddressesChosenToCollide) {
  GroupTable table(3, 1'000'000);
  for (std::uint32_t address = 0; table.size() < 10'000; ++address)
    if (const auto key = address_key(address); (unsalted_hash(key) & 0xfffff) < 1024) table.find_or_add(key.data());
  EXPECT_LT(table.max_probes(), 100u);
}

}  // namespace
}  // namespace mole::runtime
