/* Good arguments that are bytes, messages and addresses; see misuse.h. */
#define _DEFAULT_SOURCE
#include <netinet/in.h>
#include <string.h>

#include "check.h"
#include "misuse.h"

/* Names that the table of make_misuse_calls.py refers to. */
#define FIXTURE(name)           \
  size_t Fill##name(void* out); \
  size_t Fill##name(void* out)

static size_t Put(void* out, const void* from, size_t size) {
  memcpy(out, from, size);
  return size;
}

/* Bytes. */

FIXTURE(Bytes) {
  memset(out, 'x', 64);
  return 64;
}

FIXTURE(Key) {
  for (uint8_t i = 0; i < NATKIT_KEY_SIZE; ++i) {
    ((uint8_t*)out)[i] = i;
  }
  return NATKIT_KEY_SIZE;
}

/* Of the peer that devices of misuse_handles.c have. */
FIXTURE(PeerKey) {
  uint8_t private_key[NATKIT_KEY_SIZE];
  memset(private_key, 2, sizeof private_key);
  CHECK_EQ(natkit_key_get_public(private_key, out), 0);
  return NATKIT_KEY_SIZE;
}

static size_t PutAddress(void* out, const char* text) {
  const natkit_address address = At(text);
  Put(out, &address, sizeof address);
  return 1;
}

FIXTURE(OtherAddress) {
  return PutAddress(out, "198.51.100.7:6000");
}

/* One that the peer is allowed. */
FIXTURE(InnerAddress) {
  return PutAddress(out, "10.0.0.7");
}

FIXTURE(Types) {
  static const uint16_t types[] = {0x7001, 0x7002};
  Put(out, types, sizeof types);
  return 2;
}

FIXTURE(ChainPem) {
  return Put(out, ChainPem(), strlen(ChainPem()) + 1);
}

FIXTURE(KeyPem) {
  return Put(out, KeyPem(), strlen(KeyPem()) + 1);
}

FIXTURE(Certificates) {
  void* const certificate = ExtraCopy("no certificate", 14);
  Put(out, &certificate, sizeof certificate);
  return 1;
}

FIXTURE(CertificateSizes) {
  const size_t size = 14;
  Put(out, &size, sizeof size);
  return 1;
}

FIXTURE(Sockaddr) {
  struct sockaddr_in address = {0};
  address.sin_family = AF_INET;
  return Put(out, &address, sizeof address);
}

FIXTURE(UapiRequest) {
  return Put(out, "get=1\n\n", 7);
}

FIXTURE(IpPacket) {
  static const uint8_t header[28] = {0x45, 0, 0,  28, 0, 0, 0,  0, 64, 17,
                                     0,    0, 10, 0,  0, 1, 10, 0, 0,  2};
  return Put(out, header, sizeof header);
}

FIXTURE(WgMessage) {
  memset(out, 9, 148);
  memcpy(out, "\1\0\0\0", 4);
  return 148;
}

FIXTURE(TlsRecord) {
  return Put(out, "\x16\x03\x03\x00\x20part", 9);
}

/* STUN messages. */

static natkit_stun_builder Begin(void* out, uint32_t message_class) {
  static const uint8_t id[NATKIT_STUN_ID_SIZE] = {1};
  natkit_stun_builder builder;
  CHECK_EQ(natkit_stun_begin(&builder, out, 2048, message_class,
                             NATKIT_STUN_BINDING, id),
           0);
  return builder;
}

static size_t Finish(natkit_stun_builder* builder) {
  const int size = natkit_stun_finish(builder);
  CHECK(size > 0);
  return (size_t)size;
}

FIXTURE(StunMessage) {
  natkit_stun_builder builder = Begin(out, NATKIT_STUN_REQUEST);
  natkit_stun_add_text(&builder, NATKIT_STUN_SOFTWARE, "test");
  return Finish(&builder);
}

FIXTURE(Response) {
  const natkit_address address = At("192.0.2.7:7");
  natkit_stun_builder builder = Begin(out, NATKIT_STUN_SUCCESS_RESPONSE);
  natkit_stun_add_address(&builder, NATKIT_STUN_XOR_MAPPED_ADDRESS, &address);
  natkit_stun_add_text(&builder, NATKIT_STUN_SOFTWARE, "test");
  natkit_stun_add_u32(&builder, NATKIT_STUN_PRIORITY, 7);
  natkit_stun_add_u64(&builder, NATKIT_STUN_ICE_CONTROLLED, 8);
  return Finish(&builder);
}

FIXTURE(ErrorResponse) {
  static const uint16_t types[] = {0x7001, 0x7002};
  natkit_stun_builder builder = Begin(out, NATKIT_STUN_ERROR_RESPONSE);
  natkit_stun_add_error(&builder, 420, NULL);
  natkit_stun_add_types(&builder, types, 2);
  return Finish(&builder);
}

natkit_stun_key StunKey(void) {
  natkit_stun_key key;
  CHECK_EQ(natkit_stun_make_short_term_key("password", &key), 0);
  return key;
}

FIXTURE(SignedMessage) {
  const natkit_stun_key key = StunKey();
  natkit_stun_builder builder = Begin(out, NATKIT_STUN_REQUEST);
  natkit_stun_add_integrity(&builder, &key, NATKIT_STUN_HMAC_SHA1);
  return Finish(&builder);
}

size_t Fill_natkit_stun_builder(void* out);

size_t Fill_natkit_stun_builder(void* out) {
  const natkit_stun_builder builder =
      Begin(Extra(2048), NATKIT_STUN_ERROR_RESPONSE);
  Put(out, &builder, sizeof builder);
  return 1;
}
