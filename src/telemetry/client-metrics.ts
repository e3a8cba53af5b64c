/**
 * telemetry: the last values of what clients have pushed, with who they are as labels. Bounded in clients, series and lengths: a client can
 * fill its own part, and takes nothing from the others.
 */
import { type OtlpPoint, readMetrics } from './otlp.ts'
import type { TelemetryClient } from './subscriptions.ts'

export interface ClientSeries {
  readonly labels: Readonly<Record<string, string>>
  readonly type: 'gauge' | 'counter'
  value: number
}

export const maxSeriesPerClient = 1_000
const maxSeries = 100_000
const maxNameLength = 200
const maxLabelLength = 200
/** Kafka's own metrics begin with it; here with `kafka_client_`, so that none looks like one of the broker's. */
const kafkaPrefix = 'org.apache.kafka.'

interface ClientState {
  readonly identity: Readonly<Record<string, string>>
  /** By name and labels. */
  readonly series: Map<string, { readonly name: string; readonly series: ClientSeries }>
}

export class ClientMetrics {
  readonly #clients = new Map<string, ClientState>()
  #seriesCount = 0
  #dropped = 0

  /** Points that were not taken for being too many. */
  get droppedPoints(): number {
    return this.#dropped
  }

  get seriesCount(): number {
    return this.#seriesCount
  }

  /** @param bytes OTLP's MetricsData, decompressed @throws OtlpError */
  record(client: TelemetryClient, user: string, bytes: Buffer): void {
    const points = readMetrics(bytes)
    let state = this.#clients.get(client.client_instance_id)
    if (state === undefined) {
      state = { identity: identityOf(client, user), series: new Map() }
      this.#clients.set(client.client_instance_id, state)
    }
    for (const point of points) this.#recordPoint(state, point)
  }

  /** The client is gone, and its series with it. */
  forget(clientInstanceId: string): void {
    this.#seriesCount -= this.#clients.get(clientInstanceId)?.series.size ?? 0
    this.#clients.delete(clientInstanceId)
  }

  /** All series by metric name. A name has one type, the first that is met. */
  byName(): Map<string, ClientSeries[]> {
    const all = new Map<string, ClientSeries[]>()
    for (const { series: own } of this.#clients.values()) {
      for (const { name, series } of own.values()) {
        const found = all.get(name)
        if (found === undefined) all.set(name, [series])
        else found.push(series)
      }
    }
    return all
  }

  #recordPoint(state: ClientState, { name, kind, value, attributes }: OtlpPoint): void {
    const metric = metricName(name)
    const labels: Record<string, string> = {}
    for (const [key, text] of attributes) labels[labelName(key)] = text.slice(0, maxLabelLength)
    // Last, so that nobody passes for somebody else.
    Object.assign(labels, state.identity)
    const key = `${metric}${JSON.stringify(Object.entries(labels).sort())}`
    const known = state.series.get(key)
    if (known !== undefined) {
      known.series.value = kind === 'delta' ? known.series.value + value : value
      return
    }
    if (state.series.size >= maxSeriesPerClient || this.#seriesCount >= maxSeries) {
      this.#dropped += 1
      return
    }
    const type = kind === 'gauge' ? 'gauge' : 'counter'
    state.series.set(key, { name: metric, series: { labels, type, value } })
    this.#seriesCount += 1
  }
}

/** Without the port, which says nothing about a client: each connection has another one. */
const identityNames = [
  'client_instance_id',
  'client_id',
  'client_software_name',
  'client_software_version',
  'client_source_address',
] as const satisfies (keyof TelemetryClient)[]

function identityOf(client: TelemetryClient, user: string): Record<string, string> {
  const identity: Record<string, string> = { user: user.slice(0, maxLabelLength) }
  for (const name of identityNames) identity[name] = client[name].slice(0, maxLabelLength)
  return identity
}

function metricName(name: string): string {
  const own = name.startsWith(kafkaPrefix) ? name.slice(kafkaPrefix.length) : name
  return `kafka_client_${own.replace(/[^a-zA-Z0-9_]/g, '_').slice(0, maxNameLength)}`
}

function labelName(key: string): string {
  const name = key.replace(/[^a-zA-Z0-9_]/g, '_').slice(0, maxLabelLength)
  return /^[0-9]/.test(name) || name.startsWith('__') || name === '' ? `_${name.replace(/^_+/, '')}` : name
}
