#include "stream.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

void die(const char *format, ...)
{
    int reason = errno;
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, reason ? " (%s)\n" : "\n", strerror(reason));
    exit(1);
}

target make_target(const char *kind, const char *host, const char *port)
{
    target to = {host, port, NULL};
    if (strcmp(kind, "tls") == 0) {
        to.tls = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_session_cache_mode(to.tls, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_mode(to.tls, SSL_MODE_RELEASE_BUFFERS);
    }
    return to;
}

stream stream_open(const target *to)
{
    stream s = {-1, NULL};
    struct addrinfo *found, like = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    if (getaddrinfo(to->host, to->port, &like, &found) != 0)
        die("no such address: %s %s", to->host, to->port);
    s.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s.fd < 0 || connect(s.fd, found->ai_addr, found->ai_addrlen) != 0)
        die("cannot connect to %s:%s", to->host, to->port);
    freeaddrinfo(found);
    setsockopt(s.fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (to->tls) {
        s.ssl = SSL_new(to->tls);
        SSL_set_fd(s.ssl, s.fd);
        if (SSL_connect(s.ssl) != 1)
            die("TLS handshake with %s:%s failed", to->host, to->port);
    }
    return s;
}

ssize_t stream_read(stream *s, void *into, size_t size)
{
    for (;;) {
        ssize_t got = s->ssl ? SSL_read(s->ssl, into, (int)size) : read(s->fd, into, size);
        if (got >= 0)
            return got;
        if (s->ssl || errno != EINTR)
            return 0;
    }
}

void stream_write(stream *s, const void *from, size_t size)
{
    const char *next = from;
    while (size > 0) {
        ssize_t done = s->ssl ? SSL_write(s->ssl, next, (int)size) : write(s->fd, next, size);
        if (done <= 0)
            die("the server closed the connection while it was written to");
        next += done;
        size -= (size_t)done;
    }
}

void stream_close(stream *s)
{
    if (s->ssl) {
        SSL_shutdown(s->ssl);
        SSL_free(s->ssl);
    }
    close(s->fd);
    s->fd = -1;
    s->ssl = NULL;
}

int unix_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        die("no socket");
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

int read_all(int fd, void *into, size_t size)
{
    for (size_t have = 0; have < size;) {
        ssize_t got = read(fd, (char *)into + have, size - have);
        if (got <= 0)
            return 0;
        have += (size_t)got;
    }
    return 1;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double percentile(double *samples, size_t count, double part)
{
    qsort(samples, count, sizeof *samples, by_size);
    size_t index = (size_t)(part * (double)count);
    return samples[index < count ? index : count - 1];
}
