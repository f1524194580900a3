/* natkit/stun_message.h: the vectors of RFC 5769, building, misuse. */
#include <ctype.h>
#include <string.h>

#include "check.h"
#include "natkit/natkit.h"

struct bytes {
  uint8_t data[2048];
  size_t size;
};

static const uint8_t kId[NATKIT_STUN_ID_SIZE] = {1, 2, 3, 4,  5,  6,
                                                 7, 8, 9, 10, 11, 12};

static unsigned Nibble(char c) {
  const char* digits = "0123456789abcdef";
  const char* at = strchr(digits, c);
  CHECK(at != NULL && *at != '\0');
  return (unsigned)(at - digits);
}

static void AppendHex(struct bytes* to, const char* text) {
  while (isspace((unsigned char)*text)) {
    ++text;
  }
  for (; isxdigit((unsigned char)text[0]) && isxdigit((unsigned char)text[1]);
       text += 2) {
    CHECK(to->size < sizeof to->data);
    to->data[to->size++] = (uint8_t)(Nibble(text[0]) << 4 | Nibble(text[1]));
  }
}

/* Reads `name = hex` of the file of vectors; an indented line goes on. */
static struct bytes Vector(const char* name) {
  struct bytes found = {{0}, 0};
  char line[512];
  int is_in = 0;
  FILE* file = fopen(NATKIT_SOURCE_DIR "/tests/vectors/stun_rfc5769.txt", "r");
  CHECK(file != NULL);
  while (fgets(line, sizeof line, file) != NULL) {
    const char* equals = strchr(line, '=');
    if (line[0] != ' ') {
      is_in = equals != NULL && strlen(name) + 1 == (size_t)(equals - line) &&
              strncmp(line, name, strlen(name)) == 0;
    }
    if (is_in) {
      AppendHex(&found, line[0] == ' ' ? line : equals + 1);
    }
  }
  fclose(file);
  CHECK(found.size > 0);
  return found;
}

static natkit_address Address(const char* text) {
  natkit_address address;
  CHECK_EQ(natkit_address_parse(text, &address), 0);
  return address;
}

static void CheckText(const struct bytes* message, uint32_t type,
                      const char* expected) {
  char text[NATKIT_STUN_TEXT_SIZE];
  CHECK_EQ(natkit_stun_get_text(message->data, message->size, type, text,
                                sizeof text),
           strlen(expected));
  CHECK(strcmp(text, expected) == 0);
}

static void ReadsTheSampleRequest(void) {
  const struct bytes request = Vector("request");
  natkit_stun_header header;
  natkit_stun_attribute attributes[16];
  natkit_stun_key key;
  uint32_t priority = 0;
  uint64_t tie_breaker = 0;
  CHECK_EQ(natkit_stun_is_message(request.data, request.size), 1);
  CHECK_EQ(natkit_stun_peek_size(request.data, 8), request.size);
  CHECK_EQ(natkit_stun_parse(request.data, request.size, &header), 0);
  CHECK_EQ(header.message_class, NATKIT_STUN_REQUEST);
  CHECK_EQ(header.method, NATKIT_STUN_BINDING);
  CHECK_EQ(header.size, request.size);
  CHECK_EQ(header.has_fingerprint, 1);
  CHECK(memcmp(header.id, request.data + 8, sizeof header.id) == 0);
  CheckText(&request, NATKIT_STUN_SOFTWARE, "STUN test client");
  CheckText(&request, NATKIT_STUN_USERNAME, "evtj:h6vY");
  CHECK_EQ(natkit_stun_get_u32(request.data, request.size, NATKIT_STUN_PRIORITY,
                               &priority),
           0);
  CHECK_EQ(priority, 0x6e0001ff);
  CHECK_EQ(natkit_stun_get_u64(request.data, request.size,
                               NATKIT_STUN_ICE_CONTROLLED, &tie_breaker),
           0);
  CHECK(tie_breaker == UINT64_C(0x932ff9b151263b36));
  CHECK_EQ(
      natkit_stun_get_attributes(request.data, request.size, attributes, 16),
      6);
  CHECK_EQ(attributes[0].type, NATKIT_STUN_SOFTWARE);
  CHECK_EQ(attributes[0].size, 16);
  CHECK_EQ(attributes[0].offset, 20);
  CHECK(attributes[0].value == request.data + 24);
  CHECK_EQ(attributes[5].type, NATKIT_STUN_FINGERPRINT);
  CHECK_EQ(natkit_stun_make_short_term_key("VOkJxbRl1RmTxUk/WvJxBt", &key), 0);
  CHECK_EQ(natkit_stun_verify(request.data, request.size, &key,
                              NATKIT_STUN_STRONGEST),
           0);
  CHECK_EQ(natkit_stun_verify(request.data, request.size, &key,
                              NATKIT_STUN_HMAC_SHA256),
           NATKIT_ERR_NO_INTEGRITY);
  key.bytes[0] ^= 1;
  CHECK_EQ(natkit_stun_verify(request.data, request.size, &key,
                              NATKIT_STUN_HMAC_SHA1),
           NATKIT_ERR_BAD_INTEGRITY);
}

static void ReadsTheSampleResponses(void) {
  const struct bytes v4 = Vector("ipv4_response");
  const struct bytes v6 = Vector("ipv6_response");
  const natkit_address expected_v4 = Address("192.0.2.1:32853");
  const natkit_address expected_v6 =
      Address("[2001:db8:1234:5678:11:2233:4455:6677]:32853");
  natkit_address address;
  CHECK_EQ(natkit_stun_get_mapped_address(v4.data, v4.size, &address), 0);
  CHECK_EQ(natkit_address_equal(&address, &expected_v4), 1);
  CHECK_EQ(natkit_stun_get_address(v6.data, v6.size,
                                   NATKIT_STUN_XOR_MAPPED_ADDRESS, &address),
           0);
  CHECK_EQ(natkit_address_equal(&address, &expected_v6), 1);
  CheckText(&v4, NATKIT_STUN_SOFTWARE, "test vector");
  CHECK_EQ(natkit_stun_get_address(v4.data, v4.size, NATKIT_STUN_MAPPED_ADDRESS,
                                   &address),
           NATKIT_ERR_NOT_FOUND);
  CHECK_EQ(
      natkit_stun_get_address(v4.data, v4.size, NATKIT_STUN_SOFTWARE, &address),
      NATKIT_ERR_BAD_ARGUMENT);
}

static void ReadsTheSampleOfTheLongTermMechanism(void) {
  const struct bytes request = Vector("long_term_request");
  const struct bytes expected = Vector("long_term_key");
  natkit_stun_key key;
  CheckText(&request, NATKIT_STUN_REALM, "example.org");
  CheckText(&request, NATKIT_STUN_NONCE, "f//499k954d6OL34oL9FSTvy64sA");
  CHECK_EQ(natkit_stun_make_long_term_key(
               "\xe3\x83\x9e\xe3\x83\x88\xe3\x83\xaa\xe3\x83\x83\xe3\x82\xaf"
               "\xe3\x82\xb9",
               "example.org", "TheMatrIX", NATKIT_STUN_MD5, &key),
           0);
  CHECK_EQ(key.size, expected.size);
  CHECK(memcmp(key.bytes, expected.data, key.size) == 0);
  CHECK_EQ(natkit_stun_verify(request.data, request.size, &key,
                              NATKIT_STUN_HMAC_SHA1),
           0);
}

/* What the caller of RFC 5769 section 2.1 would write; its padding is spaces,
 * ours zeros, so the sums differ and the message is verified instead. */
static void BuildsTheSampleRequest(void) {
  const struct bytes sample = Vector("request");
  uint8_t buffer[NATKIT_STUN_MAX_UDP_SIZE];
  natkit_stun_builder builder;
  natkit_stun_key key;
  CHECK_EQ(natkit_stun_make_short_term_key("VOkJxbRl1RmTxUk/WvJxBt", &key), 0);
  CHECK_EQ(
      natkit_stun_begin(&builder, buffer, sizeof buffer, NATKIT_STUN_REQUEST,
                        NATKIT_STUN_BINDING, sample.data + 8),
      0);
  CHECK_EQ(
      natkit_stun_add_text(&builder, NATKIT_STUN_SOFTWARE, "STUN test client"),
      0);
  CHECK_EQ(natkit_stun_add_u32(&builder, NATKIT_STUN_PRIORITY, 0x6e0001ff), 0);
  CHECK_EQ(natkit_stun_add_u64(&builder, NATKIT_STUN_ICE_CONTROLLED,
                               UINT64_C(0x932ff9b151263b36)),
           0);
  CHECK_EQ(natkit_stun_add_text(&builder, NATKIT_STUN_USERNAME, "evtj:h6vY"),
           0);
  CHECK(memcmp(buffer + 20, sample.data + 20, 20 + 8 + 12 + 4 + 9) == 0);
  CHECK_EQ(natkit_stun_add_integrity(&builder, &key, NATKIT_STUN_HMAC_SHA1), 0);
  CHECK_EQ(natkit_stun_add_integrity(&builder, &key, NATKIT_STUN_HMAC_SHA256),
           0);
  CHECK_EQ(natkit_stun_add_fingerprint(&builder), 0);
  const int size = natkit_stun_finish(&builder);
  CHECK_EQ(size, sample.size + 36);
  for (uint32_t kind = 0; kind <= 2; ++kind) {
    CHECK_EQ(natkit_stun_verify(buffer, (size_t)size, &key, kind), 0);
  }
}

static void BuildsWhatItReads(void) {
  static const char* const addresses[] = {"192.0.2.1:80",
                                          "[2001:db8::7]:65535"};
  static const uint16_t unknown[] = {0x7001, 0x7002, 0x7003};
  uint8_t buffer[512];
  uint16_t types[8];
  char reason[8];
  natkit_stun_builder builder;
  natkit_stun_header header;
  for (size_t i = 0; i < 2; ++i) {
    const natkit_address address = Address(addresses[i]);
    natkit_address read;
    CHECK_EQ(natkit_stun_begin(&builder, buffer, sizeof buffer,
                               NATKIT_STUN_ERROR_RESPONSE, NATKIT_STUN_ALLOCATE,
                               kId),
             0);
    CHECK_EQ(natkit_stun_add_error(&builder, 420, NULL), 0);
    CHECK_EQ(natkit_stun_add_types(&builder, unknown, 3), 0);
    CHECK_EQ(natkit_stun_add_address(&builder, NATKIT_STUN_XOR_MAPPED_ADDRESS,
                                     &address),
             0);
    CHECK_EQ(
        natkit_stun_add_address(&builder, NATKIT_STUN_OTHER_ADDRESS, &address),
        0);
    CHECK_EQ(natkit_stun_add(&builder, NATKIT_STUN_USE_CANDIDATE, NULL, 0), 0);
    CHECK_EQ(natkit_stun_add(&builder, 0x7001, (const uint8_t*)"abc", 3), 0);
    const int size = natkit_stun_finish(&builder);
    CHECK(size > 0);
    CHECK_EQ(natkit_stun_parse(buffer, (size_t)size, &header), 0);
    CHECK_EQ(header.method, NATKIT_STUN_ALLOCATE);
    CHECK_EQ(header.message_class, NATKIT_STUN_ERROR_RESPONSE);
    CHECK_EQ(header.has_fingerprint, 0);
    CHECK_EQ(natkit_stun_get_error(buffer, (size_t)size, reason, sizeof reason),
             420);
    CHECK(strcmp(reason, "Unknown") == 0);
    CHECK_EQ(natkit_stun_get_error(buffer, (size_t)size, NULL, 0), 420);
    CHECK_EQ(natkit_stun_get_types(buffer, (size_t)size, types, 2), 3);
    CHECK_EQ(types[1], 0x7002);
    CHECK_EQ(natkit_stun_get_types(buffer, (size_t)size, NULL, 0), 3);
    CHECK_EQ(natkit_stun_get_mapped_address(buffer, (size_t)size, &read), 0);
    CHECK_EQ(natkit_address_equal(&read, &address), 1);
    CHECK_EQ(natkit_stun_get_address(buffer, (size_t)size,
                                     NATKIT_STUN_OTHER_ADDRESS, &read),
             0);
    CHECK_EQ(natkit_address_equal(&read, &address), 1);
    CHECK_EQ(natkit_stun_get_unknown_required(buffer, (size_t)size, NULL, 0,
                                              types, 8),
             2);
    CHECK_EQ(types[0], NATKIT_STUN_USE_CANDIDATE);
    CHECK_EQ(natkit_stun_get_unknown_required(buffer, (size_t)size, unknown, 3,
                                              types, 8),
             1);
  }
}

static void KnowsNames(void) {
  CHECK(strcmp(natkit_stun_attribute_name(NATKIT_STUN_XOR_MAPPED_ADDRESS),
               "XOR-MAPPED-ADDRESS") == 0);
  CHECK(strcmp(natkit_stun_attribute_name(0x7001), "unknown") == 0);
  CHECK(strcmp(natkit_stun_attribute_name(0x10020), "unknown") == 0);
  CHECK(strcmp(natkit_stun_reason(401), "Unauthenticated") == 0);
  CHECK(strcmp(natkit_stun_reason(299), "") == 0);
  CHECK(strcmp(natkit_stun_reason(0x10191), "") == 0);
}

static void AttributesAfterTheIntegrityDoNotCount(void) {
  uint8_t buffer[256];
  natkit_stun_builder builder;
  natkit_stun_key key;
  natkit_stun_attribute attribute;
  CHECK_EQ(natkit_stun_make_short_term_key("secret", &key), 0);
  CHECK_EQ(natkit_stun_begin(&builder, buffer, sizeof buffer,
                             NATKIT_STUN_INDICATION, NATKIT_STUN_BINDING, kId),
           0);
  CHECK_EQ(natkit_stun_add_integrity(&builder, &key, NATKIT_STUN_HMAC_SHA1), 0);
  const int size = natkit_stun_finish(&builder);
  CHECK_EQ(size, 44);
  /* Somebody on the way appends a USERNAME. */
  static const uint8_t appended[] = {0, 6, 0, 1, 'x', 0, 0, 0};
  memcpy(buffer + size, appended, sizeof appended);
  buffer[3] = (uint8_t)(buffer[3] + sizeof appended);
  const size_t longer = (size_t)size + sizeof appended;
  CHECK_EQ(natkit_stun_get_attributes(buffer, longer, &attribute, 1), 1);
  CHECK_EQ(attribute.type, NATKIT_STUN_MESSAGE_INTEGRITY);
  CHECK_EQ(natkit_stun_find(buffer, longer, NATKIT_STUN_USERNAME, &attribute),
           NATKIT_ERR_NOT_FOUND);
}

static void RefusesWhatIsNoMessage(void) {
  struct bytes request = Vector("request");
  natkit_stun_header header;
  natkit_stun_attribute attribute;
  CHECK_EQ(natkit_stun_is_message(NULL, 20), 0);
  CHECK_EQ(natkit_stun_is_message(request.data, request.size - 4), 0);
  CHECK_EQ(natkit_stun_peek_size(request.data, 7), NATKIT_ERR_TRUNCATED);
  CHECK_EQ(natkit_stun_peek_size(NULL, 8), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_stun_parse(request.data, 19, &header), NATKIT_ERR_TRUNCATED);
  CHECK_EQ(natkit_stun_parse(request.data, request.size - 4, &header),
           NATKIT_ERR_BAD_LENGTH);
  CHECK_EQ(natkit_stun_parse(NULL, 20, &header), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_stun_parse(request.data, request.size, NULL),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_stun_find(request.data, request.size, 0x10008, &attribute),
           NATKIT_ERR_NOT_FOUND);
  request.data[30] ^= 1;
  CHECK_EQ(natkit_stun_parse(request.data, request.size, &header),
           NATKIT_ERR_BAD_FINGERPRINT);
  request.data[4] ^= 1;
  CHECK_EQ(natkit_stun_parse(request.data, request.size, &header),
           NATKIT_ERR_NOT_STUN);
}

static void RefusesTextsThatDoNotFit(void) {
  const struct bytes request = Vector("request");
  uint8_t buffer[64];
  char text[17];
  char reason[4] = "zzz";
  uint32_t number = 0;
  natkit_stun_builder builder;
  memset(text, 'x', sizeof text);
  CHECK_EQ(natkit_stun_get_text(request.data, request.size,
                                NATKIT_STUN_SOFTWARE, text, 16),
           NATKIT_ERR_BUFFER_TOO_SMALL);
  CHECK_EQ(text[0], 'x');
  CHECK_EQ(natkit_stun_get_text(request.data, request.size,
                                NATKIT_STUN_SOFTWARE, text, 17),
           16);
  CHECK_EQ(natkit_stun_get_text(request.data, request.size,
                                NATKIT_STUN_SOFTWARE, NULL, 17),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_stun_get_u32(request.data, request.size, NATKIT_STUN_SOFTWARE,
                               &number),
           NATKIT_ERR_BAD_LENGTH);
  CHECK_EQ(natkit_stun_get_error(request.data, request.size, NULL, 4),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_stun_get_error(request.data, request.size, reason, 4),
           NATKIT_ERR_NOT_FOUND);
  CHECK_EQ(natkit_stun_begin(&builder, buffer, sizeof buffer,
                             NATKIT_STUN_REQUEST, NATKIT_STUN_BINDING, kId),
           0);
  CHECK_EQ(
      natkit_stun_add(&builder, NATKIT_STUN_REALM, (const uint8_t*)"a\0b", 3),
      0);
  const int size = natkit_stun_finish(&builder);
  CHECK_EQ(natkit_stun_get_text(buffer, (size_t)size, NATKIT_STUN_REALM, text,
                                sizeof text),
           NATKIT_ERR_BAD_ENCODING);
}

static void BuildersKeepTheirFirstFailure(void) {
  uint8_t buffer[64];
  natkit_stun_builder builder;
  memset(buffer, 0xee, sizeof buffer);
  CHECK_EQ(natkit_stun_begin(&builder, buffer, 32, NATKIT_STUN_REQUEST,
                             NATKIT_STUN_BINDING, kId),
           0);
  CHECK_EQ(natkit_stun_add_u64(&builder, NATKIT_STUN_ICE_CONTROLLING, 1), 0);
  CHECK_EQ(natkit_stun_add_u32(&builder, NATKIT_STUN_PRIORITY, 1),
           NATKIT_ERR_BUFFER_TOO_SMALL);
  CHECK_EQ(natkit_stun_add_text(&builder, NATKIT_STUN_SOFTWARE, NULL),
           NATKIT_ERR_BUFFER_TOO_SMALL);
  CHECK_EQ(natkit_stun_finish(&builder), NATKIT_ERR_BUFFER_TOO_SMALL);
  for (size_t i = 32; i < sizeof buffer; ++i) {
    CHECK_EQ(buffer[i], 0xee);
  }
  CHECK_EQ(natkit_stun_begin(&builder, buffer, 19, NATKIT_STUN_REQUEST,
                             NATKIT_STUN_BINDING, kId),
           NATKIT_ERR_BUFFER_TOO_SMALL);
  CHECK_EQ(natkit_stun_finish(&builder), NATKIT_ERR_BUFFER_TOO_SMALL);
}

static void BuildersKeepTheOrder(void) {
  uint8_t buffer[256];
  natkit_stun_builder builder;
  natkit_stun_key key;
  CHECK_EQ(natkit_stun_make_short_term_key("secret", &key), 0);
  natkit_stun_begin(&builder, buffer, sizeof buffer, NATKIT_STUN_REQUEST,
                    NATKIT_STUN_BINDING, kId);
  CHECK_EQ(natkit_stun_add_integrity(&builder, &key, NATKIT_STUN_HMAC_SHA256),
           0);
  CHECK_EQ(natkit_stun_add_integrity(&builder, &key, NATKIT_STUN_HMAC_SHA1),
           NATKIT_ERR_INVALID_STATE);
  natkit_stun_begin(&builder, buffer, sizeof buffer, NATKIT_STUN_REQUEST,
                    NATKIT_STUN_BINDING, kId);
  CHECK_EQ(natkit_stun_add_fingerprint(&builder), 0);
  CHECK_EQ(natkit_stun_add_u32(&builder, NATKIT_STUN_PRIORITY, 1),
           NATKIT_ERR_INVALID_STATE);
  natkit_stun_begin(&builder, buffer, sizeof buffer, NATKIT_STUN_REQUEST,
                    NATKIT_STUN_BINDING, kId);
  CHECK_EQ(natkit_stun_finish(&builder), 20);
  CHECK_EQ(natkit_stun_finish(&builder), NATKIT_ERR_INVALID_STATE);
}

/* Begins a message, adds one thing, returns what that returned. */
#define ADD(call)                                                          \
  (natkit_stun_begin(&builder, buffer, sizeof buffer, NATKIT_STUN_REQUEST, \
                     NATKIT_STUN_BINDING, kId),                            \
   (call))

static void BuildersRefuseMisuse(void) {
  uint8_t buffer[1024];
  char long_text[NATKIT_STUN_TEXT_SIZE + 1];
  uint16_t many[129] = {0};
  natkit_stun_builder builder;
  natkit_stun_key key;
  const natkit_address unset = {0};
  memset(&key, 0, sizeof key);
  memset(long_text, 'x', sizeof long_text);
  long_text[sizeof long_text - 1] = '\0';
  for (size_t i = 0; i < 129; ++i) {
    many[i] = (uint16_t)i;
  }
  memset(&builder, 0, sizeof builder);
  const int bad = NATKIT_ERR_BAD_ARGUMENT;
  CHECK_EQ(natkit_stun_finish(NULL), bad);
  CHECK_EQ(natkit_stun_finish(&builder), bad);
  CHECK_EQ(natkit_stun_add_fingerprint(NULL), bad);
  CHECK_EQ(natkit_stun_begin(NULL, buffer, 64, 0, 1, kId), bad);
  CHECK_EQ(natkit_stun_begin(&builder, NULL, 64, 0, 1, kId), bad);
  CHECK_EQ(natkit_stun_begin(&builder, buffer, 64, 4, 1, kId), bad);
  CHECK_EQ(natkit_stun_begin(&builder, buffer, 64, 0, 0x1000, kId), bad);
  CHECK_EQ(natkit_stun_begin(&builder, buffer, 64, 0, 1, NULL), bad);
  CHECK_EQ(natkit_stun_finish(&builder), bad);
  CHECK_EQ(ADD(natkit_stun_add(&builder, 6, NULL, 1)), bad);
  CHECK_EQ(ADD(natkit_stun_add(&builder, 0x10006, kId, 1)), bad);
  CHECK_EQ(ADD(natkit_stun_add(&builder, 6, buffer + 500, 1)), bad);
  CHECK_EQ(ADD(natkit_stun_add(&builder, NATKIT_STUN_FINGERPRINT, kId, 4)),
           bad);
  CHECK_EQ(
      ADD(natkit_stun_add(&builder, NATKIT_STUN_MESSAGE_INTEGRITY, kId, 4)),
      bad);
  CHECK_EQ(ADD(natkit_stun_add_text(&builder, 6, NULL)), bad);
  CHECK_EQ(ADD(natkit_stun_add_text(&builder, 6, long_text)), bad);
  CHECK_EQ(ADD(natkit_stun_add_text(&builder, 6, long_text + 1)), 0);
  CHECK_EQ(ADD(natkit_stun_add_address(&builder, 1, NULL)), bad);
  CHECK_EQ(ADD(natkit_stun_add_address(&builder, 1, &unset)), bad);
  CHECK_EQ(ADD(natkit_stun_add_error(&builder, 299, "")), bad);
  CHECK_EQ(ADD(natkit_stun_add_error(&builder, 700, "")), bad);
  CHECK_EQ(ADD(natkit_stun_add_types(&builder, NULL, 1)), bad);
  CHECK_EQ(ADD(natkit_stun_add_types(&builder, many, 129)), bad);
  CHECK_EQ(ADD(natkit_stun_add_types(&builder, many, 128)), 0);
  CHECK_EQ(ADD(natkit_stun_add_integrity(&builder, &key, 1)), bad);
  CHECK_EQ(ADD(natkit_stun_add_integrity(&builder, NULL, 1)), bad);
  key.size = 1;
  CHECK_EQ(ADD(natkit_stun_add_integrity(&builder, &key, 0)), bad);
  CHECK_EQ(ADD(natkit_stun_add_integrity(&builder, &key, 3)), bad);
  key.size = NATKIT_STUN_MAX_KEY_SIZE + 1;
  CHECK_EQ(ADD(natkit_stun_add_integrity(&builder, &key, 1)), bad);
}

static void KeysRefuseMisuse(void) {
  static char long_text[5000];
  uint8_t id[NATKIT_STUN_ID_SIZE];
  uint8_t other[NATKIT_STUN_ID_SIZE];
  natkit_stun_key key;
  const natkit_random none = {NULL, NULL};
  const struct bytes request = Vector("request");
  memset(long_text, 'x', sizeof long_text - 1);
  CHECK_EQ(natkit_stun_make_short_term_key("x", NULL), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_stun_make_short_term_key(NULL, &key),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_stun_make_short_term_key("", &key), NATKIT_ERR_BAD_LENGTH);
  CHECK_EQ(natkit_stun_make_short_term_key(long_text, &key),
           NATKIT_ERR_BAD_LENGTH);
  CHECK_EQ(natkit_stun_make_short_term_key(long_text + 5000 - 1 - 257, &key),
           NATKIT_ERR_BAD_LENGTH);
  CHECK_EQ(natkit_stun_make_short_term_key(long_text + 5000 - 1 - 256, &key),
           0);
  CHECK_EQ(key.size, 256);
  CHECK_EQ(natkit_stun_make_short_term_key("\xff", &key),
           NATKIT_ERR_BAD_ENCODING);
  CHECK_EQ(natkit_stun_make_short_term_key("a\n", &key), NATKIT_ERR_BAD_VALUE);
  CHECK_EQ(natkit_stun_make_long_term_key("u", "r", "p", 3, &key),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_stun_make_long_term_key("u", NULL, "p", 1, &key),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_stun_make_long_term_key(long_text + 5000 - 1 - 509, "r", "p",
                                          1, &key),
           NATKIT_ERR_BAD_LENGTH);
  CHECK_EQ(
      natkit_stun_make_long_term_key("u", "r", "p", NATKIT_STUN_SHA256, &key),
      0);
  CHECK_EQ(key.size, 32);
  CHECK_EQ(natkit_stun_verify(request.data, request.size, NULL, 0),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_stun_verify(request.data, request.size, &key, 3),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_stun_verify(request.data, 4, &key, 0), NATKIT_ERR_TRUNCATED);
  CHECK_EQ(natkit_stun_make_id(NULL, NULL), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_stun_make_id(&none, id), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_stun_make_id(NULL, id), 0);
  CHECK_EQ(natkit_stun_make_id(NULL, other), 0);
  CHECK(memcmp(id, other, sizeof id) != 0);
}

int main(void) {
  RUN(ReadsTheSampleRequest);
  RUN(ReadsTheSampleResponses);
  RUN(ReadsTheSampleOfTheLongTermMechanism);
  RUN(BuildsTheSampleRequest);
  RUN(BuildsWhatItReads);
  RUN(KnowsNames);
  RUN(AttributesAfterTheIntegrityDoNotCount);
  RUN(RefusesWhatIsNoMessage);
  RUN(RefusesTextsThatDoNotFit);
  RUN(BuildersKeepTheirFirstFailure);
  RUN(BuildersKeepTheOrder);
  RUN(BuildersRefuseMisuse);
  RUN(KeysRefuseMisuse);
  return 0;
}
