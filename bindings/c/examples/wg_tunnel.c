/* A WireGuard tunnel over a transport of one's own, here a pair of sockets
 * between two processes: one sends an IP packet, the other one answers.
 */
#include <natkit/natkit.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM 2048

static natkit_wg_tunnel* NewTunnel(const uint8_t* private_key,
                                   const uint8_t* public_key) {
  natkit_wg_tunnel* tunnel = NULL;
  natkit_wg_tunnel_config config;
  natkit_init(&config);
  config.now_ns = natkit_monotonic_ns();
  config.wall_clock_ns = natkit_wall_clock_ns();
  memcpy(config.private_key, private_key, NATKIT_KEY_SIZE);
  memcpy(config.public_key, public_key, NATKIT_KEY_SIZE);
  const int result = natkit_wg_tunnel_new(&config, &tunnel);
  natkit_wipe(&config, sizeof config);
  if (result < 0) {
    fprintf(stderr, "tunnel: %s\n", natkit_strerror(result));
    exit(1);
  }
  return tunnel;
}

/* What a program does after each call: sends all that the tunnel has to say. */
static void SendAll(natkit_wg_tunnel* tunnel, int fd) {
  uint8_t datagram[ROOM];
  int size;
  while ((size = natkit_wg_tunnel_poll_transmit(tunnel, datagram, ROOM)) > 0) {
    send(fd, datagram, (size_t)size, 0);
  }
}

/* Sends an IPv4 packet with a text in it to 10.0.0.`to`. */
static void Send(natkit_wg_tunnel* wg, int fd, uint8_t to, const char* text) {
  const uint8_t length = (uint8_t)(20 + strlen(text));
  uint8_t datagram[NATKIT_WG_SEALED_SIZE(ROOM)];
  uint8_t packet[ROOM] = {0x45,   [3] = length, [12] = 10, 0, 0,
                          3 - to, 10,           0,         0, to};
  memcpy(packet + 20, text, strlen(text));
  const int size = natkit_wg_tunnel_seal(wg, natkit_monotonic_ns(), packet,
                                         length, datagram, sizeof datagram);
  if (size > 0) { /* else it waits for the handshake that begins now */
    send(fd, datagram, (size_t)size, 0);
  }
  SendAll(wg, fd);
}

/* Runs the tunnel until a packet comes out of it; prints its text. */
static void WaitForPacket(natkit_wg_tunnel* tunnel, int fd, const char* name) {
  uint8_t datagram[ROOM], packet[ROOM];
  int size = 0;
  while (size <= 0) {
    struct pollfd ready = {fd, POLLIN, 0};
    uint64_t due = UINT64_MAX;
    natkit_wg_tunnel_next_timeout(tunnel, &due);
    poll(&ready, 1, natkit_poll_timeout_ms(natkit_monotonic_ns(), due));
    natkit_wg_tunnel_handle_timeout(tunnel, natkit_monotonic_ns());
    const ssize_t got = recv(fd, datagram, ROOM, MSG_DONTWAIT);
    if (got > 0) {
      size = natkit_wg_tunnel_open(tunnel, natkit_monotonic_ns(), datagram,
                                   (size_t)got, packet, ROOM);
    }
    SendAll(tunnel, fd);
  }
  printf("%s: %.*s\n", name, size - 20, (const char*)packet + 20);
  fflush(stdout);
}

int main(void) {
  int fds[2];
  uint8_t private_keys[2][NATKIT_KEY_SIZE], public_keys[2][NATKIT_KEY_SIZE];
  for (int i = 0; i < 2; ++i) {
    natkit_key_generate(NULL, private_keys[i]);
    natkit_key_get_public(private_keys[i], public_keys[i]);
  }
  pid_t child = -1;
  if (socketpair(AF_UNIX, SOCK_DGRAM, 0, fds) != 0 || (child = fork()) < 0) {
    return perror("start"), 1;
  }
  const int side = child == 0;
  natkit_wg_tunnel* const tunnel =
      NewTunnel(private_keys[side], public_keys[1 - side]);
  if (side == 0) {
    Send(tunnel, fds[0], 2, "hello");
    WaitForPacket(tunnel, fds[0], "first");
  } else {
    WaitForPacket(tunnel, fds[1], "second");
    Send(tunnel, fds[1], 1, "hello yourself");
  }
  natkit_wg_tunnel_free(tunnel);
  return 0;
}
