"""Runs inside a host of meshnode_fleet_test.py: echo requests to ADDRESS until
stdin ends, then waits for late answers.

Prints "ready" when the first answer has come, and at the end {"sent": .., "lost": [..], "span": ..}: span is the time in seconds
between the first and the last request that got no answer.
"""
import json
import pathlib
import select
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
from echo import Echo  # noqa: E402

INTERVAL = 0.02


def main(address, patience):
    echo = Echo(address, INTERVAL)
    sequence = 0
    is_ready = False
    while not select.select([sys.stdin], [], [], 0)[0]:
        sequence += 1
        echo.send(sequence)
        echo.receive(INTERVAL, lambda: False)
        if not is_ready and len(echo.waiting) < sequence:
            is_ready = True
            print("ready", flush=True)
    echo.receive(float(patience), lambda: not echo.waiting)
    lost = sorted(echo.waiting)
    span = echo.sent[lost[-1]] - echo.sent[lost[0]] if lost else 0
    print(json.dumps({"sent": sequence, "lost": lost, "span": span}))


if __name__ == "__main__":
    main(*sys.argv[1:])
