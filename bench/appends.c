/*
 * bench: many producers, each with a connection of its own and one request on its way: sends the same Produce request again and
 * again, as soon as the one before is acknowledged, and prints what came of it as one line of JSON.
 *
 *   appends port= pid= connections= frames= errorAt= warmUpMs= ms=
 *
 * frames are whole requests with their size, in hexadecimal digits, separated by commas: connection N sends the N-th, beginning again
 * when they run out. errorAt is where in an answer, behind its size, the error code stands. One thread that waits in epoll: a client library
 * for each producer would take more CPU than the broker and leave the figure to the scheduler.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNECTIONS 1024
#define MAX_ANSWER_BYTES 512
#define STALL_MS 60000

typedef struct {
  uint8_t *bytes;
  size_t length;
} Frame;

typedef struct {
  int socket;
  Frame frame;
  uint8_t answer[MAX_ANSWER_BYTES];
  size_t received;
} Producer;

static int argumentCount;
static char **arguments;
static Producer producers[MAX_CONNECTIONS];

static void fail(const char *what, const char *why) {
  fprintf(stderr, "appends: %s: %s\n", what, why);
  exit(1);
}

static const char *option(const char *name) {
  size_t length = strlen(name);
  for (int i = 1; i < argumentCount; i++)
    if (strncmp(arguments[i], name, length) == 0 && arguments[i][length] == '=') return arguments[i] + length + 1;
  fail("missing option", name);
  return NULL;
}

static long number(const char *name) { return strtol(option(name), NULL, 10); }

static double ms(clockid_t clock) {
  struct timespec t;
  if (clock_gettime(clock, &t) != 0) fail("no such clock", "clock_gettime");
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static int frames(Frame *into, int most) {
  const char *at = option("frames");
  int count = 0;
  while (*at != '\0' && count < most) {
    size_t digits = strcspn(at, ",");
    Frame frame = {.bytes = malloc(digits / 2), .length = digits / 2};
    for (size_t i = 0; i < frame.length; i++) sscanf(at + 2 * i, "%2hhx", &frame.bytes[i]);
    into[count++] = frame;
    at += digits + (at[digits] == ',');
  }
  if (count == 0) fail("frames", "none");
  return count;
}

static int connected(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int descriptor = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  if (connect(descriptor, (struct sockaddr *)&address, sizeof address) != 0) fail("connect", "nobody listens");
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return descriptor;
}

static void sendRequest(Producer *producer) {
  producer->received = 0;
  /* Far smaller than a socket's buffer, which is empty: it goes in whole. */
  if (send(producer->socket, producer->frame.bytes, producer->frame.length, MSG_NOSIGNAL) != (ssize_t)producer->frame.length)
    fail("send", "the broker closed a connection");
}

/** Takes what has come; 1 when that completes the answer. */
static int receive(Producer *producer, size_t errorAt) {
  ssize_t got = recv(producer->socket, producer->answer + producer->received, MAX_ANSWER_BYTES - producer->received, 0);
  if (got <= 0) fail("receive", "the broker closed a connection");
  producer->received += got;
  if (producer->received < 4) return 0;
  uint32_t size;
  memcpy(&size, producer->answer, 4);
  size = ntohl(size);
  if (size < errorAt + 2 || size + 4 > MAX_ANSWER_BYTES) fail("receive", "this is no answer to Produce");
  if (producer->received < size + 4) return 0;
  uint8_t *error = producer->answer + 4 + errorAt;
  if (error[0] != 0 || error[1] != 0) fail("produce", "an append was refused");
  return 1;
}

int main(int argc, char **argv) {
  argumentCount = argc;
  arguments = argv;
  Frame known[MAX_CONNECTIONS];
  int count = number("connections"), frameCount = frames(known, MAX_CONNECTIONS), port = number("port");
  size_t errorAt = number("errorAt");
  clockid_t brokerClock;
  if (count > MAX_CONNECTIONS || clock_getcpuclockid(number("pid"), &brokerClock) != 0) fail("options", "connections or pid");
  int poll = epoll_create1(0);
  for (int i = 0; i < count; i++) {
    producers[i] = (Producer){.socket = connected(port), .frame = known[i % frameCount]};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &producers[i]};
    epoll_ctl(poll, EPOLL_CTL_ADD, producers[i].socket, &event);
    sendRequest(&producers[i]);
  }
  double startMs = ms(CLOCK_MONOTONIC) + number("warmUpMs"), endMs = startMs + number("ms"), startCpuMs = ms(brokerClock);
  long appends = 0;
  int isMeasuring = 0;
  for (;;) {
    struct epoll_event events[MAX_CONNECTIONS];
    int ready = epoll_wait(poll, events, count, STALL_MS);
    if (ready <= 0) fail("produce", "stalled");
    double nowMs = ms(CLOCK_MONOTONIC);
    if (!isMeasuring && nowMs >= startMs) {
      isMeasuring = 1;
      appends = 0;
      startMs = nowMs;
      startCpuMs = ms(brokerClock);
    }
    if (isMeasuring && nowMs >= endMs) {
      printf("{\"appends\":%ld,\"ms\":%.3f,\"brokerCpuMs\":%.3f}\n", appends, nowMs - startMs, ms(brokerClock) - startCpuMs);
      return 0;
    }
    for (int i = 0; i < ready; i++) {
      Producer *producer = events[i].data.ptr;
      if (!receive(producer, errorAt)) continue;
      appends++;
      sendRequest(producer);
    }
  }
}
