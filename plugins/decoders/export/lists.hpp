// Lists within records (RFC 6313): basicList, subTemplateList, subTemplateMultiList.
#pragma once

#include "plugins/decoders/export/plan.hpp"

namespace mole::plugins::flow_export {

// Finds templates of a domain, and receives the values in lists.
class ListVisitor {
 public:
  virtual const Template* find_template(std::uint16_t id) = 0;
  virtual void value(const Field& field, const Value& value) = 0;

 protected:
  ~ListVisitor() = default;
};

// Visits the values in a list and in lists within it, in order, up to max_list_depth. A damaged list ends there. `budget`: the
// number of records and values that may still be visited.
void visit_list(List kind, const Value& list, ListVisitor& visitor, std::size_t& budget, std::size_t depth = 0);

}  // namespace mole::plugins::flow_export
