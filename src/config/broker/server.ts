/** config: broker configs of identity, topics and fetching, and what belongs nowhere else. */

import { boolean, int, javaClass, list, string } from '../config-definition.ts'
import { notYet, obeyed } from '../effects.ts'
import { anyList, atLeast } from '../validators.ts'

export const serverConfigs = {
  'alter.config.policy.class.name': javaClass(null, {
    importance: 'LOW',
    effect: notYet.javaClasses,
    documentation: 'The alter configs policy class that should be used for validation.',
  }),
  'auto.create.topics.enable': boolean(true, {
    importance: 'HIGH',
    effect: obeyed,
    documentation: 'Enable auto creation of topic on the server.',
  }),
  'background.threads': int(10, {
    valid: atLeast(1),
    importance: 'HIGH',
    updateMode: 'cluster-wide',
    effect: notYet.threads,
    documentation: 'The number of threads to use for various background processing tasks',
  }),
  'broker.id': int(1, {
    kafkaDefault: -1,
    importance: 'HIGH',
    effect: obeyed,
    documentation: 'The broker id for this server.',
  }),
  'broker.rack': string(null, { effect: obeyed, documentation: 'Rack of the broker.' }),
  'config.providers': list([], {
    valid: anyList,
    importance: 'LOW',
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation: 'Comma-separated alias names for classes implementing the ConfigProvider interface.',
  }),
  'controlled.shutdown.enable': boolean(true, {
    effect: notYet.replication,
    documentation: 'Enable controlled shutdown of the server.',
  }),
  'create.topic.policy.class.name': javaClass(null, {
    importance: 'LOW',
    effect: notYet.javaClasses,
    documentation: 'The create topic policy class that should be used for validation.',
  }),
  'delete.records.purgatory.purge.interval.requests': int(1, {
    effect: notYet.purgatory,
    documentation: 'The purge interval (in number of requests) of the delete records request purgatory',
  }),
  'delete.topic.enable': boolean(true, {
    importance: 'HIGH',
    effect: obeyed,
    documentation: 'When set to true, topics can be deleted by the admin client.',
  }),
  'fetch.max.bytes': int(57_671_680, {
    valid: atLeast(1024),
    effect: obeyed,
    documentation: 'The maximum number of bytes we will return for a fetch request.',
  }),
  'fetch.purgatory.purge.interval.requests': int(1000, {
    effect: notYet.purgatory,
    documentation: 'The purge interval (in number of requests) of the fetch request purgatory',
  }),
  'max.incremental.fetch.session.cache.slots': int(1000, {
    valid: atLeast(0),
    effect: obeyed,
    documentation: 'The maximum number of total incremental fetch sessions that we will maintain.',
  }),
  'max.request.partition.size.limit': int(2000, {
    valid: atLeast(1),
    effect: notYet.internals,
    documentation: 'The maximum number of partitions can be served in one request.',
  }),
  'node.id': int(1, {
    kafkaDefault: 'required',
    valid: atLeast(0),
    importance: 'HIGH',
    effect: obeyed,
    documentation: 'The node ID associated with the roles this process is playing when process.roles is non-empty.',
  }),
  'num.partitions': int(1, {
    valid: atLeast(1),
    effect: obeyed,
    documentation: 'The default number of log partitions per topic.',
  }),
  'producer.purgatory.purge.interval.requests': int(1000, {
    effect: notYet.purgatory,
    documentation: 'The purge interval (in number of requests) of the producer request purgatory',
  }),
} as const
