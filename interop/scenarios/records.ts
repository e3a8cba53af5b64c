// interop: the records that every client writes and every client must read as they were written.
import type { WireRecord } from './wire.ts'

/** What is special about a record; `allowances` name these. */
export type Kind =
  | 'plain'
  | 'null key'
  | 'empty key'
  | 'empty value'
  | 'tombstone'
  | 'neither key nor value'
  | 'binary'
  | 'unicode'
  | 'headers'
  | 'repeated header'
  | 'empty header value'
  | 'null header value'
  | 'with headers, without value'
  | 'compressible'

type Sample = {
  kind: Kind
  key: Buffer | string | null
  value: Buffer | string | null
  headers?: [string, string | null][]
}

const allBytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))

export const samples: readonly Sample[] = [
  { kind: 'plain', key: 'key', value: 'value' },
  { kind: 'null key', key: null, value: 'without a key' },
  { kind: 'empty key', key: '', value: 'with an empty key' },
  { kind: 'empty value', key: 'empty', value: '' },
  { kind: 'tombstone', key: 'key', value: null },
  { kind: 'neither key nor value', key: null, value: null },
  { kind: 'binary', key: allBytes, value: Buffer.concat([allBytes, allBytes]) },
  { kind: 'unicode', key: 'Odradek', value: 'Zwirnspule, 🕸️, линия' },
  {
    kind: 'headers',
    key: 'key',
    value: 'value',
    headers: [
      ['first', '1'],
      ['second', 'zwei ✓'],
    ],
  },
  {
    kind: 'repeated header',
    key: 'key',
    value: 'value',
    headers: [
      ['same', '1'],
      ['same', '2'],
    ],
  },
  { kind: 'empty header value', key: 'key', value: 'value', headers: [['empty', '']] },
  { kind: 'null header value', key: 'key', value: 'value', headers: [['none', null]] },
  { kind: 'with headers, without value', key: 'key', value: null, headers: [['deleted', 'yes']] },
  // Larger than one block of any of the compressors.
  { kind: 'compressible', key: 'large', value: Buffer.from('the spool of thread outlives everybody; '.repeat(5000)) },
]

const base64 = (bytes: Buffer | string | null) => (bytes === null ? null : Buffer.from(bytes).toString('base64'))

export function sampleRecord(sample: Sample, partition: number): WireRecord {
  const headers = (sample.headers ?? []).map(([name, value]): [string, string | null] => [name, base64(value)])
  return { partition, key: base64(sample.key), value: base64(sample.value), headers }
}
