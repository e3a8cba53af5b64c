/** metadata: snapshots are made when it is time, hold the state at one offset, and let old ones and the log before them go. */
import { beforeEach, describe, expect, it } from 'vitest'
import { batchesIn, controlRecordTypeOf, recordsOf } from '../../protocol/records/index.ts'
import {
  abortTransactionRecord,
  accessControlEntryRecord,
  beginTransactionRecord,
  clientQuotaRecord,
  configRecord,
  delegationTokenRecord,
  endTransactionRecord,
  featureLevelRecord,
  noOpRecord,
  registerControllerRecord,
  removeAccessControlEntryRecord,
  removeDelegationTokenRecord,
  removeUserScramCredentialRecord,
  topicRecord,
  userScramCredentialRecord,
} from '../../protocol/state/index.ts'
import { type MetadataRecord, metadataRecord, metadataTopic } from '../../src/metadata/index.ts'
import { controlBatch, kRaftVersion, kRaftVoters, leaderChange } from '../../src/metadata/kraft-files.ts'
import {
  lastContainedLogTimestamp,
  recordsInSnapshot,
  snapshotContent,
  snapshotPath,
} from '../../src/metadata/snapshot-file.ts'
import { SimulatedClock, settle } from '../../src/runtime/clock.ts'
import { type Logger, silentLogger } from '../../src/runtime/logger.ts'
import { MemoryFileSystem, systemError } from '../../src/runtime/memory-file-system.ts'
import { formattedEndOffset, openLog } from './open-metadata-log.ts'

const logPath = `/data/${metadataTopic}-0`
const topicId = 'b3uD3LtcTIGeQOlrQ9J7dA'
const topic = (name: string) => metadataRecord(topicRecord, 0, { name, topicId })
const level = metadataRecord(featureLevelRecord, 0, { name: 'metadata.version', featureLevel: 30 })
const voter = {
  voterDirectoryId: topicId,
  endpoints: [{ name: 'CONTROLLER', host: 'localhost', port: 9093 }],
  kRaftVersionFeature: { minSupportedVersion: 0, maxSupportedVersion: 1 },
}
/** No record is so large that it waits for another. */
const eachRecord = { 'metadata.log.max.record.bytes.between.snapshots': '1' }
const never = { 'metadata.log.max.snapshot.interval.ms': '0' }

let files: MemoryFileSystem
let clock: SimulatedClock
beforeEach(() => {
  files = new MemoryFileSystem()
  clock = new SimulatedClock()
})

async function open(settings: Record<string, string> = {}, logger: Logger = silentLogger) {
  const opened = await openLog({ files, clock, settings, logger })
  const names: string[] = []
  const register = opened.metadata.image('topics', () => names.map(topic))
  register(topicRecord, ({ name }) => names.push(name))
  await opened.metadata.load()
  const run = (...records: MetadataRecord[]) => opened.metadata.run(() => ({ records, response: undefined }))
  return { ...opened, names, run }
}

const filesLike = async (pattern: RegExp) => (await files.list(logPath)).filter((name) => pattern.test(name))
const snapshots = () => filesLike(/\.checkpoint$/)
const read = (name: string) => files.readFile(`${logPath}/${name}`)
const newest = async () => read((await snapshots()).at(-1)!)

/** What reached the logger as warnings and errors. */
function recordingLogger() {
  const said: string[] = []
  const note = (_fields: object, message: string): void => void said.push(message)
  return { said, logger: { ...silentLogger, warn: note, error: note } }
}

describe('a snapshot', () => {
  it('is made when so many bytes were written, in the form that Kafka writes', async () => {
    const { metadata, run, close } = await open({ 'metadata.log.max.record.bytes.between.snapshots': '1500', ...never })
    await run(topic('small'))
    await settleAll()
    expect(await snapshots()).toHaveLength(1)
    await clock.advance(5000)
    await run(topic('x'.repeat(1500)))
    const endOffset = metadata.endOffset
    await close()
    expect(await snapshots()).toEqual([
      '00000000000000000000-0000000000.checkpoint',
      `${String(endOffset).padStart(20, '0')}-0000000001.checkpoint`,
    ])
    const content = await newest()
    const batches = [...batchesIn(content)].map((batch) => ({
      epoch: batch.partitionLeaderEpoch,
      baseOffset: batch.baseOffset,
      control: batch.isControl ? [...recordsOf(batch)].map(({ key }) => controlRecordTypeOf(key)) : undefined,
    }))
    expect(batches).toEqual([
      { epoch: 1, baseOffset: 0, control: ['SNAPSHOT_HEADER', 'KRAFT_VERSION', 'KRAFT_VOTERS'] },
      { epoch: 1, baseOffset: 3, control: undefined },
      { epoch: 1, baseOffset: formattedEndOffset + 2, control: ['SNAPSHOT_FOOTER'] },
    ])
    expect(lastContainedLogTimestamp(content)).toBe(clock.now())
  })

  it('is made when the interval is over and something was written since', async () => {
    const { run, close } = await open({ 'metadata.log.max.snapshot.interval.ms': '60000' })
    await clock.advance(59_000)
    expect(await snapshots()).toHaveLength(1)
    await clock.advance(1000)
    await settleAll()
    expect(await snapshots()).toHaveLength(2)
    await clock.advance(600_000)
    await settleAll()
    expect(await snapshots()).toHaveLength(2)
    await run(topic('late'))
    await settleAll()
    expect(await snapshots()).toHaveLength(3)
    await close()
  })

  it('counts what earlier starts have written', async () => {
    const limit = { 'metadata.log.max.record.bytes.between.snapshots': '2000', ...never }
    const first = await open(limit)
    await first.run(topic('x'.repeat(700)))
    await first.close()
    expect(await snapshots()).toHaveLength(1)
    const second = await open(limit)
    await second.run(topic('y'.repeat(700)))
    await second.close()
    expect(await snapshots()).toHaveLength(2)
    const third = await open(limit)
    await third.run(topic('small'))
    await third.close()
    expect(await snapshots()).toHaveLength(2)
  })

  it('holds the state between two commands, however many come meanwhile', async () => {
    const first = await open({ ...eachRecord })
    const many = Array.from({ length: 5000 }, (_, index) => topic(`topic-${index}`))
    const running = [first.run(...many)]
    for (let index = 0; index < 50; index += 1) {
      running.push(first.run(topic(`later-${index}`), topic(`both-${index}`)))
      await settle()
    }
    await Promise.all(running)
    await first.close()
    const found = await snapshots()
    expect(found.length).toBeGreaterThan(2)
    for (const name of found.slice(1)) {
      const endOffset = Number(name.slice(0, 20))
      const names = first.names.slice(0, Math.max(endOffset - formattedEndOffset, 0))
      expect(recordsInSnapshot(await read(name)).filter(isTopic)).toHaveLength(names.length)
    }
    const batches = [...batchesIn(await newest())]
    expect(batches.length).toBeGreaterThan(6)
    const second = await open()
    expect(second.names).toEqual(first.names)
    await second.close()
  })

  it('is not made inside a metadata transaction, but at its end', async () => {
    const { metadata, run, close } = await open(eachRecord)
    await settleAll()
    const before = await snapshots()
    await run(metadataRecord(beginTransactionRecord, 0, {}))
    await run(topic('in-transaction'))
    await settleAll()
    expect(await snapshots()).toEqual(before)
    await run(metadataRecord(endTransactionRecord, 0, {}))
    await settleAll()
    expect((await snapshots()).at(-1)).toBe(nameOf(metadata.endOffset, 1))
    await run(
      metadataRecord(beginTransactionRecord, 0, {}),
      topic('dropped'),
      metadataRecord(abortTransactionRecord, 0, {}),
    )
    await settleAll()
    expect(recordsInSnapshot(await newest()).filter(isTopic)).toHaveLength(1)
    await close()
  })

  it('that can not be written is said once, leaves no file, and hinders no command', async () => {
    const { said, logger } = recordingLogger()
    const opened = await open({ 'metadata.log.max.record.bytes.between.snapshots': '1500', ...never }, logger)
    files.beforeCall = (operation, path) => {
      if (operation === 'write' && path.endsWith('.part')) throw systemError('ENOSPC', path)
    }
    await opened.run(topic('x'.repeat(1500)))
    await settleAll()
    expect(said).toEqual(['a metadata snapshot could not be written'])
    expect(await filesLike(/\.checkpoint/)).toHaveLength(1)
    files.beforeCall = () => {}
    await opened.run(topic('y'.repeat(1500)))
    await opened.close()
    expect(await snapshots()).toHaveLength(2)
  })
})

describe('old snapshots', () => {
  const tiny = { ...eachRecord, 'internal.metadata.log.segment.bytes': '600', ...never }

  it('and the log before the next one go when all is larger than metadata.max.retention.bytes', async () => {
    const { log, run, close } = await open({ ...tiny, 'metadata.max.retention.bytes': '4000' })
    for (let index = 0; index < 20; index += 1) {
      await run(topic(`topic-${index}`))
      await settleAll()
    }
    const kept = await snapshots()
    let size = log.sizeInBytes
    for (const name of kept) size += (await read(name)).length
    expect(kept.length).toBeGreaterThan(1)
    expect(size).toBeLessThanOrEqual(4000)
    expect(log.logStartOffset).toBe(Number(kept[0]!.slice(0, 20)))
    expect(log.firstSegmentOffset).toBeGreaterThan(0)
    expect((await filesLike(/\.checkpoint\.deleted$/)).length).toBeGreaterThan(0)
    await clock.advance(60_000)
    expect(await filesLike(/\.deleted$/)).toEqual([])
    await close()
    const again = await open()
    expect(again.names).toHaveLength(20)
    await again.close()
  })

  it('go when they are older than metadata.max.retention.ms, all but the newest', async () => {
    const { log, run, close } = await open({ ...tiny, 'metadata.max.retention.ms': '600000' })
    for (let index = 0; index < 3; index += 1) {
      await run(topic(`topic-${index}`))
      await settleAll()
    }
    expect((await snapshots()).length).toBeGreaterThan(2)
    await clock.advance(600_000 + 120_000)
    await settleAll()
    const [last, ...others] = await snapshots()
    expect(others).toEqual([])
    expect(log.logStartOffset).toBe(Number(last!.slice(0, 20)))
    await close()
  })

  it('stay without limits', async () => {
    const unlimited = { 'metadata.max.retention.bytes': '-1', 'metadata.max.retention.ms': '-1' }
    const { log, run, close } = await open({ ...tiny, ...unlimited })
    for (let index = 0; index < 3; index += 1) {
      await run(topic(`topic-${index}`))
      await settleAll()
    }
    const count = (await snapshots()).length
    await clock.advance(30 * 86_400_000)
    expect([(await snapshots()).length, log.logStartOffset]).toEqual([count, 0])
    await close()
  })

  it('from before the log, and what was left unfinished, go at the next start', async () => {
    const first = await open({ ...tiny, 'metadata.max.retention.bytes': '1' })
    await first.run(topic('kept'))
    await first.close()
    expect(first.log.logStartOffset).toBeGreaterThan(0)
    const leftOvers = [
      '00000000000000000002-0000000001.checkpoint',
      '00000000000000000900-0000000001.checkpoint.part',
      '00000000000000000901-0000000001-7361253917.checkpoint.part',
      '00000000000000000001-0000000001.checkpoint.deleted',
    ]
    const content = await newest()
    for (const name of leftOvers) await files.replaceFile(`${logPath}/${name}`, content)
    const second = await open()
    expect(second.names).toEqual(['kept'])
    await clock.advance(60_000)
    expect(await filesLike(/\.checkpoint/)).toEqual([nameOf(first.log.logStartOffset, 1)])
    await second.close()
  })
})

describe('a start', () => {
  async function withSnapshots(): Promise<string[]> {
    const first = await open(eachRecord)
    for (const name of ['one', 'two', 'three']) {
      await first.run(topic(name))
      await settleAll()
    }
    await first.close()
    return snapshots()
  }

  it('takes an older snapshot, and puts the newest aside, where that is not whole', async () => {
    const found = await withSnapshots()
    const broken = await newest()
    await files.replaceFile(`${logPath}/${found.at(-1)}`, broken.subarray(0, broken.length - 10))
    const { said, logger } = recordingLogger()
    const second = await open({}, logger)
    expect(second.names).toEqual(['one', 'two', 'three'])
    expect(said).toEqual(['this metadata snapshot is not whole: an older one, or the whole log, is taken instead'])
    expect(await snapshots()).toEqual(found.slice(0, -1))
    await second.close()
  })

  it('needs no snapshot where the log is complete', async () => {
    for (const name of await withSnapshots()) await files.remove(`${logPath}/${name}`)
    const second = await open()
    expect(second.names).toEqual(['one', 'two', 'three'])
    expect(second.metadata.kRaftVersion).toBe(1)
    await second.close()
  })

  it('is refused with one line where neither the log nor a whole snapshot reaches back', async () => {
    const first = await open({ ...eachRecord, 'metadata.max.retention.bytes': '1' })
    await first.run(topic('lost'))
    await first.close()
    for (const name of await snapshots()) await files.remove(`${logPath}/${name}`)
    await expect(open()).rejects.toThrow(
      /^\/data: the metadata log starts at offset \d+, and no whole snapshot reaches up to there$/,
    )
  })

  it('goes on behind the newest snapshot where the log ends before it', async () => {
    const found = await withSnapshots()
    const segment = `${logPath}/00000000000000000000.log`
    const content = await files.readFile(segment)
    await files.replaceFile(segment, content.subarray(0, content.length - 200))
    const { said, logger } = recordingLogger()
    const second = await open({}, logger)
    expect(second.names).toEqual(['one', 'two', 'three'])
    expect(said.join()).toContain('cut off')
    expect(second.log.logStartOffset).toBe(Number(found.at(-1)!.slice(0, 20)))
    await second.run(topic('four'))
    await second.close()
    const third = await open()
    expect(third.names).toEqual(['one', 'two', 'three', 'four'])
    await third.close()
  })

  it('needs no log where there is a snapshot', async () => {
    await withSnapshots()
    for (const name of await filesLike(/^\d{20}\./)) await files.remove(`${logPath}/${name}`)
    const second = await open()
    expect(second.names).toEqual(['one', 'two', 'three'])
    await second.close()
  })

  it.each(['quorum-state', 'leader-epoch-checkpoint', 'partition.metadata', '../bootstrap.checkpoint'])(
    'needs no %s',
    async (name) => {
      await withSnapshots()
      await files.remove(name.startsWith('../') ? `/data/${name.slice(3)}` : `${logPath}/${name}`)
      const second = await open()
      expect(second.names).toEqual(['one', 'two', 'three'])
      expect(second.metadata.epoch).toBe(2)
      await second.close()
    },
  )

  it.each([
    ['garbage', () => Buffer.from('this is no snapshot')],
    ['empty', () => Buffer.alloc(0)],
    ['cut short', (whole: Buffer) => whole.subarray(0, whole.length - 1)],
  ])('in a new directory is refused with one line where bootstrap.checkpoint is %s', async (_what, damage) => {
    const first = await open()
    await first.close()
    const whole = await files.readFile('/data/bootstrap.checkpoint')
    files = new MemoryFileSystem()
    await files.makeDirectory('/data')
    await files.replaceFile('/data/bootstrap.checkpoint', damage(whole))
    await expect(open()).rejects.toThrow(
      /^\/data\/bootstrap.checkpoint is damaged: restore it, or format the directory anew$/,
    )
  })

  it.each([
    ['by its last election', [leaderChange(2, [1, 2, 3])]],
    ['by its voters', [kRaftVersion(1), kRaftVoters([2, 3].map((voterId) => ({ ...voter, voterId })))]],
  ])('is refused with one line where the log is of a quorum of several controllers %s', async (_what, records) => {
    await files.makeDirectory('/data')
    await files.replaceFile('/data/bootstrap.checkpoint', snapshotContent([level], [], clock.now()))
    const first = await open()
    expect(first.metadata.kRaftVersion).toBe(0)
    await first.metadata.close()
    await first.log.append(controlBatch(records, { baseOffset: 0, epoch: 1, timestamp: 1 }), 'raft')
    await first.directory.close()
    await expect(open()).rejects.toThrow(
      /^\/data is that of node 1, in a quorum of the controllers (1, )?2, 3: only the directory of a single controller can be opened$/,
    )
  })

  it('goes on where an earlier one was killed before its first record', async () => {
    files.beforeCall = (operation, path) => {
      if (operation === 'write' && path.endsWith('.log')) throw systemError('EIO', path)
    }
    await expect(open()).rejects.toThrow('EIO')
    files = files.afterCrash()
    const control = await open()
    const { logEndOffset } = control.log
    await control.close()
    expect(logEndOffset).toBe(formattedEndOffset)
  })
})

describe('records that nobody serves', () => {
  const scram = (name: string, iterations: number) =>
    metadataRecord(userScramCredentialRecord, 0, {
      name,
      mechanism: 1,
      salt: Buffer.from('salt'),
      storedKey: Buffer.from('stored'),
      serverKey: Buffer.from('server'),
      iterations,
    })
  const quota = (entityName: string, value: number, remove = false) =>
    metadataRecord(clientQuotaRecord, 0, { entity: [{ entityType: 'user', entityName }], key: 'rate', value, remove })
  const rule = (id: string) =>
    metadataRecord(accessControlEntryRecord, 0, { id, resourceName: 'x', principal: 'User:a' })
  const token = (tokenId: string) => metadataRecord(delegationTokenRecord, 0, { owner: 'User:a', tokenId })
  const controller = (incarnationId: string) =>
    metadataRecord(registerControllerRecord, 0, { controllerId: 1, incarnationId })
  const otherId = 'AAAAAAAAAAAAAAAAAAAAQQ'

  /** What the newest snapshot holds when `records` were written, one after the other, and the broker was started twice more. */
  async function keptOf(...records: MetadataRecord[]): Promise<string[]> {
    const first = await open(eachRecord)
    for (const record of records) await first.run(record)
    await first.close()
    for (let starts = 0; starts < 2; starts += 1) {
      await files.remove(`${logPath}/00000000000000000000.log`)
      const next = await open(eachRecord)
      await next.close()
    }
    const formatted: readonly number[] = [featureLevelRecord.type, configRecord.type]
    const all = recordsInSnapshot(await newest()).filter(({ bytes }) => !formatted.includes(bytes[1]!))
    return all.map(({ bytes }) => bytes.toString('hex'))
  }
  const hex = (...records: MetadataRecord[]) => records.map(({ bytes }) => bytes.toString('hex'))

  it('are folded by their keys, removals drop them', async () => {
    const kept = await keptOf(
      metadataRecord(noOpRecord, 0, {}),
      scram('alice', 1),
      scram('bob', 1),
      scram('alice', 2),
      rule(topicId),
      rule(otherId),
      quota('a', 1),
      quota('b', 1),
      token('one'),
      token('two'),
      controller(topicId),
      controller(otherId),
      metadataRecord(removeUserScramCredentialRecord, 0, { name: 'bob', mechanism: 1 }),
      metadataRecord(removeAccessControlEntryRecord, 0, { id: topicId }),
      quota('a', 0, true),
      metadataRecord(removeDelegationTokenRecord, 0, { tokenId: 'two' }),
    )
    expect(kept).toEqual(hex(controller(otherId), quota('b', 1), rule(otherId), scram('alice', 2), token('one')))
  })

  it('of unknown kinds are all kept, in their order, and unknown tagged fields with them', async () => {
    const unknown = [
      { bytes: Buffer.from([1, 99, 0, 1, 2, 3]) },
      { bytes: Buffer.from([1, 98, 7]) },
      { bytes: Buffer.from([1, 99, 0, 1, 2, 3]) },
    ]
    const plain = rule(topicId).bytes
    // The count of tagged fields is the last byte: one, tag 50, one byte.
    const tagged = { bytes: Buffer.concat([plain.subarray(0, -1), Buffer.from([1, 50, 1, 42])]) }
    expect(await keptOf(...unknown, tagged)).toEqual(hex(tagged, ...unknown))
  })

  it('of a later version are kept as they came, and what follows of their kind', async () => {
    const later = { bytes: Buffer.concat([Buffer.from([1, userScramCredentialRecord.type, 9]), Buffer.from('new')]) }
    const removal = metadataRecord(removeUserScramCredentialRecord, 0, { name: 'carol', mechanism: 1 })
    const kept = await keptOf(scram('alice', 1), later, scram('alice', 2), removal, rule(topicId))
    expect(kept).toEqual(hex(rule(topicId), scram('alice', 1), later, scram('alice', 2), removal))
  })
})

describe('a crash at any call of the file system', () => {
  const settings = {
    ...eachRecord,
    'internal.metadata.log.segment.bytes': '500',
    'metadata.max.retention.bytes': '2500',
  }

  it.each([
    ['process', (_path: string, size: number) => size],
    ['power', (_path: string, _size: number, syncedSize: number) => syncedSize],
  ])('of the %s leaves a directory that loads with all that was confirmed', async (_what, keep) => {
    const confirmed: string[] = []
    const crashes: { left: MemoryFileSystem; confirmed: number }[] = []
    files.beforeCall = () => crashes.push({ left: files.afterCrash(keep), confirmed: confirmed.length })
    const opened = await open(settings)
    for (let index = 0; index < 6; index += 1) {
      await opened.run(topic(`topic-${index}`))
      confirmed.push(`topic-${index}`)
      await settleAll()
    }
    await opened.close()
    expect(crashes.length).toBeGreaterThan(100)
    for (const [call, crash] of crashes.entries()) {
      files = crash.left
      const again = await open(settings)
      expect(again.names.slice(0, crash.confirmed), `crash at call ${call}`).toEqual(
        confirmed.slice(0, crash.confirmed),
      )
      expect(new Set(again.names).size).toBe(again.names.length)
      await again.close()
      expect(await filesLike(/\.part$/)).toEqual([])
    }
  })
})

function isTopic({ bytes }: MetadataRecord): boolean {
  return bytes[1] === topicRecord.type
}

function nameOf(endOffset: number, epoch: number): string {
  return snapshotPath('', endOffset, epoch).slice(1)
}

/** Until a snapshot of a few batches is made, and old ones are gone. */
async function settleAll(): Promise<void> {
  for (let turns = 0; turns < 12; turns += 1) await settle()
}
