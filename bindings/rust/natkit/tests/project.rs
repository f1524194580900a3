//! The crate keeps up with the headers, and its README with the examples.

use std::fs::read_to_string;
use std::path::{Path, PathBuf};
use std::process::Command;

fn crate_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Names in a text that begin with one of these.
fn names<'a>(text: &'a str, beginnings: &[&str]) -> Vec<&'a str> {
    text.split(|each: char| !each.is_alphanumeric() && each != '_')
        .filter(|word| beginnings.iter().any(|each| word.starts_with(each)))
        .collect()
}

fn source() -> String {
    let files = crate_folder().join("src").read_dir().unwrap();
    files
        .map(|file| read_to_string(file.unwrap().path()).unwrap())
        .collect()
}

/// What natkit_sys has of functions and enumerators, which is all of C.
fn in_c() -> String {
    let path = crate_folder().join("../natkit-sys/tests/names/mod.rs");
    read_to_string(path).unwrap()
}

#[test]
fn all_that_is_covered_is_there() {
    let (source, in_c) = (source(), in_c());
    let ours = names(&source, &["natkit_", "NATKIT_"]);
    let covered = [
        "natkit_hub_",
        "natkit_agent_",
        "natkit_resolve",
        "natkit_nat_check_",
        "natkit_get_local_address",
        "NATKIT_NAT_AXIS_",
        "natkit_stun_client_",
        "natkit_wg_tunnel_",
        "natkit_key_",
        "NATKIT_ERR_",
        "NATKIT_HUB_EVENT_",
        "NATKIT_AGENT_",
        "NATKIT_PATH_",
        "NATKIT_PATH_REASON_",
        "NATKIT_FIX_",
        "NATKIT_STUN_OUTCOME_",
        "NATKIT_WG_DROP_",
    ];
    // Roles go by the numbers of our enumeration; "none" is any other path; an
    // agent is found by its handle.
    let implied = [
        "NATKIT_AGENT_ROLE_",
        "NATKIT_PATH_NONE",
        "natkit_agent_get_user",
    ];
    let wanted = names(&in_c, &covered);
    assert!(wanted.len() > 150, "{wanted:?}");
    for name in wanted {
        let is_implied = implied.iter().any(|each| name.starts_with(each));
        assert!(is_implied || ours.contains(&name), "{name}");
    }
}

#[test]
fn enumerations_have_the_numbers_of_c() {
    use natkit::{Power, Role, StunMechanism, StunServerKind};
    use natkit_sys as sys;
    assert_eq!(Power::Mains as u32, sys::NATKIT_POWER_MAINS);
    assert_eq!(Power::Battery as u32, sys::NATKIT_POWER_BATTERY);
    assert_eq!(Power::MobileIdle as u32, sys::NATKIT_POWER_MOBILE_IDLE);
    assert_eq!(Role::Default as u32, sys::NATKIT_AGENT_ROLE_DEFAULT);
    assert_eq!(Role::Controlling as u32, sys::NATKIT_AGENT_ROLE_CONTROLLING);
    assert_eq!(Role::Controlled as u32, sys::NATKIT_AGENT_ROLE_CONTROLLED);
    assert_eq!(StunServerKind::Any as u32, sys::NATKIT_STUN_SERVER_ANY);
    assert_eq!(StunServerKind::Derp as u32, sys::NATKIT_STUN_SERVER_DERP);
    let rfc3489 = StunServerKind::Rfc3489 as u32;
    assert_eq!(rfc3489, sys::NATKIT_STUN_SERVER_RFC3489);
    assert_eq!(StunMechanism::ShortTerm as u32, sys::NATKIT_STUN_SHORT_TERM);
    assert_eq!(StunMechanism::LongTerm as u32, sys::NATKIT_STUN_LONG_TERM);
}

#[test]
fn the_readmes_example_runs() {
    let example = read_to_string(crate_folder().join("examples/connect.rs")).unwrap();
    let readme = read_to_string(crate_folder().join("../README.md")).unwrap();
    assert!(readme.contains(&example));
    let said = Command::new(built_example("connect")).output().unwrap();
    let text = String::from_utf8(said.stdout).unwrap();
    assert_eq!(text, "bob got: hello\nalice got: hello yourself\n");
    assert!(said.status.success());
}

/// `cargo test` builds examples beside the tests.
fn built_example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    profile.join("examples").join(name)
}
