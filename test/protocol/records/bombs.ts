/** Compressed data of at most 1 MB that inflates to as much as its codec can, with headers that say so and headers that don't. */
import { gzipSync } from 'node:zlib'
import { type Codec, compress } from '../../../protocol/records/index.ts'

interface Bomb {
  readonly codec: Codec
  readonly bytes: Buffer
}

const mebibyte = 1024 * 1024

/** As often as it fits into 1 MB. */
function repeated(part: Buffer): Buffer[] {
  return Array<Buffer>(Math.floor(mebibyte / part.length)).fill(part)
}

export const bombs: Readonly<Record<string, () => Bomb>> = {
  'gzip of 256 MB': () => ({ codec: 'gzip', bytes: gzipSync(Buffer.alloc(256 * mebibyte)) }),
  // The trailer tells the last member's size only.
  'gzip of 1 GB in 64 members': () => {
    const member = gzipSync(Buffer.alloc(16 * mebibyte), { level: 9 })
    return { codec: 'gzip', bytes: Buffer.concat(repeated(member)) }
  },
  // 32 KiB blocks of 64 byte copies; snappy can't do more than 21 to 1.
  'snappy of 21 MB': () => ({ codec: 'snappy', bytes: compress('snappy', Buffer.alloc(21 * mebibyte)) }),
  'snappy that claims 4 GB': () => {
    const block = Buffer.concat([Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f]), Buffer.alloc(mebibyte)])
    return { codec: 'snappy', bytes: block }
  },
  'lz4 of 250 MB in blocks of 4 MB': () => ({ codec: 'lz4', bytes: lz4Frame(4 * mebibyte, 0x70) }),
  'lz4 of 250 MB in blocks of 64 KB': () => ({ codec: 'lz4', bytes: lz4Frame(65_536, 0x40) }),
  'zstd of 1 GB with its size': () => ({ codec: 'zstd', bytes: compress('zstd', Buffer.alloc(1000 * mebibyte)) }),
  'zstd of more than 1 GB in compressed blocks, without its size': () => {
    const frame = compress('zstd', Buffer.from('abc'.repeat(20_000)))
    const start = 5 + 2 // single segment, content size of 2 bytes
    const block = Buffer.from(frame.subarray(start, start + 3 + (frame.readUIntLE(start, 3) >>> 3)))
    const last = Buffer.from(block)
    block[0]! &= 0xfe
    const header = Buffer.from('28b52ffd0068', 'hex') // a window of 8 MiB
    return { codec: 'zstd', bytes: Buffer.concat([header, ...repeated(block).slice(1), last]) }
  },
  'zstd of 1 GB in many frames': () => {
    const frame = compress('zstd', Buffer.from('abc'.repeat(3 * mebibyte)))
    return { codec: 'zstd', bytes: Buffer.concat(repeated(frame)) }
  },
}

function lz4Frame(blockSize: number, blockDescriptor: number): Buffer {
  const frame = compress('lz4', Buffer.alloc(65_536))
  const block = frame.subarray(7, -4)
  const header = Buffer.from(frame.subarray(0, 7))
  header[5] = blockDescriptor
  header[6] = blockDescriptor === 0x70 ? 0x73 : 0x82
  if (blockSize === 65_536) return Buffer.concat([header, ...repeated(block), Buffer.alloc(4)])
  // A literal and one match whose length goes on for as many bytes as a block of 4 MB takes.
  const extension = Buffer.alloc(Math.floor((blockSize - 300) / 255), 0xff)
  const large = Buffer.concat([Buffer.from([0x1f, 0, 1, 0]), extension, Buffer.from([0, 0x50, 0, 0, 0, 0, 0])])
  const length = Buffer.alloc(4)
  length.writeUInt32LE(large.length, 0)
  return Buffer.concat([header, ...repeated(Buffer.concat([length, large])), Buffer.alloc(4)])
}
