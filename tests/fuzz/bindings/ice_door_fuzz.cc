// Two agents and a mux behind natkit/ice.h, driven by a script: what each says
// reaches the other whole, changed or not at all, in any order. Whatever
// happens, results have names, buffers keep their bounds, nothing is lost to a
// small buffer, and each agent comes to rest at each instant.

#include <array>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "door_script.h"

namespace natkit::c::fuzz {
namespace {

constexpr size_t kMaxSteps = 300;
constexpr size_t kMaxPending = 16;
constexpr int kMaxOutputsPerInput = 400;

enum class Op : uint8_t {
  kAdvance,
  kDeliver,
  kDeliverChanged,
  kRaw,
  kCredentials,
  kForeignCredentials,
  kBase,
  kRemoveBase,
  kReflexive,
  kCandidate,
  kCandidateLine,
  kHint,
  kEnd,
  kRestart,
  kKeepalive,
  kData,
  kSmallBuffer,
  kRead,
  kMux,
  kReplace,
  kCount,
};

natkit_address AddressAt(uint8_t index) {
  natkit_address out{};
  out.family = index % 8 == 7 ? NATKIT_FAMILY_IPV6 : NATKIT_FAMILY_IPV4;
  if (index == 255) {
    out.family = 3;
  }
  out.ip[0] = out.family == NATKIT_FAMILY_IPV6 ? 0x20 : 192;
  out.ip[3] = index % 8;
  out.port = index == 254 ? 0 : uint16_t{1000};
  return out;
}

natkit_ice_agent_config ConfigFrom(uint8_t choice) {
  natkit_ice_agent_config config;
  natkit_init(&config);
  config.role = choice & 1U;
  config.profile = (choice >> 1U) & 1U;
  config.nomination = (choice >> 2U) % 3U;
  if ((choice & 16U) != 0) {
    config.max_pairs = 3;
    config.max_remote_candidates = 4;
    config.max_local_candidates = 2;
    config.max_early_checks = 1;
    config.rest_after_ns = 1;
    config.check_schedule.max_sends = 1;
    config.recheck_interval_ns = NATKIT_ICE_LONGEST;
    config.pacing_ns = 1;
  }
  return config;
}

struct Datagram {
  natkit_address from;
  natkit_address to;
  std::vector<uint8_t> bytes;
};

class World {
 public:
  World(const uint8_t* data, size_t size)
      : script_(data, size), source_(script_.Byte() % 4 == 0) {
    Make(agents_[0]);
    Make(agents_[1]);
    NATKIT_CHECK(natkit_ice_mux_new(nullptr, &mux_) == 0);
  }

  ~World() {
    natkit_ice_agent_free(agents_[0]);
    natkit_ice_agent_free(agents_[1]);
    natkit_ice_mux_free(mux_);
  }

  World(const World&) = delete;
  World& operator=(const World&) = delete;

  void Run() {
    for (size_t step = 0; step < kMaxSteps && !script_.is_done(); ++step) {
      const uint8_t choice = script_.Byte();
      which_ = choice >> 7U;
      Step(static_cast<Op>((choice & 127U) % static_cast<uint8_t>(Op::kCount)));
      Settle(0);
      Settle(1);
    }
  }

 private:
  natkit_ice_agent* agent() { return agents_[which_]; }

  void Make(natkit_ice_agent*& out) {
    natkit_ice_agent_config config = ConfigFrom(script_.Byte());
    const natkit_address server = AddressAt(6);
    config.random = source_.get();
    config.stun_servers = &server;
    config.stun_server_count = 1;
    NATKIT_CHECK(natkit_ice_agent_new(&config, &out) == 0);
  }

  void Step(Op op) {
    switch (op) {
      case Op::kAdvance: {
        const uint64_t amount = script_.Byte();
        now_ += amount * amount * 10 * NATKIT_MILLISECOND;
        return;
      }
      case Op::kDeliver:
      case Op::kDeliverChanged:
        return Deliver(op == Op::kDeliverChanged);
      case Op::kRaw:
        return Receive({.from = AddressAt(script_.Byte()),
                        .to = AddressAt(script_.Byte()),
                        .bytes = script_.Bytes()});
      case Op::kRestart:
        Known(natkit_ice_agent_restart(agent(), now_));
        return;
      case Op::kData:
        Known(natkit_ice_agent_note_data(agent(), now_));
        return;
      case Op::kKeepalive:
        return SetKeepalive();
      case Op::kSmallBuffer:
        return Transmit(script_.Byte());
      case Op::kRead:
        return Read();
      case Op::kMux:
        return UseMux();
      case Op::kReplace:
        natkit_ice_agent_free(agent());
        NATKIT_CHECK(natkit_ice_agent_get_state(agent()) ==
                     NATKIT_ERR_BAD_HANDLE);
        return Make(agents_[which_]);
      default:
        return Tell(op);
    }
  }

  /// What signalling and the program say.
  void Tell(Op op) {
    const natkit_address address = AddressAt(script_.Byte());
    switch (op) {
      case Op::kCredentials:
        return Signal();
      case Op::kForeignCredentials: {
        const std::string ufrag = script_.Text();
        const std::string password = script_.Text();
        Known(natkit_ice_agent_set_remote_credentials(
            agent(), now_, ufrag.c_str(), password.c_str()));
        return;
      }
      case Op::kBase:
        Known(natkit_ice_agent_add_host_base(agent(), now_, &address));
        return;
      case Op::kRemoveBase:
        Known(natkit_ice_agent_remove_host_base(agent(), now_, &address));
        return;
      case Op::kReflexive: {
        const natkit_address base = AddressAt(script_.Byte());
        Known(natkit_ice_agent_add_reflexive(agent(), now_, &address, &base));
        return;
      }
      case Op::kCandidate:
        return AddCandidate(address);
      case Op::kCandidateLine:
        Known(natkit_ice_agent_add_remote_candidate_line(
            agent(), now_, script_.Text().c_str()));
        return;
      case Op::kHint:
        Known(natkit_ice_agent_add_remote_hint(agent(), now_, &address));
        return;
      default:
        Known(natkit_ice_agent_set_local_end_of_candidates(agent(), now_));
        Known(natkit_ice_agent_set_remote_end_of_candidates(agent(), now_));
        return;
    }
  }

  /// The other one's credentials.
  void Signal() {
    natkit_ice_credentials theirs;
    NATKIT_CHECK(natkit_ice_agent_get_local_credentials(agents_[1 - which_],
                                                        &theirs) == 0);
    NATKIT_CHECK(natkit_ice_agent_set_remote_credentials(
                     agent(), now_, theirs.ufrag, theirs.password) == 0);
  }

  void AddCandidate(const natkit_address& address) {
    natkit_ice_candidate candidate{};
    candidate.type = script_.Byte() % 6U;
    candidate.priority = script_.Byte();
    candidate.address = address;
    candidate.base = AddressAt(script_.Byte());
    const std::vector<uint8_t> foundation =
        script_.Bytes(sizeof candidate.foundation);
    std::ranges::copy(foundation, std::begin(candidate.foundation));
    const int added =
        Known(natkit_ice_agent_add_remote_candidate(agent(), now_, &candidate));
    // What is taken can be shown, and what is shown can be read.
    Guarded text(NATKIT_ICE_CANDIDATE_TEXT_SIZE);
    const int shown = Known(natkit_ice_candidate_format(
        &candidate, script_.Byte() % 2U, text.text(), text.size()));
    NATKIT_CHECK(shown > 0 || added < 0);
    NATKIT_CHECK(shown < 0 ||
                 natkit_ice_candidate_parse(text.text(), &candidate) == 0);
  }

  void SetKeepalive() {
    natkit_ice_keepalive keepalive;
    natkit_init(&keepalive);
    keepalive.power = script_.Byte() % 4U;
    keepalive.assured_lifetime_ns = script_.Byte() * NATKIT_SECOND;
    keepalive.unreplied_lifetime_ns =
        script_.Byte() % 2U == 0 ? 0 : NATKIT_ICE_LONGEST;
    Known(natkit_ice_agent_set_keepalive(agent(), now_, &keepalive));
  }

  void Deliver(bool is_changed) {
    if (pending_.empty()) {
      return;
    }
    const size_t index = script_.Byte() % pending_.size();
    Datagram datagram = pending_[index];
    if (script_.Byte() % 4 != 0) {
      pending_.erase(pending_.begin() + static_cast<ptrdiff_t>(index));
    }
    if (is_changed && !datagram.bytes.empty()) {
      datagram.bytes[script_.Byte() % datagram.bytes.size()] ^= script_.Byte();
      datagram.from = AddressAt(script_.Byte());
    }
    Receive(datagram);
  }

  /// To both: an agent leaves what is not its own.
  void Receive(const Datagram& datagram) {
    const int kind = Known(
        natkit_classify_datagram(datagram.bytes.data(), datagram.bytes.size()));
    for (natkit_ice_agent* const it : agents_) {
      const int taken = Known(natkit_ice_agent_handle_datagram(
          it, now_, &datagram.to, &datagram.from, datagram.bytes.data(),
          datagram.bytes.size()));
      NATKIT_CHECK(taken <= 1);
      NATKIT_CHECK(taken != 1 || kind == NATKIT_DATAGRAM_STUN);
    }
  }

  /// One datagram into `room` bytes; if they are too few, into enough.
  void Transmit(size_t room) {
    natkit_ice_transmit meta;
    natkit_init(&meta);
    Guarded small(room);
    const int first = Known(natkit_ice_agent_poll_transmit(
        agent(), &meta, small.data(), small.size()));
    if (first != NATKIT_ERR_BUFFER_TOO_SMALL) {
      return Keep(meta, small.Written(first));
    }
    uint64_t due = 0;
    NATKIT_CHECK(natkit_ice_agent_next_timeout(agent(), &due) == 1);
    NATKIT_CHECK(due <= now_);
    Guarded enough(NATKIT_ICE_DATAGRAM_SIZE);
    const int second = natkit_ice_agent_poll_transmit(
        agent(), &meta, enough.data(), enough.size());
    NATKIT_CHECK(second > 0 && static_cast<size_t>(second) > room);
    Keep(meta, enough.Written(second));
  }

  void Keep(const natkit_ice_transmit& meta, ByteView bytes) {
    if (bytes.empty()) {
      return;
    }
    NATKIT_CHECK(natkit_classify_datagram(bytes.data(), bytes.size()) ==
                 NATKIT_DATAGRAM_STUN);
    NATKIT_CHECK(natkit_ice_mux_note_sent(mux_, which_, bytes.data(),
                                          bytes.size()) == 0);
    pending_.push_back({.from = meta.from_base,
                        .to = meta.to,
                        .bytes = {bytes.begin(), bytes.end()}});
    if (pending_.size() > kMaxPending) {
      pending_.pop_front();
    }
  }

  void Read() {
    std::array<natkit_ice_pair, 2> paths;
    natkit_ice_pair pair;
    natkit_ice_counters counters;
    natkit_init(&counters);
    const int count =
        Known(natkit_ice_agent_get_paths(agent(), paths.data(), paths.size()));
    const int selected = Known(natkit_ice_agent_get_selected(agent(), &pair));
    const int state = Known(natkit_ice_agent_get_state(agent()));
    NATKIT_CHECK(selected <= count);
    NATKIT_CHECK((selected == 1) == (state == NATKIT_ICE_STATE_CONNECTED));
    NATKIT_CHECK(natkit_ice_agent_get_counters(agent(), &counters) == 0);
    NATKIT_CHECK(natkit_ice_agent_is_resting(agent()) <= selected);
    NATKIT_CHECK(natkit_ice_agent_is_suspect(agent()) <= selected);
    NATKIT_CHECK(natkit_ice_agent_get_role(agent()) <= 1);
  }

  void UseMux() {
    natkit_ice_credentials own;
    uint64_t id = 9;
    NATKIT_CHECK(natkit_ice_agent_get_local_credentials(agent(), &own) == 0);
    NATKIT_CHECK(natkit_ice_mux_set_ufrag(mux_, which_, own.ufrag) == 0);
    if (!pending_.empty()) {
      const std::vector<uint8_t>& bytes = pending_.front().bytes;
      const int found =
          natkit_ice_mux_route(mux_, bytes.data(), bytes.size(), &id);
      NATKIT_CHECK(found == 0 || (found == 1 && id <= 1));
    }
    if (script_.Byte() % 4 == 0) {
      NATKIT_CHECK(natkit_ice_mux_remove(mux_, which_) == 0);
    }
  }

  /// Drains an agent until it has nothing to do at this instant.
  void Settle(size_t which) {
    which_ = which;
    for (int outputs = 0; outputs < kMaxOutputsPerInput; ++outputs) {
      Drain();
      uint64_t due = 0;
      if (natkit_ice_agent_next_timeout(agent(), &due) != 1 || due > now_) {
        return;
      }
      NATKIT_CHECK(natkit_ice_agent_handle_timeout(agent(), now_) == 0);
    }
    NATKIT_CHECK(false);  // it does not come to rest
  }

  void Drain() {
    natkit_ice_transmit meta;
    natkit_ice_event event;
    natkit_init(&meta);
    natkit_init(&event);
    Guarded room(NATKIT_ICE_DATAGRAM_SIZE);
    for (int size = 1; size > 0;) {
      size = natkit_ice_agent_poll_transmit(agent(), &meta, room.data(),
                                            room.size());
      Keep(meta, room.Written(size));
    }
    while (natkit_ice_agent_poll_event(agent(), &event) == 1) {
      NATKIT_CHECK(event.type >= NATKIT_ICE_EVENT_CANDIDATE &&
                   event.type <= NATKIT_ICE_EVENT_RESTARTED);
      if (event.type == NATKIT_ICE_EVENT_CANDIDATE) {
        Guarded text(NATKIT_ICE_CANDIDATE_TEXT_SIZE);
        NATKIT_CHECK(natkit_ice_candidate_format(&event.candidate, 0,
                                                 text.text(), text.size()) > 0);
      }
    }
  }

  Script script_;
  Source source_;
  uint64_t now_ = NATKIT_SECOND;
  size_t which_ = 0;
  std::array<natkit_ice_agent*, 2> agents_{};
  natkit_ice_mux* mux_ = nullptr;
  std::deque<Datagram> pending_;
};

}  // namespace
}  // namespace natkit::c::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size >= 3) {
    natkit::c::fuzz::World(data, size).Run();
  }
  return 0;
}
