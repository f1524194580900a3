use crate::address;
use crate::agent::AgentId;
use natkit_sys as sys;
use std::net::SocketAddr;

/// Room for datagrams that [`crate::Hub::receive_batch`] and
/// [`crate::Hub::receive_unclaimed`] take, to be used again and again.
pub struct Batch {
    memory: Vec<u8>,
    packets: Vec<sys::natkit_packet>,
    agents: Vec<*mut sys::natkit_agent>,
    pub(crate) count: usize,
}

// SAFETY: its pointers lead into its own memory; those of agents are numbers.
unsafe impl Send for Batch {}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Datagram<'a> {
    /// Whose it is; `None`: nobody's.
    pub agent: Option<AgentId>,
    /// Its bytes.
    pub data: &'a [u8],
    /// Where it came from; `None`: over a relay.
    pub remote: Option<SocketAddr>,
    /// Where it came to; `None`: over a relay.
    pub local: Option<SocketAddr>,
}

impl Batch {
    /// Room for `bytes` in up to `datagrams`; the longest datagram has 65,536.
    pub fn new(bytes: usize, datagrams: usize) -> Batch {
        Batch {
            memory: vec![0; bytes],
            packets: vec![packet(&[]); datagrams],
            agents: vec![std::ptr::null_mut(); datagrams],
            count: 0,
        }
    }

    /// What was received last.
    pub fn iter(&self) -> impl Iterator<Item = Datagram<'_>> {
        let mut rest = &self.memory[..];
        let packets = self.packets[..self.count].iter();
        packets.zip(&self.agents).map(move |(packet, agent)| {
            // They lie one after the other.
            let (data, behind) = rest.split_at(packet.size);
            rest = behind;
            Datagram {
                agent: (!agent.is_null()).then(|| AgentId::of(*agent)),
                data,
                remote: address::from_c(&packet.remote),
                local: address::from_c(&packet.local),
            }
        })
    }

    /// Itself for C, empty, and where agents go.
    pub(crate) fn lend(&mut self) -> (sys::natkit_batch, *mut *mut sys::natkit_agent) {
        self.count = 0;
        self.agents.fill(std::ptr::null_mut());
        let mut batch: sys::natkit_batch = sys::init();
        batch.memory = self.memory.as_mut_ptr();
        batch.memory_size = self.memory.len();
        batch.packets = self.packets.as_mut_ptr();
        batch.packet_capacity = self.packets.len();
        (batch, self.agents.as_mut_ptr())
    }
}

/// A datagram that C only reads.
pub(crate) fn packet(data: &[u8]) -> sys::natkit_packet {
    sys::natkit_packet {
        data: data.as_ptr() as *mut u8,
        size: data.len(),
        remote: address::unset(),
        local: address::unset(),
        peer: 0,
        reserved: 0,
    }
}
