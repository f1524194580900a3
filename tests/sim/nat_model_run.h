#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "natkit/netsim/nat_engine.h"
#include "natkit/netsim/sim_rng.h"
#include "reference_nat.h"

namespace natkit::netsim {

/// A configuration without problems, mapping, filtering, timer scope and
/// port assignment by `seed`, every other parameter drawn from `rng`, with
/// lifetimes of seconds and tables small enough to run full.
[[nodiscard]] NatConfig DrawConfig(SimRng& rng, uint64_t seed);

/// Every parameter that DrawConfig() draws, for a failure report.
[[nodiscard]] std::string Describe(const NatConfig& config);

/// One NatEngine and one ReferenceNat that see the same random packets. All of
/// it follows from the seed.
class NatModelRun {
 public:
  explicit NatModelRun(uint64_t seed);

  /// One packet or event. False after a difference.
  [[nodiscard]] bool Step();

  /// The first difference: seed, configuration, step, both answers and what
  /// went before.
  [[nodiscard]] const std::string& report() const { return report_; }

  [[nodiscard]] const Tally& tally() const { return model_.tally(); }

  [[nodiscard]] const Tally& own_tally() const { return tally_; }

  [[nodiscard]] uint64_t packets() const { return packets_; }

 private:
  /// What was done; a packet becomes text only for a report.
  struct Event {
    uint64_t step = 0;
    Instant at{};
    std::string text;
    std::optional<PacketFacts> packet;
  };

  void AdvanceClock();
  void SendPacket();
  void SendAtExpiry();
  void DoEvent();
  void DoForward();
  void Exchange(Side from, const PacketFacts& packet);
  void CompareCounters(Fate fate, const Outcome& outcome);
  void CompareMappings();
  void CheckChoices();
  void Check(bool is_same, const std::string& what, const std::string& engine,
             const std::string& model);
  void Note(const std::string& text,
            std::optional<PacketFacts> packet = std::nullopt);
  void DrainQueue(Outcome& outcome);

  // What to send.
  PacketFacts Outbound();
  PacketFacts Inbound();
  PacketFacts ErrorIn();
  PacketFacts ErrorOut();
  PacketFacts Refreshing(const ReferenceNat::Mapping& mapping, bool is_out);
  const ReferenceNat::Mapping* AnyMapping();
  Endpoint AnyRemote();
  Endpoint RemoteOf(const ReferenceNat::Mapping& mapping);
  IpAddress AnyHost();
  uint16_t AnyInsidePort();
  uint16_t AnyExternalPort();
  uint8_t AnyTcpFlags();
  void Vary(PacketFacts& packet);

  uint64_t seed_;
  SimRng rng_;
  NatConfig config_;
  NatEngine engine_;
  ReferenceNat model_;
  Instant now_{};
  uint64_t step_ = 0;
  uint64_t packets_ = 0;
  size_t hosts_ = 3;
  bool is_udp_blocked_ = false;
  bool is_compared_each_step_ = false;
  NatCounters expected_{};
  std::deque<Event> history_;
  std::string report_;
  Tally tally_;
};

}  // namespace natkit::netsim
