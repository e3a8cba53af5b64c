/** log: an append that was checked and has its offsets, and waits to be written. */
import { type Slab, slabOf } from '../runtime/slabs.ts'
import type { AppendResult } from './partition-log.ts'

export class PendingAppend {
  #bytes: Buffer
  /** Held until it is written; one that fails never lets go: what is being written of it is not known. */
  #slab: Slab | undefined
  readonly baseOffset: number
  readonly nextOffset: number
  readonly maxTimestampMs: number
  readonly logAppendTimeMs: number
  /** Epoch and sequences of the only batch, if a producer's; of a marker, the last sequence known behind it. */
  producerEpoch = -1
  baseSequence = -1
  lastSequence = -1
  /** What is true of that producer behind it. */
  coordinatorEpoch = -1
  leavesTransactionOpen = false
  /** First offset of the oldest transaction that is open behind this append; -1 if none is. Known once it is written. */
  firstUnstableOffset = -1
  readonly written: Promise<AppendResult>
  #resolve!: (result: AppendResult) => void
  reject!: (error: unknown) => void

  constructor(bytes: Buffer, baseOffset: number, nextOffset: number, maxTimestampMs: number, logAppendTimeMs: number) {
    this.#bytes = bytes
    this.#slab = slabOf(bytes)
    this.#slab?.retain()
    this.baseOffset = baseOffset
    this.nextOffset = nextOffset
    this.maxTimestampMs = maxTimestampMs
    this.logAppendTimeMs = logAppendTimeMs
    this.written = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.reject = reject
    })
  }

  resolve(result: AppendResult): void {
    this.#slab?.release()
    this.#slab = undefined
    this.#resolve(result)
  }

  /** Whole batches, with their offsets. */
  get bytes(): Buffer {
    return this.#bytes
  }

  /** They lie in `copy` now. */
  moveTo(copy: Buffer): void {
    if (copy === this.#bytes) return
    const slab = slabOf(copy)
    slab?.retain()
    this.#slab?.release()
    this.#slab = slab
    this.#bytes = copy
  }
}
