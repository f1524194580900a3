#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/io/batch_socket.h"
#include "natkit/nat/stun_partner_link.h"
#include "natkit/shell/outcome.h"
#include "settings.h"

namespace natkit::stunsrv {

/// The link to the other machine of a two-machine server. Send() is
/// thread-safe; the rest belongs to the thread that reads the link.
class PartnerShell {
 public:
  struct Counters {
    std::atomic<uint64_t> sent{0};      ///< orders to the partner
    std::atomic<uint64_t> received{0};  ///< orders that were obeyed
    std::atomic<uint64_t> refused{0};   ///< not authentic, replayed, nonsense
  };

  /// Binds the link's socket and reads the secret.
  [[nodiscard]] static shell::Outcome<std::shared_ptr<PartnerShell>> Make(
      const PartnerSettings& settings);

  PartnerShell(const PartnerSettings& settings, io::BatchSocket socket,
               const stun::PartnerSecret& secret);

  [[nodiscard]] const PartnerSettings& settings() const { return settings_; }

  /// Whether the partner has this address.
  [[nodiscard]] bool Has(const IpAddress& address) const;

  /// This machine's address of the family; unspecified if there is none.
  [[nodiscard]] IpAddress OwnAddress(AddressFamily family) const;

  /// Asks the partner to send a response; false if it could not be asked.
  bool Send(const stun::PartnerOrder& order);

  [[nodiscard]] io::BatchSocket& socket() { return socket_; }

  /// Reads one datagram of the link; counts it.
  [[nodiscard]] std::optional<stun::PartnerOrder> Open(ByteView datagram);

  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  PartnerSettings settings_;
  io::BatchSocket socket_;
  std::mutex mutex_;  // guards sender_
  stun::PartnerSender sender_;
  stun::PartnerReceiver receiver_;
  Counters counters_;
};

}  // namespace natkit::stunsrv
