/*
 * start tcp|tls HOST PORT PATH BODY: a viewer's start. The token comes as the first line of stdin; then how many
 * to start at once, a line each. Each has a kept connection that has been used before, sends POST PATH with BODY,
 * opens the WebSocket that the answer names with its ticket, and reads 12 bytes of RFB. Prints for each
 * "MS POST_MS URL": milliseconds since the (first) POST; then "done".
 */
#include "ws.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 256 };

typedef struct {
    double began, posted, took;
    char url[512];
} start;

static target to;
static const char *path, *body;
static char token[4096];
static pthread_barrier_t together;

static void *one(void *which)
{
    start *s = which;
    ws viewer;
    char greeting[12], ticket[2048], *answer = malloc(HTTP_ANSWER);
    stream kept = stream_open(&to);
    http_request(&kept, &to, token, "/api/", NULL, answer);
    pthread_barrier_wait(&together);
    s->began = now();
    int status = http_request(&kept, &to, token, path, body, answer);
    s->posted = now();
    if (status / 100 != 2) {
        errno = 0;
        die("the start was answered %d: %s", status, answer);
    }
    json_text(answer, "ticket", ticket, sizeof ticket);
    json_text(answer, "url", s->url, sizeof s->url);
    ws_open(&viewer, &to, s->url, ticket);
    ws_read_all(&viewer, greeting, sizeof greeting);
    s->took = now();
    if (memcmp(greeting, "RFB 003.00", 10) != 0)
        die("not RFB: %.12s", greeting);
    ws_close(&viewer);
    stream_close(&kept);
    free(answer);
    return NULL;
}

int main(int argc, char **argv)
{
    static start starts[MOST];
    pthread_t threads[MOST];
    char line[32];
    if (argc != 6 || !fgets(token, sizeof token, stdin))
        die("usage: start tcp|tls HOST PORT PATH BODY, with the token on stdin");
    signal(SIGPIPE, SIG_IGN);
    token[strcspn(token, "\n")] = 0;
    to = make_target(argv[1], argv[2], argv[3]);
    path = argv[4];
    body = argv[5];
    while (fgets(line, sizeof line, stdin)) {
        int many = atoi(line);
        if (many < 1 || many > MOST)
            die("1 to %d at once", MOST);
        pthread_barrier_init(&together, NULL, (unsigned)many);
        for (int i = 0; i < many; i++)
            pthread_create(&threads[i], NULL, one, &starts[i]);
        for (int i = 0; i < many; i++)
            pthread_join(threads[i], NULL);
        double first = starts[0].began;
        for (int i = 1; i < many; i++)
            first = starts[i].began < first ? starts[i].began : first;
        for (int i = 0; i < many; i++)
            printf("%.3f %.3f %s\n", 1000 * (starts[i].took - first), 1000 * (starts[i].posted - first), starts[i].url);
        pthread_barrier_destroy(&together);
        puts("done");
        fflush(stdout);
    }
    return 0;
}
