/**
 * `npm run crash -- --kills N`: a real broker under load from two idempotent producers, killed with SIGKILL at random moments and started
 * again on the same directory. After each kill every acknowledged record is there once, in order, and nothing that was not sent.
 * Prints a line per kill, and last `N passed, N failed`.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { fetch } from '../../protocol/messages/index.ts'
import { batchesIn, recordsOf } from '../../protocol/records/index.ts'
import { askOnce, IdempotentProducer } from './idempotent-producer.ts'

const root = dirname(dirname(import.meta.dirname))
const topic = 'crash'
const maxLifeMs = 600
/** Small segments, so that kills meet rolls. */
const settings = ['num.partitions=2', 'log.segment.bytes=1048576', 'log.index.interval.bytes=4096']

interface RunningBroker {
  readonly child: ChildProcess
  readonly port: number
}

async function start(directory: string): Promise<RunningBroker> {
  const flags = ['--port', '0', '--data-dir', directory, ...settings.flatMap((setting) => ['--set', setting])]
  const child = spawn(process.execPath, [join(root, 'dist/main.cjs'), ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  for await (const chunk of child.stdout!.setEncoding('utf8')) {
    output += chunk
    const ready = /ready at localhost:(\d+)/.exec(output)
    if (ready !== null) return { child, port: Number(ready[1]) }
  }
  throw new Error(`the broker did not start: ${output}`)
}

async function kill({ child }: RunningBroker): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

/** What a partition, which one producer alone writes to, was found to hold so far. */
interface Seen {
  nextOffset: number
  nextSequence: number
}

/** Reads on from `seen` to the end of the partition. @throws Error for an offset or a sequence that does not follow the one before */
async function readOn(port: number, { name, partition }: IdempotentProducer, seen: Seen): Promise<void> {
  for (;;) {
    const partitions = [{ partition, fetchOffset: seen.nextOffset, partitionMaxBytes: 4_000_000 }]
    const request = { maxWaitMs: 0, minBytes: 0, maxBytes: 8_000_000, topics: [{ topic, partitions }] }
    const { responses } = await askOnce(port, fetch, 12, request)
    const { records, errorCode, highWatermark } = responses[0]!.partitions[0]!
    if (errorCode !== 0) throw new Error(`${name}: reading at ${seen.nextOffset} gave error ${errorCode}`)
    if (seen.nextOffset >= highWatermark) return
    for (const batch of batchesIn(records ?? Buffer.alloc(0))) {
      for (const { offset, value } of recordsOf(batch)) {
        if (offset < seen.nextOffset) continue
        const sequence = Number(String(value))
        if (offset !== seen.nextOffset) throw new Error(`${name}: offset ${offset} follows ${seen.nextOffset - 1}`)
        if (sequence !== seen.nextSequence) throw new Error(`${name}: record ${seen.nextSequence} is ${sequence}`)
        seen.nextOffset += 1
        seen.nextSequence += 1
      }
    }
  }
}

/** What is wrong with what the broker holds beyond `seen`; empty when all is well. */
async function check(port: number, producers: readonly IdempotentProducer[], seen: readonly Seen[]): Promise<string[]> {
  const problems: string[] = []
  for (const [index, producer] of producers.entries()) {
    const { name, acknowledged, problem } = producer
    if (problem !== undefined) problems.push(problem)
    try {
      await readOn(port, producer, seen[index]!)
    } catch (error) {
      problems.push((error as Error).message)
    }
    const { nextSequence } = seen[index]!
    if (nextSequence < acknowledged)
      problems.push(`${name}: of ${acknowledged} acknowledged records ${nextSequence} are there`)
  }
  return problems
}

const nothingSeen = (): Seen[] => [0, 1].map(() => ({ nextOffset: 0, nextSequence: 0 }))

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { kills: { type: 'string', default: '25' } } })
  const kills = Number(values.kills)
  const directory = mkdtempSync(join(tmpdir(), 'odradek-crash-'))
  const producers = [0, 1].map((partition) => new IdempotentProducer(`producer-${partition}`, topic, partition))
  let passed = 0
  let failed = 0
  const seen = nothingSeen()
  let broker = await start(directory)
  try {
    for (const producer of producers) await producer.start(broker.port)
    for (let round = 1; round <= kills; round += 1) {
      const { port } = broker
      const running = producers.map((producer) => producer.run(port, () => false))
      await delay(Math.random() * maxLifeMs)
      await kill(broker)
      await Promise.all(running)
      broker = await start(directory)
      const problems = await check(broker.port, producers, seen)
      if (problems.length === 0) passed += 1
      else failed += 1
      const counts = producers.map(({ acknowledged }) => acknowledged).join(' + ')
      console.log(`kill ${round}: ${counts} records acknowledged: ${problems.join('; ') || 'ok'}`)
    }
    const { port } = broker
    await Promise.all(producers.map((producer) => producer.run(port, () => true)))
    const problems = await check(port, producers, nothingSeen())
    console.log(`at the end: ${problems.join('; ') || 'ok'}`)
    if (problems.length === 0) passed += 1
    else failed += 1
  } finally {
    await kill(broker)
    if (failed === 0) rmSync(directory, { recursive: true, force: true })
    else console.log(`the broker's data is kept in ${directory}`)
  }
  console.log(`${passed} passed, ${failed} failed`)
  if (failed > 0) process.exitCode = 1
}

await main()
