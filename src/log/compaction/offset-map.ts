/**
 * log: the last offset of every key in the dirty part of a log, in bounded memory: what compaction decides by.
 *
 * Open addressing over an arena of key bytes. Keys are compared byte for byte; of a long one only its SHA-256 is kept. The hash starts from a
 * random seed, so that nobody can choose keys that collide. (Kafka's SkimpyOffsetMap keeps MD5 digests alone.)
 */
import { createHash } from 'node:crypto'

/** A longer key is kept as its digest. */
const longestKeptKey = 64
/** As a key's length: the arena has its digest. */
const digested = 255
const digestBytes = 32
/** Offset, place in the arena, hash, length. */
const entryBytes = 8 + 4 + 4 + 1
const slotBytes = 4
const firstEntries = 1024
const firstArenaBytes = 32 * 1024
/** Four slots for three entries at most. */
const fullestSlots = 0.75

export class OffsetMap {
  readonly #budgetBytes: number
  readonly #seed: number
  /** Number of the entry, from 1 on; 0: free. */
  #slots = new Uint32Array(firstEntries * 2)
  #offsets = new Float64Array(firstEntries)
  #keyStarts = new Uint32Array(firstEntries)
  #hashes = new Int32Array(firstEntries)
  #keyLengths = new Uint8Array(firstEntries)
  #arena = Buffer.allocUnsafeSlow(firstArenaBytes)
  #arenaUsed = 0
  #size = 0

  /** `budgetBytes`: what it may grow to (log.cleaner.dedupe.buffer.size). `seed`: any 32 bits. */
  constructor(budgetBytes: number, seed: number) {
    this.#budgetBytes = budgetBytes
    this.#seed = seed | 0
  }

  /** Number of keys. */
  get size(): number {
    return this.#size
  }

  get usedBytes(): number {
    return this.#slots.length * slotBytes + this.#offsets.length * entryBytes + this.#arena.length
  }

  /**
   * The key in `bytes` from `start` on was last seen at `offset`. False when it is new and there is no room for it; `force`: room is made all
   * the same.
   */
  put(bytes: Buffer, start: number, length: number, offset: number, force = false): boolean {
    const key = length <= longestKeptKey ? bytes : digestOf(bytes, start, length)
    const keyStart = length <= longestKeptKey ? start : 0
    const kept = length <= longestKeptKey ? length : digestBytes
    const mark = length <= longestKeptKey ? length : digested
    const hash = hashOf(this.#seed, key, keyStart, kept)
    let slot = this.#find(hash, key, keyStart, kept, mark)
    const found = this.#slots[slot]!
    if (found > 0) {
      this.#offsets[found - 1] = offset
      return true
    }
    if (this.#mustGrow(kept)) {
      if (!this.#grow(kept, force)) return false
      slot = this.#find(hash, key, keyStart, kept, mark)
    }
    const entry = this.#size
    this.#size += 1
    this.#slots[slot] = entry + 1
    this.#offsets[entry] = offset
    this.#hashes[entry] = hash
    this.#keyStarts[entry] = this.#arenaUsed
    this.#keyLengths[entry] = mark
    key.copy(this.#arena, this.#arenaUsed, keyStart, keyStart + kept)
    this.#arenaUsed += kept
    return true
  }

  /** The last offset of that key, -1 if it was never put. */
  get(bytes: Buffer, start: number, length: number): number {
    const isKept = length <= longestKeptKey
    const key = isKept ? bytes : digestOf(bytes, start, length)
    const keyStart = isKept ? start : 0
    const kept = isKept ? length : digestBytes
    const hash = hashOf(this.#seed, key, keyStart, kept)
    const found = this.#slots[this.#find(hash, key, keyStart, kept, isKept ? length : digested)]!
    return found === 0 ? -1 : this.#offsets[found - 1]!
  }

  /** The slot that has the key, or the free one that it would get. */
  #find(hash: number, key: Buffer, start: number, length: number, mark: number): number {
    const mask = this.#slots.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot]! - 1
      if (entry < 0) return slot
      if (this.#hashes[entry] !== hash || this.#keyLengths[entry] !== mark) continue
      const at = this.#keyStarts[entry]!
      if (key.compare(this.#arena, at, at + length, start, start + length) === 0) return slot
    }
  }

  #mustGrow(keyBytes: number): boolean {
    return this.#size >= this.#offsets.length || this.#arenaUsed + keyBytes > this.#arena.length
  }

  /** What is short is doubled. False when the budget does not allow it. */
  #grow(keyBytes: number, force: boolean): boolean {
    const growsEntries = this.#size >= this.#offsets.length
    const entries = growsEntries ? this.#offsets.length * 2 : this.#offsets.length
    const slots = entries > this.#slots.length * fullestSlots ? this.#slots.length * 2 : this.#slots.length
    const growsArena = this.#arenaUsed + keyBytes > this.#arena.length
    const arena = growsArena ? this.#arena.length * 2 : this.#arena.length
    if (!force && slots * slotBytes + entries * entryBytes + arena > this.#budgetBytes) return false
    if (growsEntries) {
      this.#offsets = grown(this.#offsets, new Float64Array(entries))
      this.#keyStarts = grown(this.#keyStarts, new Uint32Array(entries))
      this.#hashes = grown(this.#hashes, new Int32Array(entries))
      this.#keyLengths = grown(this.#keyLengths, new Uint8Array(entries))
    }
    if (slots > this.#slots.length) this.#rehash(slots)
    if (growsArena) {
      const larger = Buffer.allocUnsafeSlow(arena)
      this.#arena.copy(larger, 0, 0, this.#arenaUsed)
      this.#arena = larger
    }
    return true
  }

  #rehash(slots: number): void {
    const mask = slots - 1
    this.#slots = new Uint32Array(slots)
    for (let entry = 0; entry < this.#size; entry += 1) {
      let slot = this.#hashes[entry]! & mask
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask
      this.#slots[slot] = entry + 1
    }
  }
}

function grown<T extends Float64Array | Uint32Array | Int32Array | Uint8Array>(from: T, to: T): T {
  to.set(from)
  return to
}

function digestOf(bytes: Buffer, start: number, length: number): Buffer {
  return createHash('sha256')
    .update(bytes.subarray(start, start + length))
    .digest()
}

/** MurmurHash3's mixing, four bytes at a time. */
function hashOf(seed: number, bytes: Buffer, start: number, length: number): number {
  let hash = seed
  let at = start
  const end = start + length
  for (; at + 4 <= end; at += 4) {
    hash = mix(hash, bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24))
  }
  let tail = 0
  for (let shift = 0; at < end; at += 1, shift += 8) tail |= bytes[at]! << shift
  hash = mix(hash, tail) ^ length
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

function mix(hash: number, word: number): number {
  const product = Math.imul(word, 0xcc9e2d51)
  const rotated = hash ^ Math.imul((product << 15) | (product >>> 17), 0x1b873593)
  return Math.imul((rotated << 13) | (rotated >>> 19), 5) + 0xe6546b64
}
