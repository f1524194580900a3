#include "natkit/nat/ice_config.h"

namespace natkit::ice {

using std::chrono::milliseconds;
using std::chrono::seconds;

AgentConfig AgentConfig::Mesh(Role role) {
  AgentConfig config;
  config.role = role;
  config.pacing = milliseconds(20);
  config.check_schedule = {.initial_rto = milliseconds(50),
                           .max_interval = milliseconds(1600),
                           .burst_sends = 7,
                           .burst_interval = milliseconds(100),
                           .max_sends = 14,
                           .final_wait = milliseconds(1500)};
  config.gather_schedule = {.initial_rto = milliseconds(250),
                            .max_interval = seconds(2),
                            .max_sends = 6,
                            .final_wait = seconds(2)};
  config.opener_ttl = 5;
  config.scale_rto = false;
  config.freezing = false;
  config.nomination = Nomination::kContinuous;
  config.consent_interval = seconds(1);
  config.consent_expiry = seconds(3);
  config.suspect_after = milliseconds(1800);
  config.unanswered_interval = milliseconds(250);
  config.patience = seconds(12);
  config.recheck_interval = seconds(30);
  config.reprobe_interval = seconds(10);
  return config;
}

}  // namespace natkit::ice
