//! Connections that find their path through NATs by themselves, WireGuard
//! tunnels over any transport, and STUN: a thin safe layer over natkit's C
//! library, `libnatkit`, with nothing but the standard library.
//!
//! A [`Hub`] owns UDP sockets and connections to relays; an [`Agent`] is one
//! connection of a hub to one peer. A program drives a hub in a loop of its own:
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let hub = natkit::Hub::new(natkit::HubConfig::default())?;
//! let agent = hub.new_agent(&natkit::AgentConfig::default())?;
//! let mut buffer = vec![0; 65536];
//! loop {
//!     hub.wait(None)?;
//!     hub.process()?;
//!     while let Some(event) = hub.poll_event()? {
//!         println!("{event:?}");
//!     }
//!     while let Some((from, size)) = hub.receive(&mut buffer)? {
//!         assert_eq!(from, agent.id());
//!         agent.send(&buffer[..size])?;
//!     }
//! }
//! # }
//! ```
//!
//! A [`NatCheck`] finds out which NAT this host is behind.
//!
//! [`Tunnel`] and [`StunClient`] are cores: they own no socket and read no
//! clock. They are told the time ([`Instant`]) and what came in, and say what is
//! to be sent and when to be called again.
//!
//! Every failure is an [`Error`]. What is dropped is freed. The crate starts no
//! thread; only what is called `wait`, [`StunClient::run`] and [`resolve`] block.

#![warn(missing_docs)]
#![deny(unsafe_op_in_unsafe_fn)]

mod address;
mod agent;
mod batch;
mod callbacks;
mod diagnosis;
mod error;
mod events;
mod hub;
mod keys;
mod nat;
mod stun;
mod text;
mod time;
mod tunnel;
mod wait;

pub use address::{resolve, Prefix};
pub use agent::{Agent, AgentConfig, AgentCounters, AgentId, Path, Role, State};
pub use batch::{Batch, Datagram};
pub use callbacks::{LogLevel, Logger, Random};
pub use diagnosis::{Diagnosis, Fix, FixSide, Reason};
pub use error::{Error, ErrorKind, Result};
pub use events::Event;
pub use hub::{Hub, HubConfig, HubCounters, Power, Relay};
pub use keys::{PresharedKey, PrivateKey, PublicKey};
pub use nat::{
    local_address, NatAxis, NatCheck, NatCheckConfig, NatOutcome, NatReport, NatVerdict,
};
pub use stun::{
    StunClient, StunClientConfig, StunEvent, StunMechanism, StunOutcome, StunSchedule,
    StunServerKind, STUN_DEFAULT_PORT, STUN_MAX_MESSAGE_SIZE, STUN_MAX_UDP_SIZE,
};
pub use time::Instant;
pub use tunnel::{
    sealed_size, Tunnel, TunnelConfig, TunnelCounters, TunnelEvent, TunnelStatus, WgDrop,
    WG_HANDSHAKE_SIZE, WG_MAX_PACKET_SIZE, WG_OVERHEAD,
};
pub use wait::wait;

/// The version of the library that is loaded, such as "0.1.0".
pub fn version() -> &'static str {
    // SAFETY: it takes no arguments, and returns static text.
    unsafe { text::from_static(natkit_sys::natkit_version()) }.unwrap_or("")
}
