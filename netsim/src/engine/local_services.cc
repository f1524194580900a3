#include "engine/local_service.h"

namespace natkit::netsim::engine {

std::vector<std::unique_ptr<LocalService>> MakeLocalServices(
    const NatConfig& config, ForwardControl& control) {
  (void)config;
  (void)control;
  return {};
}

}  // namespace natkit::netsim::engine
