//! Texts on their way to C and back.

use crate::error::{Error, Result};
use natkit_sys as sys;
use std::ffi::{CStr, CString};
use std::os::raw::c_char;

/// A copy of a text for C, wiped in the end: it may be a secret.
pub(crate) struct Text(Option<CString>);

impl Text {
    /// Errors: `BadArgument` for a zero byte, which C would take for the end.
    pub(crate) fn new(function: &'static str, text: Option<&str>) -> Result<Text> {
        match text.map(CString::new).transpose() {
            Ok(copy) => Ok(Text(copy)),
            Err(_) => Err(Error::bad_argument(function)),
        }
    }

    /// NULL for none.
    pub(crate) fn as_ptr(&self) -> *const c_char {
        self.0
            .as_ref()
            .map_or(std::ptr::null(), |text| text.as_ptr())
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        if let Some(copy) = self.0.take() {
            wipe(&mut copy.into_bytes());
        }
    }
}

/// Overwrites a secret.
pub(crate) fn wipe(memory: &mut [u8]) {
    // SAFETY: the slice is ours to write to.
    unsafe { sys::natkit_wipe(memory.as_mut_ptr().cast(), memory.len()) }
}

/// A text in an array of C, up to its zero byte.
pub(crate) fn from_chars(chars: &[c_char]) -> String {
    let bytes: Vec<u8> = chars
        .iter()
        .map(|&each| each as u8)
        .take_while(|&each| each != 0)
        .collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A text of static storage; `None` for NULL.
///
/// # Safety
/// What is not NULL is a text that ends with a zero byte and never changes.
pub(crate) unsafe fn from_static(text: *const c_char) -> Option<&'static str> {
    if text.is_null() {
        return None;
    }
    // SAFETY: as the caller promises.
    unsafe { CStr::from_ptr(text) }.to_str().ok()
}
