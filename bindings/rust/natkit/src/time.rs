use natkit_sys as sys;
use std::ops::{Add, Sub};
use std::time::Duration;

/// A time of any monotonic clock, in nanoseconds, below 2^62.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The time that is this many nanoseconds after the clock's beginning.
    pub const fn from_nanos(nanos: u64) -> Instant {
        Instant(nanos)
    }

    /// Nanoseconds after the clock's beginning.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Reads the system's monotonic clock.
    pub fn now() -> Instant {
        // SAFETY: it takes no arguments.
        Instant(unsafe { sys::natkit_monotonic_ns() })
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    /// The time that much later.
    fn add(self, later: Duration) -> Instant {
        Instant(self.0.saturating_add(nanos(later)))
    }
}

impl Sub<Instant> for Instant {
    type Output = Duration;

    /// How much later this is; zero if it is earlier.
    fn sub(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// A duration for C; as long as can be if it is too long, which C refuses.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
