#pragma once

#include "behavior/session.h"

namespace natkit::nat::behavior {

/// kUdp, kServer, kTranslation; fills Session::targets. Runs first.
AxisTestPtr MakeServerTest(Session& session);
/// kCaptivePortal. Needs BehaviorConfig::portal_page.
AxisTestPtr MakePortalTest(Session& session);
/// kTcp. Needs kServer and BehaviorConfig::tests_tcp.
AxisTestPtr MakeTcpTest(Session& session);
/// kNat64. Needs kTranslation.
AxisTestPtr MakeNat64Test(Session& session);
/// kMapping.
AxisTestPtr MakeMappingTest(Session& session);
/// kFiltering and kPoisoning. Needs kMapping.
AxisTestPtr MakeFilteringTest(Session& session);
/// kAllocation, kPreservation, kParity, kContiguity, kPooling. Alone, since
/// other tests would take ports in between.
AxisTestPtr MakeAllocationTest(Session& session);
/// kOverloading; refines kPreservation, kPooling and kTranslation. Needs two
/// local addresses and kAllocation.
AxisTestPtr MakeOverloadingTest(Session& session);
/// kHairpinning. Needs kMapping and kFiltering.
AxisTestPtr MakeHairpinningTest(Session& session);
/// kDeterminism. Needs kMapping; last of the quick ones.
AxisTestPtr MakeDeterminismTest(Session& session);
/// kFragments.
AxisTestPtr MakeFragmentsTest(Session& session);
/// kPayload.
AxisTestPtr MakePayloadTest(Session& session);
/// kPortMapping. Needs BehaviorConfig::gateway.
AxisTestPtr MakePortMappingTest(Session& session);
/// kDepth. Needs kPortMapping and kTranslation.
AxisTestPtr MakeDepthTest(Session& session);
/// kUnrepliedLifetime. Needs RESPONSE-PORT, as all that follow.
AxisTestPtr MakeUnrepliedLifetimeTest(Session& session);
/// kOneExchangeLifetime.
AxisTestPtr MakeOneExchangeLifetimeTest(Session& session);
/// kAssuredLifetime.
AxisTestPtr MakeAssuredLifetimeTest(Session& session);
/// kOutboundRefresh. Needs kAssuredLifetime.
AxisTestPtr MakeOutboundRefreshTest(Session& session);
/// kInboundRefresh. Needs kAssuredLifetime.
AxisTestPtr MakeInboundRefreshTest(Session& session);
/// kTimerScope. Needs kAssuredLifetime and kMapping.
AxisTestPtr MakeTimerScopeTest(Session& session);

}  // namespace natkit::nat::behavior
