/** config: settings of a broker that contradict each other, as Kafka checks them at start, and those that need more than one node. */

import type { BrokerConfig, BrokerConfigName, KnownConfigs } from './broker-config.ts'
import type { ConfigValue } from './config-definition.ts'
import { ConfigError } from './config-error.ts'

/** What the rules read: they run before there are listeners. */
type Settings = Pick<BrokerConfig, 'get' | 'isSet' | 'logDirectories'>

/** @throws ConfigError for the first rule that is broken, in Kafka's words where Kafka has the rule */
export function checkRules(settings: Settings): void {
  checkRoles(settings)
  checkLogs(settings)
  checkCompactionLag(
    settings.get('log.cleaner.min.compaction.lag.ms'),
    settings.get('log.cleaner.max.compaction.lag.ms'),
  )
  checkConnections(settings)
  checkReplication(settings)
  checkGroups(settings)
}

/** Those of the rules that configs which may change while the broker runs can break. @throws ConfigError in the words of Kafka's answer */
export function checkRulesOfChange(settings: Settings): void {
  try {
    checkLogs(settings)
    checkConnections(settings)
  } catch (error) {
    throw error instanceof ConfigError ? new ConfigError(`requirement failed: ${error.message}`) : error
  }
  checkGroups(settings)
}

function ensure(holds: boolean, problem: string): void {
  if (!holds) throw new ConfigError(problem)
}

function checkRoles(settings: Settings): void {
  const roles = settings.get('process.roles')
  const nodeId = settings.get('node.id')
  ensure(
    nodeId === settings.get('broker.id') || settings.get('broker.id') === -1,
    'You must set `node.id` to the same value as `broker.id`.',
  )
  ensure(
    roles.includes('broker'),
    `process.roles=${roles.join(',')} makes no broker: set process.roles=broker,controller (the controller is part of the broker process).`,
  )
  const voters = settings.get('controller.quorum.voters')
  ensure(
    voters.length <= 1,
    `controller.quorum.voters names ${voters.length} controllers: this broker is the only node of its cluster, so name one or none.`,
  )
  const servers = settings.get('controller.quorum.bootstrap.servers')
  ensure(
    servers.length <= 1,
    `controller.quorum.bootstrap.servers names ${servers.length} controllers: this broker is the only node of its cluster, so name one or none.`,
  )
  const voterId = voters.map((voter) => Number(voter.split('@')[0]))[0]
  if (voterId !== undefined && roles.includes('controller'))
    ensure(
      voterId === nodeId,
      `If process.roles contains the 'controller' role, the node id ${nodeId} must be included in the set of voters controller.quorum.voters=Set(${voterId})`,
    )
  if (voterId !== undefined && !roles.includes('controller') && settings.isSet('process.roles'))
    ensure(
      voterId !== nodeId,
      `If process.roles contains just the 'broker' role, the node id ${nodeId} must not be included in the set of voters controller.quorum.voters=Set(${voterId})`,
    )
}

function checkLogs(settings: Settings): void {
  const retention =
    settings.get('log.retention.ms') ?? settings.get('log.retention.minutes') ?? settings.get('log.retention.hours')
  ensure(retention !== 0, 'log.retention.ms must be unlimited (-1) or, greater than or equal to 1')
  const roll = settings.get('log.roll.ms')
  ensure(roll === null || roll >= 1, 'log.roll.ms must be greater than or equal to 1')
  const jitter = settings.get('log.roll.jitter.ms')
  ensure(jitter === null || jitter >= 0, 'log.roll.jitter.ms must be greater than or equal to 0')
  ensure(
    settings.get('log.cleaner.dedupe.buffer.size') / Math.max(1, settings.get('log.cleaner.threads')) > 1024 * 1024,
    'log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread.',
  )
  const cordoned = settings.get('cordoned.log.dirs')
  if (cordoned.includes('*'))
    ensure(cordoned.length === 1, 'When cordoned.log.dirs is set to *, it must not contain other values')
  else {
    const missing = cordoned.filter((directory) => !settings.logDirectories.includes(directory))
    ensure(
      missing.length === 0,
      `All entries in cordoned.log.dirs must be present in log.dirs or log.dir. Missing entries : ${missing.join(', ')}`,
    )
  }
}

/** The rule of a topic's compaction lags; the broker's, which are their defaults, obey it too. @throws ConfigError */
export function checkCompactionLag(smallest: number, largest: number): void {
  ensure(
    smallest <= largest,
    `conflict topic config setting min.compaction.lag.ms (${smallest}) > max.compaction.lag.ms (${largest})`,
  )
}

function checkConnections(settings: Settings): void {
  const queued = settings.get('queued.max.request.bytes')
  ensure(
    queued <= 0 || queued >= settings.get('socket.request.max.bytes'),
    'queued.max.request.bytes must be larger or equal to socket.request.max.bytes',
  )
  const idle = settings.get('connections.max.idle.ms')
  const delay = settings.get('connection.failed.authentication.delay.ms')
  ensure(
    idle <= -1 || delay < idle,
    `connection.failed.authentication.delay.ms=${delay} should always be less than connections.max.idle.ms=${idle} to prevent failed authentication responses from timing out`,
  )
  const overrides = settings.get('max.connections.per.ip.overrides')
  ensure(
    settings.get('max.connections.per.ip') > 0 || overrides !== '',
    'max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property is set.',
  )
  for (const override of overrides.split(',').filter((entry) => entry.trim() !== ''))
    ensure(
      /^.+:\s*\d+\s*$/.test(override),
      `Error parsing configuration property 'max.connections.per.ip.overrides': ${override.trim()} is not of the form HOST:COUNT`,
    )
}

/** Kafka's own; others are Java classes that can't be loaded. */
const replicaSelectors = ['LeaderSelector', 'RackAwareReplicaSelector'].map(
  (name) => `org.apache.kafka.common.replica.${name}`,
)

function checkReplication(settings: Settings): void {
  const selector = settings.get('replica.selector.class')
  ensure(
    selector === null || replicaSelectors.includes(selector),
    `replica.selector.class names ${selector}, which can't be loaded: ${replicaSelectors.join(' and ')} can.`,
  )
  const wait = settings.get('replica.fetch.wait.max.ms')
  ensure(
    settings.get('replica.socket.timeout.ms') >= wait,
    'replica.socket.timeout.ms should always be at least replica.fetch.wait.max.ms to prevent unnecessary socket timeouts',
  )
  ensure(
    wait <= settings.get('replica.lag.time.max.ms'),
    'replica.fetch.wait.max.ms should always be less than or equal to replica.lag.time.max.ms to prevent frequent changes in ISR',
  )
}

type NumericName = {
  [N in BrokerConfigName]: BrokerValue<N> extends number ? N : never
}[BrokerConfigName]

type BrokerValue<N extends BrokerConfigName> = ConfigValue<KnownConfigs[N]>

/** [name, how it must compare, to what], in the order in which Kafka checks them. */
const groupBounds: readonly [NumericName, 'at least' | 'at most' | 'below', NumericName][] = [
  ['group.consumer.max.heartbeat.interval.ms', 'at least', 'group.consumer.min.heartbeat.interval.ms'],
  ['group.consumer.heartbeat.interval.ms', 'at least', 'group.consumer.min.heartbeat.interval.ms'],
  ['group.consumer.heartbeat.interval.ms', 'at most', 'group.consumer.max.heartbeat.interval.ms'],
  ['group.consumer.max.session.timeout.ms', 'at least', 'group.consumer.min.session.timeout.ms'],
  ['group.consumer.session.timeout.ms', 'at least', 'group.consumer.min.session.timeout.ms'],
  ['group.consumer.session.timeout.ms', 'at most', 'group.consumer.max.session.timeout.ms'],
  ['group.consumer.heartbeat.interval.ms', 'below', 'group.consumer.session.timeout.ms'],
  ['group.consumer.max.assignment.interval.ms', 'at least', 'group.consumer.min.assignment.interval.ms'],
  ['group.consumer.assignment.interval.ms', 'at least', 'group.consumer.min.assignment.interval.ms'],
  ['group.consumer.assignment.interval.ms', 'at most', 'group.consumer.max.assignment.interval.ms'],
  ['group.share.max.heartbeat.interval.ms', 'at least', 'group.share.min.heartbeat.interval.ms'],
  ['group.share.heartbeat.interval.ms', 'at least', 'group.share.min.heartbeat.interval.ms'],
  ['group.share.heartbeat.interval.ms', 'at most', 'group.share.max.heartbeat.interval.ms'],
  ['group.share.max.session.timeout.ms', 'at least', 'group.share.min.session.timeout.ms'],
  ['group.share.session.timeout.ms', 'at least', 'group.share.min.session.timeout.ms'],
  ['group.share.session.timeout.ms', 'at most', 'group.share.max.session.timeout.ms'],
  ['group.share.heartbeat.interval.ms', 'below', 'group.share.session.timeout.ms'],
  ['group.share.max.assignment.interval.ms', 'at least', 'group.share.min.assignment.interval.ms'],
  ['group.share.assignment.interval.ms', 'at least', 'group.share.min.assignment.interval.ms'],
  ['group.share.assignment.interval.ms', 'at most', 'group.share.max.assignment.interval.ms'],
  ['group.share.record.lock.duration.ms', 'at least', 'group.share.min.record.lock.duration.ms'],
  ['group.share.max.record.lock.duration.ms', 'at least', 'group.share.record.lock.duration.ms'],
  ['group.share.delivery.count.limit', 'at least', 'group.share.min.delivery.count.limit'],
  ['group.share.max.delivery.count.limit', 'at least', 'group.share.delivery.count.limit'],
  ['group.share.partition.max.record.locks', 'at least', 'group.share.min.partition.max.record.locks'],
  ['group.share.max.partition.max.record.locks', 'at least', 'group.share.partition.max.record.locks'],
  ['group.share.max.share.sessions', 'at least', 'group.share.max.size'],
  ['group.streams.max.heartbeat.interval.ms', 'at least', 'group.streams.min.heartbeat.interval.ms'],
  ['group.streams.heartbeat.interval.ms', 'at least', 'group.streams.min.heartbeat.interval.ms'],
  ['group.streams.heartbeat.interval.ms', 'at most', 'group.streams.max.heartbeat.interval.ms'],
  ['group.streams.max.session.timeout.ms', 'at least', 'group.streams.min.session.timeout.ms'],
  ['group.streams.session.timeout.ms', 'at least', 'group.streams.min.session.timeout.ms'],
  ['group.streams.session.timeout.ms', 'at most', 'group.streams.max.session.timeout.ms'],
  ['group.streams.heartbeat.interval.ms', 'below', 'group.streams.session.timeout.ms'],
  ['group.streams.max.assignment.interval.ms', 'at least', 'group.streams.min.assignment.interval.ms'],
  ['group.streams.assignment.interval.ms', 'at least', 'group.streams.min.assignment.interval.ms'],
  ['group.streams.assignment.interval.ms', 'at most', 'group.streams.max.assignment.interval.ms'],
  ['group.streams.num.standby.replicas', 'at most', 'group.streams.max.standby.replicas'],
]

function checkGroups(settings: Settings): void {
  for (const [name, relation, other] of groupBounds) {
    const value = settings.get(name) as number
    const bound = settings.get(other) as number
    if (relation === 'at least') ensure(value >= bound, `${name} must be greater than or equal to ${other}`)
    if (relation === 'at most') ensure(value <= bound, `${name} must be less than or equal to ${other}`)
    if (relation === 'below') ensure(value < bound, `${name} must be less than ${other}`)
  }
  ensure(
    settings.get('group.coordinator.rebalance.protocols').includes('classic'),
    "Disabling the 'classic' protocol is not supported.",
  )
  for (const name of ['offsets.topic.compression.codec', 'share.coordinator.state.topic.compression.codec'] as const)
    ensure(settings.get(name) >= 0 && settings.get(name) <= 4, `Unknown compression type id: ${settings.get(name)}`)
}
