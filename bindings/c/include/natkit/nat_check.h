/**
 * @file
 * Which NAT is this host behind: sockets and time for a natkit_behavior.
 *
 * natkit/behavior.h asks the questions and knows the answers, but has no
 * sockets. A check opens them, and is one descriptor and one timeout in the
 * program's loop, as a hub is:
 *
 *     natkit_nat_check_get_timeout(check, &ms);
 *     poll({natkit_nat_check_get_fd(check), POLLIN}, ms);
 *     natkit_nat_check_process(check);
 *     if (natkit_behavior_is_finished(behavior) == 1) ...
 *
 * A check and its discovery are one thing as to threads. No call blocks. The
 * clock is the system's monotonic one.
 */
#ifndef NATKIT_NAT_CHECK_H_
#define NATKIT_NAT_CHECK_H_

#include "natkit/behavior.h"
#include "natkit/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Sockets of a discovery. */
typedef struct natkit_nat_check natkit_nat_check;

/**
 * Starts a discovery that has not been started, with sockets of its own. From
 * now on the program asks `behavior` for results only, and may abort it.
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BAD_HANDLE,
 * NATKIT_ERR_INVALID_STATE (it has been started), NATKIT_ERR_LIMIT_EXCEEDED (no
 * more descriptors or handles).
 */
NATKIT_API int natkit_nat_check_new(natkit_behavior* behavior,
                                    natkit_nat_check** out);

/** Closes the sockets. The discovery stays, with what it knows. NULL is
 * allowed. */
NATKIT_API void natkit_nat_check_free(natkit_nat_check* check);

/** The descriptor to wait on until it is readable. It stays the same and
 * belongs to the check: never read from it or close it. */
NATKIT_API int natkit_nat_check_get_fd(const natkit_nat_check* check);

/** How long to wait on natkit_nat_check_get_fd() at most, in milliseconds; -1:
 * for ever. To be asked after every other call. */
NATKIT_API int natkit_nat_check_get_timeout(const natkit_nat_check* check,
                                            int* out_ms);

/** Reads, sends and does all that is due.
 * Errors: NATKIT_ERR_BAD_HANDLE (also: the discovery was freed). */
NATKIT_API int natkit_nat_check_process(natkit_nat_check* check);

/**
 * The address of this host that packets to `toward` leave with, port 0: what a
 * natkit_behavior_config wants as local address. Nothing is sent. Thread-safe.
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_UNREACHABLE,
 * NATKIT_ERR_PERMISSION_DENIED (a broadcast address), NATKIT_ERR_IO.
 */
NATKIT_API int natkit_get_local_address(const natkit_address* toward,
                                        natkit_address* out);

#ifdef __cplusplus
}
#endif

#endif /* NATKIT_NAT_CHECK_H_ */
