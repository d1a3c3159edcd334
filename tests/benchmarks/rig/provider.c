// A mock provider: an OpenAI-format chat endpoint fast enough never to be the bottleneck of a benchmark.
//
//   provider PORT          (0: any free port; the port listened on is the only line printed)
//
// One thread, epoll, keep-alive. Reads three fields of a POST's JSON body:
//   "stream":true          answer as server-sent events, else with one JSON body
//   "max_tokens":N         content chunks of a stream
//   "seed":MS              milliseconds between chunks (0: flat out, one send() per chunk)
// Every content chunk holds t=<CLOCK_MONOTONIC, microseconds, 16 digits>, so that whoever receives it knows its age.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { READ_BUFFER = 65536, MAX_FD = 65536, STAMP_DIGITS = 16 };

typedef struct {
    int fd;
    int active_at;  // place in `active`, -1 when no stream is running
    int chunks, sent, interval_ms;
    int64_t due_us;
    char *in;
    int in_length;
    char *out;  // what the socket would not take yet
    int out_length, out_offset, out_room;
} connection;

static connection *connections[MAX_FD];
static int active[MAX_FD], active_count;
static int epoll_fd;

static char chunk[512], stream_end[1024], whole[2048];
static int chunk_length, stamp_offset, stream_end_length, whole_length;

#define ID "\"id\":\"chatcmpl-BmockAbCdEf0123456789\""
#define CHUNK_HEAD "data: {" ID ",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"mock\",\"choices\":"
#define JSON_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"

static const char *const stream_head =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n";
static const char *const answer =
    "{" ID ",\"object\":\"chat.completion\",\"created\":1700000000,\"model\":\"mock\",\"choices\":[{\"index\":0,"
    "\"message\":{\"role\":\"assistant\",\"content\":\"Hello! This is a mock answer of a modest, realistic length, as a "
    "model would give it to a short question.\"},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":"
    "{\"prompt_tokens\":17,\"completion_tokens\":23,\"total_tokens\":40},\"system_fingerprint\":\"fp_mock\"}";
static const char *const models =
    "{\"object\":\"list\",\"data\":[{\"id\":\"mock\",\"object\":\"model\",\"created\":1700000000,\"owned_by\":\"mock\"}]}";

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void prepare(void) {
    const char *event = CHUNK_HEAD
        "[{\"index\":0,\"delta\":{\"content\":\"t=0000000000000000 \"},\"logprobs\":null,\"finish_reason\":null}]}\n\n";
    const char *last = CHUNK_HEAD "[{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}]}\n\n"
        CHUNK_HEAD "[],\"usage\":{\"prompt_tokens\":17,\"completion_tokens\":100,\"total_tokens\":117}}\n\n"
        "data: [DONE]\n\n";
    chunk_length = sprintf(chunk, "%zx\r\n%s\r\n", strlen(event), event);
    stamp_offset = (int)(strstr(chunk, "t=0000") - chunk) + 2;
    stream_end_length = sprintf(stream_end, "%zx\r\n%s\r\n0\r\n\r\n", strlen(last), last);
    whole_length = sprintf(whole, JSON_HEAD, (int)strlen(answer), answer);
}

static void watch(connection *c, int writable) {
    struct epoll_event event = {.events = EPOLLIN | (writable ? EPOLLOUT : 0), .data.fd = c->fd};
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
}

static void stop_stream(connection *c) {
    if (c->active_at < 0) return;
    int hole = c->active_at;
    active[hole] = active[--active_count];
    connections[active[hole]]->active_at = hole;
    c->active_at = -1;
}

static void drop(connection *c) {
    stop_stream(c);
    close(c->fd);
    connections[c->fd] = NULL;
    free(c->in);
    free(c->out);
    free(c);
}

static int blocked(const connection *c) { return c->out_length != c->out_offset; }

// Sends, or keeps what the socket will not take. 0, or -1 when the connection was dropped.
static int put(connection *c, const char *data, int length) {
    if (!blocked(c)) {
        int taken = (int)send(c->fd, data, length, MSG_NOSIGNAL);
        if (taken == length) return 0;
        if (taken < 0) {
            if (errno != EAGAIN) return drop(c), -1;
            taken = 0;
        }
        data += taken, length -= taken;
        c->out_offset = c->out_length = 0;
        watch(c, 1);
    }
    if (c->out_length + length > c->out_room) {
        c->out_room = (c->out_length + length) * 2;
        c->out = realloc(c->out, c->out_room);
    }
    memcpy(c->out + c->out_length, data, length);
    c->out_length += length;
    return 0;
}

static int next_chunk(connection *c, int64_t now) {
    if (blocked(c)) return 0;
    if (c->sent == c->chunks) {
        stop_stream(c);
        return put(c, stream_end, stream_end_length);
    }
    for (int digit = STAMP_DIGITS - 1; digit >= 0; digit--, now /= 10) chunk[stamp_offset + digit] = '0' + now % 10;
    c->sent++;
    c->due_us += (int64_t)c->interval_ms * 1000;
    return put(c, chunk, chunk_length);
}

static int number(const char *body, const char *key, int otherwise) {
    const char *found = strstr(body, key);
    if (!found) return otherwise;
    found += strlen(key);
    while (*found == ' ' || *found == ':') found++;
    return atoi(found);
}

static int reply(connection *c, const char *body) {
    if (c->in[0] != 'P') {
        char text[1024];
        return put(c, text, sprintf(text, JSON_HEAD, (int)strlen(models), models));
    }
    if (!strstr(body, "\"stream\":true") && !strstr(body, "\"stream\": true")) return put(c, whole, whole_length);
    c->chunks = number(body, "\"max_tokens\"", 100);
    c->interval_ms = number(body, "\"seed\"", 0);
    c->sent = 0;
    c->due_us = now_us();
    if (put(c, stream_head, (int)strlen(stream_head))) return -1;
    c->active_at = active_count;
    active[active_count++] = c->fd;
    return next_chunk(c, now_us());
}

// Length of the request's body as it stands on the wire, or -1 while it is not complete. Chunked: as in nginx' proxying.
static int body_length(const char *head, const char *body, const char *end_of_head) {
    const char *length = strcasestr(head, "\r\ncontent-length:");
    if (length && length < end_of_head) return atoi(length + 17);
    const char *coding = strcasestr(head, "\r\ntransfer-encoding: chunked");
    if (!coding || coding >= end_of_head) return 0;
    const char *last = strncmp(body, "0\r\n\r\n", 5) ? strstr(body, "\r\n0\r\n\r\n") : body - 2;
    return last ? (int)(last + 7 - body) : -1;
}

// Answers every complete request that was read and is not behind a running stream. -1 when the connection was dropped.
static int serve(connection *c) {
    while (c->in_length && c->active_at < 0) {
        c->in[c->in_length] = 0;
        char *end_of_head = strstr(c->in, "\r\n\r\n");
        if (!end_of_head) return 0;
        char *body = end_of_head + 4;
        int length = body_length(c->in, body, end_of_head);
        int total = (int)(body - c->in) + length;
        if (length < 0 || c->in_length < total) return 0;
        const char *close_header = strcasestr(c->in, "\r\nconnection: close");
        int closes = close_header && close_header < end_of_head;
        char kept = c->in[total];
        c->in[total] = 0;
        if (reply(c, body)) return -1;
        c->in[total] = kept;
        memmove(c->in, c->in + total, c->in_length - total);
        c->in_length -= total;
        if (closes && c->active_at < 0) return drop(c), -1;
    }
    return 0;
}

static void welcome(int listener) {
    for (int fd, on = 1; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
        if (fd >= MAX_FD) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        connection *c = calloc(1, sizeof *c);
        c->fd = fd;
        c->active_at = -1;
        c->in = malloc(READ_BUFFER + 1);
        connections[fd] = c;
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
    }
}

static void handle(connection *c, uint32_t events) {
    if (events & EPOLLOUT && blocked(c)) {
        int taken = (int)send(c->fd, c->out + c->out_offset, c->out_length - c->out_offset, MSG_NOSIGNAL);
        if (taken < 0 && errno != EAGAIN) return drop(c);
        if (taken > 0) c->out_offset += taken;
        if (!blocked(c)) {
            c->out_offset = c->out_length = 0;
            watch(c, 0);
        }
    }
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        int got = (int)recv(c->fd, c->in + c->in_length, READ_BUFFER - c->in_length, 0);
        if (got == 0 || (got < 0 && errno != EAGAIN)) return drop(c);
        if (got > 0) {
            c->in_length += got;
            serve(c);
        }
    }
}

static void pace(void) {
    int64_t now = now_us();
    for (int i = 0; i < active_count; i++) {
        connection *c = connections[active[i]];
        if (c->interval_ms && c->due_us > now) continue;
        int before = active_count, dropped = next_chunk(c, now);
        if (!dropped && active_count == before) continue;
        if (!dropped && c->in_length) serve(c);
        i--;  // another stream stands in this one's place now
    }
}

static int flat_out(void) {
    for (int i = 0; i < active_count; i++) {
        const connection *c = connections[active[i]];
        if (!c->interval_ms && !blocked(c)) return 1;
    }
    return 0;
}

static int listen_on(int port) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = inet_addr("127.0.0.1")};
    if (bind(listener, (void *)&address, sizeof address) || listen(listener, 4096)) {
        perror("provider");
        exit(1);
    }
    socklen_t size = sizeof address;
    getsockname(listener, (void *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    prepare();
    epoll_fd = epoll_create1(0);
    int listener = listen_on(argc > 1 ? atoi(argv[1]) : 0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[512];
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(epoll_fd, events, 512, flat_out() ? 0 : active_count ? 1 : -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) welcome(listener);
            else if (connections[fd]) handle(connections[fd], events[i].events);
        }
        pace();
    }
}
