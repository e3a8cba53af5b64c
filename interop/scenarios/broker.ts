// interop: the broker under test: Odradek, or Apache Kafka from the same jars as the Java client, or one that is already there.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export type Broker = {
  name: string
  bootstrap: string
  /** Stops the broker cleanly and starts it again on the same directory and port; absent where it isn't ours. Answers with the ms that the stop took. */
  restart?(): Promise<number>
  /** SIGKILL, and started again on the same directory and port; absent where it isn't Odradek. */
  crash?(): Promise<void>
  /** What the broker logged as an error, each kind once. */
  errors?(): string[]
  /** Ends the process; its directory goes with the run's. */
  stop(): Promise<void>
  kill(): void
}

/** Called when a broker ends that nobody asked to, with how. */
export type OnDeath = (reason: string) => void

export function externalBroker(bootstrap: string): Broker {
  return { name: 'the broker at BOOTSTRAP', bootstrap, stop: async () => {}, kill: () => {} }
}

/** Consumer groups (KIP-848) get on with each heartbeat, which the broker asks for; a member that is gone is missed as soon as a classic one. */
export const quickHeartbeats = [
  'group.consumer.min.heartbeat.interval.ms=300',
  'group.consumer.heartbeat.interval.ms=300',
  'group.consumer.min.session.timeout.ms=10000',
  'group.consumer.session.timeout.ms=10000',
]

/** Transactions whose time is over are looked for as often. */
const quickTimeouts = ['transaction.abort.timed.out.transaction.cleanup.interval.ms=500']

/** `settings`: configs, `name=value` each. `port`: any free one if absent. `config`: a server.properties. */
export type OdradekOptions = { settings?: readonly string[]; port?: number; config?: string }

/** `node dist/main.cjs`. */
export async function startOdradek(
  root: string,
  directory: string,
  onDeath: OnDeath,
  { settings = [], port: wantedPort = 0, config }: OdradekOptions = {},
): Promise<Broker> {
  const start = (port: number) => {
    const args = [`${root}/dist/main.cjs`, '--port', String(port), '--data-dir', `${directory}/data`]
    if (config !== undefined) args.push('--config', config)
    for (const setting of [...quickHeartbeats, ...quickTimeouts, ...settings]) args.push('--set', setting)
    return startProcess(process.execPath, args, `${directory}/broker.log`, onDeath)
  }
  let broker = start(wantedPort)
  const port = await readyPort(broker, `${directory}/broker.log`)
  return {
    name: 'Odradek',
    bootstrap: `localhost:${port}`,
    async restart() {
      const stoppedAfter = await stopProcess(broker)
      broker = start(port)
      await listening(broker, port, `${directory}/broker.log`)
      return stoppedAfter
    },
    async crash() {
      await stopProcess(broker, 'SIGKILL')
      broker = start(port)
      await listening(broker, port, `${directory}/broker.log`)
    },
    errors: () => loggedErrors(`${directory}/broker.log`),
    stop: async () => {
      await stopProcess(broker)
    },
    kill: () => broker.kill('SIGKILL'),
  }
}

const pinoError = 50

function loggedErrors(log: string): string[] {
  const errors = readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as { level: number; msg: string; api?: string; err?: { message: string } })
    .filter(({ level }) => level >= pinoError)
    .map(({ msg, api, err }) => [api, msg, err?.message].filter((part) => part !== undefined).join(': '))
  return [...new Set(errors)]
}

/** `settings`: configs, `name=value` each. `listeners`: besides the PLAINTEXT one. */
export type KafkaOptions = { settings?: readonly string[]; listeners?: readonly string[] }

/** Apache Kafka, one KRaft node, with the one-node settings that its own server.properties ships. */
export async function startKafka(
  jars: string,
  directory: string,
  onDeath: OnDeath,
  { settings = [], listeners = [] }: KafkaOptions = {},
): Promise<Broker> {
  const [port, controllerPort] = [await freePort(), await freePort()]
  const open = [`PLAINTEXT://localhost:${port}`, ...listeners]
  const properties = `${directory}/server.properties`
  writeFileSync(
    properties,
    [
      'process.roles=broker,controller',
      'node.id=1',
      `controller.quorum.voters=1@localhost:${controllerPort}`,
      `listeners=${[...open, `CONTROLLER://localhost:${controllerPort}`].join(',')}`,
      `advertised.listeners=${open.join(',')}`,
      'controller.listener.names=CONTROLLER',
      `log.dirs=${directory}/data`,
      'offsets.topic.replication.factor=1',
      'transaction.state.log.replication.factor=1',
      'transaction.state.log.min.isr=1',
      'share.coordinator.state.topic.replication.factor=1',
      'share.coordinator.state.topic.min.isr=1',
      'group.initial.rebalance.delay.ms=0',
      ...quickHeartbeats,
      ...quickTimeouts,
      ...settings,
    ].join('\n'),
  )
  const format = ['kafka.tools.StorageTool', 'format', '-t', 'AAAAAAAAAAAAAAAAAAAAAQ', '-c', properties]
  const formatted = spawnSync('java', ['-cp', `${jars}/*`, ...format], { encoding: 'utf8' })
  if (formatted.status !== 0) throw new Error(`StorageTool failed: ${formatted.stderr}`)
  const args = ['-Xms512m', '-Xmx1g', '-cp', `${jars}/*`, 'kafka.Kafka', properties]
  const start = () => startProcess('java', args, `${directory}/broker.log`, onDeath)
  let broker = start()
  await listening(broker, port, `${directory}/broker.log`)
  return {
    name: 'Apache Kafka 4.3.1',
    bootstrap: `localhost:${port}`,
    async restart() {
      const stoppedAfter = await stopProcess(broker)
      broker = start()
      await listening(broker, port, `${directory}/broker.log`)
      return stoppedAfter
    },
    stop: async () => {
      await stopProcess(broker)
    },
    kill: () => broker.kill('SIGKILL'),
  }
}

/** A process whose output, both streams, is appended to a file: nobody needs to drain it. */
function startProcess(file: string, args: string[], log: string, onDeath: OnDeath): ChildProcess {
  mkdirSync(log.slice(0, log.lastIndexOf('/')), { recursive: true })
  const output = openSync(log, 'a')
  const child = spawn(file, args, { stdio: ['ignore', output, output] })
  closeSync(output)
  child.once('exit', (code, signal) => {
    if (!stopped.has(child)) onDeath(`it ended with ${code ?? signal}: ${tail(log, 12)}`)
  })
  return child
}

/** Those that were told to end. */
const stopped = new WeakSet<ChildProcess>()

const ended = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null

async function stopProcess(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<number> {
  if (ended(child)) return 0
  stopped.add(child)
  const started = Date.now()
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill(signal)
  const timer = setTimeout(() => child.kill('SIGKILL'), 30_000)
  await exited
  clearTimeout(timer)
  return Date.now() - started
}

/** The port in the first `localhost:<port>` that the broker prints (also inside its JSON log lines). */
async function readyPort(child: ChildProcess, log: string): Promise<number> {
  for (let attempt = 0; attempt < 600; attempt++) {
    const port = /localhost:(\d+)/.exec(readFileSync(log, 'utf8'))?.[1]
    if (port) return Number(port)
    if (ended(child)) break
    await sleep(50)
  }
  throw new Error(`the broker printed no localhost:<port>: ${tail(log)}`)
}

async function listening(child: ChildProcess, port: number, log: string): Promise<void> {
  for (let attempt = 0; attempt < 1200; attempt++) {
    if (ended(child)) break
    const connected = await new Promise<boolean>((resolve) => {
      const socket = connect(port, 'localhost')
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (connected) return
    await sleep(50)
  }
  throw new Error(`the broker does not listen on ${port}: ${tail(log)}`)
}

export const tail = (log: string, lines = 5): string =>
  readFileSync(log, 'utf8').trim().split('\n').slice(-lines).join(' | ')

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

export function removeDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true, maxRetries: 3 })
}
