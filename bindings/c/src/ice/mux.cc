#include <string>

#include "natkit/ice_mux.h"
#include "natkit/nat/ice_candidate.h"
#include "natkit/nat/ice_credentials.h"
#include "natkit/nat/ice_mux.h"
#include "support/convert.h"
#include "support/door.h"
#include "support/handle_table.h"
#include "support/structs.h"

using namespace natkit::c;
using natkit::ByteView;
using natkit::Errc;
using natkit::Fail;
using natkit::Result;
using natkit::ice::Mux;

namespace {

constexpr size_t kFirstConfigSize = sizeof(natkit_ice_mux_config);
constexpr uint32_t kMaxTransactions = 1U << 20;

class IceMux final : public Object {
 public:
  static constexpr HandleKind kKind = HandleKind::kIceMux;

  explicit IceMux(size_t max_transactions) : mux_(max_transactions) {}

  [[nodiscard]] Mux& mux() { return mux_; }

 private:
  Mux mux_;
};

Result<size_t> ReadConfig(const natkit_ice_mux_config* config) {
  if (config == nullptr) {
    return Mux::kDefaultTransactions;
  }
  const auto given = ReadStruct(config, kFirstConfigSize);
  if (!given) {
    return std::unexpected(given.error());
  }
  if (given->max_transactions > kMaxTransactions || given->reserved != 0) {
    return Fail(Errc::kBadArgument);
  }
  return given->max_transactions == 0 ? Mux::kDefaultTransactions
                                      : given->max_transactions;
}

}  // namespace

int natkit_ice_mux_new(const natkit_ice_mux_config* config,
                       natkit_ice_mux** out) {
  const Result<size_t> transactions = ReadConfig(config);
  if (!transactions || out == nullptr) {
    return Refuse(__func__, transactions ? Errc::kBadArgument
                                         : transactions.error().code);
  }
  return ToCode(__func__,
                MakeHandle(std::make_unique<IceMux>(*transactions), out));
}

void natkit_ice_mux_free(natkit_ice_mux* mux) {
  FreeHandle<IceMux>(__func__, mux);
}

int natkit_ice_mux_set_ufrag(natkit_ice_mux* mux, uint64_t id,
                             const char* ufrag) {
  return WithHandle<IceMux>(__func__, mux, [&](IceMux& it) -> Result<void> {
    if (ufrag == nullptr) {
      return Fail(Errc::kBadArgument);
    }
    const auto text = ToText(ufrag, natkit::ice::kMaxUfrag);
    if (!text || text->size() < natkit::ice::kMinUfrag ||
        !natkit::ice::IsIceText(*text, natkit::ice::kMaxUfrag)) {
      return Fail(Errc::kBadCredentials);
    }
    it.mux().SetUfrag(id, std::string(*text));
    return {};
  });
}

int natkit_ice_mux_remove(natkit_ice_mux* mux, uint64_t id) {
  return WithHandle<IceMux>(__func__, mux, [&](IceMux& it) -> Result<void> {
    it.mux().Remove(id);
    return {};
  });
}

int natkit_ice_mux_note_sent(natkit_ice_mux* mux, uint64_t id, const void* data,
                             size_t size) {
  return WithHandle<IceMux>(__func__, mux, [&](IceMux& it) -> Result<void> {
    const Result<ByteView> datagram = ToBytes(data, size);
    if (!datagram) {
      return std::unexpected(datagram.error());
    }
    it.mux().NoteSent(id, *datagram);
    return {};
  });
}

int natkit_ice_mux_route(natkit_ice_mux* mux, const void* data, size_t size,
                         uint64_t* out_id) {
  return WithHandle<IceMux>(__func__, mux, [&](IceMux& it) -> Result<int> {
    const Result<ByteView> datagram = ToBytes(data, size);
    if (!datagram || out_id == nullptr) {
      return Fail(Errc::kBadArgument);
    }
    const auto agent = it.mux().Route(*datagram);
    if (!agent) {
      return 0;
    }
    *out_id = *agent;
    return 1;
  });
}
