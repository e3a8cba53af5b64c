/** config: `KAFKA_*` environment variables as the apache/kafka container image turns them into properties. */

import { parseProperties } from './properties.ts'

/** Read by the image's start scripts and never a config (its KafkaDockerWrapper), and what those scripts read besides. */
const notConfigs = new Set([
  'KAFKA_VERSION',
  'KAFKA_HEAP_OPTS',
  'KAFKA_LOG4J_OPTS',
  'KAFKA_OPTS',
  'KAFKA_JVM_PERFORMANCE_OPTS',
  'KAFKA_GC_LOG_OPTS',
  'KAFKA_LOG4J_ROOT_LOGLEVEL',
  'KAFKA_LOG4J_LOGGERS',
  'KAFKA_TOOLS_LOG4J_LOGLEVEL',
  'KAFKA_HOME',
  'KAFKA_DEBUG',
])

/** Java's name. */
const loginFileConfig = 'java.security.auth.login.config'
const clusterIdConfig = 'odradek.cluster.id'

/** A property with the variable that it comes from, for messages. */
export interface EnvironmentProperty {
  readonly variable: string
  readonly value: string
}

/**
 * `KAFKA_LOG_SEGMENT_BYTES` is `log.segment.bytes`; `__` stands for `_` and `___` for `-`. The image writes
 * each as a line of a properties file, so backslashes in values are escapes here too.
 */
export function environmentToProperties(
  environment: Readonly<Record<string, string | undefined>>,
): Map<string, EnvironmentProperty> {
  const properties = new Map<string, EnvironmentProperty>()
  for (const [variable, value] of Object.entries(environment)) {
    if (value === undefined || !variable.startsWith('KAFKA_')) continue
    if (notConfigs.has(variable) || variable.startsWith('KAFKA_JMX_')) continue
    const name = variable
      .slice('KAFKA_'.length)
      .toLowerCase()
      .replaceAll('_', '.')
      .replaceAll('...', '-')
      .replaceAll('..', '_')
    for (const [key, parsed] of parseProperties(`${name}=${value}`)) properties.set(key, { variable, value: parsed })
  }
  const loginFile = loginFileIn(environment.KAFKA_OPTS ?? '')
  if (loginFile !== undefined) properties.set(loginFileConfig, { variable: 'KAFKA_OPTS', value: loginFile })
  // The one variable that the image reads and that has no prefix.
  const { CLUSTER_ID: clusterId } = environment
  if (clusterId) properties.set(clusterIdConfig, { variable: 'CLUSTER_ID', value: clusterId })
  return properties
}

/** What the image sets as KAFKA_LISTENERS where only KAFKA_ADVERTISED_LISTENERS is set: the same ports, on every address. */
export function listenersOfAdvertised(advertised: string): string {
  return advertised.replaceAll(/:\/\/(\[[^\]]*\]|[^:,]*):/g, '://0.0.0.0:')
}

/** The one system property of Java's that a broker is commonly given: where its logins are. The last one counts. */
function loginFileIn(options: string): string | undefined {
  const given = [...options.matchAll(/(?:^|\s)-D([\w.]+)==?("[^"]*"|'[^']*'|\S+)/g)]
  const [, , value] = given.findLast(([, name]) => name === loginFileConfig) ?? []
  return value?.replace(/^(["'])(.*)\1$/, '$2').replace(/^file:(?:\/\/(?=\/))?/, '')
}
