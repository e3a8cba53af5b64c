/**
 * protocol/records: lz4 frames as Kafka reads and writes them: version 1, independent blocks, all integers little endian.
 *
 *     04224d18 | FLG | BD | contentSize (8, if FLG says so) | HC | { uint32 length | block | checksum? }* | 00000000 | checksum?
 *
 * FLG: 2 content checksum · 3 content size · 4 block checksums · 5 independent blocks · 6-7 version. BD: 4-6 block size, 4 to 7 for
 * 64 KiB to 4 MiB. HC is the second byte of XXH32 over FLG up to HC; with magic 0 Kafka's writers began at the frame's magic
 * number instead, and its readers don't look (KIP-57). A length with its highest bit set is of a block that is stored as it is.
 */
import { corrupt, tooLarge } from './compression-errors.ts'
import { nativeModule } from './native-module.ts'

/** Blocks with their uncompressed size (uint32, little endian) before them, which may be too large. */
interface Lz4Module {
  compressSync(input: Uint8Array): Buffer
  uncompressSync(input: Uint8Array): Buffer
}

const frameMagic = 0x184d2204
const storedFlag = 0x8000_0000
const writtenFlags = 0x60 // version 1, independent blocks
const writtenBlockSize = 64 * 1024
const writtenBlockDescriptor = 0x40 // 64 KiB
/** One byte of a length stands for at most 255. */
const maxRatio = 255

let loaded: Lz4Module | undefined

function lz4(): Lz4Module {
  loaded ??= nativeModule<Lz4Module>('lz4-napi', 'lz4-compressed batches')
  return loaded
}

export function compressLz4(bytes: Buffer, magic: number): Buffer {
  const header = Buffer.allocUnsafe(7)
  header.writeUInt32LE(frameMagic, 0)
  header[4] = writtenFlags
  header[5] = writtenBlockDescriptor
  header[6] = headerChecksum(header, magic === 0 ? 0 : 4, 6)
  const parts: Buffer[] = [header]
  for (let at = 0; at < bytes.length; at += writtenBlockSize) {
    const block = bytes.subarray(at, at + writtenBlockSize)
    const compressed = lz4().compressSync(block)
    if (compressed.length - 4 < block.length) {
      compressed.writeUInt32LE(compressed.length - 4, 0) // the block's size gives way to the length of what follows
      parts.push(compressed)
    } else {
      const length = Buffer.allocUnsafe(4)
      length.writeUInt32LE((storedFlag | block.length) >>> 0, 0)
      parts.push(length, block)
    }
  }
  parts.push(Buffer.alloc(4))
  return Buffer.concat(parts)
}

export function decompressLz4(bytes: Buffer, maxBytes: number, magic: number): Buffer {
  const frame = frameOf(bytes, magic)
  if (frame.maxSize > maxBytes && exactSize(bytes, frame.blocks, maxBytes) > maxBytes) throw tooLarge('lz4', maxBytes)
  if (frame.blocks.length === 1) {
    const block = decodeBlock(bytes, frame.blocks[0]!, frame.maxBlockSize)
    if (block.length > maxBytes) throw tooLarge('lz4', maxBytes)
    return block
  }
  const output = Buffer.allocUnsafe(Math.min(frame.maxSize, maxBytes))
  let size = 0
  for (const block of frame.blocks) {
    const decoded = decodeBlock(bytes, block, frame.maxBlockSize)
    if (decoded.length > maxBytes - size) throw tooLarge('lz4', maxBytes)
    size += decoded.copy(output, size)
  }
  return output.subarray(0, size)
}

interface Block {
  readonly start: number
  readonly length: number
  readonly isStored: boolean
}

interface Frame {
  readonly blocks: readonly Block[]
  readonly maxBlockSize: number
  /** What the blocks may come to at most. */
  readonly maxSize: number
}

function frameOf(bytes: Buffer, magic: number): Frame {
  if (bytes.length < 7 || bytes.readUInt32LE(0) !== frameMagic) throw corrupt('lz4', 'no frame starts here')
  const flags = bytes[4]!
  const maxBlockSize = blockSizeOf(flags, bytes[5]!)
  const checksumAt = (flags & 0x08) === 0 ? 6 : 14
  if (bytes.length <= checksumAt) throw corrupt('lz4', 'cut off inside the header')
  if (magic > 0 && bytes[checksumAt] !== headerChecksum(bytes, 4, checksumAt)) {
    throw corrupt('lz4', 'the header checksum does not match')
  }
  const hasBlockChecksums = (flags & 0x10) !== 0
  const blocks: Block[] = []
  let maxSize = 0
  for (let at = checksumAt + 1; ; ) {
    if (bytes.length - at < 4) throw corrupt('lz4', 'cut off before the end mark')
    const word = bytes.readUInt32LE(at)
    at += 4
    const length = word & 0x7fff_ffff
    if (length === 0) break
    if (length > maxBlockSize) throw corrupt('lz4', `a block of ${length} bytes, ${maxBlockSize} is the most`)
    if (bytes.length - at < length + (hasBlockChecksums ? 4 : 0)) throw corrupt('lz4', 'cut off inside a block')
    const isStored = word >= storedFlag
    blocks.push({ start: at, length, isStored })
    maxSize += isStored ? length : mostOf(length, maxBlockSize)
    at += length
    if (!hasBlockChecksums) continue
    if (bytes.readUInt32LE(at) !== xxHash32(bytes, at - length, at)) {
      throw corrupt('lz4', 'a block checksum does not match')
    }
    at += 4
  }
  return { blocks, maxBlockSize, maxSize }
}

function blockSizeOf(flags: number, descriptor: number): number {
  if (flags >>> 6 !== 1) throw corrupt('lz4', `frame version ${flags >>> 6} is not supported`)
  if ((flags & 0x20) === 0) throw corrupt('lz4', 'dependent blocks are not supported')
  if ((flags & 0x03) !== 0 || (descriptor & 0x8f) !== 0) throw corrupt('lz4', 'a reserved bit is set')
  const id = descriptor >>> 4
  if (id < 4) throw corrupt('lz4', `block size ${id} is not supported`)
  return 2 ** (8 + 2 * id)
}

/** What the blocks come to, read from their lengths alone; once it is above `limit` the rest is not read. */
function exactSize(bytes: Buffer, blocks: readonly Block[], limit: number): number {
  let size = 0
  for (const block of blocks) {
    size += block.isStored ? block.length : exactBlockSize(bytes, block.start, block.start + block.length)
    if (size > limit) break
  }
  return size
}

/** A block is sequences: token (literal length, match length) | more length | literals | uint16 offset | more length. */
function exactBlockSize(bytes: Buffer, start: number, end: number): number {
  let size = 0
  let at = start
  const extended = (length: number) => {
    if (length < 15) return length
    let total = length
    for (let byte = 255; byte === 255 && at < end; ) {
      byte = bytes[at++]!
      total += byte
    }
    return total
  }
  while (at < end) {
    const token = bytes[at++]!
    const literals = extended(token >>> 4)
    size += literals
    at += literals + 2
    if (at <= end) size += 4 + extended(token & 0x0f) // the last sequence is literals only
  }
  return size
}

/** The most that a compressed block of `length` bytes can become. */
function mostOf(length: number, maxBlockSize: number): number {
  return Math.min(length * maxRatio, maxBlockSize)
}

function decodeBlock(bytes: Buffer, block: Block, maxBlockSize: number): Buffer {
  const { start, length } = block
  if (block.isStored) return bytes.subarray(start, start + length)
  const input = Buffer.allocUnsafe(4 + length)
  input.writeUInt32LE(mostOf(length, maxBlockSize), 0)
  bytes.copy(input, 4, start, start + length)
  try {
    return lz4().uncompressSync(input)
  } catch (cause) {
    throw corrupt('lz4', cause)
  }
}

function headerChecksum(bytes: Buffer, start: number, end: number): number {
  return (xxHash32(bytes, start, end) >>> 8) & 0xff
}

const prime1 = 0x9e3779b1
const prime2 = 0x85ebca77
const prime3 = 0xc2b2ae3d
const prime4 = 0x27d4eb2f
const prime5 = 0x165667b1

/** XXH32 with seed 0, unsigned. */
export function xxHash32(bytes: Buffer, start: number, end: number): number {
  let at = start
  let hash = prime5
  if (end - start >= 16) {
    let lane1 = prime1 + prime2
    let lane2 = prime2
    let lane3 = 0
    let lane4 = -prime1
    for (; at + 16 <= end; at += 16) {
      lane1 = round(lane1, bytes.readInt32LE(at))
      lane2 = round(lane2, bytes.readInt32LE(at + 4))
      lane3 = round(lane3, bytes.readInt32LE(at + 8))
      lane4 = round(lane4, bytes.readInt32LE(at + 12))
    }
    hash = rotate(lane1, 1) + rotate(lane2, 7) + rotate(lane3, 12) + rotate(lane4, 18)
  }
  hash += end - start
  for (; at + 4 <= end; at += 4) {
    hash = Math.imul(rotate(hash + Math.imul(bytes.readInt32LE(at), prime3), 17), prime4)
  }
  for (; at < end; at++) hash = Math.imul(rotate(hash + Math.imul(bytes[at]!, prime5), 11), prime1)
  hash = Math.imul(hash ^ (hash >>> 15), prime2)
  hash = Math.imul(hash ^ (hash >>> 13), prime3)
  return (hash ^ (hash >>> 16)) >>> 0
}

function round(lane: number, word: number): number {
  return Math.imul(rotate(lane + Math.imul(word, prime2), 13), prime1)
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by))
}
