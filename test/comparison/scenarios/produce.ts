/** test: Produce: acks, idempotence, and every way in which Kafka refuses records. */
import { fetch, initProducerId, produce } from '../../../protocol/messages/index.ts'
import {
  buildEndTransactionMarker,
  buildMessageSet,
  buildRecordBatch,
  codecs,
  type RecordBatchOptions,
  RecordBatchView,
  updateCrc,
} from '../../../protocol/records/index.ts'
import { batch, type Conversation, type CreatedTopic, longAgo, scenario, unknownTopicId } from '../conversation.ts'

const timeoutMs = 5_000

type Body = { acks: number; timeoutMs: number; topicData: object[] } & object

function to(topic: CreatedTopic, records: Buffer | null, acks = -1, index = 0): Body {
  return { acks, timeoutMs, topicData: [{ name: topic.name, topicId: topic.id, partitionData: [{ index, records }] }] }
}

const text = (value: string): Buffer => Buffer.from(value)

/** A batch of one idempotent producer. */
function idempotent(producerId: bigint, baseSequence: number, count = 1, rest: RecordBatchOptions = {}): Buffer {
  return batch(count, { producerId, producerEpoch: 0, baseSequence, ...rest })
}

/** Patches a batch's header, and its checksum. */
function patched(records: Buffer, patch: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(records)
  patch(bytes)
  updateCrc(new RecordBatchView(bytes))
  return bytes
}

async function everyVersion(
  broker: Conversation,
  prefix: string,
  configs: Record<string, string>,
  run: (version: number, topic: CreatedTopic) => Promise<void>,
): Promise<void> {
  for (const version of broker.versions(produce)) {
    await run(version, await broker.topic(`${prefix}-v${version}`, configs))
  }
}

async function readBack(broker: Conversation, topic: CreatedTopic, step = 'what is there then'): Promise<void> {
  await broker.ask(step, fetch, 12, {
    maxWaitMs: 0,
    minBytes: 0,
    topics: [{ topic: topic.name, partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000_000 }] }],
  })
}

const refusals: readonly { name: string; records: Buffer; configs?: Record<string, string> }[] = [
  { name: 'no bytes', records: Buffer.alloc(0) },
  { name: 'two batches', records: Buffer.concat([batch(), batch()]) },
  { name: 'a wrong checksum', records: corrupted(batch()) },
  { name: 'a batch cut short', records: batch().subarray(0, -3) },
  { name: 'half a header', records: batch().subarray(0, 30) },
  { name: 'a batch and a half', records: Buffer.concat([batch(), batch().subarray(0, 40)]) },
  { name: 'a length below that of a header', records: patchedLength(batch(), 20) },
  { name: 'a negative length', records: patchedLength(batch(), -1) },
  { name: 'magic 0', records: buildMessageSet(0, {}, [{ timestamp: -1, key: null, value: text('old') }]) },
  { name: 'magic 1', records: buildMessageSet(1, {}, [{ timestamp: longAgo, key: null, value: text('old') }]) },
  { name: 'magic 3', records: withMagic(batch(), 3) },
  { name: 'no records', records: buildRecordBatch({}, []) },
  { name: 'a base offset that is not 0', records: batch(2, { baseOffset: 5 }) },
  { name: 'a count above that of the records', records: patched(batch(2), (bytes) => bytes.writeInt32BE(3, 57)) },
  { name: 'a count below that of the records', records: patched(batch(2), (bytes) => bytes.writeInt32BE(1, 57)) },
  { name: 'a negative count', records: patched(batch(2), (bytes) => bytes.writeInt32BE(-1, 57)) },
  { name: 'a wrong last offset', records: patched(batch(2), (bytes) => bytes.writeInt32BE(4, 23)) },
  { name: 'a wrong maximum timestamp', records: patched(batch(2), (bytes) => bytes.writeBigInt64BE(5n, 35)) },
  { name: 'an unknown codec', records: patched(batch(), (bytes) => bytes.writeUInt16BE(6, 21)) },
  { name: 'gzip that is none', records: patched(batch(), (bytes) => bytes.writeUInt16BE(1, 21)) },
  { name: 'lz4 that is none', records: patched(batch(), (bytes) => bytes.writeUInt16BE(3, 21)) },
  { name: 'an attribute that nobody knows', records: patched(batch(), (bytes) => bytes.writeUInt16BE(0x80, 21)) },
  { name: 'LogAppendTime by the client', records: batch(1, { timestampType: 'LogAppendTime', logAppendTimeMs: 7 }) },
  {
    name: 'LogAppendTime by the client, compressed',
    records: batch(2, { timestampType: 'LogAppendTime', logAppendTimeMs: 7, codec: 'gzip' }),
  },
  { name: 'a control batch', records: batch(1, { isControl: true }) },
  { name: 'a control batch of a transaction', records: controlBatch() },
  {
    name: 'a transactional batch',
    records: batch(1, { isTransactional: true, producerId: 9_000n, producerEpoch: 0, baseSequence: 0 }),
  },
  { name: 'a sequence without a producer id', records: batch(1, { baseSequence: 3 }) },
  { name: 'a producer id without a sequence', records: batch(1, { producerId: 9_000n, producerEpoch: 0 }) },
  { name: 'a producer id without an epoch', records: batch(1, { producerId: 9_000n, baseSequence: 0 }) },
  { name: 'a delete horizon', records: batch(1, { deleteHorizonMs: longAgo }) },
  { name: 'a leader epoch', records: batch(1, { partitionLeaderEpoch: 5 }) },
  { name: 'too large', records: batch(1, { valueBytes: 500 }), configs: { 'max.message.bytes': '400' } },
  { name: 'just as large as allowed', records: batch(1, { valueBytes: 323 }), configs: { 'max.message.bytes': '400' } },
  {
    name: 'larger than a segment',
    records: batch(1, { valueBytes: 2_000_000 }),
    configs: { 'segment.bytes': '1048576', 'max.message.bytes': '4000000' },
  },
  { name: 'a timestamp too far back', records: batch(2), configs: { 'message.timestamp.before.max.ms': '60000' } },
  { name: 'a timestamp too far ahead', records: timed(Date.now() + 3 * 3_600_000), configs: {} },
  { name: 'a negative timestamp', records: timed(-1), configs: {} },
  { name: 'a timestamp of -2', records: timed(-2), configs: {} },
  { name: 'no key to a compacted topic', records: keyless('none'), configs: { 'cleanup.policy': 'compact' } },
  {
    name: 'no key to a compacted topic, compressed',
    records: keyless('gzip'),
    configs: { 'cleanup.policy': 'compact' },
  },
  {
    name: 'no key to a topic that is compacted and deleted',
    records: keyless('none'),
    configs: { 'cleanup.policy': 'compact,delete' },
  },
]

function corrupted(records: Buffer): Buffer {
  const bytes = Buffer.from(records)
  bytes[bytes.length - 3]! ^= 1
  return bytes
}

function patchedLength(records: Buffer, length: number): Buffer {
  const bytes = Buffer.from(records)
  bytes.writeInt32BE(length, 8)
  return bytes
}

function withMagic(records: Buffer, magic: number): Buffer {
  const bytes = Buffer.from(records)
  bytes[16] = magic
  return bytes
}

function timed(timestamp: number): Buffer {
  return buildRecordBatch({}, [{ timestamp, key: text('k'), value: text('v') }])
}

function keyless(codec: 'none' | 'gzip'): Buffer {
  return buildRecordBatch({ codec }, [
    { timestamp: longAgo, key: text('k'), value: text('v') },
    { timestamp: longAgo, key: null, value: text('v') },
    { timestamp: longAgo, key: text('k'), value: text('v') },
    { timestamp: longAgo, key: null, value: text('v') },
  ])
}

function controlBatch(): Buffer {
  const producer = { producerId: 9_000n, producerEpoch: 0 }
  return buildEndTransactionMarker({ ...producer, type: 'COMMIT', timestamp: longAgo, coordinatorEpoch: 0 })
}

export const produceScenarios = [
  scenario('records with each acks', async (broker) => {
    for (const acks of [-1, 1, 0, 2, -2]) {
      await everyVersion(broker, `acks${acks}`, {}, async (version, topic) => {
        await broker.ask(`acks=${acks}`, produce, version, to(topic, batch(2), acks))
        await broker.ask(
          `acks=${acks} to a partition that is not there`,
          produce,
          version,
          to(topic, batch(2), acks, 7),
        )
        await broker.ask(`acks=${acks} again`, produce, version, to(topic, batch(3), acks))
      })
    }
  }),

  scenario('topics that are not there', async (broker) => {
    await broker.topic('here')
    const missing = { name: 'missing', id: unknownTopicId }
    await broker.every('a missing topic', produce, to(missing, batch()))
    await broker.every(
      'the zero id, a bad name',
      produce,
      to({ name: 'no/slash', id: 'AAAAAAAAAAAAAAAAAAAAAA' }, batch()),
    )
    await broker.every('a negative partition', produce, to({ ...missing, name: 'here' }, batch(), -1, -1))
  }),

  scenario('several topics and partitions at once', async (broker) => {
    for (const version of broker.versions(produce)) {
      const one = await broker.topic(`one-v${version}`, {}, 2)
      const two = await broker.topic(`two-v${version}`)
      const partitionData = [0, 1, 2].map((index) => ({ index, records: batch(index + 1) }))
      const topicData = [one, two].map(({ name, id }) => ({ name, topicId: id, partitionData }))
      await broker.ask('each answered for itself', produce, version, { acks: -1, timeoutMs, topicData })
      await broker.ask('without topics', produce, version, { acks: -1, timeoutMs, topicData: [] })
    }
  }),

  scenario('null instead of records', async (broker) => {
    const topic = await broker.topic('nothing')
    await broker.ask('sent', produce, 13, to(topic, null))
  }),

  ...refusals.map(({ name, records, configs }, number) =>
    scenario(`records with ${name}`, async (broker) => {
      await everyVersion(broker, `records${number}`, configs ?? {}, async (version, topic) => {
        await broker.ask('sent', produce, version, to(topic, records))
        if (version === 12) await readBack(broker, topic)
      })
    }),
  ),

  ...codecs.map((codec) =>
    scenario(`${codec} as it came`, async (broker) => {
      await everyVersion(broker, `codec-${codec}`, {}, async (version, topic) => {
        await broker.ask('sent', produce, version, to(topic, batch(3, { codec })))
        if (version === 12) await readBack(broker, topic)
      })
    }),
  ),

  scenario('a topic with LogAppendTime', async (broker) => {
    for (const codec of ['none', 'lz4'] as const) {
      const configs = { 'message.timestamp.type': 'LogAppendTime' }
      await everyVersion(broker, `append-${codec}`, configs, async (version, topic) => {
        await broker.ask(`sent ${codec}`, produce, version, to(topic, batch(3, { codec })))
        if (version === 12) await readBack(broker, topic, `what is there of ${codec}`)
      })
    }
  }),

  ...['gzip', 'zstd', 'uncompressed'].map((compression) =>
    scenario(`a topic that is ${compression}`, async (broker) => {
      for (const codec of ['none', 'lz4', 'gzip'] as const) {
        const topic = await broker.topic(`${compression}-of-${codec}`, { 'compression.type': compression })
        await broker.ask(`sent ${codec}`, produce, 12, to(topic, batch(3, { codec })))
        await readBack(broker, topic, `what is there of ${codec}`)
      }
    }),
  ),

  scenario('more replicas asked for than there are', async (broker) => {
    for (const acks of [-1, 1]) {
      await everyVersion(broker, `insync${acks}`, { 'min.insync.replicas': '2' }, async (version, topic) => {
        await broker.ask(`acks=${acks}`, produce, version, to(topic, batch(), acks))
      })
    }
  }),

  scenario('an idempotent producer', async (broker) => {
    await everyVersion(broker, 'idempotent', {}, async (version, topic) => {
      const id = await broker.producerId()
      const send = (step: string, records: Buffer) => broker.ask(step, produce, version, to(topic, records))
      const other = await broker.producerId()
      await send('the first sequence is not 0', idempotent(other, 4))
      await send('the next one', idempotent(other, 5))
      await send('0 to 1', idempotent(id, 0, 2))
      await send('the same again', idempotent(id, 0, 2))
      await send('2 to 4', idempotent(id, 2, 3))
      await send('a gap', idempotent(id, 7))
      await send('the last batch again', idempotent(id, 2, 3))
      await send('part of a batch that was there', idempotent(id, 3, 1))
      await send('more than a batch that was there', idempotent(id, 2, 4))
      for (let sequence = 5; sequence < 10; sequence++) await send(`sequence ${sequence}`, idempotent(id, sequence))
      await send('the first of the last five again', idempotent(id, 5))
      await send('the last of the last five again', idempotent(id, 9))
      await send('older than the last five', idempotent(id, 2, 3))
      await send('a newer epoch that starts at 3', idempotent(id, 3, 1, { producerEpoch: 1 }))
      await send('a newer epoch that starts at 0', idempotent(id, 0, 1, { producerEpoch: 1 }))
      await send('the older epoch', idempotent(id, 10))
      await send('the newer epoch again', idempotent(id, 1, 1, { producerEpoch: 1 }))
      await send('a negative sequence', idempotent(id, -2, 1, { producerEpoch: 1 }))
      await send('a negative epoch', idempotent(id, 2, 1, { producerEpoch: -5 }))
    })
  }),

  scenario('a sequence that wraps', async (broker) => {
    const last = 2 ** 31 - 1
    await everyVersion(broker, 'wrap', {}, async (version, topic) => {
      const id = await broker.producerId()
      const send = (step: string, records: Buffer) => broker.ask(step, produce, version, to(topic, records))
      await send('the first sequence is almost the last', idempotent(id, last - 1, 4))
      await send('the first sequence is the last', idempotent(id, last, 1))
      if (version === 12) await readBack(broker, topic)
    })
  }),

  scenario('a transactional id in the request', async (broker) => {
    await everyVersion(broker, 'with-id', {}, async (version, topic) => {
      await broker.ask('plain records', produce, version, { ...to(topic, batch()), transactionalId: 'any' })
    })
  }),

  scenario('producer ids', async (broker) => {
    await broker.producerId()
    const asked = { transactionalId: null, transactionTimeoutMs: 60_000 }
    await broker.every('a new one', initProducerId, asked)
    await broker.every('with an id and an epoch', initProducerId, { ...asked, producerId: 5n, producerEpoch: 2 })
    await broker.every('with an id alone', initProducerId, { ...asked, producerId: 5n })
    await broker.every('with an epoch alone', initProducerId, { ...asked, producerEpoch: 2 })
    await broker.every('without a timeout', initProducerId, { ...asked, transactionTimeoutMs: 0 })
    await broker.every('an empty transactional id', initProducerId, { ...asked, transactionalId: '' })
  }),
]
