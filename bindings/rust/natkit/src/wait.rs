use std::io;
use std::os::raw::{c_int, c_short, c_ulong};
use std::os::unix::io::RawFd;
use std::time::Duration;

/// `struct pollfd` of POSIX.
#[repr(C)]
struct PollFd {
    fd: c_int,
    events: c_short,
    revents: c_short,
}

const POLLIN: c_short = 1;

extern "C" {
    fn poll(fds: *mut PollFd, count: c_ulong, timeout: c_int) -> c_int;
}

/// Waits until one of these descriptors is readable or at its end, or the time
/// is up (`None`: never), and says which are. For programs that have no event
/// loop: a hub is one of the descriptors, and [`crate::Hub::timeout`] the time.
pub fn wait(fds: &[RawFd], timeout: Option<Duration>) -> io::Result<Vec<bool>> {
    let mut entries: Vec<PollFd> = fds
        .iter()
        .map(|&fd| PollFd {
            fd,
            events: POLLIN,
            revents: 0,
        })
        .collect();
    let limit = timeout.map_or(-1, milliseconds);
    // SAFETY: `entries` is an array of as many structures.
    let result = unsafe { poll(entries.as_mut_ptr(), entries.len() as c_ulong, limit) };
    let error = io::Error::last_os_error();
    if result < 0 && error.kind() != io::ErrorKind::Interrupted {
        return Err(error);
    }
    Ok(entries.iter().map(|entry| entry.revents != 0).collect())
}

/// Rounded up, so that the time has come when the wait is over.
fn milliseconds(duration: Duration) -> c_int {
    let whole = (duration.as_nanos() + 999_999) / 1_000_000;
    c_int::try_from(whole).unwrap_or(c_int::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;
    use std::os::unix::io::AsRawFd;

    #[test]
    fn says_which_are_readable() {
        let quiet = UdpSocket::bind("127.0.0.1:0").unwrap();
        let asked = UdpSocket::bind("127.0.0.1:0").unwrap();
        quiet.send_to(b"x", asked.local_addr().unwrap()).unwrap();
        let fds = [quiet.as_raw_fd(), asked.as_raw_fd()];
        assert_eq!(wait(&fds, None).unwrap(), [false, true]);
        assert_eq!(wait(&fds[..1], Some(Duration::ZERO)).unwrap(), [false]);
    }

    #[test]
    fn times_are_rounded_up() {
        assert_eq!(milliseconds(Duration::ZERO), 0);
        assert_eq!(milliseconds(Duration::from_nanos(1)), 1);
        assert_eq!(milliseconds(Duration::MAX), c_int::MAX);
    }
}
