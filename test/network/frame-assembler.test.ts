import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FrameAssembler, InvalidFrameError } from '../../src/network/frame-assembler.ts'
import { framed } from './raw-client.ts'

function framesOf(assembler: FrameAssembler): Buffer[] {
  const frames: Buffer[] = []
  for (let frame = assembler.next(); frame !== undefined; frame = assembler.next()) frames.push(frame)
  return frames
}

describe('the frame assembler', () => {
  it('gives each frame whatever the chunks are', () => {
    const bodies = fc.array(fc.uint8Array({ maxLength: 6000 }), { maxLength: 12 })
    fc.assert(
      fc.property(
        bodies,
        fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 60 }),
        (sent, cuts) => {
          const bytes = Buffer.concat(sent.map(framed))
          const assembler = new FrameAssembler(10_000)
          const received: Buffer[] = []
          for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
            const length = cuts[turn % cuts.length]!
            assembler.push(Buffer.from(bytes.subarray(at, at + length)))
            if (turn % 3 === 0) received.push(...framesOf(assembler))
            at += length
          }
          received.push(...framesOf(assembler))
          expect(received.map((each) => each.toString('hex'))).toEqual(
            sent.map((each) => Buffer.from(each).toString('hex')),
          )
          expect(assembler.bufferedBytes).toBe(0)
        },
      ),
      { numRuns: 200 },
    )
  })

  it('takes a frame in one chunk as a view', () => {
    const chunk = framed(Buffer.alloc(500, 7))
    const assembler = new FrameAssembler(1000)
    assembler.push(chunk)
    expect(assembler.next()!.buffer).toBe(chunk.buffer)
  })

  it('reads a frame sent byte by byte', () => {
    const body = Buffer.from(Array.from({ length: 9000 }, (_, index) => index % 251))
    const assembler = new FrameAssembler(10_000)
    for (const byte of framed(body)) {
      expect(assembler.next()).toBeUndefined()
      assembler.push(Buffer.of(byte))
    }
    expect(assembler.next()!.equals(body)).toBe(true)
  })

  it('allocates nothing for bytes that are only announced', () => {
    const before = process.memoryUsage().arrayBuffers
    const assemblers = Array.from({ length: 50 }, () => new FrameAssembler(100 * 1024 * 1024))
    for (const assembler of assemblers) {
      assembler.push(Buffer.from([0x06, 0x40, 0, 0, 1, 2, 3])) // 100 MiB to come
      expect(assembler.next()).toBeUndefined()
      assembler.push(Buffer.alloc(10))
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50 * 8192)
    expect(assemblers[0]!.bufferedBytes).toBe(13)
  })

  it.each([
    ['negative', Buffer.from('ffffffff', 'hex'), 'the size -1 in front of a request is negative'],
    ['too large', Buffer.from('000003e9', 'hex'), 'the size 1001 in front of a request is larger than 1000'],
    ['TLS', Buffer.from('16030100a5010000a10303', 'hex'), 'it looks like TLS'],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n'), 'it looks like HTTP'],
  ])('refuses a size that is %s', (_what, bytes, message) => {
    const assembler = new FrameAssembler(1000)
    assembler.push(bytes)
    expect(() => assembler.next()).toThrow(InvalidFrameError)
    const again = new FrameAssembler(1000)
    again.push(bytes)
    expect(() => again.next()).toThrow(message)
  })

  it('takes a frame of exactly the limit', () => {
    const assembler = new FrameAssembler(1000)
    assembler.push(framed(Buffer.alloc(1000)))
    expect(assembler.next()).toHaveLength(1000)
  })
})
