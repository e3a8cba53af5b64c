/**
 * dump: an entry as a line: for people, or as JSON.
 *
 *     text:  batch  baseOffset: 0 lastOffset: 2 … · bytes as "text" where they are text, else as 0x and hex · times in UTC too
 *     JSON:  {"type":"batch","file":"…","baseOffset":0,…} · bytes always as base64, bigints as strings
 *
 * Nothing that was read reaches a terminal as a control character.
 */
import { isUtf8 } from 'node:buffer'
import { isoTime } from '../runtime/clock.ts'
import type { Entry, Fields } from './entry.ts'

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not pass
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g
// biome-ignore lint/suspicious/noControlCharactersInRegex: tab and line ends are text, and are escaped
const notText = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/
const plainWord = /^[\w.:/@+-]+$/
const timestampName = /timestamp(Ms)?$/i
/** Before 1973 it is more likely a test's small number than a time. */
const earliestTimeMs = 100_000_000_000

export function renderJson(entry: Entry): string {
  return JSON.stringify(renderable(entry, (bytes) => bytes.toString('base64')))
}

export function renderText(entry: Entry): string {
  return textOf(entry).replace(unprintable, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function textOf({ type, file, ...fields }: Entry): string {
  switch (type) {
    case 'file':
      return `Dumping ${file} (${fields.kind}, ${fields.size} bytes)`
    case 'problem':
      return `${file}: ${fields.position === null ? '' : `at byte ${fields.position}: `}${fields.message}`
    case 'verified':
      return `${file}: ${fields.files} files, ${fields.batches} batches, ${fields.bytes} bytes of them: ${found(fields.problems)}`
    case 'record':
      return recordText(fields)
    default:
      return `${type} ${pairs(fields)}`
  }
}

/** What was decoded instead of its bytes. */
function recordText({ key, value, decodedKey, decodedValue, ...fields }: Fields): string {
  const hidesKey = decodedKey !== undefined || 'controlType' in fields || (key === null && decodedValue !== undefined)
  const shown = [pairs({ ...fields, ...(hidesKey ? {} : { key }), ...(decodedValue === undefined ? { value } : {}) })]
  if (decodedKey !== undefined) shown.push(decodedText(decodedKey as Fields))
  if (decodedValue !== undefined) shown.push(decodedText(decodedValue as Fields))
  return `| ${shown.join(' ')}`
}

/** `OffsetCommitValue v4 {…}`; one whose name is not known: `type 99 v0`. */
function decodedText({ name, type, version, data }: Fields): string {
  const what = `${name ?? `type ${type}`}${version === undefined ? '' : ` v${version}`}`
  return data === undefined ? what : `${what} ${valueText('data', data)}`
}

function found(problems: unknown): string {
  return problems === 0 ? 'nothing is wrong' : problems === 1 ? '1 problem' : `${problems} problems`
}

function pairs(fields: Readonly<Record<string, unknown>>): string {
  const shown = Object.entries(fields).filter(([, value]) => value !== undefined)
  return shown.map(([name, value]) => `${name}: ${valueText(name, value)}`).join(' ')
}

function valueText(name: string, value: unknown): string {
  if (typeof value === 'string') return plainWord.test(value) ? value : JSON.stringify(value)
  if (typeof value === 'number' && value >= earliestTimeMs && timestampName.test(name)) {
    const time = isoTime(value)
    return time === undefined ? String(value) : `${value} (${time})`
  }
  if (Buffer.isBuffer(value)) return isText(value) ? JSON.stringify(value.toString('utf8')) : hex(value)
  if (typeof value !== 'object' || value === null) return String(value)
  return JSON.stringify(renderable(value, (bytes) => (isText(bytes) ? bytes.toString('utf8') : hex(bytes))))
}

function isText(bytes: Buffer): boolean {
  return isUtf8(bytes) && !notText.test(bytes.toString('utf8'))
}

function hex(bytes: Buffer): string {
  return `0x${bytes.toString('hex')}`
}

/** What JSON can hold: bytes and bigints as strings, as is a number that is none. */
function renderable(value: unknown, bytesText: (bytes: Buffer) => string): unknown {
  if (Buffer.isBuffer(value)) return bytesText(value)
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (Array.isArray(value)) return value.map((element) => renderable(element, bytesText))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, renderable(each, bytesText)]))
}
