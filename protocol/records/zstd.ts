/**
 * protocol/records: zstd, by node:zlib where Node has it (from 22.15), else by `zstd-napi` where it was compiled and can be loaded, else by
 * a WASM build. Which it is turns out at the first use, because each takes memory.
 *
 * Before anything is decoded the frames are walked by their headers (RFC 8878), so that a truncated frame and a content size beyond the limit
 * are refused at once, and the output can be given its size:
 *
 *     28b52ffd | descriptor | window? | dictionary id? | content size? | { 3 bytes: last, type, size | block }* | checksum?
 */
import { corrupt, tooLarge } from './compression-errors.ts'
import { innerFile, innerModule, nativeModule, optionalModule } from './native-module.ts'

export interface ZstdBackend {
  compress(bytes: Buffer, level: number): Buffer
  /** Of one frame, into at most `maxBytes`. Undefined when that is not enough; throws anything when the frame is bad. */
  decompress(frame: Buffer, maxBytes: number): Buffer | undefined
}

let backend: ZstdBackend | undefined
let tell: (warning: string) => void = () => {}

/** `listener` hears, once, why a library that would be faster can't be loaded. */
export function onCodecWarning(listener: (warning: string) => void): void {
  tell = listener
}

function loadedBackend(): ZstdBackend {
  backend ??= nodeBackend() ?? nativeBackend() ?? webAssemblyBackend()
  return backend
}

export function compressZstd(bytes: Buffer, level: number): Buffer {
  return loadedBackend().compress(bytes, level)
}

export function decompressZstd(bytes: Buffer, maxBytes: number, by: ZstdBackend = loadedBackend()): Buffer {
  const frames = framesOf(bytes)
  let exact = 0
  for (const frame of frames) exact += frame.atLeast
  if (exact > maxBytes) throw tooLarge('zstd', maxBytes)
  const decoded: Buffer[] = []
  let size = 0
  for (const frame of frames) {
    const part = decodeFrame(bytes.subarray(frame.start, frame.end), Math.min(frame.atMost, maxBytes - size), by)
    if (part === undefined) {
      if (frame.atMost <= maxBytes - size) throw corrupt('zstd', 'more bytes than its blocks can hold')
      throw tooLarge('zstd', maxBytes)
    }
    decoded.push(part)
    size += part.length
  }
  return decoded.length === 1 ? decoded[0]! : Buffer.concat(decoded, size)
}

function decodeFrame(frame: Buffer, maxBytes: number, by: ZstdBackend): Buffer | undefined {
  try {
    return by.decompress(frame, maxBytes)
  } catch (cause) {
    throw corrupt('zstd', cause)
  }
}

interface Frame {
  readonly start: number
  readonly end: number
  /** What it holds at least: its content size, or the blocks that are not compressed. */
  readonly atLeast: number
  readonly atMost: number
}

const frameMagic = 0xfd2fb528
const skippableMagic = 0x184d2a50
const maxBlockSize = 128 * 1024
/** 128 MiB, as in Kafka's zstd library. A decoder takes that much address space, but fills no more than comes out. */
const maxWindowLog = 27
const dictionaryIdSizes = [0, 1, 2, 4] as const

function framesOf(bytes: Buffer): Frame[] {
  const frames: Frame[] = []
  for (let at = 0; at < bytes.length; ) {
    const magic = unsigned(bytes, at, 4)
    if (magic === frameMagic) {
      const frame = frameAt(bytes, at)
      frames.push(frame)
      at = frame.end
    } else if ((magic & 0xfffffff0) >>> 0 === skippableMagic) {
      at += 8 + unsigned(bytes, at + 4, 4)
      if (at > bytes.length) throw corrupt('zstd', 'cut off inside a skippable frame')
    } else {
      throw corrupt('zstd', 'no frame starts here')
    }
  }
  if (frames.length === 0) throw corrupt('zstd', 'there is no frame')
  return frames
}

function frameAt(bytes: Buffer, start: number): Frame {
  const descriptor = unsigned(bytes, start + 4, 1)
  const isSingleSegment = (descriptor & 0x20) !== 0
  if ((descriptor & 0x08) !== 0) throw corrupt('zstd', 'a reserved bit is set')
  let at = start + 5
  if (!isSingleSegment) {
    const windowLog = 10 + (unsigned(bytes, at, 1) >>> 3)
    if (windowLog > maxWindowLog)
      throw corrupt('zstd', `a window of 2^${windowLog} bytes, 2^${maxWindowLog} is the most`)
    at += 1
  }
  at += dictionaryIdSizes[(descriptor & 0x03) as 0 | 1 | 2 | 3]
  const sizeFlag = descriptor >>> 6
  const sizeBytes = sizeFlag === 0 ? (isSingleSegment ? 1 : 0) : 2 ** sizeFlag
  const contentSize = sizeBytes === 0 ? undefined : unsigned(bytes, at, sizeBytes) + (sizeBytes === 2 ? 256 : 0)
  const blocks = blocksAt(bytes, at + sizeBytes)
  const end = blocks.end + ((descriptor & 0x04) === 0 ? 0 : 4)
  if (end > bytes.length) throw corrupt('zstd', 'cut off before the checksum')
  if (contentSize === undefined) return { start, end, atLeast: blocks.atLeast, atMost: blocks.atMost }
  if (contentSize > blocks.atMost) throw corrupt('zstd', `its blocks can't hold ${contentSize} bytes`)
  return { start, end, atLeast: contentSize, atMost: contentSize }
}

function blocksAt(bytes: Buffer, start: number): { end: number; atLeast: number; atMost: number } {
  let atLeast = 0
  let atMost = 0
  for (let at = start, isLast = false; ; ) {
    if (isLast) return { end: at, atLeast, atMost }
    const head = unsigned(bytes, at, 3)
    isLast = (head & 1) !== 0
    const type = (head >>> 1) & 3
    const size = head >>> 3
    if (type === 3 || size > maxBlockSize) throw corrupt('zstd', `a block of type ${type} with ${size} bytes`)
    at += 3 + (type === 1 ? 1 : size) // type 1: one byte, repeated
    if (at > bytes.length) throw corrupt('zstd', 'cut off inside a block')
    if (type === 2) {
      atMost += maxBlockSize
    } else {
      atLeast += size
      atMost += size
    }
  }
}

/** A little endian number of `size` bytes that must be there. */
function unsigned(bytes: Buffer, at: number, size: number): number {
  if (size > bytes.length - at) throw corrupt('zstd', 'cut off')
  let value = 0
  for (let index = size - 1; index >= 0; index--) value = value * 256 + bytes[at + index]!
  return value
}

/** Of node:zlib's types, those of Node 22.15. */
interface ZstdOfNode {
  zstdCompressSync?(bytes: Buffer, options: { params: Record<number, number> }): Buffer
  zstdDecompressSync?(
    bytes: Buffer,
    options: { maxOutputLength: number; chunkSize: number; params: Record<number, number> },
  ): Buffer
}
const compressionLevelParameter = 100
const windowLogMaxParameter = 100

export function nodeBackend(): ZstdBackend | undefined {
  const { zstdCompressSync, zstdDecompressSync } = process.getBuiltinModule('node:zlib') as ZstdOfNode
  if (zstdCompressSync === undefined || zstdDecompressSync === undefined) return undefined
  return {
    compress: (bytes, level) => zstdCompressSync(bytes, { params: { [compressionLevelParameter]: level } }),
    decompress(frame, maxBytes) {
      try {
        return zstdDecompressSync(frame, {
          maxOutputLength: Math.max(maxBytes, 1),
          chunkSize: Math.max(maxBytes + 1, 64), // one chunk for all: the parts need not be joined
          params: { [windowLogMaxParameter]: maxWindowLog },
        })
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return undefined
        throw cause
      }
    },
  }
}

interface ZstdNapi {
  compressBound(size: number): number
  CCtx: new () => { compress(output: Uint8Array, input: Uint8Array, level: number): number }
  DCtx: new () => { decompress(output: Uint8Array, input: Uint8Array): number }
}

export function nativeBackend(): ZstdBackend | undefined {
  const binding = optionalModule<ZstdNapi>('zstd-napi/binding', (reason) => {
    tell(`zstd-napi is installed, but can't be loaded (${reason}): zstd is done by a slower WASM build`)
  })
  if (binding === undefined) return undefined
  const compressor = new binding.CCtx()
  const decompressor = new binding.DCtx()
  return {
    compress(bytes, level) {
      const output = Buffer.allocUnsafe(binding.compressBound(bytes.length))
      return Buffer.from(output.subarray(0, compressor.compress(output, bytes, level)))
    },
    decompress(frame, maxBytes) {
      const output = Buffer.allocUnsafe(maxBytes)
      try {
        return output.subarray(0, decompressor.decompress(output, frame))
      } catch (cause) {
        if (cause instanceof Error && cause.message.includes('Destination buffer is too small')) return undefined
        throw cause
      }
    },
  }
}

interface ZstdWasm {
  compress(bytes: Uint8Array, level: number): Uint8Array
  /** `defaultHeapSize`: of the output, where the frame does not say its content size. */
  decompress(frame: Uint8Array, options: { defaultHeapSize: number }): Uint8Array
}
/** Of the global of that name, what Node's types lack. */
interface WebAssemblyOfNode {
  Module: new (bytes: Uint8Array) => object
  Instance: new (module: object, imports: object) => object
}
/** What Emscripten made of it. */
interface EmscriptenModule {
  instantiateWasm?: (imports: object, receive: (instance: object) => void) => void
  init(): void
  /** It was started, which must not happen twice. */
  readonly calledRun?: boolean
}
const wasmPackage = '@bokuweb/zstd-wasm'
/** ZSTD_error_dstSize_tooSmall. */
const outputTooSmall = '-70'

/** Starts what the package's own `init` starts, but at once: who needs zstd can't wait for a promise. Takes 15 ms. */
export function webAssemblyBackend(): ZstdBackend {
  const purpose = 'zstd, which this Node lacks (22.15 has it)'
  const wasm = nativeModule<ZstdWasm>(wasmPackage, purpose)
  const { Module } = innerModule<{ Module: EmscriptenModule }>(wasmPackage, 'module.js', purpose)
  if (Module.calledRun !== true) {
    const { WebAssembly } = globalThis as unknown as { WebAssembly: WebAssemblyOfNode }
    const code = new WebAssembly.Module(innerFile(wasmPackage, 'zstd.wasm', purpose))
    Module.instantiateWasm = (imports, receive) => receive(new WebAssembly.Instance(code, imports))
    Module.init()
  }
  return {
    compress: (bytes, level) => asBuffer(wasm.compress(bytes, level)),
    decompress(frame, maxBytes) {
      try {
        return asBuffer(wasm.decompress(frame, { defaultHeapSize: maxBytes }))
      } catch (cause) {
        if (cause instanceof Error && cause.message.endsWith(outputTooSmall)) return undefined
        throw cause
      }
    },
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
