#!/usr/bin/env python3
"""Lists when the offset of some zones changes, by Python's own zoneinfo.

Each zone is compiled with zic from the system's tzdata.zi and written as hex,
so that the test needs no database and does not change with it. Output:
./zone_offsets.py > zone_offsets.txt
  zone NAME / tzif HEX / change UNIX OFFSET (2026 to 2041) / at UNIX OFFSET
"""
import datetime
import pathlib
import subprocess
import tempfile
import zoneinfo

ZONES = {"Africa/Casablanca": "slim", "America/St_Johns": "slim",
         "Europe/Dublin": "slim", "Europe/Berlin": "fat",
         "Australia/Lord_Howe": "slim", "Asia/Kathmandu": "slim",
         "America/Scoresbysund": "slim", "Etc/UTC": "slim"}
FIRST, LAST, FAR = 1767225600, 2240611200, 4102444800
HOUR = 3600


def offset(zone, unix):
    moment = datetime.datetime.fromtimestamp(unix, zone)
    return int(moment.utcoffset().total_seconds())


def change_between(zone, low, high):
    while high - low > 1:
        middle = (low + high) // 2
        if offset(zone, middle) == offset(zone, low):
            low = middle
        else:
            high = middle
    return high


def compile_zone(folder, name, style):
    subprocess.run(["/usr/sbin/zic", "-b", style, "-d", folder,
                    "/usr/share/zoneinfo/tzdata.zi"], check=True)
    return (pathlib.Path(folder) / name).read_bytes()


def write_zone(name, data, path):
    with open(path, "rb") as file:
        zone = zoneinfo.ZoneInfo.from_file(file, name)
    print(f"zone {name}\ntzif {data.hex()}")
    for low in range(FIRST, LAST, 12 * HOUR):
        high = low + 12 * HOUR
        if offset(zone, low) != offset(zone, high):
            at = change_between(zone, low, high)
            print(f"change {at} {offset(zone, at)}")
    for unix in range(FIRST, FAR, 1009 * 24 * HOUR + 12345):
        print(f"at {unix} {offset(zone, unix)}")


def main():
    print("# Made by zone_offsets.py from tzdata and Python's zoneinfo.")
    for style in ("slim", "fat"):
        with tempfile.TemporaryDirectory() as folder:
            for name in sorted(n for n, s in ZONES.items() if s == style):
                data = compile_zone(folder, name, style)
                write_zone(name, data, pathlib.Path(folder) / name)


if __name__ == "__main__":
    main()
