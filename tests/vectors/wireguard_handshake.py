#!/usr/bin/env python3
"""Computes one WireGuard handshake and data message from fixed keys.

Written from the WireGuard paper (section 5.4) on Python's own hashlib and hmac
and the `cryptography` package, independently of libwg. Its output is
wireguard_handshake.txt:  ./wireguard_handshake.py > wireguard_handshake.txt
"""
import hashlib
import hmac
import struct

from cryptography.hazmat.primitives.asymmetric.x25519 import (
    X25519PrivateKey, X25519PublicKey)
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305


def hash_(data):
    return hashlib.blake2s(data).digest()


def mac(key, data):
    return hashlib.blake2s(data, digest_size=16, key=key).digest()


def hmac_(key, data):
    return hmac.new(key, data, hashlib.blake2s).digest()


def kdf(n, key, data):
    prk, out, last = hmac_(key, data), [], b""
    for i in range(1, n + 1):
        last = hmac_(prk, last + bytes([i]))
        out.append(last)
    return out


def aead(key, counter, plain, auth):
    nonce = b"\0" * 4 + struct.pack("<Q", counter)
    return ChaCha20Poly1305(key).encrypt(nonce, plain, auth)


def clamp(seed):
    raw = bytearray(seed)
    raw[0] &= 248
    raw[31] = (raw[31] & 127) | 64
    return bytes(raw)


def public(private):
    return X25519PrivateKey.from_private_bytes(private).public_key(
        ).public_bytes_raw()


def dh(private, peer):
    return X25519PrivateKey.from_private_bytes(private).exchange(
        X25519PublicKey.from_public_bytes(peer))


def key(label):
    return clamp(hash_(label.encode()))


si, sr, ei, er = (key(x) for x in ("static i", "static r", "ephemeral i",
                                   "ephemeral r"))
psk = hash_(b"preshared")
timestamp = bytes.fromhex("400000006543210a12000000")
index_i, index_r = 0x11223344, 0xAABBCCDD
si_pub, sr_pub, ei_pub, er_pub = (public(x) for x in (si, sr, ei, er))


def with_macs(body, receiver):
    mac1 = mac(hash_(b"mac1----" + receiver), body)
    return body + mac1 + b"\0" * 16


c = hash_(b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s")
h = hash_(hash_(c + b"WireGuard v1 zx2c4 Jason@zx2c4.com") + sr_pub)
c, = kdf(1, c, ei_pub)
h = hash_(h + ei_pub)
c, k = kdf(2, c, dh(ei, sr_pub))
static = aead(k, 0, si_pub, h)
h = hash_(h + static)
c, k = kdf(2, c, dh(si, sr_pub))
stamp = aead(k, 0, timestamp, h)
h = hash_(h + stamp)
initiation = with_macs(
    struct.pack("<II", 1, index_i) + ei_pub + static + stamp, sr_pub)

c, = kdf(1, c, er_pub)
h = hash_(h + er_pub)
c, = kdf(1, c, dh(er, ei_pub))
c, = kdf(1, c, dh(er, si_pub))
c, tau, k = kdf(3, c, psk)
h = hash_(h + tau)
nothing = aead(k, 0, b"", h)
response = with_macs(
    struct.pack("<III", 2, index_r, index_i) + er_pub + nothing, si_pub)
send_i, send_r = kdf(2, c, b"")

content = bytes(range(64))
data = struct.pack("<IIQ", 4, index_r, 7) + aead(send_i, 7, content, b"")

kdf_key, kdf_input = hash_(b"kdf key"), b"kdf input"
rows = {
    "static_i": si, "static_r": sr, "static_i_pub": si_pub,
    "static_r_pub": sr_pub, "ephemeral_i": ei, "ephemeral_r": er,
    "psk": psk, "timestamp": timestamp,
    "index_i": struct.pack(">I", index_i),
    "index_r": struct.pack(">I", index_r),
    "initiation": initiation, "response": response,
    "send_i": send_i, "send_r": send_r,
    "content": content, "data_7": data,
    "hmac_key": b"key", "hmac_input": b"what is to be authenticated",
    "hmac": hmac_(b"key", b"what is to be authenticated"),
    "mac": mac(kdf_key, kdf_input),
    "kdf_key": kdf_key, "kdf_input": kdf_input,
    "kdf_out": b"".join(kdf(3, kdf_key, kdf_input)),
}
print("# Made by wireguard_handshake.py; names and values in hex.")
for name, value in rows.items():
    print(f"{name}={value.hex()}")
