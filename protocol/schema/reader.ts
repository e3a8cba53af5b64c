/**
 * protocol/schema: reads Kafka's primitive types from one Buffer. Every read is checked against the end first, so that
 * hostile bytes give a ProtocolError and never an allocation larger than what is there.
 * Byte fields are views on the buffer, not copies. Any negative length of what may be null means null, as Kafka reads it.
 * Source: "Protocol Primitive Types" in Kafka's protocol guide; KIP-482 for the compact forms.
 */
import { ProtocolError } from './protocol-error.ts'

export class Reader {
  readonly buffer: Buffer
  position: number
  readonly end: number
  /** An int64 declared as a JavaScript number was beyond ±(2^53-1) and is a bigint in the decoded value. */
  hasUnsafeInteger = false

  constructor(buffer: Buffer, position = 0, end = buffer.length) {
    this.buffer = buffer
    this.position = position
    this.end = end
  }

  get remaining(): number {
    return this.end - this.position
  }

  /** Moves past `length` bytes and returns where they start. */
  #take(length: number): number {
    const start = this.position
    if (length > this.end - start) {
      throw new ProtocolError(`${length} bytes expected at ${start}, but only ${this.end - start} are left`)
    }
    this.position = start + length
    return start
  }

  bool(): boolean {
    return this.buffer[this.#take(1)] !== 0
  }

  int8(): number {
    return (this.buffer[this.#take(1)]! << 24) >> 24
  }

  int16(): number {
    const at = this.#take(2)
    return ((this.buffer[at]! << 24) >> 16) | this.buffer[at + 1]!
  }

  uint16(): number {
    const at = this.#take(2)
    return (this.buffer[at]! << 8) | this.buffer[at + 1]!
  }

  int32(): number {
    const at = this.#take(4)
    const bytes = this.buffer
    return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
  }

  uint32(): number {
    return this.int32() >>> 0
  }

  int64(): bigint {
    return this.buffer.readBigInt64BE(this.#take(8))
  }

  /** The int64 as a number; beyond ±(2^53-1) it stays a bigint, and `hasUnsafeInteger` says so. */
  int64AsNumber(): number {
    const high = this.int32()
    const low = this.int32() >>> 0
    const value = high * 0x1_0000_0000 + low
    if (Number.isSafeInteger(value)) return value
    this.hasUnsafeInteger = true
    return ((BigInt(high) << 32n) | BigInt(low)) as unknown as number // the server answers it before the domain sees it
  }

  float64(): number {
    return this.buffer.readDoubleBE(this.#take(8))
  }

  /** 22 characters of base64url, as Kafka prints a Uuid. */
  uuid(): string {
    const at = this.#take(16)
    return this.buffer.toString('base64url', at, at + 16)
  }

  uvarint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.buffer[this.#take(1)]!
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) {
        if (value > 0xffffffff) break
        return value
      }
    }
    throw new ProtocolError(`varint longer than 32 bits before ${this.position}`)
  }

  /** The bytes from here to `length` further on, as a view. */
  view(length: number): Buffer {
    if (length < 0) throw new ProtocolError(`negative length ${length} before ${this.position}`)
    const start = this.#take(length)
    return this.buffer.subarray(start, start + length)
  }

  #text(length: number): string {
    if (length > 0x7fff) throw new ProtocolError(`string of ${length} bytes before ${this.position}, 32767 is the most`)
    const start = this.#take(length)
    return this.buffer.toString('utf8', start, start + length)
  }

  string(): string {
    const length = this.int16()
    if (length < 0) throw new ProtocolError(`null or negative string length before ${this.position}`)
    return this.#text(length)
  }

  nullableString(): string | null {
    const length = this.int16()
    return length < 0 ? null : this.#text(length)
  }

  compactString(): string {
    const length = this.uvarint() - 1
    if (length < 0) throw new ProtocolError(`null string before ${this.position}`)
    return this.#text(length)
  }

  compactNullableString(): string | null {
    const length = this.uvarint() - 1
    return length < 0 ? null : this.#text(length)
  }

  bytes(): Buffer {
    return this.view(this.int32())
  }

  nullableBytes(): Buffer | null {
    const length = this.int32()
    return length < 0 ? null : this.view(length)
  }

  compactBytes(): Buffer {
    return this.view(this.uvarint() - 1)
  }

  compactNullableBytes(): Buffer | null {
    const length = this.uvarint() - 1
    return length < 0 ? null : this.view(length)
  }

  /** Number of elements; each takes `elementBytes` at least, so a longer array can't be there. */
  arrayLength(elementBytes: number): number {
    return this.#checkedArrayLength(this.int32(), elementBytes)
  }

  /** -1 for null. */
  nullableArrayLength(elementBytes: number): number {
    const length = this.int32()
    return length < 0 ? -1 : this.#checkedArrayLength(length, elementBytes)
  }

  compactArrayLength(elementBytes: number): number {
    return this.#checkedArrayLength(this.uvarint() - 1, elementBytes)
  }

  /** -1 for null. */
  compactNullableArrayLength(elementBytes: number): number {
    const length = this.uvarint() - 1
    return length < 0 ? -1 : this.#checkedArrayLength(length, elementBytes)
  }

  #checkedArrayLength(length: number, elementBytes: number): number {
    if (length < 0) throw new ProtocolError(`null or negative array length before ${this.position}`)
    if (length * elementBytes > this.remaining) {
      throw new ProtocolError(
        `array of ${length} elements at ${this.position}, but only ${this.remaining} bytes are left`,
      )
    }
    return length
  }

  /** A nullable struct's presence byte. */
  isPresent(): boolean {
    return this.int8() >= 0
  }

  /** Where the tagged field of `size` bytes that starts here ends. */
  taggedFieldEnd(size: number): number {
    if (size > this.remaining) {
      throw new ProtocolError(`tagged field of ${size} bytes at ${this.position}, but only ${this.remaining} are left`)
    }
    return this.position + size
  }

  /** @throws ProtocolError when a tagged field was not as long as it said. */
  expectPosition(position: number): void {
    if (this.position !== position) {
      throw new ProtocolError(`tagged field ends at ${this.position}, but its size says ${position}`)
    }
  }
}
