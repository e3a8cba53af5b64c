/**
 * protocol/records: the five codecs. Everything is synchronous and bounded: `maxBytes` holds before memory is taken, so that a batch
 * of 1 MB which would inflate to 1 GB costs a few milliseconds. Each codec's library is loaded at its first use.
 *
 * | codec | format | what bounds it |
 * | --- | --- | --- |
 * | gzip | RFC 1952 | the size in the trailer, then zlib's own output limit |
 * | snappy | xerial's stream of raw blocks, or one raw block | the length at the head of each block |
 * | lz4 | frames of independent blocks (lz4.ts) | the maximum block size, block by block |
 * | zstd | frames (zstd.ts) | the content size in the header, the sum of its blocks, then the output's size |
 */
import { corrupt, tooLarge } from './compression-errors.ts'
import { compressLz4, decompressLz4 } from './lz4.ts'
import type { Codec } from './record-batch.ts'
import { compressSnappy, decompressSnappy } from './snappy.ts'
import { compressZstd, decompressZstd } from './zstd.ts'

/** More than any sensible batch of `max.message.bytes` inflates to, little enough to inflate in one turn of the event loop. */
export const defaultMaxDecompressedBytes = 24 * 1024 * 1024

export interface CompressOptions {
  /** The codec's own scale; gzip, zstd: Kafka's default if absent. snappy has none, lz4 has one only here. */
  readonly level?: number | undefined
  /** Magic 0 wants the wrong header checksum in lz4 frames that its clients wrote and expect. */
  readonly magic?: number
}

export interface DecompressOptions {
  /** The most that may come out. */
  readonly maxBytes?: number
  readonly magic?: number
}

/** The bytes as one run of `codec`, in the framing that Kafka's clients read. */
export function compress(codec: Codec, bytes: Buffer | readonly Buffer[], options: CompressOptions = {}): Buffer {
  const whole = Buffer.isBuffer(bytes) ? bytes : bytes.length === 1 ? bytes[0]! : Buffer.concat(bytes)
  switch (codec) {
    case 'none':
      return whole
    case 'gzip':
      return process.getBuiltinModule('node:zlib').gzipSync(whole, { level: options.level ?? -1 })
    case 'snappy':
      return compressSnappy(whole)
    case 'lz4':
      return compressLz4(whole, options.magic ?? 2)
    case 'zstd':
      return compressZstd(whole, options.level ?? 3)
  }
}

/**
 * What `compress` was given. With 'none' the bytes themselves, unchecked.
 * @throws KafkaError CORRUPT_MESSAGE for bytes that are not of that codec. MESSAGE_TOO_LARGE for more than `maxBytes`: it is not
 * retriable, so nobody sends the same batch in a loop, and Kafka's own producer splits the batch and sends the halves.
 */
export function decompress(codec: Codec, bytes: Buffer, options: DecompressOptions = {}): Buffer {
  const maxBytes = options.maxBytes ?? defaultMaxDecompressedBytes
  switch (codec) {
    case 'none':
      return bytes
    case 'gzip':
      return decompressGzip(bytes, maxBytes)
    case 'snappy':
      return decompressSnappy(bytes, maxBytes)
    case 'lz4':
      return decompressLz4(bytes, maxBytes, options.magic ?? 2)
    case 'zstd':
      return decompressZstd(bytes, maxBytes)
  }
}

/** Deflate makes at most 258 bytes of 2 bits. */
const maxGzipRatio = 1032
const gzipOverhead = 18

function decompressGzip(bytes: Buffer, maxBytes: number): Buffer {
  if (bytes.length < gzipOverhead) throw corrupt('gzip', 'unexpected end of file')
  // The trailer's size is a claim: believed where it refuses, only a hint for the output's first chunk where it doesn't.
  const claimed = bytes.readUInt32LE(bytes.length - 4)
  if (claimed > maxBytes && claimed <= bytes.length * maxGzipRatio) throw tooLarge('gzip', maxBytes)
  const chunkSize = Math.min(Math.max(claimed + 1, 64), bytes.length * maxGzipRatio, maxBytes + 1)
  try {
    return process
      .getBuiltinModule('node:zlib')
      .gunzipSync(bytes, { maxOutputLength: maxBytes, chunkSize: Math.max(chunkSize, 64) })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge('gzip', maxBytes)
    throw corrupt('gzip', cause)
  }
}
