/**
 * network: the memory that a socket is read into, and the frames in it.
 *
 *     read into      what lies there                                 then
 *     scratch        small frames                                    copied out, into slabs that all connections share
 *                    a frame of 16 KB and more, whole or begun       all moves to a slab, which is read into from now on
 *     a slab         frames, and the beginning of the next           large frames are views that hold the slab; at its end the rest moves on
 *
 * One scratch serves all connections, since what was read is looked at before anything else is read (not so on Windows, where reads are given
 * their memory in advance: own-memory-reads.ts). So an idle connection has no memory here. What is begun and has no slab — it is too
 * large for one, or too many connections have one — is gathered by a FrameAssembler, and so is what comes in chunks of its own (TLS).
 */
import { largeSlabs, type Slab, SlabFiller, type SlabPool, sharedSlabs, slabOf, smallSlabs } from '../runtime/slabs.ts'
import { FrameAssembler } from './frame-assembler.ts'

const sizeBytes = 4
const scratch: Buffer = Buffer.allocUnsafeSlow(64 * 1024)
/** From here on a frame is not copied, and its beginning is worth a slab. */
export const largeFrameBytes = 16 * 1024
/** Smaller frames. Below 512 bytes it is not worth it. */
const copies = new SlabFiller(sharedSlabs)
const smallestCopy = 512
/** Slabs that connections fill: whoever comes later, or has only said that much will come, can't take more memory than this. */
const maxFilling = { small: 64, large: 32 }
const filling = { small: 0, large: 0 }
type SlabKind = keyof typeof filling
const pools: Readonly<Record<SlabKind, SlabPool>> = { small: smallSlabs, large: largeSlabs }

export class ReceiveBuffer {
  readonly #assembler: FrameAssembler
  /** What is read into: scratch, or the slab's. */
  #memory = scratch
  #slab: Slab | undefined
  #kind: SlabKind = 'small'
  /** Bytes that no frame has taken yet: from here … */
  #start = 0
  /** … up to here. */
  #end = 0

  constructor(maxFrameBytes: number) {
    this.#assembler = new FrameAssembler(maxFrameBytes)
  }

  /** The largest frame from the next one on, and the config that says so. */
  limitFrames(maxFrameBytes: number, limitName: string): void {
    this.#assembler.limitFrames(maxFrameBytes, limitName)
  }

  /** Bytes held that no frame has taken yet. */
  get bufferedBytes(): number {
    return this.#end - this.#start + this.#assembler.bufferedBytes
  }

  /** Where the next read goes; never empty. */
  get space(): Buffer {
    return this.#memory === scratch ? scratch : this.#memory.subarray(this.#end)
  }

  /** `bytes` were read into `space`. To be followed at once by `next` as often as wanted, then by `settle`. */
  filled(bytes: number): void {
    this.#end += bytes
  }

  /** What was read into memory of its own, as all of TLS is; `next` follows. The buffer keeps it. */
  add(chunk: Buffer): void {
    this.#assembler.push(chunk)
  }

  /**
   * The next complete frame without its size. One that lies in a slab holds it: who takes it releases it (`slabOf`), or keeps it for good.
   * @throws InvalidFrameError
   */
  next(): Buffer | undefined {
    while (!this.#assembler.isEmpty) {
      const gathered = this.#assembler.next()
      if (gathered !== undefined || this.#start === this.#end) return gathered
      this.#feed()
    }
    const buffered = this.#end - this.#start
    if (buffered < sizeBytes) return undefined
    const frameBytes = this.#assembler.checkedSize(this.#memory.readInt32BE(this.#start))
    if (buffered - sizeBytes < frameBytes) return undefined
    const isLarge = frameBytes >= largeFrameBytes && (this.#slab !== undefined || this.#moveToSlab(buffered))
    const frame = this.#take(frameBytes)
    if (!isLarge && (frameBytes < smallestCopy || frameBytes >= largeFrameBytes)) return Buffer.from(frame)
    const given = isLarge ? frame : copies.copy(frame)
    slabOf(given)!.retain()
    return given
  }

  /** What is left goes where the next read can follow it. Only between two reads: one that is under way has its `space` already. */
  settle(): void {
    const rest = this.#end - this.#start
    if (rest === 0) {
      this.#leave()
      return
    }
    const wanted = Math.max(rest + 1, this.#wantedBytes(rest))
    const room = this.#memory.length - this.#start
    if (this.#slab !== undefined && wanted <= room && this.#end < this.#memory.length) return
    if (wanted < largeFrameBytes || !this.#moveToSlab(wanted)) this.#gather()
  }

  /** The connection is gone. */
  close(): void {
    this.#start = 0
    this.#end = 0
    this.#leave()
  }

  /** What the frame that has begun needs, its size included. */
  #wantedBytes(rest: number): number {
    return rest < sizeBytes ? sizeBytes : sizeBytes + this.#memory.readInt32BE(this.#start)
  }

  /** All that is left moves to another slab, with room for `wanted` bytes in all. False when there is none. */
  #moveToSlab(wanted: number): boolean {
    const rest = this.#end - this.#start
    const kind = wanted <= pools.small.slabBytes ? 'small' : 'large'
    if (wanted > pools[kind].slabBytes || filling[kind] >= maxFilling[kind]) return false
    const slab = pools[kind].take()
    this.#memory.copy(slab.buffer, 0, this.#start, this.#end)
    this.#leave()
    filling[kind] += 1
    this.#memory = slab.buffer
    this.#slab = slab
    this.#kind = kind
    this.#end = rest
    return true
  }

  /** Back to scratch; what was left is elsewhere. */
  #leave(): void {
    this.#memory = scratch
    this.#start = 0
    this.#end = 0
    if (this.#slab === undefined) return
    filling[this.#kind] -= 1
    this.#slab.release()
    this.#slab = undefined
  }

  /** The assembler gets a copy of all that is left. */
  #gather(): void {
    this.#assembler.push(Buffer.from(this.#memory.subarray(this.#start, this.#end)))
    this.#leave()
  }

  /** The assembler gets a copy of what it lacks for its frame. */
  #feed(): void {
    const bytes = Math.min(this.#assembler.missingBytes, this.#end - this.#start)
    this.#assembler.push(Buffer.from(this.#memory.subarray(this.#start, this.#start + bytes)))
    this.#start += bytes
  }

  #take(frameBytes: number): Buffer {
    const from = this.#start + sizeBytes
    this.#start = from + frameBytes
    return this.#memory.subarray(from, this.#start)
  }
}
