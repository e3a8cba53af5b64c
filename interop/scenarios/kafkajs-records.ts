// interop: records as kafkajs's API has them, which @confluentinc/kafka-javascript shares.
import type { IHeaders, Message } from 'kafkajs'
import { fromBase64, toBase64 } from './agent.ts'
import type { WireRecord } from './wire.ts'

/** Neither client can write a null header value (their allowlist.ts), so none comes here. */
function headersOf(record: WireRecord): IHeaders {
  const headers: Record<string, Buffer[]> = {}
  for (const [name, value] of record.headers) {
    headers[name] ??= []
    headers[name].push(fromBase64(value) ?? Buffer.alloc(0))
  }
  return headers
}

export const messageOf = (record: WireRecord): Message => ({
  partition: record.partition,
  key: fromBase64(record.key),
  value: fromBase64(record.value),
  headers: headersOf(record),
  ...(record.timestamp === undefined ? {} : { timestamp: String(record.timestamp) }),
})

export const readHeaders = (headers: IHeaders | undefined): WireRecord['headers'] =>
  Object.entries(headers ?? {}).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one): [string, string | null] => [name, toBase64(one)]),
  )
