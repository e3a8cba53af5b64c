/** bench: the rows about transactions: how much goes through them, and what a commit takes. */
import { type Transactions, transactions } from './loads.ts'
import type { Measuring } from './measuring.ts'
import { type Broker, partitionCount } from './peers.ts'
import { percentile } from './statistics.ts'

const rows = [
  { row: 'transactions-100ms', commitEveryMs: 100 },
  { row: 'transactions-10ms', commitEveryMs: 10 },
] as const
export const transactionRowNames = rows.map(({ row }) => row)

const shape = { recordBytes: 1024, acks: 'all', codec: 'none' } as const

export async function measureTransactions(measuring: Measuring, broker: Broker): Promise<void> {
  for (const each of rows) await measuring.row(each.row, () => measure(measuring, broker, each))
}

async function measure(measuring: Measuring, broker: Broker, { row, commitEveryMs }: (typeof rows)[number]) {
  const { tools, effort } = measuring
  const once = async (name: string) => {
    const topic = await measuring.createTopic(broker, `${row}-${name}`, partitionCount)
    await measuring.touchMemory()
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
  measuring.noteRuns(row, 'commit p50', 'ms', runs, ({ commitUs }) => percentile(commitUs, 0.5) / 1000)
  measuring.noteRuns(row, 'commit p99', 'ms', runs, ({ commitUs }) => percentile(commitUs, 0.99) / 1000)
  measuring.noteRuns(row, 'commits', '1/s', runs, ({ commitUs }) => (commitUs.length * 1000) / effort.transactionsMs)
}
