//! Keys, errors, and the cores that are driven by bytes and time.

use natkit::*;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::time::{Duration, SystemTime};

const START: Instant = Instant::from_nanos(1_000_000_000_000);

// RFC 7748 section 6.1, Alice's keys.
const PRIVATE: &str = "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=";
const PUBLIC: &str = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=";

fn kind<T>(result: Result<T>) -> ErrorKind {
    match result {
        Ok(_) => panic!("no error"),
        Err(error) => error.kind(),
    }
}

#[test]
fn the_version_is_that_of_the_headers() {
    assert_eq!(version(), "0.1.0");
}

#[test]
fn errors_say_where_and_why() {
    let error = "".parse::<PublicKey>().unwrap_err();
    assert_eq!(error.function(), "natkit_key_parse");
    assert_eq!((error.kind(), error.code()), (ErrorKind::BadLength, -2));
    assert!(error.to_string().starts_with("natkit_key_parse: "));
    assert!(!error.to_string().contains("unknown"));
    assert!(format!("{error:?}").contains("BadLength"));
}

#[test]
fn names_are_looked_up() {
    let expected: SocketAddr = "192.0.2.1:443".parse().unwrap();
    assert_eq!(resolve("192.0.2.1", 443).unwrap(), [expected]);
    assert_eq!(kind(resolve("a\0b", 443)), ErrorKind::BadArgument);
}

#[test]
fn keys_have_the_text_that_wg_writes() {
    let private: PrivateKey = PRIVATE.parse().unwrap();
    assert_eq!(private.to_text(), PRIVATE);
    assert_eq!(private.public().to_string(), PUBLIC);
    assert_eq!(PUBLIC.parse::<PublicKey>().unwrap(), private.public());
    let shared: PresharedKey = PRIVATE.parse().unwrap();
    assert_eq!(shared.to_text(), PRIVATE);
    assert_eq!(format!("{private:?}"), "PrivateKey(secret)");
    assert_eq!(format!("{shared:?}"), "PresharedKey(secret)");
}

#[test]
fn texts_that_are_no_keys_are_refused() {
    let long = PUBLIC.repeat(1000);
    let other = "!".repeat(43) + "=";
    for (text, expected) in [
        ("AAAA", ErrorKind::BadLength),
        (&long, ErrorKind::BadLength),
        (&other, ErrorKind::BadEncoding),
        ("zero\0byte", ErrorKind::BadArgument),
    ] {
        assert_eq!(kind(text.parse::<PrivateKey>()), expected);
    }
}

#[test]
fn keys_are_made_of_the_callers_randomness() {
    let key = PrivateKey::generate_with(Box::new(|out| out.fill(0xFF))).unwrap();
    let bytes = key.as_bytes();
    assert_eq!((bytes[0], bytes[5], bytes[31]), (0xF8, 0xFF, 0x7F));
    let others = [(); 2].map(|_| PrivateKey::generate().unwrap().public());
    assert_ne!(others[0], others[1]);
}

#[test]
fn instants_count_nanoseconds() {
    let later = START + Duration::from_secs(3);
    assert_eq!(later - START, Duration::from_secs(3));
    assert_eq!(START - later, Duration::ZERO);
    assert!(Instant::now() <= Instant::now());
}

fn tunnels() -> (Tunnel, Tunnel) {
    let keys = [(); 2].map(|_| PrivateKey::generate().unwrap());
    let shared: PresharedKey = PUBLIC.parse().unwrap();
    let make = |ours: usize, keepalive| {
        let config = TunnelConfig {
            preshared_key: Some(shared.clone()),
            allowed_ips: vec![
                Prefix {
                    address: [10, 0, 0, 0].into(),
                    length: 8,
                },
                Prefix {
                    address: "fd00::".parse().unwrap(),
                    length: 8,
                },
            ],
            keepalive,
            ..TunnelConfig::default()
        };
        Tunnel::new(START, &keys[ours], &keys[1 - ours].public(), config).unwrap()
    };
    (make(0, Duration::ZERO), make(1, Duration::from_secs(25)))
}

/// An IPv4 packet from 10.0.0.1 to 10.0.0.2.
fn packet(size: u8) -> Vec<u8> {
    let mut packet = vec![
        0x45, 0, 0, size, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
    ];
    packet.resize(size.into(), 0);
    packet
}

/// Takes what waits in one tunnel to the other; returns what comes out.
fn deliver(from: &mut Tunnel, to: &mut Tunnel) -> Vec<Vec<u8>> {
    let (mut datagram, mut plain) = ([0; 2048], [0; 2048]);
    let mut packets = Vec::new();
    loop {
        let size = from.poll_transmit(&mut datagram).unwrap();
        if size == 0 {
            return packets;
        }
        let length = to.open(START, &datagram[..size], &mut plain).unwrap();
        if length > 0 {
            packets.push(plain[..length].to_vec());
        }
    }
}

#[test]
fn tunnels_carry_packets() {
    let (mut a, mut b) = tunnels();
    let packet = packet(100);
    let (mut out, mut plain) = ([0; 2048], [0; 2048]);
    assert_eq!(a.seal(START, &packet, &mut out), Ok(0));
    deliver(&mut a, &mut b);
    deliver(&mut b, &mut a);
    assert_eq!(deliver(&mut a, &mut b), std::slice::from_ref(&packet));
    let size = a.seal(START, &packet, &mut out).unwrap();
    assert_eq!(size, sealed_size(100));
    let length = b.open(START, &out[..size], &mut plain).unwrap();
    assert_eq!(plain[..length], packet[..]);
    let again = b.open(START, &out[..size], &mut plain);
    assert_eq!(kind(again), ErrorKind::Replayed);

    let completed = |is_initiator| Ok(Some(TunnelEvent::HandshakeCompleted { is_initiator }));
    assert_eq!(a.poll_event(), completed(true));
    assert_eq!(b.poll_event(), completed(false));
    assert_eq!(a.poll_event(), Ok(None));
    let status = b.status().unwrap();
    assert!(status.has_session && status.has_preshared_key && status.rx_bytes > 0);
    assert_eq!(status.allowed_ip_count, 2);
    assert_eq!(status.keepalive, Duration::from_secs(25));
    assert!(status.last_handshake.unwrap() <= SystemTime::now());
    let counters = b.counters().unwrap();
    assert_eq!(counters.drops, [(WgDrop::DataReplayed, 1)]);
    assert_eq!(
        (counters.data_opened, counters.initiations_accepted),
        (2, 1)
    );
}

#[test]
fn tunnels_say_when_to_call_them() {
    let (mut a, _b) = tunnels();
    assert_eq!(a.next_timeout(), Ok(None));
    a.initiate_handshake(START, false).unwrap();
    let too_soon = a.initiate_handshake(START, true);
    assert_eq!(kind(too_soon), ErrorKind::LimitExceeded);
    let mut out = [0; WG_HANDSHAKE_SIZE];
    assert_eq!(a.poll_transmit(&mut out), Ok(WG_HANDSHAKE_SIZE));
    let at = a.next_timeout().unwrap().unwrap();
    assert!(at > START && at - START < Duration::from_secs(6));
    a.handle_timeout(at).unwrap();
    assert_eq!(kind(a.send_keepalive(at)), ErrorKind::NoSession);
}

#[test]
fn tunnel_configurations_are_checked() {
    let key = PrivateKey::generate().unwrap();
    let peer = PublicKey::from_bytes([9; 32]);
    let zero = PrivateKey::from_bytes([0; 32]);
    let default = TunnelConfig::default;
    let with = |config| kind(Tunnel::new(START, &key, &peer, config));
    let no_key = Tunnel::new(START, &zero, &peer, default());
    assert_eq!(kind(no_key), ErrorKind::BadValue);
    let own_key = Tunnel::new(START, &key, &key.public(), default());
    assert_eq!(kind(own_key), ErrorKind::BadValue);
    let late = Tunnel::new(Instant::from_nanos(1 << 62), &key, &peer, default());
    assert_eq!(kind(late), ErrorKind::BadArgument);
    let wall_clock = Some(SystemTime::UNIX_EPOCH - Duration::from_secs(1));
    let early = TunnelConfig {
        wall_clock,
        ..default()
    };
    assert_eq!(with(early), ErrorKind::BadArgument);
    let (address, length) = ([10, 0, 0, 0].into(), 33);
    let prefix = TunnelConfig {
        allowed_ips: vec![Prefix { address, length }],
        ..default()
    };
    assert_eq!(with(prefix), ErrorKind::BadArgument);
    let keepalive = TunnelConfig {
        keepalive: Duration::MAX,
        ..default()
    };
    assert_ne!(with(keepalive), ErrorKind::Other);
}

#[test]
fn packets_are_checked() {
    let (mut a, _b) = tunnels();
    let mut out = [0; 2048];
    let mut seal = |packet: &[u8], room| kind(a.seal(START, packet, &mut out[..room]));
    assert_eq!(seal(b"no packet", 2048), ErrorKind::BadValue);
    assert_eq!(seal(&packet(100), 100), ErrorKind::BufferTooSmall);
    assert_eq!(seal(&packet(100), 0), ErrorKind::BufferTooSmall);
    let mut elsewhere = packet(100);
    elsewhere[16] = 11;
    assert_eq!(seal(&elsewhere, 2048), ErrorKind::NoRoute);
    let strange = a.open(START, b"no datagram", &mut out);
    assert_eq!(kind(strange), ErrorKind::BadValue);
}

#[test]
fn drops_have_names() {
    assert_eq!(WgDrop::BadMac1.name(), Some("bad_mac1"));
    assert_eq!(WgDrop::Other(99).name(), None);
}

fn server() -> SocketAddr {
    "192.0.2.1:3478".parse().unwrap()
}

/// A success response that says 203.0.113.7:4242 (RFC 8489 section 14.2).
fn response(request: &[u8]) -> Vec<u8> {
    let mut out = vec![0x01, 0x01, 0, 12];
    out.extend_from_slice(&request[4..20]);
    out.extend_from_slice(&[0, 0x20, 0, 8, 0, 1]);
    out.extend_from_slice(&(4242u16 ^ 0x2112).to_be_bytes());
    out.extend_from_slice(&(0xCB007107u32 ^ 0x2112A442).to_be_bytes());
    out
}

#[test]
fn the_reflexive_address_is_learnt() {
    let config = StunClientConfig {
        random: Some(Box::new(|out| out.fill(7))),
        ..StunClientConfig::default()
    };
    let mut client = StunClient::new(server(), config).unwrap();
    client.start(START).unwrap();
    let mut out = [0; STUN_MAX_UDP_SIZE];
    let small = client.poll_transmit(&mut out[..10]);
    assert_eq!(kind(small), ErrorKind::BufferTooSmall);
    let (size, to) = client.poll_transmit(&mut out).unwrap().unwrap();
    assert_eq!((to, &out[8..20]), (server(), &[7; 12][..]));
    assert_eq!(client.poll_transmit(&mut out[size..]), Ok(None));
    let strange = client.handle_datagram(START, server(), b"something else");
    assert_eq!(strange, Ok(false));
    let after = START + Duration::from_millis(20);
    let taken = client.handle_datagram(after, server(), &response(&out[..size]));
    assert_eq!(taken, Ok(true));
    let event = client.poll_event().unwrap().unwrap();
    assert_eq!(event.outcome, StunOutcome::Success);
    let expected: SocketAddr = "203.0.113.7:4242".parse().unwrap();
    assert_eq!(event.reflexive_address, Some(expected));
    assert_eq!(event.rtt, Some(Duration::from_millis(20)));
    assert_eq!((event.server, event.is_verified), (Some(server()), false));
    assert_eq!(client.poll_event(), Ok(None));
}

#[test]
fn a_run_asks_and_waits() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let ours = UdpSocket::bind("127.0.0.1:0").unwrap();
    let config = StunClientConfig::default();
    let mut client = StunClient::new(server.local_addr().unwrap(), config).unwrap();
    let answering = std::thread::spawn(move || {
        let mut request = [0; STUN_MAX_UDP_SIZE];
        let (size, from) = server.recv_from(&mut request).unwrap();
        server.send_to(&response(&request[..size]), from).unwrap();
    });
    let event = client.run(&ours).unwrap();
    answering.join().unwrap();
    assert_eq!(event.outcome, StunOutcome::Success);
    assert_eq!(event.reflexive_address, "203.0.113.7:4242".parse().ok());
    let stream = TcpListener::bind("127.0.0.1:0").unwrap();
    assert_eq!(kind(client.run(&stream)), ErrorKind::Unsupported);
}

#[test]
fn a_server_that_is_silent_times_out() {
    let schedule = StunSchedule {
        initial_timeout: Duration::from_secs(1),
        final_wait: Duration::from_secs(3),
        request_count: 2,
        ..StunSchedule::default()
    };
    let config = StunClientConfig {
        schedule,
        ..StunClientConfig::default()
    };
    let mut client = StunClient::new(server(), config).unwrap();
    client.start(START).unwrap();
    let (mut sent, mut now) = (0, START);
    let event = loop {
        while client.poll_transmit(&mut [0; 548]).unwrap().is_some() {
            sent += 1;
        }
        now = client.next_timeout().unwrap().unwrap_or(now);
        client.handle_timeout(now).unwrap();
        if let Some(event) = client.poll_event().unwrap() {
            break event;
        }
    };
    assert_eq!(event.outcome, StunOutcome::TimedOut);
    assert_eq!((sent, now - START), (2, Duration::from_secs(4)));
}

#[test]
fn stun_configurations_are_checked() {
    let refused = |config| kind(StunClient::new(server(), config));
    let long = StunClientConfig {
        software: Some("x".repeat(764)),
        ..StunClientConfig::default()
    };
    assert_eq!(refused(long), ErrorKind::BadArgument);
    let mut many = StunClientConfig::default();
    many.schedule.request_count = 101;
    assert_eq!(refused(many), ErrorKind::BadArgument);
    let mut slow = StunClientConfig::default();
    slow.schedule.final_wait = Duration::MAX;
    assert_eq!(refused(slow), ErrorKind::BadArgument);
    let zero = StunClientConfig {
        user: Some(("a\0b".to_string(), "secret".to_string())),
        ..StunClientConfig::default()
    };
    assert_eq!(refused(zero), ErrorKind::BadArgument);
    let mut client = StunClient::new(server(), StunClientConfig::default()).unwrap();
    client.start(START).unwrap();
    client.cancel().unwrap();
    assert_eq!(client.next_timeout(), Ok(None));
    assert_eq!(client.poll_event(), Ok(None));
}
