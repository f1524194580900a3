//! Connects two hubs of this host and sends a datagram each way. In a real
//! program the two are elsewhere, and descriptions travel by what it has.

use natkit::{Agent, AgentConfig, Event, Hub, HubConfig, State};
use std::error::Error;
use std::os::unix::io::AsRawFd;

/// One end of the connection.
struct Side {
    name: &'static str,
    hub: Hub,
    agent: Agent,
}

impl Side {
    fn new(name: &'static str) -> natkit::Result<Side> {
        let hub = Hub::new(HubConfig {
            loopback: true,
            ..HubConfig::default()
        })?;
        let agent = hub.new_agent(&AgentConfig::default())?;
        Ok(Side { name, hub, agent })
    }

    fn tell(&self, other: &Side) -> natkit::Result<()> {
        let text = self.agent.local_description()?;
        other.agent.set_remote_description(&text)
    }

    /// Does what is due; returns whether there is a path since then.
    fn process(&self) -> natkit::Result<bool> {
        let mut has_path = false;
        self.hub.process()?;
        while let Some(event) = self.hub.poll_event()? {
            has_path |= matches!(
                event,
                Event::State {
                    state: State::Connected,
                    ..
                }
            );
        }
        Ok(has_path)
    }

    /// Prints what came; returns whether something did.
    fn receive(&self) -> natkit::Result<bool> {
        let mut buffer = [0; 65536];
        let came = self.hub.receive(&mut buffer)?;
        if let Some((_, size)) = came {
            let text = String::from_utf8_lossy(&buffer[..size]);
            println!("{} got: {text}", self.name);
        }
        Ok(came.is_some())
    }
}

/// Waits until one of the hubs has something to do.
fn wait(sides: [&Side; 2]) -> Result<(), Box<dyn Error>> {
    let (a, b) = (sides[0].hub.timeout()?, sides[1].hub.timeout()?);
    let limit = a.into_iter().chain(b).min();
    natkit::wait(&sides.map(|side| side.hub.as_raw_fd()), limit)?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let (alice, bob) = (Side::new("alice")?, Side::new("bob")?);
    alice.tell(&bob)?;
    bob.tell(&alice)?;
    loop {
        wait([&alice, &bob])?;
        if alice.process()? {
            alice.agent.send(b"hello")?;
        }
        bob.process()?;
        if bob.receive()? {
            bob.agent.send(b"hello yourself")?;
        }
        if alice.receive()? {
            return Ok(());
        }
    }
}
