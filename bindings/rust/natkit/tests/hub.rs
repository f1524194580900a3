//! Hubs and agents, on this host's loopback addresses.

use natkit::*;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::unix::io::AsRawFd;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant as Clock};

/// Far more than anything takes.
const LIMIT: Duration = Duration::from_secs(60);

fn config() -> HubConfig {
    HubConfig {
        loopback: true,
        no_ipv6: true,
        ..HubConfig::default()
    }
}

fn new_hub() -> Hub {
    Hub::new(config()).unwrap()
}

/// One hub with one agent, and what was seen of it.
struct End {
    hub: Hub,
    agent: Agent,
    events: Vec<Event>,
    data: Vec<Vec<u8>>,
}

impl End {
    fn new() -> End {
        End::of(new_hub())
    }

    fn of(hub: Hub) -> End {
        let agent = hub.new_agent(&AgentConfig::default()).unwrap();
        End {
            hub,
            agent,
            events: Vec::new(),
            data: Vec::new(),
        }
    }

    fn process(&mut self) {
        self.hub.wait(Some(Duration::from_millis(10))).unwrap();
        self.hub.process().unwrap();
        while let Some(event) = self.hub.poll_event().unwrap() {
            self.events.push(event);
        }
        let mut buffer = vec![0; 65536];
        while let Some((agent, size)) = self.hub.receive(&mut buffer).unwrap() {
            assert_eq!(agent, self.agent.id());
            self.data.push(buffer[..size].to_vec());
        }
    }

    fn is_direct(&self) -> bool {
        matches!(self.agent.path().unwrap(), Path::Direct { .. })
    }

    fn tell(&self, other: &End) {
        let text = self.agent.local_description().unwrap();
        other.agent.set_remote_description(&text).unwrap();
    }
}

/// Drives both ends until `done` holds.
fn run(a: &mut End, b: &mut End, done: impl Fn(&End, &End) -> bool) {
    let begin = Clock::now();
    while !done(a, b) {
        assert!(begin.elapsed() < LIMIT, "{:?} {:?}", a.events, b.events);
        a.process();
        b.process();
    }
}

fn connected() -> (End, End) {
    let (mut a, mut b) = (End::new(), End::new());
    a.tell(&b);
    b.tell(&a);
    run(&mut a, &mut b, |a, b| a.is_direct() && b.is_direct());
    (a, b)
}

fn kind<T>(result: Result<T>) -> ErrorKind {
    match result {
        Ok(_) => panic!("no error"),
        Err(error) => error.kind(),
    }
}

#[test]
fn two_agents_connect_and_talk() {
    let (mut a, mut b) = connected();
    assert_eq!(a.agent.state(), Ok(State::Connected));
    a.agent.send(b"hello").unwrap();
    b.agent.send(b"").unwrap();
    run(&mut a, &mut b, |a, b| a.data.len() + b.data.len() == 2);
    assert_eq!((&a.data[0][..], &b.data[0][..]), (&b""[..], &b"hello"[..]));
    let counters = b.hub.counters().unwrap();
    assert_eq!((counters.received, counters.sent_direct), (1, 1));
    assert_eq!(counters.sent_relayed, 0);
    let own = b.agent.counters().unwrap();
    assert_eq!((own.received, own.received_bytes), (1, 5));
    assert_eq!((own.sent_direct, own.sent_bytes), (1, 0));
    assert_eq!((own.sent_relayed, own.dropped_received), (0, 0));
    let mut stun = [0; 20];
    stun[..8].copy_from_slice(&[0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42]);
    assert_eq!(kind(a.agent.send(&stun)), ErrorKind::BadValue);
    a.agent.restart().unwrap();
}

#[test]
fn batches_arrive_whole() {
    let (a, b) = connected();
    let sent: Vec<_> = (0..200).map(|i| vec![i as u8; i * 7 % 1400]).collect();
    let slices: Vec<_> = sent.iter().map(|data| &data[..]).collect();
    assert_eq!(a.agent.send_batch(&slices), Ok(200));
    let mut batch = Batch::new(65536, 30);
    let mut next = 0;
    let begin = Clock::now();
    while next < sent.len() {
        assert!(begin.elapsed() < LIMIT);
        b.hub.wait(Some(Duration::from_millis(10))).unwrap();
        b.hub.process().unwrap();
        let count = b.hub.receive_batch(&mut batch).unwrap();
        assert_eq!(batch.iter().count(), count);
        for datagram in batch.iter() {
            assert_eq!(datagram.agent, Some(b.agent.id()));
            assert_eq!(datagram.data, &sent[next][..]);
            assert!(datagram.remote.is_some() && datagram.local.is_some());
            next += 1;
        }
    }
    let mut stun = [0; 20];
    stun[..8].copy_from_slice(&[0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42]);
    assert_eq!(a.agent.send_batch(&[b"one", &stun]), Ok(1));
    assert_eq!(
        kind(a.agent.send_batch(&[&stun, b"one"])),
        ErrorKind::BadValue
    );
    assert_eq!(a.agent.send_batch(&[]), Ok(0));
}

#[test]
fn a_socket_may_be_shared_with_another_protocol() {
    let mine = UdpSocket::bind("127.0.0.1:0").unwrap();
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let hub = Hub::new(HubConfig {
        sockets: vec![mine.as_raw_fd()],
        unclaimed_buffer: 1 << 20,
        ..config()
    })
    .unwrap();
    let ours = mine.local_addr().unwrap();
    stranger.send_to(b"something else", ours).unwrap();
    let mut batch = Batch::new(65536, 30);
    let begin = Clock::now();
    while hub.receive_unclaimed(&mut batch).unwrap() == 0 {
        assert!(begin.elapsed() < LIMIT);
        hub.wait(Some(Duration::from_millis(10))).unwrap();
        hub.process().unwrap();
    }
    let datagram = batch.iter().next().unwrap();
    assert_eq!(datagram.agent, None);
    assert_eq!(datagram.data, b"something else");
    assert_eq!(datagram.remote, Some(stranger.local_addr().unwrap()));
    assert_eq!(datagram.local, Some(ours));
    let counters = hub.counters().unwrap();
    assert_eq!((counters.unclaimed, counters.dropped_unclaimed), (1, 0));
    assert_eq!(counters.dropped_unknown, 0);
}

#[test]
fn events_say_what_happened() {
    let (mut a, mut b) = connected();
    let measured = |a: &End, _: &End| a.events.iter().any(|it| matches!(it, Event::Rtt { .. }));
    run(&mut a, &mut b, measured);
    let agent = a.agent.id();
    let state = State::Connected;
    assert!(a.events.contains(&Event::State { agent, state }));
    assert!(a
        .events
        .iter()
        .any(|it| matches!(it, Event::Description { agent: whose, .. } if *whose == agent)));
    let port = b.hub.local_addresses().unwrap()[0].port();
    assert!(a.events.iter().any(|it| matches!(it,
        Event::Path { path: Path::Direct { remote, .. }, .. } if remote.port() == port)));
    let why = a.agent.explain().unwrap();
    assert_eq!(why.reason, Reason::Direct);
    assert!(!why.summary.is_empty());
}

#[test]
fn agents_are_used_by_other_threads() {
    let (mut a, mut b) = connected();
    std::thread::scope(|scope| {
        let agent = &a.agent;
        scope.spawn(move || agent.send(b"from elsewhere").unwrap());
    });
    run(&mut a, &mut b, |_, b| !b.data.is_empty());
    assert_eq!(b.data[0], b"from elsewhere");
}

#[test]
fn sockets_may_be_the_callers() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let hub = Hub::new(HubConfig {
        sockets: vec![socket.as_raw_fd()],
        ..config()
    })
    .unwrap();
    drop(socket);
    assert_eq!(hub.local_addresses().unwrap(), [address]);
    let (port, sockets) = (address.port(), vec![-1]);
    let taken = Hub::new(HubConfig { port, ..config() });
    assert_eq!(kind(taken), ErrorKind::AddressInUse);
    let wrong = Hub::new(HubConfig {
        sockets,
        ..config()
    });
    assert_eq!(kind(wrong), ErrorKind::Unsupported);
}

#[test]
fn ignored_interfaces_have_no_addresses() {
    let ignoring = |names: &[&str]| {
        Hub::new(HubConfig {
            ignored_interfaces: names.iter().map(|name| name.to_string()).collect(),
            ..config()
        })
    };
    let hub = ignoring(&["nothing", "lo*"]).unwrap();
    let addresses = hub.local_addresses().unwrap();
    assert!(addresses.iter().all(|it| !it.ip().is_loopback()));
    assert_eq!(kind(ignoring(&["a\0b"])), ErrorKind::BadArgument);
    assert_eq!(kind(ignoring(&["lo"; 65])), ErrorKind::BadArgument);
}

#[test]
fn hubs_have_the_key_that_they_are_given() {
    let key = PrivateKey::generate().unwrap();
    let private_key = Some(key.clone());
    let hub = Hub::new(HubConfig {
        private_key,
        ..config()
    });
    assert_eq!(hub.unwrap().public_key().unwrap(), key.public());
}

#[test]
fn configurations_are_checked() {
    for (pem, expected) in [
        ("no certificate", ErrorKind::BadCertificate),
        ("zero\0byte", ErrorKind::BadArgument),
    ] {
        let roots_pem = Some(pem.to_string());
        let hub = Hub::new(HubConfig {
            roots_pem,
            ..config()
        });
        assert_eq!(kind(hub), expected);
    }
    let hub = new_hub();
    let own = AgentConfig {
        peer_key: Some(hub.public_key().unwrap()),
        ..AgentConfig::default()
    };
    assert_eq!(kind(hub.new_agent(&own)), ErrorKind::BadValue);
    let server: SocketAddr = "127.0.0.1:9".parse().unwrap();
    let many = hub.set_stun_servers(&[server; 17]);
    assert_eq!(kind(many), ErrorKind::BadArgument);
    hub.set_stun_servers(&[server]).unwrap();
    hub.set_stun_servers(&[]).unwrap();
    hub.network_changed().unwrap();
}

#[test]
fn relays_are_checked() {
    let hub = new_hub();
    let good = Relay {
        host: "localhost".to_string(),
        addresses: vec!["127.0.0.1:0".parse().unwrap()],
        is_plain: true,
        ..Relay::default()
    };
    let mut pinned = good.clone();
    pinned.is_plain = false;
    pinned.name = Some("pinned".to_string());
    pinned.certificate_name = Some("sha256-raw:00".to_string());
    let mut nameless = good.clone();
    nameless.host = "a\0b".to_string();
    assert_eq!(hub.add_relay(&good), Ok(0));
    assert_eq!(kind(hub.add_relay(&good)), ErrorKind::AlreadyExists);
    assert_eq!(kind(hub.add_relay(&pinned)), ErrorKind::BadEncoding);
    assert_eq!(kind(hub.add_relay(&nameless)), ErrorKind::BadArgument);
    let _agent = hub.new_agent(&AgentConfig::default()).unwrap();
    assert_eq!(kind(hub.add_relay(&good)), ErrorKind::InvalidState);
}

#[test]
fn a_relay_that_is_not_there_is_said_and_logged() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&lines);
    let hub = Hub::new(HubConfig {
        log: Some(Box::new(move |level, text| {
            sink.lock().unwrap().push((level, text.to_string()));
        })),
        ..config()
    })
    .unwrap();
    let relay = Relay {
        host: "localhost".to_string(),
        addresses: vec![address],
        port: address.port(),
        is_plain: true,
        ..Relay::default()
    };
    hub.add_relay(&relay).unwrap();
    let (mut a, mut b) = (End::of(hub), End::new());
    run(&mut a, &mut b, |a, _| {
        a.events.iter().any(|event| {
            matches!(event,
            Event::Relay { relay: 0, is_up: false, text } if !text.is_empty())
        })
    });
    let lines = lines.lock().unwrap();
    assert!(lines
        .iter()
        .any(|(level, text)| { *level == LogLevel::Warning && text.contains("is down") }));
}

#[test]
fn randomness_is_the_callers() {
    let calls = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&calls);
    let hub = Hub::new(HubConfig {
        random: Some(Box::new(move |out| {
            out.fill(seen.fetch_add(1, Ordering::Relaxed) as u8 + 1);
        })),
        ..config()
    })
    .unwrap();
    let agent = hub.new_agent(&AgentConfig::default()).unwrap();
    assert!(calls.load(Ordering::Relaxed) > 0);
    // Callbacks live as long as anything that may call them.
    drop(hub);
    assert_eq!(kind(agent.restart()), ErrorKind::BadHandle);
}

#[test]
fn a_panic_in_a_callback_ends_the_process() {
    let again = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_callback_in_a_process_of_its_own"])
        .env("NATKIT_CALLBACK", "panics")
        .output()
        .unwrap();
    assert_eq!(again.status.signal(), Some(6), "{again:?}"); // SIGABRT
}

/// What the test above runs: it recovers from the panic if it can.
#[test]
fn a_callback_in_a_process_of_its_own() {
    let panics = std::env::var_os("NATKIT_CALLBACK").is_some();
    let ended = std::panic::catch_unwind(|| {
        Hub::new(HubConfig {
            random: Some(Box::new(move |out| {
                assert!(!panics, "on purpose");
                out.fill(7);
            })),
            ..config()
        })
        .is_ok()
    });
    assert!(ended.unwrap_or(true));
}

#[test]
fn descriptions_are_checked() {
    let agent = End::new();
    let alone = "a=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host\r\n";
    for (text, expected) in [
        ("nonsense", ErrorKind::BadSignal),
        ("zero\0byte", ErrorKind::BadArgument),
        (alone, ErrorKind::InvalidState),
        (&"\n".repeat(20000), ErrorKind::BadLength),
    ] {
        assert_eq!(kind(agent.agent.set_remote_description(text)), expected);
    }
    assert_eq!(kind(agent.agent.send(b"early")), ErrorKind::InvalidState);
}

#[test]
fn agents_outlive_their_hub_for_nothing() {
    let End { hub, agent, .. } = End::new();
    drop(hub);
    assert_eq!(kind(agent.send(b"x")), ErrorKind::BadHandle);
    assert_eq!(kind(agent.state()), ErrorKind::BadHandle);
    assert_eq!(kind(agent.path()), ErrorKind::BadHandle);
    assert_eq!(kind(agent.explain()), ErrorKind::BadHandle);
    assert_eq!(kind(agent.local_description()), ErrorKind::BadHandle);
}

#[test]
fn too_small_buffers_lose_nothing() {
    let (a, b) = connected();
    a.agent.send(b"hello").unwrap();
    let begin = Clock::now();
    let mut buffer = [0; 5];
    let refused = loop {
        assert!(begin.elapsed() < LIMIT);
        b.hub.wait(Some(Duration::from_millis(10))).unwrap();
        b.hub.process().unwrap();
        match b.hub.receive(&mut buffer[..4]) {
            Ok(came) => assert_eq!(came, None),
            Err(error) => break error,
        }
    };
    assert_eq!(refused.kind(), ErrorKind::BufferTooSmall);
    assert_eq!(b.hub.receive(&mut buffer).unwrap(), Some((b.agent.id(), 5)));
    assert_eq!(&buffer, b"hello");
}
