/**
 * protocol/schema: writes Kafka's primitive types. Small values go to a buffer that grows; record bytes are not copied, but
 * handed on as they are, so that the result is a list of buffers for one `writev`.
 */
import { ProtocolError } from './protocol-error.ts'

/** A byte field up to this size is copied: cheaper than one more entry in the list of buffers. */
const copiedBytes = 512
/** What is written goes on in a new buffer after so many bytes: large ones would be copied to grow, in memory that the system gives anew. */
const pieceBytes = 32 * 1024

export class Writer {
  #buffer: Buffer
  /** Where the bytes that are not yet in `#done` start. */
  #start = 0
  #position = 0
  readonly #done: Buffer[] = []
  /** Sizes that are still to be put before what is being written: until then all is copied. */
  #openMarks = 0
  #doneBytes = 0

  constructor(sizeHint = 256) {
    this.#buffer = Buffer.allocUnsafe(sizeHint)
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#doneBytes + this.#position - this.#start
  }

  /** All that was written, in order. The writer must not be used afterwards. */
  finish(): Buffer[] {
    if (this.#position > this.#start) this.#done.push(this.#buffer.subarray(this.#start, this.#position))
    return this.#done
  }

  /** All that was written, in one buffer. The writer must not be used afterwards. */
  toBuffer(): Buffer {
    const parts = this.finish()
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
  }

  /** Makes room for `length` bytes and returns where they start. */
  #reserve(length: number): number {
    const at = this.#position
    if (at + length > this.#buffer.length) return this.#grow(length)
    this.#position = at + length
    return at
  }

  #grow(length: number): number {
    const kept = this.#position - this.#start
    if (kept >= pieceBytes && this.#openMarks === 0) {
      this.#closePiece()
      this.#buffer = Buffer.allocUnsafe(Math.max(length, pieceBytes))
      this.#start = 0
      this.#position = length
      return 0
    }
    const larger = Buffer.allocUnsafe(Math.max(kept + length, this.#buffer.length * 2))
    this.#buffer.copy(larger, 0, this.#start, this.#position)
    this.#buffer = larger
    this.#start = 0
    this.#position = kept + length
    return kept
  }

  bool(value: boolean): void {
    this.int8(value ? 1 : 0)
  }

  int8(value: number): void {
    const at = this.#reserve(1)
    this.#buffer[at] = value
  }

  int16(value: number): void {
    const at = this.#reserve(2)
    this.#buffer[at] = value >> 8
    this.#buffer[at + 1] = value
  }

  uint16(value: number): void {
    this.int16(value)
  }

  int32(value: number): void {
    const at = this.#reserve(4)
    this.#putInt32(at, value)
  }

  #putInt32(at: number, value: number): void {
    const buffer = this.#buffer
    buffer[at] = value >> 24
    buffer[at + 1] = value >> 16
    buffer[at + 2] = value >> 8
    buffer[at + 3] = value
  }

  uint32(value: number): void {
    this.int32(value)
  }

  int64(value: bigint | number): void {
    if (typeof value === 'bigint') {
      const at = this.#reserve(8)
      this.#buffer.writeBigInt64BE(value, at)
      return
    }
    const high = Math.floor(value / 0x1_0000_0000)
    const at = this.#reserve(8)
    this.#putInt32(at, high)
    this.#putInt32(at + 4, value - high * 0x1_0000_0000)
  }

  float64(value: number): void {
    const at = this.#reserve(8)
    this.#buffer.writeDoubleBE(value, at)
  }

  /** @param value 22 characters of base64url. */
  uuid(value: string): void {
    const at = this.#reserve(16)
    if (this.#buffer.write(value, at, 16, 'base64url') !== 16) throw new ProtocolError(`not a uuid: ${value}`)
  }

  uvarint(value: number): void {
    let rest = value >>> 0
    while (rest > 0x7f) {
      this.int8((rest & 0x7f) | 0x80)
      rest >>>= 7
    }
    this.int8(rest)
  }

  string(value: string): void {
    const length = this.#textLength(value)
    this.int16(length)
    this.#text(value, length)
  }

  compactString(value: string): void {
    const length = this.#textLength(value)
    this.uvarint(length + 1)
    this.#text(value, length)
  }

  #textLength(value: string): number {
    const length = Buffer.byteLength(value)
    if (length > 0x7fff) throw new ProtocolError(`string of ${length} bytes, 32767 is the most`)
    return length
  }

  #text(value: string, length: number): void {
    const at = this.#reserve(length)
    this.#buffer.write(value, at, length, 'utf8')
  }

  bytes(value: Uint8Array): void {
    this.int32(value.length)
    this.raw(value)
  }

  compactBytes(value: Uint8Array): void {
    this.uvarint(value.length + 1)
    this.raw(value)
  }

  records(value: Buffer | readonly Buffer[]): void {
    this.int32(byteLength(value))
    this.#rawAll(value)
  }

  compactRecords(value: Buffer | readonly Buffer[]): void {
    this.uvarint(byteLength(value) + 1)
    this.#rawAll(value)
  }

  #rawAll(value: Buffer | readonly Buffer[]): void {
    if (Array.isArray(value)) for (const part of value as readonly Buffer[]) this.raw(part)
    else this.raw(value as Buffer)
  }

  /** `value` as it is: copied when small, else kept by reference until the result is sent. */
  raw(value: Uint8Array): void {
    if (value.length <= copiedBytes || this.#openMarks > 0) {
      const at = this.#reserve(value.length)
      this.#buffer.set(value, at)
      return
    }
    if (this.#position > this.#start) this.#closePiece()
    this.#done.push(value as Buffer)
    this.#doneBytes += value.length
  }

  #closePiece(): void {
    this.#done.push(this.#buffer.subarray(this.#start, this.#position))
    this.#doneBytes += this.#position - this.#start
    this.#start = this.#position
  }

  /** Where a size that is only known later will have to stand before; for `prefixSize`. */
  mark(): number {
    this.#openMarks += 1
    return this.length
  }

  /** Puts the number of bytes written since `mark` before them, as a uvarint. */
  prefixSize(mark: number): void {
    this.#openMarks -= 1
    const size = this.length - mark
    let width = 1
    for (let rest = size; rest > 0x7f; rest >>>= 7) width += 1
    this.#reserve(width)
    const start = this.#position - width - size
    this.#buffer.copyWithin(start + width, start, start + size)
    let rest = size
    for (let index = 0; index < width; index += 1) {
      this.#buffer[start + index] = index < width - 1 ? (rest & 0x7f) | 0x80 : rest
      rest >>>= 7
    }
  }
}

function byteLength(value: Buffer | readonly Buffer[]): number {
  if (!Array.isArray(value)) return (value as Buffer).length
  let length = 0
  for (const part of value as readonly Buffer[]) length += part.length
  return length
}
