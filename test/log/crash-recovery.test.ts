/** What a start makes of the states that crashes and power failures leave, each as the simulation in test/simulation once found it. */
import { describe, expect, it } from 'vitest'
import { buildRecordBatch, type RecordBatchOptions } from '../../protocol/records/builder.ts'
import { buildEndTransactionMarker } from '../../protocol/records/control-records.ts'
import type { LocalPartitionLog } from '../../src/log/local-partition-log.ts'
import type { LogConfig } from '../../src/log/log-config.ts'
import type { LogDirectory, LogDirectoryOptions } from '../../src/log/log-directory.ts'
import { segmentFileName } from '../../src/log/segment-files.ts'
import { systemError } from '../../src/runtime/memory-file-system.ts'
import { type DiskDirectory, type DiskFile, SimulatedDisk } from '../../src/runtime/simulated-disk.ts'
import { SimulatedFileSystem } from '../../src/runtime/simulated-file-system.ts'
import { nextTurn } from '../../src/runtime/turns.ts'
import { batch, config, openDirectory, openLog, readAll, sequenced, startMs } from './fixtures.ts'

/** A power failure leaves what is durable, and nothing else. */
const worstLuck = { fraction: () => 0, bytes: (length: number) => Buffer.alloc(length) }
const all = { maxBytes: 1_000_000, minOneBatch: true, isolation: 'txn_committed' } as const
const small = { segmentBytes: 200, indexIntervalBytes: 1 }

class Machine {
  disk = new SimulatedDisk()
  files!: SimulatedFileSystem
  directory!: LogDirectory

  async start(
    overrides: Partial<LogConfig> = {},
    limits: LogDirectoryOptions['limits'] = {},
  ): Promise<LocalPartitionLog> {
    this.files = new SimulatedFileSystem(this.disk, worstLuck)
    this.directory = await openDirectory(this.files, { limits: { ...limits } })
    return await openLog(this.directory, overrides)
  }

  /** The page cache stays. */
  die(): void {
    this.files.kill()
  }

  losePower(): void {
    this.files.kill()
    this.disk = this.disk.afterPowerFailure(worstLuck)
  }
}

function transactional(producerId: bigint, baseSequence = 0): Buffer {
  return batch(1, {}, { producerId, producerEpoch: 0, baseSequence, isTransactional: true })
}

function marker(producerId: bigint, type: 'ABORT' | 'COMMIT'): Buffer {
  return buildEndTransactionMarker({ producerId, producerEpoch: 0, coordinatorEpoch: 0, timestamp: startMs, type })
}

/** What is to be written of where logs start never gets to the disk. */
function withholdLogStarts({ files }: Machine): void {
  const { replaceFile } = files
  files.replaceFile = async (path, ...rest) => {
    if (path.endsWith('log-start-offset-checkpoint')) return await new Promise(() => {})
    return await replaceFile.call(files, path, ...rest)
  }
}

describe('the largest timestamp', () => {
  it('is that of a record, not of one that compaction has taken from behind the log start', async () => {
    const machine = new Machine()
    const log = await machine.start(small)
    await log.append(batch(1), 'client')
    const empty = { producerId: 1n, producerEpoch: 0, baseSequence: 0, lastOffsetDelta: 0, maxTimestamp: startMs + 9 }
    await log.append(buildRecordBatch(empty, []), 'coordinator')
    for (let index = 0; index < 2; index += 1) await log.append(batch(1), 'client')
    await log.deleteRecordsBefore(1)
    expect(await log.offsetOfMaxTimestamp()).toMatchObject({ offset: 2, timestampMs: startMs })
  })
})

describe('a read_committed reader', () => {
  it('gets records of an old segment whose transaction index is not in memory', async () => {
    const machine = new Machine()
    const first = await machine.start(small, { tailCacheBytes: 0 })
    await first.append(transactional(1n), 'coordinator')
    await first.append(marker(1n, 'ABORT'), 'coordinator')
    for (let index = 0; index < 5; index += 1) await first.append(batch(1), 'client')
    await machine.directory.close()
    const log = await machine.start(small, { tailCacheBytes: 0 })
    const result = await log.read(0, all)
    expect(result.abortedTransactions).toEqual([{ producerId: 1n, firstOffset: 0 }])
    expect(result.records.length).toBe(1)
  })
})

describe('after a crash', () => {
  it('a partition opens whose records were lost up to its start offset, with snapshots still there', async () => {
    const machine = new Machine()
    const log = await machine.start(small)
    for (let index = 0; index < 3; index += 1) await log.append(sequenced(5n, 0, index), 'client')
    await log.deleteRecordsBefore(3)
    machine.die()
    expect([...(machine.disk.at('data/topic-0') as DiskDirectory).names.keys()]).toContain(
      '00000000000000000002.snapshot',
    )
    for (const base of [0, 2])
      (machine.disk.at(`data/topic-0/${segmentFileName(base, '.log')}`) as DiskFile).truncate(0)
    const again = await machine.start(small)
    expect([again.logStartOffset, again.logEndOffset]).toEqual([3, 3])
    expect((await again.append(batch(1), 'client')).baseOffset).toBe(3)
  })

  it('a compacted log knows no transaction whose records were lost, though a snapshot for a segment that is lost, too, still tells of it', async () => {
    const machine = new Machine()
    const overrides = { segmentBytes: 300, compacted: true }
    const log = await machine.start(overrides)
    const keyed = (options: RecordBatchOptions = {}): Buffer =>
      buildRecordBatch(options, [{ key: Buffer.from('a'), value: Buffer.alloc(50), timestamp: startMs }])
    const fileOf = (base: number) => machine.disk.at(`data/topic-0/${segmentFileName(base, '.log')}`) as DiskFile
    await log.append(keyed(), 'client')
    const durableBytes = fileOf(0).content.length
    await log.append(keyed({ producerId: 5n, producerEpoch: 0, baseSequence: 0, isTransactional: true }), 'coordinator')
    for (let offset = 2; offset < 5; offset += 1) await log.append(keyed(), 'client')
    machine.die()
    fileOf(0).truncate(durableBytes)
    for (const suffix of ['.log', '.index', '.timeindex'] as const)
      (machine.disk.at('data/topic-0') as DiskDirectory).remove(segmentFileName(4, suffix))
    const again = await machine.start(overrides)
    expect([await readAll(again), again.logEndOffset]).toEqual([[0, 2, 3], 4])
    expect(again.producerStates()).toEqual([])
  })

  it('a compacted log does not wait for the end of a transaction from behind its start: its marker may be lost unseen', async () => {
    const machine = new Machine()
    const overrides = { segmentBytes: 600, compacted: true }
    const log = await machine.start(overrides)
    const keyed = (options: RecordBatchOptions = {}): Buffer =>
      buildRecordBatch(options, [{ key: Buffer.from('a'), value: Buffer.alloc(50), timestamp: startMs }])
    const part = (producerId: bigint, baseSequence: number): Buffer =>
      keyed({ producerId, producerEpoch: 0, baseSequence, isTransactional: true })
    const single = keyed({ producerId: 7n, producerEpoch: 0, baseSequence: 0 })
    const fileOf = (base: number) => machine.disk.at(`data/topic-0/${segmentFileName(base, '.log')}`) as DiskFile
    for (const bytes of [part(5n, 0), part(6n, 0), Buffer.from(single)]) await log.append(bytes, 'coordinator')
    const keptBytes = fileOf(0).content.length
    for (const bytes of [marker(5n, 'COMMIT'), keyed(), keyed(), part(6n, 1), keyed()]) {
      await log.append(bytes, 'coordinator')
    }
    await log.deleteRecordsBefore(4)
    expect([log.firstSegmentOffset, log.logEndOffset, log.lastStableOffset]).toEqual([0, 8, 4])
    machine.die()
    expect(fileOf(5)).toBeDefined()
    fileOf(0).truncate(keptBytes)
    for (let start = 0; start < 2; start += 1) {
      const again = await machine.start(overrides)
      expect([again.logStartOffset, again.logEndOffset, again.lastStableOffset]).toEqual([4, 8, 6])
      const open = again.producerStates().map((each) => [each.producerId, each.currentTransactionFirstOffset])
      expect(open).toEqual([
        [5n, -1],
        [6n, 6],
        [7n, -1],
      ])
      // What was deleted still tells a repeated batch.
      expect((await again.append(Buffer.from(single), 'client')).baseOffset).toBe(2)
      machine.die()
    }
  })

  it('a partition that was emptied up to its start offset opens there again after a power failure', async () => {
    const machine = new Machine()
    const log = await machine.start()
    await log.append(batch(2), 'client')
    await log.flush()
    await machine.directory.checkpoint()
    const file = machine.disk.at(`data/topic-0/${segmentFileName(0, '.log')}`) as DiskFile
    const durableBytes = file.content.length
    await log.append(batch(1), 'client')
    await log.deleteRecordsBefore(3)
    machine.die()
    file.truncate(durableBytes)
    await machine.start()
    await machine.directory.checkpoint()
    machine.losePower()
    const again = await machine.start()
    expect([again.logStartOffset, again.logEndOffset]).toEqual([3, 3])
  })

  it('a partition whose only segment was lost starts where it did, also after another power failure', async () => {
    const machine = new Machine()
    const log = await machine.start()
    await log.append(batch(2), 'client')
    await log.deleteRecordsBefore(2)
    machine.die()
    ;(machine.disk.at('data/topic-0') as DiskDirectory).remove(segmentFileName(0, '.log'))
    await machine.start()
    await machine.directory.checkpoint()
    machine.losePower()
    expect((await machine.start()).logStartOffset).toBe(2)
  })

  it('the names of files that the dead process has made are durable before the recovery point moves', async () => {
    const machine = new Machine()
    const log = await machine.start()
    await log.append(batch(2), 'client')
    machine.die()
    await (await machine.start()).flush()
    await machine.directory.checkpoint()
    machine.losePower()
    expect(await readAll(await machine.start())).toEqual([0, 1])
  })
})

describe('after a power failure', () => {
  it('a partition that was empty at a clean stop has what was flushed since', async () => {
    const machine = new Machine()
    await machine.start()
    await machine.directory.close()
    const log = await machine.start()
    await log.append(batch(2), 'client')
    await log.flush()
    machine.losePower()
    expect(await readAll(await machine.start())).toEqual([0, 1])
  })

  it('the leader epochs below the recovery point are known', async () => {
    for (const ending of ['flush', 'clean stop', 'crash and flush'] as const) {
      const machine = new Machine()
      let log = await machine.start()
      await log.append(batch(2), 'client')
      await log.becomeLeader(3)
      await log.append(batch(2), 'client')
      if (ending === 'crash and flush') {
        machine.die()
        log = await machine.start()
      }
      if (ending === 'clean stop') await machine.directory.close()
      else await log.flush()
      await machine.directory.checkpoint()
      machine.losePower()
      const again = await machine.start()
      expect([ending, ...[0, 1, 2, 3].map((offset) => again.epochForOffset(offset))]).toEqual([ending, 0, 0, 3, 3])
    }
  })
})

describe('a snapshot of producers', () => {
  it('that a roll has left without its segment knows of no transaction that the transaction index does not', async () => {
    const machine = new Machine()
    const log = await machine.start({ segmentBytes: 300 })
    await log.append(transactional(1n), 'coordinator')
    await log.append(marker(1n, 'ABORT'), 'coordinator')
    const { replaceFile } = machine.files
    machine.files.replaceFile = async (path, ...rest) => {
      await replaceFile.call(machine.files, path, ...rest)
      if (path.endsWith('.snapshot')) machine.die()
    }
    void log.append(batch(1, { valueBytes: 200 }), 'client').catch(() => {})
    while (!machine.files.isDead) await nextTurn()
    const again = await machine.start({ segmentBytes: 300 })
    expect(await again.abortedTransactions(0, 2)).toEqual([{ producerId: 1n, firstOffset: 0 }])
  })

  it('is not used when it is older than the first segment: the end of a transaction may lie between', async () => {
    const machine = new Machine()
    const log = await machine.start({ ...small, retentionBytes: 0 })
    await log.append(transactional(1n), 'coordinator')
    await log.append(batch(1), 'client')
    await log.append(batch(1), 'client')
    await log.append(marker(1n, 'COMMIT'), 'coordinator')
    for (let index = 0; index < 3; index += 1) await log.append(batch(1), 'client')
    machine.die()
    const directory = machine.disk.at('data/topic-0') as DiskDirectory
    const bases = [...directory.names.keys()]
      .filter((name) => name.endsWith('.log'))
      .map((name) => Number(name.slice(0, 20)))
    expect(bases).toEqual([0, 2, 4, 6])
    for (const base of [0, 2]) directory.remove(segmentFileName(base, '.log'))
    for (const base of [4, 6]) directory.remove(segmentFileName(base, '.snapshot'))
    const again = await machine.start(small)
    expect([again.logStartOffset, again.lastStableOffset, again.highWatermark]).toEqual([4, 7, 7])
  })
})

describe('a snapshot of producers that tells of what is gone', () => {
  const snapshot = '00000000000000000002.snapshot'
  const namesIn = (machine: Machine) => machine.disk.at('data/topic-0') as DiskDirectory
  /** As the system does it by itself sooner or later. */
  const writeBackSnapshot = (machine: Machine): void => {
    ;(machine.disk.at(`data/topic-0/${snapshot}`) as DiskFile).startSync()()
    namesIn(machine).startSync()()
  }
  const logOf = (machine: Machine, base: number) =>
    machine.disk.at(`data/topic-0/${segmentFileName(base, '.log')}`) as DiskFile
  const sequences = (log: LocalPartitionLog) =>
    log.producerStates().map(({ producerId, lastSequence }) => [producerId, lastSequence])

  it('does not come back with the power once others have been written in its place', async () => {
    const machine = new Machine()
    const first = await machine.start(small)
    for (let sequence = 0; sequence < 3; sequence += 1) await first.append(sequenced(5n, 0, sequence), 'client')
    await first.flush()
    machine.die()
    const batchBytes = logOf(machine, 0).content.length / 2
    logOf(machine, 0).truncate(batchBytes)
    logOf(machine, 0).startSync()()
    for (const suffix of ['.log', '.index', '.timeindex'] as const) namesIn(machine).remove(segmentFileName(2, suffix))
    writeBackSnapshot(machine)
    const other = await machine.start()
    expect([other.logEndOffset, namesIn(machine).names.has(snapshot)]).toEqual([1, false])
    for (let sequence = 0; sequence < 2; sequence += 1) await other.append(sequenced(6n, 0, sequence), 'client')
    logOf(machine, 0).startSync()()
    machine.losePower()
    const again = await machine.start()
    expect(again.logEndOffset).toBe(3)
    expect(sequences(again)).toEqual([
      [5n, 0],
      [6n, 1],
    ])
  })

  it('does not come back with the power after a truncation', async () => {
    const machine = new Machine()
    const first = await machine.start()
    for (let sequence = 0; sequence < 2; sequence += 1) await first.append(sequenced(5n, 0, sequence), 'client')
    await machine.directory.close()
    machine.die()
    const log = await machine.start()
    writeBackSnapshot(machine)
    await log.truncate(1)
    for (let sequence = 0; sequence < 2; sequence += 1) await log.append(sequenced(6n, 0, sequence), 'client')
    logOf(machine, 0).startSync()()
    machine.losePower()
    const again = await machine.start()
    expect(again.logEndOffset).toBe(3)
    expect(sequences(again)).toEqual([
      [5n, 0],
      [6n, 1],
    ])
  })
})

describe('a log that has lost records in its middle which were not durable', () => {
  it('ends before them, and what lay behind does not come back', async () => {
    const machine = new Machine()
    const log = await machine.start(small)
    for (let index = 0; index < 6; index += 1) await log.append(batch(1), 'client')
    machine.die()
    const middle = machine.disk.at(`data/topic-0/${segmentFileName(2, '.log')}`) as DiskFile
    const batchBytes = middle.content.length / 2
    middle.truncate(batchBytes)
    const again = await machine.start(small)
    expect([again.logEndOffset, await readAll(again)]).toEqual([3, [0, 1, 2]])
    expect((await again.append(batch(1), 'client')).baseOffset).toBe(3)
    machine.die()
    const third = await machine.start(small)
    expect(await readAll(third)).toEqual([0, 1, 2, 3])
  })
})

describe('the log start offset', () => {
  it('that was not on disk yet goes back together with the leader epochs behind it', async () => {
    const machine = new Machine()
    const log = await machine.start(small)
    for (let index = 0; index < 2; index += 1) await log.append(batch(1), 'client')
    await log.becomeLeader(3)
    for (let index = 0; index < 4; index += 1) await log.append(batch(1), 'client')
    withholdLogStarts(machine)
    void log.deleteRecordsBefore(3)
    await log.flush()
    await machine.directory.saveRecoveryPoints()
    machine.losePower()
    const again = await machine.start(small)
    expect([again.logStartOffset, again.epochForOffset(0), again.epochForOffset(3)]).toEqual([0, 0, 3])
  })

  it('is on disk before retention takes what lies behind it, also while somebody else moves it', async () => {
    const machine = new Machine()
    const log = await machine.start(small)
    for (let index = 0; index < 6; index += 1) await log.append(batch(1), 'client')
    withholdLogStarts(machine)
    void log.deleteRecordsBefore(3)
    void log.enforceRetention()
    for (let turns = 0; turns < 20; turns += 1) await nextTurn()
    machine.die()
    const again = await machine.start(small)
    expect([again.logStartOffset, await readAll(again)]).toEqual([0, [0, 1, 2, 3, 4, 5]])
  })

  it('is where a log starts of whose older segments some are left, and nothing behind it is lost', async () => {
    const machine = new Machine()
    const log = await machine.start(small)
    for (let index = 0; index < 8; index += 1) await log.append(batch(1), 'client')
    await log.deleteRecordsBefore(5)
    machine.die()
    ;(machine.disk.at('data/topic-0') as DiskDirectory).remove(segmentFileName(2, '.log'))
    const again = await machine.start(small)
    expect([again.logStartOffset, again.firstSegmentOffset, await readAll(again)]).toEqual([5, 4, [5, 6, 7]])
  })

  it('is where a log starts of which only older segments are left, as they were about to go', async () => {
    const machine = new Machine()
    const log = await machine.start(small)
    for (let index = 0; index < 6; index += 1) await log.append(batch(1), 'client')
    await log.flush()
    await log.deleteRecordsBefore(6)
    await machine.directory.checkpoint()
    machine.die()
    for (const base of [2, 4]) (machine.disk.at('data/topic-0') as DiskDirectory).remove(segmentFileName(base, '.log'))
    const again = await machine.start(small)
    expect([again.logStartOffset, again.logEndOffset]).toEqual([6, 6])
    expect((await again.append(batch(1), 'client')).baseOffset).toBe(6)
  })

  it('is where a log starts without producers that ends before it', async () => {
    const machine = new Machine()
    const log = await machine.start(small)
    await log.append(sequenced(1n, 0, 0), 'client')
    await log.flush()
    for (let sequence = 1; sequence < 6; sequence += 1) await log.append(sequenced(1n, 0, sequence), 'client')
    await log.deleteRecordsBefore(6)
    machine.losePower()
    const again = await machine.start(small)
    expect([again.logStartOffset, again.logEndOffset, again.producerStates()]).toEqual([6, 6, []])
  })

  it('does not go back when segments below it were removed by a start', async () => {
    const machine = new Machine()
    const log = await machine.start(small)
    for (let index = 0; index < 6; index += 1) await log.append(batch(1), 'client')
    await log.flush()
    await log.deleteRecordsBefore(4)
    machine.die()
    await machine.start(small)
    await machine.directory.checkpoint()
    machine.losePower()
    expect((await machine.start(small)).logStartOffset).toBe(4)
  })

  it('does not go back because its checkpoint could not be read: the start fails', async () => {
    const machine = new Machine()
    const log = await machine.start()
    for (let index = 0; index < 3; index += 1) await log.append(batch(1), 'client')
    await log.deleteRecordsBefore(2)
    machine.die()
    const files = new SimulatedFileSystem(machine.disk, worstLuck)
    const { readFile } = files
    files.readFile = (path) => {
      if (path.endsWith('log-start-offset-checkpoint')) return Promise.reject(systemError('EIO', path))
      return readFile.call(files, path)
    }
    await expect(openDirectory(files)).rejects.toMatchObject({ code: 'EIO' })
    expect((await machine.start()).logStartOffset).toBe(2)
  })

  it('that a dead process has written is durable before it counts, whatever its checkpoint’s name was then', async () => {
    const machine = new Machine()
    const log = await machine.start()
    await log.append(batch(3), 'client')
    await log.flush()
    const { syncDirectory } = machine.files
    const renamed = new Promise<void>((resolve) => {
      machine.files.syncDirectory = async (path) => {
        if (path !== 'data') return await syncDirectory.call(machine.files, path)
        resolve()
        return await new Promise(() => {})
      }
    })
    void log.deleteRecordsBefore(2)
    await renamed
    machine.die()
    const again = await machine.start()
    expect(await again.deleteRecordsBefore(2)).toBe(2)
    machine.losePower()
    expect((await machine.start()).logStartOffset).toBe(2)
  })

  it('is on disk before a deletion that changes nothing any more returns', async () => {
    const machine = new Machine()
    const log = await machine.start()
    for (let index = 0; index < 3; index += 1) await log.append(batch(1), 'client')
    const isSaved = () => machine.disk.at('data/log-start-offset-checkpoint') !== undefined
    const first = log.deleteRecordsBefore(2)
    expect([await log.deleteRecordsBefore(2), isSaved()]).toEqual([2, true])
    await first
  })
})

describe('what was truncated', () => {
  it('does not come back after a clean stop either, wherever the process that truncated died', async () => {
    for (let calls = 1, hasDied = true; hasDied; calls += 1) {
      const machine = new Machine()
      const log = await machine.start(small)
      for (let index = 0; index < 6; index += 1) await log.append(batch(1), 'client')
      await log.flush()
      await machine.directory.checkpoint()
      machine.files.dieAfter(calls)
      await Promise.race([log.truncate(0), machine.files.died])
      hasDied = machine.files.isDead
      machine.die()
      const between = await machine.start(small)
      const left = await readAll(between)
      await machine.directory.close()
      machine.losePower()
      expect(await readAll(await machine.start(small)), `died at call ${calls}`).toEqual(left)
    }
  })

  it('leaves the rest, also where the index files have gone', async () => {
    const machine = new Machine()
    const log = await machine.start()
    for (let index = 0; index < 3; index += 1) await log.append(batch(1), 'client')
    for (const suffix of ['.index', '.timeindex'] as const)
      (machine.disk.at('data/topic-0') as DiskDirectory).remove(segmentFileName(0, suffix))
    await log.truncate(2)
    expect([log.logEndOffset, await readAll(log)]).toEqual([2, [0, 1]])
    expect((await log.append(batch(1), 'client')).baseOffset).toBe(2)
  })

  it('takes nothing from look-ups by time of what is left, also where it was indexed more closely after a restart', async () => {
    const machine = new Machine()
    const log = await machine.start({ indexIntervalBytes: 4096 })
    for (const laterMs of [5, 0, 0, 9]) await log.append(batch(1, { timestamp: startMs + laterMs }), 'client')
    await machine.directory.close()
    const again = await machine.start({ indexIntervalBytes: 1 })
    await again.truncate(3)
    expect(await again.offsetForTimestamp(startMs + 1, 'high_watermark')).toMatchObject({ offset: 0 })
  })

  it('does not take the leader epoch of what is appended next with it', async () => {
    const machine = new Machine()
    const log = await machine.start()
    await log.append(batch(2), 'client')
    await log.becomeLeader(1)
    await log.append(batch(1), 'client')
    await log.truncate(2)
    const appended = log.append(batch(1), 'client')
    await log.becomeLeader(4)
    await appended
    expect([0, 1, 2].map((offset) => log.epochForOffset(offset))).toEqual([0, 0, 1])
  })

  it('leaves a log to which aborted transactions can be appended, where a whole segment was cut that had some', async () => {
    const machine = new Machine()
    const log = await machine.start()
    await log.append(transactional(1n), 'coordinator')
    await log.append(marker(1n, 'ABORT'), 'coordinator')
    await log.flush()
    await log.truncate(0)
    await log.append(transactional(1n), 'coordinator')
    await log.append(marker(1n, 'ABORT'), 'coordinator')
    expect(await log.abortedTransactions(0, 2)).toEqual([{ producerId: 1n, firstOffset: 0 }])
  })

  it('does not come back after a power failure', async () => {
    for (const offset of [0, 1, 2, 4]) {
      const machine = new Machine()
      const log = await machine.start(small)
      for (let index = 0; index < 6; index += 1) await log.append(batch(1), 'client')
      await log.flush()
      await machine.directory.checkpoint()
      await log.truncate(offset)
      machine.losePower()
      const again = await machine.start(small)
      expect([offset, again.logEndOffset]).toEqual([offset, offset])
      await again.append(batch(1), 'client')
      expect((await readAll(again)).length).toBe(offset + 1)
    }
  })
})

describe('what a start believes of index files', () => {
  it('is durable with its name: a transaction index', async () => {
    const machine = new Machine()
    const log = await machine.start()
    await log.append(batch(1), 'client')
    await log.flush()
    await log.append(transactional(1n), 'coordinator')
    await log.append(marker(1n, 'ABORT'), 'coordinator')
    await machine.directory.close()
    machine.losePower()
    const again = await machine.start()
    expect(await again.abortedTransactions(0, 3)).toEqual([{ producerId: 1n, firstOffset: 1 }])
  })

  it('loses none of what it had when a later save of it was cut off', async () => {
    const machine = new Machine()
    const log = await machine.start()
    await log.append(transactional(1n), 'coordinator')
    await log.append(marker(1n, 'ABORT'), 'coordinator')
    await machine.directory.close()
    const again = await machine.start()
    await again.append(transactional(1n, 1), 'coordinator')
    await again.append(marker(1n, 'ABORT'), 'coordinator')
    machine.die()
    const file = () => machine.disk.at('data/topic-0/00000000000000000000.txnindex') as DiskFile
    expect(file().content).toHaveLength(34)
    file().write(34, Buffer.alloc(20))
    const recovered = await machine.start()
    expect((await recovered.abortedTransactions(0, 4)).map(({ firstOffset }) => firstOffset)).toEqual([0, 2])
    await machine.directory.close()
    expect(file().content).toHaveLength(2 * 34)
  })

  const isDurable = (machine: Machine, base: number, suffix: '.index' | '.timeindex' | '.txnindex'): boolean => {
    const path = `data/topic-0/${segmentFileName(base, suffix)}`
    const { content } = machine.disk.at(path) as DiskFile
    return content.length > 0 && machine.disk.certainContent(path)?.equals(content) === true
  }

  it('is durable before the recovery point moves: the time index of the active segment', async () => {
    const machine = new Machine()
    const log = await machine.start({ indexIntervalBytes: 1 })
    for (let index = 0; index < 4; index += 1) await log.append(batch(1, { timestamp: startMs + index }), 'client')
    await log.flush()
    expect(isDurable(machine, 0, '.timeindex')).toBe(true)
  })

  it('is durable with what a clean stop had added to it: the time index', async () => {
    const machine = new Machine()
    const first = await machine.start({ indexIntervalBytes: 100 })
    await first.append(batch(1, { timestamp: startMs + 7 }), 'client')
    await machine.directory.close()
    const log = await machine.start({ indexIntervalBytes: 100 })
    for (let index = 0; index < 4; index += 1) await log.append(batch(1), 'client')
    await log.flush()
    expect(isDurable(machine, 0, '.timeindex')).toBe(true)
  })

  it('is saved before the offset index that vouches for it: the time index', async () => {
    const machine = new Machine()
    const log = await machine.start({ indexIntervalBytes: 1 })
    for (let index = 0; index < 3; index += 1) await log.append(batch(1, { timestamp: startMs + index }), 'client')
    const written: string[] = []
    const { open } = machine.files
    machine.files.open = async (path, mode) => {
      const handle = await open.call(machine.files, path, mode)
      const { writeNow } = handle
      handle.writeNow = (...call) => {
        if (!path.endsWith('.log')) written.push(path.slice(path.lastIndexOf('.')))
        writeNow(...call)
      }
      return handle
    }
    await log.flush()
    expect(written).toEqual(['.timeindex', '.index'])
  })

  it('is durable with what sealing adds to it: the time index of a segment that is checked though all of it was durable', async () => {
    const machine = new Machine()
    const overrides = { segmentBytes: 250, indexIntervalBytes: 1000 }
    const log = await machine.start(overrides)
    for (let index = 0; index < 4; index += 1) await log.append(batch(1, { timestamp: startMs + index }), 'client')
    await machine.directory.close()
    ;(machine.disk.at('data/topic-0') as DiskDirectory).remove(segmentFileName(3, '.index'))
    await machine.start(overrides)
    expect(isDurable(machine, 0, '.timeindex')).toBe(true)
  })

  it('is durable when it was made again: below a recovery point that does not move', async () => {
    const machine = new Machine()
    const log = await machine.start({ indexIntervalBytes: 100 })
    for (let index = 0; index < 4; index += 1) await log.append(batch(1, { timestamp: startMs - index }), 'client')
    await log.flush()
    await machine.directory.checkpoint()
    machine.die()
    ;(machine.disk.at('data/topic-0') as DiskDirectory).remove(segmentFileName(0, '.index'))
    await machine.start({ indexIntervalBytes: 100 })
    expect(isDurable(machine, 0, '.timeindex')).toBe(true)
  })

  it('does not come back when it was not believed: an offset index without the time index that it vouches for', async () => {
    const machine = new Machine()
    const log = await machine.start({ indexIntervalBytes: 1 })
    for (const timestamp of [startMs + 7, startMs, startMs, startMs + 7]) {
      await log.append(batch(1, { timestamp }), 'client')
    }
    await log.flush()
    machine.die()
    const fileOf = (suffix: '.index' | '.timeindex') =>
      machine.disk.at(`data/topic-0/${segmentFileName(0, suffix)}`) as DiskFile
    fileOf('.timeindex').truncate(0)
    for (const suffix of ['.index', '.timeindex'] as const) fileOf(suffix).startSync()()
    expect(isDurable(machine, 0, '.index')).toBe(true)
    const careful = { segmentBytes: 340, flushMessages: 1 }
    const next = await machine.start(careful)
    await machine.directory.checkpoint()
    await next.append(batch(1), 'client')
    machine.losePower()
    const again = await machine.start(careful)
    expect([again.recoveryPoint, again.logEndOffset]).toEqual([5, 5])
    expect(await again.offsetForTimestamp(startMs + 7, 'high_watermark')).toMatchObject({ offset: 0 })
  })

  it('is durable before entries count that a start has added below the recovery point: the time index', async () => {
    const machine = new Machine()
    const first = await machine.start()
    for (const timestamp of [startMs, startMs + 7, startMs, startMs]) {
      await first.append(batch(1, { timestamp }), 'client')
    }
    await machine.directory.close()
    machine.die()
    const dense = { segmentBytes: 340, indexIntervalBytes: 1, flushMessages: 1 }
    const log = await machine.start(dense)
    await log.append(batch(1), 'client')
    ;(machine.disk.at(`data/topic-0/${segmentFileName(0, '.index')}`) as DiskFile).startSync()()
    expect(isDurable(machine, 0, '.index')).toBe(true)
    machine.losePower()
    const again = await machine.start(dense)
    expect([again.recoveryPoint, again.logEndOffset]).toEqual([5, 5])
    expect(await again.offsetForTimestamp(startMs + 7, 'high_watermark')).toMatchObject({ offset: 1 })
  })

  it('has its last entry whenever a crash comes while it is made again: the time index of an older segment', async () => {
    const machine = new Machine()
    const overrides = { segmentBytes: 340, indexIntervalBytes: 100 }
    const log = await machine.start(overrides)
    for (let index = 0; index < 6; index += 1) await log.append(batch(1, { timestamp: startMs + index }), 'client')
    await machine.directory.close()
    machine.die()
    ;(machine.disk.at(`data/topic-0/${segmentFileName(4, '.timeindex')}`) as DiskFile).truncate(5)
    const dying = new SimulatedFileSystem(machine.disk, worstLuck)
    const { open } = dying
    dying.open = async (path, mode) => {
      const handle = await open.call(dying, path, mode)
      if (!path.endsWith(segmentFileName(0, '.timeindex'))) return handle
      const { sync } = handle
      return { ...handle, sync: () => sync().then(() => dying.kill()) }
    }
    void openDirectory(dying).then((directory) => openLog(directory, overrides))
    await dying.died
    const again = await machine.start(overrides)
    expect(await again.offsetForTimestamp(startMs + 3, 'high_watermark')).toMatchObject({ offset: 3 })
  })

  it('is never half of one kind and half of another: files in which other entries take the place of those that were there', async () => {
    const machine = new Machine()
    const overrides = { segmentBytes: 340, indexIntervalBytes: 100 }
    const log = await machine.start(overrides)
    for (let index = 0; index < 6; index += 1) await log.append(batch(1, { timestamp: startMs + index }), 'client')
    await log.flush()
    await machine.directory.close()
    machine.die()
    ;(machine.disk.at(`data/topic-0/${segmentFileName(4, '.timeindex')}`) as DiskFile).truncate(5)
    const files = new SimulatedFileSystem(machine.disk, worstLuck)
    const { open } = files
    const certainBytes: [string, number | undefined][] = []
    files.open = async (path, mode) => {
      const handle = await open.call(files, path, mode)
      const writeNow: typeof handle.writeNow = (...call) => {
        const isOfFirst = path.includes(segmentFileName(0, '.index')) || path.includes(segmentFileName(0, '.timeindex'))
        const certain = machine.disk.certainContent(path)?.length
        if (isOfFirst) certainBytes.push([path.slice(path.lastIndexOf('.')), certain])
        handle.writeNow(...call)
      }
      return { ...handle, writeNow }
    }
    await openLog(await openDirectory(files), { ...overrides, indexIntervalBytes: 1 })
    expect(certainBytes).toEqual([
      ['.timeindex', 0],
      ['.index', 0],
    ])
  })

  it('is made again for the segment that was rolled since the last flush', async () => {
    const machine = new Machine()
    const log = await machine.start({ segmentBytes: 400 })
    await log.append(batch(1, { timestamp: startMs + 7 }), 'client')
    for (let index = 0; index < 3; index += 1) await log.append(batch(1), 'client')
    await log.flush()
    await machine.directory.checkpoint()
    await log.append(batch(1, { valueBytes: 100 }), 'client')
    machine.losePower()
    const again = await machine.start({ segmentBytes: 400 })
    expect(await again.offsetForTimestamp(startMs + 7, 'high_watermark')).toMatchObject({ offset: 0 })
    expect(again.logEndOffset).toBe(4)
  })

  it('is durable before the recovery point moves: what a dead process has written for older segments', async () => {
    const machine = new Machine()
    const log = await machine.start({ segmentBytes: 400, indexIntervalBytes: 100 })
    for (let index = 0; index < 4; index += 1) await log.append(batch(1), 'client')
    await log.flush()
    await machine.directory.checkpoint()
    await log.append(batch(1, { valueBytes: 100 }), 'client')
    machine.die()
    await (await machine.start({ segmentBytes: 400 })).flush()
    expect([isDurable(machine, 0, '.index'), isDurable(machine, 0, '.timeindex')]).toEqual([true, true])
  })
})

describe('while a log is truncated', () => {
  it('its last stable offset is never behind its high watermark', async () => {
    const machine = new Machine()
    const log = await machine.start()
    await log.append(batch(1), 'client')
    await log.append(transactional(1n), 'coordinator')
    const truncating = log.truncate(0)
    let isDone = false
    void truncating.then(() => {
      isDone = true
    })
    while (!isDone) {
      expect(log.lastStableOffset).toBeLessThanOrEqual(log.highWatermark)
      await nextTurn()
    }
    expect([log.lastStableOffset, log.highWatermark]).toEqual([0, 0])
  })
})

describe('partition.metadata', () => {
  const topicId = 'AAAAAAAAQAGAAAAAAAAABQ'
  const open = async (machine: Machine) => {
    machine.files = new SimulatedFileSystem(machine.disk, worstLuck)
    machine.directory = await openDirectory(machine.files)
    return await machine.directory.openPartition({ topic: 'topic', partition: 0, topicId, config: config() })
  }

  it('is durable before any of the partition’s records', async () => {
    const machine = new Machine()
    const log = await open(machine)
    await log.append(batch(2), 'client')
    await log.flush()
    machine.losePower()
    expect((machine.disk.at('data/topic-0/partition.metadata') as DiskFile).content.toString()).toContain(topicId)
    expect((await open(machine)).logEndOffset).toBe(2)
  })

  it.each(['version: 0\ntopic_id: AAAAAAAA', 'version: 0\ntopic_id: AAAAAAAAQAGAAAAA\0\0\0\0\0\0', '\0\0\0'])(
    'that a power failure has torn is not another topic’s: %j',
    async (torn) => {
      const machine = new Machine()
      await (await open(machine)).append(batch(2), 'client')
      machine.die()
      const file = machine.disk.at('data/topic-0/partition.metadata') as DiskFile
      file.truncate(0)
      file.write(0, Buffer.from(torn))
      expect((await open(machine)).logEndOffset).toBe(2)
      expect(await machine.files.list('data')).not.toContainEqual(expect.stringContaining('-stray'))
      expect(file.content.toString()).toBe(`version: 0\ntopic_id: ${topicId}`)
    },
  )
})
