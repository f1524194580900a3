/* An agent in a loop of libuv: one uv_poll_t and one uv_timer_t. */
#include <uv.h>

#include "chat.h"

static uv_loop_t loop;
static uv_poll_t sockets;
static uv_poll_t typed;
static uv_timer_t timer;

static void OnTime(uv_timer_t* handle);

/* The time may be another after each call on the hub. */
static void Arm(void) {
  int ms = -1;
  Check(natkit_hub_get_timeout(hub, &ms), "timeout");
  if (ms < 0) {
    uv_timer_stop(&timer);
  } else {
    uv_timer_start(&timer, OnTime, (uint64_t)ms, 0);
  }
}

static void OnTime(uv_timer_t* handle) {
  (void)handle;
  ChatProcess();
  Arm();
}

static void OnSockets(uv_poll_t* handle, int status, int events) {
  (void)handle, (void)status, (void)events;
  ChatProcess();
  Arm();
}

static void OnTyped(uv_poll_t* handle, int status, int events) {
  (void)handle, (void)status, (void)events;
  if (!ChatTyped()) {
    uv_close((uv_handle_t*)&sockets, NULL);
    uv_close((uv_handle_t*)&typed, NULL);
    uv_close((uv_handle_t*)&timer, NULL);
    return;
  }
  ChatProcess();
  Arm();
}

int main(int argc, char** argv) {
  ChatOpen(argc, argv);
  uv_loop_init(&loop);
  uv_timer_init(&loop, &timer);
  uv_poll_init(&loop, &sockets, natkit_hub_get_fd(hub));
  uv_poll_start(&sockets, UV_READABLE, OnSockets);
  uv_poll_init(&loop, &typed, STDIN_FILENO);
  uv_poll_start(&typed, UV_READABLE, OnTyped);
  Arm();
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_loop_close(&loop);
  ChatClose();
  return 0;
}
