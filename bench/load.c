/*
 * bench: puts one load on a broker through librdkafka and prints what came of it as one line of JSON.
 *
 *   load produce         brokers= topic= messages= size= acks= codec= batchBytes= keys= rate= pid=   as fast as it goes, or rate MB/s; keys=0: none
 *   load consume         brokers= topic= messages= pid=                                  as fast as it goes, every partition
 *   load produce-latency brokers= topic= messages= size= acks=                           one at a time
 *   load round-trip      brokers= topic= messages= size= acks=                           one at a time, produced and consumed
 *   load transactions    brokers= topic= ms= size= acks= codec= batchBytes= commitEveryMs= transactionalId= pid=   as fast as it goes, committed as often
 *   load touch           brokers= topic=                                                 one record to each partition
 *   load watch-cpu       pid=                                                            no load: CPU time as it grows
 *   load touch-memory    megabytes=                                                      no load: see README.md, "Memory"
 *
 * pid is the broker's: its CPU time is read right before the first message and right after the last, so that neither the
 * client's start nor its connections count. Written for little CPU of its own: payloads are not copied, messages go in by the
 * batch, successful deliveries are not reported one by one, consumed messages are counted in a callback.
 */
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
#define OUTSTANDING_BYTES (32 * 1024 * 1024)
#define STALL_MS 60000
/** Small beside what a broker takes between two commits: a transaction is as long as it is told to be. */
#define TRANSACTION_OUTSTANDING_BYTES (2 * 1024 * 1024)
#define UNMEASURED_ROUNDS 50

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
  if (kind == TRANSACTIONS) set(conf, "transactional.id", option("transactionalId"));
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
  for (int attempt = 0; attempt < 100; attempt++) {
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

static void touch(rd_kafka_t *client, rd_kafka_topic_t *topic, int partitions) {
  for (int i = 0; i < partitions; i++)
    while (rd_kafka_produce(topic, i, 0, "x", 1, "x", 1, NULL) != 0) { /* with a key, for compacted topics */
      if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) fail("produce", rd_kafka_err2str(rd_kafka_last_error()));
      rd_kafka_poll(client, 10);
    }
  flush(client);
}

static void produce(void) {
  long messages = number("messages"), size = number("size"), keys = number("keys"), rate = number("rate");
  long perBatch = number("batchBytes") / size + 1;
  rd_kafka_t *client = createProducer(FULL_BATCHES);
  rd_kafka_topic_t *topic = rd_kafka_topic_new(client, option("topic"), NULL);
  int partitions = partitionsOf(client, topic);
  char *pool = payloads(size);
  rd_kafka_message_t *batch = calloc(perBatch, sizeof *batch);
  uint32_t *keyOf = calloc(perBatch, sizeof *keyOf);
  long outstanding = OUTSTANDING_BYTES / size;
  /* Connects and opens each partition; `messages` are counted on top of these. */
  touch(client, topic, partitions);
  Measure m = startMeasuring();
  long sent = 0;
  for (long turn = 0; sent < messages; turn++) {
    long count = messages - sent < perBatch ? messages - sent : perBatch;
    for (long i = 0; i < count; i++) {
      batch[i] = (rd_kafka_message_t){.payload = pool + (sent + i) % PAYLOADS * size, .len = size};
      if (keys == 0) continue;
      keyOf[i] = (sent + i) % keys;
      batch[i].key = &keyOf[i];
      batch[i].key_len = sizeof keyOf[i];
    }
    double aheadMs = rate == 0 ? 0 : (double)sent * size / rate / 1e3 - (nowMs() - m.startMs);
    if (aheadMs > 0) usleep(aheadMs * 1e3);
    double waitingSince = nowMs();
    while (rd_kafka_outq_len(client) > outstanding) {
      rd_kafka_poll(client, 1);
      if (deliveryError) fail("produce", rd_kafka_err2str(deliveryError));
      if (nowMs() - waitingSince > STALL_MS) fail("produce", "stalled");
    }
    if (rd_kafka_produce_batch(topic, turn % partitions, 0, batch, count) != count) fail("produce", "queue is full");
    sent += count;
  }
  flush(client);
  report(m, sent, (double)sent * size);
}

typedef struct {
  long messages;
  double bytes;
} Received;

static void onMessage(rd_kafka_message_t *message, void *opaque) {
  Received *received = opaque;
  if (message->err) fail("consume", rd_kafka_message_errstr(message));
  received->messages++;
  received->bytes += message->len;
}

static rd_kafka_t *createConsumer(void) {
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  set(conf, "queued.min.messages", "1000000");
  return create(RD_KAFKA_CONSUMER, conf);
}

static void startConsuming(rd_kafka_topic_t *topic, int partition, rd_kafka_queue_t *queue) {
  int result = queue == NULL ? rd_kafka_consume_start(topic, partition, RD_KAFKA_OFFSET_BEGINNING)
                             : rd_kafka_consume_start_queue(topic, partition, RD_KAFKA_OFFSET_BEGINNING, queue);
  if (result != 0) fail("consume", rd_kafka_err2str(rd_kafka_last_error()));
}

static void consume(void) {
  long messages = number("messages");
  rd_kafka_t *client = createConsumer();
  rd_kafka_topic_t *topic = rd_kafka_topic_new(client, option("topic"), NULL);
  int partitions = partitionsOf(client, topic);
  rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
  Received received = {0};
  Measure m = startMeasuring();
  for (int i = 0; i < partitions; i++) startConsuming(topic, i, queue);
  double lastProgress = nowMs();
  while (received.messages < messages) {
    if (rd_kafka_consume_callback_queue(queue, 1000, onMessage, &received) > 0) lastProgress = nowMs();
    else if (nowMs() - lastProgress > STALL_MS) fail("consume", "stalled");
  }
  report(m, received.messages, received.bytes);
}

/** Produces one message and waits until it is acknowledged or, given a consumer's topic, has come back from there. */
static void oneAtATime(rd_kafka_t *producer, rd_kafka_topic_t *topic, char *payload, long size, rd_kafka_topic_t *from) {
  double since = nowMs();
  delivered = false;
  if (rd_kafka_produce(topic, 0, 0, payload, size, NULL, 0, NULL) != 0)
    fail("produce", rd_kafka_err2str(rd_kafka_last_error()));
  if (from != NULL) {
    rd_kafka_message_t *message = rd_kafka_consume(from, 0, STALL_MS);
    if (message == NULL) fail("consume", "the message did not come");
    if (message->err) fail("consume", rd_kafka_message_errstr(message));
    rd_kafka_message_destroy(message);
    return;
  }
  while (!delivered) {
    rd_kafka_poll(producer, STALL_MS);
    if (nowMs() - since > STALL_MS) fail("produce", "stalled");
  }
}

static void latency(bool roundTrip) {
  long messages = number("messages"), size = number("size");
  rd_kafka_t *producer = createProducer(ONE_AT_A_TIME), *consumer = NULL;
  rd_kafka_topic_t *topic = rd_kafka_topic_new(producer, option("topic"), NULL), *from = NULL;
  partitionsOf(producer, topic);
  char *pool = payloads(size);
  if (roundTrip) {
    consumer = createConsumer();
    from = rd_kafka_topic_new(consumer, option("topic"), NULL);
    partitionsOf(consumer, from);
    startConsuming(from, 0, NULL);
  }
  printf("{\"latenciesUs\":[");
  for (long i = -UNMEASURED_ROUNDS; i < messages; i++) {
    double startMs = nowMs();
    oneAtATime(producer, topic, pool + (i + UNMEASURED_ROUNDS) % PAYLOADS * size, size, from);
    double us = (nowMs() - startMs) * 1e3;
    if (roundTrip) flush(producer); /* takes the delivery report, which nobody waited for */
    if (deliveryError) fail("produce", rd_kafka_err2str(deliveryError));
    if (i >= 0) printf("%s%.0f", i == 0 ? "" : ",", us);
  }
  printf("]}\n");
}

static void require(const char *what, rd_kafka_error_t *error) {
  if (error != NULL) fail(what, rd_kafka_error_string(error));
}

/**
 * One transaction after the other, each `commitEveryMs` long and with records for all partitions. What the commit itself takes is told: its
 * records are acknowledged before it is asked for.
 */
static void transactions(void) {
  long size = number("size"), ms = number("ms"), commitEveryMs = number("commitEveryMs");
  long perBatch = number("batchBytes") / size + 1, outstanding = TRANSACTION_OUTSTANDING_BYTES / size;
  rd_kafka_t *client = createProducer(TRANSACTIONS);
  require("init", rd_kafka_init_transactions(client, STALL_MS));
  rd_kafka_topic_t *topic = rd_kafka_topic_new(client, option("topic"), NULL);
  int partitions = partitionsOf(client, topic);
  char *pool = payloads(size);
  rd_kafka_message_t *batch = calloc(perBatch, sizeof *batch);
  double *commitUs = calloc(ms + 1, sizeof *commitUs);
  long sent = 0, commits = 0;
  Measure m = startMeasuring();
  while (nowMs() - m.startMs < ms && commits < ms) {
    require("begin", rd_kafka_begin_transaction(client));
    double begunMs = nowMs();
    for (long turn = 0; turn < partitions || nowMs() - begunMs < commitEveryMs; turn++) {
      for (long i = 0; i < perBatch; i++)
        batch[i] = (rd_kafka_message_t){.payload = pool + (sent + i) % PAYLOADS * size, .len = size};
      if (rd_kafka_produce_batch(topic, turn % partitions, 0, batch, perBatch) != perBatch) fail("produce", "queue is full");
      sent += perBatch;
      while (rd_kafka_outq_len(client) > outstanding) {
        rd_kafka_poll(client, 1);
        if (deliveryError) fail("produce", rd_kafka_err2str(deliveryError));
        if (nowMs() - begunMs > STALL_MS) fail("produce", "stalled");
      }
    }
    flush(client);
    double endingMs = nowMs();
    require("commit", rd_kafka_commit_transaction(client, STALL_MS));
    commitUs[commits++] = (nowMs() - endingMs) * 1e3;
  }
  printf("{\"commitUs\":[");
  for (long i = 0; i < commits; i++) printf("%s%.0f", i == 0 ? "" : ",", commitUs[i]);
  printf("],\"load\":");
  report(m, sent, (double)sent * size);
  printf("}\n");
}

static void touchAll(void) {
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  rd_kafka_conf_set_dr_msg_cb(conf, onDelivery);
  rd_kafka_t *client = create(RD_KAFKA_PRODUCER, conf);
  rd_kafka_topic_t *topic = rd_kafka_topic_new(client, option("topic"), NULL);
  touch(client, topic, partitionsOf(client, topic));
  printf("{}\n");
}

/** Writes to every page of so much memory and gives it back. */
static void touchMemory(void) {
  size_t bytes = (size_t)number("megabytes") * 1000000, page = sysconf(_SC_PAGESIZE);
  volatile char *memory = malloc(bytes);
  if (memory == NULL) fail("touch-memory", "not so much memory");
  for (size_t at = 0; at < bytes; at += page) memory[at] = 1;
  printf("{}\n");
}

int main(int argc, char **argv) {
  argumentCount = argc;
  arguments = argv;
  const char *command = argc > 1 ? argv[1] : "";
  if (strcmp(command, "produce") == 0) produce();
  else if (strcmp(command, "consume") == 0) consume();
  else if (strcmp(command, "produce-latency") == 0) latency(false);
  else if (strcmp(command, "round-trip") == 0) latency(true);
  else if (strcmp(command, "transactions") == 0) transactions();
  else if (strcmp(command, "touch") == 0) touchAll();
  else if (strcmp(command, "touch-memory") == 0) touchMemory();
  else if (strcmp(command, "watch-cpu") == 0) watchCpu();
  else fail("unknown command", command);
  fflush(stdout);
  _exit(0); /* clients are not torn down: nothing is left to lose, and the broker's CPU is already read */
}
