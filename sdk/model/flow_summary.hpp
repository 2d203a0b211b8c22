// What `mole flows --summary` says about a file of flows, or about several.
#pragma once

#include "sdk/model/task.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace mole {

inline constexpr std::size_t max_listed = 100;            // values in a list of a FlowSummary
inline constexpr std::size_t max_described = 10'000;      // templates, elements or names that are counted in a file
inline constexpr std::uint64_t variable_length = 0xffff;  // of an information element

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

enum class TemplateKind { data, options };

template <>
inline constexpr auto name_table<TemplateKind> =
    names<TemplateKind>("TemplateKind", "a kind of templates",
                        {{TemplateKind::data, "data", "Its records are flows, or parts of them"},
                         {TemplateKind::options, "options", "Its records are about the exporter"}});

struct SeenTemplate {
  std::uint64_t exporter = 0;
  std::string exporter_address;
  std::uint64_t observation_domain = 0, id = 0;
  TemplateKind kind = TemplateKind::data;
  std::uint64_t fields = 0;

  auto operator<=>(const SeenTemplate&) const = default;
  static constexpr auto table =
      document("SeenTemplate", "A template of NetFlow v9 or IPFIX. One that was redefined with other fields is listed again.",  //
               field("exporter", &SeenTemplate::exporter, "Number of the exporter in the file, from 0"),
               field("exporter_address", &SeenTemplate::exporter_address, "Its address; empty: not in the file"),
               field("observation_domain", &SeenTemplate::observation_domain, "Observation domain"),
               field("id", &SeenTemplate::id, "Number of the template"), field("kind", &SeenTemplate::kind, "Kind"),
               field("fields", &SeenTemplate::fields, "Number of its fields, without those of length 0"));
};

struct SeenElement {
  std::string element;
  std::vector<std::uint64_t> lengths;
  std::string name, type;

  bool operator==(const SeenElement&) const = default;
  static constexpr auto table =
      document("SeenElement", "An information element of templates that no list has.",  //
               field("element", &SeenElement::element, "`9/12232`: enterprise and number, as in `--columns`"),
               field("lengths", &SeenElement::lengths, "Its lengths in templates; 65535: variable").unit("B"),
               field("name", &SeenElement::name, "Its name according to the file (RFC 5610)").optional(),
               field("type", &SeenElement::type, "Its type according to the file: `string`, ...").optional());
};

struct SeenName {
  std::uint64_t exporter = 0;
  std::string exporter_address;
  std::uint64_t observation_domain = 0, id = 0;
  std::string name;

  auto operator<=>(const SeenName&) const = default;
  static constexpr auto table =
      document("SeenName", "A name that an exporter gives to an interface or an application.",  //
               field("exporter", &SeenName::exporter, "Number of the exporter in the file, from 0"),
               field("exporter_address", &SeenName::exporter_address, "Its address; empty: not in the file"),
               field("observation_domain", &SeenName::observation_domain, "Observation domain"),
               field("id", &SeenName::id, "As in `in_if` and `out_if`, or in `application_label`"),
               field("name", &SeenName::name, "Name"));
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
  std::uint64_t biflows = 0, reverse_bytes = 0, reverse_packets = 0;
  Micros first = 0, last = 0;
  std::vector<task::ByteRange> lost_compressed, lost_content;
  std::uint64_t templates_seen = 0;
  std::vector<SeenTemplate> templates = {};
  std::uint64_t elements_known_seen = 0;
  std::vector<std::string> elements_known = {};
  std::uint64_t elements_unknown_seen = 0;
  std::vector<SeenElement> elements_unknown = {};
  std::uint64_t interfaces_seen = 0;
  std::vector<SeenName> interfaces = {};
  std::uint64_t applications_seen = 0;
  std::vector<SeenName> applications = {};

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
      field("biflows", &FlowSummary::biflows, "Selected flows that also count the opposite direction").optional(),
      field("reverse_bytes", &FlowSummary::reverse_bytes, "Bytes of the opposite direction, not in `bytes`").unit("B").optional(),
      field("reverse_packets", &FlowSummary::reverse_packets, "Packets of the opposite direction, not in `packets`")
          .unit("packet")
          .optional(),
      time_field("first", &FlowSummary::first, "Start of the first selected flow").optional(),
      time_field("last", &FlowSummary::last, "End of the last selected flow").optional(),
      field("lost_compressed", &FlowSummary::lost_compressed, "Lost ranges of the file as stored"),
      field("lost_content", &FlowSummary::lost_content, "Lost ranges of the decompressed content"),
      field("templates_seen", &FlowSummary::templates_seen, "Different templates, counted up to 10,000").optional(),
      field("templates", &FlowSummary::templates, "The first 100 of them by exporter, observation domain and id").optional(),
      field("elements_known_seen", &FlowSummary::elements_known_seen,
            "Different information elements of templates that the IANA registry or CERT's list has")
          .optional(),
      field("elements_known", &FlowSummary::elements_known, "Their names, by enterprise and number").optional(),
      field("elements_unknown_seen", &FlowSummary::elements_unknown_seen, "Those that neither has, counted up to 10,000")
          .optional(),
      field("elements_unknown", &FlowSummary::elements_unknown, "The first 100 of them by enterprise and number").optional(),
      field("interfaces_seen", &FlowSummary::interfaces_seen, "Interfaces that exporters name, counted up to 10,000").optional(),
      field("interfaces", &FlowSummary::interfaces, "The first 100 of them by exporter, observation domain and number")
          .optional(),
      field("applications_seen", &FlowSummary::applications_seen, "Applications that exporters name, counted up to 10,000")
          .optional(),
      field("applications", &FlowSummary::applications, "The first 100 of them by exporter, observation domain and number")
          .optional());
};

}  // namespace mole
