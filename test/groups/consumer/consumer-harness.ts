/** test: consumer groups of one partition on a log in memory, on simulated time, and members as clients write them. */
import { KafkaError } from '../../../protocol/errors.ts'
import type { ConsumerGroupConfigs } from '../../../src/groups/consumer/consumer-group-configs.ts'
import type {
  ConsumerGroupHeartbeat,
  ConsumerGroupHeartbeatResult,
  DescribedConsumerGroup,
} from '../../../src/groups/consumer/consumer-group-requests.ts'
import { GroupHarness, groupId, type HarnessOptions } from '../group-harness.ts'
import { TestTopics, testConfigs } from './surroundings.ts'

export interface ConsumerHarnessOptions extends HarnessOptions {
  readonly configs?: Partial<ConsumerGroupConfigs>
  /** Partition counts by name. */
  readonly topics?: Record<string, number>
}

export class ConsumerHarness {
  readonly group: GroupHarness
  readonly topics = new TestTopics()
  readonly configs: ReturnType<typeof testConfigs>

  constructor({ configs, topics = { topic: 4 }, ...options }: ConsumerHarnessOptions = {}) {
    this.configs = testConfigs(configs)
    for (const [name, partitionCount] of Object.entries(topics)) this.topics.put(name, partitionCount)
    this.group = new GroupHarness({ ...options, consumer: { topics: this.topics, configs: this.configs } })
  }

  /** Nothing but what is given is said. */
  async heartbeat(
    request: Partial<ConsumerGroupHeartbeat>,
    client: { version?: number; clientId?: string; canDescribe?: (topic: string) => boolean } = {},
  ): Promise<ConsumerGroupHeartbeatResult> {
    const { version = 1, clientId = 'client', canDescribe = () => true } = client
    const whole = {
      groupId,
      memberId: '',
      memberEpoch: 0,
      instanceId: null,
      rackId: null,
      rebalanceTimeoutMs: -1,
      subscribedTopicNames: null,
      subscribedTopicRegex: null,
      serverAssignor: null,
      topicPartitions: null,
      ...request,
    }
    const from = { clientId, clientHost: '/127.0.0.1', makesMemberId: version >= 1, canDescribe }
    return this.group.run((shard) => shard.consumerGroups.heartbeat(whole, from))
  }

  member(memberId: string, more: MemberOptions = {}): HarnessMember {
    return new HarnessMember(this, memberId, more)
  }

  async describe(): Promise<DescribedConsumerGroup> {
    return this.group.run((shard) => ({ records: [], response: shard.consumerGroups.describe(groupId) }))
  }

  /** What the group's log has of a kind. */
  async records(kind: string) {
    return (await this.group.records()).filter((record) => record.kind === kind)
  }

  /** `topic-0 topic-1`, by the names that topics have now. */
  named(partitions: Iterable<{ topicId: string; partitions: readonly number[] }>): string {
    const names = [...partitions].flatMap(({ topicId, partitions: own }) =>
      own.map((partition) => `${this.topics.nameOf(topicId) ?? 'gone'}-${partition}`),
    )
    return names.sort().join(' ')
  }
}

export interface MemberOptions {
  readonly instanceId?: string
  readonly subscribedTopicNames?: readonly string[]
  readonly subscribedTopicRegex?: string
  readonly rebalanceTimeoutMs?: number
  readonly serverAssignor?: string
  readonly rackId?: string
}

/** A member that does as it is told, one heartbeat at a time. */
export class HarnessMember {
  readonly memberId: string
  readonly #harness: ConsumerHarness
  readonly options: MemberOptions
  epoch = 0
  /** What it works on. */
  owned: { topicId: string; partitions: readonly number[] }[] = []

  constructor(harness: ConsumerHarness, memberId: string, options: MemberOptions) {
    this.#harness = harness
    this.memberId = memberId
    this.options = options
  }

  get owns(): string {
    return this.#harness.named(this.owned)
  }

  async join(): Promise<ConsumerGroupHeartbeatResult> {
    this.epoch = 0
    this.owned = []
    const { subscribedTopicNames, rebalanceTimeoutMs = 60_000, ...rest } = this.options
    const names = subscribedTopicNames ?? (rest.subscribedTopicRegex === undefined ? ['topic'] : null)
    return this.#send({ ...rest, rebalanceTimeoutMs, subscribedTopicNames: names, topicPartitions: [] })
  }

  /** With what it owns, as a client whose assignment has changed. */
  async heartbeat(more: Partial<ConsumerGroupHeartbeat> = {}): Promise<ConsumerGroupHeartbeatResult> {
    return this.#send({ topicPartitions: this.owned, ...more })
  }

  /** -1, or -2 for a static member that will be back. */
  async leave(memberEpoch = -1): Promise<ConsumerGroupHeartbeatResult> {
    const result = await this.#send({ memberEpoch })
    this.owned = []
    return result
  }

  async #send(more: Partial<ConsumerGroupHeartbeat>): Promise<ConsumerGroupHeartbeatResult> {
    const { memberId, epoch: memberEpoch, options } = this
    const request = { memberId, memberEpoch, instanceId: options.instanceId ?? null, ...more }
    const result = await this.#harness.heartbeat(request)
    this.epoch = result.memberEpoch
    if (result.assignment !== null) this.owned = [...result.assignment.topicPartitions]
    return result
  }
}

/** Every member heartbeats until nothing changes any more. */
export async function reconcile(...members: readonly HarnessMember[]): Promise<void> {
  for (let round = 0; round < 10; round += 1) {
    let changed = false
    for (const member of members) {
      const before = `${member.epoch} ${member.owns}`
      await member.heartbeat()
      changed ||= `${member.epoch} ${member.owns}` !== before
    }
    if (!changed) return
  }
  throw new Error('the members never agree')
}

/** `NAME: message`; the message where Kafka has one of its own. */
export async function errorOf(command: Promise<unknown>): Promise<string> {
  try {
    await command
    return 'NONE'
  } catch (error) {
    if (error instanceof KafkaError) return `${error.kafkaError}: ${error.message}`
    throw error
  }
}
