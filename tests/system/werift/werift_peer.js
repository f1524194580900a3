// werift's ICE agent with the line protocol of ice_peer.cc.
//
// usage: werift_peer.js controlling|controlled [--stun IP:PORT] IP
"use strict";

const readline = require("node:readline");
const { Candidate, Connection } = require("werift-ice");

const say = (...words) => process.stdout.write(words.join(" ") + "\n");

class Peer {
  constructor(role, address, stun) {
    const [host, port] = (stun ?? ":").split(":");
    this.ice = new Connection(role === "controlling", {
      useIpv6: false,
      stunServer: stun ? [host, Number(port)] : undefined,
      interfaceAddresses: { udp4: address },
    });
    this.remoteUfrag = undefined;
    this.restarts = false; // restarted here; the other's answer is to come
    this.waiting = []; // candidates that came before credentials
    this.isConnecting = false;
    this.lines = Promise.resolve();
    this.ice.onIceCandidate.subscribe((candidate) =>
      say("candidate", "candidate:" + candidate.toSdp()));
    this.ice.onData.subscribe((data) => say("data", data.toString()));
    this.ice.stateChanged.subscribe((state) => say("werift-state", state));
    this.sayCredentials();
  }

  sayCredentials() {
    say("credentials", this.ice.localUsername, this.ice.localPassword);
  }

  async gather() {
    await this.ice.gatherCandidates();
    say("end-of-candidates");
  }

  async restart() {
    await this.ice.restart();
    this.isConnecting = false;
    this.waiting = [];
    this.sayCredentials();
    await this.gather();
  }

  // New credentials that were not asked for are the other side's restart.
  async takeCredentials(ufrag, password) {
    const isNew = this.remoteUfrag !== undefined && this.remoteUfrag !== ufrag;
    if (isNew && !this.restarts) {
      await this.restart();
    }
    this.restarts = false;
    this.remoteUfrag = ufrag;
    this.ice.setRemoteParams({
      iceLite: false,
      usernameFragment: ufrag,
      password,
    });
  }

  // It begins to check with the first candidate; without one it would fail.
  async takeCandidate(text) {
    await this.ice.addRemoteCandidate(
      Candidate.fromSdp(text.replace(/^candidate:/, "")));
    if (!this.isConnecting) {
      this.isConnecting = true;
      this.ice.connect().then(
        () => say("connected"),
        (error) => say("error", error.message));
    }
  }

  async take(line) {
    const [verb, ...rest] = line.split(" ");
    if (verb === "gather") {
      await this.gather();
    } else if (verb === "credentials") {
      await this.takeCredentials(rest[0], rest[1]);
    } else if (verb === "candidate") {
      await this.takeCandidate(rest.join(" "));
    } else if (verb === "end-of-candidates") {
      await this.ice.addRemoteCandidate(undefined);
    } else if (verb === "restart") {
      this.restarts = true;
      await this.restart();
    } else if (verb === "send") {
      await this.ice.send(Buffer.from(rest.join(" "))).catch(() => {});
    } else if (verb === "quit") {
      process.exit(0);
    }
  }
}

function main([role, ...options]) {
  const stun = options[0] === "--stun" ? options[1] : undefined;
  const peer = new Peer(role, options.at(-1), stun);
  const input = readline.createInterface({ input: process.stdin });
  // One line after the other, as some of them take time.
  input.on("line", (line) => {
    peer.lines = peer.lines.then(() => peer.take(line)).catch((error) =>
      say("error", error.message));
  });
  input.on("close", () => process.exit(0));
}

main(process.argv.slice(2));
