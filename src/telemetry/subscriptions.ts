/**
 * telemetry: which metrics are wanted of which clients: the CLIENT_METRICS configs (KIP-714). Expressions are RE2 and match a whole value;
 * one that RE2 can't read matches nobody.
 */
import type { RE2JS } from 're2js'
import { clientMetricsConfigs } from '../config/client-metrics-configs.ts'
import { parseValue } from '../config/values.ts'
import { re2 } from '../runtime/re2.ts'

/** What expressions are matched with. */
export interface TelemetryClient {
  readonly client_instance_id: string
  readonly client_id: string
  readonly client_software_name: string
  readonly client_software_version: string
  readonly client_source_address: string
  readonly client_source_port: string
}

/** A subscription's configs by its name. */
export type SubscriptionConfigs = Iterable<readonly [name: string, configs: ReadonlyMap<string, string>]>

export interface WantedMetrics {
  /** Prefixes of names; '*': all. Sorted, each once. */
  readonly metrics: readonly string[]
  readonly pushIntervalMs: number
}

interface Subscription {
  readonly metrics: readonly string[]
  readonly intervalMs: number
  readonly match: readonly (readonly [name: keyof TelemetryClient, expression: RE2JS | undefined])[]
}

const everyMetric = '*'
const defaultIntervalMs = clientMetricsConfigs['interval.ms'].default

export class Subscriptions {
  readonly #subscriptions: readonly Subscription[]

  constructor(configs: SubscriptionConfigs) {
    this.#subscriptions = [...configs].map(([, values]) => parse(values))
  }

  wantedOf(client: TelemetryClient): WantedMetrics {
    const metrics = new Set<string>()
    let pushIntervalMs = defaultIntervalMs
    for (const subscription of this.#subscriptions) {
      if (!subscription.match.every(([name, expression]) => expression?.matcher(client[name]).matches())) continue
      for (const metric of subscription.metrics) metrics.add(metric)
      pushIntervalMs = Math.min(pushIntervalMs, subscription.intervalMs)
    }
    return { metrics: metrics.has(everyMetric) ? [everyMetric] : [...metrics].sort(), pushIntervalMs }
  }
}

function parse(values: ReadonlyMap<string, string>): Subscription {
  const configOf = <N extends keyof typeof clientMetricsConfigs>(name: N) => {
    const text = values.get(name)
    return text === undefined ? clientMetricsConfigs[name].default : parseValue(name, clientMetricsConfigs[name], text)
  }
  const match = configOf('match') as readonly string[]
  return {
    metrics: configOf('metrics') as readonly string[],
    intervalMs: configOf('interval.ms') as number,
    match: match.map((pattern) => {
      const [name = '', text = ''] = pattern.split('=').map((part) => part.trim())
      return [name as keyof TelemetryClient, expressionOf(text)] as const
    }),
  }
}

function expressionOf(text: string): RE2JS | undefined {
  try {
    return re2().RE2JS.compile(text)
  } catch (error) {
    if (error instanceof re2().RE2JSException) return undefined
    throw error
  }
}
