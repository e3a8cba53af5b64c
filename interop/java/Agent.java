// interop: Kafka's own Java clients, and its command-line tools, behind the wire of scenarios/wire.ts. One JVM serves the
// whole run, as starting one takes seconds: the tools run inside it through their main methods, with Exit and the standard
// streams replaced.
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.FileWriter;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationTargetException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.RangeAssignor;
import org.apache.kafka.clients.consumer.RoundRobinAssignor;
import org.apache.kafka.clients.consumer.StickyAssignor;
import org.apache.kafka.clients.consumer.SubscriptionPattern;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.utils.Exit;

public final class Agent {
    interface Method {
        Object run(JsonNode request) throws Exception;
    }

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final PrintStream WIRE = System.out;
    private static final int READ_LIMIT_MS = 20_000;

    private final String bootstrap;
    private final Map<String, Method> methods = new TreeMap<>();
    private final Map<String, KafkaProducer<byte[], byte[]>> producers = new ConcurrentHashMap<>();
    private final Map<String, Member> members = new ConcurrentHashMap<>();
    private final Admin admin;

    public static void main(String[] args) throws Exception {
        System.setOut(System.err);
        Exit.setShutdownHookAdder((name, runnable) -> { });
        new Agent(args[0]).serve();
    }

    private Agent(String bootstrap) {
        this.bootstrap = bootstrap;
        admin = Admin.create(with(Map.of("bootstrap.servers", bootstrap, "reconnect.backoff.max.ms", "1000")));
        methods.put("produce", this::produce);
        methods.put("consume", this::consume);
        methods.put("consumeDigest", this::consumeDigest);
        methods.put("join", this::join);
        methods.put("joinConsumerGroup", this::joinConsumerGroup);
        methods.put("assignment", request -> List.copyOf(member(request).partitions()));
        methods.put("received", request -> member(request).received());
        methods.put("leave", this::leave);
        methods.put("commit", this::commit);
        methods.put("committed", this::committed);
        methods.put("consumeInGroup", this::consumeInGroup);
        methods.put("createTopic", this::createTopic);
        methods.put("deleteTopic", request -> admin.deleteTopics(List.of(topic(request))).all().get());
        methods.put("createPartitions", this::createPartitions);
        methods.put("listTopics", request -> admin.listTopics().names().get());
        methods.put("partitionCount", request -> partitions(topic(request)).size());
        methods.put("describeConfigs", this::describeConfigs);
        methods.put("describeCluster", this::describeCluster);
        methods.put("topicOffsets", this::topicOffsets);
        methods.put("offsetsByTime", this::offsetsByTime);
        methods.put("listGroups", this::listGroups);
        methods.put("describeGroup", this::describeGroup);
        methods.put("deleteGroup", request -> admin.deleteConsumerGroups(List.of(group(request))).all().get());
        methods.put("tool", this::tool);
        new Transactions(bootstrap).addTo(methods);
    }

    // --- the wire

    private void serve() throws Exception {
        ExecutorService calls = Executors.newCachedThreadPool();
        answer(Map.of("ready", methods.keySet()));
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            JsonNode call = JSON.readTree(line);
            calls.execute(() -> run(call));
        }
        // stdin is closed: the run is over, and nothing here is worth waiting for.
        Runtime.getRuntime().halt(0);
    }

    private void run(JsonNode call) {
        Map<String, Object> response = new HashMap<>();
        response.put("id", call.get("id").asInt());
        try {
            response.put("result", methods.get(call.get("method").asText()).run(call.get("request")));
        } catch (Throwable thrown) {
            Throwable error = thrown;
            while (error.getCause() != null && Errors.forException(error) == Errors.UNKNOWN_SERVER_ERROR) error = error.getCause();
            int code = Errors.forException(error).code();
            String message = error.getClass().getSimpleName() + ": " + error.getMessage();
            response.put("error", code > 0 ? Map.of("message", message, "code", code) : Map.of("message", message));
        }
        answer(response);
    }

    private static void answer(Object line) {
        try {
            byte[] bytes = (JSON.writeValueAsString(line) + "\n").getBytes(StandardCharsets.UTF_8);
            synchronized (WIRE) {
                WIRE.write(bytes, 0, bytes.length);
                WIRE.flush();
            }
        } catch (Exception error) {
            error.printStackTrace();
        }
    }

    static String topic(JsonNode request) {
        return request.get("topic").asText();
    }

    static String group(JsonNode request) {
        return request.get("group").asText();
    }

    static byte[] bytes(JsonNode base64) {
        return base64.isNull() ? null : Base64.getDecoder().decode(base64.asText());
    }

    private static String base64(byte[] bytes) {
        return bytes == null ? null : Base64.getEncoder().encodeToString(bytes);
    }

    /** Also with what every client of this agent is configured with. */
    private static Map<String, Object> with(Map<String, Object> settings) {
        Map<String, Object> all = new HashMap<>(settings);
        try {
            String more = System.getenv().getOrDefault("INTEROP_SETTINGS", "{}");
            JSON.readTree(more).fields().forEachRemaining(one -> all.put(one.getKey(), one.getValue().asText()));
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
        return all;
    }

    static String text(byte[] bytes) {
        return bytes == null ? "null" : new String(bytes, StandardCharsets.UTF_8);
    }

    // --- produce and consume

    /** Idempotent, as a Java producer is unless told otherwise; one per codec, kept through a broker's restart. */
    private KafkaProducer<byte[], byte[]> producer(String codec) {
        return producers.computeIfAbsent(codec, key -> new KafkaProducer<>(
            with(Map.of(
                "bootstrap.servers", bootstrap,
                "compression.type", codec,
                "linger.ms", "20",
                "batch.size", "1000000",
                "max.request.size", "8388608",
                "reconnect.backoff.max.ms", "1000")),
            new ByteArraySerializer(), new ByteArraySerializer()));
    }

    private Object produce(JsonNode request) throws Exception {
        KafkaProducer<byte[], byte[]> producer = producer(request.get("codec").asText());
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        for (JsonNode record : request.get("records")) sent.add(producer.send(record(topic(request), record)));
        for (Future<RecordMetadata> one : sent) one.get();
        return null;
    }

    static ProducerRecord<byte[], byte[]> record(String topic, JsonNode record) {
        List<Header> headers = new ArrayList<>();
        for (JsonNode header : record.get("headers")) {
            headers.add(new RecordHeader(header.get(0).asText(), bytes(header.get(1))));
        }
        Long timestamp = record.has("timestamp") ? record.get("timestamp").asLong() : null;
        return new ProducerRecord<>(topic, record.get("partition").asInt(), timestamp, bytes(record.get("key")),
            bytes(record.get("value")), headers);
    }

    private KafkaConsumer<byte[], byte[]> consumer(Map<String, Object> settings) {
        Map<String, Object> all = with(Map.of(
            "bootstrap.servers", bootstrap,
            "auto.offset.reset", "earliest",
            "fetch.max.wait.ms", "100",
            "enable.auto.commit", "false",
            "reconnect.backoff.max.ms", "1000"));
        all.putAll(settings);
        return new KafkaConsumer<>(all, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    /** Settings for the isolation level that is asked for; none for the client's own. */
    private static Map<String, Object> isolation(JsonNode request) {
        return request.has("isolation") ? Map.of("isolation.level", request.get("isolation").asText()) : Map.of();
    }

    private int read(JsonNode request, int partitions, Consumer<ConsumerRecord<byte[], byte[]>> take) {
        int count = request.get("count").asInt();
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(isolation(request))) {
            List<TopicPartition> assigned = new ArrayList<>();
            for (int partition = 0; partition < partitions; partition++) {
                assigned.add(new TopicPartition(topic(request), partition));
            }
            consumer.assign(assigned);
            consumer.seekToBeginning(assigned);
            long end = System.currentTimeMillis() + READ_LIMIT_MS;
            int seen = 0;
            while (seen < count && System.currentTimeMillis() < end) {
                ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofMillis(100));
                records.forEach(take);
                seen += records.count();
            }
            return seen;
        }
    }

    private Object consume(JsonNode request) {
        List<Object> records = new ArrayList<>();
        read(request, request.get("partitions").asInt(), record -> {
            List<List<String>> headers = new ArrayList<>();
            for (Header header : record.headers()) {
                List<String> pair = new ArrayList<>();
                pair.add(header.key());
                pair.add(base64(header.value()));
                headers.add(pair);
            }
            Map<String, Object> read = new HashMap<>();
            read.put("partition", record.partition());
            read.put("offset", record.offset());
            read.put("timestamp", record.timestamp());
            read.put("key", base64(record.key()));
            read.put("value", base64(record.value()));
            read.put("headers", headers);
            records.add(read);
        });
        return records;
    }

    private Object consumeDigest(JsonNode request) throws Exception {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        int count = read(request, 1, record -> {
            for (byte[] bytes : new byte[][] {record.key(), record.value()}) {
                digest.update(ByteBuffer.allocate(4).putInt(0, bytes == null ? -1 : bytes.length).array());
                if (bytes != null) digest.update(bytes);
            }
        });
        return Map.of("count", count, "sha256", HexFormat.of().formatHex(digest.digest()));
    }

    // --- groups

    private Map<String, Object> groupSettings(JsonNode request) {
        return new HashMap<>(Map.of(
            "group.id", group(request),
            "session.timeout.ms", "10000",
            "heartbeat.interval.ms", "300",
            "auto.commit.interval.ms", "500"));
    }

    /** A group member and the thread that polls it: a KafkaConsumer may be touched by no other. */
    private static final class Member implements ConsumerRebalanceListener {
        private final TreeSet<Integer> owned = new TreeSet<>();
        private final List<String> received = new ArrayList<>();
        private final KafkaConsumer<byte[], byte[]> consumer;
        private final Thread thread;
        private final FileWriter journal;
        private volatile boolean leaving;

        /** @param journal null for none */
        Member(KafkaConsumer<byte[], byte[]> consumer, Consumer<Member> subscribe, FileWriter journal) {
            this.consumer = consumer;
            this.journal = journal;
            thread = new Thread(() -> {
                subscribe.accept(this);
                while (!leaving) {
                    try {
                        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(50))) receive(record);
                    } catch (RuntimeException error) {
                        error.printStackTrace();
                    }
                }
                consumer.close();
            });
            thread.setDaemon(true);
            thread.start();
        }

        private synchronized void receive(ConsumerRecord<byte[], byte[]> record) {
            String line = record.partition() + ":" + text(record.value());
            received.add(line);
            if (journal == null) return;
            try {
                journal.write(System.currentTimeMillis() + " " + line + "\n");
                journal.flush();
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        }

        synchronized List<String> received() {
            return List.copyOf(received);
        }

        synchronized Collection<Integer> partitions() {
            return List.copyOf(owned);
        }

        @Override
        public synchronized void onPartitionsAssigned(Collection<TopicPartition> assigned) {
            assigned.forEach(partition -> owned.add(partition.partition()));
        }

        @Override
        public synchronized void onPartitionsRevoked(Collection<TopicPartition> revoked) {
            revoked.forEach(partition -> owned.remove(partition.partition()));
        }

        void leave() throws InterruptedException {
            leaving = true;
            thread.join();
        }
    }

    private static String assignor(String name) {
        Class<?> assignor = switch (name) {
            case "range" -> RangeAssignor.class;
            case "roundrobin" -> RoundRobinAssignor.class;
            case "sticky" -> StickyAssignor.class;
            default -> CooperativeStickyAssignor.class;
        };
        return assignor.getName();
    }

    private Object join(JsonNode request) throws IOException {
        Map<String, Object> settings = groupSettings(request);
        settings.put("enable.auto.commit", "true");
        settings.put("partition.assignment.strategy", assignor(request.get("assignor").asText()));
        settings.putAll(isolation(request));
        if (request.has("metadataMaxAgeMs")) {
            settings.put("metadata.max.age.ms", request.get("metadataMaxAgeMs").asText());
            settings.put("allow.auto.create.topics", "false");
        }
        return member(request, settings);
    }

    private Object joinConsumerGroup(JsonNode request) throws IOException {
        Map<String, Object> settings = new HashMap<>(Map.of(
            "group.id", group(request),
            "group.protocol", "consumer",
            "enable.auto.commit", "true",
            "auto.commit.interval.ms", "500"));
        return member(request, settings);
    }

    private Object member(JsonNode request, Map<String, Object> settings) throws IOException {
        if (request.has("instanceId")) settings.put("group.instance.id", request.get("instanceId").asText());
        KafkaConsumer<byte[], byte[]> consumer = consumer(settings);
        Consumer<Member> subscribe = request.has("pattern")
            ? member -> consumer.subscribe(new SubscriptionPattern(request.get("pattern").asText()), member)
            : member -> consumer.subscribe(List.of(topic(request)), member);
        FileWriter journal = request.has("journal") ? new FileWriter(request.get("journal").asText(), true) : null;
        members.put(request.get("member").asText(), new Member(consumer, subscribe, journal));
        return null;
    }

    private Member member(JsonNode request) {
        return Optional.ofNullable(members.get(request.get("member").asText())).orElseThrow();
    }

    private Object leave(JsonNode request) throws Exception {
        member(request).leave();
        members.remove(request.get("member").asText());
        return null;
    }

    private Object commit(JsonNode request) throws Exception {
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        for (JsonNode one : request.get("offsets")) {
            offsets.put(new TopicPartition(topic(request), one.get("partition").asInt()),
                new OffsetAndMetadata(one.get("offset").asLong(), one.get("metadata").asText()));
        }
        admin.alterConsumerGroupOffsets(group(request), offsets).all().get();
        return null;
    }

    private Object committed(JsonNode request) throws Exception {
        Map<Integer, Object> committed = new TreeMap<>();
        admin.listConsumerGroupOffsets(group(request)).partitionsToOffsetAndMetadata().get().forEach((partition, offset) ->
            committed.put(partition.partition(),
                Map.of("partition", partition.partition(), "offset", offset.offset(), "metadata", offset.metadata())));
        return committed.values();
    }

    private Object consumeInGroup(JsonNode request) {
        int count = request.get("count").asInt();
        List<String> values = new ArrayList<>();
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(groupSettings(request))) {
            consumer.subscribe(List.of(topic(request)));
            long end = System.currentTimeMillis() + READ_LIMIT_MS;
            ConsumerRecord<byte[], byte[]> last = null;
            while (values.size() < count && System.currentTimeMillis() < end) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                    if (values.size() == count) break;
                    values.add(text(record.value()));
                    last = record;
                }
            }
            if (last != null) {
                consumer.commitSync(Map.of(new TopicPartition(last.topic(), last.partition()),
                    new OffsetAndMetadata(last.offset() + 1)));
            }
        }
        return values;
    }

    // --- admin

    private Object createTopic(JsonNode request) throws Exception {
        Map<String, String> configs = new HashMap<>();
        if (request.has("configs")) {
            request.get("configs").properties().forEach(entry -> configs.put(entry.getKey(), entry.getValue().asText()));
        }
        NewTopic topic = new NewTopic(topic(request), Optional.of(request.get("partitions").asInt()), Optional.empty());
        admin.createTopics(List.of(topic.configs(configs))).all().get();
        return null;
    }

    private Object createPartitions(JsonNode request) throws Exception {
        NewPartitions count = NewPartitions.increaseTo(request.get("count").asInt());
        admin.createPartitions(Map.of(topic(request), count)).all().get();
        return null;
    }

    private List<TopicPartition> partitions(String topic) throws Exception {
        return admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().stream()
            .map(partition -> new TopicPartition(topic, partition.partition())).toList();
    }

    private Object describeConfigs(JsonNode request) throws Exception {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic(request));
        Map<String, Object> described = new HashMap<>();
        for (ConfigEntry entry : admin.describeConfigs(List.of(resource)).all().get().get(resource).entries()) {
            Map<String, Object> one = new HashMap<>();
            one.put("value", entry.value());
            one.put("isDefault", entry.source() == ConfigEntry.ConfigSource.DEFAULT_CONFIG);
            described.put(entry.name(), one);
        }
        return described;
    }

    private Object describeCluster(JsonNode request) throws Exception {
        var cluster = admin.describeCluster();
        var nodes = cluster.nodes().get();
        return Map.of("brokers", nodes.size(), "controller", cluster.controller().get().id(),
            "port", nodes.iterator().next().port());
    }

    private Object topicOffsets(JsonNode request) throws Exception {
        Map<TopicPartition, OffsetSpec> earliest = new HashMap<>();
        Map<TopicPartition, OffsetSpec> latest = new HashMap<>();
        for (TopicPartition partition : partitions(topic(request))) {
            earliest.put(partition, OffsetSpec.earliest());
            latest.put(partition, OffsetSpec.latest());
        }
        var low = admin.listOffsets(earliest).all().get();
        var high = admin.listOffsets(latest).all().get();
        Map<Integer, Object> offsets = new TreeMap<>();
        low.forEach((partition, offset) -> {
            offsets.put(partition.partition(), Map.of("partition", partition.partition(), "low", offset.offset(),
                "high", high.get(partition).offset()));
        });
        return offsets.values();
    }

    private Object offsetsByTime(JsonNode request) throws Exception {
        Map<TopicPartition, OffsetSpec> wanted = new HashMap<>();
        for (TopicPartition partition : partitions(topic(request))) {
            wanted.put(partition, OffsetSpec.forTimestamp(request.get("timestamp").asLong()));
        }
        Map<Integer, Long> offsets = new TreeMap<>();
        admin.listOffsets(wanted).all().get().forEach((partition, offset) -> offsets.put(partition.partition(), offset.offset()));
        return offsets.values();
    }

    private Object listGroups(JsonNode request) throws Exception {
        return admin.listGroups().all().get().stream()
            .map(group -> Map.of("group", group.groupId(), "protocolType", group.protocol())).toList();
    }

    private Object describeGroup(JsonNode request) throws Exception {
        var described = admin.describeConsumerGroups(List.of(group(request))).all().get().get(group(request));
        return Map.of("state", described.groupState().toString(), "protocol", described.partitionAssignor(),
            "members", described.members().size());
    }

    // --- Kafka's command-line tools

    /** Thrown where a tool would end the process. */
    private static final class Exited extends RuntimeException {
        private static final long serialVersionUID = 1;

        Exited() {
            super(null, null, false, false);
        }
    }

    private synchronized Object tool(JsonNode request) throws Exception {
        List<String> args = new ArrayList<>();
        request.get("args").forEach(arg -> args.add(arg.asText()));
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        PrintStream usualOut = System.out;
        PrintStream usualErr = System.err;
        InputStream usualIn = System.in;
        String input = request.has("stdin") ? request.get("stdin").asText() : "";
        // The first exit is the tool's; some catch what ends them and exit again.
        AtomicInteger status = new AtomicInteger(-1);
        Exit.Procedure exit = (code, message) -> {
            status.compareAndSet(-1, code);
            throw new Exited();
        };
        Exit.setExitProcedure(exit);
        Exit.setHaltProcedure(exit);
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
        System.setIn(new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)));
        try {
            Class.forName(request.get("class").asText()).getMethod("main", String[].class)
                .invoke(null, (Object) args.toArray(new String[0]));
        } catch (InvocationTargetException error) {
            if (!(error.getCause() instanceof Exited)) throw error;
        } finally {
            System.out.flush();
            System.setOut(usualOut);
            System.setErr(usualErr);
            System.setIn(usualIn);
            Exit.resetExitProcedure();
            Exit.resetHaltProcedure();
        }
        return Map.of("exit", Math.max(status.get(), 0), "stdout", out.toString(StandardCharsets.UTF_8),
            "stderr", err.toString(StandardCharsets.UTF_8));
    }
}
