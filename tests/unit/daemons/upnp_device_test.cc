#include "natkit/shell/upnp_device.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <thread>

#include "fake_upnp_device.h"
#include "natkit/io/event_loop.h"

namespace natkit::shell {
namespace {

using nat::UpnpAction;
using nat::UpnpError;

const IpAddress kUs = IpAddress::V4(127, 0, 0, 1);

/// Tests that run at the same time have addresses of their own.
IpAddress AddressOf(uint8_t number) {
  const auto pid = static_cast<uint32_t>(::getpid());
  return IpAddress::V4(127, static_cast<uint8_t>(64 + (pid >> 13) % 128),
                       static_cast<uint8_t>(pid >> 5),
                       static_cast<uint8_t>((pid & 31) * 4 + number));
}

std::string Http(const std::string& status, const std::string& body) {
  return "HTTP/1.1 " + status +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

std::string Description(const std::string& control,
                        const std::string& base = {},
                        const std::string& type = "WANIPConnection:1") {
  return Http("200 OK",
              "<?xml version=\"1.0\"?><root><URLBase>" + base +
                  "</URLBase><device><serviceList><service><serviceType>"
                  "urn:schemas-upnp-org:service:" +
                  type + "</serviceType><controlURL>" + control +
                  "</controlURL></service></serviceList></device></root>");
}

std::string Soap(const std::string& values) {
  return Http("200 OK",
              "<s:Envelope><s:Body>" + values + "</s:Body></s:Envelope>");
}

std::string Fault(int code) {
  return Http("500 Internal Server Error",
              "<s:Envelope><s:Body><s:Fault><detail><UPnPError><errorCode>" +
                  std::to_string(code) +
                  "</errorCode></UPnPError></detail></s:Fault></s:Body>"
                  "</s:Envelope>");
}

const std::string kAddress =
    Soap("<NewExternalIPAddress>203.0.113.9</NewExternalIPAddress>");

/// A device as it should be, of which single answers may be replaced.
class Router {
 public:
  /// By "GET /path" and by action.
  std::map<std::string, std::string> answers = {
      {"GET /d", Description("/c")},
      {"GetExternalIPAddress", kAddress},
      {"GetSpecificPortMappingEntry", Fault(714)},
      {"AddPortMapping", Soap("<u:AddPortMappingResponse/>")},
      {"DeletePortMapping", Soap("<u:DeletePortMappingResponse/>")}};

  FakeUpnpDevice device{AddressOf(1)};
  UpnpDevice client;

  void Start(std::vector<std::string> locations) {
    device.Start(std::move(locations), [this](std::string_view request) {
      for (const auto& [key, answer] : answers) {
        const bool is_it =
            key.starts_with("GET ")
                ? request.starts_with(key + " ")
                : request.find("#" + key + "\"") != std::string_view::npos;
        if (is_it) {
          return answer;
        }
      }
      return Http("404 Not Found", "");
    });
  }

  nat::UpnpResult Discover() {
    return client.Do({.id = 1,
                      .action = UpnpAction::kDiscover,
                      .gateway = AddressOf(1),
                      .local = kUs});
  }

  nat::UpnpResult TryAdd() {
    return client.Do({.id = 2,
                      .action = UpnpAction::kAddMapping,
                      .gateway = AddressOf(1),
                      .local = kUs,
                      .external_port = 6000,
                      .internal_port = 6000,
                      .lease = std::chrono::hours(1),
                      .description = "a < b & c"});
  }

  UpnpError Add() { return TryAdd().error; }

  UpnpError Delete(const IpAddress& gateway) {
    return client
        .Do({.id = 3,
             .action = UpnpAction::kDeleteMapping,
             .gateway = gateway,
             .local = kUs,
             .external_port = 6000})
        .error;
  }

  void ExpectFound() {
    const auto result = Discover();
    EXPECT_EQ(result.error, UpnpError::kNone);
    EXPECT_EQ(result.external_address, IpAddress::V4(203, 0, 113, 9));
    EXPECT_EQ(Add(), UpnpError::kNone);
  }
};

TEST(UpnpDevice, FindsMapsAndDeletes) {
  Router router;
  router.Start({"/d"});
  router.ExpectFound();
  EXPECT_EQ(router.Delete(AddressOf(2)), UpnpError::kNoDevice)
      << "another router's";
  EXPECT_EQ(router.Delete(AddressOf(1)), UpnpError::kNone);
  // Known: asked again without a search.
  router.ExpectFound();
  const auto requests = router.device.requests();
  EXPECT_EQ(std::ranges::count(requests, "GET /d HTTP/1.1"), 1);
}

TEST(UpnpDevice, TellsTheLeaseThatWasGiven) {
  Router router;
  router.Start({"/d"});
  EXPECT_EQ(router.Discover().error, UpnpError::kNone);
  EXPECT_EQ(router.TryAdd().lease, std::nullopt);  // it does not say
  const auto say = [&](const std::string& lease) {
    router.answers["GetSpecificPortMappingEntry"] = Soap(
        "<NewInternalPort>6000</NewInternalPort>"
        "<NewInternalClient>127.0.0.1</NewInternalClient>"
        "<NewLeaseDuration>" +
        lease + "</NewLeaseDuration>");
    return router.TryAdd().lease;
  };
  EXPECT_EQ(say("300"), std::chrono::seconds(300));
  EXPECT_EQ(say("0"), std::chrono::seconds(0));
  for (const char* nonsense : {"", "-5", "12x", "99999999999"}) {
    EXPECT_EQ(say(nonsense), std::nullopt) << nonsense;
  }
}

TEST(UpnpDevice, ErrorsAreTold) {
  Router router;
  router.answers["AddPortMapping"] = Fault(725);
  router.answers["DeletePortMapping"] = Http("500 Error", "gibberish");
  router.Start({"/d"});
  EXPECT_EQ(router.Discover().error, UpnpError::kNone);
  EXPECT_EQ(router.Add(), UpnpError::kOnlyPermanentLeases);
  EXPECT_EQ(router.Delete(AddressOf(1)), UpnpError::kBroken);
}

TEST(UpnpDevice, ARouterThatIsNotConnectedIsFoundWithoutAnAddress) {
  Router router;
  router.answers["GetExternalIPAddress"] = Fault(501);
  router.Start({"/d"});
  const auto result = router.Discover();
  EXPECT_EQ(result.error, UpnpError::kNone);
  EXPECT_FALSE(result.external_address);
}

TEST(UpnpDevice, AMappingOfAnotherHostIsNotOverwritten) {
  Router router;
  router.answers["GetSpecificPortMappingEntry"] = Soap(
      "<NewInternalPort>6000</NewInternalPort>"
      "<NewInternalClient>127.0.0.9</NewInternalClient>");
  router.Start({"/d"});
  EXPECT_EQ(router.Discover().error, UpnpError::kNone);
  const size_t before = router.device.requests().size();
  EXPECT_EQ(router.Add(), UpnpError::kConflict);
  EXPECT_EQ(router.device.requests().size(), before + 1);  // AddPortMapping not
}

TEST(UpnpDevice, OurOwnMappingIsRenewed) {
  Router router;
  router.answers["GetSpecificPortMappingEntry"] = Soap(
      "<NewInternalPort>6000</NewInternalPort>"
      "<NewInternalClient>127.0.0.1</NewInternalClient>");
  router.Start({"/d"});
  router.ExpectFound();
}

TEST(UpnpDevice, NobodyElseIsAsked) {
  Router router;
  FakeUpnpDevice trap(AddressOf(2));
  trap.Start({}, [](std::string_view) { return kAddress; });
  const std::string elsewhere = "http://" + trap.http().ToString();
  // A description elsewhere, a control URL elsewhere, a base elsewhere.
  router.answers["GET /control"] = Description(elsewhere + "/c");
  router.answers["GET /base"] = Description("/c", elsewhere + "/");
  router.Start(
      {elsewhere + "/d", "http://router.example/d", "/control", "/base"});
  router.ExpectFound();
  EXPECT_TRUE(trap.requests().empty());
}

TEST(UpnpDevice, WhatIsNotTheServiceIsPassedOver) {
  Router router;
  std::string endless = "HTTP/1.1 200 OK\r\n\r\n<root>";
  endless.resize(size_t{1} << 20, 'x');
  router.answers["GET /endless"] = endless;
  router.answers["GET /loop"] =
      "HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n";
  router.answers["GET /media"] = Description("/m", {}, "ContentDirectory:1");
  router.answers["GET /deep"] = Http("200 OK", [] {
    std::string text;
    for (int i = 0; i < 10000; ++i) {
      text += "<a>";
    }
    return text;
  }());
  router.Start({"/endless", "/loop", "/media", "/deep", "/missing", "/d"});
  router.ExpectFound();
  const auto requests = router.device.requests();
  EXPECT_EQ(std::ranges::count(requests, "GET /loop HTTP/1.1"), 1);
}

TEST(UpnpDevice, AWrongBaseOfTheSameHostIsOvercome) {
  Router router;
  router.answers["GET /base"] = Description(
      "/c", "http://" + AddressOf(1).ToString() + ":1/");  // nobody listens
  router.Start({"/base"});
  router.ExpectFound();
}

TEST(UpnpDevice, AStopEndsACallThatADeviceDragsOut) {
  Router router;
  router.device.drips = true;
  router.answers["GET /d"] = "HTTP/1.1 200 OK\r\n\r\n<root>";
  router.Start({"/d"});
  nat::UpnpResult result;
  std::thread worker([&] { result = router.Discover(); });
  while (router.device.requests().empty()) {
    std::this_thread::yield();
  }
  router.client.Stop();
  worker.join();
  EXPECT_EQ(result.error, UpnpError::kNoDevice);
  EXPECT_EQ(router.Discover().error, UpnpError::kNoDevice);  // and all later
}

TEST(UpnpDevice, ADeviceThatDripsIsLeftAtTheDeadline) {
  FakeUpnpDevice device(AddressOf(1));
  device.drips = true;
  device.Start({}, [](std::string_view) {
    return std::string("HTTP/1.1 200 OK\r\n\r\n");
  });
  const StopSignal stop;
  const Instant deadline =
      io::EventLoop::Now() + std::chrono::milliseconds(300);
  EXPECT_FALSE(
      ExchangeHttp({device.http()}, "GET / HTTP/1.1\r\n\r\n", deadline, stop));
  EXPECT_GE(io::EventLoop::Now(), deadline);
}

}  // namespace
}  // namespace natkit::shell
