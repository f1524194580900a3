#pragma once

#include <memory>
#include <utility>

#include "natkit/base/time.h"
#include "transport/keypair.h"

namespace natkit::wg {

/// The up to three sessions of one peer. Data is sealed with `current`; all
/// three open what comes in.
///
/// An initiator's new session is current at once, since the response proves
/// that the other side has it. A responder's waits as `next` until a data
/// message that it protects arrives (paper, section 5.4.6 and 6.2).
class KeypairRing {
 public:
  using Owned = std::unique_ptr<Keypair>;

  [[nodiscard]] Keypair* current() const { return current_.get(); }

  /// What can seal at `now`, or nullptr.
  [[nodiscard]] Keypair* Sealing(Instant now) const {
    return current_ && current_->CanSeal(now) ? current_.get() : nullptr;
  }

  /// Takes a session from a handshake. Calls `drop` with each session that goes
  /// out of use, before it dies.
  template <class Drop>
  void Add(Owned keypair, Drop drop) {
    if (keypair->role() == Role::kResponder) {
      Replace(next_, std::move(keypair), drop);
      Replace(previous_, nullptr, drop);
    } else if (next_) {
      // The peer may already be sealing with `next`: keep that one, not the
      // older current one.
      Replace(previous_, std::move(next_), drop);
      Replace(current_, std::move(keypair), drop);
    } else {
      Replace(previous_, std::move(current_), drop);
      current_ = std::move(keypair);
    }
  }

  /// Makes `keypair` current when it is `next`, which the peer has proven to
  /// have. True when it was.
  template <class Drop>
  bool Confirm(const Keypair* keypair, Drop drop) {
    if (keypair != next_.get()) {
      return false;
    }
    Replace(previous_, std::move(current_), drop);
    current_ = std::move(next_);
    return true;
  }

  template <class Drop>
  void Clear(Drop drop) {
    Replace(current_, nullptr, drop);
    Replace(next_, nullptr, drop);
    Replace(previous_, nullptr, drop);
  }

  [[nodiscard]] bool is_empty() const {
    return !current_ && !next_ && !previous_;
  }

 private:
  template <class Drop>
  static void Replace(Owned& slot, Owned with, Drop& drop) {
    if (slot) {
      drop(*slot);
    }
    slot = std::move(with);
  }

  Owned current_;
  Owned next_;
  Owned previous_;
};

}  // namespace natkit::wg
