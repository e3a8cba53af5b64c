/** log: reads a segment file batch by batch, in large pieces, up to the first byte that belongs to no whole batch. */
import { batchSizeAt } from '../../protocol/records/batches.ts'
import { readInt32 } from '../../protocol/records/record-batch.ts'
import type { FileHandle } from '../runtime/file-system.ts'

const pieceBytes = 1024 * 1024
const smallestHeader = 17

/** Whole batches, one behind the other: `bytes` lie at `position` in the file. */
export interface BatchRun {
  readonly bytes: Buffer
  readonly position: number
}

/**
 * The runs between `from`, the start of a batch, and `end`. Ends early where a length or magic makes no sense or a batch is cut off. `runBytes`: how
 * much is read at a time, as far as batches are not larger.
 */
export async function* batchRuns(
  file: FileHandle,
  from: number,
  end: number,
  runBytes = pieceBytes,
): AsyncGenerator<BatchRun, void> {
  let position = from
  let wanted = runBytes
  while (position < end) {
    const asked = Math.min(wanted, end - position)
    const bytes = await file.read(position, asked)
    const whole = wholeBytes(bytes)
    if (whole > 0) {
      yield { bytes: bytes.subarray(0, whole), position }
      position += whole
      wanted = runBytes
      continue
    }
    const size = bytes.length < smallestHeader ? 0 : readInt32(bytes, 8) + 12
    const isShort = bytes.length < asked
    if (isShort || size <= bytes.length || position + size > end) return
    wanted = size
  }
}

/** A segment file can't be read on: it is damaged, or an index has led to where no batch starts. */
export class UnreadableSegment extends Error {
  readonly path: string

  constructor(path: string) {
    super(`${path} can't be read on`)
    this.path = path
  }
}

/** As `batchRuns`, up to the end of the segment. @throws UnreadableSegment where they end before. */
export async function* segmentRuns(
  segment: { readonly size: number; readonly log: { readonly path: string } },
  file: FileHandle,
  from: number,
): AsyncGenerator<BatchRun, void> {
  const { size } = segment
  let position = from
  for await (const run of batchRuns(file, from, size)) {
    yield run
    position = run.position + run.bytes.length
  }
  // It may have been truncated meanwhile.
  if (position < Math.min(size, segment.size)) throw new UnreadableSegment(segment.log.path)
}

function wholeBytes(bytes: Buffer): number {
  let position = 0
  try {
    for (let size = batchSizeAt(bytes, position); size > 0; size = batchSizeAt(bytes, position)) position += size
  } catch {
    // A length or magic that can't be: the run ends before it.
  }
  return position
}
