/** What is written down of producers between the start of a segment and its end, and what a start after a crash makes of it. */
import { describe, expect, it } from 'vitest'
import { buildEndTransactionMarker } from '../../protocol/records/control-records.ts'
import type { LocalPartitionLog } from '../../src/log/local-partition-log.ts'
import type { LogConfig } from '../../src/log/log-config.ts'
import { SimulatedClock } from '../../src/runtime/clock.ts'
import { MemoryFileSystem } from '../../src/runtime/memory-file-system.ts'
import { nextTurn } from '../../src/runtime/turns.ts'
import { batch, openDirectory, openLog, readAll, sequenced, startMs } from './fixtures.ts'

const segment = 'data/topic-0/00000000000000000000.log'
const flushIntervalMs = 5000
const snapshotDelayMs = 1000

async function open(files = new MemoryFileSystem(), overrides: Partial<LogConfig> = {}) {
  const clock = new SimulatedClock(startMs)
  const directory = await openDirectory(files, { clock, limits: { producerSnapshotIntervalBytes: 300 } })
  return { files, clock, directory, log: await openLog(directory, overrides) }
}

async function flushed(clock: SimulatedClock): Promise<void> {
  for (const ms of [flushIntervalMs, snapshotDelayMs]) {
    await clock.advance(ms)
    for (let turn = 0; turn < 20; turn += 1) await nextTurn()
  }
}

/** `count` batches of one record. */
async function produce(log: LocalPartitionLog, baseSequence: number, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) await log.append(sequenced(5n, 0, baseSequence + index), 'client')
}

async function snapshots(files: MemoryFileSystem): Promise<number[]> {
  const names = await files.list('data/topic-0')
  return names.filter((name) => name.endsWith('.snapshot')).map((name) => Number(name.slice(0, 20)))
}

async function transaction(log: LocalPartitionLog, producerId: bigint, end?: 'ABORT' | 'COMMIT'): Promise<void> {
  const header = { producerId, producerEpoch: 0, baseSequence: 0, isTransactional: true }
  await log.append(batch(2, {}, header), 'coordinator')
  if (end !== undefined) await endTransaction(log, producerId, end)
}

async function endTransaction(log: LocalPartitionLog, producerId: bigint, type: 'ABORT' | 'COMMIT'): Promise<void> {
  const marker = { producerId, producerEpoch: 0, coordinatorEpoch: 0, timestamp: startMs, type }
  await log.append(buildEndTransactionMarker(marker), 'coordinator')
}

describe('the producers of a partition', () => {
  it('are written down a second after a flush, once enough has come, in one file', async () => {
    const { files, clock, log } = await open()
    await produce(log, 0, 2)
    await flushed(clock)
    expect(await snapshots(files)).toEqual([])
    await produce(log, 2, 2)
    await flushed(clock)
    expect(await snapshots(files)).toEqual([4])
    await produce(log, 4, 4)
    await flushed(clock)
    expect(await snapshots(files)).toEqual([8])
  })

  it('are written down as they were when the flush began', async () => {
    const { files, clock, log } = await open()
    await produce(log, 0, 4)
    await clock.advance(flushIntervalMs)
    await produce(log, 4, 1)
    await flushed(clock)
    expect(await snapshots(files)).toEqual([4])
    const again = await open(files.afterCrash())
    expect(again.log.producerStates()).toMatchObject([{ producerId: 5n, lastSequence: 4 }])
  })

  it('need no such file any more once a segment begins behind it, or the log is stopped', async () => {
    const { files, clock, directory, log } = await open(undefined, { segmentBytes: 500 })
    await produce(log, 0, 4)
    await flushed(clock)
    expect(await snapshots(files)).toEqual([4])
    await produce(log, 4, 4)
    expect(await snapshots(files)).toEqual([log.firstSegmentOffset + 6])
    await directory.close()
    expect(await snapshots(files)).toEqual([6, 8])
  })

  it('are not written down for what a truncation has taken', async () => {
    const { files, clock, log } = await open()
    await produce(log, 0, 4)
    await clock.advance(flushIntervalMs)
    await log.truncate(2)
    await flushed(clock)
    expect(await snapshots(files)).toEqual([])
    await produce(log, 2, 4)
    await flushed(clock)
    await log.truncate(3)
    expect(await snapshots(files)).toEqual([])
  })
})

describe('a start after a crash', () => {
  it('reads what came after the last flush, and only once', async () => {
    const { files, clock, directory, log } = await open()
    const large = (sequence: number) =>
      batch(1, { valueBytes: 2 ** 19 }, { producerId: 5n, producerEpoch: 0, baseSequence: sequence })
    for (let sequence = 0; sequence < 20; sequence += 1) await log.append(large(sequence), 'client')
    await flushed(clock)
    await directory.checkpoint()
    for (let sequence = 20; sequence < 24; sequence += 1) await log.append(large(sequence), 'client')
    const survivor = files.afterCrash()
    let reads = 0
    survivor.beforeCall = (operation, path) => {
      if (operation === 'read' && path === segment) reads += 1
    }
    const again = await open(survivor)
    // Each piece of a megabyte holds one of these batches: the one that the index names, those behind it, and a header.
    expect(reads).toBeLessThanOrEqual(6)
    expect(again.log.producerStates()).toMatchObject([{ producerId: 5n, lastSequence: 23 }])
    expect((await again.log.append(large(23), 'client')).baseOffset).toBe(23)
    expect((await again.log.append(large(24), 'client')).baseOffset).toBe(24)
  })

  it.each([
    ['with the recovery point of that flush', true],
    ['with an older recovery point', false],
  ])('finds producers and transactions as they were, %s', async (_case, isCheckpointed) => {
    const { files, clock, directory, log } = await open()
    await transaction(log, 1n, 'ABORT')
    await transaction(log, 2n)
    await transaction(log, 3n)
    await produce(log, 0, 3)
    await flushed(clock)
    if (isCheckpointed) await directory.checkpoint()
    expect(await snapshots(files)).toEqual([10])
    await endTransaction(log, 2n, 'ABORT')
    await transaction(log, 4n, 'ABORT')
    await produce(log, 3, 2)
    const expected = {
      aborted: await log.abortedTransactions(0, 100),
      lastStableOffset: log.lastStableOffset,
      producers: log.producerStates(),
    }
    expect(expected.aborted).toHaveLength(3)
    for (const survivor of [
      files.afterCrash(),
      files.afterCrash((path, size) => (path.endsWith('.snapshot') ? 0 : size)),
      files.afterCrash((path, size, synced) => (path === segment ? size : synced)),
    ]) {
      const { log: again } = await open(survivor)
      expect({
        aborted: await again.abortedTransactions(0, 100),
        lastStableOffset: again.lastStableOffset,
        producers: again.producerStates(),
      }).toEqual(expected)
    }
  })

  it('believes no snapshot of more than the log has', async () => {
    const { files, clock, log } = await open()
    await produce(log, 0, 3)
    const size = log.sizeInBytes
    await produce(log, 3, 3)
    await flushed(clock)
    expect(await snapshots(files)).toEqual([6])
    const { log: again } = await open(files.afterCrash((path, whole) => (path === segment ? size + 10 : whole)))
    expect(await readAll(again)).toEqual([0, 1, 2])
    expect(again.producerStates()).toMatchObject([{ producerId: 5n, lastSequence: 2 }])
  })

  it('cuts nothing where a batch below the recovery point can no longer be read, and says what is damaged', async () => {
    const { files, directory, log } = await open(undefined, { indexIntervalBytes: 1 })
    await produce(log, 0, 6)
    await log.flush()
    await directory.checkpoint()
    const damaged = Buffer.from(await files.readFile(segment))
    damaged.writeInt32BE(3, 8)
    const survivor = files.afterCrash((path, size) => (path.endsWith('.snapshot') ? 0 : size))
    await survivor.replaceFile(segment, damaged)
    await expect(open(survivor, { indexIntervalBytes: 1 })).rejects.toThrow(/damaged/)
    expect(Buffer.compare(await survivor.readFile(segment), damaged)).toBe(0)
  })
})

describe('the transaction index', () => {
  it('is durable with its name once a flush has returned', async () => {
    const { files, log } = await open()
    await log.flush()
    await transaction(log, 1n)
    await log.flush()
    const calls: string[] = []
    files.beforeCall = (operation, path) => calls.push(`${operation} ${path}`)
    await endTransaction(log, 1n, 'ABORT')
    await log.flush()
    const written = calls.findIndex((call) => call.startsWith('open') && call.endsWith('.txnindex'))
    expect(written).toBeGreaterThanOrEqual(0)
    expect(calls.slice(written)).toContain('syncDirectory data/topic-0')
  })
})
