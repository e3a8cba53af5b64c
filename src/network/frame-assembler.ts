/**
 * network: cuts the bytes of one connection into frames.
 *
 *     size (int32) | that many bytes        size (int32) | …
 *
 * A frame that came in one chunk is a view on it, so whoever keeps a part of it keeps the whole chunk (64 KiB at most); one that
 * came in several is joined once, when its last byte is there. Nothing is allocated for bytes that have only been announced.
 */

const sizeBytes = 4
/** Chunks below this are gathered, so that a frame sent byte by byte does not become a list of its bytes. */
const smallChunkBytes = 1024
const gatheringBytes = 4096

/** The size in front of a frame is negative or beyond the limit; what follows can't be read. */
export class InvalidFrameError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'InvalidFrameError'
  }
}

export class FrameAssembler {
  #maxFrameBytes: number
  #limitName = 'socket.request.max.bytes'
  #chunks: Buffer[] = []
  /** Where the first chunk's bytes that no frame has taken yet start. */
  #offset = 0
  /** Bytes in `#chunks` that no frame has taken yet. */
  #bufferedBytes = 0
  /** Size of the frame that has begun; -1 before it is known. */
  #frameBytes = -1
  /** Bytes still free in the last chunk, when that is one of ours that gathers small ones. */
  #gatheringRoom = 0

  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes
  }

  /** The largest frame from the next one on whose size has not been read yet, and the config that says so. */
  limitFrames(maxFrameBytes: number, limitName: string): void {
    this.#maxFrameBytes = maxFrameBytes
    this.#limitName = limitName
  }

  /** Bytes held that no frame has taken yet. */
  get bufferedBytes(): number {
    return this.#bufferedBytes
  }

  /** No frame has begun. */
  get isEmpty(): boolean {
    return this.#bufferedBytes === 0 && this.#frameBytes < 0
  }

  /** What `next` lacks to get on, to know the size of a frame or to give it; 0 or less: nothing. */
  get missingBytes(): number {
    return (this.#frameBytes < 0 ? sizeBytes : this.#frameBytes) - this.#bufferedBytes
  }

  /** The assembler keeps `chunk`; it must not change any more. */
  push(chunk: Buffer): void {
    if (chunk.length === 0) return
    const gathers = this.#bufferedBytes > 0 && chunk.length < smallChunkBytes
    this.#bufferedBytes += chunk.length
    if (gathers) this.#gather(chunk)
    else {
      this.#endGathering()
      this.#chunks.push(chunk)
    }
  }

  /** The next complete frame without its size. @throws InvalidFrameError */
  next(): Buffer | undefined {
    if (this.#frameBytes < 0) {
      if (this.#bufferedBytes < sizeBytes) return undefined
      this.#frameBytes = this.checkedSize(this.#takeSize())
    }
    if (this.#bufferedBytes < this.#frameBytes) return undefined
    const frame = this.#take(this.#frameBytes)
    this.#frameBytes = -1
    return frame
  }

  /** `size`, if a frame may have it. @throws InvalidFrameError */
  checkedSize(size: number): number {
    if (size >= 0 && size <= this.#maxFrameBytes) return size
    const problem = size < 0 ? 'is negative' : `is larger than ${this.#maxFrameBytes} (${this.#limitName})`
    throw new InvalidFrameError(`the size ${size} in front of a request ${problem}${otherProtocol(size)}`)
  }

  #gather(chunk: Buffer): void {
    let rest = chunk
    while (rest.length > 0) {
      if (this.#gatheringRoom === 0) {
        this.#chunks.push(Buffer.allocUnsafeSlow(gatheringBytes))
        this.#gatheringRoom = gatheringBytes
      }
      const copied = rest.copy(this.#chunks.at(-1)!, gatheringBytes - this.#gatheringRoom)
      this.#gatheringRoom -= copied
      rest = rest.subarray(copied)
    }
  }

  #endGathering(): void {
    if (this.#gatheringRoom === 0) return
    const last = this.#chunks.at(-1)!
    this.#chunks[this.#chunks.length - 1] = last.subarray(0, last.length - this.#gatheringRoom)
    this.#gatheringRoom = 0
  }

  /** The first four bytes of what is buffered, without an object of their own where they are in one chunk. */
  #takeSize(): number {
    const first = this.#chunks[0]!
    const next = this.#offset + sizeBytes
    if (next >= first.length) return this.#take(sizeBytes).readInt32BE(0)
    const size = first.readInt32BE(this.#offset)
    this.#offset = next
    this.#bufferedBytes -= sizeBytes
    return size
  }

  /** The first `length` bytes of what is buffered, which is at least as much. */
  #take(length: number): Buffer {
    this.#endGathering()
    this.#bufferedBytes -= length
    const first = this.#chunks[0]
    const end = this.#offset + length
    if (first === undefined || end > first.length) return this.#join(length)
    const taken = first.subarray(this.#offset, end)
    this.#offset = end
    if (end === first.length) {
      this.#chunks.shift()
      this.#offset = 0
    }
    return taken
  }

  #join(length: number): Buffer {
    const joined = Buffer.allocUnsafe(length)
    let filled = 0
    let index = 0
    while (filled < length) {
      const chunk = this.#chunks[index]!
      const copied = chunk.copy(joined, filled, this.#offset)
      filled += copied
      this.#offset += copied
      if (this.#offset < chunk.length) break
      this.#offset = 0
      index += 1
    }
    this.#chunks.splice(0, index)
    return joined
  }
}

/** What the first four bytes of a client of another protocol look like when they are read as a size. */
function otherProtocol(size: number): string {
  const bytes = Buffer.alloc(sizeBytes)
  bytes.writeInt32BE(size)
  if (bytes[0] === 0x16 && bytes[1] === 0x03) return ': it looks like TLS, but this listener is not encrypted'
  return /^[A-Z]{3,4} ?$/.test(bytes.toString('latin1')) ? ': it looks like HTTP, this is a Kafka listener' : ''
}
