/* What the Go package needs in C: callbacks, whose contexts are numbers of
 * the package's registry and no pointers. */
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

/* One datagram of a batch. */
typedef struct natkit_go_datagram {
  natkit_agent* agent;
  size_t size;
  natkit_address remote;
  natkit_address local;
} natkit_go_datagram;

/* How many datagrams natkit_go_receive() takes at most. */
enum { natkit_go_batch = 64 };

/* natkit_hub_receive_batch() or natkit_hub_receive_unclaimed(): bytes to
 * `memory`, one datagram after the other, and what they are to `out`, which has
 * room for natkit_go_batch. */
int natkit_go_receive(natkit_hub* hub, int is_unclaimed, uint8_t* memory,
                      size_t size, natkit_go_datagram* out);

/* 1 if there is something to read, else 0. */
int natkit_go_is_readable(int fd);

/* The functions of these names, with pointers to bytes in the place of void*.
 * All of the Go memory that a void* leads into is looked through by cgo, which
 * panics if there is another pointer in it, as beside a buffer in a structure.
 */
int natkit_go_agent_send(natkit_agent* agent, const uint8_t* data, size_t size);
int natkit_go_hub_receive(natkit_hub* hub, natkit_agent** out_agent,
                          uint8_t* buffer, size_t capacity, size_t* out_size);
int natkit_go_wg_tunnel_seal(natkit_wg_tunnel* tunnel, uint64_t now_ns,
                             const uint8_t* data, size_t size, uint8_t* buffer,
                             size_t capacity);
int natkit_go_wg_tunnel_open(natkit_wg_tunnel* tunnel, uint64_t now_ns,
                             const uint8_t* data, size_t size, uint8_t* buffer,
                             size_t capacity);
int natkit_go_wg_tunnel_poll_transmit(natkit_wg_tunnel* tunnel, uint8_t* buffer,
                                      size_t capacity);
int natkit_go_stun_client_handle_datagram(natkit_stun_client* client,
                                          uint64_t now_ns,
                                          const natkit_address* from,
                                          const uint8_t* data, size_t size);
int natkit_go_stun_client_poll_transmit(natkit_stun_client* client,
                                        natkit_address* out_to, uint8_t* buffer,
                                        size_t capacity);

#endif /* NATKIT_GO_BRIDGE_H_ */
