#!/usr/bin/env python3
"""Says which NAT this host is behind: which_nat.py STUN_IP:PORT...

The first server should have two addresses (RFC 5780).
"""
import select
import sys

import natkit


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: which_nat.py STUN_IP:PORT...")
    with natkit.NatCheck(sys.argv[1:]) as check:
        while not check.is_finished:
            select.select([check], [], [], check.timeout())
            check.process()
        for axis, verdict in check.verdicts().items():
            if verdict.outcome is natkit.NatOutcome.DETERMINED:
                print(f"{axis.name.lower():<21} {verdict.value}")


if __name__ == "__main__":
    main()
