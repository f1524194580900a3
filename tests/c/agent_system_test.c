/* natkit/agent.h: a hub and what the system beneath it does. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "agent_side.h"
#include "check.h"
#include "natkit/natkit.h"

/* Seconds that the system seems to have slept: this program has a clock of its
 * own. */
static time_t asleep = 0;

int clock_gettime(clockid_t clock, struct timespec* out) {
  const long result = syscall(SYS_clock_gettime, clock, out);
  if (result == 0 && clock == CLOCK_BOOTTIME) {
    out->tv_sec += asleep;
  }
  return (int)result;
}

static int LoopbackSocket(struct sockaddr_in* out) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  socklen_t size = sizeof *out;
  CHECK(fd >= 0);
  memset(out, 0, sizeof *out);
  out->sin_family = AF_INET;
  out->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK_EQ(bind(fd, (struct sockaddr*)out, sizeof *out), 0);
  CHECK_EQ(getsockname(fd, (struct sockaddr*)out, &size), 0);
  return fd;
}

/* How many STUN requests came that differ from that of before. */
static int TakeRequests(int fd, uint8_t* last) {
  uint8_t request[1500];
  int count = 0;
  while (recv(fd, request, sizeof request, MSG_DONTWAIT) >= 20) {
    count += memcmp(last, request, 20) != 0;
    memcpy(last, request, 20);
  }
  return count;
}

static void SleepAndChangesHaveServersAskedAnew(void) {
  struct side side;
  struct sockaddr_in address;
  natkit_address server;
  uint8_t last[20] = {0};
  const int fd = LoopbackSocket(&address);
  CHECK_EQ(natkit_address_from_sockaddr((struct sockaddr*)&address,
                                        sizeof address, &server),
           0);
  Open(&side);
  CHECK_EQ(natkit_hub_set_stun_servers(side.hub, &server, 1), 0);
  CHECK(TakeRequests(fd, last) >= 1);
  CHECK_EQ(natkit_hub_process(side.hub), 0);
  CHECK_EQ(TakeRequests(fd, last), 0);
  asleep = 3600;
  CHECK_EQ(natkit_hub_process(side.hub), 0);
  CHECK(TakeRequests(fd, last) >= 1);
  CHECK_EQ(natkit_hub_process(side.hub), 0);
  CHECK_EQ(TakeRequests(fd, last), 0);
  /* The addresses are as before, the network may be another. */
  CHECK_EQ(natkit_hub_network_changed(side.hub), 0);
  CHECK(TakeRequests(fd, last) >= 1);
  Close(&side);
  close(fd);
}

static uint64_t CountUnknown(natkit_hub* hub) {
  natkit_hub_counters counters;
  natkit_init(&counters);
  CHECK_EQ(natkit_hub_get_counters(hub, &counters), 0);
  return counters.dropped_unknown;
}

/* Until nothing is left to do now. */
static int ProcessAll(natkit_hub* hub) {
  int rounds = 0;
  int ms = 0;
  do {
    CHECK_EQ(natkit_hub_process(hub), 0);
    CHECK_EQ(natkit_hub_get_timeout(hub, &ms), 0);
    CHECK(++rounds < 1000);
  } while (ms == 0);
  return rounds;
}

/* Who waits for edges (EPOLLET) hears of what is left by the timeout alone. */
static void TheTimeoutSaysThatThereIsMore(void) {
  struct sockaddr_in address;
  const int fd = LoopbackSocket(&address);
  natkit_hub* const hub = NewHub(&fd, 1);
  struct sockaddr_in own;
  const int sender = LoopbackSocket(&own);

  enum { DATAGRAMS = 400 };

  const int room = 1 << 20;
  CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room), 0);

  for (int i = 0; i < DATAGRAMS; ++i) {
    CHECK_EQ(
        sendto(sender, "x", 1, 0, (struct sockaddr*)&address, sizeof address),
        1);
  }
  CHECK(ProcessAll(hub) > 1);
  CHECK_EQ(CountUnknown(hub), DATAGRAMS);
  natkit_hub_free(hub);
  close(sender);
  close(fd);
}

/* The caller's socket tells of ICMP errors: they must not keep the hub busy. */
static void ErrorsOfACallersSocketDoNotKeepItBusy(void) {
  static const char format[] =
      "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"
      "a=candidate:1 1 udp 2130706431 127.0.0.1 %d typ host\r\n";
  struct side side;
  struct sockaddr_in address;
  char text[512];
  const int on = 1;
  int rounds = 0;
  const int closed = LoopbackSocket(&address);
  snprintf(text, sizeof text, format, ntohs(address.sin_port));
  close(closed);
  const int fd = LoopbackSocket(&address);
  CHECK_EQ(setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof on), 0);
  Join(&side, NewHub(&fd, 1));
  CHECK_EQ(natkit_agent_set_remote_description(side.agent, text), 0);
  const uint64_t end = natkit_monotonic_ns() + NATKIT_SECOND / 2;
  while (natkit_monotonic_ns() < end) {
    struct pollfd ready = {natkit_hub_get_fd(side.hub), POLLIN, 0};
    int ms = 0;
    CHECK_EQ(natkit_hub_get_timeout(side.hub, &ms), 0);
    CHECK(poll(&ready, 1, ms < 0 || ms > 100 ? 100 : ms) >= 0);
    CHECK_EQ(natkit_hub_process(side.hub), 0);
    TakeEvents(side.hub);
    ++rounds;
  }
  CHECK(rounds < 500);
  Close(&side);
  close(fd);
}

/* One read of the caller's socket brought several datagrams as one. */
static void DatagramsOfACallersSocketStayApart(void) {
  struct sockaddr_in address;
  struct sockaddr_in own;
  const char data[300] = {1};
  const int on = 1;
  const int size = 100;
  const int fd = LoopbackSocket(&address);
  const int sender = LoopbackSocket(&own);
  const int has_both =
      setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof on) == 0 &&
      setsockopt(sender, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof size) == 0;
  natkit_hub* const hub = NewHub(&fd, 1);
  CHECK_EQ(sendto(sender, data, sizeof data, 0, (struct sockaddr*)&address,
                  sizeof address),
           300);
  ProcessAll(hub);
  CHECK_EQ(CountUnknown(hub), has_both ? 3 : 1);
  natkit_hub_free(hub);
  close(sender);
  close(fd);
}

int main(void) {
  RUN(SleepAndChangesHaveServersAskedAnew);
  RUN(TheTimeoutSaysThatThereIsMore);
  RUN(ErrorsOfACallersSocketDoNotKeepItBusy);
  RUN(DatagramsOfACallersSocketStayApart);
  return 0;
}
