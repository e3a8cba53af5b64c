/** A transaction index that can't be right is made anew when the log is opened: read_committed readers never take aborted records for committed ones. */
import { describe, expect, it } from 'vitest'
import { buildEndTransactionMarker } from '../../protocol/records/control-records.ts'
import type { LocalPartitionLog } from '../../src/log/local-partition-log.ts'
import type { LogDirectory, LogDirectoryOptions } from '../../src/log/log-directory.ts'
import { segmentFileName } from '../../src/log/segment-files.ts'
import { SimulatedClock } from '../../src/runtime/clock.ts'
import { MemoryFileSystem } from '../../src/runtime/memory-file-system.ts'
import { recordingLogger } from '../runtime/recording-logger.ts'
import { batch, openDirectory, openLog, startMs } from './fixtures.ts'

const entryBytes = 34

interface Opened {
  readonly directory: LogDirectory
  readonly log: LocalPartitionLog
  readonly warnings: string[]
}

async function open(
  files: MemoryFileSystem,
  segmentBytes: number,
  limits: LogDirectoryOptions['limits'] = {},
  clock = new SimulatedClock(startMs),
): Promise<Opened> {
  const { logger, warnings } = recordingLogger()
  const directory = await openDirectory(files, { logger, limits, clock })
  return { directory, log: await openLog(directory, { segmentBytes, indexIntervalBytes: 1 }), warnings }
}

async function begin(log: LocalPartitionLog, producerId: bigint, baseSequence = 0): Promise<void> {
  const header = { producerId, producerEpoch: 0, baseSequence, isTransactional: true }
  await log.append(batch(1, {}, header), 'coordinator')
}

async function end(log: LocalPartitionLog, producerId: bigint, type: 'ABORT' | 'COMMIT'): Promise<void> {
  const marker = { producerId, producerEpoch: 0, coordinatorEpoch: 0, timestamp: startMs, type } as const
  await log.append(buildEndTransactionMarker(marker), 'coordinator')
}

/** Segments in which transactions end that began in earlier ones, and one that stays open for long. */
async function fill(log: LocalPartitionLog): Promise<void> {
  await begin(log, 9n)
  for (let round = 0; round < 12; round += 1) {
    await begin(log, 1n, round)
    await begin(log, 2n, round)
    await end(log, 2n, 'ABORT')
    await end(log, 1n, round % 3 === 0 ? 'COMMIT' : 'ABORT')
  }
  await end(log, 9n, 'ABORT')
}

interface Written {
  files: MemoryFileSystem
  readonly aborted: unknown
  readonly end: number
  /** The transaction index of a segment in the middle, with three entries or more. */
  readonly path: string
}

async function written(isClean: boolean): Promise<Written> {
  const files = new MemoryFileSystem()
  const { directory, log } = await open(files, 700)
  await fill(log)
  const logEnd = log.logEndOffset
  const aborted = await log.abortedTransactions(0, logEnd)
  if (isClean) {
    await directory.close()
  } else {
    await log.flush()
    await directory.checkpoint()
  }
  const survivor = isClean ? files : files.afterCrash()
  const names = (await survivor.list('data/topic-0')).filter((name) => name.endsWith('.txnindex'))
  for (const name of names.slice(1, -1)) {
    const path = `data/topic-0/${name}`
    if ((await survivor.sizeOf(path)) >= 3 * entryBytes) return { files: survivor, aborted, end: logEnd, path }
  }
  throw new Error('no segment in the middle has three aborted transactions')
}

const damages: [string, (bytes: Buffer) => Buffer][] = [
  ['is cut within an entry', (bytes) => bytes.subarray(0, entryBytes + 10)],
  [
    'has an entry of an unknown version',
    (bytes) => {
      bytes.writeInt16BE(7, entryBytes)
      return bytes
    },
  ],
  [
    'has its entries in another order',
    (bytes) => Buffer.concat([bytes.subarray(entryBytes), bytes.subarray(0, entryBytes)]),
  ],
  ['ends in zeros', (bytes) => bytes.fill(0, entryBytes)],
  [
    'has what lies before the segment',
    (bytes) => {
      bytes.writeBigInt64BE(0n, 10)
      bytes.writeBigInt64BE(1n, 18)
      return bytes
    },
  ],
]

describe.each([
  ['a clean stop', true],
  ['a crash', false],
])('after %s, a transaction index in the middle', (_, isClean) => {
  it.each(damages)('that %s is made anew from the log', async (_, damage) => {
    const { files, aborted, end: logEnd, path } = await written(isClean)
    const whole = Buffer.from(await files.readFile(path))
    await files.replaceFile(path, damage(Buffer.from(whole)))
    const { directory, log, warnings } = await open(files, 700)
    expect(await log.abortedTransactions(0, logEnd)).toEqual(aborted)
    expect(warnings).toEqual([`${path} is damaged: it was made anew from the log`])
    expect(await files.readFile(path)).toEqual(whole)
    await directory.close()
    const again = await open(files, 700)
    expect(await again.log.abortedTransactions(0, logEnd)).toEqual(aborted)
    expect(again.warnings).toEqual([])
  })

  it('is made anew without the snapshots of the producers too', async () => {
    const { files, aborted, end: logEnd, path } = await written(isClean)
    for (const name of await files.list('data/topic-0')) {
      if (name.endsWith('.snapshot')) await files.remove(`data/topic-0/${name}`)
    }
    await files.replaceFile(path, (await files.readFile(path)).subarray(0, 1))
    const { log } = await open(files, 700)
    expect(await log.abortedTransactions(0, logEnd)).toEqual(aborted)
  })
})

describe('the transaction index of the last segment', () => {
  const path = `data/topic-0/${segmentFileName(0, '.txnindex')}`

  it('is made anew where it is damaged below the snapshot with which a start after a crash begins', async () => {
    const clock = new SimulatedClock(startMs)
    const files = new MemoryFileSystem()
    const { directory, log } = await open(files, 1e6, { producerSnapshotIntervalBytes: 1 }, clock)
    await fill(log)
    await log.flush()
    await clock.advance(5000)
    await directory.checkpoint()
    await begin(log, 5n)
    await end(log, 5n, 'ABORT')
    const aborted = await log.abortedTransactions(0, log.logEndOffset)
    const survivor = files.afterCrash((_, size) => size)
    expect((await survivor.list('data/topic-0')).filter((name) => name.endsWith('.snapshot'))).toHaveLength(1)
    await survivor.replaceFile(path, (await survivor.readFile(path)).subarray(0, entryBytes + 3))
    const again = await open(survivor, 1e6)
    expect(await again.log.abortedTransactions(0, log.logEndOffset)).toEqual(aborted)
    expect(again.warnings).toEqual([`${path} is damaged: it was made anew from the log`])
    await again.directory.close()
    expect((await survivor.sizeOf(path)) / entryBytes).toBe(aborted.length)
  })

  it('stays damaged until it is made anew, whatever interrupts that', async () => {
    const files = new MemoryFileSystem()
    const { directory, log } = await open(files, 1e6)
    await fill(log)
    const aborted = await log.abortedTransactions(0, log.logEndOffset)
    await directory.close()
    await files.replaceFile(path, (await files.readFile(path)).subarray(0, entryBytes + 3))
    for (let calls = 1; ; calls += 1) {
      const survivor = files.afterCrash((_, size) => size)
      let left = calls
      survivor.beforeCall = () => {
        left -= 1
        if (left < 0) throw Object.assign(new Error('EIO'), { code: 'EIO' })
      }
      await open(survivor, 1e6).catch(() => {})
      const isWhole = left >= 0
      const dead = survivor.afterCrash((_, size) => size)
      const again = await open(dead, 1e6)
      expect(await again.log.abortedTransactions(0, log.logEndOffset), `${calls} calls`).toEqual(aborted)
      if (isWhole) break
    }
  })
})
