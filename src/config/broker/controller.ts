/** config: broker configs of roles, the controller and its metadata log. */

import { boolean, int, list, long, maxLong, string } from '../config-definition.ts'
import { notYet, obeyed } from '../effects.ts'
import { atLeast, bootstrapServers, listOf, quorumVoters } from '../validators.ts'

export const controllerConfigs = {
  'auto.leader.rebalance.enable': boolean(true, {
    importance: 'HIGH',
    effect: obeyed,
    documentation: 'Enables auto leader balancing.',
  }),
  'broker.heartbeat.interval.ms': int(2000, {
    effect: notYet.singleController,
    documentation: 'The length of time in milliseconds between broker heartbeats.',
  }),
  'broker.session.timeout.ms': int(9000, {
    effect: notYet.singleController,
    documentation: 'The length of time in milliseconds that a broker lease lasts if no heartbeats are made.',
  }),
  'controller.performance.always.log.threshold.ms': long(2000, {
    valid: atLeast(0),
    internal: true,
    effect: notYet.singleController,
    documentation: 'We will log an error message about controller events that take longer than this threshold.',
  }),
  'controller.performance.sample.period.ms': long(60000, {
    valid: atLeast(100),
    internal: true,
    effect: notYet.singleController,
    documentation: 'The number of milliseconds between periodic controller event performance log messages.',
  }),
  'controller.quorum.append.linger.ms': int(25, {
    valid: atLeast(0),
    effect: notYet.singleController,
    documentation:
      'The duration in milliseconds that the leader will wait for writes to accumulate before flushing them to disk.',
  }),
  'controller.quorum.auto.join.enable': boolean(false, {
    importance: 'LOW',
    effect: notYet.singleController,
    documentation:
      'Controls whether a KRaft controller should automatically join the cluster metadata partition for its cluster id.',
  }),
  'controller.quorum.bootstrap.servers': list([], {
    valid: bootstrapServers,
    importance: 'HIGH',
    effect: obeyed,
    documentation: 'List of endpoints to use for bootstrapping the cluster metadata.',
  }),
  'controller.quorum.election.backoff.max.ms': int(1000, {
    valid: atLeast(0),
    importance: 'HIGH',
    effect: notYet.singleController,
    documentation: 'Maximum time in milliseconds before starting new elections.',
  }),
  'controller.quorum.election.timeout.ms': int(1000, {
    valid: atLeast(0),
    importance: 'HIGH',
    effect: notYet.singleController,
    documentation:
      'Maximum time in milliseconds to wait without being able to fetch from the leader before triggering a new election',
  }),
  'controller.quorum.fetch.max.bytes': int(1_048_576, {
    valid: atLeast(1),
    importance: 'LOW',
    effect: notYet.singleController,
    documentation: 'Maximum amount of data to retrieve for each Fetch request.',
  }),
  'controller.quorum.fetch.snapshot.max.bytes': int(1_048_576, {
    valid: atLeast(1),
    importance: 'LOW',
    effect: notYet.singleController,
    documentation: 'Maximum amount of data to retrieve for each FetchSnapshot request to the controller.',
  }),
  'controller.quorum.fetch.timeout.ms': int(2000, {
    valid: atLeast(0),
    importance: 'HIGH',
    effect: notYet.singleController,
    documentation:
      'Maximum time without a successful fetch from the current leader before becoming a candidate and triggering an election for voters; Maximum time a leader can go without receiving valid fetch or fetchSnapshot request from a majority of the quorum before resigning.',
  }),
  'controller.quorum.request.timeout.ms': int(2000, {
    valid: atLeast(0),
    effect: notYet.singleController,
    documentation:
      'The configuration controls the maximum amount of time the client will wait for the response of a request.',
  }),
  'controller.quorum.retry.backoff.ms': int(20, {
    valid: atLeast(0),
    importance: 'LOW',
    effect: notYet.singleController,
    documentation: 'The amount of time to wait before attempting to retry a failed request to a given topic partition.',
  }),
  'controller.quorum.voters': list([], {
    valid: quorumVoters,
    importance: 'HIGH',
    effect: obeyed,
    documentation:
      'Map of id/endpoint information for the set of voters in a comma-separated list of {id}@{host}:{port} entries.',
  }),
  'controller.socket.timeout.ms': int(30000, {
    effect: notYet.singleController,
    documentation: 'The socket timeout for controller-to-broker channels.',
  }),
  'initial.broker.registration.timeout.ms': int(60000, {
    effect: notYet.singleController,
    documentation:
      'When initially registering with the controller quorum, the number of milliseconds to wait before declaring failure and exiting the broker process.',
  }),
  'internal.metadata.delete.delay.millis': long(60000, {
    importance: 'LOW',
    internal: true,
    effect: obeyed,
    documentation: 'The amount of time to wait before deleting a file from the filesystem, only for testing.',
  }),
  'internal.metadata.log.segment.bytes': int(null, {
    importance: 'LOW',
    internal: true,
    effect: obeyed,
    documentation: 'The maximum size of a single metadata log file, only for testing.',
  }),
  'internal.metadata.max.batch.size.in.bytes': int(8_388_608, {
    importance: 'LOW',
    internal: true,
    effect: obeyed,
    documentation: 'The largest record batch size allowed in the metadata log, only for testing.',
  }),
  'leader.imbalance.check.interval.seconds': long(300, {
    valid: atLeast(1),
    importance: 'HIGH',
    effect: obeyed,
    documentation: 'The frequency with which the partition rebalance check is triggered by the controller',
  }),
  'metadata.log.dir': string(null, {
    importance: 'HIGH',
    effect: obeyed,
    documentation: 'This configuration determines where we put the metadata log.',
  }),
  'metadata.log.max.record.bytes.between.snapshots': long(20_971_520, {
    valid: atLeast(1),
    importance: 'HIGH',
    effect: obeyed,
    documentation:
      'This is the maximum number of bytes in the log between the latest snapshot and the high-watermark needed before generating a new snapshot.',
  }),
  'metadata.log.max.snapshot.interval.ms': long(3_600_000, {
    valid: atLeast(0),
    importance: 'HIGH',
    effect: obeyed,
    documentation:
      'This is the maximum number of milliseconds to wait to generate a snapshot if there are committed records in the log that are not included in the latest snapshot.',
  }),
  'metadata.log.segment.bytes': int(1_073_741_824, {
    valid: atLeast(8_388_608),
    importance: 'HIGH',
    effect: obeyed,
    documentation: 'The maximum size of a single metadata log file.',
  }),
  'metadata.log.segment.ms': long(604_800_000, {
    importance: 'HIGH',
    effect: obeyed,
    documentation: 'The maximum time before a new metadata log file is rolled out (in milliseconds).',
  }),
  'metadata.max.idle.interval.ms': int(500, {
    valid: atLeast(0),
    importance: 'LOW',
    effect: notYet.singleController,
    documentation:
      'This configuration controls how often the active controller should write no-op records to the metadata partition.',
  }),
  'metadata.max.retention.bytes': long(104_857_600, {
    importance: 'HIGH',
    effect: obeyed,
    documentation:
      'The maximum combined size of the metadata log and snapshots before deleting old snapshots and log files.',
  }),
  'metadata.max.retention.ms': long(604_800_000, {
    importance: 'HIGH',
    effect: obeyed,
    documentation: 'The number of milliseconds to keep a metadata log file or snapshot before deleting it.',
  }),
  'process.roles': list(['broker', 'controller'], {
    kafkaDefault: 'required',
    valid: listOf(['broker', 'controller']),
    importance: 'HIGH',
    effect: obeyed,
    documentation: "The roles that this process plays: 'broker', 'controller', or 'broker,controller' if it is both.",
  }),
  'server.max.startup.time.ms': long(maxLong, {
    valid: atLeast(0),
    internal: true,
    effect: notYet.singleController,
    documentation: 'The maximum number of milliseconds we will wait for the server to come up.',
  }),
  'unclean.leader.election.interval.ms': long(300_000, {
    valid: atLeast(1),
    internal: true,
    effect: obeyed,
    documentation:
      'The frequency with which the controller checks if it should perform an unclean leader election for leaderless partitions.',
  }),
  'unstable.api.versions.enable': boolean(false, {
    importance: 'HIGH',
    internal: true,
    effect: notYet.unstable,
    documentation: '',
  }),
  'unstable.feature.versions.enable': boolean(false, {
    importance: 'HIGH',
    internal: true,
    effect: notYet.unstable,
    documentation: '',
  }),
} as const
