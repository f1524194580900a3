use crate::address::Prefix;
use crate::callbacks::{Callbacks, Random};
use crate::diagnosis::numbered;
use crate::error::{call, Error, Result};
use crate::keys::{PresharedKey, PrivateKey, PublicKey};
use crate::text::{from_static, wipe};
use crate::time::{nanos, Instant};
use natkit_sys as sys;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Bytes that sealing adds to the padded packet.
pub const WG_OVERHEAD: usize = sys::NATKIT_WG_OVERHEAD;
/// The longest IP packet that can be sealed.
pub const WG_MAX_PACKET_SIZE: usize = sys::NATKIT_WG_MAX_PACKET_SIZE;
/// Bytes of the longest handshake message.
pub const WG_HANDSHAKE_SIZE: usize = sys::NATKIT_WG_HANDSHAKE_SIZE;

/// Bytes that a sealed packet of `size` bytes takes at most.
pub const fn sealed_size(size: usize) -> usize {
    (size + 15) / 16 * 16 + WG_OVERHEAD
}

/// How a tunnel is made, besides keys and the time; the default will do.
#[derive(Default)]
pub struct TunnelConfig {
    /// The key that both share beside their own; `None`: none.
    pub preshared_key: Option<PresharedKey>,
    /// The time that handshakes carry: peers refuse what is not later than what
    /// they have seen, in earlier runs too. `None`: the system's.
    pub wall_clock: Option<SystemTime>,
    /// The sources of packets that the peer may send, and the destinations of
    /// those for it. Empty: all.
    pub allowed_ips: Vec<Prefix>,
    /// How often a datagram is sent at least, to keep NATs open: at most 65,535
    /// seconds. 0: never.
    pub keepalive: Duration,
    /// Packets are not padded beyond it. 0: 1420.
    pub mtu: u32,
    /// Packets that may wait for a handshake. 0: 128.
    pub max_staged_packets: u32,
    /// Bytes of them. 0: 262,144.
    pub max_staged_bytes: u32,
    /// Handshakes that put the tunnel under load: senders need cookies then. 0:
    /// 250.
    pub handshakes_per_second: u32,
    /// Where random bytes come from; `None`: the system.
    pub random: Option<Random>,
}

/// Something that happened to a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TunnelEvent {
    /// A new session is in use.
    HandshakeCompleted {
        /// We began the handshake.
        is_initiator: bool,
    },
    /// No answer for 90 seconds; packets that waited are gone. The next packet
    /// starts over.
    HandshakeGaveUp,
    /// All keys of the peer were erased: 9 minutes without a new handshake.
    SessionExpired,
    /// One of a type that this crate does not know.
    Other(u32),
}

/// What there is to know about a tunnel; no secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TunnelStatus {
    /// Bytes of authentic datagrams from the peer, of all kinds.
    pub rx_bytes: u64,
    /// Bytes of datagrams for the peer, of all kinds.
    pub tx_bytes: u64,
    /// When the last handshake was completed, by the wall clock.
    pub last_handshake: Option<SystemTime>,
    /// That of the configuration.
    pub keepalive: Duration,
    /// The peer's public key.
    pub peer_key: PublicKey,
    /// Packets can be sealed without a new handshake.
    pub has_session: bool,
    /// There is a pre-shared key.
    pub has_preshared_key: bool,
    /// How many prefixes are allowed.
    pub allowed_ip_count: u32,
}

numbered! {
    /// Why a packet went no further: see [`TunnelCounters::drops`].
    WgDrop {
        /// In: no WireGuard message, or a wrong length.
        Malformed = NATKIT_WG_DROP_MALFORMED,
        /// In: a handshake message while there is no private key.
        NoPrivateKey = NATKIT_WG_DROP_NO_PRIVATE_KEY,
        /// In: the sender does not know our public key.
        BadMac1 = NATKIT_WG_DROP_BAD_MAC1,
        /// In: under load; the sender was given a cookie.
        CookieRequired = NATKIT_WG_DROP_COOKIE_REQUIRED,
        /// In: under load, too many handshakes from this address.
        RateLimited = NATKIT_WG_DROP_RATE_LIMITED,
        /// In: a handshake message that does not decrypt.
        HandshakeAuth = NATKIT_WG_DROP_HANDSHAKE_AUTH,
        /// In: a handshake of a key that is not configured.
        UnknownPeer = NATKIT_WG_DROP_UNKNOWN_PEER,
        /// In: an initiation that is not newer than the last one.
        TimestampReplayed = NATKIT_WG_DROP_TIMESTAMP_REPLAYED,
        /// In: more than 50 initiations a second from one peer.
        InitiationFlood = NATKIT_WG_DROP_INITIATION_FLOOD,
        /// In: a response to nothing that we asked.
        UnexpectedResponse = NATKIT_WG_DROP_UNEXPECTED_RESPONSE,
        /// In: a cookie for nothing that we sent, or not authentic.
        UnexpectedCookie = NATKIT_WG_DROP_UNEXPECTED_COOKIE,
        /// In: of no session that we have.
        UnknownIndex = NATKIT_WG_DROP_UNKNOWN_INDEX,
        /// In: of a session that is too old.
        SessionExpired = NATKIT_WG_DROP_SESSION_EXPIRED,
        /// In: does not decrypt.
        DataAuth = NATKIT_WG_DROP_DATA_AUTH,
        /// In: seen before, or too old to tell.
        DataReplayed = NATKIT_WG_DROP_DATA_REPLAYED,
        /// In: what was sealed is no IP packet.
        BadInnerPacket = NATKIT_WG_DROP_BAD_INNER_PACKET,
        /// In: the packet's source is not among the allowed addresses.
        NotAllowed = NATKIT_WG_DROP_NOT_ALLOWED,
        /// Out: no IP packet, or too long.
        BadPlaintext = NATKIT_WG_DROP_BAD_PLAINTEXT,
        /// Out: the destination is not among the allowed addresses.
        NoRoute = NATKIT_WG_DROP_NO_ROUTE,
        /// Out: the peer's endpoint is not known.
        NoEndpoint = NATKIT_WG_DROP_NO_ENDPOINT,
        /// Out: the oldest packet that waited made room for a newer one.
        StagedOverflow = NATKIT_WG_DROP_STAGED_OVERFLOW,
        /// Out: waited until the handshake gave up.
        StagedFlushed = NATKIT_WG_DROP_STAGED_FLUSHED,
    }
}

impl WgDrop {
    /// Its name as metrics spell it, such as "bad_mac1". `None` for `Other`.
    pub fn name(self) -> Option<&'static str> {
        (0..sys::NATKIT_WG_DROP_COUNT as u32)
            .find(|&number| WgDrop::from_c(number) == self)
            // SAFETY: it takes any number, and returns static text or NULL.
            .and_then(|number| unsafe { from_static(sys::natkit_wg_drop_name(number)) })
    }
}

/// Totals since the tunnel was made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TunnelCounters {
    /// Dropped packets: why, and how many, without those that are 0.
    pub drops: Vec<(WgDrop, u64)>,
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

/// A WireGuard tunnel to one peer over a transport of the caller's: anything
/// that carries datagrams to that peer. After each call, send what
/// [`Tunnel::poll_transmit`] gives until it gives nothing, and have
/// [`Tunnel::handle_timeout`] called at [`Tunnel::next_timeout`]. Its keys are
/// wiped when it is dropped.
pub struct Tunnel {
    handle: *mut sys::natkit_wg_tunnel,
    _callbacks: Arc<Callbacks>,
}

// SAFETY: natkit takes calls on a handle from any thread; callbacks are Send.
unsafe impl Send for Tunnel {}

impl Tunnel {
    /// Makes a tunnel. Nothing is sent before there is a packet to seal, a
    /// keepalive interval, or [`Tunnel::initiate_handshake`]. Errors:
    /// `BadArgument` (also for a bad prefix or wall clock), `BadValue` (a key of
    /// zeros, our own key as the peer's, a keepalive too long), `LimitExceeded`.
    pub fn new(
        now: Instant,
        private_key: &PrivateKey,
        peer_key: &PublicKey,
        config: TunnelConfig,
    ) -> Result<Tunnel> {
        let prefixes: Vec<_> = config.allowed_ips.iter().map(|each| each.to_c()).collect();
        let mut given = config.to_c()?;
        given.now_ns = now.as_nanos();
        given.allowed_ips = prefixes.as_ptr();
        given.allowed_ip_count = prefixes.len();
        given.private_key = *private_key.as_bytes();
        given.public_key = *peer_key.as_bytes();
        if let Some(key) = &config.preshared_key {
            given.preshared_key = *key.as_bytes();
        }
        let callbacks = Callbacks::new(config.random, None);
        let random = callbacks.random();
        given.random = random.as_ptr();
        let mut handle = std::ptr::null_mut();
        let made = call!(natkit_wg_tunnel_new(&given, &mut handle));
        wipe(&mut given.private_key);
        wipe(&mut given.preshared_key);
        made?;
        Ok(Tunnel {
            handle,
            _callbacks: callbacks,
        })
    }

    /// Seals an IP packet into `out`, which has room for [`sealed_size`] of its
    /// length or more. Returns the length of the datagram to send; 0 if the
    /// packet waits for a handshake: [`Tunnel::poll_transmit`] gives it then.
    /// Errors: `BadArgument` (over 65,535 bytes), `BufferTooSmall`, `BadValue`
    /// (no IP packet, or one of more than [`WG_MAX_PACKET_SIZE`]), `NoRoute`
    /// (outside of `allowed_ips`), `LimitExceeded` (too much waits for
    /// [`Tunnel::poll_transmit`]).
    pub fn seal(&mut self, now: Instant, packet: &[u8], out: &mut [u8]) -> Result<usize> {
        call!(natkit_wg_tunnel_seal(
            self.handle,
            now.as_nanos(),
            packet.as_ptr().cast(),
            packet.len(),
            out.as_mut_ptr().cast(),
            out.len()
        ))
    }

    /// Takes a datagram from the peer's side. An IP packet in it goes to `out`,
    /// which has room for as many bytes. Returns the packet's length; 0 if there
    /// is none, as in handshakes and keepalives. Errors: `BadArgument`,
    /// `BufferTooSmall`. The others say why the datagram was dropped, and are no
    /// reason to stop: `BadValue`, `AuthFailed`, `Replayed`, `UnknownIndex`,
    /// `UnknownPeer`, `NoSession` (too old), `NotAllowed` (outside of
    /// `allowed_ips`), `LimitExceeded`.
    pub fn open(&mut self, now: Instant, datagram: &[u8], out: &mut [u8]) -> Result<usize> {
        call!(natkit_wg_tunnel_open(
            self.handle,
            now.as_nanos(),
            datagram.as_ptr().cast(),
            datagram.len(),
            out.as_mut_ptr().cast(),
            out.len()
        ))
    }

    /// Writes the next datagram for the peer to `out` and returns its length; 0
    /// if there is none. Errors: `BufferTooSmall` (it stays; [`sealed_size`] of
    /// the longest packet that was given to [`Tunnel::seal`] is enough, or
    /// [`WG_HANDSHAKE_SIZE`] if that is more).
    pub fn poll_transmit(&mut self, out: &mut [u8]) -> Result<usize> {
        call!(natkit_wg_tunnel_poll_transmit(
            self.handle,
            out.as_mut_ptr().cast(),
            out.len()
        ))
    }

    /// Does what is due. Early, late or repeated calls are harmless.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<()> {
        call!(natkit_wg_tunnel_handle_timeout(self.handle, now.as_nanos()))?;
        Ok(())
    }

    /// When to call [`Tunnel::handle_timeout`] next, at once while datagrams
    /// wait to be sent; `None`: nothing is planned.
    pub fn next_timeout(&self) -> Result<Option<Instant>> {
        let mut at = 0;
        let count = call!(natkit_wg_tunnel_next_timeout(self.handle, &mut at))?;
        Ok((count == 1).then(|| Instant::from_nanos(at)))
    }

    /// Takes the next event.
    pub fn poll_event(&mut self) -> Result<Option<TunnelEvent>> {
        let mut read: sys::natkit_wg_event = sys::init();
        let count = call!(natkit_wg_tunnel_poll_event(self.handle, &mut read))?;
        Ok((count == 1).then(|| TunnelEvent::from_c(&read)))
    }

    /// Starts a handshake, which is retried for 90 seconds; a session that
    /// exists goes on until then. At most one in 5 seconds, or with `force` in
    /// 20 milliseconds. Errors: `InvalidState` (the peer's key is none that
    /// exists), `LimitExceeded` (too soon; it is tried when the time has come).
    pub fn initiate_handshake(&mut self, now: Instant, force: bool) -> Result<()> {
        call!(natkit_wg_tunnel_initiate_handshake(
            self.handle,
            now.as_nanos(),
            force.into()
        ))?;
        Ok(())
    }

    /// Makes an empty packet for the peer, to prove a path. Errors: `NoSession`.
    pub fn send_keepalive(&mut self, now: Instant) -> Result<()> {
        call!(natkit_wg_tunnel_send_keepalive(self.handle, now.as_nanos()))?;
        Ok(())
    }

    /// Reads what there is to know.
    pub fn status(&self) -> Result<TunnelStatus> {
        let mut read: sys::natkit_wg_peer_status = sys::init();
        call!(natkit_wg_tunnel_get_status(self.handle, &mut read))?;
        Ok(TunnelStatus {
            rx_bytes: read.rx_bytes,
            tx_bytes: read.tx_bytes,
            last_handshake: (read.last_handshake_ns != 0)
                .then(|| UNIX_EPOCH + Duration::from_nanos(read.last_handshake_ns)),
            keepalive: Duration::from_nanos(read.keepalive_ns),
            peer_key: PublicKey::from_bytes(read.public_key),
            has_session: read.has_session != 0,
            has_preshared_key: read.has_preshared_key != 0,
            allowed_ip_count: read.allowed_ip_count,
        })
    }

    /// Reads the counters.
    pub fn counters(&self) -> Result<TunnelCounters> {
        let mut read: sys::natkit_wg_counters = sys::init();
        call!(natkit_wg_tunnel_get_counters(self.handle, &mut read))?;
        let drops = (0..).zip(read.drops);
        Ok(TunnelCounters {
            drops: drops
                .filter(|(_, count)| *count != 0)
                .map(|(number, count)| (WgDrop::from_c(number), count))
                .collect(),
            data_sealed: read.data_sealed,
            data_opened: read.data_opened,
            keepalives_sent: read.keepalives_sent,
            keepalives_received: read.keepalives_received,
            initiations_sent: read.initiations_sent,
            initiations_accepted: read.initiations_accepted,
            responses_accepted: read.responses_accepted,
            cookie_replies_sent: read.cookie_replies_sent,
            cookie_replies_accepted: read.cookie_replies_accepted,
            events_lost: read.events_lost,
        })
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        // SAFETY: it takes any handle.
        unsafe { sys::natkit_wg_tunnel_free(self.handle) }
    }
}

impl TunnelConfig {
    /// What is no pointer and no key.
    fn to_c(&self) -> Result<sys::natkit_wg_tunnel_config> {
        let wall_clock = self.wall_clock.unwrap_or_else(SystemTime::now);
        let since_1970 = wall_clock
            .duration_since(UNIX_EPOCH)
            .map_err(|_| Error::bad_argument("natkit_wg_tunnel_new"))?;
        let mut given: sys::natkit_wg_tunnel_config = sys::init();
        given.wall_clock_ns = nanos(since_1970);
        given.keepalive_ns = nanos(self.keepalive);
        given.mtu = self.mtu;
        given.max_staged_packets = self.max_staged_packets;
        given.max_staged_bytes = self.max_staged_bytes;
        given.handshakes_per_second = self.handshakes_per_second;
        Ok(given)
    }
}

impl TunnelEvent {
    fn from_c(from: &sys::natkit_wg_event) -> TunnelEvent {
        match from.r#type {
            sys::NATKIT_WG_EVENT_HANDSHAKE_COMPLETED => TunnelEvent::HandshakeCompleted {
                is_initiator: from.is_initiator != 0,
            },
            sys::NATKIT_WG_EVENT_HANDSHAKE_GAVE_UP => TunnelEvent::HandshakeGaveUp,
            sys::NATKIT_WG_EVENT_SESSION_EXPIRED => TunnelEvent::SessionExpired,
            other => TunnelEvent::Other(other),
        }
    }
}
