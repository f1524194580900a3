package natkit

// #include <stdlib.h>
// #include <string.h>
// #include "natkit/natkit.h"
import "C"

import (
	"net/netip"
	"strings"
	"time"
	"unsafe"
)

// Version returns the version of the library that is loaded, such as "0.1.0".
func Version() string { return C.GoString(C.natkit_version()) }

// Instant is a time of any monotonic clock, in nanoseconds, below 2^62.
type Instant uint64

// Now reads the system's monotonic clock.
func Now() Instant { return Instant(C.natkit_monotonic_ns()) }

// Add returns the time d later; not before zero.
func (i Instant) Add(d time.Duration) Instant {
	if d < 0 && uint64(-d) > uint64(i) {
		return 0
	}
	return i + Instant(d)
}

// Sub returns how much later i is than earlier.
func (i Instant) Sub(earlier Instant) time.Duration {
	return time.Duration(i - earlier)
}

// toAddress writes an address as C has it; the zero AddrPort is "not set". A
// zone is lost, and an IPv4-mapped IPv6 address becomes IPv4.
func toAddress(from netip.AddrPort) C.natkit_address {
	var to C.natkit_address
	ip := from.Addr().Unmap()
	switch {
	case !ip.IsValid():
		return to
	case ip.Is4():
		to.family = C.NATKIT_FAMILY_IPV4
	default:
		to.family = C.NATKIT_FAMILY_IPV6
	}
	for i, octet := range ip.AsSlice() {
		to.ip[i] = C.uint8_t(octet)
	}
	to.port = C.uint16_t(from.Port())
	return to
}

func fromAddress(from *C.natkit_address) netip.AddrPort {
	var octets [16]byte
	for i := range octets {
		octets[i] = byte(from.ip[i])
	}
	switch from.family {
	case C.NATKIT_FAMILY_IPV4:
		return netip.AddrPortFrom(netip.AddrFrom4(*(*[4]byte)(octets[:4])), uint16(from.port))
	case C.NATKIT_FAMILY_IPV6:
		return netip.AddrPortFrom(netip.AddrFrom16(octets), uint16(from.port))
	}
	return netip.AddrPort{}
}

// toAddresses writes addresses to memory of C, which the caller frees.
func toAddresses(from []netip.AddrPort) *C.natkit_address {
	if len(from) == 0 {
		return nil
	}
	memory := C.calloc(C.size_t(len(from)), C.sizeof_natkit_address)
	out := unsafe.Slice((*C.natkit_address)(memory), len(from))
	for i, address := range from {
		out[i] = toAddress(address)
	}
	return &out[0]
}

// listAddresses asks for a list again until there is room for all of it.
func listAddresses(op string,
	ask func(out *C.natkit_address, capacity C.size_t) C.int) ([]netip.AddrPort, error) {
	var found []C.natkit_address
	count := ask(nil, 0)
	for count > C.int(len(found)) {
		found = make([]C.natkit_address, count)
		count = ask(&found[0], C.size_t(len(found)))
	}
	if count < 0 {
		return nil, check(op, count)
	}
	addresses := make([]netip.AddrPort, count)
	for i := range addresses {
		addresses[i] = fromAddress(&found[i])
	}
	return addresses, nil
}

// Resolve looks up the addresses of a host name, or reads an IP address. It
// blocks until the system's resolver has answered. Errors: ErrNotFound,
// ErrTimedOut (try again), ErrBadArgument.
func Resolve(host string, port uint16) ([]netip.AddrPort, error) {
	var found [16]C.natkit_address
	copies := texts{op: "natkit_resolve"}
	defer copies.free()
	name := copies.add(host)
	if copies.err != nil {
		return nil, copies.err
	}
	count := C.natkit_resolve(name, C.uint16_t(port), &found[0], C.size_t(len(found)))
	if count < 0 {
		return nil, check("natkit_resolve", count)
	}
	addresses := make([]netip.AddrPort, count)
	for i := range addresses {
		addresses[i] = fromAddress(&found[i])
	}
	return addresses, nil
}

// pointerTo is the first byte of a slice, or nil.
func pointerTo(data []byte) *C.uint8_t {
	if len(data) == 0 {
		return nil
	}
	return (*C.uint8_t)(unsafe.Pointer(&data[0]))
}

// texts are copies for C, to be wiped and freed together.
type texts struct {
	op     string
	copies []*C.char
	err    error
}

// add copies a text; nil for an empty one. One with a zero byte, which C would
// take for its end, is an error.
func (t *texts) add(text string) *C.char {
	if text == "" {
		return nil
	}
	if strings.IndexByte(text, 0) >= 0 {
		t.err = &Error{t.op, ErrBadArgument}
		return nil
	}
	made := C.CString(text)
	t.copies = append(t.copies, made)
	return made
}

// list adds texts to an array of C, which the caller frees.
func (t *texts) list(from []string) **C.char {
	if len(from) == 0 {
		return nil
	}
	memory := (**C.char)(C.calloc(C.size_t(len(from)), C.size_t(unsafe.Sizeof(uintptr(0)))))
	for i, text := range from {
		unsafe.Slice(memory, len(from))[i] = t.add(text)
	}
	return memory
}

func (t *texts) free() {
	for _, text := range t.copies {
		C.natkit_wipe(unsafe.Pointer(text), C.strlen(text))
		C.free(unsafe.Pointer(text))
	}
}

// bit is 1 for true.
func bit(set bool) C.uint32_t {
	if set {
		return 1
	}
	return 0
}
