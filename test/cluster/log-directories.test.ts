/** Several log directories: where partitions go, and what the failure of one of them means (KIP-112, KIP-858). */
import { describe, expect, it, onTestFinished } from 'vitest'
import { errorCode } from '../../protocol/errors.ts'
import { describeLogDirs } from '../../protocol/messages/describe-log-dirs.ts'
import { metadata } from '../../protocol/messages/metadata.ts'
import { buildRecordBatch } from '../../protocol/records/index.ts'
import type { Broker } from '../../src/cluster/broker.ts'
import { Cluster } from '../../src/cluster/cluster.ts'
import type { UnreadableDirectory } from '../../src/cluster/log-directories.ts'
import { BrokerConfig } from '../../src/config/index.ts'
import { describeLogDirsHandler } from '../../src/handlers/describe-log-dirs.ts'
import { metadataHandler } from '../../src/handlers/metadata.ts'
import { LogDirectory } from '../../src/log/log-directory.ts'
import { SimulatedClock, settle } from '../../src/runtime/clock.ts'
import { MemoryFileSystem, systemError } from '../../src/runtime/memory-file-system.ts'
import { SeededRandom } from '../../src/runtime/random.ts'
import { Client } from '../handlers/ask.ts'
import { recordingLogger } from '../runtime/recording-logger.ts'
import { endpoint, newTopic } from './open-cluster.ts'

interface Opened {
  readonly cluster: Cluster
  readonly broker: Broker
  readonly clock: SimulatedClock
  /** Why it can't go on. */
  readonly failures: string[]
  readonly warnings: string[]
}

let seed = 0

async function open(
  files: MemoryFileSystem,
  paths: readonly string[],
  settings: Record<string, string> = {},
  unreadableDirectories: readonly UnreadableDirectory[] = [],
): Promise<Opened> {
  const clock = new SimulatedClock()
  const failures: string[] = []
  const { logger, warnings } = recordingLogger()
  seed += 1
  const parts = { files, clock, random: new SeededRandom(seed), logger, nodeId: 1 }
  const config = BrokerConfig.load({ settings: { 'log.dirs': paths.join(','), ...settings } })
  const directories: LogDirectory[] = []
  try {
    for (const path of paths) {
      const clusterId = 'AAAAAAAAAAAAAAAAAAAAAA'
      directories.push(await LogDirectory.open({ ...parts, path, clusterId }))
    }
    const onFailure = (error: Error): void => void failures.push(error.message)
    const cluster = await Cluster.open({ ...parts, config, directories, unreadableDirectories, onFailure })
    onTestFinished(() => cluster.close().catch(() => {}))
    const broker = cluster.addBroker(1)
    await broker.start([endpoint(1)])
    return { cluster, broker, clock, failures, warnings }
  } catch (error) {
    for (const directory of directories) await directory.close().catch(() => {})
    throw error
  }
}

const batch = (value = 'x') =>
  buildRecordBatch({}, [{ timestamp: 1_700_000_000_000, key: null, value: Buffer.from(value) }])
const offline = expect.objectContaining({ kafkaError: 'KAFKA_STORAGE_ERROR' })

/** Partitions with the path of the directory that they lie in. */
function places(cluster: Cluster): Record<string, string> {
  return Object.fromEntries(
    cluster.directories.flatMap((directory) =>
      directory
        .storedPartitions()
        .filter(({ topic }) => !topic.startsWith('__'))
        .map(({ topic, partition }) => [`${topic}-${partition}`, directory.path]),
    ),
  )
}

/** Fails each sync in `path` from here on. */
function failSyncs(files: MemoryFileSystem, path: string): void {
  files.beforeCall = (operation, file) => {
    if (operation === 'sync' && file.startsWith(path)) throw systemError('EIO', file)
  }
}

async function described(broker: Broker) {
  const answer = await new Client(broker).ask(describeLogDirsHandler, describeLogDirs, 5, { topics: null })
  return answer.results.map(({ logDir, errorCode, isCordoned }) => [logDir, errorCode, isCordoned])
}

describe('new partitions', () => {
  it('go to the directory with the fewest, also those of one topic', async () => {
    const { cluster } = await open(new MemoryFileSystem(), ['/a', '/b', '/c'])
    await cluster.createTopics([newTopic('one', { numPartitions: 6 })])
    const counts = (): number[] =>
      ['/a', '/b', '/c'].map((path) => Object.values(places(cluster)).filter((p) => p === path).length)
    expect(counts()).toEqual([2, 2, 2])
    await cluster.createTopics([newTopic('two', { numPartitions: 2 }), newTopic('three', { numPartitions: 2 })])
    expect(Math.max(...counts()) - Math.min(...counts())).toBeLessThanOrEqual(1)
  })

  it('go to no directory that is cordoned, and nowhere when all are (KIP-1066)', async () => {
    const files = new MemoryFileSystem()
    const { cluster, broker } = await open(files, ['/a', '/b'], { 'cordoned.log.dirs': '/a' })
    await cluster.createTopics([newTopic('one', { numPartitions: 3 })])
    expect(new Set(Object.values(places(cluster)))).toEqual(new Set(['/b']))
    expect(await described(broker)).toEqual([
      ['/a', 0, true],
      ['/b', 0, false],
    ])
    const operations = [{ name: 'cordoned.log.dirs', kind: 'SET', value: '*' }] as const
    const resource = { type: 'broker', name: '1', operations, replacesAll: false } as const
    expect(await cluster.alterConfigs(broker, [resource])).toEqual([undefined])
    // As Kafka 4.3.1 answers.
    expect(await cluster.createTopics([newTopic('two')])).toEqual([
      expect.objectContaining({
        kafkaError: 'INVALID_REPLICATION_FACTOR',
        message:
          'Unable to replicate the partition 1 time(s): All brokers are currently fenced, or have all their log directories cordoned.',
      }),
    ])
    const assignments = [{ partitionIndex: 0, brokerIds: [1] }]
    const manual = newTopic('two', { numPartitions: -1, replicationFactor: -1, assignments })
    expect(await cluster.createTopics([manual])).toMatchObject([{ name: 'two' }])
  })
})

describe('a restart', () => {
  it('finds everything with the directories in another order, and with one more', async () => {
    const files = new MemoryFileSystem()
    const first = await open(files, ['/a', '/b'])
    await first.cluster.createTopics([newTopic('topic', { numPartitions: 4 })])
    for (let index = 0; index < 4; index += 1) await first.broker.leaderFor('topic', index).append(batch(), -1)
    const before = places(first.cluster)
    await first.cluster.close()
    const second = await open(files, ['/new', '/b', '/a'])
    expect(places(second.cluster)).toEqual(before)
    for (let index = 0; index < 4; index += 1) {
      expect(second.broker.leaderFor('topic', index).log.logEndOffset).toBe(1)
    }
    await second.cluster.createTopics([newTopic('later', { numPartitions: 2 })])
    expect(places(second.cluster)['later-0']).toBe('/new')
  })

  it('says in one line that a partition lies in two directories, or a directory twice', async () => {
    const files = new MemoryFileSystem()
    const { cluster } = await open(files, ['/a', '/b'])
    await cluster.createTopics([newTopic('topic')])
    await cluster.close()
    const path = (await files.exists('/a/topic-0')) ? ['/a', '/b'] : ['/b', '/a']
    await files.makeDirectory(`${path[1]}/topic-0`)
    await files.replaceFile(
      `${path[1]}/topic-0/partition.metadata`,
      await files.readFile(`${path[0]}/topic-0/partition.metadata`),
    )
    await expect(open(files, ['/a', '/b'])).rejects.toThrow(/^topic-0 lies in both \/a and \/b: move the one/)
    await files.remove(`${path[1]}/topic-0`)
    await files.makeDirectory('/c')
    await files.replaceFile('/c/meta.properties', await files.readFile('/b/meta.properties'))
    await expect(open(files, ['/a', '/b', '/c'])).rejects.toThrow(
      /^\/b and \/c have the same directory\.id .*: one is a copy/,
    )
  })

  it('gives a directory without an id a new one, and finds what lies there', async () => {
    const files = new MemoryFileSystem()
    const { cluster } = await open(files, ['/a', '/b'])
    await cluster.createTopics([newTopic('topic', { numPartitions: 2 })])
    await cluster.close()
    const lines = (await files.readFile('/b/meta.properties')).toString().split('\n')
    await files.replaceFile('/b/meta.properties', lines.filter((line) => !line.startsWith('directory.id')).join('\n'))
    const { broker } = await open(files, ['/a', '/b'])
    for (const index of [0, 1]) expect(broker.leaderFor('topic', index).isOpen).toBe(true)
  })

  it('does not begin an empty partition when its directory is not there', async () => {
    const files = new MemoryFileSystem()
    const first = await open(files, ['/a', '/b'])
    await first.cluster.createTopics([newTopic('topic', { numPartitions: 2 })])
    const lost = Object.entries(places(first.cluster)).find(([, path]) => path === '/b')![0]
    await first.cluster.close()
    const { broker } = await open(files, ['/a', '/replaced'])
    expect(() => broker.leaderFor('topic', Number(lost.at(-1)))).toThrow(/which is not in log\.dirs/)
    expect(broker.leaderFor('topic', 1 - Number(lost.at(-1))).isOpen).toBe(true)
  })

  it('puts aside what a deletion has left, and never removes it', async () => {
    const files = new MemoryFileSystem()
    const first = await open(files, ['/a'])
    await first.cluster.createTopics([newTopic('topic')])
    const survivor = files.afterCrash()
    await survivor.rename('/a/topic-0', '/a/forgotten-0')
    const { cluster, warnings } = await open(survivor, ['/a'])
    expect(places(cluster)).toEqual({ 'topic-0': '/a' })
    expect(warnings).toEqual([
      expect.stringMatching(/^no topic has forgotten-0 here: kept as forgotten-0\.[0-9a-f]{32}-stray$/),
    ])
    expect((await survivor.list('/a')).filter((name) => name.endsWith('-stray'))).toHaveLength(1)
  })
})

describe('a directory that can not be read at the start', () => {
  it('takes only its partitions offline, gets no new ones, and is shown with an error', async () => {
    const files = new MemoryFileSystem()
    const first = await open(files, ['/a', '/b'])
    await first.cluster.createTopics([newTopic('topic', { numPartitions: 2 })])
    const [onB] = Object.entries(places(first.cluster)).find(([, path]) => path === '/b')!
    await first.cluster.close()
    const { broker, cluster } = await open(files, ['/a'], {}, [{ path: '/b', reason: 'EIO: i/o error' }])
    expect(() => broker.leaderFor('topic', Number(onB.at(-1)))).toThrow(offline)
    expect(broker.leaderFor('topic', 1 - Number(onB.at(-1))).isOpen).toBe(true)
    const shown = await new Client(broker).ask(metadataHandler, metadata, 12, { topics: null })
    const offlineAt = (index: number) =>
      shown.topics[0]!.partitions.find((each) => each.partitionIndex === index)!.offlineReplicas
    expect([Number(onB.at(-1)), 1 - Number(onB.at(-1))].map(offlineAt)).toEqual([[1], []])
    await cluster.createTopics([newTopic('later', { numPartitions: 2 })])
    expect(new Set(Object.values(places(cluster)))).toEqual(new Set(['/a']))
    expect(await described(broker)).toEqual([
      ['/a', 0, false],
      ['/b', errorCode('KAFKA_STORAGE_ERROR'), false],
    ])
    await cluster.close()
    const again = await open(files, ['/a', '/b'])
    expect(again.broker.leaderFor('topic', Number(onB.at(-1))).isOpen).toBe(true)
  })

  it('keeps the broker from starting when it holds the metadata log', async () => {
    const files = new MemoryFileSystem()
    await (await open(files, ['/a', '/b'])).cluster.close()
    await expect(open(files, ['/b'], {}, [{ path: '/a', reason: 'EIO: i/o error' }])).rejects.toThrow(
      'no log directory that can be read holds the metadata log (/a: EIO: i/o error)',
    )
  })
})

describe('a directory whose sync fails', () => {
  it('takes only its partitions offline; the others go on, and new ones go there', async () => {
    const files = new MemoryFileSystem()
    const { cluster, broker, failures } = await open(files, ['/a', '/b'])
    await cluster.createTopics([newTopic('topic', { numPartitions: 2 })])
    const [onB] = Object.entries(places(cluster)).find(([, path]) => path === '/b')!
    const bad = broker.leaderFor('topic', Number(onB.at(-1)))
    const good = broker.leaderFor('topic', 1 - Number(onB.at(-1)))
    await bad.append(batch(), -1)
    let woken = 0
    bad.onAdvance(() => {
      woken += 1
    })
    failSyncs(files, '/b')
    await expect(bad.log.flush()).rejects.toThrow(offline)
    expect(woken).toBe(1)
    expect(() => broker.leaderFor('topic', bad.index)).toThrow(offline)
    const shown = await new Client(broker).ask(metadataHandler, metadata, 12, { topics: null })
    expect(shown.topics[0]!.partitions.map(({ offlineReplicas }) => offlineReplicas.length)).toEqual(
      [0, 1].map((index) => (index === bad.index ? 1 : 0)),
    )
    expect((await good.append(batch(), -1)).baseOffset).toBe(0)
    await settle()
    expect(cluster.registrations.get(1)?.directories).toEqual([cluster.directories[0]!.directoryId])
    await cluster.createTopics([newTopic('later', { numPartitions: 2 })])
    expect(['later-0', 'later-1'].map((name) => places(cluster)[name])).toEqual(['/a', '/a'])
    expect((await described(broker)).map(([, error]) => error)).toEqual([0, errorCode('KAFKA_STORAGE_ERROR')])
    expect(failures).toEqual([])
    await cluster.close()
    expect(await files.exists('/a/.kafka_cleanshutdown')).toBe(true)
    expect(await files.exists('/b/.kafka_cleanshutdown')).toBe(false)
  })

  it('ends the broker when it holds the metadata log, or is the last', async () => {
    for (const paths of [['/a', '/b'], ['/a']]) {
      const files = new MemoryFileSystem()
      const { cluster, failures } = await open(files, paths)
      failSyncs(files, '/a')
      const [result] = await cluster.createTopics([newTopic('topic')]).catch((error: unknown) => [error])
      expect(result).toEqual(offline)
      expect(failures).toHaveLength(1)
      expect(failures[0]).toMatch(/^the log directory \/a has failed: .*EIO/)
      await cluster.close()
    }
  })

  it('ends the broker when that can not be recorded within log.dir.failure.timeout.ms', async () => {
    const files = new MemoryFileSystem()
    const { cluster, broker, clock, failures } = await open(files, ['/a', '/b'], {
      'log.dir.failure.timeout.ms': '500',
    })
    await cluster.createTopics([newTopic('topic', { numPartitions: 2 })])
    const [onB] = Object.entries(places(cluster)).find(([, path]) => path === '/b')!
    const bad = broker.leaderFor('topic', Number(onB.at(-1)))
    await bad.append(batch(), -1)
    failSyncs(files, '/b')
    // The controller hangs.
    let release!: () => void
    const { run } = cluster.metadata
    cluster.metadata.run = (async () => new Promise<void>((resolve) => (release = resolve))) as typeof run
    await expect(bad.log.flush()).rejects.toThrow(offline)
    await clock.advance(499)
    expect(failures).toEqual([])
    await clock.advance(1)
    expect(failures).toEqual(['that the log directory /b has failed could not be recorded within 500 ms'])
    cluster.metadata.run = run
    release()
  })
})

describe('the metadata log', () => {
  it('that can not be written, as on a full disk, ends the broker; with room again all is there', async () => {
    const files = new MemoryFileSystem()
    const { cluster, failures } = await open(files, ['/a'])
    await cluster.createTopics([newTopic('before')])
    files.beforeCall = (operation, path) => {
      if (operation === 'write' && path.includes('__cluster_metadata')) throw systemError('ENOSPC', path)
    }
    const [result] = await cluster.createTopics([newTopic('topic')]).catch((error: unknown) => [error])
    expect(result).toEqual(offline)
    expect(failures).toEqual([expect.stringMatching(/^the metadata log could not be written: .*ENOSPC/)])
    await cluster.close()
    files.beforeCall = () => {}
    const again = await open(files, ['/a'])
    expect(await again.cluster.createTopics([newTopic('topic')])).toMatchObject([{ name: 'topic' }])
    expect(again.broker.leaderFor('before', 0).isOpen).toBe(true)
  })
})
