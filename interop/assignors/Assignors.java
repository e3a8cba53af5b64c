// interop: what Kafka's own assignors answer, behind the wire of scenarios/wire.ts: those of the Java client and those of the group
// coordinator. Subscriptions come in and assignments go out as the bytes that members send, so that these are compared too.
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.RangeAssignor;
import org.apache.kafka.clients.consumer.RoundRobinAssignor;
import org.apache.kafka.clients.consumer.StickyAssignor;
import org.apache.kafka.clients.consumer.internals.ConsumerProtocol;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.coordinator.group.api.assignor.ConsumerGroupPartitionAssignor;
import org.apache.kafka.coordinator.group.api.assignor.SubscribedTopicDescriber;
import org.apache.kafka.coordinator.group.api.assignor.SubscriptionType;
import org.apache.kafka.coordinator.group.assignor.UniformAssignor;
import org.apache.kafka.coordinator.group.modern.Assignment;
import org.apache.kafka.coordinator.group.modern.GroupSpecImpl;
import org.apache.kafka.coordinator.group.modern.MemberSubscriptionAndAssignmentImpl;

public final class Assignors {
    private static final ObjectMapper JSON = new ObjectMapper();
    /** The sticky assignor can go round in circles forever (FINDINGS.md). */
    private static final int LIMIT_MS = 500;

    public static void main(String[] args) throws Exception {
        PrintStream wire = System.out;
        System.setOut(System.err);
        wire.println(JSON.writeValueAsString(Map.of("ready", List.of("assign", "userData"))));
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            JsonNode call = JSON.readTree(line);
            Map<String, Object> answer = new HashMap<>(Map.of("id", call.get("id").asInt()));
            try {
                JsonNode request = call.get("request");
                answer.put("result", call.get("method").asText().equals("assign") ? assignAll(request) : userData(request));
            } catch (Exception error) {
                answer.put("error", Map.of("message", error.toString()));
            }
            wire.println(JSON.writeValueAsString(answer));
        }
    }

    /** An input whose assignor throws has that for its answer. */
    private static List<Object> assignAll(JsonNode inputs) throws InterruptedException {
        List<Object> answers = new ArrayList<>();
        for (JsonNode input : inputs) {
            Object[] answer = {Map.of("error", "no answer after " + LIMIT_MS + " ms")};
            Thread thread = new Thread(() -> answer[0] = assign(input));
            thread.setDaemon(true);
            thread.start();
            thread.join(LIMIT_MS);
            answers.add(answer[0]);
            if (thread.isAlive()) stop(thread);
        }
        return answers;
    }

    private static Object assign(JsonNode input) {
        try {
            boolean isServer = input.get("side").asText().equals("server");
            return Map.of("assigned", isServer ? assignAsCoordinator(input) : assignAsLeader(input));
        } catch (Exception error) {
            return Map.of("error", error.toString());
        }
    }

    /** Later JVMs can't: then it goes on until this one ends. */
    @SuppressWarnings("removal")
    private static void stop(Thread thread) {
        try {
            thread.stop();
        } catch (UnsupportedOperationException impossible) {
            System.err.println(impossible);
        }
    }

    private static ConsumerPartitionAssignor clientAssignor(String name) {
        return switch (name) {
            case "range" -> new RangeAssignor();
            case "roundrobin" -> new RoundRobinAssignor();
            case "sticky" -> new StickyAssignor();
            case "cooperative-sticky" -> new CooperativeStickyAssignor();
            default -> throw new IllegalArgumentException(name);
        };
    }

    /** What the leader of a classic group does between JoinGroup and SyncGroup. */
    private static Map<String, String> assignAsLeader(JsonNode input) {
        Map<String, ConsumerPartitionAssignor.Subscription> subscriptions = new HashMap<>();
        for (JsonNode member : input.get("members")) {
            ByteBuffer bytes = ByteBuffer.wrap(Base64.getDecoder().decode(member.get("subscription").asText()));
            ConsumerPartitionAssignor.Subscription subscription = ConsumerProtocol.deserializeSubscription(bytes);
            subscription.setGroupInstanceId(text(member.get("instanceId")));
            subscriptions.put(member.get("memberId").asText(), subscription);
        }
        ConsumerPartitionAssignor assignor = clientAssignor(input.get("assignor").asText());
        ConsumerPartitionAssignor.GroupSubscription group = new ConsumerPartitionAssignor.GroupSubscription(subscriptions);
        Map<String, String> answer = new LinkedHashMap<>();
        assignor.assign(cluster(input.get("topics")), group).groupAssignment().forEach((memberId, assignment) ->
            answer.put(memberId, base64(ConsumerProtocol.serializeAssignment(assignment))));
        return answer;
    }

    private static Cluster cluster(JsonNode topics) {
        Map<String, Node> nodes = new HashMap<>();
        List<PartitionInfo> partitions = new ArrayList<>();
        topics.fields().forEachRemaining(topic -> {
            for (int partition = 0; partition < topic.getValue().size(); partition++) {
                List<Node> replicas = new ArrayList<>();
                for (JsonNode rack : topic.getValue().get(partition))
                    replicas.add(nodes.computeIfAbsent(rack.asText(), name -> new Node(nodes.size(), "localhost", 9092, name)));
                Node[] all = replicas.toArray(new Node[0]);
                partitions.add(new PartitionInfo(topic.getKey(), partition, null, all, all));
            }
        });
        return new Cluster("id", nodes.values(), partitions, Set.of(), Set.of());
    }

    /** What the coordinator of a consumer group does for a new target assignment, with the maps that it does it with. */
    private static Map<String, Object> assignAsCoordinator(JsonNode input) {
        Map<String, MemberSubscriptionAndAssignmentImpl> members = new HashMap<>();
        Map<Uuid, Map<Integer, String>> inverted = new HashMap<>();
        for (JsonNode member : input.get("members")) {
            String memberId = member.get("memberId").asText();
            Set<Uuid> subscribed = new LinkedHashSet<>();
            for (JsonNode topic : member.get("topics")) subscribed.add(Uuid.fromString(topic.asText()));
            Map<Uuid, Set<Integer>> assigned = new HashMap<>();
            for (JsonNode entry : member.get("assigned")) {
                Uuid topicId = Uuid.fromString(entry.get("topic").asText());
                List<Integer> partitions = new ArrayList<>();
                for (JsonNode partition : entry.get("partitions")) {
                    partitions.add(partition.asInt());
                    inverted.computeIfAbsent(topicId, id -> new HashMap<>()).put(partition.asInt(), memberId);
                }
                assigned.put(topicId, new HashSet<>(partitions));
            }
            members.put(memberId, new MemberSubscriptionAndAssignmentImpl(
                text(member.get("rackId")), text(member.get("instanceId")), subscribed, new Assignment(assigned)));
        }
        JsonNode topics = input.get("topics");
        SubscribedTopicDescriber describer = new SubscribedTopicDescriber() {
            @Override
            public int numPartitions(Uuid topicId) {
                JsonNode partitions = topics.get(topicId.toString());
                return partitions == null ? -1 : partitions.size();
            }

            @Override
            public Set<String> racksForPartition(Uuid topicId, int partition) {
                Set<String> racks = new HashSet<>();
                for (JsonNode rack : topics.get(topicId.toString()).get(partition)) racks.add(rack.asText());
                return racks;
            }
        };
        SubscriptionType type = input.get("isHomogeneous").asBoolean() ? SubscriptionType.HOMOGENEOUS : SubscriptionType.HETEROGENEOUS;
        ConsumerGroupPartitionAssignor assignor = input.get("assignor").asText().equals("uniform")
            ? new UniformAssignor()
            : new org.apache.kafka.coordinator.group.assignor.RangeAssignor();
        Map<String, Object> answer = new LinkedHashMap<>();
        assignor.assign(new GroupSpecImpl(Collections.unmodifiableMap(members), type, inverted), describer).members()
            .forEach((memberId, assignment) -> {
                List<Object> entries = new ArrayList<>();
                assignment.partitions().forEach((topicId, partitions) ->
                    entries.add(Map.of("topic", topicId.toString(), "partitions", new ArrayList<>(partitions))));
                answer.put(memberId, entries);
            });
        return answer;
    }

    /** What a member puts into its subscription after an assignment; null: nothing. */
    private static Object userData(JsonNode request) {
        ConsumerPartitionAssignor assignor = clientAssignor(request.get("assignor").asText());
        if (!request.get("partitions").isNull()) {
            List<TopicPartition> partitions = new ArrayList<>();
            for (JsonNode entry : request.get("partitions"))
                for (JsonNode partition : entry.get("partitions"))
                    partitions.add(new TopicPartition(entry.get("topic").asText(), partition.asInt()));
            ConsumerGroupMetadata group =
                new ConsumerGroupMetadata("group", request.get("generationId").asInt(), "member", Optional.empty());
            assignor.onAssignment(new ConsumerPartitionAssignor.Assignment(partitions), group);
        }
        ByteBuffer data = assignor.subscriptionUserData(Set.of());
        return data == null ? null : base64(data);
    }

    private static Optional<String> text(JsonNode node) {
        return node == null || node.isNull() ? Optional.empty() : Optional.of(node.asText());
    }

    private static String base64(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return Base64.getEncoder().encodeToString(bytes);
    }
}
