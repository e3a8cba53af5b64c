import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decoderSource, elementsPerStep } from '../../../protocol/schema/compiler.ts'
import {
  api,
  array,
  bool,
  bytes,
  float64,
  int8,
  int16,
  int32,
  int64,
  ProtocolError,
  Reader,
  records,
  string,
  struct,
  uint16,
  uint32,
  uuid,
  Writer,
  zeroUuid,
} from '../../../protocol/schema/index.ts'

const example = api({
  key: 999,
  name: 'Example',
  versions: '0-3',
  flexible: '2+',
  request: {
    flag: bool(),
    small: int8(),
    port: uint16(),
    count: uint32(),
    producerId: int64(),
    position: int64({ js: 'number' }),
    ratio: float64(),
    id: uuid({ versions: '1+' }),
    name: string({ nullable: '1+' }),
    blob: bytes({ nullable: '2+', default: null }),
    topics: array({ name: string(), partitions: array(int32()) }, { nullable: '1+' }),
    cursor: struct({ topic: string(), index: int32() }, { versions: '1+', nullable: '1+', default: null }),
    rack: string({ versions: '2+', nullable: '2+', tag: 0, default: null }),
    limits: struct({ low: int32({ default: -1 }), high: int32() }, { versions: '3+', tag: 1 }),
    oldName: string({ versions: '1+', flexible: 'none' }),
    extras: array(int32(), { versions: '2+' }),
  },
  response: { errorCode: int16(), records: records({ nullable: '0+' }) },
})

const full = {
  flag: true,
  small: -7,
  port: 65535,
  count: 4294967295,
  producerId: -9223372036854775808n,
  position: Number.MAX_SAFE_INTEGER,
  ratio: 0.25,
  id: 'P-kjpM-lPmvrfkqxCJKcWA',
  name: 'größe 😀',
  blob: Buffer.from([1, 2, 3]),
  topics: [{ name: 'a', partitions: [0, -1, 2147483647] }],
  cursor: { topic: 't', index: 4 },
  rack: 'r1',
  limits: { low: 1, high: 2 },
  oldName: 'old',
  extras: [1, 2],
}

function encode(version: number, value: object): Buffer {
  const writer = new Writer()
  example.request.codec(version).encode(writer, value)
  return writer.toBuffer()
}

const decode = (version: number, bytes: Buffer) => example.request.codec(version).decode(new Reader(bytes))

describe('a compiled codec', () => {
  it('reads back what it wrote, in the newest version all of it', () => {
    expect(decode(3, encode(3, full))).toEqual(full)
  })

  it('gives fields that a version lacks their defaults', () => {
    const decoded = decode(0, encode(0, { ...full, blob: Buffer.alloc(0) }))
    expect(decoded).toMatchObject({ id: zeroUuid, cursor: null, rack: null, limits: { low: -1, high: 0 }, oldName: '' })
  })

  it('writes defaults for what is missing', () => {
    expect(decode(3, encode(3, {}))).toMatchObject({ flag: false, name: '', blob: null, topics: [], cursor: null })
  })

  it('gives every decoded object a version its own array, so that none is shared', () => {
    const bytes = encode(0, { ...full, blob: Buffer.alloc(0) })
    expect(decode(0, bytes).extras).toEqual([])
    expect(decode(0, bytes).extras).not.toBe(decode(0, bytes).extras)
  })

  it('leaves out tagged fields that equal their default, also structs given in full', () => {
    expect(encode(3, { ...full, rack: null, limits: { low: -1, high: 0 } })).toEqual(
      encode(3, { ...full, rack: undefined, limits: undefined }),
    )
  })

  it('keeps unknown tagged fields in their order between the known ones', () => {
    const unknownTaggedFields = [
      { tag: 5, data: Buffer.alloc(600, 7) },
      { tag: 900, data: Buffer.alloc(0) },
    ]
    const value = { ...full, unknownTaggedFields }
    const bytes = encode(3, value)
    expect(decode(3, bytes)).toEqual(value)
    expect(encode(3, decode(3, bytes))).toEqual(bytes)
  })

  it('refuses null where a version has none', () => {
    expect(() => encode(0, { ...full, name: null })).toThrow(new ProtocolError('name cannot be null in version 0'))
  })

  it('refuses a version that is not declared', () => {
    expect(() => example.request.codec(4)).toThrow('ExampleRequest has no version 4')
  })

  it('keeps an int64 beyond the safe integers exact and says so', () => {
    const beyond = { ...full, position: 2n ** 53n }
    const reader = new Reader(encode(3, beyond))
    expect(example.request.codec(3).decode(reader).position).toBe(2n ** 53n)
    expect(reader.hasUnsafeInteger).toBe(true)
  })

  it('writes negative int64 numbers as bigints would be', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (position) => {
        expect(encode(0, { ...full, position })).toEqual(encode(0, { ...full, position: BigInt(position) }))
      }),
    )
  })

  it('round-trips any value in any version', () => {
    const int = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
    const values = fc.record({
      small: fc.integer({ min: -128, max: 127 }),
      producerId: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      position: fc.maxSafeInteger(),
      ratio: fc.double({ noNaN: true }),
      name: fc.string({ unit: 'grapheme', maxLength: 200 }),
      blob: fc.uint8Array({ maxLength: 700 }).map((each) => Buffer.from(each)),
      topics: fc.array(fc.record({ name: fc.string({ maxLength: 20 }), partitions: fc.array(int) })),
    })
    fc.assert(
      fc.property(values, fc.integer({ min: 0, max: 3 }), (value, version) => {
        expect(decode(version, encode(version, value))).toMatchObject(value)
      }),
    )
  })

  it('hands record bytes on without copying them', () => {
    const batch = Buffer.alloc(4096, 1)
    const writer = new Writer()
    example.response.codec(2).encode(writer, { records: [batch, batch] })
    const parts = writer.finish()
    expect(parts.filter((part) => part === batch)).toHaveLength(2)
    expect(example.response.codec(2).decode(new Reader(Buffer.concat(parts))).records).toHaveLength(8192)
  })

  it('decodes bytes as views on the frame', () => {
    const frame = encode(3, full)
    expect(decode(3, frame).blob!.buffer).toBe(frame.buffer)
  })

  it('reads and writes large arrays step by step, also those within others', () => {
    const nested = api({
      key: 997,
      name: 'Nested',
      versions: '0',
      flexible: '0+',
      request: { topics: array({ name: string(), partitions: array(int32()) }) },
      response: {},
    })
    const codec = nested.request.codec(0)
    const topics = Array.from({ length: 10 }, (_, at) => ({
      name: `${at}`,
      partitions: Array(elementsPerStep).fill(at),
    }))
    const writer = new Writer()
    expect([...codec.encodeInSteps(writer, { topics })]).toHaveLength(10)
    const bytes = writer.toBuffer()
    const steps = codec.decodeInSteps(new Reader(bytes))
    let count = 0
    let step = steps.next()
    for (; step.done !== true; step = steps.next()) count += 1
    expect(count).toBe(10)
    expect(step.value).toEqual({ topics })
    expect(codec.decode(new Reader(bytes))).toEqual({ topics })
  })

  it('counts what it writes at once, too: short arrays of many elements', () => {
    const nested = api({
      key: 995,
      name: 'Nested',
      versions: '0-1',
      flexible: '1+',
      request: {
        topics: array({
          partitions: array({
            index: int32(),
            replicas: array(int32()),
            isr: array(int32(), { nullable: '1+' }),
            eligible: array(int32(), { versions: '1+', tag: 0 }),
          }),
        }),
      },
      response: {},
    })
    const partition = (index: number, replicas: number) => ({
      index,
      replicas: Array<number>(replicas).fill(index),
      isr: index % 3 === 0 ? [] : [index],
      eligible: index % 5 === 0 ? [index] : [],
    })
    const short = Array.from({ length: 2000 }, (_, index) => partition(index, 2))
    const long = [partition(1, 3000), partition(2, 1), partition(3, 65)]
    for (const version of [0, 1]) {
      const codec = nested.request.codec(version)
      const topics = [{ partitions: short }, { partitions: long }]
      const [atOnce, inSteps] = [new Writer(), new Writer()]
      codec.encode(atOnce, { topics })
      const steps = [...codec.encodeInSteps(inSteps, { topics })].length
      expect(Buffer.compare(atOnce.toBuffer(), inSteps.toBuffer())).toBe(0)
      const elements = (list: typeof short) =>
        list.reduce((sum, { replicas, isr, eligible }) => {
          return sum + 1 + replicas.length + isr.length + (version > 0 ? eligible.length : 0)
        }, 0)
      const expected = Math.floor((elements(short) + elements(long)) / elementsPerStep)
      // An element that is written at once may end a step late.
      expect(steps).toBeGreaterThanOrEqual(expected - 1)
      expect(steps).toBeLessThanOrEqual(expected)
    }
  })

  it('writes what is long in pieces, but for what has its size before it', () => {
    const codec = (fields: Parameters<typeof api>[0]['response']) =>
      api({ key: 996, name: 'Long', versions: '0', flexible: '0+', request: {}, response: fields }).response.codec(0)
    const numbers = Array.from({ length: 50_000 }, (_, at) => at)
    const plain = codec({ numbers: array(int32()) })
    const tagged = codec({ numbers: array(int32(), { tag: 0, versions: '0+' }) })
    for (const [each, isInPieces] of [
      [plain, true],
      [tagged, false],
    ] as const) {
      const writer = new Writer()
      each.encode(writer, { numbers })
      const { length } = writer
      const parts = writer.finish()
      expect(parts.length > 1 && parts.every((part) => part.buffer.byteLength <= 65_536)).toBe(isInPieces)
      const bytes = Buffer.concat(parts)
      expect(bytes).toHaveLength(length)
      expect(each.decode(new Reader(bytes))).toEqual({ numbers })
    }
  })

  it('shows its source', () => {
    expect(decoderSource(example.response.fields, 0, false)).toContain('return { errorCode: v0, records: v1 }')
  })
})

describe('malformed bytes', () => {
  const malformed: [what: string, hex: string][] = [
    ['an array longer than what is left', '7fffffff'],
    ['a negative array length', 'fffffffe'],
    ['a negative string length', '00000001fffe'],
    ['a string longer than what is left', '000000017fff61'],
  ]
  const named = api({
    key: 998,
    name: 'Named',
    versions: '0-1',
    flexible: '1+',
    request: { topics: array({ name: string() }) },
    response: {},
  })

  it.each(malformed)('%s is a ProtocolError', (_what, hex) => {
    expect(() => named.request.codec(0).decode(new Reader(Buffer.from(hex, 'hex')))).toThrow(ProtocolError)
  })

  it('a tagged field whose size is not what it takes is a ProtocolError', () => {
    const bytes = encode(3, full)
    const at = bytes.lastIndexOf(Buffer.from([1, 9, 0, 0, 0, 1]))
    expect(at).toBeGreaterThan(0)
    bytes[at + 1] = 8
    expect(() => decode(3, bytes)).toThrow(ProtocolError)
  })

  it('a varint of more than 32 bits is a ProtocolError', () => {
    for (const hex of ['ffffffffff01', 'ffffffff7f']) {
      expect(() => named.request.codec(1).decode(new Reader(Buffer.from(hex, 'hex')))).toThrow(ProtocolError)
    }
  })

  it('an array may claim no more elements than the bytes that are left can hold', () => {
    const claim = Buffer.alloc(1 << 20)
    claim.writeInt32BE(claim.length - 4)
    expect(() => named.request.codec(0).decode(new Reader(claim))).toThrow(/array of 1048572 elements/)
  })
})

it('declares what is the same once', () => {
  expect(int32()).toBe(int32())
  expect(int32()).not.toBe(int32({ default: -1 }))
  expect(int32()).not.toBe(int16())
  expect(int64({ js: 'number' })).not.toBe(int64())
  expect(string({ versions: '7+' }).versions).toBe(bool({ versions: '7+' }).versions)
})
