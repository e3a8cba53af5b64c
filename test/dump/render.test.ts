/** The two forms of an entry. */
import { describe, expect, it } from 'vitest'
import { renderJson, renderText } from '../../src/dump/render.ts'

const record = {
  type: 'record',
  file: '/data/topic-0/00000000000000000000.log',
  offset: 7,
  timestamp: 1_760_000_000_000,
  keySize: 2,
  valueSize: 3,
  sequence: -1,
  headers: [{ key: 'trace', value: Buffer.from([0xff, 0]) }],
  key: Buffer.from('é'),
  value: Buffer.from([0xde, 0xad, 0x1b]),
}

describe('a line for people', () => {
  it('shows text as text, other bytes in hex, and times in UTC', () => {
    expect(renderText(record)).toBe(
      '| offset: 7 timestamp: 1760000000000 (2025-10-09T08:53:20.000Z) keySize: 2 valueSize: 3 sequence: -1 ' +
        'headers: [{"key":"trace","value":"0xff00"}] key: "é" value: 0xdead1b',
    )
  })

  it('shows what was decoded instead of its bytes', () => {
    const decoded = {
      ...record,
      decodedKey: { name: 'OffsetCommitKey', type: 1, data: { group: 'g', topic: 't', partition: 0 } },
      decodedValue: { name: 'OffsetCommitValue', version: 4, data: { offset: 12n } },
    }
    expect(renderText(decoded)).toMatch(
      / OffsetCommitKey \{"group":"g","topic":"t","partition":0\} OffsetCommitValue v4 \{"offset":"12"\}$/,
    )
    expect(renderText({ ...record, decodedKey: { type: 99 } })).toMatch(/ value: 0xdead1b type 99$/)
    expect(renderText({ ...record, key: null, decodedValue: { type: 400, version: 2 } })).toMatch(/\] type 400 v2$/)
  })

  it('lets no control character through', () => {
    const hostile = '\u001b[2J\u009b\u202e\n'
    const entry = {
      ...record,
      file: hostile,
      key: Buffer.from(`a${hostile}`),
      note: hostile,
      decodedValue: { name: hostile, data: { hostile } },
    }
    for (const type of ['record', 'file', 'problem', 'batch', 'verified']) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      expect(renderText({ ...entry, type })).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/)
    }
  })

  it('says where a problem is', () => {
    expect(renderText({ type: 'problem', file: 'a.log', position: 61, message: 'torn' })).toBe(
      'a.log: at byte 61: torn',
    )
    expect(renderText({ type: 'problem', file: 'a.log', position: null, message: 'gone' })).toBe('a.log: gone')
  })
})

describe('a line of JSON', () => {
  it('has bytes as base64, bigints and numbers that JSON lacks as strings', () => {
    const entry = { ...record, producerId: 9007199254740993n, quota: Number.POSITIVE_INFINITY }
    expect(JSON.parse(renderJson(entry))).toEqual({
      ...record,
      headers: [{ key: 'trace', value: '/wA=' }],
      key: 'w6k=',
      value: '3q0b',
      producerId: '9007199254740993',
      quota: 'Infinity',
    })
  })
})
