#pragma once

#include "natkit/base/result.h"
#include "natkit/nat/punch_plan.h"
#include "proto/signal.pb.h"

namespace natkit::mesh {

// The messages of a hard punch as Protobuf. What is decoded is within the
// bounds of its format; whether it makes sense is for nat::HardPunch. Decoding
// fails with kBadSignal.

void EncodePunch(const nat::PunchOffer& from, proto::PunchOffer& to);
void EncodePunch(const nat::PunchAnswer& from, proto::PunchAnswer& to);
void EncodePunch(const nat::PunchRefusal& from, proto::PunchRefusal& to);
[[nodiscard]] Result<nat::PunchOffer> DecodePunch(
    const proto::PunchOffer& from);
[[nodiscard]] Result<nat::PunchAnswer> DecodePunch(
    const proto::PunchAnswer& from);
[[nodiscard]] Result<nat::PunchRefusal> DecodePunch(
    const proto::PunchRefusal& from);

}  // namespace natkit::mesh
