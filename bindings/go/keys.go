package natkit

// #include "natkit/natkit.h"
import "C"

import (
	"fmt"
	"io"
	"unsafe"
)

// PublicKey is an X25519 public key.
type PublicKey [C.NATKIT_KEY_SIZE]byte

// PrivateKey is an X25519 private key. Formatting it does not show it: see
// Text.
type PrivateKey [C.NATKIT_KEY_SIZE]byte

// PresharedKey is a secret that both sides of a tunnel have. Formatting it does
// not show it: see Text.
type PresharedKey [C.NATKIT_KEY_SIZE]byte

// GeneratePrivateKey makes a private key of what random gives; nil: the
// system's source. Errors: those of random.
func GeneratePrivateKey(random io.Reader) (PrivateKey, error) {
	var key PrivateKey
	if random == nil {
		return key, check("natkit_key_generate", C.natkit_key_generate(nil, pointerTo(key[:])))
	}
	var given PrivateKey
	if _, err := io.ReadFull(random, given[:]); err != nil {
		return key, err
	}
	return key, check("natkit_key_generate", generateKey(given[:], key[:]))
}

// Public returns the public key.
func (k PrivateKey) Public() PublicKey {
	var out PublicKey
	C.natkit_key_get_public(pointerTo(k[:]), pointerTo(out[:]))
	return out
}

// ParsePublicKey reads the 44 characters of base64 that `wg` uses.
// Errors: ErrBadLength, ErrBadEncoding.
func ParsePublicKey(text string) (key PublicKey, err error) {
	err = parseKey(text, key[:])
	return key, err
}

// ParsePrivateKey reads the 44 characters of base64 that `wg` uses.
// Errors: ErrBadLength, ErrBadEncoding.
func ParsePrivateKey(text string) (key PrivateKey, err error) {
	err = parseKey(text, key[:])
	return key, err
}

// ParsePresharedKey reads the 44 characters of base64 that `wg` uses.
// Errors: ErrBadLength, ErrBadEncoding.
func ParsePresharedKey(text string) (key PresharedKey, err error) {
	err = parseKey(text, key[:])
	return key, err
}

// String returns the key in base64.
func (k PublicKey) String() string { return formatKey(k[:]) }

// Text returns the key in base64.
func (k PrivateKey) Text() string { return formatKey(k[:]) }

// Text returns the key in base64.
func (k PresharedKey) Text() string { return formatKey(k[:]) }

// Format writes "(private key)", whatever the verb.
func (k PrivateKey) Format(out fmt.State, _ rune) { io.WriteString(out, "(private key)") }

// Format writes "(preshared key)", whatever the verb.
func (k PresharedKey) Format(out fmt.State, _ rune) { io.WriteString(out, "(preshared key)") }

func parseKey(text string, out []byte) error {
	copies := texts{op: "natkit_key_parse"}
	defer copies.free()
	source := copies.add(text)
	if copies.err != nil {
		return copies.err
	} else if source == nil {
		return &Error{copies.op, ErrBadLength}
	}
	return check(copies.op, C.natkit_key_parse(source, pointerTo(out)))
}

func formatKey(key []byte) string {
	var text [C.NATKIT_KEY_TEXT_SIZE]C.char
	C.natkit_key_format(pointerTo(key), &text[0], C.size_t(len(text)))
	return C.GoString(&text[0])
}

// toKey copies a key into a field of a C structure.
func toKey(to *[C.NATKIT_KEY_SIZE]C.uint8_t, from [C.NATKIT_KEY_SIZE]byte) {
	*to = *(*[C.NATKIT_KEY_SIZE]C.uint8_t)(unsafe.Pointer(&from))
}
