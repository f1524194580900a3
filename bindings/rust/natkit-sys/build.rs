//! Finds libnatkit: in NATKIT_LIB_DIR, or by pkg-config. libnatkit.so, or with
//! NATKIT_STATIC libnatkit.a.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=NATKIT_LIB_DIR");
    println!("cargo:rerun-if-env-changed=NATKIT_STATIC");
    println!("cargo:rerun-if-env-changed=PKG_CONFIG");
    println!("cargo:rerun-if-env-changed=PKG_CONFIG_PATH");
    if let Ok(folder) = env::var("NATKIT_LIB_DIR") {
        println!("cargo:rustc-link-search=native={folder}");
    } else {
        search(&libs_by_pkg_config());
    }
    if env::var_os("NATKIT_STATIC").is_some() {
        println!("cargo:rustc-link-lib=static=natkit");
        println!("cargo:rustc-link-lib=dylib=m");
    } else {
        println!("cargo:rustc-link-lib=dylib=natkit");
    }
}

/// What `pkg-config --libs-only-L` says: -L options, or nothing.
fn libs_by_pkg_config() -> String {
    let program = env::var("PKG_CONFIG").unwrap_or_else(|_| "pkg-config".to_string());
    let said = Command::new(&program)
        .args(["--libs-only-L", "natkit"])
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}; or set NATKIT_LIB_DIR"));
    assert!(
        said.status.success(),
        "{program} does not know natkit; or set NATKIT_LIB_DIR: {}",
        String::from_utf8_lossy(&said.stderr)
    );
    String::from_utf8(said.stdout).expect("what pkg-config says is text")
}

fn search(options: &str) {
    for option in options.split_whitespace() {
        if let Some(folder) = option.strip_prefix("-L") {
            println!("cargo:rustc-link-search=native={folder}");
        }
    }
}
