/*
 * bench: puts one load on a broker through librdkafka and prints what came of it as one line of JSON.
 *
 *   load produce         brokers= topic= messages= size= acks= codec= idempotent= batchBytes= keys= rate= producers= fence= pid=
 *                        as fast as it goes, or rate MB/s; keys=0: none; fence: see `passFence`, or empty
 *   load consume         brokers= topic= messages= consumers= pid=                       as fast as it goes, every partition, all of it to each consumer
 *   load produce-latency brokers= topic= messages= size= acks= rate= pid=                one at a time, or rate a second
 *   load round-trip      brokers= topic= messages= size= acks= rate= pid=                the same, produced and consumed
 *   load transactions    brokers= topic= ms= size= acks= codec= batchBytes= commitEveryMs= transactionalId= pid=   as fast as it goes, committed as often
 *   load touch           brokers= topic=                                                 one record to each partition
 *   load watch-cpu       pid=                                                            no load: CPU time as it grows
 *   load touch-memory    megabytes=                                                      no load: see README.md, "Memory"
 *
 * pid is the broker's: its CPU time is read right before the first message and right after the last, so that neither the
 * client's start nor its connections count. Written for little CPU of its own: payloads are not copied, messages go in by the
 * batch, successful deliveries are not reported one by one, consumed messages are counted in a callback.
 */
#include "load-common.h"
#include <pthread.h>

#define OUTSTANDING_BYTES (32 * 1024 * 1024)
/** Small beside what a broker takes between two commits: a transaction is as long as it is told to be. */
#define TRANSACTION_OUTSTANDING_BYTES (2 * 1024 * 1024)
#define UNMEASURED_ROUNDS 50
#define MAX_CLIENTS 64

static void touch(rd_kafka_t *client, rd_kafka_topic_t *topic, int partitions) {
  for (int i = 0; i < partitions; i++)
    while (rd_kafka_produce(topic, i, 0, "x", 1, "x", 1, NULL) != 0) { /* with a key, for compacted topics */
      if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) fail("produce", rd_kafka_err2str(rd_kafka_last_error()));
      rd_kafka_poll(client, 10);
    }
  flush(client);
}

/**
 * With acks=0 a message counts as delivered when the socket has taken it. A record to another topic over the same connection that waits for
 * its acknowledgement comes after all of them: when it has that, the broker has had them.
 */
static void passFence(rd_kafka_t *client) {
  rd_kafka_topic_conf_t *conf = rd_kafka_topic_conf_new();
  if (rd_kafka_topic_conf_set(conf, "acks", "1", errorText, sizeof errorText) != RD_KAFKA_CONF_OK) fail("acks", errorText);
  rd_kafka_topic_t *topic = rd_kafka_topic_new(client, option("fence"), conf);
  partitionsOf(client, topic);
  touch(client, topic, 1);
}

static long clients(const char *name) {
  long count = number(name);
  if (count < 1 || count > MAX_CLIENTS) fail(name, "not so many");
  return count;
}

static void produce(void) {
  long messages = number("messages"), size = number("size"), keys = number("keys"), rate = number("rate");
  long perBatch = number("batchBytes") / size + 1, producers = clients("producers");
  rd_kafka_t *client[MAX_CLIENTS];
  rd_kafka_topic_t *topic[MAX_CLIENTS];
  int partitions = 0;
  for (long i = 0; i < producers; i++) {
    client[i] = createProducer(FULL_BATCHES);
    topic[i] = rd_kafka_topic_new(client[i], option("topic"), NULL);
    partitions = partitionsOf(client[i], topic[i]);
  }
  char *pool = payloads(size);
  rd_kafka_message_t *batch = calloc(perBatch, sizeof *batch);
  uint32_t *keyOf = calloc(perBatch, sizeof *keyOf);
  long outstanding = OUTSTANDING_BYTES / size / producers;
  /* Connects and opens each partition; `messages` are counted on top of these. */
  bool isFenced = option("fence")[0] != '\0';
  for (long i = 0; i < producers; i++) {
    touch(client[i], topic[i], partitions);
    if (isFenced) passFence(client[i]);
  }
  Measure m = startMeasuring();
  long sent = 0;
  for (long turn = 0; sent < messages; turn++) {
    long count = messages - sent < perBatch ? messages - sent : perBatch, turnOf = turn % producers;
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
    while (rd_kafka_outq_len(client[turnOf]) > outstanding) {
      rd_kafka_poll(client[turnOf], 1);
      if (deliveryError) fail("produce", rd_kafka_err2str(deliveryError));
      if (nowMs() - waitingSince > STALL_MS) fail("produce", "stalled");
    }
    /* Each producer goes through the partitions in turn, whatever the number of producers has in common with theirs. */
    int partition = (turn / producers + turnOf) % partitions;
    if (rd_kafka_produce_batch(topic[turnOf], partition, 0, batch, count) != count) fail("produce", "queue is full");
    sent += count;
  }
  for (long i = 0; i < producers; i++) {
    flush(client[i]);
    if (isFenced) passFence(client[i]);
  }
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

typedef struct {
  rd_kafka_topic_t *topic;
  rd_kafka_queue_t *queue;
  int partitions;
  long messages;
  Received received;
} Consumer;

static void *consumeAll(void *of) {
  Consumer *consumer = of;
  for (int i = 0; i < consumer->partitions; i++) startConsuming(consumer->topic, i, consumer->queue);
  double lastProgress = nowMs();
  while (consumer->received.messages < consumer->messages) {
    if (rd_kafka_consume_callback_queue(consumer->queue, 1000, onMessage, &consumer->received) > 0) lastProgress = nowMs();
    else if (nowMs() - lastProgress > STALL_MS) fail("consume", "stalled");
  }
  return NULL;
}

static void consume(void) {
  long count = clients("consumers");
  Consumer consumers[MAX_CLIENTS];
  for (long i = 0; i < count; i++) {
    rd_kafka_t *client = createConsumer();
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, option("topic"), NULL);
    consumers[i] = (Consumer){.topic = topic,
                              .queue = rd_kafka_queue_new(client),
                              .partitions = partitionsOf(client, topic),
                              .messages = number("messages")};
  }
  pthread_t threads[MAX_CLIENTS];
  Received all = {0};
  Measure m = startMeasuring();
  for (long i = 0; i < count; i++)
    if (pthread_create(&threads[i], NULL, consumeAll, &consumers[i]) != 0) fail("consume", "no thread");
  for (long i = 0; i < count; i++) {
    pthread_join(threads[i], NULL);
    all.messages += consumers[i].received.messages;
    all.bytes += consumers[i].received.bytes;
  }
  report(m, all.messages, all.bytes);
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
  double everyMs = number("rate") == 0 ? 0 : 1e3 / number("rate");
  Measure m = {0};
  printf("{\"latenciesUs\":[");
  for (long i = -UNMEASURED_ROUNDS; i < messages; i++) {
    if (i == 0) m = startMeasuring();
    double aheadMs = i < 0 || everyMs == 0 ? 0 : i * everyMs - (nowMs() - m.startMs);
    if (aheadMs > 0) usleep(aheadMs * 1e3);
    double startMs = nowMs();
    oneAtATime(producer, topic, pool + (i + UNMEASURED_ROUNDS) % PAYLOADS * size, size, from);
    double us = (nowMs() - startMs) * 1e3;
    if (roundTrip) flush(producer); /* takes the delivery report, which nobody waited for */
    if (deliveryError) fail("produce", rd_kafka_err2str(deliveryError));
    if (i >= 0) printf("%s%.0f", i == 0 ? "" : ",", us);
  }
  printf("],\"load\":");
  report(m, messages, (double)messages * size);
  printf("}\n");
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
