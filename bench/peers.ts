/** bench: the brokers that are measured: how each is started on an empty directory, when it is ready, how it is stopped. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { WireClient } from './wire-client.ts'

export const partitionCount = 6

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
/** A start after a crash may have gigabytes to look through. */
const readyWithinMs = 300_000
const stopWithinMs = 15_000
const cleanStopWithinMs = 120_000
const retryConnectMs = 5
const keptOutputCharacters = 4000

/** Broker configs by Kafka's names. */
export type Settings = Readonly<Record<string, string>>

export interface Broker {
  readonly port: number
  readonly pid: number
  /** From the start of the process to its first answer to ApiVersions. */
  readonly startMs: number
  /** When that start was, by performance.now(). */
  readonly startedAtMs: number
  /** Where all lies that it keeps. */
  readonly directory: string
  /** What it has said since it was ready: warnings and errors, as all peers are quiet otherwise. */
  complaints(): { readonly lines: number; readonly last: string }
  /** Ends the process, with SIGTERM cleanly, and leaves its files. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>
  /** Starts it on the files of the ended process; `port`, `pid` and the times are then those of the new one. */
  startAgain(): Promise<void>
  /** Ends it and removes its files. */
  stop(): Promise<void>
}

export interface Peer {
  readonly name: 'odradek' | 'kafka' | 'kfake' | 'null' | 'broker'
  /** Rows that it has no figures in, by their names, and why. */
  readonly leftOut?: readonly { readonly rows: RegExp; readonly because: string }[]
  /** False: it runs already and keeps running, as it was set up. */
  readonly isOurs: boolean
  start(settings?: Settings): Promise<Broker>
}

/** What has to be gone when the harness ends, however it ends. */
const running = new Set<ChildProcess>()
const directories = new Set<string>()

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
  for (const directory of directories) rmSync(directory, { recursive: true, force: true })
})

/** A child that does not outlive the harness. */
export function spawnTracked(command: string, args: readonly string[], cwd?: string): ChildProcess {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  child.once('close', () => running.delete(child))
  return child
}

function emptyDirectory(): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'odradek-bench-'))
  directories.add(directory)
  return directory
}

function removeDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true })
  directories.delete(directory)
}

interface Launch {
  readonly command: string
  readonly args: readonly string[]
  readonly directory: string
  /** Undefined: the ready line on its output has `localhost:<port>`. */
  readonly port?: number
}

/** A process that has answered. */
interface Run {
  readonly child: ChildProcess
  readonly port: number
  readonly startMs: number
  readonly startedAtMs: number
  complaints(): { readonly lines: number; readonly last: string }
}

async function run(peer: string, { command, args, directory, port }: Launch): Promise<Run> {
  const startedAtMs = performance.now()
  const child = spawnTracked(command, args, directory)
  let output = ''
  let lines = 0
  const readyLine = new Promise<number>((resolve) => {
    const read = (text: string) => {
      lines += text.split('\n').length - 1
      output = (output + text).slice(-keptOutputCharacters)
      const found = /localhost:(\d+)/.exec(output)
      if (found !== null) resolve(Number(found[1]))
    }
    for (const stream of [child.stdout!, child.stderr!]) stream.setEncoding('utf8').on('data', read)
  })
  const ended = new Promise<never>((_, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => reject(new Error(`${peer} ended (${code ?? signal}): ${output.trim()}`)))
  })
  ended.catch(() => undefined) // once it has started, an end is seen by whoever talks to it
  const deadline = delay(readyWithinMs, undefined, { ref: false }).then(() => {
    throw new Error(`${peer} was not ready within ${readyWithinMs} ms: ${output.trim()}`)
  })
  const answering = port === undefined ? readyLine.then(answered) : answered(port)
  const readyPort = await Promise.race([answering, ended, deadline])
  const startMs = performance.now() - startedAtMs
  const linesUntilReady = lines
  const complaints = () => ({ lines: lines - linesUntilReady, last: output.trim().split('\n').at(-1) ?? '' })
  return { child, port: readyPort, startMs, startedAtMs, complaints }
}

/** A broker of ours: its process, another one after each `startAgain`, and its files. */
class OwnBroker implements Broker {
  readonly #peer: string
  readonly #launch: Launch
  #run: Run

  private constructor(peer: string, launch: Launch, run: Run) {
    this.#peer = peer
    this.#launch = launch
    this.#run = run
  }

  static async start(peer: string, launch: Launch): Promise<OwnBroker> {
    return new OwnBroker(peer, launch, await run(peer, launch))
  }

  get port(): number {
    return this.#run.port
  }

  get pid(): number {
    return this.#run.child.pid!
  }

  get startMs(): number {
    return this.#run.startMs
  }

  get startedAtMs(): number {
    return this.#run.startedAtMs
  }

  get directory(): string {
    return this.#launch.directory
  }

  complaints(): { readonly lines: number; readonly last: string } {
    return this.#run.complaints()
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await this.#signal(signal, cleanStopWithinMs)
    const isAsAsked = signal === 'SIGKILL' || this.#run.child.signalCode !== 'SIGKILL'
    if (!isAsAsked) throw new Error(`${this.#peer} had not stopped within ${cleanStopWithinMs} ms`)
  }

  async startAgain(): Promise<void> {
    this.#run = await run(this.#peer, this.#launch)
  }

  async stop(): Promise<void> {
    await this.#signal('SIGTERM', stopWithinMs)
    removeDirectory(this.directory)
  }

  /** Resolves when the process is gone, killed if that takes too long. */
  async #signal(signal: 'SIGTERM' | 'SIGKILL', withinMs: number): Promise<void> {
    const { child } = this.#run
    if (child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    child.kill(signal)
    const kill = delay(withinMs, undefined, { ref: false }).then(() => child.kill('SIGKILL'))
    await Promise.race([exit, kill.then(() => exit)])
  }
}

/** Tries until ApiVersions is answered on `port`. */
async function answered(port: number): Promise<number> {
  for (;;) {
    const client = await WireClient.connect(port).catch(() => undefined)
    if (client !== undefined) {
      await client.apiVersions()
      client.close()
      return port
    }
    await delay(retryConnectMs)
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}

/** The published bundle, built now. */
export function odradek(): Peer {
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
  return {
    name: 'odradek',
    isOurs: true,
    start(settings = {}) {
      const directory = emptyDirectory()
      // The command as it is installed: its first line says how Node is to be started.
      const command = path.join(root, 'dist', 'main.cjs')
      const args = ['--port', '0', '--data-dir', path.join(directory, 'data')]
      for (const [name, value] of Object.entries(settings)) args.push('--set', `${name}=${value}`)
      return OwnBroker.start('Odradek', { command, args, directory })
    },
  }
}

/** A javaagent-free command line of one of Kafka's classes. */
export function java(jars: string, options: readonly string[], className: string, args: readonly string[]): string[] {
  const quiet = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'
  return [...options, quiet, '-cp', `${jars}/*`, className, ...args]
}

/** Apache Kafka: one node, broker and controller, with the collector's settings of its own start script. */
export function kafka(jars: string): Peer {
  const options = ['-server', '-Xms1G', '-Xmx1G', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20']
  options.push('-XX:InitiatingHeapOccupancyPercent=35', '-XX:+ExplicitGCInvokesConcurrent', '-Djava.awt.headless=true')
  return {
    name: 'kafka',
    isOurs: true,
    leftOut: [{ rows: /^partitions-10k$/, because: 'making the partitions takes it minutes' }],
    async start(settings = {}) {
      const directory = emptyDirectory()
      const [port, controllerPort] = (await freePorts(2)) as [number, number]
      const properties = path.join(directory, 'server.properties')
      writeFileSync(
        properties,
        kafkaProperties({ port, controllerPort, dataDir: path.join(directory, 'data') }, settings),
      )
      const format = ['format', '-t', 'AAAAAAAAAAAAAAAAAAAAAQ', '-c', properties]
      execFileSync('java', java(jars, [], 'kafka.tools.StorageTool', format), { stdio: ['ignore', 'ignore', 'pipe'] })
      const args = java(jars, options, 'kafka.Kafka', [properties])
      return OwnBroker.start('Kafka', { command: 'java', args, directory, port })
    },
  }
}

/** As the file that Kafka ships for one node, on loopback, without the wait for more members. */
function kafkaProperties(
  { port, controllerPort, dataDir }: { port: number; controllerPort: number; dataDir: string },
  settings: Settings,
): string {
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@localhost:${controllerPort}`,
    listeners: `PLAINTEXT://localhost:${port},CONTROLLER://localhost:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://localhost:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': dataDir,
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    ...settings,
  }
  return Object.entries(properties)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('')
}

/** franz-go's broker in Go for tests, here with its files. It knows few of Kafka's settings, so it is given one. */
export function kfake(program: string): Peer {
  return {
    name: 'kfake',
    isOurs: true,
    leftOut: [
      {
        rows: /-(gzip|snappy|lz4)$/,
        because: 'librdkafka compresses so only for a broker that lists the oldest version of Produce',
      },
      { rows: /^(java-consume-|groups-|restart-10gb$|compaction$)/, because: 'the run would take too long with it' },
    ],
    start(settings = {}) {
      const directory = emptyDirectory()
      const args = ['--data-dir', path.join(directory, 'data'), '--partitions', String(partitionCount)]
      if (settings['log.flush.interval.messages'] === '1') args.push('--sync')
      return OwnBroker.start('kfake', { command: program, args, directory })
    },
  }
}

export function nullServer(bundle: string): Peer {
  return {
    name: 'null',
    leftOut: [
      {
        rows: /^(?!produce-|consume-|sync-produce$|transactions-|memory-loaded$)/,
        because: 'it only takes records and hands them out',
      },
    ],
    isOurs: true,
    start() {
      const directory = emptyDirectory()
      const args = [bundle, '--port', '0', '--data-dir', directory, '--partitions', String(partitionCount)]
      return OwnBroker.start('The null server', { command: process.execPath, args, directory })
    },
  }
}

/** Any broker on this machine that runs already. */
export function runningBroker(port: number, pid: number): Peer {
  const because = 'they start the broker, restart it or need it set up in their way'
  return {
    name: 'broker',
    leftOut: [
      { rows: /^(start|memory-idle|install-size|cold-read|fsync|restart-10gb|partitions-10k|compaction)$/, because },
    ],
    isOurs: false,
    async start() {
      return {
        port: await answered(port),
        pid,
        startMs: Number.NaN,
        startedAtMs: Number.NaN,
        directory: '',
        complaints: () => ({ lines: 0, last: '' }),
        end: staysUp,
        startAgain: staysUp,
        stop: async () => undefined,
      }
    },
  }
}

async function staysUp(): Promise<void> {
  throw new Error('a broker that was there before is not stopped')
}
