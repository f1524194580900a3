/**
 * @file
 * Many protocols, and many ICE agents, on one UDP socket: who is a datagram
 * for. natkit/ice.h, which includes this header, has the agent.
 */
#ifndef NATKIT_ICE_MUX_H_
#define NATKIT_ICE_MUX_H_

#include "natkit/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Telling datagrams apart. */

/** What a datagram looks like; see natkit_classify_datagram(). */
typedef enum natkit_datagram_kind {
  /** None of the others; of the program's own, perhaps. */
  NATKIT_DATAGRAM_OTHER = 0,
  /** STUN (RFC 8489 section 5), and so ICE. */
  NATKIT_DATAGRAM_STUN = 1,
  /** WireGuard. */
  NATKIT_DATAGRAM_WIREGUARD = 2,
  /** A path discovery message of the disco protocol. */
  NATKIT_DATAGRAM_DISCO = 3
} natkit_datagram_kind;

/**
 * Tells the protocols on one UDP socket apart, by form alone: anybody can send
 * what looks like any of them. Thread-safe.
 * @return a natkit_datagram_kind
 * Errors: NATKIT_ERR_BAD_ARGUMENT (NULL with a size).
 */
NATKIT_API int natkit_classify_datagram(const void* data, size_t size);

/* Many agents on one socket. */

/**
 * Says which of many agents on one socket a STUN message is for: requests by
 * the user name fragment that they name, answers by their transaction. Costs
 * O(log n).
 *
 * Tell it each agent's fragment, again after each restart, and each datagram
 * that an agent sends. It only knows the program's numbers, not the agents.
 */
typedef struct natkit_ice_mux natkit_ice_mux;

/** How a mux works. */
typedef struct natkit_ice_mux_config {
  /** sizeof(natkit_ice_mux_config); see natkit_init(). */
  size_t struct_size;
  /** How many transactions of all agents together are remembered: 0 for 16,384,
   * at most 1,048,576. The oldest are forgotten first. */
  uint32_t max_transactions;
  /** Zero. */
  uint32_t reserved;
} natkit_ice_mux_config;

/**
 * Makes a mux; free it by natkit_ice_mux_free(). `config` may be NULL: the
 * defaults.
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE,
 * NATKIT_ERR_UNSUPPORTED, NATKIT_ERR_LIMIT_EXCEEDED (too many handles).
 */
NATKIT_API int natkit_ice_mux_new(const natkit_ice_mux_config* config,
                                  natkit_ice_mux** out);

/** Frees a mux; NULL has no effect. */
NATKIT_API void natkit_ice_mux_free(natkit_ice_mux* mux);

/**
 * Routes requests for `ufrag` to the agent that the program calls `id`. The
 * agent's fragment before this one stays valid; older ones do not. A fragment
 * of another agent becomes this one's.
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BAD_CREDENTIALS.
 */
NATKIT_API int natkit_ice_mux_set_ufrag(natkit_ice_mux* mux, uint64_t id,
                                        const char* ufrag);

/** Forgets the agent `id`; no effect for others. */
NATKIT_API int natkit_ice_mux_remove(natkit_ice_mux* mux, uint64_t id);

/**
 * Notes a datagram that the agent `id` sends, so that the answer finds it.
 * Datagrams that are no STUN requests, and agents without a fragment, have no
 * effect.
 * Errors: NATKIT_ERR_BAD_ARGUMENT.
 */
NATKIT_API int natkit_ice_mux_note_sent(natkit_ice_mux* mux, uint64_t id,
                                        const void* data, size_t size);

/**
 * Finds the agent that a datagram is for. An agent decides for itself whether
 * it takes it (natkit_ice_agent_handle_datagram()).
 * @return 1 with `*out_id`, or 0 if no agent is known to want it
 * Errors: NATKIT_ERR_BAD_ARGUMENT.
 */
NATKIT_API int natkit_ice_mux_route(natkit_ice_mux* mux, const void* data,
                                    size_t size, uint64_t* out_id);

#ifdef __cplusplus
}
#endif

#endif /* NATKIT_ICE_MUX_H_ */
