/** config: broker configs of tiered storage (KIP-405). */

import { boolean, double, int, long, maxLong, string } from '../config-definition.ts'
import { notYet } from '../effects.ts'
import { atLeast, between, nonEmptyString } from '../validators.ts'

export const tieredStorageConfigs = {
  'follower.fetch.last.tiered.offset.enable': boolean(false, {
    updateMode: 'cluster-wide',
    effect: notYet.tieredStorage,
    documentation:
      'When enabled, an empty follower skips offsets up to the last tiered offset and begins replication from the next offset.',
  }),
  'log.local.retention.bytes': long(-2, {
    valid: atLeast(-2),
    updateMode: 'cluster-wide',
    effect: notYet.tieredStorage,
    documentation:
      'The maximum size of local log segments that can grow for a partition before it gets eligible for deletion.',
  }),
  'log.local.retention.ms': long(-2, {
    valid: atLeast(-2),
    updateMode: 'cluster-wide',
    effect: notYet.tieredStorage,
    documentation: 'The number of milliseconds to keep the local log segments before it gets eligible for deletion.',
  }),
  'remote.fetch.max.wait.ms': int(500, {
    valid: atLeast(1),
    updateMode: 'cluster-wide',
    effect: notYet.tieredStorage,
    documentation:
      'The maximum amount of time the server will wait before answering the fetch request containing remote fetch partitions.',
  }),
  'remote.list.offsets.request.timeout.ms': long(30000, {
    valid: atLeast(1),
    updateMode: 'cluster-wide',
    effect: notYet.tieredStorage,
    documentation: 'The maximum amount of time the server will wait for the remote list offsets request to complete.',
  }),
  'remote.log.index.file.cache.total.size.bytes': long(1_073_741_824, {
    valid: atLeast(1),
    importance: 'LOW',
    updateMode: 'cluster-wide',
    effect: notYet.tieredStorage,
    documentation:
      'The total size of the space allocated to store index files fetched from remote storage in the local storage.',
  }),
  'remote.log.index.file.cache.ttl.ms': long(900_000, {
    valid: atLeast(-1),
    importance: 'LOW',
    internal: true,
    effect: notYet.tieredStorage,
    documentation:
      'The maximum time in milliseconds an index file entry can remain in the cache after its last access.',
  }),
  'remote.log.manager.copier.thread.pool.size': int(10, {
    valid: atLeast(1),
    updateMode: 'cluster-wide',
    effect: notYet.tieredStorage,
    documentation: 'Size of the thread pool used in scheduling tasks to copy segments.',
  }),
  'remote.log.manager.copy.max.bytes.per.second': long(maxLong, {
    valid: atLeast(1),
    updateMode: 'cluster-wide',
    effect: notYet.tieredStorage,
    documentation: 'The maximum number of bytes that can be copied from local storage to remote storage per second.',
  }),
  'remote.log.manager.copy.quota.window.num': int(11, {
    valid: atLeast(1),
    effect: notYet.tieredStorage,
    documentation: 'The number of samples to retain in memory for remote copy quota management.',
  }),
  'remote.log.manager.copy.quota.window.size.seconds': int(1, {
    valid: atLeast(1),
    effect: notYet.tieredStorage,
    documentation: 'The time span of each sample for remote copy quota management.',
  }),
  'remote.log.manager.expiration.thread.pool.size': int(10, {
    valid: atLeast(1),
    updateMode: 'cluster-wide',
    effect: notYet.tieredStorage,
    documentation: 'Size of the thread pool used in scheduling tasks to clean up the expired remote log segments.',
  }),
  'remote.log.manager.fetch.max.bytes.per.second': long(maxLong, {
    valid: atLeast(1),
    updateMode: 'cluster-wide',
    effect: notYet.tieredStorage,
    documentation: 'The maximum number of bytes that can be fetched from remote storage to local storage per second.',
  }),
  'remote.log.manager.fetch.quota.window.num': int(11, {
    valid: atLeast(1),
    effect: notYet.tieredStorage,
    documentation: 'The number of samples to retain in memory for remote fetch quota management.',
  }),
  'remote.log.manager.fetch.quota.window.size.seconds': int(1, {
    valid: atLeast(1),
    effect: notYet.tieredStorage,
    documentation: 'The time span of each sample for remote fetch quota management.',
  }),
  'remote.log.manager.follower.thread.pool.size': int(2, {
    valid: atLeast(1),
    updateMode: 'cluster-wide',
    effect: notYet.tieredStorage,
    documentation:
      'Size of the thread pool used in scheduling follower tasks to read the highest-uploaded remote-offset for follower partitions.',
  }),
  'remote.log.manager.task.interval.ms': long(30000, {
    valid: atLeast(1),
    importance: 'LOW',
    effect: notYet.tieredStorage,
    documentation:
      'Interval at which remote log manager runs the scheduled tasks like copy segments, and clean up remote log segments.',
  }),
  'remote.log.manager.task.retry.backoff.max.ms': long(30000, {
    valid: atLeast(1),
    importance: 'LOW',
    internal: true,
    effect: notYet.tieredStorage,
    documentation: 'The maximum amount of time in milliseconds to wait when the request is retried again.',
  }),
  'remote.log.manager.task.retry.backoff.ms': long(500, {
    valid: atLeast(1),
    importance: 'LOW',
    internal: true,
    effect: notYet.tieredStorage,
    documentation: 'The initial amount of wait in milliseconds before the request is retried again.',
  }),
  'remote.log.manager.task.retry.jitter': double(0.2, {
    valid: between(0, 0.5),
    importance: 'LOW',
    internal: true,
    effect: notYet.tieredStorage,
    documentation: 'The value used in defining the range for computing random jitter factor.',
  }),
  'remote.log.manager.thread.pool.size': int(2, {
    valid: atLeast(1),
    effect: notYet.tieredStorage,
    documentation:
      'Size of the thread pool used in scheduling follower tasks to read the highest-uploaded remote-offset for follower partitions.',
  }),
  'remote.log.metadata.custom.metadata.max.bytes': int(128, {
    valid: atLeast(0),
    importance: 'LOW',
    effect: notYet.tieredStorage,
    documentation:
      'The maximum size of custom metadata in bytes that the broker should accept from a remote storage plugin.',
  }),
  'remote.log.metadata.manager.class.name': string(
    'org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager',
    {
      valid: nonEmptyString,
      effect: notYet.tieredStorage,
      documentation: 'Fully qualified class name of RemoteLogMetadataManager implementation.',
    },
  ),
  'remote.log.metadata.manager.class.path': string(null, {
    effect: notYet.tieredStorage,
    documentation: 'Class path of the RemoteLogMetadataManager implementation.',
  }),
  'remote.log.metadata.manager.impl.prefix': string('rlmm.config.', {
    valid: nonEmptyString,
    effect: notYet.tieredStorage,
    documentation: 'Prefix used for properties to be passed to RemoteLogMetadataManager implementation.',
  }),
  'remote.log.metadata.manager.listener.name': string(null, {
    valid: nonEmptyString,
    effect: notYet.tieredStorage,
    documentation:
      'Listener name of the local broker to which it should get connected if needed by RemoteLogMetadataManager implementation.',
  }),
  'remote.log.reader.max.pending.tasks': int(100, {
    valid: atLeast(1),
    effect: notYet.tieredStorage,
    documentation: 'Maximum remote log reader thread pool task queue size.',
  }),
  'remote.log.reader.threads': int(10, {
    valid: atLeast(1),
    updateMode: 'cluster-wide',
    effect: notYet.tieredStorage,
    documentation: 'Size of the thread pool that is allocated for handling remote log reads.',
  }),
  'remote.log.storage.manager.class.name': string(null, {
    valid: nonEmptyString,
    effect: notYet.tieredStorage,
    documentation: 'Fully qualified class name of RemoteStorageManager implementation.',
  }),
  'remote.log.storage.manager.class.path': string(null, {
    effect: notYet.tieredStorage,
    documentation: 'Class path of the RemoteStorageManager implementation.',
  }),
  'remote.log.storage.manager.impl.prefix': string('rsm.config.', {
    valid: nonEmptyString,
    effect: notYet.tieredStorage,
    documentation: 'Prefix used for properties to be passed to RemoteStorageManager implementation.',
  }),
  'remote.log.storage.system.enable': boolean(false, {
    effect: notYet.tieredStorage,
    documentation: 'Whether to enable tiered storage functionality in a broker or not.',
  }),
} as const
