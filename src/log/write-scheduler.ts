/**
 * log: writes what was appended in one turn of the event loop at its end, each partition's batches as one write.
 *
 * Small writes go to the page cache in place, which costs less than a thread switch, but no more of them in a turn than 1 MiB:
 * the rest goes through the thread pool, so that sockets are not held up.
 */
import { atEndOfTurn } from '../runtime/turns.ts'

const inPlaceBytesPerWrite = 256 * 1024
const inPlaceBytesPerTurn = 1024 * 1024

export interface Writer {
  /** Writes what is queued. */
  drain(): void
}

export class WriteScheduler {
  #writers: Writer[] = []
  #budgetBytes = inPlaceBytesPerTurn

  schedule(writer: Writer): void {
    if (this.#writers.length === 0) atEndOfTurn(this.#run)
    this.#writers.push(writer)
  }

  /** So many bytes may be written in place now. */
  get inPlaceBytes(): number {
    return Math.min(inPlaceBytesPerWrite, this.#budgetBytes)
  }

  /** May `bytes` be written in place? Takes them from the turn's budget if so. */
  mayWriteInPlace(bytes: number): boolean {
    if (bytes > this.inPlaceBytes) return false
    this.#budgetBytes -= bytes
    return true
  }

  readonly #run = (): void => {
    const writers = this.#writers
    this.#writers = []
    this.#budgetBytes = inPlaceBytesPerTurn
    for (const writer of writers) writer.drain()
  }
}
