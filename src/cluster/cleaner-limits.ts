/** cluster: what the broker's config allows the log cleaners; each log directory has one, and its share. */
import type { BrokerConfig } from '../config/index.ts'
import type { CleanerLimits } from '../log/compaction/log-cleaner.ts'

export function cleanerLimitsOf(config: BrokerConfig, directories: number): CleanerLimits {
  return {
    isEnabled: config.get('log.cleaner.enable'),
    threads: Math.ceil(config.get('log.cleaner.threads') / directories),
    mapBytes: config.get('log.cleaner.dedupe.buffer.size') / directories,
    maxBytesPerSecond: config.get('log.cleaner.io.max.bytes.per.second') / directories,
    backoffMs: config.get('log.cleaner.backoff.ms'),
  }
}
