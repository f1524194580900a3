#!/usr/bin/env python3
"""The store of the coordination server loses nothing that it acknowledged.

A writer is killed with SIGKILL again and again; after each time the store
opens, its structure is sound, it holds every acknowledged change and no half
of one. What a power loss does is not shown here: the unit tests show that
nothing is acknowledged before the disk has confirmed it.
"""
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

WRITER = pathlib.Path(os.environ["NATKIT_TESTS"]) / "store_writer"
KILLS = 60
LONGEST_RUN = 0.2  # seconds until the kill


def fail(text):
    raise SystemExit(f"FAIL: {text}")


def run(*arguments):
    return subprocess.run([WRITER, *map(str, arguments)], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=60)


def check(path):
    """The number of the last change in a store that must be sound."""
    done = run("check", path)
    if done.returncode != 0:
        fail(f"{path}: {done.stderr.strip()}")
    return int(done.stdout)


def write_and_kill(path, seconds, is_after_a_change):
    """Returns the last number that was acknowledged, 0 for none."""
    first = b""
    with subprocess.Popen([WRITER, "write", str(path)],
                          stdout=subprocess.PIPE) as writer:
        if is_after_a_change:  # else it may die while it opens the store
            first = writer.stdout.readline()
        try:
            writer.wait(seconds)
            fail(f"the writer ended by itself: {writer.returncode}")
        except subprocess.TimeoutExpired:
            writer.kill()
        lines = (first + writer.stdout.read()).decode().split("\n")
    complete = lines[:-1]  # what follows the last newline may be cut
    return int(complete[-1]) if complete else 0


def test_kills(folder, rng):
    path = folder / "store.db"
    last = 0
    for kill in range(KILLS):
        acknowledged = write_and_kill(path, rng.uniform(0.001, LONGEST_RUN),
                                      rng.random() < 0.75)
        if rng.random() < 0.25:
            # The next writer meets the log as the kill left it.
            last = max(last, acknowledged)
            continue
        found = check(path)
        floor = max(last, acknowledged)
        if found < floor:
            fail(f"kill {kill}: change {floor} was acknowledged and is lost; "
                 f"the store ends with {found}")
        if acknowledged and found > acknowledged + 1:
            fail(f"kill {kill}: {found} is there, yet only {acknowledged} "
                 "was acknowledged")
        last = found
    if last < KILLS // 2:
        fail(f"only {last} changes in {KILLS} runs: too few to tell anything")
    print(f"kills: {KILLS} kills, {last} changes, none lost")


def test_backups(folder, rng):
    """Backups by another process, some killed, while the server writes."""
    path, copy = folder / "live.db", folder / "copy.db"
    with subprocess.Popen([WRITER, "write", str(path)],
                          stdout=subprocess.PIPE, text=True) as writer:
        previous = int(writer.stdout.readline())
        for _ in range(15):
            done = run("backup", path, copy)
            if done.returncode != 0:
                fail(f"backup: {done.stderr.strip()}")
            number = check(copy)
            if number < previous:
                fail(f"backup of {number} after one of {previous}")
            previous = number
            with subprocess.Popen([WRITER, "backup", str(path),
                                   str(copy)]) as backup:
                time.sleep(rng.uniform(0, 0.02))
                backup.kill()
            if check(copy) < previous:
                fail("a killed backup harmed the one before it")
        writer.kill()
        numbers = writer.stdout.read().split("\n")[:-1]
    acknowledged = int(numbers[-1])
    found = check(path)
    if found not in (acknowledged, acknowledged + 1):
        fail(f"after backups: {found}, acknowledged {acknowledged}")
    print(f"backups: 15 of a store with {found} changes")


def test_second_server(folder):
    path = folder / "one.db"
    with subprocess.Popen([WRITER, "write", str(path)],
                          stdout=subprocess.PIPE, text=True) as writer:
        writer.stdout.readline()
        second = run("write", path)
        writer.kill()
    wanted = f"{path}: another server has it open"
    if second.returncode != 1 or second.stderr.strip() != wanted:
        fail(f"a second server: {second.returncode} {second.stderr!r}")
    check(path)
    print("second server: refused")


def in_small_filesystem(folder):
    """What runs inside a mount namespace of its own."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs",
                    str(folder)], check=True)
    path, filler = folder / "store.db", folder / "filler"
    writer = subprocess.Popen([WRITER, "obey", str(path)], text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def change():
        writer.stdin.write("write\n")
        writer.stdin.flush()
        return writer.stdout.readline().strip()

    for _ in range(10):
        if change() != "ok":
            fail("a change failed although there was room")
    with open(filler, "wb", buffering=0) as file:
        try:
            while file.write(b"." * 4096):
                pass
        except OSError:
            pass
    answers = [change() for _ in range(30)]
    if answers[-1] != f"{path}: the disk is full":
        fail(f"on a full disk: {answers[-1]!r}")
    filler.unlink()
    for _ in range(10):
        answer = change()
        if answer != "ok":
            fail(f"after there was room again: {answer!r}")
    writer.stdin.close()
    found = writer.stdout.read().strip()
    wanted = 20 + answers.count("ok")
    if writer.wait() != 0 or int(found) != wanted or check(path) != wanted:
        fail(f"after a full disk: {found}, not {wanted}")
    print(f"full disk: {answers.count('ok')} of 30 changes still fitted; none "
          "was lost")


def test_full_disk(folder):
    small = folder / "small"
    small.mkdir()
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", sys.executable,
         __file__, "--inside", str(small)], timeout=60)
    if done.returncode != 0:
        fail("the part on a full disk")


def main():
    if sys.argv[1:2] == ["--inside"]:
        in_small_filesystem(pathlib.Path(sys.argv[2]))
        return
    if os.geteuid() != 0:
        print("needs root, to mount a small file system")
        raise SystemExit(77)
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else random.randrange(10**6)
    print(f"seed {seed}")
    rng = random.Random(seed)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="natkit-store-") as name:
        folder = pathlib.Path(name)
        test_kills(folder, rng)
        test_backups(folder, rng)
        test_second_server(folder)
        test_full_disk(folder)
    print(f"ok: {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main()
