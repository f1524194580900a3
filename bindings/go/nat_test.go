package natkit

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

// serve answers Binding requests until the socket is closed.
func serve(socket *net.UDPConn) {
	request := make([]byte, 2048)
	for {
		size, source, err := socket.ReadFromUDPAddrPort(request)
		if err != nil {
			return
		}
		if size >= 20 && request[0] == 0 && request[1] == 1 {
			socket.WriteToUDPAddrPort(response(request[:size], source), source)
		}
	}
}

// newServer listens on loopback; whether it answers is the test's choice.
func newServer(t *testing.T) (*net.UDPConn, netip.AddrPort) {
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	t.Cleanup(func() { socket.Close() })
	return socket, socket.LocalAddr().(*net.UDPAddr).AddrPort()
}

func newNatCheck(t *testing.T, config NatCheckConfig) *NatCheck {
	made, err := NewNatCheck(config)
	must(t, err)
	t.Cleanup(made.Close)
	return made
}

func TestAServerThatAnswersShowsThatThereIsNoNat(t *testing.T) {
	socket, server := newServer(t)
	go serve(socket)
	nat := newNatCheck(t, NatCheckConfig{Servers: []netip.AddrPort{server},
		Axes: []NatAxis{AxisUDP, AxisTranslation}})
	stop := time.Now().Add(limit)
	for finished := false; !finished; {
		if time.Now().After(stop) {
			t.Fatal("it does not end")
		}
		must(t, nat.Wait(time.Second))
		must(t, nat.Process())
		var err error
		finished, err = nat.IsFinished()
		must(t, err)
	}
	for axis, value := range map[NatAxis]string{AxisUDP: "open", AxisTranslation: "none"} {
		verdict, err := nat.Verdict(axis)
		must(t, err)
		if verdict.Outcome != NatDetermined || verdict.Value != value {
			t.Errorf("%v: %+v", axis, verdict)
		}
	}
	report, err := nat.Report()
	must(t, err)
	if report.Server != server || report.DatagramsReceived == 0 ||
		len(report.ExternalAddresses) != 1 ||
		report.ExternalAddresses[0].String() != "127.0.0.1:0" {
		t.Errorf("report is %+v", report)
	}
}

func TestNatChecksMayBeAborted(t *testing.T) {
	_, server := newServer(t)
	nat := newNatCheck(t, NatCheckConfig{Servers: []netip.AddrPort{server}})
	finished, err := nat.IsFinished()
	must(t, err)
	if finished {
		t.Error("it has ended before it began")
	}
	must(t, nat.Abort())
	finished, err = nat.IsFinished()
	must(t, err)
	verdict, verdictErr := nat.Verdict(AxisMapping)
	must(t, verdictErr)
	report, reportErr := nat.Report()
	must(t, reportErr)
	if !finished || verdict.Outcome == NatDetermined || report.Server.IsValid() {
		t.Errorf("%v, %+v, %+v", finished, verdict, report)
	}
}

func TestNatCheckMisuseIsRefused(t *testing.T) {
	_, server := newServer(t)
	servers := []netip.AddrPort{server}
	for _, config := range []NatCheckConfig{
		{},
		{Servers: make([]netip.AddrPort, 1)},
		{Servers: servers, LocalAddresses: []netip.AddrPort{netip.MustParseAddrPort("[::1]:0")}},
		{Servers: servers, Axes: []NatAxis{63}},
		{Servers: servers, Axes: []NatAxis{64}},
	} {
		_, err := NewNatCheck(config)
		expect(t, err, ErrBadArgument)
	}
	nat := newNatCheck(t, NatCheckConfig{Servers: servers})
	_, err := nat.Verdict(NatAxisCount)
	expect(t, err, ErrBadArgument)
	nat.Close()
	expect(t, nat.Wait(0), ErrBadHandle)
	expect(t, nat.Process(), ErrBadHandle)
	expect(t, nat.Abort(), ErrBadHandle)
	_, err = nat.IsFinished()
	expect(t, err, ErrBadHandle)
	_, err = nat.Report()
	expect(t, err, ErrBadHandle)
	nat.Close()
}

func TestNatWordsAreThoseOfTheLibrary(t *testing.T) {
	if AxisMapping.String() != "mapping" || NatAxis(NatAxisCount).String() != "unknown" ||
		NatDetermined.String() != "determined" {
		t.Errorf("%v, %v, %v", AxisMapping, NatAxis(NatAxisCount), NatDetermined)
	}
}
