/** bench: one partition of the null server: a file, and where its batches begin. No index on disk, no cache, no limits of segments. */
import fs from 'node:fs'
import { assignOffsetAndEpochAt, batchSizeAt, ensureCrcValidAt, RecordBatchView } from '../protocol/records/index.ts'

export const leaderEpoch = 0
/** What consumers ask for at a time, as a rule. */
const keptBufferBytes = 1024 * 1024

/** Used again when what was read into them has been sent. */
const idleBuffers: Buffer[] = []

/** Bytes read, and the way to give back the memory that they lie in. */
export interface Part {
  readonly bytes: Buffer
  release(): void
}

export class NullPartition {
  readonly #descriptor: number
  #queued: Buffer[] = []
  /** Of what is written. */
  #size = 0
  /** Of what is written or queued. */
  #sizeInAll = 0
  /** First offsets of the batches, and where they lie. */
  readonly #offsets: number[] = []
  readonly #positions: number[] = []
  nextOffset = 0

  constructor(path: string) {
    this.#descriptor = fs.openSync(path, 'w+')
  }

  /** Checks and queues batches, and gives the offset of the first. Those of one turn of the event loop go into one writev. */
  append(records: Buffer): number {
    const baseOffset = this.nextOffset
    let position = 0
    for (let size = batchSizeAt(records, position); size > 0; size = batchSizeAt(records, position)) {
      ensureCrcValidAt(records, position)
      const batch = new RecordBatchView(records, position)
      assignOffsetAndEpochAt(records, position, this.nextOffset, leaderEpoch)
      this.#offsets.push(this.nextOffset)
      this.#positions.push(this.#sizeInAll + position)
      this.nextOffset = batch.nextOffset
      position += size
    }
    this.queue(records)
    return baseOffset
  }

  /** Any bytes. */
  queue(bytes: Buffer): void {
    this.#queued.push(bytes)
    this.#sizeInAll += bytes.length
  }

  flush(): void {
    if (this.#queued.length === 0) return
    this.#size += fs.writevSync(this.#descriptor, this.#queued, this.#size)
    this.#queued = []
  }

  /** What is written from the batch with `offset` on, as much as `maxBytes`, whole batches or not; undefined when there is none. */
  async read(offset: number, maxBytes: number): Promise<Part | undefined> {
    const position = this.#positions[lastUpTo(this.#offsets, offset)]
    if (position === undefined || offset >= this.nextOffset || position >= this.#size) return undefined
    const length = Math.min(maxBytes, this.#size - position)
    const buffer = length > keptBufferBytes ? undefined : (idleBuffers.pop() ?? Buffer.allocUnsafeSlow(keptBufferBytes))
    const into = buffer ?? Buffer.allocUnsafeSlow(length)
    const count = await new Promise<number>((resolve, reject) => {
      fs.read(this.#descriptor, into, 0, length, position, (error, read) => (error ? reject(error) : resolve(read)))
    })
    return { bytes: into.subarray(0, count), release: () => void (buffer && idleBuffers.push(buffer)) }
  }
}

/** The last index whose value is not above `wanted`; -1 when all are. */
function lastUpTo(values: readonly number[], wanted: number): number {
  let [low, high] = [0, values.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (values[middle]! <= wanted) low = middle + 1
    else high = middle
  }
  return low - 1
}
