/** telemetry: what stands in the broker when somebody looks: topics, partitions, logs, groups, connections, the controller. */
import type { Registry } from 'prom-client'
import type { TopicCounts, TopicTraffic } from './topic-traffic.ts'

type PromClient = typeof import('prom-client')

interface MeasuredPartition {
  readonly index: number
  readonly leaderId: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  /** min.insync.replicas, or all replicas where there are fewer. */
  readonly requiredInSync: number
  readonly isOpen: boolean
  readonly isOffline: boolean
  readonly log: { readonly sizeInBytes: number; readonly logStartOffset: number; readonly logEndOffset: number }
}

/** What is looked at; the rooms have it in this shape. */
export interface MetricSources {
  readonly brokerId: number
  readonly isRunning: boolean
  readonly cluster: {
    readonly controllerId: number
    readonly topics: {
      values(): Iterable<{ readonly name: string; readonly partitions: readonly MeasuredPartition[] }>
      /** Of leaders that were not in sync, since the start. */
      readonly elections: { readonly unclean: number; readonly fromEligible: number }
    }
    readonly registrations: { values(): readonly { readonly isFenced: boolean }[] }
  }
  /** Groups that the broker coordinates. */
  groups(): Promise<readonly { readonly groupState: string; readonly groupType: string }[]>
  /** Open connections by listener. */
  connections(): ReadonlyMap<string, number>
  /** Share of the time in which the event loop has had nothing to do, since this was last asked. */
  idleShare(): number
}

const topicCounters: readonly (readonly [name: string, count: keyof TopicCounts, help: string])[] = [
  ['messagesin', 'messagesIn', 'Records appended by producers.'],
  ['bytesin', 'bytesIn', 'Bytes of records appended by producers.'],
  ['bytesout', 'bytesOut', 'Bytes of records sent to consumers.'],
  ['totalproducerequests', 'produceRequests', 'Parts of Produce requests, one for each partition.'],
  ['failedproducerequests', 'failedProduceRequests', 'Those that were answered with an error.'],
  ['totalfetchrequests', 'fetchRequests', 'Parts of Fetch answers, one for each partition.'],
  ['failedfetchrequests', 'failedFetchRequests', 'Those with an error.'],
]

/** As in Kafka, the line without a topic is the sum of all. */
export function registerTopicTraffic({ Counter }: PromClient, registry: Registry, traffic: TopicTraffic): void {
  for (const [name, count, help] of topicCounters) {
    new Counter({
      name: `kafka_server_brokertopicmetrics_${name}_total`,
      help,
      labelNames: ['topic'],
      registers: [registry],
      collect() {
        this.reset()
        let sum = 0
        for (const [topic, counts] of traffic.byTopic) {
          this.inc({ topic }, counts[count])
          sum += counts[count]
        }
        this.inc(sum)
      },
    })
  }
}

export function registerBrokerGauges(prom: PromClient, registry: Registry, sources: MetricSources): void {
  const gauge = (name: string, help: string, read: () => number | Promise<number>): void => {
    new prom.Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        this.set(await read())
      },
    })
  }
  registerReplicas(gauge, sources)
  registerController(gauge, sources)
  registerElections(prom, registry, sources)
  registerLogs(prom, registry, sources)
  registerGroups(prom, registry, sources)
  gauge('kafka_server_kafkaserver_brokerstate', 'The broker: 3 running, 0 not.', () => (sources.isRunning ? 3 : 0))
  gauge(
    'kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent',
    'Share of the time in which the event loop has had nothing to do since the last look, 0 to 1.',
    () => sources.idleShare(),
  )
  new prom.Gauge({
    name: 'kafka_server_socket_server_metrics_connection_count',
    help: 'Open connections.',
    labelNames: ['listener'],
    registers: [registry],
    collect() {
      this.reset()
      for (const [listener, count] of sources.connections()) this.set({ listener }, count)
    },
  })
}

type RegisterGauge = (name: string, help: string, read: () => number) => void

function registerReplicas(gauge: RegisterGauge, { brokerId, cluster }: MetricSources): void {
  const count = (counts: (partition: MeasuredPartition) => boolean) => (): number => {
    let found = 0
    for (const { partitions } of cluster.topics.values()) found += partitions.filter(counts).length
    return found
  }
  const isOwn = ({ replicas }: MeasuredPartition): boolean => replicas.includes(brokerId)
  const leads = ({ leaderId }: MeasuredPartition): boolean => leaderId === brokerId
  const name = (what: string): string => `kafka_server_replicamanager_${what}`
  gauge(name('partitioncount'), 'Partitions with a replica at this broker.', count(isOwn))
  gauge(name('leadercount'), 'Partitions that this broker leads.', count(leads))
  gauge(
    name('offlinereplicacount'),
    'Replicas of this broker whose log can not be used.',
    count((partition) => isOwn(partition) && partition.isOffline),
  )
  gauge(
    name('underreplicatedpartitions'),
    'Partitions that this broker leads, with fewer replicas in sync than there are.',
    count((partition) => leads(partition) && partition.isr.length < partition.replicas.length),
  )
  gauge(
    name('underminisrpartitioncount'),
    'Those with fewer in sync than min.insync.replicas.',
    count((partition) => leads(partition) && partition.isr.length < partition.requiredInSync),
  )
  gauge(
    name('atminisrpartitioncount'),
    'Those with just as many in sync as min.insync.replicas.',
    count((partition) => leads(partition) && partition.isr.length === partition.requiredInSync),
  )
}

function registerController(gauge: RegisterGauge, { brokerId, cluster }: MetricSources): void {
  const name = (what: string): string => `kafka_controller_kafkacontroller_${what}`
  const partitions = (counts: (partition: MeasuredPartition) => boolean): number => {
    let found = 0
    for (const topic of cluster.topics.values()) found += topic.partitions.filter(counts).length
    return found
  }
  const brokers = (isFenced: boolean): number =>
    cluster.registrations.values().filter((each) => each.isFenced === isFenced).length
  gauge(name('activecontrollercount'), '1 where clients are told that this broker is the controller.', () =>
    cluster.controllerId === brokerId ? 1 : 0,
  )
  gauge(name('globaltopiccount'), 'Topics.', () => [...cluster.topics.values()].length)
  gauge(name('globalpartitioncount'), 'Partitions.', () => partitions(() => true))
  gauge(name('offlinepartitionscount'), 'Partitions without a leader.', () =>
    partitions(({ leaderId }) => leaderId < 0),
  )
  gauge(name('preferredreplicaimbalancecount'), 'Partitions that are led by another than their first replica.', () =>
    partitions(({ leaderId, replicas }) => leaderId !== replicas[0]),
  )
  gauge(name('activebrokercount'), 'Brokers that serve.', () => brokers(false))
  gauge(name('fencedbrokercount'), 'Brokers that are registered and do not serve.', () => brokers(true))
}

function registerElections({ Counter }: PromClient, registry: Registry, { cluster }: MetricSources): void {
  const counter = (name: string, help: string, count: keyof typeof cluster.topics.elections): void => {
    new Counter({
      name: `kafka_controller_controllerstats_${name}_total`,
      help,
      registers: [registry],
      collect() {
        this.reset()
        this.inc(cluster.topics.elections[count])
      },
    })
  }
  counter('uncleanleaderelections', 'Elections of leaders that may lack records.', 'unclean')
  counter('electionfromeligibleleaderreplicas', 'Elections of eligible leader replicas (KIP-966).', 'fromEligible')
}

function registerLogs({ Gauge }: PromClient, registry: Registry, { cluster }: MetricSources): void {
  const perPartition = (what: string, help: string, read: (log: MeasuredPartition['log']) => number): void => {
    new Gauge({
      name: `kafka_log_log_${what}`,
      help,
      labelNames: ['topic', 'partition'],
      registers: [registry],
      collect() {
        this.reset()
        for (const { name, partitions } of cluster.topics.values()) {
          for (const partition of partitions) {
            if (partition.isOpen) this.set({ topic: name, partition: partition.index }, read(partition.log))
          }
        }
      },
    })
  }
  perPartition('size', 'Bytes of the log.', ({ sizeInBytes }) => sizeInBytes)
  perPartition('logstartoffset', 'The first offset that is there.', ({ logStartOffset }) => logStartOffset)
  perPartition('logendoffset', 'The offset that the next record gets.', ({ logEndOffset }) => logEndOffset)
}

/** Groups by state, under Kafka's names of the classic ones, and by kind and state together. */
const classicStates = ['PreparingRebalance', 'CompletingRebalance', 'Stable', 'Dead', 'Empty'] as const

function registerGroups({ Gauge }: PromClient, registry: Registry, sources: MetricSources): void {
  type Groups = Awaited<ReturnType<MetricSources['groups']>>
  /** All gauges of one look ask in the same turn, and share what they are told. */
  let looking: Promise<Groups> | undefined
  const groups = (): Promise<Groups> => {
    looking ??= sources.groups().finally(() => {
      looking = undefined
    })
    return looking
  }
  const gauge = (name: string, help: string, counts: (group: Groups[number]) => boolean): void => {
    new Gauge({
      name: `kafka_coordinator_group_groupmetadatamanager_${name}`,
      help,
      registers: [registry],
      async collect() {
        this.set((await groups()).filter(counts).length)
      },
    })
  }
  gauge('numgroups', 'Groups that this broker coordinates.', () => true)
  for (const state of classicStates) {
    gauge(`numgroups${state.toLowerCase()}`, `Groups in state ${state}.`, ({ groupState }) => groupState === state)
  }
  new Gauge({
    name: 'kafka_server_group_coordinator_metrics_group_count',
    help: 'Groups that this broker coordinates, by protocol and state.',
    labelNames: ['protocol', 'state'],
    registers: [registry],
    async collect() {
      const found = await groups()
      this.reset()
      for (const { groupState, groupType } of found) this.inc({ protocol: groupType.toLowerCase(), state: groupState })
    },
  })
}
