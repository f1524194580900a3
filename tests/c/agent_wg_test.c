/* natkit/agent.h and natkit/wireguard.h: what one puts out in a batch is what
 * the other takes. */
#include <string.h>

#include "agent_side.h"
#include "check.h"
#include "natkit/natkit.h"
#include "wg_net.h"

/* A WireGuard device whose datagrams an agent carries. */
struct carried {
  End wg;
  Room in;
  struct side* side;
};

static void OpenCarried(struct carried* end, struct side* side,
                        uint8_t number) {
  natkit_wg_device_config config;
  natkit_init(&config);
  config.endpoints = NATKIT_WG_ENDPOINTS_BY_OWNER;
  StartEnd(&end->wg, number, &config);
  end->side = side;
}

/* Hands what the device has put out to the agent, and the reverse. */
static void Exchange(struct carried* end, int is_relayed) {
  const natkit_batch* const out = &end->wg.out.batch;
  natkit_agent* agents[MAX_PACKETS];
  CHECK_EQ(natkit_agent_send_batch(end->side->agent, out->packets,
                                   out->packet_count),
           out->packet_count);
  Empty(&end->wg.out);
  CHECK_EQ(natkit_hub_process(end->side->hub), 0);
  TakeEvents(end->side->hub);
  const int count =
      natkit_hub_receive_batch(end->side->hub, Empty(&end->in), agents, NULL);
  CHECK(count >= 0);
  CheckRoom(&end->in);
  for (int i = 0; i < count; ++i) {
    CHECK(agents[i] == end->side->agent);
    CHECK_EQ(end->in.packets[i].remote.family, NATKIT_FAMILY_IPV4);
    if (is_relayed) { /* has no addresses */
      memset(&end->in.packets[i].remote, 0, sizeof(natkit_address));
      memset(&end->in.packets[i].local, 0, sizeof(natkit_address));
    }
  }
  Empty(&end->wg.plaintext);
  CHECK_EQ(natkit_wg_device_handle_datagrams(
               end->wg.device, 0, end->in.packets, (size_t)count,
               &end->wg.plaintext.batch, &end->wg.out.batch),
           0);
  for (size_t i = 0; i < end->wg.plaintext.batch.packet_count; ++i) {
    CHECK_EQ(NumberOf(&end->wg.plaintext.packets[i]), end->wg.received++);
  }
}

static void DevicesTalkOverAgents(void) {
  static struct carried ends[2];
  struct side a;
  struct side b;
  const uint64_t deadline = natkit_monotonic_ns() + LIMIT;
  Open(&a);
  Open(&b);
  Connect(&a, &b);
  OpenCarried(&ends[0], &a, 1);
  OpenCarried(&ends[1], &b, 2);
  CHECK_EQ(Introduce(&ends[0].wg, &ends[1].wg), 1);
  CHECK_EQ(Introduce(&ends[1].wg, &ends[0].wg), 1);
  for (uint32_t sent = 0; sent < 300;) {
    for (int i = 0; i < 50; ++i) {
      Send(&ends[0].wg, 0, ends[1].wg.inner, sent++, 500);
    }
    while (ends[1].wg.received < sent) {
      CHECK(natkit_monotonic_ns() < deadline);
      Exchange(&ends[0], sent > 100);
      Exchange(&ends[1], sent > 100);
    }
  }
  for (int i = 0; i < 2; ++i) {
    StopEnd(&ends[i].wg);
  }
  Close(&a);
  Close(&b);
}

int main(void) {
  RUN(DevicesTalkOverAgents);
  return 0;
}
