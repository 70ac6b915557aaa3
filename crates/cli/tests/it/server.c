// A server and its clients: each request is answered by a process or a thread of its own. SIGTERM ends it.
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
enum { CLIENTS = 4, REQUESTS = 10 };
static volatile sig_atomic_t ends;
static void on_term(int signal) { ends = signal; }
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int served;
static void answer(int fd) {
    char line[64];
    ssize_t got = read(fd, line, sizeof line - 1);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (got > 0) dprintf(fd, "%.*s at %ld", (int)got, line, now.tv_nsec);
    close(fd);
}
static void *thread(void *fd) {
    answer((int)(long)fd);
    pthread_mutex_lock(&lock);
    served++;
    pthread_mutex_unlock(&lock);
    return 0;
}
static void client(int who, struct sockaddr_in *to) {
    for (int i = 0; i < REQUESTS; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(fd, (struct sockaddr *)to, sizeof *to)) _exit(1);
        char line[64] = "";
        dprintf(fd, "%d.%d", who, i);
        for (size_t at = 0; at < sizeof line - 1;) {
            ssize_t got = read(fd, line + at, sizeof line - 1 - at);
            if (got <= 0) break;
            at += got;
        }
        dprintf(1, "%s\n", line);
        close(fd);
    }
    _exit(0);
}
int main(int argc, char **argv) {
    int threaded = argc > 1 && !strcmp(argv[1], "thread");
    struct sigaction term = {.sa_handler = on_term};
    sigaction(SIGTERM, &term, 0);
    int server = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    if (bind(server, (struct sockaddr *)&at, len) || listen(server, 64)) return 1;
    getsockname(server, (struct sockaddr *)&at, &len);
    pid_t parent = getpid(), load = fork();
    if (!load) {
        for (int i = 0; i < CLIENTS; i++)
            if (!fork()) client(i, &at);
        while (wait(0) > 0) ;
        kill(parent, SIGTERM);
        // It may have come right before the accept.
        connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&at, sizeof at);
        _exit(0);
    }
    while (!ends) {
        int fd = accept(server, 0, 0);
        if (fd < 0) continue;
        if (threaded) {
            pthread_t id;
            pthread_create(&id, 0, thread, (void *)(long)fd);
            pthread_detach(id);
        } else {
            pid_t child = fork();
            if (!child) {
                close(server);
                answer(fd);
                _exit(0);
            }
            close(fd);
            served++;
            while (waitpid(-1, 0, WNOHANG) > 0) ;
        }
    }
    while (wait(0) > 0 || errno == EINTR) ;
    pthread_mutex_lock(&lock);
    return printf("served %d, ended by %d\n", served, (int)ends) < 0;
}
