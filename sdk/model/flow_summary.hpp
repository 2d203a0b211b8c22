// What `mole flows --summary` says about a file of flows, or about several.
#pragma once

#include "sdk/model/task.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace mole {

inline constexpr std::size_t max_listed = 100;  // values in a list of a FlowSummary

struct SampledFlows {
  std::string exporter_address;
  std::uint64_t observation_domain = 0, sampling = 1;
  SamplingSource source = SamplingSource::none;
  std::uint64_t flows = 0, flows_scaled = 0;

  static constexpr auto table =
      document("SampledFlows", "Flows of an exporter with the same sampling rate.",  //
               field("exporter_address", &SampledFlows::exporter_address, "Address of the exporter; empty: not in the file"),
               field("observation_domain", &SampledFlows::observation_domain, "Observation domain"),
               field("sampling", &SampledFlows::sampling, "Sampling interval; 1 without a source: not known"),
               field("source", &SampledFlows::source, "What states it"), field("flows", &SampledFlows::flows, "Selected flows"),
               field("flows_scaled", &SampledFlows::flows_scaled, "Those whose counters the collector has multiplied"));
};

struct FlowSummary {
  std::string file;
  std::string error;
  std::string decoder, compression;
  task::FileState state = task::FileState::unread;
  std::uint64_t size = 0, content_bytes = 0;
  std::uint64_t datagrams = 0, exporters = 0;
  std::vector<std::string> exporter_addresses;
  std::vector<std::uint64_t> observation_domains, sampling;
  std::vector<SampledFlows> sampling_rates = {};
  Micros exported_first = 0, exported_last = 0;
  std::uint64_t flows_read = 0, flows_lost = 0, flows_lost_in_damage = 0, flows_repeated = 0;
  std::uint64_t flows = 0, flows_ipv6 = 0, bytes = 0, packets = 0;
  Micros first = 0, last = 0;
  std::vector<task::ByteRange> lost_compressed, lost_content;

  static constexpr auto table = document(
      "FlowSummary", "What a file of flows contains.",  //
      field("file", &FlowSummary::file, "Path"),
      field("error", &FlowSummary::error, "Why it cannot be read at all; the other fields are then not set").optional(),
      field("decoder", &FlowSummary::decoder, "Decoder; empty: none recognises its content"),
      field("compression", &FlowSummary::compression, "Compression of the file: `none`, `bzip2`, `gzip`, ..."),
      field("state", &FlowSummary::state, "State"), field("size", &FlowSummary::size, "Size of the file").unit("B"),
      field("content_bytes", &FlowSummary::content_bytes, "Decompressed and readable").unit("B"),
      field("datagrams", &FlowSummary::datagrams, "Export datagrams or messages"),
      field("exporters", &FlowSummary::exporters, "Exporters whose datagrams alternate, if the decoder distinguishes them"),
      field("exporter_addresses", &FlowSummary::exporter_addresses, "Their addresses, if the file contains them; at most 100"),
      field("observation_domains", &FlowSummary::observation_domains,
            "Observation domains (NetFlow v9: source ids; v5: engines) of the selected flows; at most 100"),
      field("sampling", &FlowSummary::sampling, "Sampling intervals of the selected flows, 1: not sampled; at most 100"),
      field("sampling_rates", &FlowSummary::sampling_rates, "The selected flows by exporter and sampling rate; at most 100")
          .optional(),
      time_field("exported_first", &FlowSummary::exported_first, "First export time").optional(),
      time_field("exported_last", &FlowSummary::exported_last, "Last export time").optional(),
      field("flows_read", &FlowSummary::flows_read, "Flows in the file, selected or not"),
      field("flows_lost", &FlowSummary::flows_lost, "Flows missing according to sequence numbers, outside damage"),
      field("flows_lost_in_damage", &FlowSummary::flows_lost_in_damage, "Flows missing according to sequence numbers, in damage"),
      field("flows_repeated", &FlowSummary::flows_repeated,
            "Those of `flows_read` that are in datagrams with the same bytes as an earlier one of their exporter")
          .optional(),
      field("flows", &FlowSummary::flows, "Selected flows: all, or those that pass --filter"),
      field("flows_ipv6", &FlowSummary::flows_ipv6, "Selected flows with IPv6 addresses; the others have IPv4 addresses"),
      field("bytes", &FlowSummary::bytes, "Bytes of the selected flows, as recorded").unit("B"),
      field("packets", &FlowSummary::packets, "Packets of the selected flows, as recorded").unit("packet"),
      time_field("first", &FlowSummary::first, "Start of the first selected flow").optional(),
      time_field("last", &FlowSummary::last, "End of the last selected flow").optional(),
      field("lost_compressed", &FlowSummary::lost_compressed, "Lost ranges of the file as stored"),
      field("lost_content", &FlowSummary::lost_content, "Lost ranges of the decompressed content"));
};

}  // namespace mole
