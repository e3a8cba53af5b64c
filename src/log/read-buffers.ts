/**
 * log: memory for large reads from files, used again when what was read has been sent. A fresh megabyte for each read costs more than
 * the read: the pages must be made, and V8 collects garbage for every few dozen of them.
 */

/** The usual max.partition.fetch.bytes, and what an index look-up may land before the batch that is wanted. */
const blockBytes = 1024 * 1024 + 16 * 1024
/** Shorter reads take memory of their own. */
const smallestBytes = 64 * 1024
const maxIdleBlocks = 16

/** Memory that is lent. Who never gives it back leaves it to the garbage collector. */
export interface Lease {
  readonly buffer: Buffer
  /** From now on the memory is somebody else's. Calling it again does nothing. */
  release(): void
}

export class ReadBuffers {
  readonly #idle: Buffer[] = []

  /** Undefined for a length that is not worth it, or too large. */
  take(length: number): Lease | undefined {
    if (length < smallestBytes || length > blockBytes) return undefined
    const buffer = this.#idle.pop() ?? Buffer.allocUnsafeSlow(blockBytes)
    let isLent = true
    return {
      buffer,
      release: () => {
        if (isLent && this.#idle.length < maxIdleBlocks) this.#idle.push(buffer)
        isLent = false
      },
    }
  }
}
