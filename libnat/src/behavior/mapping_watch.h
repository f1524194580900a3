#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "behavior/session.h"

namespace natkit::nat::behavior {

/// How a mapping is made before its lifetime is measured (nat.md 5.8).
enum class Priming : uint8_t {
  kUnreplied,    ///< one packet out, none back
  kOneExchange,  ///< one out, one back
  kAssured,      ///< exchanges at 0, 2.5 and 5 s
};

/// A mapping toward the server's first endpoint that is left alone.
struct WatchedMapping {
  Socket socket;
  Endpoint mapped;
  Instant last_packet;
  /// Datagrams that the socket has got so far. More than expected: it was not
  /// left alone, e.g. since its port was another one's before.
  uint64_t received = 0;
};

/// Whether a watched mapping lets in a packet from the server.
struct Pulse {
  bool is_known = false;  ///< false: the path does not work
  bool is_alive = false;
  Duration silence{};            ///< is_alive: after which it was
  std::vector<Duration> misses;  ///< silences after which a packet stayed out
};

/// Makes mappings and asks the server for packets to them, through partners:
/// sockets with the same external address, which is where RESPONSE-PORT leads
/// (nat.md 5.6).
class MappingWatch {
 public:
  MappingWatch(Session& session, Axis axis) : session_(session), axis_(axis) {}

  /// nullopt if it cannot be had.
  Task<std::optional<WatchedMapping>> Make(Priming priming);
  /// One packet to the server, whose answer goes to a partner: when it was
  /// sent; nullopt if it is not known to have arrived.
  Task<std::optional<Instant>> Send(WatchedMapping* mapping);
  /// One packet from the server. A few copies are sent if there is none.
  Task<Pulse> Feel(WatchedMapping* mapping);
  /// So many packets that stay out are no accident.
  [[nodiscard]] size_t decisive() const;

 private:
  struct Partner {
    Socket socket;
    Endpoint mapped;
    Instant checked_at;
  };

  /// Who uses a partner keeps it, also when another takes its place.
  using PartnerPtr = std::shared_ptr<Partner>;

  Task<std::optional<WatchedMapping>> MakeUnreplied();
  Task<std::optional<WatchedMapping>> MakeOneExchange();
  Task<std::optional<WatchedMapping>> MakeAssured();
  /// Asks from `socket` and has the answer sent to the partner.
  Task<Exchange> AskFor(PartnerPtr partner, const Socket* socket);
  /// A partner with this external address, or with any; null if there is none.
  Task<PartnerPtr> FindPartner(std::optional<IpAddress> address);
  Task<bool> Refresh(PartnerPtr partner);

  Session& session_;
  Axis axis_;
  std::map<IpAddress, PartnerPtr> partners_;
};

}  // namespace natkit::nat::behavior
