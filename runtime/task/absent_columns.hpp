// Finds the files that do not have a column that a step reads: their decoder does not provide it, their records have no field for
// it, or neither their templates have the information element nor a flow has a value of it. For the step, the flows of these
// files count as missing (docs/decisions/0204).
//
//   AbsentColumns absent(archive, read_by);
//   absent.start_file();
//   absent.count(batch);                      // each batch of the file
//   absent.end_file(file, report.decoder, source.presence());
#pragma once

#include "runtime/decode/column_presence.hpp"
#include "runtime/decode/flow_batch.hpp"
#include "runtime/metric/coverage.hpp"
#include "sdk/model/task.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace mole::runtime {

// Not thread-safe.
class AbsentColumns {
 public:
  // Returns the columns that the step reads from records of a router.
  using ReadBy = std::function<ColumnSet(const std::string& router)>;
  // How many flows have a value of an information element.
  struct Element {
    int column;
    std::uint64_t flows = 0, with_value = 0;
    std::uint64_t in_file = 0;  // flows of the current file that have a value
  };

  // `columns`: all that the step reads.
  AbsentColumns(const task::Archive& archive, ColumnSet columns, ReadBy read_by);

  void start_file();
  void count(const FlowBatch& flows);
  void end_file(const task::File& file, const std::string& decoder, const ColumnPresence& presence);

  const std::vector<Element>& elements() const { return elements_; }
  // Of a file: the columns that it does not have. Empty: it has all, or no flows.
  std::vector<int> of(const std::string& file) const;
  // The files with such columns.
  const FileIds& files() const { return files_; }

 private:
  bool has(const std::string& decoder, const ColumnPresence& presence, int column) const;

  ReadBy read_by_;
  std::map<std::string, ColumnSet> not_provided_;  // flow columns that a decoder does not fill, by its name
  std::vector<Element> elements_;
  std::uint64_t flows_ = 0;  // of the current file
  std::map<std::string, std::vector<int>> absent_;
  FileIds files_;
};

}  // namespace mole::runtime
