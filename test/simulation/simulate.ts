/**
 * `npm run simulate -- --seed N`: runs the storage simulation of one seed and prints all that happened in it.
 * `npm run simulate -- --seeds N [--from N]`: runs many, on all processors, prints those that fail, and last `N passed, N failed`.
 * With `--transactions` it is the simulation of transactions.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import type { SimulationResult } from './result.ts'
import { simulate } from './simulation.ts'
import { simulateTransactions } from './transactions/transaction-simulation.ts'

const seedsAtATime = 10
const progressEvery = 500

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '2000' },
    from: { type: 'string', default: '1' },
    transactions: { type: 'boolean', default: false },
    serve: { type: 'boolean', default: false },
  },
})
const run = values.transactions ? simulateTransactions : simulate
const kindFlags = values.transactions ? ['--transactions'] : []

async function runOne(seed: number): Promise<void> {
  const { failure, lines, hash } = await run(seed, { traces: true })
  for (const line of lines) console.log(line)
  console.log(`seed ${seed} (${hash}): ${failure ?? 'ok'}`)
  console.log(failure === undefined ? '1 passed, 0 failed' : '0 passed, 1 failed')
  if (failure !== undefined) process.exitCode = 1
}

/** The child's side: seeds come as messages, results go as messages. */
function serve(): void {
  process.on('message', async (seeds: number[]) => {
    const results: SimulationResult[] = []
    for (const seed of seeds) results.push(await run(seed))
    process.send!(results)
  })
}

async function runMany(from: number, count: number): Promise<void> {
  let next = from
  let passed = 0
  let failed = 0
  const report = ({ seed, failure }: SimulationResult): void => {
    if (failure === undefined) passed += 1
    else failed += 1
    if (failure !== undefined)
      console.log(
        `seed ${seed}: ${failure}\n  again: npm run simulate -- ${kindFlags.map((flag) => `${flag} `).join('')}--seed ${seed}`,
      )
    if ((passed + failed) % progressEvery === 0) console.log(`${passed + failed} of ${count} seeds`)
  }
  const feed = (child: ChildProcess): void => {
    const seeds = Array.from({ length: Math.min(seedsAtATime, from + count - next) }, (_, index) => next + index)
    next += seeds.length
    if (seeds.length === 0) child.disconnect()
    else child.send(seeds)
  }
  const children = Array.from({ length: Math.min(availableParallelism(), count) }, () => {
    return fork(import.meta.filename, ['--serve', ...kindFlags])
  })
  await Promise.all(
    children.map((child) => {
      child.on('message', (results: SimulationResult[]) => {
        for (const result of results) report(result)
        feed(child)
      })
      feed(child)
      return new Promise((resolve) => child.on('exit', resolve))
    }),
  )
  // Of a child that has died nothing was heard.
  failed = count - passed
  console.log(`${passed} passed, ${failed} failed`)
  if (failed > 0) process.exitCode = 1
}

if (values.serve) serve()
else if (values.seed !== undefined) await runOne(Number(values.seed))
else await runMany(Number(values.from), Number(values.seeds))
