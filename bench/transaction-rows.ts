/** bench: the rows about transactions: how much goes through them, and what a commit takes. */
import { type Transactions, touchMemory, transactions } from './loads.ts'
import type { Measuring } from './measuring.ts'
import { type Broker, partitionCount } from './peers.ts'
import { median, percentile } from './statistics.ts'

const rows = [
  { row: 'transactions-100ms', commitEveryMs: 100 },
  { row: 'transactions-10ms', commitEveryMs: 10 },
] as const
export const transactionRowNames = rows.map(({ row }) => row)

const shape = { recordBytes: 1024, acks: 'all', codec: 'none' } as const

export async function measureTransactions(measuring: Measuring): Promise<void> {
  if (!measuring.wants(...transactionRowNames)) return
  await measuring.withBroker(async (broker) => {
    for (const each of rows) if (measuring.wants(each.row)) await measure(measuring, broker, each)
  })
}

async function measure(measuring: Measuring, broker: Broker, { row, commitEveryMs }: (typeof rows)[number]) {
  const { tools, effort } = measuring
  const once = async (name: string) => {
    const topic = await measuring.createTopic(broker, `${row}-${name}`, partitionCount)
    await touchMemory(tools)
    measuring.say(`${row}, ${name}`)
    const load = { topic, shape, batchBytes: effort.batchBytes, ms: effort.transactionsMs, commitEveryMs }
    return transactions(tools, broker, load)
  }
  await once('warm-up')
  const runs: Transactions[] = []
  for (let run = 1; run <= effort.repeats; run += 1) runs.push(await once(`run-${run}`))
  measuring.noteThroughput(
    row,
    runs.map(({ load }) => load),
  )
  const note = (metric: string, unit: string, of: (run: Transactions) => number) =>
    measuring.note(row, metric, unit, median(runs.map(of)), runs.map(of))
  note('commit p50', 'ms', ({ commitUs }) => percentile(commitUs, 0.5) / 1000)
  note('commit p99', 'ms', ({ commitUs }) => percentile(commitUs, 0.99) / 1000)
  note('commits', '1/s', ({ commitUs }) => (commitUs.length * 1000) / effort.transactionsMs)
}
