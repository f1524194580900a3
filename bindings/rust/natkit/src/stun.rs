use crate::address;
use crate::callbacks::{Callbacks, Random};
use crate::diagnosis::numbered;
use crate::error::{call, Result};
use crate::text::Text;
use crate::time::{nanos, Instant};
use natkit_sys as sys;
use std::net::SocketAddr;
use std::os::unix::io::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

/// Bytes that are enough for any message.
pub const STUN_MAX_MESSAGE_SIZE: usize = sys::NATKIT_STUN_MAX_MESSAGE_SIZE;
/// Bytes that are enough for a request whose names, realm and nonce are not long.
pub const STUN_MAX_UDP_SIZE: usize = sys::NATKIT_STUN_MAX_UDP_SIZE;
/// The port of servers unless they say otherwise.
pub const STUN_DEFAULT_PORT: u16 = sys::NATKIT_STUN_DEFAULT_PORT as u16;

numbered! {
    /// How a request ended.
    StunOutcome {
        /// With a success response.
        Success = NATKIT_STUN_OUTCOME_SUCCESS,
        /// With an error response; see [`StunEvent::error_code`].
        ErrorResponse = NATKIT_STUN_OUTCOME_ERROR_RESPONSE,
        /// Without a response.
        TimedOut = NATKIT_STUN_OUTCOME_TIMED_OUT,
        /// Responses came, and none proved that it knows the password.
        IntegrityViolation = NATKIT_STUN_OUTCOME_INTEGRITY_VIOLATION,
        /// With a response that cannot be used.
        BadResponse = NATKIT_STUN_OUTCOME_BAD_RESPONSE,
        /// Somebody offers weaker security than before or than `refuses_md5`
        /// allows.
        BidDown = NATKIT_STUN_OUTCOME_BID_DOWN,
        /// The response has a comprehension-required attribute that is not
        /// known.
        UnknownAttribute = NATKIT_STUN_OUTCOME_UNKNOWN_ATTRIBUTE,
    }
}

/// The form of a client's requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StunServerKind {
    /// Servers of RFC 5389 and RFC 8489.
    #[default]
    Any,
    /// Tailscale's DERP servers.
    Derp,
    /// Servers of RFC 3489.
    Rfc3489,
}

/// How a user proves who it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StunMechanism {
    /// RFC 8489 section 9.1, as ICE uses it.
    #[default]
    ShortTerm,
    /// RFC 8489 section 9.2: the server challenges, with realm and nonce.
    LongTerm,
}

/// When requests are sent again. Default: 7 requests at 0, 500, 1500, 3500, ...
/// ms and the end after 39.5 s (RFC 8489 section 6.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StunSchedule {
    /// The wait after the first request; each further one doubles. At most a
    /// day; 0: 500 ms.
    pub initial_timeout: Duration,
    /// No wait between two requests is longer. At most a day; 0: an hour.
    pub max_interval: Duration,
    /// The wait after the last request. At most a day; 0: 16 times the first.
    pub final_wait: Duration,
    /// Requests that are sent, at most 100; 0: 7.
    pub request_count: u32,
}

/// How a client asks.
#[derive(Default)]
pub struct StunClientConfig {
    /// The form of requests.
    pub server_kind: StunServerKind,
    /// SOFTWARE of requests, at most 763 bytes; `None`: none, or what
    /// `server_kind` wants.
    pub software: Option<String>,
    /// The user's name and password; `None`: requests prove nothing.
    pub user: Option<(String, String)>,
    /// How the user proves who it is.
    pub mechanism: StunMechanism,
    /// Requests have FINGERPRINT.
    pub sends_fingerprint: bool,
    /// Requests are as short as they can be. By default they are as long as the
    /// response, because some servers never send more than they got.
    pub no_filler: bool,
    /// Goes where a verified 300 (Try Alternate) points.
    pub follows_redirects: bool,
    /// Long-term servers that know MD5 alone are refused.
    pub refuses_md5: bool,
    /// Sends the user's name in clear also where the server understands
    /// USERHASH.
    pub shows_username: bool,
    /// When requests are sent again; default: as `server_kind` wants.
    pub schedule: StunSchedule,
    /// Where transaction IDs come from; `None`: the system.
    pub random: Option<Random>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StunEvent {
    /// How.
    pub outcome: StunOutcome,
    /// 300 to 699 with `ErrorResponse`, else 0.
    pub error_code: u32,
    /// Who was asked last.
    pub server: Option<SocketAddr>,
    /// With `Success`: where the server saw the request come from, which is this
    /// socket's address beyond all NATs.
    pub reflexive_address: Option<SocketAddr>,
    /// Where a 300 response points, if it does.
    pub alternate_server: Option<SocketAddr>,
    /// The response carried valid integrity. Otherwise anybody may have written
    /// it.
    pub is_verified: bool,
    /// From request to response, if known: not when the request was sent more
    /// than once.
    pub rtt: Option<Duration>,
    /// Something on the way rewrites addresses in payloads.
    pub alg_detected: bool,
}

/// Learns this host's reflexive address from one server, over UDP. It owns no
/// socket: after each call that tells it something, poll its transmits and its
/// event, then wait for a datagram or for [`StunClient::next_timeout`].
pub struct StunClient {
    handle: *mut sys::natkit_stun_client,
    _callbacks: Arc<Callbacks>,
}

// SAFETY: natkit takes calls on a handle from any thread; callbacks are Send.
unsafe impl Send for StunClient {}

impl StunClient {
    /// Makes a client that asks `server`. Nothing is sent before
    /// [`StunClient::start`]. Errors: `BadArgument`, `BadCredentials`,
    /// `BadEncoding`, `BadLength` (texts), `LimitExceeded`.
    pub fn new(server: SocketAddr, config: StunClientConfig) -> Result<StunClient> {
        const FUNCTION: &str = "natkit_stun_client_new";
        let (name, password) = match &config.user {
            Some((name, password)) => (Some(name.as_str()), Some(password.as_str())),
            None => (None, None),
        };
        let software = Text::new(FUNCTION, config.software.as_deref())?;
        let name = Text::new(FUNCTION, name)?;
        let password = Text::new(FUNCTION, password)?;
        let mut given = config.to_c();
        given.server = address::to_c(server);
        given.software = software.as_ptr();
        given.username = name.as_ptr();
        given.password = password.as_ptr();
        let callbacks = Callbacks::new(config.random, None);
        let random = callbacks.random();
        given.random = random.as_ptr();
        let mut handle = std::ptr::null_mut();
        call!(natkit_stun_client_new(&given, &mut handle))?;
        Ok(StunClient {
            handle,
            _callbacks: callbacks,
        })
    }

    /// Begins to ask, or begins anew. There will be one event, unless
    /// [`StunClient::cancel`] comes before.
    pub fn start(&mut self, now: Instant) -> Result<()> {
        call!(natkit_stun_client_start(self.handle, now.as_nanos()))?;
        Ok(())
    }

    /// Ends without an event.
    pub fn cancel(&mut self) -> Result<()> {
        call!(natkit_stun_client_cancel(self.handle))?;
        Ok(())
    }

    /// Hands in a datagram. Returns whether it is a response to this client,
    /// used or not; otherwise it belongs to somebody else.
    pub fn handle_datagram(&mut self, now: Instant, from: SocketAddr, data: &[u8]) -> Result<bool> {
        let from = address::to_c(from);
        let taken = call!(natkit_stun_client_handle_datagram(
            self.handle,
            now.as_nanos(),
            &from,
            data.as_ptr().cast(),
            data.len()
        ))?;
        Ok(taken == 1)
    }

    /// Says what time it is; early, late and repeated calls are harmless.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<()> {
        call!(natkit_stun_client_handle_timeout(
            self.handle,
            now.as_nanos()
        ))?;
        Ok(())
    }

    /// Writes the next datagram to send to `out`; returns its size and whom to.
    /// Errors: `BufferTooSmall` (it stays; [`STUN_MAX_UDP_SIZE`] bytes are enough
    /// unless names, realm or nonce are long, [`STUN_MAX_MESSAGE_SIZE`] always).
    pub fn poll_transmit(&mut self, out: &mut [u8]) -> Result<Option<(usize, SocketAddr)>> {
        let mut to = address::unset();
        let size = call!(natkit_stun_client_poll_transmit(
            self.handle,
            &mut to,
            out.as_mut_ptr().cast(),
            out.len()
        ))?;
        Ok(address::from_c(&to)
            .filter(|_| size > 0)
            .map(|to| (size, to)))
    }

    /// Takes the event, once there is one.
    pub fn poll_event(&mut self) -> Result<Option<StunEvent>> {
        let mut read: sys::natkit_stun_event = sys::init();
        let count = call!(natkit_stun_client_poll_event(self.handle, &mut read))?;
        Ok((count == 1).then(|| StunEvent::from_c(&read)))
    }

    /// When to call [`StunClient::handle_timeout`] next, at once while an event
    /// waits; `None`: there is nothing to wait for.
    pub fn next_timeout(&self) -> Result<Option<Instant>> {
        let mut at = 0;
        let count = call!(natkit_stun_client_next_timeout(self.handle, &mut at))?;
        Ok((count == 1).then(|| Instant::from_nanos(at)))
    }

    /// Begins to ask, or begins anew, over a UDP socket such as a
    /// [`std::net::UdpSocket`], and blocks until the event, for programs without
    /// an event loop. What else arrives is dropped, so nobody else may be using
    /// the socket. Times are [`Instant::now`]'s. That nobody answers is an event.
    /// Errors: `Unsupported` (no UDP socket, or one of another address family),
    /// and what sockets say, such as `Unreachable`.
    pub fn run(&mut self, socket: &impl AsRawFd) -> Result<StunEvent> {
        let mut read: sys::natkit_stun_event = sys::init();
        call!(natkit_stun_client_run(
            self.handle,
            socket.as_raw_fd(),
            &mut read
        ))?;
        Ok(StunEvent::from_c(&read))
    }
}

impl Drop for StunClient {
    fn drop(&mut self) {
        // SAFETY: it takes any handle.
        unsafe { sys::natkit_stun_client_free(self.handle) }
    }
}

impl StunClientConfig {
    /// What is no pointer and no address.
    fn to_c(&self) -> sys::natkit_stun_client_config {
        let mut given: sys::natkit_stun_client_config = sys::init();
        given.server_kind = self.server_kind as u32;
        given.mechanism = self.mechanism as u32;
        given.sends_fingerprint = self.sends_fingerprint.into();
        given.no_filler = self.no_filler.into();
        given.follows_redirects = self.follows_redirects.into();
        given.refuses_md5 = self.refuses_md5.into();
        given.shows_username = self.shows_username.into();
        given.schedule.initial_timeout_ns = nanos(self.schedule.initial_timeout);
        given.schedule.max_interval_ns = nanos(self.schedule.max_interval);
        given.schedule.final_wait_ns = nanos(self.schedule.final_wait);
        given.schedule.request_count = self.schedule.request_count;
        given
    }
}

impl StunEvent {
    fn from_c(from: &sys::natkit_stun_event) -> StunEvent {
        StunEvent {
            outcome: StunOutcome::from_c(from.outcome),
            error_code: from.error_code,
            server: address::from_c(&from.server),
            reflexive_address: address::from_c(&from.reflexive_address),
            alternate_server: address::from_c(&from.alternate_server),
            is_verified: from.is_verified != 0,
            rtt: (from.rtt_ns != 0).then(|| Duration::from_nanos(from.rtt_ns)),
            alg_detected: from.is_alg_detected != 0,
        }
    }
}
