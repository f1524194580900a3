/* Prints where a STUN server sees us: stun_query 192.0.2.1:3478 */
#include <natkit/natkit.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char** argv) {
  char text[NATKIT_ADDRESS_TEXT_SIZE];
  natkit_stun_client* client;
  natkit_stun_client_config config;
  natkit_stun_event event;
  natkit_init(&config);
  natkit_init(&event);
  config.schedule.request_count = 3; /* gives up after 9.5 seconds */
  if (argc != 2 || natkit_address_parse(argv[1], &config.server) < 0 ||
      natkit_stun_client_new(&config, &client) < 0) {
    return fprintf(stderr, "usage: stun_query ADDRESS:PORT\n"), 2;
  }
  const int is_v6 = config.server.family == NATKIT_FAMILY_IPV6;
  const int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
  const int result = natkit_stun_client_run(client, fd, &event);
  natkit_stun_client_free(client);
  close(fd);
  if (result < 0 || event.outcome != NATKIT_STUN_OUTCOME_SUCCESS) {
    return puts(result < 0 ? natkit_strerror(result) : "no answer"), 1;
  }
  natkit_address_format(&event.reflexive_address, text, sizeof text);
  puts(text);
  return 0;
}
