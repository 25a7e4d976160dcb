/*
 * source PATH: a synthetic display on a unix socket. Greets with 12 bytes, as RFB does; then "b" and eight bytes of
 * number (big endian) make it send so many bytes of the pattern and wait for the next command; "e" makes it echo.
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

static int send_bulk(int fd)
{
    unsigned char number[8];
    uint64_t left = 0, at = 0;
    if (!read_all(fd, number, sizeof number))
        return 0;
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

static void echo(int fd)
{
    unsigned char bytes[4096];
    ssize_t got;
    while ((got = read(fd, bytes, sizeof bytes)) > 0 && write_all(fd, bytes, (size_t)got))
        ;
}

static void *serve(void *connection)
{
    int fd = (int)(intptr_t)connection;
    unsigned char command;
    if (write_all(fd, (const unsigned char *)"RFB 003.008\n", GREETING))
        while (read_all(fd, &command, 1)) {
            if (command == 'e')
                echo(fd);
            else if (command != 'b' || !send_bulk(fd))
                break;
        }
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
