// interop: transactions that are open when their broker stops, and ids in each other state: the other broker goes on with them on the same
// directory and port, whether their producers end them or nobody does.

import { freePort } from '../scenarios/broker.ts'
import { assertEqual } from '../scenarios/report.ts'
import { checkClient, eventually } from '../scenarios/run.ts'
import { type Bench, check, ownDirectory, withKafka, withOdradek } from './bench.ts'
import { dumpTransactions } from './dump.ts'
import { formatForKafka } from './metadata-snapshots.ts'
import type { SeenTransaction } from './probe.ts'

const quorum = 'controller.quorum.bootstrap.servers'
const cleanup = 'transaction.abort.timed.out.transaction.cleanup.interval.ms'
/** The first broker leaves the transaction whose time is over to the second. */
const intervalMs = { first: 3_600_000, second: 500 }

const statuses = { Empty: 0, Ongoing: 1, PrepareCommit: 2, PrepareAbort: 3, CompleteCommit: 4, CompleteAbort: 5 }

type Side = {
  name: string
  use<T>(directory: string, port: number, looksEveryMs: number, use: (bootstrap: string) => Promise<T>): Promise<T>
}

export async function transactionsTakenOver(bench: Bench): Promise<void> {
  const kafka: Side = {
    name: 'Kafka',
    use: async (directory, port, looksEveryMs, use) => {
      const properties = { ...listeners(port, await freePort()), [cleanup]: String(looksEveryMs) }
      return withKafka(bench, directory, { quorum, properties }, use)
    },
  }
  const odradek: Side = {
    name: 'Odradek',
    use: (directory, port, looksEveryMs, use) =>
      withOdradek(bench, directory, use, { port, settings: [`${cleanup}=${looksEveryMs}`] }),
  }
  const { tools, run } = bench
  await takenOver(bench, kafka, odradek)
  const ours = await takenOver(bench, odradek, kafka)
  await checkClient(run, tools, 'DumpLogSegments decodes the log of the transaction coordinator', () =>
    dumpTransactions(tools, `${ours}/data`, [
      '"transactionalId":"to-expire"',
      ...Object.values(statuses).map((status) => `"transactionStatus":${status},`),
    ]),
  )
}

/** Clients know the broker's port, so that it stays; the controller listens elsewhere each time. */
const listeners = (port: number, controllerPort: number) => ({
  listeners: `PLAINTEXT://localhost:${port},CONTROLLER://localhost:${controllerPort}`,
  'advertised.listeners': `PLAINTEXT://localhost:${port}`,
  [quorum]: `localhost:${controllerPort}`,
})

/** The directory. */
async function takenOver(bench: Bench, first: Side, second: Side): Promise<string> {
  const { probe } = bench
  const directory = ownDirectory(bench, `transactions-of-${first.name}`)
  const port = await freePort()
  const see = async (bootstrap: string) => {
    const { 'to-expire': expiring, ...others } = await probe.call('seeTransactions', { bootstrap })
    return { expiring, others }
  }
  let left: Record<string, SeenTransaction> | undefined
  await check(bench, `${first.name} leaves transactions in each state`, async () => {
    if (first.name === 'Kafka') await formatForKafka(bench, directory, quorum)
    left = await first.use(directory, port, intervalMs.first, async (bootstrap) => {
      await probe.call('openTransactions', { bootstrap })
      const seen = async () => (await see(bootstrap)).others
      // Markers are written after the producer has its answer.
      const isWritten = (states: Record<string, SeenTransaction>) =>
        states.committed?.state === 'CompleteCommit' && states.aborted?.state === 'CompleteAbort'
      return eventually(seen, isWritten, 'transactions')
    })
    const states = Object.fromEntries(Object.entries(left).map(([id, { state }]) => [id, state]))
    const ended = { empty: 'Empty', committed: 'CompleteCommit', aborted: 'CompleteAbort' }
    assertEqual(states, { ...ended, 'to-commit': 'Ongoing', 'to-abort': 'Ongoing' }, 'states')
  })
  if (left === undefined) return directory
  await check(bench, `${second.name} ends what producers of ${first.name} have begun`, () =>
    second.use(directory, port, intervalMs.second, async (bootstrap) => {
      await check(bench, `${second.name} knows the transactions of ${first.name}`, async () => {
        // Kafka lists those that it has loaded by then.
        const all = async () => (await see(bootstrap)).others
        const isAll = (seen: object) => Object.keys(seen).length === Object.keys(left!).length
        assertEqual(await eventually(all, isAll, 'transactions'), left, 'transactions')
      })
      await probe.call('endTransactions', {})
      const expired = async () => (await see(bootstrap)).expiring?.state
      await eventually(expired, (state) => state === 'CompleteAbort', 'state of the one that nobody ends')
      const served = async () => {
        const { partitions, groups } = await probe.call('see', { bootstrap, groups: ['transacted'] })
        const { highWatermark, lastStableOffset, records, readCommittedRecords } = partitions['ends-0']!
        const offset = groups.transacted?.['ends-0']?.offset
        return { isStable: highWatermark === lastStableOffset, records, readCommittedRecords, offset }
      }
      await eventually(served, ({ isStable }) => isStable, 'last stable offset')
      const { records, readCommittedRecords, offset } = await served()
      // Of the first broker's five two are committed, and of the second's five all.
      assertEqual([records, readCommittedRecords], [10, 7], 'records, and those that read_committed has')
      assertEqual(offset, 6, 'committed offset')
    }),
  )
  return directory
}
