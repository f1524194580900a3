#include "metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <chrono>
#include <sstream>
#include <utility>
#include <vector>

namespace natkit::coordd {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

struct Sample {
  double value = 0;
  std::vector<ClientMetric::Label> labels;
};

double Number(uint64_t value) {
  return static_cast<double>(value);
}

double Seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

MetricFamily Family(const char* name, const char* help, MetricType type,
                    std::vector<Sample> samples) {
  MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = type;
  for (Sample& sample : samples) {
    ClientMetric metric;
    metric.label = std::move(sample.labels);
    (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) =
        sample.value;
    family.metric.push_back(std::move(metric));
  }
  return family;
}

MetricFamily Counter(const char* name, const char* help,
                     std::vector<Sample> samples) {
  return Family(name, help, MetricType::Counter, std::move(samples));
}

MetricFamily Gauge(const char* name, const char* help,
                   std::vector<Sample> samples) {
  return Family(name, help, MetricType::Gauge, std::move(samples));
}

/// One label's values and their counts.
std::vector<Sample> By(
    const char* label,
    const std::vector<std::pair<const char*, uint64_t>>& counts) {
  std::vector<Sample> samples;
  for (const auto& [value, count] : counts) {
    samples.push_back({.value = Number(count), .labels = {{label, value}}});
  }
  return samples;
}

std::vector<Sample> One(double value) {
  return {{.value = value, .labels = {}}};
}

void AddMesh(std::vector<MetricFamily>& all, const Measurements& m) {
  all.push_back(Gauge("coordd_nodes", "Nodes by state.",
                      By("state", {{"online", m.online},
                                   {"offline", m.offline},
                                   {"expired", m.expired},
                                   {"waiting", m.waiting}})));
  all.push_back(Gauge("coordd_users", "Users.", One(Number(m.users))));
  all.push_back(Gauge("coordd_policy_revision", "0: there is no policy.",
                      One(Number(m.policy_revision))));
  all.push_back(Counter("coordd_events_total", "Events in the event log.",
                        One(Number(m.events))));
}

void AddStreams(std::vector<MetricFamily>& all, const Measurements& m) {
  const auto& c = m.coordinator;
  all.push_back(
      Gauge("coordd_streams", "Streams by state.",
            By("state", {{"proven", c.streams}, {"unproven", c.unproven}})));
  all.push_back(Counter("coordd_connections_total", "Connections of nodes.",
                        One(Number(c.connections))));
  all.push_back(Counter("coordd_joins_total", "Nodes that got in.",
                        One(Number(m.settles.joined))));
  all.push_back(Counter("coordd_refusals_total",
                        "Who was turned away, and why.",
                        By("reason", {{"too_many", c.refused_connections},
                                      {"login", c.refused_logins},
                                      {"stream", m.refused_streams},
                                      {"protocol", c.protocol_errors}})));
  all.push_back(
      Counter("coordd_bytes_total", "Bytes of frames.",
              By("direction", {{"in", c.bytes_in}, {"out", c.bytes_out}})));
  all.push_back(
      Counter("coordd_frames_total", "Frames.",
              By("direction", {{"in", c.frames_in}, {"out", c.frames_out}})));
}

void AddMaps(std::vector<MetricFamily>& all, const Measurements& m) {
  const auto& c = m.coordinator;
  uint64_t resyncs = 0;
  for (const uint64_t count : c.resyncs) {
    resyncs += count;
  }
  all.push_back(Counter("coordd_maps_total", "Maps sent, by how.",
                        By("kind", {{"snapshot", c.snapshots},
                                    {"delta", c.deltas},
                                    {"resumed", c.resumed},
                                    {"resync", resyncs}})));
  all.push_back(Counter("coordd_delta_items_total", "Items in deltas.",
                        One(Number(c.delta_items))));
  all.push_back(Counter("coordd_signals_total", "Signals between nodes.",
                        By("outcome", {{"forwarded", c.signals},
                                       {"dropped", c.dropped_signals}})));
  all.push_back(
      Counter("coordd_urgent_total",
              "Urgent updates (revocations and the like): late ones were not "
              "acknowledged in time.",
              By("event", {{"sent", c.urgent},
                           {"acknowledged", c.urgent_acknowledged},
                           {"late", c.late_acknowledgements}})));
  all.push_back(Counter("coordd_urgent_seconds_total",
                        "From sending urgent updates to their acknowledgement.",
                        One(Seconds(c.urgent_latency_sum))));
}

void AddServer(std::vector<MetricFamily>& all, const Measurements& m) {
  all.push_back(Counter("coordd_settles_total",
                        "Times that changes were committed and told.",
                        One(Number(m.settles.count))));
  all.push_back(Counter("coordd_settle_seconds_total", "How long that took.",
                        One(Seconds(m.settles.sum))));
  all.push_back(Gauge("coordd_settle_seconds_max", "The longest of them.",
                      One(Seconds(m.settles.longest))));
  all.push_back(Gauge("coordd_api_connections", "Connections of the API.",
                      One(Number(m.api_connections))));
  all.push_back(Counter("coordd_api_requests_total", "Requests of the API.",
                        One(Number(m.api.requests))));
  all.push_back(Counter("coordd_api_refusals_total",
                        "Requests and connections of the API turned away.",
                        By("reason", {{"unauthorized", m.api.unauthorized},
                                      {"throttled", m.api.throttled},
                                      {"forbidden", m.api.forbidden},
                                      {"dropped", m.api_dropped}})));
}

}  // namespace

void MeasureRegistry(const mesh::Registry& registry, mesh::WallTime now,
                     Measurements& out) {
  for (const auto& [id, node] : registry.nodes()) {
    if (node.status == mesh::NodeStatus::kPendingApproval) {
      ++out.waiting;
    } else if (!registry.IsServing(now, node)) {
      ++out.expired;
    } else {
      ++(registry.is_online(id) ? out.online : out.offline);
    }
  }
  out.users = registry.users().size();
  out.policy_revision =
      registry.policy() == nullptr ? 0 : registry.policy()->revision;
}

std::string FormatMetrics(const Measurements& measured) {
  std::vector<MetricFamily> all;
  AddMesh(all, measured);
  AddStreams(all, measured);
  AddMaps(all, measured);
  AddServer(all, measured);
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, all);
  return out.str();
}

}  // namespace natkit::coordd
