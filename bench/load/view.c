/*
 * view tcp|tls HOST PORT TICKETS WHAT …: viewers that measure. TICKETS is a file with a line "PATH TICKET" for each
 * connection that will be made, or "-" for a bridge that wants none. Behind the server is bench's source, or an X server.
 *
 *   bulk BYTES          one viewer reads so many bytes: prints seconds
 *   check BYTES         the same, every byte compared with the source's pattern: prints "ok"
 *   echo COUNT          a key event there and back, one after the other: prints p50 and p99 in microseconds
 *   busy COUNT VIEWERS  the same beside bulk viewers: prints p50, p99 and the bulk viewers' bytes a second
 *   connects COUNT AT   COUNT connections, AT at once, each until its greeting came: prints seconds
 *   hold COUNT          opens so many, prints "held", waits for a line on stdin
 *   frames COUNT W H    RFB, raw encoding, full updates of W x H: prints seconds and bytes
 */
#include "pattern.h"
#include "ws.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static target to;
static char **tickets; /* lines, the blank replaced by 0 */
static atomic_size_t next_ticket, tickets_count;

static void read_tickets(const char *path)
{
    char *line = NULL;
    size_t room = 0, made = 0;
    FILE *file = fopen(path, "r");
    if (!file)
        die("cannot read %s", path);
    while (getline(&line, &room, file) > 0) {
        char *blank = strchr(line, ' ');
        line[strcspn(line, "\n")] = 0;
        if (!blank)
            die("a line of %s without a ticket", path);
        *blank = 0;
        if (made % 256 == 0)
            tickets = realloc(tickets, (made + 256) * sizeof *tickets);
        tickets[made++] = line;
        line = NULL;
        room = 0;
    }
    tickets_count = made;
    fclose(file);
}

/* A new viewer whose greeting has been read. */
static void open_viewer(ws *w)
{
    char greeting[GREETING];
    if (tickets) {
        size_t mine = next_ticket++;
        if (mine >= tickets_count)
            die("too few tickets");
        ws_open(w, &to, tickets[mine], tickets[mine] + strlen(tickets[mine]) + 1);
    } else {
        ws_open(w, &to, "/websockify", NULL);
    }
    ws_read_all(w, greeting, sizeof greeting);
}

/* What a viewer of RFB says first; the synthetic source does not answer it. */
static void shake_hands(ws *w)
{
    ws_send(w, "RFB 003.008\n\1\1", HANDSHAKE);
}

static void ask_bulk(ws *w, uint64_t size)
{
    unsigned char request[REQUEST] = {3};
    for (int i = 0; i < 8; i++)
        request[2 + i] = (unsigned char)(size >> (56 - 8 * i));
    ws_send(w, request, sizeof request);
}

static void read_bulk(ws *w, uint64_t left, const unsigned char *pattern)
{
    uint64_t at = 0;
    while (left > 0) {
        unsigned char *piece;
        size_t got = ws_read(w, &piece);
        if (got == 0 || got > left)
            die("the stream ended %llu bytes from its end", (unsigned long long)left);
        if (pattern && memcmp(piece, pattern + at % PERIOD, got) != 0)
            die("the stream is corrupt near byte %llu", (unsigned long long)at);
        at += got;
        left -= got;
    }
}

static void bulk(uint64_t size, int check)
{
    ws w;
    unsigned char *pattern = NULL;
    if (check) {
        pattern = malloc(PERIOD + WS_BUFFER);
        pattern_fill(pattern, PERIOD + WS_BUFFER);
    }
    open_viewer(&w);
    shake_hands(&w);
    double began = now();
    ask_bulk(&w, size);
    read_bulk(&w, size, pattern);
    if (check)
        puts("ok");
    else
        printf("%.6f\n", now() - began);
    ws_close(&w);
}

static atomic_int stopped;
static atomic_ullong bulk_bytes;
static pthread_barrier_t together;

static void *bulk_viewer(void *unused)
{
    ws w;
    open_viewer(&w);
    shake_hands(&w);
    pthread_barrier_wait(&together);
    while (!stopped) {
        ask_bulk(&w, 8 << 20);
        read_bulk(&w, 8 << 20, NULL);
        bulk_bytes += 8 << 20;
    }
    ws_close(&w);
    return unused;
}

static void echo(size_t count, int beside)
{
    ws w;
    pthread_t threads[64];
    double *took = calloc(count, sizeof *took);
    unsigned char key[KEY] = {4, 1, 0, 0, 0, 0, 0, 'a'};
    open_viewer(&w);
    shake_hands(&w);
    pthread_barrier_init(&together, NULL, (unsigned)beside + 1);
    for (int i = 0; i < beside; i++)
        pthread_create(&threads[i], NULL, bulk_viewer, NULL);
    pthread_barrier_wait(&together);
    double began = now();
    for (size_t i = 0; i < count; i++) {
        double sent = now();
        ws_send(&w, key, sizeof key);
        ws_read_all(&w, key, sizeof key);
        took[i] = now() - sent;
    }
    double lasted = now() - began;
    unsigned long long moved = bulk_bytes;
    stopped = 1;
    printf("%.1f %.1f %.0f\n", 1e6 * percentile(took, count, 0.5), 1e6 * percentile(took, count, 0.99),
           (double)moved / lasted);
    ws_close(&w);
    for (int i = 0; i < beside; i++)
        pthread_join(threads[i], NULL);
}

static atomic_long connections_left;

static void *connector(void *unused)
{
    while (connections_left-- > 0) {
        ws w;
        open_viewer(&w);
        ws_close(&w);
    }
    return unused;
}

static void connects(long count, int at_once)
{
    pthread_t threads[256];
    connections_left = count;
    double began = now();
    for (int i = 0; i < at_once; i++)
        pthread_create(&threads[i], NULL, connector, NULL);
    for (int i = 0; i < at_once; i++)
        pthread_join(threads[i], NULL);
    printf("%.6f\n", now() - began);
}

static void hold(size_t count)
{
    ws *held = calloc(count, sizeof *held);
    for (size_t i = 0; i < count; i++)
        open_viewer(&held[i]);
    puts("held");
    fflush(stdout);
    getchar();
    for (size_t i = 0; i < count; i++)
        ws_close(&held[i]);
}

static unsigned number(const unsigned char *bytes, int size)
{
    unsigned value = 0;
    while (size-- > 0)
        value = value << 8 | *bytes++;
    return value;
}

/* RFC 6143 7.1 to 7.3: version 3.8, no security, shared; leaves the server's name read. */
static void rfb_handshake(ws *w)
{
    unsigned char bytes[256];
    ws_send(w, "RFB 003.008\n", 12);
    ws_read_all(w, bytes, 1);
    ws_read_all(w, bytes + 1, bytes[0]);
    ws_send(w, "\1", 1);
    ws_read_all(w, bytes, 4);
    if (number(bytes, 4) != 0)
        die("the display refused");
    ws_send(w, "\1", 1);
    ws_read_all(w, bytes, 24);
    for (unsigned left = number(bytes + 20, 4); left > 0;) {
        unsigned take = left < sizeof bytes ? left : sizeof bytes;
        ws_read_all(w, bytes, take);
        left -= take;
    }
    ws_send(w, "\2\0\0\1\0\0\0", 8); /* SetEncodings: raw alone */
}

static uint64_t full_update(ws *w, unsigned width, unsigned height)
{
    unsigned char request[10] = {3, 0, 0, 0, 0, 0, width >> 8, width & 255, height >> 8, height & 255}, head[12];
    uint64_t pixels = 0, all = 0;
    ws_send(w, request, sizeof request);
    while (pixels < (uint64_t)width * height) { /* an update may come in parts */
        ws_read_all(w, head, 4);
        if (head[0] != 0)
            die("message %d where an update was asked for", head[0]);
        for (unsigned left = number(head + 2, 2); left > 0; left--) {
            ws_read_all(w, head, 12);
            if (number(head + 8, 4) != 0)
                die("an encoding that was not asked for");
            uint64_t size = (uint64_t)number(head + 4, 2) * number(head + 6, 2);
            pixels += size;
            all += 4 * size;
            for (size *= 4; size > 0;) {
                unsigned char *piece;
                size_t got = ws_read(w, &piece);
                if (got == 0)
                    die("the server closed in an update");
                size_t take = got < size ? got : (size_t)size;
                w->used -= got - take; /* the rest is the next rectangle's */
                w->left += got - take;
                size -= take;
            }
        }
    }
    return all;
}

static void frames(int count, unsigned width, unsigned height)
{
    ws w;
    uint64_t moved = 0;
    open_viewer(&w);
    rfb_handshake(&w);
    full_update(&w, width, height);
    double began = now();
    for (int i = 0; i < count; i++)
        moved += full_update(&w, width, height);
    printf("%.6f %llu\n", now() - began, (unsigned long long)moved);
    ws_close(&w);
}

int main(int argc, char **argv)
{
    if (argc < 7)
        die("usage: view tcp|tls HOST PORT TICKETS WHAT COUNT …");
    signal(SIGPIPE, SIG_IGN);
    to = make_target(argv[1], argv[2], argv[3]);
    if (strcmp(argv[4], "-") != 0)
        read_tickets(argv[4]);
    const char *what = argv[5];
    unsigned long long count = strtoull(argv[6], NULL, 10);
    int more = argc > 7 ? atoi(argv[7]) : 0;
    if (strcmp(what, "bulk") == 0 || strcmp(what, "check") == 0)
        bulk(count, what[0] == 'c');
    else if (strcmp(what, "echo") == 0 || strcmp(what, "busy") == 0)
        echo((size_t)count, more);
    else if (strcmp(what, "connects") == 0)
        connects((long)count, more);
    else if (strcmp(what, "hold") == 0)
        hold((size_t)count);
    else if (strcmp(what, "frames") == 0 && argc > 8)
        frames((int)count, (unsigned)more, (unsigned)atoi(argv[8]));
    else
        die("what is %s?", what);
    return 0;
}
