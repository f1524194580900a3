#include "bridge.h"

#include <poll.h>

#include "_cgo_export.h"

static void Fill(void* context, uint8_t* out, size_t size) {
  natkitGoFill((uintptr_t)context, out, size);
}

static void Line(void* context, natkit_log_level level, const char* text) {
  natkitGoLog((uintptr_t)context, (int)level, (char*)text);
}

static natkit_random RandomOf(uintptr_t source) {
  const natkit_random random = {Fill, (void*)source};
  return random;
}

int natkit_go_key_generate(uintptr_t source, uint8_t* out) {
  const natkit_random random = RandomOf(source);
  return natkit_key_generate(&random, out);
}

int natkit_go_hub_new(natkit_hub_config* config, uintptr_t source,
                      uintptr_t logger, natkit_hub** out) {
  const natkit_random random = RandomOf(source);
  const natkit_log log = {Line, (void*)logger};
  config->random = source != 0 ? &random : NULL;
  config->log = logger != 0 ? &log : NULL;
  const int result = natkit_hub_new(config, out);
  config->random = NULL;
  config->log = NULL;
  return result;
}

int natkit_go_wg_tunnel_new(natkit_wg_tunnel_config* config, uintptr_t source,
                            natkit_wg_tunnel** out) {
  const natkit_random random = RandomOf(source);
  config->random = source != 0 ? &random : NULL;
  const int result = natkit_wg_tunnel_new(config, out);
  config->random = NULL;
  return result;
}

int natkit_go_stun_client_new(natkit_stun_client_config* config,
                              uintptr_t source, natkit_stun_client** out) {
  const natkit_random random = RandomOf(source);
  config->random = source != 0 ? &random : NULL;
  const int result = natkit_stun_client_new(config, out);
  config->random = NULL;
  return result;
}

int natkit_go_behavior_new(natkit_behavior_config* config, uintptr_t source,
                           natkit_behavior** out) {
  const natkit_random random = RandomOf(source);
  config->random = source != 0 ? &random : NULL;
  const int result = natkit_behavior_new(config, out);
  config->random = NULL;
  return result;
}

int natkit_go_is_readable(int fd) {
  struct pollfd entry = {fd, POLLIN, 0};
  return poll(&entry, 1, 0) == 1;
}

int natkit_go_agent_send(natkit_agent* agent, const uint8_t* data,
                         size_t size) {
  return natkit_agent_send(agent, data, size);
}

int natkit_go_hub_receive(natkit_hub* hub, natkit_agent** out_agent,
                          uint8_t* buffer, size_t capacity, size_t* out_size) {
  return natkit_hub_receive(hub, out_agent, buffer, capacity, out_size);
}

int natkit_go_wg_tunnel_seal(natkit_wg_tunnel* tunnel, uint64_t now_ns,
                             const uint8_t* data, size_t size, uint8_t* buffer,
                             size_t capacity) {
  return natkit_wg_tunnel_seal(tunnel, now_ns, data, size, buffer, capacity);
}

int natkit_go_wg_tunnel_open(natkit_wg_tunnel* tunnel, uint64_t now_ns,
                             const uint8_t* data, size_t size, uint8_t* buffer,
                             size_t capacity) {
  return natkit_wg_tunnel_open(tunnel, now_ns, data, size, buffer, capacity);
}

int natkit_go_wg_tunnel_poll_transmit(natkit_wg_tunnel* tunnel, uint8_t* buffer,
                                      size_t capacity) {
  return natkit_wg_tunnel_poll_transmit(tunnel, buffer, capacity);
}

int natkit_go_stun_client_handle_datagram(natkit_stun_client* client,
                                          uint64_t now_ns,
                                          const natkit_address* from,
                                          const uint8_t* data, size_t size) {
  return natkit_stun_client_handle_datagram(client, now_ns, from, data, size);
}

int natkit_go_stun_client_poll_transmit(natkit_stun_client* client,
                                        natkit_address* out_to, uint8_t* buffer,
                                        size_t capacity) {
  return natkit_stun_client_poll_transmit(client, out_to, buffer, capacity);
}

int natkit_go_receive(natkit_hub* hub, int is_unclaimed, uint8_t* memory,
                      size_t size, natkit_go_datagram* out) {
  natkit_packet packets[natkit_go_batch];
  natkit_agent* agents[natkit_go_batch] = {NULL};
  natkit_batch batch;
  natkit_init(&batch);
  batch.memory = memory;
  batch.memory_size = size;
  batch.packets = packets;
  batch.packet_capacity = natkit_go_batch;
  const int count = is_unclaimed
                        ? natkit_hub_receive_unclaimed(hub, &batch)
                        : natkit_hub_receive_batch(hub, &batch, agents, NULL);
  for (int i = 0; i < count; ++i) {
    out[i].agent = agents[i];
    out[i].size = packets[i].size;
    out[i].remote = packets[i].remote;
    out[i].local = packets[i].local;
  }
  return count;
}
