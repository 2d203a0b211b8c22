#include "coordinator/wire/caller.hpp"

#include <utility>

namespace mole::coordinator {
namespace {
thread_local bool over_tcp = false;
}

bool called_over_tcp() { return over_tcp; }

CallScope::CallScope(bool tcp) : before_(std::exchange(over_tcp, tcp)) {}
CallScope::~CallScope() { over_tcp = before_; }

}  // namespace mole::coordinator
