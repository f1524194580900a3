#include "natkit/nat/upnp_client.h"

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

#include "natkit/base/rng.h"

namespace natkit::nat {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

const IpAddress kGateway = IpAddress::V4(192, 168, 1, 1);
const IpAddress kUs = IpAddress::V4(192, 168, 1, 10);
const IpAddress kExternal = IpAddress::V4(203, 0, 113, 20);
const PortMappingKey kKey{.internal_port = 6000};

class UpnpLab {
 public:
  UpnpLab() {
    client.Start(now);
    client.Map(now, kKey);
  }

  /// The request that is out.
  UpnpRequest Next() {
    const auto request = client.PollRequest();
    EXPECT_TRUE(request.has_value());
    EXPECT_FALSE(client.PollRequest());
    return request.value_or(UpnpRequest{});
  }

  void Answer(const UpnpRequest& request, UpnpError error = UpnpError::kNone) {
    UpnpResult result{.id = request.id, .error = error};
    if (request.action == UpnpAction::kDiscover && error == UpnpError::kNone) {
      result.external_address = kExternal;
    }
    client.HandleResult(now, result);
  }

  template <class T>
  std::vector<T> Take() {
    std::vector<T> out;
    while (const auto event = client.PollEvent()) {
      if (const auto* one = std::get_if<T>(&*event)) {
        out.push_back(*one);
      }
    }
    return out;
  }

  Instant now{};
  SeededRng rng{1};
  UpnpClient client{kGateway, kUs, "natkit", rng};
};

TEST(UpnpClient, FindsTheDeviceThenMaps) {
  UpnpLab lab;
  const UpnpRequest discover = lab.Next();
  EXPECT_EQ(discover.action, UpnpAction::kDiscover);
  EXPECT_EQ(discover.gateway, kGateway);
  lab.Answer(discover);
  const UpnpRequest add = lab.Next();
  EXPECT_EQ(add.action, UpnpAction::kAddMapping);
  EXPECT_EQ(add.internal_port, 6000);
  EXPECT_EQ(add.external_port, 6000);
  EXPECT_EQ(add.local, kUs);
  EXPECT_EQ(add.lease, hours(2));
  lab.Answer(add);
  const auto granted = lab.Take<MappingGranted>();
  ASSERT_EQ(granted.size(), 1U);
  EXPECT_EQ(granted[0].external, (Endpoint{kExternal, 6000}));
  EXPECT_EQ(lab.client.NextTimeout(), lab.now + minutes(10));
}

TEST(UpnpClient, AShorterLeaseIsRenewedInItsHalf) {
  const auto due_after = [](Duration lease) {
    UpnpLab lab;
    lab.Answer(lab.Next());
    const UpnpRequest add = lab.Next();
    lab.client.HandleResult(lab.now, {.id = add.id, .lease = lease});
    const auto granted = lab.Take<MappingGranted>();
    EXPECT_EQ(granted.size(), 1U);
    EXPECT_EQ(granted.at(0).lifetime,
              lease == Duration{} ? Duration(hours(2))
                                  : std::min<Duration>(lease, hours(2)));
    return *lab.client.NextTimeout() - lab.now;
  };
  EXPECT_EQ(due_after(minutes(4)), minutes(2));
  EXPECT_EQ(due_after(minutes(60)), minutes(10));
  EXPECT_EQ(due_after(hours(24)), minutes(10));
  EXPECT_EQ(due_after(Duration{}), minutes(10));  // until it is deleted
  EXPECT_EQ(due_after(std::chrono::milliseconds(1)), std::chrono::seconds(1));
}

TEST(UpnpClient, ATakenPortIsTriedElsewhereThreeTimes) {
  UpnpLab lab;
  lab.Answer(lab.Next());
  for (int i = 0; i < 3; ++i) {
    lab.Answer(lab.Next(), UpnpError::kConflict);
  }
  const UpnpRequest last = lab.Next();
  EXPECT_NE(last.external_port, 6000);
  EXPECT_GE(last.external_port, 1024);
  lab.Answer(last, UpnpError::kConflict);
  const auto failed = lab.Take<MappingFailed>();
  ASSERT_EQ(failed.size(), 1U);
  EXPECT_EQ(failed[0].error, PortMappingError::kConflict);
}

TEST(UpnpClient, PermanentLeasesAreTakenAndDeleted) {
  UpnpLab lab;
  lab.Answer(lab.Next());
  lab.Answer(lab.Next(), UpnpError::kOnlyPermanentLeases);
  const UpnpRequest add = lab.Next();
  EXPECT_EQ(add.lease, Duration{});
  lab.Answer(add);
  lab.client.Unmap(lab.now, kKey);
  EXPECT_FALSE(lab.client.is_idle());
  const UpnpRequest remove = lab.Next();
  EXPECT_EQ(remove.action, UpnpAction::kDeleteMapping);
  EXPECT_EQ(remove.external_port, 6000);
  lab.Answer(remove, UpnpError::kNoSuchEntry);
  EXPECT_TRUE(lab.client.is_idle());
  EXPECT_EQ(lab.Take<MappingRemoved>().size(), 1U);
}

TEST(UpnpClient, TheSamePortIsUsedWhereItMustBe) {
  UpnpLab lab;
  lab.Answer(lab.Next());
  lab.Answer(lab.Next(), UpnpError::kConflict);
  lab.Answer(lab.Next(), UpnpError::kSamePortRequired);
  EXPECT_EQ(lab.Next().external_port, 6000);
}

TEST(UpnpClient, RefusalsAreNamedAndTriedAgainLater) {
  const std::vector<std::pair<UpnpError, PortMappingError>> cases = {
      {UpnpError::kNotAuthorized, PortMappingError::kRefused},
      {UpnpError::kNoPortMapsAvailable, PortMappingError::kNoResources},
      {UpnpError::kInvalidArgs, PortMappingError::kProtocol},
      {static_cast<UpnpError>(999), PortMappingError::kProtocol}};
  for (const auto& [error, expected] : cases) {
    UpnpLab lab;
    lab.Answer(lab.Next());
    lab.Answer(lab.Next(), error);
    EXPECT_EQ(lab.Take<MappingFailed>().at(0).error, expected);
    lab.now += minutes(10);
    lab.client.HandleTimeout(lab.now);
    EXPECT_EQ(lab.Next().action, UpnpAction::kAddMapping);
  }
}

TEST(UpnpClient, NoDeviceFailsTheService) {
  UpnpLab lab;
  lab.Answer(lab.Next(), UpnpError::kNoDevice);
  EXPECT_EQ(lab.Take<ServiceFailed>().at(0).error, PortMappingError::kNoAnswer);
  EXPECT_FALSE(lab.client.PollRequest());
}

TEST(UpnpClient, StaleResultsHaveNoEffect) {
  UpnpLab lab;
  const UpnpRequest discover = lab.Next();
  lab.client.HandleResult(lab.now, {.id = discover.id + 5});
  EXPECT_TRUE(lab.Take<ServiceAnswered>().empty());
  lab.Answer(discover);
  lab.Answer(discover);
  EXPECT_EQ(lab.Take<ServiceAnswered>().size(), 1U);
}

TEST(UpnpClient, AMappingUnwantedWhileAskedForIsDeleted) {
  UpnpLab lab;
  lab.Answer(lab.Next());
  const UpnpRequest add = lab.Next();
  lab.client.Unmap(lab.now, kKey);
  lab.Answer(add);
  EXPECT_EQ(lab.Next().action, UpnpAction::kDeleteMapping);
  EXPECT_TRUE(lab.Take<MappingGranted>().empty());
}

}  // namespace
}  // namespace natkit::nat
