/**
 * @file
 * STUN messages (RFC 8489): reading, verifying and writing them in the caller's
 * memory. Functions here keep no state, are thread-safe, and do not allocate;
 * only those with a natkit_stun_key take some memory for the time of the call.
 *
 * A message is given as the whole datagram. Each function that reads one checks
 * all of its structure first (RFC 8489 sections 5 and 6.3), so bytes from the
 * network can be given to any of them. Their errors, called the parse errors
 * below: NATKIT_ERR_BAD_ARGUMENT (NULL), NATKIT_ERR_TRUNCATED (shorter than a
 * header), NATKIT_ERR_NOT_STUN, NATKIT_ERR_BAD_LENGTH (the message's or an
 * attribute's length contradicts the datagram), NATKIT_ERR_BAD_VALUE (something
 * follows FINGERPRINT), NATKIT_ERR_BAD_FINGERPRINT.
 */
#ifndef NATKIT_STUN_MESSAGE_H_
#define NATKIT_STUN_MESSAGE_H_

#include "natkit/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes of the header of a message. */
#define NATKIT_STUN_HEADER_SIZE 20
/** Bytes of a transaction ID. */
#define NATKIT_STUN_ID_SIZE 12
/** The longest text attribute with a zero byte (RFC 8489 section 14.3). */
#define NATKIT_STUN_TEXT_SIZE 764
/** The longest message to send over UDP while the path MTU is not known, bytes
 * (RFC 8489 section 6.1). */
#define NATKIT_STUN_MAX_UDP_SIZE 548
/** No message is longer, bytes. */
#define NATKIT_STUN_MAX_MESSAGE_SIZE 65552
/** The longest password or key, bytes. */
#define NATKIT_STUN_MAX_KEY_SIZE 256
/** The port of servers unless they say otherwise. */
#define NATKIT_STUN_DEFAULT_PORT 3478

/** The class of a message (RFC 8489 section 5). */
typedef enum natkit_stun_class {
  /** Wants a response. */
  NATKIT_STUN_REQUEST = 0,
  /** Wants none. */
  NATKIT_STUN_INDICATION = 1,
  /** The response to a request that was served. */
  NATKIT_STUN_SUCCESS_RESPONSE = 2,
  /** The response to a request that was not; says why in ERROR-CODE. */
  NATKIT_STUN_ERROR_RESPONSE = 3
} natkit_stun_class;

/** The method of a message; any number below 0x1000 may occur. */
typedef enum natkit_stun_method {
  /** Which address do you see (RFC 8489 section 3). */
  NATKIT_STUN_BINDING = 0x001,
  /** RFC 8656 (TURN). */
  NATKIT_STUN_ALLOCATE = 0x003,
  /** RFC 8656. */
  NATKIT_STUN_REFRESH = 0x004,
  /** RFC 8656. */
  NATKIT_STUN_SEND = 0x006,
  /** RFC 8656. */
  NATKIT_STUN_DATA = 0x007,
  /** RFC 8656. */
  NATKIT_STUN_CREATE_PERMISSION = 0x008,
  /** RFC 8656. */
  NATKIT_STUN_CHANNEL_BIND = 0x009
} natkit_stun_method;

/** Attribute numbers; any number below 0x10000 may occur. Who does not know one
 * below 0x8000 must not go on with the message. */
typedef enum natkit_stun_attribute_type {
  /** An address; RFC 8489 section 14.1. */
  NATKIT_STUN_MAPPED_ADDRESS = 0x0001,
  /** Four bytes of flags; RFC 5780 section 7.2. */
  NATKIT_STUN_CHANGE_REQUEST = 0x0003,
  /** An address; RFC 3489 section 11.2.5. */
  NATKIT_STUN_SOURCE_ADDRESS = 0x0004,
  /** An address; RFC 3489 section 11.2.3. */
  NATKIT_STUN_CHANGED_ADDRESS = 0x0005,
  /** A text; RFC 8489 section 14.3. */
  NATKIT_STUN_USERNAME = 0x0006,
  /** See natkit_stun_add_integrity(); RFC 8489 section 14.5. */
  NATKIT_STUN_MESSAGE_INTEGRITY = 0x0008,
  /** See natkit_stun_get_error(); RFC 8489 section 14.8. */
  NATKIT_STUN_ERROR_CODE = 0x0009,
  /** See natkit_stun_get_types(); RFC 8489 section 14.13. */
  NATKIT_STUN_UNKNOWN_ATTRIBUTES = 0x000A,
  /** Bytes; RFC 8656 section 18.1. */
  NATKIT_STUN_CHANNEL_NUMBER = 0x000C,
  /** Four bytes, seconds; RFC 8656 section 18.2. */
  NATKIT_STUN_LIFETIME = 0x000D,
  /** An address, XORed; RFC 8656 section 18.3. */
  NATKIT_STUN_XOR_PEER_ADDRESS = 0x0012,
  /** Bytes; RFC 8656 section 18.4. */
  NATKIT_STUN_DATA_VALUE = 0x0013,
  /** A text; RFC 8489 section 14.9. */
  NATKIT_STUN_REALM = 0x0014,
  /** A text; RFC 8489 section 14.10. */
  NATKIT_STUN_NONCE = 0x0015,
  /** An address, XORed; RFC 8656 section 18.5. */
  NATKIT_STUN_XOR_RELAYED_ADDRESS = 0x0016,
  /** Four bytes; RFC 8656 section 18.8. */
  NATKIT_STUN_REQUESTED_TRANSPORT = 0x0019,
  /** See natkit_stun_add_integrity(); RFC 8489 section 14.6. */
  NATKIT_STUN_MESSAGE_INTEGRITY_SHA256 = 0x001C,
  /** Bytes; RFC 8489 section 14.12. */
  NATKIT_STUN_PASSWORD_ALGORITHM = 0x001D,
  /** 32 bytes; RFC 8489 section 14.4. */
  NATKIT_STUN_USERHASH = 0x001E,
  /** An address, XORed; RFC 8489 section 14.2. */
  NATKIT_STUN_XOR_MAPPED_ADDRESS = 0x0020,
  /** Four bytes; RFC 8445 section 16.1. */
  NATKIT_STUN_PRIORITY = 0x0024,
  /** No bytes; RFC 8445 section 16.1. */
  NATKIT_STUN_USE_CANDIDATE = 0x0025,
  /** Bytes of any kind; RFC 5780 section 7.6. */
  NATKIT_STUN_PADDING = 0x0026,
  /** Bytes; RFC 5780 section 7.5. */
  NATKIT_STUN_RESPONSE_PORT = 0x0027,
  /** Bytes; RFC 8489 section 14.11. */
  NATKIT_STUN_PASSWORD_ALGORITHMS = 0x8002,
  /** A text; RFC 8489 section 14.16. */
  NATKIT_STUN_ALTERNATE_DOMAIN = 0x8003,
  /** An address, XORed: the number of a draft that some servers send. */
  NATKIT_STUN_XOR_MAPPED_ADDRESS_DRAFT = 0x8020,
  /** A text; RFC 8489 section 14.14. */
  NATKIT_STUN_SOFTWARE = 0x8022,
  /** An address; RFC 8489 section 14.15. */
  NATKIT_STUN_ALTERNATE_SERVER = 0x8023,
  /** See natkit_stun_add_fingerprint(); RFC 8489 section 14.7. */
  NATKIT_STUN_FINGERPRINT = 0x8028,
  /** Eight bytes; RFC 8445 section 16.1. */
  NATKIT_STUN_ICE_CONTROLLED = 0x8029,
  /** Eight bytes; RFC 8445 section 16.1. */
  NATKIT_STUN_ICE_CONTROLLING = 0x802A,
  /** An address; RFC 5780 section 7.3. */
  NATKIT_STUN_RESPONSE_ORIGIN = 0x802B,
  /** An address; RFC 5780 section 7.4. */
  NATKIT_STUN_OTHER_ADDRESS = 0x802C
} natkit_stun_attribute_type;

/** The name of an attribute, such as "XOR-MAPPED-ADDRESS"; "unknown" for
 * numbers that have none here. Never NULL; static storage. */
NATKIT_API const char* natkit_stun_attribute_name(uint32_t type);

/** The registered reason phrase of an error code, such as "Bad Request"; empty
 * for others. Never NULL; static storage. */
NATKIT_API const char* natkit_stun_reason(uint32_t error_code);

/* Reading. */

/** What the header of a message says. 24 bytes; will not grow. */
typedef struct natkit_stun_header {
  /** A natkit_stun_class. */
  uint16_t message_class;
  /** A natkit_stun_method, or another number below 0x1000. */
  uint16_t method;
  /** Bytes of the whole message. */
  uint32_t size;
  /** The transaction ID. */
  uint8_t id[NATKIT_STUN_ID_SIZE];
  /** 1 if there is a FINGERPRINT (it matches), else 0. */
  uint32_t has_fingerprint;
} natkit_stun_header;

/** One attribute of a message. Will not grow. */
typedef struct natkit_stun_attribute {
  /** Its value, without padding: points into the message. */
  const uint8_t* value;
  /** Bytes of the value. */
  size_t size;
  /** A natkit_stun_attribute_type, or another number below 0x10000. */
  uint32_t type;
  /** Where its header begins, bytes from the start of the message. */
  uint32_t offset;
} natkit_stun_attribute;

/**
 * Tells STUN messages from other datagrams on the same socket: looks at the
 * first 20 bytes alone (top bits, length, magic cookie).
 * @return 1 or 0; 0 also for NULL
 */
NATKIT_API int natkit_stun_is_message(const void* data, size_t size);

/**
 * Says how long the message is that begins at `data`, for reading from a stream
 * (RFC 8489 section 6.2.2): 20 to 65552 bytes. Reads 8 bytes.
 * @return the size in bytes
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_TRUNCATED (fewer than 8 bytes
 * given), NATKIT_ERR_NOT_STUN, NATKIT_ERR_BAD_LENGTH (no multiple of 4).
 */
NATKIT_API int natkit_stun_peek_size(const void* data, size_t size);

/** Reads the header of a message and checks all of its structure. Errors: the
 * parse errors. */
NATKIT_API int natkit_stun_parse(const void* data, size_t size,
                                 natkit_stun_header* out);

/**
 * Lists the attributes that count, in order: those after an integrity
 * attribute do not, except a stronger one and FINGERPRINT (RFC 8489 sections
 * 14.5 and 14.6). The first `capacity` are written to `out`, which may be NULL
 * if `capacity` is 0.
 * @return how many there are, which may be more than `capacity`
 * Errors: the parse errors.
 */
NATKIT_API int natkit_stun_get_attributes(const void* data, size_t size,
                                          natkit_stun_attribute* out,
                                          size_t capacity);

/** Finds the first attribute of a type that counts. Errors: the parse errors,
 * NATKIT_ERR_NOT_FOUND. */
NATKIT_API int natkit_stun_find(const void* data, size_t size, uint32_t type,
                                natkit_stun_attribute* out);

/**
 * The address that the sender of the request has as the server sees it:
 * XOR-MAPPED-ADDRESS, else its draft form, else MAPPED-ADDRESS. An IPv4-mapped
 * IPv6 address becomes IPv4.
 * Errors: the parse errors, NATKIT_ERR_NOT_FOUND, and NATKIT_ERR_BAD_LENGTH and
 * NATKIT_ERR_BAD_VALUE if the attribute is malformed.
 */
NATKIT_API int natkit_stun_get_mapped_address(const void* data, size_t size,
                                              natkit_address* out);

/**
 * Reads the first attribute of `type`, which is one that holds an address
 * according to its comment, XORed or not.
 * Errors: the parse errors, NATKIT_ERR_BAD_ARGUMENT (another type),
 * NATKIT_ERR_NOT_FOUND, and NATKIT_ERR_BAD_LENGTH and NATKIT_ERR_BAD_VALUE if
 * the attribute is malformed.
 */
NATKIT_API int natkit_stun_get_address(const void* data, size_t size,
                                       uint32_t type, natkit_address* out);

/**
 * Copies the first attribute of `type` as a text with a zero byte:
 * NATKIT_STUN_TEXT_SIZE bytes are always enough. Not checked to be UTF-8.
 * @return the length without the zero byte
 * Errors: the parse errors, NATKIT_ERR_NOT_FOUND, NATKIT_ERR_BAD_LENGTH (more
 * than 763 bytes), NATKIT_ERR_BAD_ENCODING (a zero byte within),
 * NATKIT_ERR_BUFFER_TOO_SMALL.
 */
NATKIT_API int natkit_stun_get_text(const void* data, size_t size,
                                    uint32_t type, char* buffer,
                                    size_t capacity);

/** Reads the first attribute of `type`, a number of four bytes. Errors: the
 * parse errors, NATKIT_ERR_NOT_FOUND, NATKIT_ERR_BAD_LENGTH. */
NATKIT_API int natkit_stun_get_u32(const void* data, size_t size, uint32_t type,
                                   uint32_t* out);

/** Reads the first attribute of `type`, a number of eight bytes. Errors: the
 * parse errors, NATKIT_ERR_NOT_FOUND, NATKIT_ERR_BAD_LENGTH. */
NATKIT_API int natkit_stun_get_u64(const void* data, size_t size, uint32_t type,
                                   uint64_t* out);

/**
 * Reads ERROR-CODE. The reason is copied to `buffer`, cut to what fits, with a
 * zero byte; `buffer` may be NULL if `capacity` is 0.
 * @return the code, 300 to 699
 * Errors: the parse errors, NATKIT_ERR_NOT_FOUND, and NATKIT_ERR_BAD_LENGTH and
 * NATKIT_ERR_BAD_VALUE if the attribute is malformed.
 */
NATKIT_API int natkit_stun_get_error(const void* data, size_t size,
                                     char* buffer, size_t capacity);

/**
 * Reads UNKNOWN-ATTRIBUTES: the numbers, at most 128, the first `capacity` of
 * which are written to `out`.
 * @return how many there are, which may be more than `capacity`
 * Errors: the parse errors, NATKIT_ERR_NOT_FOUND, NATKIT_ERR_BAD_LENGTH.
 */
NATKIT_API int natkit_stun_get_types(const void* data, size_t size,
                                     uint16_t* out, size_t capacity);

/**
 * Lists the comprehension-required attributes that are neither of RFC 8489
 * itself nor among the `understood_count` at `understood`, each once, at most
 * 128: a message with one must not be acted on (RFC 8489 section 6.3). The
 * first `capacity` are written to `out`.
 * @return how many there are, which may be more than `capacity`
 * Errors: the parse errors.
 */
NATKIT_API int natkit_stun_get_unknown_required(const void* data, size_t size,
                                                const uint16_t* understood,
                                                size_t understood_count,
                                                uint16_t* out, size_t capacity);

/* Keys and integrity. */

/** Which of STUN's two ways to prove who one is. */
typedef enum natkit_stun_mechanism {
  /** RFC 8489 section 9.1, as ICE uses it. */
  NATKIT_STUN_SHORT_TERM = 0,
  /** RFC 8489 section 9.2: the server challenges, with realm and nonce. */
  NATKIT_STUN_LONG_TERM = 1
} natkit_stun_mechanism;

/** How the key of a long-term user is made (RFC 8489 section 18.5). */
typedef enum natkit_stun_algorithm {
  /** MD5, the only one that RFC 5389 knows. */
  NATKIT_STUN_MD5 = 1,
  /** SHA-256. */
  NATKIT_STUN_SHA256 = 2
} natkit_stun_algorithm;

/** A key of MESSAGE-INTEGRITY. A secret: to be overwritten by natkit_wipe()
 * when it is no longer needed. Will not grow. */
typedef struct natkit_stun_key {
  /** Its bytes; the rest is zeros. */
  uint8_t bytes[NATKIT_STUN_MAX_KEY_SIZE];
  /** How many they are, from 1. */
  size_t size;
} natkit_stun_key;

/**
 * Makes the key of a short-term password (RFC 8489 section 9.1), which is
 * prepared first (RFC 8265 OpaqueString; ASCII stays as it is).
 * Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BAD_LENGTH (empty, or more than
 * 256 bytes), NATKIT_ERR_BAD_ENCODING (not UTF-8), NATKIT_ERR_BAD_VALUE (a
 * control character), NATKIT_ERR_UNSUPPORTED (characters that natkit cannot
 * prepare, such as combining marks).
 */
NATKIT_API int natkit_stun_make_short_term_key(const char* password,
                                               natkit_stun_key* out);

/**
 * Makes the key of a long-term user (RFC 8489 section 9.2); `algorithm` is a
 * natkit_stun_algorithm. Names and passwords are prepared as above; the realm
 * is taken as it is, at most 763 bytes. Errors: as above; for user names
 * NATKIT_ERR_BAD_LENGTH beyond 508 bytes.
 */
NATKIT_API int natkit_stun_make_long_term_key(const char* username,
                                              const char* realm,
                                              const char* password,
                                              uint32_t algorithm,
                                              natkit_stun_key* out);

/** Which integrity attribute is meant. */
typedef enum natkit_stun_integrity {
  /** MESSAGE-INTEGRITY-SHA256 if the message has it, else MESSAGE-INTEGRITY;
   * only for natkit_stun_verify(). */
  NATKIT_STUN_STRONGEST = 0,
  /** MESSAGE-INTEGRITY: HMAC-SHA1 (RFC 8489 section 14.5). */
  NATKIT_STUN_HMAC_SHA1 = 1,
  /** MESSAGE-INTEGRITY-SHA256 of 32 bytes (RFC 8489 section 14.6). */
  NATKIT_STUN_HMAC_SHA256 = 2
} natkit_stun_integrity;

/**
 * Verifies the integrity of a message in constant time; `integrity` is a
 * natkit_stun_integrity. @return 0 if it holds
 * Errors: the parse errors, NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_NO_INTEGRITY
 * (no such attribute), NATKIT_ERR_BAD_INTEGRITY.
 */
NATKIT_API int natkit_stun_verify(const void* data, size_t size,
                                  const natkit_stun_key* key,
                                  uint32_t integrity);

/* Writing. */

/**
 * A message that is being written to the caller's buffer, which has to stay
 * until the end; lives in the caller's memory and needs no release. Its
 * contents are natkit's. Will not grow: `state` has room for later versions.
 */
typedef struct natkit_stun_builder {
  /** Natkit's: tells a builder that was begun. */
  uint32_t mark;
  /** Natkit's: how far the message is. */
  uint32_t stage;
  /** Natkit's: the first failure, or 0. */
  int32_t failure;
  /** Zero. */
  uint32_t reserved;
  /** Natkit's: the caller's buffer. */
  uint8_t* buffer;
  /** Natkit's: its size. */
  size_t capacity;
  /** Natkit's. */
  uint64_t state[8];
} natkit_stun_builder;

/**
 * Draws a transaction ID of 12 bytes. `random` may be NULL: the system's.
 * Errors: NATKIT_ERR_BAD_ARGUMENT.
 */
NATKIT_API int natkit_stun_make_id(const natkit_random* random, uint8_t* out);

/**
 * Begins a message in a buffer of `capacity` bytes; `message_class` is a
 * natkit_stun_class, `method` is below 0x1000, `id` 12 bytes.
 *
 * Then come the natkit_stun_add… functions in the order that the message shall
 * have, and natkit_stun_finish(). A function that fails makes the later ones
 * fail with the same code, so it is enough to look at that of the last; the
 * buffer then holds nothing of use. Errors of all of them:
 * NATKIT_ERR_BAD_ARGUMENT (also for a builder that was not begun),
 * NATKIT_ERR_BUFFER_TOO_SMALL, NATKIT_ERR_INVALID_STATE (after
 * natkit_stun_finish(), or an order that is not allowed).
 */
NATKIT_API int natkit_stun_begin(natkit_stun_builder* builder, void* buffer,
                                 size_t capacity, uint32_t message_class,
                                 uint32_t method, const uint8_t* id);

/** Adds an attribute of any type but those that have functions of their own
 * below (integrity, FINGERPRINT); the padding is written. `value` may be NULL
 * if `size` is 0, and must not lie in the builder's buffer. */
NATKIT_API int natkit_stun_add(natkit_stun_builder* builder, uint32_t type,
                               const void* value, size_t size);

/** Adds an attribute that holds an address according to the comment of its
 * type, XORed or not. */
NATKIT_API int natkit_stun_add_address(natkit_stun_builder* builder,
                                       uint32_t type,
                                       const natkit_address* address);

/** Adds a text of at most 763 bytes. */
NATKIT_API int natkit_stun_add_text(natkit_stun_builder* builder, uint32_t type,
                                    const char* text);

/** Adds a number of four bytes. */
NATKIT_API int natkit_stun_add_u32(natkit_stun_builder* builder, uint32_t type,
                                   uint32_t value);

/** Adds a number of eight bytes. */
NATKIT_API int natkit_stun_add_u64(natkit_stun_builder* builder, uint32_t type,
                                   uint64_t value);

/** Adds ERROR-CODE: `code` is 300 to 699, `reason` at most 763 bytes or NULL
 * for the registered phrase. */
NATKIT_API int natkit_stun_add_error(natkit_stun_builder* builder,
                                     uint32_t code, const char* reason);

/** Adds UNKNOWN-ATTRIBUTES with `count` numbers, at most 128. */
NATKIT_API int natkit_stun_add_types(natkit_stun_builder* builder,
                                     const uint16_t* types, size_t count);

/** Adds NATKIT_STUN_HMAC_SHA1 or NATKIT_STUN_HMAC_SHA256, after all ordinary
 * attributes; if both, in that order. */
NATKIT_API int natkit_stun_add_integrity(natkit_stun_builder* builder,
                                         const natkit_stun_key* key,
                                         uint32_t integrity);

/** Adds FINGERPRINT, as the last attribute. */
NATKIT_API int natkit_stun_add_fingerprint(natkit_stun_builder* builder);

/** Ends the message, which is then in the buffer.
 * @return its size in bytes */
NATKIT_API int natkit_stun_finish(natkit_stun_builder* builder);

#ifdef __cplusplus
}
#endif

#endif /* NATKIT_STUN_MESSAGE_H_ */
