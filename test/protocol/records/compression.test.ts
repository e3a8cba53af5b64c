import { createRequire } from 'node:module'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { codecs, compress, decompress } from '../../../protocol/records/index.ts'
import { xxHash32 } from '../../../protocol/records/lz4.ts'
import {
  decompressZstd,
  nativeBackend,
  nodeBackend,
  webAssemblyBackend,
  type ZstdBackend,
} from '../../../protocol/records/zstd.ts'
import { kafkaErrorOf } from './kafka-error-of.ts'

const text = Buffer.from(Array.from({ length: 9000 }, (_, index) => `{"id":${index},"v":${index * 7919}}`).join('\n'))
const noise = Buffer.from(Array.from({ length: 70_000 }, (_, index) => (Math.imul(index, 2654435761) >>> 13) & 0xff))
const samples = [Buffer.alloc(0), Buffer.from('a'), text, noise, Buffer.alloc(500_000), text.subarray(0, 65_536)]

describe.each(codecs)('%s', (codec) => {
  it('gives back what it was given, in one part or several', () => {
    for (const sample of samples) {
      const compressed = compress(codec, sample)
      expect(decompress(codec, compressed).equals(sample)).toBe(true)
      expect(compress(codec, [sample.subarray(0, 10), sample.subarray(10)]).equals(compressed)).toBe(true)
    }
  })

  if (codec === 'none') return

  it('takes exactly as much as the limit and not a byte more', () => {
    for (const sample of samples.slice(1)) {
      const compressed = compress(codec, sample)
      expect(decompress(codec, compressed, { maxBytes: sample.length }).length).toBe(sample.length)
      const above = () => decompress(codec, compressed, { maxBytes: sample.length - 1 })
      expect(kafkaErrorOf(above)).toBe('MESSAGE_TOO_LARGE')
    }
  })

  it('is refused when it is cut off, or something else', () => {
    const compressed = compress(codec, text.subarray(0, 3000))
    for (let length = 0; length < compressed.length; length++) {
      const cut = compressed.subarray(0, length)
      if (codec === 'snappy' && length === 16) expect(decompress(codec, cut).length).toBe(0)
      else expect(kafkaErrorOf(() => decompress(codec, cut))).toBe('CORRUPT_MESSAGE')
    }
    expect(kafkaErrorOf(() => decompress(codec, Buffer.alloc(100, 0xff)))).toBe('CORRUPT_MESSAGE')
  })
})

describe('gzip', () => {
  it('may have several members', () => {
    const members = Buffer.concat([gzipSync(text), gzipSync(noise)])
    expect(decompress('gzip', members).equals(Buffer.concat([text, noise]))).toBe(true)
  })
})

describe('snappy', () => {
  const blocks = createRequire(import.meta.url)('snappy') as { compressSync(bytes: Buffer): Buffer }

  it('may be one raw block', () => {
    expect(decompress('snappy', blocks.compressSync(text)).equals(text)).toBe(true)
  })

  it('may be several streams, one after the other', () => {
    const streams = Buffer.concat([compress('snappy', text), compress('snappy', noise)])
    expect(decompress('snappy', streams).equals(Buffer.concat([text, noise]))).toBe(true)
  })

  it('is refused when its header claims more than its bytes can hold', () => {
    const lie = Buffer.concat([Buffer.from([0x80, 0x80, 0x80, 0x80, 0x04]), Buffer.alloc(100)]) // 1 GiB
    expect(kafkaErrorOf(() => decompress('snappy', lie, { maxBytes: 2 ** 31 }))).toBe('CORRUPT_MESSAGE')
  })
})

describe('lz4', () => {
  it('has the header checksum that Kafka writes, with magic 0 the wrong one', () => {
    expect(compress('lz4', text).subarray(0, 7).toString('hex')).toBe('04224d18604082')
    const old = compress('lz4', text, { magic: 0 })
    expect(old[6]).not.toBe(0x82)
    expect(decompress('lz4', old, { magic: 0 }).equals(text)).toBe(true)
    expect(decompress('lz4', compress('lz4', text), { magic: 0 }).equals(text)).toBe(true)
    expect(kafkaErrorOf(() => decompress('lz4', old, { magic: 1 }))).toBe('CORRUPT_MESSAGE')
  })

  it('may have block checksums, a content checksum and a content size, and larger blocks', () => {
    const frames = createRequire(import.meta.url)('lz4-napi') as {
      compressFrameSync(bytes: Buffer, options: object): Buffer
    }
    const bytes = Buffer.concat([text, noise, text])
    for (const options of [{}, { blockChecksums: true }, { contentChecksum: true, blockChecksums: true }]) {
      const frame = frames.compressFrameSync(bytes, options)
      expect(decompress('lz4', frame).equals(bytes)).toBe(true)
    }
    const sized = Buffer.concat([
      compress('lz4', text).subarray(0, 6),
      Buffer.alloc(9),
      compress('lz4', text).subarray(7),
    ])
    sized[4]! |= 0x08
    sized.writeBigUInt64LE(BigInt(text.length), 6)
    sized[14] = (xxHash32(sized, 4, 14) >>> 8) & 0xff
    expect(decompress('lz4', sized).equals(text)).toBe(true)
    const damaged = frames.compressFrameSync(bytes, { blockChecksums: true })
    damaged[200]! ^= 1
    expect(kafkaErrorOf(() => decompress('lz4', damaged))).toBe('CORRUPT_MESSAGE')
  })

  it.each([
    ['another version', 4, 0xa0],
    ['dependent blocks', 4, 0x40],
    ['a reserved flag', 4, 0x62],
    ['a block size that there is not', 5, 0x30],
    ['a reserved bit', 5, 0x41],
  ])('is refused with %s', (_what, at, value) => {
    const frame = compress('lz4', text)
    frame[at] = value
    frame[6] = (xxHash32(frame, 4, 6) >>> 8) & 0xff
    expect(kafkaErrorOf(() => decompress('lz4', frame))).toBe('CORRUPT_MESSAGE')
  })

  it('has XXH32 right', () => {
    const hash = (value: string) => xxHash32(Buffer.from(value), 0, value.length).toString(16)
    expect(['', 'a', 'abc', 'Nobody inspects the spammish repetition'].map(hash)).toEqual([
      '2cc5d05',
      '550d7456',
      '32d153ff',
      'e2293b2f',
    ])
  })
})

describe('zstd', () => {
  const backends: [string, () => ZstdBackend | undefined | Promise<ZstdBackend>][] = [
    ["Node's own", nodeBackend],
    ['the compiled one', nativeBackend],
    ['the WASM build', webAssemblyBackend],
  ]

  it.each(backends)('gives the same by %s, where there is one', async (_name, load) => {
    const backend = await load()
    if (backend === undefined) return
    for (const sample of samples) {
      const frame = backend.compress(sample, 3)
      expect(decompress('zstd', frame).equals(sample)).toBe(true)
      expect(decompressZstd(compress('zstd', sample), 2 ** 20, backend).equals(sample)).toBe(true)
      const limited = () => decompressZstd(withoutContentSize(frame), Math.max(sample.length - 1, 0), backend)
      if (sample.length > 0) expect(kafkaErrorOf(limited)).toBe('MESSAGE_TOO_LARGE')
      expect(decompressZstd(withoutContentSize(frame), sample.length, backend).equals(sample)).toBe(true)
    }
    const damaged = backend.compress(text, 3)
    damaged.fill(0xa5, 40, 80)
    expect(kafkaErrorOf(() => decompressZstd(damaged, 2 ** 20, backend))).toBe('CORRUPT_MESSAGE')
  })

  it('is done by the WASM build where the compiled one is there and broken, of which one warning tells', async () => {
    const { compress, decompress, warnings } = await freshCodecs(() => {
      throw Object.assign(new Error('binding.node: file too short\nand more'), { code: 'ERR_DLOPEN_FAILED' })
    })
    for (const sample of samples) expect(decompress('zstd', compress('zstd', sample)).equals(sample)).toBe(true)
    expect(warnings).toEqual([
      "zstd-napi is installed, but can't be loaded (binding.node: file too short): zstd is done by a slower WASM build",
    ])
  })

  it('is done by the WASM build where nothing was compiled, without a word', async () => {
    const { compress, decompress, warnings } = await freshCodecs(() => {
      throw Object.assign(new Error('no binding.node'), { code: 'MODULE_NOT_FOUND' })
    })
    for (const sample of samples) expect(decompress('zstd', compress('zstd', sample)).equals(sample)).toBe(true)
    expect(warnings).toEqual([])
  })

  it('may be several frames, with skippable ones between', () => {
    const skippable = Buffer.from([0x51, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3])
    const frames = [compress('zstd', text), skippable, compress('zstd', noise), compress('zstd', Buffer.alloc(0))]
    expect(decompress('zstd', Buffer.concat(frames)).equals(Buffer.concat([text, noise]))).toBe(true)
  })

  it('is refused with a window beyond 128 MiB', () => {
    const frame = withoutContentSize(compress('zstd', text))
    frame[5] = 18 << 3
    expect(kafkaErrorOf(() => decompress('zstd', frame))).toBe('CORRUPT_MESSAGE')
  })
})

/** The codecs as they are on a Node without zstd, where `load` is what comes of loading zstd-napi's binding. */
async function freshCodecs(load: () => never) {
  const builtin = process.getBuiltinModule
  vi.spyOn(process, 'getBuiltinModule').mockImplementation(((name: string) =>
    name === 'node:zlib' ? {} : builtin(name)) as typeof builtin)
  vi.resetModules()
  vi.doMock('node:module', () => ({
    createRequire: (url: string) => {
      const require = createRequire(url)
      return Object.assign((name: string) => (name === 'zstd-napi/binding' ? load() : require(name)), require)
    },
  }))
  const codecs = await import('../../../protocol/records/index.ts')
  const warnings: string[] = []
  codecs.onCodecWarning((warning) => warnings.push(warning))
  return { ...codecs, warnings }
}

afterEach(() => {
  vi.doUnmock('node:module')
  vi.restoreAllMocks()
})

/** The frame as a streaming compressor writes it: a window of 8 MiB instead of the content size. */
function withoutContentSize(frame: Buffer): Buffer {
  const descriptor = frame[4]!
  const isSingleSegment = (descriptor & 0x20) !== 0
  const sizeFlag = descriptor >>> 6
  const sizeBytes = sizeFlag === 0 ? (isSingleSegment ? 1 : 0) : 2 ** sizeFlag
  const blocks = 5 + (isSingleSegment ? 0 : 1) + sizeBytes
  return Buffer.concat([frame.subarray(0, 4), Buffer.from([descriptor & 0x04, 13 << 3]), frame.subarray(blocks)])
}
