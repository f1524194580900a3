#!/usr/bin/env python3
"""natkit's demo: eight machines behind different NATs, every pair connected.

Builds a small internet out of network namespaces, starts two relays, two STUN
servers and eight mesh nodes, pings every pair and shows the path each one
found beside the path that theory predicts. Then a NAT is rebooted under a
running ping. Exit status 0 only if every pair pings and every path is as
predicted.
"""
import argparse
import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

import measure  # noqa: E402
import report  # noqa: E402
from joined import JoinedMesh  # noqa: E402
from lab import NODES, Lab, LabError  # noqa: E402
from netsim import NetsimError, Simulation, netsim  # noqa: E402


def say(text):
    print(text, flush=True)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--build-dir", type=pathlib.Path, default=ROOT / "build",
                        help="where the programs were built (default: build)")
    parser.add_argument("--out", type=pathlib.Path,
                        help="folder of the report (default: BUILD/demo)")
    parser.add_argument("--no-throughput", action="store_true",
                        help="leave the two throughput runs out")
    parser.add_argument("--patience", type=float, default=1.0, metavar="FACTOR",
                        help="stretch the limits on times by this factor, for "
                        "machines that are busy with other things")
    parser.add_argument("--keep", action="store_true",
                        help="wait for Enter before everything is taken down")
    return parser.parse_args()


def node(name):
    return next(entry for entry in NODES if entry.name == name)


def bring_up(network, bin_dir, work_dir):
    lab = Lab(network, bin_dir, work_dir)
    try:
        say("starting two relays (derpd) and two STUN servers (stunsrv)")
        lab.start_relays()
        lab.start_stun_servers()
        mesh_file = lab.write_mesh_file()
        subprocess.run([lab.bin / "meshnode", "check", mesh_file], check=True,
                       stdout=subprocess.DEVNULL)
        say(f"starting {len(NODES)} nodes (meshnode) from one {mesh_file.name}")
        for entry in NODES:
            lab.start_node(entry, mesh_file)
        for entry in NODES:
            lab.wait_for_node(entry)
    except BaseException:
        lab.stop()
        raise
    return lab


def show_pair(number, result):
    mark = "ok  " if result.ok else "FAIL"
    times = f"first reply {result.first_reply * 1000:6.0f} ms" \
        if result.first_reply is not None else "no reply"
    if result.time_to_direct is not None:
        times += f", direct after {result.time_to_direct * 1000:5.0f} ms"
    say(f"  [{number}/7] {mark} {result.a:>9} - {result.b:<9} "
        f"{result.path:<6} {times}, "
        f"{result.received}/{result.sent} replies"
        + "".join(f"; {problem}" for problem in result.problems))


def run_throughput(lab):
    pairs = {"direct": (node("fullcone"), node("portres")),
             "relayed": (node("blocked"), node("public"))}
    speeds = {}
    for kind, (server, client) in pairs.items():
        say(f"throughput, {kind}: {client.name} to {server.name}")
        speeds[kind] = {"from": client.name, "to": server.name,
                        "bits_per_second": measure.throughput(
                            lab, server, client, 4)}
    return speeds


def run_reboot(lab, patience):
    say("rebooting portres-nat with a new address under a running ping")
    result = measure.reboot_nat(lab, "portres-nat", node("portres"),
                                node("home1"), "203.0.113.202", patience)
    if result.back_to_direct is not None:
        say(f"  longest silence {result.outage:.2f} s, direct again after "
            f"{result.back_to_direct:.2f} s")
    for problem in result.problems:
        say(f"  FAIL {problem}")
    return result


def run_joined(lab, options):
    say("second half: the same machines join a coordination server (coordd)")
    lab.stop_nodes()
    return JoinedMesh(lab, say, options.patience).run_all()


def run_all(network, options, out):
    started = time.monotonic()
    lab = bring_up(network, options.build_dir / "bin", out / "work")
    try:
        say("pinging all 28 pairs every 10 ms, four pairs at a time")
        pairs = measure.measure_pairs(lab, NODES, options.patience,
                                      show_pair)
        speeds = {} if options.no_throughput else run_throughput(lab)
        reboot = run_reboot(lab, options.patience)
        joined = run_joined(lab, options)
        if options.keep:
            input("everything is still up; press Enter to take it down ")
    finally:
        lab.stop()
    return {
        "nodes": [dataclasses.asdict(entry) for entry in NODES],
        "pairs": [dict(dataclasses.asdict(pair), ok=pair.ok)
                  for pair in pairs],
        "throughput": speeds,
        "nat_reboot": dataclasses.asdict(reboot),
        "joined": [dataclasses.asdict(check) for check in joined],
        "seconds": round(time.monotonic() - started, 1),
        "ok": all(pair.ok for pair in pairs) and not reboot.problems
        and all(check.ok for check in joined),
    }


def main():
    options = parse_arguments()
    out = options.out or options.build_dir / "demo"
    scenario = ROOT / "netsim" / "scenarios" / "demo.toml"
    os.environ["NATKIT_NETSIM"] = str(options.build_dir / "bin" / "netsim")
    shutil.rmtree(out / "work", ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)
    try:
        say("building a small internet: relays, STUN servers, NATs, hosts")
        drawing = netsim("draw", str(scenario))
        with Simulation(scenario) as network:
            results = run_all(network, options, out)
    except (LabError, NetsimError, subprocess.SubprocessError) as error:
        say(f"demo: {error}")
        return 1
    (out / "report.json").write_text(json.dumps(results, indent=2) + "\n")
    (out / "report.html").write_text(report.render(results, drawing))
    say(report.pairs_text(results))
    say(report.matrix_text(results))
    say(f"report: {out / 'report.html'} and {out / 'report.json'}")
    good = sum(pair["ok"] for pair in results["pairs"])
    held = sum(check["ok"] for check in results["joined"])
    say(f"{good} of {len(results['pairs'])} pairs as promised, {held} of "
        f"{len(results['joined'])} checks of the joined mesh: "
        + ("all is well" if results["ok"] else "FAILED"))
    return 0 if results["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
