// A node's routes alone, over a tunnel that is nothing but IP in UDP.
//   route_node TUN MTU LISTEN REMOTE [--enable-forwarding]
// Each line of its input is a plan's input as JSON; the answer is a line with
// the findings, or what went wrong. At the end of the input all is undone.

#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "natkit/io/event_loop.h"
#include "natkit/io/link_control.h"
#include "natkit/io/tun_device.h"
#include "natkit/io/udp_socket.h"
#include "natkit/mesh/routing/route_plan.h"
#include "routes/route_manager.h"

namespace natkit::meshnode {
namespace {

using nlohmann::json;

void Say(const json& line) {
  std::puts(line.dump().c_str());
  std::fflush(stdout);
}

std::vector<IpAddress> Addresses(const json& list) {
  std::vector<IpAddress> out;
  for (const auto& text : list) {
    out.push_back(IpAddress::Parse(text.get<std::string>()).value());
  }
  return out;
}

std::vector<IpPrefix> Prefixes(const json& list) {
  std::vector<IpPrefix> out;
  for (const auto& text : list) {
    out.push_back(IpPrefix::Parse(text.get<std::string>()).value());
  }
  return out;
}

routing::PlanInput ReadInput(const json& from) {
  routing::PlanInput input;
  input.addresses = Addresses(from.value("addresses", json::array()));
  input.advertised = Prefixes(from.value("advertised", json::array()));
  const json peers = from.value("peers", json::object());
  for (const auto& [name, peer] : peers.items()) {
    input.peers.push_back({.name = name,
                           .addresses = Addresses(peer["addresses"]),
                           .routes = Prefixes(peer["routes"])});
  }
  if (from.contains("exit")) {
    input.exit = from["exit"].get<std::string>();
  }
  if (from.value("lan_access", false)) {
    input.lan_access = routing::LanAccess::kOn;
  }
  if (!from.value("snat", true)) {
    input.snat = routing::Snat::kOff;
  }
  const json networks = from.value("local_networks", json::object());
  for (const auto& [interface, prefixes] : networks.items()) {
    for (const IpPrefix& prefix : Prefixes(prefixes)) {
      input.local_networks.push_back({interface, prefix});
    }
  }
  return input;
}

class RouteNode {
 public:
  explicit RouteNode(std::vector<std::string> words)
      : words_(std::move(words)),
        tun_(io::TunDevice::Open(loop_, words_[0]).value()),
        remote_(Endpoint::Parse(words_[3]).value()),
        manager_({.tun = words_[0], .enables_forwarding = words_.size() > 4},
                 {},
                 [](LogLevel, std::string_view text) { Say({{"log", text}}); }),
        udp_(io::UdpSocket::Bind(loop_, Endpoint::Parse(words_[2]).value(),
                                 {.fwmark = RouteSettings().fwmark})
                 .value()) {}

  int Run() {
    auto link = io::LinkControl::Find(words_[0]).value();
    if (!link.SetMtu(Mtu()) || !link.SetUp()) {
      return 1;
    }
    Carry();
    if (const auto started = manager_.Start(); !started) {
      Say({{"error", started.error()}});
      return 1;
    }
    Say({{"ready", manager_.guardian_pid()}});
    std::thread reader([this] { ReadLines(); });
    loop_.Run();
    reader.join();
    manager_.Stop();
    Say({{"stopped", true}});
    return 0;
  }

 private:
  [[nodiscard]] uint16_t Mtu() const {
    return static_cast<uint16_t>(std::stoi(words_[1]));
  }

  void Carry() {
    tun_.Start(
        [this](PacketBatch& batch) {
          for (size_t i = 0; i < batch.size(); ++i) {
            udp_.SendTo(remote_, batch.bytes(i));
          }
        },
        [] {});
    udp_.SetReceiveHandler([this](PacketBatch& batch) { tun_.Write(batch); });
  }

  void ReadLines() {
    for (std::string line; std::getline(std::cin, line);) {
      loop_.Post([this, line] { TakePlan(json::parse(line)); });
    }
    loop_.Post([this] { loop_.Stop(); });
  }

  void TakePlan(const json& from) {
    routing::PlanInput input = ReadInput(from);
    input.tun = words_[0];
    input.mtu = Mtu();
    const routing::RoutePlan plan = MakePlan(input);
    const auto applied = manager_.Apply(plan.system);
    json answer{{"findings", json::array()}};
    for (const routing::Finding& finding : plan.findings) {
      answer["findings"].push_back(finding.text);
    }
    if (const auto trouble = manager_.Trouble()) {
      answer["trouble"] = *trouble;
    }
    if (!applied) {
      answer["error"] = applied.error();
    }
    Say(answer);
  }

  std::vector<std::string> words_;
  io::EventLoop loop_;
  io::TunDevice tun_;
  Endpoint remote_;
  RouteManager manager_;
  io::UdpSocket udp_;
};

}  // namespace
}  // namespace natkit::meshnode

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fputs("usage: route_node TUN MTU LISTEN REMOTE\n", stderr);
    return 2;
  }
  try {
    return natkit::meshnode::RouteNode({argv + 1, argv + argc}).Run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "route_node: %s\n", error.what());
    return 1;
  }
}
