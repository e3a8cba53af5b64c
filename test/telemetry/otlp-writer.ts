/** test: what Kafka's Java clients push, as bytes. */
import { PbfWriter } from 'pbf'

export interface WrittenMetric {
  readonly name: string
  readonly value: number
  readonly kind?: 'gauge' | 'delta' | 'cumulative'
  /** Written as a whole number; otherwise as a double. */
  readonly isInteger?: boolean
  readonly attributes?: Readonly<Record<string, string>>
}

export function otlp(metrics: readonly WrittenMetric[], resource: Readonly<Record<string, string>> = {}): Buffer {
  const pbf = new PbfWriter()
  pbf.writeMessage(
    1,
    (_, resourceMetrics) => {
      // Resources behind their metrics are as good as before.
      resourceMetrics.writeMessage(
        2,
        (__, scope) => {
          for (const metric of metrics) scope.writeMessage(2, writeMetric, metric)
        },
        undefined,
      )
      resourceMetrics.writeMessage(1, (__, own) => writeAttributes(own, 1, resource), undefined)
    },
    undefined,
  )
  return Buffer.from(pbf.finish())
}

function writeMetric({ name, kind = 'gauge', ...point }: WrittenMetric, pbf: PbfWriter): void {
  pbf.writeStringField(1, name)
  pbf.writeStringField(2, 'a description that nobody reads')
  if (kind === 'gauge')
    pbf.writeMessage(5, (each: typeof point, gauge: PbfWriter) => gauge.writeMessage(1, writePoint, each), point)
  else {
    pbf.writeMessage(
      7,
      (each: typeof point, sum: PbfWriter) => {
        sum.writeMessage(1, writePoint, each)
        sum.writeVarintField(2, kind === 'delta' ? 1 : 2)
        sum.writeBooleanField(3, true)
      },
      point,
    )
  }
}

function writePoint({ value, isInteger, attributes = {} }: Omit<WrittenMetric, 'name' | 'kind'>, pbf: PbfWriter): void {
  pbf.writeFixed64Field(3, 1_700_000_000_000_000_000)
  if (isInteger) pbf.writeSFixed64Field(6, value)
  else pbf.writeDoubleField(4, value)
  writeAttributes(pbf, 7, attributes)
}

function writeAttributes(pbf: PbfWriter, field: number, attributes: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(attributes)) {
    pbf.writeMessage(
      field,
      (_, attribute) => {
        attribute.writeStringField(1, key)
        attribute.writeMessage(2, (__, any) => any.writeStringField(1, value), undefined)
      },
      undefined,
    )
  }
}
