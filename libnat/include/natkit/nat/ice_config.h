#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/nat/ice_candidate.h"
#include "natkit/nat/keepalive_policy.h"

namespace natkit::ice {

/// When the controlling side nominates.
enum class Nomination : uint8_t {
  /// RFC 8445 section 8.1.1: once per session, when no better pair is pending
  /// or the first valid one has waited for them as long as its round trip
  /// takes, at least AgentConfig::pacing and at most nomination_wait.
  kRegular,
  /// As soon as a pair is valid, and again whenever a better one is, or when
  /// the selected one becomes suspect. Nominations carry the NOMINATION
  /// attribute of the renomination draft. STUN servers are asked again when
  /// the selected pair becomes suspect or is lost: gathering never ends.
  kContinuous,
};

/// How often one STUN request is sent, and when it is given up.
///
/// Intervals start at `initial_rto` and double up to `max_interval`; after the
/// last send the answer is awaited for `final_wait`. The first `burst_sends`
/// are at most `burst_interval` apart.
struct RetransmitSchedule {
  Duration initial_rto = std::chrono::milliseconds(500);
  Duration max_interval = std::chrono::seconds(64);
  uint8_t burst_sends = 0;
  Duration burst_interval = std::chrono::seconds(64);
  uint8_t max_sends = 7;
  Duration final_wait = std::chrono::seconds(8);
};

/// Everything that an Agent needs to know in advance. The defaults are those
/// of the RFCs; Mesh() gives what a mesh link wants.
struct AgentConfig {
  Role role = Role::kControlling;
  /// Asked from every base of the same family for a server-reflexive
  /// candidate.
  std::vector<Endpoint> stun_servers;
  /// Ta, the least time between two new transactions (RFC 8445 section 14.2).
  Duration pacing = std::chrono::milliseconds(50);

  /// Schedule of connectivity checks and nominations.
  RetransmitSchedule check_schedule;
  /// Schedule of requests to STUN servers (RFC 8489 section 6.2.1).
  RetransmitSchedule gather_schedule;
  /// Raises the first check interval to Ta * (Waiting + In-Progress pairs) (RFC
  /// 8445 section 14.3).
  bool scale_rto = true;
  /// Starts one pair per foundation and leaves the others Frozen until it is
  /// done (RFC 8445 section 6.1.2.6). Off: all pairs start Waiting.
  bool freezing = true;

  /// Controlled side: in the first `opener_time` of a pair with a reflexive
  /// remote its checks have this time to live, unless the remote was heard on
  /// it. They open our own NAT without reaching the other side's, where a
  /// packet that comes too early can make the NAT move the mapping that it was
  /// sent to. 0: no limit.
  uint8_t opener_ttl = 0;
  Duration opener_time = std::chrono::milliseconds(150);

  Nomination nomination = Nomination::kRegular;
  /// The longest that kRegular waits for better pairs after the first valid
  /// one.
  Duration nomination_wait = std::chrono::milliseconds(500);

  /// Mean time between consent checks on the selected pair; each interval is
  /// this times 0.8 to 1.2 (RFC 7675 section 5.1).
  Duration consent_interval = std::chrono::seconds(5);
  /// Without any answer for this long the selected pair is given up.
  Duration consent_expiry = std::chrono::seconds(30);
  /// Without any answer for this long the selected pair becomes suspect: an
  /// event is raised, all other pairs are checked again.
  Duration suspect_after = std::chrono::seconds(12);
  /// A consent check that is not answered after this long is followed by the
  /// next one at once, instead of after consent_interval. Values of
  /// consent_interval and above change nothing.
  Duration unanswered_interval = std::chrono::seconds(5);

  /// After this long without data (Agent::NoteData) the selected pair rests:
  /// RFC 7675 asks for consent of those who send, so its checks end, no other
  /// pair is probed, and what keeps the pair is a check as often as `keepalive`
  /// says, counted from the last packet that left us. As an answer leaves the
  /// other side, one check serves the NATs of both, and the side whose NAT
  /// forgets sooner sends it. 0: never.
  Duration rest_after = Duration::zero();
  /// What is known of our NAT's lifetimes, and how much a packet costs us.
  nat::KeepalivePolicy keepalive;

  /// Failure is not reported before this long after the first check (RFC 8863).
  Duration patience = std::chrono::milliseconds(39500);
  /// Failed pairs that are better than the selected one, or all if none is
  /// selected, are checked again after this long. 0: never.
  Duration recheck_interval = Duration::zero();
  /// kContinuous: Succeeded pairs that do not carry data are checked this
  /// often, so that their mappings stay and their round-trip times are known,
  /// and data moves to a pair that is clearly faster (by 20 ms and 30 %) than
  /// the selected one. 0: never, and only priorities count.
  Duration reprobe_interval = Duration::zero();
  /// A pair stays selected for this long before a faster one is looked for.
  Duration rtt_dwell = std::chrono::seconds(5);
  /// After an ICE restart has selected a pair, checks of the old session are
  /// still answered for this long.
  Duration old_session_linger = std::chrono::seconds(3);

  // Bounds of memory. What goes beyond is refused or dropped, and counted.
  size_t max_pairs = 100;
  size_t max_local_candidates = 32;
  size_t max_remote_candidates = 64;
  size_t max_early_checks = 16;

  /// For links between mesh nodes that have a relay meanwhile: all pairs start
  /// at once 20 ms apart, each is tried at 0, 50, 150, 250, 350, 450, 550, 750,
  /// 1150, ... for about 10 s (the other side may begin a few hundred
  /// milliseconds later), nomination is continuous, and a dead path is suspect
  /// after 1.8 s and dropped after 3 s. Every other working pair is checked
  /// each 10 s, and a clearly faster one takes over.
  [[nodiscard]] static AgentConfig Mesh(Role role);
};

}  // namespace natkit::ice
