/* A WireGuard tunnel over a transport of one's own, here a pair of sockets
 * between two processes: one sends an IP packet, the other one answers.
 */
#include <natkit/natkit.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROOM 2048

static const uint8_t kHosts[2][4] = {{10, 0, 0, 1}, {10, 0, 0, 2}};

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

/* An IPv4 packet with a text in it, from host `from` to the other one. */
static size_t MakePacket(uint8_t* out, int from, const char* text) {
  const size_t size = 20 + strlen(text);
  memset(out, 0, 20);
  out[0] = 0x45;
  out[2] = (uint8_t)(size >> 8);
  out[3] = (uint8_t)size;
  memcpy(out + 12, kHosts[from], 4);
  memcpy(out + 16, kHosts[1 - from], 4);
  memcpy(out + 20, text, strlen(text));
  return size;
}

/* What a program does after each call: sends all that the tunnel has to say. */
static void SendAll(natkit_wg_tunnel* tunnel, int fd) {
  uint8_t datagram[ROOM];
  int size;
  while ((size = natkit_wg_tunnel_poll_transmit(tunnel, datagram,
                                                sizeof datagram)) > 0) {
    send(fd, datagram, (size_t)size, 0);
  }
}

static void Seal(natkit_wg_tunnel* tunnel, int fd, int from, const char* text) {
  uint8_t packet[ROOM];
  uint8_t datagram[NATKIT_WG_SEALED_SIZE(ROOM)];
  const int size = natkit_wg_tunnel_seal(tunnel, natkit_monotonic_ns(), packet,
                                         MakePacket(packet, from, text),
                                         datagram, sizeof datagram);
  if (size > 0) { /* else it waits for the handshake that begins now */
    send(fd, datagram, (size_t)size, 0);
  }
  SendAll(tunnel, fd);
}

/* Runs the tunnel until a packet comes out of it; prints its text. */
static void WaitForPacket(natkit_wg_tunnel* tunnel, int fd, const char* name) {
  uint8_t datagram[ROOM];
  uint8_t packet[ROOM];
  int size = 0;
  while (size <= 0) {
    struct pollfd ready = {fd, POLLIN, 0};
    uint64_t due = 0;
    const int is_planned = natkit_wg_tunnel_next_timeout(tunnel, &due);
    poll(&ready, 1,
         is_planned ? natkit_poll_timeout_ms(natkit_monotonic_ns(), due) : -1);
    natkit_wg_tunnel_handle_timeout(tunnel, natkit_monotonic_ns());
    const ssize_t got = recv(fd, datagram, sizeof datagram, MSG_DONTWAIT);
    if (got > 0) {
      size = natkit_wg_tunnel_open(tunnel, natkit_monotonic_ns(), datagram,
                                   (size_t)got, packet, sizeof packet);
    }
    SendAll(tunnel, fd);
  }
  printf("%s: %.*s\n", name, size - 20, (const char*)packet + 20);
  fflush(stdout);
}

int main(void) {
  int fds[2];
  uint8_t private_keys[2][NATKIT_KEY_SIZE];
  uint8_t public_keys[2][NATKIT_KEY_SIZE];
  for (int i = 0; i < 2; ++i) {
    natkit_key_generate(NULL, private_keys[i]);
    natkit_key_get_public(private_keys[i], public_keys[i]);
  }
  if (socketpair(AF_UNIX, SOCK_DGRAM, 0, fds) != 0) {
    return perror("socketpair"), 1;
  }
  const pid_t child = fork();
  const int side = child == 0 ? 1 : 0;
  natkit_wg_tunnel* const tunnel =
      NewTunnel(private_keys[side], public_keys[1 - side]);
  if (side == 0) {
    Seal(tunnel, fds[0], 0, "hello");
    WaitForPacket(tunnel, fds[0], "first");
    waitpid(child, NULL, 0);
  } else {
    WaitForPacket(tunnel, fds[1], "second");
    Seal(tunnel, fds[1], 1, "hello yourself");
  }
  natkit_wg_tunnel_free(tunnel);
  return 0;
}
