#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "behavior/axis_tests.h"
#include "natkit/nat/nat_pmp_message.h"
#include "natkit/nat/pcp_message.h"

namespace natkit::nat::behavior {
namespace {

constexpr uint16_t kPort = 5351;  // RFC 6886, RFC 6887
constexpr uint16_t kSsdpPort = 1900;
constexpr std::string_view kSearch =
    "M-SEARCH * HTTP/1.1\r\n"
    "HOST: 239.255.255.250:1900\r\n"
    "MAN: \"ssdp:discover\"\r\n"
    "MX: 1\r\n"
    "ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n\r\n";

/// Which protocols the router answers. Nothing is mapped.
class PortMappingTest final : public AxisTest {
 public:
  using AxisTest::AxisTest;

  Task<> Run() override;

 private:
  Task<> TryPcp();
  Task<> TryNatPmp();
  Task<> TryUpnp(Endpoint to);
  /// The answer of the router itself, or nothing.
  Task<std::optional<std::vector<uint8_t>>> AskRouter(
      Endpoint to, std::vector<uint8_t> datagram, std::string what);

  bool has_pcp_ = false;
  bool has_nat_pmp_ = false;
  bool has_upnp_ = false;
};

Task<> PortMappingTest::Run() {
  if (!config().gateway ||
      config().gateway->family() != config().local_addresses.front().family()) {
    session().Untested(Axis::kPortMapping, "no router is known");
    co_return;
  }
  const IpAddress router = *config().gateway;
  std::vector<Task<>> tries;
  tries.push_back(TryPcp());
  if (router.is_v4()) {
    tries.push_back(TryNatPmp());
    tries.push_back(TryUpnp({.address = router, .port = kSsdpPort}));
    tries.push_back(TryUpnp(
        {.address = IpAddress::V4(239, 255, 255, 250), .port = kSsdpPort}));
  }
  WhenAll all(tries);
  co_await all;
  std::string found;
  for (const auto& [has, name] :
       {std::pair{has_pcp_, "pcp"}, std::pair{has_nat_pmp_, "nat-pmp"},
        std::pair{has_upnp_, "upnp"}}) {
    if (has) {
      found += (found.empty() ? "" : ", ") + std::string(name);
    }
  }
  report().router_external = session().router_external;
  session().Determine(
      Axis::kPortMapping, found.empty() ? "none" : found,
      session().router_external
          ? "the router's outside is " + session().router_external->ToString()
          : "");
}

Task<std::optional<std::vector<uint8_t>>> PortMappingTest::AskRouter(
    Endpoint to, std::vector<uint8_t> datagram, std::string what) {
  constexpr uint32_t kCopies = 3;
  Task<std::optional<Socket>> opening = lab().Open(0, 0);
  const std::optional<Socket> socket = co_await opening;
  if (!socket) {
    co_return std::nullopt;
  }
  Request request = Lab::From(*socket, to);
  request.attempts = kCopies;
  Task<Exchange> asking = lab().TransactRaw(request, std::move(datagram));
  Exchange exchange = co_await asking;
  exchange.probe.asked = std::move(what);
  session().Keep(Axis::kPortMapping, exchange.probe);
  if (!exchange.arrival ||
      exchange.arrival->from.address != *config().gateway) {
    co_return std::nullopt;
  }
  co_return exchange.arrival->raw;
}

Task<> PortMappingTest::TryPcp() {
  const PcpRequest announce{.client = config().local_addresses.front()};
  Task<std::optional<std::vector<uint8_t>>> asking = AskRouter(
      {*config().gateway, kPort}, BuildPcpRequest(announce), "pcp announce");
  const std::optional<std::vector<uint8_t>> answer = co_await asking;
  if (!answer) {
    co_return;
  }
  const auto response = ParsePcpResponse(*answer);
  // NAT-PMP's answer to a version that it does not know comes from port
  // mapping services that are not PCP.
  has_pcp_ =
      response && response->version == 2 &&
      response->result != static_cast<uint8_t>(PcpResult::kUnsupportedVersion);
}

Task<> PortMappingTest::TryNatPmp() {
  Task<std::optional<std::vector<uint8_t>>> asking =
      AskRouter({*config().gateway, kPort}, BuildNatPmpAddressRequest(),
                "nat-pmp external address");
  const std::optional<std::vector<uint8_t>> answer = co_await asking;
  if (!answer) {
    co_return;
  }
  const auto response = ParseNatPmpResponse(*answer);
  has_nat_pmp_ = response && response->is_success();
  if (has_nat_pmp_) {
    session().router_external = response->external_address;
  }
}

Task<> PortMappingTest::TryUpnp(Endpoint to) {
  const ByteView search = AsBytes(kSearch);
  Task<std::optional<std::vector<uint8_t>>> asking = AskRouter(
      to, std::vector<uint8_t>(search.begin(), search.end()), "ssdp search");
  const std::optional<std::vector<uint8_t>> answer = co_await asking;
  has_upnp_ =
      has_upnp_ || (answer && AsText(*answer).starts_with("HTTP/1.1 200"));
}

}  // namespace

AxisTestPtr MakePortMappingTest(Session& session) {
  return std::make_unique<PortMappingTest>(session);
}

}  // namespace natkit::nat::behavior
