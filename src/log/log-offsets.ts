/** log: the offsets of one partition's log, as Kafka names them, and who hears when they move. */
import { KafkaError } from '../../protocol/errors.ts'
import type { Isolation } from './partition-log.ts'

export class LogOffsets {
  logStartOffset: number
  /** What a crash leaves of it. */
  savedLogStartOffset: number
  /** Behind what is written. */
  logEndOffset: number
  /** Behind what is acknowledged, unless it is held; readers see all of it, save what an open transaction hides. */
  highWatermark: number
  /** First offset of the oldest transaction that is open at the high watermark; -1 if none is. */
  firstUnstableOffset: number
  /** Behind what is pending. */
  nextOffset: number
  /** Where the high watermark goes when it is held no more. */
  #held: { highWatermark: number; firstUnstableOffset: number } | undefined
  /** As a rule the partition, alone. */
  #listeners: readonly (() => void)[] = []

  constructor(logStartOffset: number, logEndOffset: number, firstUnstableOffset: number) {
    this.logStartOffset = logStartOffset
    this.savedLogStartOffset = logStartOffset
    this.logEndOffset = logEndOffset
    this.highWatermark = logEndOffset
    this.firstUnstableOffset = firstUnstableOffset
    this.nextOffset = logEndOffset
  }

  get lastStableOffset(): number {
    const open = this.firstUnstableOffset
    return open < 0 ? this.highWatermark : Math.max(open, this.logStartOffset)
  }

  /** Everything before `nextOffset` is acknowledged. */
  acknowledged(nextOffset: number, firstUnstableOffset: number): void {
    const shown = this.#held ?? this
    shown.highWatermark = nextOffset
    shown.firstUnstableOffset = firstUnstableOffset
  }

  /** `from`: holds it there if what is acknowledged reaches that far. False: it was held. */
  hold(from = this.highWatermark): boolean {
    if (this.#held !== undefined) return false
    const { highWatermark, firstUnstableOffset } = this
    this.#held = { highWatermark, firstUnstableOffset }
    if (from >= highWatermark) return true
    this.highWatermark = Math.max(from, this.logStartOffset)
    if (firstUnstableOffset >= this.highWatermark) this.firstUnstableOffset = -1
    return true
  }

  /** False: it was not held. */
  letGo(): boolean {
    if (this.#held === undefined) return false
    Object.assign(this, this.#held)
    this.#held = undefined
    return true
  }

  /** The log was cut: nothing is behind `logEndOffset`. */
  truncated(logEndOffset: number, firstUnstableOffset: number): void {
    this.logEndOffset = logEndOffset
    this.nextOffset = logEndOffset
    if (this.#held !== undefined) this.#held = { highWatermark: logEndOffset, firstUnstableOffset }
    if (this.#held === undefined || this.highWatermark >= logEndOffset) {
      this.highWatermark = logEndOffset
      this.firstUnstableOffset = firstUnstableOffset
    }
    this.logStartOffset = Math.min(this.logStartOffset, logEndOffset)
    this.savedLogStartOffset = Math.min(this.savedLogStartOffset, this.logStartOffset)
  }

  /** How far readers see. */
  endOf(isolation: Isolation): number {
    if (isolation === 'log_end') return this.logEndOffset
    return isolation === 'txn_committed' ? this.lastStableOffset : this.highWatermark
  }

  /** @throws KafkaError OFFSET_OUT_OF_RANGE */
  ensureInRange(fromOffset: number): void {
    if (fromOffset >= this.logStartOffset && fromOffset <= this.logEndOffset) return
    const range = `${this.logStartOffset} to ${this.logEndOffset}`
    throw new KafkaError('OFFSET_OUT_OF_RANGE', `Offset ${fromOffset} is not within the log's ${range}`)
  }

  onAdvance(listener: () => void): () => void {
    this.#listeners = this.#listeners.concat(listener)
    return () => {
      this.#listeners = this.#listeners.filter((one) => one !== listener)
    }
  }

  /** What readers see has changed. */
  advanced(): void {
    for (const listener of this.#listeners) listener()
  }
}
