"""What the tests of meshnode share: running it, keys, mesh files, waiting."""
import json
import os
import pathlib
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("NATKIT_BIN", ROOT / "build/bin"))
MESHNODE = str(BIN / "meshnode")
DEADLINE = 60  # seconds; generous, for slow machines


def run(*arguments, **options):
    """Runs `meshnode ARGUMENTS` to its end; text output is captured."""
    options.setdefault("timeout", DEADLINE)
    return subprocess.run([MESHNODE, *map(str, arguments)], text=True,
                          capture_output=True, check=False, **options)


def wait_for(what, condition, seconds=DEADLINE):
    """Polls until `condition` gives a true value, which is returned."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"gave up waiting for {what}")
        time.sleep(0.05)


def make_key(folder, name):
    """Writes NAME.key into `folder`; returns the public key."""
    private = run("genkey").stdout
    path = pathlib.Path(folder) / f"{name}.key"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w",
                   encoding="ascii") as file:
        file.write(private)
    return run("pubkey", input=private).stdout.strip()


def node_text(name, public_key, address, *more):
    """One [[node]] of a mesh file."""
    return "\n".join(["[[node]]", f'name = "{name}"',
                      f'public_key = "{public_key}"',
                      f'addresses = ["{address}"]', *more, ""])


def status(control):
    """The status object of a running node, or None while it does not answer."""
    done = run("status", "--json", "--control", control)
    return json.loads(done.stdout) if done.returncode == 0 else None
