use crate::callbacks::{Callbacks, Random};
use crate::error::{call, Error, Result};
use crate::text::{from_chars, wipe, Text};
use natkit_sys as sys;
use std::fmt;
use std::str::FromStr;

const SIZE: usize = sys::NATKIT_KEY_SIZE;

/// An X25519 public key. Its text is the base64 that `wg` uses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; SIZE]);

/// An X25519 private key, wiped when dropped. `Debug` does not show it.
#[derive(Clone)]
pub struct PrivateKey([u8; SIZE]);

/// A secret that both sides of a tunnel have, wiped when dropped. `Debug` does
/// not show it.
#[derive(Clone)]
pub struct PresharedKey([u8; SIZE]);

macro_rules! bytes {
    ($name:ident) => {
        impl $name {
            /// A key of these bytes.
            pub const fn from_bytes(bytes: [u8; SIZE]) -> $name {
                $name(bytes)
            }

            /// Its bytes.
            pub const fn as_bytes(&self) -> &[u8; SIZE] {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Error;

            /// Reads 44 characters of base64. Errors: `BadLength`,
            /// `BadEncoding`, `BadArgument` (a zero byte).
            fn from_str(text: &str) -> Result<$name> {
                let mut key = $name([0; SIZE]);
                let text = Text::new("natkit_key_parse", Some(text))?;
                call!(natkit_key_parse(text.as_ptr(), key.0.as_mut_ptr()))?;
                Ok(key)
            }
        }
    };
}

macro_rules! secret {
    ($name:ident) => {
        bytes!($name);

        impl $name {
            /// The key in base64. Whoever has it has the secret.
            pub fn to_text(&self) -> String {
                base64(&self.0)
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                wipe(&mut self.0);
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(concat!(stringify!($name), "(secret)"))
            }
        }
    };
}

bytes!(PublicKey);
secret!(PrivateKey);
secret!(PresharedKey);

impl fmt::Display for PublicKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&base64(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "PublicKey({self})")
    }
}

impl PrivateKey {
    /// Makes a private key of the system's randomness.
    pub fn generate() -> Result<PrivateKey> {
        PrivateKey::make(None)
    }

    /// Makes a private key of what `random` gives.
    pub fn generate_with(random: Random) -> Result<PrivateKey> {
        PrivateKey::make(Some(random))
    }

    fn make(random: Option<Random>) -> Result<PrivateKey> {
        let mut key = PrivateKey([0; SIZE]);
        let callbacks = Callbacks::new(random, None);
        let source = callbacks.random();
        call!(natkit_key_generate(source.as_ptr(), key.0.as_mut_ptr()))?;
        Ok(key)
    }

    /// Its public key.
    pub fn public(&self) -> PublicKey {
        let mut key = PublicKey([0; SIZE]);
        // SAFETY: both are 32 bytes. It fails for NULL alone.
        unsafe { sys::natkit_key_get_public(self.0.as_ptr(), key.0.as_mut_ptr()) };
        key
    }
}

fn base64(key: &[u8; SIZE]) -> String {
    let mut text = [0; sys::NATKIT_KEY_TEXT_SIZE];
    // SAFETY: a key of 32 bytes, and room for its text.
    unsafe { sys::natkit_key_format(key.as_ptr(), text.as_mut_ptr(), text.len()) };
    from_chars(&text)
}
