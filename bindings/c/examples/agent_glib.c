/* An agent in a loop of GLib, as a GSource of its own: GLib asks it for its
 * time before each round. */
#include <glib-unix.h>
#include <glib.h>

#include "chat.h"

static gpointer sockets; /* the hub's descriptor in the source */

static gboolean Prepare(GSource* source, gint* timeout_ms) {
  (void)source;
  Check(natkit_hub_get_timeout(hub, timeout_ms), "timeout");
  return *timeout_ms == 0;
}

static gboolean IsReady(GSource* source) {
  int ms = -1;
  Check(natkit_hub_get_timeout(hub, &ms), "timeout");
  return ms == 0 || g_source_query_unix_fd(source, sockets) != 0;
}

static gboolean Dispatch(GSource* source, GSourceFunc callback, gpointer data) {
  (void)source, (void)callback, (void)data;
  ChatProcess();
  return G_SOURCE_CONTINUE;
}

static gboolean OnTyped(gint fd, GIOCondition condition, gpointer loop) {
  (void)fd, (void)condition;
  if (!ChatTyped()) {
    g_main_loop_quit(loop);
    return G_SOURCE_REMOVE;
  }
  return G_SOURCE_CONTINUE;
}

int main(int argc, char** argv) {
  static GSourceFuncs functions = {
      .prepare = Prepare, .check = IsReady, .dispatch = Dispatch};
  ChatOpen(argc, argv);
  GMainLoop* const loop = g_main_loop_new(NULL, FALSE);
  GSource* const source = g_source_new(&functions, sizeof(GSource));
  sockets = g_source_add_unix_fd(source, natkit_hub_get_fd(hub), G_IO_IN);
  g_source_attach(source, NULL);
  g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP, OnTyped, loop);
  g_main_loop_run(loop);
  g_source_destroy(source);
  g_source_unref(source);
  g_main_loop_unref(loop);
  ChatClose();
  return 0;
}
