package natkit

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var (
	stunServer = netip.MustParseAddrPort("192.0.2.1:3478")
	reflexive  = netip.MustParseAddrPort("203.0.113.7:4242")
)

func newStunClient(t *testing.T, config StunClientConfig) *StunClient {
	config.Server = stunServer
	client, err := NewStunClient(config)
	must(t, err)
	t.Cleanup(client.Close)
	return client
}

// response is a success response to a request that says that it came from
// source (RFC 8489 section 14.2).
func response(request []byte, source netip.AddrPort) []byte {
	const cookie = 0x2112A442
	out := append([]byte{0x01, 0x01, 0, 12}, request[4:20]...)
	out = append(out, 0, 0x20, 0, 8, 0, 1)
	ip := source.Addr().Unmap().As4()
	out = binary.BigEndian.AppendUint16(out, source.Port()^(cookie>>16))
	return binary.BigEndian.AppendUint32(out, binary.BigEndian.Uint32(ip[:])^cookie)
}

func TestTheReflexiveAddressIsLearnt(t *testing.T) {
	client := newStunClient(t, StunClientConfig{Random: bytes.NewReader(make([]byte, 1024))})
	must(t, client.Start(start))
	out := make([]byte, StunMaxUDPSize)
	_, _, err := client.PollTransmit(out[:10])
	expect(t, err, ErrBufferTooSmall)
	size, to, err := client.PollTransmit(out)
	must(t, err)
	if to != stunServer || size < 20 || !bytes.Equal(out[8:20], make([]byte, 12)) {
		t.Fatalf("a request of %d bytes to %v: %v", size, to, out[:20])
	}
	taken, err := client.HandleDatagram(start, stunServer, []byte("something else"))
	must(t, err)
	if taken {
		t.Error("took what is not STUN")
	}
	after := start.Add(20 * time.Millisecond)
	taken, err = client.HandleDatagram(after, stunServer, response(out[:size], reflexive))
	must(t, err)
	event, err := client.PollEvent()
	must(t, err)
	if !taken || event == nil || event.Outcome != StunSuccess ||
		event.ReflexiveAddress != reflexive || event.RTT != 20*time.Millisecond ||
		event.Server != stunServer || event.IsVerified {
		t.Errorf("event is %+v", event)
	}
	event, err = client.PollEvent()
	must(t, err)
	if event != nil {
		t.Errorf("another event: %+v", event)
	}
}

func TestARunAsksAndWaits(t *testing.T) {
	loopback := net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0"))
	server, err := net.ListenUDP("udp4", loopback)
	must(t, err)
	defer server.Close()
	ours, err := net.ListenUDP("udp4", loopback)
	must(t, err)
	client, err := NewStunClient(StunClientConfig{
		Server: server.LocalAddr().(*net.UDPAddr).AddrPort()})
	must(t, err)
	defer client.Close()
	go func() {
		request := make([]byte, StunMaxUDPSize)
		size, from, err := server.ReadFromUDPAddrPort(request)
		if err == nil {
			_, _ = server.WriteToUDPAddrPort(response(request[:size], from), from)
		}
	}()
	event, err := client.Run(ours)
	must(t, err)
	if event.Outcome != StunSuccess ||
		event.ReflexiveAddress != ours.LocalAddr().(*net.UDPAddr).AddrPort() {
		t.Errorf("event is %+v", event)
	}
	stream, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	defer stream.Close()
	_, err = client.Run(stream.(*net.TCPListener))
	expect(t, err, ErrUnsupported)
	must(t, ours.Close())
	if _, err = client.Run(ours); err == nil {
		t.Error("ran over a closed socket")
	}
}

func TestAServerThatIsSilentTimesOut(t *testing.T) {
	client := newStunClient(t, StunClientConfig{Schedule: StunSchedule{
		InitialTimeout: time.Second, FinalWait: 3 * time.Second, RequestCount: 2}})
	must(t, client.Start(start))
	out := make([]byte, StunMaxUDPSize)
	sent, now := 0, start
	var event *StunEvent
	for event == nil {
		for {
			size, _, err := client.PollTransmit(out)
			must(t, err)
			if size == 0 {
				break
			}
			sent++
		}
		at, planned, err := client.NextTimeout()
		must(t, err)
		if !planned {
			t.Fatal("it ends without an event")
		}
		now = at
		must(t, client.HandleTimeout(now))
		event, err = client.PollEvent()
		must(t, err)
	}
	if sent != 2 || now.Sub(start) != 4*time.Second ||
		event.Outcome != StunTimedOut {
		t.Errorf("%d requests, %v, %+v", sent, now.Sub(start), event)
	}
}

func TestStunConfigurationsAreChecked(t *testing.T) {
	for _, config := range []StunClientConfig{
		{},
		{Server: stunServer, ServerKind: 3},
		{Server: stunServer, Username: "alone"},
		{Server: stunServer, Software: "zero\x00byte"},
		{Server: stunServer, Software: strings.Repeat("x", 764)},
		{Server: stunServer, Schedule: StunSchedule{RequestCount: 101}},
		{Server: stunServer, Schedule: StunSchedule{FinalWait: -1}},
	} {
		client, err := NewStunClient(config)
		expect(t, err, ErrBadArgument)
		if client != nil {
			t.Errorf("a client of %+v", config)
		}
	}
}

func TestCancelledClientsSayNothing(t *testing.T) {
	client := newStunClient(t, StunClientConfig{})
	must(t, client.Start(start))
	must(t, client.Cancel())
	_, planned, err := client.NextTimeout()
	must(t, err)
	event, err := client.PollEvent()
	must(t, err)
	if planned || event != nil {
		t.Errorf("planned: %v, event: %+v", planned, event)
	}
	client.Close()
	expect(t, client.Start(start), ErrBadHandle)
	client.Close()
}
