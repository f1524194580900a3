use crate::address;
use crate::batch::packet;
use crate::callbacks::Callbacks;
use crate::diagnosis::Diagnosis;
use crate::error::{call, Result};
use crate::keys::PublicKey;
use crate::text::{from_chars, Text};
use natkit_sys as sys;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// Nothing is known of the other side.
    New,
    /// A path is looked for.
    Connecting,
    /// There is a path.
    Connected,
    /// There was one; another is looked for.
    Disconnected,
    /// None was found in 30 s. It is looked for still.
    Failed,
    /// One that this crate does not know.
    Other(u32),
}

impl State {
    pub(crate) fn from_c(state: u32) -> State {
        match state {
            sys::NATKIT_AGENT_STATE_NEW => State::New,
            sys::NATKIT_AGENT_STATE_CONNECTING => State::Connecting,
            sys::NATKIT_AGENT_STATE_CONNECTED => State::Connected,
            sys::NATKIT_AGENT_STATE_DISCONNECTED => State::Disconnected,
            sys::NATKIT_AGENT_STATE_FAILED => State::Failed,
            other => State::Other(other),
        }
    }
}

/// A way that data takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Path {
    /// There is none.
    None,
    /// Over a relay.
    Relay {
        /// Its number.
        relay: u32,
    },
    /// Between two UDP sockets.
    Direct {
        /// Our address.
        local: Option<SocketAddr>,
        /// The peer's address.
        remote: SocketAddr,
        /// The smoothed round-trip time, once it is measured.
        rtt: Option<Duration>,
    },
}

impl Path {
    pub(crate) fn from_c(from: &sys::natkit_path) -> Path {
        match (from.kind, address::from_c(&from.remote)) {
            (sys::NATKIT_PATH_RELAY, _) => Path::Relay { relay: from.relay },
            (sys::NATKIT_PATH_DIRECT, Some(remote)) => Path::Direct {
                local: address::from_c(&from.local),
                remote,
                rtt: (from.rtt_ns != 0).then(|| Duration::from_nanos(from.rtt_ns)),
            },
            _ => Path::None,
        }
    }
}

/// Who controls an ICE session (RFC 8445 section 6.1.1). It matters little:
/// roles that collide are mended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// With `peer_key` the side with the greater key, else we do.
    #[default]
    Default,
    /// This side controls.
    Controlling,
    /// The other side controls.
    Controlled,
}

/// What an agent is made with; the default will do.
#[derive(Clone, Debug, Default)]
pub struct AgentConfig {
    /// The public key of the other side's hub: descriptions then travel over the
    /// relays that both use. `None`: it is learnt from the other side's
    /// description, which the program brings.
    pub peer_key: Option<PublicKey>,
    /// Who controls.
    pub role: Role,
    /// Relays carry descriptions only, never data.
    pub no_relayed_data: bool,
}

/// What an agent has sent, received and dropped; only ever grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AgentCounters {
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
    /// Received datagrams that nobody took in time.
    pub dropped_received: u64,
}

/// Which agent an event or a datagram is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentId(usize);

impl AgentId {
    /// Handles are numbers in the place of addresses.
    pub(crate) fn of(handle: *mut sys::natkit_agent) -> AgentId {
        AgentId(handle as usize)
    }
}

/// One connection of a hub to one peer. Data are datagrams as they are, not
/// encrypted, which may be lost or change their order.
///
/// Dropping it ends the connection; the other side is not told. When its hub is
/// gone, calls fail with `BadHandle`.
pub struct Agent {
    handle: *mut sys::natkit_agent,
    // Those of the hub: calls on an agent may use them.
    _callbacks: Arc<Callbacks>,
}

// SAFETY: as for Hub.
unsafe impl Send for Agent {}
// SAFETY: as for Hub.
unsafe impl Sync for Agent {}

impl Agent {
    pub(crate) fn new(
        hub: *mut sys::natkit_hub,
        callbacks: &Arc<Callbacks>,
        config: &AgentConfig,
    ) -> Result<Agent> {
        let mut given: sys::natkit_agent_config = sys::init();
        if let Some(key) = &config.peer_key {
            given.peer_key = *key.as_bytes();
        }
        given.role = config.role as u32;
        if config.no_relayed_data {
            given.flags = sys::NATKIT_AGENT_NO_RELAYED_DATA;
        }
        let mut handle = std::ptr::null_mut();
        call!(natkit_agent_new(hub, &given, &mut handle))?;
        Ok(Agent {
            handle,
            _callbacks: Arc::clone(callbacks),
        })
    }

    /// What events and datagrams call it.
    pub fn id(&self) -> AgentId {
        AgentId::of(self.handle)
    }

    /// What the other side has to know, as SDP attributes. It is complete for
    /// itself at any time, and grows as addresses become known
    /// ([`crate::Event::Description`]). Secret: who has it can take the peer's
    /// place.
    pub fn local_description(&self) -> Result<String> {
        let mut text = vec![0; sys::NATKIT_DESCRIPTION_SIZE];
        let size = call!(natkit_agent_get_local_description(
            self.handle,
            text.as_mut_ptr(),
            text.len()
        ))?;
        Ok(from_chars(&text[..size]))
    }

    /// Takes the other side's description: of natkit, or the ICE attributes of
    /// any SDP. May be called again, with all of it or only with more
    /// candidates. Another user name fragment than before begins a new session.
    /// Errors: `BadSignal`, `BadLength` (over 16 KiB), `BadCredentials`,
    /// `BadValue` (our own, or another peer's), `AlreadyExists` (another agent
    /// has this peer), `InvalidState` (candidates alone, and no credentials
    /// before), `BadArgument` (a zero byte).
    pub fn set_remote_description(&self, text: &str) -> Result<()> {
        let given = Text::new("natkit_agent_set_remote_description", Some(text))?;
        call!(natkit_agent_set_remote_description(
            self.handle,
            given.as_ptr()
        ))?;
        Ok(())
    }

    /// Begins a new ICE session: new credentials, so [`crate::Event::Description`]
    /// follows. A path that works goes on meanwhile.
    pub fn restart(&self) -> Result<()> {
        call!(natkit_agent_restart(self.handle))?;
        Ok(())
    }

    /// Sends one datagram of up to 65,507 bytes (65,487 over IPv6, 65,536 over a
    /// relay). Success does not mean that it arrives. What has the form of a STUN
    /// message (RFC 8489 section 5) is never taken for data: it cannot be sent.
    /// Errors: `InvalidState` (there is no path), `BadValue` (a STUN message),
    /// `FrameTooLarge`, `LimitExceeded` (a relay's limits).
    pub fn send(&self, data: &[u8]) -> Result<()> {
        call!(natkit_agent_send(
            self.handle,
            data.as_ptr().cast(),
            data.len()
        ))?;
        Ok(())
    }

    /// Sends datagrams in order, as [`Agent::send`] does, with fewer calls of the
    /// system, and returns how many were taken, from the first on. If that is not
    /// all, the one after them was refused; what for, a call with the rest says.
    /// Errors: those of `send`, where the first datagram is refused;
    /// `BadArgument` if any has more than 65,535 bytes: nothing was sent.
    pub fn send_batch(&self, datagrams: &[&[u8]]) -> Result<usize> {
        let packets: Vec<_> = datagrams.iter().map(|data| packet(data)).collect();
        call!(natkit_agent_send_batch(
            self.handle,
            packets.as_ptr(),
            packets.len()
        ))
    }

    /// Where the connection stands.
    pub fn state(&self) -> Result<State> {
        let state = call!(natkit_agent_get_state(self.handle))?;
        Ok(State::from_c(state as u32))
    }

    /// The way that data takes now.
    pub fn path(&self) -> Result<Path> {
        let mut read: sys::natkit_path = sys::init();
        call!(natkit_agent_get_path(self.handle, &mut read))?;
        Ok(Path::from_c(&read))
    }

    /// Reads the counters.
    pub fn counters(&self) -> Result<AgentCounters> {
        let mut read: sys::natkit_agent_counters = sys::init();
        call!(natkit_agent_get_counters(self.handle, &mut read))?;
        Ok(AgentCounters {
            sent_direct: read.sent_direct,
            sent_relayed: read.sent_relayed,
            sent_bytes: read.sent_bytes,
            received: read.received,
            received_bytes: read.received_bytes,
            dropped_received: read.dropped_received,
        })
    }

    /// Why the path is direct or is not, and what would make it so.
    pub fn explain(&self) -> Result<Diagnosis> {
        let mut read: sys::natkit_diagnosis = sys::init();
        call!(natkit_agent_explain(self.handle, &mut read))?;
        Ok(Diagnosis::from_c(&read))
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // SAFETY: it takes any handle, also one whose hub is gone.
        unsafe { sys::natkit_agent_free(self.handle) }
    }
}
