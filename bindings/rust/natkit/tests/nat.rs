//! NAT checks: against a server of the test's own, and against nobody.

use natkit::*;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::io::AsRawFd;
use std::time::{Duration, Instant as Clock};

/// Far more than anything takes.
const LIMIT: Duration = Duration::from_secs(60);

fn server() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// Answers one Binding request (RFC 8489 section 14.2).
fn answer(socket: &UdpSocket) {
    let mut request = [0; 2048];
    let (size, source) = socket.recv_from(&mut request).unwrap();
    if size < 20 || request[..2] != [0, 1] {
        return;
    }
    let mut out = vec![0x01, 0x01, 0, 12];
    out.extend_from_slice(&request[4..20]);
    out.extend_from_slice(&[0, 0x20, 0, 8, 0, 1]);
    out.extend_from_slice(&(source.port() ^ 0x2112).to_be_bytes());
    out.extend_from_slice(&(0x7F000001u32 ^ 0x2112A442).to_be_bytes());
    socket.send_to(&out, source).unwrap();
}

fn kind<T>(result: Result<T>) -> ErrorKind {
    match result {
        Ok(_) => panic!("no error"),
        Err(error) => error.kind(),
    }
}

#[test]
fn a_server_that_answers_shows_that_there_is_no_nat() {
    let (socket, address) = server();
    let config = NatCheckConfig {
        axes: vec![NatAxis::Udp, NatAxis::Translation],
        ..NatCheckConfig::default()
    };
    let mut check = NatCheck::new(&[address], config).unwrap();
    let begin = Clock::now();
    while !check.is_finished().unwrap() {
        assert!(begin.elapsed() < LIMIT);
        let fds = [socket.as_raw_fd(), check.as_raw_fd()];
        if wait(&fds, check.timeout().unwrap()).unwrap()[0] {
            answer(&socket);
        }
        check.process().unwrap();
    }
    for (axis, value) in [(NatAxis::Udp, "open"), (NatAxis::Translation, "none")] {
        let verdict = check.verdict(axis).unwrap();
        assert_eq!(verdict.outcome, NatOutcome::Determined);
        assert_eq!(verdict.value, value);
    }
    let tcp = check.verdict(NatAxis::Tcp).unwrap();
    assert_eq!(tcp.outcome, NatOutcome::Untested);
    let report = check.report().unwrap();
    assert_eq!(report.server, Some(address));
    let here: SocketAddr = "127.0.0.1:0".parse().unwrap();
    assert_eq!(report.external_addresses, [here]);
    assert!(report.datagrams_received > 0);
}

#[test]
fn checks_may_be_aborted() {
    let (_socket, address) = server();
    let mut check = NatCheck::new(&[address], NatCheckConfig::default()).unwrap();
    check.wait().unwrap();
    check.process().unwrap();
    assert_eq!(check.is_finished(), Ok(false));
    check.abort().unwrap();
    assert_eq!(check.is_finished(), Ok(true));
    let mapping = check.verdict(NatAxis::Mapping).unwrap();
    assert_ne!(mapping.outcome, NatOutcome::Determined);
    assert_eq!(check.report().unwrap().server, None);
}

#[test]
fn configurations_are_checked() {
    let address: SocketAddr = "127.0.0.1:9".parse().unwrap();
    let refused = |servers: &[SocketAddr], config| {
        assert_eq!(kind(NatCheck::new(servers, config)), ErrorKind::BadArgument);
    };
    refused(&[], NatCheckConfig::default());
    refused(&[address; 65], NatCheckConfig::default());
    for number in [63, 64, u32::MAX] {
        let axes = vec![NatAxis::Other(number)];
        refused(
            &[address],
            NatCheckConfig {
                axes,
                ..NatCheckConfig::default()
            },
        );
    }
    let local_addresses = vec!["[::1]:0".parse().unwrap()];
    refused(
        &[address],
        NatCheckConfig {
            local_addresses,
            ..NatCheckConfig::default()
        },
    );
}

#[test]
fn questions_have_words() {
    assert_eq!(NatAxis::Mapping.name(), "mapping");
    assert_eq!(NatAxis::Other(99).name(), "unknown");
    let all: Vec<NatAxis> = NatAxis::all().collect();
    assert!(all.contains(&NatAxis::Nat64));
    assert!(!all.iter().any(|axis| matches!(axis, NatAxis::Other(_))));
}

#[test]
fn the_local_address_is_that_of_the_way() {
    let found = local_address("127.0.0.1:9".parse().unwrap()).unwrap();
    assert_eq!(found.to_string(), "127.0.0.1:0");
}
