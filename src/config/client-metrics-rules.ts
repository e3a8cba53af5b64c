/** config: what may be set for a client metrics subscription (KIP-714). Messages are Kafka's. */

import { clientMetricsConfigs } from './client-metrics-configs.ts'
import { ConfigError, ConfigRequestError } from './config-error.ts'
import { parseValue } from './values.ts'

const matchable: ReadonlySet<string> = new Set([
  'client_instance_id',
  'client_id',
  'client_software_name',
  'client_software_version',
  'client_source_address',
  'client_source_port',
])
const shortestIntervalMs = 100
const longestIntervalMs = 3_600_000

/** @param values all that the subscription will have @throws ConfigError, ConfigRequestError */
export function validateClientMetricsConfigs(values: ReadonlyMap<string, string>): void {
  for (const name of values.keys())
    if (!Object.hasOwn(clientMetricsConfigs, name))
      throw new ConfigRequestError(`Unknown client metrics configuration: ${name}`)
  for (const [name, text] of values) {
    const value = parseValue(name, clientMetricsConfigs[name as keyof typeof clientMetricsConfigs], text)
    if (name === 'interval.ms') checkInterval(value as number)
    if (name === 'match') for (const pattern of value as readonly string[]) checkPattern(pattern)
  }
}

function checkInterval(ms: number): void {
  if (ms < shortestIntervalMs || ms > longestIntervalMs)
    throw new ConfigRequestError(
      `Invalid value ${ms} for interval.ms, interval must be between ${shortestIntervalMs} and ${longestIntervalMs} (1 hour)`,
    )
}

/** `client_id=<regular expression>` */
function checkPattern(pattern: string): void {
  const [name, expression, ...more] = pattern.split('=').map((part) => part.trim())
  const isComplete = name !== undefined && expression !== undefined && expression !== '' && more.length === 0
  if (!isComplete || !matchable.has(name) || !isRegularExpression(expression))
    throw new ConfigError(`Illegal client matching pattern: ${pattern}`)
}

/** As this runtime writes them, save for flags in front, `(?i)`. */
function isRegularExpression(text: string): boolean {
  try {
    new RegExp(text.replace(/^\(\?[a-zA-Z]+\)/, ''))
    return true
  } catch {
    return false
  }
}
