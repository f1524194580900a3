/**
 * @file
 * All of natkit's C API.
 */
#ifndef NATKIT_NATKIT_H_
#define NATKIT_NATKIT_H_

#include "natkit/agent.h"
#include "natkit/behavior.h"
#include "natkit/common.h"
#include "natkit/derp.h"
#include "natkit/ice.h"
#include "natkit/ice_candidate.h"
#include "natkit/ice_mux.h"
#include "natkit/nat_check.h"
#include "natkit/stun.h"
#include "natkit/stun_message.h"
#include "natkit/stun_server.h"
#include "natkit/tls.h"
#include "natkit/wireguard.h"
#include "natkit/wireguard_common.h"
#include "natkit/wireguard_tunnel.h"

#endif /* NATKIT_NATKIT_H_ */
