/* natkit/agent.h: which STUN servers a hub asks. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent_side.h"
#include "check.h"
#include "natkit/natkit.h"

/* A socket at STUN's port, on a loopback address that no other process takes;
 * its address without the port goes to `out`. */
static int OpenServer(natkit_address* out) {
  struct sockaddr_in address;
  const unsigned number = (unsigned)getpid();
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  CHECK(fd >= 0);
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_port = htons(3478);
  address.sin_addr.s_addr = htonl(0x7f400001U | (number & 0x3fffffU) << 1);
  CHECK_EQ(bind(fd, (struct sockaddr*)&address, sizeof address), 0);
  CHECK_EQ(natkit_address_from_sockaddr((struct sockaddr*)&address,
                                        sizeof address, out),
           0);
  out->port = 0;
  return fd;
}

static void AServerWithoutAPortIsAskedAtStunsPort(void) {
  struct side side;
  natkit_address server;
  uint8_t request[1500];
  const int fd = OpenServer(&server);
  const uint64_t deadline = natkit_monotonic_ns() + LIMIT;
  Open(&side);
  CHECK_EQ(natkit_hub_set_stun_servers(side.hub, &server, 1), 0);
  while (recv(fd, request, sizeof request, MSG_DONTWAIT) < 20) {
    struct pollfd ready[] = {{natkit_hub_get_fd(side.hub), POLLIN, 0},
                             {fd, POLLIN, 0}};
    int ms = 0;
    CHECK(natkit_monotonic_ns() < deadline);
    CHECK_EQ(natkit_hub_get_timeout(side.hub, &ms), 0);
    CHECK(poll(ready, 2, ms < 0 || ms > 1000 ? 1000 : ms) >= 0);
    CHECK_EQ(natkit_hub_process(side.hub), 0);
    TakeEvents(side.hub);
  }
  CHECK_EQ(request[0], 0); /* a Binding request */
  CHECK_EQ(request[1], 1);
  Close(&side);
  close(fd);
}

static void AnAgentThatWasToldNothingSaysSo(void) {
  struct side side;
  natkit_diagnosis why;
  Open(&side);
  natkit_init(&why);
  CHECK_EQ(natkit_agent_explain(side.agent, &why), 0);
  CHECK_EQ(why.reason, NATKIT_PATH_REASON_PEER_SILENT);
  CHECK(strstr(why.summary, "description") != NULL);
  CHECK(strstr(why.summary, "relay") == NULL);
  Close(&side);
}

int main(void) {
  RUN(AServerWithoutAPortIsAskedAtStunsPort);
  RUN(AnAgentThatWasToldNothingSaysSo);
  return 0;
}
