/*
 * bench: what the commands of load.c share: options, clocks, figures and librdkafka's clients. A part of load.c in a file of its own.
 */
#pragma once
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define PAYLOADS 1024
#define STALL_MS 60000

static int argumentCount;
static char **arguments;
static char errorText[512];
static rd_kafka_resp_err_t deliveryError;
static bool delivered;

static void fail(const char *what, const char *why) {
  fprintf(stderr, "load: %s: %s\n", what, why);
  exit(1);
}

static const char *option(const char *name) {
  size_t length = strlen(name);
  for (int i = 2; i < argumentCount; i++)
    if (strncmp(arguments[i], name, length) == 0 && arguments[i][length] == '=') return arguments[i] + length + 1;
  fail("missing option", name);
  return NULL;
}

static long number(const char *name) { return strtol(option(name), NULL, 10); }

static double nowMs(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

/** User and system time of all threads of `pid`, ended ones too: what /proc/pid/stat has in ticks of 10 ms, but exact. */
static double cpuMsOf(long pid) {
  clockid_t clock;
  struct timespec t;
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0) fail("no such broker process", option("pid"));
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

/** For loads that are not ours: until it is stopped, a line every few milliseconds: time of day and CPU time, in milliseconds. */
static void watchCpu(void) {
  long pid = number("pid");
  for (;;) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    printf("%.3f %.3f\n", t.tv_sec * 1e3 + t.tv_nsec / 1e6, cpuMsOf(pid));
    fflush(stdout);
    usleep(20000);
  }
}

static double ownCpuMs(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

typedef struct {
  long pid;
  double startMs, brokerCpuMs, clientCpuMs;
} Measure;

static Measure startMeasuring(void) {
  Measure m = {.pid = number("pid")};
  m.brokerCpuMs = cpuMsOf(m.pid);
  m.clientCpuMs = ownCpuMs();
  m.startMs = nowMs();
  return m;
}

static void report(Measure m, long messages, double bytes) {
  double ms = nowMs() - m.startMs;
  printf("{\"messages\":%ld,\"bytes\":%.0f,\"ms\":%.3f,\"brokerCpuMs\":%.3f,\"clientCpuMs\":%.3f}\n", messages, bytes, ms,
         cpuMsOf(m.pid) - m.brokerCpuMs, ownCpuMs() - m.clientCpuMs);
}

static void onDelivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque) {
  (void)client;
  (void)opaque;
  if (message->err) deliveryError = message->err;
  delivered = true;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
  if (rd_kafka_conf_set(conf, name, value, errorText, sizeof errorText) != RD_KAFKA_CONF_OK) fail(name, errorText);
}

static rd_kafka_t *create(rd_kafka_type_t type, rd_kafka_conf_t *conf) {
  set(conf, "bootstrap.servers", option("brokers"));
  set(conf, "broker.address.family", "v4");
  set(conf, "socket.nagle.disable", "true");
  set(conf, "log_level", "3");
  rd_kafka_t *client = rd_kafka_new(type, conf, errorText, sizeof errorText);
  if (client == NULL) fail("can't create the client", errorText);
  return client;
}

enum producer { FULL_BATCHES, ONE_AT_A_TIME, TRANSACTIONS };

static rd_kafka_t *createProducer(enum producer kind) {
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  set(conf, "acks", option("acks"));
  set(conf, "allow.auto.create.topics", "false"); /* they are made, but a broker may not have heard of them yet */
  if (kind == TRANSACTIONS) set(conf, "transactional.id", option("transactionalId"));
  if (kind == FULL_BATCHES) set(conf, "enable.idempotence", option("idempotent"));
  if (kind == ONE_AT_A_TIME) {
    set(conf, "linger.ms", "0");
  } else {
    /* Batches are full before the linger ends, so their size does not depend on how fast the broker is. */
    set(conf, "linger.ms", "50");
    set(conf, "batch.size", option("batchBytes"));
    set(conf, "compression.codec", option("codec"));
    set(conf, "queue.buffering.max.messages", "2000000");
    set(conf, "delivery.report.only.error", "true");
  }
  rd_kafka_conf_set_dr_msg_cb(conf, onDelivery);
  return create(RD_KAFKA_PRODUCER, conf);
}

/** Waits until every partition of the topic has a leader. */
static int partitionsOf(rd_kafka_t *client, rd_kafka_topic_t *topic) {
  const char *why = "no answer";
  for (double deadlineMs = nowMs() + STALL_MS; nowMs() < deadlineMs;) {
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t error = rd_kafka_metadata(client, 0, topic, &metadata, 5000);
    int count = 0;
    if (error) {
      why = rd_kafka_err2str(error);
    } else {
      struct rd_kafka_metadata_topic *found = &metadata->topics[0];
      if (metadata->topic_cnt != 1 || found->err) why = rd_kafka_err2str(found->err);
      else count = found->partition_cnt;
      for (int i = 0; i < count; i++)
        if (found->partitions[i].err || found->partitions[i].leader < 0) {
          count = 0;
          why = "a partition has no leader";
          break;
        }
      rd_kafka_metadata_destroy(metadata);
    }
    if (count > 0) return count;
    usleep(50000);
  }
  fail("metadata", why);
  return 0;
}

static uint32_t random32(void) {
  static uint32_t state = 2463534242u; /* xorshift32: the same payloads in every run */
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

/** JSON as services log it: repeated keys and words, differing numbers; lz4 makes it about 2.5 times smaller. */
static char *payloads(long size) {
  static const char *words[] = {"accepted", "invoice", "warehouse", "customer", "pending", "shipment", "returned", "Prague",
                                "station",  "request", "timeout",   "monitor",  "account", "delivery", "castle",   "clerk"};
  char *pool = malloc((size_t)PAYLOADS * size + 256);
  for (int i = 0; i < PAYLOADS; i++) {
    char *at = pool + (size_t)i * size, *end = at + size;
    while (at < end)
      at += sprintf(at, "{\"id\":\"%08x%08x\",\"kind\":\"%s\",\"from\":\"%s\",\"to\":\"%s\",\"amount\":%u.%02u,\"note\":\"%s %s\"},",
                    random32(), random32(), words[random32() % 16], words[random32() % 16], words[random32() % 16],
                    random32() % 100000, random32() % 100, words[random32() % 16], words[random32() % 16]);
  }
  return pool;
}

static void flush(rd_kafka_t *client) {
  if (rd_kafka_flush(client, STALL_MS)) fail("produce", "messages were not acknowledged in time");
  if (deliveryError) fail("produce", rd_kafka_err2str(deliveryError));
}
