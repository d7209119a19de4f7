/* Counts, and notices when a word of its memory is not what it was.
 *
 * counter MEMORY_MIB [TICK_MS [PORT]]
 *
 * Every MiB is filled by a generator seeded with its number, so it can be
 * checked against nothing but arithmetic. One thread, one poll() loop.
 *
 * Its nonce is drawn once at its start and kept in memory alone: a program that was
 * started afresh, and counts just as well, tells itself apart by it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MIB (1024 * 1024)
#define WORDS (MIB / sizeof(uint64_t))

static volatile sig_atomic_t want_full_check, want_end;
static uint64_t nonce;

static void on_signal(int number) {
    if (number == SIGUSR1)
        want_full_check = 1;
    else
        want_end = 1;
}

static uint64_t next_word(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static uint64_t seed_of(size_t slice) {
    return 0x9e3779b97f4a7c15ULL * (slice + 1);
}

static void fill(uint64_t *memory, size_t slice) {
    uint64_t state = seed_of(slice);
    for (size_t word = 0; word < WORDS; word++)
        memory[slice * WORDS + word] = next_word(&state);
}

static unsigned long errors_in(const uint64_t *memory, size_t slice) {
    uint64_t state = seed_of(slice);
    unsigned long errors = 0;
    for (size_t word = 0; word < WORDS; word++)
        errors += memory[slice * WORDS + word] != next_word(&state);
    return errors;
}

/* Once: a restored container must find these, not write them again. */
static void write_once(const char *path, const char *text) {
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (file < 0)
        return;
    if (write(file, text, strlen(text)) < 0)
        perror(path);
    close(file);
}

static int listen_on(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 64)) {
        perror("listen");
        exit(1);
    }
    return listener;
}

/* A client that says nothing for a second is dropped: it must not stop the count for long. */
static void answer(int listener, unsigned long counter, unsigned long errors, unsigned long ticks) {
    int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (client < 0)
        return;
    struct pollfd readable = {.fd = client, .events = POLLIN};
    char request[4096], body[256], reply[512];
    if (poll(&readable, 1, 1000) == 1 && read(client, request, sizeof request) > 0) {
        int size = snprintf(body, sizeof body,
                            "{\"counter\": %lu, \"errors\": %lu, \"uptime_ticks\": %lu, "
                            "\"nonce\": \"%016" PRIx64 "\"}\n",
                            counter, errors, ticks, nonce);
        size = snprintf(reply, sizeof reply,
                        "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n"
                        "Content-Length: %d\r\nConnection: close\r\n\r\n%s",
                        size, body);
        if (write(client, reply, size) == size)
            shutdown(client, SHUT_WR);
    }
    close(client);
}

static long ms_until(const struct timespec *due) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (due->tv_sec - now.tv_sec) * 1000 + (due->tv_nsec - now.tv_nsec) / 1000000;
}

int main(int argc, char **argv) {
    size_t memory_mib = argc > 1 ? strtoul(argv[1], NULL, 10) : 16;
    long tick_ms = argc > 2 ? atol(argv[2]) : 100;
    int listener = argc > 3 ? listen_on(atoi(argv[3])) : -1;
    unsigned long counter = 0, errors = 0;
    size_t slice = 0;

    if (getrandom(&nonce, sizeof nonce, 0) != sizeof nonce) {
        perror("getrandom");
        return 1;
    }

    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 0);
    write_once("/data/started", "hello, counter=0\n");
    write_once("/changed-at-start", "changed by counter\n");

    uint64_t *memory = mmap(NULL, memory_mib * MIB, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory_mib == 0 || memory == MAP_FAILED) {
        fprintf(stderr, "counter: cannot have %zu MiB\n", memory_mib);
        return 1;
    }
    for (size_t filled = 0; filled < memory_mib; filled++)
        fill(memory, filled);

    struct timespec due;
    clock_gettime(CLOCK_MONOTONIC, &due);
    while (!want_end) {
        long wait_ms = ms_until(&due);
        if (wait_ms > 0) {
            struct pollfd ready = {.fd = listener, .events = POLLIN};
            if (poll(&ready, 1, wait_ms) == 1)
                answer(listener, counter, errors, counter);
        }
        if (want_full_check) {
            unsigned long found = 0;
            want_full_check = 0;
            for (size_t checked = 0; checked < memory_mib; checked++)
                found += errors_in(memory, checked);
            printf("full-check counter=%lu checked_mib=%zu errors=%lu nonce=%016" PRIx64 " %s\n",
                   counter, memory_mib, found, nonce, found ? "BAD" : "ok");
        }
        if (ms_until(&due) > 0)
            continue;
        errors += errors_in(memory, slice);
        slice = (slice + 1) % memory_mib;
        printf("counter=%lu checked_mib=%zu errors=%lu nonce=%016" PRIx64 "\n", ++counter,
               slice ? slice : memory_mib, errors, nonce);
        due.tv_nsec += tick_ms % 1000 * 1000000;
        due.tv_sec += tick_ms / 1000 + due.tv_nsec / 1000000000;
        due.tv_nsec %= 1000000000;
        /* After a freeze, go on from now instead of racing through the lost ticks. */
        if (ms_until(&due) < -tick_ms)
            clock_gettime(CLOCK_MONOTONIC, &due);
    }
    return 0;
}
