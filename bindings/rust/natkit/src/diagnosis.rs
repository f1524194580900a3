use crate::text::from_chars;
use natkit_sys as sys;

macro_rules! numbered {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $number:ident,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$doc])* $variant,)*
            /// One that this crate does not know.
            Other(u32),
        }

        impl $name {
            pub(crate) fn from_c(number: u32) -> $name {
                match number {
                    $(natkit_sys::$number => $name::$variant,)*
                    other => $name::Other(other),
                }
            }
        }
    };
}
pub(crate) use numbered;

numbered! {
    /// Why a path is not direct.
    Reason {
        /// It is.
        Direct = NATKIT_PATH_REASON_DIRECT,
        /// Neither a relay nor anybody else carries descriptions.
        NoRelay = NATKIT_PATH_REASON_NO_RELAY,
        /// Nobody has asked for a path.
        Idle = NATKIT_PATH_REASON_IDLE,
        /// The peer has told nothing yet.
        PeerSilent = NATKIT_PATH_REASON_PEER_SILENT,
        /// It is being looked for.
        Searching = NATKIT_PATH_REASON_SEARCHING,
        /// UDP is blocked on one side or both.
        UdpBlocked = NATKIT_PATH_REASON_UDP_BLOCKED,
        /// Both are behind one NAT that does not lead back inside.
        SameNat = NATKIT_PATH_REASON_SAME_NAT,
        /// The behaviours of the two NATs do not fit.
        NatPair = NATKIT_PATH_REASON_NAT_PAIR,
        /// Not enough is known of one side's NAT.
        UnknownBehavior = NATKIT_PATH_REASON_UNKNOWN_BEHAVIOR,
        /// Nothing that is known stands in the way.
        ShouldBeDirect = NATKIT_PATH_REASON_SHOULD_BE_DIRECT,
        /// A direct path was found, but loses data.
        EatsData = NATKIT_PATH_REASON_EATS_DATA,
    }
}

numbered! {
    /// Which side of a connection a [`Fix`] is about.
    FixSide {
        /// This one.
        Ours = NATKIT_FIX_OURS,
        /// The other one.
        Theirs = NATKIT_FIX_THEIRS,
        /// One of them is enough.
        Either = NATKIT_FIX_EITHER,
        /// On one side alone it does not help.
        Both = NATKIT_FIX_BOTH,
    }
}

/// One thing that would make a path direct.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fix {
    /// A stable word, such as "forward-port".
    pub code: String,
    /// Where.
    pub side: FixSide,
    /// Why it would help; for people.
    pub text: String,
}

/// Why a path is direct, or is not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnosis {
    /// Why.
    pub reason: Reason,
    /// One sentence; for people.
    pub summary: String,
    /// Our NAT in words.
    pub ours: String,
    /// The peer's NAT in words.
    pub theirs: String,
    /// What would help, the most helpful first.
    pub fixes: Vec<Fix>,
}

impl Diagnosis {
    pub(crate) fn from_c(from: &sys::natkit_diagnosis) -> Diagnosis {
        let fixes = from.fixes.iter().take(from.fix_count as usize);
        Diagnosis {
            reason: Reason::from_c(from.reason),
            summary: from_chars(&from.summary),
            ours: from_chars(&from.ours),
            theirs: from_chars(&from.theirs),
            fixes: fixes
                .map(|fix| Fix {
                    code: from_chars(&fix.code),
                    side: FixSide::from_c(fix.side),
                    text: from_chars(&fix.text),
                })
                .collect(),
        }
    }
}
