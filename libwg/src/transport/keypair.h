#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "natkit/base/bytes.h"
#include "natkit/base/result.h"
#include "natkit/base/time.h"
#include "natkit/wg/device_event.h"
#include "noise/aead.h"
#include "noise/message.h"
#include "noise/symmetric_state.h"
#include "noise/types.h"
#include "transport/constants.h"
#include "transport/replay_window.h"

namespace natkit::wg {

/// One session: a key for each direction, our counter and the replay window
/// (paper, section 5.4.6).
class Keypair {
 public:
  struct Config {
    Role role = Role::kInitiator;
    SenderIndex local_index{};
    ReceiverIndex remote_index{};
    Instant created;
  };

  Keypair(const Config& config, const TransportKeys& keys);

  [[nodiscard]] Role role() const { return config_.role; }

  [[nodiscard]] SenderIndex local_index() const { return config_.local_index; }

  [[nodiscard]] Duration Age(Instant now) const {
    return now - config_.created;
  }

  /// Younger than REJECT_AFTER_TIME and with counters left.
  [[nodiscard]] bool CanSeal(Instant now) const;
  /// Younger than REJECT_AFTER_TIME.
  [[nodiscard]] bool CanOpen(Instant now) const;
  /// Old or used enough that its sender should start a handshake (section 6.2):
  /// by REKEY_AFTER_TIME for the initiator alone, by REKEY_AFTER_MESSAGES for
  /// both.
  [[nodiscard]] bool NeedsRekeyAfterSending(Instant now) const;
  /// The same on receiving, for the initiator.
  [[nodiscard]] bool NeedsRekeyAfterReceiving(Instant now) const;

  /// Bytes of the message that seals `size` bytes of padded content.
  static constexpr size_t SealedSize(size_t size) {
    return size + kMinDataSize;
  }

  /// Writes a transport data message over all of `out`: the content, then zeros
  /// up to the padded size, out.size() - 32. Only while CanSeal. Does not
  /// allocate.
  void Seal(ByteView content, MutableBytes out);

  /// Opens a message of this session into `out`, data.content.size() - 16 bytes
  /// that do not overlap it. Errors: kReplayed, kNoSession for a counter of
  /// REJECT_AFTER_MESSAGES or more, kAuthFailed. On error no state has changed.
  /// Does not allocate.
  [[nodiscard]] Result<void> Open(const TransportData& data, MutableBytes out);

  /// For tests: no test can count to 2^60.
  void set_send_counter_for_testing(uint64_t counter) {
    send_counter_ = counter;
  }

 private:
  Config config_;
  AeadKey send_key_;
  AeadKey receive_key_;
  uint64_t send_counter_ = 0;
  ReplayWindow replay_window_;
};

}  // namespace natkit::wg
