package natkit

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// RFC 7748 section 6.1, Alice's keys.
const (
	knownPrivate = "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo="
	knownPublic  = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="
)

func TestKeysHaveTheTextThatWgWrites(t *testing.T) {
	private, err := ParsePrivateKey(knownPrivate)
	must(t, err)
	if private.Text() != knownPrivate || private.Public().String() != knownPublic {
		t.Errorf("got %s and %s", private.Text(), private.Public())
	}
	public, err := ParsePublicKey(knownPublic)
	must(t, err)
	if public != private.Public() {
		t.Error("a public key is another one than was written")
	}
	preshared, err := ParsePresharedKey(knownPrivate)
	must(t, err)
	if preshared.Text() != knownPrivate {
		t.Error("a pre-shared key is another one than was written")
	}
}

func TestSecretKeysDoNotShowWhenFormatted(t *testing.T) {
	private, err := ParsePrivateKey(knownPrivate)
	must(t, err)
	config := TunnelConfig{PrivateKey: private, PresharedKey: PresharedKey(private)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		for _, value := range []any{private, PresharedKey(private), config} {
			text := fmt.Sprintf(verb, value)
			if !strings.Contains(text, "key)") || strings.Contains(text, "77076d") ||
				strings.Contains(text, "119 7 109") || strings.Contains(text, "dwdtCn") {
				t.Errorf("%s shows %s", verb, text)
			}
		}
	}
}

func TestTextsThatAreNoKeysAreRefused(t *testing.T) {
	for text, code := range map[string]Code{
		"":                                ErrBadLength,
		"AAAA":                            ErrBadLength,
		strings.Repeat("!", 43) + "=":     ErrBadEncoding,
		knownPublic + "\x00":              ErrBadArgument,
		strings.Repeat(knownPublic, 1000): ErrBadLength,
	} {
		_, err := ParsePublicKey(text)
		expect(t, err, code)
	}
}

func TestKeysAreMadeOfTheCallersRandomness(t *testing.T) {
	source := bytes.NewReader(bytes.Repeat([]byte{0xFF}, 32))
	key, err := GeneratePrivateKey(source)
	must(t, err)
	if source.Len() != 0 || key[5] != 0xFF || key[0] != 0xF8 || key[31] != 0x7F {
		t.Errorf("%d bytes are left, and the key is %s", source.Len(), key.Text())
	}
	first, err := GeneratePrivateKey(nil)
	must(t, err)
	second, err := GeneratePrivateKey(rand.Reader)
	must(t, err)
	if first == second {
		t.Error("two keys are the same")
	}
}

func TestThereAreNoKeysWithoutRandomness(t *testing.T) {
	key, err := GeneratePrivateKey(failing{})
	if !errors.Is(err, errNoMore) || key != (PrivateKey{}) {
		t.Errorf("got %v", err)
	}
}

var errNoMore = errors.New("no more")

// failing is a random source without randomness.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errNoMore }
