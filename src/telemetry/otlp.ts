/**
 * telemetry: reads what clients push: OTLP's MetricsData, as far as Kafka's clients write it: gauges and sums of numbers with attributes.
 * Other kinds of metrics are passed over. Source: opentelemetry/proto/metrics/v1/metrics.proto.
 */
import { PbfReader } from 'pbf'

export interface OtlpPoint {
  readonly name: string
  readonly kind: 'gauge' | 'delta' | 'cumulative'
  readonly value: number
  /** Of the resource, then of the point. */
  readonly attributes: ReadonlyMap<string, string>
}

/** Points of one push. Kafka's Java clients have some 100 metrics. */
const maxPoints = 10_000
const maxAttributes = 32
const maxDepth = 4
const delta = 1

/** What is not protobuf, or too much of it. */
export class OtlpError extends Error {}

/** @throws OtlpError */
export function readMetrics(bytes: Buffer): OtlpPoint[] {
  const points: OtlpPoint[] = []
  try {
    const reader = new PbfReader(bytes)
    each(reader, bytes.length, 0, {
      1: (end) => readResourceMetrics(reader, end, points),
    })
  } catch (error) {
    if (error instanceof OtlpError) throw error
    throw new OtlpError(`not OTLP: ${error instanceof Error ? error.message : String(error)}`)
  }
  return points
}

/** By field number; messages get their end, other fields are read by whoever they are given to. */
type Fields = Readonly<Record<number, (end: number) => void>>

/** Reads a message up to `end`. @throws OtlpError where something reaches beyond it */
function each(reader: PbfReader, end: number, depth: number, fields: Fields): void {
  if (depth > maxDepth) throw new OtlpError('nested too deeply')
  while (reader.pos < end) {
    const field = reader.nextField(end)
    if (field === 0) throw new OtlpError('a field has no number')
    const read = fields[field]
    const { type } = reader
    if (type === lengthDelimited) {
      const length = reader.readVarint()
      const fieldEnd = reader.pos + length
      if (fieldEnd > end) throw new OtlpError(`a field of ${length} bytes is cut off`)
      read?.(fieldEnd)
      reader.pos = fieldEnd
    } else {
      if (read === undefined) reader.skip(type)
      else read(end)
      if (reader.pos > end) throw new OtlpError('a number is cut off')
    }
  }
}

const lengthDelimited = 2

function readResourceMetrics(reader: PbfReader, end: number, points: OtlpPoint[]): void {
  const attributes = new Map<string, string>()
  const start = reader.pos
  each(reader, end, 1, {
    1: (resourceEnd) => each(reader, resourceEnd, 2, { 1: (at) => readAttribute(reader, at, attributes) }),
  })
  // The resource may stand behind what belongs to it.
  reader.pos = start
  each(reader, end, 1, {
    2: (scopeEnd) => each(reader, scopeEnd, 2, { 2: (metricEnd) => readMetric(reader, metricEnd, attributes, points) }),
  })
}

function readMetric(
  reader: PbfReader,
  end: number,
  attributes: ReadonlyMap<string, string>,
  points: OtlpPoint[],
): void {
  let name = ''
  let isSum = false
  let temporality = 0
  const found: { value: number; own: Map<string, string> }[] = []
  const point = (pointEnd: number): void => {
    if (points.length + found.length >= maxPoints) throw new OtlpError(`more than ${maxPoints} points`)
    const own = new Map<string, string>()
    let value = Number.NaN
    each(reader, pointEnd, 4, {
      4: () => (value = reader.readDouble()),
      6: () => (value = reader.readSFixed64()),
      7: (at) => readAttribute(reader, at, own),
    })
    found.push({ value, own })
  }
  each(reader, end, 3, {
    1: (at) => (name = textUpTo(reader, at)),
    5: (at) => each(reader, at, 4, { 1: point }),
    7: (at) => {
      isSum = true
      each(reader, at, 4, { 1: point, 2: () => (temporality = reader.readVarint()) })
    },
  })
  const kind = isSum ? (temporality === delta ? 'delta' : 'cumulative') : 'gauge'
  for (const { value, own } of found) {
    if (Number.isFinite(value)) points.push({ name, kind, value, attributes: new Map([...attributes, ...own]) })
  }
}

function readAttribute(reader: PbfReader, end: number, attributes: Map<string, string>): void {
  let key = ''
  let value: string | undefined
  each(reader, end, 3, {
    1: (at) => (key = textUpTo(reader, at)),
    2: (valueEnd) =>
      each(reader, valueEnd, 4, {
        1: (at) => (value = textUpTo(reader, at)),
        2: () => (value = String(reader.readBoolean())),
        3: () => (value = String(reader.readVarint(true))),
        4: () => (value = String(reader.readDouble())),
      }),
  })
  if (value === undefined) return
  if (attributes.size >= maxAttributes) throw new OtlpError(`more than ${maxAttributes} attributes`)
  attributes.set(key, value)
}

function textUpTo(reader: PbfReader, end: number): string {
  return Buffer.from(reader.buf.buffer, reader.buf.byteOffset + reader.pos, end - reader.pos).toString('utf8')
}
