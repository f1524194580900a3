/* natkit/wireguard.h: the configuration of devices. */
#include "wg_net.h"

/* An End is large. */
static End a;
static End b;

static void PeersAreListedAndRemoved(void) {
  StartEnd(&a, 1, NULL);
  StartEnd(&b, 2, NULL);
  uint32_t numbers[3] = {0, 0, 0};
  CHECK_EQ(natkit_wg_device_get_peers(a.device, NULL, 0), 0);
  Introduce(&a, &b);
  natkit_wg_peer_config other;
  natkit_init(&other);
  memset(other.public_key, 7, sizeof other.public_key);
  uint32_t second = 0;
  CHECK_EQ(natkit_wg_device_set_peer(a.device, 0, &other, &second), 0);
  CHECK_EQ(second, 2);
  CHECK_EQ(natkit_wg_device_get_peers(a.device, numbers, 1), 2);
  CHECK(numbers[0] == 1 && numbers[1] == 0);
  CHECK_EQ(natkit_wg_device_get_peers(a.device, numbers, 3), 2);
  CHECK(numbers[0] == 1 && numbers[1] == 2 && numbers[2] == 0);

  uint32_t found = 0;
  CHECK_EQ(natkit_wg_device_find_peer(a.device, other.public_key, &found), 0);
  CHECK_EQ(found, 2);
  CHECK_EQ(natkit_wg_device_remove_peer(a.device, 2), 0);
  CHECK_EQ(natkit_wg_device_remove_peer(a.device, 2), NATKIT_ERR_NOT_FOUND);
  CHECK_EQ(natkit_wg_device_find_peer(a.device, other.public_key, &found),
           NATKIT_ERR_NOT_FOUND);
  CHECK_EQ(natkit_wg_device_set_peer(a.device, 0, &other, NULL), 0);
  CHECK_EQ(natkit_wg_device_find_peer(a.device, other.public_key, &found), 0);
  CHECK_EQ(found, 3);
  StopEnd(&a);
  StopEnd(&b);
}

static uint32_t RouteOf(const char* text) {
  natkit_address address;
  uint32_t peer = 0;
  CHECK_EQ(natkit_address_parse(text, &address), 0);
  const int result = natkit_wg_device_find_route(a.device, &address, &peer);
  CHECK(result == 0 || result == NATKIT_ERR_NO_ROUTE);
  return peer;
}

static void AllowedIpsRouteByTheLongestPrefix(void) {
  StartEnd(&a, 1, NULL);
  const natkit_prefix wide[] = {Prefix("10.9.8.7", 8),
                                Prefix("2001:db8::1", 32)};
  const natkit_prefix narrow = Prefix("10.1.0.0", 16);
  natkit_wg_peer_config config;
  natkit_init(&config);
  config.public_key[0] = 1;
  config.allowed_ips = wide;
  config.allowed_ip_count = 2;
  CHECK_EQ(natkit_wg_device_set_peer(a.device, 0, &config, NULL), 0);
  config.public_key[0] = 2;
  config.allowed_ips = &narrow;
  config.allowed_ip_count = 1;
  CHECK_EQ(natkit_wg_device_set_peer(a.device, 0, &config, NULL), 0);
  CHECK_EQ(RouteOf("10.2.3.4"), 1);
  CHECK_EQ(RouteOf("10.1.3.4"), 2);
  CHECK_EQ(RouteOf("2001:db8::7"), 1);
  CHECK_EQ(RouteOf("192.0.2.1"), 0);

  natkit_prefix listed[2];
  memset(listed, 0, sizeof listed);
  CHECK_EQ(natkit_wg_device_get_allowed_ips(a.device, 1, listed, 1), 2);
  CHECK_EQ(listed[1].address.family, NATKIT_FAMILY_NONE);
  CHECK_EQ(natkit_wg_device_get_allowed_ips(a.device, 1, listed, 2), 2);
  CHECK_EQ(listed[0].length, 8);
  CHECK_EQ(listed[0].address.ip[0], 10);
  CHECK_EQ(listed[0].address.ip[1], 0); /* host bits are gone */
  CHECK_EQ(listed[1].address.family, NATKIT_FAMILY_IPV6);
  CHECK_EQ(natkit_wg_device_get_allowed_ips(a.device, 9, listed, 2),
           NATKIT_ERR_NOT_FOUND);

  config.adds_allowed_ips = 1;
  config.allowed_ips = wide;
  CHECK_EQ(natkit_wg_device_set_peer(a.device, 0, &config, NULL), 0);
  CHECK_EQ(RouteOf("10.2.3.4"), 2); /* it has left the first peer */
  CHECK_EQ(RouteOf("10.1.3.4"), 2);
  config.adds_allowed_ips = 0;
  CHECK_EQ(natkit_wg_device_set_peer(a.device, 0, &config, NULL), 0);
  config.allowed_ip_count = 0;
  CHECK_EQ(natkit_wg_device_set_peer(a.device, 0, &config, NULL), 0);
  CHECK_EQ(RouteOf("10.1.3.4"), 0);
  StopEnd(&a);
}

static void StatusSaysWhatThereIs(void) {
  natkit_wg_peer_status status;
  StartSession(&a, &b);
  natkit_init(&status);
  CHECK_EQ(natkit_wg_device_get_peer_status(a.device, 1, &status), 0);
  CHECK_EQ(status.peer, 1);
  CHECK_EQ(status.has_session, 1);
  CHECK_EQ(status.has_preshared_key, 0);
  CHECK_EQ(status.allowed_ip_count, 1);
  CHECK_EQ(status.tx_bytes, 148 + 144);
  CHECK_EQ(status.rx_bytes, 92);
  CHECK_EQ(status.last_handshake_ns, WALL_CLOCK);
  CHECK_EQ(natkit_wg_device_get_peer_status(a.device, 2, &status),
           NATKIT_ERR_NOT_FOUND);

  natkit_wg_peer_config config;
  natkit_init(&config);
  memcpy(config.public_key, status.public_key, sizeof config.public_key);
  memset(config.preshared_key, 5, sizeof config.preshared_key);
  config.keepalive_ns = 25 * NATKIT_SECOND;
  CHECK_EQ(natkit_wg_device_set_peer(a.device, 0, &config, NULL), 0);
  CHECK_EQ(natkit_wg_device_get_peer_status(a.device, 1, &status), 0);
  CHECK_EQ(status.has_session, 1);
  CHECK_EQ(status.has_preshared_key, 1);
  CHECK_EQ(status.keepalive_ns, 25 * NATKIT_SECOND);
  CHECK_EQ(natkit_address_equal(&status.endpoint, &b.address), 1);
  StopEnd(&a);
  StopEnd(&b);
}

static int Uapi(const char* request, char* out, size_t capacity, size_t* size) {
  return natkit_wg_device_handle_uapi(a.device, 0, request, strlen(request),
                                      out, capacity, size);
}

static void SpeaksTheConfigurationProtocol(void) {
  static const char set[] =
      "set=1\nlisten_port=51820\nfwmark=7\npublic_key="
      "0101010101010101010101010101010101010101010101010101010101010101\n"
      "endpoint=192.0.2.9:1234\nallowed_ip=10.0.0.0/24\n\n";
  char answer[4000];
  size_t size = 0;
  StartEnd(&a, 1, NULL);
  CHECK_EQ(Uapi(set, answer, 63, &size), NATKIT_ERR_BUFFER_TOO_SMALL);
  CHECK_EQ(size, 64);
  natkit_wg_device_status status;
  natkit_init(&status);
  CHECK_EQ(natkit_wg_device_get_status(a.device, &status), 0);
  CHECK_EQ(status.peer_count, 0); /* nothing was done */
  CHECK_EQ(Uapi(set, answer, 64, &size), 9);
  CHECK(strcmp(answer, "errno=0\n\n") == 0);
  CHECK_EQ(natkit_wg_device_get_status(a.device, &status), 0);
  CHECK_EQ(status.peer_count, 1);
  CHECK_EQ(status.listen_port, 51820);
  CHECK_EQ(status.fwmark, 7);

  CHECK_EQ(Uapi("get=1\n\n", NULL, 0, &size), NATKIT_ERR_BUFFER_TOO_SMALL);
  CHECK(size > 200 && size < sizeof answer);
  CHECK_EQ(Uapi("get=1\n\n", answer, size - 1, NULL),
           NATKIT_ERR_BUFFER_TOO_SMALL);
  CHECK_EQ(Uapi("get=1\n\n", answer, size, NULL), size - 1);
  CHECK(strstr(answer, "listen_port=51820\n") != NULL);
  CHECK(strstr(answer, "endpoint=192.0.2.9:1234\n") != NULL);
  CHECK_EQ(strlen(answer), size - 1);

  CHECK(Uapi("set=1\nno_such_key=1\n\n", answer, sizeof answer, NULL) > 0);
  CHECK(strcmp(answer, "errno=-22\n\n") == 0);
  CHECK(Uapi("nonsense", answer, sizeof answer, NULL) > 0);
  CHECK(strcmp(answer, "errno=-22\n\n") == 0);
  CHECK(Uapi("", answer, sizeof answer, NULL) > 0);
  CHECK_EQ(natkit_wg_device_set_listen_port(a.device, 65536),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_wg_device_set_listen_port(a.device, 65535), 0);
  CHECK_EQ(natkit_wg_device_get_status(a.device, &status), 0);
  CHECK_EQ(status.listen_port, 65535);
  StopEnd(&a);
}

static void KeysComeAndGo(void) {
  uint8_t key[NATKIT_KEY_SIZE];
  uint8_t public_key[NATKIT_KEY_SIZE];
  const uint8_t zeros[NATKIT_KEY_SIZE] = {0};
  natkit_wg_device_status status;
  natkit_init(&status);
  StartSession(&a, &b);
  CHECK_EQ(natkit_key_generate(NULL, key), 0);
  CHECK_EQ(natkit_key_get_public(key, public_key), 0);
  CHECK_EQ(natkit_wg_device_set_private_key(a.device, 0, key), 0);
  CHECK_EQ(natkit_wg_device_get_status(a.device, &status), 0);
  CHECK(memcmp(status.public_key, public_key, sizeof public_key) == 0);
  natkit_wg_event event;
  natkit_init(&event);
  CHECK_EQ(natkit_wg_device_poll_event(a.device, &event), 1);
  CHECK_EQ(natkit_wg_device_poll_event(a.device, &event), 1);
  CHECK_EQ(event.type, NATKIT_WG_EVENT_SESSION_EXPIRED);
  CHECK_EQ(natkit_wg_device_set_private_key(a.device, 0, zeros), 0);
  CHECK_EQ(natkit_wg_device_get_status(a.device, &status), 0);
  CHECK(memcmp(status.public_key, zeros, sizeof zeros) == 0);
  StopEnd(&a);
  StopEnd(&b);
}

static void DropsHaveNames(void) {
  CHECK(strcmp(natkit_wg_drop_name(NATKIT_WG_DROP_MALFORMED), "malformed") ==
        0);
  CHECK(strcmp(natkit_wg_drop_name(NATKIT_WG_DROP_STAGED_FLUSHED),
               "staged_flushed") == 0);
  CHECK(natkit_wg_drop_name(NATKIT_WG_DROP_STAGED_FLUSHED + 1) == NULL);
  CHECK(natkit_wg_drop_name(UINT32_MAX) == NULL);
}

int main(void) {
  RUN(PeersAreListedAndRemoved);
  RUN(AllowedIpsRouteByTheLongestPrefix);
  RUN(StatusSaysWhatThereIs);
  RUN(SpeaksTheConfigurationProtocol);
  RUN(KeysComeAndGo);
  RUN(DropsHaveNames);
  return 0;
}
