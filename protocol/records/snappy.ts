/**
 * protocol/records: snappy as Kafka's Java clients frame it (xerial's SnappyOutputStream), all integers big endian:
 *
 *     82 'SNAPPY' 00 | int32 version 1 | int32 oldest compatible version 1 | { int32 length | raw snappy block }*
 *
 * Some clients send one raw block without a frame, and concatenate streams: both are read, as xerial does.
 */
import { corrupt, tooLarge } from './compression-errors.ts'
import { nativeModule } from './native-module.ts'

interface SnappyModule {
  compressSync(input: Uint8Array): Buffer
  uncompressSync(input: Uint8Array, options: { asBuffer: true }): Buffer
}

const magic = Buffer.from('\x82SNAPPY\0', 'latin1')
const header = Buffer.concat([magic, Buffer.from([0, 0, 0, 1, 0, 0, 0, 1])])
const magicHead = magic.readInt32BE(0)
/** xerial's default. */
const blockSize = 32 * 1024
/** A copy of 64 bytes takes 3. */
const maxRatio = 22

let loaded: SnappyModule | undefined

function snappy(): SnappyModule {
  loaded ??= nativeModule<SnappyModule>('snappy', 'snappy-compressed batches')
  return loaded
}

export function compressSnappy(bytes: Buffer): Buffer {
  const parts: Buffer[] = [header]
  for (let at = 0; at < bytes.length; at += blockSize) {
    const block = snappy().compressSync(bytes.subarray(at, at + blockSize))
    const length = Buffer.allocUnsafe(4)
    length.writeInt32BE(block.length, 0)
    parts.push(length, block)
  }
  return Buffer.concat(parts)
}

export function decompressSnappy(bytes: Buffer, maxBytes: number): Buffer {
  const isFramed = bytes.length >= header.length && bytes.compare(magic, 0, magic.length, 0, magic.length) === 0
  const blocks = isFramed ? blocksOf(bytes) : [bytes]
  let size = 0
  for (const block of blocks) {
    size += claimedLength(block)
    if (size > maxBytes) throw tooLarge('snappy', maxBytes)
  }
  try {
    if (blocks.length === 1) return snappy().uncompressSync(blocks[0]!, { asBuffer: true })
    const output = Buffer.allocUnsafe(size)
    let at = 0
    for (const block of blocks) at += snappy().uncompressSync(block, { asBuffer: true }).copy(output, at)
    return output.subarray(0, at)
  } catch (cause) {
    throw corrupt('snappy', cause)
  }
}

function blocksOf(bytes: Buffer): Buffer[] {
  if (bytes.readInt32BE(12) < 1) throw corrupt('snappy', `version ${bytes.readInt32BE(12)} is not supported`)
  const blocks: Buffer[] = []
  for (let at = header.length; at < bytes.length; ) {
    if (bytes.length - at < 4) throw corrupt('snappy', 'cut off inside a block length')
    const length = bytes.readInt32BE(at)
    at += 4
    if (length === magicHead) {
      at += header.length - 4 // another stream starts here
      continue
    }
    if (length < 0 || length > bytes.length - at) throw corrupt('snappy', `a block of ${length} bytes is not there`)
    blocks.push(bytes.subarray(at, at + length))
    at += length
  }
  return blocks
}

/** The uncompressed length at the head of a raw block, refused where the block could not hold it. */
function claimedLength(block: Buffer): number {
  let length = 0
  for (let at = 0; at < 5; at++) {
    const byte = block[at]
    if (byte === undefined) break
    length += (byte & 0x7f) * 2 ** (7 * at)
    if (byte >= 0x80) continue
    if (length > block.length * maxRatio) throw corrupt('snappy', `${block.length} bytes can't hold ${length}`)
    return length
  }
  throw corrupt('snappy', 'no length at the head of a block')
}
