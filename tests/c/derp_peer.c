/* A client of a relay by nothing but natkit/natkit.h: DERP over natkit's TLS
 * over a TCP connection of its own.
 *
 * usage: c_derp_peer PORT PIN
 *
 * Connects to 127.0.0.1, whose certificate has the pin. Writes "key KEY" (its
 * own), "start fast" or "start slow" (with or without the relay's key from its
 * certificates), "connected", "packet KEY TEXT", "gone KEY", "pong" and
 * "closed"; reads "send KEY TEXT", "ping" and "quit".
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "natkit/natkit.h"

enum { kMaxLine = 1024, kChunk = 16384 };

struct peer {
  int fd;
  natkit_tls_channel* tls;
  natkit_derp_client* derp;
  int is_started;
  int has_ended;
  char input[kMaxLine];
  size_t input_size;
};

static void Fail(const char* what, int code) {
  fprintf(stderr, "%s: %s\n", what, natkit_strerror(code));
  exit(1);
}

static void Check(const char* what, int code) {
  if (code < 0) {
    Fail(what, code);
  }
}

static int Connect(const char* port) {
  struct sockaddr_in address;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_port = htons((uint16_t)atoi(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0 || connect(fd, (struct sockaddr*)&address, sizeof address) != 0) {
    perror("connect");
    exit(1);
  }
  return fd;
}

static void Open(struct peer* peer, const char* port, const char* pin) {
  natkit_tls_client_config tls;
  natkit_derp_client_config derp;
  natkit_tls_context* context = NULL;
  uint8_t key[NATKIT_KEY_SIZE];
  uint8_t public_key[NATKIT_KEY_SIZE];
  char text[NATKIT_KEY_TEXT_SIZE];
  natkit_init(&tls);
  natkit_init(&derp);
  peer->fd = Connect(port);
  Check("context", natkit_tls_context_new_client(&tls, &context));
  Check("tls",
        natkit_tls_channel_connect(context, "127.0.0.1", pin, &peer->tls));
  natkit_tls_context_free(context);
  Check("key", natkit_key_generate(NULL, key));
  Check("key", natkit_key_get_public(key, public_key));
  Check("key", natkit_key_format(public_key, text, sizeof text));
  derp.private_key = key;
  derp.host = "127.0.0.1";
  Check("derp", natkit_derp_client_new(&derp, &peer->derp));
  natkit_wipe(key, sizeof key);
  printf("key %s\n", text);
}

/* Once the handshake is done: with the relay's key, if it sent that. */
static void Start(struct peer* peer) {
  uint8_t key[NATKIT_KEY_SIZE];
  if (peer->is_started ||
      natkit_tls_channel_is_handshake_done(peer->tls) != 1) {
    return;
  }
  const int is_fast = natkit_tls_channel_get_derp_key(peer->tls, key);
  Check("start", natkit_derp_client_start(peer->derp, natkit_monotonic_ns(),
                                          is_fast == 1 ? key : NULL));
  printf("start %s\n", is_fast == 1 ? "fast" : "slow");
  peer->is_started = 1;
}

static void SayEvent(struct peer* peer, const natkit_derp_event* event,
                     const char* data) {
  char key[NATKIT_KEY_TEXT_SIZE];
  Check("key", natkit_key_format(event->key, key, sizeof key));
  switch (event->type) {
    case NATKIT_DERP_EVENT_CONNECTED:
      printf("connected\n");
      break;
    case NATKIT_DERP_EVENT_PACKET:
      printf("packet %s %.*s\n", key, (int)event->data_size, data);
      break;
    case NATKIT_DERP_EVENT_PEER_GONE:
      printf("gone %s\n", key);
      break;
    case NATKIT_DERP_EVENT_PONG:
      printf("pong\n");
      break;
    case NATKIT_DERP_EVENT_CLOSED:
      printf("closed\n");
      peer->has_ended = 1;
      break;
    default:
      break;
  }
}

/* Says all that the client has. */
static void SayEvents(struct peer* peer) {
  static char data[NATKIT_DERP_MAX_PACKET];
  natkit_derp_event event;
  natkit_init(&event);
  while (natkit_derp_client_poll_event(peer->derp, &event, data, sizeof data) ==
         1) {
    SayEvent(peer, &event, data);
  }
  fflush(stdout);
}

/* Ciphertext to the stream. It blocks, which is well enough here. */
static void Flush(struct peer* peer) {
  char bytes[kChunk];
  int size = 0;
  while ((size = natkit_tls_channel_read_ciphertext(peer->tls, bytes,
                                                    sizeof bytes)) > 0) {
    if (send(peer->fd, bytes, (size_t)size, MSG_NOSIGNAL) != size) {
      peer->has_ended = 1;
      return;
    }
  }
}

/* From DERP through TLS to the stream. */
static void Send(struct peer* peer) {
  char bytes[kChunk];
  Start(peer);
  while (peer->is_started && natkit_tls_channel_is_writable(peer->tls) == 1) {
    const int size = natkit_derp_client_poll_transmit(
        peer->derp, natkit_monotonic_ns(), bytes, sizeof bytes);
    if (size <= 0) {
      break;
    }
    /* A channel that is writable takes a record whole. */
    if (natkit_tls_channel_write_plaintext(peer->tls, bytes, (size_t)size) !=
        size) {
      Fail("write", NATKIT_ERR_TLS_PROTOCOL);
    }
    Flush(peer);
  }
  Flush(peer);
}

/* From the stream through TLS to DERP. */
static void Receive(struct peer* peer) {
  char bytes[kChunk];
  const ssize_t got = recv(peer->fd, bytes, sizeof bytes, 0);
  if (got <= 0) {
    natkit_derp_client_handle_closed(peer->derp, natkit_monotonic_ns());
    peer->has_ended = 1;
    return;
  }
  const int code =
      natkit_tls_channel_handle_ciphertext(peer->tls, bytes, (size_t)got);
  if (code < 0) {
    char text[128];
    natkit_tls_channel_get_error_text(peer->tls, text, sizeof text);
    fprintf(stderr, "%s\n", text);
    Flush(peer);
    Fail("tls", code);
  }
  Start(peer);
  int size = 0;
  while ((size = natkit_tls_channel_read_plaintext(peer->tls, bytes,
                                                   sizeof bytes)) > 0) {
    Check("bytes", natkit_derp_client_handle_bytes(
                       peer->derp, natkit_monotonic_ns(), bytes, (size_t)size));
    SayEvents(peer);
  }
}

static void Take(struct peer* peer, char* line) {
  const uint64_t now = natkit_monotonic_ns();
  uint8_t key[NATKIT_KEY_SIZE];
  char* text = NULL;
  if (strcmp(line, "ping") == 0) {
    Check("ping", natkit_derp_client_ping(peer->derp, now));
  } else if (strcmp(line, "quit") == 0) {
    natkit_tls_channel_close(peer->tls);
    peer->has_ended = 1;
  } else if (strncmp(line, "send ", 5) == 0 &&
             (text = strchr(line + 5, ' ')) != NULL) {
    *text++ = '\0';
    Check("key", natkit_key_parse(line + 5, key));
    Check("send",
          natkit_derp_client_send(peer->derp, now, key, text, strlen(text)));
  }
}

static void ReadLines(struct peer* peer) {
  const size_t room = sizeof peer->input - 1 - peer->input_size;
  const ssize_t got = read(STDIN_FILENO, peer->input + peer->input_size, room);
  if (got <= 0) {
    peer->has_ended = 1;
    return;
  }
  peer->input_size += (size_t)got;
  peer->input[peer->input_size] = '\0';
  for (char* end = strchr(peer->input, '\n'); end != NULL;
       end = strchr(peer->input, '\n')) {
    *end = '\0';
    Take(peer, peer->input);
    peer->input_size -= (size_t)(end + 1 - peer->input);
    memmove(peer->input, end + 1, peer->input_size + 1);
  }
}

static void Run(struct peer* peer) {
  while (!peer->has_ended) {
    const uint64_t now = natkit_monotonic_ns();
    uint64_t due = now + NATKIT_SECOND;
    Check("timeout", natkit_derp_client_handle_timeout(peer->derp, now));
    SayEvents(peer);
    Send(peer);
    natkit_derp_client_next_timeout(peer->derp, &due);
    struct pollfd entries[2] = {{.fd = peer->fd, .events = POLLIN},
                                {.fd = STDIN_FILENO, .events = POLLIN}};
    poll(entries, 2, natkit_poll_timeout_ms(now, due));
    if (entries[0].revents != 0) {
      Receive(peer);
    }
    if (entries[1].revents != 0) {
      ReadLines(peer);
    }
  }
  SayEvents(peer);
  Flush(peer);
}

int main(int argc, char** argv) {
  static struct peer peer;
  if (argc != 3) {
    fprintf(stderr, "usage: %s PORT PIN\n", argv[0]);
    return 2;
  }
  Open(&peer, argv[1], argv[2]);
  Run(&peer);
  natkit_derp_client_free(peer.derp);
  natkit_tls_channel_free(peer.tls);
  close(peer.fd);
  return 0;
}
