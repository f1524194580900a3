use crate::address;
use crate::agent::{Agent, AgentConfig, AgentId};
use crate::batch::Batch;
use crate::callbacks::{Callbacks, Logger, Random};
use crate::error::{call, Error, Result};
use crate::events::Event;
use crate::keys::{PrivateKey, PublicKey};
use crate::text::{wipe, Text};
use crate::wait::wait;
use natkit_sys as sys;
use std::io;
use std::net::SocketAddr;
use std::os::unix::io::{AsRawFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

/// How much packets cost this host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Power {
    /// Nothing worth mentioning.
    #[default]
    Mains,
    /// As few packets as NATs allow.
    Battery,
    /// No packets for idle connections.
    MobileIdle,
}

/// What a hub is made with; the default will do.
#[derive(Default)]
pub struct HubConfig {
    /// Who the hub is at relays, and what peers know it by. `None`: a new key.
    pub private_key: Option<PrivateKey>,
    /// UDP port to bind where the hub opens its sockets, one for each family; 0:
    /// the system chooses.
    pub port: u16,
    /// Use loopback addresses although there are others.
    pub loopback: bool,
    /// Open no IPv6 socket.
    pub no_ipv6: bool,
    /// Do not watch the system for changes of addresses: the program calls
    /// [`Hub::network_changed`].
    pub no_network_watch: bool,
    /// How much packets cost.
    pub power: Power,
    /// Bound UDP sockets, at most one for each family, IPv6 ones with
    /// IPV6_V6ONLY; none: the hub opens its own. The hub duplicates them: they
    /// may be closed and must not be read from.
    pub sockets: Vec<RawFd>,
    /// Bytes of datagrams that wait for [`Hub::receive`], over all agents; 0: 1
    /// MiB. Where there is no room, the agent that has the most waiting loses
    /// its oldest.
    pub receive_buffer: usize,
    /// What one agent has of them at most; 0: no limit but that.
    pub agent_receive_buffer: usize,
    /// Bytes of datagrams from nobody that is known that are kept for
    /// [`Hub::receive_unclaimed`]; 0: they are dropped.
    pub unclaimed_buffer: usize,
    /// Interfaces whose addresses are not told to peers, such as the tunnel that
    /// the datagrams come from: at most 64 names, of which the last character
    /// may be '*' for any end.
    pub ignored_interfaces: Vec<String>,
    /// The mark (SO_MARK) of all that the hub sends, also to relays, for policy
    /// routing around a tunnel; 0: none. Needs CAP_NET_ADMIN.
    pub fwmark: u32,
    /// Certificates to trust relays by, as PEM; `None`: the system's.
    pub roots_pem: Option<String>,
    /// Where random bytes come from; `None`: the system.
    pub random: Option<Random>,
    /// Where log lines go; `None`: nothing is logged.
    pub log: Option<Logger>,
}

/// One relay (a DERP server).
#[derive(Clone, Debug, Default)]
pub struct Relay {
    /// What both sides of a connection call it, without spaces, at most 255
    /// bytes; `None`: "HOST:PORT".
    pub name: Option<String>,
    /// The DNS name or IP address that its certificate is for.
    pub host: String,
    /// Where it is, 1 to 16; see [`crate::resolve`]. Their ports are not looked
    /// at.
    pub addresses: Vec<SocketAddr>,
    /// TCP port; 0: 443.
    pub port: u16,
    /// No TLS. For development only.
    pub is_plain: bool,
    /// `None`: the certificate is checked by trusted roots and `host`; a DNS
    /// name that it is checked against instead; or "sha256-raw:" and 64 hex
    /// digits of the SHA-256 of the certificate that is expected.
    pub certificate_name: Option<String>,
}

/// What a hub has done and dropped; only ever grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HubCounters {
    /// Datagrams of data sent directly.
    pub sent_direct: u64,
    /// Datagrams of data given to relays.
    pub sent_relayed: u64,
    /// Datagrams of data received, either way.
    pub received: u64,
    /// Datagrams from nobody that is known.
    pub dropped_unknown: u64,
    /// Relayed packets from nobody that is known, or too many at once.
    pub dropped_relayed: u64,
    /// Descriptions over a relay that were old or of no use.
    pub dropped_signals: u64,
    /// Received datagrams that nobody took in time.
    pub dropped_received: u64,
    /// Events that nobody took in time: beyond 65,536 the oldest go.
    pub events_lost: u64,
    /// Datagrams that were kept for [`Hub::receive_unclaimed`].
    pub unclaimed: u64,
    /// Those of them that nobody took in time.
    pub dropped_unclaimed: u64,
    /// Datagrams of any kind that the system did not take.
    pub dropped_sent: u64,
}

/// A set of sockets and relays, and the agents that use them.
///
/// A hub and its agents are one thing as to threads: any thread may call, and a
/// call that finds another at work fails with `Busy`. Dropping it closes all
/// sockets and relays; agents that are left are of no use.
pub struct Hub {
    handle: *mut sys::natkit_hub,
    callbacks: Arc<Callbacks>,
}

// SAFETY: natkit takes calls on a handle from any thread and refuses those that
// overlap; callbacks are Send and behind a Mutex.
unsafe impl Send for Hub {}
// SAFETY: as above.
unsafe impl Sync for Hub {}

impl Hub {
    /// Makes a hub and opens its sockets. Nothing is sent before there is an
    /// agent. Errors: `BadArgument`, `Unsupported` (a descriptor is no bound UDP
    /// socket, or is connected, or two are of one family), `AddressInUse`,
    /// `PermissionDenied`, `Io`, `LimitExceeded` (no more descriptors or
    /// handles), `BadCertificate` (`roots_pem`).
    pub fn new(config: HubConfig) -> Result<Hub> {
        let roots = Text::new("natkit_hub_new", config.roots_pem.as_deref())?;
        let interfaces = config.ignored_interfaces.iter();
        let ignored = interfaces
            .map(|name| Text::new("natkit_hub_new", Some(name)))
            .collect::<Result<Vec<Text>>>()?;
        let ignored_names: Vec<_> = ignored.iter().map(Text::as_ptr).collect();
        let mut given: sys::natkit_hub_config = sys::init();
        if let Some(key) = &config.private_key {
            given.private_key = *key.as_bytes();
        }
        given.port = config.port;
        given.flags = config.flags();
        given.power = config.power as u32;
        given.socket_count = u32::try_from(config.sockets.len())
            .map_err(|_| Error::bad_argument("natkit_hub_new"))?;
        given.sockets = config.sockets.as_ptr();
        given.receive_buffer = config.receive_buffer;
        given.agent_receive_buffer = config.agent_receive_buffer;
        given.unclaimed_buffer = config.unclaimed_buffer;
        given.ignored_interfaces = ignored_names.as_ptr();
        given.ignored_interface_count = ignored_names.len();
        given.fwmark = config.fwmark;
        given.roots_pem = roots.as_ptr();
        let callbacks = Callbacks::new(config.random, config.log);
        let (random, log) = (callbacks.random(), callbacks.log());
        given.random = random.as_ptr();
        given.log = log.as_ptr();
        let mut handle = std::ptr::null_mut();
        let made = call!(natkit_hub_new(&given, &mut handle));
        wipe(&mut given.private_key);
        made?;
        Ok(Hub { handle, callbacks })
    }

    /// Makes an agent, which begins to look for its peer. Errors: `BadValue`
    /// (`peer_key` is the hub's own), `AlreadyExists` (another agent has this
    /// peer), `LimitExceeded`.
    pub fn new_agent(&self, config: &AgentConfig) -> Result<Agent> {
        Agent::new(self.handle, &self.callbacks, config)
    }

    /// The hub's public key.
    pub fn public_key(&self) -> Result<PublicKey> {
        let mut key = [0; sys::NATKIT_KEY_SIZE];
        call!(natkit_hub_get_public_key(self.handle, key.as_mut_ptr()))?;
        Ok(PublicKey::from_bytes(key))
    }

    /// Where the hub's sockets are reachable on this host.
    pub fn local_addresses(&self) -> Result<Vec<SocketAddr>> {
        address::list(|out, capacity| {
            call!(natkit_hub_get_local_addresses(self.handle, out, capacity))
        })
    }

    /// Says which servers to ask, every 20 s while there are agents, what the
    /// hub's addresses look like from outside. Two or more also tell how the NAT
    /// maps. They replace those of before. Errors: `BadArgument` (more than 16).
    pub fn set_stun_servers(&self, servers: &[SocketAddr]) -> Result<()> {
        let given: Vec<_> = servers.iter().copied().map(address::to_c).collect();
        call!(natkit_hub_set_stun_servers(
            self.handle,
            given.as_ptr(),
            given.len()
        ))?;
        Ok(())
    }

    /// Adds a relay, before the first agent; at most 16, in order of preference.
    /// Returns its number, from 0. Errors: `BadArgument`, `BadValue` (`name`),
    /// `InvalidState` (there was an agent), `AlreadyExists` (the name),
    /// `LimitExceeded`, `NotFound` (the system's trusted roots),
    /// `BadCertificate` (they are not usable), `BadEncoding`
    /// (`certificate_name`).
    pub fn add_relay(&self, relay: &Relay) -> Result<usize> {
        const FUNCTION: &str = "natkit_hub_add_relay";
        let name = Text::new(FUNCTION, relay.name.as_deref())?;
        let host = Text::new(FUNCTION, Some(&relay.host))?;
        let certificate = Text::new(FUNCTION, relay.certificate_name.as_deref())?;
        let addresses: Vec<_> = relay.addresses.iter().copied().map(address::to_c).collect();
        let mut given: sys::natkit_relay = sys::init();
        given.name = name.as_ptr();
        given.host = host.as_ptr();
        given.addresses = addresses.as_ptr();
        given.address_count = addresses.len();
        given.port = relay.port;
        given.is_plain = relay.is_plain.into();
        given.certificate_name = certificate.as_ptr();
        call!(natkit_hub_add_relay(self.handle, &given))
    }

    /// How long to wait on the hub's descriptor at most; `None`: for ever; zero
    /// while events or datagrams wait to be taken. To be asked after every other
    /// call on the hub or its agents.
    pub fn timeout(&self) -> Result<Option<Duration>> {
        let mut ms = 0;
        call!(natkit_hub_get_timeout(self.handle, &mut ms))?;
        Ok(u64::try_from(ms).ok().map(Duration::from_millis))
    }

    /// Waits until [`Hub::process`] has something to do, or for `longest`.
    /// Blocks. Calls of other threads do not end it: a program that has some
    /// waits on their messages as well, with [`crate::wait()`].
    pub fn wait(&self, longest: Option<Duration>) -> io::Result<()> {
        let own = self.timeout().map_err(to_io)?;
        let limit = match (own, longest) {
            (Some(own), Some(longest)) => Some(own.min(longest)),
            (own, longest) => own.or(longest),
        };
        wait(&[self.as_raw_fd()], limit)?;
        Ok(())
    }

    /// Reads, sends and does all that is due. Then poll events and receive.
    pub fn process(&self) -> Result<()> {
        call!(natkit_hub_process(self.handle))?;
        Ok(())
    }

    /// Has the host's addresses looked up again; a hub does so by itself unless
    /// `no_network_watch`. Errors: `Io`.
    pub fn network_changed(&self) -> Result<()> {
        call!(natkit_hub_network_changed(self.handle))?;
        Ok(())
    }

    /// Takes the next event.
    pub fn poll_event(&self) -> Result<Option<Event>> {
        let mut read: sys::natkit_hub_event = sys::init();
        let count = call!(natkit_hub_poll_event(self.handle, &mut read))?;
        Ok((count == 1).then(|| Event::from_c(&read)))
    }

    /// Takes the next datagram that arrived for any agent: whose it is, and its
    /// length, which may be 0. Errors: `BufferTooSmall` (it stays; 65,536 bytes
    /// are always enough).
    pub fn receive(&self, buffer: &mut [u8]) -> Result<Option<(AgentId, usize)>> {
        let mut agent = std::ptr::null_mut();
        let mut size = 0;
        let count = call!(natkit_hub_receive(
            self.handle,
            &mut agent,
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            &mut size
        ))?;
        Ok((count == 1).then(|| (AgentId::of(agent), size)))
    }

    /// Takes datagrams that arrived for the hub's agents, the oldest first, as
    /// many as `batch` has room for; what was in it is gone. Returns how many.
    /// Errors: `BufferTooSmall` (not even one fits; nothing is lost, and 65,536
    /// bytes are always enough for one).
    pub fn receive_batch(&self, batch: &mut Batch) -> Result<usize> {
        let (mut given, agents) = batch.lend();
        let count = call!(natkit_hub_receive_batch(
            self.handle,
            &mut given,
            agents,
            std::ptr::null_mut()
        ))?;
        batch.count = count;
        Ok(count)
    }

    /// Takes datagrams from nobody that is known, as [`Hub::receive_batch`]
    /// does, if [`HubConfig::unclaimed_buffer`] was asked for: so that another
    /// protocol, which sends on a descriptor of its own, can share a socket.
    /// Among them are STUN messages that no agent knows, and what comes from a
    /// peer before or after its path. Errors: as [`Hub::receive_batch`].
    pub fn receive_unclaimed(&self, batch: &mut Batch) -> Result<usize> {
        let (mut given, _) = batch.lend();
        let count = call!(natkit_hub_receive_unclaimed(self.handle, &mut given))?;
        batch.count = count;
        Ok(count)
    }

    /// Reads the counters.
    pub fn counters(&self) -> Result<HubCounters> {
        let mut read: sys::natkit_hub_counters = sys::init();
        call!(natkit_hub_get_counters(self.handle, &mut read))?;
        Ok(HubCounters {
            sent_direct: read.sent_direct,
            sent_relayed: read.sent_relayed,
            received: read.received,
            dropped_unknown: read.dropped_unknown,
            dropped_relayed: read.dropped_relayed,
            dropped_signals: read.dropped_signals,
            dropped_received: read.dropped_received,
            events_lost: read.events_lost,
            unclaimed: read.unclaimed,
            dropped_unclaimed: read.dropped_unclaimed,
            dropped_sent: read.dropped_sent,
        })
    }
}

impl HubConfig {
    fn flags(&self) -> u32 {
        [
            (self.loopback, sys::NATKIT_HUB_LOOPBACK),
            (self.no_ipv6, sys::NATKIT_HUB_NO_IPV6),
            (self.no_network_watch, sys::NATKIT_HUB_NO_NETWORK_WATCH),
        ]
        .iter()
        .filter(|(is_set, _)| *is_set)
        .fold(0, |flags, (_, flag)| flags | flag)
    }
}

impl AsRawFd for Hub {
    /// The descriptor to wait on until it is readable. It stays the same and
    /// belongs to the hub: never read from it or close it.
    fn as_raw_fd(&self) -> RawFd {
        // SAFETY: it takes any handle.
        unsafe { sys::natkit_hub_get_fd(self.handle) }
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        // SAFETY: it takes any handle. Callbacks live as long as agents, whose
        // calls may go on.
        unsafe { sys::natkit_hub_free(self.handle) }
    }
}

fn to_io(error: Error) -> io::Error {
    io::Error::new(io::ErrorKind::Other, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::size_of;

    #[test]
    fn all_counters_are_read() {
        let first = size_of::<usize>(); // struct_size
        let there = size_of::<sys::natkit_hub_counters>();
        assert_eq!(size_of::<HubCounters>(), there - first);
        let there = size_of::<sys::natkit_agent_counters>();
        assert_eq!(size_of::<crate::AgentCounters>(), there - first);
    }
}
