/* Which NAT is this host behind? Wants a STUN server with RFC 5780. */
#include <natkit/natkit.h>
#include <poll.h>
#include <stdio.h>

int main(int argc, char** argv) {
  natkit_behavior_config config;
  natkit_nat_verdict verdict;
  natkit_behavior* behavior;
  natkit_nat_check* check;
  natkit_address server, local;
  natkit_init(&config);
  natkit_init(&verdict);
  config.servers = &server;
  config.local_addresses = &local;
  config.server_count = config.local_address_count = 1;
  config.drops_own_source = 1;
  if (argc != 2 || natkit_address_parse(argv[1], &server) < 0 ||
      natkit_get_local_address(&server, &local) < 0 ||
      natkit_behavior_new(&config, &behavior) < 0 ||
      natkit_nat_check_new(behavior, &check) < 0) {
    return fprintf(stderr, "usage: which_nat STUN_ADDRESS:PORT\n"), 2;
  }
  while (natkit_behavior_is_finished(behavior) == 0) {
    struct pollfd ready = {natkit_nat_check_get_fd(check), POLLIN, 0};
    int ms = -1;
    natkit_nat_check_get_timeout(check, &ms);
    poll(&ready, 1, ms);
    natkit_nat_check_process(check);
  }
  for (uint32_t axis = 0; natkit_nat_all_axes() >> axis != 0; ++axis) {
    natkit_behavior_get_verdict(behavior, axis, &verdict);
    if (verdict.outcome == NATKIT_NAT_DETERMINED) {
      printf("%-16s %s\n", natkit_nat_axis_name(axis), verdict.value);
    }
  }
  natkit_nat_check_free(check);
  natkit_behavior_free(behavior);
  return 0;
}
