#include "netcheck/netcheck_run.h"

#include <algorithm>
#include <chrono>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "natkit/base/packet_batch.h"
#include "natkit/io/default_gateway.h"
#include "natkit/io/source_address.h"
#include "natkit/io/tcp.h"
#include "natkit/io/timer.h"
#include "natkit/io/udp_socket.h"
#include "natkit/nat/behavior_report.h"
#include "natkit/shell/discovery_shell.h"
#include "natkit/shell/error_text.h"

namespace natkit::meshnode {

namespace {

using std::chrono::seconds;

constexpr Duration kLookUpPatience = seconds(5);
constexpr Duration kConnectPatience = seconds(3);

/// The first address of a family, as a node uses them.
std::optional<IpAddress> FirstOf(const Result<std::vector<IpAddress>>& found,
                                 AddressFamily family) {
  if (!found) {
    return std::nullopt;
  }
  const auto address = std::ranges::find(*found, family, &IpAddress::family);
  return address == found->end() ? std::nullopt : std::optional(*address);
}

/// A socket and time for a stun::Survey.
class SurveyShell {
 public:
  SurveyShell(io::EventLoop& loop, io::UdpSocket socket,
              const std::vector<Endpoint>& servers, Rng& rng)
      : survey_(servers, rng), socket_(std::move(socket)), timer_(loop, [this] {
          survey_.HandleTimeout(io::EventLoop::Now());
          Pump();
        }) {
    socket_.SetReceiveHandler([this](PacketBatch& batch) {
      for (size_t i = 0; i < batch.size(); ++i) {
        survey_.HandleDatagram(io::EventLoop::Now(), batch.meta(i).remote,
                               batch.bytes(i));
      }
      Pump();
    });
  }

  void Start() {
    survey_.Start(io::EventLoop::Now());
    Pump();
  }

  [[nodiscard]] const stun::Survey& survey() const { return survey_; }

 private:
  void Pump() {
    while (const auto transmit = survey_.PollTransmit()) {
      socket_.SendTo(transmit->to, transmit->payload);
    }
    timer_.Arm(survey_.NextTimeout());
  }

  stun::Survey survey_;
  io::UdpSocket socket_;
  io::Timer timer_;
};

/// Times one connection to a relay's port, and ends it at once.
class Knock {
 public:
  Knock(io::EventLoop& loop, const Endpoint& to, uint32_t fwmark)
      : start_(io::EventLoop::Now()) {
    io::StreamHandlers handlers;
    handlers.on_connected = [this] {
      taken_ = io::EventLoop::Now() - start_;
      stream_.reset();
    };
    handlers.on_closed = [this](Errc reason) {
      failure_ = reason;
      stream_.reset();
    };
    io::StreamOptions options;
    options.connect_timeout = kConnectPatience;
    options.fwmark = fwmark;
    stream_.emplace(
        io::TcpStream::Connect(loop, to, std::move(handlers), options));
  }

  [[nodiscard]] bool is_done() const { return !stream_; }

  [[nodiscard]] std::optional<Duration> taken() const { return taken_; }

  [[nodiscard]] Errc failure() const { return failure_; }

 private:
  Instant start_;
  std::optional<Duration> taken_;
  Errc failure_ = Errc::kTimedOut;
  std::optional<io::TcpStream> stream_;
};

class Run {
 public:
  Run(io::EventLoop& loop, NetcheckServers servers, Rng& rng, Duration limit)
      : loop_(loop),
        servers_(std::move(servers)),
        rng_(rng),
        deadline_(io::EventLoop::Now() + limit) {}

  NetcheckReport Main();

 private:
  /// What is under way to one address family.
  struct Family {
    AddressFamily family = AddressFamily::kIpv4;
    std::vector<Endpoint> endpoints;
    std::optional<SurveyShell> shell;
  };

  void DropForbiddenMark();
  void LookUp();
  void StartSurvey(Family& family, FamilyReach& out);
  void StartKnocks();
  void AwaitAnswers();
  void Discover(const Family& family, FamilyReach& out);
  void TakeGateway(const nat::BehaviorReport& found);
  void FillRelays();
  [[nodiscard]] Duration Left() const;

  io::EventLoop& loop_;
  NetcheckServers servers_;
  Rng& rng_;
  Instant deadline_;
  std::vector<Result<std::vector<IpAddress>>> relay_addresses_;
  Family v4_{.family = AddressFamily::kIpv4, .endpoints = {}, .shell = {}};
  Family v6_{.family = AddressFamily::kIpv6, .endpoints = {}, .shell = {}};
  std::list<std::pair<size_t, Knock>> knocks_;  // by position of the relay
  NetcheckReport report_;
};

Duration Run::Left() const {
  return std::max<Duration>(deadline_ - io::EventLoop::Now(), {});
}

void Run::DropForbiddenMark() {
  const auto probe = io::UdpSocket::Bind(
      loop_, {.address = IpAddress::V4(0, 0, 0, 0), .port = 0},
      {.fwmark = servers_.fwmark});
  if (!probe && probe.error().code == Errc::kPermissionDenied) {
    servers_.fwmark = 0;
  }
  report_.is_through_exit = servers_.has_exit && servers_.fwmark == 0;
}

void Run::LookUp() {
  std::vector<shell::ServerName> names;
  for (const NetcheckRelay& relay : servers_.relays) {
    names.push_back(relay.server);
  }
  names.insert(names.end(), servers_.stun_servers.begin(),
               servers_.stun_servers.end());
  relay_addresses_ =
      shell::LookUp(loop_, names, std::min(kLookUpPatience, Left()));
  for (size_t i = 0; i < names.size(); ++i) {
    const bool is_relay = i < servers_.relays.size();
    const uint16_t port =
        is_relay ? servers_.relays[i].stun_port : names[i].port;
    for (Family* family : {&v4_, &v6_}) {
      const auto address = FirstOf(relay_addresses_[i], family->family);
      if (address && port != 0) {
        family->endpoints.push_back({*address, port});
      }
    }
  }
}

void Run::StartSurvey(Family& family, FamilyReach& out) {
  if (family.endpoints.empty()) {
    return;
  }
  const auto local =
      io::FindSourceAddress(family.endpoints.front().address, servers_.fwmark);
  if (local) {
    out.local = *local;
  }
  auto socket =
      io::UdpSocket::Bind(loop_,
                          {.address = family.family == AddressFamily::kIpv4
                                          ? IpAddress::V4(0, 0, 0, 0)
                                          : IpAddress::V6({}),
                           .port = 0},
                          {.fwmark = servers_.fwmark});
  if (!local || !socket) {
    for (const Endpoint& endpoint : family.endpoints) {
      out.servers.push_back({.server = endpoint});
    }
    return;
  }
  family.shell.emplace(loop_, std::move(*socket), family.endpoints, rng_);
  family.shell->Start();
}

void Run::StartKnocks() {
  for (size_t i = 0; i < servers_.relays.size(); ++i) {
    for (const AddressFamily family :
         {AddressFamily::kIpv4, AddressFamily::kIpv6}) {
      if (const auto address = FirstOf(relay_addresses_[i], family)) {
        knocks_.emplace_back(
            std::piecewise_construct, std::forward_as_tuple(i),
            std::forward_as_tuple(
                loop_, Endpoint{*address, servers_.relays[i].server.port},
                servers_.fwmark));
      }
    }
  }
}

void Run::AwaitAnswers() {
  loop_.RunUntil(
      [this] {
        const auto is_done = [](const Family& family) {
          return !family.shell || family.shell->survey().is_finished();
        };
        return is_done(v4_) && is_done(v6_) &&
               std::ranges::all_of(knocks_, [](const auto& knock) {
                 return knock.second.is_done();
               });
      },
      Left());
  if (v4_.shell) {
    report_.v4.servers = v4_.shell->survey().servers();
  }
  if (v6_.shell) {
    report_.v6.servers = v6_.shell->survey().servers();
  }
}

void Run::Discover(const Family& family, FamilyReach& out) {
  nat::BehaviorConfig config;
  for (const stun::SurveyedServer& server : out.servers) {
    if (server.mapped) {
      config.servers.push_back(server.server);
    }
  }
  // Looked at once: for the discovery, nothing left would mean no limit.
  const Duration left = Left();
  if (config.servers.empty() || !out.local || left == Duration{}) {
    return;
  }
  config.local_addresses = {*out.local};
  config.axes = {nat::Axis::kMapping, nat::Axis::kFiltering};
  if (const auto gateway =
          io::FindDefaultGateway(family.family, servers_.fwmark);
      gateway && family.family == AddressFamily::kIpv4) {
    config.gateway = gateway->router;
    config.axes.insert(nat::Axis::kPortMapping);
    report_.gateway.router = gateway->router;
  }
  shell::DiscoveryShell discovery(loop_, std::move(config), rng_,
                                  servers_.fwmark);
  const nat::BehaviorReport& found = discovery.Run(left, [](Duration) {});
  out.traits = found.traits;
  if (family.family == AddressFamily::kIpv4) {
    TakeGateway(found);
  }
}

void Run::TakeGateway(const nat::BehaviorReport& found) {
  const nat::Verdict& verdict = found.verdict(nat::Axis::kPortMapping);
  if (verdict.outcome != nat::Outcome::kDetermined) {
    return;
  }
  report_.gateway.external = found.router_external;
  auto& services = report_.gateway.services.emplace();
  for (const char* service : {"pcp", "nat-pmp", "upnp"}) {
    if (verdict.value.find(service) != std::string::npos) {
      services.emplace_back(service);
    }
  }
}

void Run::FillRelays() {
  const auto round_trip = [](const FamilyReach& family, const auto& address,
                             uint16_t port) -> std::optional<Duration> {
    if (!address) {
      return std::nullopt;
    }
    const auto found =
        std::ranges::find(family.servers, Endpoint{*address, port},
                          &stun::SurveyedServer::server);
    return found == family.servers.end() ? std::nullopt : found->round_trip;
  };
  for (size_t i = 0; i < servers_.relays.size(); ++i) {
    const auto& addresses = relay_addresses_[i];
    const uint16_t stun_port = servers_.relays[i].stun_port;
    RelayReach& reach = report_.relays.emplace_back();
    reach.relay = servers_.relays[i];
    reach.udp_v4 = round_trip(
        report_.v4, FirstOf(addresses, AddressFamily::kIpv4), stun_port);
    reach.udp_v6 = round_trip(
        report_.v6, FirstOf(addresses, AddressFamily::kIpv6), stun_port);
    reach.error = addresses ? "" : shell::DescribeError(addresses.error().code);
    for (const auto& [relay, knock] : knocks_) {
      if (relay != i) {
        continue;
      }
      if (knock.taken()) {
        reach.tcp =
            std::min(reach.tcp.value_or(*knock.taken()), *knock.taken());
      } else {
        reach.error = shell::DescribeError(knock.failure());
      }
    }
    if (reach.tcp) {
      reach.error.clear();
    }
  }
}

NetcheckReport Run::Main() {
  DropForbiddenMark();
  LookUp();
  StartSurvey(v4_, report_.v4);
  StartSurvey(v6_, report_.v6);
  StartKnocks();
  AwaitAnswers();
  FillRelays();
  Discover(v4_, report_.v4);
  Discover(v6_, report_.v6);
  return std::move(report_);
}

}  // namespace

NetcheckReport RunNetcheck(io::EventLoop& loop, NetcheckServers servers,
                           Rng& rng, Duration limit) {
  return Run(loop, std::move(servers), rng, limit).Main();
}

}  // namespace natkit::meshnode
