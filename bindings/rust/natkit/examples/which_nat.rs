//! Says which NAT this host is behind: `which_nat STUN_IP:PORT...`
//!
//! The first server should have two addresses (RFC 5780).

use natkit::{NatAxis, NatCheck, NatCheckConfig, NatOutcome};
use std::error::Error;
use std::net::SocketAddr;

fn main() -> Result<(), Box<dyn Error>> {
    let servers = std::env::args()
        .skip(1)
        .map(|text| text.parse())
        .collect::<Result<Vec<SocketAddr>, _>>()?;
    if servers.is_empty() {
        return Err("usage: which_nat STUN_IP:PORT...".into());
    }
    let mut check = NatCheck::new(&servers, NatCheckConfig::default())?;
    while !check.is_finished()? {
        check.wait()?;
        check.process()?;
    }
    for axis in NatAxis::all() {
        let verdict = check.verdict(axis)?;
        if verdict.outcome == NatOutcome::Determined {
            println!("{:<21} {}", axis.name(), verdict.value);
        }
    }
    Ok(())
}
