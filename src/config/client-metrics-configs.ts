/** config: every config of a client metrics subscription (KIP-714, resource type 16). */

import { int, list } from './config-definition.ts'
import { notYet } from './effects.ts'
import { anyList } from './validators.ts'

export const clientMetricsConfigs = {
  'interval.ms': int(300_000, { effect: notYet.telemetry, documentation: 'Metrics push interval in milliseconds' }),
  match: list([], { valid: anyList, effect: notYet.telemetry, documentation: 'Client match criteria' }),
  metrics: list([], { valid: anyList, effect: notYet.telemetry, documentation: 'Telemetry metric name prefix list' }),
} as const
