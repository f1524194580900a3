#include "metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <sstream>
#include <utility>
#include <vector>

namespace natkit::stunsrv {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

using Labels = std::vector<ClientMetric::Label>;

/// One metric with its samples.
class Family {
 public:
  Family(const char* name, const char* help, MetricType type) {
    family_.name = name;
    family_.help = help;
    family_.type = type;
  }

  Family& Add(uint64_t value, Labels labels = {}) {
    ClientMetric metric;
    metric.label = std::move(labels);
    if (family_.type == MetricType::Counter) {
      metric.counter.value = static_cast<double>(value);
    } else {
      metric.gauge.value = static_cast<double>(value);
    }
    family_.metric.push_back(std::move(metric));
    return *this;
  }

  [[nodiscard]] MetricFamily Take() { return std::move(family_); }

 private:
  MetricFamily family_;
};

void AddOutcomes(Family& family, const char* transport,
                 const stun::ServerCounters& counters) {
  const std::pair<const char*, uint64_t> outcomes[] = {
      {"answered", counters.answered},
      {"answered_rfc3489", counters.answered_rfc3489},
      {"unknown_attribute", counters.unknown_attribute},
      {"unauthenticated", counters.unauthenticated},
      {"sent_elsewhere", counters.sent_elsewhere},
      {"refused_discovery", counters.refused_discovery},
      {"not_stun", counters.not_stun},
      {"refused_rfc3489", counters.refused_rfc3489},
      {"not_a_request", counters.not_a_request},
      {"refused_form", counters.refused_form},
      {"refused_source", counters.refused_source},
      {"rate_limited", counters.rate_limited},
      {"too_long", counters.too_long}};
  for (const auto& [outcome, count] : outcomes) {
    family.Add(count, {{"transport", transport}, {"outcome", outcome}});
  }
}

MetricFamily Counter(const char* name, const char* help, uint64_t value) {
  return Family(name, help, MetricType::Counter).Add(value).Take();
}

void AddUdp(std::vector<MetricFamily>& all, const UdpCounters& udp) {
  const stun::ServerCounters& server = udp.server;
  all.push_back(Counter("stunsrv_udp_batches_total",
                        "System calls that received requests.", udp.batches));
  all.push_back(Counter("stunsrv_udp_truncated_total",
                        "Datagrams over 2304 bytes, dropped.", udp.truncated));
  all.push_back(Counter("stunsrv_udp_send_errors_total",
                        "Responses that the system did not take.",
                        udp.send_errors));
  all.push_back(Family("stunsrv_discovery_total",
                       "Responses in which RFC 5780 had a part.",
                       MetricType::Counter)
                    .Add(server.changed, {{"kind", "change_request"}})
                    .Add(server.redirected, {{"kind", "response_port"}})
                    .Add(server.padded, {{"kind", "padding"}})
                    .Take());
}

void AddStreams(std::vector<MetricFamily>& all, const StreamCounters& streams) {
  all.push_back(Family("stunsrv_connections", "Open TCP and TLS connections.",
                       MetricType::Gauge)
                    .Add(streams.open)
                    .Take());
  all.push_back(Family("stunsrv_connections_total",
                       "TCP and TLS connections by what became of them.",
                       MetricType::Counter)
                    .Add(streams.accepted, {{"event", "accepted"}})
                    .Add(streams.refused, {{"event", "refused"}})
                    .Add(streams.evicted, {{"event", "evicted"}})
                    .Add(streams.timed_out, {{"event", "timed_out"}})
                    .Take());
}

void AddPartner(std::vector<MetricFamily>& all,
                const PartnerShell::Counters& partner) {
  all.push_back(Family("stunsrv_partner_orders_total",
                       "Orders over the link between two machines.",
                       MetricType::Counter)
                    .Add(partner.sent, {{"event", "sent"}})
                    .Add(partner.unsent, {{"event", "unsent"}})
                    .Add(partner.received, {{"event", "received"}})
                    .Add(partner.refused, {{"event", "refused"}})
                    .Take());
}

}  // namespace

std::string FormatMetrics(const Measurements& measurements) {
  const UdpCounters& udp = measurements.udp;
  const StreamCounters& streams = measurements.streams;
  Family requests("stunsrv_requests_total",
                  "Datagrams and messages received, by what became of them.",
                  MetricType::Counter);
  AddOutcomes(requests, "udp", udp.server);
  AddOutcomes(requests, "stream", streams.server);
  std::vector<MetricFamily> all{requests.Take()};
  all.push_back(
      Family("stunsrv_bytes_total", "Bytes of STUN.", MetricType::Counter)
          .Add(udp.server.received_bytes,
               {{"transport", "udp"}, {"direction", "in"}})
          .Add(udp.server.sent_bytes,
               {{"transport", "udp"}, {"direction", "out"}})
          .Add(streams.server.received_bytes,
               {{"transport", "stream"}, {"direction", "in"}})
          .Add(streams.server.sent_bytes,
               {{"transport", "stream"}, {"direction", "out"}})
          .Take());
  AddUdp(all, udp);
  AddStreams(all, streams);
  if (measurements.partner != nullptr) {
    AddPartner(all, *measurements.partner);
  }
  all.push_back(Family("stunsrv_reloads_total",
                       "Times the settings were read again.",
                       MetricType::Counter)
                    .Add(measurements.reloads, {{"result", "applied"}})
                    .Add(measurements.failed_reloads, {{"result", "failed"}})
                    .Take());
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, all);
  return out.str();
}

std::string Summarize(const Measurements& measurements) {
  stun::ServerCounters sum = measurements.udp.server;
  sum += measurements.streams.server;
  const uint64_t refused = sum.unknown_attribute + sum.unauthenticated +
                           sum.refused_discovery + sum.sent_elsewhere;
  const std::string old = sum.refused_rfc3489 == 0
                              ? ""
                              : ", of RFC 3489 and not answered " +
                                    std::to_string(sum.refused_rfc3489);
  return "received " + std::to_string(sum.received) + ", answered " +
         std::to_string(sum.answered + sum.answered_rfc3489) + ", refused " +
         std::to_string(refused) + ", not STUN " +
         std::to_string(sum.not_stun) + ", rate limited " +
         std::to_string(sum.rate_limited) + ", too long to answer " +
         std::to_string(sum.too_long) + old;
}

}  // namespace natkit::stunsrv
