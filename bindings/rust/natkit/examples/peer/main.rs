//! One side of a connection, driven by lines.
//!
//! usage: peer [--relay HOST:PORT:plain|HOST:PORT:PIN] [--stun IP:PORT]...
//!
//! PIN is "sha256-raw:" and the SHA-256 of the relay's certificate. It writes
//!
//! - `description BASE64`: what the other side has to know; again when it changes
//! - `state NAME`
//! - `path none|relay|direct REMOTE`: REMOTE is `-` unless the path is direct
//! - `data TEXT`: a datagram that came
//!
//! and reads `description BASE64` of the other side, `send TEXT` and `quit`.

use natkit::{Agent, AgentConfig, Event, Hub, HubConfig, Path, Relay};
use std::error::Error;
use std::io::{self, BufRead, Write};
use std::net::SocketAddr;
use std::os::unix::io::AsRawFd;

mod base64;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// What the command line says.
#[derive(Default)]
struct Options {
    relay: Option<Relay>,
    stun: Vec<SocketAddr>,
}

fn read_options() -> Outcome<Options> {
    let mut options = Options::default();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name.to_string(), value.to_string()),
            None => (word, words.next().ok_or("a value is missing")?),
        };
        match name.as_str() {
            "--relay" => options.relay = Some(read_relay(&value)?),
            "--stun" => options.stun.push(value.parse()?),
            other => return Err(format!("unknown option: {other}").into()),
        }
    }
    Ok(options)
}

fn read_relay(text: &str) -> Outcome<Relay> {
    let mut parts = text.splitn(3, ':');
    let mut next = || parts.next().ok_or("HOST:PORT:plain or HOST:PORT:PIN");
    let (host, port, pin) = (next()?, next()?.parse()?, next()?);
    Ok(Relay {
        host: host.to_string(),
        port,
        addresses: natkit::resolve(host, port)?,
        is_plain: pin == "plain",
        certificate_name: (pin != "plain").then(|| pin.to_string()),
        ..Relay::default()
    })
}

fn open(options: &Options) -> natkit::Result<Hub> {
    let hub = Hub::new(HubConfig::default())?;
    if let Some(relay) = &options.relay {
        hub.add_relay(relay)?;
    }
    hub.set_stun_servers(&options.stun)?;
    Ok(hub)
}

/// A hub with one agent, and the lines that go in and out.
struct Peer {
    hub: Hub,
    agent: Agent,
    unread: Vec<u8>,
    is_done: bool,
}

impl Peer {
    fn describe(&self) -> Outcome<()> {
        let text = self.agent.local_description()?;
        println!("description {}", base64::encode(text.as_bytes()));
        Ok(())
    }

    fn report(&self, event: Event) -> Outcome<()> {
        match event {
            Event::Description { .. } => self.describe()?,
            Event::State { state, .. } => {
                println!("state {}", format!("{state:?}").to_lowercase());
            }
            Event::Path { path, .. } => match path {
                Path::Direct { remote, .. } => println!("path direct {remote}"),
                Path::Relay { .. } => println!("path relay -"),
                _ => println!("path none -"),
            },
            _ => {}
        }
        Ok(())
    }

    fn obey(&mut self, line: &str) -> Outcome<()> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb {
            "description" => {
                let text = base64::decode(rest).ok_or("not base64")?;
                self.agent
                    .set_remote_description(std::str::from_utf8(&text)?)?;
            }
            "send" => {
                // Without a path, for example, nothing comes of it.
                if let Err(error) = self.agent.send(rest.as_bytes()) {
                    eprintln!("{error}");
                }
            }
            "quit" => self.is_done = true,
            _ => return Err(format!("unknown line: {line}").into()),
        }
        Ok(())
    }

    fn read(&mut self) -> Outcome<()> {
        let mut input = io::stdin().lock();
        let piece = input.fill_buf()?;
        let size = piece.len();
        self.is_done = size == 0;
        self.unread.extend_from_slice(piece);
        input.consume(size);
        while let Some(end) = self.unread.iter().position(|&each| each == b'\n') {
            let line: Vec<u8> = self.unread.drain(..=end).collect();
            self.obey(std::str::from_utf8(&line[..end])?)?;
        }
        Ok(())
    }

    fn step(&mut self, buffer: &mut [u8]) -> Outcome<()> {
        let fds = [io::stdin().as_raw_fd(), self.hub.as_raw_fd()];
        if natkit::wait(&fds, self.hub.timeout()?)?[0] {
            self.read()?;
        }
        self.hub.process()?;
        while let Some(event) = self.hub.poll_event()? {
            self.report(event)?;
        }
        while let Some((_, size)) = self.hub.receive(buffer)? {
            println!("data {}", String::from_utf8_lossy(&buffer[..size]));
        }
        io::stdout().flush()?;
        Ok(())
    }
}

fn main() -> Outcome<()> {
    let hub = open(&read_options()?)?;
    let agent = hub.new_agent(&AgentConfig::default())?;
    let mut peer = Peer {
        hub,
        agent,
        unread: Vec::new(),
        is_done: false,
    };
    peer.describe()?;
    let mut buffer = vec![0; 65536];
    while !peer.is_done {
        peer.step(&mut buffer)?;
    }
    Ok(())
}
