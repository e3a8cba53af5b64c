/**
 * cluster: what follows when a log directory of a running process fails (KIP-112): whoever waits for a partition of it hears of it, and the
 * controller, as Kafka's broker must tell it within log.dir.failure.timeout.ms. Without any directory left the process can't go on.
 */
import type { KafkaError } from '../../protocol/errors.ts'
import type { BrokerConfig } from '../config/index.ts'
import type { LogDirectory } from '../log/log-directory.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logger.ts'
import type { LogDirectories } from './log-directories.ts'
import type { Topics } from './topics.ts'

interface DirectoryFailuresOptions {
  readonly directories: LogDirectories
  readonly topics: Topics
  readonly clock: Clock
  readonly logger: Logger
  config(): BrokerConfig
  /** Records which directories the brokers have left. */
  record(): Promise<void>
  /** The cluster can't go on. */
  fail(error: Error): void
}

export function watchForFailures(options: DirectoryFailuresOptions): void {
  for (const directory of options.directories.all) {
    directory.onFailure((failure) => directoryFailed(options, directory, failure))
  }
}

/** Its partitions are offline. */
function directoryFailed(options: DirectoryFailuresOptions, directory: LogDirectory, failure: KafkaError): void {
  const { directories, topics, fail } = options
  const isLast = directory === directories.metadata || directories.usable.length === 0
  if (isLast) {
    fail(new Error(`the log directory ${directory.path} has failed: ${failure.message}`))
    return
  }
  for (const { topic, partition } of directory.partitions()) topics.findPartition(topic, partition)?.wake()
  void recordFailure(options, directory)
}

async function recordFailure(options: DirectoryFailuresOptions, { path }: LogDirectory): Promise<void> {
  const { clock, logger, config, record, fail } = options
  const timeoutMs = config().get('log.dir.failure.timeout.ms')
  const cancel = clock.after(timeoutMs, () => {
    fail(new Error(`that the log directory ${path} has failed could not be recorded within ${timeoutMs} ms`))
  })
  try {
    await record()
  } catch (error) {
    logger.error({ path, error }, 'the failure of a log directory could not be recorded')
  } finally {
    cancel()
  }
}
