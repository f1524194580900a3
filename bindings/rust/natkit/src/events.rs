use crate::agent::{AgentId, Path, State};
use crate::diagnosis::Reason;
use crate::text::from_chars;
use natkit_sys as sys;
use std::time::Duration;

/// Something that happened to a hub or one of its agents.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A connection stands elsewhere.
    State {
        /// Which connection.
        agent: AgentId,
        /// Where it stands now.
        state: State,
    },
    /// Data takes another way.
    Path {
        /// Which connection.
        agent: AgentId,
        /// The way that data takes now.
        path: Path,
    },
    /// The round-trip time of the direct path was measured, or is another one by
    /// 2 ms and a quarter.
    Rtt {
        /// Which connection.
        agent: AgentId,
        /// The time.
        rtt: Duration,
    },
    /// The local description has changed. Unless agents exchange descriptions
    /// over a relay, take it to the other side.
    Description {
        /// Whose description.
        agent: AgentId,
        /// All that belongs to it is there.
        is_complete: bool,
    },
    /// Why there is no direct path is another reason than before;
    /// [`crate::Agent::explain`] has all of it.
    WhyNotDirect {
        /// Which connection.
        agent: AgentId,
        /// The new reason.
        reason: Reason,
    },
    /// A relay is up or down.
    Relay {
        /// Its number.
        relay: u32,
        /// It is up.
        is_up: bool,
        /// Why it is down.
        text: String,
    },
    /// One of a type that this crate does not know.
    Other(u32),
}

impl Event {
    pub(crate) fn from_c(from: &sys::natkit_hub_event) -> Event {
        let agent = AgentId::of(from.agent);
        match from.r#type {
            sys::NATKIT_HUB_EVENT_STATE => Event::State {
                agent,
                state: State::from_c(from.state),
            },
            sys::NATKIT_HUB_EVENT_PATH => Event::Path {
                agent,
                path: Path::from_c(&from.path),
            },
            sys::NATKIT_HUB_EVENT_RTT => Event::Rtt {
                agent,
                rtt: Duration::from_nanos(from.rtt_ns),
            },
            sys::NATKIT_HUB_EVENT_DESCRIPTION => Event::Description {
                agent,
                is_complete: from.is_complete != 0,
            },
            sys::NATKIT_HUB_EVENT_WHY_NOT_DIRECT => Event::WhyNotDirect {
                agent,
                reason: Reason::from_c(from.reason),
            },
            sys::NATKIT_HUB_EVENT_RELAY => Event::Relay {
                relay: from.relay,
                is_up: from.is_up != 0,
                text: from_chars(&from.text),
            },
            other => Event::Other(other),
        }
    }
}
