// The document that the call `load_history` returns: what nodes did over time.
#pragma once

#include "coordinator/wire/documents/states.hpp"
#include "sdk/model/field_json.hpp"

#include <string>
#include <vector>

namespace mole::coordinator {

// Also a row of the table "node_loads". Means are over heartbeats. Without heartbeats they are not known, and 0.
struct LoadSample {
  Micros from = 0, to = 0;
  std::uint64_t heartbeats = 0, measured_seconds = 0;
  double cache_bytes = 0, cache_limit = 0;
  std::uint64_t cache_most = 0;
  double slots = 0, busy_slots = 0, fetches = 0, busy_fetches = 0, waiting = 0, unfetched = 0;
  std::uint64_t fetched_bytes = 0;
  double wait_seconds = 0, transfer_seconds = 0;
  std::uint64_t decoded_bytes = 0, decoded_flows = 0;

  bool operator==(const LoadSample&) const = default;
  static constexpr auto table = document(
      "LoadSample", "What a node did in an interval.",  //
      time_field("from", &LoadSample::from, "Start"), time_field("to", &LoadSample::to, "End"),
      field("heartbeats", &LoadSample::heartbeats, "Heartbeats with the load; 0: the means are not known").optional(),
      field("measured_seconds", &LoadSample::measured_seconds, "Length of its minutes with such heartbeats").unit("s").optional(),
      field("cache_bytes", &LoadSample::cache_bytes, "Mean size of the files and columns in the cache").unit("B").optional(),
      field("cache_limit", &LoadSample::cache_limit, "Mean limit of the cache").unit("B").optional(),
      field("cache_most", &LoadSample::cache_most, "Largest size of them").unit("B").optional(),
      field("slots", &LoadSample::slots, "Mean number of slots for tasks that compute").optional(),
      field("busy_slots", &LoadSample::busy_slots, "Mean number of those that run a task").optional(),
      field("fetches", &LoadSample::fetches, "Mean number of slots for tasks of kind `fetch`").optional(),
      field("busy_fetches", &LoadSample::busy_fetches, "Mean number of those that run a task").optional(),
      field("waiting", &LoadSample::waiting, "Share of heartbeats at which blocks waited for files on media").optional(),
      field("unfetched", &LoadSample::unfetched,
            "Share of heartbeats at which such files were on a medium that no node read, although a drive could be used")
          .optional(),
      field("fetched_bytes", &LoadSample::fetched_bytes, "Bytes that tasks of kind `fetch` transferred").unit("B").optional(),
      field("wait_seconds", &LoadSample::wait_seconds, "How long these tasks waited for the archive").unit("s").optional(),
      field("transfer_seconds", &LoadSample::transfer_seconds, "How long they transferred files").unit("s").optional(),
      field("decoded_bytes", &LoadSample::decoded_bytes, "Size of the files that tasks decoded").unit("B").optional(),
      field("decoded_flows", &LoadSample::decoded_flows, "Flows of these files").optional());
};

struct NodeLoads {
  std::string node;
  std::vector<LoadSample> samples;

  bool operator==(const NodeLoads&) const = default;
  static constexpr auto table = document(
      "NodeLoads", "What a node did over time.",  //
      field("node", &NodeLoads::node, "Name"),
      field("samples", &NodeLoads::samples, "In order of time, without overlaps. A time without a sample was not measured"));
};

struct LoadHistory {
  std::vector<NodeLoads> nodes;

  bool operator==(const LoadHistory&) const = default;
  static constexpr auto table = document("LoadHistory", "What the nodes did over time.",  //
                                         field("nodes", &LoadHistory::nodes, "Nodes with samples in the range, at most 64"));
};

struct BoundStatus {
  Bound bound = Bound::unknown;
  double slots_busy = 0, cache_used = 0;
  std::uint64_t heartbeats = 0;

  bool operator==(const BoundStatus&) const = default;
  static constexpr auto table = document(
      "BoundStatus", "What limited the speed of all nodes in the last five minutes.",  //
      field("bound", &BoundStatus::bound, "The bound"),
      field("slots_busy", &BoundStatus::slots_busy, "Share of the slots for tasks that compute which ran one").optional(),
      field("cache_used", &BoundStatus::cache_used, "Mean size of what is in the caches as a share of their limits").optional(),
      field("heartbeats", &BoundStatus::heartbeats, "Heartbeats that tell this").optional());
};

}  // namespace mole::coordinator
