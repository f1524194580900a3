// Whichnat says which NAT this host is behind.
//
// usage: whichnat STUN_IP:PORT...
//
// The first server should have two addresses (RFC 5780).
package main

import (
	"errors"
	"fmt"
	"log"
	"net/netip"
	"os"

	"natkit"
)

func readServers(arguments []string) ([]netip.AddrPort, error) {
	if len(arguments) == 0 {
		return nil, errors.New("usage: whichnat STUN_IP:PORT...")
	}
	var servers []netip.AddrPort
	for _, text := range arguments {
		server, err := netip.ParseAddrPort(text)
		if err != nil {
			return nil, err
		}
		servers = append(servers, server)
	}
	return servers, nil
}

// finish drives a check until it knows all.
func finish(check *natkit.NatCheck) error {
	for {
		finished, err := check.IsFinished()
		if finished || err != nil {
			return err
		}
		if err := check.Wait(-1); err != nil {
			return err
		}
		if err := check.Process(); err != nil {
			return err
		}
	}
}

func run(arguments []string) error {
	servers, err := readServers(arguments)
	if err != nil {
		return err
	}
	check, err := natkit.NewNatCheck(natkit.NatCheckConfig{Servers: servers})
	if err != nil {
		return err
	}
	defer check.Close()
	if err := finish(check); err != nil {
		return err
	}
	for axis := natkit.NatAxis(0); axis < natkit.NatAxisCount; axis++ {
		verdict, err := check.Verdict(axis)
		if err != nil {
			return err
		}
		if verdict.Outcome == natkit.NatDetermined {
			fmt.Printf("%-21s %s\n", axis.String(), verdict.Value)
		}
	}
	return nil
}

func main() {
	log.SetFlags(0)
	if err := run(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}
