// interop: the codecs that kafkajs leaves to its users, from the packages that they take: snappy without framing (as
// kafkajs-snappy writes it; it reads both forms), lz4 frames, zstd frames that need not say their content's size.
import { requireInstalled } from '../scenarios/agent.ts'

type Snappy = { compress(bytes: Buffer): Buffer; uncompress(bytes: Buffer): Buffer }
type Lz4 = { compressFrameSync(bytes: Buffer): Buffer; decompressFrameSync(bytes: Buffer): Buffer }
type Zstd = {
  init(): Promise<void>
  compress(bytes: Buffer, level: number): Uint8Array
  decompress(bytes: Buffer, options: { defaultHeapSize: number }): Uint8Array
}
type Encoder = { buffer: Buffer }

const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0])
const xerialHeaderBytes = 16
/** For zstd frames without a content size: more than any batch here inflates to. */
const largestBatchBytes = 16 << 20

export async function installCodecs(kafkajs: typeof import('kafkajs')): Promise<void> {
  const snappy = requireInstalled('snappyjs') as Snappy
  const lz4 = requireInstalled('lz4-napi') as Lz4
  const zstd = requireInstalled('@bokuweb/zstd-wasm') as Zstd
  await zstd.init()

  const uncompressSnappy = (bytes: Buffer) => {
    if (!bytes.subarray(0, xerialMagic.length).equals(xerialMagic)) return snappy.uncompress(bytes)
    const blocks: Buffer[] = []
    for (let at = xerialHeaderBytes; at < bytes.length; ) {
      const length = bytes.readInt32BE(at)
      blocks.push(snappy.uncompress(bytes.subarray(at + 4, at + 4 + length)))
      at += 4 + length
    }
    return Buffer.concat(blocks)
  }

  const { CompressionCodecs, CompressionTypes } = kafkajs
  const codec = (compress: (bytes: Buffer) => Uint8Array, decompress: (bytes: Buffer) => Uint8Array) => () => ({
    compress: async (encoder: Encoder) => Buffer.from(compress(encoder.buffer)),
    decompress: async (bytes: Buffer) => Buffer.from(decompress(bytes)),
  })
  CompressionCodecs[CompressionTypes.Snappy] = codec(snappy.compress, uncompressSnappy)
  CompressionCodecs[CompressionTypes.LZ4] = codec(lz4.compressFrameSync, lz4.decompressFrameSync)
  CompressionCodecs[CompressionTypes.ZSTD] = codec(
    (bytes) => zstd.compress(bytes, 3),
    (bytes) => zstd.decompress(bytes, { defaultHeapSize: largestBatchBytes }),
  )
}
