#pragma once

#include <memory>
#include <utility>

#include "natkit/base/time.h"
#include "transport/keypair.h"

namespace natkit::wg {

/// The up to four sessions of one peer. Data is sealed with `current`; all of
/// them open what comes in.
///
/// An initiator's new session is current at once, since the response proves
/// that the other side has it. A responder's waits as `next` until a data
/// message that it protects arrives (paper, section 5.4.6 and 6.2).
///
/// Two handshakes that cross leave each side sealing with the session that it
/// began itself. So what is kept beside the new session is not the one that
/// was sealed with last, but the one that something came with last.
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
      for (Owned* slot : {&previous_, &crossed_}) {
        if (slot->get() != heard_) {
          Replace(*slot, nullptr, drop);
        }
      }
      return;
    }
    Retire(drop);
    // The peer may already be sealing with `next`.
    crossed_ = std::move(next_);
    current_ = std::move(keypair);
  }

  /// Makes `keypair` current when it is `next`, which the peer has proven to
  /// have. True when it was. Call it before NoteHeard().
  template <class Drop>
  bool Confirm(const Keypair* keypair, Drop drop) {
    if (keypair != next_.get()) {
      return false;
    }
    Retire(drop);
    current_ = std::move(next_);
    return true;
  }

  /// A data message came with `keypair`.
  void NoteHeard(const Keypair* keypair) { heard_ = keypair; }

  template <class Drop>
  void Clear(Drop drop) {
    Replace(current_, nullptr, drop);
    Replace(next_, nullptr, drop);
    Replace(previous_, nullptr, drop);
    Replace(crossed_, nullptr, drop);
    heard_ = nullptr;
  }

  [[nodiscard]] bool is_empty() const {
    return !current_ && !next_ && !previous_ && !crossed_;
  }

 private:
  template <class Drop>
  static void Replace(Owned& slot, Owned with, Drop& drop) {
    if (slot) {
      drop(*slot);
    }
    slot = std::move(with);
  }

  /// Empties `current`, `previous` and `crossed`; the one that the peer sealed
  /// with last becomes `previous`.
  template <class Drop>
  void Retire(Drop& drop) {
    for (Owned* slot : {&previous_, &crossed_}) {
      if (*slot && slot->get() == heard_) {
        std::swap(*slot, current_);
      }
    }
    Replace(crossed_, nullptr, drop);
    Replace(previous_, std::move(current_), drop);
  }

  Owned current_;
  Owned next_;
  Owned previous_;
  Owned crossed_;  ///< was `next` when a handshake of ours was faster
  const Keypair* heard_ = nullptr;  ///< of these, or nullptr
};

}  // namespace natkit::wg
