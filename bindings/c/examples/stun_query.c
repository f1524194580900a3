/* Prints the address at which a STUN server sees us: stun_query 192.0.2.1:3478
 */
#include <natkit/natkit.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

int main(int argc, char** argv) {
  natkit_stun_client_config config;
  natkit_stun_client* client;
  natkit_stun_event event;
  struct sockaddr_storage server;
  char text[NATKIT_ADDRESS_TEXT_SIZE] = "no answer";
  natkit_init(&config);
  natkit_init(&event);
  config.schedule.request_count = 3; /* gives up after 9.5 seconds */
  if (argc != 2 || natkit_address_parse(&config.server, argv[1]) < 0 ||
      natkit_stun_client_new(&config, &client) < 0) {
    return fprintf(stderr, "usage: stun_query ADDRESS:PORT\n"), 2;
  }
  int size =
      natkit_address_to_sockaddr(&config.server, (void*)&server, sizeof server);
  const int fd = socket(server.ss_family, SOCK_DGRAM, 0);
  if (connect(fd, (void*)&server, (socklen_t)size) != 0) {
    return perror("connect"), 1;
  }
  natkit_stun_client_start(client, natkit_monotonic_ns());
  while (natkit_stun_client_poll_event(client, &event) == 0) {
    uint8_t data[1500];
    natkit_address to;
    uint64_t deadline = 0;
    struct pollfd ready = {fd, POLLIN, 0};
    while ((size = natkit_stun_client_poll_transmit(client, &to, data,
                                                    sizeof data)) > 0) {
      send(fd, data, (size_t)size, 0);
    }
    natkit_stun_client_next_timeout(client, &deadline);
    poll(&ready, 1, natkit_poll_timeout_ms(natkit_monotonic_ns(), deadline));
    const ssize_t got = recv(fd, data, sizeof data, MSG_DONTWAIT);
    if (got >= 0) {
      natkit_stun_client_handle_datagram(client, natkit_monotonic_ns(),
                                         &config.server, data, (size_t)got);
    }
    natkit_stun_client_handle_timeout(client, natkit_monotonic_ns());
  }
  natkit_address_format(&event.reflexive_address, text, sizeof text);
  puts(text);
  natkit_stun_client_free(client);
  return event.outcome == NATKIT_STUN_OUTCOME_SUCCESS ? 0 : 1;
}
