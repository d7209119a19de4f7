/* Sends back every byte of every TCP connection on a port, IPv4 and IPv6.
 *
 * echoer PORT
 *
 * Each connection has a process of its own, which ends with it; a reset ends it, too, so that the
 * other side of a connection that was lost does not wait for ever.
 */
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void on_end(int number) {
    (void)number;
    _exit(0);
}

static int listen_on(int port) {
    struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    int on = 1, off = 0;
    int listener = socket(AF_INET6, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(listener, (struct sockaddr *)&any, sizeof any) || listen(listener, 16))
        fail("listen");
    return listener;
}

static void send_back(int connection) {
    static char buffer[65536];
    ssize_t taken;
    while ((taken = read(connection, buffer, sizeof buffer)) > 0)
        for (ssize_t sent = 0, more; sent < taken; sent += more)
            if ((more = write(connection, buffer + sent, taken - sent)) < 0)
                return;
}

int main(int count, char **words) {
    if (count != 2)
        return 2;
    signal(SIGTERM, on_end);
    signal(SIGCHLD, SIG_IGN);
    int listener = listen_on(atoi(words[1]));
    printf("listening\n");
    fflush(stdout);
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        if (connection < 0)
            continue;
        if (fork() == 0) {
            close(listener);
            send_back(connection);
            _exit(0);
        }
        close(connection);
    }
}
