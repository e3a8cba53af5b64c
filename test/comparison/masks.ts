/**
 * test: the form in which answers of two brokers can be compared: JSON in which ids, ports, member ids and present times are words,
 * and records are decoded. What is masked here is what no two Kafkas have in common either.
 */
import { type Codec, RecordBatchView, recordsOf, sizeInBytesAt } from '../../protocol/records/index.ts'
import { zeroUuid } from '../../protocol/schema/index.ts'

export type Json = string | number | boolean | null | Json[] | { [name: string]: Json }

const nearMs = 2 * 24 * 3_600_000
const uuidAtEnd = /-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export class Masks {
  /** Ids that were met, and what they are called: topic ids, member ids, producer ids. */
  readonly #names = new Map<string, string>()

  /** From now on `id` is shown as `name`. */
  name(id: string, name: string): void {
    this.#names.set(id, name)
  }

  /** `version` is that of the request: names made for it (`topic-v7`) are shown as `topic-vN`. */
  masked(value: unknown, version: number): Json {
    return this.#masked('', value, version)
  }

  #masked(field: string, value: unknown, version: number): Json {
    if (value === null || typeof value === 'boolean') return value
    if (Buffer.isBuffer(value)) return field === 'records' ? this.#records(value) : readable(value)
    if (Array.isArray(value)) {
      const isSet = field === 'partitions' && value.every((each) => typeof each === 'number')
      if (isSet) return [...value].sort((a, b) => a - b)
      return sorted(value.map((each) => this.#masked('', each, version)))
    }
    if (typeof value === 'string') return this.#text(field, value, version)
    if (typeof value === 'bigint' || typeof value === 'number') return this.#number(field, value)
    const fields: Record<string, Json> = {}
    for (const [name, each] of Object.entries(value as object)) fields[name] = this.#masked(name, each, version)
    return fields
  }

  #text(field: string, value: string, version: number): string {
    const named = this.#names.get(value)
    if (named !== undefined) return `<${named}>`
    if (field === 'topicId') return value === zeroUuid ? 'zero' : '<topic id>'
    if (field === 'clusterId') return '<cluster id>'
    if (field === 'logDir') return '<log dir>'
    return value
      .replace(/^Request Request\(.*\) needs /, 'Request <request> needs ')
      .replace(uuidAtEnd, '-<uuid>')
      .replace(/\b\d{13}\b/g, (digits) => (isNear(Number(digits)) ? '<time>' : digits))
      .replace(/-922337\d{13}/g, '<time>')
      .replace(/localhost:\d+/g, 'localhost:<port>')
      .replace(/directoryId=[\w-]{22}/g, 'directoryId=<id>')
      .replace(/cluster id "[\w-]{22}"/g, 'cluster id <id>')
      .replace(new RegExp(`-v${version}\\b`, 'g'), '-vN')
  }

  #number(field: string, value: number | bigint): Json {
    const number = Number(value)
    if (field === 'port' && number > 0) return '<port>'
    if (field === 'sessionId' && number > 0) return '<session id>'
    if (field === 'producerId' && number >= 0) return `<${this.#names.get(String(value)) ?? 'producer id'}>`
    if ((field === 'totalBytes' || field === 'usableBytes') && number > 0) return '<bytes>'
    return isNear(number) ? '<time>' : number
  }

  #records(bytes: Buffer): Json {
    const batches: Json[] = []
    let at = 0
    while (at < bytes.length) {
      const size = at + 12 > bytes.length ? Number.POSITIVE_INFINITY : sizeInBytesAt(bytes, at)
      if (at + size > bytes.length) {
        batches.push({ bytesOfNextBatch: bytes.length - at })
        break
      }
      batches.push(this.#batch(new RecordBatchView(bytes, at)))
      at += size
    }
    return batches
  }

  #batch(batch: RecordBatchView): Json {
    return {
      baseOffset: batch.baseOffset,
      magic: batch.magic,
      partitionLeaderEpoch: batch.partitionLeaderEpoch,
      codec: batch.codec satisfies Codec,
      timestampType: batch.timestampType,
      maxTimestamp: this.#number('', batch.maxTimestamp),
      producerId: this.#number('producerId', batch.producerId),
      producerEpoch: batch.producerEpoch,
      baseSequence: batch.baseSequence,
      attributes: (batch.isTransactional ? 'transactional ' : '') + (batch.isControl ? 'control' : ''),
      crcIsValid: batch.isCrcValid(),
      records: this.#recordsOf(batch),
    }
  }

  #recordsOf(batch: RecordBatchView): Json {
    try {
      return [...recordsOf(batch)].map(({ offset, timestamp, key, value, headers }) =>
        [
          offset,
          this.#number('', timestamp),
          key && readable(key),
          value && readable(value),
          headers.map((header) => `${header.key}=${header.value}`).join(),
        ].join(' '),
      )
    } catch {
      return `unreadable: ${readable(batch.recordBytes)}`
    }
  }
}

function isNear(number: number): boolean {
  return Math.abs(number - Date.now()) < nearMs
}

/** As text where it is, long runs cut short. */
function readable(bytes: Buffer): string {
  const text = bytes.toString('latin1')
  const shown = /^[\x20-\x7e]*$/.test(text) ? text : bytes.toString('hex')
  return shown.length <= 64 ? shown : `${shown.slice(0, 32)}... ${bytes.length} bytes`
}

/** Lists have the order of Kafka's hash maps here and there, which nobody relies on. */
function sorted(values: Json[]): Json[] {
  return values
    .map((value) => ({ value, key: sortKey(value) }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ value }) => value)
}

function sortKey(value: Json): string {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return ''
  if (Array.isArray(value.entity)) return JSON.stringify(value.entity)
  const { name, topic, groupId, key, memberId, resourceName, user } = value
  const named = name ?? topic ?? groupId ?? key ?? memberId ?? resourceName ?? user
  if (named !== undefined && named !== null) {
    return [named, value.topicId, value.resourceType, value.patternType, value.principal, value.operation].join(' ')
  }
  if (typeof value.mechanism === 'number') return String(value.mechanism)
  if (value.principal !== undefined) return [value.principal, value.host, value.operation].join(' ')
  const index = value.partitionIndex ?? value.index ?? value.partition
  return typeof index === 'number' ? String(index + 1_000) : String(value.topicId ?? '')
}
