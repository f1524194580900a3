#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "api/service.h"
#include "coord_server.h"
#include "natkit/mesh/coord/coordinator.h"
#include "natkit/mesh/registry/registry.h"

namespace natkit::coordd {

/// What a server measures, as of one moment.
struct Measurements {
  mesh::CoordinatorCounters coordinator;
  SettleCounters settles;
  uint64_t refused_streams = 0;  ///< too many, or too slow in their handshake
  ApiCounters api;
  uint64_t api_connections = 0;
  uint64_t api_dropped = 0;
  uint64_t events = 0;  ///< number of the newest one
  uint64_t policy_revision = 0;
  // Nodes by state: each node counts in one.
  uint64_t online = 0;
  uint64_t offline = 0;
  uint64_t expired = 0;
  uint64_t waiting = 0;
  uint64_t users = 0;
};

/// Counts the nodes and users of a registry into `out`.
void MeasureRegistry(const mesh::Registry& registry, mesh::WallTime now,
                     Measurements& out);

/// In the text format of Prometheus. Labels have few values, which no node and
/// no client chooses.
[[nodiscard]] std::string FormatMetrics(const Measurements& measured);

}  // namespace natkit::coordd
