// interop: kafkajs behind the wire.
import type { Admin, Consumer, Kafka, PartitionAssigner, Producer, Transaction } from 'kafkajs'
import { kafkaJsAssigners } from '../../src/groups/assignors/index.ts'
import {
  bootstrap,
  digestRecord,
  newDigest,
  Received,
  requireInstalled,
  serve,
  settings,
  toBase64,
  until,
} from '../scenarios/agent.ts'
import { messageOf, readHeaders } from '../scenarios/kafkajs-records.ts'
import { type OpenTransactional, Transactional } from '../scenarios/transactional.ts'
import type { AgentMethods, Codec, Isolation, ReadRecord } from '../scenarios/wire.ts'
import { installCodecs } from './codecs.ts'

const kafkajs = requireInstalled('kafkajs') as typeof import('kafkajs')
const { CompressionTypes, PartitionAssigners } = kafkajs
await installCodecs(kafkajs)

/** A token is given to kafkajs by a function, which JSON has none of. */
function security(): object {
  const { token, ...rest } = settings as { token?: string; sasl?: object }
  return token === undefined
    ? rest
    : { ...rest, sasl: { ...rest.sasl, oauthBearerProvider: async () => ({ value: token }) } }
}

const client = (clientId: string, retries = 20): Kafka =>
  new kafkajs.Kafka({
    clientId,
    brokers: bootstrap.split(','),
    ...security(),
    logLevel: kafkajs.logLevel.WARN,
    retry: { initialRetryTime: 50, maxRetryTime: 1000, retries },
  })

const compressionOf: Record<Codec, number> = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
}

/** Ours by the names that Java and librdkafka have for them, and kafkajs' own. */
const assigners: Record<string, PartitionAssigner> = {
  range: kafkaJsAssigners.range,
  roundrobin: kafkaJsAssigners.roundRobin,
  sticky: kafkaJsAssigners.sticky,
  'cooperative-sticky': kafkaJsAssigners.cooperativeSticky,
  RoundRobinAssigner: PartitionAssigners.roundRobin,
}

/** Of each topic its own: at a topic that is new to it kafkajs asks again for all that it has written to, and so makes deleted ones anew. */
const producers = new Map<string, Promise<Producer>>()
function producer(topic: string, idempotent: boolean): Promise<Producer> {
  const key = `${topic} ${idempotent}`
  const existing = producers.get(key)
  if (existing) return existing
  const created = client('interop-producer').producer(idempotent ? { idempotent: true, maxInFlightRequests: 1 } : {})
  const connected = created.connect().then(() => created)
  producers.set(key, connected)
  return connected
}

let connectedAdmin: Promise<Admin> | undefined
function admin(): Promise<Admin> {
  if (!connectedAdmin) {
    const created = client('interop-admin').admin()
    connectedAdmin = created.connect().then(() => created)
  }
  return connectedAdmin
}

type ConsumerOptions = {
  group: string
  topic: string
  assignor?: string
  metadataMaxAgeMs?: number | undefined
  isolation?: Isolation | undefined
  onAssignment?: (partitions: number[]) => void
}

async function consumer({
  group,
  topic,
  assignor,
  metadataMaxAgeMs,
  isolation,
  onAssignment,
}: ConsumerOptions): Promise<Consumer> {
  const created = client('interop-consumer').consumer({
    groupId: group,
    maxWaitTimeInMs: 100,
    heartbeatInterval: 300,
    sessionTimeout: 10_000,
    rebalanceTimeout: 20_000,
    maxBytesPerPartition: 4 << 20,
    ...(isolation === undefined ? {} : { readUncommitted: isolation === 'read_uncommitted' }),
    ...(assignor ? { partitionAssigners: [assigners[assignor]!] } : {}),
    ...(metadataMaxAgeMs === undefined ? {} : { metadataMaxAge: metadataMaxAgeMs, allowAutoTopicCreation: false }),
  })
  created.on('consumer.group_join', ({ payload }) => {
    onAssignment?.([...(payload.memberAssignment[topic] ?? [])].sort((a, b) => a - b))
  })
  await created.connect()
  await created.subscribe({ topic, fromBeginning: true })
  return created
}

let reads = 0
/** kafkajs reads only in groups, so each reading makes one of its own. */
async function read(
  { topic, count, isolation }: { topic: string; count: number; isolation?: Isolation | undefined },
  take: (record: ReadRecord, key: Buffer | null, value: Buffer | null) => void,
) {
  const group = `${topic}-read-by-kafkajs-${process.pid}-${reads++}`
  const created = await consumer({ group, topic, isolation })
  let seen = 0
  await created.run({
    autoCommit: false,
    eachBatch: async ({ batch, resolveOffset, heartbeat }) => {
      for (const message of batch.messages) {
        seen++
        const record: ReadRecord = {
          partition: batch.partition,
          offset: Number(message.offset),
          timestamp: Number(message.timestamp),
          key: null,
          value: null,
          headers: [],
        }
        record.headers = readHeaders(message.headers)
        take(record, message.key, message.value)
        resolveOffset(message.offset)
      }
      await heartbeat()
    },
  })
  await until(() => seen >= count, 20_000)
  await created.disconnect()
}

type Member = { consumer: Consumer; partitions: number[]; received: Received }
const members = new Map<string, Member>()
const member = (name: string): Member => {
  const found = members.get(name)
  if (!found) throw new Error(`no member ${name}`)
  return found
}

/** It asks for its producer id when the first transaction begins: that one is begun at once. */
const openTransactional: OpenTransactional<Consumer> = async (transactionalId, timeoutMs) => {
  const settings = { transactionalId, maxInFlightRequests: 1, idempotent: true }
  const created = client('interop-transactional', 5).producer({
    ...settings,
    ...(timeoutMs === undefined ? {} : { transactionTimeout: timeoutMs }),
  })
  await created.connect()
  let begun: Transaction | undefined = await created.transaction()
  let current: Transaction
  return {
    async begin() {
      current = begun ?? (await created.transaction())
      begun = undefined
    },
    async send(topic, records) {
      await current.send({ topic, acks: -1, messages: records.map(messageOf) })
    },
    async sendOffsets(offsets, { group, topic }) {
      const partitions = offsets.map(({ partition, offset }) => ({ partition, offset: String(offset) }))
      await current.sendOffsets({ consumerGroupId: group, topics: [{ topic, partitions }] })
    },
    commit: () => current.commit(),
    abort: () => current.abort(),
    close: () => created.disconnect(),
  }
}
const transactional = new Transactional(openTransactional)

const methods: Partial<AgentMethods> = {
  ...transactional.methods(),
  async transform({ group, input, output, transactionalId, count }) {
    const producer = await openTransactional(transactionalId)
    const created = await consumer({ group, topic: input })
    const to = { output, group, input, consumer: created }
    const turns = { count: 0 }
    let seen = 0
    await created.run({
      autoCommit: false,
      eachBatch: async ({ batch: { partition, messages }, resolveOffset, heartbeat }) => {
        const records = messages.map(({ offset, value }) => ({
          partition,
          offset: Number(offset),
          value: String(value),
        }))
        for (let from = 0; from < records.length; from += 5) {
          const some = records.slice(from, from + 5)
          await transactional.copy(producer, some, to, turns)
          seen += some.length
          resolveOffset(messages[from + some.length - 1]!.offset)
          await heartbeat()
        }
      },
    })
    await until(() => seen >= count, 20_000)
    await created.disconnect()
    await producer.close()
    return null
  },
  async produce({ topic, codec, idempotent, records }) {
    const messages = records.map(messageOf)
    const connected = await producer(topic, idempotent ?? false)
    await connected.send({ topic, acks: -1, compression: compressionOf[codec], messages })
    return null
  },
  async consume({ topic, count, isolation }) {
    const records: ReadRecord[] = []
    await read({ topic, count, isolation }, (record, key, value) => {
      records.push({ ...record, key: toBase64(key), value: toBase64(value) })
    })
    return records
  },
  async consumeDigest({ topic, count }) {
    const hash = newDigest()
    let seen = 0
    await read({ topic, count }, (_record, key, value) => {
      seen++
      digestRecord(hash, key, value)
    })
    return { count: seen, sha256: hash.digest('hex') }
  },

  async join({ group, topic, assignor, member: name, metadataMaxAgeMs, journal, isolation }) {
    const received = new Received(journal)
    const joined: Member = { consumer: undefined as unknown as Consumer, partitions: [], received }
    const onAssignment = (partitions: number[]) => {
      joined.partitions = partitions
    }
    joined.consumer = await consumer({ group, topic, assignor, metadataMaxAgeMs, isolation, onAssignment })
    joined.consumer.on('consumer.rebalancing', () => {
      joined.partitions = []
    })
    members.set(name, joined)
    await joined.consumer.run({
      autoCommitInterval: 500,
      eachMessage: async ({ partition, message }) => {
        received.add(partition, message.value)
      },
    })
    return null
  },
  assignment: async ({ member: name }) => member(name).partitions,
  received: async ({ member: name }) => member(name).received.lines,
  async leave({ member: name }) {
    await member(name).consumer.disconnect()
    members.delete(name)
    return null
  },

  async commit({ group, topic, offsets }) {
    const connected = await admin()
    const partitions = offsets.map(({ partition, offset }) => ({ partition, offset: String(offset) }))
    await connected.setOffsets({ groupId: group, topic, partitions })
    return null
  },
  async committed({ group, topic }) {
    const [answer] = await (await admin()).fetchOffsets({ groupId: group, topics: [topic] })
    return (answer?.partitions ?? [])
      .map(({ partition, offset, metadata }) => ({ partition, offset: Number(offset), metadata: metadata ?? '' }))
      .sort((a, b) => a.partition - b.partition)
  },
  async consumeInGroup({ group, topic, count }) {
    const created = await consumer({ group, topic })
    const values: string[] = []
    await created.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: async ({ batch, resolveOffset, commitOffsetsIfNecessary }) => {
        for (const message of batch.messages) {
          if (values.length >= count) return
          values.push(String(message.value))
          resolveOffset(message.offset)
          if (values.length < count) continue
          const offset = String(Number(message.offset) + 1)
          await created.commitOffsets([{ topic, partition: batch.partition, offset }])
        }
        await commitOffsetsIfNecessary()
      },
    })
    await until(() => values.length >= count, 20_000)
    await created.disconnect()
    return values
  },

  async createTopic({ topic, partitions, replicationFactor = 1, configs = {} }) {
    const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }))
    const topics = [{ topic, numPartitions: partitions, replicationFactor, configEntries }]
    // createTopics answers false for a topic that is there already, and throws for the rest.
    const connected = await admin()
    const created = await connected.createTopics({ topics, waitForLeaders: true }).catch(async (error) => {
      // Its wait for leaders gives up on the first answer that does not know the topic yet (FINDINGS.md).
      if ((error as { type?: string }).type !== 'UNKNOWN_TOPIC_OR_PARTITION') throw error
      const known = async () => (await connected.listTopics()).includes(topic)
      for (const end = Date.now() + 5000; !(await known()); ) if (Date.now() > end) throw error
      return true
    })
    if (!created) throw Object.assign(new Error(`topic ${topic} already exists`), { code: 36 })
    return null
  },
  async deleteTopic({ topic }) {
    // kafkajs takes an unknown topic for one that will be known soon: with few retries it says so in time.
    const impatient = client('interop-admin', 3).admin()
    await impatient.connect()
    await impatient.deleteTopics({ topics: [topic] }).finally(() => impatient.disconnect())
    return null
  },
  async createPartitions({ topic, count }) {
    await (await admin()).createPartitions({ topicPartitions: [{ topic, count }] })
    return null
  },
  listTopics: async () => (await admin()).listTopics(),
  async partitionCount({ topic }) {
    const { topics } = await (await admin()).fetchTopicMetadata({ topics: [topic] })
    return topics[0]?.partitions.length ?? 0
  },
  async describeConfigs({ topic }) {
    const resources = [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }]
    const { resources: described } = await (await admin()).describeConfigs({ resources, includeSynonyms: true })
    const entries = described[0]?.configEntries ?? []
    return Object.fromEntries(
      entries.map((entry) => {
        // DEFAULT_CONFIG is 5; kafkajs fills isDefault only from v0's answers.
        const { configSource } = entry as unknown as { configSource: number }
        return [entry.configName, { value: entry.configValue, isDefault: configSource === 5 }]
      }),
    )
  },
  async describeCluster() {
    const { brokers, controller } = await (await admin()).describeCluster()
    return { brokers: brokers.length, controller, port: brokers[0]?.port ?? 0 }
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
    return { state: groups[0]!.state, protocol: groups[0]!.protocol, members: groups[0]!.members.length }
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
