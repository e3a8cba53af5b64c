// interop: Kafka Streams with exactly_once_v2, killed twice in the midst of its work: each word is counted once, in the order of its counts.
import type { ChildProcess } from 'node:child_process'
import type { Client } from '../scenarios/client.ts'
import { assertEqual } from '../scenarios/report.ts'
import { checkClient, eventually, type Run, text } from '../scenarios/run.ts'
import { killed, type Places, startApplication } from './application.ts'

const partitions = 2
const lives = 3
const linesPerLife = 120
const words = ['alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta', 'eta']
const wordsPerLine = 3
/** A killed member is missed after 6 seconds; a JVM takes some to start, also on a slow machine. */
const doneWithinMs = 60_000

export async function streams(run: Run, places: Places): Promise<void> {
  const client = run.clients.find(({ name }) => name === 'java')
  if (!client) return
  const [input, output] = [`${run.prefix}streams-input`, `${run.prefix}streams-output`]
  const args = [run.broker.bootstrap, `${places.directory}/streams`, input, output]
  let application: ChildProcess | undefined
  await checkClient(run, client, 'Streams counts each word once with exactly_once_v2, killed twice', async () => {
    for (const topic of [input, output]) await run.hands.call('createTopic', { topic, partitions })
    const written = async () => (await read(client, output)).flat()
    try {
      for (let life = 0; life < lives; life++) {
        const before = life * linesPerLife * wordsPerLine
        application = startApplication(places, 'streams', 'WordCount', args)
        await produce(run, input, life, 0, linesPerLife / 2)
        await eventually(written, (counts) => counts.length > before, `counts of life ${life}`, doneWithinMs)
        // It is in the midst of these when it is killed.
        await produce(run, input, life, linesPerLife / 2, linesPerLife)
        if (life < lives - 1) await killed(application)
      }
      const all = lives * linesPerLife * wordsPerLine
      await eventually(
        async () => (await written()).length,
        (count) => count >= all,
        `counts of all ${all} words`,
        doneWithinMs,
      )
    } finally {
      if (application) await killed(application)
    }
    assertEqual(countsByWord(await written()), expectedByWord(), 'counts of each word, in order')
  })
  await checkClient(run, client, "Streams' changelog has each count once", async () => {
    const changelog = await read(client, `${output}-counts-changelog`)
    assertEqual(changelog.flat().length, lives * linesPerLife * wordsPerLine, 'records')
  })
}

const read = (client: Client, topic: string) =>
  client.call('readToEnd', { topic, partitions, isolation: 'read_committed' })

/** Each line has another choice of words, and all come equally often in the end. */
const line = (life: number, index: number): string[] =>
  Array.from({ length: wordsPerLine }, (_, word) => words[(life * linesPerLife + index + word * word) % words.length]!)

async function produce(run: Run, topic: string, life: number, from: number, to: number): Promise<void> {
  const records = Array.from({ length: to - from }, (_, index) => ({
    partition: index % partitions,
    key: null,
    value: text(line(life, from + index).join(' ')),
    headers: [],
  }))
  await run.hands.call('produce', { topic, codec: 'none', idempotent: true, records })
}

function countsByWord(lines: readonly string[]): Record<string, number[]> {
  const counts: Record<string, number[]> = {}
  for (const one of lines) {
    const [word, count] = one.split(' ')
    counts[word!] = [...(counts[word!] ?? []), Number(count)]
  }
  return counts
}

function expectedByWord(): Record<string, number[]> {
  const all = Array.from({ length: lives * linesPerLife }, (_, index) => line(0, index)).flat()
  const total = (word: string) => all.filter((one) => one === word).length
  return Object.fromEntries(words.map((word) => [word, Array.from({ length: total(word) }, (_, index) => index + 1)]))
}
