/* What the Go package needs in C: callbacks, whose contexts are numbers of
 * runtime/cgo.Handle and no pointers. */
#ifndef NATKIT_GO_BRIDGE_H_
#define NATKIT_GO_BRIDGE_H_

#include <stdint.h>

#include "natkit/natkit.h"

/* natkit_key_generate() with random bytes of the io.Reader `source`. */
int natkit_go_key_generate(uintptr_t source, uint8_t* out);

/* natkit_hub_new() with the Go callbacks `source` and `logger`; 0: none. */
int natkit_go_hub_new(natkit_hub_config* config, uintptr_t source,
                      uintptr_t logger, natkit_hub** out);

/* natkit_wg_tunnel_new() with random bytes of `source`; 0: the system's. */
int natkit_go_wg_tunnel_new(natkit_wg_tunnel_config* config, uintptr_t source,
                            natkit_wg_tunnel** out);

/* natkit_stun_client_new() with random bytes of `source`; 0: the system's. */
int natkit_go_stun_client_new(natkit_stun_client_config* config,
                              uintptr_t source, natkit_stun_client** out);

/* natkit_behavior_new() with random bytes of `source`; 0: the system's. */
int natkit_go_behavior_new(natkit_behavior_config* config, uintptr_t source,
                           natkit_behavior** out);

/* 1 if there is something to read, else 0. */
int natkit_go_is_readable(int fd);

#endif /* NATKIT_GO_BRIDGE_H_ */
