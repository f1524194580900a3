#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ice/check_message.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/nat/ice_agent.h"
#include "natkit/nat/stun_attributes.h"
#include "natkit/nat/stun_message.h"

namespace natkit::ice {

inline constexpr Endpoint kBase{.address = IpAddress::V4(10, 0, 0, 2),
                                .port = 5000};
inline constexpr Endpoint kBase2{.address = IpAddress::V4(10, 0, 0, 3),
                                 .port = 5000};
inline constexpr Endpoint kRemote{.address = IpAddress::V4(192, 0, 2, 1),
                                  .port = 6000};
inline constexpr Endpoint kRemote2{.address = IpAddress::V4(192, 0, 2, 2),
                                   .port = 6000};

/// A datagram that the agent sent, and when.
struct Sent {
  Instant at;
  AgentTransmit transmit;
};

/// One agent in virtual time, and a peer that is played by hand.
class AgentLab {
 public:
  explicit AgentLab(AgentConfig config, uint64_t seed = 1)
      : rng_(seed), agent(std::move(config), rng_) {}

  /// Base, remote credentials and one remote host candidate.
  void SetUp(uint16_t remote_preference = kMaxLocalPreference) {
    (void)agent.AddHostBase(now, kBase);
    (void)agent.SetRemoteCredentials(now, peer);
    AddRemote(kRemote, remote_preference);
  }

  void AddRemote(const Endpoint& endpoint, uint16_t preference,
                 CandidateType type = CandidateType::kHost) {
    (void)agent.AddRemoteCandidate(
        now, {.type = type,
              .endpoint = endpoint,
              .base = {},
              .priority = CandidatePriority(type, preference),
              .foundation = "f" + std::to_string(++remotes_)});
    Drain();
  }

  /// Moves what the agent has queued to `sent` and `events`.
  void Drain() {
    while (auto transmit = agent.PollTransmit()) {
      sent.push_back({.at = now, .transmit = std::move(*transmit)});
    }
    while (auto event = agent.PollEvent()) {
      events.push_back(std::move(*event));
    }
  }

  /// Lets time pass, stopping at each deadline.
  void Advance(Duration duration) {
    const Instant end = now + duration;
    Drain();
    while (true) {
      const Instant next = agent.NextTimeout().value_or(Instant::max());
      if (next > end) {
        break;
      }
      now = std::max(now, next);
      NoteData();
      agent.HandleTimeout(now);
      Drain();
    }
    now = end;
  }

  [[nodiscard]] CheckRequest Request() {
    return {.id = stun::TransactionId::Generate(rng_),
            .username = agent.local_credentials().ufrag + ":" + peer.ufrag,
            .priority = CandidatePriority(CandidateType::kPeerReflexive, 100),
            .role = agent.role() == Role::kControlling ? Role::kControlled
                                                       : Role::kControlling,
            .tiebreaker = 1};
  }

  bool Deliver(const std::vector<uint8_t>& bytes,
               const Endpoint& from = kRemote, const Endpoint& to = kBase) {
    const bool is_mine = agent.HandleDatagram(now, to, from, bytes);
    Drain();
    return is_mine;
  }

  /// Sends a check to the agent, protected by the agent's password.
  bool Check(const CheckRequest& request, const Endpoint& from = kRemote,
             const Endpoint& to = kBase) {
    return Deliver(BuildCheck(request, KeyOf(agent.local_credentials())), from,
                   to);
  }

  /// Answers a request of the agent with success.
  bool Answer(const AgentTransmit& request) {
    const auto message = stun::Message::Parse(request.payload);
    return Deliver(BuildCheckSuccess(message->id(), request.from_base,
                                     KeyOf(peer), Integrity::kSha1),
                   request.to, request.from_base);
  }

  bool AnswerError(const AgentTransmit& request, stun::ErrorCode code) {
    const auto message = stun::Message::Parse(request.payload);
    return Deliver(
        BuildCheckError(
            message->id(),
            {.code = code, .unknown = {}, .integrity = Integrity::kSha1},
            KeyOf(peer)),
        request.to, request.from_base);
  }

  /// Answers requests at once, and those that follow, for `duration`.
  void AnswerAll(Duration duration) {
    const Instant end = now + duration;
    AnswerPending();
    while (agent.NextTimeout().value_or(Instant::max()) <= end) {
      now = std::max(now, *agent.NextTimeout());
      NoteData();
      agent.HandleTimeout(now);
      Drain();
      AnswerPending();
    }
    now = end;
  }

  /// Whether data passes all the time.
  bool has_data = true;

  /// Does not answer requests to this endpoint.
  std::optional<Endpoint> silent;

  /// Requests of the agent since the last call.
  std::vector<Sent> TakeRequests() {
    return Take(stun::MessageClass::kRequest);
  }

  /// Responses of the agent since the last call.
  std::vector<Sent> TakeResponses() {
    auto out = Take(stun::MessageClass::kSuccessResponse);
    auto errors = Take(stun::MessageClass::kErrorResponse);
    out.insert(out.end(), errors.begin(), errors.end());
    return out;
  }

  static stun::IntegrityKey KeyOf(const Credentials& credentials) {
    return std::move(
        *stun::IntegrityKey::ShortTerm(credentials.password.Expose()));
  }

  static std::optional<stun::ErrorCode> ErrorOf(const Sent& response) {
    const auto message = stun::Message::Parse(response.transmit.payload);
    const auto error = message->Get<stun::attr::ErrorCode>();
    return error ? std::optional(error->code) : std::nullopt;
  }

  /// What the agent asked, checked with the peer's password.
  [[nodiscard]] IncomingCheck Read(const Sent& request) const {
    return *ReadCheck(*stun::Message::Parse(request.transmit.payload),
                      KeyOf(peer));
  }

  template <class Event>
  [[nodiscard]] std::vector<Event> EventsOf() const {
    std::vector<Event> out;
    for (const AgentEvent& event : events) {
      if (const auto* match = std::get_if<Event>(&event)) {
        out.push_back(*match);
      }
    }
    return out;
  }

 private:
  SeededRng rng_;
  int remotes_ = 0;

 public:
  Credentials peer{.ufrag = "peer", .password = "peerpasswordpeerpassword"};
  Agent agent;
  Instant now{};
  std::vector<Sent> sent;
  std::vector<AgentEvent> events;

 private:
  void NoteData() {
    if (has_data) {
      agent.NoteData(now);
    }
  }

  void AnswerPending() {
    auto requests = TakeRequests();
    while (!requests.empty()) {
      for (const Sent& request : requests) {
        if (request.transmit.to != silent) {
          Answer(request.transmit);
        }
      }
      requests = TakeRequests();
    }
  }

  std::vector<Sent> Take(stun::MessageClass wanted) {
    std::vector<Sent> out;
    std::erase_if(sent, [&](Sent& item) {
      const auto message = stun::Message::Parse(item.transmit.payload);
      if (!message || message->type().message_class != wanted) {
        return false;
      }
      out.push_back(item);
      return true;
    });
    return out;
  }
};

}  // namespace natkit::ice
