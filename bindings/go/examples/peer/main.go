// Peer is one side of a connection, driven by lines.
//
// usage: peer [--relay HOST:PORT:plain|HOST:PORT:PIN] [--stun IP:PORT]...
//
// PIN is the SHA-256 of the relay's certificate in hex. It writes
//
//	description BASE64   what the other side has to know; again when it changes
//	state NAME
//	path none|relay|direct REMOTE     REMOTE is - unless the path is direct
//	data TEXT                         a datagram that came
//
// and reads "description BASE64" of the other side, "send TEXT" and "quit".
package main

import (
	"bufio"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"natkit"
)

// options are those of the command line.
type options struct {
	relay string
	stun  []netip.AddrPort
}

func readOptions() options {
	var read options
	flag.StringVar(&read.relay, "relay", "", "HOST:PORT:plain or HOST:PORT:PIN")
	flag.Func("stun", "IP:PORT of a STUN server, may be repeated", func(text string) error {
		server, err := netip.ParseAddrPort(text)
		read.stun = append(read.stun, server)
		return err
	})
	flag.Parse()
	return read
}

// readRelay reads HOST:PORT and "plain" or a pin.
func readRelay(text string) (natkit.Relay, error) {
	parts := strings.SplitN(text, ":", 3)
	if len(parts) != 3 {
		return natkit.Relay{}, fmt.Errorf("%q is no relay", text)
	}
	port, err := strconv.ParseUint(parts[1], 10, 16)
	if err != nil {
		return natkit.Relay{}, err
	}
	addresses, err := natkit.Resolve(parts[0], uint16(port))
	if err != nil {
		return natkit.Relay{}, err
	}
	relay := natkit.Relay{Host: parts[0], Addresses: addresses, Port: uint16(port)}
	if parts[2] == "plain" {
		relay.Plain = true
	} else {
		relay.CertificateName = "sha256-raw:" + strings.TrimPrefix(parts[2], "sha256-raw:")
	}
	return relay, nil
}

func open(given options) (*natkit.Hub, error) {
	hub, err := natkit.NewHub(natkit.HubConfig{})
	if err != nil {
		return nil, err
	}
	if given.relay != "" {
		relay, err := readRelay(given.relay)
		if err != nil {
			return hub, err
		}
		if _, err := hub.AddRelay(relay); err != nil {
			return hub, err
		}
	}
	return hub, hub.SetStunServers(given.stun)
}

// obey does what one line says. It runs in another goroutine than the loop.
func obey(agent *natkit.Agent, line string) error {
	command, rest, _ := strings.Cut(line, " ")
	switch command {
	case "description":
		text, err := base64.StdEncoding.DecodeString(rest)
		if err != nil {
			return err
		}
		return agent.SetRemoteDescription(string(text))
	case "send":
		return agent.Send([]byte(rest))
	}
	return fmt.Errorf("unknown line: %q", line)
}

// readLines obeys until "quit" or the end of the input, then closes the hub.
func readLines(hub *natkit.Hub, agent *natkit.Agent) {
	defer hub.Close()
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() && lines.Text() != "quit" {
		if err := obey(agent, lines.Text()); err != nil {
			log.Print(err)
		}
	}
}

func describe(agent *natkit.Agent) error {
	text, err := agent.LocalDescription()
	if err == nil {
		fmt.Println("description", base64.StdEncoding.EncodeToString([]byte(text)))
	}
	return err
}

func report(event natkit.Event) error {
	switch event := event.(type) {
	case *natkit.DescriptionEvent:
		return describe(event.Agent)
	case *natkit.StateEvent:
		fmt.Println("state", event.State)
	case *natkit.PathEvent:
		remote := "-"
		if event.Path.Kind == natkit.PathDirect {
			remote = event.Path.Remote.String()
		}
		fmt.Println("path", event.Path.Kind, remote)
	}
	return nil
}

// step waits for the hub once and says what happened.
func step(hub *natkit.Hub, buffer []byte) error {
	if err := hub.Wait(-1); err != nil {
		return err
	}
	if err := hub.Process(); err != nil {
		return err
	}
	for {
		event, err := hub.PollEvent()
		if err != nil {
			return err
		}
		if event == nil {
			break
		}
		if err := report(event); err != nil {
			return err
		}
	}
	for {
		agent, size, err := hub.Receive(buffer)
		if agent == nil {
			return err
		}
		fmt.Printf("data %s\n", buffer[:size])
	}
}

func main() {
	log.SetFlags(0)
	hub, err := open(readOptions())
	if err != nil {
		log.Fatal(err)
	}
	agent, err := hub.NewAgent(natkit.AgentConfig{})
	if err == nil {
		err = describe(agent)
	}
	go readLines(hub, agent)
	buffer := make([]byte, 65536)
	for err == nil {
		err = step(hub, buffer)
	}
	if !errors.Is(err, natkit.ErrBadHandle) { // what "quit" leads to
		log.Fatal(err)
	}
}
