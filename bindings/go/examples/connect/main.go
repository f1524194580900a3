// Connects two hubs of this host and sends a datagram each way. In a real
// program the two are elsewhere, and descriptions travel by what it has.
package main

import (
	"fmt"
	"log"

	"natkit"
)

// side is one end of the connection.
type side struct {
	name  string
	hub   *natkit.Hub
	agent *natkit.Agent
}

func open(name string) (*side, error) {
	hub, err := natkit.NewHub(natkit.HubConfig{Loopback: true})
	if err != nil {
		return nil, err
	}
	agent, err := hub.NewAgent(natkit.AgentConfig{})
	return &side{name, hub, agent}, err
}

// run talks until a datagram has come, and answers it if asked to.
func (s *side) run(first bool) error {
	buffer := make([]byte, 65536)
	for {
		if err := s.hub.Wait(-1); err != nil {
			return err
		}
		if err := s.hub.Process(); err != nil {
			return err
		}
		if err := s.takeEvents(first); err != nil {
			return err
		}
		agent, size, err := s.hub.Receive(buffer)
		if err != nil {
			return err
		}
		if agent != nil {
			fmt.Printf("%s got: %s\n", s.name, buffer[:size])
			if first {
				return nil
			}
			return agent.Send([]byte("hello yourself"))
		}
	}
}

func (s *side) takeEvents(greets bool) error {
	for {
		event, err := s.hub.PollEvent()
		if err != nil || event == nil {
			return err
		}
		if state, ok := event.(*natkit.StateEvent); ok && greets &&
			state.State == natkit.StateConnected {
			if err := s.agent.Send([]byte("hello")); err != nil {
				return err
			}
		}
	}
}

func tell(from, to *side) error {
	text, err := from.agent.LocalDescription()
	if err != nil {
		return err
	}
	return to.agent.SetRemoteDescription(text)
}

func connect() error {
	alice, err := open("alice")
	if err != nil {
		return err
	}
	defer alice.hub.Close()
	bob, err := open("bob")
	if err != nil {
		return err
	}
	defer bob.hub.Close()
	if err := tell(alice, bob); err != nil {
		return err
	}
	if err := tell(bob, alice); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- bob.run(false) }()
	if err := alice.run(true); err != nil {
		return err
	}
	return <-done
}

func main() {
	if err := connect(); err != nil {
		log.Fatal(err)
	}
}
