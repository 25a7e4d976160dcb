/*
 * tickets tcp|tls HOST PORT PATH COUNT…: asks for COUNT tickets on one kept connection (POST PATH), and prints "URL TICKET"
 * for each, as view reads them. The token comes as the first line of stdin. More pairs of PATH and COUNT may follow.
 */
#include "ws.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    static char answer[HTTP_ANSWER], token[4096], url[512], ticket[2048];
    if (argc < 6 || argc % 2 != 0 || !fgets(token, sizeof token, stdin))
        die("usage: tickets tcp|tls HOST PORT PATH COUNT …, with the token on stdin");
    signal(SIGPIPE, SIG_IGN);
    token[strcspn(token, "\n")] = 0;
    target to = make_target(argv[1], argv[2], argv[3]);
    stream kept = stream_open(&to);
    for (int i = 4; i < argc; i += 2)
        for (int left = atoi(argv[i + 1]); left > 0; left--) {
            int status = http_request(&kept, &to, token, argv[i], "{}", answer);
            if (status / 100 != 2) {
                errno = 0;
                die("a ticket was answered %d: %s", status, answer);
            }
            json_text(answer, "ticket", ticket, sizeof ticket);
            json_text(answer, "url", url, sizeof url);
            printf("%s %s\n", url, ticket);
        }
    stream_close(&kept);
    return 0;
}
