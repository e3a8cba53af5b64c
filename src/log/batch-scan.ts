/** log: reads a segment file batch by batch, in large pieces, up to the first byte that belongs to no whole batch. */
import { batchSizeAt } from '../../protocol/records/batches.ts'
import { readInt32 } from '../../protocol/records/record-batch.ts'
import type { FileHandle } from '../runtime/file-system.ts'

const pieceBytes = 1024 * 1024
const smallestHeader = 17
/** Shorter stretches take memory of their own. */
const smallestSharedBytes = 64 * 1024
/** Kept for the next scan. */
const maxIdlePieces = 4
const idlePieces: Buffer[] = []

/** Whole batches, one behind the other: `bytes` lie at `position` in the file. */
export interface BatchRun {
  readonly bytes: Buffer
  readonly position: number
}

/**
 * The runs between `from`, the start of a batch, and `end`. Ends early where a length or magic makes no sense or a batch is cut off. `runBytes`: how
 * much is read at a time, as far as batches are not larger.
 */
export function batchRuns(
  file: FileHandle,
  from: number,
  end: number,
  runBytes = pieceBytes,
): AsyncGenerator<BatchRun, void> {
  return runsOf(file, from, end, { runBytes })
}

/**
 * The same for who keeps nothing of it: `bytes` are good until the next run is asked for, as their memory is used again. Fresh memory costs
 * more than reading into it and checking what was read. `runBytes`: 1 MiB at most.
 */
export async function* passingRuns(
  file: FileHandle,
  from: number,
  end: number,
  runBytes = pieceBytes,
): AsyncGenerator<BatchRun, void> {
  if (end - from < smallestSharedBytes) return yield* batchRuns(file, from, end, runBytes)
  const memory = idlePieces.pop() ?? Buffer.allocUnsafeSlow(pieceBytes)
  try {
    yield* runsOf(file, from, end, { runBytes, memory })
  } finally {
    if (idlePieces.length < maxIdlePieces) idlePieces.push(memory)
  }
}

/** `memory`: `runBytes` to read into. */
async function* runsOf(
  file: FileHandle,
  from: number,
  end: number,
  { runBytes, memory }: { readonly runBytes: number; readonly memory?: Buffer },
): AsyncGenerator<BatchRun, void> {
  let position = from
  let wanted = runBytes
  while (position < end) {
    const asked = Math.min(wanted, end - position)
    const bytes = await file.read(position, asked, wanted > runBytes ? undefined : memory)
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

/** As `passingRuns`, up to the end of the segment. @throws UnreadableSegment where they end before. */
export async function* segmentRuns(
  segment: { readonly size: number; readonly log: { readonly path: string } },
  file: FileHandle,
  from: number,
): AsyncGenerator<BatchRun, void> {
  const { size } = segment
  let position = from
  for await (const run of passingRuns(file, from, size)) {
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
