/** config: broker configs of metrics and client telemetry (KIP-714). */

import { int, list, long, string } from '../config-definition.ts'
import { notYet, obeyed } from '../effects.ts'
import { anyList, atLeast } from '../validators.ts'

export const metricsConfigs = {
  'kafka.metrics.polling.interval.secs': int(10, {
    valid: atLeast(1),
    importance: 'LOW',
    effect: notYet.metrics,
    documentation:
      'The metrics polling interval (in seconds) which can be used in kafka.metrics.reporters implementations.',
  }),
  'kafka.metrics.reporters': list([], {
    valid: anyList,
    importance: 'LOW',
    effect: notYet.metrics,
    documentation: 'A list of classes to use as Yammer metrics custom reporters.',
  }),
  'metric.reporters': list(['org.apache.kafka.common.metrics.JmxReporter'], {
    valid: anyList,
    importance: 'LOW',
    updateMode: 'cluster-wide',
    effect: notYet.metrics,
    documentation: 'A list of classes to use as metrics reporters.',
  }),
  'metrics.num.samples': int(2, {
    valid: atLeast(1),
    importance: 'LOW',
    effect: notYet.metrics,
    documentation: 'The number of samples maintained to compute metrics.',
  }),
  'metrics.recording.level': string('INFO', {
    importance: 'LOW',
    effect: notYet.metrics,
    documentation: 'The highest recording level for metrics.',
  }),
  'metrics.sample.window.ms': long(30000, {
    valid: atLeast(1),
    importance: 'LOW',
    effect: notYet.metrics,
    documentation: 'The window of time a metrics sample is computed over.',
  }),
  'telemetry.max.bytes': int(1_048_576, {
    valid: atLeast(1),
    importance: 'LOW',
    effect: obeyed,
    documentation:
      'The maximum size (after compression if compression is used) of telemetry metrics pushed from a client to the broker.',
  }),
} as const
