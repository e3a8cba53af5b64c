/** Topic configs that change while the broker runs: what the log does next obeys them. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { batchesIn, buildRecordBatch, type Codec } from '../../protocol/records/index.ts'
import type { Broker } from '../../src/cluster/broker.ts'
import type { Cluster } from '../../src/cluster/cluster.ts'
import type { Partition } from '../../src/cluster/partition.ts'
import type { LocalPartitionLog } from '../../src/log/local-partition-log.ts'
import type { SimulatedClock } from '../../src/runtime/clock.ts'
import type { FileSystem } from '../../src/runtime/file-system.ts'
import { newTopic, openCluster } from './open-cluster.ts'

let cluster: Cluster
let broker: Broker
let files: FileSystem
let clock: SimulatedClock
let topics = 0

beforeAll(async () => {
  const opened = await openCluster()
  ;({ cluster, files, clock } = opened)
  broker = opened.brokers[0]!
})
afterAll(() => cluster.close())

/** A topic with one record, and the way to change its configs. */
async function topic() {
  topics += 1
  const name = `topic-${topics}`
  await cluster.createTopics([newTopic(name)])
  const partition: Partition = broker.leaderFor(name, 0)
  const log = partition.log as LocalPartitionLog
  const set = async (...configs: [name: string, value: string][]): Promise<void> => {
    const operations = configs.map(([config, value]) => ({ name: config, kind: 'SET', value }) as const)
    expect(await cluster.alterConfigs(broker, [{ type: 'topic', name, operations, replacesAll: false }])).toEqual([
      undefined,
    ])
  }
  const names = async (suffix: string) => (await files.list(log.directory)).filter((each) => each.endsWith(suffix))
  return { name, partition, log, set, names }
}

function records(options: { bytes?: number; timestamp?: number; count?: number; codec?: Codec } = {}): Buffer {
  const { bytes = 10, timestamp = clock.now(), count = 1, codec = 'none' } = options
  const record = { timestamp, key: null, value: Buffer.alloc(bytes, 'some text that repeats ') }
  return buildRecordBatch(
    { codec },
    Array.from({ length: count }, () => record),
  )
}

async function lastBatch({ log }: { log: LocalPartitionLog }) {
  const options = { maxBytes: 1 << 24, minOneBatch: true, isolation: 'log_end' } as const
  const { records: found } = await log.read(log.logEndOffset - 1, options)
  return [...batchesIn(Buffer.concat(found))].at(-1)!
}

const refusal = async (sent: Promise<unknown>): Promise<unknown> =>
  sent.then(
    () => undefined,
    (error: { kafkaError: string }) => error.kafkaError,
  )

it('compression.type and its levels', async () => {
  const it = await topic()
  const sizes: Record<string, number> = {}
  for (const [type, level] of [
    ['gzip', '1'],
    ['gzip', '9'],
    ['zstd', '1'],
    ['zstd', '19'],
    ['snappy', ''],
    ['lz4', ''],
    ['uncompressed', ''],
    ['producer', ''],
  ] as const) {
    const levels = level === '' ? [] : [[`compression.${type}.level`, level] as [string, string]]
    await it.set(['compression.type', type], ...levels)
    await it.partition.append(records({ bytes: 20_000, codec: type === 'uncompressed' ? 'gzip' : 'none' }), -1)
    const stored = await lastBatch(it)
    expect(stored.codec).toBe(type === 'producer' || type === 'uncompressed' ? 'none' : type)
    sizes[type + level] = stored.sizeInBytes
  }
  expect(sizes.gzip9).toBeLessThan(sizes.gzip1!)
  expect(sizes.zstd19).toBeLessThanOrEqual(sizes.zstd1!)
})

it('message.timestamp.type and the bounds of timestamps', async () => {
  const it = await topic()
  const old = clock.now() - 100_000
  await it.partition.append(records({ timestamp: old }), -1)
  expect((await lastBatch(it)).maxTimestamp).toBe(old)
  await it.set(['message.timestamp.before.max.ms', '50000'])
  expect(await refusal(it.partition.append(records({ timestamp: old }), -1))).toBe('INVALID_TIMESTAMP')
  await it.set(['message.timestamp.before.max.ms', '200000'])
  expect(await refusal(it.partition.append(records({ timestamp: old }), -1))).toBeUndefined()
  const future = clock.now() + 10_000
  expect(await refusal(it.partition.append(records({ timestamp: future }), -1))).toBeUndefined()
  await it.set(['message.timestamp.after.max.ms', '5000'])
  expect(await refusal(it.partition.append(records({ timestamp: future }), -1))).toBe('INVALID_TIMESTAMP')
  await it.set(['message.timestamp.type', 'LogAppendTime'])
  expect((await it.partition.append(records({ timestamp: future }), -1)).logAppendTimeMs).toBe(clock.now())
  expect((await lastBatch(it)).maxTimestamp).toBe(clock.now())
})

it('max.message.bytes and min.insync.replicas', async () => {
  const it = await topic()
  await it.set(['max.message.bytes', '500'])
  expect(await refusal(it.partition.append(records({ bytes: 1000 }), -1))).toBe('MESSAGE_TOO_LARGE')
  await it.set(['max.message.bytes', '5000'])
  expect(await refusal(it.partition.append(records({ bytes: 1000 }), -1))).toBeUndefined()
  // One replica is all that there are: KIP-966 lets writes through.
  await it.set(['min.insync.replicas', '2'])
  expect(await refusal(it.partition.append(records(), -1))).toBeUndefined()
})

it('segment.bytes, segment.ms and segment.jitter.ms', async () => {
  const it = await topic()
  await it.partition.append(records({ bytes: 600_000 }), -1)
  await it.partition.append(records({ bytes: 600_000 }), -1)
  expect(await it.names('.log')).toHaveLength(1)
  await it.set(['segment.bytes', '1048576'])
  await it.partition.append(records({ bytes: 600_000 }), -1)
  expect(await it.names('.log')).toHaveLength(2)
  await it.set(['segment.bytes', '1073741824'], ['segment.ms', '1000'])
  await it.partition.append(records({ timestamp: clock.now() + 2000 }), -1)
  expect(await it.names('.log')).toHaveLength(3)
  await it.set(['segment.ms', '1000000'], ['segment.jitter.ms', '999999'])
  await it.partition.append(records({ timestamp: clock.now() + 3000 }), -1)
  expect(await it.names('.log')).toHaveLength(3)
})

it('index.interval.bytes and segment.index.bytes', async () => {
  const it = await topic()
  const entries = async () => {
    await it.log.flush()
    return Buffer.from(await files.readFile(`${it.log.directory}/00000000000000000000.index`)).length / 8
  }
  for (let index = 0; index < 10; index += 1) await it.partition.append(records({ bytes: 100 }), -1)
  await it.set(['index.interval.bytes', '0'])
  for (let index = 0; index < 10; index += 1) await it.partition.append(records({ bytes: 100 }), -1)
  expect(await entries()).toBe(10)
  await it.set(['segment.index.bytes', '80'])
  await it.partition.append(records(), -1)
  expect(await it.names('.log')).toHaveLength(2)
})

it('preallocate', async () => {
  const it = await topic()
  await it.set(['preallocate', 'true'], ['segment.bytes', '1048576'])
  await it.partition.append(records({ bytes: 600_000 }), -1)
  await it.partition.append(records({ bytes: 600_000 }), -1)
  const [first, second] = await it.names('.log')
  expect(await files.sizeOf(`${it.log.directory}/${first}`)).toBeLessThan(610_000)
  expect(await files.sizeOf(`${it.log.directory}/${second}`)).toBe(1_048_576)
})

it('retention.ms and retention.bytes', async () => {
  const it = await topic()
  await it.set(['segment.ms', '1'])
  for (let index = 0; index < 4; index += 1) {
    await it.partition.append(records({ timestamp: clock.now() - 100_000 + index * 10 }), -1)
  }
  await it.log.enforceRetention()
  expect(it.log.logStartOffset).toBe(0)
  await it.set(['retention.bytes', String(Math.ceil(it.log.sizeInBytes / 2))])
  await it.log.enforceRetention()
  expect(it.log.logStartOffset).toBe(2)
  await it.set(['retention.ms', '1000'])
  await it.log.enforceRetention()
  expect(it.log.logStartOffset).toBe(4)
})

it('flush.messages and flush.ms', async () => {
  const it = await topic()
  const lastFlushMs = clock.monotonicMs()
  expect(it.log.flushDueMs).toBeGreaterThan(Number.MAX_SAFE_INTEGER)
  await it.set(['flush.ms', '100'])
  expect(it.log.flushDueMs).toBe(lastFlushMs + 100)
  let synced = 0
  const memory = files as unknown as { beforeCall: (operation: string, path: string) => void }
  memory.beforeCall = (operation, path) => {
    if (operation === 'sync' && path.startsWith(it.log.directory) && path.endsWith('.log')) synced += 1
  }
  await it.partition.append(records(), -1)
  expect(synced).toBe(0)
  await it.set(['flush.messages', '1'])
  await it.partition.append(records(), -1)
  expect(synced).toBe(1)
  memory.beforeCall = () => {}
})
