package natkit

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestVersionIsThatOfTheHeaders(t *testing.T) {
	if Version() != "0.1.0" {
		t.Errorf("version is %q", Version())
	}
}

func TestErrorsSayWhereAndWhy(t *testing.T) {
	_, err := NewStunClient(StunClientConfig{})
	var failure *Error
	if !errors.As(err, &failure) || !errors.Is(err, ErrBadArgument) {
		t.Fatalf("got %v", err)
	}
	if failure.Op != "natkit_stun_client_new" || failure.Code != ErrBadArgument {
		t.Errorf("got %+v", failure)
	}
	if !strings.Contains(err.Error(), "natkit_stun_client_new: ") ||
		strings.Contains(err.Error(), "unknown") {
		t.Errorf("text is %q", err)
	}
	if Code(-9999).Error() != "unknown error" {
		t.Errorf("text of an unknown code is %q", Code(-9999))
	}
}

func TestAddressesGoThereAndBack(t *testing.T) {
	for _, text := range []string{"192.0.2.1:80", "[2001:db8::7]:65535", "0.0.0.0:0"} {
		address := netip.MustParseAddrPort(text)
		c := toAddress(address)
		if got := fromAddress(&c); got != address {
			t.Errorf("%v became %v", address, got)
		}
	}
	unset := toAddress(netip.AddrPort{})
	if unset.family != 0 || fromAddress(&unset).IsValid() {
		t.Error("an address that is not set became one")
	}
	mapped := toAddress(netip.MustParseAddrPort("[::ffff:192.0.2.1]:80"))
	if got := fromAddress(&mapped).String(); got != "192.0.2.1:80" {
		t.Errorf("a mapped address became %v", got)
	}
}

func TestNamesAreLookedUp(t *testing.T) {
	found, err := Resolve("192.0.2.1", 443)
	if err != nil || len(found) != 1 || found[0].String() != "192.0.2.1:443" {
		t.Errorf("got %v, %v", found, err)
	}
	for _, name := range []string{"", "192.0.2.1\x00.example"} {
		if _, err := Resolve(name, 1); !errors.Is(err, ErrBadArgument) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestInstantsCountNanoseconds(t *testing.T) {
	first := Now()
	later := first.Add(3 * time.Second)
	if later.Sub(first) != 3*time.Second || first.Sub(later) != -3*time.Second {
		t.Error("a difference is wrong")
	}
	if Instant(5).Add(-time.Second) != 0 {
		t.Error("a time before the first one")
	}
	if Now() < first {
		t.Error("the clock went back")
	}
}

// What the package needs not: an Agent is found by its handle.
var notNeeded = map[string]bool{"natkit_agent_get_user": true}

// The package must not fall behind the headers.
func TestAllThatIsCoveredIsThere(t *testing.T) {
	ours := map[string]bool{}
	for _, word := range regexp.MustCompile(`\w+`).FindAllString(packageSource(t), -1) {
		ours[word] = true
	}
	covered := map[string]string{
		"common.h":           `(NATKIT_(?:ERR|LOG|POWER)_\w+) =`,
		"agent.h":            `(NATKIT_[A-Z]\w+) =|\b(natkit_(?:hub|agent|resolve)\w*)\(`,
		"stun.h":             `(NATKIT_STUN_(?:OUTCOME|SERVER)_\w+) =|\b(natkit_stun_client_\w+)\(`,
		"behavior.h":         `(NATKIT_NAT_AXIS_\w+) =`,
		"nat_check.h":        `\b(natkit_(?:nat_check|get)_\w+)\(`,
		"wireguard_common.h": `(NATKIT_WG_DROP_\w+) =`,
		"wireguard_tunnel.h": `\b(natkit_wg_tunnel_\w+)\(`,
	}
	for header, pattern := range covered {
		found := regexp.MustCompile(pattern).FindAllString(headerText(t, header), -1)
		if len(found) < 5 {
			t.Errorf("%s: only %v", header, found)
		}
		for _, name := range found {
			name = strings.TrimRight(name, "( =")
			if !notNeeded[name] && !ours[name] {
				t.Errorf("%s of %s is not in the package", name, header)
			}
		}
	}
}

// headerText is a header without its comments.
func headerText(t *testing.T, name string) string {
	folder := os.Getenv("NATKIT_INCLUDE")
	if folder == "" {
		folder = "../c/include"
	}
	text, err := os.ReadFile(filepath.Join(folder, "natkit", name))
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`(?s)/\*.*?\*/`).ReplaceAllString(string(text), "")
}

func packageSource(t *testing.T) string {
	var all strings.Builder
	for _, pattern := range []string{"*.go", "*.c"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(file, "_test.go") {
				all.Write(text)
			}
		}
	}
	return all.String()
}

// expect fails the test unless err is of this code.
func expect(t *testing.T, err error, code Code) {
	t.Helper()
	if !errors.Is(err, code) {
		t.Errorf("got %v, not %v", err, code)
	}
}

// must fails the test at once upon an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
