use crate::address;
use crate::callbacks::{Callbacks, Random};
use crate::diagnosis::numbered;
use crate::error::{call, Error, Result};
use crate::text::{from_chars, from_static};
use crate::time::Instant;
use crate::wait::wait;
use natkit_sys as sys;
use std::io;
use std::net::SocketAddr;
use std::os::unix::io::{AsRawFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

numbered! {
    /// One question about a NAT; natkit's docs/nat-behavior.md explains them.
    NatAxis {
        /// Do answers to UDP come back at all.
        Udp = NATKIT_NAT_AXIS_UDP,
        /// Is the server what it says it is (RFC 5780 section 3).
        Server = NATKIT_NAT_AXIS_SERVER,
        /// Is there address translation.
        Translation = NATKIT_NAT_AXIS_TRANSLATION,
        /// What an external port depends on (RFC 4787 section 4.1).
        Mapping = NATKIT_NAT_AXIS_MAPPING,
        /// Who may send to it (RFC 4787 section 5).
        Filtering = NATKIT_NAT_AXIS_FILTERING,
        /// Does an early packet from outside move a mapping.
        Poisoning = NATKIT_NAT_AXIS_POISONING,
        /// How external ports are chosen.
        Allocation = NATKIT_NAT_AXIS_ALLOCATION,
        /// Is the inside port kept (RFC 4787 section 4.2.1).
        Preservation = NATKIT_NAT_AXIS_PRESERVATION,
        /// Even to even, odd to odd (RFC 4787 section 4.2.2).
        Parity = NATKIT_NAT_AXIS_PARITY,
        /// Port p + 1 next to p (RFC 4787 section 4.2.3).
        Contiguity = NATKIT_NAT_AXIS_CONTIGUITY,
        /// Are the external addresses of a host one (RFC 4787 section 4.1).
        Pooling = NATKIT_NAT_AXIS_POOLING,
        /// One external port for two hosts (RFC 4787 REQ-3).
        Overloading = NATKIT_NAT_AXIS_OVERLOADING,
        /// Does it lead back inside (RFC 4787 section 6).
        Hairpinning = NATKIT_NAT_AXIS_HAIRPINNING,
        /// The same under load (RFC 4787 REQ-11).
        Determinism = NATKIT_NAT_AXIS_DETERMINISM,
        /// Of a mapping that was never answered. Takes minutes.
        UnrepliedLifetime = NATKIT_NAT_AXIS_UNREPLIED_LIFETIME,
        /// Of a mapping that was answered once. Takes minutes.
        OneExchangeLifetime = NATKIT_NAT_AXIS_ONE_EXCHANGE_LIFETIME,
        /// Of a mapping that carries a conversation. Takes minutes.
        AssuredLifetime = NATKIT_NAT_AXIS_ASSURED_LIFETIME,
        /// Do packets from inside prolong a mapping (RFC 4787 REQ-6). Takes
        /// minutes.
        OutboundRefresh = NATKIT_NAT_AXIS_OUTBOUND_REFRESH,
        /// Do packets from outside prolong a mapping. Takes minutes.
        InboundRefresh = NATKIT_NAT_AXIS_INBOUND_REFRESH,
        /// One timer per mapping, or one per remote endpoint. Takes minutes.
        TimerScope = NATKIT_NAT_AXIS_TIMER_SCOPE,
        /// Do fragmented datagrams pass, and which way.
        Fragments = NATKIT_NAT_AXIS_FRAGMENTS,
        /// Are addresses in payloads rewritten (RFC 4787 REQ-10).
        Payload = NATKIT_NAT_AXIS_PAYLOAD,
        /// How many hops away NATs are.
        Depth = NATKIT_NAT_AXIS_DEPTH,
        /// PCP, NAT-PMP, UPnP IGD.
        PortMapping = NATKIT_NAT_AXIS_PORT_MAPPING,
        /// Dependence of TCP mappings (RFC 5382 REQ-1).
        Tcp = NATKIT_NAT_AXIS_TCP,
        /// Does a web page stand between us and the Internet.
        CaptivePortal = NATKIT_NAT_AXIS_CAPTIVE_PORTAL,
        /// Is IPv4 reached by IPv6 (RFC 6146, RFC 6877).
        Nat64 = NATKIT_NAT_AXIS_NAT64,
    }
}

numbered! {
    /// How much a verdict is worth.
    NatOutcome {
        /// Not asked for, or not possible here.
        Untested = NATKIT_NAT_UNTESTED,
        /// Tested; the evidence does not suffice.
        Inconclusive = NATKIT_NAT_INCONCLUSIVE,
        /// The question makes no sense behind this NAT.
        NotApplicable = NATKIT_NAT_NOT_APPLICABLE,
        /// Certain.
        Determined = NATKIT_NAT_DETERMINED,
    }
}

impl NatAxis {
    /// All questions, in their order.
    pub fn all() -> impl Iterator<Item = NatAxis> {
        // SAFETY: it takes no arguments.
        let bits = unsafe { sys::natkit_nat_all_axes() };
        (0..u64::BITS)
            .filter(move |number| bits >> number & 1 == 1)
            .map(NatAxis::from_c)
    }

    /// The stable word for it, such as "mapping".
    pub fn name(self) -> &'static str {
        // SAFETY: it takes any number, and returns static text.
        unsafe { from_static(sys::natkit_nat_axis_name(self.number())) }.unwrap_or("unknown")
    }

    fn number(self) -> u32 {
        match self {
            NatAxis::Other(number) => number,
            known => (0..u64::BITS)
                .find(|&number| NatAxis::from_c(number) == known)
                .unwrap_or(u32::MAX),
        }
    }
}

/// The answer to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NatVerdict {
    /// How much it is worth.
    pub outcome: NatOutcome,
    /// `Determined`: a word of the axis' vocabulary or a quantity.
    /// `Inconclusive`: what is likely, if anything.
    pub value: String,
    /// Why; for people.
    pub reason: String,
}

/// What else is known.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NatReport {
    /// The server that was used; `None` if none answered.
    pub server: Option<SocketAddr>,
    /// Its other address and port, if it has one.
    pub other_server: Option<SocketAddr>,
    /// Of this host, in the order that they were seen; ports are 0.
    pub external_addresses: Vec<SocketAddr>,
    /// Datagrams sent.
    pub datagrams_sent: u64,
    /// Datagrams received.
    pub datagrams_received: u64,
    /// From the start to the last input.
    pub took: Duration,
    /// The name of RFC 3489, such as "port restricted cone"; for display only:
    /// it hides what matters. Empty if it is not known.
    pub classic_name: String,
    /// The server's software, as it says.
    pub server_software: String,
}

/// What to find out, besides the servers; the default will do.
#[derive(Default)]
pub struct NatCheckConfig {
    /// Addresses of this host; none: the one that leads to the first server.
    /// With two, also what needs two hosts is tested.
    pub local_addresses: Vec<SocketAddr>,
    /// The questions, which bring those along that they need; none: all that
    /// take seconds.
    pub axes: Vec<NatAxis>,
    /// The router, to ask it for port mapping services.
    pub gateway: Option<SocketAddr>,
    /// Where random bytes come from; `None`: the system.
    pub random: Option<Random>,
}

/// Finds out which NAT this host is behind (RFC 5780, RFC 4787), with sockets of
/// its own. Wait and process until it is finished; what is known so far can be
/// asked for at any time.
pub struct NatCheck {
    behavior: *mut sys::natkit_behavior,
    handle: *mut sys::natkit_nat_check,
    _callbacks: Arc<Callbacks>,
}

// SAFETY: natkit takes calls on a handle from any thread; callbacks are Send.
unsafe impl Send for NatCheck {}

/// The address of this host that packets to `toward` leave with, port 0. Nothing
/// is sent. Errors: `Unreachable`, `Io`.
pub fn local_address(toward: SocketAddr) -> Result<SocketAddr> {
    let mut found = address::unset();
    call!(natkit_get_local_address(&address::to_c(toward), &mut found))?;
    address::from_c(&found).ok_or_else(|| Error::bad_argument("natkit_get_local_address"))
}

impl NatCheck {
    /// Starts. `servers` are 1 to 64 STUN servers of one family, in order of
    /// preference. The first one with two addresses (RFC 5780) that answers is
    /// used for everything; it takes three to say that UDP is blocked. Errors:
    /// `BadArgument` (addresses of two families, too few or too many, no such
    /// question), `Unreachable` (there is no way to the first server).
    pub fn new(servers: &[SocketAddr], config: NatCheckConfig) -> Result<NatCheck> {
        let mut own = config.local_addresses;
        if let (Some(first), true) = (servers.first(), own.is_empty()) {
            own.push(local_address(*first)?);
        }
        let servers: Vec<_> = servers.iter().copied().map(address::to_c).collect();
        let own: Vec<_> = own.into_iter().map(address::to_c).collect();
        let mut given: sys::natkit_behavior_config = sys::init();
        given.servers = servers.as_ptr();
        given.server_count = servers.len();
        given.local_addresses = own.as_ptr();
        given.local_address_count = own.len();
        given.gateway = config.gateway.map_or(address::unset(), address::to_c);
        given.drops_own_source = 1;
        for axis in config.axes {
            let bit = 1u64.checked_shl(axis.number());
            given.axes |= bit.ok_or_else(|| Error::bad_argument("natkit_behavior_new"))?;
        }
        NatCheck::start(given, Callbacks::new(config.random, None))
    }

    fn start(
        mut given: sys::natkit_behavior_config,
        callbacks: Arc<Callbacks>,
    ) -> Result<NatCheck> {
        let random = callbacks.random();
        given.random = random.as_ptr();
        let mut made = NatCheck {
            behavior: std::ptr::null_mut(),
            handle: std::ptr::null_mut(),
            _callbacks: callbacks,
        };
        call!(natkit_behavior_new(&given, &mut made.behavior))?;
        call!(natkit_nat_check_new(made.behavior, &mut made.handle))?;
        Ok(made)
    }

    /// How long to wait on the check's descriptor at most; `None`: for ever. To
    /// be asked after every other call.
    pub fn timeout(&self) -> Result<Option<Duration>> {
        let mut ms = 0;
        call!(natkit_nat_check_get_timeout(self.handle, &mut ms))?;
        Ok(u64::try_from(ms).ok().map(Duration::from_millis))
    }

    /// Waits until [`NatCheck::process`] has something to do. Blocks.
    pub fn wait(&self) -> io::Result<()> {
        let limit = self
            .timeout()
            .map_err(|error| io::Error::new(io::ErrorKind::Other, error))?;
        wait(&[self.as_raw_fd()], limit)?;
        Ok(())
    }

    /// Reads, sends and does all that is due.
    pub fn process(&mut self) -> Result<()> {
        call!(natkit_nat_check_process(self.handle))?;
        Ok(())
    }

    /// Ends it now: what is under way becomes inconclusive.
    pub fn abort(&mut self) -> Result<()> {
        let now = Instant::now().as_nanos();
        call!(natkit_behavior_abort(self.behavior, now))?;
        Ok(())
    }

    /// All is known, or it was aborted.
    pub fn is_finished(&self) -> Result<bool> {
        Ok(call!(natkit_behavior_is_finished(self.behavior))? == 1)
    }

    /// The answer to one question. Errors: `BadArgument` (there is no such
    /// question).
    pub fn verdict(&self, axis: NatAxis) -> Result<NatVerdict> {
        let mut read: sys::natkit_nat_verdict = sys::init();
        call!(natkit_behavior_get_verdict(
            self.behavior,
            axis.number(),
            &mut read
        ))?;
        Ok(NatVerdict {
            outcome: NatOutcome::from_c(read.outcome),
            value: from_chars(&read.value),
            reason: from_chars(&read.reason),
        })
    }

    /// What else is known.
    pub fn report(&self) -> Result<NatReport> {
        let mut read: sys::natkit_nat_report = sys::init();
        call!(natkit_behavior_get_report(self.behavior, &mut read))?;
        let external_addresses = address::list(|out, capacity| {
            call!(natkit_behavior_get_external_addresses(
                self.behavior,
                out,
                capacity
            ))
        })?;
        Ok(NatReport {
            server: address::from_c(&read.server),
            other_server: address::from_c(&read.other_server),
            external_addresses,
            datagrams_sent: read.datagrams_sent,
            datagrams_received: read.datagrams_received,
            took: Duration::from_nanos(read.took_ns),
            classic_name: from_chars(&read.classic_name),
            server_software: from_chars(&read.server_software),
        })
    }
}

impl AsRawFd for NatCheck {
    /// The descriptor to wait on until it is readable. It stays the same and
    /// belongs to the check: never read from it or close it.
    fn as_raw_fd(&self) -> RawFd {
        // SAFETY: it takes any handle.
        unsafe { sys::natkit_nat_check_get_fd(self.handle) }
    }
}

impl Drop for NatCheck {
    fn drop(&mut self) {
        // SAFETY: both take any handle, and NULL.
        unsafe {
            sys::natkit_nat_check_free(self.handle);
            sys::natkit_behavior_free(self.behavior);
        }
    }
}
