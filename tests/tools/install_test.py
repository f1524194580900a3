#!/usr/bin/env python3
"""Installs the build to an empty prefix and builds a program against it."""
import os
import pathlib
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
find_package(natkit REQUIRED)
add_executable(consumer main.cc)
target_link_libraries(consumer PRIVATE natkit::nat natkit::derp natkit::wg
  natkit::tls natkit::io natkit::mesh natkit::dns)
"""

PROGRAM = """
#include <cstdio>
#include "natkit/derp/client_core.h"
#include "natkit/io/event_loop.h"
#include "natkit/mesh/dns/dns_server.h"
#include "natkit/mesh/node.h"
#include "natkit/nat/ice_agent.h"
#include "natkit/nat/stun_binding_client.h"
#include "natkit/tls/channel.h"
#include "natkit/wg/device.h"

int main() {
  natkit::SystemRng rng;
  natkit::io::EventLoop loop;
  natkit::ice::Agent agent(natkit::ice::AgentConfig{}, rng);
  natkit::wg::Device device(natkit::wg::DeviceConfig{}, rng);
  natkit::stun::BindingClient client(
      *natkit::Endpoint::Parse("192.0.2.1:3478"), rng);
  const natkit::dns::DnsServer names(rng);
  client.Start(natkit::io::EventLoop::Now());
  const auto mesh = natkit::mesh::ParseMeshFile("[mesh]\\nname = \\"x\\"\\n");
  std::printf("%zu %zu\\n", client.PollTransmit()->payload.size(),
              mesh.file.name.size());
  return 0;
}
"""


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], text=True,
                          capture_output=True, check=False, timeout=600,
                          **options)
    if done.returncode != 0:
        raise AssertionError(f"{command}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


class Install(unittest.TestCase):
    def test_a_consumer_builds_and_runs_from_the_install_tree(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            prefix, source = root / "prefix", root / "source"
            run("cmake", "--install", BUILD, "--prefix", prefix)
            source.mkdir()
            (source / "CMakeLists.txt").write_text(PROJECT)
            (source / "main.cc").write_text(PROGRAM)
            run("cmake", "-S", source, "-B", root / "build", "-G", "Ninja",
                f"-DCMAKE_PREFIX_PATH={prefix}",
                f"-DCMAKE_CXX_COMPILER={COMPILER}")
            run("cmake", "--build", root / "build")
            self.assertEqual("72 1\n", run(root / "build" / "consumer"))
            for program in ("stunsrv", "derpd", "meshnode", "netsim"):
                self.assertIn("usage", run(prefix / "bin" / program,
                                           "--help").lower())
            pages = {path.name for path in prefix.rglob("man/man?/*")}
            self.assertEqual({path.name for path in MAN.glob("*.[1-8]")},
                             pages)


if __name__ == "__main__":
    sys.exit(unittest.main())
