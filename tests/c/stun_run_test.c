/* natkit_stun_client_run() over loopback, against a server in a thread. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "natkit/natkit.h"

#define MS NATKIT_MILLISECOND

/* A socket on a loopback address, and what that address is. */
static int OpenSocket(const char* text, natkit_address* bound) {
  struct sockaddr_storage storage;
  natkit_address address;
  CHECK_EQ(natkit_address_parse(text, &address), 0);
  const int size = natkit_address_to_sockaddr(
      &address, (struct sockaddr*)&storage, sizeof storage);
  const int fd = socket(storage.ss_family, SOCK_DGRAM, 0);
  CHECK(fd >= 0);
  CHECK_EQ(bind(fd, (struct sockaddr*)&storage, (socklen_t)size), 0);
  socklen_t length = sizeof storage;
  CHECK_EQ(getsockname(fd, (struct sockaddr*)&storage, &length), 0);
  CHECK_EQ(
      natkit_address_from_sockaddr((struct sockaddr*)&storage, length, bound),
      0);
  return fd;
}

static void SendTo(int fd, const natkit_address* to, const void* data,
                   size_t size) {
  struct sockaddr_storage storage;
  const int length = natkit_address_to_sockaddr(to, (struct sockaddr*)&storage,
                                                sizeof storage);
  CHECK_EQ(
      sendto(fd, data, size, 0, (struct sockaddr*)&storage, (socklen_t)length),
      size);
}

/* A server that leaves the first `lost` requests unanswered, and says something
 * else before each answer. */
typedef struct server {
  natkit_address address;
  int fd;
  int stop[2];
  int lost;
  pthread_t thread;
} server;

static void Answer(const server* s, natkit_stun_server* core,
                   const struct sockaddr_storage* source, socklen_t length,
                   const uint8_t* request, size_t size) {
  uint8_t response[NATKIT_STUN_MAX_RESPONSE_SIZE];
  natkit_stun_reply reply;
  natkit_address from;
  CHECK_EQ(natkit_address_from_sockaddr((const struct sockaddr*)source, length,
                                        &from),
           0);
  const int answer = natkit_stun_server_handle_datagram(
      core, natkit_monotonic_ns(), &s->address, &from, request, size, &reply,
      response, sizeof response);
  CHECK(answer > 0);
  SendTo(s->fd, &from, "no answer of a STUN server's", 28);
  SendTo(s->fd, &from, "", 0);
  SendTo(s->fd, &reply.to, response, (size_t)answer);
}

static void* Serve(void* context) {
  server* s = context;
  natkit_stun_server* core = NULL;
  natkit_stun_server_config config;
  uint8_t request[1500];
  natkit_init(&config);
  CHECK_EQ(natkit_stun_server_new(&config, &core), 0);
  for (;;) {
    struct sockaddr_storage source;
    socklen_t length = sizeof source;
    struct pollfd ready[2] = {{s->fd, POLLIN, 0}, {s->stop[0], POLLIN, 0}};
    CHECK(poll(ready, 2, -1) > 0);
    if (ready[1].revents != 0) {
      break;
    }
    const ssize_t size = recvfrom(s->fd, request, sizeof request, 0,
                                  (struct sockaddr*)&source, &length);
    if (size > 0 && s->lost-- <= 0) {
      Answer(s, core, &source, length, request, (size_t)size);
    }
  }
  natkit_stun_server_free(core);
  return NULL;
}

static void Start(server* s, const char* address, int lost) {
  s->fd = OpenSocket(address, &s->address);
  s->lost = lost;
  CHECK_EQ(pipe(s->stop), 0);
  CHECK_EQ(pthread_create(&s->thread, NULL, Serve, s), 0);
}

static void Stop(server* s) {
  CHECK_EQ(write(s->stop[1], "x", 1), 1);
  CHECK_EQ(pthread_join(s->thread, NULL), 0);
  close(s->stop[0]);
  close(s->stop[1]);
  close(s->fd);
}

static natkit_stun_client* NewClient(const natkit_address* to) {
  natkit_stun_client* client = NULL;
  natkit_stun_client_config config;
  natkit_init(&config);
  config.server = *to;
  CHECK_EQ(natkit_stun_client_new(&config, &client), 0);
  return client;
}

/* Asks over `fd`, which is bound to `bound`. */
static void CheckAnswered(int fd, const natkit_address* bound,
                          const natkit_address* to) {
  natkit_stun_client* client = NewClient(to);
  natkit_stun_event event;
  uint64_t next = 0;
  for (int i = 0; i < 2; ++i) { /* one client asks as often as it likes */
    natkit_init(&event);
    CHECK_EQ(natkit_stun_client_run(client, fd, &event), 1);
    CHECK_EQ(event.outcome, NATKIT_STUN_OUTCOME_SUCCESS);
    CHECK_EQ(natkit_address_equal(&event.reflexive_address, bound), 1);
    CHECK_EQ(natkit_address_equal(&event.server, to), 1);
    CHECK_EQ(natkit_stun_client_poll_event(client, &event), 0);
    CHECK_EQ(natkit_stun_client_next_timeout(client, &next), 0);
  }
  natkit_stun_client_free(client);
}

static void AsksOverIpv4AndIpv6(void) {
  static const char* const addresses[] = {"127.0.0.1:0", "[::1]:0"};
  for (int i = 0; i < 2; ++i) {
    server s;
    natkit_address bound;
    Start(&s, addresses[i], 0);
    const int fd = OpenSocket(addresses[i], &bound);
    CheckAnswered(fd, &bound, &s.address);
    close(fd);
    Stop(&s);
  }
}

static void SendsAgainWhatWasLost(void) {
  server s;
  natkit_address bound;
  Start(&s, "127.0.0.1:0", 2);
  const int fd = OpenSocket("127.0.0.1:0", &bound);
  CheckAnswered(fd, &bound, &s.address);
  close(fd);
  Stop(&s);
}

static void TakesAConnectedSocket(void) {
  server s;
  struct sockaddr_storage storage;
  natkit_address bound;
  Start(&s, "127.0.0.1:0", 0);
  const int fd = OpenSocket("127.0.0.1:0", &bound);
  const int size = natkit_address_to_sockaddr(
      &s.address, (struct sockaddr*)&storage, sizeof storage);
  CHECK_EQ(connect(fd, (struct sockaddr*)&storage, (socklen_t)size), 0);
  CheckAnswered(fd, &bound, &s.address);
  close(fd);
  Stop(&s);
}

static void AsksAnIpv4ServerOverASocketOfBothFamilies(void) {
  server s;
  natkit_address bound;
  Start(&s, "127.0.0.1:0", 0);
  const int fd = OpenSocket("[::]:0", &bound);
  natkit_address seen = s.address;
  seen.port = bound.port;
  CheckAnswered(fd, &seen, &s.address);
  close(fd);
  Stop(&s);
}

/* A client with a short schedule, for a port where nobody is. */
static natkit_stun_client* NewUnheardClient(void) {
  natkit_stun_client* client = NULL;
  natkit_stun_client_config config;
  natkit_init(&config);
  config.schedule.initial_timeout_ns = 10 * MS;
  config.schedule.request_count = 3;
  config.schedule.final_wait_ns = 20 * MS;
  close(OpenSocket("127.0.0.1:0", &config.server));
  CHECK_EQ(natkit_stun_client_new(&config, &client), 0);
  return client;
}

/* ICMP errors are no end. */
static void CheckTimesOut(natkit_stun_client* client, int fd) {
  natkit_stun_event event;
  const uint64_t begin = natkit_monotonic_ns();
  natkit_init(&event);
  CHECK_EQ(natkit_stun_client_run(client, fd, &event), 1);
  CHECK_EQ(event.outcome, NATKIT_STUN_OUTCOME_TIMED_OUT);
  CHECK(natkit_monotonic_ns() - begin >= 50 * MS); /* 10 + 20 + 2 * 10 */
}

static void GivesUpWhenNobodyAnswers(void) {
  natkit_address bound;
  natkit_stun_client* client = NewUnheardClient();
  const int fd = OpenSocket("127.0.0.1:0", &bound);
  CheckTimesOut(client, fd);
  natkit_stun_client_free(client);
  close(fd);
}

/* Errors that wait to be read would wake whoever waits for datagrams. */
static void TakesErrorsThatAreQueued(void) {
  natkit_address bound;
  const int on = 1;
  natkit_stun_client* client = NewUnheardClient();
  const int fd = OpenSocket("127.0.0.1:0", &bound);
  CHECK_EQ(setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof on), 0);
  CheckTimesOut(client, fd);
  struct pollfd ready = {fd, POLLIN, 0};
  CHECK_EQ(poll(&ready, 1, 0), 0);
  natkit_stun_client_free(client);
  close(fd);
}

/* A client that was on another clock before. */
static void ItsTimeGoesOnWhateverItWas(void) {
  static const uint64_t times[] = {UINT64_C(1) << 60, (UINT64_C(1) << 62) - 1};
  natkit_address bound;
  const int fd = OpenSocket("127.0.0.1:0", &bound);
  for (int i = 0; i < 2; ++i) {
    natkit_stun_client* client = NewUnheardClient();
    CHECK_EQ(natkit_stun_client_start(client, times[i]), 0);
    CheckTimesOut(client, fd);
    natkit_stun_client_free(client);
  }
  close(fd);
}

static void CheckRefused(natkit_stun_client* client, int fd, int expected) {
  natkit_stun_event event;
  uint64_t next = 0;
  natkit_init(&event);
  CHECK_EQ(natkit_stun_client_run(client, fd, &event), expected);
  /* Nothing is left of it. */
  CHECK_EQ(natkit_stun_client_next_timeout(client, &next), 0);
  if (fd >= 0) {
    close(fd);
  }
}

static void RefusesWhatIsNoSocketForIt(void) {
  int fds[2];
  natkit_address server_address;
  natkit_address bound;
  CHECK_EQ(natkit_address_parse("[::1]:3478", &server_address), 0);
  natkit_stun_client* client = NewClient(&server_address);
  CheckRefused(client, -1, NATKIT_ERR_UNSUPPORTED);
  CheckRefused(client, socket(AF_INET6, SOCK_STREAM, 0),
               NATKIT_ERR_UNSUPPORTED);
  CHECK_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
  CheckRefused(client, fds[0], NATKIT_ERR_UNSUPPORTED);
  close(fds[1]);
  CHECK_EQ(pipe(fds), 0);
  CheckRefused(client, fds[0], NATKIT_ERR_UNSUPPORTED);
  close(fds[1]);
  CheckRefused(client, OpenSocket("127.0.0.1:0", &bound),
               NATKIT_ERR_UNSUPPORTED);
  natkit_stun_client_free(client);
}

static void SaysAtOnceThatTheServerCannotBeReached(void) {
  natkit_address server_address;
  const int on = 1;
  CHECK_EQ(natkit_address_parse("127.0.0.1:3478", &server_address), 0);
  natkit_stun_client* client = NewClient(&server_address);
  const int fd = socket(AF_INET6, SOCK_DGRAM, 0);
  CHECK_EQ(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on), 0);
  CheckRefused(client, fd, NATKIT_ERR_UNREACHABLE);
  natkit_stun_client_free(client);
}

static void RefusesMisuse(void) {
  natkit_stun_event event;
  natkit_address bound;
  const int fd = OpenSocket("127.0.0.1:0", &bound);
  natkit_stun_client* client = NewClient(&bound);
  memset(&event, 0, sizeof event);
  CHECK_EQ(natkit_stun_client_run(client, fd, NULL), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_stun_client_run(client, fd, &event), NATKIT_ERR_STRUCT_SIZE);
  natkit_init(&event);
  CHECK_EQ(natkit_stun_client_run(NULL, fd, &event), NATKIT_ERR_BAD_HANDLE);
  natkit_stun_client_free(client);
  CHECK_EQ(natkit_stun_client_run(client, fd, &event), NATKIT_ERR_BAD_HANDLE);
  close(fd);
}

int main(void) {
  RUN(AsksOverIpv4AndIpv6);
  RUN(SendsAgainWhatWasLost);
  RUN(TakesAConnectedSocket);
  RUN(AsksAnIpv4ServerOverASocketOfBothFamilies);
  RUN(GivesUpWhenNobodyAnswers);
  RUN(TakesErrorsThatAreQueued);
  RUN(ItsTimeGoesOnWhateverItWas);
  RUN(RefusesWhatIsNoSocketForIt);
  RUN(SaysAtOnceThatTheServerCannotBeReached);
  RUN(RefusesMisuse);
  return 0;
}
