import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InvalidFrameError } from '../../src/network/frame-assembler.ts'
import { largeFrameBytes, ReceiveBuffer } from '../../src/network/receive-buffer.ts'
import { slabOf } from '../../src/runtime/slabs.ts'
import { framed } from './raw-client.ts'

const maxFrameBytes = 4_000_000

/** Reads `bytes` into `buffer` as a socket would, at most `atMost` of them; what is left. */
function read(buffer: ReceiveBuffer, bytes: Buffer, atMost = Number.POSITIVE_INFINITY): Buffer {
  const { space } = buffer
  expect(space.length).toBeGreaterThan(0)
  const length = Math.min(space.length, bytes.length, atMost)
  bytes.copy(space, 0, 0, length)
  buffer.filled(length)
  return bytes.subarray(length)
}

function framesOf(buffer: ReceiveBuffer, atMost = Number.POSITIVE_INFINITY): Buffer[] {
  const frames: Buffer[] = []
  for (let count = 0; count < atMost; count += 1) {
    const frame = buffer.next()
    if (frame === undefined) break
    frames.push(frame)
  }
  return frames
}

/** All of `bytes`, without holding back; the frames. */
function readAll(buffer: ReceiveBuffer, bytes: Buffer): Buffer[] {
  const frames: Buffer[] = []
  for (let rest = bytes; rest.length > 0; ) {
    rest = read(buffer, rest)
    frames.push(...framesOf(buffer))
    buffer.settle()
  }
  return frames
}

const pattern = Buffer.from(Array.from({ length: 1_300_000 }, (_, index) => (index * 31 + (index >> 8)) % 251))

/** So many bytes, others for each seed. */
function body(length: number, seed = length): Buffer {
  const from = (seed * 977) % 50_000
  return pattern.subarray(from, from + length)
}

/** Lets go of what the frames hold, as a receiver does that has served them. */
function release(frames: readonly Buffer[]): void {
  for (const frame of frames) slabOf(frame)?.release()
}

describe('the receive buffer', () => {
  const sizes = fc.oneof(
    fc.integer({ min: 0, max: 300 }),
    fc.integer({ min: largeFrameBytes - 5, max: 70_000 }),
    fc.integer({ min: 200_000, max: 1_200_000 }),
  )

  it('gives each frame as it was sent, however it comes, is held back and let go of', () => {
    const turn = fc.record({
      read: fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 400_000 })),
      take: fc.integer({ min: 0, max: 4 }),
      releases: fc.boolean(),
    })
    fc.assert(
      fc.property(
        fc.array(sizes, { minLength: 1, maxLength: 9 }),
        fc.array(turn, { minLength: 1, maxLength: 40 }),
        (lengths, turns) => {
          const sent = lengths.map((length, index) => body(length, index))
          const buffer = new ReceiveBuffer(maxFrameBytes)
          const held: Buffer[] = []
          let seen = 0
          const see = (frames: readonly Buffer[]): void => {
            for (const frame of frames) {
              expect(frame.equals(sent[seen]!)).toBe(true)
              seen += 1
              held.push(frame)
            }
          }
          let rest: Buffer = Buffer.concat(sent.map(framed))
          for (let index = 0; rest.length > 0; index += 1) {
            const { read: atMost, take, releases } = turns[index % turns.length]!
            rest = read(buffer, rest, index < 100 ? atMost : undefined)
            see(framesOf(buffer, take))
            buffer.settle()
            // Between two reads frames may be taken, too.
            if (index % 3 === 0) see(framesOf(buffer, 1))
            if (releases) release(held.splice(0))
          }
          see(framesOf(buffer))
          expect(seen).toBe(sent.length)
          expect(buffer.bufferedBytes).toBe(0)
          release(held)
          buffer.close()
        },
      ),
      { numRuns: 100 },
    )
  })

  it('does not touch a large frame until it is released, whatever comes behind it', () => {
    const buffer = new ReceiveBuffer(maxFrameBytes)
    const kept = readAll(buffer, Buffer.concat([framed(body(65_000, 1)), framed(body(30_000, 2))]))
    for (let round = 0; round < 100; round += 1) release(readAll(buffer, framed(body(65_000, round))))
    expect(kept[0]!.equals(body(65_000, 1))).toBe(true)
    expect(kept[1]!.equals(body(30_000, 2))).toBe(true)
    buffer.close()
  })

  it('uses the same memory again for large frames that are released', () => {
    const buffer = new ReceiveBuffer(maxFrameBytes)
    const stream = Buffer.concat(Array.from({ length: 5 }, (_, index) => framed(body(65_000, index))))
    release(readAll(buffer, stream))
    const before = process.memoryUsage().arrayBuffers
    for (let round = 0; round < 50; round += 1) release(readAll(buffer, stream))
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2_000_000)
    buffer.close()
  })

  it('copies smaller frames into memory that is used again, too, and the smallest into their own', () => {
    const buffer = new ReceiveBuffer(maxFrameBytes)
    const [smallest] = readAll(buffer, framed(body(100)))
    expect(slabOf(smallest!)).toBeUndefined()
    const [kept] = readAll(buffer, framed(body(5000, 3)))
    const frames = Array.from({ length: 10 }, (_, index) => framed(body(5000, index)))
    const before = process.memoryUsage().arrayBuffers
    for (let round = 0; round < 1000; round += 1) release(readAll(buffer, frames[round % 10]!))
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2_000_000)
    expect(kept!.equals(body(5000, 3))).toBe(true)
  })

  it('holds no memory for a connection that is idle, or has only announced a frame', () => {
    const [whole, announced] = [framed(body(20_000)), framed(body(200_000))]
    const before = process.memoryUsage().arrayBuffers
    const buffers = Array.from({ length: 500 }, () => new ReceiveBuffer(maxFrameBytes))
    for (const buffer of buffers) {
      release(readAll(buffer, whole))
      readAll(buffer, announced.subarray(0, 10))
    }
    // A slab for some, some bytes for the others.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(40_000_000)
    for (const [index, buffer] of buffers.entries()) {
      const frames = readAll(buffer, announced.subarray(10))
      expect(frames).toHaveLength(1)
      if (index % 50 === 0) expect(frames[0]!.equals(body(200_000))).toBe(true)
      release(frames)
      buffer.close()
    }
  })

  it('lets go of its slab with the connection', () => {
    const half = framed(body(200_000)).subarray(0, 100_000)
    for (let round = 0; round < 200; round += 1) {
      const buffer = new ReceiveBuffer(maxFrameBytes)
      readAll(buffer, half)
      expect(slabOf(buffer.space)).toBeDefined()
      buffer.close()
    }
  })

  it('takes what somebody else has read first', () => {
    const buffer = new ReceiveBuffer(maxFrameBytes)
    const bytes = framed(body(70_000))
    buffer.add(Buffer.from(bytes.subarray(0, 3)))
    expect(buffer.next()).toBeUndefined()
    const frames = readAll(buffer, Buffer.concat([bytes.subarray(3), framed(body(7))]))
    expect(frames.map((frame) => frame.length)).toEqual([70_000, 7])
    expect(frames[0]!.equals(body(70_000))).toBe(true)
  })

  it.each([
    ['in one read', [9]],
    ['behind a first frame', [4, 9]],
  ])('refuses a size that is too large, %s', (_when, lengths) => {
    const buffer = new ReceiveBuffer(8)
    const bytes = Buffer.concat(lengths.map((length) => framed(body(length))))
    read(buffer, bytes)
    expect(() => framesOf(buffer)).toThrow(InvalidFrameError)
    buffer.settle()
    expect(buffer.space.length).toBeGreaterThan(0)
  })
})
