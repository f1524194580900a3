/* natkit/common.h: results, structures, addresses, keys, misuse. */
#include <arpa/inet.h>
#include <limits.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "check.h"
#include "natkit/natkit.h"

static void VersionIsThatOfTheHeaders(void) {
  char expected[32];
  snprintf(expected, sizeof expected, "%d.%d.%d", NATKIT_VERSION_MAJOR,
           NATKIT_VERSION_MINOR, NATKIT_VERSION_PATCH);
  CHECK(strcmp(natkit_version(), expected) == 0);
}

static void EveryCodeHasAText(void) {
  static const int codes[] = {NATKIT_ERR_TRUNCATED,
                              NATKIT_ERR_BAD_LENGTH,
                              NATKIT_ERR_BAD_VALUE,
                              NATKIT_ERR_BUFFER_TOO_SMALL,
                              NATKIT_ERR_BAD_ENCODING,
                              NATKIT_ERR_NOT_FOUND,
                              NATKIT_ERR_ALREADY_EXISTS,
                              NATKIT_ERR_LIMIT_EXCEEDED,
                              NATKIT_ERR_INVALID_STATE,
                              NATKIT_ERR_PERMISSION_DENIED,
                              NATKIT_ERR_IO,
                              NATKIT_ERR_ADDRESS_IN_USE,
                              NATKIT_ERR_UNSUPPORTED,
                              NATKIT_ERR_TIMED_OUT,
                              NATKIT_ERR_CLOSED,
                              NATKIT_ERR_ADDRESS_NOT_AVAILABLE,
                              NATKIT_ERR_CONNECTION_REFUSED,
                              NATKIT_ERR_CONNECTION_RESET,
                              NATKIT_ERR_UNREACHABLE,
                              NATKIT_ERR_NO_DEVICE,
                              NATKIT_ERR_INSECURE_FILE,
                              NATKIT_ERR_BAD_ARGUMENT,
                              NATKIT_ERR_BAD_HANDLE,
                              NATKIT_ERR_BUSY,
                              NATKIT_ERR_STRUCT_SIZE,
                              NATKIT_ERR_NOT_STUN,
                              NATKIT_ERR_BAD_FINGERPRINT,
                              NATKIT_ERR_BAD_INTEGRITY,
                              NATKIT_ERR_NO_INTEGRITY,
                              NATKIT_ERR_UNKNOWN_ATTRIBUTE,
                              NATKIT_ERR_ERROR_RESPONSE,
                              NATKIT_ERR_BAD_CANDIDATE,
                              NATKIT_ERR_BAD_CREDENTIALS,
                              NATKIT_ERR_BAD_MAGIC,
                              NATKIT_ERR_BAD_FRAME,
                              NATKIT_ERR_FRAME_TOO_LARGE,
                              NATKIT_ERR_BAD_BOX,
                              NATKIT_ERR_BAD_JSON,
                              NATKIT_ERR_UPGRADE_REFUSED,
                              NATKIT_ERR_BAD_HTTP,
                              NATKIT_ERR_FORBIDDEN_FRAME,
                              NATKIT_ERR_UNKNOWN_INDEX,
                              NATKIT_ERR_AUTH_FAILED,
                              NATKIT_ERR_REPLAYED,
                              NATKIT_ERR_UNKNOWN_PEER,
                              NATKIT_ERR_NO_SESSION,
                              NATKIT_ERR_NOT_ALLOWED,
                              NATKIT_ERR_NO_ROUTE,
                              NATKIT_ERR_BAD_CONFIG,
                              NATKIT_ERR_TLS_HANDSHAKE,
                              NATKIT_ERR_TLS_PROTOCOL,
                              NATKIT_ERR_BAD_CERTIFICATE,
                              NATKIT_ERR_BAD_PRIVATE_KEY,
                              NATKIT_ERR_KEY_MISMATCH,
                              NATKIT_ERR_BAD_SIGNAL};
  for (size_t i = 0; i < sizeof codes / sizeof codes[0]; ++i) {
    CHECK(strcmp(natkit_strerror(codes[i]), "unknown error") != 0);
  }
  CHECK(strcmp(natkit_strerror(-99), "unknown error") == 0);
  CHECK(strcmp(natkit_strerror(INT_MIN), "unknown error") == 0);
  CHECK(strcmp(natkit_strerror(0), "success") == 0);
  CHECK(strcmp(natkit_strerror(7), "success") == 0);
}

static void InitClearsAndSetsTheSize(void) {
  natkit_batch batch;
  memset(&batch, 0xee, sizeof batch);
  natkit_init(&batch);
  CHECK_EQ(batch.struct_size, sizeof batch);
  CHECK(batch.memory == NULL && batch.packets == NULL);
  CHECK_EQ(batch.packet_count, 0);
  natkit_init_struct(NULL, 100);
  natkit_init_struct(&batch, sizeof(size_t) - 1);
  CHECK_EQ(batch.struct_size, sizeof batch);
}

static void CheckRoundTrip(const char* text, const char* expected) {
  natkit_address address;
  natkit_address again;
  struct sockaddr_storage storage;
  char out[NATKIT_ADDRESS_TEXT_SIZE];
  CHECK_EQ(natkit_address_parse(text, &address), 0);
  CHECK_EQ(natkit_address_format(&address, out, sizeof out), strlen(expected));
  CHECK(strcmp(out, expected) == 0);
  const int size = natkit_address_to_sockaddr(
      &address, (struct sockaddr*)&storage, sizeof storage);
  CHECK(size > 0);
  CHECK_EQ(natkit_address_from_sockaddr((struct sockaddr*)&storage,
                                        (size_t)size, &again),
           0);
  CHECK_EQ(natkit_address_equal(&address, &again), 1);
}

static void AddressesPassThroughTextAndSockaddr(void) {
  CheckRoundTrip("192.0.2.1:80", "192.0.2.1:80");
  CheckRoundTrip("192.0.2.1", "192.0.2.1:0");
  CheckRoundTrip("[2001:db8::7]:65535", "[2001:db8::7]:65535");
  CheckRoundTrip("2001:db8::7", "[2001:db8::7]:0");
  CheckRoundTrip("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
                 "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
}

static void SockaddrHasTheSystemsForm(void) {
  natkit_address address;
  struct sockaddr_in v4;
  CHECK_EQ(natkit_address_parse("192.0.2.1:8080", &address), 0);
  CHECK_EQ(
      natkit_address_to_sockaddr(&address, (struct sockaddr*)&v4, sizeof v4),
      sizeof v4);
  CHECK_EQ(v4.sin_family, AF_INET);
  CHECK_EQ(ntohs(v4.sin_port), 8080);
  CHECK_EQ(ntohl(v4.sin_addr.s_addr), 0xc0000201u);
  CHECK_EQ(natkit_address_to_sockaddr(&address, (struct sockaddr*)&v4,
                                      sizeof v4 - 1),
           NATKIT_ERR_BUFFER_TOO_SMALL);
}

static void MappedAddressesBecomeIpv4(void) {
  struct sockaddr_in6 v6;
  natkit_address address;
  memset(&v6, 0, sizeof v6);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(53);
  CHECK_EQ(inet_pton(AF_INET6, "::ffff:192.0.2.1", &v6.sin6_addr), 1);
  CHECK_EQ(
      natkit_address_from_sockaddr((struct sockaddr*)&v6, sizeof v6, &address),
      0);
  CHECK_EQ(address.family, NATKIT_FAMILY_IPV4);
  CHECK_EQ(address.port, 53);
  CHECK_EQ(address.ip[3], 1);
}

static void AddressesRefuseWhatIsNone(void) {
  natkit_address address;
  natkit_address unset;
  struct sockaddr_storage storage;
  char text[NATKIT_ADDRESS_TEXT_SIZE];
  char many[400];
  memset(&unset, 0, sizeof unset);
  memset(many, '1', sizeof many);
  many[sizeof many - 1] = '\0';
  CHECK_EQ(natkit_address_parse("192.0.2.1", NULL), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_address_parse(NULL, &address), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_address_parse("", &address), NATKIT_ERR_BAD_ENCODING);
  CHECK_EQ(natkit_address_parse("example.org:80", &address),
           NATKIT_ERR_BAD_ENCODING);
  CHECK_EQ(natkit_address_parse("192.0.2.1:65536", &address),
           NATKIT_ERR_BAD_ENCODING);
  CHECK(natkit_address_parse(many, &address) < 0);
  CHECK_EQ(natkit_address_format(&unset, text, sizeof text), 4);
  CHECK(strcmp(text, "none") == 0);
  CHECK_EQ(natkit_address_format(&unset, text, 4), NATKIT_ERR_BUFFER_TOO_SMALL);
  CHECK_EQ(natkit_address_format(NULL, text, sizeof text),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_address_parse("192.0.2.1:80", &address), 0);
  CHECK_EQ(natkit_address_format(&address, NULL, 9), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_address_format(&address, text, 12),
           NATKIT_ERR_BUFFER_TOO_SMALL);
  CHECK_EQ(natkit_address_format(&address, text, 13), 12);
  address.reserved = 1;
  CHECK_EQ(natkit_address_format(&address, text, sizeof text),
           NATKIT_ERR_BAD_ARGUMENT);
  address.reserved = 0;
  address.family = 9;
  CHECK_EQ(natkit_address_format(&address, text, sizeof text),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_address_equal(&address, &address), 0);
  CHECK_EQ(natkit_address_equal(&unset, &unset), 1);
  CHECK_EQ(natkit_address_equal(&unset, NULL), 0);
  CHECK_EQ(natkit_address_to_sockaddr(&unset, (struct sockaddr*)&storage,
                                      sizeof storage),
           NATKIT_ERR_BAD_ARGUMENT);
  memset(&storage, 0, sizeof storage);
  storage.ss_family = AF_UNIX;
  CHECK_EQ(natkit_address_from_sockaddr((struct sockaddr*)&storage,
                                        sizeof storage, &address),
           NATKIT_ERR_UNSUPPORTED);
  storage.ss_family = AF_INET;
  CHECK_EQ(
      natkit_address_from_sockaddr((struct sockaddr*)&storage,
                                   sizeof(struct sockaddr_in) - 1, &address),
      NATKIT_ERR_BAD_LENGTH);
  CHECK_EQ(
      natkit_address_from_sockaddr((struct sockaddr*)&storage, 1, &address),
      NATKIT_ERR_BAD_LENGTH);
  CHECK_EQ(natkit_address_from_sockaddr(NULL, sizeof storage, &address),
           NATKIT_ERR_BAD_ARGUMENT);
}

static void FillWithOnes(void* context, uint8_t* out, size_t size) {
  ++*(int*)context;
  memset(out, 1, size);
}

static void KeysAreThoseOfWg(void) {
  /* `echo AAEC…Hh8= | wg pubkey`, RFC 7748's clamping included. */
  static const char private_text[] =
      "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
  static const char public_text[] =
      "j0DFrbaPJWJK5bIU6nZ6bslNgp09e14a0bpvPiE4KF8=";
  uint8_t key[NATKIT_KEY_SIZE];
  uint8_t public_key[NATKIT_KEY_SIZE];
  char text[NATKIT_KEY_TEXT_SIZE];
  CHECK_EQ(natkit_key_parse(private_text, key), 0);
  CHECK_EQ(key[31], 31);
  CHECK_EQ(natkit_key_get_public(key, public_key), 0);
  CHECK_EQ(natkit_key_format(public_key, text, sizeof text), 44);
  CHECK(strcmp(text, public_text) == 0);
}

static void KeysComeFromTheCallersRandomSource(void) {
  int calls = 0;
  const natkit_random random = {FillWithOnes, &calls};
  const natkit_random none = {NULL, NULL};
  uint8_t key[NATKIT_KEY_SIZE];
  uint8_t other[NATKIT_KEY_SIZE];
  CHECK_EQ(natkit_key_generate(&random, key), 0);
  CHECK(calls > 0);
  CHECK_EQ(key[0], 0);
  CHECK_EQ(key[1], 1);
  CHECK_EQ(key[31], 65);
  CHECK_EQ(natkit_key_generate(NULL, key), 0);
  CHECK_EQ(natkit_key_generate(NULL, other), 0);
  CHECK(memcmp(key, other, sizeof key) != 0);
  CHECK_EQ(natkit_key_generate(&none, key), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_key_generate(NULL, NULL), NATKIT_ERR_BAD_ARGUMENT);
}

static void KeysRefuseWhatIsNone(void) {
  uint8_t key[NATKIT_KEY_SIZE] = {0};
  char text[NATKIT_KEY_TEXT_SIZE];
  CHECK_EQ(natkit_key_parse("short", key), NATKIT_ERR_BAD_LENGTH);
  CHECK_EQ(
      natkit_key_parse("!!ECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", key),
      NATKIT_ERR_BAD_ENCODING);
  CHECK_EQ(
      natkit_key_parse(
          "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=AAECAwQFBgcICQo", key),
      NATKIT_ERR_BAD_LENGTH);
  CHECK_EQ(natkit_key_parse(NULL, key), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_key_parse("", NULL), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_key_format(key, text, 44), NATKIT_ERR_BUFFER_TOO_SMALL);
  CHECK_EQ(natkit_key_format(NULL, text, sizeof text), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_key_get_public(NULL, key), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_key_get_public(key, NULL), NATKIT_ERR_BAD_ARGUMENT);
}

static void WipesAndKeepsTime(void) {
  char secret[16] = "secret";
  natkit_wipe(secret, sizeof secret);
  CHECK_EQ(secret[0], 0);
  natkit_wipe(NULL, 0);
  const uint64_t before = natkit_monotonic_ns();
  CHECK(natkit_monotonic_ns() >= before);
  CHECK(natkit_wall_clock_ns() > UINT64_C(1700000000) * NATKIT_SECOND);
  CHECK_EQ(natkit_poll_timeout_ms(5, 5), 0);
  CHECK_EQ(natkit_poll_timeout_ms(5, 4), 0);
  CHECK_EQ(natkit_poll_timeout_ms(0, 1), 1);
  CHECK_EQ(natkit_poll_timeout_ms(0, NATKIT_MILLISECOND), 1);
  CHECK_EQ(natkit_poll_timeout_ms(0, NATKIT_MILLISECOND + 1), 2);
  CHECK_EQ(natkit_poll_timeout_ms(0, UINT64_MAX), INT_MAX);
}

struct misuse {
  int count;
  int code;
  char function[64];
};

static void NoteMisuse(void* context, const char* function, int code) {
  struct misuse* const seen = context;
  ++seen->count;
  seen->code = code;
  snprintf(seen->function, sizeof seen->function, "%s", function);
}

static void TheHookIsToldOfMisuse(void) {
  struct misuse seen = {0, 0, ""};
  natkit_address address;
  natkit_set_misuse_hook(NoteMisuse, &seen);
  CHECK_EQ(natkit_address_parse("192.0.2.1", NULL), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(seen.count, 1);
  CHECK_EQ(seen.code, NATKIT_ERR_BAD_ARGUMENT);
  CHECK(strcmp(seen.function, "natkit_address_parse") == 0);
  /* Bad input is no misuse. */
  CHECK_EQ(natkit_address_parse("x", &address), NATKIT_ERR_BAD_ENCODING);
  CHECK_EQ(seen.count, 1);
  natkit_set_misuse_hook(NULL, NULL);
  CHECK_EQ(natkit_address_parse("192.0.2.1", NULL), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(seen.count, 1);
}

static void* Allocate(void* context, size_t size) {
  (void)context;
  return malloc(size);
}

static void Release(void* context, void* memory, size_t size) {
  (void)context;
  (void)size;
  free(memory);
}

static void AllocatorsNeedALibraryOfTheirOwn(void) {
  natkit_allocator allocator;
  natkit_init(&allocator);
  CHECK_EQ(natkit_set_allocator(&allocator), NATKIT_ERR_BAD_ARGUMENT);
  allocator.allocate = Allocate;
  allocator.release = Release;
  CHECK_EQ(natkit_set_allocator(&allocator), NATKIT_ERR_UNSUPPORTED);
}

int main(int argc, char** argv) {
  RUN(VersionIsThatOfTheHeaders);
  RUN(EveryCodeHasAText);
  RUN(InitClearsAndSetsTheSize);
  RUN(AddressesPassThroughTextAndSockaddr);
  RUN(SockaddrHasTheSystemsForm);
  RUN(MappedAddressesBecomeIpv4);
  RUN(AddressesRefuseWhatIsNone);
  RUN(KeysAreThoseOfWg);
  RUN(KeysComeFromTheCallersRandomSource);
  RUN(KeysRefuseWhatIsNone);
  RUN(WipesAndKeepsTime);
  RUN(TheHookIsToldOfMisuse);
  if (argc == 2 && strcmp(argv[1], "ordinary") == 0) {
    RUN(AllocatorsNeedALibraryOfTheirOwn);
  }
  return 0;
}
