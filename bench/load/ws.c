#include "ws.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

static void send_frame(ws *w, int opcode, const void *payload, size_t size)
{
    static const unsigned char mask[4] = {0x5a, 0xc3, 0x17, 0x9e};
    unsigned char small[512], *frame = size + 8 <= sizeof small ? small : malloc(size + 8);
    size_t head = 2;
    frame[0] = 0x80 | (unsigned char)opcode;
    if (size < 126) {
        frame[1] = 0x80 | (unsigned char)size;
    } else {
        frame[1] = 0x80 | 126;
        frame[2] = (unsigned char)(size >> 8);
        frame[3] = (unsigned char)size;
        head = 4;
    }
    memcpy(frame + head, mask, 4);
    for (size_t i = 0; i < size; i++)
        frame[head + 4 + i] = ((const unsigned char *)payload)[i] ^ mask[i % 4];
    stream_write(&w->s, frame, head + 4 + size);
    if (frame != small)
        free(frame);
}

/* At least size unread bytes in the buffer; 0 when the server closed. */
static int buffered(ws *w, size_t size)
{
    if (w->have - w->used < size && w->used > 0) {
        memmove(w->buffer, w->buffer + w->used, w->have - w->used);
        w->have -= w->used;
        w->used = 0;
    }
    while (w->have - w->used < size) {
        ssize_t got = stream_read(&w->s, w->buffer + w->have, WS_BUFFER - w->have);
        if (got <= 0)
            return 0;
        w->have += (size_t)got;
    }
    return 1;
}

static int next_header(ws *w)
{
    if (!buffered(w, 2))
        return 0;
    unsigned char *head = w->buffer + w->used;
    size_t more = (head[1] & 127) == 127 ? 8 : (head[1] & 127) == 126 ? 2 : 0;
    if (!buffered(w, 2 + more))
        return 0;
    head = w->buffer + w->used;
    w->left = more ? 0 : head[1] & 127;
    for (size_t i = 0; i < more; i++)
        w->left = w->left << 8 | head[2 + i];
    if (head[0] & 15) /* 0 goes on with the kind before */
        w->opcode = head[0] & 15;
    w->used += 2 + more;
    return 1;
}

/* The whole payload of a small frame, as text. */
static int small_payload(ws *w, char *into, size_t room)
{
    size_t size = (size_t)w->left;
    if (size >= room || !buffered(w, size))
        return 0;
    memcpy(into, w->buffer + w->used, size);
    into[size] = 0;
    w->used += size;
    w->left = 0;
    return 1;
}

/* Any frame but a binary one. 0: the connection is over. A text message lands in text. */
static int other_frame(ws *w, char *text, size_t room)
{
    size_t size = (size_t)w->left;
    if (!small_payload(w, text, room))
        return 0;
    if (w->opcode == PING)
        send_frame(w, PONG, text, size);
    if (w->opcode == TEXT && strstr(text, "\"error\"")) {
        errno = 0;
        die("the server said: %s", text);
    }
    return w->opcode != CLOSE;
}

size_t ws_read(ws *w, unsigned char **piece)
{
    char text[16 * 1024];
    for (;;) {
        while (w->left == 0)
            if (!next_header(w))
                return 0;
            else if (w->opcode != BINARY && !other_frame(w, text, sizeof text))
                return 0;
        if (!buffered(w, 1))
            return 0;
        size_t size = w->have - w->used;
        if (size > w->left)
            size = (size_t)w->left;
        *piece = w->buffer + w->used;
        w->used += size;
        w->left -= size;
        return size;
    }
}

void ws_read_all(ws *w, void *into, size_t size)
{
    while (size > 0) {
        unsigned char *piece;
        size_t got = ws_read(w, &piece);
        if (got == 0) {
            errno = 0;
            die("the server closed a viewer's connection");
        }
        size_t take = got < size ? got : size;
        memcpy(into, piece, take);
        into = (char *)into + take;
        size -= take;
        w->used -= got - take; /* the rest stays in the buffer */
        w->left += got - take;
    }
}

static void wait_ready(ws *w)
{
    char text[16 * 1024] = "";
    do {
        if (!next_header(w) || w->opcode == BINARY || !other_frame(w, text, sizeof text)) {
            errno = 0;
            die("the server closed a viewer's connection before it was ready: %s", text);
        }
    } while (!strstr(text, "\"ready\""));
}

void ws_open(ws *w, const target *to, const char *path, const char *ticket)
{
    char text[2048];
    *w = (ws){.s = stream_open(to), .buffer = malloc(WS_BUFFER)};
    int size = snprintf(text, sizeof text,
                        "GET %s HTTP/1.1\r\nHost: %s:%s\r\nOrigin: %s://%s:%s\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: binary\r\n\r\n",
                        path, to->host, to->port, to->tls ? "https" : "http", to->host, to->port);
    stream_write(&w->s, text, (size_t)size);
    unsigned char *end;
    for (size_t need = 1; !(end = memmem(w->buffer, w->have, "\r\n\r\n", 4)); need = w->have + 1)
        if (!buffered(w, need))
            die("no answer to the WebSocket upgrade of %s", path);
    if (w->have < 12 || memcmp(w->buffer, "HTTP/1.1 101", 12) != 0) {
        errno = 0;
        die("the upgrade of %s was refused: %.*s", path, (int)w->have, w->buffer);
    }
    w->used = (size_t)(end + 4 - w->buffer);
    if (ticket) {
        size = snprintf(text, sizeof text, "{\"type\":\"ticket\",\"ticket\":\"%s\"}", ticket);
        send_frame(w, TEXT, text, (size_t)size);
        wait_ready(w);
    }
}

void ws_send(ws *w, const void *payload, size_t size)
{
    send_frame(w, BINARY, payload, size);
}

void ws_close(ws *w)
{
    static const unsigned char normal[] = {0x80 | CLOSE, 0x80 | 2, 0, 0, 0, 0, 1000 >> 8, 1000 & 255};
    if (w->s.ssl ? SSL_write(w->s.ssl, normal, sizeof normal) : write(w->s.fd, normal, sizeof normal)) {
        /* the other side may have closed first */
    }
    stream_close(&w->s);
    free(w->buffer);
}

int http_request(stream *s, const target *to, const char *token, const char *path, const char *body, char *answer)
{
    char head[4096];
    int size = snprintf(head, sizeof head,
                        "%s %s HTTP/1.1\r\nHost: %s:%s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"
                        "Content-Length: %zu\r\n\r\n%s",
                        body ? "POST" : "GET", path, to->host, to->port, token, body ? strlen(body) : 0, body ? body : "");
    stream_write(s, head, (size_t)size);
    size_t have = 0, want = 0, start = 0;
    while (!want || have < want) {
        ssize_t got = have < HTTP_ANSWER - 1 ? stream_read(s, answer + have, HTTP_ANSWER - 1 - have) : 0;
        if (got <= 0)
            die("no complete answer to %s", path);
        have += (size_t)got;
        answer[have] = 0;
        char *end = strstr(answer, "\r\n\r\n"), *length = strcasestr(answer, "\r\ncontent-length:");
        if (!want && end) {
            if (!length || length > end)
                die("an answer to %s without Content-Length", path);
            start = (size_t)(end + 4 - answer);
            want = start + strtoul(length + 17, NULL, 10);
        }
    }
    int status = atoi(answer + 9);
    memmove(answer, answer + start, have - start + 1);
    return status;
}

void json_text(const char *document, const char *name, char *into, size_t size)
{
    char key[64];
    snprintf(key, sizeof key, "\"%s\"", name);
    const char *at = strstr(document, key);
    if (at)
        at += strlen(key), at += strspn(at, " :");
    if (!at || *at != '"') {
        errno = 0;
        die("no %s in the answer: %.400s", name, document);
    }
    size_t length = strcspn(at + 1, "\"");
    if (length >= size)
        die("%s is too long", name);
    memcpy(into, at + 1, length);
    into[length] = 0;
}
