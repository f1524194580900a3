use natkit_sys as sys;
use std::ffi::CStr;
use std::fmt;
use std::os::raw::c_int;

/// What functions of this crate return.
pub type Result<T> = std::result::Result<T, Error>;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $code:ident,)*) => {
        /// Why a call failed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $($(#[$doc])* $name,)*
            /// A reason that this crate does not know; see [`Error::code`].
            Other,
        }

        impl ErrorKind {
            fn of(code: c_int) -> ErrorKind {
                match code {
                    $(sys::$code => ErrorKind::$name,)*
                    _ => ErrorKind::Other,
                }
            }
        }
    };
}

kinds! {
    /// The input ends before the value does.
    Truncated = NATKIT_ERR_TRUNCATED,
    /// A length contradicts the input.
    BadLength = NATKIT_ERR_BAD_LENGTH,
    /// A field has a value that its format or its documentation forbids.
    BadValue = NATKIT_ERR_BAD_VALUE,
    /// The caller's buffer cannot hold the result; nothing was consumed.
    BufferTooSmall = NATKIT_ERR_BUFFER_TOO_SMALL,
    /// Not valid hex, base64, UTF-8, address text, ...
    BadEncoding = NATKIT_ERR_BAD_ENCODING,
    /// There is no such item.
    NotFound = NATKIT_ERR_NOT_FOUND,
    /// An item with this identity exists.
    AlreadyExists = NATKIT_ERR_ALREADY_EXISTS,
    /// A documented bound was reached.
    LimitExceeded = NATKIT_ERR_LIMIT_EXCEEDED,
    /// The call is not allowed in this state.
    InvalidState = NATKIT_ERR_INVALID_STATE,
    /// The system refused.
    PermissionDenied = NATKIT_ERR_PERMISSION_DENIED,
    /// The system reported an input or output failure.
    Io = NATKIT_ERR_IO,
    /// Another socket has this address.
    AddressInUse = NATKIT_ERR_ADDRESS_IN_USE,
    /// This system or build cannot do it, or a structure has a field that this
    /// library does not know.
    Unsupported = NATKIT_ERR_UNSUPPORTED,
    /// No answer in the time allowed.
    TimedOut = NATKIT_ERR_TIMED_OUT,
    /// The other side or the owner closed it.
    Closed = NATKIT_ERR_CLOSED,
    /// The address is not one of this host.
    AddressNotAvailable = NATKIT_ERR_ADDRESS_NOT_AVAILABLE,
    /// Nobody listens there.
    ConnectionRefused = NATKIT_ERR_CONNECTION_REFUSED,
    /// The other side dropped the connection.
    ConnectionReset = NATKIT_ERR_CONNECTION_RESET,
    /// There is no route to the host or network.
    Unreachable = NATKIT_ERR_UNREACHABLE,
    /// The device or device file is missing.
    NoDevice = NATKIT_ERR_NO_DEVICE,
    /// Others may read a file that holds a secret.
    InsecureFile = NATKIT_ERR_INSECURE_FILE,
    /// A pointer is NULL that must not be, or a number is out of its range.
    BadArgument = NATKIT_ERR_BAD_ARGUMENT,
    /// What it was for is gone: the hub of an agent was dropped.
    BadHandle = NATKIT_ERR_BAD_HANDLE,
    /// Another call is at work on this handle, in another thread or further up in
    /// this one (a callback must not use the handle that called it).
    Busy = NATKIT_ERR_BUSY,
    /// `struct_size` is less than that of the first version of the structure.
    StructSize = NATKIT_ERR_STRUCT_SIZE,
    /// Not a STUN message; it may be of another protocol.
    NotStun = NATKIT_ERR_NOT_STUN,
    /// FINGERPRINT does not match.
    BadFingerprint = NATKIT_ERR_BAD_FINGERPRINT,
    /// MESSAGE-INTEGRITY or MESSAGE-INTEGRITY-SHA256 does not match.
    BadIntegrity = NATKIT_ERR_BAD_INTEGRITY,
    /// An integrity attribute is required.
    NoIntegrity = NATKIT_ERR_NO_INTEGRITY,
    /// A comprehension-required attribute is not known.
    UnknownAttribute = NATKIT_ERR_UNKNOWN_ATTRIBUTE,
    /// The peer answered with a STUN error.
    ErrorResponse = NATKIT_ERR_ERROR_RESPONSE,
    /// Not a usable ICE candidate.
    BadCandidate = NATKIT_ERR_BAD_CANDIDATE,
    /// ICE user name fragment or password out of bounds.
    BadCredentials = NATKIT_ERR_BAD_CREDENTIALS,
    /// The relay's first frame is not that of a DERP server.
    BadMagic = NATKIT_ERR_BAD_MAGIC,
    /// A DERP frame's length breaks the rules of its type.
    BadFrame = NATKIT_ERR_BAD_FRAME,
    /// A DERP frame is longer than its limit.
    FrameTooLarge = NATKIT_ERR_FRAME_TOO_LARGE,
    /// A sealed box does not open.
    BadBox = NATKIT_ERR_BAD_BOX,
    /// The relay's JSON is not acceptable.
    BadJson = NATKIT_ERR_BAD_JSON,
    /// The relay did not answer the HTTP upgrade with 101.
    UpgradeRefused = NATKIT_ERR_UPGRADE_REFUSED,
    /// Malformed HTTP.
    BadHttp = NATKIT_ERR_BAD_HTTP,
    /// A frame that only privileged DERP clients may send.
    ForbiddenFrame = NATKIT_ERR_FORBIDDEN_FRAME,
    /// No WireGuard session has this receiver index.
    UnknownIndex = NATKIT_ERR_UNKNOWN_INDEX,
    /// An authentication tag or MAC does not verify.
    AuthFailed = NATKIT_ERR_AUTH_FAILED,
    /// A counter or timestamp was seen before.
    Replayed = NATKIT_ERR_REPLAYED,
    /// No peer has this public key.
    UnknownPeer = NATKIT_ERR_UNKNOWN_PEER,
    /// There is no session to seal with.
    NoSession = NATKIT_ERR_NO_SESSION,
    /// The source address is outside the peer's allowed addresses.
    NotAllowed = NATKIT_ERR_NOT_ALLOWED,
    /// No peer's allowed addresses hold the destination.
    NoRoute = NATKIT_ERR_NO_ROUTE,
    /// Configuration text is not acceptable.
    BadConfig = NATKIT_ERR_BAD_CONFIG,
    /// The TLS handshake failed.
    TlsHandshake = NATKIT_ERR_TLS_HANDSHAKE,
    /// The TLS record layer failed.
    TlsProtocol = NATKIT_ERR_TLS_PROTOCOL,
    /// A certificate is not usable or not trusted.
    BadCertificate = NATKIT_ERR_BAD_CERTIFICATE,
    /// A private key is not usable.
    BadPrivateKey = NATKIT_ERR_BAD_PRIVATE_KEY,
    /// The private key is not the certificate's.
    KeyMismatch = NATKIT_ERR_KEY_MISMATCH,
    /// A description of an agent, or a signal between two, is not acceptable.
    BadSignal = NATKIT_ERR_BAD_SIGNAL,
}

/// The failure of one call: which function of the C API, and why.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Error {
    function: &'static str,
    code: c_int,
}

impl Error {
    pub(crate) fn new(function: &'static str, code: c_int) -> Error {
        Error { function, code }
    }

    pub(crate) fn bad_argument(function: &'static str) -> Error {
        Error::new(function, sys::NATKIT_ERR_BAD_ARGUMENT)
    }

    /// Why.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::of(self.code)
    }

    /// Why, as the number of the C API.
    pub fn code(&self) -> i32 {
        self.code
    }

    /// The function of the C API, such as `natkit_hub_new`.
    pub fn function(&self) -> &'static str {
        self.function
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: natkit_strerror returns static text for every number.
        let why = unsafe { CStr::from_ptr(sys::natkit_strerror(self.code)) };
        write!(out, "{}: {}", self.function, why.to_string_lossy())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Error({:?}, {self})", self.kind())
    }
}

impl std::error::Error for Error {}

/// The number that a function returned, unless it is an error.
pub(crate) fn check(function: &'static str, result: c_int) -> Result<usize> {
    usize::try_from(result).map_err(|_| Error::new(function, result))
}

/// Calls a function of natkit_sys and checks what it returns.
macro_rules! call {
    ($function:ident($($argument:expr),* $(,)?)) => {
        $crate::error::check(
            stringify!($function),
            // SAFETY: handles may be of any kind; pointers are to values that
            // live until the call returns, with the lengths that go with them.
            unsafe { natkit_sys::$function($($argument),*) },
        )
    };
}
pub(crate) use call;
