/** Damage in what was durable: it takes its partition offline, is said in one line, and does not hide records silently. */
import { describe, expect, it } from 'vitest'
import type { LocalPartitionLog } from '../../src/log/local-partition-log.ts'
import type { LogConfig } from '../../src/log/log-config.ts'
import type { LogDirectory } from '../../src/log/log-directory.ts'
import { SimulatedClock } from '../../src/runtime/clock.ts'
import { MemoryFileSystem, systemError } from '../../src/runtime/memory-file-system.ts'
import { recordingLogger } from '../runtime/recording-logger.ts'
import { batch, openDirectory, openLog, readAll, sequenced, startMs } from './fixtures.ts'

const small = { segmentBytes: 300, indexIntervalBytes: 1 }
const offline = { kafkaError: 'KAFKA_STORAGE_ERROR' }

interface Written {
  readonly files: MemoryFileSystem
  /** Paths of the `.log` files. */
  readonly segments: string[]
  readonly baseOffsets: number[]
}

/** Twenty records in ten batches, in several segments, stopped cleanly. */
async function stopped(overrides: Partial<LogConfig> = small): Promise<Written> {
  const files = new MemoryFileSystem()
  const directory = await openDirectory(files)
  const log = await openLog(directory, overrides)
  for (let index = 0; index < 10; index += 1) await log.append(sequenced(5n, 0, index * 2, 2), 'client')
  await directory.close()
  const names = (await files.list('data/topic-0')).filter((name) => name.endsWith('.log'))
  const baseOffsets = names.map((name) => Number(name.slice(0, 20)))
  return { files, segments: names.map((name) => `data/topic-0/${name}`), baseOffsets }
}

async function change(
  files: MemoryFileSystem,
  path: string,
  edit: (bytes: Buffer) => Buffer | undefined,
): Promise<void> {
  const bytes = Buffer.from(await files.readFile(path))
  await files.replaceFile(path, edit(bytes) ?? bytes)
}

interface Reopened {
  readonly directory: LogDirectory
  readonly log: LocalPartitionLog
  readonly errors: string[]
  readonly warnings: string[]
}

async function reopen(files: MemoryFileSystem, overrides: Partial<LogConfig> = small): Promise<Reopened> {
  const { logger, errors, warnings } = recordingLogger()
  const directory = await openDirectory(files, { logger })
  return { directory, log: await openLog(directory, overrides), errors, warnings }
}

const flip = (at: number) => (bytes: Buffer) => {
  bytes[at] = bytes[at]! ^ 0x55
  return bytes
}

describe('a damaged segment in the middle', () => {
  const damages: [string, (bytes: Buffer) => Buffer | undefined, RegExp][] = [
    ['a magic that can not be', flip(16), /at byte 0: no batch starts there: Invalid magic/],
    ['a negative length', (bytes) => void bytes.writeInt32BE(-5, 8), /at byte 0: no batch starts there/],
    ['a length past the end', (bytes) => void bytes.writeInt32BE(100_000, 8), /at byte 0: a batch of 100012 bytes/],
    [
      'an offset below',
      (bytes) => void bytes.writeBigInt64BE(1n, 0),
      /at byte 0: the batch there has the offsets 1 to 2/,
    ],
    [
      'an offset beyond',
      (bytes) => void bytes.writeBigInt64BE(99n, 0),
      /at byte 0: the batch there has the offsets 99 to 100, but \d+ comes next/,
    ],
    ['zeros', (bytes) => bytes.fill(0), /at byte 0: no batch starts there, but zeros/],
    ['a length of nothing', () => Buffer.alloc(0), /at byte 0: it ends before offset \d+/],
    ['its last batch gone', (bytes) => bytes.subarray(0, bytes.length / 2), /it ends before offset/],
    [
      'its end gone',
      (bytes) => bytes.subarray(0, bytes.length - 3),
      /a batch of \d+ bytes starts there, but the file ends/,
    ],
  ]
  it.each(damages)('with %s takes the partition offline instead of being passed over', async (_, edit, reason) => {
    const { files, segments, baseOffsets } = await stopped()
    const healthy = await files.readFile(segments[1]!)
    await change(files, segments[1]!, edit)
    const { directory, log, errors } = await reopen(files)
    expect(directory.wasCleanlyStopped).toBe(true)
    await expect(readAll(log)).rejects.toMatchObject(offline)
    await expect(readAll(log)).rejects.toMatchObject(offline)
    await expect(log.append(batch(1), 'client')).rejects.toMatchObject(offline)
    expect(log.failure).toMatchObject(offline)
    expect(errors).toHaveLength(1)
    expect(errors[0]).toMatch(reason)
    expect(errors[0]).toContain(segments[1])
    expect(errors[0]).toContain(`to ${baseOffsets[2]! - 1} can't be read`)
    expect(errors[0]).toContain('odradek dump-log --verify')
    await directory.close()

    await files.replaceFile(segments[1]!, healthy)
    const { log: repaired, errors: none } = await reopen(files)
    expect(await readAll(repaired)).toHaveLength(20)
    expect(none).toEqual([])
  })

  it('that is missing as a file is noticed by whoever reads into the gap', async () => {
    const { files, segments, baseOffsets } = await stopped()
    await files.remove(segments[1]!)
    const { log, errors } = await reopen(files)
    await expect(readAll(log)).rejects.toMatchObject(offline)
    expect(errors).toHaveLength(1)
    expect(errors[0]).toContain(
      `offsets ${baseOffsets[1]} to ${baseOffsets[2]! - 1} can't be read, and the partition is offline`,
    )
  })

  it('leaves the other partitions and the records before it alone until it is met', async () => {
    const { files, segments, baseOffsets } = await stopped()
    await change(files, segments[1]!, flip(16))
    const { directory, log } = await reopen(files)
    const other = await openLog(directory, {}, 'other')
    const { records } = await log.read(0, { maxBytes: 1000, minOneBatch: true, isolation: 'high_watermark' })
    expect(records).toHaveLength(1)
    await expect(readAll(log, baseOffsets[1])).rejects.toMatchObject(offline)
    expect((await other.append(batch(1), 'client')).baseOffset).toBe(0)
  })

  it('is left behind by deleting the records before its end', async () => {
    const { files, segments, baseOffsets } = await stopped()
    await change(files, segments[1]!, flip(16))
    const { directory, log, errors } = await reopen(files)
    await expect(readAll(log)).rejects.toMatchObject(offline)
    expect(errors[0]).toContain(`delete the records before offset ${baseOffsets[2]}`)
    await expect(log.deleteRecordsBefore(baseOffsets[2]! - 1)).rejects.toMatchObject(offline)
    expect(await log.deleteRecordsBefore(baseOffsets[2]!)).toBe(baseOffsets[2])
    expect(log.failure).toBeUndefined()
    expect((await readAll(log))[0]).toBe(baseOffsets[2])
    expect((await log.append(sequenced(5n, 0, 20, 2), 'client')).baseOffset).toBe(20)
    await directory.close()
    const { log: again, directory: second } = await reopen(files)
    await second.enforceRetention()
    expect(again.firstSegmentOffset).toBe(baseOffsets[2])
    expect((await readAll(again)).at(-1)).toBe(21)
  })

  it('is left behind by cutting it off, without the marker of the clean stop and the recovery points', async () => {
    const { files, segments, baseOffsets } = await stopped()
    await change(files, segments[1]!, flip(16))
    await files.remove('data/.kafka_cleanshutdown')
    await files.remove('data/recovery-point-offset-checkpoint')
    const { log, warnings } = await reopen(files)
    expect(log.logEndOffset).toBe(baseOffsets[1])
    expect(await readAll(log)).toHaveLength(baseOffsets[1]!)
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain(`, offsets ${baseOffsets[1]} to 19: the log ends at offset ${baseOffsets[1]}`)
  })

  it('is found by looking for timestamps', async () => {
    for (const look of ['offsetForTimestamp', 'offsetOfMaxTimestamp'] as const) {
      const { files, segments } = await stopped()
      await change(files, segments[1]!, flip(70))
      await files.remove(segments[1]!.replace('.log', '.timeindex'))
      await files.remove(segments[0]!.replace('.log', '.timeindex'))
      await change(files, segments[0]!, flip(70))
      const { log, errors } = await reopen(files)
      await expect(
        look === 'offsetForTimestamp' ? log.offsetForTimestamp(startMs, 'high_watermark') : log.offsetOfMaxTimestamp(),
      ).rejects.toMatchObject(offline)
      expect(errors).toHaveLength(1)
      expect(errors[0]).toContain('the checksum of the batch there is wrong')
    }
  })

  it('is found by retention, and said in the same one line', async () => {
    const { files, segments } = await stopped()
    await change(files, segments[1]!, flip(16))
    await files.remove(segments[1]!.replace('.log', '.timeindex'))
    const { logger, errors } = recordingLogger()
    const directory = await openDirectory(files, { logger, clock: new SimulatedClock(startMs + 60_000) })
    const log = await openLog(directory, { ...small, retentionMs: 1000 })
    await directory.enforceRetention()
    await directory.enforceRetention()
    expect(log.failure).toMatchObject(offline)
    expect(errors).toEqual([expect.stringContaining(`${segments[1]} is damaged at byte 0`)])
  })

  it('is found by a reader that verifies checksums', async () => {
    const { files, segments } = await stopped()
    await change(files, segments[1]!, flip(70))
    const { log, errors } = await reopen(files)
    expect(await readAll(log)).toHaveLength(20)
    const options = { maxBytes: 1000, minOneBatch: true, isolation: 'log_end', verifies: true } as const
    await log.read(0, options)
    await expect((async () => log.read(2 * 2, options))()).rejects.toMatchObject(offline)
    expect(errors).toHaveLength(1)
  })

  it('may lack offsets where it is or was compacted', async () => {
    const { files, segments } = await stopped({ ...small, compacted: true })
    await files.remove(segments[1]!)
    const { directory, log } = await reopen(files, { ...small, compacted: true })
    expect((await readAll(log)).length).toBeGreaterThan(10)
    await directory.close()
    await files.replaceFile('data/cleaner-offset-checkpoint', '0\n1\ntopic 0 8\n')
    const { log: again } = await reopen(files)
    expect((await readAll(again)).length).toBeGreaterThan(10)
  })

  it('is not blamed for an index that points into the middle of a batch: that is made anew', async () => {
    const { files, segments } = await stopped({ segmentBytes: 600, indexIntervalBytes: 1 })
    await change(files, segments[0]!.replace('.log', '.index'), (bytes) => {
      for (let at = 4; at < bytes.length; at += 8) bytes.writeInt32BE(bytes.readInt32BE(at) + 7, at)
      return bytes
    })
    const { log, errors } = await reopen(files, { segmentBytes: 600, indexIntervalBytes: 1 })
    expect(await readAll(log, 3)).toEqual(Array.from({ length: 18 }, (_, index) => index + 2).filter((o) => o >= 3))
    expect(errors).toEqual([])
  })

  it('that the disk does not give back takes the partition offline', async () => {
    const { files, segments } = await stopped()
    const { log, errors } = await reopen(files)
    files.beforeCall = (operation, path) => {
      if (operation === 'read' && path === segments[1]) throw systemError('EIO', path)
    }
    await expect(readAll(log)).rejects.toMatchObject(offline)
    await expect(readAll(log, 15)).rejects.toMatchObject(offline)
    expect(errors).toEqual(['reading failed: the partition is offline'])
  })
})

describe('a damaged last segment', () => {
  const damages: [string, (bytes: Buffer) => Buffer | undefined][] = [
    ['its first bytes wrong', flip(3)],
    ['its magic wrong', flip(16)],
    ['its records wrong', flip(70)],
    ['its end gone', (bytes) => bytes.subarray(0, bytes.length - 3)],
    ['its last batch gone', (bytes) => bytes.subarray(0, (bytes.length / 10) * 9)],
    ['nothing in it', () => Buffer.alloc(0)],
  ]
  it.each(damages)('with %s is not cut after a clean stop, but said to be damaged', async (name, edit) => {
    const { files, segments } = await stopped({})
    const healthy = await files.readFile(segments[0]!)
    await change(files, segments[0]!, edit)
    // What is right as far as headers tell is believed: it is found when it is read.
    if (name === 'its records wrong') await files.remove(segments[0]!.replace('.log', '.index'))
    const damaged = await files.readFile(segments[0]!)
    await expect(reopen(files, {})).rejects.toMatchObject(offline)
    await expect(reopen(files.afterCrash(), {})).rejects.toThrow(
      /is damaged at byte \d+: .*; offsets \d+ to \d+ can't be read.*\.kafka_cleanshutdown/,
    )
    expect(await files.readFile(segments[0]!)).toEqual(damaged)

    await files.replaceFile(segments[0]!, healthy)
    expect(await readAll((await reopen(files.afterCrash(), {})).log)).toHaveLength(20)
  })

  it('is not cut below the recovery point after a crash, but is cut behind it', async () => {
    for (const at of ['below', 'behind'] as const) {
      const files = new MemoryFileSystem()
      const directory = await openDirectory(files)
      const log = await openLog(directory)
      for (let index = 0; index < 5; index += 1) await log.append(sequenced(5n, 0, index * 2, 2), 'client')
      await log.flush()
      await directory.checkpoint()
      for (let index = 5; index < 10; index += 1) await log.append(sequenced(5n, 0, index * 2, 2), 'client')
      const survivor = files.afterCrash()
      const path = 'data/topic-0/00000000000000000000.log'
      const { length } = await survivor.readFile(path)
      await change(survivor, path, flip(Math.floor(length * (at === 'below' ? 0.35 : 0.75))))
      if (at === 'below') {
        await expect(reopen(survivor, {})).rejects.toThrow(/damaged at byte \d+: the checksum.*offsets 6 to 9 can't/)
        expect((await survivor.readFile(path)).length).toBe(length)
      } else {
        const { log: again, warnings } = await reopen(survivor, {})
        expect(again.logEndOffset).toBe(14)
        expect(warnings).toEqual([
          `cut off ${length * 0.3} bytes that are no whole batches, offsets 14 to 19: the log ends at offset 14`,
        ])
      }
    }
  })

  it('or no segment at all is not taken for a new log', async () => {
    const { files, segments } = await stopped({})
    await files.remove(segments[0]!)
    await expect(reopen(files, {})).rejects.toThrow(/has no segment file, but what it held reached up to offset 19/)
    const survivor = files.afterCrash()
    await survivor.rename('data/topic-0', 'data/away')
    expect((await reopen(survivor, {})).log.logEndOffset).toBe(0)
  })
})

describe('a crash', () => {
  it('that lost the end of a segment before a later one ends the log there', async () => {
    const files = new MemoryFileSystem()
    const directory = await openDirectory(files)
    const log = await openLog(directory, small)
    for (let index = 0; index < 10; index += 1) await log.append(sequenced(5n, 0, index * 2, 2), 'client')
    const names = (await files.list('data/topic-0')).filter((name) => name.endsWith('.log'))
    const survivor = files.afterCrash((path, size) => (path.endsWith(names[1]!) ? size / 2 : size))
    const { log: again, warnings } = await reopen(survivor)
    const end = Number(names[1]!.slice(0, 20)) + (Number(names[2]!.slice(0, 20)) - Number(names[1]!.slice(0, 20))) / 2
    expect(again.logEndOffset).toBe(end)
    expect(warnings).toHaveLength(1)
    expect(await readAll(again)).toHaveLength(end)
  })

  it('that left a segment overlapping the next one ends the log before the overlap', async () => {
    const files = new MemoryFileSystem()
    const directory = await openDirectory(files)
    const log = await openLog(directory, small)
    for (let index = 0; index < 10; index += 1) await log.append(sequenced(5n, 0, index * 2, 2), 'client')
    const names = (await files.list('data/topic-0')).filter((name) => name.endsWith('.log'))
    const survivor = files.afterCrash()
    const next = await survivor.readFile(`data/topic-0/${names[2]}`)
    await change(survivor, `data/topic-0/${names[1]}`, (bytes) => Buffer.concat([bytes, next]))
    const { log: again } = await reopen(survivor)
    expect(again.logEndOffset).toBe(Number(names[2]!.slice(0, 20)))
  })
})

describe('a file in a partition', () => {
  it('that is named .log without an offset is left alone, with one line', async () => {
    const { files } = await stopped({})
    for (const name of ['old.log', '42.log', '99999999999999999999.log'])
      await files.replaceFile(`data/topic-0/${name}`, 'x')
    const { log, warnings } = await reopen(files, {})
    expect(await readAll(log)).toHaveLength(20)
    expect(warnings).toHaveLength(3)
    expect(await files.exists('data/topic-0/42.log')).toBe(true)
  })
})
