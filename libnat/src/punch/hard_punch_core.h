#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "natkit/nat/hard_punch.h"
#include "natkit/nat/port_sampler.h"
#include "punch/punch_auth.h"
#include "punch/punch_pacer.h"

namespace natkit::nat {

/// Behind HardPunch: sampling, the agreement, and the flows.
class HardPunch::Core {
 public:
  Core(HardPunchConfig config, Rng& rng);

  void Start(Instant now);
  void HandleMessage(Instant now, const PunchMessage& message);
  void HandleSocketOpened(Instant now, const Endpoint& base);
  void HandleSocketsDone(Instant now);
  bool HandleDatagram(Instant now, const Endpoint& local, const Endpoint& from,
                      ByteView datagram);
  void HandleTimeout(Instant now);
  [[nodiscard]] std::optional<PunchTransmit> PollTransmit();
  [[nodiscard]] std::optional<HardPunchEvent> PollEvent();
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  HardPunchState state = HardPunchState::kIdle;
  HardPunchCounters counters;
  std::optional<PortForecast> forecast;

 private:
  /// A socket and a remote endpoint that it sends to.
  struct Flow {
    Endpoint local;
    Endpoint remote;
  };

  // Sampling (hard_punch_sample.cc).
  void BeginSampling(Instant now);
  void SampleFrom(Instant now, const Endpoint& local);
  void ContinueSampling(Instant now);
  [[nodiscard]] uint32_t SamplesWanted() const;
  void FinishSampling(Instant now);
  [[nodiscard]] PunchSide DescribeSelf(Instant now) const;

  // Agreement (hard_punch_agree.cc).
  void HandleOffer(Instant now, const PunchOffer& offer);
  void HandleAnswer(Instant now, const PunchAnswer& answer);
  void Answer(Instant now);
  void Refuse(uint64_t attempt, PunchFailure reason);
  void Begin(Instant now, const PunchPlan& plan, const PunchShare& share);
  void TakeSockets(Instant now);

  // Flows (hard_punch_flows.cc).
  void MakeFlows();
  [[nodiscard]] std::vector<Endpoint> Targets(uint32_t count);
  /// Checks of all flows together; each round has one per flow.
  [[nodiscard]] uint32_t ChecksWanted() const;
  [[nodiscard]] bool MayOpen(Instant now) const;
  void RunFlows(Instant now);
  void SendFlow(Instant now, uint32_t flow, bool is_opener);
  [[nodiscard]] std::optional<Instant> NextFlow() const;
  void HandleArrival(Instant now, const Endpoint& local, const Endpoint& from,
                     const PunchArrival& arrival);
  /// Whether an answer leaves by the mapping at which a request came in.
  [[nodiscard]] bool CanAnswer(const Endpoint& local,
                               const Endpoint& from) const;
  void Hit(const Endpoint& local, const Endpoint& remote);

  void SendReplies(Instant now);
  void Fail(PunchFailure reason);

  void Raise(HardPunchEvent event) { events_.push_back(std::move(event)); }

  void Queue(PunchTransmit transmit);
  [[nodiscard]] bool IsOurs(const Endpoint& local) const;

  HardPunchConfig config_;
  Rng& rng_;
  std::optional<PunchAuth> auth_;
  PortSampler sampler_;
  PunchPacer pacer_;
  std::vector<Endpoint> sockets_;  ///< opened ones
  /// How many of them, the first ones, sampled: their mappings toward servers
  /// would be hit too where the filter admits everybody.
  size_t sampling_sockets_ = 0;
  uint32_t awaited_sockets_ = 0;
  bool wants_more_samples_ = true;
  Instant sampled_at_{};

  uint64_t attempt_ = 0;
  bool is_initiator_ = false;
  std::optional<PunchSide> self_;
  std::optional<PunchSide> peer_;
  Instant gives_up_{Instant::max()};

  PunchMethod method_ = PunchMethod::kBirthday;
  PunchShare share_;
  std::vector<Flow> flows_;
  Instant begun_{};
  Instant pass_begins_{};    ///< openers of this pass leave from then on
  uint32_t opened_ = 0;      ///< flows that had an opener in this pass
  bool has_opened_ = false;  ///< the first pass is over
  uint32_t checked_ = 0;     ///< checks that were sent

  std::deque<PunchTransmit> replies_;  ///< before any flow
  std::deque<PunchTransmit> transmits_;
  std::deque<HardPunchEvent> events_;
  Instant last_now_{};
};

}  // namespace natkit::nat
