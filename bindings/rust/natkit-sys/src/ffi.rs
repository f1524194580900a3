// Written by generate.py from the headers of the C API; do not edit.

use std::os::raw::{c_char, c_int, c_uint, c_void};

/// Major version of these headers; a change breaks source or binary programs.
pub const NATKIT_VERSION_MAJOR: usize = 0;

/// Minor version of these headers; a change adds something.
pub const NATKIT_VERSION_MINOR: usize = 1;

/// Patch version of these headers.
pub const NATKIT_VERSION_PATCH: usize = 0;

extern "C" {
    /// The version of the library that is loaded, such as "0.1.0". Static storage.
    /// Thread-safe.
    pub fn natkit_version() -> *const c_char;
}

/// Why a function failed. The numbers never change and are never used again.
pub type natkit_code = c_int;
/// Success.
pub const NATKIT_OK: natkit_code = 0;
/// The input ends before the value does.
pub const NATKIT_ERR_TRUNCATED: natkit_code = -1;
/// A length contradicts the input.
pub const NATKIT_ERR_BAD_LENGTH: natkit_code = -2;
/// A field has a value that its format or its documentation forbids.
pub const NATKIT_ERR_BAD_VALUE: natkit_code = -3;
/// The caller's buffer cannot hold the result; nothing was consumed.
pub const NATKIT_ERR_BUFFER_TOO_SMALL: natkit_code = -4;
/// Not valid hex, base64, UTF-8, address text, ...
pub const NATKIT_ERR_BAD_ENCODING: natkit_code = -5;
/// There is no such item.
pub const NATKIT_ERR_NOT_FOUND: natkit_code = -6;
/// An item with this identity exists.
pub const NATKIT_ERR_ALREADY_EXISTS: natkit_code = -7;
/// A documented bound was reached.
pub const NATKIT_ERR_LIMIT_EXCEEDED: natkit_code = -8;
/// The call is not allowed in this state.
pub const NATKIT_ERR_INVALID_STATE: natkit_code = -9;
/// The system refused.
pub const NATKIT_ERR_PERMISSION_DENIED: natkit_code = -10;
/// The system reported an input or output failure.
pub const NATKIT_ERR_IO: natkit_code = -11;
/// Another socket has this address.
pub const NATKIT_ERR_ADDRESS_IN_USE: natkit_code = -12;
/// This system or build cannot do it, or a structure has a field that this
/// library does not know.
pub const NATKIT_ERR_UNSUPPORTED: natkit_code = -13;
/// No answer in the time allowed.
pub const NATKIT_ERR_TIMED_OUT: natkit_code = -14;
/// The other side or the owner closed it.
pub const NATKIT_ERR_CLOSED: natkit_code = -15;
/// The address is not one of this host.
pub const NATKIT_ERR_ADDRESS_NOT_AVAILABLE: natkit_code = -16;
/// Nobody listens there.
pub const NATKIT_ERR_CONNECTION_REFUSED: natkit_code = -17;
/// The other side dropped the connection.
pub const NATKIT_ERR_CONNECTION_RESET: natkit_code = -18;
/// There is no route to the host or network.
pub const NATKIT_ERR_UNREACHABLE: natkit_code = -19;
/// The device or device file is missing.
pub const NATKIT_ERR_NO_DEVICE: natkit_code = -20;
/// Others may read a file that holds a secret.
pub const NATKIT_ERR_INSECURE_FILE: natkit_code = -21;
/// A pointer is NULL that must not be, or a number is out of its range.
pub const NATKIT_ERR_BAD_ARGUMENT: natkit_code = -22;
/// The handle is NULL, was freed, is of another type, or never was one.
pub const NATKIT_ERR_BAD_HANDLE: natkit_code = -23;
/// Another call is at work on this handle, in another thread or further up
/// in this one (a callback must not use the handle that called it).
pub const NATKIT_ERR_BUSY: natkit_code = -24;
/// `struct_size` is less than that of the first version of the structure, or
/// so large that it was never set: natkit_init() is missing.
pub const NATKIT_ERR_STRUCT_SIZE: natkit_code = -25;
/// Not a STUN message; it may be of another protocol.
pub const NATKIT_ERR_NOT_STUN: natkit_code = -100;
/// FINGERPRINT does not match.
pub const NATKIT_ERR_BAD_FINGERPRINT: natkit_code = -101;
/// MESSAGE-INTEGRITY or MESSAGE-INTEGRITY-SHA256 does not match.
pub const NATKIT_ERR_BAD_INTEGRITY: natkit_code = -102;
/// An integrity attribute is required.
pub const NATKIT_ERR_NO_INTEGRITY: natkit_code = -103;
/// A comprehension-required attribute is not known.
pub const NATKIT_ERR_UNKNOWN_ATTRIBUTE: natkit_code = -104;
/// The peer answered with a STUN error.
pub const NATKIT_ERR_ERROR_RESPONSE: natkit_code = -105;
/// Not a usable ICE candidate.
pub const NATKIT_ERR_BAD_CANDIDATE: natkit_code = -106;
/// ICE user name fragment or password out of bounds.
pub const NATKIT_ERR_BAD_CREDENTIALS: natkit_code = -107;
/// The relay's first frame is not that of a DERP server.
pub const NATKIT_ERR_BAD_MAGIC: natkit_code = -200;
/// A DERP frame's length breaks the rules of its type.
pub const NATKIT_ERR_BAD_FRAME: natkit_code = -201;
/// A DERP frame is longer than its limit.
pub const NATKIT_ERR_FRAME_TOO_LARGE: natkit_code = -202;
/// A sealed box does not open.
pub const NATKIT_ERR_BAD_BOX: natkit_code = -203;
/// The relay's JSON is not acceptable.
pub const NATKIT_ERR_BAD_JSON: natkit_code = -204;
/// The relay did not answer the HTTP upgrade with 101.
pub const NATKIT_ERR_UPGRADE_REFUSED: natkit_code = -205;
/// Malformed HTTP.
pub const NATKIT_ERR_BAD_HTTP: natkit_code = -206;
/// A frame that only privileged DERP clients may send.
pub const NATKIT_ERR_FORBIDDEN_FRAME: natkit_code = -207;
/// No WireGuard session has this receiver index.
pub const NATKIT_ERR_UNKNOWN_INDEX: natkit_code = -300;
/// An authentication tag or MAC does not verify.
pub const NATKIT_ERR_AUTH_FAILED: natkit_code = -301;
/// A counter or timestamp was seen before.
pub const NATKIT_ERR_REPLAYED: natkit_code = -302;
/// No peer has this public key.
pub const NATKIT_ERR_UNKNOWN_PEER: natkit_code = -303;
/// There is no session to seal with.
pub const NATKIT_ERR_NO_SESSION: natkit_code = -304;
/// The source address is outside the peer's allowed addresses.
pub const NATKIT_ERR_NOT_ALLOWED: natkit_code = -305;
/// No peer's allowed addresses hold the destination.
pub const NATKIT_ERR_NO_ROUTE: natkit_code = -306;
/// Configuration text is not acceptable.
pub const NATKIT_ERR_BAD_CONFIG: natkit_code = -307;
/// The TLS handshake failed.
pub const NATKIT_ERR_TLS_HANDSHAKE: natkit_code = -400;
/// The TLS record layer failed.
pub const NATKIT_ERR_TLS_PROTOCOL: natkit_code = -401;
/// A certificate is not usable or not trusted.
pub const NATKIT_ERR_BAD_CERTIFICATE: natkit_code = -402;
/// A private key is not usable.
pub const NATKIT_ERR_BAD_PRIVATE_KEY: natkit_code = -403;
/// The private key is not the certificate's.
pub const NATKIT_ERR_KEY_MISMATCH: natkit_code = -404;
/// A description of an agent, or a signal between two, is not acceptable.
pub const NATKIT_ERR_BAD_SIGNAL: natkit_code = -450;

extern "C" {
    /// A few words for a natkit_code, such as "input ends before the value does";
    /// "success" for what is not negative, "unknown error" for other numbers. Never
    /// NULL. Static storage. Thread-safe.
    pub fn natkit_strerror(code: c_int) -> *const c_char;
}

extern "C" {
    /// Prepares a structure that begins with `struct_size` for use: sets that to
    /// `size` and all else to zero. In every such structure zero means the default,
    /// or nothing.
    ///
    /// Because the library knows how large the structure was when the program was
    /// compiled, programs go on working with later libraries. A program that uses
    /// newer headers than the library is refused with NATKIT_ERR_UNSUPPORTED if it
    /// sets a field that the library does not know.
    ///
    /// Does nothing if `structure` is NULL or `size` less than sizeof(size_t).
    pub fn natkit_init_struct(structure: *mut c_void, size: usize);
}

/// One second in nanoseconds.
pub const NATKIT_SECOND: u64 = 1000000000;

/// One millisecond in nanoseconds.
pub const NATKIT_MILLISECOND: u64 = 1000000;

extern "C" {
    /// The system's monotonic clock in nanoseconds, for callers that have no other
    /// clock at hand. The cores never read it. Thread-safe.
    pub fn natkit_monotonic_ns() -> u64;
}

extern "C" {
    /// The system's wall clock in nanoseconds since 1970 (UTC), for what has to
    /// outlast a run of the program. The cores never read it. Thread-safe.
    pub fn natkit_wall_clock_ns() -> u64;
}

extern "C" {
    /// The milliseconds to give to poll() or epoll_wait() so that they return when
    /// `deadline_ns` has come: rounded up, 0 if it has come, at most INT_MAX.
    /// Thread-safe.
    pub fn natkit_poll_timeout_ms(now_ns: u64, deadline_ns: u64) -> c_int;
}

/// natkit_address::family of an address that is not set.
pub const NATKIT_FAMILY_NONE: u8 = 0;

/// natkit_address::family of IPv4.
pub const NATKIT_FAMILY_IPV4: u8 = 4;

/// natkit_address::family of IPv6.
pub const NATKIT_FAMILY_IPV6: u8 = 6;

/// An IP address and a UDP or TCP port. 20 bytes; will not grow.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_address {
    /// One of NATKIT_FAMILY_NONE, NATKIT_FAMILY_IPV4, NATKIT_FAMILY_IPV6.
    pub family: u8,
    /// In network order; IPv4 has the first four bytes, the others are 0.
    pub ip: [u8; 16],
    /// Zero.
    pub reserved: u8,
    /// In host order.
    pub port: u16,
}

/// The longest text of a natkit_address with its zero byte.
pub const NATKIT_ADDRESS_TEXT_SIZE: usize = 56;

extern "C" {
    /// Reads "192.0.2.1:80", "\[2001:db8::7]:80", or an address without a port, which
    /// is then 0. Names are not looked up. Thread-safe.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BAD_ENCODING.
    pub fn natkit_address_parse(text: *const c_char, out: *mut natkit_address) -> c_int;
}

extern "C" {
    /// Writes the text of an address, with its port, to `buffer`; IPv6 as in RFC
    /// 5952; "none" for an address that is not set. Thread-safe.
    ///
    /// Returns the length without the zero byte
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BUFFER_TOO_SMALL
    /// (NATKIT_ADDRESS_TEXT_SIZE is always enough).
    pub fn natkit_address_format(address: *const natkit_address, buffer: *mut c_char, capacity: usize) -> c_int;
}

extern "C" {
    ///
    /// Returns 1 if both are the same address and port, or both are not set; else
    /// 0, also for NULL. Thread-safe.
    pub fn natkit_address_equal(a: *const natkit_address, b: *const natkit_address) -> c_int;
}

extern "C" {
    /// Reads a `struct sockaddr_in` or `sockaddr_in6` of `size` bytes. An
    /// IPv4-mapped IPv6 address becomes IPv4; a zone is lost. Thread-safe.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_UNSUPPORTED (another family),
    /// NATKIT_ERR_BAD_LENGTH.
    pub fn natkit_address_from_sockaddr(address: *const c_void, size: usize, out: *mut natkit_address) -> c_int;
}

extern "C" {
    /// Writes a `struct sockaddr_in` or `sockaddr_in6` to `out`, which has
    /// `capacity` bytes: sizeof(struct sockaddr_storage) is always enough.
    /// Thread-safe.
    ///
    /// Returns the bytes written, for sendto() and its like
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT (also for an address that is not set),
    /// NATKIT_ERR_BUFFER_TOO_SMALL.
    pub fn natkit_address_to_sockaddr(address: *const natkit_address, out: *mut c_void, capacity: usize) -> c_int;
}

/// Addresses that begin alike. Will not grow.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_prefix {
    /// The address; bits beyond the length and the port are ignored.
    pub address: natkit_address,
    /// How many bits count: 0 to 32, or 0 to 128 for IPv6.
    pub length: u32,
}

/// The bytes of a Curve25519 key, private or public, and of a pre-shared key.
pub const NATKIT_KEY_SIZE: usize = 32;

/// The text of a key in base64 with its zero byte.
pub const NATKIT_KEY_TEXT_SIZE: usize = 45;

/// Where random bytes come from; see natkit_random::fill.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_random {
    /// Fills `size` bytes with what nobody can guess. It cannot fail, must not use
    /// the handle that calls it, and is called in the thread of a call to natkit.
    pub fill: Option<unsafe extern "C" fn(context: *mut c_void, out: *mut u8, size: usize)>,
    /// Given to `fill`.
    pub context: *mut c_void,
}

extern "C" {
    /// Makes a private key of 32 bytes at `out` (X25519, clamped). `random` may be
    /// NULL: the system's. Thread-safe if `random` is.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT.
    pub fn natkit_key_generate(random: *const natkit_random, out: *mut u8) -> c_int;
}

extern "C" {
    /// Writes the public key (32 bytes) of a private key (32 bytes) to `out`.
    /// Thread-safe.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT.
    pub fn natkit_key_get_public(private_key: *const u8, out: *mut u8) -> c_int;
}

extern "C" {
    /// Reads the 44 characters of base64 that `wg` uses for keys of any kind to 32
    /// bytes at `out`. Thread-safe.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BAD_LENGTH,
    /// NATKIT_ERR_BAD_ENCODING.
    pub fn natkit_key_parse(text: *const c_char, out: *mut u8) -> c_int;
}

extern "C" {
    /// Writes a key of 32 bytes as base64 to `buffer` of NATKIT_KEY_TEXT_SIZE bytes
    /// or more. Thread-safe.
    ///
    /// Returns 44
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BUFFER_TOO_SMALL.
    pub fn natkit_key_format(key: *const u8, buffer: *mut c_char, capacity: usize) -> c_int;
}

extern "C" {
    /// Overwrites memory that held a secret, in a way that is not optimised away.
    /// `memory` may be NULL if `size` is 0. Thread-safe.
    pub fn natkit_wipe(memory: *mut c_void, size: usize);
}

/// One packet or datagram. Will not grow.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_packet {
    /// Its bytes. Input: read only. Output: in natkit_batch::memory.
    pub data: *mut u8,
    /// Their number.
    pub size: usize,
    /// The other host: where it came from, or where it is to go.
    pub remote: natkit_address,
    /// Our own address, as far as known: where it arrived, or to send it from.
    pub local: natkit_address,
    /// The peer that it is from or for; 0 if none. See the function.
    pub peer: u32,
    /// Zero.
    pub reserved: u32,
}

/// Memory of the caller's for packets that a function puts out, to be used again
/// and again.
///
/// Functions append: to start anew, set `packet_count` and `memory_used` to 0.
/// Packets lie one after the other in `memory`, in the order of `packets`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_batch {
    /// sizeof(natkit_batch); see natkit_init().
    pub struct_size: usize,
    /// Where the bytes of packets go.
    pub memory: *mut u8,
    /// Its size in bytes.
    pub memory_size: usize,
    /// How much of it is used; functions add to it.
    pub memory_used: usize,
    /// Where packets are described.
    pub packets: *mut natkit_packet,
    /// How many have room there.
    pub packet_capacity: usize,
    /// How many there are; functions add to it.
    pub packet_count: usize,
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_batch {}

/// How much this host minds waking up, and its packets.
pub type natkit_power = c_uint;
/// A packet costs nothing worth mentioning.
pub const NATKIT_POWER_MAINS: natkit_power = 0;
/// As few as the NAT allows.
pub const NATKIT_POWER_BATTERY: natkit_power = 1;
/// No keepalives for paths that nobody uses: they are punched again on need.
pub const NATKIT_POWER_MOBILE_IDLE: natkit_power = 2;

/// How much a log line matters.
pub type natkit_log_level = c_uint;
/// For who looks for a fault.
pub const NATKIT_LOG_DEBUG: natkit_log_level = 0;
/// What happened.
pub const NATKIT_LOG_INFO: natkit_log_level = 1;
/// Something is not as it should be; natkit copes.
pub const NATKIT_LOG_WARNING: natkit_log_level = 2;
/// Something does not work.
pub const NATKIT_LOG_ERROR: natkit_log_level = 3;

/// Where log lines go. They hold no secrets and no line ends.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_log {
    /// Takes one line; `text` is valid during the call. It must not use the handle
    /// that calls it, and is called in the thread of a call to natkit.
    pub line: Option<unsafe extern "C" fn(context: *mut c_void, level: natkit_log_level, text: *const c_char)>,
    /// Given to `line`.
    pub context: *mut c_void,
}

/// Where natkit's memory comes from. Locks may be held where it is called, so
/// the functions must not call natkit.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_allocator {
    /// sizeof(natkit_allocator); see natkit_init().
    pub struct_size: usize,
    /// Returns `size` bytes (not 0), aligned as malloc() does. natkit ends the
    /// process (abort) if it gets NULL. Thread-safe if natkit is used by several
    /// threads.
    pub allocate: Option<unsafe extern "C" fn(context: *mut c_void, size: usize) -> *mut c_void>,
    /// Takes back what `allocate` gave, with the same size.
    pub release: Option<unsafe extern "C" fn(context: *mut c_void, memory: *mut c_void, size: usize)>,
    /// Given to both.
    pub context: *mut c_void,
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_allocator {}

extern "C" {
    /// Has all memory of natkit come from `allocator` from now on, that of the
    /// libraries inside it too; what came from another one before goes back there.
    /// NULL: from the system again, as at the start. The structure is copied. To be
    /// called while no other thread uses natkit, best before anything else.
    ///
    /// The functions must not call natkit, and must work until the process ends: a
    /// few blocks stay for the whole run. What libc allocates for its own purposes
    /// (time zones, threads, address lookups) comes from the system as ever.
    ///
    ///
    /// Errors: NATKIT_ERR_STRUCT_SIZE, NATKIT_ERR_BAD_ARGUMENT (a function is NULL),
    /// NATKIT_ERR_UNSUPPORTED (natkit was linked in another form than libnatkit.so
    /// or libnatkit.a).
    pub fn natkit_set_allocator(allocator: *const natkit_allocator) -> c_int;
}

/// See natkit_set_misuse_hook().
pub type natkit_misuse_hook = Option<unsafe extern "C" fn(context: *mut c_void, function: *const c_char, code: c_int)>;

extern "C" {
    /// Has `hook` called whenever a call is refused because of a fault in the
    /// calling program: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BAD_HANDLE,
    /// NATKIT_ERR_BUSY, NATKIT_ERR_STRUCT_SIZE. A debug build gives a function that
    /// prints the names and calls abort(). `function` is the name of the function
    /// that was called. NULL: nobody is told, as at the start. Thread-safe; other
    /// threads may still be calling the one before.
    pub fn natkit_set_misuse_hook(hook: natkit_misuse_hook, context: *mut c_void);
}

/// A set of sockets and relays, and the agents that use them.
#[repr(C)]
pub struct natkit_hub {
    _opaque: [u8; 0],
}

/// One connection of a hub to one peer. Its core alone, without sockets, is the
/// natkit_ice_agent of natkit/ice.h.
#[repr(C)]
pub struct natkit_agent {
    _opaque: [u8; 0],
}

/// Bits of natkit_hub_config::flags.
pub type natkit_hub_flag = c_uint;
/// Use loopback addresses although there are others: for tests on one host.
/// Without any other address they are used anyway.
pub const NATKIT_HUB_LOOPBACK: natkit_hub_flag = 1;
/// Open no IPv6 socket.
pub const NATKIT_HUB_NO_IPV6: natkit_hub_flag = 2;
/// Do not watch the system for changes of addresses: the program calls
/// natkit_hub_network_changed().
pub const NATKIT_HUB_NO_NETWORK_WATCH: natkit_hub_flag = 4;

/// What a hub is made with.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_hub_config {
    /// sizeof(natkit_hub_config); see natkit_init().
    pub struct_size: usize,
    /// Who the hub is at relays, and what peers know it by: an X25519 private
    /// key. All zeros: a new one. A program that starts again is the same peer
    /// only with the same key.
    pub private_key: [u8; NATKIT_KEY_SIZE],
    /// UDP port to bind where the hub opens its sockets, one for each family; 0:
    /// the system chooses.
    pub port: u16,
    /// Zero.
    pub reserved: u16,
    /// Of natkit_hub_flag.
    pub flags: u32,
    /// A natkit_power.
    pub power: u32,
    /// How many `sockets` there are; 0: the hub opens its own.
    pub socket_count: u32,
    /// Bound UDP sockets of the caller, at most one for each family; IPv6 ones
    /// with IPV6_V6ONLY. The hub duplicates the descriptors: the caller may close
    /// its own, and must not read from them. They become non-blocking, and no
    /// longer report ICMP errors or join datagrams (IP_RECVERR, UDP_GRO). Who has
    /// another protocol on a socket sends on its own descriptor, and receives with
    /// natkit_hub_receive_unclaimed().
    pub sockets: *const c_int,
    /// Bytes of datagrams that wait to be received, over all agents; 0: 1 MiB, at
    /// least 128 KiB. Each datagram takes a multiple of 512. Where there is no
    /// room, the agent that has the most waiting loses its oldest: a peer that
    /// floods the hub takes nothing from those that have less than their share.
    pub receive_buffer: usize,
    /// Interfaces whose addresses are not told to peers, such as the tunnel that
    /// the datagrams come from: names, of which the last character may be '*' for
    /// any end.
    pub ignored_interfaces: *const *const c_char,
    /// How many `ignored_interfaces` there are, at most 64.
    pub ignored_interface_count: usize,
    /// The mark (SO_MARK) of all that the hub sends, also to relays, for policy
    /// routing around a tunnel; 0: none. Needs CAP_NET_ADMIN.
    pub fwmark: u32,
    /// Zero.
    pub reserved2: u32,
    /// Certificates to trust relays by, as PEM; NULL: the system's, read at the
    /// first natkit_hub_add_relay() that needs them.
    pub roots_pem: *const c_char,
    /// NULL: the system's.
    pub random: *const natkit_random,
    /// NULL: nothing is logged.
    pub log: *const natkit_log,
    /// What the datagrams that wait for one agent take of `receive_buffer` at
    /// most, at least 64 KiB; its oldest go first. 0: no limit but that.
    pub agent_receive_buffer: usize,
    /// Bytes of datagrams from nobody that is known that are kept for
    /// natkit_hub_receive_unclaimed(), at least 64 KiB; the oldest go first. While
    /// some wait, natkit_hub_get_timeout() says 0. 0: they are dropped.
    pub unclaimed_buffer: usize,
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_hub_config {}

/// One relay (a DERP server).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_relay {
    /// sizeof(natkit_relay); see natkit_init().
    pub struct_size: usize,
    /// What both sides of a connection call it, without spaces, at most 255
    /// bytes; NULL: "HOST:PORT".
    pub name: *const c_char,
    /// The DNS name or IP address that its certificate is for. Required.
    pub host: *const c_char,
    /// Where it is: see natkit_resolve(). Tried as RFC 8305 says.
    pub addresses: *const natkit_address,
    /// How many `addresses` there are: 1 to 16. Their ports are not looked at.
    pub address_count: usize,
    /// TCP port; 0: 443.
    pub port: u16,
    /// Not 0: no TLS. For development only.
    pub is_plain: u16,
    /// Zero.
    pub reserved: u32,
    /// NULL: the certificate is checked by trusted roots and `host`; a DNS name
    /// that it is checked against instead; or "sha256-raw:" and 64 hex digits of
    /// the SHA-256 of the certificate that is expected.
    pub certificate_name: *const c_char,
    /// Given back with the relay's events; natkit does not look at it.
    pub user: *mut c_void,
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_relay {}

extern "C" {
    /// Makes a hub and opens its sockets. Nothing is sent before there is an agent.
    /// A hub has about ten descriptors. After fork() one of the two processes may go
    /// on using it; the other may call exec or _exit(), and must not free it.
    ///
    /// No socket of the caller's is changed before all are found to be good; after an
    /// error that says nothing of them they may be changed already.
    ///
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE,
    /// NATKIT_ERR_UNSUPPORTED (a descriptor is no bound UDP socket, or is connected,
    /// or an IPv6 one without IPV6_V6ONLY, or two are of one family),
    /// NATKIT_ERR_ADDRESS_IN_USE,
    /// NATKIT_ERR_PERMISSION_DENIED, NATKIT_ERR_IO, NATKIT_ERR_LIMIT_EXCEEDED (no
    /// more descriptors or handles), NATKIT_ERR_BAD_CERTIFICATE (`roots_pem`).
    pub fn natkit_hub_new(config: *const natkit_hub_config, out: *mut *mut natkit_hub) -> c_int;
}

extern "C" {
    /// Closes all sockets and relays. Agents that are left can only be freed. NULL
    /// is allowed.
    pub fn natkit_hub_free(hub: *mut natkit_hub);
}

extern "C" {
    /// Writes the hub's public key (32 bytes) to `out`.
    pub fn natkit_hub_get_public_key(hub: *const natkit_hub, out: *mut u8) -> c_int;
}

extern "C" {
    /// Writes the addresses that the hub's sockets are reachable at on this host to
    /// `out`, of `capacity`: at most 16, those that lead to the Internet first.
    /// Peers are told of no others.
    ///
    /// Returns how many there are; no more than `capacity` were written
    pub fn natkit_hub_get_local_addresses(hub: *const natkit_hub, out: *mut natkit_address, capacity: usize) -> c_int;
}

extern "C" {
    /// Says which STUN servers to ask what the hub's addresses look like from
    /// outside, while there are agents: every 20 s (NATKIT_POWER_BATTERY: 2 min,
    /// NATKIT_POWER_MOBILE_IDLE: an hour). Two or more, at different addresses, also
    /// tell how the NAT maps. They replace those of before. A port of 0 is STUN's,
    /// 3478.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT (more than 16, or one is not an address).
    pub fn natkit_hub_set_stun_servers(hub: *mut natkit_hub, servers: *const natkit_address, count: usize) -> c_int;
}

extern "C" {
    /// Adds a relay, before the first agent; at most 16, in order of preference.
    ///
    /// Returns its number, from 0
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE,
    /// NATKIT_ERR_UNSUPPORTED, NATKIT_ERR_INVALID_STATE (there was an agent),
    /// NATKIT_ERR_ALREADY_EXISTS (the name), NATKIT_ERR_BAD_VALUE (the name has a
    /// space or a line end, or "HOST:PORT" is too long), NATKIT_ERR_LIMIT_EXCEEDED,
    /// NATKIT_ERR_NOT_FOUND (the system's trusted roots), NATKIT_ERR_BAD_CERTIFICATE
    /// (they are not usable), NATKIT_ERR_BAD_ENCODING (the pin in
    /// `certificate_name`).
    pub fn natkit_hub_add_relay(hub: *mut natkit_hub, relay: *const natkit_relay) -> c_int;
}

extern "C" {
    /// The descriptor to wait on until it is readable, e.g. with poll(). Where
    /// readiness is told only once (EPOLLET), natkit_hub_process() has to be called
    /// until it is readable no longer. It stays the same and belongs to the hub:
    /// never read from it or close it. A hub whose descriptor was closed
    /// nevertheless is of no more use: natkit_hub_process() says so, and
    /// natkit_hub_free() leaves what has its number meanwhile.
    ///
    /// Errors: NATKIT_ERR_CLOSED (natkit_hub_process() has said so).
    pub fn natkit_hub_get_fd(hub: *const natkit_hub) -> c_int;
}

extern "C" {
    /// How long to wait on natkit_hub_get_fd() at most, in milliseconds; -1: for
    /// ever. To be asked after every other call on the hub or its agents. It is 0
    /// while events or datagrams wait to be taken, and while there is more to read:
    /// so one may also wait for edges (EPOLLET).
    pub fn natkit_hub_get_timeout(hub: *const natkit_hub, out_ms: *mut c_int) -> c_int;
}

extern "C" {
    /// Reads, sends and does all that is due. Then poll events and receive.
    ///
    /// Errors: NATKIT_ERR_CLOSED (the program has closed natkit_hub_get_fd(); what
    /// has come before can still be taken, and the hub be freed).
    pub fn natkit_hub_process(hub: *mut natkit_hub) -> c_int;
}

extern "C" {
    /// Has the host's addresses looked up again, and STUN servers, relays and the
    /// paths of agents asked for a sign of life: the network may be another although
    /// its addresses are the same. The hub does so by itself when the system tells
    /// of other addresses, unless NATKIT_HUB_NO_NETWORK_WATCH, and when the host has
    /// slept for 5 s or more.
    ///
    /// Errors: NATKIT_ERR_IO.
    pub fn natkit_hub_network_changed(hub: *mut natkit_hub) -> c_int;
}

/// What an event is about: natkit_hub_event::type.
pub type natkit_hub_event_type = c_uint;
/// natkit_hub_event::state has changed.
pub const NATKIT_HUB_EVENT_STATE: natkit_hub_event_type = 1;
/// Data takes another way: natkit_hub_event::path.
pub const NATKIT_HUB_EVENT_PATH: natkit_hub_event_type = 2;
/// The round-trip time of the direct path was measured, or is another one by
/// 2 ms and a quarter: natkit_hub_event::rtt_ns.
pub const NATKIT_HUB_EVENT_RTT: natkit_hub_event_type = 3;
/// The local description has changed: unless agents exchange descriptions
/// over a relay, take it to the other side. natkit_hub_event::is_complete says
/// whether more is expected.
pub const NATKIT_HUB_EVENT_DESCRIPTION: natkit_hub_event_type = 4;
/// Why there is no direct path is another reason than before:
/// natkit_hub_event::reason; natkit_agent_explain() has all of it.
pub const NATKIT_HUB_EVENT_WHY_NOT_DIRECT: natkit_hub_event_type = 5;
/// A relay is up or down: natkit_hub_event::relay, user, is_up, text. It is
/// about the hub: agents whose data took the relay have events of their own.
/// A relay is also left when the hub has no agent any more.
pub const NATKIT_HUB_EVENT_RELAY: natkit_hub_event_type = 6;

/// Where a connection stands.
pub type natkit_agent_state = c_uint;
/// Nothing is known of the other side.
pub const NATKIT_AGENT_STATE_NEW: natkit_agent_state = 0;
/// A path is looked for.
pub const NATKIT_AGENT_STATE_CONNECTING: natkit_agent_state = 1;
/// There is a path.
pub const NATKIT_AGENT_STATE_CONNECTED: natkit_agent_state = 2;
/// There was one; another is looked for.
pub const NATKIT_AGENT_STATE_DISCONNECTED: natkit_agent_state = 3;
/// None was found in 30 s. It is looked for still.
pub const NATKIT_AGENT_STATE_FAILED: natkit_agent_state = 4;

/// Which way data takes.
pub type natkit_path_kind = c_uint;
/// There is none.
pub const NATKIT_PATH_NONE: natkit_path_kind = 0;
/// Over a relay.
pub const NATKIT_PATH_RELAY: natkit_path_kind = 1;
/// Between two UDP sockets.
pub const NATKIT_PATH_DIRECT: natkit_path_kind = 2;

/// Why a path is not direct; see natkit_agent_explain().
pub type natkit_path_reason = c_uint;
/// It is.
pub const NATKIT_PATH_REASON_DIRECT: natkit_path_reason = 0;
/// Neither a relay nor anybody else carries descriptions.
pub const NATKIT_PATH_REASON_NO_RELAY: natkit_path_reason = 1;
/// Nobody has asked for a path.
pub const NATKIT_PATH_REASON_IDLE: natkit_path_reason = 2;
/// The peer has told nothing yet.
pub const NATKIT_PATH_REASON_PEER_SILENT: natkit_path_reason = 3;
/// It is being looked for.
pub const NATKIT_PATH_REASON_SEARCHING: natkit_path_reason = 4;
/// UDP is blocked on one side or both.
pub const NATKIT_PATH_REASON_UDP_BLOCKED: natkit_path_reason = 5;
/// Both are behind one NAT that does not lead back inside.
pub const NATKIT_PATH_REASON_SAME_NAT: natkit_path_reason = 6;
/// The behaviours of the two NATs do not fit.
pub const NATKIT_PATH_REASON_NAT_PAIR: natkit_path_reason = 7;
/// Not enough is known of one side's NAT.
pub const NATKIT_PATH_REASON_UNKNOWN_BEHAVIOR: natkit_path_reason = 8;
/// Nothing that is known stands in the way.
pub const NATKIT_PATH_REASON_SHOULD_BE_DIRECT: natkit_path_reason = 9;
/// A direct path was found, but loses data.
pub const NATKIT_PATH_REASON_EATS_DATA: natkit_path_reason = 10;

/// A way that data takes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_path {
    /// sizeof(natkit_path); see natkit_init().
    pub struct_size: usize,
    /// A natkit_path_kind.
    pub kind: u32,
    /// Direct: our address. Else not set.
    pub local: natkit_address,
    /// Direct: the peer's address. Else not set.
    pub remote: natkit_address,
    /// Over a relay: its number.
    pub relay: u32,
    /// Direct: the smoothed round-trip time; 0 until it is measured.
    pub rtt_ns: u64,
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_path {}

/// The size of natkit_hub_event::text.
pub const NATKIT_HUB_TEXT_SIZE: usize = 256;

/// One event. Which fields are set depends on `type`; others are zero.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_hub_event {
    /// sizeof(natkit_hub_event); see natkit_init().
    pub struct_size: usize,
    /// A natkit_hub_event_type.
    pub r#type: u32,
    /// A natkit_agent_state.
    pub state: u32,
    /// The agent; NULL if the event is not about one.
    pub agent: *mut natkit_agent,
    /// natkit_agent_config::user of the agent; NATKIT_HUB_EVENT_RELAY:
    /// natkit_relay::user.
    pub user: *mut c_void,
    /// The way that data takes now; its `struct_size` is set.
    pub path: natkit_path,
    /// The round-trip time of the direct path.
    pub rtt_ns: u64,
    /// A natkit_path_reason.
    pub reason: u32,
    /// 1: all that belongs to the description is there.
    pub is_complete: u32,
    /// The relay's number.
    pub relay: u32,
    /// 1: the relay is up; 0: it is down.
    pub is_up: u32,
    /// NATKIT_HUB_EVENT_RELAY: why it is down.
    pub text: [c_char; NATKIT_HUB_TEXT_SIZE],
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_hub_event {}

extern "C" {
    /// Takes the next event.
    ///
    /// Returns 1 with `*out`, 0 if there is none
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE.
    pub fn natkit_hub_poll_event(hub: *mut natkit_hub, out: *mut natkit_hub_event) -> c_int;
}

extern "C" {
    /// Takes the next datagram that arrived for any agent of the hub: its bytes to
    /// `buffer`, their number, which may be 0, to `out_size`, and whose it is to
    /// `out_agent`, which may be NULL.
    ///
    /// Returns 1 with a datagram, 0 if there is none
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BUFFER_TOO_SMALL (it stays, and
    /// `*out_size` says what it needs; 65,536 bytes are always enough).
    pub fn natkit_hub_receive(hub: *mut natkit_hub, out_agent: *mut *mut natkit_agent, buffer: *mut c_void, capacity: usize, out_size: *mut usize) -> c_int;
}

extern "C" {
    /// Takes datagrams that arrived for the agents of the hub, the oldest first, as
    /// many as `batch` has room for, and appends them to it. Each has the addresses
    /// between which it came in `remote` and `local`, not set if it came over a
    /// relay, and 0 in `peer`. Whose packets\[i] is goes to out_agents\[i], and that
    /// agent's natkit_agent_config::user to out_users\[i]: arrays of as many items as
    /// `packets` has; NULL: not wanted.
    ///
    /// Returns how many were appended; 0 if none waits
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT (also for a batch that contradicts itself),
    /// NATKIT_ERR_STRUCT_SIZE, NATKIT_ERR_BUFFER_TOO_SMALL (not even one fits;
    /// nothing is lost. 65,536 bytes are always enough for one).
    pub fn natkit_hub_receive_batch(hub: *mut natkit_hub, batch: *mut natkit_batch, out_agents: *mut *mut natkit_agent, out_users: *mut *mut c_void) -> c_int;
}

extern "C" {
    /// Takes datagrams that arrived on the hub's UDP sockets from nobody that is
    /// known, with natkit_hub_config::unclaimed_buffer: so that another protocol can
    /// share a socket. They are appended as by natkit_hub_receive_batch(); `remote`
    /// is where one came from, and `local` where it came to, whose family says on
    /// which socket.
    ///
    /// Among them are STUN messages that no agent knows, and what comes from a peer
    /// before a path to it has been found, or after its agent was freed: the program
    /// tells what is its own, see natkit_classify_datagram().
    ///
    /// Returns how many were appended; 0 if none waits
    ///
    /// Errors: as natkit_hub_receive_batch().
    pub fn natkit_hub_receive_unclaimed(hub: *mut natkit_hub, batch: *mut natkit_batch) -> c_int;
}

/// What a hub has done and dropped; only ever grows.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_hub_counters {
    /// sizeof(natkit_hub_counters); see natkit_init().
    pub struct_size: usize,
    /// Datagrams of data sent directly.
    pub sent_direct: u64,
    /// Datagrams of data given to relays.
    pub sent_relayed: u64,
    /// Datagrams of data received, either way.
    pub received: u64,
    /// Datagrams from nobody that is known, where they are not kept.
    pub dropped_unknown: u64,
    /// Relayed packets from nobody that is known, or too many at once.
    pub dropped_relayed: u64,
    /// Descriptions over a relay that were old or of no use.
    pub dropped_signals: u64,
    /// Received datagrams that nobody took in time:
    /// natkit_hub_config::receive_buffer.
    pub dropped_received: u64,
    /// Events that nobody took in time: beyond 65,536 the oldest go.
    pub events_lost: u64,
    /// Datagrams that were kept for natkit_hub_receive_unclaimed().
    pub unclaimed: u64,
    /// Those of them that nobody took in time.
    pub dropped_unclaimed: u64,
    /// Datagrams of any kind that the system did not take: there was no room, and
    /// 256 KiB were waiting for some, or there is no way there. And data that
    /// waited for a relay: 256 datagrams do, then the oldest go.
    pub dropped_sent: u64,
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_hub_counters {}

extern "C" {
    /// Reads the counters. Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE.
    pub fn natkit_hub_get_counters(hub: *const natkit_hub, out: *mut natkit_hub_counters) -> c_int;
}

/// Bits of natkit_agent_config::flags.
pub type natkit_agent_flag = c_uint;
/// This side sends no data over relays, only descriptions. What the other
/// side sends over one is taken.
pub const NATKIT_AGENT_NO_RELAYED_DATA: natkit_agent_flag = 1;

/// Who controls an ICE session (RFC 8445 section 6.1.1): natkit_agent_config::
/// role. It matters little: roles that collide are mended.
pub type natkit_agent_role = c_uint;
/// With `peer_key`: the side with the greater key controls; else we do.
pub const NATKIT_AGENT_ROLE_DEFAULT: natkit_agent_role = 0;
/// This side controls.
pub const NATKIT_AGENT_ROLE_CONTROLLING: natkit_agent_role = 1;
/// The other side controls.
pub const NATKIT_AGENT_ROLE_CONTROLLED: natkit_agent_role = 2;

/// What an agent is made with.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_agent_config {
    /// sizeof(natkit_agent_config); see natkit_init().
    pub struct_size: usize,
    /// The public key of the other side's hub: descriptions then travel over the
    /// relays that both use. All zeros: it is learnt from the other side's
    /// description, which the program brings.
    pub peer_key: [u8; NATKIT_KEY_SIZE],
    /// A natkit_agent_role.
    pub role: u32,
    /// Of natkit_agent_flag.
    pub flags: u32,
    /// Given back with events; natkit does not look at it.
    pub user: *mut c_void,
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_agent_config {}

extern "C" {
    /// Makes an agent of a hub, which begins to look for its peer. `config` may be
    /// NULL: all defaults.
    ///
    /// Data is known to be an agent's by where it comes from, so two agents of one
    /// hub cannot lead to the same other hub: the second one to be told of it is
    /// refused, see natkit_agent_set_remote_description().
    ///
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE,
    /// NATKIT_ERR_UNSUPPORTED, NATKIT_ERR_BAD_VALUE (`peer_key` is the hub's own),
    /// NATKIT_ERR_ALREADY_EXISTS (another agent has this peer),
    /// NATKIT_ERR_LIMIT_EXCEEDED (65,536 agents).
    pub fn natkit_agent_new(hub: *mut natkit_hub, config: *const natkit_agent_config, out: *mut *mut natkit_agent) -> c_int;
}

extern "C" {
    /// Ends a connection; the other side is not told. What waits for it is gone.
    /// NULL is allowed.
    pub fn natkit_agent_free(agent: *mut natkit_agent);
}

/// The room that a description needs at most, with its zero byte.
pub const NATKIT_DESCRIPTION_SIZE: usize = 16385;

extern "C" {
    /// Writes what the other side has to know, as SDP attributes (RFC 8839): user
    /// name fragment, password, candidates, and where the hub is at a relay. It is
    /// complete for itself at any time, and grows as addresses become known
    /// (NATKIT_HUB_EVENT_DESCRIPTION). Secret: who has it can take the peer's place.
    ///
    /// Returns the length without the zero byte
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BUFFER_TOO_SMALL
    /// (NATKIT_DESCRIPTION_SIZE is always enough).
    pub fn natkit_agent_get_local_description(agent: *const natkit_agent, buffer: *mut c_char, capacity: usize) -> c_int;
}

extern "C" {
    /// Takes the other side's description: of natkit, or the ICE attributes of any
    /// SDP, of which lines that mean nothing here are skipped. May be called again,
    /// with all of it or only with more candidates. Another user name fragment than
    /// before begins a new session.
    ///
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT; NATKIT_ERR_BAD_SIGNAL (a line is not
    /// well-formed, or there is nothing of use), NATKIT_ERR_BAD_LENGTH (over 16
    /// KiB), NATKIT_ERR_BAD_CREDENTIALS, NATKIT_ERR_BAD_VALUE (our own hub's, or
    /// another peer's), NATKIT_ERR_ALREADY_EXISTS (another agent has this peer, or
    /// leads to the same hub: free it first),
    /// NATKIT_ERR_INVALID_STATE (candidates alone, and no credentials before).
    pub fn natkit_agent_set_remote_description(agent: *mut natkit_agent, text: *const c_char) -> c_int;
}

extern "C" {
    /// Begins a new ICE session: new credentials, so NATKIT_HUB_EVENT_DESCRIPTION
    /// follows. A path that works goes on meanwhile.
    pub fn natkit_agent_restart(agent: *mut natkit_agent) -> c_int;
}

extern "C" {
    /// Sends one datagram of up to 65,507 bytes (65,487 over IPv6, 65,536 over a
    /// relay), at once or, where the system has no room, soon. Success does not mean
    /// that it arrives. What has the form of a STUN message (RFC 8489 section 5) is
    /// never taken for data: it cannot be sent.
    ///
    /// Errors: NATKIT_ERR_INVALID_STATE (there is no path), NATKIT_ERR_BAD_VALUE (a
    /// STUN message),
    /// NATKIT_ERR_FRAME_TOO_LARGE, NATKIT_ERR_LIMIT_EXCEEDED (a relay's limits),
    /// NATKIT_ERR_BAD_ARGUMENT.
    pub fn natkit_agent_send(agent: *mut natkit_agent, data: *const c_void, size: usize) -> c_int;
}

extern "C" {
    /// Sends datagrams to the peer, in order, as natkit_agent_send() does, with
    /// fewer calls of the system; those of one size, one after the other, cost it
    /// little more than one. Only `data` and `size` of each count.
    ///
    /// Returns how many were taken, from the first on. If that is not all, the one
    /// after them was refused; what for, a call with the rest says
    ///
    /// Errors: those of natkit_agent_send(), where the first datagram is refused;
    /// NATKIT_ERR_BAD_ARGUMENT if any has more than 65,535 bytes: nothing was sent.
    pub fn natkit_agent_send_batch(agent: *mut natkit_agent, packets: *const natkit_packet, count: usize) -> c_int;
}

extern "C" {
    /// Reads natkit_agent_config::user.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT.
    pub fn natkit_agent_get_user(agent: *const natkit_agent, out: *mut *mut c_void) -> c_int;
}

extern "C" {
    /// Reads a natkit_agent_state: it is returned, not negative.
    pub fn natkit_agent_get_state(agent: *const natkit_agent) -> c_int;
}

extern "C" {
    /// Reads the way that data takes now.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE.
    pub fn natkit_agent_get_path(agent: *const natkit_agent, out: *mut natkit_path) -> c_int;
}

/// What an agent has sent, received and dropped; only ever grows.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_agent_counters {
    /// sizeof(natkit_agent_counters); see natkit_init().
    pub struct_size: usize,
    /// Datagrams sent directly.
    pub sent_direct: u64,
    /// Datagrams given to relays.
    pub sent_relayed: u64,
    /// Bytes in both.
    pub sent_bytes: u64,
    /// Datagrams received, either way.
    pub received: u64,
    /// Bytes in them.
    pub received_bytes: u64,
    /// Received datagrams that nobody took in time:
    /// natkit_hub_config::receive_buffer.
    pub dropped_received: u64,
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_agent_counters {}

extern "C" {
    /// Reads the counters of an agent.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE.
    pub fn natkit_agent_get_counters(agent: *const natkit_agent, out: *mut natkit_agent_counters) -> c_int;
}

/// The sizes of texts in natkit_diagnosis and natkit_fix.
pub const NATKIT_DIAGNOSIS_TEXT_SIZE: usize = 384;

/// How many fixes a natkit_diagnosis has at most.
pub const NATKIT_DIAGNOSIS_FIXES: usize = 8;

/// Which side of a connection a natkit_fix is about: natkit_fix::side.
pub type natkit_fix_side = c_uint;
/// This one.
pub const NATKIT_FIX_OURS: natkit_fix_side = 0;
/// The other one.
pub const NATKIT_FIX_THEIRS: natkit_fix_side = 1;
/// One of them is enough.
pub const NATKIT_FIX_EITHER: natkit_fix_side = 2;
/// On one side alone it does not help.
pub const NATKIT_FIX_BOTH: natkit_fix_side = 3;

/// One thing that would make a path direct. Will not grow.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_fix {
    /// A stable word, such as "forward-port".
    pub code: [c_char; 32],
    /// A natkit_fix_side.
    pub side: u32,
    /// Zero.
    pub reserved: u32,
    /// Why it would help; for people.
    pub text: [c_char; NATKIT_DIAGNOSIS_TEXT_SIZE],
}

/// Why a path is direct, or is not.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_diagnosis {
    /// sizeof(natkit_diagnosis); see natkit_init().
    pub struct_size: usize,
    /// A natkit_path_reason.
    pub reason: u32,
    /// How many `fixes` there are.
    pub fix_count: u32,
    /// One sentence; for people.
    pub summary: [c_char; NATKIT_DIAGNOSIS_TEXT_SIZE],
    /// Our NAT in words.
    pub ours: [c_char; NATKIT_DIAGNOSIS_TEXT_SIZE],
    /// The peer's NAT in words.
    pub theirs: [c_char; NATKIT_DIAGNOSIS_TEXT_SIZE],
    /// What would help, the most helpful first.
    pub fixes: [natkit_fix; NATKIT_DIAGNOSIS_FIXES],
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_diagnosis {}

extern "C" {
    /// Explains why the path is direct or is not, and what would make it so.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE.
    pub fn natkit_agent_explain(agent: *const natkit_agent, out: *mut natkit_diagnosis) -> c_int;
}

extern "C" {
    /// Looks up the addresses of a host name, or reads an IP address, with `port`.
    /// **Blocks** until the system's resolver has answered (getaddrinfo): call it in
    /// a thread of your own, or use the resolver that you have. Thread-safe.
    ///
    /// Returns how many addresses were written to `out`, 1 to `capacity`
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_NOT_FOUND, NATKIT_ERR_TIMED_OUT
    /// (the resolver did not answer; try again).
    pub fn natkit_resolve(host: *const c_char, port: u16, out: *mut natkit_address, capacity: usize) -> c_int;
}

/// A discovery.
#[repr(C)]
pub struct natkit_behavior {
    _opaque: [u8; 0],
}

/// One question about a NAT.
pub type natkit_nat_axis = c_uint;
/// Do answers to UDP come back at all.
pub const NATKIT_NAT_AXIS_UDP: natkit_nat_axis = 0;
/// Is the server what it says it is (RFC 5780 section 3).
pub const NATKIT_NAT_AXIS_SERVER: natkit_nat_axis = 1;
/// See natkit_nat_translation.
pub const NATKIT_NAT_AXIS_TRANSLATION: natkit_nat_axis = 2;
/// See natkit_nat_dependence; RFC 4787 section 4.1.
pub const NATKIT_NAT_AXIS_MAPPING: natkit_nat_axis = 3;
/// See natkit_nat_dependence; RFC 4787 section 5.
pub const NATKIT_NAT_AXIS_FILTERING: natkit_nat_axis = 4;
/// Does an early packet from outside move a mapping.
pub const NATKIT_NAT_AXIS_POISONING: natkit_nat_axis = 5;
/// See natkit_nat_allocation.
pub const NATKIT_NAT_AXIS_ALLOCATION: natkit_nat_axis = 6;
/// Is the inside port kept (RFC 4787 section 4.2.1).
pub const NATKIT_NAT_AXIS_PRESERVATION: natkit_nat_axis = 7;
/// Even to even, odd to odd (RFC 4787 section 4.2.2).
pub const NATKIT_NAT_AXIS_PARITY: natkit_nat_axis = 8;
/// Port p + 1 next to p (RFC 4787 section 4.2.3).
pub const NATKIT_NAT_AXIS_CONTIGUITY: natkit_nat_axis = 9;
/// See natkit_nat_pooling; RFC 4787 section 4.1.
pub const NATKIT_NAT_AXIS_POOLING: natkit_nat_axis = 10;
/// One external port for two hosts (RFC 4787 REQ-3).
pub const NATKIT_NAT_AXIS_OVERLOADING: natkit_nat_axis = 11;
/// See natkit_nat_hairpinning; RFC 4787 section 6.
pub const NATKIT_NAT_AXIS_HAIRPINNING: natkit_nat_axis = 12;
/// The same under load (RFC 4787 REQ-11).
pub const NATKIT_NAT_AXIS_DETERMINISM: natkit_nat_axis = 13;
/// Of a mapping that was never answered. Takes minutes.
pub const NATKIT_NAT_AXIS_UNREPLIED_LIFETIME: natkit_nat_axis = 14;
/// Of a mapping that was answered once. Takes minutes.
pub const NATKIT_NAT_AXIS_ONE_EXCHANGE_LIFETIME: natkit_nat_axis = 15;
/// Of a mapping that carries a conversation. Takes minutes.
pub const NATKIT_NAT_AXIS_ASSURED_LIFETIME: natkit_nat_axis = 16;
/// Do packets from inside prolong it (RFC 4787 REQ-6). Takes minutes.
pub const NATKIT_NAT_AXIS_OUTBOUND_REFRESH: natkit_nat_axis = 17;
/// Do packets from outside prolong it. Takes minutes.
pub const NATKIT_NAT_AXIS_INBOUND_REFRESH: natkit_nat_axis = 18;
/// One timer per mapping, or one per remote endpoint. Takes minutes.
pub const NATKIT_NAT_AXIS_TIMER_SCOPE: natkit_nat_axis = 19;
/// Do fragmented datagrams pass, and which way.
pub const NATKIT_NAT_AXIS_FRAGMENTS: natkit_nat_axis = 20;
/// Are addresses in payloads rewritten (RFC 4787 REQ-10).
pub const NATKIT_NAT_AXIS_PAYLOAD: natkit_nat_axis = 21;
/// How many hops away NATs are.
pub const NATKIT_NAT_AXIS_DEPTH: natkit_nat_axis = 22;
/// PCP, NAT-PMP, UPnP IGD.
pub const NATKIT_NAT_AXIS_PORT_MAPPING: natkit_nat_axis = 23;
/// Dependence of TCP mappings (RFC 5382 REQ-1).
pub const NATKIT_NAT_AXIS_TCP: natkit_nat_axis = 24;
/// Does a web page stand between us and the Internet.
pub const NATKIT_NAT_AXIS_CAPTIVE_PORTAL: natkit_nat_axis = 25;
/// Is IPv4 reached by IPv6 (RFC 6146, RFC 6877).
pub const NATKIT_NAT_AXIS_NAT64: natkit_nat_axis = 26;

extern "C" {
    /// The bits of every axis. Thread-safe.
    pub fn natkit_nat_all_axes() -> u64;
}

extern "C" {
    /// The bits of the axes that take seconds: all but lifetimes and what needs
    /// them. Thread-safe.
    pub fn natkit_nat_quick_axes() -> u64;
}

extern "C" {
    /// The stable word for a natkit_nat_axis, such as "mapping"; "unknown" for
    /// other numbers. Never NULL; static storage. Thread-safe.
    pub fn natkit_nat_axis_name(axis: u32) -> *const c_char;
}

/// How much a verdict is worth.
pub type natkit_nat_outcome = c_uint;
/// Not asked for, or not possible here.
pub const NATKIT_NAT_UNTESTED: natkit_nat_outcome = 0;
/// Tested; the evidence does not suffice.
pub const NATKIT_NAT_INCONCLUSIVE: natkit_nat_outcome = 1;
/// The question makes no sense behind this NAT.
pub const NATKIT_NAT_NOT_APPLICABLE: natkit_nat_outcome = 2;
/// Certain.
pub const NATKIT_NAT_DETERMINED: natkit_nat_outcome = 3;

extern "C" {
    /// The word for a natkit_nat_outcome, such as "determined"; "unknown" for other
    /// numbers. Never NULL; static storage. Thread-safe.
    pub fn natkit_nat_outcome_name(outcome: u32) -> *const c_char;
}

extern "C" {
    /// Finds the prefixes of NAT64s in the `count` IPv6 addresses, at most 64, that
    /// the resolver gives for ipv4only.arpa (RFC 7050): for `nat64_prefixes` below.
    /// Others are skipped. The first `capacity` are written to `out`, which may be
    /// NULL if `capacity` is 0. Thread-safe.
    ///
    /// Returns how many there are, which may be more than `capacity`
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT.
    pub fn natkit_nat64_find_prefixes(addresses: *const natkit_address, count: usize, out: *mut natkit_prefix, capacity: usize) -> c_int;
}

/// How a discovery is run. All addresses are of one family.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_behavior_config {
    /// sizeof(natkit_behavior_config); see natkit_init().
    pub struct_size: usize,
    /// STUN servers in order of preference, 1 to 64. The first one with two
    /// addresses (RFC 5780) that answers is used for everything; others prove that
    /// UDP is blocked, for which it takes three, or stand in for a second address.
    /// A port of 0 is STUN's, 3478.
    pub servers: *const natkit_address,
    /// How many they are.
    pub server_count: usize,
    /// Addresses of this host, 1 to 16; ports do not count. With a second one the
    /// tests that need two hosts are run.
    pub local_addresses: *const natkit_address,
    /// How many they are.
    pub local_address_count: usize,
    /// Bits of the questions that are asked, along with those whose answers they
    /// need; see NATKIT_NAT_AXIS_BIT(). 0: natkit_nat_quick_axes().
    pub axes: u64,
    /// The router that packets to the servers leave by; it is asked for port
    /// mapping services. Not set: not known.
    pub gateway: natkit_address,
    /// Not 0: this host drops packets that have one of its own addresses as their
    /// source, as Linux does, and all `local_addresses` are of this host.
    pub drops_own_source: u32,
    /// Not 0: the program can make TCP connections, which the axes TCP and
    /// CAPTIVE_PORTAL need; else it is not asked to.
    pub tests_tcp: u32,
    /// Not 0: somebody looked for NAT64 prefixes: `nat64_prefixes` are all that
    /// there are.
    pub knows_nat64_prefixes: u32,
    /// Prefixes that this host was told of, by the addresses of ipv4only.arpa
    /// (RFC 7050) or by its router (RFC 8781): of 32, 40, 48, 56, 64 or 96 bits
    /// (RFC 6052 section 2.2).
    pub nat64_prefixes: *const natkit_prefix,
    /// How many they are, at most 16.
    pub nat64_prefix_count: usize,
    /// The server of a web page that is known to be empty (status 204), over
    /// plain HTTP, to find captive portals. Not set: that is not tested.
    pub portal_server: natkit_address,
    /// Copies of a request until there is an answer, at most 100; 0: 7.
    pub attempts: u32,
    /// For the Host header of that page, at most 255 bytes of printable ASCII.
    pub portal_host: *const c_char,
    /// The path of that page, which begins with a slash; at most 1023 bytes of
    /// printable ASCII.
    pub portal_path: *const c_char,
    /// Lifetimes beyond it are reported as such. A second to a day; 0: 10
    /// minutes.
    pub longest_lifetime_ns: u64,
    /// No lifetime is looked at more closely once so much time has passed, or
    /// twice `longest_lifetime_ns` and a little, whichever is longer. At most a
    /// week; 0: 15 minutes.
    pub lifetime_budget_ns: u64,
    /// Servers answer RESPONSE-PORT so rarely per source. At most an hour; 0: 2.1
    /// seconds.
    pub response_port_interval_ns: u64,
    /// Between two copies of a request. A millisecond to a minute; 0: 500 ms.
    pub interval_ns: u64,
    /// Transactions per second and server, at most 1000; 0: 10, the most that RFC
    /// 5780 section 4.2 wants.
    pub transactions_per_second: u32,
    /// Sockets that may wait for the end of a lifetime at once, at most 4096; 0:
    /// 64.
    pub max_waiting: u32,
    /// Mappings opened to see whether the NAT behaves the same under load, at
    /// most 4096; 0: 64.
    pub load_mappings: u32,
    /// Zero.
    pub reserved: u32,
    /// Where transaction IDs and ports come from, asked until the discovery is
    /// freed; the structure is copied. NULL: the system.
    pub random: *const natkit_random,
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_behavior_config {}

extern "C" {
    /// Makes a discovery. Errors: NATKIT_ERR_BAD_ARGUMENT (also for addresses of two
    /// families), NATKIT_ERR_STRUCT_SIZE, NATKIT_ERR_UNSUPPORTED,
    /// NATKIT_ERR_LIMIT_EXCEEDED (too many handles).
    pub fn natkit_behavior_new(config: *const natkit_behavior_config, out: *mut *mut natkit_behavior) -> c_int;
}

extern "C" {
    /// Frees a discovery; NULL is allowed. The program closes what sockets it has
    /// open for it.
    pub fn natkit_behavior_free(behavior: *mut natkit_behavior);
}

/// What the program is to do; natkit_behavior_action::type.
pub type natkit_behavior_action_type = c_uint;
/// Open a UDP socket bound to `local` (port 0: any), and say so by
/// natkit_behavior_handle_socket_opened() or …_failed(). Numbers of sockets
/// are never used twice.
pub const NATKIT_BEHAVIOR_OPEN_SOCKET: natkit_behavior_action_type = 1;
/// Close a socket or connection, also one that is being made.
pub const NATKIT_BEHAVIOR_CLOSE_SOCKET: natkit_behavior_action_type = 2;
/// Send the bytes from `socket` to `to`, with `ttl` if that is not 0. A
/// datagram whose TTL cannot be set is better not sent.
pub const NATKIT_BEHAVIOR_SEND_DATAGRAM: natkit_behavior_action_type = 3;
/// Make a TCP connection from `local` (port 0: any; others are those of
/// connections that are up and have to be shared) to `to`, and say so once it
/// is up or has failed.
pub const NATKIT_BEHAVIOR_OPEN_STREAM: natkit_behavior_action_type = 4;
/// Send the bytes on the connection `socket`.
pub const NATKIT_BEHAVIOR_SEND_ON_STREAM: natkit_behavior_action_type = 5;

/// The bytes of an action are never more.
pub const NATKIT_BEHAVIOR_MAX_BYTES: usize = 4096;

/// What the program is to do.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_behavior_action {
    /// sizeof(natkit_behavior_action); see natkit_init().
    pub struct_size: usize,
    /// A natkit_behavior_action_type. Ones that the program does not know are to
    /// be skipped.
    pub r#type: u32,
    /// The socket's number.
    pub socket: u32,
    /// With OPEN_SOCKET and OPEN_STREAM: where to bind.
    pub local: natkit_address,
    /// With SEND_DATAGRAM and OPEN_STREAM: the other side.
    pub to: natkit_address,
    /// With SEND_DATAGRAM: the TTL or hop limit; 0: the system's default.
    pub ttl: u32,
    /// Zero.
    pub reserved: u32,
    /// With SEND_DATAGRAM and SEND_ON_STREAM: how many bytes to send.
    pub size: usize,
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_behavior_action {}

extern "C" {
    /// Takes the next action; the bytes that it sends go to `buffer`, which has
    /// `capacity` bytes: NATKIT_BEHAVIOR_MAX_BYTES are always enough.
    ///
    /// Returns 1, or 0 if there is none
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE,
    /// NATKIT_ERR_BUFFER_TOO_SMALL (the action stays the next).
    pub fn natkit_behavior_poll_action(behavior: *mut natkit_behavior, out: *mut natkit_behavior_action, buffer: *mut c_void, capacity: usize) -> c_int;
}

extern "C" {
    /// When to call natkit_behavior_handle_timeout() next. A time that has come
    /// means that there may be actions.
    ///
    /// Returns 1, or 0 if there is nothing to wait for
    pub fn natkit_behavior_next_timeout(behavior: *const natkit_behavior, out_ns: *mut u64) -> c_int;
}

extern "C" {
    /// Begins. Errors: NATKIT_ERR_INVALID_STATE (begun or aborted before).
    pub fn natkit_behavior_start(behavior: *mut natkit_behavior, now_ns: u64) -> c_int;
}

extern "C" {
    /// A socket or connection that was wanted is there: `local` is the address and
    /// port that it is bound to. Numbers that are not known are ignored.
    pub fn natkit_behavior_handle_socket_opened(behavior: *mut natkit_behavior, now_ns: u64, socket: u32, local: *const natkit_address) -> c_int;
}

extern "C" {
    /// A socket or connection that was wanted cannot be had; `code` is a negative
    /// natkit_code that says why, such as NATKIT_ERR_ADDRESS_IN_USE.
    pub fn natkit_behavior_handle_socket_failed(behavior: *mut natkit_behavior, now_ns: u64, socket: u32, code: c_int) -> c_int;
}

extern "C" {
    /// A datagram arrived at a socket.
    pub fn natkit_behavior_handle_datagram(behavior: *mut natkit_behavior, now_ns: u64, socket: u32, from: *const natkit_address, data: *const c_void, size: usize) -> c_int;
}

extern "C" {
    /// Bytes arrived on a connection. That one has ended needs no input.
    pub fn natkit_behavior_handle_stream_data(behavior: *mut natkit_behavior, now_ns: u64, socket: u32, data: *const c_void, size: usize) -> c_int;
}

extern "C" {
    /// An ICMP or ICMPv6 error about a datagram of ours arrived, as Linux reports it
    /// with IP_RECVERR: `reporter` says it, `to` is where the datagram was to go,
    /// `type` and `code` are those of ICMP. Programs that cannot know may leave it
    /// out; then the depth of NATs stays unknown.
    pub fn natkit_behavior_handle_icmp_error(behavior: *mut natkit_behavior, now_ns: u64, socket: u32, reporter: *const natkit_address, to: *const natkit_address, r#type: u32, code: u32) -> c_int;
}

extern "C" {
    /// Says what time it is; early, late and repeated calls are harmless.
    pub fn natkit_behavior_handle_timeout(behavior: *mut natkit_behavior, now_ns: u64) -> c_int;
}

extern "C" {
    /// Ends now: what is under way becomes inconclusive. There may still be sockets
    /// to close: poll the actions.
    pub fn natkit_behavior_abort(behavior: *mut natkit_behavior, now_ns: u64) -> c_int;
}

extern "C" {
    ///
    /// Returns 1 once all is known or it was aborted, else 0; or a negative code
    pub fn natkit_behavior_is_finished(behavior: *const natkit_behavior) -> c_int;
}

/// The size of natkit_nat_verdict::value.
pub const NATKIT_NAT_VALUE_SIZE: usize = 128;

/// The size of natkit_nat_verdict::reason.
pub const NATKIT_NAT_REASON_SIZE: usize = 512;

/// An answer to one question.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_nat_verdict {
    /// sizeof(natkit_nat_verdict); see natkit_init().
    pub struct_size: usize,
    /// A natkit_nat_outcome.
    pub outcome: u32,
    /// How many probes it rests on, at most 256; natkit_behavior_get_evidence().
    pub evidence_count: u32,
    /// With NATKIT_NAT_DETERMINED: a word of the axis' vocabulary or a quantity
    /// (docs/nat-behavior.md). With NATKIT_NAT_INCONCLUSIVE: what is likely, if
    /// anything. Cut to what fits.
    pub value: [c_char; NATKIT_NAT_VALUE_SIZE],
    /// Why; for people. Cut to what fits.
    pub reason: [c_char; NATKIT_NAT_REASON_SIZE],
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_nat_verdict {}

extern "C" {
    /// The answer to the question `axis`, a natkit_nat_axis. Errors:
    /// NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE.
    pub fn natkit_behavior_get_verdict(behavior: *const natkit_behavior, axis: u32, out: *mut natkit_nat_verdict) -> c_int;
}

/// One request and what came of it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_nat_probe {
    /// sizeof(natkit_nat_probe); see natkit_init().
    pub struct_size: usize,
    /// When the first copy was sent, since the start.
    pub at_ns: u64,
    /// The local address and port that it was sent from.
    pub local: natkit_address,
    /// Where it was sent to.
    pub to: natkit_address,
    /// If answered: the local address and port where the answer arrived.
    pub arrived_at: natkit_address,
    /// If answered: where the answer came from.
    pub answered_from: natkit_address,
    /// Where the answer says the request came from, if it does.
    pub mapped: natkit_address,
    /// Copies that were sent.
    pub sent: u32,
    /// 1 if there was an answer, else 0.
    pub is_answered: u32,
    /// Zero.
    pub reserved: u32,
    /// What was asked, such as "binding change=ip+port". Cut to what fits.
    pub asked: [c_char; NATKIT_NAT_VALUE_SIZE],
    /// What else is to be said, such as "silent for 45 s". Cut to what fits.
    pub note: [c_char; NATKIT_NAT_VALUE_SIZE],
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_nat_probe {}

extern "C" {
    /// The probe `index`, from 0, that the answer to `axis` rests on. Errors:
    /// NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE, NATKIT_ERR_NOT_FOUND.
    pub fn natkit_behavior_get_evidence(behavior: *const natkit_behavior, axis: u32, index: usize, out: *mut natkit_nat_probe) -> c_int;
}

/// What happens to addresses between the host and the Internet.
pub type natkit_nat_translation = c_uint;
/// Not known.
pub const NATKIT_NAT_TRANSLATION_UNKNOWN: natkit_nat_translation = 0;
/// None: the host's own address is seen outside.
pub const NATKIT_NAT_TRANSLATION_NONE: natkit_nat_translation = 1;
/// Address and port change (RFC 3022 section 2.2).
pub const NATKIT_NAT_TRANSLATION_NAPT: natkit_nat_translation = 2;
/// The address changes, the port never: NPTv6 (RFC 6296), or a NAT with one
/// external address per host.
pub const NATKIT_NAT_TRANSLATION_PREFIX: natkit_nat_translation = 3;
/// IPv6 inside, IPv4 outside (RFC 6146).
pub const NATKIT_NAT_TRANSLATION_NAT64: natkit_nat_translation = 4;

/// What a mapping or a filter depends on (RFC 4787 sections 4.1 and 5).
pub type natkit_nat_dependence = c_uint;
/// Not known.
pub const NATKIT_NAT_DEPENDENCE_UNKNOWN: natkit_nat_dependence = 0;
/// Nothing: the most helpful for others who want to reach the host.
pub const NATKIT_NAT_ENDPOINT_INDEPENDENT: natkit_nat_dependence = 1;
/// The remote address.
pub const NATKIT_NAT_ADDRESS_DEPENDENT: natkit_nat_dependence = 2;
/// The remote address and port.
pub const NATKIT_NAT_ADDRESS_AND_PORT_DEPENDENT: natkit_nat_dependence = 3;

/// Whether mappings of one host share an external address.
pub type natkit_nat_pooling = c_uint;
/// Not known.
pub const NATKIT_NAT_POOLING_UNKNOWN: natkit_nat_pooling = 0;
/// There is one external address.
pub const NATKIT_NAT_POOLING_SINGLE: natkit_nat_pooling = 1;
/// Several, but each host keeps its own.
pub const NATKIT_NAT_POOLING_PAIRED: natkit_nat_pooling = 2;
/// Each mapping may get another one.
pub const NATKIT_NAT_POOLING_ARBITRARY: natkit_nat_pooling = 3;

/// Whether hosts behind the NAT reach each other by external addresses, and
/// whose address the receiver sees.
pub type natkit_nat_hairpinning = c_uint;
/// Not known.
pub const NATKIT_NAT_HAIRPINNING_UNKNOWN: natkit_nat_hairpinning = 0;
/// They do not.
pub const NATKIT_NAT_HAIRPINNING_NONE: natkit_nat_hairpinning = 1;
/// They do, and see internal addresses.
pub const NATKIT_NAT_HAIRPINNING_INTERNAL_SOURCE: natkit_nat_hairpinning = 2;
/// They do, and see external addresses.
pub const NATKIT_NAT_HAIRPINNING_EXTERNAL_SOURCE: natkit_nat_hairpinning = 3;

/// How external ports are chosen.
pub type natkit_nat_allocation = c_uint;
/// Not known.
pub const NATKIT_NAT_ALLOCATION_UNKNOWN: natkit_nat_allocation = 0;
/// The inside port whenever it is free.
pub const NATKIT_NAT_ALLOCATION_PRESERVED: natkit_nat_allocation = 1;
/// The last one plus natkit_nat_traits::allocation_step.
pub const NATKIT_NAT_ALLOCATION_SEQUENTIAL: natkit_nat_allocation = 2;
/// Inside one block of ports.
pub const NATKIT_NAT_ALLOCATION_BLOCK: natkit_nat_allocation = 3;
/// No pattern.
pub const NATKIT_NAT_ALLOCATION_RANDOM: natkit_nat_allocation = 4;

/// A yes or no that may not be known.
pub type natkit_nat_answer = c_uint;
/// Not known.
pub const NATKIT_NAT_UNKNOWN: natkit_nat_answer = 0;
/// No.
pub const NATKIT_NAT_NO: natkit_nat_answer = 1;
/// Yes.
pub const NATKIT_NAT_YES: natkit_nat_answer = 2;

/// What is certain of a NAT, for programs; 0 is always "not known".
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_nat_traits {
    /// sizeof(natkit_nat_traits); see natkit_init().
    pub struct_size: usize,
    /// 1: nothing comes back over UDP at all; the rest is then not known.
    pub is_udp_blocked: u32,
    /// A natkit_nat_translation.
    pub translation: u32,
    /// A natkit_nat_dependence.
    pub mapping: u32,
    /// A natkit_nat_dependence.
    pub filtering: u32,
    /// A natkit_nat_pooling.
    pub pooling: u32,
    /// A natkit_nat_hairpinning.
    pub hairpinning: u32,
    /// A natkit_nat_allocation.
    pub allocation: u32,
    /// With NATKIT_NAT_ALLOCATION_SEQUENTIAL: the step, not 0.
    pub allocation_step: i32,
    /// If `allocation` is known: the first port that new ones come from.
    pub allocation_first_port: u32,
    /// The last one.
    pub allocation_last_port: u32,
    /// A natkit_nat_answer, as all up to `rewrites_payload`. Two inside hosts may
    /// share one external endpoint (against RFC 4787 REQ-3).
    pub overloads_ports: u32,
    /// A packet that comes in too early makes the NAT move the mapping.
    pub poisonable: u32,
    /// Packets from inside prolong a mapping.
    pub refreshed_by_outbound: u32,
    /// Packets from outside prolong a mapping.
    pub refreshed_by_inbound: u32,
    /// Another NAT stands beyond the nearest one, probably a carrier's.
    pub behind_carrier: u32,
    /// Even ports become even ones, odd ones odd.
    pub keeps_parity: u32,
    /// Neighbouring ports become neighbouring ones.
    pub keeps_contiguity: u32,
    /// The NAT behaves the same under load.
    pub deterministic: u32,
    /// Addresses in payloads are rewritten.
    pub rewrites_payload: u32,
    /// Mappings that one host may have at once.
    pub mapping_quota: u32,
    /// How long a mapping lives that was never answered, or once.
    pub unreplied_lifetime_ns: u64,
    /// How long a mapping lives that carries a conversation.
    pub assured_lifetime_ns: u64,
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_nat_traits {}

extern "C" {
    /// What is certain. Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE.
    pub fn natkit_behavior_get_traits(behavior: *const natkit_behavior, out: *mut natkit_nat_traits) -> c_int;
}

/// The size of natkit_nat_report::classic_name.
pub const NATKIT_NAT_NAME_SIZE: usize = 32;

/// What else is known.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_nat_report {
    /// sizeof(natkit_nat_report); see natkit_init().
    pub struct_size: usize,
    /// The server that was used; not set if none answered.
    pub server: natkit_address,
    /// Its other address and port; not set if it has none.
    pub other_server: natkit_address,
    /// The external address of the gateway, as it says.
    pub router_external: natkit_address,
    /// The prefix of the NAT64 that is in use.
    pub nat64_prefix: natkit_address,
    /// Its length in bits; 0 if there is none.
    pub nat64_prefix_length: u32,
    /// Zero.
    pub reserved: u32,
    /// Datagrams sent.
    pub datagrams_sent: u64,
    /// Datagrams received.
    pub datagrams_received: u64,
    /// From the start to the last input.
    pub took_ns: u64,
    /// The name that RFC 3489 section 5 gives mapping and filtering, such as
    /// "port restricted cone"; empty if they are not known. For display only: it
    /// hides what matters.
    pub classic_name: [c_char; NATKIT_NAT_NAME_SIZE],
    /// The server's software, as it says. Cut to what fits; bytes that are no
    /// text, and control characters, are written as \xNN.
    pub server_software: [c_char; NATKIT_NAT_VALUE_SIZE],
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_nat_report {}

extern "C" {
    /// What else is known. Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE.
    pub fn natkit_behavior_get_report(behavior: *const natkit_behavior, out: *mut natkit_nat_report) -> c_int;
}

extern "C" {
    /// External addresses of this host, in the order that they were seen; ports are
    /// 0. The first `capacity` are written to `out`, which may be NULL if `capacity`
    /// is 0.
    ///
    /// Returns how many there are, which may be more than `capacity`
    pub fn natkit_behavior_get_external_addresses(behavior: *const natkit_behavior, out: *mut natkit_address, capacity: usize) -> c_int;
}

extern "C" {
    /// Routers seen on the way to the server, the nearest first; ports are 0. As
    /// natkit_behavior_get_external_addresses().
    pub fn natkit_behavior_get_hops(behavior: *const natkit_behavior, out: *mut natkit_address, capacity: usize) -> c_int;
}

/// A lifetime that was bracketed. Will not grow.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_nat_lifetime {
    /// A mapping survived so much silence.
    pub alive_ns: u64,
    /// It was gone after so much; 0: it lives longer than was tested.
    pub dead_ns: u64,
}

extern "C" {
    /// What is known of the lifetime that `axis` asks for.
    ///
    /// Returns 1, or 0 if nothing is known
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT (no such axis).
    pub fn natkit_behavior_get_lifetime(behavior: *const natkit_behavior, axis: u32, out: *mut natkit_nat_lifetime) -> c_int;
}

/// The largest packet that a relay carries, in bytes.
pub const NATKIT_DERP_MAX_PACKET: usize = 65536;

/// The longest text in a natkit_derp_client_config, in bytes.
pub const NATKIT_DERP_MAX_TEXT: usize = 255;

/// The longest duration in a natkit_derp_client_config: a day, in nanoseconds.
pub const NATKIT_DERP_LONGEST: u64 = 86400 * NATKIT_SECOND;

/// A connection to a relay; see natkit_derp_client_new().
#[repr(C)]
pub struct natkit_derp_client {
    _opaque: [u8; 0],
}

/// How a client works.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_derp_client_config {
    /// sizeof(natkit_derp_client_config); see natkit_init().
    pub struct_size: usize,
    /// Random source; NULL: the system's. What it refers to must live as long as
    /// the client.
    pub random: *const natkit_random,
    /// Our private key, 32 bytes; required.
    pub private_key: *const u8,
    /// The relay's name, for the Host field; required. Printable ASCII without
    /// spaces, as all texts here but `app_name`.
    pub host: *const c_char,
    /// The name of the relay that we would rather use; NULL: this one.
    pub ideal_node: *const c_char,
    /// What this program calls itself; NULL: nothing. UTF-8.
    pub app_name: *const c_char,
    /// The secret of the relays of a region, 32 bytes; NULL: an ordinary client.
    pub mesh_key: *const u8,
    /// From start to CONNECTED; 0: 10 s. At most NATKIT_DERP_LONGEST, as the
    /// others.
    pub login_timeout_ns: u64,
    /// Between two frames of the relay, which sends one a minute; 0: 120 s.
    pub read_timeout_ns: u64,
    /// For the answer to a ping; 0: 5 s.
    pub ping_timeout_ns: u64,
    /// Packets that wait for the stream, the oldest is dropped first; 0: 32. At
    /// most 65,536.
    pub queue_depth: u32,
    /// Not 0: a program that only measures.
    pub is_prober: u32,
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_derp_client_config {}

extern "C" {
    /// Makes a client; free it by natkit_derp_client_free().
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE,
    /// NATKIT_ERR_UNSUPPORTED, NATKIT_ERR_BAD_ENCODING (a text has other
    /// characters), NATKIT_ERR_LIMIT_EXCEEDED (too many handles).
    pub fn natkit_derp_client_new(config: *const natkit_derp_client_config, out: *mut *mut natkit_derp_client) -> c_int;
}

extern "C" {
    /// Frees a client; NULL has no effect.
    pub fn natkit_derp_client_free(client: *mut natkit_derp_client);
}

extern "C" {
    /// Says that the stream is up. With `server_key`, the relay's public key of 32
    /// bytes, the login and first packets leave in one flight; see
    /// natkit_derp_find_server_key(). NULL: the key is not known.
    ///
    /// Errors: NATKIT_ERR_INVALID_STATE (it was started before).
    pub fn natkit_derp_client_start(client: *mut natkit_derp_client, now_ns: u64, server_key: *const u8) -> c_int;
}

extern "C" {
    /// Takes bytes of the stream, split in any way; none before
    /// natkit_derp_client_start() and after the end. Poll events after each call, or
    /// packets are dropped when 4 MiB of them wait.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT. What the relay does wrong is told by an
    /// event.
    pub fn natkit_derp_client_handle_bytes(client: *mut natkit_derp_client, now_ns: u64, data: *const c_void, size: usize) -> c_int;
}

extern "C" {
    /// Says that the stream has ended: NATKIT_DERP_EVENT_CLOSED follows.
    pub fn natkit_derp_client_handle_closed(client: *mut natkit_derp_client, now_ns: u64) -> c_int;
}

extern "C" {
    /// Does what is due; no harm if it is called early or late.
    pub fn natkit_derp_client_handle_timeout(client: *mut natkit_derp_client, now_ns: u64) -> c_int;
}

extern "C" {
    /// Queues a copy of a packet for the client whose public key (32 bytes) is
    /// `destination`, from natkit_derp_client_start() on. That it leaves is not
    /// sure, and less that it arrives: relays are like networks.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_FRAME_TOO_LARGE,
    /// NATKIT_ERR_INVALID_STATE (not started), NATKIT_ERR_CLOSED,
    /// NATKIT_ERR_LIMIT_EXCEEDED (above the rate that the relay allows: dropped).
    pub fn natkit_derp_client_send(client: *mut natkit_derp_client, now_ns: u64, destination: *const u8, data: *const c_void, size: usize) -> c_int;
}

extern "C" {
    /// Says whether this relay's region is where others look for us (`is_home` not
    /// 0). Repeating it sends nothing. Allowed at any time.
    pub fn natkit_derp_client_note_preferred(client: *mut natkit_derp_client, is_home: c_int) -> c_int;
}

extern "C" {
    /// Measures the way to the relay and back: NATKIT_DERP_EVENT_PONG or
    /// NATKIT_DERP_EVENT_PING_TIMED_OUT follows. One that is under way is given up.
    /// No effect before CONNECTED.
    pub fn natkit_derp_client_ping(client: *mut natkit_derp_client, now_ns: u64) -> c_int;
}

extern "C" {
    /// The next bytes for the stream: at most `capacity` to `buffer`, which should
    /// be no more than the stream takes at once.
    ///
    /// Returns their number; 0 if there are none
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT.
    pub fn natkit_derp_client_poll_transmit(client: *mut natkit_derp_client, now_ns: u64, buffer: *mut c_void, capacity: usize) -> c_int;
}

extern "C" {
    ///
    /// Returns 1 if natkit_derp_client_poll_transmit() has bytes, else 0
    pub fn natkit_derp_client_has_output(client: *const natkit_derp_client) -> c_int;
}

extern "C" {
    ///
    /// Returns 1 between CONNECTED and CLOSED, else 0
    pub fn natkit_derp_client_is_connected(client: *const natkit_derp_client) -> c_int;
}

extern "C" {
    /// When to call natkit_derp_client_handle_timeout() next.
    ///
    /// Returns 1 with `*out_ns`, or 0 before the start and after the end
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT.
    pub fn natkit_derp_client_next_timeout(client: *const natkit_derp_client, out_ns: *mut u64) -> c_int;
}

/// natkit_derp_event::type. Programs skip those they do not know.
pub type natkit_derp_event_type = c_uint;
/// The relay let us in: `key` is its public key.
pub const NATKIT_DERP_EVENT_CONNECTED: natkit_derp_event_type = 1;
/// A packet from `key`: `data_size` bytes in the caller's buffer.
pub const NATKIT_DERP_EVENT_PACKET: natkit_derp_event_type = 2;
/// The client `key` is not there: `reason` is a natkit_derp_gone.
pub const NATKIT_DERP_EVENT_PEER_GONE: natkit_derp_event_type = 3;
/// To relays of a region: the client `key` is there; `address` and
/// `peer_flags`.
pub const NATKIT_DERP_EVENT_PEER_PRESENT: natkit_derp_event_type = 4;
/// The answer to our ping: `rtt_ns`.
pub const NATKIT_DERP_EVENT_PONG: natkit_derp_event_type = 5;
/// Our ping was not answered in time; the connection is open.
pub const NATKIT_DERP_EVENT_PING_TIMED_OUT: natkit_derp_event_type = 6;
/// The relay has something to say about this connection: `text`; empty: all
/// is well again.
pub const NATKIT_DERP_EVENT_HEALTH: natkit_derp_event_type = 7;
/// The relay restarts: wait `reconnect_in_ns`, then try for `try_for_ns`.
pub const NATKIT_DERP_EVENT_RESTARTING: natkit_derp_event_type = 8;
/// The end: `reason` is a natkit_derp_close_reason, `code`, `http_status`.
pub const NATKIT_DERP_EVENT_CLOSED: natkit_derp_event_type = 9;

/// Why a client is not there.
pub type natkit_derp_gone = c_uint;
/// It left; or for a reason that the library does not know.
pub const NATKIT_DERP_GONE_DISCONNECTED: natkit_derp_gone = 0;
/// This relay does not know it.
pub const NATKIT_DERP_GONE_NOT_HERE: natkit_derp_gone = 1;

/// Why a connection ended.
pub type natkit_derp_close_reason = c_uint;
/// natkit_derp_client_handle_closed().
pub const NATKIT_DERP_CLOSE_STREAM: natkit_derp_close_reason = 0;
/// The relay did not let us in in time.
pub const NATKIT_DERP_CLOSE_LOGIN_TIMEOUT: natkit_derp_close_reason = 1;
/// The relay has been silent.
pub const NATKIT_DERP_CLOSE_READ_TIMEOUT: natkit_derp_close_reason = 2;
/// The answer to the HTTP request was not 101: `http_status`.
pub const NATKIT_DERP_CLOSE_UPGRADE_REFUSED: natkit_derp_close_reason = 3;
/// The relay broke the protocol: `code`.
pub const NATKIT_DERP_CLOSE_PROTOCOL_ERROR: natkit_derp_close_reason = 4;

/// natkit_derp_event::peer_flags: an ordinary client.
pub const NATKIT_DERP_PEER_REGULAR: usize = 1;

/// natkit_derp_event::peer_flags: a relay of the region.
pub const NATKIT_DERP_PEER_MESH: usize = 2;

/// natkit_derp_event::peer_flags: a client that only measures.
pub const NATKIT_DERP_PEER_PROBER: usize = 4;

/// natkit_derp_event::peer_flags: it would rather use another relay.
pub const NATKIT_DERP_PEER_NOT_IDEAL: usize = 8;

/// Room for natkit_derp_event::text.
pub const NATKIT_DERP_EVENT_TEXT_SIZE: usize = 256;

/// What has happened. Fields that `type` does not name are zero.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_derp_event {
    /// sizeof(natkit_derp_event); see natkit_init().
    pub struct_size: usize,
    /// A natkit_derp_event_type.
    pub r#type: u32,
    /// See the type.
    pub reason: u32,
    /// A natkit_code.
    pub code: i32,
    /// Of an HTTP answer; 0 if it was none.
    pub http_status: i32,
    /// A public key.
    pub key: [u8; NATKIT_KEY_SIZE],
    /// The bytes of a packet.
    pub data_size: u64,
    /// The way to the relay and back.
    pub rtt_ns: u64,
    /// How long to wait before connecting again.
    pub reconnect_in_ns: u64,
    /// How long to try to.
    pub try_for_ns: u64,
    /// CONNECTED: the rate that the relay allows us, in bytes a second; 0: it
    /// sets none.
    pub rate: u64,
    /// CONNECTED: the bytes that may exceed `rate` at once.
    pub rate_burst: u64,
    /// Where a client comes from; not set if the relay does not say.
    pub address: natkit_address,
    /// NATKIT_DERP_PEER_… bits; 0: the relay does not say.
    pub peer_flags: u32,
    /// What the relay says, cut to what fits; bytes that are no text, and control
    /// characters, are written as \xNN.
    pub text: [c_char; NATKIT_DERP_EVENT_TEXT_SIZE],
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_derp_event {}

extern "C" {
    /// The next event. The bytes of a packet go to `buffer` of `capacity` bytes;
    /// NATKIT_DERP_MAX_PACKET is always enough, and longer ones, which the protocol
    /// forbids, are dropped. `buffer` may be NULL if `capacity` is 0.
    ///
    /// Returns 1 with `*out`, or 0 if there is none
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE,
    /// NATKIT_ERR_BUFFER_TOO_SMALL (the packet stays the next event).
    pub fn natkit_derp_client_poll_event(client: *mut natkit_derp_client, out: *mut natkit_derp_event, buffer: *mut c_void, capacity: usize) -> c_int;
}

/// What a client has seen; numbers only grow.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_derp_counters {
    /// sizeof(natkit_derp_counters); see natkit_init().
    pub struct_size: usize,
    /// Packets given to the stream.
    pub packets_sent: u64,
    /// Packets that came.
    pub packets_received: u64,
    /// Packets of ours that were dropped as the oldest of a full queue.
    pub dropped_oldest: u64,
    /// Packets of ours above the rate that the relay allows.
    pub dropped_by_rate: u64,
    /// Packets that came and were not polled soon enough.
    pub dropped_received: u64,
    /// Frames of types that the library does not know.
    pub unknown_frames: u64,
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_derp_counters {}

extern "C" {
    /// What the client has seen so far.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE.
    pub fn natkit_derp_client_get_counters(client: *const natkit_derp_client, out: *mut natkit_derp_counters) -> c_int;
}

extern "C" {
    /// Finds the relay's public key (32 bytes, to `out`) in the certificates that it
    /// sent, each in DER, in any order: `certificates` and `sizes` have `count`
    /// items. Only to be believed if the connection is TLS 1.3, which hides them
    /// from others; natkit_tls_channel_get_derp_key() knows. Thread-safe.
    ///
    /// Returns 1 with `*out`, or 0 if no certificate says a key
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT (also for more than 64 certificates).
    pub fn natkit_derp_find_server_key(certificates: *const *const u8, sizes: *const usize, count: usize, out: *mut u8) -> c_int;
}

/// Which side of a session an agent is (RFC 8445 section 6.1.1).
pub type natkit_ice_role = c_uint;
/// It chooses the pair; the side that makes the offer.
pub const NATKIT_ICE_CONTROLLING: natkit_ice_role = 0;
/// It follows.
pub const NATKIT_ICE_CONTROLLED: natkit_ice_role = 1;

/// An ICE agent for one peer; see natkit_ice_agent_new(). Not to be confused
/// with natkit_agent (natkit/agent.h), which is a whole connection.
#[repr(C)]
pub struct natkit_ice_agent {
    _opaque: [u8; 0],
}

/// What natkit_ice_agent_config's zeros stand for.
pub type natkit_ice_profile = c_uint;
/// The values of the RFCs: for peers of any make.
pub const NATKIT_ICE_RFC: natkit_ice_profile = 0;
/// For links that have a relay meanwhile, between two agents of this library:
/// all pairs are tried at once, about 10 s long; data moves to a better or a
/// clearly faster pair at any time; a dead path is suspect after 1.8 s and
/// dropped after 3 s. Works with others too, if they accept pairs to be
/// nominated more than once.
pub const NATKIT_ICE_MESH: natkit_ice_profile = 1;

/// When the controlling side nominates a pair.
pub type natkit_ice_nomination = c_uint;
/// As the profile says.
pub const NATKIT_ICE_NOMINATION_DEFAULT: natkit_ice_nomination = 0;
/// Once per session (RFC 8445 section 8.1.1); the RFC profile's.
pub const NATKIT_ICE_NOMINATION_REGULAR: natkit_ice_nomination = 1;
/// At once, and again whenever a better pair is valid; the mesh profile's.
pub const NATKIT_ICE_NOMINATION_CONTINUOUS: natkit_ice_nomination = 2;

/// In those durations of natkit_ice_agent_config that say so: never.
pub const NATKIT_ICE_NEVER: u64 = u64::MAX;

/// The longest duration in a natkit_ice_agent_config: a day, in nanoseconds.
pub const NATKIT_ICE_LONGEST: u64 = 86400 * NATKIT_SECOND;

/// How often a STUN request is sent, and when it is given up. Zeros are the
/// profile's values. Will not grow.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_ice_schedule {
    /// The first interval; each is twice the one before. At least 20 ms.
    pub initial_rto_ns: u64,
    /// The longest interval.
    pub max_interval_ns: u64,
    /// The longest interval between the first `burst_sends`.
    pub burst_interval_ns: u64,
    /// How long the answer is awaited after the last send.
    pub final_wait_ns: u64,
    /// How many of the first sends `burst_interval_ns` holds for, to 255.
    pub burst_sends: u32,
    /// How often it is sent in all, to 255.
    pub max_sends: u32,
}

/// What is known of our NAT, for how often a pair at rest is kept alive.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_ice_keepalive {
    /// sizeof(natkit_ice_keepalive); see natkit_init().
    pub struct_size: usize,
    /// A natkit_power.
    pub power: u32,
    /// Zero.
    pub reserved: u32,
    /// How long the NAT remembers a mapping that was answered at most once; 0:
    /// not known. At most NATKIT_ICE_LONGEST, as the next.
    pub unreplied_lifetime_ns: u64,
    /// How long it remembers one that carries a conversation; 0: not known.
    pub assured_lifetime_ns: u64,
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_ice_keepalive {}

/// How an agent works. Zeros are the profile's values.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_ice_agent_config {
    /// sizeof(natkit_ice_agent_config); see natkit_init().
    pub struct_size: usize,
    /// Random source; NULL: the system's. What it refers to must live as long as
    /// the agent.
    pub random: *const natkit_random,
    /// STUN servers that are asked for our addresses outside of NATs, from each
    /// base of the same family; a port of 0 is STUN's, 3478. NULL if there are
    /// none.
    pub stun_servers: *const natkit_address,
    /// How many there are, to 64.
    pub stun_server_count: usize,
    /// A natkit_ice_role.
    pub role: u32,
    /// A natkit_ice_profile.
    pub profile: u32,
    /// A natkit_ice_nomination.
    pub nomination: u32,
    /// Of the controlled side: the IP time to live of a pair's first checks to an
    /// address outside of a NAT, for `opener_time_ns`. They open our NAT without
    /// reaching the other's. RFC: none. Mesh: 5. 255: as good as none.
    pub opener_ttl: u32,
    /// See `opener_ttl`. 150 ms.
    pub opener_time_ns: u64,
    /// Ta, the least time between two new transactions (RFC 8445 section 14.2).
    /// RFC: 50 ms. Mesh: 20 ms. At least 5 ms.
    pub pacing_ns: u64,
    /// Of connectivity checks.
    pub check_schedule: natkit_ice_schedule,
    /// Of requests to STUN servers.
    pub gather_schedule: natkit_ice_schedule,
    /// The longest that regular nomination waits for a better pair. 500 ms.
    pub nomination_wait_ns: u64,
    /// Mean time between consent checks of the selected pair (RFC 7675 section
    /// 5.1). RFC: 5 s. Mesh: 1 s. At least 100 ms.
    pub consent_interval_ns: u64,
    /// Without an answer for this long the selected pair is given up. RFC: 30 s.
    /// Mesh: 3 s.
    pub consent_expiry_ns: u64,
    /// Without an answer for this long it is suspect: an event says so, and all
    /// other pairs are checked again. RFC: 12 s. Mesh: 1.8 s.
    pub suspect_after_ns: u64,
    /// After a check that is not answered for this long the next one is sent at
    /// once. RFC: 5 s. Mesh: 250 ms.
    pub unanswered_interval_ns: u64,
    /// After this long without data (natkit_ice_agent_note_data()) the selected
    /// pair rests: no more checks than its NATs need. NATKIT_ICE_NEVER and 0:
    /// never.
    pub rest_after_ns: u64,
    /// Failure is not reported before this long after the first check (RFC 8863).
    /// RFC: 39.5 s. Mesh: 12 s.
    pub patience_ns: u64,
    /// Failed pairs that are better than the selected one, or all if there is
    /// none, are checked again after this long. RFC: never. Mesh: 30 s.
    /// NATKIT_ICE_NEVER is allowed.
    pub recheck_interval_ns: u64,
    /// Continuous nomination: working pairs without data are measured this often,
    /// and data moves to one that is faster by 20 ms and 30 %. RFC: never. Mesh:
    /// 10 s. NATKIT_ICE_NEVER is allowed.
    pub reprobe_interval_ns: u64,
    /// A pair stays selected for this long before a faster one is looked for.
    /// 5 s.
    pub rtt_dwell_ns: u64,
    /// How long checks of the session before a restart are still answered once
    /// the new one has a pair. 3 s.
    pub old_session_linger_ns: u64,
    /// Bounds of memory, each to 10,000: pairs (100),
    pub max_pairs: u32,
    /// local candidates (32),
    pub max_local_candidates: u32,
    /// candidates of the other side (64),
    pub max_remote_candidates: u32,
    /// and checks that come before the other side's credentials (16).
    pub max_early_checks: u32,
    /// Not 0: first intervals of checks do not grow with the number of pairs (RFC
    /// 8445 section 14.3); so in the mesh profile.
    pub no_rto_scaling: u32,
    /// Not 0: no pair waits for another of its foundation (RFC 8445 section
    /// 6.1.2.6); so in the mesh profile.
    pub no_freezing: u32,
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_ice_agent_config {}

extern "C" {
    /// Makes an agent; free it by natkit_ice_agent_free().
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT (NULL, an enumeration or number out of its
    /// range, a duration over NATKIT_ICE_LONGEST), NATKIT_ERR_STRUCT_SIZE,
    /// NATKIT_ERR_UNSUPPORTED, NATKIT_ERR_LIMIT_EXCEEDED (too many handles).
    pub fn natkit_ice_agent_new(config: *const natkit_ice_agent_config, out: *mut *mut natkit_ice_agent) -> c_int;
}

extern "C" {
    /// Frees an agent; NULL has no effect.
    pub fn natkit_ice_agent_free(agent: *mut natkit_ice_agent);
}

/// Room for a user name fragment or a password with its zero byte.
pub const NATKIT_ICE_CREDENTIAL_SIZE: usize = 257;

/// What the other side needs for its checks. Will not grow.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_ice_credentials {
    /// User name fragment, 4 to 256 letters, digits, '+' and '/'.
    pub ufrag: [c_char; NATKIT_ICE_CREDENTIAL_SIZE],
    /// Password, 22 to 256 of the same. Wipe it (natkit_wipe()) after use.
    pub password: [c_char; NATKIT_ICE_CREDENTIAL_SIZE],
}

extern "C" {
    /// Our credentials of the current session; others after a restart.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT.
    pub fn natkit_ice_agent_get_local_credentials(agent: *const natkit_ice_agent, out: *mut natkit_ice_credentials) -> c_int;
}

extern "C" {
    /// Takes the other side's credentials. The same again has no effect, as have
    /// those from before a restart. Others: the other side has restarted, and this
    /// agent restarts too unless natkit_ice_agent_restart() came first.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BAD_CREDENTIALS.
    pub fn natkit_ice_agent_set_remote_credentials(agent: *mut natkit_ice_agent, now_ns: u64, ufrag: *const c_char, password: *const c_char) -> c_int;
}

extern "C" {
    /// Adds the address of a socket of the program's: it becomes a host candidate,
    /// and STUN servers are asked from it. Earlier ones are preferred. For a socket
    /// that is bound to 0.0.0.0 or :: add an address of the host with the socket's
    /// port; there may be several.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_ALREADY_EXISTS,
    /// NATKIT_ERR_LIMIT_EXCEEDED, NATKIT_ERR_BAD_CANDIDATE (no address of a host, or
    /// port 0).
    pub fn natkit_ice_agent_add_host_base(agent: *mut natkit_ice_agent, now_ns: u64, base: *const natkit_address) -> c_int;
}

extern "C" {
    /// Forgets a base with its candidates and pairs; no effect for others. If it
    /// carried data, the next best pair takes over, or an event says that none does.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT.
    pub fn natkit_ice_agent_remove_host_base(agent: *mut natkit_ice_agent, now_ns: u64, base: *const natkit_address) -> c_int;
}

extern "C" {
    /// Adds an address outside of a NAT that the program learnt by itself, such as a
    /// mapping that a router granted. `base` is the socket's that it leads to; its
    /// last four are kept.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_NOT_FOUND (no such base),
    /// NATKIT_ERR_ALREADY_EXISTS, NATKIT_ERR_LIMIT_EXCEEDED,
    /// NATKIT_ERR_BAD_CANDIDATE.
    pub fn natkit_ice_agent_add_reflexive(agent: *mut natkit_ice_agent, now_ns: u64, mapped: *const natkit_address, base: *const natkit_address) -> c_int;
}

extern "C" {
    /// Says that no more addresses will be added; once the STUN servers are done
    /// too, there is a NATKIT_ICE_EVENT_GATHERING_DONE.
    pub fn natkit_ice_agent_set_local_end_of_candidates(agent: *mut natkit_ice_agent, now_ns: u64) -> c_int;
}

extern "C" {
    /// Takes a candidate of the other side; known ones have no effect.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BAD_CANDIDATE,
    /// NATKIT_ERR_LIMIT_EXCEEDED.
    pub fn natkit_ice_agent_add_remote_candidate(agent: *mut natkit_ice_agent, now_ns: u64, candidate: *const natkit_ice_candidate) -> c_int;
}

extern "C" {
    /// Takes a candidate of the other side as its line in SDP says it.
    ///
    /// Errors: those of natkit_ice_candidate_parse() and
    /// natkit_ice_agent_add_remote_candidate().
    pub fn natkit_ice_agent_add_remote_candidate_line(agent: *mut natkit_ice_agent, now_ns: u64, line: *const c_char) -> c_int;
}

extern "C" {
    /// Has an address of the other side that was guessed or measured, and not
    /// signalled, checked before all others.
    ///
    /// Errors: as natkit_ice_agent_add_remote_candidate().
    pub fn natkit_ice_agent_add_remote_hint(agent: *mut natkit_ice_agent, now_ns: u64, remote: *const natkit_address) -> c_int;
}

extern "C" {
    /// Says that the other side has no more candidates: all pairs can fail.
    pub fn natkit_ice_agent_set_remote_end_of_candidates(agent: *mut natkit_ice_agent, now_ns: u64) -> c_int;
}

extern "C" {
    /// Starts a new session (RFC 8445 section 9): new credentials, and all local
    /// candidates come as events again. Data keeps its pair until the new session
    /// has one.
    pub fn natkit_ice_agent_restart(agent: *mut natkit_ice_agent, now_ns: u64) -> c_int;
}

extern "C" {
    /// Takes a datagram that arrived at the socket of `local_base` from `from`. If
    /// the socket has several bases, `local_base` is the one that it was sent to
    /// (IP_PKTINFO tells); checks to an address that is no base are answered, but
    /// lead to no pair.
    ///
    /// Returns 1 if it was the agent's; 0, without any effect, if it was not
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT.
    pub fn natkit_ice_agent_handle_datagram(agent: *mut natkit_ice_agent, now_ns: u64, local_base: *const natkit_address, from: *const natkit_address, data: *const c_void, size: usize) -> c_int;
}

extern "C" {
    /// Does what is due; no harm if it is called early or late.
    pub fn natkit_ice_agent_handle_timeout(agent: *mut natkit_ice_agent, now_ns: u64) -> c_int;
}

/// A buffer of this size has room for every datagram of an agent.
pub const NATKIT_ICE_DATAGRAM_SIZE: usize = 768;

/// How to send a datagram of an agent.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_ice_transmit {
    /// sizeof(natkit_ice_transmit); see natkit_init().
    pub struct_size: usize,
    /// The base whose socket sends it.
    pub from_base: natkit_address,
    /// Where to.
    pub to: natkit_address,
    /// The IP time to live or hop limit to send it with; 0: the system's. Where
    /// it cannot be set the datagram is better not sent.
    pub ttl: u32,
    /// Zero.
    pub reserved: u32,
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_ice_transmit {}

extern "C" {
    /// The next datagram to send: its bytes to `buffer` of `capacity` bytes, the
    /// rest to `out`.
    ///
    /// Returns its length, or 0 if there is none
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE,
    /// NATKIT_ERR_BUFFER_TOO_SMALL (it stays the next; NATKIT_ICE_DATAGRAM_SIZE is
    /// always enough).
    pub fn natkit_ice_agent_poll_transmit(agent: *mut natkit_ice_agent, out: *mut natkit_ice_transmit, buffer: *mut c_void, capacity: usize) -> c_int;
}

extern "C" {
    /// When to call natkit_ice_agent_handle_timeout() next. A time that has come
    /// means that there is something to poll.
    ///
    /// Returns 1 with `*out_ns`, or 0 if there is nothing to wait for
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT.
    pub fn natkit_ice_agent_next_timeout(agent: *const natkit_ice_agent, out_ns: *mut u64) -> c_int;
}

/// Where a session stands.
pub type natkit_ice_state = c_uint;
/// No pair can be formed yet.
pub const NATKIT_ICE_STATE_NEW: natkit_ice_state = 0;
/// Pairs are being checked.
pub const NATKIT_ICE_STATE_CHECKING: natkit_ice_state = 1;
/// A pair is selected.
pub const NATKIT_ICE_STATE_CONNECTED: natkit_ice_state = 2;
/// The selected pair no longer answered; checks go on.
pub const NATKIT_ICE_STATE_DISCONNECTED: natkit_ice_state = 3;
/// Every pair failed, and no more will come. A restart may help.
pub const NATKIT_ICE_STATE_FAILED: natkit_ice_state = 4;

/// Two addresses between which data can pass. Will not grow.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_ice_pair {
    /// Send from the socket of this base.
    pub local_base: natkit_address,
    /// Send to here.
    pub remote: natkit_address,
    /// Our address as the other side sees it; not set in
    /// natkit_ice_agent_get_paths().
    pub local_mapped: natkit_address,
    /// How `remote` was learnt: a natkit_ice_candidate_type.
    pub remote_type: u32,
    /// RFC 8445 section 6.1.2.3.
    pub priority: u64,
    /// Smoothed round-trip time of its checks; 0 until one was measured.
    pub rtt_ns: u64,
    /// Mean deviation of that; 0 outside of natkit_ice_agent_get_paths(), as the
    /// next.
    pub rtt_variation_ns: u64,
    /// How many round trips were measured.
    pub rtt_samples: u32,
    /// 1 if it carries data, else 0.
    pub is_selected: u32,
}

/// natkit_ice_event::type. Programs skip those they do not know.
pub type natkit_ice_event_type = c_uint;
/// A local candidate to tell the other side: `candidate`.
pub const NATKIT_ICE_EVENT_CANDIDATE: natkit_ice_event_type = 1;
/// No more local candidates will come: tell the other side.
pub const NATKIT_ICE_EVENT_GATHERING_DONE: natkit_ice_event_type = 2;
/// `state` is another one.
pub const NATKIT_ICE_EVENT_STATE: natkit_ice_event_type = 3;
/// Data goes over another pair: `pair` if `has_pair`, else over none.
pub const NATKIT_ICE_EVENT_SELECTED: natkit_ice_event_type = 4;
/// The selected pair has become silent (`is_suspect` 1), or answers again
/// (0). Data may keep using it until another is selected.
pub const NATKIT_ICE_EVENT_SUSPECT: natkit_ice_event_type = 5;
/// Both sides had the same role, and ours was changed: `role`.
pub const NATKIT_ICE_EVENT_ROLE: natkit_ice_event_type = 6;
/// The other side restarted, so this one did: tell it the new credentials.
/// Candidates follow.
pub const NATKIT_ICE_EVENT_RESTARTED: natkit_ice_event_type = 7;

/// What has happened. Fields that `type` does not name are zero.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_ice_event {
    /// sizeof(natkit_ice_event); see natkit_init().
    pub struct_size: usize,
    /// A natkit_ice_event_type.
    pub r#type: u32,
    /// A natkit_ice_state.
    pub state: u32,
    /// A natkit_ice_role.
    pub role: u32,
    /// 1 or 0.
    pub is_suspect: u32,
    /// 1 if `pair` is set, else 0.
    pub has_pair: u32,
    /// Zero.
    pub reserved: u32,
    /// The pair for data.
    pub pair: natkit_ice_pair,
    /// A local candidate; see natkit_ice_candidate_format().
    pub candidate: natkit_ice_candidate,
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_ice_event {}

extern "C" {
    /// The next event.
    ///
    /// Returns 1 with `*out`, or 0 if there is none
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE.
    pub fn natkit_ice_agent_poll_event(agent: *mut natkit_ice_agent, out: *mut natkit_ice_event) -> c_int;
}

extern "C" {
    /// Says that data passes over the selected pair, in either direction; cheap
    /// enough for each packet. Only needed with natkit_ice_agent_config's
    /// `rest_after_ns`: a pair that rests is woken and checked.
    pub fn natkit_ice_agent_note_data(agent: *mut natkit_ice_agent, now_ns: u64) -> c_int;
}

extern "C" {
    /// Says how much a packet costs, and what is known of our NAT; what the agent
    /// has learnt by itself stays.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE,
    /// NATKIT_ERR_UNSUPPORTED.
    pub fn natkit_ice_agent_set_keepalive(agent: *mut natkit_ice_agent, now_ns: u64, keepalive: *const natkit_ice_keepalive) -> c_int;
}

extern "C" {
    /// The pair for data.
    ///
    /// Returns 1 with `*out`, or 0 if there is none
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT.
    pub fn natkit_ice_agent_get_selected(agent: *const natkit_ice_agent, out: *mut natkit_ice_pair) -> c_int;
}

extern "C" {
    /// All pairs that work, the highest priority first, as far as `out` has room for
    /// `capacity` of them. `out` may be NULL if that is 0.
    ///
    /// Returns how many there are, which may be more
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT.
    pub fn natkit_ice_agent_get_paths(agent: *const natkit_ice_agent, out: *mut natkit_ice_pair, capacity: usize) -> c_int;
}

extern "C" {
    /// All current local candidates, the highest priority first, as far as `out` has
    /// room for `capacity` of them. `out` may be NULL if that is 0.
    ///
    /// Returns how many there are, which may be more
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT.
    pub fn natkit_ice_agent_get_local_candidates(agent: *const natkit_ice_agent, out: *mut natkit_ice_candidate, capacity: usize) -> c_int;
}

extern "C" {
    ///
    /// Returns the current natkit_ice_state
    pub fn natkit_ice_agent_get_state(agent: *const natkit_ice_agent) -> c_int;
}

extern "C" {
    ///
    /// Returns the current natkit_ice_role; a conflict changes it
    pub fn natkit_ice_agent_get_role(agent: *const natkit_ice_agent) -> c_int;
}

extern "C" {
    ///
    /// Returns 1 if the selected pair does not answer, else 0
    pub fn natkit_ice_agent_is_suspect(agent: *const natkit_ice_agent) -> c_int;
}

extern "C" {
    ///
    /// Returns 1 if the selected pair carries no data and is only kept alive, else
    /// 0
    pub fn natkit_ice_agent_is_resting(agent: *const natkit_ice_agent) -> c_int;
}

/// What an agent has seen; numbers only grow.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_ice_counters {
    /// sizeof(natkit_ice_counters); see natkit_init().
    pub struct_size: usize,
    /// Checks, each counted once.
    pub checks_sent: u64,
    /// Checks sent again.
    pub retransmits: u64,
    /// Consent checks of selected pairs.
    pub consent_checks_sent: u64,
    /// Checks of working pairs without data.
    pub probes_sent: u64,
    /// Checks of selected pairs at rest.
    pub keepalives_sent: u64,
    /// How often a pair began to rest.
    pub rests: u64,
    /// Checks of the other side that were answered.
    pub requests_answered: u64,
    /// Answers to our checks.
    pub responses_accepted: u64,
    /// Checks of a side that had our role.
    pub role_conflicts: u64,
    /// Dropped: for this agent, but no ICE check.
    pub dropped_malformed: u64,
    /// Dropped: integrity is missing or wrong.
    pub dropped_unauthenticated: u64,
    /// Dropped: a copy of a check from another source.
    pub dropped_replayed: u64,
    /// Dropped: an answer from elsewhere than was asked.
    pub dropped_asymmetric: u64,
    /// Dropped: a bound of natkit_ice_agent_config was reached.
    pub dropped_over_limit: u64,
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_ice_counters {}

extern "C" {
    /// What the agent has seen so far.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE.
    pub fn natkit_ice_agent_get_counters(agent: *const natkit_ice_agent, out: *mut natkit_ice_counters) -> c_int;
}

/// How a candidate was learnt (RFC 8445 section 5.1.1).
pub type natkit_ice_candidate_type = c_uint;
/// "host": an address of the host.
pub const NATKIT_ICE_HOST: natkit_ice_candidate_type = 0;
/// "prflx": the source of a check that came by another address.
pub const NATKIT_ICE_PEER_REFLEXIVE: natkit_ice_candidate_type = 1;
/// "srflx": an address outside a NAT, as a STUN server saw it.
pub const NATKIT_ICE_SERVER_REFLEXIVE: natkit_ice_candidate_type = 2;
/// "relay": an address of a TURN server.
pub const NATKIT_ICE_RELAYED: natkit_ice_candidate_type = 3;

/// Room for a foundation: 32 characters, the zero byte, and to the next word.
pub const NATKIT_ICE_FOUNDATION_SIZE: usize = 36;

/// One transport address of component 1 over UDP. Will not grow.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_ice_candidate {
    /// A natkit_ice_candidate_type.
    pub r#type: u32,
    /// Its priority (RFC 8445 section 5.1.2), not 0.
    pub priority: u32,
    /// Where the other side sends to.
    pub address: natkit_address,
    /// The local address that checks leave from; in the other side's candidates
    /// the related address, which is not needed and may be not set.
    pub base: natkit_address,
    /// 1 to 32 letters, digits, '+' and '/' (RFC 8445 section 5.1.1.3).
    pub foundation: [c_char; NATKIT_ICE_FOUNDATION_SIZE],
}

/// A buffer of this size has room for every line that
/// natkit_ice_candidate_format() makes.
pub const NATKIT_ICE_CANDIDATE_TEXT_SIZE: usize = 256;

/// natkit_ice_candidate_format(): keep the base to ourselves and write raddr
/// 0.0.0.0 or ::, rport 9 (RFC 8839 section 5.1).
pub const NATKIT_ICE_HIDE_RELATED: usize = 1;

extern "C" {
    /// Writes a candidate as SDP does, without "a=": "candidate:1 1 udp 2130706431
    /// 192.0.2.1 5000 typ host" (RFC 8839 section 5.1). `flags` is 0 or
    /// NATKIT_ICE_HIDE_RELATED. Thread-safe.
    ///
    /// Returns the length without the zero byte
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BAD_CANDIDATE (a field is out of
    /// its bounds),
    /// NATKIT_ERR_BUFFER_TOO_SMALL (NATKIT_ICE_CANDIDATE_TEXT_SIZE is always
    /// enough).
    pub fn natkit_ice_candidate_format(candidate: *const natkit_ice_candidate, flags: u32, buffer: *mut c_char, capacity: usize) -> c_int;
}

extern "C" {
    /// Reads a candidate line of at most 512 bytes, with or without "a=" in front
    /// and a line end behind; attributes that the library does not know are skipped.
    /// Thread-safe.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BAD_LENGTH,
    /// NATKIT_ERR_BAD_CANDIDATE, NATKIT_ERR_UNSUPPORTED (not UDP, a component other
    /// than 1, or a host name: look it up and use the address).
    pub fn natkit_ice_candidate_parse(text: *const c_char, out: *mut natkit_ice_candidate) -> c_int;
}

/// What a datagram looks like; see natkit_classify_datagram().
pub type natkit_datagram_kind = c_uint;
/// None of the others; of the program's own, perhaps.
pub const NATKIT_DATAGRAM_OTHER: natkit_datagram_kind = 0;
/// STUN (RFC 8489 section 5), and so ICE.
pub const NATKIT_DATAGRAM_STUN: natkit_datagram_kind = 1;
/// WireGuard.
pub const NATKIT_DATAGRAM_WIREGUARD: natkit_datagram_kind = 2;
/// A path discovery message of the disco protocol.
pub const NATKIT_DATAGRAM_DISCO: natkit_datagram_kind = 3;

extern "C" {
    /// Tells the protocols on one UDP socket apart, by form alone: anybody can send
    /// what looks like any of them. Thread-safe.
    ///
    /// Returns a natkit_datagram_kind
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT (NULL with a size).
    pub fn natkit_classify_datagram(data: *const c_void, size: usize) -> c_int;
}

/// Says which of many agents on one socket a STUN message is for: requests by
/// the user name fragment that they name, answers by their transaction. Costs
/// O(log n).
///
/// Tell it each agent's fragment, again after each restart, and each datagram
/// that an agent sends. It only knows the program's numbers, not the agents.
#[repr(C)]
pub struct natkit_ice_mux {
    _opaque: [u8; 0],
}

/// How a mux works.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_ice_mux_config {
    /// sizeof(natkit_ice_mux_config); see natkit_init().
    pub struct_size: usize,
    /// How many transactions of all agents together are remembered: 0 for 16,384,
    /// at most 1,048,576. The oldest are forgotten first.
    pub max_transactions: u32,
    /// Zero.
    pub reserved: u32,
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_ice_mux_config {}

extern "C" {
    /// Makes a mux; free it by natkit_ice_mux_free(). `config` may be NULL: the
    /// defaults.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE,
    /// NATKIT_ERR_UNSUPPORTED, NATKIT_ERR_LIMIT_EXCEEDED (too many handles).
    pub fn natkit_ice_mux_new(config: *const natkit_ice_mux_config, out: *mut *mut natkit_ice_mux) -> c_int;
}

extern "C" {
    /// Frees a mux; NULL has no effect.
    pub fn natkit_ice_mux_free(mux: *mut natkit_ice_mux);
}

extern "C" {
    /// Routes requests for `ufrag` to the agent that the program calls `id`. The
    /// agent's fragment before this one stays valid; older ones do not. A fragment
    /// of another agent becomes this one's.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BAD_CREDENTIALS.
    pub fn natkit_ice_mux_set_ufrag(mux: *mut natkit_ice_mux, id: u64, ufrag: *const c_char) -> c_int;
}

extern "C" {
    /// Forgets the agent `id`; no effect for others.
    pub fn natkit_ice_mux_remove(mux: *mut natkit_ice_mux, id: u64) -> c_int;
}

extern "C" {
    /// Notes a datagram that the agent `id` sends, so that the answer finds it.
    /// Datagrams that are no STUN requests, and agents without a fragment, have no
    /// effect.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT.
    pub fn natkit_ice_mux_note_sent(mux: *mut natkit_ice_mux, id: u64, data: *const c_void, size: usize) -> c_int;
}

extern "C" {
    /// Finds the agent that a datagram is for. An agent decides for itself whether
    /// it takes it (natkit_ice_agent_handle_datagram()).
    ///
    /// Returns 1 with `*out_id`, or 0 if no agent is known to want it
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT.
    pub fn natkit_ice_mux_route(mux: *mut natkit_ice_mux, data: *const c_void, size: usize, out_id: *mut u64) -> c_int;
}

/// Sockets of a discovery.
#[repr(C)]
pub struct natkit_nat_check {
    _opaque: [u8; 0],
}

extern "C" {
    /// Starts a discovery that has not been started, with sockets of its own. From
    /// now on the program asks `behavior` for results only, and may abort it.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BAD_HANDLE,
    /// NATKIT_ERR_INVALID_STATE (it has been started), NATKIT_ERR_LIMIT_EXCEEDED (no
    /// more descriptors or handles).
    pub fn natkit_nat_check_new(behavior: *mut natkit_behavior, out: *mut *mut natkit_nat_check) -> c_int;
}

extern "C" {
    /// Closes the sockets. The discovery stays, with what it knows. NULL is
    /// allowed.
    pub fn natkit_nat_check_free(check: *mut natkit_nat_check);
}

extern "C" {
    /// The descriptor to wait on until it is readable. It stays the same and
    /// belongs to the check: never read from it or close it.
    pub fn natkit_nat_check_get_fd(check: *const natkit_nat_check) -> c_int;
}

extern "C" {
    /// How long to wait on natkit_nat_check_get_fd() at most, in milliseconds; -1:
    /// for ever. To be asked after every other call.
    pub fn natkit_nat_check_get_timeout(check: *const natkit_nat_check, out_ms: *mut c_int) -> c_int;
}

extern "C" {
    /// Reads, sends and does all that is due.
    ///
    /// Errors: NATKIT_ERR_BAD_HANDLE (also: the discovery was freed).
    pub fn natkit_nat_check_process(check: *mut natkit_nat_check) -> c_int;
}

extern "C" {
    /// The address of this host that packets to `toward` leave with, port 0: what a
    /// natkit_behavior_config wants as local address. Nothing is sent. Thread-safe.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_UNREACHABLE,
    /// NATKIT_ERR_PERMISSION_DENIED (a broadcast address), NATKIT_ERR_IO.
    pub fn natkit_get_local_address(toward: *const natkit_address, out: *mut natkit_address) -> c_int;
}

/// How a request ended; natkit_stun_event::outcome.
pub type natkit_stun_outcome = c_uint;
/// With a success response.
pub const NATKIT_STUN_OUTCOME_SUCCESS: natkit_stun_outcome = 1;
/// With an error response: see `error_code`.
pub const NATKIT_STUN_OUTCOME_ERROR_RESPONSE: natkit_stun_outcome = 2;
/// Without a response.
pub const NATKIT_STUN_OUTCOME_TIMED_OUT: natkit_stun_outcome = 3;
/// Responses came, and none proved that it knows the password.
pub const NATKIT_STUN_OUTCOME_INTEGRITY_VIOLATION: natkit_stun_outcome = 4;
/// With a response that cannot be used: no mapped address, no ERROR-CODE.
pub const NATKIT_STUN_OUTCOME_BAD_RESPONSE: natkit_stun_outcome = 5;
/// The server, or somebody in between, offers weaker security than it said
/// before or than `refuses_md5` allows (RFC 8489 section 9.2).
pub const NATKIT_STUN_OUTCOME_BID_DOWN: natkit_stun_outcome = 6;
/// The response has a comprehension-required attribute that is not known.
pub const NATKIT_STUN_OUTCOME_UNKNOWN_ATTRIBUTE: natkit_stun_outcome = 7;

/// When requests are sent again. All zeros: 7 requests at 0, 500, 1500, 3500,
/// ... ms and the end after 39.5 s (RFC 8489 section 6.2.1). Will not grow.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_stun_schedule {
    /// RTO: the wait after the first request; each further one doubles. At most a
    /// day; 0: 500 ms.
    pub initial_timeout_ns: u64,
    /// No wait between two requests is longer. At most a day; 0: an hour.
    pub max_interval_ns: u64,
    /// The wait after the last request. At most a day; 0: 16 times the RTO.
    pub final_wait_ns: u64,
    /// Requests that are sent, at most 100; 0: 7.
    pub request_count: u32,
    /// Zero.
    pub reserved: u32,
}

/// Learns this host's reflexive address from one server, over UDP.
#[repr(C)]
pub struct natkit_stun_client {
    _opaque: [u8; 0],
}

/// The form of a client's requests.
pub type natkit_stun_server_kind = c_uint;
/// Servers of RFC 5389 and RFC 8489.
pub const NATKIT_STUN_SERVER_ANY: natkit_stun_server_kind = 0;
/// Tailscale's DERP servers, which answer one form of request only: SOFTWARE
/// "tailnode" and FINGERPRINT.
pub const NATKIT_STUN_SERVER_DERP: natkit_stun_server_kind = 1;
/// Servers of RFC 3489: its schedule, and a request without attributes.
pub const NATKIT_STUN_SERVER_RFC3489: natkit_stun_server_kind = 2;

/// How a client asks.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_stun_client_config {
    /// sizeof(natkit_stun_client_config); see natkit_init().
    pub struct_size: usize,
    /// Whom to ask. Must be set; a port of 0 is STUN's, 3478.
    pub server: natkit_address,
    /// A natkit_stun_server_kind.
    pub server_kind: u32,
    /// SOFTWARE of requests, at most 763 bytes; NULL: none, or what
    /// `server_kind` wants.
    pub software: *const c_char,
    /// The user; NULL: requests prove nothing.
    pub username: *const c_char,
    /// The user's password; needed with `username`.
    pub password: *const c_char,
    /// A natkit_stun_mechanism.
    pub mechanism: u32,
    /// Not 0: requests have FINGERPRINT.
    pub sends_fingerprint: u32,
    /// Not 0: requests are as short as they can be. By default they are as long
    /// as the response, because some servers never send more than they got.
    pub no_filler: u32,
    /// Not 0: goes where a verified 300 (Try Alternate) points (RFC 8489 section
    /// 10).
    pub follows_redirects: u32,
    /// Not 0: long-term servers that know MD5 alone are refused.
    pub refuses_md5: u32,
    /// Not 0: sends the user's name in clear also where the server understands
    /// USERHASH.
    pub shows_username: u32,
    /// When requests are sent again; all zeros: as `server_kind` wants.
    pub schedule: natkit_stun_schedule,
    /// Where transaction IDs come from, asked until the client is freed; the
    /// structure is copied. NULL: the system.
    pub random: *const natkit_random,
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_stun_client_config {}

/// How a request ended.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_stun_event {
    /// sizeof(natkit_stun_event); see natkit_init().
    pub struct_size: usize,
    /// A natkit_stun_outcome.
    pub outcome: u32,
    /// 300 to 699 with NATKIT_STUN_OUTCOME_ERROR_RESPONSE, else 0.
    pub error_code: u32,
    /// Who was asked last; for a transaction, where the response came from.
    pub server: natkit_address,
    /// With NATKIT_STUN_OUTCOME_SUCCESS: where the server saw the request come
    /// from, which is this socket's address beyond all NATs. Not set by
    /// transactions.
    pub reflexive_address: natkit_address,
    /// Where a 300 response points, if it does. Not set by transactions.
    pub alternate_server: natkit_address,
    /// 1: the response carried valid integrity. Otherwise anybody may have
    /// written it.
    pub is_verified: u32,
    /// From request to response; 0 if not known, as when the request was sent
    /// more than once.
    pub rtt_ns: u64,
    /// 1: XOR-MAPPED-ADDRESS and MAPPED-ADDRESS differ, so that something on the
    /// way rewrites addresses in payloads. The former is reported.
    pub is_alg_detected: u32,
    /// Zero.
    pub reserved: u32,
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_stun_event {}

extern "C" {
    /// Makes a client. Nothing is sent before natkit_stun_client_start().
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE,
    /// NATKIT_ERR_UNSUPPORTED, NATKIT_ERR_LIMIT_EXCEEDED (too many handles), and
    /// those of natkit_stun_make_short_term_key() for name and password.
    pub fn natkit_stun_client_new(config: *const natkit_stun_client_config, out: *mut *mut natkit_stun_client) -> c_int;
}

extern "C" {
    /// Frees a client; NULL is allowed.
    pub fn natkit_stun_client_free(client: *mut natkit_stun_client);
}

extern "C" {
    /// Begins to ask, or begins anew. There will be one event, unless
    /// natkit_stun_client_cancel() comes before.
    pub fn natkit_stun_client_start(client: *mut natkit_stun_client, now_ns: u64) -> c_int;
}

extern "C" {
    /// Ends without an event.
    pub fn natkit_stun_client_cancel(client: *mut natkit_stun_client) -> c_int;
}

extern "C" {
    /// Hands in a datagram that came from `from`.
    ///
    /// Returns 1 if it is a response to this client, used or not; 0 if it belongs to
    /// somebody else
    pub fn natkit_stun_client_handle_datagram(client: *mut natkit_stun_client, now_ns: u64, from: *const natkit_address, data: *const c_void, size: usize) -> c_int;
}

extern "C" {
    /// Says what time it is; early, late and repeated calls are harmless.
    pub fn natkit_stun_client_handle_timeout(client: *mut natkit_stun_client, now_ns: u64) -> c_int;
}

extern "C" {
    /// The next datagram to send, and whom to.
    ///
    /// Returns its size; 0 if there is none
    ///
    /// Errors: NATKIT_ERR_BUFFER_TOO_SMALL (it stays for the next call;
    /// NATKIT_STUN_MAX_UDP_SIZE is enough for names, realms and nonces that are not
    /// long, NATKIT_STUN_MAX_MESSAGE_SIZE always).
    pub fn natkit_stun_client_poll_transmit(client: *mut natkit_stun_client, to: *mut natkit_address, buffer: *mut c_void, capacity: usize) -> c_int;
}

extern "C" {
    /// The event, once there is one.
    ///
    /// Returns 1, or 0 if there is none
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE.
    pub fn natkit_stun_client_poll_event(client: *mut natkit_stun_client, out: *mut natkit_stun_event) -> c_int;
}

extern "C" {
    /// When to call natkit_stun_client_handle_timeout() next. While there is an
    /// event or a datagram to take, that is now.
    ///
    /// Returns 1, or 0 if there is nothing to wait for
    pub fn natkit_stun_client_next_timeout(client: *const natkit_stun_client, out_ns: *mut u64) -> c_int;
}

extern "C" {
    /// Begins to ask, or begins anew, over the UDP socket `fd`, and blocks until the
    /// event, for programs without an event loop. The client is this call's alone
    /// meanwhile; its time is natkit_monotonic_ns(). The socket stays the caller's:
    /// it may be blocking or not, connected to the server or not, and an IPv6 socket
    /// without IPV6_V6ONLY reaches IPv4 servers. What else comes in until then is
    /// dropped, so nobody else may be using the socket. Signals do not end it.
    ///
    /// Returns 1
    ///
    /// Errors: NATKIT_ERR_STRUCT_SIZE, NATKIT_ERR_UNSUPPORTED (`fd` is no UDP
    /// socket, or one of another address family), NATKIT_ERR_UNREACHABLE,
    /// NATKIT_ERR_PERMISSION_DENIED, NATKIT_ERR_ADDRESS_NOT_AVAILABLE,
    /// NATKIT_ERR_IO, NATKIT_ERR_CLOSED (another thread closed `fd`). That nobody
    /// answers is no error but an event.
    pub fn natkit_stun_client_run(client: *mut natkit_stun_client, fd: c_int, out: *mut natkit_stun_event) -> c_int;
}

/// One request of the caller's and its response (RFC 8489 section 6.2): sends,
/// sends again, checks what comes back, and ends with one event.
#[repr(C)]
pub struct natkit_stun_transaction {
    _opaque: [u8; 0],
}

/// How a transaction is run.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_stun_transaction_config {
    /// sizeof(natkit_stun_transaction_config); see natkit_init().
    pub struct_size: usize,
    /// Where the request goes. Must be set; a port of 0 is STUN's, 3478.
    pub server: natkit_address,
    /// Not 0: responses count wherever they come from, as RFC 5780 needs it.
    pub accepts_any_source: u32,
    /// The request, a whole message; sent as it is.
    pub request: *const c_void,
    /// Its size in bytes.
    pub request_size: usize,
    /// Responses without an integrity attribute that fits this key, of a kind
    /// that the request has, do not count. NULL: all count.
    pub key: *const natkit_stun_key,
    /// A natkit_stun_mechanism: with NATKIT_STUN_LONG_TERM error responses 401
    /// and 438 count without integrity.
    pub mechanism: u32,
    /// Not 0: responses without FINGERPRINT do not count.
    pub requires_fingerprint: u32,
    /// Comprehension-required attributes that the caller knows, besides those of
    /// RFC 8489.
    pub understood: *const u16,
    /// How many they are, at most 128.
    pub understood_count: usize,
    /// When the request is sent again.
    pub schedule: natkit_stun_schedule,
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_stun_transaction_config {}

extern "C" {
    /// Makes a transaction. Nothing is sent before natkit_stun_transaction_start().
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE,
    /// NATKIT_ERR_UNSUPPORTED, NATKIT_ERR_LIMIT_EXCEEDED, and the parse errors of
    /// natkit/stun_message.h with NATKIT_ERR_BAD_VALUE also if `request` is none.
    pub fn natkit_stun_transaction_new(config: *const natkit_stun_transaction_config, out: *mut *mut natkit_stun_transaction) -> c_int;
}

extern "C" {
    /// Frees a transaction; NULL is allowed.
    pub fn natkit_stun_transaction_free(transaction: *mut natkit_stun_transaction);
}

extern "C" {
    /// Sends the request. Errors: NATKIT_ERR_INVALID_STATE (started before).
    pub fn natkit_stun_transaction_start(transaction: *mut natkit_stun_transaction, now_ns: u64) -> c_int;
}

extern "C" {
    /// Ends without an event.
    pub fn natkit_stun_transaction_cancel(transaction: *mut natkit_stun_transaction) -> c_int;
}

extern "C" {
    /// Hands in a datagram that came from `from`.
    ///
    /// Returns 1 if it is a response to this request, used or not; else 0
    pub fn natkit_stun_transaction_handle_datagram(transaction: *mut natkit_stun_transaction, now_ns: u64, from: *const natkit_address, data: *const c_void, size: usize) -> c_int;
}

extern "C" {
    /// Says what time it is; early, late and repeated calls are harmless.
    pub fn natkit_stun_transaction_handle_timeout(transaction: *mut natkit_stun_transaction, now_ns: u64) -> c_int;
}

extern "C" {
    /// The request, when it is time to send it.
    ///
    /// Returns its size; 0 if there is nothing to send
    ///
    /// Errors: NATKIT_ERR_BUFFER_TOO_SMALL (it stays for the next call; the size of
    /// the request is enough).
    pub fn natkit_stun_transaction_poll_transmit(transaction: *mut natkit_stun_transaction, to: *mut natkit_address, buffer: *mut c_void, capacity: usize) -> c_int;
}

extern "C" {
    /// The event, once there is one, and the response that ended the transaction:
    /// its bytes in `buffer`, of which `*out_size` says how many; 0 if no
    /// response counted. `buffer` may be NULL if `capacity` is 0.
    ///
    /// Returns 1, or 0 if there is none
    ///
    /// Errors: NATKIT_ERR_STRUCT_SIZE, NATKIT_ERR_BUFFER_TOO_SMALL (the event stays,
    /// `*out_size` says how many bytes are needed; NATKIT_STUN_MAX_MESSAGE_SIZE is
    /// always enough).
    pub fn natkit_stun_transaction_poll_event(transaction: *mut natkit_stun_transaction, out: *mut natkit_stun_event, buffer: *mut c_void, capacity: usize, out_size: *mut usize) -> c_int;
}

extern "C" {
    /// When to call natkit_stun_transaction_handle_timeout() next.
    ///
    /// Returns 1, or 0 if there is nothing to wait for
    pub fn natkit_stun_transaction_next_timeout(transaction: *const natkit_stun_transaction, out_ns: *mut u64) -> c_int;
}

/// Bytes of the header of a message.
pub const NATKIT_STUN_HEADER_SIZE: usize = 20;

/// Bytes of a transaction ID.
pub const NATKIT_STUN_ID_SIZE: usize = 12;

/// The longest text attribute with a zero byte (RFC 8489 section 14.3).
pub const NATKIT_STUN_TEXT_SIZE: usize = 764;

/// The longest message to send over UDP while the path MTU is not known, bytes
/// (RFC 8489 section 6.1).
pub const NATKIT_STUN_MAX_UDP_SIZE: usize = 548;

/// No message is longer, bytes.
pub const NATKIT_STUN_MAX_MESSAGE_SIZE: usize = 65552;

/// The longest password or key, bytes.
pub const NATKIT_STUN_MAX_KEY_SIZE: usize = 256;

/// The port of servers unless they say otherwise.
pub const NATKIT_STUN_DEFAULT_PORT: usize = 3478;

/// The class of a message (RFC 8489 section 5).
pub type natkit_stun_class = c_uint;
/// Wants a response.
pub const NATKIT_STUN_REQUEST: natkit_stun_class = 0;
/// Wants none.
pub const NATKIT_STUN_INDICATION: natkit_stun_class = 1;
/// The response to a request that was served.
pub const NATKIT_STUN_SUCCESS_RESPONSE: natkit_stun_class = 2;
/// The response to a request that was not; says why in ERROR-CODE.
pub const NATKIT_STUN_ERROR_RESPONSE: natkit_stun_class = 3;

/// The method of a message; any number below 0x1000 may occur.
pub type natkit_stun_method = c_uint;
/// Which address do you see (RFC 8489 section 3).
pub const NATKIT_STUN_BINDING: natkit_stun_method = 0x001;
/// RFC 8656 (TURN).
pub const NATKIT_STUN_ALLOCATE: natkit_stun_method = 0x003;
/// RFC 8656.
pub const NATKIT_STUN_REFRESH: natkit_stun_method = 0x004;
/// RFC 8656.
pub const NATKIT_STUN_SEND: natkit_stun_method = 0x006;
/// RFC 8656.
pub const NATKIT_STUN_DATA: natkit_stun_method = 0x007;
/// RFC 8656.
pub const NATKIT_STUN_CREATE_PERMISSION: natkit_stun_method = 0x008;
/// RFC 8656.
pub const NATKIT_STUN_CHANNEL_BIND: natkit_stun_method = 0x009;

/// Attribute numbers; any number below 0x10000 may occur. Who does not know one
/// below 0x8000 must not go on with the message.
pub type natkit_stun_attribute_type = c_uint;
/// An address; RFC 8489 section 14.1.
pub const NATKIT_STUN_MAPPED_ADDRESS: natkit_stun_attribute_type = 0x0001;
/// Four bytes of flags; RFC 5780 section 7.2.
pub const NATKIT_STUN_CHANGE_REQUEST: natkit_stun_attribute_type = 0x0003;
/// An address; RFC 3489 section 11.2.5.
pub const NATKIT_STUN_SOURCE_ADDRESS: natkit_stun_attribute_type = 0x0004;
/// An address; RFC 3489 section 11.2.3.
pub const NATKIT_STUN_CHANGED_ADDRESS: natkit_stun_attribute_type = 0x0005;
/// A text; RFC 8489 section 14.3.
pub const NATKIT_STUN_USERNAME: natkit_stun_attribute_type = 0x0006;
/// See natkit_stun_add_integrity(); RFC 8489 section 14.5.
pub const NATKIT_STUN_MESSAGE_INTEGRITY: natkit_stun_attribute_type = 0x0008;
/// See natkit_stun_get_error(); RFC 8489 section 14.8.
pub const NATKIT_STUN_ERROR_CODE: natkit_stun_attribute_type = 0x0009;
/// See natkit_stun_get_types(); RFC 8489 section 14.13.
pub const NATKIT_STUN_UNKNOWN_ATTRIBUTES: natkit_stun_attribute_type = 0x000A;
/// Bytes; RFC 8656 section 18.1.
pub const NATKIT_STUN_CHANNEL_NUMBER: natkit_stun_attribute_type = 0x000C;
/// Four bytes, seconds; RFC 8656 section 18.2.
pub const NATKIT_STUN_LIFETIME: natkit_stun_attribute_type = 0x000D;
/// An address, XORed; RFC 8656 section 18.3.
pub const NATKIT_STUN_XOR_PEER_ADDRESS: natkit_stun_attribute_type = 0x0012;
/// Bytes; RFC 8656 section 18.4.
pub const NATKIT_STUN_DATA_VALUE: natkit_stun_attribute_type = 0x0013;
/// A text; RFC 8489 section 14.9.
pub const NATKIT_STUN_REALM: natkit_stun_attribute_type = 0x0014;
/// A text; RFC 8489 section 14.10.
pub const NATKIT_STUN_NONCE: natkit_stun_attribute_type = 0x0015;
/// An address, XORed; RFC 8656 section 18.5.
pub const NATKIT_STUN_XOR_RELAYED_ADDRESS: natkit_stun_attribute_type = 0x0016;
/// Four bytes; RFC 8656 section 18.8.
pub const NATKIT_STUN_REQUESTED_TRANSPORT: natkit_stun_attribute_type = 0x0019;
/// See natkit_stun_add_integrity(); RFC 8489 section 14.6.
pub const NATKIT_STUN_MESSAGE_INTEGRITY_SHA256: natkit_stun_attribute_type = 0x001C;
/// Bytes; RFC 8489 section 14.12.
pub const NATKIT_STUN_PASSWORD_ALGORITHM: natkit_stun_attribute_type = 0x001D;
/// 32 bytes; RFC 8489 section 14.4.
pub const NATKIT_STUN_USERHASH: natkit_stun_attribute_type = 0x001E;
/// An address, XORed; RFC 8489 section 14.2.
pub const NATKIT_STUN_XOR_MAPPED_ADDRESS: natkit_stun_attribute_type = 0x0020;
/// Four bytes; RFC 8445 section 16.1.
pub const NATKIT_STUN_PRIORITY: natkit_stun_attribute_type = 0x0024;
/// No bytes; RFC 8445 section 16.1.
pub const NATKIT_STUN_USE_CANDIDATE: natkit_stun_attribute_type = 0x0025;
/// Bytes of any kind; RFC 5780 section 7.6.
pub const NATKIT_STUN_PADDING: natkit_stun_attribute_type = 0x0026;
/// Bytes; RFC 5780 section 7.5.
pub const NATKIT_STUN_RESPONSE_PORT: natkit_stun_attribute_type = 0x0027;
/// Bytes; RFC 8489 section 14.11.
pub const NATKIT_STUN_PASSWORD_ALGORITHMS: natkit_stun_attribute_type = 0x8002;
/// A text; RFC 8489 section 14.16.
pub const NATKIT_STUN_ALTERNATE_DOMAIN: natkit_stun_attribute_type = 0x8003;
/// An address, XORed: the number of a draft that some servers send.
pub const NATKIT_STUN_XOR_MAPPED_ADDRESS_DRAFT: natkit_stun_attribute_type = 0x8020;
/// A text; RFC 8489 section 14.14.
pub const NATKIT_STUN_SOFTWARE: natkit_stun_attribute_type = 0x8022;
/// An address; RFC 8489 section 14.15.
pub const NATKIT_STUN_ALTERNATE_SERVER: natkit_stun_attribute_type = 0x8023;
/// See natkit_stun_add_fingerprint(); RFC 8489 section 14.7.
pub const NATKIT_STUN_FINGERPRINT: natkit_stun_attribute_type = 0x8028;
/// Eight bytes; RFC 8445 section 16.1.
pub const NATKIT_STUN_ICE_CONTROLLED: natkit_stun_attribute_type = 0x8029;
/// Eight bytes; RFC 8445 section 16.1.
pub const NATKIT_STUN_ICE_CONTROLLING: natkit_stun_attribute_type = 0x802A;
/// An address; RFC 5780 section 7.3.
pub const NATKIT_STUN_RESPONSE_ORIGIN: natkit_stun_attribute_type = 0x802B;
/// An address; RFC 5780 section 7.4.
pub const NATKIT_STUN_OTHER_ADDRESS: natkit_stun_attribute_type = 0x802C;

extern "C" {
    /// The name of an attribute, such as "XOR-MAPPED-ADDRESS"; "unknown" for
    /// numbers that have none here. Never NULL; static storage.
    pub fn natkit_stun_attribute_name(r#type: u32) -> *const c_char;
}

extern "C" {
    /// The registered reason phrase of an error code, such as "Bad Request"; empty
    /// for others. Never NULL; static storage.
    pub fn natkit_stun_reason(error_code: u32) -> *const c_char;
}

/// What the header of a message says. 24 bytes; will not grow.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_stun_header {
    /// A natkit_stun_class.
    pub message_class: u16,
    /// A natkit_stun_method, or another number below 0x1000.
    pub method: u16,
    /// Bytes of the whole message.
    pub size: u32,
    /// The transaction ID.
    pub id: [u8; NATKIT_STUN_ID_SIZE],
    /// 1 if there is a FINGERPRINT (it matches), else 0.
    pub has_fingerprint: u32,
}

/// One attribute of a message. Will not grow.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_stun_attribute {
    /// Its value, without padding: points into the message.
    pub value: *const u8,
    /// Bytes of the value.
    pub size: usize,
    /// A natkit_stun_attribute_type, or another number below 0x10000.
    pub r#type: u32,
    /// Where its header begins, bytes from the start of the message.
    pub offset: u32,
}

extern "C" {
    /// Tells STUN messages from other datagrams on the same socket: looks at the
    /// first 20 bytes alone (top bits, length, magic cookie).
    ///
    /// Returns 1 or 0; 0 also for NULL
    pub fn natkit_stun_is_message(data: *const c_void, size: usize) -> c_int;
}

extern "C" {
    /// Says how long the message is that begins at `data`, for reading from a stream
    /// (RFC 8489 section 6.2.2): 20 to 65552 bytes. Reads 8 bytes.
    ///
    /// Returns the size in bytes
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_TRUNCATED (fewer than 8 bytes
    /// given), NATKIT_ERR_NOT_STUN, NATKIT_ERR_BAD_LENGTH (no multiple of 4).
    pub fn natkit_stun_peek_size(data: *const c_void, size: usize) -> c_int;
}

extern "C" {
    /// Reads the header of a message and checks all of its structure. Errors: the
    /// parse errors.
    pub fn natkit_stun_parse(data: *const c_void, size: usize, out: *mut natkit_stun_header) -> c_int;
}

extern "C" {
    /// Lists the attributes that count, in order: those after an integrity
    /// attribute do not, except a stronger one and FINGERPRINT (RFC 8489 sections
    /// 14.5 and 14.6). The first `capacity` are written to `out`, which may be NULL
    /// if `capacity` is 0.
    ///
    /// Returns how many there are, which may be more than `capacity`
    ///
    /// Errors: the parse errors.
    pub fn natkit_stun_get_attributes(data: *const c_void, size: usize, out: *mut natkit_stun_attribute, capacity: usize) -> c_int;
}

extern "C" {
    /// Finds the first attribute of a type that counts. Errors: the parse errors,
    /// NATKIT_ERR_NOT_FOUND.
    pub fn natkit_stun_find(data: *const c_void, size: usize, r#type: u32, out: *mut natkit_stun_attribute) -> c_int;
}

extern "C" {
    /// The address that the sender of the request has as the server sees it:
    /// XOR-MAPPED-ADDRESS, else its draft form, else MAPPED-ADDRESS. An IPv4-mapped
    /// IPv6 address becomes IPv4.
    ///
    /// Errors: the parse errors, NATKIT_ERR_NOT_FOUND, and NATKIT_ERR_BAD_LENGTH and
    /// NATKIT_ERR_BAD_VALUE if the attribute is malformed.
    pub fn natkit_stun_get_mapped_address(data: *const c_void, size: usize, out: *mut natkit_address) -> c_int;
}

extern "C" {
    /// Reads the first attribute of `type`, which is one that holds an address
    /// according to its comment, XORed or not.
    ///
    /// Errors: the parse errors, NATKIT_ERR_BAD_ARGUMENT (another type),
    /// NATKIT_ERR_NOT_FOUND, and NATKIT_ERR_BAD_LENGTH and NATKIT_ERR_BAD_VALUE if
    /// the attribute is malformed.
    pub fn natkit_stun_get_address(data: *const c_void, size: usize, r#type: u32, out: *mut natkit_address) -> c_int;
}

extern "C" {
    /// Copies the first attribute of `type` as a text with a zero byte:
    /// NATKIT_STUN_TEXT_SIZE bytes are always enough. Not checked to be UTF-8.
    ///
    /// Returns the length without the zero byte
    ///
    /// Errors: the parse errors, NATKIT_ERR_NOT_FOUND, NATKIT_ERR_BAD_LENGTH (more
    /// than 763 bytes), NATKIT_ERR_BAD_ENCODING (a zero byte within),
    /// NATKIT_ERR_BUFFER_TOO_SMALL.
    pub fn natkit_stun_get_text(data: *const c_void, size: usize, r#type: u32, buffer: *mut c_char, capacity: usize) -> c_int;
}

extern "C" {
    /// Reads the first attribute of `type`, a number of four bytes. Errors: the
    /// parse errors, NATKIT_ERR_NOT_FOUND, NATKIT_ERR_BAD_LENGTH.
    pub fn natkit_stun_get_u32(data: *const c_void, size: usize, r#type: u32, out: *mut u32) -> c_int;
}

extern "C" {
    /// Reads the first attribute of `type`, a number of eight bytes. Errors: the
    /// parse errors, NATKIT_ERR_NOT_FOUND, NATKIT_ERR_BAD_LENGTH.
    pub fn natkit_stun_get_u64(data: *const c_void, size: usize, r#type: u32, out: *mut u64) -> c_int;
}

extern "C" {
    /// Reads ERROR-CODE. The reason is copied to `buffer`, cut to what fits, with a
    /// zero byte; `buffer` may be NULL if `capacity` is 0.
    ///
    /// Returns the code, 300 to 699
    ///
    /// Errors: the parse errors, NATKIT_ERR_NOT_FOUND, and NATKIT_ERR_BAD_LENGTH and
    /// NATKIT_ERR_BAD_VALUE if the attribute is malformed.
    pub fn natkit_stun_get_error(data: *const c_void, size: usize, buffer: *mut c_char, capacity: usize) -> c_int;
}

extern "C" {
    /// Reads UNKNOWN-ATTRIBUTES: the numbers, at most 128, the first `capacity` of
    /// which are written to `out`.
    ///
    /// Returns how many there are, which may be more than `capacity`
    ///
    /// Errors: the parse errors, NATKIT_ERR_NOT_FOUND, NATKIT_ERR_BAD_LENGTH.
    pub fn natkit_stun_get_types(data: *const c_void, size: usize, out: *mut u16, capacity: usize) -> c_int;
}

extern "C" {
    /// Lists the comprehension-required attributes that are neither of RFC 8489
    /// itself nor among the `understood_count` at `understood`, each once, at most
    /// 128: a message with one must not be acted on (RFC 8489 section 6.3). The
    /// first `capacity` are written to `out`.
    ///
    /// Returns how many there are, which may be more than `capacity`
    ///
    /// Errors: the parse errors.
    pub fn natkit_stun_get_unknown_required(data: *const c_void, size: usize, understood: *const u16, understood_count: usize, out: *mut u16, capacity: usize) -> c_int;
}

/// Which of STUN's two ways to prove who one is.
pub type natkit_stun_mechanism = c_uint;
/// RFC 8489 section 9.1, as ICE uses it.
pub const NATKIT_STUN_SHORT_TERM: natkit_stun_mechanism = 0;
/// RFC 8489 section 9.2: the server challenges, with realm and nonce.
pub const NATKIT_STUN_LONG_TERM: natkit_stun_mechanism = 1;

/// How the key of a long-term user is made (RFC 8489 section 18.5).
pub type natkit_stun_algorithm = c_uint;
/// MD5, the only one that RFC 5389 knows.
pub const NATKIT_STUN_MD5: natkit_stun_algorithm = 1;
/// SHA-256.
pub const NATKIT_STUN_SHA256: natkit_stun_algorithm = 2;

/// A key of MESSAGE-INTEGRITY. A secret: to be overwritten by natkit_wipe()
/// when it is no longer needed. Will not grow.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_stun_key {
    /// Its bytes; the rest is zeros.
    pub bytes: [u8; NATKIT_STUN_MAX_KEY_SIZE],
    /// How many they are, from 1.
    pub size: usize,
}

extern "C" {
    /// Makes the key of a short-term password (RFC 8489 section 9.1), which is
    /// prepared first (RFC 8265 OpaqueString; ASCII stays as it is).
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BAD_LENGTH (empty, or more than
    /// 256 bytes), NATKIT_ERR_BAD_ENCODING (not UTF-8), NATKIT_ERR_BAD_VALUE (a
    /// control character), NATKIT_ERR_UNSUPPORTED (characters that natkit cannot
    /// prepare, such as combining marks).
    pub fn natkit_stun_make_short_term_key(password: *const c_char, out: *mut natkit_stun_key) -> c_int;
}

extern "C" {
    /// Makes the key of a long-term user (RFC 8489 section 9.2); `algorithm` is a
    /// natkit_stun_algorithm. Names and passwords are prepared as above; the realm
    /// is taken as it is, at most 763 bytes. Errors: as above; for user names
    /// NATKIT_ERR_BAD_LENGTH beyond 508 bytes.
    pub fn natkit_stun_make_long_term_key(username: *const c_char, realm: *const c_char, password: *const c_char, algorithm: u32, out: *mut natkit_stun_key) -> c_int;
}

/// Which integrity attribute is meant.
pub type natkit_stun_integrity = c_uint;
/// MESSAGE-INTEGRITY-SHA256 if the message has it, else MESSAGE-INTEGRITY;
/// only for natkit_stun_verify().
pub const NATKIT_STUN_STRONGEST: natkit_stun_integrity = 0;
/// MESSAGE-INTEGRITY: HMAC-SHA1 (RFC 8489 section 14.5).
pub const NATKIT_STUN_HMAC_SHA1: natkit_stun_integrity = 1;
/// MESSAGE-INTEGRITY-SHA256 of 32 bytes (RFC 8489 section 14.6).
pub const NATKIT_STUN_HMAC_SHA256: natkit_stun_integrity = 2;

extern "C" {
    /// Verifies the integrity of a message in constant time; `integrity` is a
    /// natkit_stun_integrity. @return 0 if it holds
    ///
    /// Errors: the parse errors, NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_NO_INTEGRITY
    /// (no such attribute), NATKIT_ERR_BAD_INTEGRITY.
    pub fn natkit_stun_verify(data: *const c_void, size: usize, key: *const natkit_stun_key, integrity: u32) -> c_int;
}

/// A message that is being written to the caller's buffer, which has to stay
/// until the end; lives in the caller's memory and needs no release. Its
/// contents are natkit's. Will not grow: `state` has room for later versions.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_stun_builder {
    /// Natkit's: tells a builder that was begun.
    pub mark: u32,
    /// Natkit's: how far the message is.
    pub stage: u32,
    /// Natkit's: the first failure, or 0.
    pub failure: i32,
    /// Zero.
    pub reserved: u32,
    /// Natkit's: the caller's buffer.
    pub buffer: *mut u8,
    /// Natkit's: its size.
    pub capacity: usize,
    /// Natkit's.
    pub state: [u64; 8],
}

extern "C" {
    /// Draws a transaction ID of 12 bytes. `random` may be NULL: the system's.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT.
    pub fn natkit_stun_make_id(random: *const natkit_random, out: *mut u8) -> c_int;
}

extern "C" {
    /// Begins a message in a buffer of `capacity` bytes; `message_class` is a
    /// natkit_stun_class, `method` is below 0x1000, `id` 12 bytes.
    ///
    /// Then come the natkit_stun_add… functions in the order that the message shall
    /// have, and natkit_stun_finish(). A function that fails makes the later ones
    /// fail with the same code, so it is enough to look at that of the last; the
    /// buffer then holds nothing of use. Errors of all of them:
    /// NATKIT_ERR_BAD_ARGUMENT (also for a builder that was not begun),
    /// NATKIT_ERR_BUFFER_TOO_SMALL, NATKIT_ERR_INVALID_STATE (after
    /// natkit_stun_finish(), or an order that is not allowed).
    pub fn natkit_stun_begin(builder: *mut natkit_stun_builder, buffer: *mut c_void, capacity: usize, message_class: u32, method: u32, id: *const u8) -> c_int;
}

extern "C" {
    /// Adds an attribute of any type but those that have functions of their own
    /// below (integrity, FINGERPRINT); the padding is written. `value` may be NULL
    /// if `size` is 0, and must not lie in the builder's buffer.
    pub fn natkit_stun_add(builder: *mut natkit_stun_builder, r#type: u32, value: *const c_void, size: usize) -> c_int;
}

extern "C" {
    /// Adds an attribute that holds an address according to the comment of its
    /// type, XORed or not.
    pub fn natkit_stun_add_address(builder: *mut natkit_stun_builder, r#type: u32, address: *const natkit_address) -> c_int;
}

extern "C" {
    /// Adds a text of at most 763 bytes.
    pub fn natkit_stun_add_text(builder: *mut natkit_stun_builder, r#type: u32, text: *const c_char) -> c_int;
}

extern "C" {
    /// Adds a number of four bytes.
    pub fn natkit_stun_add_u32(builder: *mut natkit_stun_builder, r#type: u32, value: u32) -> c_int;
}

extern "C" {
    /// Adds a number of eight bytes.
    pub fn natkit_stun_add_u64(builder: *mut natkit_stun_builder, r#type: u32, value: u64) -> c_int;
}

extern "C" {
    /// Adds ERROR-CODE: `code` is 300 to 699, `reason` at most 763 bytes or NULL
    /// for the registered phrase.
    pub fn natkit_stun_add_error(builder: *mut natkit_stun_builder, code: u32, reason: *const c_char) -> c_int;
}

extern "C" {
    /// Adds UNKNOWN-ATTRIBUTES with `count` numbers, at most 128.
    pub fn natkit_stun_add_types(builder: *mut natkit_stun_builder, types: *const u16, count: usize) -> c_int;
}

extern "C" {
    /// Adds NATKIT_STUN_HMAC_SHA1 or NATKIT_STUN_HMAC_SHA256, after all ordinary
    /// attributes; if both, in that order.
    pub fn natkit_stun_add_integrity(builder: *mut natkit_stun_builder, key: *const natkit_stun_key, integrity: u32) -> c_int;
}

extern "C" {
    /// Adds FINGERPRINT, as the last attribute.
    pub fn natkit_stun_add_fingerprint(builder: *mut natkit_stun_builder) -> c_int;
}

extern "C" {
    /// Ends the message, which is then in the buffer.
    ///
    /// Returns its size in bytes
    pub fn natkit_stun_finish(builder: *mut natkit_stun_builder) -> c_int;
}

/// No response is longer, bytes.
pub const NATKIT_STUN_MAX_RESPONSE_SIZE: usize = 2048;

/// Answers requests. Made for the open Internet: it answers requests only, so
/// two servers never talk to each other, and keeps no state but tables of fixed
/// size. Does not allocate once it is made, but for what the sums of credentials
/// take for a moment.
#[repr(C)]
pub struct natkit_stun_server {
    _opaque: [u8; 0],
}

/// How many bytes may be sent for those received, over UDP.
pub type natkit_stun_amplification = c_uint;
/// Each response is as short as its protocol allows, and always sent: at most
/// 1.6 times the request, with discovery 3.4 times.
pub const NATKIT_STUN_AMPLIFICATION_MINIMAL: natkit_stun_amplification = 0;
/// Over time never more than came from a source, which may be 48 bytes
/// ahead.
pub const NATKIT_STUN_AMPLIFICATION_BALANCED: natkit_stun_amplification = 1;
/// No response is longer than its request; otherwise silence.
pub const NATKIT_STUN_AMPLIFICATION_NONE: natkit_stun_amplification = 2;

/// The algorithms of long-term keys that a server offers.
pub type natkit_stun_algorithms = c_uint;
/// SHA-256, and MD5 for clients of RFC 5389.
pub const NATKIT_STUN_ALGORITHMS_ALL: natkit_stun_algorithms = 0;
/// SHA-256 alone: clients of RFC 5389 cannot log in.
pub const NATKIT_STUN_ALGORITHMS_SHA256: natkit_stun_algorithms = 1;
/// MD5 alone, as a server of RFC 5389.
pub const NATKIT_STUN_ALGORITHMS_RFC5389: natkit_stun_algorithms = 2;

/// A user of a server. Will not grow.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_stun_user {
    /// The user's name.
    pub username: *const c_char,
    /// The user's password.
    pub password: *const c_char,
}

/// The two addresses and two ports of a server that helps to discover NAT
/// behaviour: four local endpoints, all of one address family, at each of which
/// it has to receive. Will not grow.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_stun_endpoints {
    /// One address and port, such as 192.0.2.1:3478.
    pub primary: natkit_address,
    /// The other address and the other port, such as 192.0.2.2:3479.
    pub other: natkit_address,
    /// What clients see instead of the address of `primary`, where the server is
    /// behind a 1:1 NAT; the port does not count. Not set: the same.
    pub advertised_primary: natkit_address,
    /// The same for `other`.
    pub advertised_other: natkit_address,
}

/// How a server answers.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_stun_server_config {
    /// sizeof(natkit_stun_server_config); see natkit_init().
    pub struct_size: usize,
    /// SOFTWARE of responses, at most 128 bytes; NULL: none.
    pub software: *const c_char,
    /// A natkit_stun_amplification.
    pub amplification: u32,
    /// Not 0: answers Tailscale's clients alone, by the form of their requests.
    pub tailnode_only: u32,
    /// Not 0: answers clients of RFC 3489, over IPv4. Not for a socket that other
    /// protocols share.
    pub answers_rfc3489: u32,
    /// A natkit_stun_mechanism. With NATKIT_STUN_SHORT_TERM and no user, everyone
    /// is answered; else only `users`.
    pub mechanism: u32,
    /// Who is answered.
    pub users: *const natkit_stun_user,
    /// How many they are.
    pub user_count: usize,
    /// The realm of NATKIT_STUN_LONG_TERM, 1 to 127 bytes; else NULL.
    pub realm: *const c_char,
    /// A natkit_stun_algorithms.
    pub algorithms: u32,
    /// Not 0: users have to send their names in clear, not as USERHASH.
    pub no_userhash: u32,
    /// How long a nonce is good, at most a day; 0: 10 minutes.
    pub nonce_lifetime_ns: u64,
    /// 32 secret bytes that nonces are signed with; servers that share them, and
    /// a clock, accept each other's. NULL: drawn at random.
    pub nonce_key: *const u8,
    /// Where users are sent that ask over its address family (300, RFC 8489
    /// section 10). Not set: nowhere.
    pub alternate_server: natkit_address,
    /// Not 0: a source may ask as often as it likes.
    pub no_rate_limit: u32,
    /// Requests per second that a source may go on sending, at most 1000000; 0:
    /// 10. A source is an IPv4 address or an IPv6 /64.
    pub requests_per_second: u32,
    /// Requests at once after a pause, at most 1000000; 0: 60.
    pub request_burst: u32,
    /// Sets of four endpoints for discovery (RFC 5780), such as one for IPv4 and
    /// one for IPv6. None: CHANGE-REQUEST and its like get 420.
    pub endpoint_sets: *const natkit_stun_endpoints,
    /// How many sets, at most 16.
    pub endpoint_set_count: usize,
    /// One answer to another port (RESPONSE-PORT) per source in this time, at
    /// most a day; 0: 2 seconds.
    pub response_port_interval_ns: u64,
    /// So many of these at once after a pause, at most 1000; 0: 3.
    pub response_port_burst: u32,
    /// Buckets of each table of sources, at most 2^24, of up to 24 bytes each; 0:
    /// 4096.
    pub table_size: u32,
    /// Asked during natkit_stun_server_new() alone; NULL: the system.
    pub random: *const natkit_random,
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_stun_server_config {}

/// The way of a response. Will not grow.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_stun_reply {
    /// The local endpoint to send from: where the request arrived or, with
    /// CHANGE-REQUEST, another one of the four. Not set if that was not known.
    pub from: natkit_address,
    /// Whom to send to.
    pub to: natkit_address,
}

/// What became of the datagrams: each is counted in `received`, and in one of
/// the others up to `too_long`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_stun_counters {
    /// sizeof(natkit_stun_counters); see natkit_init().
    pub struct_size: usize,
    /// Datagrams, and messages from streams.
    pub received: u64,
    /// Answered with a success response.
    pub answered: u64,
    /// Answered with a success response of RFC 3489.
    pub answered_rfc3489: u64,
    /// Answered with 420.
    pub unknown_attribute: u64,
    /// Answered with 400, 401 or 438.
    pub unauthenticated: u64,
    /// Answered with 300.
    pub sent_elsewhere: u64,
    /// Answered with 400 or 403: attributes of RFC 5780 that are malformed or not
    /// allowed.
    pub refused_discovery: u64,
    /// Malformed, or of another protocol.
    pub not_stun: u64,
    /// RFC 3489, which is not answered.
    pub refused_rfc3489: u64,
    /// Responses, indications, other methods.
    pub not_a_request: u64,
    /// Not of the form that `tailnode_only` wants.
    pub refused_form: u64,
    /// From an address that cannot be answered, or from the server itself.
    pub refused_source: u64,
    /// Beyond the rate limit.
    pub rate_limited: u64,
    /// The response would have been longer than natkit_stun_amplification allows.
    pub too_long: u64,
    /// Of those answered: CHANGE-REQUEST was honoured.
    pub changed: u64,
    /// Of those answered: RESPONSE-PORT was honoured.
    pub redirected: u64,
    /// Of those answered: with PADDING.
    pub padded: u64,
    /// Bytes of all that was received.
    pub received_bytes: u64,
    /// Bytes of all responses.
    pub sent_bytes: u64,
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_stun_counters {}

extern "C" {
    /// Makes a server.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT (also for endpoints that are not two
    /// addresses of one family and two ports), NATKIT_ERR_STRUCT_SIZE,
    /// NATKIT_ERR_UNSUPPORTED, NATKIT_ERR_LIMIT_EXCEEDED (too many handles), and
    /// those of natkit_stun_make_short_term_key() for names and passwords.
    pub fn natkit_stun_server_new(config: *const natkit_stun_server_config, out: *mut *mut natkit_stun_server) -> c_int;
}

extern "C" {
    /// Frees a server; NULL is allowed.
    pub fn natkit_stun_server_free(server: *mut natkit_stun_server);
}

extern "C" {
    /// Answers a datagram that came from `from` to `local` (NULL or not set: not
    /// known). The response is written to `buffer`, which must not overlap `data`,
    /// and its way to `out`.
    ///
    /// Returns the size of the response; 0: nothing is to be sent
    ///
    /// Errors: NATKIT_ERR_BUFFER_TOO_SMALL (`capacity` is less than
    /// NATKIT_STUN_MAX_RESPONSE_SIZE; the datagram was not looked at).
    pub fn natkit_stun_server_handle_datagram(server: *mut natkit_stun_server, now_ns: u64, local: *const natkit_address, from: *const natkit_address, data: *const c_void, size: usize, out: *mut natkit_stun_reply, buffer: *mut c_void, capacity: usize) -> c_int;
}

extern "C" {
    /// Answers `count` datagrams: `remote` is where one came from, `local` where it
    /// arrived. Responses are appended to `replies` with `remote` and `local` of
    /// their way and the `peer` of the request; not every request has one. Requests
    /// must not lie in the room that `replies` has left.
    ///
    /// Returns how many were appended
    ///
    /// Errors: NATKIT_ERR_STRUCT_SIZE, NATKIT_ERR_BUFFER_TOO_SMALL (there has to be
    /// room for `count` packets of NATKIT_STUN_MAX_RESPONSE_SIZE bytes; no datagram
    /// was looked at).
    pub fn natkit_stun_server_handle_batch(server: *mut natkit_stun_server, now_ns: u64, requests: *const natkit_packet, count: usize, replies: *mut natkit_batch) -> c_int;
}

extern "C" {
    /// Answers a message of a TCP or TLS connection, which is as long as
    /// natkit_stun_peek_size() says. `local` may be NULL or not set: not known.
    ///
    /// Returns the size of the response; 0: the connection is to be closed
    ///
    /// Errors: as natkit_stun_server_handle_datagram().
    pub fn natkit_stun_server_handle_stream(server: *mut natkit_stun_server, now_ns: u64, local: *const natkit_address, from: *const natkit_address, data: *const c_void, size: usize, buffer: *mut c_void, capacity: usize) -> c_int;
}

extern "C" {
    /// What became of the datagrams so far. Errors: NATKIT_ERR_BAD_ARGUMENT,
    /// NATKIT_ERR_STRUCT_SIZE.
    pub fn natkit_stun_server_get_counters(server: *const natkit_stun_server, out: *mut natkit_stun_counters) -> c_int;
}

/// What clients, or servers, share; see natkit_tls_context_new_client().
#[repr(C)]
pub struct natkit_tls_context {
    _opaque: [u8; 0],
}

/// A version of TLS.
pub type natkit_tls_version = c_uint;
/// In a configuration: no bound of the caller's.
pub const NATKIT_TLS_VERSION_DEFAULT: natkit_tls_version = 0;
/// TLS 1.2 (RFC 5246).
pub const NATKIT_TLS_1_2: natkit_tls_version = 2;
/// TLS 1.3 (RFC 8446).
pub const NATKIT_TLS_1_3: natkit_tls_version = 3;

/// The longest text in PEM that is accepted, in bytes.
pub const NATKIT_TLS_MAX_PEM: usize = 16777216;

/// The most application protocols in a configuration.
pub const NATKIT_TLS_MAX_ALPN: usize = 32;

/// How clients check servers, and what they offer.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_tls_client_config {
    /// sizeof(natkit_tls_client_config); see natkit_init().
    pub struct_size: usize,
    /// Trusted roots, concatenated PEM: such as the contents of
    /// /etc/ssl/certs/ca-certificates.crt. NULL: none, for servers with a pin.
    pub roots_pem: *const c_char,
    /// Application protocols to offer (RFC 7301), the favourite first, of 1 to
    /// 255 bytes. NULL if there are none.
    pub alpn: *const *const c_char,
    /// How many there are.
    pub alpn_count: usize,
    /// The date to judge certificates by, in seconds since 1970 (UTC); 0: the
    /// system's clock when a handshake comes to it. To the year 9999.
    pub verification_time_s: u64,
    /// The lowest natkit_tls_version; 0: TLS 1.2.
    pub min_version: u32,
    /// The highest natkit_tls_version; 0: TLS 1.3.
    pub max_version: u32,
    /// Not 0: anybody is taken for the server. Only for tests.
    pub insecure_no_verification: u32,
    /// Zero.
    pub reserved: u32,
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_tls_client_config {}

extern "C" {
    /// Makes a context for clients; free it by natkit_tls_context_free(). Channels
    /// keep what they need of it.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE,
    /// NATKIT_ERR_UNSUPPORTED, NATKIT_ERR_BAD_CERTIFICATE (no root in `roots_pem` is
    /// usable), NATKIT_ERR_BAD_VALUE (an impossible protocol name),
    /// NATKIT_ERR_LIMIT_EXCEEDED (too many handles).
    pub fn natkit_tls_context_new_client(config: *const natkit_tls_client_config, out: *mut *mut natkit_tls_context) -> c_int;
}

/// How a server presents itself.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_tls_server_config {
    /// sizeof(natkit_tls_server_config); see natkit_init().
    pub struct_size: usize,
    /// The certificate and its chain, the server's own first; PEM, required.
    pub chain_pem: *const c_char,
    /// Its private key: PKCS#8, PKCS#1 or SEC1 in PEM, not encrypted; required.
    pub key_pem: *const c_char,
    /// Certificates in DER that are sent after the chain, as they are: a relay's
    /// meta certificate. NULL if there are none.
    pub appended: *const *const u8,
    /// The bytes of each of them.
    pub appended_sizes: *const usize,
    /// How many there are, to 16.
    pub appended_count: usize,
    /// Application protocols (RFC 7301), the favourite first, of 1 to 255 bytes.
    /// A client that offers none of them, but others, is refused. NULL: what
    /// clients offer is ignored.
    pub alpn: *const *const c_char,
    /// How many there are.
    pub alpn_count: usize,
    /// The lowest natkit_tls_version; 0: TLS 1.2.
    pub min_version: u32,
    /// Zero.
    pub reserved: u32,
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_tls_server_config {}

extern "C" {
    /// Makes a context for servers; free it by natkit_tls_context_free(). Channels
    /// keep what they need of it.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE,
    /// NATKIT_ERR_UNSUPPORTED, NATKIT_ERR_BAD_CERTIFICATE,
    /// NATKIT_ERR_BAD_PRIVATE_KEY, NATKIT_ERR_KEY_MISMATCH, NATKIT_ERR_BAD_VALUE (an
    /// impossible protocol name), NATKIT_ERR_LIMIT_EXCEEDED (too many handles).
    pub fn natkit_tls_context_new_server(config: *const natkit_tls_server_config, out: *mut *mut natkit_tls_context) -> c_int;
}

extern "C" {
    /// Exchanges a server context's certificate and key, for channels from now on.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT (also for a context for clients),
    /// NATKIT_ERR_BAD_CERTIFICATE, NATKIT_ERR_BAD_PRIVATE_KEY,
    /// NATKIT_ERR_KEY_MISMATCH.
    pub fn natkit_tls_context_reload(context: *mut natkit_tls_context, chain_pem: *const c_char, key_pem: *const c_char) -> c_int;
}

extern "C" {
    /// Frees a context; its channels go on. NULL has no effect.
    pub fn natkit_tls_context_free(context: *mut natkit_tls_context);
}

/// A buffer of this size has room for what natkit_tls_make_self_signed() makes.
pub const NATKIT_TLS_PEM_SIZE: usize = 4096;

extern "C" {
    /// Makes a private key (P-256) and a certificate that signs itself, for the
    /// server `host` (a DNS name or an IP address), valid for a year from `now_s`,
    /// seconds since 1970. Clients trust it by natkit_tls_get_pin(). Wipe the key
    /// (natkit_wipe()) after use. Thread-safe.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BAD_VALUE (such a host cannot be
    /// in a certificate), NATKIT_ERR_BUFFER_TOO_SMALL (NATKIT_TLS_PEM_SIZE is always
    /// enough for each).
    pub fn natkit_tls_make_self_signed(host: *const c_char, now_s: u64, chain_pem: *mut c_char, chain_capacity: usize, key_pem: *mut c_char, key_capacity: usize) -> c_int;
}

/// The text of a pin, "sha256-raw:" and 64 hex digits, with its zero byte.
pub const NATKIT_TLS_PIN_SIZE: usize = 76;

extern "C" {
    /// Writes the pin of the first certificate of a PEM text, which is SHA-256 of
    /// its DER, to `buffer`. Thread-safe.
    ///
    /// Returns the length without the zero byte
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BAD_CERTIFICATE,
    /// NATKIT_ERR_BUFFER_TOO_SMALL (NATKIT_TLS_PIN_SIZE is always enough).
    pub fn natkit_tls_get_pin(chain_pem: *const c_char, buffer: *mut c_char, capacity: usize) -> c_int;
}

/// One end of a TLS connection; see natkit_tls_channel_connect().
#[repr(C)]
pub struct natkit_tls_channel {
    _opaque: [u8; 0],
}

extern "C" {
    /// Makes a client's end of a connection to `host`, a DNS name or an IP address;
    /// free it by natkit_tls_channel_free(). Its first ciphertext waits at once.
    ///
    /// `certificate_name` says what the server's certificate must be. NULL: one that
    /// a trusted root vouches for, valid for `host`. A DNS name: valid for that name
    /// instead. A pin (natkit_tls_get_pin()): exactly that certificate, inside its
    /// dates and, if `host` is a DNS name, valid for it. Errors:
    /// NATKIT_ERR_BAD_ARGUMENT (also for a context for servers),
    /// NATKIT_ERR_BAD_VALUE (`host` cannot be a server's name),
    /// NATKIT_ERR_BAD_ENCODING or NATKIT_ERR_BAD_LENGTH (a bad pin),
    /// NATKIT_ERR_LIMIT_EXCEEDED (too many handles).
    pub fn natkit_tls_channel_connect(context: *const natkit_tls_context, host: *const c_char, certificate_name: *const c_char, out: *mut *mut natkit_tls_channel) -> c_int;
}

extern "C" {
    /// Makes a server's end of a connection; free it by natkit_tls_channel_free().
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT (also for a context for clients),
    /// NATKIT_ERR_LIMIT_EXCEEDED (too many handles).
    pub fn natkit_tls_channel_accept(context: *const natkit_tls_context, out: *mut *mut natkit_tls_channel) -> c_int;
}

extern "C" {
    /// Frees a channel; NULL has no effect.
    pub fn natkit_tls_channel_free(channel: *mut natkit_tls_channel);
}

extern "C" {
    /// Takes bytes of the other side, split anywhere.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT; NATKIT_ERR_LIMIT_EXCEEDED (256 KiB wait to
    /// be read: nothing was taken); and NATKIT_ERR_TLS_HANDSHAKE,
    /// NATKIT_ERR_TLS_PROTOCOL, NATKIT_ERR_BAD_CERTIFICATE, NATKIT_ERR_CLOSED (see
    /// natkit_tls_channel_handle_end_of_stream()): the channel has failed.
    pub fn natkit_tls_channel_handle_ciphertext(channel: *mut natkit_tls_channel, data: *const c_void, size: usize) -> c_int;
}

extern "C" {
    /// Says that the stream has ended.
    ///
    /// Errors: NATKIT_ERR_CLOSED: the other side had not said that this is the end,
    /// so something may be missing. The channel has failed. Or why it has before.
    pub fn natkit_tls_channel_handle_end_of_stream(channel: *mut natkit_tls_channel) -> c_int;
}

extern "C" {
    /// The next bytes for the other side: at most `capacity` to `buffer`.
    ///
    /// Returns their number; 0 if there are none
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT.
    pub fn natkit_tls_channel_read_ciphertext(channel: *mut natkit_tls_channel, buffer: *mut c_void, capacity: usize) -> c_int;
}

extern "C" {
    ///
    /// Returns how many bytes natkit_tls_channel_read_ciphertext() has
    pub fn natkit_tls_channel_get_pending_ciphertext(channel: *const natkit_tls_channel) -> c_int;
}

extern "C" {
    /// Encrypts the beginning of `data`, as much as there is room for.
    ///
    /// Returns the bytes taken; 0 before the handshake is done, and while 256 KiB of
    /// ciphertext wait
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_CLOSED (after
    /// natkit_tls_channel_close()), NATKIT_ERR_TLS_PROTOCOL, or why the channel has
    /// failed before.
    pub fn natkit_tls_channel_write_plaintext(channel: *mut natkit_tls_channel, data: *const c_void, size: usize) -> c_int;
}

extern "C" {
    /// Decrypts what the other side wrote: at most `capacity` to `buffer`.
    ///
    /// Returns the bytes; 0 if there are none yet, or no more
    /// (natkit_tls_channel_is_peer_closed())
    ///
    /// Errors: as natkit_tls_channel_handle_ciphertext().
    pub fn natkit_tls_channel_read_plaintext(channel: *mut natkit_tls_channel, buffer: *mut c_void, capacity: usize) -> c_int;
}

extern "C" {
    /// Tells the other side that this is the end; reading goes on. Repeating it is
    /// harmless.
    pub fn natkit_tls_channel_close(channel: *mut natkit_tls_channel) -> c_int;
}

extern "C" {
    ///
    /// Returns 1 once the handshake is done, until a failure; else 0
    pub fn natkit_tls_channel_is_handshake_done(channel: *const natkit_tls_channel) -> c_int;
}

extern "C" {
    ///
    /// Returns 1 once the other side has said that this is the end, else 0
    pub fn natkit_tls_channel_is_peer_closed(channel: *const natkit_tls_channel) -> c_int;
}

extern "C" {
    ///
    /// Returns 1 while natkit_tls_channel_write_plaintext() would take bytes, else
    /// 0
    pub fn natkit_tls_channel_is_writable(channel: *const natkit_tls_channel) -> c_int;
}

extern "C" {
    ///
    /// Returns the natkit_tls_version of the connection; 0 until the handshake is
    /// done
    pub fn natkit_tls_channel_get_version(channel: *const natkit_tls_channel) -> c_int;
}

extern "C" {
    /// Writes the application protocol that both sides agreed on to `buffer`, which
    /// 256 bytes are always enough for.
    ///
    /// Returns the length without the zero byte; 0: none
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BUFFER_TOO_SMALL.
    pub fn natkit_tls_channel_get_alpn(channel: *const natkit_tls_channel, buffer: *mut c_char, capacity: usize) -> c_int;
}

extern "C" {
    /// Writes why the channel has failed, such as "certificate has expired", to
    /// `buffer`, cut to what fits. No secrets are in it.
    ///
    /// Returns the length without the zero byte; 0: it has not
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT (also for a size of 0).
    pub fn natkit_tls_channel_get_error_text(channel: *const natkit_tls_channel, buffer: *mut c_char, capacity: usize) -> c_int;
}

extern "C" {
    /// Writes a certificate that the other side sent, in DER, to `buffer`: `index` 0
    /// is its own. Verified or not; servers are sent none. With `buffer` NULL and
    /// `capacity` 0 it only tells the size.
    ///
    /// Returns its size in bytes
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_NOT_FOUND (no such one),
    /// NATKIT_ERR_BUFFER_TOO_SMALL.
    pub fn natkit_tls_channel_get_peer_certificate(channel: *const natkit_tls_channel, index: usize, buffer: *mut c_void, capacity: usize) -> c_int;
}

extern "C" {
    /// The public key of a DERP relay (32 bytes, to `out`), from the certificates
    /// that it sent: for natkit_derp_client_start().
    ///
    /// Returns 1 with `*out`, or 0 if it sent none, or the connection is not TLS 1.3
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT.
    pub fn natkit_tls_channel_get_derp_key(channel: *const natkit_tls_channel, out: *mut u8) -> c_int;
}

extern "C" {
    /// Derives secret bytes that both ends of exactly this connection share and
    /// nobody else knows (RFC 8446 section 7.5): `size` bytes, 1 to 8,160, to `out`.
    /// `label` tells their purpose, to 249 bytes; `context` of `context_size` bytes,
    /// to 64 KiB, may bind them to more, and may be NULL if that is 0.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BAD_VALUE (`size` is out of its
    /// bounds), NATKIT_ERR_INVALID_STATE (before the handshake is done, and after a
    /// failure), NATKIT_ERR_UNSUPPORTED (TLS 1.2).
    pub fn natkit_tls_channel_export(channel: *const natkit_tls_channel, label: *const c_char, context: *const c_void, context_size: usize, out: *mut c_void, size: usize) -> c_int;
}

/// One WireGuard interface with any number of peers.
#[repr(C)]
pub struct natkit_wg_device {
    _opaque: [u8; 0],
}

/// natkit_wg_device_config::endpoints.
pub type natkit_wg_endpoints = c_uint;
/// Packets for a peer whose address is not known are dropped.
pub const NATKIT_WG_ENDPOINTS_REQUIRED: natkit_wg_endpoints = 0;
/// The caller knows how to reach peers by their number: datagrams are made
/// also for peers without an address.
pub const NATKIT_WG_ENDPOINTS_BY_OWNER: natkit_wg_endpoints = 1;

/// How a device is made.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_wg_device_config {
    /// sizeof(natkit_wg_device_config); see natkit_init().
    pub struct_size: usize,
    /// Where random bytes come from; NULL: from the system.
    pub random: *const natkit_random,
    /// The time of this call.
    pub now_ns: u64,
    /// The wall clock at `now_ns`: nanoseconds since 1970, UTC, not 0 and below
    /// 2^62; see natkit_wall_clock_ns(). Handshakes carry it: peers refuse what is
    /// not later than what they have seen, in earlier runs too.
    pub wall_clock_ns: u64,
    /// Our private key; zeros: none yet.
    pub private_key: [u8; NATKIT_KEY_SIZE],
    /// A natkit_wg_endpoints.
    pub endpoints: u32,
    /// The tunnel's MTU: packets are not padded beyond it. 0: 1420.
    pub mtu: u32,
    /// 0: 65,536.
    pub max_peers: u32,
    /// Packets that may wait for a handshake, of each peer. 0: 128.
    pub max_staged_packets: u32,
    /// Bytes of them. 0: 262,144.
    pub max_staged_bytes: u32,
    /// Handshake messages in one second that put the device under load: senders
    /// need cookies then (paper, section 5.3). 0: 250.
    pub handshakes_per_second: u32,
    /// Events that wait for the caller. 0: 4096.
    pub max_queued_events: u32,
    /// Not 0: keepalives that come in are given out, as empty packets.
    pub reports_keepalives: u32,
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_wg_device_config {}

extern "C" {
    /// Makes a device.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT (also for a `wall_clock_ns` of 0),
    /// NATKIT_ERR_STRUCT_SIZE, NATKIT_ERR_UNSUPPORTED, NATKIT_ERR_LIMIT_EXCEEDED.
    pub fn natkit_wg_device_new(config: *const natkit_wg_device_config, out: *mut *mut natkit_wg_device) -> c_int;
}

extern "C" {
    /// Frees a device and wipes its keys; `device` may be NULL.
    pub fn natkit_wg_device_free(device: *mut natkit_wg_device);
}

extern "C" {
    /// Sets our private key (32 bytes); NULL or zeros take it away. A changed key
    /// drops all sessions; a peer with our own public key is removed. The same key
    /// again changes nothing.
    pub fn natkit_wg_device_set_private_key(device: *mut natkit_wg_device, now_ns: u64, private_key: *const u8) -> c_int;
}

/// What a device is to know about a peer.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_wg_peer_config {
    /// sizeof(natkit_wg_peer_config); see natkit_init().
    pub struct_size: usize,
    /// Where packets to the peer go, and from where it may send. A prefix that
    /// another peer has leaves that peer. NULL if there are none.
    pub allowed_ips: *const natkit_prefix,
    /// How many.
    pub allowed_ip_count: usize,
    /// How often a datagram is sent at least, to keep NATs open: at most 65,535
    /// seconds. 0: never.
    pub keepalive_ns: u64,
    /// The peer's public key.
    pub public_key: [u8; NATKIT_KEY_SIZE],
    /// The key that both share beside their own; zeros: none.
    pub preshared_key: [u8; NATKIT_KEY_SIZE],
    /// Where the peer is. Not set: as before, or not known yet.
    pub endpoint: natkit_address,
    /// Not 0: `allowed_ips` add to those that the peer has; 0: they replace them.
    pub adds_allowed_ips: u32,
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_wg_peer_config {}

extern "C" {
    /// Adds a peer, or changes the one with this public key into what `config`
    /// says; its session goes on. `out_peer`, unless NULL, gets its number: from 1
    /// up, never used again.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT (also for a bad prefix, family or duration),
    /// NATKIT_ERR_BAD_VALUE (our own key, the zero key, a keepalive too long),
    /// NATKIT_ERR_LIMIT_EXCEEDED (max_peers), NATKIT_ERR_STRUCT_SIZE,
    /// NATKIT_ERR_UNSUPPORTED.
    pub fn natkit_wg_device_set_peer(device: *mut natkit_wg_device, now_ns: u64, config: *const natkit_wg_peer_config, out_peer: *mut u32) -> c_int;
}

extern "C" {
    /// Removes a peer and its sessions. Errors: NATKIT_ERR_NOT_FOUND.
    pub fn natkit_wg_device_remove_peer(device: *mut natkit_wg_device, peer: u32) -> c_int;
}

extern "C" {
    /// Has datagrams for the peer go to `remote`, from `local` (may be NULL or not
    /// set: any), until an authentic datagram comes from elsewhere.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_NOT_FOUND.
    pub fn natkit_wg_device_set_endpoint(device: *mut natkit_wg_device, peer: u32, remote: *const natkit_address, local: *const natkit_address) -> c_int;
}

extern "C" {
    /// Finds the number of the peer with a public key (32 bytes).
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_NOT_FOUND.
    pub fn natkit_wg_device_find_peer(device: *const natkit_wg_device, public_key: *const u8, out_peer: *mut u32) -> c_int;
}

extern "C" {
    /// Finds the peer that packets to `address` go to: the longest prefix wins. The
    /// port is ignored.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_NO_ROUTE.
    pub fn natkit_wg_device_find_route(device: *const natkit_wg_device, address: *const natkit_address, out_peer: *mut u32) -> c_int;
}

extern "C" {
    /// Fills `out` with what there is to know about a peer.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE,
    /// NATKIT_ERR_NOT_FOUND.
    pub fn natkit_wg_device_get_peer_status(device: *const natkit_wg_device, peer: u32, out: *mut natkit_wg_peer_status) -> c_int;
}

extern "C" {
    /// The prefixes that a peer is allowed. The first `capacity` are written to
    /// `out`, which may be NULL if `capacity` is 0.
    ///
    /// Returns how many there are, which may be more than `capacity`
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_NOT_FOUND.
    pub fn natkit_wg_device_get_allowed_ips(device: *const natkit_wg_device, peer: u32, out: *mut natkit_prefix, capacity: usize) -> c_int;
}

extern "C" {
    /// The numbers of all peers, in the order they were added. The first `capacity`
    /// are written to `out`, which may be NULL if `capacity` is 0.
    ///
    /// Returns how many there are, which may be more than `capacity`
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT.
    pub fn natkit_wg_device_get_peers(device: *const natkit_wg_device, out: *mut u32, capacity: usize) -> c_int;
}

/// What there is to know about a device; no secrets.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_wg_device_status {
    /// sizeof(natkit_wg_device_status); see natkit_init().
    pub struct_size: usize,
    /// Our public key; zeros without a private one.
    pub public_key: [u8; NATKIT_KEY_SIZE],
    /// How many peers there are.
    pub peer_count: u32,
    /// The UDP port that configuration asks for, which the caller opens; 0: any.
    pub listen_port: u32,
    /// The mark that configuration asks for, which the caller sets on its
    /// socket; 0: none.
    pub fwmark: u32,
    /// Zero.
    pub reserved: u32,
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_wg_device_status {}

extern "C" {
    /// Fills `out`. Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE.
    pub fn natkit_wg_device_get_status(device: *const natkit_wg_device, out: *mut natkit_wg_device_status) -> c_int;
}

extern "C" {
    /// Notes the port of the caller's socket, for who asks with `get=1`. Errors:
    /// NATKIT_ERR_BAD_ARGUMENT (over 65,535).
    pub fn natkit_wg_device_set_listen_port(device: *mut natkit_wg_device, port: u32) -> c_int;
}

extern "C" {
    /// Fills `out`. Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE.
    pub fn natkit_wg_device_get_counters(device: *const natkit_wg_device, out: *mut natkit_wg_counters) -> c_int;
}

extern "C" {
    /// Says whether the caller is under load. `is_high` not 0: every sender of a
    /// handshake needs a cookie; 0: the device judges by itself, as at the start.
    pub fn natkit_wg_device_report_load(device: *mut natkit_wg_device, is_high: c_int) -> c_int;
}

extern "C" {
    /// Serves one operation of WireGuard's configuration protocol, as programs send
    /// it to a device's UNIX socket: `set=1` or `get=1` with its lines. The answer
    /// goes to `buffer` with a zero byte; both texts may hold keys, and copies made
    /// here are wiped. `out_size`, unless NULL, gets the bytes that the answer
    /// needs, also when `capacity` is less.
    ///
    /// Returns the length of the answer without the zero byte; it ends with
    /// "errno=0\n\n" if the operation was a success
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT; NATKIT_ERR_BUFFER_TOO_SMALL: nothing was
    /// done (64 bytes are enough for each `set=1`).
    pub fn natkit_wg_device_handle_uapi(device: *mut natkit_wg_device, now_ns: u64, request: *const c_char, request_size: usize, buffer: *mut c_char, capacity: usize, out_size: *mut usize) -> c_int;
}

extern "C" {
    /// Seals IP packets for the peers that are allowed their destinations. Only
    /// `data` and `size` of `packets` count. Without a session the packet waits,
    /// and a handshake starts; a packet that goes nowhere is dropped and counted.
    ///
    /// Each packet needs room for one datagram of NATKIT_WG_SEALED_SIZE(size);
    /// handshakes that become due, and packets that waited, need more.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT (also for more than 65,535 bytes), and as
    /// said above.
    pub fn natkit_wg_device_send_packets(device: *mut natkit_wg_device, now_ns: u64, packets: *const natkit_packet, count: usize, datagrams: *mut natkit_batch) -> c_int;
}

extern "C" {
    /// Takes datagrams that came in. `remote` of each is where it came from, `local`
    /// where it came to, if known. IP packets that were in them are appended to
    /// `plaintext` with the addresses of the datagram and the number of the sender
    /// in `peer`. What is not authentic is dropped and counted.
    ///
    /// `plaintext` must have room for `count` packets and for the sizes of all of
    /// them together, else NATKIT_ERR_BUFFER_TOO_SMALL and nothing happened.
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT (also for more than 65,535 bytes),
    /// NATKIT_ERR_BUFFER_TOO_SMALL, and as said above.
    pub fn natkit_wg_device_handle_datagrams(device: *mut natkit_wg_device, now_ns: u64, packets: *const natkit_packet, count: usize, plaintext: *mut natkit_batch, datagrams: *mut natkit_batch) -> c_int;
}

extern "C" {
    /// Does what is due. Early, late or repeated calls are harmless. Errors: as
    /// said above.
    pub fn natkit_wg_device_handle_timeout(device: *mut natkit_wg_device, now_ns: u64, datagrams: *mut natkit_batch) -> c_int;
}

extern "C" {
    /// Starts a handshake, which is retried for 90 seconds; a session that exists
    /// goes on until then. At most one in 5 seconds, or with `is_forced`, as when
    /// another path came up, in 20 milliseconds.
    ///
    /// Errors: NATKIT_ERR_NOT_FOUND, NATKIT_ERR_INVALID_STATE (no private key, no
    /// endpoint, or a peer's key that is none), NATKIT_ERR_LIMIT_EXCEEDED (too soon;
    /// it is tried when the time has come), and as said above.
    pub fn natkit_wg_device_initiate_handshake(device: *mut natkit_wg_device, now_ns: u64, peer: u32, is_forced: c_int, datagrams: *mut natkit_batch) -> c_int;
}

extern "C" {
    /// Makes an empty packet for a peer, to prove a path.
    ///
    /// Errors: NATKIT_ERR_NOT_FOUND, NATKIT_ERR_NO_SESSION, and as said above.
    pub fn natkit_wg_device_send_keepalive(device: *mut natkit_wg_device, now_ns: u64, peer: u32, datagrams: *mut natkit_batch) -> c_int;
}

extern "C" {
    /// Appends datagrams that were kept because a batch had no room for them.
    ///
    /// Returns how many; 0 if none is left
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE,
    /// NATKIT_ERR_BUFFER_TOO_SMALL (not even one fits; it is still kept).
    pub fn natkit_wg_device_poll_transmit(device: *mut natkit_wg_device, datagrams: *mut natkit_batch) -> c_int;
}

extern "C" {
    /// Takes the next event.
    ///
    /// Returns 1 with `out` filled, 0 if there is none
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE.
    pub fn natkit_wg_device_poll_event(device: *mut natkit_wg_device, out: *mut natkit_wg_event) -> c_int;
}

extern "C" {
    /// When to call natkit_wg_device_handle_timeout() next; at once while datagrams
    /// are kept.
    ///
    /// Returns 1 with `*out_ns` set, 0 if nothing is planned
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT.
    pub fn natkit_wg_device_next_timeout(device: *const natkit_wg_device, out_ns: *mut u64) -> c_int;
}

/// Bytes that sealing adds to the padded packet (paper, section 5.4.6).
pub const NATKIT_WG_OVERHEAD: usize = 32;

/// The longest IP packet that can be sealed.
pub const NATKIT_WG_MAX_PACKET_SIZE: usize = 65475;

/// Bytes of the longest handshake message.
pub const NATKIT_WG_HANDSHAKE_SIZE: usize = 148;

/// Bytes of datagrams that a handle keeps for the caller before it refuses to
/// make more; see natkit_wg_device_poll_transmit().
pub const NATKIT_WG_KEPT_LIMIT: usize = 1048576;

/// natkit_wg_event::type.
pub type natkit_wg_event_type = c_uint;
/// A new session is in use.
pub const NATKIT_WG_EVENT_HANDSHAKE_COMPLETED: natkit_wg_event_type = 1;
/// No answer for 90 seconds: retries have stopped, packets that waited are
/// gone. The next packet to the peer starts over.
pub const NATKIT_WG_EVENT_HANDSHAKE_GAVE_UP: natkit_wg_event_type = 2;
/// An authentic datagram came from, or to, another address than before; the
/// device sends there from now on. Not of tunnels.
pub const NATKIT_WG_EVENT_ENDPOINT_CHANGED: natkit_wg_event_type = 3;
/// All keys of the peer were erased: 9 minutes without a new handshake, or
/// another private key.
pub const NATKIT_WG_EVENT_SESSION_EXPIRED: natkit_wg_event_type = 4;

/// Something that happened.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_wg_event {
    /// sizeof(natkit_wg_event); see natkit_init().
    pub struct_size: usize,
    /// A natkit_wg_event_type.
    pub r#type: u32,
    /// The peer.
    pub peer: u32,
    /// HANDSHAKE_COMPLETED: 1 if we began the handshake, else 0.
    pub is_initiator: u32,
    /// ENDPOINT_CHANGED: where the peer is.
    pub remote: natkit_address,
    /// ENDPOINT_CHANGED: our address that it sends to, as far as known.
    pub local: natkit_address,
    /// Zero.
    pub reserved: u32,
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_wg_event {}

/// What there is to know about a peer; no secrets.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_wg_peer_status {
    /// sizeof(natkit_wg_peer_status); see natkit_init().
    pub struct_size: usize,
    /// Bytes of authentic datagrams from the peer, of all kinds.
    pub rx_bytes: u64,
    /// Bytes of datagrams for the peer, of all kinds.
    pub tx_bytes: u64,
    /// When the last handshake was completed, by the wall clock: nanoseconds
    /// since 1970. 0: never.
    pub last_handshake_ns: u64,
    /// See natkit_wg_peer_config::keepalive_ns.
    pub keepalive_ns: u64,
    /// The peer's public key.
    pub public_key: [u8; NATKIT_KEY_SIZE],
    /// Where its datagrams go: configured, or learnt.
    pub endpoint: natkit_address,
    /// Our address that its last authentic datagram came to.
    pub local: natkit_address,
    /// Its number.
    pub peer: u32,
    /// 1 while packets can be sealed without a new handshake, else 0.
    pub has_session: u32,
    /// 1 if it has a pre-shared key, else 0.
    pub has_preshared_key: u32,
    /// How many prefixes it is allowed.
    pub allowed_ip_count: u32,
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_wg_peer_status {}

/// Why a packet went no further: the index in natkit_wg_counters::drops. Each
/// dropped packet counts once.
pub type natkit_wg_drop = c_uint;
/// In: no WireGuard message, or a wrong length.
pub const NATKIT_WG_DROP_MALFORMED: natkit_wg_drop = 0;
/// In: a handshake message while there is no private key.
pub const NATKIT_WG_DROP_NO_PRIVATE_KEY: natkit_wg_drop = 1;
/// In: the sender does not know our public key.
pub const NATKIT_WG_DROP_BAD_MAC1: natkit_wg_drop = 2;
/// In: under load; the sender was given a cookie.
pub const NATKIT_WG_DROP_COOKIE_REQUIRED: natkit_wg_drop = 3;
/// In: under load, too many handshakes from this address.
pub const NATKIT_WG_DROP_RATE_LIMITED: natkit_wg_drop = 4;
/// In: a handshake message that does not decrypt.
pub const NATKIT_WG_DROP_HANDSHAKE_AUTH: natkit_wg_drop = 5;
/// In: a handshake of a key that is not configured.
pub const NATKIT_WG_DROP_UNKNOWN_PEER: natkit_wg_drop = 6;
/// In: an initiation that is not newer than the last one.
pub const NATKIT_WG_DROP_TIMESTAMP_REPLAYED: natkit_wg_drop = 7;
/// In: more than 50 initiations a second from one peer.
pub const NATKIT_WG_DROP_INITIATION_FLOOD: natkit_wg_drop = 8;
/// In: a response to nothing that we asked.
pub const NATKIT_WG_DROP_UNEXPECTED_RESPONSE: natkit_wg_drop = 9;
/// In: a cookie for nothing that we sent, or not authentic.
pub const NATKIT_WG_DROP_UNEXPECTED_COOKIE: natkit_wg_drop = 10;
/// In: of no session that we have.
pub const NATKIT_WG_DROP_UNKNOWN_INDEX: natkit_wg_drop = 11;
/// In: of a session that is too old.
pub const NATKIT_WG_DROP_SESSION_EXPIRED: natkit_wg_drop = 12;
/// In: does not decrypt.
pub const NATKIT_WG_DROP_DATA_AUTH: natkit_wg_drop = 13;
/// In: seen before, or too old to tell.
pub const NATKIT_WG_DROP_DATA_REPLAYED: natkit_wg_drop = 14;
/// In: what was sealed is no IP packet.
pub const NATKIT_WG_DROP_BAD_INNER_PACKET: natkit_wg_drop = 15;
/// In: the packet's source is not among the peer's allowed addresses.
pub const NATKIT_WG_DROP_NOT_ALLOWED: natkit_wg_drop = 16;
/// Out: no IP packet, or too long.
pub const NATKIT_WG_DROP_BAD_PLAINTEXT: natkit_wg_drop = 17;
/// Out: no peer is allowed the destination.
pub const NATKIT_WG_DROP_NO_ROUTE: natkit_wg_drop = 18;
/// Out: the peer's endpoint is not known.
pub const NATKIT_WG_DROP_NO_ENDPOINT: natkit_wg_drop = 19;
/// Out: the oldest packet that waited made room for a newer one.
pub const NATKIT_WG_DROP_STAGED_OVERFLOW: natkit_wg_drop = 20;
/// Out: waited until the handshake gave up or the peer was removed.
pub const NATKIT_WG_DROP_STAGED_FLUSHED: natkit_wg_drop = 21;

/// The length of natkit_wg_counters::drops; not all are in use.
pub const NATKIT_WG_DROP_COUNT: usize = 32;

/// Totals since the handle was made.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_wg_counters {
    /// sizeof(natkit_wg_counters); see natkit_init().
    pub struct_size: usize,
    /// Dropped packets, by natkit_wg_drop.
    pub drops: [u64; NATKIT_WG_DROP_COUNT],
    /// Packets sealed.
    pub data_sealed: u64,
    /// Packets opened and given to the caller.
    pub data_opened: u64,
    /// Keepalives made.
    pub keepalives_sent: u64,
    /// Keepalives received.
    pub keepalives_received: u64,
    /// Handshake initiations made.
    pub initiations_sent: u64,
    /// Handshake initiations accepted.
    pub initiations_accepted: u64,
    /// Handshake responses accepted.
    pub responses_accepted: u64,
    /// Cookies given to senders.
    pub cookie_replies_sent: u64,
    /// Cookies received.
    pub cookie_replies_accepted: u64,
    /// Events that nobody asked for in time; the oldest went.
    pub events_lost: u64,
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_wg_counters {}

extern "C" {
    /// Names a natkit_wg_drop as metrics spell it, such as "bad_mac1". NULL for a
    /// number that is not in use. Static storage. Thread-safe.
    pub fn natkit_wg_drop_name(drop: u32) -> *const c_char;
}

/// A tunnel to one peer over a transport of the caller's: a socket, a relay,
/// anything that carries datagrams to that peer.
///
/// After each call, send what natkit_wg_tunnel_poll_transmit() gives until it
/// gives nothing, and have natkit_wg_tunnel_handle_timeout() called at the time
/// that natkit_wg_tunnel_next_timeout() says.
#[repr(C)]
pub struct natkit_wg_tunnel {
    _opaque: [u8; 0],
}

/// How a tunnel is made.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct natkit_wg_tunnel_config {
    /// sizeof(natkit_wg_tunnel_config); see natkit_init().
    pub struct_size: usize,
    /// Where random bytes come from; NULL: from the system.
    pub random: *const natkit_random,
    /// The time of this call.
    pub now_ns: u64,
    /// See natkit_wg_device_config::wall_clock_ns.
    pub wall_clock_ns: u64,
    /// The sources of packets that the peer may send, and the destinations of
    /// those for it. NULL and 0: all.
    pub allowed_ips: *const natkit_prefix,
    /// How many.
    pub allowed_ip_count: usize,
    /// How often a datagram is sent at least, to keep NATs open: at most 65,535
    /// seconds. 0: never.
    pub keepalive_ns: u64,
    /// Our private key.
    pub private_key: [u8; NATKIT_KEY_SIZE],
    /// The peer's public key.
    pub public_key: [u8; NATKIT_KEY_SIZE],
    /// The key that both share beside their own; zeros: none.
    pub preshared_key: [u8; NATKIT_KEY_SIZE],
    /// The tunnel's MTU: packets are not padded beyond it. 0: 1420.
    pub mtu: u32,
    /// Packets that may wait for a handshake. 0: 128.
    pub max_staged_packets: u32,
    /// Bytes of them. 0: 262,144.
    pub max_staged_bytes: u32,
    /// See natkit_wg_device_config::handshakes_per_second.
    pub handshakes_per_second: u32,
}
// SAFETY: as the trait asks for: all fields are plain data.
unsafe impl crate::Versioned for natkit_wg_tunnel_config {}

extern "C" {
    /// Makes a tunnel. Nothing is sent before there is a packet to seal, a keepalive
    /// interval, or natkit_wg_tunnel_initiate_handshake().
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT (also for a `wall_clock_ns` of 0 or a bad
    /// prefix), NATKIT_ERR_BAD_VALUE (a key of zeros, our own key as the peer's, a
    /// keepalive too long), NATKIT_ERR_STRUCT_SIZE, NATKIT_ERR_UNSUPPORTED,
    /// NATKIT_ERR_LIMIT_EXCEEDED.
    pub fn natkit_wg_tunnel_new(config: *const natkit_wg_tunnel_config, out: *mut *mut natkit_wg_tunnel) -> c_int;
}

extern "C" {
    /// Frees a tunnel and wipes its keys; `tunnel` may be NULL.
    pub fn natkit_wg_tunnel_free(tunnel: *mut natkit_wg_tunnel);
}

extern "C" {
    /// Seals an IP packet of `size` bytes into `buffer`, which has room for
    /// NATKIT_WG_SEALED_SIZE(size) bytes or more and does not overlap it.
    ///
    /// Returns the length of the datagram to send; 0 if the packet waits for a
    /// handshake: natkit_wg_tunnel_poll_transmit() gives it then
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT (also for an overlap or more than 65,535
    /// bytes), NATKIT_ERR_BUFFER_TOO_SMALL, NATKIT_ERR_BAD_VALUE (no IP packet, or
    /// one of more than NATKIT_WG_MAX_PACKET_SIZE), NATKIT_ERR_NO_ROUTE (outside of
    /// `allowed_ips`), NATKIT_ERR_LIMIT_EXCEEDED (more than NATKIT_WG_KEPT_LIMIT
    /// bytes wait for natkit_wg_tunnel_poll_transmit()).
    pub fn natkit_wg_tunnel_seal(tunnel: *mut natkit_wg_tunnel, now_ns: u64, data: *const c_void, size: usize, buffer: *mut c_void, capacity: usize) -> c_int;
}

extern "C" {
    /// Takes a datagram of `size` bytes from the peer's side. An IP packet in it
    /// goes to `buffer`, which has room for `size` bytes and does not overlap it;
    /// what is behind the packet in `buffer` may be overwritten.
    ///
    /// Returns the length of the IP packet; 0 if there is none, as in handshakes and
    /// keepalives
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT and NATKIT_ERR_LIMIT_EXCEEDED as for
    /// natkit_wg_tunnel_seal(), NATKIT_ERR_BUFFER_TOO_SMALL. The others say why the
    /// datagram was dropped, and are no reason to stop: NATKIT_ERR_BAD_VALUE (no
    /// WireGuard message, or no IP packet in it), NATKIT_ERR_AUTH_FAILED,
    /// NATKIT_ERR_REPLAYED, NATKIT_ERR_UNKNOWN_INDEX, NATKIT_ERR_UNKNOWN_PEER,
    /// NATKIT_ERR_NO_SESSION (too old), NATKIT_ERR_NOT_ALLOWED (outside of
    /// `allowed_ips`), NATKIT_ERR_LIMIT_EXCEEDED (also for handshakes under load).
    pub fn natkit_wg_tunnel_open(tunnel: *mut natkit_wg_tunnel, now_ns: u64, data: *const c_void, size: usize, buffer: *mut c_void, capacity: usize) -> c_int;
}

extern "C" {
    /// Takes the next datagram that is to be sent to the peer: handshakes,
    /// keepalives, and packets that waited for a handshake.
    ///
    /// Returns its length; 0 if there is none
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_BUFFER_TOO_SMALL (it stays;
    /// NATKIT_WG_SEALED_SIZE(NATKIT_WG_MAX_PACKET_SIZE) is always enough, and
    /// NATKIT_WG_SEALED_SIZE() of the longest packet that was given to
    /// natkit_wg_tunnel_seal(), or NATKIT_WG_HANDSHAKE_SIZE if that is more).
    pub fn natkit_wg_tunnel_poll_transmit(tunnel: *mut natkit_wg_tunnel, buffer: *mut c_void, capacity: usize) -> c_int;
}

extern "C" {
    /// Does what is due. Early, late or repeated calls are harmless. Errors:
    /// NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_LIMIT_EXCEEDED as for
    /// natkit_wg_tunnel_seal().
    pub fn natkit_wg_tunnel_handle_timeout(tunnel: *mut natkit_wg_tunnel, now_ns: u64) -> c_int;
}

extern "C" {
    /// When to call natkit_wg_tunnel_handle_timeout() next; at once while datagrams
    /// wait to be sent.
    ///
    /// Returns 1 with `*out_ns` set, 0 if nothing is planned
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT.
    pub fn natkit_wg_tunnel_next_timeout(tunnel: *const natkit_wg_tunnel, out_ns: *mut u64) -> c_int;
}

extern "C" {
    /// Takes the next event.
    ///
    /// Returns 1 with `out` filled, 0 if there is none
    ///
    /// Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE.
    pub fn natkit_wg_tunnel_poll_event(tunnel: *mut natkit_wg_tunnel, out: *mut natkit_wg_event) -> c_int;
}

extern "C" {
    /// Starts a handshake, which is retried for 90 seconds; a session that exists
    /// goes on until then. With `is_forced` not at most one in 5 seconds but in 20
    /// milliseconds.
    ///
    /// Errors: NATKIT_ERR_INVALID_STATE (the peer's key is none that exists),
    /// NATKIT_ERR_LIMIT_EXCEEDED (too soon; it is tried when the time has come; or
    /// as for natkit_wg_tunnel_seal()).
    pub fn natkit_wg_tunnel_initiate_handshake(tunnel: *mut natkit_wg_tunnel, now_ns: u64, is_forced: c_int) -> c_int;
}

extern "C" {
    /// Makes an empty packet for the peer, to prove a path.
    ///
    /// Errors: NATKIT_ERR_NO_SESSION, NATKIT_ERR_LIMIT_EXCEEDED as for
    /// natkit_wg_tunnel_seal().
    pub fn natkit_wg_tunnel_send_keepalive(tunnel: *mut natkit_wg_tunnel, now_ns: u64) -> c_int;
}

extern "C" {
    /// Fills `out`, whose addresses are not set. Errors: NATKIT_ERR_BAD_ARGUMENT,
    /// NATKIT_ERR_STRUCT_SIZE.
    pub fn natkit_wg_tunnel_get_status(tunnel: *const natkit_wg_tunnel, out: *mut natkit_wg_peer_status) -> c_int;
}

extern "C" {
    /// Fills `out`. Errors: NATKIT_ERR_BAD_ARGUMENT, NATKIT_ERR_STRUCT_SIZE.
    pub fn natkit_wg_tunnel_get_counters(tunnel: *const natkit_wg_tunnel, out: *mut natkit_wg_counters) -> c_int;
}
