#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/datagram.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/nat/stun_binding_client.h"

namespace natkit::stun {

struct SurveyConfig {
  size_t rounds = 5;  ///< requests to each server
  /// Between two requests to one server.
  Duration interval = std::chrono::milliseconds(200);
  /// For the answer to each request; none is repeated.
  Duration patience = std::chrono::seconds(2);
};

/// What a Survey knows of one server.
struct SurveyedServer {
  Endpoint server;
  size_t asked = 0;
  size_t answered = 0;
  std::optional<Duration> round_trip;  ///< the shortest of all
  std::optional<Endpoint> mapped;      ///< by the last answer
};

/// Asks several STUN servers from one socket what they see and how far away
/// they are.
///
/// Every request is a transaction of its own and sent once, so a round trip is
/// never taken for a longer or shorter one; the shortest of them is the one
/// without queues. All servers are asked from one port: what they see differs
/// where the mapping depends on the destination (RFC 4787 section 4.1).
///
/// Life: Start(), then inputs until is_finished(), at the latest
/// `(rounds - 1) * interval + patience` after the start. Pure: owns no socket,
/// clock or random source. Not thread-safe.
class Survey {
 public:
  /// More servers are not asked, nor is one twice.
  static constexpr size_t kMaxServers = 64;

  /// All servers are of one address family. `rng` must outlive the survey.
  Survey(const std::vector<Endpoint>& servers, Rng& rng,
         SurveyConfig config = {});

  // Inputs. After each one, drain the output.
  void Start(Instant now);
  /// False, without effect, for what answers no request of ours.
  bool HandleDatagram(Instant now, const Endpoint& from, ByteView datagram);
  void HandleTimeout(Instant now);

  // Outputs.
  [[nodiscard]] std::optional<Transmit> PollTransmit();
  /// When to call HandleTimeout next; nullopt once finished.
  [[nodiscard]] std::optional<Instant> NextTimeout() const;
  [[nodiscard]] bool is_finished() const;

  /// In the order they were given.
  [[nodiscard]] const std::vector<SurveyedServer>& servers() const {
    return servers_;
  }

 private:
  /// A request that is out.
  struct Question {
    size_t server;  ///< in servers_
    Instant sent;
    BindingClient client;
  };

  void AskAll(Instant now);
  void Settle();

  Rng& rng_;
  SurveyConfig config_;
  std::vector<SurveyedServer> servers_;
  std::vector<Question> questions_;  ///< of all rounds; each ends once
  bool is_started_ = false;
  size_t rounds_begun_ = 0;
  std::optional<Instant> next_round_;
};

}  // namespace natkit::stun
