/* libnice's agent with the line protocol of ice_peer.cc.
 *
 * usage: nice_peer controlling|controlled [--stun IP:PORT] [--regular] IP...
 */

#include <agent.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kComponent = 1 };

typedef struct {
  NiceAgent* agent;
  GMainLoop* loop;
  guint stream;
  gchar* remote_ufrag;
  gboolean restarts; /* restarted here; the other side's answer is to come */
} Peer;

static void say(const char* verb, const char* text) {
  printf("%s %s\n", verb, text);
  fflush(stdout);
}

static void say_credentials(Peer* peer) {
  gchar* ufrag = NULL;
  gchar* password = NULL;
  if (nice_agent_get_local_credentials(peer->agent, peer->stream, &ufrag,
                                       &password)) {
    gchar* line = g_strdup_printf("%s %s", ufrag, password);
    say("credentials", line);
    g_free(line);
  }
  g_free(ufrag);
  g_free(password);
}

static void say_candidate(NiceAgent* agent, NiceCandidate* candidate) {
  gchar* line = nice_agent_generate_local_candidate_sdp(agent, candidate);
  say("candidate", g_str_has_prefix(line, "a=") ? line + 2 : line);
  g_free(line);
}

static void say_all_candidates(Peer* peer) {
  GSList* list =
      nice_agent_get_local_candidates(peer->agent, peer->stream, kComponent);
  for (GSList* at = list; at != NULL; at = at->next) {
    say_candidate(peer->agent, at->data);
  }
  g_slist_free_full(list, (GDestroyNotify)nice_candidate_free);
  puts("end-of-candidates");
  fflush(stdout);
}

static void on_candidate(NiceAgent* agent, NiceCandidate* candidate,
                         gpointer data) {
  (void)data;
  say_candidate(agent, candidate);
}

static void on_gathered(NiceAgent* agent, guint stream, gpointer data) {
  (void)agent;
  (void)stream;
  (void)data;
  puts("end-of-candidates");
  fflush(stdout);
}

static void on_state(NiceAgent* agent, guint stream, guint component,
                     guint state, gpointer data) {
  (void)agent;
  (void)stream;
  (void)component;
  (void)data;
  say("state", nice_component_state_to_string(state));
}

static void on_selected(NiceAgent* agent, guint stream, guint component,
                        NiceCandidate* local, NiceCandidate* remote,
                        gpointer data) {
  gchar from[INET6_ADDRSTRLEN];
  gchar to[INET6_ADDRSTRLEN];
  (void)agent;
  (void)stream;
  (void)component;
  (void)data;
  nice_address_to_string(&local->addr, from);
  nice_address_to_string(&remote->addr, to);
  gchar* line =
      g_strdup_printf("%s:%u %s:%u", from, nice_address_get_port(&local->addr),
                      to, nice_address_get_port(&remote->addr));
  say("selected", line);
  g_free(line);
}

static void on_data(NiceAgent* agent, guint stream, guint component, guint size,
                    gchar* bytes, gpointer data) {
  (void)agent;
  (void)stream;
  (void)component;
  (void)data;
  printf("data %.*s\n", (int)size, bytes);
  fflush(stdout);
}

static void restart(Peer* peer) {
  nice_agent_restart(peer->agent);
  say_credentials(peer);
  say_all_candidates(peer);
}

/* New credentials that were not asked for are the other side's restart, which
 * this side has to follow. */
static void take_credentials(Peer* peer, const char* text) {
  gchar** parts = g_strsplit(text, " ", 2);
  const gboolean is_new = peer->remote_ufrag != NULL &&
                          g_strcmp0(peer->remote_ufrag, parts[0]) != 0;
  if (is_new && !peer->restarts) {
    restart(peer);
  }
  peer->restarts = FALSE;
  g_free(peer->remote_ufrag);
  peer->remote_ufrag = g_strdup(parts[0]);
  if (parts[0] == NULL || parts[1] == NULL ||
      !nice_agent_set_remote_credentials(peer->agent, peer->stream, parts[0],
                                         parts[1])) {
    say("error", "credentials");
  }
  g_strfreev(parts);
}

static void take_candidate(Peer* peer, const char* text) {
  gchar* line = g_strdup_printf("a=%s", text);
  NiceCandidate* candidate =
      nice_agent_parse_remote_candidate_sdp(peer->agent, peer->stream, line);
  g_free(line);
  if (candidate == NULL) {
    say("ignored", text);
    return;
  }
  GSList* list = g_slist_append(NULL, candidate);
  if (nice_agent_set_remote_candidates(peer->agent, peer->stream, kComponent,
                                       list) < 1) {
    say("ignored", text);
  }
  g_slist_free_full(list, (GDestroyNotify)nice_candidate_free);
}

static void take_line(Peer* peer, char* line) {
  char* rest = strchr(line, ' ');
  if (rest != NULL) {
    *rest++ = '\0';
  }
  if (strcmp(line, "gather") == 0) {
    if (!nice_agent_gather_candidates(peer->agent, peer->stream)) {
      say("error", "gather");
    }
  } else if (strcmp(line, "credentials") == 0 && rest != NULL) {
    take_credentials(peer, rest);
  } else if (strcmp(line, "candidate") == 0 && rest != NULL) {
    take_candidate(peer, rest);
  } else if (strcmp(line, "end-of-candidates") == 0) {
    nice_agent_peer_candidate_gathering_done(peer->agent, peer->stream);
  } else if (strcmp(line, "restart") == 0) {
    peer->restarts = TRUE;
    restart(peer);
  } else if (strcmp(line, "send") == 0 && rest != NULL) {
    nice_agent_send(peer->agent, peer->stream, kComponent, (guint)strlen(rest),
                    rest);
  } else if (strcmp(line, "quit") == 0) {
    g_main_loop_quit(peer->loop);
  }
}

static gboolean on_input(GIOChannel* channel, GIOCondition condition,
                         gpointer data) {
  Peer* peer = data;
  gchar* line = NULL;
  gsize end = 0;
  (void)condition;
  do {
    const GIOStatus status =
        g_io_channel_read_line(channel, &line, NULL, &end, NULL);
    if (status == G_IO_STATUS_EOF || status == G_IO_STATUS_ERROR) {
      g_main_loop_quit(peer->loop);
      return FALSE;
    }
    if (line != NULL) {
      line[end] = '\0';
      take_line(peer, line);
      g_free(line);
      line = NULL;
    }
  } while (g_io_channel_get_buffer_condition(channel) & G_IO_IN);
  return TRUE;
}

static void set_stun_server(NiceAgent* agent, const char* text) {
  gchar** parts = g_strsplit(text, ":", 2);
  g_object_set(agent, "stun-server", parts[0], "stun-server-port",
               (guint)atoi(parts[1]), NULL);
  g_strfreev(parts);
}

static void set_up(Peer* peer, int argc, char** argv) {
  g_object_set(peer->agent, "upnp", FALSE, "ice-tcp", FALSE, "controlling-mode",
               strcmp(argv[1], "controlling") == 0, NULL);
  for (int i = 2; i < argc; ++i) {
    NiceAddress address;
    nice_address_init(&address);
    if (strcmp(argv[i], "--stun") == 0 && i + 1 < argc) {
      set_stun_server(peer->agent, argv[++i]);
    } else if (nice_address_set_from_string(&address, argv[i])) {
      nice_agent_add_local_address(peer->agent, &address);
    }
  }
  g_signal_connect(peer->agent, "new-candidate-full", G_CALLBACK(on_candidate),
                   NULL);
  g_signal_connect(peer->agent, "candidate-gathering-done",
                   G_CALLBACK(on_gathered), NULL);
  g_signal_connect(peer->agent, "component-state-changed", G_CALLBACK(on_state),
                   NULL);
  g_signal_connect(peer->agent, "new-selected-pair-full",
                   G_CALLBACK(on_selected), NULL);
  peer->stream = nice_agent_add_stream(peer->agent, 1);
  nice_agent_attach_recv(peer->agent, peer->stream, kComponent,
                         g_main_loop_get_context(peer->loop), on_data, NULL);
}

int main(int argc, char** argv) {
  Peer peer = {0};
  if (argc < 3) {
    return 2;
  }
  NiceAgentOption options =
      NICE_AGENT_OPTION_ICE_TRICKLE | NICE_AGENT_OPTION_CONSENT_FRESHNESS;
  for (int i = 2; i < argc; ++i) {
    if (strcmp(argv[i], "--regular") == 0) {
      options |= NICE_AGENT_OPTION_REGULAR_NOMINATION;
    }
  }
  peer.loop = g_main_loop_new(NULL, FALSE);
  peer.agent = nice_agent_new_full(g_main_loop_get_context(peer.loop),
                                   NICE_COMPATIBILITY_RFC5245, options);
  set_up(&peer, argc, argv);
  say_credentials(&peer);
  GIOChannel* input = g_io_channel_unix_new(0);
  g_io_add_watch(input, G_IO_IN | G_IO_HUP, on_input, &peer);
  g_main_loop_run(peer.loop);
  g_io_channel_unref(input);
  g_object_unref(peer.agent);
  g_main_loop_unref(peer.loop);
  g_free(peer.remote_ufrag);
  return 0;
}
