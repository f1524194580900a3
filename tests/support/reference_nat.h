#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/netsim/nat_config.h"
#include "natkit/netsim/nat_engine.h"
#include "packet_facts.h"

namespace natkit::netsim {

/// What becomes of a packet; one per counter of NatCounters, but for the last.
enum class Fate : uint8_t {
  kForwardedOut,
  kForwardedIn,
  kHairpinned,
  kFiltered,
  kUnmapped,
  kPolicy,
  kFull,
  kTtl,
  kMtu,
  kMalformed,
  kAnswered,
};

/// Everything that one input makes happen.
struct Outcome {
  Fate fate = Fate::kUnmapped;
  std::optional<Side> side;  ///< where `forwarded` leaves
  PacketFacts forwarded;
  std::vector<std::pair<Side, PacketFacts>> queued;

  bool operator==(const Outcome&) const = default;
  [[nodiscard]] std::string ToString() const;
};

/// How often the model saw things happen that tests want to have happened.
using Tally = std::map<std::string, uint64_t>;

/// A NatEngine for IPv4 without fragments, written from the RFCs and
/// nat_config.h to be obviously right and nothing else: vectors, linear scans,
/// no bytes.
///
/// Where the configuration leaves the choice to the engine (which random port,
/// which pool address, which of two equally idle mappings goes), the model
/// looks at the engine's mappings, checks that the choice was allowed and
/// continues with it. All else it says itself. Call Handle() right after the
/// engine has processed the same packet.
class ReferenceNat {
 public:
  /// The engine's Mappings() at the time of the packet being handled.
  using Peek = std::function<std::vector<MappingView>()>;

  ReferenceNat(NatConfig config, Peek peek);

  /// `observed` is what the engine forwarded, for choices that are its own.
  [[nodiscard]] Outcome Handle(Instant now, Side from,
                               const PacketFacts& packet,
                               const std::optional<PacketFacts>& observed);
  /// Lets time pass, as NatEngine::HandleTimeout().
  void Advance(Instant now);
  void Reboot(Instant now, std::optional<IpAddress> new_external);
  void SetUdpBlocked(bool is_blocked);
  /// `given` is the engine's answer.
  void AddForward(Instant now, const ForwardRequest& request,
                  const Result<Endpoint>& given);
  [[nodiscard]] bool RemoveForward(Instant now, uint8_t protocol,
                                   const Endpoint& inside);

  /// In the order of NatEngine::Mappings(); ties by external endpoint and
  /// expiry.
  [[nodiscard]] std::vector<MappingView> Mappings() const;

  /// Choices of the engine that were not allowed; cleared by the call.
  [[nodiscard]] std::vector<std::string> TakeProblems();

  [[nodiscard]] const Tally& tally() const { return tally_; }

  /// A remote endpoint that a mapping knows.
  struct Session {
    Endpoint remote{};
    Instant first{};
    Instant expires{};
    uint64_t touched = 0;  ///< in which order sessions were used
    bool has_out = false;
    bool has_in = false;
    bool has_syn_out = false;
    bool has_syn_in = false;
    bool has_fin_out = false;
    bool has_fin_in = false;
    bool has_ack_out = false;  ///< of the other side's SYN
    bool has_ack_in = false;
    bool is_reset = false;
  };

  struct Mapping {
    uint8_t protocol = 0;
    Endpoint inside{};
    Endpoint external{};
    /// Of this mapping; EI ones ignore `remote`.
    Dependence dependence = Dependence::kEndpointIndependent;
    Endpoint remote{};
    Instant first{};
    Instant expires{};    ///< kMapping scope, UDP and ICMP
    Instant last_used{};  ///< by a packet that may refresh it
    bool has_out = false;
    bool has_in = false;
    bool is_forward = false;
    bool is_suggested = false;  ///< a forward's port was not the NAT's choice
    bool is_static = false;     ///< a forward that never expires
    std::vector<Session> sessions{};
  };

  [[nodiscard]] const std::vector<Mapping>& live() const { return mappings_; }

  [[nodiscard]] Instant ExpiryOf(const Mapping& mapping) const;
  /// External addresses in use now.
  [[nodiscard]] std::span<const IpAddress> Pool() const;

 private:
  struct BoxFlow {
    uint8_t protocol = 0;
    Endpoint external{};
    Endpoint remote{};
    Instant expires{};
  };

  struct Resting {
    uint8_t protocol = 0;
    Endpoint external{};
    Instant until{};
  };

  /// What a packet needs a mapping for.
  struct Need {
    uint8_t protocol = 0;
    Endpoint inside{};
    Endpoint remote{};
    bool is_exact = false;  ///< only for this remote, whatever the config says
    bool is_shed = false;

    /// Identifiers of ICMP queries are not ports: they have neither pairs nor
    /// classes.
    [[nodiscard]] bool has_port() const { return protocol != 1; }
  };

  /// What the engine has and the model has not, and the other way round.
  struct Difference {
    std::vector<MappingView> added;
    std::vector<MappingView> missing;
  };

  // reference_nat.cc: the way of a packet.
  Outcome HandleInside(Instant now, const PacketFacts& packet);
  Outcome HandleOutside(Instant now, const PacketFacts& packet);
  Outcome HandleErrorOut(const PacketFacts& packet);
  Outcome HandleErrorIn(const PacketFacts& packet, Side from);
  Outcome Hairpin(Instant now, const PacketFacts& packet,
                  const Endpoint& external);
  static Outcome AnswerEcho(const PacketFacts& packet, Side from);
  Outcome ForwardUntranslated(Side from, const PacketFacts& packet);
  Outcome RefuseUnsolicited(Instant now, const PacketFacts& packet, Side from,
                            Fate fate);
  [[nodiscard]] static bool IsStray(Mapping* mapping, const Endpoint& remote,
                                    const PacketFacts& packet);
  std::optional<Outcome> CheckRoute(const PacketFacts& packet, Side from,
                                    Side to);
  [[nodiscard]] bool PolicyAllows(const PacketFacts& packet) const;
  [[nodiscard]] bool IsKnownFlow(const PacketFacts& packet);
  [[nodiscard]] bool IsExempt(const IpAddress& address) const;
  [[nodiscard]] bool IsOwn(const IpAddress& address) const;
  [[nodiscard]] bool IsStateless() const;
  [[nodiscard]] bool Hairpins() const;
  Outcome Route(const PacketFacts& packet, Side from);
  std::optional<IpAddress> OneToOneAddress(const IpAddress& host);
  static void Send(Outcome& outcome, Side to,
                   const std::optional<PacketFacts>& error);

  // reference_nat_state.cc: mappings, sessions and their time.
  Mapping* Outbound(Instant now, const PacketFacts& packet);
  Mapping* FindOutbound(uint8_t protocol, const Endpoint& inside,
                        const Endpoint& remote);
  Mapping* FindInbound(uint8_t protocol, const Endpoint& external,
                       const Endpoint& remote);
  [[nodiscard]] Mapping* ChosenOf(const std::vector<Mapping*>& accepting) const;
  [[nodiscard]] bool Accepts(const Mapping& mapping,
                             const Endpoint& remote) const;
  [[nodiscard]] bool IsTupleTaken(const Mapping& mapping,
                                  const Endpoint& remote) const;
  [[nodiscard]] Mapping* FindOlder(Mapping& mapping, const Endpoint& remote,
                                   Side from);
  [[nodiscard]] bool IsBoxFlow(uint8_t protocol, const Endpoint& external,
                               const Endpoint& remote) const;
  static const Session* FindSession(const Mapping& mapping,
                                    const Endpoint& remote);
  static Session* FindSession(Mapping& mapping, const Endpoint& remote);
  void Touch(Instant now, Mapping& mapping, const Endpoint& remote, Side from,
             uint8_t tcp_flags);
  [[nodiscard]] bool MakesSession(Mapping& mapping, const Endpoint& remote,
                                  Side from);
  [[nodiscard]] bool HasRoomForSession(Mapping& mapping);
  void TouchMapping(Instant now, Mapping& mapping, Side from, bool is_new);
  void TouchSession(Instant now, Mapping& mapping, Session& session, Side from,
                    uint8_t tcp_flags, bool is_new);
  [[nodiscard]] Duration LifetimeOf(Instant now, uint8_t protocol,
                                    Instant first, bool is_two_way,
                                    const Session* session) const;
  [[nodiscard]] bool SessionsExpire(const Mapping& mapping) const;
  [[nodiscard]] bool Refreshes(Side from) const;
  void Remove(size_t index, Instant when);
  void LoseState();

  // reference_nat_ports.cc: what a new mapping may look like.
  Mapping* Create(Instant now, const Need& need);
  Mapping* Adopt(Instant now, const Need& need, const Endpoint& external);
  [[nodiscard]] Dependence MappingDependence() const;
  [[nodiscard]] bool HasRoom(Instant now, const Need& need,
                             const Difference& difference);
  [[nodiscard]] bool EvictAny(Instant now, const IpAddress* host,
                              const Difference& difference);
  [[nodiscard]] bool EvictForPort(Instant now, const Need& need,
                                  const Difference& difference);
  [[nodiscard]] bool Evict(
      Instant now, const Difference& difference,
      const std::function<bool(const Mapping&)>& is_candidate);
  [[nodiscard]] Difference CompareWithEngine(const Need& need) const;
  [[nodiscard]] std::string Explain(const Difference& difference) const;
  void CheckChoice(const Need& need, const Endpoint& external);
  void CheckSequential(const Need& need, const Endpoint& external);
  void CheckBlock(const Need& need, const Endpoint& external);
  [[nodiscard]] std::optional<Endpoint> NewestOf(const Need& need) const;
  [[nodiscard]] bool CanHave(const Need& need, const Endpoint& external) const;
  [[nodiscard]] bool IsFree(const Need& need, const Endpoint& external) const;
  [[nodiscard]] bool HasParity(const Need& need, uint16_t port) const;
  [[nodiscard]] bool IsInRange(const Need& need, uint16_t port) const;
  [[nodiscard]] bool IsPooled(const Need& need, const IpAddress& address) const;
  void LearnAddress(const Need& need, const IpAddress& address);
  [[nodiscard]] bool IsBlockAllowed(const Need& need,
                                    const Endpoint& external) const;
  [[nodiscard]] bool IsInOwnBlock(const IpAddress& host,
                                  const Endpoint& external) const;
  [[nodiscard]] bool HasAnyPort(const Need& need) const;
  [[nodiscard]] bool IsContiguous(const Need& need, const Endpoint& external);
  [[nodiscard]] static bool Serves(const Mapping& mapping,
                                   const Endpoint& remote);
  [[nodiscard]] size_t BlockOf(uint16_t port) const;
  [[nodiscard]] std::set<std::pair<IpAddress, size_t>> BlocksOf(
      const IpAddress& host) const;
  [[nodiscard]] size_t CountOf(const IpAddress& host) const;
  [[nodiscard]] size_t CreatedLately(Instant now, const IpAddress& host) const;
  void Complain(const std::string& text);

  NatConfig config_;
  Peek peek_;
  Instant now_{};
  std::vector<Mapping> mappings_;
  std::vector<BoxFlow> box_flows_;
  std::vector<Resting> resting_;
  std::vector<std::pair<Instant, IpAddress>> created_;
  std::vector<IpAddress> one_to_one_;  ///< inside hosts, in order of arrival
  std::vector<IpAddress> pool_;
  /// By protocol and external address.
  std::map<std::pair<uint8_t, IpAddress>, uint16_t> last_port_;
  std::map<IpAddress, std::pair<size_t, size_t>> own_block_;
  std::map<IpAddress, size_t> paired_;  ///< places in the pool
  uint64_t touches_ = 0;
  uint64_t address_index_ = 0;
  Instant address_since_{};
  std::optional<Endpoint> observed_;
  bool is_udp_blocked_ = false;
  std::vector<std::string> problems_;
  mutable Tally tally_;
};

}  // namespace natkit::netsim
