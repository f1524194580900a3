#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"
#include "natkit/base/time.h"
#include "natkit/io/batch_socket.h"
#include "natkit/nat/stun_partner_link.h"
#include "natkit/shell/outcome.h"
#include "settings.h"

namespace natkit::stunsrv {

/// The link to the other machine of a two-machine server. Send() is
/// thread-safe; the rest belongs to the thread that reads the link. What is
/// refused is logged, at most once a minute.
class PartnerShell {
 public:
  struct Counters {
    std::atomic<uint64_t> sent{0};      ///< orders to the partner
    std::atomic<uint64_t> unsent{0};    ///< that the system did not take
    std::atomic<uint64_t> received{0};  ///< orders that were obeyed
    std::atomic<uint64_t> refused{0};   ///< not authentic, replayed, nonsense
  };

  /// Reads the secret and binds the link's socket. `before`, which may be null,
  /// is what is in use: returned if nothing has changed; otherwise its counters
  /// go on, and so does its socket if the address is the same.
  [[nodiscard]] static shell::Outcome<std::shared_ptr<PartnerShell>> Make(
      const PartnerSettings& settings,
      const std::shared_ptr<PartnerShell>& before);

  /// Whether the partner has this address.
  [[nodiscard]] bool Has(const IpAddress& address) const;

  /// This machine's address of the family; unspecified if there is none.
  [[nodiscard]] IpAddress OwnAddress(AddressFamily family) const;

  /// Asks the partner to send a response.
  void Send(const stun::PartnerOrder& order);

  [[nodiscard]] io::BatchSocket& socket() { return *socket_; }

  /// Reads one datagram of the link; counts it.
  [[nodiscard]] std::optional<stun::PartnerOrder> Open(ByteView datagram);

  [[nodiscard]] const Counters& counters() const { return *counters_; }

 private:
  PartnerShell(const PartnerSettings& settings,
               const stun::PartnerSecret& secret);

  void LogRefusal(Errc reason);

  PartnerSettings settings_;
  stun::PartnerSecret secret_;
  std::shared_ptr<io::BatchSocket> socket_;
  std::mutex mutex_;  // guards sender_
  stun::PartnerSender sender_;
  stun::PartnerReceiver receiver_;
  std::shared_ptr<Counters> counters_;
  std::optional<Instant> refusal_logged_;
};

}  // namespace natkit::stunsrv
