// Destinations of decoded flows: the batch of the host, and rows of the other address family that wait for a batch of their own.
#pragma once

#include "plugins/decoders/export/plan.hpp"

#include <cstdint>
#include <vector>

namespace mole::plugins::flow_export {

class Rows {
 public:
  std::uint32_t family = 0;  // 4 or 6; 0: not chosen
  std::uint32_t rows = 0, capacity = 0;
  Columns columns{};
  std::uint64_t absent = all;  // columns for which no row has a field: bit c

  static constexpr std::uint64_t all = ~std::uint64_t{0};
  std::uint32_t room() const { return capacity - rows; }
  virtual void put(std::size_t element, std::uint32_t row, const void* data, std::size_t size) = 0;

 protected:
  ~Rows() = default;
};

// The batch of the host.
class HostRows final : public Rows {
 public:
  void bind(FlowBuilder& out);
  void put(std::size_t element, std::uint32_t row, const void* data, std::size_t size) override;
  // Whether the batch has as many element values as the host should get at once.
  bool full() const { return value_bytes_ >= max_batch_bytes; }

 private:
  FlowBuilder* out_ = nullptr;
  std::size_t value_bytes_ = 0;
};

// Rows that are kept in memory.
class KeptRows final : public Rows {
 public:
  void allocate(const Wanted& wanted, std::uint32_t max_rows);
  void put(std::size_t element, std::uint32_t row, const void* data, std::size_t size) override;
  bool full() const { return room() < 2 || values_.size() + puts_.size() * sizeof(Put) >= max_kept_bytes; }
  // Moves the rows to an empty batch.
  void move_to(Rows& out);

 private:
  struct Put {
    std::uint32_t element, row;
    std::size_t at, size;
  };
  std::vector<std::vector<std::byte>> memory_;
  std::vector<Put> puts_;
  std::vector<std::byte> values_;
};

// Returns which columns of the batch are needed.
Wanted wanted_columns(const FlowBuilder& out);

// Adds a value of a requested element, converted to the type of the request, unless its length is impossible for the type.
void put_element(Rows& rows, std::size_t index, const mole_element& element, std::uint32_t row, const Value& value,
                 const Context& context);

}  // namespace mole::plugins::flow_export
