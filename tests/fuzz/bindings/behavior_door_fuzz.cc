// A discovery through the C door whose answers come by a script: rightly,
// wrongly, from elsewhere, not at all, with sockets that cannot be had, ICMP
// errors, garbage, buffers that are too small and an early end. It comes to an
// end, closes what it opened, and has no trait without a verdict that says so.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "door_script.h"
#include "natkit/base/check.h"
#include "natkit/natkit.h"

namespace natkit::c::fuzz {
namespace {

constexpr size_t kMaxRounds = 200000;
constexpr uint32_t kMaxEvidence = 256;

natkit_address Address(const char* text) {
  natkit_address address{};
  NATKIT_CHECK(natkit_address_parse(text, &address) == 0);
  return address;
}

/// Bytes of the script; after its end the last behavior goes on.
class Answers {
 public:
  Answers(const uint8_t* data, size_t size) : bytes_(data, size) {}

  uint8_t Next() {
    if (offset_ < bytes_.size()) {
      last_ = bytes_[offset_++];
    }
    return last_;
  }

 private:
  ByteView bytes_;
  size_t offset_ = 0;
  uint8_t last_ = 0;
};

class Owner {
 public:
  Owner(const uint8_t* data, size_t size) : script_(data, size) {
    Make();
    stop_after_ = script_.Next() % 8 == 7 ? script_.Next() : kMaxRounds;
  }

  ~Owner() {
    natkit_behavior_free(behavior_);
    NATKIT_CHECK(natkit_behavior_is_finished(behavior_) ==
                 NATKIT_ERR_BAD_HANDLE);
  }

  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;

  void Run() {
    NATKIT_CHECK(natkit_behavior_start(behavior_, now_) == 0);
    Drain();
    for (size_t i = 0; i < kMaxRounds && !IsFinished(); ++i) {
      uint64_t next = 0;
      NATKIT_CHECK(natkit_behavior_next_timeout(behavior_, &next) == 1);
      now_ = std::max(now_, next);
      NATKIT_CHECK((i < stop_after_
                        ? natkit_behavior_handle_timeout(behavior_, now_)
                        : natkit_behavior_abort(behavior_, now_)) == 0);
      Drain();
    }
    NATKIT_CHECK(IsFinished() && locals_.empty());
    Check();
  }

 private:
  void Make() {
    const uint8_t choice = script_.Next();
    const std::vector<natkit_address> servers = {kFirst, kSecond, kThird};
    const std::vector<natkit_address> locals = {Address("192.168.1.2"),
                                                Address("192.168.1.3")};
    const natkit_prefix prefix = {Address("64:ff9b::"), 96};
    natkit_behavior_config config{};
    natkit_init(&config);
    config.servers = servers.data();
    config.server_count = (choice & 1) != 0 ? 3 : 1;
    config.local_addresses = locals.data();
    config.local_address_count = (choice & 2) != 0 ? 2 : 1;
    config.axes = (choice & 4) != 0 ? natkit_nat_all_axes() : 0;
    if ((choice & 8) != 0) {
      config.gateway = Address("192.168.1.1");
    }
    config.tests_tcp = choice & 16;
    if ((choice & 32) != 0) {
      config.portal_server = Address("203.0.113.2:80");
      config.portal_host = "page.example";
      config.portal_path = "/";
    }
    config.nat64_prefixes = &prefix;
    config.nat64_prefix_count = (choice & 64) != 0 ? 1 : 0;
    config.load_mappings = 8;
    config.random = random_.get();
    NATKIT_CHECK(natkit_behavior_new(&config, &behavior_) == 0);
  }

  [[nodiscard]] bool IsFinished() const {
    return Known(natkit_behavior_is_finished(behavior_)) == 1;
  }

  /// Carries out all actions; the bytes of each are first given no room.
  void Drain() {
    for (size_t i = 0; i < 1000; ++i) {
      natkit_behavior_action action{};
      natkit_init(&action);
      Guarded none(0);
      int code =
          natkit_behavior_poll_action(behavior_, &action, none.data(), 0);
      Guarded bytes(NATKIT_BEHAVIOR_MAX_BYTES);
      if (code == NATKIT_ERR_BUFFER_TOO_SMALL) {
        NATKIT_CHECK(action.type == 0);
        code = natkit_behavior_poll_action(behavior_, &action, bytes.data(),
                                           bytes.size());
        NATKIT_CHECK(code == 1);
      }
      if (code == 0) {
        return;
      }
      NATKIT_CHECK(code == 1);
      const ByteView sent = bytes.Written(static_cast<int>(action.size));
      Act(action, {sent.begin(), sent.end()});
    }
    NATKIT_CHECK(false);
  }

  void Act(const natkit_behavior_action& action,
           const std::vector<uint8_t>& bytes) {
    switch (action.type) {
      case NATKIT_BEHAVIOR_OPEN_SOCKET:
      case NATKIT_BEHAVIOR_OPEN_STREAM:
        Open(action);
        break;
      case NATKIT_BEHAVIOR_CLOSE_SOCKET:
        locals_.erase(action.socket);
        break;
      case NATKIT_BEHAVIOR_SEND_DATAGRAM:
        Answer(action, bytes);
        break;
      case NATKIT_BEHAVIOR_SEND_ON_STREAM:
        AnswerStream(action, bytes);
        break;
      default:
        NATKIT_CHECK(false);
    }
  }

  void Open(const natkit_behavior_action& action) {
    const uint8_t how = script_.Next();
    if (how % 16 == 14 && action.type == NATKIT_BEHAVIOR_OPEN_STREAM) {
      return;  // never comes to anything
    }
    if (how % 16 == 15) {
      NATKIT_CHECK(
          natkit_behavior_handle_socket_failed(behavior_, now_, action.socket,
                                               NATKIT_ERR_ADDRESS_IN_USE) == 0);
      return;
    }
    natkit_address local = action.local;
    local.port = local.port == 0 ? next_port_++ : local.port;
    locals_[action.socket] = local;
    NATKIT_CHECK(natkit_behavior_handle_socket_opened(
                     behavior_, now_, action.socket, &local) == 0);
  }

  void Answer(const natkit_behavior_action& action,
              const std::vector<uint8_t>& request) {
    NATKIT_CHECK(locals_.contains(action.socket));
    const uint8_t how = script_.Next();
    natkit_stun_header header{};
    if (natkit_stun_parse(request.data(), request.size(), &header) < 0) {
      Give(action.socket, action.to, Garbage(how, request));
      return;
    }
    switch (how % 8) {
      case 0:
        return;
      case 1:
        Give(action.socket, action.to, request);
        return;
      case 2:
        NATKIT_CHECK(natkit_behavior_handle_icmp_error(
                         behavior_, now_, action.socket, &kSecond, &action.to,
                         how, 0) == 0);
        return;
      default:
        Give(action.socket, (how & 64) != 0 ? kThird : action.to,
             Response(header, action, how));
    }
  }

  /// Something like a response of a port mapping service, or not.
  std::vector<uint8_t> Garbage(uint8_t how,
                               const std::vector<uint8_t>& request) {
    std::vector<uint8_t> bytes(how % 64);
    std::ranges::generate(bytes, [this] { return script_.Next(); });
    if (bytes.size() > 2 && request.size() > 1 && (how & 64) != 0) {
      bytes[0] = request[0];
      bytes[1] = request[1] | 128;
    }
    return bytes;
  }

  std::vector<uint8_t> Response(const natkit_stun_header& header,
                                const natkit_behavior_action& action,
                                uint8_t how) {
    std::vector<uint8_t> bytes(256);
    natkit_address mapped = locals_.at(action.socket);
    if ((how & 8) != 0) {
      mapped = Address("198.51.100.7");
      mapped.port = script_.Next();
    }
    natkit_stun_builder builder{};
    natkit_stun_begin(&builder, bytes.data(), bytes.size(),
                      how % 32 == 31 ? NATKIT_STUN_ERROR_RESPONSE
                                     : NATKIT_STUN_SUCCESS_RESPONSE,
                      NATKIT_STUN_BINDING, header.id);
    natkit_stun_add_address(&builder, NATKIT_STUN_XOR_MAPPED_ADDRESS, &mapped);
    if ((how & 32) == 0) {
      natkit_address other =
          natkit_address_equal(&action.to, &kFirst) != 0 ? kThird : kFirst;
      natkit_stun_add_address(&builder, NATKIT_STUN_OTHER_ADDRESS, &other);
    }
    const int size = natkit_stun_finish(&builder);
    NATKIT_CHECK(size > 0);
    bytes.resize(static_cast<size_t>(size));
    if (how >= 240) {
      bytes[script_.Next() % bytes.size()] ^= script_.Next();
    }
    return bytes;
  }

  void Give(uint32_t socket, const natkit_address& from,
            const std::vector<uint8_t>& bytes) {
    NATKIT_CHECK(natkit_behavior_handle_datagram(behavior_, now_, socket, &from,
                                                 bytes.data(),
                                                 bytes.size()) == 0);
  }

  void AnswerStream(const natkit_behavior_action& action,
                    const std::vector<uint8_t>& request) {
    NATKIT_CHECK(locals_.contains(action.socket));
    const uint8_t how = script_.Next();
    natkit_stun_header header{};
    std::vector<uint8_t> bytes = Garbage(how, request);
    if (how % 4 != 0 &&
        natkit_stun_parse(request.data(), request.size(), &header) == 0) {
      bytes = Response(header, action, how);
    } else if (how % 4 != 0) {
      const ByteView page = AsBytes("HTTP/1.1 204 No Content\r\n\r\n");
      bytes.assign(page.begin(), page.end());
    }
    const size_t half = bytes.size() / 2;
    NATKIT_CHECK(natkit_behavior_handle_stream_data(
                     behavior_, now_, action.socket, bytes.data(), half) == 0);
    NATKIT_CHECK(natkit_behavior_handle_stream_data(
                     behavior_, now_, action.socket, bytes.data() + half,
                     bytes.size() - half) == 0);
  }

  [[nodiscard]] natkit_nat_verdict Verdict(uint32_t axis) const {
    natkit_nat_verdict verdict{};
    natkit_init(&verdict);
    NATKIT_CHECK(natkit_behavior_get_verdict(behavior_, axis, &verdict) == 0);
    return verdict;
  }

  void Check() const {
    for (uint32_t axis = 0; axis <= NATKIT_NAT_AXIS_NAT64; ++axis) {
      const natkit_nat_verdict verdict = Verdict(axis);
      NATKIT_CHECK(verdict.outcome <= NATKIT_NAT_DETERMINED &&
                   verdict.evidence_count <= kMaxEvidence);
      natkit_nat_probe probe{};
      natkit_init(&probe);
      const int code = natkit_behavior_get_evidence(behavior_, axis, 0, &probe);
      NATKIT_CHECK(code == (verdict.evidence_count == 0 ? NATKIT_ERR_NOT_FOUND
                                                        : NATKIT_OK));
    }
    natkit_nat_traits traits{};
    natkit_init(&traits);
    NATKIT_CHECK(natkit_behavior_get_traits(behavior_, &traits) == 0);
    NATKIT_CHECK(traits.mapping == 0 || IsDetermined(NATKIT_NAT_AXIS_MAPPING));
    NATKIT_CHECK((traits.filtering != 0) ==
                 IsDetermined(NATKIT_NAT_AXIS_FILTERING));
    NATKIT_CHECK(traits.hairpinning == 0 ||
                 IsDetermined(NATKIT_NAT_AXIS_HAIRPINNING));
    NATKIT_CHECK(traits.is_udp_blocked == 0 || traits.mapping == 0);
    natkit_nat_report report{};
    natkit_init(&report);
    NATKIT_CHECK(natkit_behavior_get_report(behavior_, &report) == 0);
    NATKIT_CHECK(natkit_behavior_get_hops(behavior_, nullptr, 0) >= 0);
    NATKIT_CHECK(
        natkit_behavior_get_external_addresses(behavior_, nullptr, 0) >= 0);
  }

  [[nodiscard]] bool IsDetermined(uint32_t axis) const {
    return Verdict(axis).outcome == NATKIT_NAT_DETERMINED;
  }

  const natkit_address kFirst = Address("203.0.113.1:3478");
  const natkit_address kSecond = Address("203.0.113.2:3478");
  const natkit_address kThird = Address("203.0.113.2:3479");

  Answers script_;
  Source random_{false};
  natkit_behavior* behavior_ = nullptr;
  std::map<uint32_t, natkit_address> locals_;
  uint16_t next_port_ = 32768;
  uint64_t now_ = NATKIT_SECOND;
  size_t stop_after_ = 0;
};

}  // namespace
}  // namespace natkit::c::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  natkit::c::fuzz::Owner(data, std::min<size_t>(size, 1024)).Run();
  return 0;
}
