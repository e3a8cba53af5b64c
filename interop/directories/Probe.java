// interop: one JVM that fills a broker through Kafka's clients, tells what a broker serves, and is Apache Kafka itself when asked.
// Kafka runs inside it, as kafka.Kafka builds it: a JVM of its own would cost seconds for each start. Wire as scenarios/wire.ts.
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Random;
import java.util.TreeMap;
import kafka.server.KafkaConfig;
import kafka.server.KafkaRaftServer;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ListShareGroupOffsetsSpec;
import org.apache.kafka.clients.admin.ListTopicsOptions;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.ScramMechanism;
import org.apache.kafka.clients.admin.TransactionListing;
import org.apache.kafka.clients.admin.UserScramCredentialAlteration;
import org.apache.kafka.clients.admin.UserScramCredentialDeletion;
import org.apache.kafka.clients.admin.UserScramCredentialUpsertion;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.quota.ClientQuotaAlteration;
import org.apache.kafka.common.quota.ClientQuotaEntity;
import org.apache.kafka.common.quota.ClientQuotaFilter;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.utils.Exit;
import org.apache.kafka.common.utils.Time;

public final class Probe {
    private interface Method {
        Object run(JsonNode request) throws Exception;
    }

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final PrintStream WIRE = System.out;
    private static final int READ_LIMIT_MS = 20_000;
    private static final List<String> CODECS = List.of("none", "gzip", "snappy", "lz4", "zstd");

    private static KafkaRaftServer kafka;

    public static void main(String[] args) throws Exception {
        System.setOut(System.err);
        // The runner ends Kafka; a fatal error in it must not end the run unseen.
        Exit.setShutdownHookAdder((name, runnable) -> { });
        Exit.Procedure exit = (code, message) -> {
            throw new IllegalStateException("Kafka wants to exit with " + code + ": " + message);
        };
        Exit.setExitProcedure(exit);
        Exit.setHaltProcedure(exit);
        Map<String, Method> methods = new HashMap<>(Map.of("startKafka", Probe::startKafka, "stopKafka", request -> stopKafka(),
            "fill", Probe::fill, "fillTransactions", Probe::fillTransactions, "append", Probe::append, "see", Probe::see,
            "producerStates", Probe::producerStates, "fillMetadata", Probe::fillMetadata, "seeMetadata", Probe::seeMetadata,
            "produce", Probe::produce));
        methods.put("fillCompacted", Probe::fillCompacted);
        methods.put("openTransactions", Probe::openTransactions);
        methods.put("endTransactions", Probe::endTransactions);
        methods.put("seeTransactions", Probe::seeTransactions);
        answer(Map.of("ready", methods.keySet()));
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            JsonNode call = JSON.readTree(line);
            Map<String, Object> response = new HashMap<>();
            response.put("id", call.get("id").asInt());
            try {
                response.put("result", methods.get(call.get("method").asText()).run(call.get("request")));
            } catch (Throwable error) {
                error.printStackTrace();
                response.put("error", Map.of("message", error.toString()));
            }
            answer(response);
        }
        Runtime.getRuntime().halt(0);
    }

    private static void answer(Object line) throws Exception {
        WIRE.println(JSON.writeValueAsString(line));
        WIRE.flush();
    }

    // --- Apache Kafka

    private static Object startKafka(JsonNode request) {
        Properties properties = new Properties();
        request.get("properties").properties().forEach(entry -> properties.put(entry.getKey(), entry.getValue().asText()));
        kafka = new KafkaRaftServer(new KafkaConfig(properties), Time.SYSTEM);
        kafka.startup();
        return null;
    }

    private static Object stopKafka() {
        if (kafka != null) {
            kafka.shutdown();
            kafka.awaitShutdown();
        }
        kafka = null;
        return null;
    }

    // --- what is put into a directory

    private static Admin admin(JsonNode request) {
        return Admin.create(Map.of("bootstrap.servers", request.get("bootstrap").asText()));
    }

    private static KafkaProducer<byte[], byte[]> producer(JsonNode request, String codec, Map<String, Object> settings) {
        Map<String, Object> all = new HashMap<>(Map.of("bootstrap.servers", request.get("bootstrap").asText(),
            "compression.type", codec, "linger.ms", "5", "batch.size", "20000"));
        all.putAll(settings);
        return new KafkaProducer<>(all, new ByteArraySerializer(), new ByteArraySerializer());
    }

    private static KafkaConsumer<byte[], byte[]> consumer(JsonNode request, Map<String, Object> settings) {
        Map<String, Object> all = new HashMap<>(Map.of("bootstrap.servers", request.get("bootstrap").asText(),
            "auto.offset.reset", "earliest", "enable.auto.commit", "false", "fetch.max.wait.ms", "100",
            "max.poll.records", "100000"));
        all.putAll(settings);
        return new KafkaConsumer<>(all, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static void send(KafkaProducer<byte[], byte[]> producer, String topic, int partition, String key, byte[] value) {
        ProducerRecord<byte[], byte[]> record =
            new ProducerRecord<>(topic, partition, key == null ? null : utf8(key), value);
        if (value != null && value.length % 2 == 0) record.headers().add("length", utf8("" + value.length)).add("none", null);
        producer.send(record);
    }

    private static NewTopic topic(String name, int partitions, Map<String, String> configs) {
        return new NewTopic(name, Optional.of(partitions), Optional.<Short>empty()).configs(configs);
    }

    private static Object fill(JsonNode request) throws Exception {
        try (Admin admin = admin(request)) {
            admin.createTopics(List.of(
                topic("codecs", CODECS.size(), Map.of()),
                topic("segments", 1, Map.of("segment.bytes", "1048576", "index.interval.bytes", "1000")),
                topic("compacted", 1, Map.of("cleanup.policy", "compact", "min.compaction.lag.ms", "86400000")),
                topic("append-time", 1, Map.of("message.timestamp.type", "LogAppendTime", "compression.type", "zstd")),
                topic("idempotent", 2, Map.of("retention.ms", "-1")),
                topic("trimmed", 1, Map.of()),
                topic("grown", 1, Map.of()),
                topic("deleted", 2, Map.of()))).all().get();
            fillCodecs(request);
            fillOthers(request);
            admin.createPartitions(Map.of("grown", NewPartitions.increaseTo(3))).all().get();
            ConfigResource codecs = new ConfigResource(ConfigResource.Type.TOPIC, "codecs");
            admin.incrementalAlterConfigs(Map.of(codecs, List.of(
                new AlterConfigOp(new ConfigEntry("retention.ms", "86400000"), AlterConfigOp.OpType.SET),
                new AlterConfigOp(new ConfigEntry("max.message.bytes", "2000000"), AlterConfigOp.OpType.SET)))).all().get();
            admin.deleteRecords(Map.of(new TopicPartition("trimmed", 0), RecordsToDelete.beforeOffset(7))).all().get();
            admin.deleteTopics(List.of("deleted")).all().get();
            commitAsMember(request, "members");
            commitAsMember(request, "forgotten");
            admin.alterConsumerGroupOffsets("admin", Map.of(
                new TopicPartition("codecs", 0), new OffsetAndMetadata(5, "by admin"),
                new TopicPartition("segments", 0), new OffsetAndMetadata(100, "métadonnées"))).all().get();
            admin.deleteConsumerGroups(List.of("forgotten")).all().get();
        }
        return null;
    }

    private static void fillCodecs(JsonNode request) {
        for (int partition = 0; partition < CODECS.size(); partition++) {
            try (var producer = producer(request, CODECS.get(partition), Map.of())) {
                for (int i = 0; i < 40; i++) {
                    send(producer, "codecs", partition, i % 3 == 0 ? null : "key-" + i,
                        i % 7 == 0 ? null : utf8(("value " + i + " ").repeat(i)));
                    if (i == 20) producer.flush();
                }
            }
        }
    }

    private static void fillOthers(JsonNode request) {
        try (var producer = producer(request, "none", Map.of())) {
            Random random = new Random(4);
            byte[] noise = new byte[5000];
            for (int i = 0; i < 350; i++) {
                random.nextBytes(noise);
                send(producer, "segments", 0, "key-" + i, utf8(HexFormat.of().formatHex(noise)));
            }
            for (int i = 0; i < 60; i++) {
                send(producer, "compacted", 0, "key-" + i % 9, i % 10 == 9 ? null : utf8("value " + i));
                send(producer, "append-time", 0, null, utf8("value " + i));
                send(producer, "trimmed", 0, null, utf8("value " + i));
                send(producer, "grown", 0, null, utf8("value " + i));
                send(producer, "deleted", i % 2, null, utf8("value " + i));
            }
            for (int i = 0; i < 20; i++) send(producer, "idempotent", 0, null, utf8("first " + i));
        }
        try (var producer = producer(request, "snappy", Map.of())) {
            for (int i = 0; i < 5; i++) {
                send(producer, "idempotent", 0, null, utf8("second " + i));
                producer.flush();
            }
        }
    }

    /** A member of a classic group that reads and commits; it leaves, so that nothing remains but the commits. */
    private static void commitAsMember(JsonNode request, String group) {
        try (var consumer = consumer(request, Map.of("group.id", group))) {
            consumer.subscribe(List.of("codecs", "append-time"));
            long end = System.currentTimeMillis() + READ_LIMIT_MS;
            while (consumer.poll(Duration.ofMillis(100)).isEmpty()) {
                if (System.currentTimeMillis() > end) throw new IllegalStateException("the member was handed no record");
            }
            Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
            for (TopicPartition partition : consumer.assignment()) {
                offsets.put(partition, new OffsetAndMetadata(10 + partition.partition(), Optional.of(0), "as member"));
            }
            consumer.commitSync(offsets);
        }
    }

    /** Committed, aborted and, in a topic of its own, one that is left open. */
    private static Object fillTransactions(JsonNode request) throws Exception {
        try (Admin admin = admin(request)) {
            admin.createTopics(List.of(topic("transactions", 1, Map.of()), topic("open", 1, Map.of()))).all().get();
        }
        try (var producer = producer(request, "lz4", Map.of("transactional.id", "ended"))) {
            producer.initTransactions();
            for (int round = 0; round < 4; round++) {
                producer.beginTransaction();
                for (int i = 0; i < 5; i++) send(producer, "transactions", 0, "key-" + i, utf8("round " + round));
                if (round == 0) send(producer, "open", 0, null, utf8("committed"));
                producer.flush();
                if (round % 2 == 0) producer.commitTransaction();
                else producer.abortTransaction();
            }
        }
        var open = producer(request, "none", Map.of("transactional.id", "open", "transaction.timeout.ms", "900000"));
        open.initTransactions();
        open.beginTransaction();
        for (int i = 0; i < 3; i++) send(open, "open", 0, null, utf8("open " + i));
        open.flush();
        open.close(Duration.ZERO);
        return null;
    }

    /** Producers that outlive the broker that they began with: the next one on its directory has its port. */
    private static final Map<String, KafkaProducer<byte[], byte[]>> held = new TreeMap<>();

    /** One for each state that a transactional id can stay in, and some of the open. */
    private static Object openTransactions(JsonNode request) throws Exception {
        try (Admin admin = admin(request)) {
            admin.createTopics(List.of(topic("ends", 2, Map.of()))).all().get();
        }
        for (String id : List.of("empty", "committed", "aborted", "to-commit", "to-abort", "to-expire")) {
            var producer = producer(request, "none", Map.of("transactional.id", id, "linger.ms", "0",
                "transaction.timeout.ms", id.equals("to-expire") ? "5000" : "600000", "reconnect.backoff.max.ms", "500"));
            producer.initTransactions();
            held.put(id, producer);
            if (id.equals("empty")) continue;
            producer.beginTransaction();
            for (int partition = 0; partition < 2; partition++) send(producer, "ends", partition, null, utf8(id));
            if (id.equals("to-commit")) sendOffset(producer, 5);
            producer.flush();
            if (id.equals("committed")) producer.commitTransaction();
            if (id.equals("aborted")) producer.abortTransaction();
        }
        return null;
    }

    private static void sendOffset(KafkaProducer<byte[], byte[]> producer, long offset) {
        producer.sendOffsetsToTransaction(Map.of(new TopicPartition("ends", 0), new OffsetAndMetadata(offset)),
            new ConsumerGroupMetadata("transacted"));
    }

    /** By the producers that began them; then each of these, and those that had none open, make one more. */
    private static Object endTransactions(JsonNode request) {
        held.get("to-commit").commitTransaction();
        held.get("to-abort").abortTransaction();
        for (String id : List.of("empty", "committed", "aborted", "to-commit", "to-abort")) {
            var producer = held.get(id);
            producer.beginTransaction();
            for (int partition = 0; partition < 2; partition++) send(producer, "ends", partition, null, utf8(id + " again"));
            if (id.equals("to-abort")) sendOffset(producer, 6);
            producer.commitTransaction();
        }
        for (var producer : held.values()) producer.close(Duration.ZERO);
        held.clear();
        return null;
    }

    private static Object seeTransactions(JsonNode request) throws Exception {
        try (Admin admin = admin(request)) {
            List<String> ids = admin.listTransactions().all().get().stream().map(TransactionListing::transactionalId).toList();
            Map<String, Object> seen = new TreeMap<>();
            admin.describeTransactions(ids).all().get().forEach((id, transaction) -> seen.put(id, Map.of(
                "state", transaction.state().toString(), "producerId", transaction.producerId(), "epoch",
                transaction.producerEpoch(), "timeoutMs", transaction.transactionTimeoutMs(), "partitions",
                transaction.topicPartitions().stream().map(TopicPartition::toString).sorted().toList())));
            return seen;
        }
    }

    /** What stands in the metadata log beside topics: users, rules, quotas, configs of each kind; and groups of each type. */
    private static Object fillMetadata(JsonNode request) throws Exception {
        try (Admin admin = admin(request)) {
            List<UserScramCredentialAlteration> users = new ArrayList<>();
            for (String user : List.of("alice", "bob", "carol")) {
                users.add(new UserScramCredentialUpsertion(user, new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096), utf8(user), utf8("salt")));
            }
            admin.alterUserScramCredentials(users).all().get();
            admin.alterUserScramCredentials(List.of(new UserScramCredentialDeletion("carol", ScramMechanism.SCRAM_SHA_256),
                new UserScramCredentialUpsertion("bob", new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 8192), "again"))).all().get();
            List<AclBinding> rules = new ArrayList<>();
            for (String user : List.of("alice", "bob")) {
                rules.add(new AclBinding(new ResourcePattern(ResourceType.TOPIC, "of-" + user, PatternType.PREFIXED),
                    new AccessControlEntry("User:" + user, "*", AclOperation.ALL, AclPermissionType.ALLOW)));
            }
            admin.createAcls(rules).all().get();
            admin.deleteAcls(List.of(rules.get(1).toFilter())).all().get();
            admin.alterClientQuotas(List.of(quota("alice", 1000.0), quota("bob", 2000.0), quota(null, 3000.0))).all().get();
            admin.alterClientQuotas(List.of(quota("bob", null))).all().get();
            admin.incrementalAlterConfigs(Map.of(
                new ConfigResource(ConfigResource.Type.BROKER, ""), set("log.cleaner.threads", "2"),
                new ConfigResource(ConfigResource.Type.BROKER, "1"), set("log.cleaner.io.buffer.size", "600000"),
                new ConfigResource(ConfigResource.Type.GROUP, "shared"), set("share.auto.offset.reset", "earliest"),
                new ConfigResource(ConfigResource.Type.CLIENT_METRICS, "watched"), set("interval.ms", "12345"))).all().get();
            admin.createTopics(List.of(topic("shared", 2, Map.of()), topic("again", 3, Map.of("retention.ms", "5")))).all().get();
            admin.deleteTopics(List.of("again")).all().get();
            admin.createTopics(List.of(topic("again", 1, Map.of("segment.ms", "60000")))).all().get();
        }
        try (var producer = producer(request, "none", Map.of())) {
            for (int i = 0; i < 30; i++) send(producer, "shared", i % 2, null, utf8("shared " + i));
        }
        try (var consumer = consumer(request, Map.of("group.id", "modern", "group.protocol", "consumer"))) {
            consumer.subscribe(List.of("shared"));
            long end = System.currentTimeMillis() + READ_LIMIT_MS;
            while (consumer.poll(Duration.ofMillis(100)).isEmpty()) {
                if (System.currentTimeMillis() > end) throw new IllegalStateException("the modern member was handed no record");
            }
            consumer.commitSync();
        }
        try (var consumer = new KafkaShareConsumer<>(Map.of("bootstrap.servers", request.get("bootstrap").asText(), "group.id", "shared"),
            new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.subscribe(List.of("shared"));
            long end = System.currentTimeMillis() + READ_LIMIT_MS;
            for (int count = 0; count < 30; count += consumer.poll(Duration.ofMillis(100)).count()) {
                if (System.currentTimeMillis() > end) throw new IllegalStateException("the share member was handed " + count);
            }
            consumer.commitSync();
        }
        return null;
    }

    /** One record, by an idempotent producer that is new to the cluster. */
    private static Object produce(JsonNode request) throws Exception {
        try (var producer = producer(request, "none", Map.of())) {
            send(producer, request.get("topic").asText(), 0, null, utf8("one more"));
        }
        return null;
    }

    private static ClientQuotaAlteration quota(String user, Double rate) {
        Map<String, String> entity = new HashMap<>();
        entity.put(ClientQuotaEntity.USER, user);
        return new ClientQuotaAlteration(new ClientQuotaEntity(entity), List.of(new ClientQuotaAlteration.Op("producer_byte_rate", rate)));
    }

    private static Collection<AlterConfigOp> set(String name, String value) {
        return List.of(new AlterConfigOp(new ConfigEntry(name, value), AlterConfigOp.OpType.SET));
    }

    /** Topics of several segments, each key written again and again, some of them deleted: what a cleaner has to deal with. */
    private static Object fillCompacted(JsonNode request) throws Exception {
        Map<String, String> configs = new HashMap<>(Map.of("cleanup.policy", "compact", "segment.bytes", "1048576",
            "min.cleanable.dirty.ratio", "0.01", "delete.retention.ms", "0", "index.interval.bytes", "1000"));
        Map<String, String> appendTime = new HashMap<>(configs);
        appendTime.put("message.timestamp.type", "LogAppendTime");
        try (Admin admin = admin(request)) {
            admin.createTopics(List.of(topic("plain", 1, configs), topic("gzipped", 1, configs),
                topic("append-timed", 1, appendTime), topic("sequenced", 1, configs),
                topic("transacted", 1, configs))).all().get();
        }
        Random random = new Random(5);
        Map<String, Object> plain = Map.of("enable.idempotence", "false");
        try (var producer = producer(request, "none", plain); var gzip = producer(request, "gzip", plain)) {
            for (int i = 0; i < 2600; i++) {
                for (String topic : List.of("plain", "append-timed")) overwrite(producer, topic, random);
                overwrite(gzip, "gzipped", random);
                if (i % 5 == 0) producer.flush();
            }
        }
        for (int each = 0; each < 4; each++) {
            try (var producer = producer(request, "none", Map.of())) {
                for (int i = 0; i < 600; i++) overwrite(producer, "sequenced", random);
            }
        }
        var producers = new ArrayList<KafkaProducer<byte[], byte[]>>();
        for (String id : List.of("one", "two")) {
            producers.add(producer(request, "none", Map.of("transactional.id", id)));
            producers.get(producers.size() - 1).initTransactions();
        }
        for (int round = 0; round < 200; round++) {
            for (var producer : producers) producer.beginTransaction();
            for (int i = 0; i < 12; i++) overwrite(producers.get(random.nextInt(2)), "transacted", random);
            for (var producer : producers) {
                producer.flush();
                if (random.nextInt(3) == 0) producer.abortTransaction();
                else producer.commitTransaction();
            }
        }
        for (var producer : producers) producer.close();
        return null;
    }

    private static void overwrite(KafkaProducer<byte[], byte[]> producer, String topic, Random random) {
        byte[] value = new byte[1 + random.nextInt(2000)];
        random.nextBytes(value);
        send(producer, topic, 0, "key-" + random.nextInt(random.nextInt(4) == 0 ? 2000 : 150),
            random.nextInt(8) == 0 ? null : value);
    }

    /** Goes on in a directory that another broker filled: one record more in a partition, one commit more. */
    private static Object append(JsonNode request) throws Exception {
        String text = request.get("text").asText();
        try (var producer = producer(request, "gzip", Map.of()); Admin admin = admin(request)) {
            for (String topic : List.of("codecs", "compacted", "grown")) send(producer, topic, 0, "again", utf8(text));
            producer.flush();
            admin.alterConsumerGroupOffsets("admin", Map.of(
                new TopicPartition("grown", 2), new OffsetAndMetadata(0, text))).all().get();
        }
        return null;
    }

    // --- what a broker serves

    /** As the fixture's `sha256Of` says. */
    private static final class Seen {
        private final MessageDigest digest;
        private int count;
        private long first = -1;

        Seen() throws Exception {
            digest = MessageDigest.getInstance("SHA-256");
        }

        void take(ConsumerRecord<byte[], byte[]> record) {
            if (count++ == 0) first = record.offset();
            StringBuilder line = new StringBuilder();
            line.append(record.offset()).append('\t').append(record.timestamp()).append('\t')
                .append(hex(record.key())).append('\t').append(hex(record.value())).append('\t');
            for (Header header : record.headers()) line.append(header.key()).append('=').append(hex(header.value())).append(',');
            digest.update(utf8(line.append('\n').toString()));
        }

        private static String hex(byte[] bytes) {
            return bytes == null ? "-" : HexFormat.of().formatHex(bytes);
        }
    }

    private static Object see(JsonNode request) throws Exception {
        try (Admin admin = admin(request)) {
            List<TopicPartition> partitions = new ArrayList<>();
            Map<String, Object> configs = new TreeMap<>();
            Collection<String> names = admin.listTopics(new ListTopicsOptions().listInternal(true)).names().get();
            admin.describeTopics(names).allTopicNames().get().forEach((name, topic) ->
                topic.partitions().forEach(one -> partitions.add(new TopicPartition(name, one.partition()))));
            List<ConfigResource> resources =
                names.stream().map(name -> new ConfigResource(ConfigResource.Type.TOPIC, name)).toList();
            admin.describeConfigs(resources).all().get().forEach((resource, config) -> {
                Map<String, String> own = new TreeMap<>();
                for (ConfigEntry entry : config.entries()) {
                    if (entry.source() == ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG) own.put(entry.name(), entry.value());
                }
                if (!own.isEmpty()) configs.put(resource.name(), own);
            });
            Map<String, Object> groups = new TreeMap<>();
            for (JsonNode group : request.get("groups")) {
                Map<String, Object> committed = new TreeMap<>();
                admin.listConsumerGroupOffsets(group.asText()).partitionsToOffsetAndMetadata().get().forEach((partition, at) ->
                    committed.put(partition.toString(), Map.of("offset", at.offset(), "leaderEpoch",
                        at.leaderEpoch().orElse(-1), "metadata", at.metadata())));
                groups.put(group.asText(), committed);
            }
            return Map.of("partitions", seePartitions(request, partitions), "configs", configs, "groups", groups);
        }
    }

    /** What `fillMetadata` made, as Apache Kafka lists it; some of it no other broker can be asked for. */
    private static Object seeMetadata(JsonNode request) throws Exception {
        try (Admin admin = admin(request)) {
            Map<String, Object> seen = new TreeMap<>();
            Map<String, Object> users = new TreeMap<>();
            admin.describeUserScramCredentials().all().get().forEach((name, user) ->
                users.put(name, user.credentialInfos().stream().map(Object::toString).sorted().toList()));
            seen.put("users", users);
            seen.put("rules", admin.describeAcls(AclBindingFilter.ANY).values().get().stream().map(Object::toString).sorted().toList());
            Map<String, Object> quotas = new TreeMap<>();
            admin.describeClientQuotas(ClientQuotaFilter.all()).entities().get().forEach((entity, values) ->
                quotas.put(entity.entries().toString(), new TreeMap<>(values)));
            seen.put("quotas", quotas);
            Map<String, Object> configs = new TreeMap<>();
            admin.describeConfigs(List.of(new ConfigResource(ConfigResource.Type.BROKER, ""),
                new ConfigResource(ConfigResource.Type.BROKER, "1"), new ConfigResource(ConfigResource.Type.GROUP, "shared"),
                new ConfigResource(ConfigResource.Type.CLIENT_METRICS, "watched"))).all().get().forEach((resource, config) ->
                    configs.put(resource.toString(), config.entries().stream()
                        .filter(entry -> entry.source().name().startsWith("DYNAMIC_"))
                        .map(entry -> entry.name() + "=" + entry.value()).sorted().toList()));
            seen.put("configs", configs);
            seen.put("groups", admin.listGroups().all().get().stream()
                .map(group -> group.groupId() + " " + group.type() + " " + group.protocol()).sorted().toList());
            Map<String, Object> shared = new TreeMap<>();
            admin.listShareGroupOffsets(Map.of("shared", new ListShareGroupOffsetsSpec())).partitionsToOffsetInfo("shared").get()
                .forEach((partition, offset) -> shared.put(partition.toString(), offset.startOffset()));
            seen.put("sharedOffsets", shared);
            Map<String, Object> features = new TreeMap<>();
            admin.describeFeatures().featureMetadata().get().finalizedFeatures().forEach((name, levels) ->
                features.put(name, levels.maxVersionLevel()));
            seen.put("features", features);
            return seen;
        }
    }

    private static Object seePartitions(JsonNode request, List<TopicPartition> partitions) throws Exception {
        Map<String, Map<String, Object>> seen = new TreeMap<>();
        for (TopicPartition partition : partitions) seen.put(partition.toString(), new TreeMap<>());
        for (boolean committed : new boolean[] {false, true}) {
            String isolation = committed ? "read_committed" : "read_uncommitted";
            try (var consumer = consumer(request, Map.of("isolation.level", isolation))) {
                var starts = consumer.beginningOffsets(partitions);
                var ends = consumer.endOffsets(partitions);
                Map<TopicPartition, Seen> records = read(consumer, partitions, ends);
                for (TopicPartition partition : partitions) {
                    Map<String, Object> one = seen.get(partition.toString());
                    Seen read = records.get(partition);
                    one.put(committed ? "lastStableOffset" : "highWatermark", ends.get(partition));
                    one.put(committed ? "readCommittedRecords" : "records", read.count);
                    one.put(committed ? "readCommittedSha256" : "sha256", HexFormat.of().formatHex(read.digest.digest()));
                    if (committed) continue;
                    one.put("logStartOffset", starts.get(partition));
                    one.put("firstOffset", read.first);
                }
            }
        }
        return seen;
    }

    private static Map<TopicPartition, Seen> read(KafkaConsumer<byte[], byte[]> consumer, List<TopicPartition> partitions,
        Map<TopicPartition, Long> ends) throws Exception {
        Map<TopicPartition, Seen> records = new HashMap<>();
        for (TopicPartition partition : partitions) records.put(partition, new Seen());
        List<TopicPartition> open = new ArrayList<>(partitions);
        consumer.assign(open);
        consumer.seekToBeginning(open);
        long limit = System.currentTimeMillis() + READ_LIMIT_MS;
        for (;;) {
            open.removeIf(partition -> consumer.position(partition) >= ends.get(partition));
            if (open.isEmpty()) return records;
            if (System.currentTimeMillis() > limit) throw new IllegalStateException("not read to the end: " + open);
            consumer.poll(Duration.ofMillis(50)).forEach(record -> records.get(
                new TopicPartition(record.topic(), record.partition())).take(record));
        }
    }

    /** Epoch and last sequence of each idempotent producer that the partition's leader knows. */
    private static Object producerStates(JsonNode request) throws Exception {
        TopicPartition partition = new TopicPartition(request.get("topic").asText(), request.get("partition").asInt());
        try (Admin admin = admin(request)) {
            return admin.describeProducers(List.of(partition)).partitionResult(partition).get().activeProducers().stream()
                .map(state -> Map.of("producerId", state.producerId(), "epoch", state.producerEpoch(), "lastSequence",
                    state.lastSequence())).toList();
        }
    }
}
