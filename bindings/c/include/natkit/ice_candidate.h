/**
 * @file
 * Candidates of ICE (RFC 8445 section 5.1), and their text in SDP (RFC 8839
 * section 5.1). natkit/ice.h, which includes this header, has the agent.
 */
#ifndef NATKIT_ICE_CANDIDATE_H_
#define NATKIT_ICE_CANDIDATE_H_

#include "natkit/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How a candidate was learnt (RFC 8445 section 5.1.1). */
typedef enum natkit_ice_candidate_type {
  /** "host": an address of the host. */
  NATKIT_ICE_HOST = 0,
  /** "prflx": the source of a check that came by another address. */
  NATKIT_ICE_PEER_REFLEXIVE = 1,
  /** "srflx": an address outside a NAT, as a STUN server saw it. */
  NATKIT_ICE_SERVER_REFLEXIVE = 2,
  /** "relay": an address of a TURN server. */
  NATKIT_ICE_RELAYED = 3
} natkit_ice_candidate_type;

/** Room for a foundation: 32 characters, the zero byte, and to the next word.
 */
#define NATKIT_ICE_FOUNDATION_SIZE 36

/** One transport address of component 1 over UDP. Will not grow. */
typedef struct natkit_ice_candidate {
  /** A natkit_ice_candidate_type. */
  uint32_t type;
  /** Its priority (RFC 8445 section 5.1.2), not 0. */
  uint32_t priority;
  /** Where the other side sends to. */
  natkit_address address;
  /** The local address that checks leave from; in the other side's candidates
   * the related address, which is not needed and may be not set. */
  natkit_address base;
  /** 1 to 32 letters, digits, '+' and '/' (RFC 8445 section 5.1.1.3). */
  char foundation[NATKIT_ICE_FOUNDATION_SIZE];
} natkit_ice_candidate;

/** A buffer of this size has room for every line that
 * natkit_ice_candidate_format() makes. */
#define NATKIT_ICE_CANDIDATE_TEXT_SIZE 256

/** natkit_ice_candidate_format(): keep the base to ourselves and write raddr
 * 0.0.0.0 or ::, rport 9 (RFC 8839 section 5.1). */
#define NATKIT_ICE_HIDE_RELATED 1u

/**
 * Writes a candidate as SDP does, without "a=": "candidate:1 1 udp 2130706431
 * 192.0.2.1 5000 typ host" (RFC 8839 section 5.1). `flags` is 0 or
 * NATKIT_ICE_HIDE_RELATED. Thread-safe.
 * @return the length without the zero byte
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BAD_CANDIDATE (a field is out of
 * its bounds),
 * NATKIT_ERR_BUFFER_TOO_SMALL (NATKIT_ICE_CANDIDATE_TEXT_SIZE is always
 * enough).
 */
NATKIT_API int natkit_ice_candidate_format(
    const natkit_ice_candidate* candidate, uint32_t flags, char* buffer,
    size_t capacity);

/**
 * Reads a candidate line of at most 512 bytes, with or without "a=" in front
 * and a line end behind; attributes that the library does not know are skipped.
 * Thread-safe.
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BAD_LENGTH,
 * NATKIT_ERR_BAD_CANDIDATE, NATKIT_ERR_UNSUPPORTED (not UDP, a component other
 * than 1, or a host name: look it up and use the address).
 */
NATKIT_API int natkit_ice_candidate_parse(const char* text,
                                          natkit_ice_candidate* out);

#ifdef __cplusplus
}
#endif

#endif /* NATKIT_ICE_CANDIDATE_H_ */
