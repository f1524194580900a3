#!/usr/bin/env python3
"""One end of a connection, for two people at two terminals, or for a test.

    peer.py [--relay HOST:PORT:PIN|plain] [--stun IP:PORT]...

Prints ``description BASE64`` whenever the other side has to be told anew, and
``state NAME``, ``path none|relay|direct REMOTE`` and ``data TEXT`` as they
come.
Reads ``description BASE64`` of the other side, ``send TEXT`` and ``quit``.
"""
import argparse
import base64
import os
import select
import sys

import natkit

STDIN = 0


def address(text):
    """IP:PORT."""
    try:
        return natkit.Address.parse(text)
    except natkit.NatkitError as error:
        raise argparse.ArgumentTypeError(error) from error


def relay(text):
    """HOST:PORT:PIN, as in 192.0.2.1:443:sha256-raw:..., or HOST:PORT:plain."""
    host, port, pin = text.split(":", 2)
    plain = pin == "plain"
    return natkit.Relay(host, natkit.resolve(host), int(port), is_plain=plain,
                        certificate_name=None if plain else pin)


class Peer:
    """A hub with one agent, and the lines that go in and out."""

    def __init__(self, hub):
        self.hub = hub
        self.agent = natkit.Agent(hub)
        self.unread = b""
        self.told = ""
        self.is_done = False

    def say(self, *words):
        print(*words, flush=True)

    def describe(self):
        description = self.agent.local_description
        if description != self.told:
            self.told = description
            self.say("description",
                     base64.b64encode(description.encode()).decode())

    def show(self, event):
        if isinstance(event, natkit.DescriptionEvent):
            self.describe()
        elif isinstance(event, natkit.StateEvent):
            self.say("state", event.state.name.lower())
        elif isinstance(event, natkit.PathEvent):
            self.say("path", event.path.kind.name.lower(),
                     event.path.remote or "-")

    def obey(self, line):
        verb, _, rest = line.partition(" ")
        if verb == "description":
            self.agent.set_remote_description(base64.b64decode(rest).decode())
        elif verb == "send":
            try:
                self.agent.send(rest.encode())
            except natkit.NatkitError as error:  # there is no path, for example
                print(error, file=sys.stderr)
        elif verb == "quit":
            self.is_done = True

    def read(self):
        piece = os.read(STDIN, 65536)
        self.is_done = not piece
        *lines, self.unread = (self.unread + piece).split(b"\n")
        for line in lines:
            self.obey(line.decode())

    def run(self):
        self.describe()
        while not self.is_done:
            ready, _, _ = select.select([STDIN, self.hub], [], [],
                                        self.hub.timeout())
            if STDIN in ready:
                self.read()
            self.hub.process()
            for event in self.hub.events():
                self.show(event)
            for _, data in self.hub.datagrams():
                self.say("data", data.decode(errors="replace"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--relay", type=relay, metavar="HOST:PORT:PIN|plain")
    parser.add_argument("--stun", action="append", default=[],
                        type=address, metavar="IP:PORT")
    options = parser.parse_args()
    with natkit.Hub() as hub:
        hub.set_stun_servers(options.stun)
        if options.relay:
            hub.add_relay(options.relay)
        Peer(hub).run()


if __name__ == "__main__":
    main()
