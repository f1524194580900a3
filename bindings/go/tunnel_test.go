package natkit

import (
	"bytes"
	"net/netip"
	"testing"
	"time"
)

// start is when tunnels of the tests are made.
const start = Instant(1000 * time.Second)

func newTunnels(t *testing.T) (a, b *Tunnel) {
	ours, err := GeneratePrivateKey(nil)
	must(t, err)
	theirs, err := GeneratePrivateKey(nil)
	must(t, err)
	shared, err := GeneratePrivateKey(nil)
	must(t, err)
	config := TunnelConfig{Now: start, PrivateKey: ours, PeerKey: theirs.Public(),
		PresharedKey: PresharedKey(shared), AllowedIPs: []netip.Prefix{
			netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}}
	a, err = NewTunnel(config)
	must(t, err)
	t.Cleanup(a.Close)
	config.PrivateKey, config.PeerKey = theirs, ours.Public()
	config.Keepalive = 25 * time.Second
	b, err = NewTunnel(config)
	must(t, err)
	t.Cleanup(b.Close)
	return a, b
}

// ipPacket is an IPv4 packet from 10.0.0.1 to 10.0.0.2.
func ipPacket(size int) []byte {
	packet := make([]byte, size)
	copy(packet, []byte{0x45, 0, byte(size >> 8), byte(size), 0, 0, 0, 0, 64, 17, 0, 0,
		10, 0, 0, 1, 10, 0, 0, 2})
	return packet
}

// deliver takes what waits in one tunnel to the other; it returns the packets
// that come out.
func deliver(t *testing.T, now Instant, from, to *Tunnel) [][]byte {
	var packets [][]byte
	datagram, packet := make([]byte, 2048), make([]byte, 2048)
	for {
		size, err := from.PollTransmit(datagram)
		must(t, err)
		if size == 0 {
			return packets
		}
		size, err = to.Open(now, datagram[:size], packet)
		must(t, err)
		if size > 0 {
			packets = append(packets, append([]byte{}, packet[:size]...))
		}
	}
}

func TestTunnelsCarryPackets(t *testing.T) {
	a, b := newTunnels(t)
	packet, out, plain := ipPacket(100), make([]byte, WgSealedSize(100)), make([]byte, 2048)
	size, err := a.Seal(start, packet, out)
	must(t, err)
	if size != 0 {
		t.Fatal("sealed without a session")
	}
	deliver(t, start, a, b)
	deliver(t, start, b, a)
	if packets := deliver(t, start, a, b); len(packets) != 1 || !bytes.Equal(packets[0], packet) {
		t.Fatalf("got %v", packets)
	}
	size, err = a.Seal(start, packet, out)
	must(t, err)
	if size != WgSealedSize(100) {
		t.Errorf("sealed to %d bytes", size)
	}
	length, err := b.Open(start, out[:size], plain)
	must(t, err)
	if !bytes.Equal(plain[:length], packet) {
		t.Errorf("opened to %v", plain[:length])
	}
	_, err = b.Open(start, out[:size], plain)
	expect(t, err, ErrReplayed)
	checkTold(t, a, b)
}

// checkTold reads what tunnels say of a handshake and two packets.
func checkTold(t *testing.T, a, b *Tunnel) {
	event, err := a.PollEvent()
	must(t, err)
	if event == nil || event.Type != TunnelHandshakeCompleted || !event.IsInitiator {
		t.Errorf("event is %+v", event)
	}
	event, err = b.PollEvent()
	must(t, err)
	if event == nil || event.Type != TunnelHandshakeCompleted || event.IsInitiator {
		t.Errorf("event is %+v", event)
	}
	status, err := b.Status()
	must(t, err)
	if !status.HasSession || !status.HasPresharedKey || status.AllowedIPCount != 2 ||
		status.Keepalive != 25*time.Second || status.RxBytes == 0 ||
		time.Since(status.LastHandshake) > limit {
		t.Errorf("status is %+v", status)
	}
	counters, err := b.Counters()
	must(t, err)
	if counters.DataOpened != 2 || counters.InitiationsAccepted != 1 ||
		counters.Drops[WgDropDataReplayed] != 1 {
		t.Errorf("counters are %+v", counters)
	}
}

func TestTunnelsSayWhenToCallThem(t *testing.T) {
	a, _ := newTunnels(t)
	_, planned, err := a.NextTimeout()
	must(t, err)
	if planned {
		t.Error("an idle tunnel has something planned")
	}
	must(t, a.InitiateHandshake(start, false))
	expect(t, a.InitiateHandshake(start, true), ErrLimitExceeded)
	out := make([]byte, WgHandshakeSize)
	size, err := a.PollTransmit(out)
	must(t, err)
	if size != WgHandshakeSize {
		t.Errorf("an initiation of %d bytes", size)
	}
	at, planned, err := a.NextTimeout()
	must(t, err)
	if !planned || at <= start || at.Sub(start) > 6*time.Second {
		t.Errorf("planned for %v, %v", at, planned)
	}
	must(t, a.HandleTimeout(at))
	expect(t, a.SendKeepalive(at), ErrNoSession)
}

func TestTunnelConfigurationsAreChecked(t *testing.T) {
	private, err := GeneratePrivateKey(nil)
	must(t, err)
	good := TunnelConfig{Now: start, PrivateKey: private, PeerKey: PublicKey{9}}
	for change, code := range map[string]Code{
		"no key": ErrBadValue, "own key": ErrBadValue, "keepalive": ErrBadArgument,
		"prefix": ErrBadArgument, "wall clock": ErrBadArgument, "time": ErrBadArgument,
	} {
		config := good
		switch change {
		case "no key":
			config.PrivateKey = PrivateKey{}
		case "own key":
			config.PeerKey = private.Public()
		case "keepalive":
			config.Keepalive = -time.Second
		case "prefix":
			config.AllowedIPs = make([]netip.Prefix, 1)
		case "wall clock":
			config.WallClock = time.Unix(-1, 0)
		case "time":
			config.Now = 1 << 62
		}
		_, err := NewTunnel(config)
		expect(t, err, code)
	}
}

func TestPacketsAreChecked(t *testing.T) {
	a, _ := newTunnels(t)
	out := make([]byte, 2048)
	_, err := a.Seal(start, []byte("no packet"), out)
	expect(t, err, ErrBadValue)
	_, err = a.Seal(start, ipPacket(100), out[:100])
	expect(t, err, ErrBufferTooSmall)
	_, err = a.Seal(start, ipPacket(100), nil)
	expect(t, err, ErrBufferTooSmall)
	_, err = a.Seal(start, out[:64], out)
	expect(t, err, ErrBadArgument)
	elsewhere := ipPacket(100)
	elsewhere[16] = 11
	_, err = a.Seal(start, elsewhere, out)
	expect(t, err, ErrNoRoute)
	_, err = a.Open(start, []byte("no datagram"), out)
	expect(t, err, ErrBadValue)
	a.Close()
	_, err = a.Seal(start, ipPacket(100), out)
	expect(t, err, ErrBadHandle)
	a.Close()
}

func TestDropsHaveNames(t *testing.T) {
	if WgDropBadMAC1.String() != "bad_mac1" || WgDrop(31).String() != "unknown" {
		t.Errorf("got %v and %v", WgDropBadMAC1, WgDrop(31))
	}
}
