/* natkit/behavior.h: what is refused, and prefixes of NAT64. */
#include <string.h>

#include "behavior_config.h"
#include "check.h"
#include "natkit/natkit.h"

static void FindsNat64Prefixes(void) {
  natkit_address addresses[3];
  natkit_prefix prefixes[2];
  const natkit_address expected = Address("64:ff9b::");
  addresses[0] = Address("64:ff9b::c000:aa");
  addresses[1] = Address("64:ff9b::c000:ab");
  addresses[2] = Address("2001:db8::1");
  memset(prefixes, 0, sizeof prefixes);
  CHECK_EQ(natkit_nat64_find_prefixes(addresses, 3, prefixes, 2), 1);
  CHECK_EQ(natkit_address_equal(&prefixes[0].address, &expected), 1);
  CHECK_EQ(prefixes[0].length, 96);
  CHECK_EQ(prefixes[1].length, 0);
  CHECK_EQ(natkit_nat64_find_prefixes(addresses, 3, NULL, 0), 1);
  CHECK_EQ(natkit_nat64_find_prefixes(NULL, 0, prefixes, 2), 0);
  CHECK_EQ(natkit_nat64_find_prefixes(NULL, 1, prefixes, 2),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_nat64_find_prefixes(addresses, 65, prefixes, 2),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_nat64_find_prefixes(addresses, 3, NULL, 1),
           NATKIT_ERR_BAD_ARGUMENT);
  addresses[1].family = 0;
  CHECK_EQ(natkit_nat64_find_prefixes(addresses, 3, prefixes, 2),
           NATKIT_ERR_BAD_ARGUMENT);
}

static int Try(const natkit_behavior_config* config) {
  natkit_behavior* behavior = NULL;
  const int code = natkit_behavior_new(config, &behavior);
  CHECK_EQ(behavior != NULL, code == 0);
  natkit_behavior_free(behavior);
  return code;
}

static void ConfigsAreChecked(void) {
  static char long_text[2000];
  static natkit_address many[65];
  const natkit_behavior_config good = Config();
  const natkit_random none = {NULL, NULL};
  natkit_prefix prefix;
  natkit_behavior_config config = good;

  struct {
    natkit_behavior_config config;
    uint8_t later[16];
  } longer;

  const int bad = NATKIT_ERR_BAD_ARGUMENT;
  memset(long_text, '/', sizeof long_text - 1);
  for (size_t i = 0; i < 65; ++i) {
    many[i] = servers[0];
  }
  CHECK_EQ(Try(&good), 0);
  CHECK_EQ(Try(NULL), bad);
  CHECK_EQ(natkit_behavior_new(&good, NULL), bad);
  config.struct_size -= 1;
  CHECK_EQ(Try(&config), NATKIT_ERR_STRUCT_SIZE);
  memset(&longer, 0, sizeof longer);
  longer.config = good;
  longer.config.struct_size = sizeof longer;
  CHECK_EQ(Try(&longer.config), 0);
  longer.later[3] = 1;
  CHECK_EQ(Try(&longer.config), NATKIT_ERR_UNSUPPORTED);
#define REFUSES(field, value) \
  config = good;              \
  config.field = (value);     \
  CHECK_EQ(Try(&config), bad)
  REFUSES(servers, NULL);
  REFUSES(server_count, 0);
  config = good;
  config.servers = many;
  config.server_count = 65;
  CHECK_EQ(Try(&config), bad);
  config.server_count = 64;
  CHECK_EQ(Try(&config), 0);
  REFUSES(local_addresses, NULL);
  REFUSES(local_address_count, 0);
  REFUSES(local_address_count, 17);
  REFUSES(axes, UINT64_C(1) << 27);
  REFUSES(gateway.family, 9);
  REFUSES(gateway, Address("2001:db8::1"));
  REFUSES(attempts, 101);
  REFUSES(transactions_per_second, 1001);
  REFUSES(max_waiting, 4097);
  REFUSES(load_mappings, 4097);
  REFUSES(longest_lifetime_ns, 1);
  REFUSES(longest_lifetime_ns, UINT64_MAX);
  REFUSES(lifetime_budget_ns, UINT64_MAX);
  REFUSES(response_port_interval_ns, UINT64_MAX);
  REFUSES(interval_ns, 1);
  REFUSES(interval_ns, UINT64_MAX);
  REFUSES(reserved, 1);
  REFUSES(random, &none);
  REFUSES(nat64_prefix_count, 1);
  REFUSES(nat64_prefix_count, 17);
  REFUSES(portal_server, Address("192.0.2.80:80"));
#undef REFUSES
  config = good;
  config.portal_server = Address("192.0.2.80:80");
  config.portal_host = "page.example";
  config.portal_path = "/\r\nx";
  CHECK_EQ(Try(&config), bad);
  config.portal_path = "x";
  CHECK_EQ(Try(&config), bad);
  config.portal_path = long_text;
  CHECK_EQ(Try(&config), bad);
  config.portal_path = long_text + sizeof long_text - 1 - 1023;
  CHECK_EQ(Try(&config), 0);
  config = good;
  config.nat64_prefixes = &prefix;
  config.nat64_prefix_count = 1;
  prefix.address = Address("64:ff9b::");
  prefix.length = 97;
  CHECK_EQ(Try(&config), bad);
  prefix.length = 129;
  CHECK_EQ(Try(&config), bad);
  prefix.length = 96;
  CHECK_EQ(Try(&config), 0);
  prefix.address = Address("192.0.2.1");
  CHECK_EQ(Try(&config), bad);
  locals[0] = Address("2001:db8::2");
  CHECK_EQ(Try(&good), bad);
  memset(&locals[0], 0, sizeof locals[0]);
  CHECK_EQ(Try(&good), bad);
}

static void RefusesMisuse(void) {
  const natkit_behavior_config config = Config();
  natkit_behavior* behavior = New(&config);
  const natkit_address unset = {0};
  const natkit_address* const some = &servers[0];
  natkit_behavior_action action;
  natkit_nat_verdict verdict;
  natkit_nat_probe probe;
  natkit_nat_traits traits;
  natkit_nat_report report;
  natkit_nat_lifetime lifetime;
  uint8_t data[8] = {0};
  uint64_t deadline = 0;
  const int bad = NATKIT_ERR_BAD_ARGUMENT;
  const int size = NATKIT_ERR_STRUCT_SIZE;
  natkit_init(&action);
  CHECK_EQ(natkit_behavior_start(behavior, UINT64_MAX), bad);
  CHECK_EQ(natkit_behavior_poll_action(behavior, NULL, data, 8), bad);
  CHECK_EQ(natkit_behavior_poll_action(behavior, &action, NULL, 8), bad);
  action.struct_size -= 1;
  CHECK_EQ(natkit_behavior_poll_action(behavior, &action, data, 8), size);
  CHECK_EQ(natkit_behavior_next_timeout(behavior, NULL), bad);
  CHECK_EQ(natkit_behavior_handle_socket_opened(behavior, 0, 1, NULL), bad);
  CHECK_EQ(natkit_behavior_handle_socket_opened(behavior, 0, 1, &unset), bad);
  CHECK_EQ(natkit_behavior_handle_socket_failed(behavior, 0, 1, 0), bad);
  CHECK_EQ(natkit_behavior_handle_socket_failed(behavior, 0, 1, -65536), bad);
  CHECK_EQ(natkit_behavior_handle_datagram(behavior, 0, 1, NULL, data, 8), bad);
  CHECK_EQ(natkit_behavior_handle_datagram(behavior, 0, 1, some, NULL, 8), bad);
  CHECK_EQ(natkit_behavior_handle_stream_data(behavior, 0, 1, NULL, 8), bad);
  CHECK_EQ(natkit_behavior_handle_icmp_error(behavior, 0, 1, NULL, some, 3, 3),
           bad);
  CHECK_EQ(natkit_behavior_handle_icmp_error(behavior, 0, 1, some, NULL, 3, 3),
           bad);
  CHECK_EQ(
      natkit_behavior_handle_icmp_error(behavior, 0, 1, some, some, 256, 3),
      bad);
  CHECK_EQ(
      natkit_behavior_handle_icmp_error(behavior, 0, 1, some, some, 3, 256),
      bad);
  /* What a discovery does not know of is ignored. */
  CHECK_EQ(natkit_behavior_handle_socket_opened(behavior, 0, 99, some), 0);
  CHECK_EQ(natkit_behavior_handle_datagram(behavior, 0, 99, some, data, 8), 0);
  CHECK_EQ(natkit_behavior_handle_stream_data(behavior, 0, 99, data, 8), 0);
  CHECK_EQ(natkit_behavior_handle_icmp_error(behavior, 0, 9, some, some, 3, 3),
           0);
  natkit_init(&verdict);
  natkit_init(&probe);
  CHECK_EQ(natkit_behavior_get_verdict(behavior, 27, &verdict), bad);
  CHECK_EQ(natkit_behavior_get_verdict(behavior, 0, NULL), bad);
  verdict.struct_size -= 1;
  CHECK_EQ(natkit_behavior_get_verdict(behavior, 0, &verdict), size);
  CHECK_EQ(natkit_behavior_get_evidence(behavior, 27, 0, &probe), bad);
  CHECK_EQ(natkit_behavior_get_evidence(behavior, 0, 0, NULL), bad);
  CHECK_EQ(natkit_behavior_get_evidence(behavior, 0, 0, &probe),
           NATKIT_ERR_NOT_FOUND);
  CHECK_EQ(natkit_behavior_get_traits(behavior, NULL), bad);
  natkit_init_struct(&traits, sizeof traits - 1);
  CHECK_EQ(natkit_behavior_get_traits(behavior, &traits), size);
  CHECK_EQ(natkit_behavior_get_report(behavior, NULL), bad);
  natkit_init_struct(&report, sizeof report - 1);
  CHECK_EQ(natkit_behavior_get_report(behavior, &report), size);
  CHECK_EQ(natkit_behavior_get_external_addresses(behavior, NULL, 1), bad);
  CHECK_EQ(natkit_behavior_get_hops(behavior, NULL, 1), bad);
  CHECK_EQ(natkit_behavior_get_lifetime(behavior, 27, &lifetime), bad);
  CHECK_EQ(natkit_behavior_get_lifetime(behavior, 16, NULL), bad);
  CHECK_EQ(natkit_stun_client_cancel((natkit_stun_client*)behavior),
           NATKIT_ERR_BAD_HANDLE);
  natkit_behavior_free(behavior);
  natkit_behavior_free(behavior);
  natkit_behavior_free(NULL);
  CHECK_EQ(natkit_behavior_is_finished(behavior), NATKIT_ERR_BAD_HANDLE);
  CHECK_EQ(natkit_behavior_get_hops(behavior, NULL, 0), NATKIT_ERR_BAD_HANDLE);
  CHECK_EQ(natkit_behavior_handle_timeout(behavior, 0), NATKIT_ERR_BAD_HANDLE);
  CHECK_EQ(natkit_behavior_next_timeout(behavior, &deadline),
           NATKIT_ERR_BAD_HANDLE);
}

int main(void) {
  RUN(FindsNat64Prefixes);
  RUN(ConfigsAreChecked);
  RUN(RefusesMisuse);
  return 0;
}
