/* Holds on to one thing that CRIU treats specially, and checks that it still has it.
 *
 * holder tcp               an established TCP connection to itself
 * holder lock              a flock on /data/lock
 * holder ghost SIZE        a deleted file of SIZE bytes that is still open
 *
 * Prints one line a tick: holding=KIND tick=N errors=E
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
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define TICK_US 100000
#define LOCK_FILE "/data/lock"
#define GHOST_FILE "/data/ghost"

static int near_end, far_end, held;
static off_t ghost_size;

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
static int lock_is_lost(void) {
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

int main(int argc, char **argv) {
    const char *kind = argc > 1 ? argv[1] : "";
    unsigned long errors = 0;
    signal(SIGTERM, on_end);
    setvbuf(stdout, NULL, _IOLBF, 0);
    mkdir("/data", 0755);
    if (strcmp(kind, "tcp") == 0)
        connect_to_self();
    else if (strcmp(kind, "lock") == 0)
        take_lock();
    else if (strcmp(kind, "ghost") == 0 && argc > 2)
        make_ghost(atoll(argv[2]));
    else {
        fprintf(stderr, "usage: holder tcp | lock | ghost SIZE\n");
        return 2;
    }
    for (unsigned long tick = 1;; tick++) {
        if (kind[0] == 't')
            errors += tcp_is_broken(tick);
        else if (kind[0] == 'l')
            errors += lock_is_lost();
        else
            errors += ghost_is_wrong(tick);
        printf("holding=%s tick=%lu errors=%lu\n", kind, tick, errors);
        usleep(TICK_US);
    }
}
