#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "portmap/soap.h"
#include "portmap_client.h"
#include "tcp_client.h"

namespace natkit::netsim {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

const Endpoint kHttp = At("192.168.1.1:5000");
const Endpoint kSearch = At("239.255.255.250:1900");
const IpAddress kHost = Ip("192.168.1.7");

/// A box with UPnP, its inside hosts, and their HTTP.
class UpnpLab : public PortMapLab {
 public:
  explicit UpnpLab(size_t max_per_host = 32)
      : PortMapLab(HomeRouter({.upnp = true, .max_per_host = max_per_host})) {}

  std::vector<Bytes> Exchange(Bytes packet) {
    (void)engine.Process(now, Side::kInside, packet);
    std::vector<Bytes> out;
    while (auto reply = engine.PollTransmit()) {
      out.push_back(std::move(reply->bytes));
    }
    return out;
  }

  std::string Fetch(std::string_view request, const IpAddress& host = kHost) {
    TcpClient client({host, next_port_++}, kHttp, 1, [this](Bytes packet) {
      return Exchange(std::move(packet));
    });
    return client.Fetch(request);
  }

  /// The response to one action; `arguments` is XML.
  std::string Call(std::string_view action, std::string_view arguments,
                   const IpAddress& host = kHost, int version = 1) {
    const std::string service =
        "urn:schemas-upnp-org:service:WANIPConnection:" +
        std::to_string(version);
    const std::string name(action);
    const std::string body =
        "<?xml version=\"1.0\"?>\r\n<s:Envelope "
        "xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><u:" +
        name + " xmlns:u=\"" + service + "\">" + std::string(arguments) +
        "</u:" + name + "></s:Body></s:Envelope>";
    return Fetch(
        "POST /ctl/IPConn HTTP/1.1\r\nHost: 192.168.1.1:5000\r\n"
        "SOAPAction: \"" +
            service + "#" + name + "\"\r\nContent-Length: " +
            std::to_string(body.size()) + "\r\n\r\n" + body,
        host);
  }

  std::vector<std::string> Search(std::string_view target,
                                  const Endpoint& to = kSearch) {
    const std::string text =
        "M-SEARCH * HTTP/1.1\r\nHOST: x\r\nMAN: "
        "\"ssdp:discover\"\r\nMX: 2\r\nST: " +
        std::string(target) + "\r\n\r\n";
    std::vector<std::string> out;
    for (const Bytes& packet :
         Exchange(BuildUdp({kHost, 5555}, to, AsBytes(text)))) {
      const auto info = ParsePacket(packet).value();
      EXPECT_EQ(info.source, At("192.168.1.1:1900"));
      EXPECT_EQ(info.destination, (Endpoint{kHost, 5555}));
      out.emplace_back(AsText(UdpPayload(packet, info).value()));
    }
    return out;
  }

 private:
  uint16_t next_port_ = 30000;
};

std::string Arguments(int external, int internal, std::string_view client,
                      std::string_view protocol = "UDP", int lease = 3600,
                      std::string_view description = "a &amp; b") {
  return "<NewRemoteHost></NewRemoteHost><NewExternalPort>" +
         std::to_string(external) + "</NewExternalPort><NewProtocol>" +
         std::string(protocol) + "</NewProtocol><NewInternalPort>" +
         std::to_string(internal) + "</NewInternalPort><NewInternalClient>" +
         std::string(client) +
         "</NewInternalClient><NewEnabled>1</NewEnabled>"
         "<NewPortMappingDescription>" +
         std::string(description) +
         "</NewPortMappingDescription><NewLeaseDuration>" +
         std::to_string(lease) + "</NewLeaseDuration>";
}

std::string Entry(int external, std::string_view protocol = "UDP") {
  return "<NewRemoteHost/><NewExternalPort>" + std::to_string(external) +
         "</NewExternalPort><NewProtocol>" + std::string(protocol) +
         "</NewProtocol>";
}

/// A matcher of a fault with this code.
auto Fails(int code) {
  return ::testing::AllOf(
      StartsWith("HTTP/1.1 500"),
      HasSubstr("<errorCode>" + std::to_string(code) + "</errorCode>"));
}

const auto kSucceeds = StartsWith("HTTP/1.1 200 OK\r\n");

TEST(Ssdp, AnswersSearchesForWhatItIs) {
  UpnpLab lab;
  for (const char* target :
       {"upnp:rootdevice",
        "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
        "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
        "urn:schemas-upnp-org:service:WANIPConnection:1"}) {
    const auto answers = lab.Search(target);
    ASSERT_THAT(answers, SizeIs(1)) << target;
    EXPECT_THAT(answers[0], kSucceeds);
    EXPECT_THAT(answers[0],
                HasSubstr(std::string("\r\nST: ") + target + "\r\n"));
    EXPECT_THAT(
        answers[0],
        HasSubstr("LOCATION: http://192.168.1.1:5000/rootDesc.xml\r\n"));
  }
  EXPECT_THAT(lab.Search("ssdp:all"), SizeIs(7));
  EXPECT_THAT(lab.Search("upnp:rootdevice", At("192.168.1.1:1900")), SizeIs(1));
}

TEST(Ssdp, IsSilentAboutOthers) {
  UpnpLab lab;
  EXPECT_THAT(lab.Search("urn:schemas-upnp-org:service:WANPPPConnection:1"),
              IsEmpty());
  EXPECT_THAT(lab.Search("urn:schemas-upnp-org:service:WANIPConnection:3"),
              IsEmpty());
  EXPECT_THAT(lab.Search(""), IsEmpty());
}

TEST(Upnp, DescribesItself) {
  UpnpLab lab;
  const std::string text =
      lab.Fetch("GET /rootDesc.xml HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(text, kSucceeds);
  EXPECT_THAT(text, HasSubstr("<controlURL>/ctl/IPConn</controlURL>"));
  EXPECT_THAT(lab.Fetch("GET /WANIPCn.xml HTTP/1.1\r\n\r\n"),
              HasSubstr("<name>AddPortMapping</name>"));
  EXPECT_THAT(lab.Fetch("GET /etc/passwd HTTP/1.1\r\n\r\n"),
              StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(lab.Fetch("nonsense\r\n\r\n"), StartsWith("HTTP/1.1 400"));
}

TEST(Upnp, TellsTheExternalAddress) {
  UpnpLab lab;
  EXPECT_THAT(lab.Call("GetExternalIPAddress", ""),
              HasSubstr("<NewExternalIPAddress>203.0.113.1<"));
  EXPECT_THAT(lab.Call("GetStatusInfo", ""), HasSubstr(">Connected<"));
}

TEST(Upnp, MapsListsAndDeletes) {
  UpnpLab lab;
  EXPECT_THAT(lab.Call("AddPortMapping", Arguments(4000, 5000, "192.168.1.7")),
              kSucceeds);
  EXPECT_EQ(lab.ReachFromOutside(At("198.51.100.9:5"), At("203.0.113.1:4000")),
            At("192.168.1.7:5000"));
  lab.now += seconds(600);
  const std::string entry =
      lab.Call("GetSpecificPortMappingEntry", Entry(4000));
  EXPECT_THAT(entry, HasSubstr("<NewInternalPort>5000<"));
  EXPECT_THAT(entry, HasSubstr("<NewInternalClient>192.168.1.7<"));
  EXPECT_THAT(entry, HasSubstr("<NewLeaseDuration>3000<"));
  EXPECT_THAT(entry, HasSubstr(">a &amp; b<"));
  EXPECT_THAT(lab.Call("GetGenericPortMappingEntry",
                       "<NewPortMappingIndex>0</NewPortMappingIndex>"),
              HasSubstr("<NewExternalPort>4000<"));
  EXPECT_THAT(lab.Call("GetGenericPortMappingEntry",
                       "<NewPortMappingIndex>1</NewPortMappingIndex>"),
              Fails(713));
  EXPECT_THAT(lab.Call("DeletePortMapping", Entry(4000)), kSucceeds);
  EXPECT_THAT(lab.Call("DeletePortMapping", Entry(4000)), Fails(714));
  EXPECT_THAT(lab.Call("GetSpecificPortMappingEntry", Entry(4000)), Fails(714));
  EXPECT_FALSE(
      lab.ReachFromOutside(At("198.51.100.9:6"), At("203.0.113.1:4000")));
}

TEST(Upnp, TakesALeaseOfZeroForAWeek) {
  UpnpLab lab;
  (void)lab.Call("AddPortMapping",
                 Arguments(4000, 5000, "192.168.1.7", "UDP", 0));
  EXPECT_THAT(lab.Call("GetSpecificPortMappingEntry", Entry(4000)),
              HasSubstr("<NewLeaseDuration>604800<"));
}

TEST(Upnp, TellsConflictsApart) {
  UpnpLab lab;
  (void)lab.Call("AddPortMapping", Arguments(4000, 5000, "192.168.1.7"));
  const std::string theirs = Arguments(4000, 5000, "192.168.1.8");
  EXPECT_THAT(lab.Call("AddPortMapping", theirs, Ip("192.168.1.8")),
              Fails(718));
  EXPECT_THAT(lab.Call("DeletePortMapping", Entry(4000), Ip("192.168.1.8")),
              Fails(606));
  EXPECT_THAT(lab.Call("AddPortMapping", theirs), Fails(606));
  // Its own it may renew, and point elsewhere.
  EXPECT_THAT(lab.Call("AddPortMapping", Arguments(4000, 5000, "192.168.1.7")),
              kSucceeds);
  EXPECT_THAT(lab.Call("AddPortMapping", Arguments(4000, 5001, "192.168.1.7")),
              kSucceeds);
  EXPECT_EQ(lab.engine.mapping_count(), 1U);
  // A mapping that traffic made is another mechanism.
  Bytes packet = BuildUdp({kHost, 7777}, At("198.51.100.9:5"), {});
  (void)lab.engine.Process(lab.now, Side::kInside, packet);
  EXPECT_THAT(lab.Call("AddPortMapping", Arguments(7777, 5000, "192.168.1.8"),
                       Ip("192.168.1.8")),
              Fails(729));
}

TEST(Upnp, ReservesAnyPort) {
  UpnpLab lab;
  (void)lab.Call("AddPortMapping", Arguments(4000, 5000, "192.168.1.7"));
  const std::string answer =
      lab.Call("AddAnyPortMapping", Arguments(4000, 5000, "192.168.1.8"),
               Ip("192.168.1.8"), 2);
  EXPECT_THAT(answer, kSucceeds);
  EXPECT_THAT(answer, HasSubstr("<NewReservedPort>"));
  EXPECT_THAT(answer, Not(HasSubstr("<NewReservedPort>4000<")));
}

TEST(Upnp, KeepsSeveralPortsForOneEndpointApart) {
  UpnpLab lab;
  (void)lab.Call("AddPortMapping", Arguments(4000, 5000, "192.168.1.7"));
  EXPECT_THAT(lab.Call("AddPortMapping", Arguments(4001, 5000, "192.168.1.7")),
              kSucceeds);
  const Endpoint peer = At("198.51.100.9:5");
  EXPECT_THAT(lab.Call("DeletePortMapping", Entry(4000)), kSucceeds);
  EXPECT_FALSE(lab.ReachFromOutside(peer, At("203.0.113.1:4000")));
  EXPECT_TRUE(lab.ReachFromOutside(peer, At("203.0.113.1:4001")));
}

TEST(Upnp, RefusesWhatTheStandardLetsItRefuse) {
  UpnpLab lab(1);
  EXPECT_THAT(
      lab.Call("AddPortMapping", "<NewExternalPort>1</NewExternalPort>"),
      Fails(402));
  EXPECT_THAT(
      lab.Call("AddPortMapping", Arguments(4000, 5000, "192.168.1.7", "SCTP")),
      Fails(402));
  EXPECT_THAT(lab.Call("AddPortMapping", Arguments(0, 5000, "192.168.1.7")),
              Fails(716));
  EXPECT_THAT(lab.Call("AddPortMapping", Arguments(4000, 0, "192.168.1.7")),
              Fails(732));
  std::string remote = Arguments(4000, 5000, "192.168.1.7");
  remote.insert(15, "198.51.100.1");
  EXPECT_THAT(lab.Call("AddPortMapping", remote), Fails(726));
  EXPECT_THAT(lab.Call("FormatDisk", ""), Fails(401));
  EXPECT_THAT(lab.Call("AddPortMapping", Arguments(4000, 5000, "192.168.1.7")),
              kSucceeds);
  EXPECT_THAT(lab.Call("AddPortMapping", Arguments(4001, 5001, "192.168.1.7")),
              Fails(728));
}

TEST(Upnp, ForgetsAllOnReboot) {
  UpnpLab lab;
  (void)lab.Call("AddPortMapping", Arguments(4000, 5000, "192.168.1.7"));
  lab.engine.Reboot(lab.now, Ip("203.0.113.2"));
  EXPECT_THAT(lab.Call("GetSpecificPortMappingEntry", Entry(4000)), Fails(714));
  EXPECT_THAT(lab.Call("GetExternalIPAddress", ""), HasSubstr(">203.0.113.2<"));
  EXPECT_THAT(lab.Search("upnp:rootdevice")[0],
              HasSubstr("BOOTID.UPNP.ORG: 2\r\n"));
}

TEST(Soap, RefusesWhatParsersDieOf) {
  using portmap::ReadSoapCall;
  EXPECT_TRUE(
      ReadSoapCall("<a:Envelope><a:Body><u:Do><X>1</X><Y/></u:Do>"
                   "</a:Body></a:Envelope>"));
  for (const char* bad :
       {"", "<Envelope>", "<Envelope></Envelope>",
        "<!DOCTYPE a [<!ENTITY b \"c\">]><Envelope><Body><Do/></Body>"
        "</Envelope>",
        "<Envelope><Body><Do><X>&bomb;</X></Do></Body></Envelope>",
        "<Envelope><Body><Do></Body></Do></Envelope>",
        "<Envelope><Body><Do/><Undo/></Body></Envelope>",
        "<Envelope><Body><Do/></Body></Envelope><Envelope/>"}) {
    EXPECT_FALSE(ReadSoapCall(bad)) << bad;
  }
  std::string deep = "<Envelope><Body><Do>";
  for (int i = 0; i < 100; ++i) {
    deep += "<a>";
  }
  EXPECT_FALSE(ReadSoapCall(deep));
}

}  // namespace
}  // namespace natkit::netsim
