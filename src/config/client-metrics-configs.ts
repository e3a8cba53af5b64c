/** config: every config of a client metrics subscription (KIP-714, resource type 16). */

import { int, list } from './config-definition.ts'
import { obeyed } from './effects.ts'
import { anyList } from './validators.ts'

export const clientMetricsConfigs = {
  'interval.ms': int(300_000, { effect: obeyed, documentation: 'Metrics push interval in milliseconds' }),
  match: list([], { valid: anyList, effect: obeyed, documentation: 'Client match criteria' }),
  metrics: list([], { valid: anyList, effect: obeyed, documentation: 'Telemetry metric name prefix list' }),
} as const
