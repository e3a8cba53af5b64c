/** Brokers that are broken on purpose, so that the simulation has something to notice. */
import type { TransactionCoordinator } from '../../../src/transactions/transaction-coordinator.ts'
import type { Sabotage } from './simulated-broker.ts'

type Command = 'initProducerId' | 'addPartitions' | 'verifyPartitions' | 'endTransaction'

/** The transaction coordinator with another `command`, which is given the true one. */
function withCommand<C extends Command>(
  command: C,
  change: (real: TransactionCoordinator[C]) => TransactionCoordinator[C],
): Sabotage {
  return {
    transactions: (transactions) => {
      const real = transactions[command].bind(transactions) as TransactionCoordinator[C]
      transactions[command] = change(real)
    },
  }
}

export const sabotages: Record<string, Sabotage> = {
  'one partition gets no markers': {
    markers: (markers) => {
      const write = markers.write.bind(markers)
      markers.write = async (marker, topic, partition) => {
        if (topic !== 'data' || partition !== 0) await write(marker, topic, partition)
      }
    },
  },
  'one partition gets commit markers for aborts': {
    markers: (markers) => {
      const write = markers.write.bind(markers)
      markers.write = (marker, topic, partition) =>
        write({ ...marker, isCommit: marker.isCommit || partition === 1 }, topic, partition)
    },
  },
  'the last stable offset is the high watermark': {
    partition: ({ log }) => {
      Object.defineProperty(log, 'lastStableOffset', { get: () => log.highWatermark })
      const read = log.read.bind(log)
      log.read = async (offset, options) => {
        if (options.isolation !== 'txn_committed') return await read(offset, options)
        const result = await read(offset, { ...options, isolation: 'high_watermark' })
        const { highWatermark } = log
        const abortedTransactions = await log.abortedTransactions(offset, highWatermark)
        return { ...result, lastStableOffset: highWatermark, abortedTransactions }
      }
    },
  },
  'readers are not told of aborted transactions': {
    partition: ({ log }) => {
      const read = log.read.bind(log)
      log.read = async (offset, options) => ({ ...(await read(offset, options)), abortedTransactions: [] })
    },
  },
  'offsets count before their transaction has ended': {
    groups: (groups) => {
      groups.commitTransactionalOffsets = (request) =>
        groups.commitOffsets({ ...request, retentionTimeMs: -1, knowsGroupIdNotFound: true })
    },
  },
  'producers are not fenced: each is given the epoch of the one before': withCommand('initProducerId', (real) => {
    const given = new Map<string, ReturnType<TransactionCoordinator['initProducerId']>>()
    return (request) => {
      const first = given.get(request.transactionalId) ?? real(request)
      given.set(request.transactionalId, first)
      first.catch(() => given.delete(request.transactionalId))
      return first
    }
  }),
  'a commit is acknowledged before it is written': withCommand('endTransaction', (real) => async (request) => {
    const ended = real(request)
    if (request.clientVersion >= 2) return await ended
    ended.catch(() => {})
    return request
  }),
  'a transaction that is aborted is committed': withCommand(
    'endTransaction',
    (real) => (request) => real({ ...request, isCommit: true }),
  ),
  'partitions are not verified before the first batch': withCommand('verifyPartitions', () => async (request) => {
    return request.partitions.map(() => 'NONE' as const)
  }),
}
