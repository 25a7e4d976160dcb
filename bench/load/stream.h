/* A connection to a server on this machine, plain or TLS, blocking; time; and how a load tool gives up. */
#ifndef STREAM_H
#define STREAM_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct {
    int fd;
    SSL *ssl; /* NULL: plain */
} stream;

typedef struct {
    const char *host, *port;
    SSL_CTX *tls; /* NULL: plain */
} target;

/* Seconds of the monotonic clock. */
double now(void);

/* Prints the sentence, with the system's reason where there is one, and ends the program with 1. */
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* "tcp" or "tls", host, port. A certificate is not checked: this is loopback, and the server's own. */
target make_target(const char *kind, const char *host, const char *port);

/* A new connection every time; TLS without resumption, so that each is a full handshake. */
stream stream_open(const target *to);
ssize_t stream_read(stream *s, void *into, size_t size); /* 0: the other side has closed */
void stream_write(stream *s, const void *from, size_t size);
void stream_close(stream *s);

/* A connection to a unix socket, or -1 (errno). */
int unix_connect(const char *path);

/* Exactly size bytes from a descriptor; 0 when it closed before that. */
int read_all(int fd, void *into, size_t size);

/* Sorts samples; the value below which the part (0 to 1) of them lies. */
double percentile(double *samples, size_t count, double part);

#endif
