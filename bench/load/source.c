/*
 * source PATH: a synthetic display on a unix socket, which a viewer speaks to in messages of RFB, since what lies between
 * may read them. It greets with 12 bytes and skips the 14 of the viewer's handshake. An update request (type 3) holds in
 * its last eight bytes a number (big endian): so many bytes of the pattern are sent. A key event (type 4) is sent back.
 * A thread for each connection, so that the source is not what limits a viewer beside others.
 */
#include "pattern.h"
#include "stream.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { BLOCK = 256 * 1024 };

static unsigned char pattern[PERIOD + BLOCK];

static int write_all(int fd, const unsigned char *from, size_t size)
{
    while (size > 0) {
        ssize_t done = write(fd, from, size);
        if (done <= 0)
            return 0;
        from += done;
        size -= (size_t)done;
    }
    return 1;
}

static int send_bulk(int fd, const unsigned char *number)
{
    uint64_t left = 0, at = 0;
    for (int i = 0; i < 8; i++)
        left = left << 8 | number[i];
    while (left > 0) {
        size_t size = left < BLOCK ? (size_t)left : BLOCK;
        if (!write_all(fd, pattern + at % PERIOD, size))
            return 0;
        at += size;
        left -= size;
    }
    return 1;
}

/* Size of the message that begins so; 0: not one of ours. */
static size_t size_of(unsigned char type)
{
    return type == 3 ? REQUEST : type == 4 ? KEY : 0;
}

static int answer(int fd, const unsigned char *message)
{
    return message[0] == 3 ? send_bulk(fd, message + 2) : write_all(fd, message, KEY);
}

static void converse(int fd)
{
    unsigned char bytes[4096];
    size_t have = 0, used = 0;
    ssize_t got;
    if (!write_all(fd, (const unsigned char *)"RFB 003.008\n", GREETING) || !read_all(fd, bytes, HANDSHAKE))
        return;
    while ((got = read(fd, bytes + have, sizeof bytes - have)) > 0) {
        have += (size_t)got;
        for (size_t size; used < have && (size = size_of(bytes[used])) <= have - used; used += size)
            if (size == 0 || !answer(fd, bytes + used))
                return;
        memmove(bytes, bytes + used, have - used);
        have -= used;
        used = 0;
    }
}

static void *serve(void *connection)
{
    int fd = (int)(intptr_t)connection;
    converse(fd);
    close(fd);
    return NULL;
}

int main(int argc, char **argv)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (argc != 2 || strlen(argv[1]) >= sizeof address.sun_path)
        die("usage: source PATH");
    strcpy(address.sun_path, argv[1]);
    signal(SIGPIPE, SIG_IGN);
    pattern_fill(pattern, sizeof pattern);
    unlink(argv[1]);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 4096) != 0)
        die("cannot listen on %s", argv[1]);
    puts("ready");
    fflush(stdout);
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 64 * 1024);
    pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
    for (;;) {
        pthread_t thread;
        int fd = accept(listener, NULL, NULL);
        if (fd >= 0 && pthread_create(&thread, &small, serve, (void *)(intptr_t)fd) != 0)
            close(fd);
    }
}
