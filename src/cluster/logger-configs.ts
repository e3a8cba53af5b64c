/**
 * cluster: log levels as configs (KIP-412): resources of the type BROKER_LOGGER, one for each broker. They are nowhere stored: the next start
 * has those that it is started with. Messages are Kafka's.
 */
import { KafkaError } from '../../protocol/errors.ts'
import type { DescribedConfig } from '../config/index.ts'
import { type LogLevelName, type LogLevels, logLevels, rootLogger } from '../runtime/log-levels.ts'
import type { AlteredResource } from './config-commands.ts'

/** Kafka's code of a source that only loggers have. */
export const loggerSource = 6

/** @throws KafkaError INVALID_REQUEST, INVALID_CONFIG */
export function requireValidLogLevels(levels: LogLevels, { operations }: AlteredResource): void {
  for (const { name, kind, value } of operations) {
    if (kind === 'APPEND' || kind === 'SUBTRACT') {
      throw new KafkaError('INVALID_REQUEST', `${kind} operation is not allowed for the BROKER_LOGGER resource`)
    }
    if (!levels.has(name)) throw new KafkaError('INVALID_CONFIG', `Logger ${name} does not exist!`)
    if (kind === 'DELETE' && name === rootLogger) {
      throw new KafkaError('INVALID_REQUEST', 'Removing the log level of the root logger is not allowed')
    }
    if (kind === 'SET' && !isLevel(value)) {
      const problem = `Cannot set the log level of ${name} to ${value} as it is not a supported log level.`
      throw new KafkaError('INVALID_CONFIG', `${problem} Valid log levels are ${[...logLevels].sort().join(', ')}`)
    }
  }
}

/** Valid ones: see `requireValidLogLevels`. */
export function applyLogLevels(levels: LogLevels, { operations }: AlteredResource): void {
  for (const { name, kind, value } of operations) {
    if (kind === 'DELETE') levels.unsetLevel(name)
    else if (isLevel(value)) levels.setLevel(name, value)
  }
}

export function describeLogLevels(levels: LogLevels): DescribedConfig[] {
  return levels.names.map((name) => ({
    name,
    value: levels.levelOf(name),
    readOnly: false,
    isDefault: false,
    source: loggerSource,
    sensitive: false,
    synonyms: [],
    type: 0,
    documentation: '',
  }))
}

function isLevel(text: string): text is LogLevelName {
  return (logLevels as readonly string[]).includes(text)
}
