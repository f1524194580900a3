// A PortMapper under whatever a router, a UPnP device and a program do: it
// never floods, never keeps more than it may, and can always be shut down.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/check.h"
#include "natkit/base/rng.h"
#include "natkit/nat/nat_pmp_message.h"
#include "natkit/nat/pcp_message.h"
#include "natkit/nat/port_mapper.h"

namespace natkit::nat {
namespace {

using std::chrono::seconds;

const IpAddress kUs = IpAddress::V4(192, 168, 1, 10);

IpAddress RouterOf(uint8_t which) {
  return IpAddress::V4(192, 168, 1, static_cast<uint8_t>(1 + which % 2));
}

class Run {
 public:
  explicit Run(ByteView data) : data_(data) {}

  void All() {
    mapper_.SetGateway(now_, PortMapperGateway{RouterOf(0), kUs});
    while (!data_.empty()) {
      Step(Byte());
      Drain();
      Check();
    }
    End();
  }

 private:
  uint8_t Byte() {
    if (data_.empty()) {
      return 0;
    }
    const uint8_t byte = data_[0];
    data_ = data_.subspan(1);
    return byte;
  }

  uint32_t Word() {
    uint32_t out = 0;
    for (int i = 0; i < 4; ++i) {
      out = out << 8 | Byte();
    }
    return out;
  }

  PortMappingKey Key() {
    const uint8_t which = Byte();
    PortMappingKey key{.protocol = which % 2 == 0 ? MappedProtocol::kUdp
                                                  : MappedProtocol::kTcp,
                       .internal_port = static_cast<uint16_t>(which / 4)};
    if (which % 4 >= 2) {
      key.remote = Endpoint{IpAddress::V4(198, 51, 100, 7), 443};
    }
    return key;
  }

  void Step(uint8_t what) {
    switch (what % 12) {
      case 0:
        (void)mapper_.Map(now_, Key());
        break;
      case 1:
        mapper_.Unmap(now_, Key());
        break;
      case 2:
        mapper_.Refresh(now_);
        break;
      case 3:
        SetGateway();
        break;
      case 4:
        mapper_.HandleUnreachable(now_);
        break;
      case 5:
        mapper_.SetReflexiveAddresses(now_, {IpAddress::V4(203, 0, 113, 9)});
        for (const PortMapping& mapping : mapper_.mappings()) {
          mapper_.SetInboundReach(now_, mapping.key, mapping.external,
                                  static_cast<InboundReach>(Byte() % 4));
        }
        break;
      case 6:
        AnswerUpnp();
        break;
      case 7:
      case 8:
        AnswerPcp();
        break;
      case 9:
        AnswerNatPmp();
        break;
      case 10:
        AnswerWithBytes();
        break;
      default:
        Wait(seconds(Byte() * 8));
    }
  }

  void SetGateway() {
    const uint8_t which = Byte();
    if (which % 4 == 3) {
      mapper_.SetGateway(now_, std::nullopt);
    } else {
      mapper_.SetGateway(now_, PortMapperGateway{RouterOf(which), kUs});
    }
  }

  void AnswerUpnp() {
    UpnpResult result{.id = upnp_id_};
    result.error = static_cast<UpnpError>(
        Byte() % 2 == 0 ? 0 : static_cast<int32_t>(Word() % 800) - 2);
    if (Byte() % 2 == 0) {
      result.external_address = IpAddress::V4(203, 0, 113, Byte());
    }
    mapper_.HandleUpnpResult(now_, result);
  }

  /// To the last request, as it likes.
  void AnswerPcp() {
    auto bytes = pcp_;
    if (bytes.empty()) {
      return;
    }
    bytes[1] |= 0x80;
    auto response = ParsePcpResponse(bytes);
    if (!response) {
      return;
    }
    response->result = Byte() % 16;
    response->lifetime = Word();
    response->epoch = Word();
    if (response->mapping) {
      response->mapping->external = {IpAddress::V4(203, 0, 113, Byte()),
                                     static_cast<uint16_t>(Word())};
    }
    Hear(BuildPcpResponse(*response));
  }

  void AnswerNatPmp() {
    NatPmpResponse response;
    const uint8_t what = Byte();
    response.opcode = static_cast<NatPmpOpcode>(what % 3);
    response.result = what / 3 % 7;
    response.epoch = Word();
    response.external_address = IpAddress::V4(203, 0, 113, Byte());
    response.internal_port = Byte();
    response.external_port = static_cast<uint16_t>(Word());
    response.lifetime = Word();
    Hear(BuildNatPmpResponse(response));
  }

  void AnswerWithBytes() {
    const size_t size = std::min<size_t>(Byte(), data_.size());
    const ByteView bytes = data_.first(size);
    data_ = data_.subspan(size);
    Hear(bytes);
  }

  void Hear(ByteView datagram) {
    const auto router =
        mapper_.gateway() ? mapper_.gateway()->router : RouterOf(0);
    (void)mapper_.HandleDatagram(now_, {router, kPortMappingServerPort},
                                 datagram);
  }

  void Wait(Duration limit) {
    const Instant end = now_ + limit;
    int rounds = 0;
    while (mapper_.NextTimeout() && *mapper_.NextTimeout() <= end) {
      now_ = std::max(now_, *mapper_.NextTimeout());
      mapper_.HandleTimeout(now_);
      Drain();
      NATKIT_CHECK(++rounds < 10000);
    }
    now_ = end;
  }

  void Drain() {
    // Each of 32 keys may be deleted at two services and asked for at one.
    int outputs = 0;
    while (const auto transmit = mapper_.PollTransmit()) {
      if (transmit->payload.size() >= 24) {
        pcp_ = transmit->payload;
      }
      NATKIT_CHECK(++outputs < 500);
    }
    while (const auto request = mapper_.PollUpnpRequest()) {
      upnp_id_ = request->id;
      NATKIT_CHECK(++outputs < 500);
    }
    while (mapper_.PollEvent()) {
      NATKIT_CHECK(++outputs < 500);
    }
  }

  void Check() {
    NATKIT_CHECK(mapper_.mappings().size() <= PortMapper::kMaxKeys);
    for (const PortMapping& mapping : mapper_.mappings()) {
      NATKIT_CHECK(mapping.external.port != 0);
      NATKIT_CHECK(mapping.key.internal_port != 0);
    }
    NATKIT_CHECK(!mapper_.service() || mapper_.gateway());
  }

  /// A router that answers nothing cannot hold us; a UPnP request always ends.
  void End() {
    mapper_.Shutdown(now_);
    Drain();
    for (int i = 0; i < 200 && !mapper_.is_finished(); ++i) {
      mapper_.HandleUpnpResult(now_,
                               {.id = upnp_id_, .error = UpnpError::kBroken});
      Drain();
      Wait(seconds(200));
    }
    NATKIT_CHECK(mapper_.is_finished());
    NATKIT_CHECK(mapper_.mappings().empty());
  }

  ByteView data_;
  SeededRng rng_{1};
  PortMapper mapper_{{}, rng_};
  Instant now_{};
  std::vector<uint8_t> pcp_;
  uint64_t upnp_id_ = 0;
};

}  // namespace
}  // namespace natkit::nat

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size <= 2048) {
    natkit::nat::Run(natkit::ByteView(data, size)).All();
  }
  return 0;
}
