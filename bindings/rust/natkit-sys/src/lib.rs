//! natkit's C API as it is: all functions, structures and constants of its
//! headers, with their documentation. The crate `natkit` is what programs use.
//!
//! Sizes and offsets are compared with what the C compiler says in a test.
//! Structures that begin with `struct_size` are made by [`init`].

#![allow(non_camel_case_types)]

#[rustfmt::skip]
#[allow(rustdoc::bare_urls)]
mod ffi;

pub use ffi::*;

/// What begins with `struct_size`.
///
/// # Safety
/// The first field is `struct_size: usize`, and zeros are valid in all others.
pub unsafe trait Versioned: Copy {}

/// A structure with `struct_size` set and all else zero, which means defaults.
pub fn init<T: Versioned>() -> T {
    let mut made = std::mem::MaybeUninit::<T>::zeroed();
    // SAFETY: `Versioned` promises that zeros are valid and that the first field
    // is `struct_size`.
    unsafe {
        natkit_init_struct(made.as_mut_ptr().cast(), std::mem::size_of::<T>());
        made.assume_init()
    }
}
