/**
 * @file
 * What all of natkit's C API shares: results, time, addresses, keys, packets,
 * and what a program may supply (allocator, random source, log).
 *
 * The contract, in short (docs/c-api.md has all of it):
 *
 * - Functions return 0 or a count on success and a negative natkit_code on
 *   failure. After a failure nothing has changed, unless the function says so.
 * - No function blocks, except those that say so.
 * - natkit starts no thread and handles no signal.
 * - Handles are opaque and are no addresses: NULL, a handle that was freed, one
 *   of another type and a made-up one are refused with NATKIT_ERR_BAD_HANDLE.
 * - A handle is used by one call at a time, from any thread. A call that finds
 *   another one at work on its handle is refused with NATKIT_ERR_BUSY. Two
 *   handles are independent of each other unless a function says otherwise.
 * - Freeing returns at once, whatever is at work on the handle: that call goes
 *   on to its end, and its callbacks may be called until then.
 * - NULL where there must be something, and a time or a size out of its range
 *   (also a size of -1, as of a recv() that failed), are refused with
 *   NATKIT_ERR_BAD_ARGUMENT. That, NATKIT_ERR_BAD_HANDLE and
 *   NATKIT_ERR_BUSY are not repeated everywhere; all else that a function
 *   returns, its comment says.
 * - What a caller passes in is read or copied during the call; natkit keeps no
 *   pointer to it. What natkit gives back is in the caller's memory.
 * - Times are nanoseconds of any monotonic clock that suits the caller, below
 *   2^62. A time that is earlier than that of the call before counts as that.
 * - Texts are UTF-8 and end with a zero byte.
 * - Structures that may grow begin with `struct_size`: see natkit_init(). The
 *   others never change. What a structure reserves has to be zero where natkit
 *   reads it, or it is refused with NATKIT_ERR_BAD_ARGUMENT, as are unknown
 *   bits of flags and unknown values of enumerations.
 * - Parameters come in this order: the handle, the time, addresses, `data` and
 *   `size` of bytes; then what is filled: structures (`out`), `buffer` and
 *   `capacity` for bytes and texts, and what else begins with `out_`.
 * - Functions that give a list write the first `capacity` items and return how
 *   many there are, unless they say otherwise.
 */
#ifndef NATKIT_COMMON_H_
#define NATKIT_COMMON_H_

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
/** Marks what the library exports. */
#define NATKIT_API __attribute__((visibility("default")))
#else
/** Marks what the library exports. */
#define NATKIT_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** Major version of these headers; a change breaks source or binary programs.
 */
#define NATKIT_VERSION_MAJOR 0
/** Minor version of these headers; a change adds something. */
#define NATKIT_VERSION_MINOR 1
/** Patch version of these headers. */
#define NATKIT_VERSION_PATCH 0

/**
 * The version of the library that is loaded, such as "0.1.0". Static storage.
 * Thread-safe.
 */
NATKIT_API const char* natkit_version(void);

/**
 * Why a function failed. The numbers never change and are never used again.
 */
typedef enum natkit_code {
  /** Success. */
  NATKIT_OK = 0,
  /** The input ends before the value does. */
  NATKIT_ERR_TRUNCATED = -1,
  /** A length contradicts the input. */
  NATKIT_ERR_BAD_LENGTH = -2,
  /** A field has a value that its format or its documentation forbids. */
  NATKIT_ERR_BAD_VALUE = -3,
  /** The caller's buffer cannot hold the result; nothing was consumed. */
  NATKIT_ERR_BUFFER_TOO_SMALL = -4,
  /** Not valid hex, base64, UTF-8, address text, ... */
  NATKIT_ERR_BAD_ENCODING = -5,
  /** There is no such item. */
  NATKIT_ERR_NOT_FOUND = -6,
  /** An item with this identity exists. */
  NATKIT_ERR_ALREADY_EXISTS = -7,
  /** A documented bound was reached. */
  NATKIT_ERR_LIMIT_EXCEEDED = -8,
  /** The call is not allowed in this state. */
  NATKIT_ERR_INVALID_STATE = -9,
  /** The system refused. */
  NATKIT_ERR_PERMISSION_DENIED = -10,
  /** The system reported an input or output failure. */
  NATKIT_ERR_IO = -11,
  /** Another socket has this address. */
  NATKIT_ERR_ADDRESS_IN_USE = -12,
  /** This system or build cannot do it, or a structure has a field that this
   * library does not know. */
  NATKIT_ERR_UNSUPPORTED = -13,
  /** No answer in the time allowed. */
  NATKIT_ERR_TIMED_OUT = -14,
  /** The other side or the owner closed it. */
  NATKIT_ERR_CLOSED = -15,
  /** The address is not one of this host. */
  NATKIT_ERR_ADDRESS_NOT_AVAILABLE = -16,
  /** Nobody listens there. */
  NATKIT_ERR_CONNECTION_REFUSED = -17,
  /** The other side dropped the connection. */
  NATKIT_ERR_CONNECTION_RESET = -18,
  /** There is no route to the host or network. */
  NATKIT_ERR_UNREACHABLE = -19,
  /** The device or device file is missing. */
  NATKIT_ERR_NO_DEVICE = -20,
  /** Others may read a file that holds a secret. */
  NATKIT_ERR_INSECURE_FILE = -21,
  /** A pointer is NULL that must not be, or a number is out of its range. */
  NATKIT_ERR_BAD_ARGUMENT = -22,
  /** The handle is NULL, was freed, is of another type, or never was one. */
  NATKIT_ERR_BAD_HANDLE = -23,
  /** Another call is at work on this handle, in another thread or further up
   * in this one (a callback must not use the handle that called it). */
  NATKIT_ERR_BUSY = -24,
  /** `struct_size` is less than that of the first version of the structure, or
   * so large that it was never set: natkit_init() is missing. */
  NATKIT_ERR_STRUCT_SIZE = -25,

  /** Not a STUN message; it may be of another protocol. */
  NATKIT_ERR_NOT_STUN = -100,
  /** FINGERPRINT does not match. */
  NATKIT_ERR_BAD_FINGERPRINT = -101,
  /** MESSAGE-INTEGRITY or MESSAGE-INTEGRITY-SHA256 does not match. */
  NATKIT_ERR_BAD_INTEGRITY = -102,
  /** An integrity attribute is required. */
  NATKIT_ERR_NO_INTEGRITY = -103,
  /** A comprehension-required attribute is not known. */
  NATKIT_ERR_UNKNOWN_ATTRIBUTE = -104,
  /** The peer answered with a STUN error. */
  NATKIT_ERR_ERROR_RESPONSE = -105,
  /** Not a usable ICE candidate. */
  NATKIT_ERR_BAD_CANDIDATE = -106,
  /** ICE user name fragment or password out of bounds. */
  NATKIT_ERR_BAD_CREDENTIALS = -107,

  /** The relay's first frame is not that of a DERP server. */
  NATKIT_ERR_BAD_MAGIC = -200,
  /** A DERP frame's length breaks the rules of its type. */
  NATKIT_ERR_BAD_FRAME = -201,
  /** A DERP frame is longer than its limit. */
  NATKIT_ERR_FRAME_TOO_LARGE = -202,
  /** A sealed box does not open. */
  NATKIT_ERR_BAD_BOX = -203,
  /** The relay's JSON is not acceptable. */
  NATKIT_ERR_BAD_JSON = -204,
  /** The relay did not answer the HTTP upgrade with 101. */
  NATKIT_ERR_UPGRADE_REFUSED = -205,
  /** Malformed HTTP. */
  NATKIT_ERR_BAD_HTTP = -206,
  /** A frame that only privileged DERP clients may send. */
  NATKIT_ERR_FORBIDDEN_FRAME = -207,

  /** No WireGuard session has this receiver index. */
  NATKIT_ERR_UNKNOWN_INDEX = -300,
  /** An authentication tag or MAC does not verify. */
  NATKIT_ERR_AUTH_FAILED = -301,
  /** A counter or timestamp was seen before. */
  NATKIT_ERR_REPLAYED = -302,
  /** No peer has this public key. */
  NATKIT_ERR_UNKNOWN_PEER = -303,
  /** There is no session to seal with. */
  NATKIT_ERR_NO_SESSION = -304,
  /** The source address is outside the peer's allowed addresses. */
  NATKIT_ERR_NOT_ALLOWED = -305,
  /** No peer's allowed addresses hold the destination. */
  NATKIT_ERR_NO_ROUTE = -306,
  /** Configuration text is not acceptable. */
  NATKIT_ERR_BAD_CONFIG = -307,

  /** The TLS handshake failed. */
  NATKIT_ERR_TLS_HANDSHAKE = -400,
  /** The TLS record layer failed. */
  NATKIT_ERR_TLS_PROTOCOL = -401,
  /** A certificate is not usable or not trusted. */
  NATKIT_ERR_BAD_CERTIFICATE = -402,
  /** A private key is not usable. */
  NATKIT_ERR_BAD_PRIVATE_KEY = -403,
  /** The private key is not the certificate's. */
  NATKIT_ERR_KEY_MISMATCH = -404,

  /** A description of an agent, or a signal between two, is not acceptable. */
  NATKIT_ERR_BAD_SIGNAL = -450
} natkit_code;

/**
 * A few words for a natkit_code, such as "input ends before the value does";
 * "success" for what is not negative, "unknown error" for other numbers. Never
 * NULL. Static storage. Thread-safe.
 */
NATKIT_API const char* natkit_strerror(int code);

/**
 * Prepares a structure that begins with `struct_size` for use: sets that to
 * `size` and all else to zero. In every such structure zero means the default,
 * or nothing.
 *
 * Because the library knows how large the structure was when the program was
 * compiled, programs go on working with later libraries. A program that uses
 * newer headers than the library is refused with NATKIT_ERR_UNSUPPORTED if it
 * sets a field that the library does not know.
 *
 * Does nothing if `structure` is NULL or `size` less than sizeof(size_t).
 */
NATKIT_API void natkit_init_struct(void* structure, size_t size);

/** natkit_init_struct() with the size of what `pointer` points to. */
#define natkit_init(pointer) natkit_init_struct((pointer), sizeof *(pointer))

/* Time. */

/** One second in nanoseconds. */
#define NATKIT_SECOND UINT64_C(1000000000)
/** One millisecond in nanoseconds. */
#define NATKIT_MILLISECOND UINT64_C(1000000)

/**
 * The system's monotonic clock in nanoseconds, for callers that have no other
 * clock at hand. The cores never read it. Thread-safe.
 */
NATKIT_API uint64_t natkit_monotonic_ns(void);

/**
 * The system's wall clock in nanoseconds since 1970 (UTC), for what has to
 * outlast a run of the program. The cores never read it. Thread-safe.
 */
NATKIT_API uint64_t natkit_wall_clock_ns(void);

/**
 * The milliseconds to give to poll() or epoll_wait() so that they return when
 * `deadline_ns` has come: rounded up, 0 if it has come, at most INT_MAX.
 * Thread-safe.
 */
NATKIT_API int natkit_poll_timeout_ms(uint64_t now_ns, uint64_t deadline_ns);

/* Addresses. */

/** natkit_address::family of an address that is not set. */
#define NATKIT_FAMILY_NONE 0
/** natkit_address::family of IPv4. */
#define NATKIT_FAMILY_IPV4 4
/** natkit_address::family of IPv6. */
#define NATKIT_FAMILY_IPV6 6

/** An IP address and a UDP or TCP port. 20 bytes; will not grow. */
typedef struct natkit_address {
  /** One of NATKIT_FAMILY_NONE, NATKIT_FAMILY_IPV4, NATKIT_FAMILY_IPV6. */
  uint8_t family;
  /** In network order; IPv4 has the first four bytes, the others are 0. */
  uint8_t ip[16];
  /** Zero. */
  uint8_t reserved;
  /** In host order. */
  uint16_t port;
} natkit_address;

/** The longest text of a natkit_address with its zero byte. */
#define NATKIT_ADDRESS_TEXT_SIZE 56

/**
 * Reads "192.0.2.1:80", "[2001:db8::7]:80", or an address without a port, which
 * is then 0. Names are not looked up. Thread-safe.
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BAD_ENCODING.
 */
NATKIT_API int natkit_address_parse(const char* text, natkit_address* out);

/**
 * Writes the text of an address, with its port, to `buffer`; IPv6 as in RFC
 * 5952; "none" for an address that is not set. Thread-safe.
 * @return the length without the zero byte
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BUFFER_TOO_SMALL
 * (NATKIT_ADDRESS_TEXT_SIZE is always enough).
 */
NATKIT_API int natkit_address_format(const natkit_address* address,
                                     char* buffer, size_t capacity);

/** @return 1 if both are the same address and port, or both are not set; else
 * 0, also for NULL. Thread-safe. */
NATKIT_API int natkit_address_equal(const natkit_address* a,
                                    const natkit_address* b);

struct sockaddr;

/**
 * Reads a `struct sockaddr_in` or `sockaddr_in6` of `size` bytes. An
 * IPv4-mapped IPv6 address becomes IPv4; a zone is lost. Thread-safe.
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_UNSUPPORTED (another family),
 * NATKIT_ERR_BAD_LENGTH.
 */
NATKIT_API int natkit_address_from_sockaddr(const struct sockaddr* address,
                                            size_t size, natkit_address* out);

/**
 * Writes a `struct sockaddr_in` or `sockaddr_in6` to `out`, which has
 * `capacity` bytes: sizeof(struct sockaddr_storage) is always enough.
 * Thread-safe.
 * @return the bytes written, for sendto() and its like
 * Errors: NATKIT_ERR_BAD_ARGUMENT (also for an address that is not set),
 * NATKIT_ERR_BUFFER_TOO_SMALL.
 */
NATKIT_API int natkit_address_to_sockaddr(const natkit_address* address,
                                          struct sockaddr* out,
                                          size_t capacity);

/** Addresses that begin alike. Will not grow. */
typedef struct natkit_prefix {
  /** The address; bits beyond the length and the port are ignored. */
  natkit_address address;
  /** How many bits count: 0 to 32, or 0 to 128 for IPv6. */
  uint32_t length;
} natkit_prefix;

/* Keys. */

/** The bytes of a Curve25519 key, private or public, and of a pre-shared key.
 */
#define NATKIT_KEY_SIZE 32
/** The text of a key in base64 with its zero byte. */
#define NATKIT_KEY_TEXT_SIZE 45

/** Where random bytes come from; see natkit_random::fill. */
typedef struct natkit_random {
  /**
   * Fills `size` bytes with what nobody can guess. It cannot fail, must not use
   * the handle that calls it, and is called in the thread of a call to natkit.
   */
  void (*fill)(void* context, uint8_t* out, size_t size);
  /** Given to `fill`. */
  void* context;
} natkit_random;

/**
 * Makes a private key of 32 bytes at `out` (X25519, clamped). `random` may be
 * NULL: the system's. Thread-safe if `random` is.
 * Errors: NATKIT_ERR_BAD_ARGUMENT.
 */
NATKIT_API int natkit_key_generate(const natkit_random* random, uint8_t* out);

/**
 * Writes the public key (32 bytes) of a private key (32 bytes) to `out`.
 * Thread-safe.
 * Errors: NATKIT_ERR_BAD_ARGUMENT.
 */
NATKIT_API int natkit_key_get_public(const uint8_t* private_key, uint8_t* out);

/**
 * Reads the 44 characters of base64 that `wg` uses for keys of any kind to 32
 * bytes at `out`. Thread-safe.
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BAD_LENGTH,
 * NATKIT_ERR_BAD_ENCODING.
 */
NATKIT_API int natkit_key_parse(const char* text, uint8_t* out);

/**
 * Writes a key of 32 bytes as base64 to `buffer` of NATKIT_KEY_TEXT_SIZE bytes
 * or more. Thread-safe.
 * @return 44
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BUFFER_TOO_SMALL.
 */
NATKIT_API int natkit_key_format(const uint8_t* key, char* buffer,
                                 size_t capacity);

/**
 * Overwrites memory that held a secret, in a way that is not optimised away.
 * `memory` may be NULL if `size` is 0. Thread-safe.
 */
NATKIT_API void natkit_wipe(void* memory, size_t size);

/* Packets and batches. */

/** One packet or datagram. Will not grow. */
typedef struct natkit_packet {
  /** Its bytes. Input: read only. Output: in natkit_batch::memory. */
  uint8_t* data;
  /** Their number. */
  size_t size;
  /** The other host: where it came from, or where it is to go. */
  natkit_address remote;
  /** Our own address, as far as known: where it arrived, or to send it from. */
  natkit_address local;
  /** The peer that it is from or for; 0 if none. See the function. */
  uint32_t peer;
  /** Zero. */
  uint32_t reserved;
} natkit_packet;

/**
 * Memory of the caller's for packets that a function puts out, to be used again
 * and again.
 *
 * Functions append: to start anew, set `packet_count` and `memory_used` to 0.
 * Packets lie one after the other in `memory`, in the order of `packets`.
 */
typedef struct natkit_batch {
  /** sizeof(natkit_batch); see natkit_init(). */
  size_t struct_size;
  /** Where the bytes of packets go. */
  uint8_t* memory;
  /** Its size in bytes. */
  size_t memory_size;
  /** How much of it is used; functions add to it. */
  size_t memory_used;
  /** Where packets are described. */
  natkit_packet* packets;
  /** How many have room there. */
  size_t packet_capacity;
  /** How many there are; functions add to it. */
  size_t packet_count;
} natkit_batch;

/* Power. */

/** How much this host minds waking up, and its packets. */
typedef enum natkit_power {
  /** A packet costs nothing worth mentioning. */
  NATKIT_POWER_MAINS = 0,
  /** As few as the NAT allows. */
  NATKIT_POWER_BATTERY = 1,
  /** No keepalives for paths that nobody uses: they are punched again on need.
   */
  NATKIT_POWER_MOBILE_IDLE = 2
} natkit_power;

/* What a program may supply. */

/** How much a log line matters. */
typedef enum natkit_log_level {
  /** For who looks for a fault. */
  NATKIT_LOG_DEBUG = 0,
  /** What happened. */
  NATKIT_LOG_INFO = 1,
  /** Something is not as it should be; natkit copes. */
  NATKIT_LOG_WARNING = 2,
  /** Something does not work. */
  NATKIT_LOG_ERROR = 3
} natkit_log_level;

/** Where log lines go. They hold no secrets and no line ends. */
typedef struct natkit_log {
  /**
   * Takes one line; `text` is valid during the call. It must not use the handle
   * that calls it, and is called in the thread of a call to natkit.
   */
  void (*line)(void* context, natkit_log_level level, const char* text);
  /** Given to `line`. */
  void* context;
} natkit_log;

/** Where natkit's memory comes from. Locks may be held where it is called, so
 * the functions must not call natkit. */
typedef struct natkit_allocator {
  /** sizeof(natkit_allocator); see natkit_init(). */
  size_t struct_size;
  /**
   * Returns `size` bytes (not 0), aligned as malloc() does. natkit ends the
   * process (abort) if it gets NULL. Thread-safe if natkit is used by several
   * threads.
   */
  void* (*allocate)(void* context, size_t size);
  /** Takes back what `allocate` gave, with the same size. */
  void (*release)(void* context, void* memory, size_t size);
  /** Given to both. */
  void* context;
} natkit_allocator;

/**
 * Has all memory of natkit come from `allocator` from now on, that of the
 * libraries inside it too; what came from another one before goes back there.
 * NULL: from the system again, as at the start. The structure is copied. To be
 * called while no other thread uses natkit, best before anything else.
 *
 * The functions must not call natkit, and must work until the process ends: a
 * few blocks stay for the whole run. What libc allocates for its own purposes
 * (time zones, threads, address lookups) comes from the system as ever.
 *
 * Errors: NATKIT_ERR_STRUCT_SIZE, NATKIT_ERR_BAD_ARGUMENT (a function is NULL),
 * NATKIT_ERR_UNSUPPORTED (natkit was linked in another form than libnatkit.so
 * or libnatkit.a).
 */
NATKIT_API int natkit_set_allocator(const natkit_allocator* allocator);

/** See natkit_set_misuse_hook(). */
typedef void (*natkit_misuse_hook)(void* context, const char* function,
                                   int code);

/**
 * Has `hook` called whenever a call is refused because of a fault in the
 * calling program: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BAD_HANDLE,
 * NATKIT_ERR_BUSY, NATKIT_ERR_STRUCT_SIZE. A debug build gives a function that
 * prints the names and calls abort(). `function` is the name of the function
 * that was called. NULL: nobody is told, as at the start. Thread-safe; other
 * threads may still be calling the one before.
 */
NATKIT_API void natkit_set_misuse_hook(natkit_misuse_hook hook, void* context);

#ifdef __cplusplus
}
#endif

#endif /* NATKIT_COMMON_H_ */
