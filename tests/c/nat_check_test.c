/* natkit/nat_check.h: a discovery that finds nobody, and misuse. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "natkit/natkit.h"

static natkit_behavior* NewBehavior(uint16_t port) {
  natkit_behavior_config config;
  natkit_address server;
  natkit_address local;
  natkit_behavior* behavior = NULL;
  CHECK_EQ(natkit_address_parse("127.0.0.1", &server), 0);
  server.port = port;
  CHECK_EQ(natkit_get_local_address(&server, &local), 0);
  CHECK_EQ(local.ip[0], 127);
  CHECK_EQ(local.port, 0);
  natkit_init(&config);
  config.servers = &server;
  config.server_count = 1;
  config.local_addresses = &local;
  config.local_address_count = 1;
  config.attempts = 1;
  config.interval_ns = NATKIT_MILLISECOND;
  CHECK_EQ(natkit_behavior_new(&config, &behavior), 0);
  return behavior;
}

/* A socket that nobody reads. */
static int Silence(uint16_t* port) {
  struct sockaddr_in address;
  socklen_t size = sizeof address;
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(fd >= 0);
  CHECK_EQ(bind(fd, (struct sockaddr*)&address, sizeof address), 0);
  CHECK_EQ(getsockname(fd, (struct sockaddr*)&address, &size), 0);
  *port = ntohs(address.sin_port);
  return fd;
}

static void ItEndsWhereNobodyAnswers(void) {
  uint16_t port = 0;
  const int silence = Silence(&port);
  natkit_behavior* const behavior = NewBehavior(port);
  natkit_nat_check* check = NULL;
  natkit_nat_report report;
  const uint64_t deadline = natkit_monotonic_ns() + 60 * NATKIT_SECOND;
  CHECK_EQ(natkit_nat_check_new(behavior, &check), 0);
  while (natkit_behavior_is_finished(behavior) == 0) {
    struct pollfd ready = {natkit_nat_check_get_fd(check), POLLIN, 0};
    int ms = 0;
    CHECK(natkit_monotonic_ns() < deadline);
    CHECK_EQ(natkit_nat_check_get_timeout(check, &ms), 0);
    CHECK(poll(&ready, 1, ms < 0 || ms > 1000 ? 1000 : ms) >= 0);
    CHECK_EQ(natkit_nat_check_process(check), 0);
  }
  natkit_init(&report);
  CHECK_EQ(natkit_behavior_get_report(behavior, &report), 0);
  CHECK(report.datagrams_sent > 0);
  CHECK_EQ(report.datagrams_received, 0);
  natkit_nat_check_free(check);
  natkit_behavior_free(behavior);
  close(silence);
}

static void MisuseIsRefused(void) {
  natkit_behavior* const behavior = NewBehavior(9);
  natkit_behavior* const started = NewBehavior(9);
  natkit_nat_check* check = NULL;
  natkit_address address;
  int ms = 0;
  CHECK_EQ(natkit_nat_check_new(NULL, &check), NATKIT_ERR_BAD_HANDLE);
  CHECK_EQ(natkit_nat_check_new(behavior, NULL), NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_behavior_start(started, 0), 0);
  CHECK_EQ(natkit_nat_check_new(started, &check), NATKIT_ERR_INVALID_STATE);
  CHECK_EQ(natkit_nat_check_new(behavior, &check), 0);
  CHECK_EQ(natkit_nat_check_get_timeout(check, NULL), NATKIT_ERR_BAD_ARGUMENT);
  CHECK(natkit_nat_check_get_fd(check) >= 0);
  /* The discovery may go first. */
  natkit_behavior_free(behavior);
  CHECK_EQ(natkit_nat_check_process(check), NATKIT_ERR_BAD_HANDLE);
  natkit_nat_check_free(check);
  CHECK_EQ(natkit_nat_check_process(check), NATKIT_ERR_BAD_HANDLE);
  CHECK_EQ(natkit_nat_check_get_fd(check), NATKIT_ERR_BAD_HANDLE);
  CHECK_EQ(natkit_nat_check_get_timeout(check, &ms), NATKIT_ERR_BAD_HANDLE);
  natkit_nat_check_free(NULL);
  natkit_behavior_free(started);
  CHECK_EQ(natkit_get_local_address(NULL, &address), NATKIT_ERR_BAD_ARGUMENT);
  memset(&address, 0, sizeof address);
  CHECK_EQ(natkit_get_local_address(&address, &address),
           NATKIT_ERR_BAD_ARGUMENT);
  CHECK_EQ(natkit_address_parse("127.0.0.1", &address), 0);
  CHECK_EQ(natkit_get_local_address(&address, NULL), NATKIT_ERR_BAD_ARGUMENT);
}

int main(void) {
  RUN(ItEndsWhereNobodyAnswers);
  RUN(MisuseIsRefused);
  return 0;
}
