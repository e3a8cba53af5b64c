/**
 * log: damage in a segment that was durable: what is wrong, at which byte, which offsets it takes, and what can be done about it.
 *
 * Whoever reads a segment and can't go on throws `UnreadableSegment`. The whole segment is looked at then: either it is damaged, or it
 * is whole and its indexes were wrong.
 */
import { KafkaError } from '../../protocol/errors.ts'
import { batchesIn, batchSizeAt } from '../../protocol/records/batches.ts'
import type { RecordBatchView } from '../../protocol/records/record-batch.ts'
import type { FileHandle } from '../runtime/file-system.ts'
import { batchRuns, UnreadableSegment } from './batch-scan.ts'
import type { Segment } from './segment.ts'
import { largestRelativeOffset } from './segment-files.ts'
import type { Segments } from './segments.ts'

const longestHeader = 61

export interface Damage {
  readonly path: string
  /** Where in the file. */
  readonly position: number
  readonly reason: string
  /** The first offset that can't be read. */
  readonly firstOffset: number
  /** The first one behind the segment. */
  readonly nextOffset: number
}

/** What is wrong with `segment`; undefined when nothing is. `mayHaveGaps`: offsets may be missing, as compaction leaves them. */
export async function findDamage(segment: Segment, mayHaveGaps: boolean): Promise<Damage | undefined> {
  const { size, nextOffset, baseOffset } = segment
  let position = 0
  let expected = baseOffset
  const at = (reason: string): Damage => ({
    path: segment.log.path,
    position,
    reason,
    firstOffset: expected,
    nextOffset,
  })
  return await segment.log.use(async (file) => {
    for await (const run of batchRuns(file, 0, size)) {
      for (const batch of batchesIn(run.bytes)) {
        const problem = problemOf(batch, expected, segment, mayHaveGaps)
        if (problem !== undefined) return at(problem)
        position += batch.sizeInBytes
        expected = batch.lastOffset + 1
      }
    }
    if (position < size) return at(await whyNoBatch(file, position, size))
    if (mayHaveGaps || expected >= nextOffset) return undefined
    return at(
      `it ends before offset ${expected}, and what follows starts at ${nextOffset}: it was cut, or a segment is missing`,
    )
  })
}

/** The line for the log, and what clients are told. `remedy`: what an operator can do. */
export function damageError({ path, position, reason, firstOffset, nextOffset }: Damage, remedy: string): KafkaError {
  const offsets =
    nextOffset > firstOffset ? `offsets ${firstOffset} to ${nextOffset - 1}` : `offsets from ${firstOffset} on`
  const line = `${path} is damaged at byte ${position}: ${reason}; ${offsets} can't be read, and the partition is offline`
  return new KafkaError('KAFKA_STORAGE_ERROR', `${line}. See odradek dump-log --verify ${path}; ${remedy}`)
}

/** When it was found while the partition was open. */
export function openRemedy({ nextOffset }: Damage): string {
  return `stop the broker and put back a copy of the file, or delete the records before offset ${nextOffset} to go on behind it`
}

/** When the partition could not be opened for it. */
export function closedRemedy(partitionDirectory: string): string {
  const logDirectory = partitionDirectory.slice(0, partitionDirectory.lastIndexOf('/'))
  return `stop the broker and put back a copy of the file, or remove ${logDirectory}/.kafka_cleanshutdown and ${logDirectory}/recovery-point-offset-checkpoint: the next start then cuts the log at that byte`
}

/** `look`, again if it failed for an index that has been made anew since. `found` makes the error for damage. */
export async function lookThrough<T>(
  segments: Segments,
  look: () => Promise<T>,
  options: { readonly mayHaveGaps: boolean; found(damage: Damage, segment: Segment): KafkaError },
): Promise<T> {
  for (let isAgain = false; ; isAgain = true) {
    try {
      return await look()
    } catch (error) {
      if (!(error instanceof UnreadableSegment)) throw error
      const { path } = error
      const segment = segments.all.find(({ log }) => log.path === path)
      if (segment === undefined) throw new KafkaError('OFFSET_OUT_OF_RANGE', `${path} was removed`)
      const damage = await findDamage(segment, options.mayHaveGaps)
      if (damage !== undefined) throw options.found(damage, segment)
      if (isAgain || segment.isActive) throw options.found(wrongIndex(segment), segment)
      await segment.indexes.rebuild()
    }
  }
}

function wrongIndex({ log, baseOffset, nextOffset }: Segment): Damage {
  const reason =
    'its batches are whole, but its .index or .timeindex contradicts them (remove both while the broker is stopped)'
  return { path: log.path, position: 0, reason, firstOffset: baseOffset, nextOffset }
}

function problemOf(
  batch: RecordBatchView,
  expected: number,
  { baseOffset, nextOffset }: Segment,
  mayHaveGaps: boolean,
): string | undefined {
  const firstOffset = batch.magic < 2 ? batch.lastOffset : batch.baseOffset
  const isBefore = firstOffset < expected || batch.lastOffset < firstOffset
  const isFarBehind = batch.lastOffset - baseOffset > largestRelativeOffset
  const isBehindGap = batch.magic === 2 && firstOffset > expected && !mayHaveGaps
  if (isBefore || isFarBehind || isBehindGap) {
    return `the batch there has the offsets ${firstOffset} to ${batch.lastOffset}, but ${expected} comes next`
  }
  if (batch.lastOffset >= nextOffset) {
    return `the batch there reaches up to offset ${batch.lastOffset}, but ${nextOffset} starts the next segment`
  }
  return batch.isCrcValid() ? undefined : 'the checksum of the batch there is wrong'
}

async function whyNoBatch(file: FileHandle, position: number, end: number): Promise<string> {
  const header = await file.read(position, Math.min(longestHeader, end - position))
  if (header.length === 0) return 'the file ends there: it was cut'
  if (header.every((byte) => byte === 0)) return 'no batch starts there, but zeros'
  try {
    batchSizeAt(header, 0)
    if (header.length < 12) return `only ${header.length} bytes are left, too few for a batch`
    return `a batch of ${header.readInt32BE(8) + 12} bytes starts there, but the file ends before`
  } catch (error) {
    return `no batch starts there: ${(error as Error).message}`
  }
}
