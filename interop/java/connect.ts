// interop: Kafka Connect, distributed, from a file to a topic exactly once and from there to another file, its worker killed in between.
import type { ChildProcess } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { freePort } from '../scenarios/broker.ts'
import { assertEqual } from '../scenarios/report.ts'
import { checkClient, eventually, type Run } from '../scenarios/run.ts'
import { killed, type Places, startApplication } from './application.ts'

const linesPerLife = 200
/** A killed worker is missed after 6 seconds; a JVM takes some to start, also on a slow machine. */
const doneWithinMs = 60_000

export async function connect(run: Run, places: Places): Promise<void> {
  const client = run.clients.find(({ name }) => name === 'java')
  if (!client) return
  const directory = `${places.directory}/connect`
  mkdirSync(`${directory}/plugins`, { recursive: true })
  const files = { from: `${directory}/from.txt`, to: `${directory}/to.txt`, worker: `${directory}/worker.properties` }
  const topic = `${run.prefix}connect-lines`
  const rest = `http://localhost:${await freePort()}`
  writeFileSync(files.worker, workerProperties(run, rest, `${directory}/plugins`))
  writeFileSync(files.from, '')
  let worker: ChildProcess | undefined
  const startWorker = () => {
    worker = startApplication(places, 'connect', 'org.apache.kafka.connect.cli.ConnectDistributed', [files.worker])
  }
  const written = () => (existsSync(files.to) ? readFileSync(files.to, 'utf8').split('\n').slice(0, -1) : [])
  const wait = <T>(ask: () => Promise<T>, done: (answer: T) => boolean, what: string) =>
    eventually(ask, done, what, doneWithinMs)
  await checkClient(
    run,
    client,
    'Connect passes each line on, with exactly-once source, its worker killed',
    async () => {
      await run.hands.call('createTopic', { topic, partitions: 1 })
      try {
        startWorker()
        await wait(
          () => statusOf(rest),
          (status) => status === 200,
          'a worker',
        )
        await put(rest, 'from-file', sourceOf(files.from, topic))
        await put(rest, 'to-file', sinkTo(files.to, topic))
        appendFileSync(files.from, lines(0))
        await wait(
          async () => written().length,
          (count) => count >= linesPerLife,
          'the lines of the first life',
        )
        // It may be in the midst of these when it is killed.
        appendFileSync(files.from, lines(1))
        await killed(worker!)
        startWorker()
        await wait(
          async () => new Set(written()).size,
          (count) => count === 2 * linesPerLife,
          'all lines',
        )
        const offsets = async () => (await ask(rest, '/connectors/from-file/offsets')).offsets
        const read = [{ partition: { filename: files.from }, offset: { position: statSync(files.from).size } }]
        await wait(offsets, (found) => JSON.stringify(found) === JSON.stringify(read), 'the offset that was stored')
      } finally {
        if (worker) await killed(worker)
      }
      const [records] = await client.call('readToEnd', { topic, partitions: 1, isolation: 'read_committed' })
      assertEqual(records, (lines(0) + lines(1)).split('\n').slice(0, -1), 'lines in the topic, in order')
    },
  )
}

const lines = (life: number): string =>
  Array.from({ length: linesPerLife }, (_, index) => `line ${life * linesPerLife + index}\n`).join('')

/** Its three topics and its group have the run's prefix; it makes them itself. */
function workerProperties(run: Run, rest: string, plugins: string): string {
  const topics = ['config', 'offset', 'status'].flatMap((kind) => [
    `${kind}.storage.topic=${run.prefix}connect-${kind}s`,
    `${kind}.storage.replication.factor=1`,
  ])
  return [
    `bootstrap.servers=${run.broker.bootstrap}`,
    `group.id=${run.prefix}connect`,
    `listeners=${rest}`,
    `plugin.path=${plugins}`,
    'plugin.discovery=service_load',
    'key.converter=org.apache.kafka.connect.storage.StringConverter',
    'value.converter=org.apache.kafka.connect.storage.StringConverter',
    'exactly.once.source.support=enabled',
    'session.timeout.ms=6000',
    'heartbeat.interval.ms=2000',
    'offset.flush.interval.ms=1000',
    ...topics,
  ].join('\n')
}

const sourceOf = (file: string, topic: string) => ({
  'connector.class': 'org.apache.kafka.connect.file.FileStreamSourceConnector',
  'tasks.max': '1',
  'exactly.once.support': 'required',
  file,
  topic,
})

const sinkTo = (file: string, topic: string) => ({
  'connector.class': 'org.apache.kafka.connect.file.FileStreamSinkConnector',
  'tasks.max': '1',
  'consumer.override.isolation.level': 'read_committed',
  'consumer.override.session.timeout.ms': '6000',
  file,
  topics: topic,
})

/** Undefined until it listens. */
async function statusOf(rest: string): Promise<number | undefined> {
  return fetch(`${rest}/connectors`).then(
    ({ status }) => status,
    () => undefined,
  )
}

async function put(rest: string, connector: string, config: Record<string, string>): Promise<void> {
  const body = JSON.stringify(config)
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${rest}/connectors/${connector}/config`, { method: 'PUT', headers, body })
  if (!answer.ok) throw new Error(`${connector}: ${answer.status} ${await answer.text()}`)
}

async function ask(rest: string, path: string): Promise<Record<string, unknown>> {
  return (await (await fetch(rest + path)).json()) as Record<string, unknown>
}
