/** protocol/records: the two checksums: CRC-32C of magic 2 (in hardware), CRC-32 of magic 0 and 1. Loaded at first use. */
import { nativeModule } from './native-module.ts'

type Checksum = (bytes: Uint8Array, initial?: number) => number

let hardware: Checksum | undefined
let software: Checksum | undefined
let table: Checksum | undefined

/** What a start with nothing on disk checks, and a bit: for so little the library of the instruction would cost 4 MB of memory. */
export const softwareBytes = 16 * 1024
let bytesLeft = softwareBytes

/** CRC-32C (Castagnoli) as an unsigned 32-bit number. `initial`: the checksum of the bytes before these. */
export function crc32c(bytes: Uint8Array, initial = 0): number {
  if (hardware !== undefined) return hardware(bytes, initial)
  bytesLeft -= bytes.length
  if (bytesLeft >= 0) return softwareCrc32c(bytes, initial)
  hardware = nativeModule<{ crc32c: Checksum }>('@node-rs/crc32', 'CRC-32C checksums').crc32c
  return hardware(bytes, initial)
}

/** The same without the processor's instruction. */
export function softwareCrc32c(bytes: Uint8Array, initial = 0): number {
  software ??= nativeModule<{ buf: Checksum }>('crc-32/crc32c', 'CRC-32C checksums').buf
  return software(bytes, initial) >>> 0
}

/** CRC-32 (IEEE 802.3) as an unsigned 32-bit number. `initial`: the checksum of the bytes before these. */
export function crc32(bytes: Uint8Array, initial = 0): number {
  table ??= nativeModule<{ buf: Checksum }>('crc-32', 'CRC-32 checksums').buf
  return table(bytes, initial) >>> 0
}
