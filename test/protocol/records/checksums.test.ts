import { expect, it, vi } from 'vitest'
import { crc32c, softwareBytes, softwareCrc32c } from '../../../protocol/records/checksums.ts'
import { nativeModule } from '../../../protocol/records/native-module.ts'
import { SeededRandom } from '../../../src/runtime/random.ts'

it('CRC-32C is the same with the instruction and without', () => {
  const hardware = nativeModule<{ crc32c: typeof crc32c }>('@node-rs/crc32', 'a test').crc32c
  const random = new SeededRandom(1)
  expect(softwareCrc32c(Buffer.from('123456789'))).toBe(0xe3069283)
  for (let length = 0; length < 100; length += 1) {
    const bytes = random.bytes(length)
    const initial = random.bytes(4).readUInt32LE()
    expect(softwareCrc32c(bytes)).toBe(hardware(bytes))
    expect(softwareCrc32c(bytes, initial)).toBe(hardware(bytes, initial))
  }
})

it('loads the instruction when there is more to check than at a start', async () => {
  const loaded: string[] = []
  vi.resetModules()
  vi.doMock('../../../protocol/records/native-module.ts', () => ({
    nativeModule: (name: string, purpose: string) => {
      loaded.push(name)
      return nativeModule(name, purpose)
    },
  }))
  const fresh = await import('../../../protocol/records/checksums.ts')
  const bytes = Buffer.alloc(softwareBytes / 2, 1)
  for (let times = 0; times < 2; times += 1) expect(fresh.crc32c(bytes)).toBe(crc32c(bytes))
  expect(loaded).toEqual(['crc-32/crc32c'])
  for (let times = 0; times < 2; times += 1) expect(fresh.crc32c(bytes)).toBe(crc32c(bytes))
  expect(loaded).toEqual(['crc-32/crc32c', '@node-rs/crc32'])
  vi.doUnmock('../../../protocol/records/native-module.ts')
})
