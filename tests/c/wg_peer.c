/* A WireGuard interface in C: a TUN device and UDP sockets in a poll loop, a
 * device of natkit between them, configured by `wg` over the usual UNIX socket.
 * For c_wireguard_test.py, which has it talk to wireguard-go.
 *
 * usage: c_wg_peer INTERFACE
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "natkit/natkit.h"

#define MTU 1420
#define SLOTS 32
#define SLOT_SIZE 2048

enum { TUN, UDP4, UDP6, CONTROL, FDS };

typedef struct Batch {
  natkit_batch batch;
  uint8_t memory[(SLOTS + 8) * SLOT_SIZE];
  natkit_packet packets[SLOTS + 8];
} Batch;

typedef struct Peer {
  natkit_wg_device* device;
  struct pollfd fds[FDS];
  uint32_t port;
  uint8_t slots[SLOTS][SLOT_SIZE];
  natkit_packet in[SLOTS];
  Batch plaintext;
  Batch datagrams;
} Peer;

static volatile sig_atomic_t is_stopping = 0;

static void Stop(int number) {
  (void)number;
  is_stopping = 1;
}

static void Die(const char* what) {
  perror(what);
  exit(1);
}

static int Check(int result, const char* what) {
  if (result < 0) {
    fprintf(stderr, "%s: %s\n", what, natkit_strerror(result));
    exit(1);
  }
  return result;
}

static natkit_batch* Empty(Batch* batch) {
  natkit_init(&batch->batch);
  batch->batch.memory = batch->memory;
  batch->batch.memory_size = sizeof batch->memory;
  batch->batch.packets = batch->packets;
  batch->batch.packet_capacity = sizeof batch->packets / sizeof *batch->packets;
  return &batch->batch;
}

/* Set-up. */

static int OpenTun(const char* name) {
  const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  struct ifreq request;
  memset(&request, 0, sizeof request);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
  if (fd < 0 || ioctl(fd, TUNSETIFF, &request) != 0) {
    Die("/dev/net/tun");
  }
  const int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  request.ifr_mtu = MTU;
  if (any < 0 || ioctl(any, SIOCSIFMTU, &request) != 0) {
    Die("mtu");
  }
  close(any);
  return fd;
}

/* Opens a UDP socket; returns its port in host order. */
static uint32_t OpenUdp(struct pollfd* fd, int family, uint32_t port) {
  struct sockaddr_storage storage;
  socklen_t size = family == AF_INET ? sizeof(struct sockaddr_in)
                                     : sizeof(struct sockaddr_in6);
  const int one = 1;
  memset(&storage, 0, sizeof storage);
  storage.ss_family = (sa_family_t)family;
  if (family == AF_INET) {
    ((struct sockaddr_in*)&storage)->sin_port = htons((uint16_t)port);
  } else {
    ((struct sockaddr_in6*)&storage)->sin6_port = htons((uint16_t)port);
  }
  fd->fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (family == AF_INET6) {
    setsockopt(fd->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
  }
  if (fd->fd < 0 || bind(fd->fd, (struct sockaddr*)&storage, size) != 0 ||
      getsockname(fd->fd, (struct sockaddr*)&storage, &size) != 0) {
    Die("udp");
  }
  natkit_address bound;
  Check(natkit_address_from_sockaddr((struct sockaddr*)&storage, size, &bound),
        "getsockname");
  return bound.port;
}

/* Opens the port that the configuration asks for, if it is another one. */
static void FollowPort(Peer* peer) {
  natkit_wg_device_status status;
  natkit_init(&status);
  Check(natkit_wg_device_get_status(peer->device, &status), "status");
  if (peer->port != 0 && status.listen_port == peer->port) {
    return;
  }
  if (peer->port != 0) {
    close(peer->fds[UDP4].fd);
    close(peer->fds[UDP6].fd);
  }
  peer->port = OpenUdp(&peer->fds[UDP4], AF_INET, status.listen_port);
  OpenUdp(&peer->fds[UDP6], AF_INET6, peer->port);
  Check(natkit_wg_device_set_listen_port(peer->device, peer->port), "port");
}

static struct sockaddr_un ControlPath(const char* name) {
  struct sockaddr_un path;
  memset(&path, 0, sizeof path);
  path.sun_family = AF_UNIX;
  snprintf(path.sun_path, sizeof path.sun_path, "/run/wireguard/%s.sock", name);
  return path;
}

static int OpenControl(const char* name) {
  const struct sockaddr_un path = ControlPath(name);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  unlink(path.sun_path);
  if (fd < 0 || bind(fd, (const struct sockaddr*)&path, sizeof path) != 0 ||
      listen(fd, 8) != 0) {
    Die(path.sun_path);
  }
  return fd;
}

/* Datagrams and packets. */

static void SendDatagrams(Peer* peer) {
  natkit_batch* const batch = &peer->datagrams.batch;
  do {
    for (size_t i = 0; i < batch->packet_count; ++i) {
      const natkit_packet* const packet = &batch->packets[i];
      struct sockaddr_storage to;
      const int size = natkit_address_to_sockaddr(
          &packet->remote, (struct sockaddr*)&to, sizeof to);
      if (size > 0) { /* what does not go out is lost, as on any network */
        (void)sendto(peer->fds[to.ss_family == AF_INET ? UDP4 : UDP6].fd,
                     packet->data, packet->size, 0, (struct sockaddr*)&to,
                     (socklen_t)size);
      }
    }
    Empty(&peer->datagrams);
  } while (Check(natkit_wg_device_poll_transmit(peer->device, batch), "poll") >
           0);
}

static void HandleTun(Peer* peer) {
  size_t count = 0;
  for (; count < SLOTS; ++count) {
    const ssize_t size = read(peer->fds[TUN].fd, peer->slots[count], SLOT_SIZE);
    if (size <= 0) {
      break;
    }
    peer->in[count].data = peer->slots[count];
    peer->in[count].size = (size_t)size;
  }
  Check(natkit_wg_device_send_packets(peer->device, natkit_monotonic_ns(),
                                      peer->in, count, Empty(&peer->datagrams)),
        "send");
  SendDatagrams(peer);
}

static size_t Receive(Peer* peer, int fd) {
  size_t count = 0;
  for (; count < SLOTS; ++count) {
    struct sockaddr_storage from;
    socklen_t from_size = sizeof from;
    natkit_packet* const packet = &peer->in[count];
    memset(packet, 0, sizeof *packet);
    const ssize_t size = recvfrom(fd, peer->slots[count], SLOT_SIZE, 0,
                                  (struct sockaddr*)&from, &from_size);
    if (size < 0) {
      break;
    }
    packet->data = peer->slots[count];
    packet->size = (size_t)size;
    Check(natkit_address_from_sockaddr((struct sockaddr*)&from, from_size,
                                       &packet->remote),
          "recvfrom");
  }
  return count;
}

static void HandleUdp(Peer* peer, int fd) {
  const size_t count = Receive(peer, fd);
  natkit_batch* const plaintext = Empty(&peer->plaintext);
  Check(natkit_wg_device_handle_datagrams(peer->device, natkit_monotonic_ns(),
                                          peer->in, count, plaintext,
                                          Empty(&peer->datagrams)),
        "handle");
  for (size_t i = 0; i < plaintext->packet_count; ++i) {
    if (write(peer->fds[TUN].fd, plaintext->packets[i].data,
              plaintext->packets[i].size) < 0 &&
        errno != EAGAIN && errno != EIO) {
      Die("write");
    }
  }
  SendDatagrams(peer);
}

static void HandleTimeout(Peer* peer) {
  Check(natkit_wg_device_handle_timeout(peer->device, natkit_monotonic_ns(),
                                        Empty(&peer->datagrams)),
        "timeout");
  SendDatagrams(peer);
}

/* Configuration. */

/* Reads up to the empty line that ends an operation, however long `wg` takes:
 * a busy machine may stop it for seconds after it has connected. */
static size_t ReadRequest(int fd, char* request, size_t capacity) {
  size_t size = 0;
  while (size < 2 || memcmp(request + size - 2, "\n\n", 2) != 0) {
    const ssize_t more = read(fd, request + size, capacity - size);
    if (more <= 0) {
      return 0;
    }
    size += (size_t)more;
  }
  return size;
}

static void HandleControl(Peer* peer) {
  static char request[65536];
  static char answer[65536];
  const int fd = accept4(peer->fds[CONTROL].fd, NULL, NULL, SOCK_CLOEXEC);
  if (fd < 0) {
    return;
  }
  const size_t size = ReadRequest(fd, request, sizeof request);
  const int length =
      natkit_wg_device_handle_uapi(peer->device, natkit_monotonic_ns(), request,
                                   size, answer, sizeof answer, NULL);
  if (length > 0 && write(fd, answer, (size_t)length) != length) {
    perror("control");
  }
  natkit_wipe(request, sizeof request);
  natkit_wipe(answer, sizeof answer);
  close(fd);
  FollowPort(peer);
}

/* The loop. */

/* Waits until something can be done, or a signal came: they are let in here
 * alone, so that none comes between the look at `is_stopping` and the wait. */
static int Wait(Peer* peer) {
  sigset_t none;
  sigemptyset(&none);
  uint64_t due = 0;
  if (Check(natkit_wg_device_next_timeout(peer->device, &due), "next") == 0) {
    return ppoll(peer->fds, FDS, NULL, &none);
  }
  const int ms = natkit_poll_timeout_ms(natkit_monotonic_ns(), due);
  const struct timespec patience = {ms / 1000, ms % 1000 * 1000000L};
  return ppoll(peer->fds, FDS, &patience, &none);
}

static void HoldSignals(void) {
  struct sigaction action;
  sigset_t held;
  memset(&action, 0, sizeof action);
  action.sa_handler = Stop;
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  signal(SIGPIPE, SIG_IGN);
  sigemptyset(&held);
  sigaddset(&held, SIGTERM);
  sigaddset(&held, SIGINT);
  sigprocmask(SIG_BLOCK, &held, NULL);
}

static void PrintEvents(const Peer* peer) {
  natkit_wg_event event;
  natkit_init(&event);
  while (Check(natkit_wg_device_poll_event(peer->device, &event), "event") >
         0) {
    fprintf(stderr, "event %u of peer %u\n", (unsigned)event.type,
            (unsigned)event.peer);
  }
}

static void RunLoop(Peer* peer) {
  while (!is_stopping) {
    if (Wait(peer) < 0) {
      continue;
    }
    HandleTimeout(peer);
    if (peer->fds[TUN].revents != 0) {
      HandleTun(peer);
    }
    if (peer->fds[UDP4].revents != 0) {
      HandleUdp(peer, peer->fds[UDP4].fd);
    }
    if (peer->fds[UDP6].revents != 0) {
      HandleUdp(peer, peer->fds[UDP6].fd);
    }
    if (peer->fds[CONTROL].revents != 0) {
      HandleControl(peer);
    }
    PrintEvents(peer);
  }
}

int main(int argc, char** argv) {
  static Peer peer; /* is large, and begins with zeros */
  if (argc != 2) {
    fputs("usage: c_wg_peer INTERFACE\n", stderr);
    return 2;
  }
  HoldSignals();
  natkit_wg_device_config config;
  natkit_init(&config);
  config.now_ns = natkit_monotonic_ns();
  config.wall_clock_ns = natkit_wall_clock_ns();
  config.mtu = MTU;
  Check(natkit_wg_device_new(&config, &peer.device), "device");
  for (int i = 0; i < FDS; ++i) {
    peer.fds[i].events = POLLIN;
  }
  peer.fds[TUN].fd = OpenTun(argv[1]);
  FollowPort(&peer);
  peer.fds[CONTROL].fd = OpenControl(argv[1]);
  RunLoop(&peer);

  natkit_wg_device_free(peer.device);
  const struct sockaddr_un path = ControlPath(argv[1]);
  unlink(path.sun_path);
  return 0;
}
