//! Closures that C calls back.

use natkit_sys as sys;
use std::ffi::CStr;
use std::os::raw::{c_char, c_void};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::{Arc, Mutex};

/// Fills a slice with what nobody can guess. It cannot fail: a panic in it ends
/// the process. It is called in the thread of a call, and must not use what it
/// was given to.
pub type Random = Box<dyn FnMut(&mut [u8]) + Send>;

/// Takes one log line: it holds no secrets and no line end. A panic in it ends
/// the process. It is called in the thread of a call, and must not use the hub
/// that it was given to.
pub type Logger = Box<dyn FnMut(LogLevel, &str) + Send>;

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// For who looks for a fault.
    Debug,
    /// What happened.
    Info,
    /// Something is not as it should be; natkit copes.
    Warning,
    /// Something does not work.
    Error,
}

/// What a handle may call. It has to live as long as any call on the handle can.
pub(crate) struct Callbacks {
    random: Option<Mutex<Random>>,
    logger: Option<Mutex<Logger>>,
}

/// A structure for C, or none.
pub(crate) struct Given<T>(Option<T>);

impl<T> Given<T> {
    /// NULL for none. Good as long as `self`.
    pub(crate) fn as_ptr(&self) -> *const T {
        self.0.as_ref().map_or(std::ptr::null(), |given| given)
    }
}

impl Callbacks {
    pub(crate) fn new(random: Option<Random>, logger: Option<Logger>) -> Arc<Callbacks> {
        Arc::new(Callbacks {
            random: random.map(Mutex::new),
            logger: logger.map(Mutex::new),
        })
    }

    /// The C form of the random source: copied by C, which calls `self`.
    pub(crate) fn random(&self) -> Given<sys::natkit_random> {
        Given(self.random.as_ref().map(|_| sys::natkit_random {
            fill: Some(fill),
            context: self.context(),
        }))
    }

    /// The C form of the logger: copied by C, which calls `self`.
    pub(crate) fn log(&self) -> Given<sys::natkit_log> {
        Given(self.logger.as_ref().map(|_| sys::natkit_log {
            line: Some(line),
            context: self.context(),
        }))
    }

    fn context(&self) -> *mut c_void {
        let this: *const Callbacks = self;
        this as *mut c_void
    }
}

/// Runs a callback; it must not unwind into C.
fn guarded(callback: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(callback)).is_err() {
        std::process::abort();
    }
}

unsafe extern "C" fn fill(context: *mut c_void, out: *mut u8, size: usize) {
    if size == 0 {
        return; // `out` may be NULL then, which no slice is
    }
    // SAFETY: `context` is that of random(), alive during calls on its handle;
    // `out` has `size` bytes, which are made valid before they are a slice.
    let (callbacks, out) = unsafe {
        out.write_bytes(0, size);
        (
            &*(context as *const Callbacks),
            std::slice::from_raw_parts_mut(out, size),
        )
    };
    guarded(|| {
        let random = callbacks.random.as_ref().expect("there is a source");
        let mut random = random.lock().expect("no callback has panicked");
        (*random)(out);
    });
}

unsafe extern "C" fn line(context: *mut c_void, level: sys::natkit_log_level, text: *const c_char) {
    // SAFETY: `context` is that of log(), alive during calls on its handle;
    // `text` ends with a zero byte and is good during this call.
    let (callbacks, text) = unsafe { (&*(context as *const Callbacks), CStr::from_ptr(text)) };
    let level = match level {
        sys::NATKIT_LOG_DEBUG => LogLevel::Debug,
        sys::NATKIT_LOG_INFO => LogLevel::Info,
        sys::NATKIT_LOG_WARNING => LogLevel::Warning,
        _ => LogLevel::Error,
    };
    guarded(|| {
        let logger = callbacks.logger.as_ref().expect("there is a logger");
        let mut logger = logger.lock().expect("no callback has panicked");
        (*logger)(level, &text.to_string_lossy());
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;

    #[test]
    fn log_lines_come_as_they_are() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&seen);
        let callbacks = Callbacks::new(
            None,
            Some(Box::new(move |level, text| {
                sink.lock().unwrap().push((level, text.to_string()));
            })),
        );
        assert!(callbacks.random().as_ptr().is_null());
        let log = callbacks.log().0.unwrap();
        let text = CString::new("relay is down").unwrap();
        // SAFETY: the context is alive, and the text ends with a zero byte.
        unsafe { log.line.unwrap()(log.context, sys::NATKIT_LOG_WARNING, text.as_ptr()) };
        let expected = [(LogLevel::Warning, "relay is down".to_string())];
        assert_eq!(*seen.lock().unwrap(), expected);
    }
}
