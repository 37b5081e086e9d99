/* echo-server tcp|udp|http PORT [BIND-ADDRESS]
 * tcp and udp send back what they get; http answers every request with the pod's name and the client's address.
 * Listens on both families where the kernel has IPv6. One process a connection; no resolver, so it links statically. */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what) { perror(what); exit(1); }
static void stop(int s) { (void)s; _exit(0); }

static int listener(int type, int port, const char *bind_to) {
  struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
  struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
  int is_four = bind_to && inet_pton(AF_INET, bind_to, &four.sin_addr) == 1;
  if (bind_to && !is_four && inet_pton(AF_INET6, bind_to, &six.sin6_addr) != 1) { fprintf(stderr, "no address: %s\n", bind_to); exit(2); }
  int fd = is_four ? -1 : socket(AF_INET6, type, 0), on = 1, off = 0;
  if (fd < 0) { is_four = 1; fd = socket(AF_INET, type, 0); }
  if (fd < 0) die("socket");
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (!is_four) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  struct sockaddr *address = is_four ? (struct sockaddr *)&four : (struct sockaddr *)&six;
  if (bind(fd, address, is_four ? sizeof four : sizeof six)) die("bind");
  if (type == SOCK_STREAM && listen(fd, 128)) die("listen");
  return fd;
}

static void http(int fd, struct sockaddr_storage *peer) {
  char request[4096], name[256] = "", from[INET6_ADDRSTRLEN] = "", body[1024], head[256];
  size_t got = 0;
  while (got < sizeof request - 1) {
    ssize_t n = read(fd, request + got, sizeof request - 1 - got);
    if (n <= 0) return;
    request[got += n] = 0;
    if (strstr(request, "\r\n\r\n") || strstr(request, "\n\n")) break;
  }
  gethostname(name, sizeof name - 1);
  if (peer->ss_family == AF_INET) inet_ntop(AF_INET, &((struct sockaddr_in *)peer)->sin_addr, from, sizeof from);
  else if (IN6_IS_ADDR_V4MAPPED(&((struct sockaddr_in6 *)peer)->sin6_addr))
    inet_ntop(AF_INET, &((struct sockaddr_in6 *)peer)->sin6_addr.s6_addr[12], from, sizeof from);
  else inet_ntop(AF_INET6, &((struct sockaddr_in6 *)peer)->sin6_addr, from, sizeof from);
  int length = snprintf(body, sizeof body, "%s from %s\n", name, from);
  int n = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n", length);
  if (write(fd, head, n) < 0 || (strncmp(request, "HEAD", 4) && write(fd, body, length) < 0)) return;
}

int main(int argc, char **argv) {
  if (argc < 3) { fprintf(stderr, "echo-server tcp|udp|http PORT [BIND-ADDRESS]\n"); return 2; }
  signal(SIGCHLD, SIG_IGN); signal(SIGTERM, stop); signal(SIGINT, stop);    /* process 1 of a pod has no default action */
  static char buffer[65536];
  struct sockaddr_storage peer;
  socklen_t size = sizeof peer;
  ssize_t n;
  if (!strcmp(argv[1], "udp"))
    for (int fd = listener(SOCK_DGRAM, atoi(argv[2]), argv[3]);; size = sizeof peer)
      if ((n = recvfrom(fd, buffer, sizeof buffer, 0, (struct sockaddr *)&peer, &size)) >= 0)
        sendto(fd, buffer, n, 0, (struct sockaddr *)&peer, size);
  int is_http = !strcmp(argv[1], "http"), fd = listener(SOCK_STREAM, atoi(argv[2]), argv[3]);
  for (;;) {
    size = sizeof peer;
    int client = accept(fd, (struct sockaddr *)&peer, &size);
    if (client < 0) { if (errno == EINTR || errno == ECONNABORTED) continue; die("accept"); }
    if (fork() == 0) {
      close(fd);
      if (is_http) http(client, &peer);
      else while ((n = read(client, buffer, sizeof buffer)) > 0 && write(client, buffer, n) == n);
      _exit(0);
    }
    close(client);
  }
}
