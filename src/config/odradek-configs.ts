/**
 * config: what only Odradek has: where metrics are served, and which requests are logged; and what Kafka is told by other means than configs.
 * No part of what DescribeConfigs lists.
 */

import { int, string } from './config-definition.ts'
import { obeyed } from './effects.ts'
import { atLeast, between, nonEmptyString } from './validators.ts'

export const odradekConfigs = {
  'java.security.auth.login.config': string(null, {
    effect: obeyed,
    documentation:
      "A file of logins in Java's form, whose section KafkaServer counts for listeners without sasl.jaas.config; as a rule given by KAFKA_OPTS.",
  }),
  'odradek.cluster.id': string(null, {
    valid: nonEmptyString,
    effect: obeyed,
    documentation:
      'The cluster id of a new data directory, in which a random one is put unless told; as a rule given by CLUSTER_ID. One that has an id keeps it.',
  }),
  'odradek.metrics.host': string('127.0.0.1', {
    valid: nonEmptyString,
    effect: obeyed,
    documentation: 'The address where metrics are served; whoever reaches it can read them.',
  }),
  'odradek.metrics.port': int(-1, {
    valid: between(-1, 65_535),
    effect: obeyed,
    documentation: 'The port where /metrics and /health are served; 0: any free port, -1: nowhere.',
  }),
  'odradek.request.slow.ms': int(-1, {
    valid: atLeast(-1),
    effect: obeyed,
    documentation: 'Requests that take longer than this are logged as warnings; -1: none.',
  }),
} as const
