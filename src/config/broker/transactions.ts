/** config: broker configs of transactions and producer ids. */

import { boolean, int, short } from '../config-definition.ts'
import { notYet, obeyed } from '../effects.ts'
import { atLeast } from '../validators.ts'

export const transactionConfigs = {
  'add.partitions.to.txn.retry.backoff.max.ms': int(100, {
    valid: atLeast(0),
    importance: 'HIGH',
    effect: obeyed,
    documentation: 'The maximum allowed timeout for adding partitions to transactions on the server side.',
  }),
  'add.partitions.to.txn.retry.backoff.ms': int(20, {
    valid: atLeast(1),
    importance: 'HIGH',
    effect: obeyed,
    documentation: 'The server-side retry backoff when the server attemptsto add the partition to the transaction',
  }),
  'producer.id.expiration.check.interval.ms': int(600_000, {
    valid: atLeast(1),
    importance: 'LOW',
    internal: true,
    effect: obeyed,
    documentation:
      'The interval at which to remove producer IDs that have expired due to producer.id.expiration.ms passing.',
  }),
  'producer.id.expiration.ms': int(86_400_000, {
    valid: atLeast(1),
    importance: 'LOW',
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation: 'The time in ms that a topic partition leader will wait before expiring producer IDs.',
  }),
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': int(10000, {
    valid: atLeast(1),
    importance: 'LOW',
    effect: obeyed,
    documentation: 'The interval at which to rollback transactions that have timed out',
  }),
  'transaction.max.timeout.ms': int(900_000, {
    valid: atLeast(1),
    importance: 'HIGH',
    effect: obeyed,
    documentation: 'The maximum allowed timeout for transactions.',
  }),
  'transaction.partition.verification.enable': boolean(true, {
    importance: 'LOW',
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation:
      'Enable verification that checks that the partition has been added to the transaction before writing transactional records to the partition',
  }),
  'transaction.remove.expired.transaction.cleanup.interval.ms': int(3_600_000, {
    valid: atLeast(1),
    importance: 'LOW',
    effect: obeyed,
    documentation:
      'The interval at which to remove transactions that have expired due to transactional.id.expiration.ms passing',
  }),
  'transaction.state.log.load.buffer.size': int(5_242_880, {
    valid: atLeast(1),
    importance: 'HIGH',
    effect: notYet.internals,
    documentation:
      'Batch size for reading from the transaction log segments when loading producer ids and transactions into the cache (soft-limit, overridden if records are too large).',
  }),
  'transaction.state.log.min.isr': int(1, {
    kafkaDefault: 2,
    valid: atLeast(1),
    importance: 'HIGH',
    effect: obeyed,
    documentation:
      'The minimum number of replicas that must acknowledge a write to transaction topic in order to be considered successful.',
  }),
  'transaction.state.log.num.partitions': int(50, {
    valid: atLeast(1),
    importance: 'HIGH',
    effect: obeyed,
    documentation: 'The number of partitions for the transaction topic (should not change after deployment).',
  }),
  'transaction.state.log.replication.factor': short(1, {
    kafkaDefault: 3,
    valid: atLeast(1),
    importance: 'HIGH',
    effect: obeyed,
    documentation: 'The replication factor for the transaction topic (set higher to ensure availability).',
  }),
  'transaction.state.log.segment.bytes': int(104_857_600, {
    valid: atLeast(1),
    importance: 'HIGH',
    effect: obeyed,
    documentation:
      'The transaction topic segment bytes should be kept relatively small in order to facilitate faster log compaction and cache loads',
  }),
  'transaction.two.phase.commit.enable': boolean(false, {
    importance: 'LOW',
    effect: notYet.unstable,
    documentation:
      'Allow participation in Two-Phase Commit (2PC) transactions with an external transaction coordinator',
  }),
  'transactional.id.expiration.ms': int(604_800_000, {
    valid: atLeast(1),
    importance: 'HIGH',
    effect: obeyed,
    documentation:
      'The time in ms that the transaction coordinator will wait without receiving any transaction status updates for the current transaction before expiring its transactional id.',
  }),
} as const
