// interop: transactions of the Java clients behind the wire of scenarios/wire.ts.
import com.fasterxml.jackson.databind.JsonNode;
import java.io.FileWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

final class Transactions {
    private static final int READ_LIMIT_MS = 20_000;
    private static final int AFTER_ERROR_MS = 100;
    private static final int MAX_AMOUNT = 100;

    private final String bootstrap;
    private final Map<String, KafkaProducer<byte[], byte[]>> producers = new ConcurrentHashMap<>();
    private final Map<String, Transfers> transfers = new ConcurrentHashMap<>();

    Transactions(String bootstrap) {
        this.bootstrap = bootstrap;
    }

    void addTo(Map<String, Agent.Method> methods) {
        methods.put("openTransactional", this::open);
        methods.put("begin", request -> {
            producer(request).beginTransaction();
            return null;
        });
        methods.put("send", this::send);
        methods.put("sendOffsets", this::sendOffsets);
        methods.put("commitTransaction", request -> {
            producer(request).commitTransaction();
            return null;
        });
        methods.put("abortTransaction", request -> {
            producer(request).abortTransaction();
            return null;
        });
        methods.put("closeTransactional", request -> {
            producers.remove(request.get("producer").asText()).close(Duration.ZERO);
            return null;
        });
        methods.put("transform", this::transform);
        methods.put("startTransfers", this::startTransfers);
        methods.put("stopTransfers", request -> {
            transfers.remove(request.get("transactionalId").asText()).end();
            return null;
        });
        methods.put("readToEnd", this::readToEnd);
        methods.put("stableOffsets", this::stableOffsets);
    }

    private KafkaProducer<byte[], byte[]> opened(String transactionalId, Map<String, Object> settings) {
        Map<String, Object> all = new HashMap<>(Map.of(
            "bootstrap.servers", bootstrap,
            "transactional.id", transactionalId,
            "linger.ms", "0",
            "max.block.ms", "20000",
            "reconnect.backoff.max.ms", "1000"));
        all.putAll(settings);
        KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(all, new ByteArraySerializer(), new ByteArraySerializer());
        try {
            producer.initTransactions();
            return producer;
        } catch (RuntimeException error) {
            producer.close(Duration.ZERO);
            throw error;
        }
    }

    private Object open(JsonNode request) {
        Map<String, Object> settings = request.has("timeoutMs")
            ? Map.of("transaction.timeout.ms", request.get("timeoutMs").asText()) : Map.of();
        producers.put(request.get("producer").asText(), opened(request.get("transactionalId").asText(), settings));
        return null;
    }

    private KafkaProducer<byte[], byte[]> producer(JsonNode request) {
        return Optional.ofNullable(producers.get(request.get("producer").asText())).orElseThrow();
    }

    private Object send(JsonNode request) throws Exception {
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        for (JsonNode record : request.get("records")) {
            sent.add(producer(request).send(Agent.record(Agent.topic(request), record)));
        }
        for (Future<RecordMetadata> one : sent) one.get();
        return null;
    }

    private Object sendOffsets(JsonNode request) {
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        for (JsonNode one : request.get("offsets")) {
            offsets.put(new TopicPartition(Agent.topic(request), one.get("partition").asInt()),
                new OffsetAndMetadata(one.get("offset").asLong(), one.get("metadata").asText()));
        }
        producer(request).sendOffsetsToTransaction(offsets, new ConsumerGroupMetadata(Agent.group(request)));
        return null;
    }

    private KafkaConsumer<byte[], byte[]> consumer(Map<String, Object> settings) {
        Map<String, Object> all = new HashMap<>(Map.of("bootstrap.servers", bootstrap, "auto.offset.reset", "earliest",
            "enable.auto.commit", "false", "fetch.max.wait.ms", "100", "reconnect.backoff.max.ms", "1000"));
        all.putAll(settings);
        return new KafkaConsumer<>(all, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    private Object transform(JsonNode request) throws Exception {
        String output = request.get("output").asText();
        int count = request.get("count").asInt();
        Map<String, Object> settings = Map.of("group.id", Agent.group(request), "max.poll.records", "5");
        try (var producer = opened(request.get("transactionalId").asText(), Map.of()); var consumer = consumer(settings)) {
            consumer.subscribe(List.of(request.get("input").asText()));
            long end = System.currentTimeMillis() + READ_LIMIT_MS;
            int turn = 0;
            for (int seen = 0; seen < count && System.currentTimeMillis() < end; ) {
                var records = consumer.poll(Duration.ofMillis(100));
                if (records.isEmpty()) continue;
                for (boolean aborted : turn++ % 3 == 0 ? new boolean[] {true, false} : new boolean[] {false}) {
                    producer.beginTransaction();
                    List<Future<RecordMetadata>> sent = new ArrayList<>();
                    for (ConsumerRecord<byte[], byte[]> record : records) {
                        sent.add(producer.send(new ProducerRecord<>(output, 0, null, utf8("copy of " + Agent.text(record.value())))));
                    }
                    for (Future<RecordMetadata> one : sent) one.get();
                    producer.sendOffsetsToTransaction(records.nextOffsets(), consumer.groupMetadata());
                    if (aborted) producer.abortTransaction();
                    else producer.commitTransaction();
                }
                seen += records.count();
            }
        }
        return null;
    }

    private Object readToEnd(JsonNode request) {
        int partitions = request.get("partitions").asInt();
        List<TopicPartition> open = new ArrayList<>();
        List<List<String>> values = new ArrayList<>();
        for (int partition = 0; partition < partitions; partition++) {
            open.add(new TopicPartition(Agent.topic(request), partition));
            values.add(new ArrayList<>());
        }
        try (var consumer = consumer(Map.of("isolation.level", request.get("isolation").asText()))) {
            consumer.assign(open);
            consumer.seekToBeginning(open);
            var ends = consumer.endOffsets(open);
            long limit = System.currentTimeMillis() + READ_LIMIT_MS;
            for (;;) {
                open.removeIf(partition -> consumer.position(partition) >= ends.get(partition));
                if (open.isEmpty()) return values;
                if (System.currentTimeMillis() > limit) throw new IllegalStateException("not read to the end: " + open);
                consumer.poll(Duration.ofMillis(50)).forEach(record ->
                    values.get(record.partition()).add(Agent.text(record.value())));
            }
        }
    }

    private Object stableOffsets(JsonNode request) {
        Set<TopicPartition> partitions = new HashSet<>();
        for (int partition = 0; partition < request.get("partitions").asInt(); partition++) {
            partitions.add(new TopicPartition(Agent.topic(request), partition));
        }
        var consumer = consumer(Map.of("group.id", Agent.group(request), "isolation.level", "read_committed"));
        try {
            Map<Integer, Object> committed = new TreeMap<>();
            consumer.committed(partitions, Duration.ofMillis(request.get("limitMs").asInt())).forEach((partition, offset) -> {
                if (offset != null) {
                    committed.put(partition.partition(), Map.of("partition", partition.partition(), "offset", offset.offset(),
                        "metadata", offset.metadata()));
                }
            });
            return committed.values();
        } finally {
            consumer.close(CloseOptions.timeout(Duration.ZERO)); // else it waits for the answer that it has given up
        }
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    // --- the bank's transfers

    private Object startTransfers(JsonNode request) throws IOException {
        transfers.put(request.get("transactionalId").asText(), new Transfers(request));
        return null;
    }

    private final class Transfers implements Runnable {
        private final String topic;
        private final String transactionalId;
        private final int accounts;
        private final int partitions;
        private final Random random;
        private final FileWriter journal;
        private final Thread thread = new Thread(this);
        private volatile boolean ending;

        Transfers(JsonNode request) throws IOException {
            topic = Agent.topic(request);
            transactionalId = request.get("transactionalId").asText();
            accounts = request.get("accounts").asInt();
            partitions = request.get("partitions").asInt();
            random = new Random(request.get("seed").asInt());
            journal = new FileWriter(request.get("journal").asText(), true);
            thread.start();
        }

        void end() throws InterruptedException {
            ending = true;
            thread.join();
        }

        private void note(String line) {
            try {
                journal.write(line + "\n");
                journal.flush();
            } catch (IOException error) {
                error.printStackTrace();
            }
        }

        @Override
        public void run() {
            KafkaProducer<byte[], byte[]> producer = null;
            for (int count = 0; !ending; count++) {
                String id = transactionalId + "-" + ProcessHandle.current().pid() + "-" + count;
                try {
                    if (producer == null) producer = opened(transactionalId, Map.of());
                    producer.beginTransaction();
                    transfer(producer, id);
                    boolean aborted = count % 4 == 3;
                    if (aborted) producer.abortTransaction();
                    else producer.commitTransaction();
                    note((aborted ? "aborted " : "committed ") + id);
                } catch (Exception error) {
                    note("failed " + error);
                    if (producer != null) producer.close(Duration.ZERO);
                    producer = null;
                    pause();
                }
            }
            if (producer != null) producer.close(Duration.ZERO);
        }

        private void transfer(KafkaProducer<byte[], byte[]> producer, String id) throws Exception {
            int from = random.nextInt(accounts);
            int to = (from + 1 + random.nextInt(accounts - 1)) % accounts;
            int amount = 1 + random.nextInt(MAX_AMOUNT);
            var taken = producer.send(record(id, from, -amount));
            var given = producer.send(record(id, to, amount));
            taken.get();
            given.get();
        }

        private ProducerRecord<byte[], byte[]> record(String id, int account, int amount) {
            return new ProducerRecord<>(topic, account % partitions, null, utf8(id + " " + account + " " + amount));
        }

        private void pause() {
            try {
                Thread.sleep(AFTER_ERROR_MS);
            } catch (InterruptedException error) {
                ending = true;
            }
        }
    }
}
