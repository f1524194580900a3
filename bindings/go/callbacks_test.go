package natkit

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// A callback that does not return ends the program, whatever it recovers.
func TestCallbacksThatDoNotReturnEndTheProgram(t *testing.T) {
	for how, words := range map[string]string{
		"fails": "the random source failed: no more", "panics": "on purpose", "exits": "Goexit",
	} {
		again := exec.Command(os.Args[0], "-test.run=^TestCallbackInAProcessOfItsOwn$")
		again.Env = append(os.Environ(), "NATKIT_CALLBACK="+how)
		said, err := again.CombinedOutput()
		var ended *exec.ExitError
		if !errors.As(err, &ended) || ended.ExitCode() != 2 ||
			!strings.Contains(string(said), words) || strings.Contains(string(said), "survived") {
			t.Errorf("%s: %v: %s", how, err, said)
		}
	}
}

// What the test above runs: a hub with a source that behaves like this.
func TestCallbackInAProcessOfItsOwn(t *testing.T) {
	how := os.Getenv("NATKIT_CALLBACK")
	if how == "" {
		how = "works"
	}
	defer func() {
		if recover() != nil {
			fmt.Println("survived")
		}
	}()
	hub, err := NewHub(HubConfig{Random: misbehaving(how)})
	must(t, err)
	hub.Close()
	if how != "works" {
		fmt.Println("survived")
	}
}

// misbehaving is a random source that does what its name says.
type misbehaving string

func (m misbehaving) Read(out []byte) (int, error) {
	switch m {
	case "fails":
		return failing{}.Read(out)
	case "panics":
		panic("on purpose")
	case "exits":
		runtime.Goexit()
	}
	return io.ReadFull(rand.Reader, out)
}

// closer is a random source that closes what asks it.
type closer struct{ tunnel *Tunnel }

func (c *closer) Read(out []byte) (int, error) {
	if c.tunnel != nil {
		c.tunnel.Close()
	}
	return rand.Read(out)
}

// As when another goroutine closes it meanwhile: the call goes on to its end.
func TestWhatIsClosedDuringACallStillEndsIt(t *testing.T) {
	source := &closer{}
	private, err := GeneratePrivateKey(nil)
	must(t, err)
	tunnel, err := NewTunnel(TunnelConfig{Now: start, PrivateKey: private,
		PeerKey: PublicKey{9}, Random: source})
	must(t, err)
	source.tunnel = tunnel
	must(t, tunnel.InitiateHandshake(start, false))
	expect(t, tunnel.HandleTimeout(start), ErrBadHandle)
}
