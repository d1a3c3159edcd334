// A closed-loop load generator for OpenAI-format chat endpoints: each connection asks again as soon as it has its answer.
//
//   load -p PORT -c CONNECTIONS -d SECONDS [-s] [-n CHUNKS] [-i INTERVAL_MS] [-r RAMP_MS] [-k KEY] [-m MODEL]
//
// One thread, epoll, keep-alive. `-s` asks for streams of CHUNKS chunks, INTERVAL_MS apart (see provider.c), the
// connections starting over RAMP_MS. Every answer is read whole and checked: status 200; for a stream, its chunk count,
// its usage and its [DONE]. Prints one JSON line; times in microseconds; `lag` is a chunk's age on arrival.
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
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { STAMP_DIGITS = 16, HEAD_ROOM = 8192, LINE_ROOM = 512, GIVE_UP_ERRORS = 200000 };

enum part { HEAD, BODY };                                              // what of an answer comes next
enum framing { CHUNK_SIZE, CHUNK_DATA, CHUNK_CRLF, CHUNK_TRAILER };    // what of a chunked body comes next
enum state { RUNNING, COMPLETE, COMPLETE_BY_CLOSE };

typedef struct {
    int fd;
    int waiting;  // a request is out and its answer not complete
    enum part part;
    enum framing framing;
    enum state state;
    int chunked, status;
    long left;  // bytes of body or chunk still to come; -1: until the connection closes
    int64_t starts_us, asked_us, first_us;
    int events, ended, usage;
    char head[HEAD_ROOM];
    int head_length;
    char line[LINE_ROOM];  // of an event, as far as read; of any other answer, its beginning
    int line_length;
} connection;

typedef struct {
    uint32_t *values;
    size_t count, room;
} samples;

static int epoll_fd, port, connection_count = 16, streaming, chunk_count = 100, interval_ms, ramp_ms;
static double seconds = 5;
static const char *key = "sk-test-key", *model = "mock";
static char request[4096];
static int request_length;
static int64_t end_us;
static samples latencies, first_bytes, lags;
static long answers, errors, connect_errors, chunks, in_flight;
static char first_error[300];

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void note(samples *s, int64_t value) {
    if (s->count == s->room) {
        s->room = s->room ? s->room * 2 : 65536;
        s->values = realloc(s->values, s->room * sizeof *s->values);
    }
    s->values[s->count++] = value < 0 ? 0 : (uint32_t)value;
}

static int ascending(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static double quantile(const samples *s, double q) {
    if (!s->count) return 0;
    size_t at = (size_t)(q * s->count);
    return s->values[at < s->count ? at : s->count - 1];
}

static void failed(const connection *c, const char *why) {
    errors++;
    if (first_error[0]) return;
    snprintf(first_error, sizeof first_error, "%s: status %d, %d events, %.200s", why, c->status, c->events, c->line);
    for (char *p = first_error; *p; p++)
        if (*p == '"' || *p == '\\' || (unsigned char)*p < 32) *p = ' ';
}

static void shut(connection *c) {
    close(c->fd);
    c->fd = -1;
}

static int connected(connection *c) {
    if (c->fd >= 0) return 1;
    int on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = inet_addr("127.0.0.1")};
    if (connect(c->fd, (void *)&address, sizeof address)) {
        connect_errors++;
        shut(c);
        return 0;
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event);
    return 1;
}

static void ask(connection *c) {
    if (!connected(c)) return;
    c->part = HEAD, c->framing = CHUNK_SIZE, c->state = RUNNING;
    c->chunked = c->status = c->events = c->ended = c->usage = c->head_length = c->line_length = 0;
    c->left = -1;
    c->first_us = 0;
    c->asked_us = now_us();
    if (send(c->fd, request, request_length, MSG_NOSIGNAL) != request_length) {
        connect_errors++;
        shut(c);
        return;
    }
    in_flight++;
    c->waiting = 1;
}

static void read_event(connection *c, const char *text, long length, int64_t now) {
    if (length < 6 || memcmp(text, "data:", 5)) return;
    if (memmem(text, length, "[DONE]", 6)) {
        c->ended = 1;
        return;
    }
    c->events++;
    if (memmem(text, length, "\"usage\":{", 9)) c->usage = 1;
    const char *stamp = memmem(text, length, "t=", 2);
    if (!stamp || stamp + 2 + STAMP_DIGITS > text + length) return;
    int64_t sent_us = 0;
    for (int i = 0; i < STAMP_DIGITS; i++) {
        if (stamp[2 + i] < '0' || stamp[2 + i] > '9') return;
        sent_us = sent_us * 10 + stamp[2 + i] - '0';
    }
    chunks++;
    note(&lags, now - sent_us);
}

static void keep(connection *c, const char *data, long length) {
    long room = LINE_ROOM - 1 - c->line_length;
    if (length > room) length = room;
    memcpy(c->line + c->line_length, data, length);
    c->line_length += (int)length;
    c->line[c->line_length] = 0;
}

static void read_body(connection *c, const char *data, long length, int64_t now) {
    if (!c->first_us && length) c->first_us = now;
    if (!streaming || c->status != 200) return keep(c, data, length);
    while (length > 0) {
        const char *newline = memchr(data, '\n', length);
        long taken = newline ? newline - data : length;
        if (c->line_length || !newline) {
            keep(c, data, taken);
            if (newline) {
                read_event(c, c->line, c->line_length, now);
                c->line_length = 0;
            }
        } else {
            read_event(c, data, taken, now);
        }
        data += taken + 1, length -= taken + 1;
    }
}

// How many of `length` bytes belong to the answer's head.
static long read_head(connection *c, const char *data, long length) {
    long taken = length < HEAD_ROOM - 1 - c->head_length ? length : HEAD_ROOM - 1 - c->head_length;
    int from = c->head_length > 3 ? c->head_length - 3 : 0;
    memcpy(c->head + c->head_length, data, taken);
    c->head[c->head_length + taken] = 0;
    char *end = strstr(c->head + from, "\r\n\r\n");
    if (!end) {
        c->head_length += (int)taken;
        return length;
    }
    long used = end + 4 - c->head - c->head_length;
    end[2] = 0;
    c->status = atoi(c->head + 9);
    const char *declared = strcasestr(c->head, "\r\ncontent-length:");
    if (declared) c->left = atol(declared + 17);
    else c->chunked = strcasestr(c->head, "\r\ntransfer-encoding: chunked") != NULL;
    c->part = BODY;
    if (c->left == 0) c->state = COMPLETE;
    return used;
}

static int hexadecimal(char x) {
    if (x >= '0' && x <= '9') return x - '0';
    x |= 32;
    return x >= 'a' && x <= 'f' ? x - 'a' + 10 : -1;
}

// How many of `length` bytes of a chunked body were read.
static long read_chunked(connection *c, const char *data, long length, int64_t now) {
    if (c->framing == CHUNK_DATA) {
        long taken = length < c->left ? length : c->left;
        read_body(c, data, taken, now);
        c->left -= taken;
        if (!c->left) c->framing = CHUNK_CRLF;
        return taken;
    }
    char x = *data;
    if (c->framing == CHUNK_SIZE) {
        if (c->left < 0) c->left = 0;
        if (x == '\n') c->framing = c->left ? CHUNK_DATA : CHUNK_TRAILER;
        else if (hexadecimal(x) >= 0) c->left = c->left * 16 + hexadecimal(x);
    } else if (x == '\n') {
        if (c->framing == CHUNK_TRAILER) c->state = COMPLETE;
        c->framing = CHUNK_SIZE;
        c->left = 0;
    }
    return 1;
}

static void feed(connection *c, const char *data, long length, int64_t now) {
    while (length > 0 && c->state == RUNNING) {
        long taken;
        if (c->part == HEAD) {
            taken = read_head(c, data, length);
        } else if (c->chunked) {
            taken = read_chunked(c, data, length, now);
        } else {
            taken = c->left >= 0 && length > c->left ? c->left : length;
            read_body(c, data, taken, now);
            if (c->left >= 0 && !(c->left -= taken)) c->state = COMPLETE;
        }
        data += taken, length -= taken;
    }
}

static void finished(connection *c, int64_t now) {
    c->waiting = 0;
    in_flight--;
    answers++;
    if (c->status != 200) failed(c, "status");
    else if (streaming && (!c->ended || !c->usage || c->events < chunk_count)) failed(c, "short stream");
    else {
        note(&latencies, now - c->asked_us);
        note(&first_bytes, c->first_us - c->asked_us);
    }
    if (c->state == COMPLETE_BY_CLOSE || strcasestr(c->head, "\r\nconnection: close")) shut(c);
    if (now < end_us && errors < GIVE_UP_ERRORS) ask(c);
}

// The other side closed: the end of an answer without a length, nothing between two, an error inside one.
static void closed(connection *c, int64_t now) {
    if (c->waiting && c->part == BODY && !c->chunked && c->left < 0) {
        c->state = COMPLETE_BY_CLOSE;
        finished(c, now);
        return;
    }
    shut(c);
    if (!c->waiting) return;
    c->waiting = 0;
    in_flight--;
    failed(c, "closed");
    if (now < end_us && errors < GIVE_UP_ERRORS) ask(c);
}

static void handle(connection *c) {
    static char buffer[262144];
    if (c->fd < 0) return;
    long got = recv(c->fd, buffer, sizeof buffer, 0);
    int64_t now = now_us();
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return closed(c, now);
    feed(c, buffer, got, now);
    if (c->state == COMPLETE && c->waiting) finished(c, now);
}

static void compose(void) {
    char body[2048];
    int length = snprintf(body, sizeof body,
        "{\"model\":\"%s\",\"messages\":[{\"role\":\"system\",\"content\":\"You are a helpful assistant.\"},"
        "{\"role\":\"user\",\"content\":\"Say hello.\"}],\"max_tokens\":%d,\"seed\":%d,\"temperature\":0.7%s}",
        model, chunk_count, interval_ms, streaming ? ",\"stream\":true,\"stream_options\":{\"include_usage\":true}" : "");
    request_length = snprintf(request, sizeof request,
        "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\n"
        "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
        port, key, length, body);
}

static void options(int argc, char **argv) {
    for (int option; (option = getopt(argc, argv, "p:c:d:sn:i:r:k:m:")) > 0;) switch (option) {
        case 'p': port = atoi(optarg); break;
        case 'c': connection_count = atoi(optarg); break;
        case 'd': seconds = atof(optarg); break;
        case 's': streaming = 1; break;
        case 'n': chunk_count = atoi(optarg); break;
        case 'i': interval_ms = atoi(optarg); break;
        case 'r': ramp_ms = atoi(optarg); break;
        case 'k': key = optarg; break;
        case 'm': model = optarg; break;
        default: exit(2);
    }
}

static void report(double elapsed) {
    qsort(latencies.values, latencies.count, sizeof(uint32_t), ascending);
    qsort(first_bytes.values, first_bytes.count, sizeof(uint32_t), ascending);
    qsort(lags.values, lags.count, sizeof(uint32_t), ascending);
    printf("{\"connections\":%d,\"seconds\":%.3f,\"answers\":%ld,\"per_second\":%.1f,\"p50\":%.0f,\"p99\":%.0f,"
           "\"first_byte_p50\":%.0f,\"chunks\":%ld,\"lag_p50\":%.0f,\"lag_p99\":%.0f,\"errors\":%ld,"
           "\"connect_errors\":%ld,\"unfinished\":%ld,\"error\":\"%s\"}\n",
           connection_count, elapsed, answers, latencies.count / elapsed, quantile(&latencies, .5),
           quantile(&latencies, .99), quantile(&first_bytes, .5), chunks, quantile(&lags, .5), quantile(&lags, .99),
           errors, connect_errors, in_flight, first_error);
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    options(argc, argv);
    compose();
    epoll_fd = epoll_create1(0);
    connection *all = calloc(connection_count, sizeof *all);
    int64_t begun_us = now_us();
    end_us = begun_us + (int64_t)(seconds * 1e6);
    for (int i = 0; i < connection_count; i++) {
        all[i].fd = -1;
        all[i].starts_us = begun_us + (int64_t)ramp_ms * 1000 * i / connection_count;
    }
    // Answers under way at the end are read to their end, unless they hang.
    int64_t give_up_us = end_us + (streaming ? (int64_t)chunk_count * interval_ms * 1000 : 0) + 5000000;
    struct epoll_event events[512];
    for (int started = 0;;) {
        int64_t now = now_us();
        for (; started < connection_count && all[started].starts_us <= now && now < end_us; started++) ask(&all[started]);
        if ((now >= end_us && !in_flight) || now > give_up_us) break;
        int ready = epoll_wait(epoll_fd, events, 512, started < connection_count ? 1 : 50);
        for (int i = 0; i < ready; i++) handle(events[i].data.ptr);
    }
    report((now_us() - begun_us) / 1e6);
    return 0;
}
