#pragma once

#include <cstddef>
#include <string>

#include "partner_shell.h"
#include "stream_service.h"
#include "udp_worker.h"

namespace natkit::stunsrv {

/// All that is counted, at one moment.
struct Measurements {
  UdpCounters udp;
  StreamCounters streams;
  const PartnerShell::Counters* partner = nullptr;  ///< null: no partner
  size_t reloads = 0;
  size_t failed_reloads = 0;
};

/// In the text format of Prometheus, version 0.0.4.
[[nodiscard]] std::string FormatMetrics(const Measurements& measurements);

/// One line for the log.
[[nodiscard]] std::string Summarize(const Measurements& measurements);

}  // namespace natkit::stunsrv
