// interop: node-rdkafka behind the wire. Only the parts of its API that are used are typed: its own types are not installed
// where this is checked.
import {
  bootstrap,
  digestRecord,
  fromBase64,
  newDigest,
  Received,
  requireInstalled,
  serve,
  settings,
  toBase64,
} from '../scenarios/agent.ts'
import { metadataSettings } from '../scenarios/librdkafka.ts'
import { type OpenTransactional, Transactional } from '../scenarios/transactional.ts'
import type { AgentMethods, Codec, Isolation, ReadRecord, WireRecord } from '../scenarios/wire.ts'

type Callback<T = unknown> = (error: Error | null | undefined, value: T) => void
type TopicPartition = { topic: string; partition: number; offset?: number; metadata?: string }
type Message = {
  topic: string
  partition: number
  offset: number
  timestamp: number
  key: Buffer | null | undefined
  value: Buffer | null
  headers?: Record<string, Buffer>[]
}
type Metadata = {
  topics: { name: string; partitions: { id: number }[] }[]
  brokers: { id: number; host: string; port: number }[]
}
type Base = {
  connect(options: object, callback: Callback<Metadata>): void
  disconnect(callback: Callback): void
  getMetadata(options: { topic?: string; allTopics?: boolean; timeout: number }, callback: Callback<Metadata>): void
  queryWatermarkOffsets(
    topic: string,
    partition: number,
    timeout: number,
    callback: Callback<{ lowOffset: number; highOffset: number }>,
  ): void
  // biome-ignore lint/suspicious/noExplicitAny: each event has its own arguments
  on(event: string, listener: (...args: any[]) => void): void
}
type Producer = Base & {
  produce(
    topic: string,
    partition: number,
    value: Buffer | null,
    key: Buffer | null,
    timestamp: number | null,
    opaque: unknown,
    headers: Record<string, string>[] | undefined,
  ): void
  flush(timeout: number, callback: Callback): void
  setPollInterval(ms: number): void
  initTransactions(timeout: number, callback: Callback<void>): void
  beginTransaction(callback: Callback<void>): void
  commitTransaction(timeout: number, callback: Callback<void>): void
  abortTransaction(timeout: number, callback: Callback<void>): void
  sendOffsetsToTransaction(
    offsets: TopicPartition[],
    consumer: KafkaConsumer,
    timeout: number,
    callback: Callback,
  ): void
}
type KafkaConsumer = Base & {
  assign(partitions: TopicPartition[]): void
  unassign(): void
  incrementalAssign(partitions: TopicPartition[]): void
  incrementalUnassign(partitions: TopicPartition[]): void
  rebalanceProtocol(): string
  assignments(): TopicPartition[]
  subscribe(topics: string[]): void
  consume(count: number, callback: Callback<Message[]>): void
  offsetsStore(offsets: TopicPartition[]): void
  commitSync(offsets: TopicPartition[]): void
  committed(partitions: TopicPartition[], timeout: number, callback: Callback<TopicPartition[]>): void
  offsetsForTimes(partitions: TopicPartition[], timeout: number, callback: Callback<TopicPartition[]>): void
  setDefaultConsumeTimeout(ms: number): void
}
type AdminClient = {
  createTopic(topic: object, timeout: number, callback: Callback): void
  deleteTopic(topic: string, timeout: number, callback: Callback): void
  createPartitions(topic: string, count: number, timeout: number, callback: Callback): void
  disconnect(): void
}
const rdkafka = requireInstalled('node-rdkafka') as {
  Producer: new (global: object, topic: object) => Producer
  KafkaConsumer: new (global: object, topic: object) => KafkaConsumer
  AdminClient: { create(global: object): AdminClient }
}

const callMs = 20_000
const common = {
  'metadata.broker.list': bootstrap,
  'socket.keepalive.enable': true,
  'reconnect.backoff.max.ms': 1000,
  ...settings,
}

const promised = <T>(call: (callback: Callback<T>) => void): Promise<T> =>
  new Promise((resolve, reject) => call((error, value) => (error ? reject(error) : resolve(value))))

const connect = <T extends Base>(client: T): Promise<T> =>
  promised<Metadata>((done) => client.connect({ timeout: callMs }, done)).then(() => client)

const disconnect = (client: Base): Promise<unknown> => promised((done) => client.disconnect(done))

const headersOf = (record: WireRecord): Record<string, string>[] =>
  record.headers.map(([name, value]) => ({ [name]: fromBase64(value)?.toString() ?? '' }))

const readHeaders = (headers: Record<string, Buffer>[] | undefined): WireRecord['headers'] =>
  (headers ?? []).flatMap((header) =>
    Object.entries(header).map(([name, value]): [string, string | null] => [name, toBase64(value)]),
  )

async function startProducer(settings: object): Promise<Producer> {
  const created = new rdkafka.Producer({ ...common, dr_cb: true, ...settings }, { acks: -1 })
  created.on('delivery-report', (error: Error | null, report: { opaque: Callback }) =>
    report.opaque(error && deliveryError(error), null),
  )
  created.on('event.error', (error: Error) => console.error('producer', error.message))
  await connect(created)
  created.setPollInterval(10)
  return created
}

async function deliver(producer: Producer, topic: string, records: readonly WireRecord[]): Promise<void> {
  const delivered = records.map((record) => {
    const [key, value] = [fromBase64(record.key), fromBase64(record.value)]
    return promised((done) =>
      producer.produce(topic, record.partition, value, key, record.timestamp ?? null, done, headersOf(record)),
    )
  })
  await Promise.all(delivered)
}

/** One producer per codec, as compression is a producer's setting; kept, so that it lives through a broker's restart. */
const producers = new Map<string, Promise<Producer>>()
function producer(codec: Codec, idempotent: boolean): Promise<Producer> {
  const key = `${codec} ${idempotent}`
  const existing = producers.get(key)
  if (existing) return existing
  const connected = startProducer({
    'compression.codec': codec,
    'enable.idempotence': idempotent,
    'linger.ms': 20,
    'message.max.bytes': 8 << 20,
  })
  producers.set(key, connected)
  return connected
}

let createdAdmin: AdminClient | undefined
function admin(): AdminClient {
  createdAdmin ??= rdkafka.AdminClient.create(common)
  return createdAdmin
}

const consumers = new Set<KafkaConsumer>()
async function consumer(group: string, settings: object = {}): Promise<KafkaConsumer> {
  const created = new rdkafka.KafkaConsumer(
    {
      ...common,
      'group.id': group,
      // In consumer groups the broker says how often and how long.
      ...('group.protocol' in settings ? {} : { 'session.timeout.ms': 10_000, 'heartbeat.interval.ms': 300 }),
      'fetch.wait.max.ms': 100,
      'enable.partition.eof': false,
      'auto.commit.interval.ms': 500,
      ...settings,
    },
    { 'auto.offset.reset': 'earliest' },
  )
  created.on('event.error', (error: Error) => console.error('consumer', error.message))
  created.setDefaultConsumeTimeout(50)
  await connect(created)
  consumers.add(created)
  return created
}

async function close(one: KafkaConsumer): Promise<void> {
  consumers.delete(one)
  await disconnect(one)
}

/** A consumer in no group's rebalances, for reading by assignment and for asking about offsets. */
let sharedReader: Promise<KafkaConsumer> | undefined
function offsetsReader(): Promise<KafkaConsumer> {
  sharedReader ??= consumer('interop-offsets', { 'enable.auto.commit': false })
  return sharedReader
}

const isolationSettings = (isolation: Isolation | undefined) =>
  isolation === undefined ? {} : { 'isolation.level': isolation }

type Reading = { topic: string; partitions: number; count: number; isolation?: Isolation | undefined }

async function read({ topic, partitions, count, isolation }: Reading, take: (message: Message) => void): Promise<void> {
  const settings = { 'enable.auto.commit': false, ...isolationSettings(isolation) }
  const reader = await consumer(`${topic}-read-by-node-rdkafka`, settings)
  reader.assign(Array.from({ length: partitions }, (_, partition) => ({ topic, partition, offset: 0 })))
  const end = Date.now() + 20_000
  for (let seen = 0; seen < count && Date.now() < end; ) {
    const messages = await promised<Message[]>((done) => reader.consume(1000, done))
    seen += messages.length
    messages.forEach(take)
  }
  await close(reader)
}

type Member = { consumer: KafkaConsumer; received: Received; leaving: boolean; loop: Promise<void> }
const members = new Map<string, Member>()
const member = (name: string): Member => {
  const found = members.get(name)
  if (!found) throw new Error(`no member ${name}`)
  return found
}

/** librdkafka would count a record as processed when the addon takes it, before it is here. */
function storeOffsets(consumer: KafkaConsumer, messages: Message[]): void {
  try {
    consumer.offsetsStore(messages.map(({ topic, partition, offset }) => ({ topic, partition, offset: offset + 1 })))
  } catch (error) {
    console.error('offsets of partitions that were taken away', (error as Error).message)
  }
}

async function poll(joined: Member): Promise<void> {
  while (!joined.leaving) {
    const messages = await promised<Message[]>((done) => joined.consumer.consume(100, done)).catch((error) => {
      console.error('consume', error.message)
      return []
    })
    for (const { partition, value } of messages) joined.received.add(partition, value)
    storeOffsets(joined.consumer, messages)
    if (messages.length === 0) await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** Ids of a topic's partitions, ascending. getMetadata answers with all topics, whatever it is asked for. */
async function partitionIds(topic: string): Promise<number[]> {
  const asker = await offsetsReader()
  const { topics } = await promised<Metadata>((done) => asker.getMetadata({ topic, timeout: callMs }, done))
  const found = topics.find(({ name }) => name === topic)
  return (found?.partitions ?? []).map(({ id }) => id).sort((a, b) => a - b)
}

/** A delivery report has no error code, only librdkafka's words for it. */
const deliveryError = (error: Error): Error =>
  error.message === 'message size too large' ? Object.assign(new Error(error.message), { code: 10 }) : error

function addMember(name: string, created: KafkaConsumer, topic: string, journal?: string): null {
  const received = new Received(journal)
  const joined: Member = { consumer: created, received, leaving: false, loop: Promise.resolve() }
  members.set(name, joined)
  created.subscribe([topic])
  joined.loop = poll(joined)
  return null
}

/** librdkafka refuses a longer time for requests than the transaction's. */
const timeouts = (timeoutMs: number | undefined) =>
  timeoutMs === undefined
    ? {}
    : { 'transaction.timeout.ms': timeoutMs, 'socket.timeout.ms': Math.min(timeoutMs, callMs) }

const openTransactional: OpenTransactional<KafkaConsumer> = async (transactionalId, timeoutMs) => {
  const created = await startProducer({ 'transactional.id': transactionalId, 'linger.ms': 0, ...timeouts(timeoutMs) })
  try {
    await promised<void>((done) => created.initTransactions(callMs, done))
  } catch (error) {
    await disconnect(created)
    throw error
  }
  return {
    begin: () => promised<void>((done) => created.beginTransaction(done)),
    send: (topic, records) => deliver(created, topic, records),
    async sendOffsets(offsets, { group, topic, consumer: member }) {
      const from = member ?? (await consumer(group, { 'enable.auto.commit': false }))
      const positions = offsets.map(({ partition, offset, metadata }) => ({ topic, partition, offset, metadata }))
      await promised((done) => created.sendOffsetsToTransaction(positions, from, callMs, done))
      if (!member) await close(from)
    },
    commit: () => promised<void>((done) => created.commitTransaction(callMs, done)),
    abort: () => promised<void>((done) => created.abortTransaction(callMs, done)),
    close: async () => void (await disconnect(created)),
  }
}
const transactional = new Transactional(openTransactional)

const methods: Partial<AgentMethods> = {
  ...transactional.methods(),
  async transform({ group, input, output, transactionalId, count }) {
    const producer = await openTransactional(transactionalId)
    const member = await consumer(group, { 'enable.auto.commit': false })
    member.subscribe([input])
    const turns = { count: 0 }
    const end = Date.now() + callMs
    for (let seen = 0; seen < count && Date.now() < end; ) {
      const messages = await promised<Message[]>((done) => member.consume(5, done))
      for (const partition of new Set(messages.map((message) => message.partition))) {
        const own = messages.filter((message) => message.partition === partition)
        const records = own.map(({ offset, value }) => ({ partition, offset, value: String(value) }))
        await transactional.copy(producer, records, { output, group, input, consumer: member }, turns)
      }
      seen += messages.length
    }
    await close(member)
    await producer.close()
    return null
  },
  async readToEnd({ topic, partitions, isolation }) {
    const settings = { 'enable.auto.commit': false, 'enable.partition.eof': true, ...isolationSettings(isolation) }
    const reader = await consumer(`${topic}-read-by-node-rdkafka`, settings)
    const ended = new Set<number>()
    reader.on('partition.eof', ({ partition }: { partition: number }) => ended.add(partition))
    reader.assign(Array.from({ length: partitions }, (_, partition) => ({ topic, partition, offset: 0 })))
    const values = Array.from({ length: partitions }, (): string[] => [])
    for (const end = Date.now() + callMs; ended.size < partitions; ) {
      if (Date.now() > end) throw new Error(`read to the end of ${ended.size} partitions only`)
      const messages = await promised<Message[]>((done) => reader.consume(1000, done))
      for (const { partition, value } of messages) values[partition]!.push(String(value))
    }
    await close(reader)
    return values
  },
  async produce({ topic, codec, idempotent, records }) {
    await deliver(await producer(codec, idempotent ?? false), topic, records)
    return null
  },
  async consume(request) {
    const records: ReadRecord[] = []
    await read(request, ({ partition, offset, timestamp, key, value, headers }) => {
      const bytes = { key: toBase64(key), value: toBase64(value), headers: readHeaders(headers) }
      records.push({ partition, offset, timestamp, ...bytes })
    })
    return records
  },
  async consumeDigest({ topic, count }) {
    const hash = newDigest()
    let seen = 0
    await read({ topic, partitions: 1, count }, ({ key, value }) => {
      seen++
      digestRecord(hash, key, value)
    })
    return { count: seen, sha256: hash.digest('hex') }
  },

  async join({ group, topic, assignor, member: name, instanceId, metadataMaxAgeMs, journal, isolation }) {
    const settings = {
      'partition.assignment.strategy': assignor,
      rebalance_cb: true,
      'enable.auto.offset.store': false,
      ...(instanceId === undefined ? {} : { 'group.instance.id': instanceId }),
      ...metadataSettings(metadataMaxAgeMs),
      ...isolationSettings(isolation),
    }
    return addMember(name, await consumer(group, settings), topic, journal)
  },
  async joinConsumerGroup({ group, topic, member: name, instanceId, journal }) {
    const settings = {
      'group.protocol': 'consumer',
      rebalance_cb: true,
      'enable.auto.offset.store': false,
      ...(instanceId === undefined ? {} : { 'group.instance.id': instanceId }),
    }
    return addMember(name, await consumer(group, settings), topic, journal)
  },
  async assignment({ member: name }) {
    const assigned = member(name).consumer.assignments()
    return assigned.map(({ partition }) => partition).sort((a, b) => a - b)
  },
  received: async ({ member: name }) => member(name).received.lines,
  async leave({ member: name }) {
    const joined = member(name)
    joined.leaving = true
    await joined.loop
    await close(joined.consumer)
    members.delete(name)
    return null
  },

  async commit({ group, topic, offsets }) {
    const committer = await consumer(group, { 'enable.auto.commit': false })
    try {
      committer.commitSync(offsets.map(({ partition, offset, metadata }) => ({ topic, partition, offset, metadata })))
    } finally {
      await close(committer)
    }
    return null
  },
  async committed({ group, topic, partitions }) {
    const asker = await consumer(group, { 'enable.auto.commit': false })
    const wanted = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }))
    const committed = await promised<TopicPartition[]>((done) => asker.committed(wanted, callMs, done))
    await close(asker)
    return committed.map(({ partition, offset, metadata }) => ({
      partition,
      offset: offset ?? -1,
      metadata: metadata ?? '',
    }))
  },
  async consumeInGroup({ group, topic, count }) {
    const one = await consumer(group, { 'enable.auto.commit': false })
    one.subscribe([topic])
    const taken: Message[] = []
    const end = Date.now() + 20_000
    while (taken.length < count && Date.now() < end) {
      taken.push(...(await promised<Message[]>((done) => one.consume(count - taken.length, done))))
    }
    const last = taken.at(-1)
    if (last) one.commitSync([{ topic, partition: last.partition, offset: last.offset + 1 }])
    await close(one)
    return taken.map(({ value }) => String(value))
  },

  async createTopic({ topic, partitions, configs = {} }) {
    const newTopic = { topic, num_partitions: partitions, replication_factor: 1, config: configs }
    await promised((done) => admin().createTopic(newTopic, callMs, done))
    return null
  },
  async deleteTopic({ topic }) {
    await promised((done) => admin().deleteTopic(topic, callMs, done))
    return null
  },
  async createPartitions({ topic, count }) {
    await promised((done) => admin().createPartitions(topic, count, callMs, done))
    return null
  },
  async listTopics() {
    const asker = await offsetsReader()
    const { topics } = await promised<Metadata>((done) => asker.getMetadata({ allTopics: true, timeout: callMs }, done))
    return topics.map(({ name }) => name)
  },
  partitionCount: async ({ topic }) => (await partitionIds(topic)).length,
  async topicOffsets({ topic }) {
    const asker = await offsetsReader()
    return Promise.all(
      (await partitionIds(topic)).map(async (partition) => {
        const { lowOffset, highOffset } = await promised<{ lowOffset: number; highOffset: number }>((done) =>
          asker.queryWatermarkOffsets(topic, partition, callMs, done),
        )
        return { partition, low: lowOffset, high: highOffset }
      }),
    )
  },
  async offsetsByTime({ topic, partitions, timestamp }) {
    const asker = await offsetsReader()
    const wanted = Array.from({ length: partitions }, (_, partition) => ({ topic, partition, offset: timestamp }))
    const found = await promised<TopicPartition[]>((done) => asker.offsetsForTimes(wanted, callMs, done))
    return found.sort((a, b) => a.partition - b.partition).map(({ offset }) => offset ?? -1)
  },
}

serve(methods, async () => {
  await transactional.close()
  for (const joined of members.values()) joined.leaving = true
  await Promise.all([...members.values()].map(({ loop }) => loop))
  await Promise.all([...consumers].map(disconnect))
  await Promise.all([...producers.values()].map(async (one) => disconnect(await one)))
  createdAdmin?.disconnect()
})
