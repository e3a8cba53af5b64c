/** metadata: commands are written before they count, and the log is opened and formatted as Kafka's. */
import { beforeEach, describe, expect, it } from 'vitest'
import { KafkaError } from '../../protocol/errors.ts'
import { batchesIn, controlRecordTypeOf, recordsOf } from '../../protocol/records/index.ts'
import {
  abortTransactionRecord,
  accessControlEntryRecord,
  beginTransactionRecord,
  configRecord,
  endTransactionRecord,
  featureLevelRecord,
  readMetadataFrame,
  topicRecord,
} from '../../protocol/state/index.ts'
import type { LocalPartitionLog } from '../../src/log/local-partition-log.ts'
import { firstRecords } from '../../src/metadata/formatting.ts'
import { metadataRecord, metadataTopic } from '../../src/metadata/index.ts'
import { kRaftVersion, kRaftVoters } from '../../src/metadata/kraft-files.ts'
import { snapshotContent, snapshotPath } from '../../src/metadata/snapshot-file.ts'
import { SimulatedClock } from '../../src/runtime/clock.ts'
import { MemoryFileSystem } from '../../src/runtime/memory-file-system.ts'
import { nextTurn } from '../../src/runtime/turns.ts'
import { formattedEndOffset, openLog } from './open-metadata-log.ts'

const logPath = `/data/${metadataTopic}-0`
const topicId = 'b3uD3LtcTIGeQOlrQ9J7dA'
const topic = (name: string) => metadataRecord(topicRecord, 0, { name, topicId })

let files: MemoryFileSystem
let clock: SimulatedClock
beforeEach(() => {
  files = new MemoryFileSystem()
  clock = new SimulatedClock()
})

async function open(wrap: (log: LocalPartitionLog) => LocalPartitionLog = (log) => log) {
  const { metadata, log, directory, close } = await openLog({ files, clock, wrap })
  const topics: [string, number][] = []
  const register = metadata.image('topics', () => topics.map(([name]) => topic(name)))
  register(topicRecord, ({ name }, offset) => topics.push([name, offset]))
  await metadata.load()
  return { metadata, topics, log, directory, close }
}

async function contentOf(log: LocalPartitionLog) {
  const { records } = await log.read(0, { maxBytes: 1 << 20, minOneBatch: true, isolation: 'log_end' })
  return [...batchesIn(Buffer.concat([...records]))].map((batch) => ({
    baseOffset: batch.baseOffset,
    epoch: batch.partitionLeaderEpoch,
    records: [...recordsOf(batch)].map(({ key, value }) =>
      batch.isControl ? controlRecordTypeOf(key) : readMetadataFrame(value!).type,
    ),
  }))
}

describe('a fresh metadata log', () => {
  it('opens as the formatter of Kafka leaves it: quorum records, then feature levels', async () => {
    const { metadata, log, directory, close } = await open()
    expect(await contentOf(log)).toEqual([
      { baseOffset: 0, epoch: 1, records: ['LEADER_CHANGE', 'KRAFT_VERSION', 'KRAFT_VOTERS'] },
      { baseOffset: 3, epoch: 1, records: [...firstRecords().map(() => featureLevelRecord.type), configRecord.type] },
    ])
    expect(metadata.kRaftVersion).toBe(1)
    expect(JSON.parse((await files.readFile(`${logPath}/quorum-state`)).toString())).toEqual({
      leaderId: 1,
      leaderEpoch: 1,
      votedId: -1,
      votedDirectoryId: 'AAAAAAAAAAAAAAAAAAAAAA',
      data_version: 1,
    })
    const voters = await files.readFile(snapshotPath(logPath, 0, 0))
    expect(voters.includes(Buffer.from(directory.directoryId, 'base64url'))).toBe(true)
    expect(await files.exists('/data/bootstrap.checkpoint')).toBe(true)
    await close()
  })

  it('takes the feature levels that the formatter of Kafka has left', async () => {
    await files.makeDirectory(logPath)
    const levels = [metadataRecord(featureLevelRecord, 0, { name: 'metadata.version', featureLevel: 25 })]
    await files.replaceFile('/data/bootstrap.checkpoint', snapshotContent(levels, [], 1))
    const found: [string, number][] = []
    const { metadata, close } = await openLog({ files, clock })
    const register = metadata.image('features', () => [])
    register(featureLevelRecord, ({ name, featureLevel }) => found.push([name, featureLevel]))
    await metadata.load()
    expect(found).toEqual([['metadata.version', 25]])
    expect(metadata.kRaftVersion).toBe(0)
    await close()
  })

  it.each([
    [1, ['min.insync.replicas=2']],
    [0, []],
  ])(
    'has min.insync.replicas for all brokers where eligible leader replicas are left at %i: %j',
    async (level, expected) => {
      await files.makeDirectory(logPath)
      const levels = [
        metadataRecord(featureLevelRecord, 0, { name: 'metadata.version', featureLevel: 30 }),
        metadataRecord(featureLevelRecord, 0, { name: 'eligible.leader.replicas.version', featureLevel: level }),
      ]
      await files.replaceFile('/data/bootstrap.checkpoint', snapshotContent(levels, [], 1))
      const found: string[] = []
      const { metadata, close } = await openLog({ files, clock, settings: { 'min.insync.replicas': '2' } })
      const register = metadata.image('configs', () => [])
      register(configRecord, ({ resourceName, name, value }) => found.push(`${resourceName}${name}=${value}`))
      await metadata.load()
      expect(found).toEqual(expected)
      await close()
    },
  )
})

describe('a command', () => {
  it('is one batch, replayed when it is written and again at the next start, in a new epoch', async () => {
    const first = await open()
    const answer = await first.metadata.run((nextOffset) => ({
      records: [topic('one'), topic('two')],
      response: nextOffset,
    }))
    expect(answer).toBe(formattedEndOffset)
    expect(first.topics).toEqual([
      ['one', formattedEndOffset],
      ['two', formattedEndOffset + 1],
    ])
    await first.close()
    const second = await open()
    expect(second.topics).toEqual(first.topics)
    expect(second.metadata.epoch).toBe(2)
    await second.metadata.run(() => ({ records: [topic('three')], response: undefined }))
    expect((await contentOf(second.log)).map(({ epoch }) => epoch)).toEqual([1, 1, 1, 2, 2])
    await second.close()
  })

  it('with very many records is written in one turn of the event loop, and replayed whole in a later one', async () => {
    const { metadata, topics, log, close } = await open()
    const seen: [endOffset: number, topics: number][] = []
    let isOver = false
    const others = (async () => {
      for (; !isOver; await nextTurn()) seen.push([log.logEndOffset - formattedEndOffset, topics.length])
    })()
    await metadata.run(() => ({ records: Array.from({ length: 600 }, () => topic('x')), response: undefined }))
    isOver = true
    await others
    expect(seen).toContainEqual([600, 0])
    expect(seen.filter(([, count]) => count > 0 && count < 600)).toEqual([])
    expect(topics).toHaveLength(600)
    await close()
  })

  it('sees what every earlier one did', async () => {
    const { metadata, topics, close } = await open()
    const counts = await Promise.all(
      [1, 2, 3].map(() => metadata.run(() => ({ records: [topic('x')], response: topics.length }))),
    )
    expect(counts).toEqual([0, 1, 2])
    await close()
  })

  it('that is refused changes nothing and holds nobody up', async () => {
    const { metadata, topics, close } = await open()
    const end = metadata.endOffset
    const refused = metadata.run(() => {
      throw new KafkaError('INVALID_REQUEST')
    })
    const next = metadata.run(() => ({ records: [], response: 'fine' }))
    await expect(refused).rejects.toThrow(KafkaError)
    await expect(next).resolves.toBe('fine')
    expect([metadata.endOffset, topics]).toEqual([end, []])
    await close()
  })

  it('that is too large for a batch is refused, and harms no later one', async () => {
    const { metadata, close } = await openLog({
      files,
      clock,
      settings: { 'internal.metadata.max.batch.size.in.bytes': '500' },
    })
    await metadata.load()
    const large = metadata.run(() => ({ records: [topic('x'.repeat(500))], response: 1 }))
    await expect(large).rejects.toThrow(/^The change takes \d+ bytes of the metadata log, more than the 500 /)
    await expect(metadata.run(() => ({ records: [topic('x')], response: 2 }))).resolves.toBe(2)
    await close()
  })

  it('that can not be written is never seen, and no later one is taken', async () => {
    let broken = false
    const { metadata, topics } = await open(
      (log) =>
        new Proxy(log, {
          get(target, name) {
            if (name === 'append' && broken) return () => Promise.reject(new Error('no space'))
            const value = Reflect.get(target, name, target)
            return typeof value === 'function' ? value.bind(target) : value
          },
        }),
    )
    broken = true
    await expect(metadata.run(() => ({ records: [topic('lost')], response: 1 }))).rejects.toThrow('no space')
    broken = false
    await expect(metadata.run(() => ({ records: [topic('later')], response: 1 }))).rejects.toThrow(KafkaError)
    expect(topics).toEqual([])
  })
})

describe('loading', () => {
  it('takes the newest whole snapshot and the log after it', async () => {
    const first = await open()
    await first.metadata.run(() => ({ records: [topic('in-log')], response: undefined }))
    const end = first.metadata.endOffset
    await first.metadata.run(() => ({ records: [topic('after')], response: undefined }))
    await first.close()
    const whole = snapshotContent([topic('in-snapshot')], [kRaftVersion(1), kRaftVoters([])], 1)
    await files.replaceFile(snapshotPath(logPath, end, 1), whole)
    await files.replaceFile(snapshotPath(logPath, end + 1, 1), whole.subarray(0, whole.length - 1))
    const second = await open()
    expect(second.topics.map(([name]) => name)).toEqual(['in-snapshot', 'after'])
    await second.close()
  })

  it('ends with one line that names the log where a byte in it has changed', async () => {
    const first = await open()
    await first.metadata.run(() => ({ records: [topic('changed')], response: undefined }))
    await first.close()
    const path = `${logPath}/00000000000000000000.log`
    const content = await files.readFile(path)
    content.write('C', content.indexOf('changed'))
    await files.replaceFile(path, content)
    await expect(open()).rejects.toThrow(
      /^\/data\/__cluster_metadata-0 is damaged and can't be replayed from offset \d+ on: the checksum of the batch at offset \d+ is wrong$/,
    )
  })

  it('keeps records of kinds that nobody serves yet, byte for byte', async () => {
    const rule = metadataRecord(accessControlEntryRecord, 0, { id: topicId, resourceName: 'x', principal: 'User:a' })
    const unknown = { bytes: Buffer.from([1, 99, 0, 1, 2, 3]) }
    const first = await open()
    await first.metadata.run(() => ({ records: [rule, unknown], response: undefined }))
    const before = (await files.readFile(`${logPath}/00000000000000000000.log`)).subarray()
    await first.close()
    const second = await open()
    const after = await files.readFile(`${logPath}/00000000000000000000.log`)
    expect(after.subarray(0, before.length).equals(before)).toBe(true)
    await second.close()
  })

  it('applies a transaction with its end, and drops one that was aborted or left open', async () => {
    const begin = metadataRecord(beginTransactionRecord, 0, { name: 'x' })
    const end = metadataRecord(endTransactionRecord, 0, {})
    const abort = metadataRecord(abortTransactionRecord, 0, {})
    const first = await open()
    const run = (...records: (typeof begin)[]) => first.metadata.run(() => ({ records, response: undefined }))
    await run(begin, topic('committed'))
    expect(first.topics).toEqual([])
    await run(end)
    await run(begin, topic('aborted'), abort, topic('alone'), begin, topic('open'))
    expect(first.topics.map(([name]) => name)).toEqual(['committed', 'alone'])
    await first.close()
    const second = await open()
    expect(second.topics.map(([name]) => name)).toEqual(['committed', 'alone'])
    await second.metadata.run(() => ({ records: [topic('next')], response: undefined }))
    expect(second.topics.at(-1)?.[0]).toBe('next')
    await second.close()
  })
})
