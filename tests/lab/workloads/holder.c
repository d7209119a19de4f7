/* Holds on to one thing that CRIU treats specially, and checks that it still has it.
 *
 * holder tcp               an established TCP connection to itself
 * holder lock              a flock on /data/lock
 * holder ghost SIZE        a deleted file of SIZE bytes that is still open
 * holder unix-server PATH  a unix socket that sends back what a client says
 * holder unix-client PATH  a connection to such a socket, as soon as there is one
 * holder guest PATH        nothing; it leaves, with status 7, as soon as PATH is there
 *
 * Prints one line a tick: holding=KIND tick=N errors=E nonce=X
 * The nonce is drawn at the start: a program that was started afresh has another one.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define TICK_US 100000
#define LOCK_FILE "/data/lock"
#define GHOST_FILE "/data/ghost"

static int near_end, far_end, held;
static off_t ghost_size;
static const char *socket_path, *farewell;
/* Tells once a tick whether what is held is still as it was. */
static int (*is_wrong)(unsigned long tick);

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void on_end(int number) {
    (void)number;
    _exit(0);
}

static void connect_to_self(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9000)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    near_end = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1))
        fail("listen");
    if (connect(near_end, (struct sockaddr *)&address, sizeof address))
        fail("connect");
    far_end = accept(listener, NULL, NULL);
    if (far_end < 0)
        fail("accept");
}

static int tcp_is_broken(unsigned long tick) {
    unsigned long arrived = 0;
    if (write(near_end, &tick, sizeof tick) != sizeof tick)
        return 1;
    return read(far_end, &arrived, sizeof arrived) != sizeof arrived || arrived != tick;
}

static void take_lock(void) {
    held = open(LOCK_FILE, O_RDWR | O_CREAT, 0644);
    if (held < 0 || flock(held, LOCK_EX))
        fail(LOCK_FILE);
}

/* A second opening of the file must not get the lock. */
static int lock_is_lost(unsigned long tick) {
    (void)tick;
    int other = open(LOCK_FILE, O_RDWR);
    int lost = other < 0 || flock(other, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
    close(other);
    return lost;
}

static char ghost_byte(off_t offset) {
    return (char)(offset * 31 + (offset >> 8));
}

static void make_ghost(off_t size) {
    ghost_size = size;
    held = open(GHOST_FILE, O_RDWR | O_CREAT | O_TRUNC, 0644);
    FILE *file = held < 0 ? NULL : fdopen(dup(held), "w");
    if (file == NULL)
        fail(GHOST_FILE);
    for (off_t offset = 0; offset < size; offset++)
        putc(ghost_byte(offset), file);
    if (fclose(file) || unlink(GHOST_FILE))
        fail(GHOST_FILE);
}

static int ghost_is_wrong(unsigned long tick) {
    struct stat status;
    off_t offset = ghost_size ? (off_t)(tick * 4099) % ghost_size : 0;
    char byte = 0;
    if (fstat(held, &status) || status.st_size != ghost_size || status.st_nlink != 0)
        return 1;
    return ghost_size && (pread(held, &byte, 1, offset) != 1 || byte != ghost_byte(offset));
}

static int unix_socket(int (*use)(int, const struct sockaddr *, socklen_t)) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = 5};
    int made = socket(AF_UNIX, SOCK_STREAM, 0);
    strncpy(address.sun_path, socket_path, sizeof address.sun_path - 1);
    setsockopt(made, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (use(made, (struct sockaddr *)&address, sizeof address) == 0)
        return made;
    close(made);
    return -1;
}

static void serve(const char *path) {
    socket_path = path;
    unlink(path);
    near_end = unix_socket(bind);
    if (near_end < 0 || listen(near_end, 1) || fcntl(near_end, F_SETFL, O_NONBLOCK))
        fail(path);
    held = -1;
}

static int answer_is_wrong(unsigned long tick) {
    unsigned long heard = 0;
    int caller = accept(near_end, NULL, NULL);
    (void)tick;
    if (caller >= 0) {
        close(held);
        held = caller;
        fcntl(held, F_SETFL, O_NONBLOCK);
    }
    while (held >= 0 && read(held, &heard, sizeof heard) == sizeof heard)
        if (write(held, &heard, sizeof heard) != sizeof heard)
            return 1;
    return 0;
}

/* Where there is no socket there is nothing to hold, and nothing wrong. */
static int echo_is_wrong(unsigned long tick) {
    unsigned long heard = 0;
    if (held < 0)
        held = unix_socket(connect);
    if (held < 0)
        return 0;
    if (write(held, &tick, sizeof tick) != sizeof tick)
        return 1;
    /* With a timeout a read is not taken up again by itself when CRIU has stopped the process. */
    ssize_t size;
    do
        size = read(held, &heard, sizeof heard);
    while (size < 0 && errno == EINTR);
    return size != sizeof heard || heard != tick;
}

static int leave_if_told(unsigned long tick) {
    (void)tick;
    if (access(farewell, F_OK))
        return 0;
    printf("leaving\n");
    exit(7);
}

int main(int argc, char **argv) {
    const char *kind = argc > 1 ? argv[1] : "";
    unsigned long errors = 0, nonce = 0;
    if (getrandom(&nonce, sizeof nonce, 0) != sizeof nonce)
        fail("getrandom");
    signal(SIGTERM, on_end);
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 0);
    mkdir("/data", 0755);
    if (strcmp(kind, "tcp") == 0) {
        connect_to_self();
        is_wrong = tcp_is_broken;
    } else if (strcmp(kind, "lock") == 0) {
        take_lock();
        is_wrong = lock_is_lost;
    } else if (strcmp(kind, "ghost") == 0 && argc > 2) {
        make_ghost(atoll(argv[2]));
        is_wrong = ghost_is_wrong;
    } else if (strcmp(kind, "unix-server") == 0 && argc > 2) {
        serve(argv[2]);
        is_wrong = answer_is_wrong;
    } else if (strcmp(kind, "unix-client") == 0 && argc > 2) {
        socket_path = argv[2];
        held = -1;
        is_wrong = echo_is_wrong;
    } else if (strcmp(kind, "guest") == 0 && argc > 2) {
        farewell = argv[2];
        is_wrong = leave_if_told;
    } else {
        fprintf(stderr, "usage: holder tcp | lock | ghost SIZE | unix-server PATH | "
                        "unix-client PATH | guest PATH\n");
        return 2;
    }
    for (unsigned long tick = 1;; tick++) {
        errors += is_wrong(tick);
        printf("holding=%s tick=%lu errors=%lu nonce=%016lx\n", kind, tick, errors, nonce);
        usleep(TICK_US);
    }
}
