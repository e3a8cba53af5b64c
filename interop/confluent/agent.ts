// interop: @confluentinc/kafka-javascript behind the wire. Its promised API is kafkajs's but for where settings go, so
// kafkajs's types serve, with what differs typed here.
import type { Admin, KafkaMessage, Message, RecordMetadata } from 'kafkajs'
import { bootstrap, digestRecord, newDigest, requireInstalled, serve, toBase64, until } from '../scenarios/agent.ts'
import { messageOf, readHeaders } from '../scenarios/kafkajs-records.ts'
import { metadataSettings } from '../scenarios/librdkafka.ts'
import { type OpenTransactional, Transactional } from '../scenarios/transactional.ts'
import type { AgentMethods, Codec, Isolation, ReadRecord } from '../scenarios/wire.ts'

type TopicPartition = { topic: string; partition: number }
type TopicPartitionOffset = TopicPartition & { offset: string; metadata?: string | null }
type EachMessage = (payload: { topic: string; partition: number; message: KafkaMessage }) => Promise<void>
type Producer = {
  connect(): Promise<void>
  disconnect(): Promise<void>
  send(record: { topic: string; messages: Message[] }): Promise<RecordMetadata[]>
  /** It is the producer itself that then sends, commits and aborts. */
  transaction(): Promise<Producer>
  sendOffsets(offsets: {
    consumer: Consumer
    topics: { topic: string; partitions: { partition: number; offset: string }[] }[]
  }): Promise<void>
  commit(): Promise<void>
  abort(): Promise<void>
}
type Consumer = {
  connect(): Promise<void>
  disconnect(): Promise<void>
  subscribe(subscription: { topics: string[] }): Promise<void>
  run(config: { eachMessage: EachMessage }): Promise<void>
  assignment(): TopicPartition[]
  commitOffsets(offsets: TopicPartitionOffset[]): Promise<void>
  committed(partitions: TopicPartition[], timeoutMs: number): Promise<TopicPartitionOffset[]>
  pause(topics: { topic: string }[]): void
}
type ConfluentAdmin = Pick<
  Admin,
  'connect' | 'disconnect' | 'createTopics' | 'deleteTopics' | 'listTopics' | 'listGroups' | 'fetchTopicOffsets'
> & {
  fetchTopicMetadata(options: { topics: string[] }): Promise<{ name: string; partitions: unknown[] }[]>
  fetchTopicOffsetsByTimestamp(topic: string, timestamp: number): Promise<{ partition: number; offset: string }[]>
  fetchOffsets(options: { groupId: string; topics: string[] }): ReturnType<Admin['fetchOffsets']>
  describeGroups(groups: string[]): Promise<{ groups: DescribedGroup[] }>
  deleteGroups(groups: string[]): Promise<unknown>
}
type DescribedGroup = { state: number | string; partitionAssignor: string; members: unknown[]; error?: Error }
const { KafkaJS } = requireInstalled('@confluentinc/kafka-javascript') as {
  KafkaJS: {
    Kafka: new (
      config: object,
    ) => {
      producer(config: object): Producer
      consumer(config: object): Consumer
      admin(config?: object): ConfluentAdmin
    }
    ConsumerGroupStates: Record<string, number | string>
    logLevel: { ERROR: number }
  }
}
const kafka = new KafkaJS.Kafka({
  'reconnect.backoff.max.ms': 1000,
  kafkaJS: { brokers: [bootstrap], logLevel: KafkaJS.logLevel.ERROR },
})

const producers = new Map<string, Promise<Producer>>()
function producer(codec: Codec, idempotent: boolean): Promise<Producer> {
  const key = `${codec} ${idempotent}`
  const existing = producers.get(key)
  if (existing) return existing
  const created = kafka.producer({
    'linger.ms': 20,
    'message.max.bytes': 8 << 20,
    kafkaJS: { compression: codec, idempotent, acks: -1 },
  })
  const connected = created.connect().then(() => created)
  producers.set(key, connected)
  return connected
}

let connectedAdmin: Promise<ConfluentAdmin> | undefined
function admin(): Promise<ConfluentAdmin> {
  if (!connectedAdmin) {
    const created = kafka.admin()
    connectedAdmin = created.connect().then(() => created)
  }
  return connectedAdmin
}

const isolationSettings = (isolation: Isolation | undefined) =>
  isolation === undefined ? {} : { 'isolation.level': isolation }

async function consumer(group: string, settings: object = {}, autoCommit = false): Promise<Consumer> {
  const created = kafka.consumer({
    'fetch.wait.max.ms': 100,
    'auto.commit.interval.ms': 500,
    ...settings,
    kafkaJS: {
      groupId: group,
      fromBeginning: true,
      autoCommit,
      // In consumer groups the broker says how often and how long.
      ...('group.protocol' in settings ? {} : { sessionTimeout: 10_000, heartbeatInterval: 300 }),
    },
  })
  await created.connect()
  return created
}

let reads = 0
async function read(
  { topic, count, isolation }: { topic: string; count: number; isolation?: Isolation | undefined },
  take: (partition: number, message: KafkaMessage) => void,
) {
  const group = `${topic}-read-by-confluent-${process.pid}-${reads++}`
  const created = await consumer(group, isolationSettings(isolation))
  await created.subscribe({ topics: [topic] })
  let seen = 0
  await created.run({
    eachMessage: async ({ partition, message }) => {
      seen++
      take(partition, message)
    },
  })
  await until(() => seen >= count, 20_000)
  await created.disconnect()
}

type Member = { consumer: Consumer; received: string[] }
const members = new Map<string, Member>()
const member = (name: string): Member => {
  const found = members.get(name)
  if (!found) throw new Error(`no member ${name}`)
  return found
}

async function addMember(name: string, created: Consumer, topic: string): Promise<null> {
  const joined: Member = { consumer: created, received: [] }
  members.set(name, joined)
  await created.subscribe({ topics: [topic] })
  await created.run({
    eachMessage: async ({ partition, message }) => {
      joined.received.push(`${partition}:${message.value}`)
    },
  })
  return null
}

const openTransactional: OpenTransactional<Consumer> = async (transactionalId, timeoutMs) => {
  const created = kafka.producer({
    'linger.ms': 0,
    kafkaJS: { transactionalId, ...(timeoutMs === undefined ? {} : { transactionTimeout: timeoutMs }) },
  })
  await created.connect()
  return {
    begin: async () => void (await created.transaction()),
    send: async (topic, records) => void (await created.send({ topic, messages: records.map(messageOf) })),
    async sendOffsets(offsets, { group, topic, consumer: member }) {
      const from = member ?? (await consumer(group))
      const partitions = offsets.map(({ partition, offset }) => ({ partition, offset: String(offset) }))
      await created.sendOffsets({ consumer: from, topics: [{ topic, partitions }] })
      if (!member) await from.disconnect()
    },
    commit: () => created.commit(),
    abort: () => created.abort(),
    close: () => created.disconnect(),
  }
}
const transactional = new Transactional(openTransactional)

const methods: Partial<AgentMethods> = {
  ...transactional.methods(),
  async transform({ group, input, output, transactionalId, count }) {
    const producer = await openTransactional(transactionalId)
    const created = await consumer(group)
    await created.subscribe({ topics: [input] })
    const to = { output, group, input, consumer: created }
    const turns = { count: 0 }
    let seen = 0
    await created.run({
      eachMessage: async ({ partition, message: { offset, value } }) => {
        await transactional.copy(producer, [{ partition, offset: Number(offset), value: String(value) }], to, turns)
        seen++
      },
    })
    await until(() => seen >= count, 20_000)
    await created.disconnect()
    await producer.close()
    return null
  },
  async produce({ topic, codec, idempotent, records }) {
    const messages = records.map(messageOf)
    const connected = await producer(codec, idempotent ?? false)
    await connected.send({ topic, messages })
    return null
  },
  async consume(request) {
    const records: ReadRecord[] = []
    await read(request, (partition, { offset, timestamp, key, value, headers }) => {
      const bytes = { key: toBase64(key), value: toBase64(value), headers: readHeaders(headers) }
      records.push({ partition, offset: Number(offset), timestamp: Number(timestamp), ...bytes })
    })
    return records
  },
  async consumeDigest({ topic, count }) {
    const hash = newDigest()
    let seen = 0
    await read({ topic, count }, (_partition, { key, value }) => {
      seen++
      digestRecord(hash, key, value)
    })
    return { count: seen, sha256: hash.digest('hex') }
  },

  async join({ group, topic, assignor, member: name, instanceId, metadataMaxAgeMs, isolation }) {
    const settings = {
      'partition.assignment.strategy': assignor,
      ...(instanceId === undefined ? {} : { 'group.instance.id': instanceId }),
      ...metadataSettings(metadataMaxAgeMs),
      ...isolationSettings(isolation),
    }
    return addMember(name, await consumer(group, settings, true), topic)
  },
  async joinConsumerGroup({ group, topic, member: name, instanceId }) {
    const settings = {
      'group.protocol': 'consumer',
      ...(instanceId === undefined ? {} : { 'group.instance.id': instanceId }),
    }
    return addMember(name, await consumer(group, settings, true), topic)
  },
  async assignment({ member: name }) {
    const assigned = member(name).consumer.assignment()
    return assigned.map(({ partition }) => partition).sort((a, b) => a - b)
  },
  received: async ({ member: name }) => member(name).received,
  async leave({ member: name }) {
    await member(name).consumer.disconnect()
    members.delete(name)
    return null
  },

  async commit({ group, topic, offsets }) {
    const committer = await consumer(group)
    const committed = offsets.map(({ partition, offset, metadata }) => ({
      topic,
      partition,
      offset: String(offset),
      metadata,
    }))
    await committer.commitOffsets(committed).finally(() => committer.disconnect())
    return null
  },
  async committed({ group, topic }) {
    const [answer] = await (await admin()).fetchOffsets({ groupId: group, topics: [topic] })
    return (answer?.partitions ?? [])
      .map(({ partition, offset, metadata }) => ({ partition, offset: Number(offset), metadata: metadata ?? '' }))
      .sort((a, b) => a.partition - b.partition)
  },
  async consumeInGroup({ group, topic, count }) {
    const one = await consumer(group)
    await one.subscribe({ topics: [topic] })
    const taken: { partition: number; offset: number; value: string }[] = []
    await one.run({
      eachMessage: async ({ partition, message }) => {
        taken.push({ partition, offset: Number(message.offset), value: String(message.value) })
      },
    })
    await until(() => taken.length >= count, 20_000)
    const last = taken[Math.min(count, taken.length) - 1]
    if (last) await one.commitOffsets([{ topic, partition: last.partition, offset: String(last.offset + 1) }])
    await one.disconnect()
    return taken.slice(0, count).map(({ value }) => value)
  },

  async createTopic({ topic, partitions, configs = {} }) {
    const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }))
    const topics = [{ topic, numPartitions: partitions, replicationFactor: 1, configEntries }]
    // As kafkajs's, it answers false for a topic that is there already.
    const created = await (await admin()).createTopics({ topics })
    if (!created) throw Object.assign(new Error(`topic ${topic} already exists`), { code: 36 })
    return null
  },
  async deleteTopic({ topic }) {
    await (await admin()).deleteTopics({ topics: [topic] })
    return null
  },
  listTopics: async () => (await admin()).listTopics(),
  async partitionCount({ topic }) {
    const topics = await (await admin()).fetchTopicMetadata({ topics: [topic] })
    return topics[0]?.partitions.length ?? 0
  },
  async topicOffsets({ topic }) {
    const offsets = await (await admin()).fetchTopicOffsets(topic)
    return offsets
      .map(({ partition, low, high }) => ({ partition, low: Number(low), high: Number(high) }))
      .sort((a, b) => a.partition - b.partition)
  },
  async offsetsByTime({ topic, timestamp }) {
    const offsets = await (await admin()).fetchTopicOffsetsByTimestamp(topic, timestamp)
    return offsets.sort((a, b) => a.partition - b.partition).map(({ offset }) => Number(offset))
  },
  async listGroups() {
    const { groups } = await (await admin()).listGroups()
    return groups.map(({ groupId, protocolType }) => ({ group: groupId, protocolType }))
  },
  async describeGroup({ group }) {
    const { groups } = await (await admin()).describeGroups([group])
    const described = groups[0]!
    if (described.error) throw described.error
    const names = Object.entries(KafkaJS.ConsumerGroupStates)
    const state = names.find(([, value]) => value === described.state)?.[0] ?? String(described.state)
    return { state, protocol: described.partitionAssignor, members: described.members.length }
  },
  async deleteGroup({ group }) {
    await (await admin()).deleteGroups([group]).catch((error) => {
      // KafkaJSDeleteGroupsError carries its codes per group.
      const code = (error as { groups?: { errorCode?: number }[] }).groups?.[0]?.errorCode
      throw Object.assign(new Error((error as Error).message), code === undefined ? {} : { code })
    })
    return null
  },
}

serve(methods, async () => {
  await transactional.close()
  const connected = [...producers.values(), ...(connectedAdmin ? [connectedAdmin] : [])]
  await Promise.all([...members.values()].map((joined) => joined.consumer.disconnect()))
  await Promise.all(connected.map(async (one) => (await one).disconnect()))
})
