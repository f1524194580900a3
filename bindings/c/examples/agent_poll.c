/* An agent in a loop of poll(): lines that are typed go to the peer. */
#include <poll.h>

#include "chat.h"

int main(int argc, char** argv) {
  int is_open = 1;
  ChatOpen(argc, argv);
  while (is_open) {
    struct pollfd ready[] = {{natkit_hub_get_fd(hub), POLLIN, 0},
                             {STDIN_FILENO, POLLIN, 0}};
    int ms = -1;
    Check(natkit_hub_get_timeout(hub, &ms), "timeout");
    if (poll(ready, 2, ms) < 0) {
      return perror("poll"), 1;
    }
    if (ready[1].revents != 0) {
      is_open = ChatTyped();
    }
    ChatProcess();
  }
  ChatClose();
  return 0;
}
