#include "agent_shell.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <iostream>

#include "agent_frame.h"
#include "ethernet/ethernet_port.h"
#include "ethernet/neighbor_messages.h"
#include "natkit/base/copy.h"
#include "natkit/netsim/packet.h"
#include "run/device.h"

namespace natkit::natcheck::conformance {
namespace {

constexpr size_t kFrameRoom = 65536;
constexpr Duration kShortestSearch = std::chrono::milliseconds(500);
constexpr Duration kLongestSearch = std::chrono::seconds(5);
constexpr Duration kQuestionInterval = std::chrono::milliseconds(500);

Instant Now() {
  return Instant{std::chrono::steady_clock::now().time_since_epoch()};
}

/// Different for each agent on a network, as good as surely.
netsim::MacAddress OwnMac() {
  const auto seed = static_cast<uint32_t>(::getpid()) * 2654435761U +
                    static_cast<uint32_t>(Now().time_since_epoch().count());
  return netsim::MacAddress::Numbered(0xc0000000U | seed >> 2);
}

class Agent {
 public:
  Agent(const AgentConfig& config, netsim::FileDescriptor packets)
      : config_(config),
        packets_(std::move(packets)),
        port_(OwnMac(), config.addresses) {}

  int Run() {
    if (const auto trouble = FindTrouble(); !trouble.empty()) {
      Say(EncodeFrame(FrameKind::kTrouble, AsBytes(trouble)));
      return 1;
    }
    SayHello();
    port_.Announce();
    Flush();
    while (!is_over_) {
      std::array<pollfd, 2> waits = {
          pollfd{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
          pollfd{.fd = packets_.get(), .events = POLLIN, .revents = 0}};
      (void)::poll(waits.data(), waits.size(), Patience());
      if (waits[0].revents != 0) {
        ReadOrders();
      }
      if (waits[1].revents != 0) {
        ReadWire();
      }
      port_.HandleTimeout(Now());
      Flush();
    }
    return 0;
  }

 private:
  /// Asks who has its addresses, and for the gateway. Empty: nobody, and it
  /// answers.
  std::string FindTrouble() {
    const Instant start = Now();
    for (const IpAddress& address : config_.addresses) {
      SendFrame(netsim::BuildQuestion(Nobody(address), port_.mac(), address));
    }
    Instant next_question = start;
    while (!is_over_ && Now() - start < kLongestSearch) {
      if (config_.gateway && !has_gateway_ && Now() >= next_question) {
        SendFrame(netsim::BuildQuestion(config_.addresses.front(), port_.mac(),
                                        *config_.gateway));
        next_question = Now() + kQuestionInterval;
      }
      pollfd wait = {.fd = packets_.get(), .events = POLLIN, .revents = 0};
      (void)::poll(&wait, 1, 50);
      ReadWire();
      if (!rival_.empty()) {
        return rival_;
      }
      if (Now() - start >= kShortestSearch &&
          (has_gateway_ || !config_.gateway)) {
        return "";
      }
    }
    return "nobody on " + config_.interface + " answers for the gateway " +
           config_.gateway->ToString();
  }

  /// The sender of an ARP probe (RFC 5227 section 2.1.1).
  static IpAddress Nobody(const IpAddress& like) {
    return like.is_v4() ? IpAddress::V4(0, 0, 0, 0)
                        : IpAddress::V6(std::array<uint8_t, 16>{});
  }

  /// Who else speaks for our addresses, and whether the gateway is there.
  void WatchNeighbors(ByteView frame) {
    const auto message = netsim::ParseNeighborMessage(frame);
    if (!message || !message->sender_mac ||
        *message->sender_mac == port_.mac()) {
      return;
    }
    const bool is_answer =
        message->kind == netsim::NeighborMessage::Kind::kAnswer;
    const IpAddress& who = is_answer ? message->target : message->sender;
    has_gateway_ |= config_.gateway && who == *config_.gateway;
    if (std::ranges::find(config_.addresses, who) != config_.addresses.end()) {
      rival_ = "another host has its address " + who.ToString();
    }
  }

  [[nodiscard]] int Patience() const {
    const auto next = port_.NextTimeout();
    if (!next) {
      return -1;
    }
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(*next - Now());
    return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 60000));
  }

  void SayHello() {
    std::string text(kAgentHello);
    for (const IpAddress& address : config_.addresses) {
      text += " " + address.ToString();
    }
    Say(EncodeFrame(FrameKind::kHello, AsBytes(text)));
    has_greeted_ = true;
  }

  void Say(const std::vector<uint8_t>& frame) {
    ByteView rest = frame;
    while (!rest.empty()) {
      const ssize_t sent = ::write(STDOUT_FILENO, rest.data(), rest.size());
      if (sent <= 0) {
        is_over_ = true;
        return;
      }
      rest = rest.subspan(static_cast<size_t>(sent));
    }
  }

  void ReadOrders() {
    const ssize_t got = ::read(STDIN_FILENO, buffer_.data(), buffer_.size());
    if (got <= 0) {
      is_over_ = true;
      return;
    }
    orders_.Feed(ByteView(buffer_).first(static_cast<size_t>(got)));
    while (auto frame = orders_.Next()) {
      if (frame->kind == FrameKind::kPacket) {
        SendPacket(frame->content);
      }
    }
    is_over_ |= orders_.is_broken();
  }

  void SendPacket(ByteView packet) {
    const auto info = netsim::ParsePacket(packet);
    if (!info) {
      return;
    }
    const IpAddress& to = info->destination.address;
    const IpAddress next =
        config_.network.Contains(to) ? to : config_.gateway.value_or(to);
    std::vector<uint8_t> frame(netsim::kEthernetHeaderSize + packet.size());
    CopyBytes(packet, MutableBytes(frame).subspan(netsim::kEthernetHeaderSize));
    if (port_.AddressFrame(Now(), next, frame)) {
      SendFrame(frame);
    }
  }

  void SendFrame(const std::vector<uint8_t>& frame) {
    if (::write(packets_.get(), frame.data(), frame.size()) < 0) {
      return;  // as lost on the wire
    }
  }

  void Flush() {
    while (const auto frame = port_.PollTransmit()) {
      SendFrame(*frame);
    }
  }

  void ReadWire() {
    for (int i = 0; i < 64; ++i) {
      const ssize_t got =
          ::read(packets_.get(), buffer_.data(), buffer_.size());
      if (got < static_cast<ssize_t>(netsim::kEthernetHeaderSize)) {
        return;
      }
      WatchNeighbors(ByteView(buffer_).first(static_cast<size_t>(got)));
      const auto packet = port_.HandleFrame(
          Now(), MutableBytes(buffer_).first(static_cast<size_t>(got)));
      Flush();
      // Somebody may send to its addresses before it has them.
      if (has_greeted_ && packet && IsOurs(*packet)) {
        Say(EncodeFrame(FrameKind::kPacket, *packet));
      }
    }
  }

  [[nodiscard]] bool IsOurs(ByteView packet) const {
    const auto info = netsim::ParsePacket(packet);
    return info &&
           std::ranges::find(config_.addresses, info->destination.address) !=
               config_.addresses.end();
  }

  const AgentConfig& config_;
  netsim::FileDescriptor packets_;
  netsim::EthernetPort port_;
  FrameReader orders_;
  std::vector<uint8_t> buffer_ = std::vector<uint8_t>(kFrameRoom);
  bool is_over_ = false;
  bool has_gateway_ = false;
  bool has_greeted_ = false;
  std::string rival_;
};

}  // namespace

int RunAgent(const AgentConfig& config) {
  auto packets = netsim::OpenPacketSocket(config.interface);
  if (!packets) {
    const auto frame =
        EncodeFrame(FrameKind::kTrouble, AsBytes(packets.error().text));
    if (::isatty(STDOUT_FILENO) != 0 ||
        ::write(STDOUT_FILENO, frame.data(), frame.size()) < 0) {
      std::cerr << "natcheck: " << packets.error().text << '\n';
    }
    return 1;
  }
  return Agent(config, *std::move(packets)).Run();
}

}  // namespace natkit::natcheck::conformance
