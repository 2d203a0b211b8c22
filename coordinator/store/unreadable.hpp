// How queries read: a damaged row is their answer, and does not stop the process.
#pragma once

#include <stdexcept>

namespace mole::coordinator::store {

// Thrown by reads of Store. Says which table, and how to go on.
struct UnreadableRow : std::runtime_error {
  using runtime_error::runtime_error;
};

// While one exists, reads by its thread throw UnreadableRow where they would stop the process. Only for calls that change
// nothing.
class AnsweringReads {
 public:
  AnsweringReads();
  ~AnsweringReads();
  AnsweringReads(const AnsweringReads&) = delete;
  AnsweringReads& operator=(const AnsweringReads&) = delete;

 private:
  const bool before_;
};

}  // namespace mole::coordinator::store
