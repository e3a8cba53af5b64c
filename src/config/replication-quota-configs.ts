/** config: broker configs that Kafka knows only as dynamic ones: the throttles of replication. */

import { long, maxLong } from './config-definition.ts'
import { notYet, obeyed } from './effects.ts'
import { atLeast } from './validators.ts'

export const replicationQuotaConfigs = {
  'follower.replication.throttled.rate': long(maxLong, {
    valid: atLeast(0),
    updateMode: 'per-broker',
    effect: notYet.replication,
    documentation:
      'A long representing the upper bound (bytes/sec) on replication traffic for followers enumerated in the property follower.replication.throttled.replicas (for each topic).',
  }),
  'leader.replication.throttled.rate': long(maxLong, {
    valid: atLeast(0),
    updateMode: 'per-broker',
    effect: notYet.replication,
    documentation:
      'A long representing the upper bound (bytes/sec) on replication traffic for leaders enumerated in the property leader.replication.throttled.replicas (for each topic).',
  }),
  'replica.alter.log.dirs.io.max.bytes.per.second': long(maxLong, {
    valid: atLeast(0),
    updateMode: 'per-broker',
    effect: obeyed,
    documentation:
      'A long representing the upper bound (bytes/sec) on disk IO used for moving replica between log directories on the same broker.',
  }),
} as const
