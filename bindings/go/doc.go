// Package natkit connects programs behind NATs: agents that find their path by
// themselves (STUN, ICE with hole punching, relays), WireGuard tunnels over any
// transport, and STUN. It is a thin layer over natkit's C library, libnatkit.
//
// A [Hub] owns UDP sockets and connections to relays; an [Agent] is one
// connection of a hub to one peer. A program drives a hub in a loop of its own:
//
//	for {
//		if err := hub.Wait(-1); err != nil { ... }
//		if err := hub.Process(); err != nil { ... }
//		for { event, err := hub.PollEvent() ... }
//		for { agent, size, err := hub.Receive(buffer) ... }
//	}
//
// A [NatCheck] finds out which NAT this host is behind.
//
// [Tunnel] and [StunClient] are cores: they own no socket and read no clock.
// They are told the time ([Instant]) and what came in, and say what is to be
// sent and when to be called again.
//
// # Errors
//
// Every failure is an [*Error] that says which function of the C API failed and
// why. The reasons are [Code] values, to be asked for by errors.Is:
//
//	if errors.Is(err, natkit.ErrInvalidState) { ... }
//
// # Ownership
//
// What has a Close method holds memory, sockets or keys of the C library until
// it is called: there are no finalizers. Close may be called more than once.
// What is used after its Close fails with [ErrBadHandle]. A call that is at work
// upon Close goes on to its end, with random bytes of the system's and without a
// log. Slices that are passed in are not kept.
//
// # Goroutines
//
// The package starts no goroutine and no thread. A hub and its agents may be
// used by many goroutines: their calls wait for one another. Tunnels, STUN
// clients and NAT checks are used by one goroutine at a time; a call that finds
// another at work fails with [ErrBusy]. Only [Hub.Wait], [NatCheck.Wait],
// [StunClient.Run] and [Resolve] block.
//
// # Building
//
// The C library is found by pkg-config. With the build tag natkit_environment
// the environment says where it is instead, by CGO_CFLAGS and CGO_LDFLAGS.
package natkit
