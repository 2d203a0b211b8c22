// Columns and parameters shared by the decoders of NetFlow v9 and IPFIX.
#pragma once

#include "plugins/decoders/export/collector.hpp"

#include <mole/decoder.hpp>

#include <string>

namespace mole::plugins::flow_export {

using ExportedColumns =
    Writes<start, mole::end, src_addr, dst_addr, src_port, dst_port, protocol, packets, bytes, tcp_flags, tos, src_as, dst_as,
           src_mask, dst_mask, next_hop, in_if, out_if, sampling, application_label, observation_domain, exporter_addr, src_vlan,
           dst_vlan, mpls_label, post_src_addr, post_dst_addr, post_src_port, post_dst_port, reverse_packets, reverse_bytes,
           icmp_type, icmp_code, end_reason, flow_direction, sampling_source, any_element>;

struct ExportParams {
  std::string biflows = "keep";
};

inline constexpr auto export_params =
    mole::params(mole::param("biflows", &ExportParams::biflows, mole::one_of("keep", "split"),
                             "Flows of both directions in one record: keep them as one flow with reverse_packets and "
                             "reverse_bytes, or split them into two flows"));

inline Biflows biflows_of(const ExportParams& params) { return params.biflows == "split" ? Biflows::split : Biflows::keep; }

}  // namespace mole::plugins::flow_export
