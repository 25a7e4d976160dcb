/*
 * bare ARGV…: the bare X server that a start is compared with. "@" in an argument stands for the number of the start;
 * the first argument is the path of the display's unix socket, the rest is the X server's argv; it finds the pipe for
 * -displayfd as descriptor 3. Reads how many to start at once, a line each; then
 * prints for each the milliseconds from posix_spawn to the 12th byte of RFB, ends and reaps them all, and says "done".
 */
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 256, ARGUMENTS = 64 };

typedef struct {
    unsigned long number;
    pid_t pid;
    int display_pipe;
    double began, took;
} start;

extern char **environ;
static char **command; /* path of the socket, then argv */
static int count;      /* of argv, with the closing NULL */
static pthread_barrier_t together;
static long retry_ns;

static char *numbered(const char *text, unsigned long number)
{
    char *made = malloc(strlen(text) + 32);
    const char *at = strchr(text, '@');
    if (at)
        sprintf(made, "%.*s%lu%s", (int)(at - text), text, number, at + 1);
    else
        strcpy(made, text);
    return made;
}

static pid_t spawn(char **argv, int display_fd)
{
    pid_t pid;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, display_fd, 3);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    errno = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
    if (errno)
        die("cannot start %s", argv[0]);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

static void *one(void *which)
{
    start *s = which;
    char *argv[ARGUMENTS] = {NULL}, *path = numbered(command[0], s->number), greeting[12];
    int ends[2], fd;
    for (int i = 1; i < count; i++)
        argv[i - 1] = numbered(command[i], s->number);
    if (pipe2(ends, O_CLOEXEC) != 0)
        die("no pipe");
    unlink(path);
    pthread_barrier_wait(&together);
    s->began = now();
    s->pid = spawn(argv, ends[1]);
    close(ends[1]);
    s->display_pipe = ends[0];
    while ((fd = unix_connect(path)) < 0) {
        if (now() - s->began > 60)
            die("%s did not come up within 60 s", argv[0]);
        nanosleep(&(struct timespec){0, retry_ns}, NULL);
    }
    if (!read_all(fd, greeting, sizeof greeting))
        die("%s closed the connection before its greeting", argv[0]);
    s->took = now() - s->began;
    close(fd);
    for (int i = 0; argv[i]; i++)
        free(argv[i]);
    free(path);
    return NULL;
}

static void end(start *s)
{
    char number[32]; /* alive, and its pipe read, before it is told to end: a closed pipe kills it in its own way */
    while (read(s->display_pipe, number, sizeof number) > 0 && !memchr(number, '\n', sizeof number))
        ;
    kill(s->pid, SIGTERM);
    close(s->display_pipe);
}

int main(int argc, char **argv)
{
    static start starts[MOST];
    pthread_t threads[MOST];
    unsigned long number = 0;
    char line[32];
    if (argc < 3 || argc > ARGUMENTS)
        die("usage: bare SOCKET ARGV…");
    command = argv + 1;
    count = argc - 1;
    while (fgets(line, sizeof line, stdin)) {
        int many = atoi(line);
        if (many < 1 || many > MOST)
            die("1 to %d at once", MOST);
        /* Many retrying each millisecond would take from the very thing that is measured. */
        retry_ns = many > 1 ? 5000000 : 1000000;
        pthread_barrier_init(&together, NULL, (unsigned)many);
        for (int i = 0; i < many; i++) {
            starts[i] = (start){.number = ++number};
            pthread_create(&threads[i], NULL, one, &starts[i]);
        }
        for (int i = 0; i < many; i++)
            pthread_join(threads[i], NULL);
        double first = starts[0].began;
        for (int i = 1; i < many; i++)
            first = starts[i].began < first ? starts[i].began : first;
        for (int i = 0; i < many; i++) /* of a burst: since the first of them began */
            printf("%.3f\n", 1000 * (starts[i].began - first + starts[i].took));
        for (int i = 0; i < many; i++)
            end(&starts[i]);
        for (int i = 0; i < many; i++)
            waitpid(starts[i].pid, NULL, 0);
        pthread_barrier_destroy(&together);
        puts("done");
        fflush(stdout);
    }
    return 0;
}
