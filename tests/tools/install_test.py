#!/usr/bin/env python3
"""Installs the build to an empty prefix and builds a program against it."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

BUILD = pathlib.Path(os.environ["NATKIT_BUILD"])
COMPILER = os.environ["NATKIT_CXX"]
MAN = pathlib.Path(__file__).resolve().parents[2] / "man"

PROJECT = """
cmake_minimum_required(VERSION 3.25)
project(consumer LANGUAGES CXX)
find_package(natkit REQUIRED COMPONENTS cpp)
add_executable(consumer main.cc)
target_link_libraries(consumer PRIVATE {libraries})
"""

# Of each exported library a header, and a claim that has to be linked.
USES = {
    "active_policy": ("mesh/coord/active_policy.h",
                      "mesh::ActivePolicy({}, {}, {}).Rules().empty()"),
    "base": ("base/endpoint.h",
             'Endpoint::Parse("192.0.2.1:7")->port == 7'),
    "control": ("mesh/control/identity.h",
                "mesh::MachineIdentity::Generate(rng).key() != "
                "mesh::MachineKey()"),
    "derp": ("derp/http.h",
             'derp::ParseHttpRequest("GET / HTTP/1.1\\r\\n\\r\\n")'
             '->target == "/"'),
    "dns": ("mesh/dns/dns_config.h",
            'dns::CheckDnsConfig({.domain = "corp.mesh"}).has_value()'),
    "filter": ("mesh/zone_rules.h", "!mesh::ParseTzif({}, 0).has_value()"),
    "io": ("io/event_loop.h", "io::EventLoop::Now() > Instant()"),
    "link": ("mesh/agent/description.h",
             'mesh::ParseDescription("nonsense").error().code == '
             "Errc::kBadSignal"),
    "mesh": ("mesh/mesh_file.h",
             'mesh::ParseMeshFile("[mesh]\\nname = \\"x\\"\\n")'
             '.file.name == "x"'),
    "nat": ("nat/stun_binding_client.h",
            "stun::BindingClient(*Endpoint::Parse(\"192.0.2.1:7\"), rng)"
            ".PollTransmit() == std::nullopt"),
    "netsim": ("netsim/scenario.h", "!netsim::NatParameters().empty()"),
    "netsim_core": ("netsim/profile.h", "!netsim::Profiles().empty()"),
    "policy": ("mesh/policy/policy.h",
               'mesh::policy::ParsePolicy("{}").is_usable()'),
    "registry": ("mesh/registry/memory_store.h",
                 "mesh::MemoryStore().LoadAll()->empty()"),
    "routing": ("mesh/routing/route_plan.h",
                "routing::MakePlan({}).findings.empty()"),
    "sqlite_store": ("mesh/registry/sqlite_store.h",
                     'mesh::BackupSqlite("/nowhere/a", "/nowhere/b").error()'
                     ".code == Errc::kNotFound"),
    "tls": ("tls/certificate.h",
            "tls::CertificatePin::Parse(\"nonsense\").error().code != Errc()"),
    "wg": ("wg/device.h",
           "wg::Device({}, rng).NextTimeout() == std::nullopt"),
}

PROGRAM = """
#include <cstdio>
#include <optional>
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
// These include most of their libraries' other headers.
#include "natkit/derp/client_core.h"
#include "natkit/mesh/coord/coordinator.h"
#include "natkit/mesh/dns/dns_server.h"
#include "natkit/mesh/node.h"
#include "natkit/nat/ice_agent.h"
#include "natkit/tls/channel.h"
{includes}

using namespace natkit;

namespace {{

void Claim(const char* name, bool holds) {{
  std::printf("%s %s\\n", name, holds ? "works" : "fails");
}}

}}  // namespace

int main() {{
  SystemRng rng;
{claims}
  return 0;
}}
"""


def project():
    return PROJECT.format(
        libraries=" ".join(f"natkit::{name}" for name in USES))


def program():
    return PROGRAM.format(
        includes="\n".join(f'#include "natkit/{header}"'
                           for header, _ in USES.values()),
        claims="\n".join(f'  Claim("{name}", {claim});'
                         for name, (_, claim) in USES.items()))


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], text=True,
                          capture_output=True, check=False, timeout=600,
                          **options)
    if done.returncode != 0:
        raise AssertionError(f"{command}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def exported(prefix):
    """The C++ libraries that find_package(natkit) gives."""
    text = next(prefix.rglob("natkitTargets.cmake")).read_text()
    return set(re.findall(r"add_library\(natkit::(\w+) ", text))


class Install(unittest.TestCase):
    def test_a_consumer_builds_and_runs_from_the_install_tree(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            prefix, source = root / "prefix", root / "source"
            run("cmake", "--install", BUILD, "--prefix", prefix)
            source.mkdir()
            self.assertEqual(set(USES), exported(prefix))
            (source / "CMakeLists.txt").write_text(project())
            (source / "main.cc").write_text(program())
            run("cmake", "-S", source, "-B", root / "build", "-G", "Ninja",
                f"-DCMAKE_PREFIX_PATH={prefix}",
                f"-DCMAKE_CXX_COMPILER={COMPILER}")
            run("cmake", "--build", root / "build")
            self.assertEqual("".join(f"{name} works\n" for name in USES),
                             run(root / "build" / "consumer"))
            for name in ("stunsrv", "derpd", "coordd", "meshnode", "netsim"):
                self.assertIn("usage", run(prefix / "bin" / name,
                                           "--help").lower())
            pages = {path.name for path in prefix.rglob("man/man?/*")
                     if path.suffix != ".3"}  # man3_test.py has those
            self.assertEqual({path.name for path in MAN.glob("*.[1-8]")},
                             pages)


if __name__ == "__main__":
    sys.exit(unittest.main())
