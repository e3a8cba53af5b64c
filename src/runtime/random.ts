/** runtime: the random source that every room is handed, the real one and the seeded one. */
import { randomFillSync } from 'node:crypto'

export interface Random {
  /** `length` random bytes. */
  bytes(length: number): Buffer
  /** At least 0, less than 1. */
  fraction(): number
}

export const realRandom: Random = {
  bytes: (length) => randomFillSync(Buffer.allocUnsafe(length)),
  fraction: () => Math.random(),
}

/** Numbers that depend on the seed alone (SplitMix32), so that a run can be repeated. */
export class SeededRandom implements Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 0
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length)
    for (let index = 0; index < length; index += 1) bytes[index] = this.#uint32() >>> 24
    return bytes
  }

  fraction(): number {
    return this.#uint32() / 2 ** 32
  }

  #uint32(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0
    let mixed = this.#state ^ (this.#state >>> 16)
    mixed = Math.imul(mixed, 0x21f0aaad)
    mixed ^= mixed >>> 15
    mixed = Math.imul(mixed, 0x735a2d97)
    return (mixed ^ (mixed >>> 15)) >>> 0
  }
}

/** A version 4 UUID as Kafka writes it: 16 bytes as 22 characters of base64url, never starting with `-`. */
export function randomUuid(random: Random): string {
  for (;;) {
    const bytes = random.bytes(16)
    bytes[6] = (bytes[6]! & 0x0f) | 0x40
    bytes[8] = (bytes[8]! & 0x3f) | 0x80
    const uuid = bytes.toString('base64url')
    if (!uuid.startsWith('-')) return uuid
  }
}
