package natkit

import (
	"bytes"
	"crypto/rand"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// limit is far more than anything takes.
const limit = time.Minute

func newHub(t *testing.T, config HubConfig) *Hub {
	t.Helper()
	config.Loopback = true
	config.NoIPv6 = true
	hub, err := NewHub(config)
	must(t, err)
	t.Cleanup(hub.Close)
	return hub
}

func newAgent(t *testing.T, hub *Hub) *Agent {
	t.Helper()
	agent, err := hub.NewAgent(AgentConfig{})
	must(t, err)
	return agent
}

// end is one hub with one agent, and what was seen of it.
type end struct {
	hub    *Hub
	agent  *Agent
	events []Event
	data   [][]byte
}

func newEnd(t *testing.T) *end {
	hub := newHub(t, HubConfig{})
	return &end{hub: hub, agent: newAgent(t, hub)}
}

func (e *end) process(t *testing.T) {
	must(t, e.hub.Process())
	for {
		event, err := e.hub.PollEvent()
		must(t, err)
		if event == nil {
			break
		}
		e.events = append(e.events, event)
	}
	buffer := make([]byte, 65536)
	for {
		agent, size, err := e.hub.Receive(buffer)
		must(t, err)
		if agent == nil {
			return
		}
		if agent != e.agent {
			t.Fatal("a datagram is another agent's")
		}
		e.data = append(e.data, append([]byte{}, buffer[:size]...))
	}
}

func (e *end) isDirect(t *testing.T) bool {
	path, err := e.agent.Path()
	must(t, err)
	return path.Kind == PathDirect
}

// run drives both ends until done() holds.
func run(t *testing.T, a, b *end, done func() bool) {
	t.Helper()
	stop := time.Now().Add(limit)
	for !done() {
		if time.Now().After(stop) {
			t.Fatalf("did not come to pass; events: %v, %v", a.events, b.events)
		}
		for _, e := range []*end{a, b} {
			must(t, e.hub.Wait(10*time.Millisecond))
			e.process(t)
		}
	}
}

func tell(t *testing.T, from, to *end) {
	text, err := from.agent.LocalDescription()
	must(t, err)
	must(t, to.agent.SetRemoteDescription(text))
}

func connected(t *testing.T) (a, b *end) {
	a, b = newEnd(t), newEnd(t)
	tell(t, a, b)
	tell(t, b, a)
	run(t, a, b, func() bool { return a.isDirect(t) && b.isDirect(t) })
	return a, b
}

func TestTwoAgentsConnectAndTalk(t *testing.T) {
	a, b := connected(t)
	state, err := a.agent.State()
	must(t, err)
	if state != StateConnected || state.String() != "connected" {
		t.Errorf("state is %v", state)
	}
	must(t, a.agent.Send([]byte("hello")))
	must(t, b.agent.Send(nil))
	run(t, a, b, func() bool { return len(a.data) == 1 && len(b.data) == 1 })
	if len(a.data[0]) != 0 || string(b.data[0]) != "hello" {
		t.Errorf("got %q and %q", a.data[0], b.data[0])
	}
	counters, err := b.hub.Counters()
	must(t, err)
	if counters.Received != 1 || counters.SentDirect != 1 || counters.SentRelayed != 0 {
		t.Errorf("counters are %+v", counters)
	}
	own, err := b.agent.Counters()
	must(t, err)
	if own != (AgentCounters{SentDirect: 1, Received: 1, ReceivedBytes: 5}) {
		t.Errorf("the agent's counters are %+v", own)
	}
	stun := make([]byte, 20)
	copy(stun, []byte{0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42})
	expect(t, a.agent.Send(stun), ErrBadValue)
	must(t, a.agent.Restart())
}

// One counter of 64 bits after the other, behind the structure's size.
func TestAllCountersOfTheHeaderAreRead(t *testing.T) {
	body := regexp.MustCompile(`(?s)typedef struct natkit_hub_counters \{(.*?)\}`).
		FindStringSubmatch(headerText(t, "agent.h"))[1]
	there := len(regexp.MustCompile(`uint64_t \w+;`).FindAllString(body, -1))
	if ours := reflect.TypeOf(HubCounters{}).NumField(); ours != there || there < 8 {
		t.Errorf("%d counters, and %d in the header", ours, there)
	}
}

func TestBatchesArriveWhole(t *testing.T) {
	a, b := connected(t)
	var sent [][]byte
	for i := 0; i < 200; i++ {
		sent = append(sent, bytes.Repeat([]byte{byte(i)}, i*7%1400))
	}
	taken, err := a.agent.SendBatch(sent)
	must(t, err)
	if taken != len(sent) {
		t.Fatalf("%d were taken", taken)
	}
	buffer := make([]byte, 65536)
	stop := time.Now().Add(limit)
	for len(sent) > 0 && time.Now().Before(stop) {
		must(t, b.hub.Wait(10*time.Millisecond))
		must(t, b.hub.Process())
		batch, err := b.hub.ReceiveBatch(buffer)
		must(t, err)
		for _, datagram := range batch {
			if datagram.Agent != b.agent || !bytes.Equal(datagram.Data, sent[0]) {
				t.Fatalf("got %+v", datagram)
			}
			sent = sent[1:]
		}
	}
	if len(sent) != 0 {
		t.Errorf("%d did not arrive", len(sent))
	}
	stun := make([]byte, 20)
	copy(stun, []byte{0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42})
	taken, err = a.agent.SendBatch([][]byte{nil, stun})
	must(t, err)
	if taken != 1 {
		t.Errorf("%d were taken", taken)
	}
	_, err = a.agent.SendBatch([][]byte{stun, nil})
	expect(t, err, ErrBadValue)
	taken, err = a.agent.SendBatch(nil)
	must(t, err)
	if taken != 0 {
		t.Errorf("%d were taken", taken)
	}
}

func TestASocketMayBeSharedWithAnotherProtocol(t *testing.T) {
	mine, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	defer mine.Close()
	stranger, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	defer stranger.Close()
	raw, err := mine.SyscallConn()
	must(t, err)
	var hub *Hub
	must(t, raw.Control(func(fd uintptr) {
		hub = newHub(t, HubConfig{Sockets: []int{int(fd)}, UnclaimedBuffer: 1 << 20})
	}))
	_, err = stranger.WriteTo([]byte("something else"), mine.LocalAddr())
	must(t, err)
	var got []Datagram
	stop := time.Now().Add(limit)
	for len(got) == 0 && time.Now().Before(stop) {
		must(t, hub.Wait(10*time.Millisecond))
		must(t, hub.Process())
		got, err = hub.ReceiveUnclaimed(make([]byte, 65536))
		must(t, err)
	}
	if len(got) != 1 || got[0].Agent != nil || string(got[0].Data) != "something else" ||
		got[0].Remote.String() != stranger.LocalAddr().String() ||
		got[0].Local.String() != mine.LocalAddr().String() {
		t.Errorf("got %+v", got)
	}
	counters, err := hub.Counters()
	must(t, err)
	if counters.Unclaimed != 1 || counters.DroppedUnclaimed != 0 || counters.DroppedUnknown != 0 {
		t.Errorf("counters are %+v", counters)
	}
}

func TestEventsSayWhatHappened(t *testing.T) {
	a, b := connected(t)
	run(t, a, b, func() bool { return hasRTT(a.events) })
	var states []State
	var path *PathEvent
	described := false
	for _, event := range a.events {
		switch event := event.(type) {
		case *StateEvent:
			states = append(states, event.State)
		case *PathEvent:
			path = event
		case *DescriptionEvent:
			described = event.Agent == a.agent
		}
	}
	if len(states) == 0 || states[len(states)-1] != StateConnected || !described {
		t.Errorf("states are %v, described: %v", states, described)
	}
	remote, err := b.hub.LocalAddresses()
	must(t, err)
	if path == nil || path.Agent != a.agent || path.Path.Kind != PathDirect ||
		path.Path.Remote.Port() != remote[0].Port() {
		t.Errorf("path is %+v", path)
	}
	why, err := a.agent.Explain()
	must(t, err)
	if why.Reason != ReasonDirect || why.Summary == "" {
		t.Errorf("diagnosis is %+v", why)
	}
}

func hasRTT(events []Event) bool {
	for _, event := range events {
		if rtt, ok := event.(*RTTEvent); ok {
			return rtt.RTT > 0
		}
	}
	return false
}

func TestManyGoroutinesUseOneHub(t *testing.T) {
	a, b := connected(t)
	const each = 50
	var senders sync.WaitGroup
	for i := 0; i < 4; i++ {
		senders.Add(1)
		go func() {
			defer senders.Done()
			for n := 0; n < each; n++ {
				if err := a.agent.Send([]byte("x")); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	counted := func() uint64 {
		counters, err := a.hub.Counters()
		must(t, err)
		return counters.SentDirect
	}
	run(t, a, b, func() bool { return counted() == 4*each })
	senders.Wait()
}

func TestWaitEndsWhenItIsTold(t *testing.T) {
	hub := newHub(t, HubConfig{NoNetworkWatch: true})
	must(t, hub.Wait(0))
	must(t, hub.Wait(time.Millisecond))
	hub.Wake() // before the next one
	must(t, hub.Wait(-1))
	ended := make(chan error)
	go func() { ended <- waitUntilWoken(hub) }()
	for {
		hub.Wake()
		select {
		case err := <-ended:
			must(t, err)
			return
		default:
			runtime.Gosched()
		}
	}
}

func waitUntilWoken(hub *Hub) error {
	for i := 0; i < 10; i++ {
		if err := hub.Wait(-1); err != nil {
			return err
		}
	}
	return nil
}

func TestCloseEndsAWait(t *testing.T) {
	hub := newHub(t, HubConfig{})
	ended := make(chan error)
	go func() {
		var err error
		for err == nil {
			err = hub.Wait(-1)
		}
		ended <- err
	}()
	hub.Close()
	expect(t, <-ended, ErrBadHandle)
	hub.Close()
}

func TestOneGoroutineWaits(t *testing.T) {
	hub := newHub(t, HubConfig{})
	hub.waiting = true // as while another one does
	expect(t, hub.Wait(0), ErrBusy)
	hub.waiting = false
	must(t, hub.Wait(0))
}

func TestSocketsMayBeTheCallers(t *testing.T) {
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	port := socket.LocalAddr().(*net.UDPAddr).AddrPort()
	file, err := socket.File()
	must(t, err)
	must(t, socket.Close())
	hub := newHub(t, HubConfig{Sockets: []int{int(file.Fd())}})
	must(t, file.Close())
	addresses, err := hub.LocalAddresses()
	must(t, err)
	if len(addresses) != 1 || addresses[0] != port {
		t.Errorf("got %v, not %v", addresses, port)
	}
	_, err = NewHub(HubConfig{Sockets: []int{-1}})
	expect(t, err, ErrUnsupported)
	_, err = NewHub(HubConfig{Sockets: []int{1, 2, 3}})
	expect(t, err, ErrBadArgument)
	_, err = NewHub(HubConfig{Port: port.Port(), Loopback: true, NoIPv6: true})
	expect(t, err, ErrAddressInUse)
}

func TestConfigurationsAreChecked(t *testing.T) {
	for _, config := range []HubConfig{
		{Power: 3},
		{ReceiveBuffer: -1},
		{RootsPEM: "zero\x00byte"},
		{IgnoredInterfaces: []string{"lo", "zero\x00byte"}},
		{IgnoredInterfaces: []string{""}},
		{IgnoredInterfaces: make([]string, 65)},
	} {
		_, err := NewHub(config)
		expect(t, err, ErrBadArgument)
	}
	_, err := NewHub(HubConfig{RootsPEM: "no certificate"})
	expect(t, err, ErrBadCertificate)
	hub := newHub(t, HubConfig{})
	_, err = hub.NewAgent(AgentConfig{Role: 3})
	expect(t, err, ErrBadArgument)
	own, err := hub.PublicKey()
	must(t, err)
	_, err = hub.NewAgent(AgentConfig{PeerKey: own})
	expect(t, err, ErrBadValue)
	expect(t, hub.SetStunServers(make([]netip.AddrPort, 1)), ErrBadArgument)
	must(t, hub.SetStunServers([]netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:9")}))
	must(t, hub.SetStunServers(nil))
	must(t, hub.NetworkChanged())
}

func TestIgnoredInterfacesHaveNoAddresses(t *testing.T) {
	hub := newHub(t, HubConfig{IgnoredInterfaces: []string{"nothing", "lo*"}})
	addresses, err := hub.LocalAddresses()
	must(t, err)
	for _, address := range addresses {
		if address.Addr().IsLoopback() {
			t.Errorf("got %v", address)
		}
	}
}

func TestHubsHaveTheKeyTheyAreGiven(t *testing.T) {
	private, err := GeneratePrivateKey(nil)
	must(t, err)
	key, err := newHub(t, HubConfig{PrivateKey: private}).PublicKey()
	must(t, err)
	if key != private.Public() {
		t.Errorf("key is %v", key)
	}
}

func TestRelaysAreChecked(t *testing.T) {
	hub := newHub(t, HubConfig{})
	where := []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}
	relay := Relay{Host: "localhost", Addresses: where, Plain: true}
	number, err := hub.AddRelay(relay)
	must(t, err)
	if number != 0 {
		t.Errorf("number is %d", number)
	}
	_, err = hub.AddRelay(relay)
	expect(t, err, ErrAlreadyExists)
	_, err = hub.AddRelay(Relay{Addresses: where, Plain: true})
	expect(t, err, ErrBadArgument)
	_, err = hub.AddRelay(Relay{Host: "a\x00b", Addresses: where, Plain: true})
	expect(t, err, ErrBadArgument)
	_, err = hub.AddRelay(Relay{Host: "other", Addresses: where, CertificateName: "sha256-raw:00"})
	expect(t, err, ErrBadEncoding)
	newAgent(t, hub)
	_, err = hub.AddRelay(Relay{Name: "late", Host: "other", Addresses: where, Plain: true})
	expect(t, err, ErrInvalidState)
}

func TestARelayThatIsNotThereIsSaidAndLogged(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	where := listener.Addr().(*net.TCPAddr).AddrPort()
	must(t, listener.Close())
	logged := false
	hub := newHub(t, HubConfig{Log: func(level LogLevel, text string) {
		logged = logged || level == LogWarning && strings.Contains(text, "is down")
	}})
	_, err = hub.AddRelay(Relay{Host: "localhost", Addresses: []netip.AddrPort{where},
		Port: where.Port(), Plain: true})
	must(t, err)
	e := &end{hub: hub, agent: newAgent(t, hub)}
	run(t, e, e, func() bool { return relayIsDown(e.events) })
	if !logged {
		t.Error("no line was logged")
	}
}

func relayIsDown(events []Event) bool {
	for _, event := range events {
		if relay, ok := event.(*RelayEvent); ok {
			return !relay.IsUp && relay.Relay == 0 && relay.Text != ""
		}
	}
	return false
}

func TestDescriptionsAreChecked(t *testing.T) {
	agent := newEnd(t).agent
	for text, code := range map[string]Code{
		"":                          ErrBadSignal,
		"nonsense":                  ErrBadSignal,
		"a=ice\x00":                 ErrBadSignal,
		strings.Repeat("\n", 20000): ErrBadLength,
		"a=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host\r\n": ErrInvalidState,
	} {
		expect(t, agent.SetRemoteDescription(text), code)
	}
	expect(t, agent.Send([]byte("early")), ErrInvalidState)
}

func TestWhatWasClosedIsRefused(t *testing.T) {
	e := newEnd(t)
	other := newAgent(t, e.hub)
	other.Close()
	expect(t, other.Send(nil), ErrBadHandle)
	other.Close()
	e.hub.Close()
	expect(t, e.hub.Process(), ErrBadHandle)
	expect(t, e.hub.Wait(0), ErrBadHandle)
	_, err := e.hub.PollEvent()
	expect(t, err, ErrBadHandle)
	_, _, err = e.hub.Receive(nil)
	expect(t, err, ErrBadHandle)
	_, err = e.hub.LocalAddresses()
	expect(t, err, ErrBadHandle)
	_, err = e.agent.State()
	expect(t, err, ErrBadHandle)
	_, err = e.agent.LocalDescription()
	expect(t, err, ErrBadHandle)
	_, err = e.agent.Explain()
	expect(t, err, ErrBadHandle)
	e.agent.Close()
	var never Hub
	expect(t, never.Process(), ErrBadHandle)
	expect(t, never.Wait(0), ErrBadHandle)
	never.Close()
}

func TestTooSmallBuffersLoseNothing(t *testing.T) {
	a, b := connected(t)
	must(t, a.agent.Send([]byte("hello")))
	small := make([]byte, 4)
	stop := time.Now().Add(limit)
	for {
		must(t, b.hub.Wait(10*time.Millisecond))
		must(t, b.hub.Process())
		_, size, err := b.hub.Receive(small)
		if err != nil {
			expect(t, err, ErrBufferTooSmall)
			if size != 5 {
				t.Errorf("%d bytes are needed", size)
			}
			break
		}
		if time.Now().After(stop) {
			t.Fatal("no datagram")
		}
	}
	large := make([]byte, 5)
	agent, size, err := b.hub.Receive(large)
	must(t, err)
	if agent != b.agent || size != 5 || string(large) != "hello" {
		t.Errorf("got %q", large[:size])
	}
}

// session has its buffers beside pointers: cgo must not look beyond the bytes
// that it is given.
type session struct {
	agent   *Agent
	in, out [2048]byte
}

func TestBuffersMayBePartsOfStructures(t *testing.T) {
	a, b := connected(t)
	here, there := &session{agent: a.agent}, &session{agent: b.agent}
	must(t, here.agent.Send(here.out[:copy(here.out[:], "hello")]))
	stop := time.Now().Add(limit)
	for {
		must(t, b.hub.Wait(10*time.Millisecond))
		must(t, b.hub.Process())
		agent, size, err := b.hub.Receive(there.in[:])
		must(t, err)
		if agent != nil {
			if agent != there.agent || string(there.in[:size]) != "hello" {
				t.Errorf("got %q", there.in[:size])
			}
			break
		}
		if time.Now().After(stop) {
			t.Fatal("no datagram")
		}
	}
	tunnel, _ := newTunnels(t)
	_, err := tunnel.Seal(start, here.in[:copy(here.in[:], ipPacket(100))], here.out[:])
	must(t, err)
	size, err := tunnel.PollTransmit(here.out[:])
	must(t, err)
	_, err = tunnel.Open(start, here.out[:size], here.in[:])
	expect(t, err, ErrAuthFailed)
	client := newStunClient(t, StunClientConfig{})
	must(t, client.Start(start))
	size, _, err = client.PollTransmit(here.out[:])
	must(t, err)
	_, err = client.HandleDatagram(start, stunServer, here.out[:size])
	must(t, err)
}

func TestCallbacksAreTheCallers(t *testing.T) {
	var reads atomic.Int64
	hub := newHub(t, HubConfig{Random: counting{rand.Reader, &reads}})
	newAgent(t, hub)
	if reads.Load() == 0 {
		t.Error("no randomness was asked for")
	}
}

type counting struct {
	io.Reader
	reads *atomic.Int64
}

func (c counting) Read(out []byte) (int, error) {
	c.reads.Add(1)
	return c.Reader.Read(out)
}

// Handles are numbers. Some look like addresses of Go's heap, which nobody must
// take them for: they begin at 192 uses of one slot.
func TestHandlesAreNoPointersForTheCollector(t *testing.T) {
	for i := 0; i < 600; i++ {
		client, err := NewStunClient(StunClientConfig{
			Server: netip.MustParseAddrPort("127.0.0.1:9")})
		must(t, err)
		must(t, client.Start(1))
		if i%20 == 0 {
			runtime.GC()
			deepen(100)
		}
		client.Close()
	}
	runtime.GC()
}

// deepen has the stack grow, which looks at every pointer on it.
func deepen(depth int) int {
	var room [1024]byte
	if depth == 0 {
		return int(room[0])
	}
	return deepen(depth-1) + int(room[depth])
}

func TestTheReadmesExampleRuns(t *testing.T) {
	source, err := os.ReadFile("examples/connect/main.go")
	must(t, err)
	readme, err := os.ReadFile("README.md")
	must(t, err)
	if !bytes.Contains(readme, source) {
		t.Error("README.md has another example than examples/connect")
	}
	said, err := exec.Command("go", "run", "./examples/connect").CombinedOutput()
	if err != nil || string(said) != "bob got: hello\nalice got: hello yourself\n" {
		t.Errorf("it said %q and ended with %v", said, err)
	}
}
