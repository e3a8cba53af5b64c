/** server: bytes of all requests of a broker that are not answered yet: above a limit no connection is read (queued.max.request.bytes). */

export class QueuedBytes {
  readonly #max: number
  readonly #onRoom: () => void
  #bytes = 0

  /** `max`: 0 or less: no limit. `onRoom` runs when there is room again. */
  constructor(max: number, onRoom: () => void) {
    this.#max = max
    this.#onRoom = onRoom
  }

  get isFull(): boolean {
    return this.#max > 0 && this.#bytes >= this.#max
  }

  change(bytes: number): void {
    const wasFull = this.isFull
    this.#bytes += bytes
    if (wasFull && !this.isFull) this.#onRoom()
  }
}
