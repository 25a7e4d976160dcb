/* A viewer's WebSocket, as a browser would open it; and the HTTP request that comes before. */
#ifndef WS_H
#define WS_H

#include "stream.h"

#include <stdint.h>

enum { WS_BUFFER = 256 * 1024, HTTP_ANSWER = 64 * 1024 };

typedef struct {
    stream s;
    unsigned char *buffer;
    size_t have, used; /* bytes in the buffer, and how many of them are taken */
    uint64_t left;     /* payload of the frame under way that is still to come */
    int opcode;
} ws;

/*
 * Opens PATH with the subprotocol "binary". With a ticket: sends it as the first message, after the 101 as a browser
 * must, and waits for the server's "ready". Without: a plain bridge such as websockify.
 */
void ws_open(ws *w, const target *to, const char *path, const char *ticket);

/* The next piece of binary payload, wherever the frames' borders are; 0 when the server closed. Pings are answered. */
size_t ws_read(ws *w, unsigned char **piece);

/* Exactly size bytes of binary payload; dies when the server closes before that. */
void ws_read_all(ws *w, void *into, size_t size);

void ws_send(ws *w, const void *payload, size_t size); /* one binary message, at most 65535 bytes */
void ws_close(ws *w);

/* A request on a kept connection; the answer's body as text. Returns the status. body NULL: GET. */
int http_request(stream *s, const target *to, const char *token, const char *path, const char *body, char *answer);

/* The text that follows "name": in a JSON document, without unescaping; dies when it is not there. */
void json_text(const char *document, const char *name, char *into, size_t size);

#endif
