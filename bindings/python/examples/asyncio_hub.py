#!/usr/bin/env python3
"""Hubs in asyncio: two of them on this host, in one loop.

Prints ``HELLO`` once it came back from the other side.
"""
import asyncio

import natkit


class Driver:
    """Has the running loop do what a hub needs; `take(hub)` is to take its
    events and datagrams."""

    def __init__(self, hub, take):
        self.hub = hub
        self.take = take
        self.loop = asyncio.get_running_loop()
        self.timer = None
        self.loop.add_reader(hub.fileno(), self.work)
        self.work()

    def work(self):
        """To be called also after other calls on the hub or its agents: they
        may have changed when it is due."""
        self.hub.process()
        self.take(self.hub)
        if self.timer:
            self.timer.cancel()
        wait = self.hub.timeout()
        self.timer = None if wait is None else self.loop.call_later(wait,
                                                                    self.work)

    def close(self):
        if self.timer:
            self.timer.cancel()
        self.loop.remove_reader(self.hub.fileno())
        self.hub.close()


async def main():
    answer = asyncio.get_running_loop().create_future()
    caller = natkit.Agent(natkit.Hub(loopback=True))
    callee = natkit.Agent(natkit.Hub(loopback=True))
    callee.set_remote_description(caller.local_description)
    caller.set_remote_description(callee.local_description)

    def take(hub):
        for event in hub.events():
            if isinstance(event, natkit.PathEvent) and event.agent is caller:
                caller.send(b"hello")
        for agent, data in hub.datagrams():
            if agent is callee:
                callee.send(data.upper())
            elif not answer.done():
                answer.set_result(data)

    drivers = [Driver(agent.hub, take) for agent in (caller, callee)]
    try:
        print((await answer).decode())
    finally:
        for driver in drivers:
            driver.close()


if __name__ == "__main__":
    asyncio.run(main())
