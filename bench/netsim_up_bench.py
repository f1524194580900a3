#!/usr/bin/env python3
"""How long `netsim up` and `netsim down` take for many namespaces.

    bench/netsim_up_bench.py [HOMES] [ROUNDS]

Each home is a box and two hosts; one server is on the internet, and the fabric
is a namespace too: HOMES = 66 makes 200. Prints the best and the worst of
ROUNDS rounds, with the boxes played by the kernel and by the engine process.
Uses build/bin/netsim, or $NATKIT_NETSIM.
"""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] /
                       "tests/support"))
from netsim import Simulation  # noqa: E402
from netsim_homes import homes  # noqa: E402


def measure(count, backend):
    net = Simulation(homes(count, backend))
    start = time.monotonic()
    net.up()
    up = time.monotonic()
    net.down()
    return up - start, time.monotonic() - up


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 66
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    print(f"{3 * count + 2} namespaces, {rounds} rounds: seconds best/worst")
    for backend in ("kernel", "engine"):
        ups, downs = zip(*(measure(count, backend) for _ in range(rounds)))
        print(f"{backend:8} up {min(ups):.2f}/{max(ups):.2f}   "
              f"down {min(downs):.2f}/{max(downs):.2f}")


if __name__ == "__main__":
    main()
