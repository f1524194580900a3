//! Sizes, offsets and constants are those that the C compiler has.

use natkit_sys::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

#[macro_use]
mod names;

/// What this crate says: "struct size", "struct.field offset", "CONSTANT value".
fn ours() -> BTreeMap<String, i64> {
    let mut all = BTreeMap::new();
    macro_rules! measure {
        ($($name:ident { $($field:ident),* },)*) => { $({
            let place = std::mem::MaybeUninit::<$name>::uninit();
            let start = place.as_ptr();
            all.insert(stringify!($name).to_string(), std::mem::size_of::<$name>() as i64);
            $({
                // SAFETY: only the address is taken; nothing is read.
                let field = unsafe { std::ptr::addr_of!((*start).$field) } as usize;
                let name = stringify!($field).trim_start_matches("r#");
                all.insert(format!("{}.{}", stringify!($name), name),
                           (field - start as usize) as i64);
            })*
        })* };
    }
    structs!(measure);
    macro_rules! value {
        ($($name:ident,)*) => { $(all.insert(stringify!($name).to_string(), $name as i64);)* };
    }
    constants!(value);
    all
}

/// A C program that says the same for these names.
fn program(names: &BTreeMap<String, i64>) -> String {
    let mut text = String::from(
        "#include <stddef.h>\n#include <stdio.h>\n#include \"natkit/natkit.h\"\nint main(void) {\n",
    );
    for name in names.keys() {
        let value = match name.split_once('.') {
            Some((structure, field)) => format!("offsetof({structure}, {field})"),
            None if name.starts_with("NATKIT_") => name.clone(),
            None => format!("sizeof({name})"),
        };
        text += &format!("  printf(\"%s %lld\\n\", \"{name}\", (long long)({value}));\n");
    }
    text + "  return 0;\n}\n"
}

fn include() -> PathBuf {
    match std::env::var_os("NATKIT_INCLUDE") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../c/include"),
    }
}

fn theirs(names: &BTreeMap<String, i64>) -> BTreeMap<String, i64> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (source, binary) = (folder.join("layout.c"), folder.join("layout"));
    std::fs::write(&source, program(names)).unwrap();
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_string());
    let built = Command::new(compiler)
        .arg("-I")
        .arg(include())
        .arg("-o")
        .args([&binary, &source])
        .status()
        .unwrap();
    assert!(built.success());
    let said = Command::new(binary).output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    said.lines()
        .map(|line| {
            let (name, value) = line.split_once(' ').unwrap();
            (name.to_string(), value.parse().unwrap())
        })
        .collect()
}

#[test]
fn all_is_as_the_c_compiler_has_it() {
    let ours = ours();
    assert!(ours.len() > 500, "only {} names", ours.len());
    assert_eq!(ours["natkit_address"], 20);
    let theirs = theirs(&ours);
    for (name, value) in &ours {
        assert_eq!(*value, theirs[name], "{name}");
    }
}

#[test]
fn all_functions_are_in_the_library() {
    let mut count = 0;
    macro_rules! link {
        ($($name:ident,)*) => { $(
            assert_ne!($name as *const () as usize, 0, stringify!($name));
            count += 1;
        )* };
    }
    functions!(link);
    assert!(count > 150, "only {count}");
}

#[test]
fn structures_are_made_with_their_size_and_zeros() {
    let config: natkit_hub_config = init();
    assert_eq!(config.struct_size, std::mem::size_of::<natkit_hub_config>());
    assert!(config.log.is_null() && config.private_key == [0; NATKIT_KEY_SIZE]);
}
