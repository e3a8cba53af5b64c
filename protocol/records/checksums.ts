/** protocol/records: the two checksums: CRC-32C of magic 2 (in hardware), CRC-32 of magic 0 and 1. Loaded at first use. */
import { nativeModule } from './native-module.ts'

type Checksum = (bytes: Uint8Array, initial?: number) => number

let hardware: Checksum | undefined
let table: Checksum | undefined

/** CRC-32C (Castagnoli) as an unsigned 32-bit number. `initial`: the checksum of the bytes before these. */
export function crc32c(bytes: Uint8Array, initial = 0): number {
  hardware ??= nativeModule<{ crc32c: Checksum }>('@node-rs/crc32', 'CRC-32C checksums').crc32c
  return hardware(bytes, initial)
}

/** CRC-32 (IEEE 802.3) as an unsigned 32-bit number. `initial`: the checksum of the bytes before these. */
export function crc32(bytes: Uint8Array, initial = 0): number {
  table ??= nativeModule<{ buf: Checksum }>('crc-32', 'CRC-32 checksums').buf
  return table(bytes, initial) >>> 0
}
