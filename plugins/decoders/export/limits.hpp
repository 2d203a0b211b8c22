// Limits of the shared export code, so that damaged or hostile input cannot use up memory or time.
#pragma once

#include <cstddef>

namespace mole::plugins::flow_export {

constexpr std::size_t max_domains = 4096;              // (exporter, observation domain) pairs; then all are forgotten
constexpr std::size_t max_exporters = 65'536;          // further ones get the number of the last
constexpr std::size_t max_templates_of_domain = 4096;  // then those of the domain are forgotten
constexpr std::size_t max_template_weight = 262'144;   // of all templates (Template::weight); then all are forgotten
constexpr std::size_t max_fields = 4096;               // of one template
constexpr std::size_t max_noted_templates = 4096;      // of which the columns are noted, even if no record uses them
constexpr std::size_t max_samplings = 65'536;  // sampling intervals by selector or interface; then further ones are ignored
constexpr std::size_t max_selectors = 16;      // of a selection sequence
constexpr std::size_t max_waiting_bytes = 16u << 20;  // data sets whose template has not arrived; then further ones are dropped
constexpr std::size_t max_waiting_sets = 65'536;
constexpr std::size_t max_list_depth = 8;           // of lists within lists
constexpr std::size_t max_list_values = 65'536;     // records and values in the lists of one record
constexpr std::size_t max_kept_rows = 8192;         // rows of the other address family
constexpr std::size_t max_kept_bytes = 8u << 20;    // element values of those rows
constexpr std::size_t max_batch_bytes = 64u << 20;  // element values of a batch: the host allows 256 MiB
constexpr std::size_t max_delayed_reports = 64;     // datagrams within which a late one may fill a gap

}  // namespace mole::plugins::flow_export
