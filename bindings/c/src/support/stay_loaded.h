#pragma once

namespace natkit::c {

/// Keeps the shared object that this code is in loaded until the process ends,
/// whoever closes it: BoringSSL has destructors that run at the end of threads,
/// which may come later. Does nothing in a program, nor from the second time
/// on. Thread-safe.
void StayLoaded();

}  // namespace natkit::c
