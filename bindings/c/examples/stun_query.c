/* Prints where a STUN server sees us: stun_query 192.0.2.1:3478 */
#include <natkit/natkit.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

int main(int argc, char** argv) {
  uint8_t data[1500];
  char text[NATKIT_ADDRESS_TEXT_SIZE] = "no answer";
  struct sockaddr_storage server;
  natkit_address to;
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
  const int length = natkit_address_to_sockaddr(
      &config.server, (struct sockaddr*)&server, sizeof server);
  struct pollfd udp = {socket(server.ss_family, SOCK_DGRAM, 0), POLLIN, 0};
  if (connect(udp.fd, (struct sockaddr*)&server, (socklen_t)length) != 0) {
    return perror("connect"), 1;
  }
  natkit_stun_client_start(client, natkit_monotonic_ns());
  while (natkit_stun_client_poll_event(client, &event) == 0) {
    uint64_t next = 0;
    int size;
    while ((size = natkit_stun_client_poll_transmit(client, &to, data,
                                                    sizeof data)) > 0) {
      send(udp.fd, data, (size_t)size, 0);
    }
    natkit_stun_client_next_timeout(client, &next);
    poll(&udp, 1, natkit_poll_timeout_ms(natkit_monotonic_ns(), next));
    const ssize_t got = recv(udp.fd, data, sizeof data, MSG_DONTWAIT);
    natkit_stun_client_handle_datagram(client, natkit_monotonic_ns(),
                                       &config.server, data,
                                       got < 0 ? 0 : (size_t)got);
    natkit_stun_client_handle_timeout(client, natkit_monotonic_ns());
  }
  natkit_address_format(&event.reflexive_address, text, sizeof text);
  natkit_stun_client_free(client);
  return puts(text) < 0 || event.outcome != NATKIT_STUN_OUTCOME_SUCCESS;
}
