/** Partitions that move between log directories while they are used (KIP-113). */
import { describe, expect, it, onTestFinished } from 'vitest'
import { alterReplicaLogDirs } from '../../protocol/messages/alter-replica-log-dirs.ts'
import { describeLogDirs } from '../../protocol/messages/describe-log-dirs.ts'
import { buildRecordBatch } from '../../protocol/records/index.ts'
import { Cluster } from '../../src/cluster/cluster.ts'
import type { Partition } from '../../src/cluster/partition.ts'
import { BrokerConfig } from '../../src/config/index.ts'
import { alterReplicaLogDirsHandler } from '../../src/handlers/alter-replica-log-dirs.ts'
import { describeLogDirsHandler } from '../../src/handlers/describe-log-dirs.ts'
import { LogDirectory } from '../../src/log/log-directory.ts'
import { SimulatedClock } from '../../src/runtime/clock.ts'
import { MemoryFileSystem, systemError } from '../../src/runtime/memory-file-system.ts'
import { SeededRandom } from '../../src/runtime/random.ts'
import { Client, only } from '../handlers/ask.ts'
import { recordingLogger } from '../runtime/recording-logger.ts'
import { endpoint, newTopic } from './open-cluster.ts'

let seed = 0

const isFuture = (name: string): boolean => name.endsWith('-future')

async function open(files: MemoryFileSystem, settings: Record<string, string> = {}) {
  seed += 1
  const clock = new SimulatedClock()
  const { logger, warnings } = recordingLogger()
  const parts = { files, clock, random: new SeededRandom(seed), logger, nodeId: 1 }
  const config = BrokerConfig.load({ settings: { 'log.dirs': '/a,/b', ...settings } })
  const directories: LogDirectory[] = []
  for (const path of ['/a', '/b']) {
    directories.push(await LogDirectory.open({ ...parts, path, clusterId: 'AAAAAAAAAAAAAAAAAAAAAA' }))
  }
  const cluster = await Cluster.open({ ...parts, config, directories })
  onTestFinished(() => cluster.close().catch(() => {}))
  const broker = cluster.addBroker(1)
  await broker.start([endpoint(1)])
  return { cluster, broker, clock, client: new Client(broker), warnings }
}

type Opened = Awaited<ReturnType<typeof open>>

const record = (value: string) =>
  buildRecordBatch({}, [{ timestamp: 1_700_000_000_000, key: Buffer.from(value), value: Buffer.from(value) }])

/** A topic with some records, and where it lies and does not lie. */
async function filled({ cluster }: Opened, configs: Record<string, string> = {}) {
  const entries = Object.entries(configs).map(([name, value]) => ({ name, value }))
  await cluster.createTopics([newTopic('topic', { configs: entries })])
  const partition = cluster.topics.byName('topic')!.partitions[0]!
  for (let index = 0; index < 20; index += 1) await partition.append(record(`value ${index}`), -1)
  const from = cluster.logDirectories.ownerOf(partition)!.path
  return { partition, from, to: from === '/a' ? '/b' : '/a' }
}

async function valuesIn(partition: Partition): Promise<number> {
  const { records } = await partition.log.read(partition.log.logStartOffset, {
    maxBytes: 1_000_000,
    minOneBatch: true,
    isolation: 'high_watermark',
  })
  return records.reduce((sum, { length }) => sum + length, 0)
}

async function move({ client }: Opened, path: string): Promise<number> {
  const dirs = [{ path, topics: [{ name: 'topic', partitions: [0] }] }]
  const { results } = await client.ask(alterReplicaLogDirsHandler, alterReplicaLogDirs, 2, { dirs })
  return results[0]!.partitions[0]!.errorCode
}

const moved = ({ cluster }: Opened): Promise<void> => cluster.replicaMoves.idle()

async function placesOf({ client }: Opened) {
  const { results } = await client.ask(describeLogDirsHandler, describeLogDirs, 4, { topics: null })
  return results.flatMap(({ logDir, topics }) =>
    topics.flatMap(({ partitions }) =>
      partitions.map(({ partitionSize, isFutureKey }) => [logDir, partitionSize > 0, isFutureKey]),
    ),
  )
}

describe('a partition that moves to another log directory', () => {
  it.each([
    ['plain', {}],
    ['compacted', { 'cleanup.policy': 'compact' }],
    ['of many segments', { 'segment.bytes': '1048576', 'index.interval.bytes': '0' }],
  ])('keeps all that it has: %s', async (_what, configs) => {
    const files = new MemoryFileSystem()
    const opened = await open(files)
    const { partition, from, to } = await filled(opened, configs)
    await partition.log.deleteRecordsBefore(3)
    const { log } = partition
    const bytes = await valuesIn(partition)
    expect(await placesOf(opened)).toEqual([[from, true, false]])
    expect(await move(opened, to)).toBe(0)
    await moved(opened)
    expect(await placesOf(opened)).toEqual([[to, true, false]])
    expect(partition.log).toBe(log)
    expect(log).toMatchObject({ logStartOffset: 3, logEndOffset: 20, highWatermark: 20, failure: undefined })
    expect(await valuesIn(partition)).toBe(bytes)
    await partition.append(record('after'), -1)
    expect(log.logEndOffset).toBe(21)
    expect((await files.list(from)).filter((name) => name.startsWith('topic'))).toEqual([])
    expect((await files.list(to)).filter((name) => name.startsWith('topic'))).toEqual(['topic-0'])

    await opened.cluster.close()
    const again = await open(files)
    const found = again.cluster.topics.byName('topic')!.partitions[0]!
    expect(again.cluster.logDirectories.ownerOf(found)?.path).toBe(to)
    expect(found.log).toMatchObject({ logStartOffset: 3, logEndOffset: 21 })
    expect(again.warnings).toEqual([])
  })

  it('takes what is written meanwhile along, in order', async () => {
    const files = new MemoryFileSystem()
    const opened = await open(files)
    const { partition, to } = await filled(opened)
    const appended: Promise<{ baseOffset: number }>[] = []
    const append = (): void => {
      const result = partition.append(record(`meanwhile ${appended.length}`), -1)
      appended.push(result)
      // Enough that some come while the log is closed.
      if (appended.length < 200) void Promise.race([result, new Promise(setImmediate)]).then(append)
    }
    append()
    await move(opened, to)
    await moved(opened)
    while (appended.length < 200) await new Promise(setImmediate)
    const offsets = (await Promise.all(appended)).map(({ baseOffset }) => baseOffset)
    expect(offsets).toEqual(Array.from({ length: 200 }, (_, index) => 20 + index))
    expect(opened.cluster.logDirectories.ownerOf(partition)?.path).toBe(to)
    expect(partition.log.logEndOffset).toBe(220)
  })

  it('is shown in both directories until it has moved, as fast as the throttle lets it', async () => {
    const throttled = { 'replica.alter.log.dirs.io.max.bytes.per.second': '100' }
    const opened = await open(new MemoryFileSystem())
    const operations = Object.entries(throttled).map(([name, value]) => ({ name, kind: 'SET', value }) as const)
    const resource = { type: 'broker', name: '1', operations, replacesAll: false } as const
    expect(await opened.cluster.alterConfigs(opened.broker, [resource])).toEqual([undefined])
    const { partition, from, to } = await filled(opened)
    await move(opened, to)
    const isCopied = () =>
      opened.cluster.directories.some((each) => (opened.cluster.replicaMoves.futuresIn(each)[0]?.sizeInBytes ?? 0) > 0)
    while (!isCopied()) await new Promise(setImmediate)
    expect((await placesOf(opened)).sort()).toEqual(
      [
        [from, true, false],
        [to, true, true],
      ].sort(),
    )
    // To where it lies: it stays.
    await Promise.all([move(opened, from), opened.clock.advance(60_000)])
    await moved(opened)
    expect(await placesOf(opened)).toEqual([[from, true, false]])
    expect(partition.log.logEndOffset).toBe(20)
  })

  it('keeps its leader epoch, also one in which nothing was written yet', async () => {
    const files = new MemoryFileSystem()
    const first = await open(files)
    const { to } = await filled(first)
    await first.cluster.close()
    const opened = await open(files)
    const partition = opened.cluster.topics.byName('topic')!.partitions[0]!
    const { leaderEpoch } = partition
    expect(leaderEpoch).toBeGreaterThan(0)
    await move(opened, to)
    await moved(opened)
    expect(partition.log.leaderEpoch).toBe(leaderEpoch)
    const { baseOffset } = await partition.append(record('after'), -1)
    expect(partition.log.epochForOffset(baseOffset)).toBe(leaderEpoch)
  })

  it('is shown at every moment in one directory as what counts', async () => {
    const files = new MemoryFileSystem()
    const opened = await open(files)
    const { to } = await filled(opened)
    const seen: Promise<unknown[][]>[] = []
    files.beforeCall = (operation) => {
      if (operation === 'sync' || operation === 'rename') seen.push(placesOf(opened))
    }
    await move(opened, to)
    await moved(opened)
    files.beforeCall = () => {}
    const places = await Promise.all(seen)
    expect(places.length).toBeGreaterThan(5)
    for (const each of places) expect(each.filter(([, , isFuture]) => isFuture === false)).toHaveLength(1)
  })

  it('stays where it is when the copy fails', async () => {
    const files = new MemoryFileSystem()
    const opened = await open(files)
    const { partition, from, to } = await filled(opened)
    files.beforeCall = (operation, path) => {
      if (operation === 'sync' && path.startsWith(`${to}/topic-0.`)) throw systemError('ENOSPC', path)
    }
    await move(opened, to)
    await moved(opened)
    expect(await placesOf(opened)).toEqual([[from, true, false]])
    await partition.append(record('after'), -1)
    expect(partition.log).toMatchObject({ logEndOffset: 21, failure: undefined })
    expect((await files.list(to)).filter((name) => name.startsWith('topic'))).toEqual([])
  })

  it('stays where it is when its log fails on the way', async () => {
    const files = new MemoryFileSystem()
    const opened = await open(files, { 'replica.alter.log.dirs.io.max.bytes.per.second': '1000' })
    const { partition, from, to } = await filled(opened)
    expect(await move(opened, to)).toBe(0)
    files.beforeCall = (operation, path) => {
      if (operation === 'write' && path.startsWith(`${from}/topic-0/`)) throw systemError('ENOSPC', path)
    }
    await expect(partition.append(record('too much'), -1)).rejects.toThrow('is offline: ENOSPC')
    files.beforeCall = () => {}
    await opened.clock.advance(60_000)
    await moved(opened)
    expect(await placesOf(opened)).toEqual([[from, true, false]])
    expect(partition.log.logEndOffset).toBe(20)
    await partition.append(record('after'), -1)
  })

  it('goes with its topic', async () => {
    const files = new MemoryFileSystem()
    const opened = await open(files)
    const { partition, from, to } = await filled(opened)
    await move(opened, to)
    expect(await opened.cluster.deleteTopics([partition.topicId])).toEqual([undefined])
    await opened.cluster.close()
    for (const path of [from, to]) {
      expect((await files.list(path)).filter((name) => name.startsWith('topic'))).toEqual([])
    }
  })

  it('is moved further after a stop in between', async () => {
    const files = new MemoryFileSystem()
    const first = await open(files, { 'replica.alter.log.dirs.io.max.bytes.per.second': '1' })
    const { from, to } = await filled(first)
    await move(first, to)
    await first.cluster.close()
    expect((await files.list(to)).filter(isFuture)).toHaveLength(1)
    const second = await open(files)
    await moved(second)
    const found = second.cluster.topics.byName('topic')!.partitions[0]!
    expect(second.cluster.logDirectories.ownerOf(found)?.path).toBe(to)
    expect([found.log.logEndOffset, second.warnings]).toEqual([20, []])
    for (const path of [from, to]) expect((await files.list(path)).filter(isFuture)).toEqual([])
  })

  it('is moved further after a crash, also where the copy is damaged or empty', async () => {
    const files = new MemoryFileSystem()
    const { from, to } = await filled(await open(files))
    const survivor = files.afterCrash()
    const name = 'topic-0.0123456789abcdef0123456789abcdef-future'
    await survivor.makeDirectory(`${to}/${name}`)
    await survivor.replaceFile(`${to}/${name}/00000000000000000000.log`, 'cut off')
    const again = await open(survivor)
    await moved(again)
    const found = again.cluster.topics.byName('topic')!.partitions[0]!
    expect(again.cluster.logDirectories.ownerOf(found)?.path).toBe(to)
    expect(found.log.logEndOffset).toBe(20)
    expect(await valuesIn(found)).toBeGreaterThan(0)
    for (const path of [from, to]) expect((await survivor.list(path)).filter(isFuture)).toEqual([])
  })

  it('leaves a copy alone of what is no partition, or lies there already', async () => {
    const files = new MemoryFileSystem()
    const first = await open(files)
    const { from } = await filled(first)
    await first.cluster.close()
    const left = ['absent-0', 'topic-0'].map((partition) => `${partition}.0123456789abcdef0123456789abcdef-future`)
    for (const name of left) await files.makeDirectory(`${from}/${name}`)
    const again = await open(files)
    await moved(again)
    expect((await files.list(from)).filter(isFuture).sort()).toEqual(left)
    expect(again.warnings).toEqual(Array(2).fill('a copy is left alone: no partition is on its way here'))
  })

  it('is found in the new directory when a crash comes after that is recorded', async () => {
    const files = new MemoryFileSystem()
    const opened = await open(files)
    const { from, to } = await filled(opened)
    // The process ends before the old files go and the new ones get their name.
    files.beforeCall = (operation, path) => {
      if (operation === 'rename' && path.startsWith(`${from}/topic-0`)) throw systemError('EIO', path)
    }
    await move(opened, to)
    await moved(opened)
    files.beforeCall = () => {}
    await opened.cluster.close().catch(() => {})
    const again = await open(files)
    const found = again.cluster.topics.byName('topic')!.partitions[0]!
    expect(again.cluster.logDirectories.ownerOf(found)?.path).toBe(to)
    expect(found.log.logEndOffset).toBe(20)
    expect(await valuesIn(found)).toBeGreaterThan(0)
    expect((await files.list(from)).filter((name) => /^topic-0\.[0-9a-f]{32}-stray$/.test(name))).toHaveLength(1)
  })
})

it.each([0, 1, 2])('v%i asks for the right to alter the cluster', async (version) => {
  const opened = await open(new MemoryFileSystem())
  const { to } = await filled(opened)
  const dirs = [{ path: to, topics: [{ name: 'topic', partitions: [0] }] }]
  const client = new Client(opened.broker, only())
  const { results } = await client.ask(alterReplicaLogDirsHandler, alterReplicaLogDirs, version, { dirs })
  expect(results).toEqual([{ topicName: 'topic', partitions: [{ partitionIndex: 0, errorCode: 31 }] }])
})

it('does not move a partition to a cordoned directory (KIP-1066)', async () => {
  const opened = await open(new MemoryFileSystem())
  const { to } = await filled(opened)
  const operations = [{ name: 'cordoned.log.dirs', kind: 'SET', value: to }] as const
  await opened.cluster.alterConfigs(opened.broker, [{ type: 'broker', name: '1', operations, replacesAll: false }])
  expect(await move(opened, to)).toBe(39)
})
