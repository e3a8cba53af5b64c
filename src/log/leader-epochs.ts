/**
 * log: which leader epoch starts at which offset, and its file, leader-epoch-checkpoint: a line `0`, a line with the number of
 * entries, then a line `epoch startOffset` each. Source: Kafka's LeaderEpochFileCache, KIP-101, KIP-279.
 */
import type { EpochEndOffset } from './partition-log.ts'

export const leaderEpochFileName = 'leader-epoch-checkpoint'

interface EpochEntry {
  readonly epoch: number
  readonly startOffset: number
}

export class LeaderEpochs {
  #entries: readonly EpochEntry[] = []
  /** What the file holds, whatever happens. */
  #durable: readonly EpochEntry[] = []

  /**
   * Unknown or broken content is as good as none: the epochs behind the recovery point can be read from the batches. `isDurable`: the
   * content survives a power failure.
   */
  static parse(content: string, isDurable: boolean): LeaderEpochs | undefined {
    const lines = content.split('\n').filter((line) => line !== '')
    if (lines[0] !== '0' || Number(lines[1]) !== lines.length - 2) return undefined
    const epochs = new LeaderEpochs()
    for (const line of lines.slice(2)) {
      const [epoch, startOffset] = line.split(' ').map(Number)
      if (!Number.isSafeInteger(epoch) || !Number.isSafeInteger(startOffset)) return undefined
      epochs.assign(epoch!, startOffset!)
    }
    if (isDurable) epochs.#durable = epochs.#entries
    return epochs
  }

  /** What is durable tells something else of the batches below `offset`. */
  isOutdated(offset: number): boolean {
    if (this.#durable === this.#entries) return false
    const below = (entries: readonly EpochEntry[]) =>
      entries.flatMap(({ epoch, startOffset }) => (startOffset < offset ? [`${epoch} ${startOffset}`] : []))
    return below(this.#entries).join() !== below(this.#durable).join()
  }

  /** The file's content. What is returned is called once that is durable. */
  startSaving(): { content: string; done: () => void } {
    const entries = this.#entries
    const done = (): void => {
      this.#durable = entries
    }
    return { content: this.format(), done }
  }

  format(): string {
    const lines = this.#entries.map(({ epoch, startOffset }) => `${epoch} ${startOffset}\n`)
    return `0\n${lines.length}\n${lines.join('')}`
  }

  /** -1 when none is known. */
  get latestEpoch(): number {
    return this.#entries.at(-1)?.epoch ?? -1
  }

  /** Batches from `startOffset` on are of `epoch`. Nothing happens when that is known; entries that contradict it go. */
  assign(epoch: number, startOffset: number): void {
    if (epoch < 0 || epoch === this.latestEpoch) return
    const kept = this.#entries.filter((entry) => entry.epoch < epoch && entry.startOffset < startOffset)
    this.#entries = kept.concat({ epoch, startOffset })
  }

  epochForOffset(offset: number): number {
    return this.#entries.findLast((entry) => entry.startOffset <= offset)?.epoch ?? -1
  }

  endOffsetFor(epoch: number, logEndOffset: number): EpochEndOffset {
    if (epoch >= 0 && epoch === this.latestEpoch) return { leaderEpoch: epoch, endOffset: logEndOffset }
    const higher = this.#entries.find((entry) => entry.epoch > epoch)
    if (epoch === -1 || higher === undefined) return { leaderEpoch: -1, endOffset: -1 }
    const floor = this.#entries.findLast((entry) => entry.epoch <= epoch)
    return { leaderEpoch: floor?.epoch ?? epoch, endOffset: higher.startOffset }
  }

  /** The log now ends at `offset`. */
  truncateFromEnd(offset: number): void {
    const kept = this.#entries.filter((entry) => entry.startOffset < offset)
    if (kept.length < this.#entries.length) this.#entries = kept
  }

  /** The log now starts at `offset`: the epoch in force there starts there. */
  truncateFromStart(offset: number): void {
    const index = this.#entries.findLastIndex((entry) => entry.startOffset <= offset)
    if (index < 0 || this.#entries[index]!.startOffset === offset) {
      if (index <= 0) return
    }
    const first = { epoch: this.#entries[index]!.epoch, startOffset: offset }
    this.#entries = [first, ...this.#entries.slice(index + 1)]
  }
}
