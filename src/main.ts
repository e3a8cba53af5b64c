#!/usr/bin/env node
/**
 * The command `odradek`: reads flags, variables and a properties file, starts a broker, or several, and stops it on a signal. `odradek dump-log` is
 * src/dump's and `odradek certs` src/security's, loaded only when they are called.
 */
import { parseArgs } from 'node:util'
import packageJson from '../package.json' with { type: 'json' }
import type { LogLevel } from './runtime/pino-logger.ts'

const help = `Odradek ${packageJson.version}, a Kafka broker

  odradek [start] [flags]
  odradek dump-log FILE|DIR    shows or verifies what Kafka's files hold (see odradek dump-log --help)
  odradek certs                makes certificates to try TLS out with (see odradek certs --help)

  --port PORT          where to listen (9092); 0: any free port
  --brokers N          so many brokers over one store, on the ports from there on (1)
  --host NAME          where to bind, and what clients are told (localhost)
  --data-dir DIR       where to keep data (./odradek-data)
  --memory             keep nothing on disk
  --fsync              acknowledge only what is on disk (log.flush.interval.messages=1)
  --config FILE        a server.properties, as Apache Kafka reads it
  --set KEY=VALUE      one config; may be repeated
  --metrics-port PORT  serve /metrics and /health on 127.0.0.1 (odradek.metrics.host); 0: any free port
  --log-level LEVEL    debug, info, warn (default), error or silent
  --help, --version

KAFKA_* variables are read as Apache Kafka's image reads them. Flags and --set win over variables, variables over the file.
`

const options = {
  port: { type: 'string' },
  brokers: { type: 'string' },
  host: { type: 'string' },
  'data-dir': { type: 'string' },
  memory: { type: 'boolean' },
  fsync: { type: 'boolean' },
  config: { type: 'string' },
  set: { type: 'string', multiple: true },
  'metrics-port': { type: 'string' },
  'log-level': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const

const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const satisfies readonly LogLevel[]

/** What is wrong with how the command was called; printed as one line. */
class UsageError extends Error {}

function readFlags(): ReturnType<typeof parseArgs<{ options: typeof options; allowPositionals: true }>>['values'] {
  try {
    const { values, positionals } = parseArgs({ options, allowPositionals: true })
    const [command = 'start', ...rest] = positionals
    if (command !== 'start' || rest.length > 0) throw new UsageError(`unknown command: ${positionals.join(' ')}`)
    return values
  } catch (error) {
    throw new UsageError((error as Error).message.split('. ')[0])
  }
}

function parsePort(text: string, flag = '--port'): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port > 65535) throw new UsageError(`${flag} takes a number from 0 to 65535, not ${text}`)
  return port
}

function parseBrokers(text: string): number {
  if (!/^\d+$/.test(text)) throw new UsageError(`--brokers takes a number, not ${text}`)
  return Number(text)
}

function parseSettings(assignments: readonly string[]): Record<string, string> {
  const settings: Record<string, string> = {}
  for (const assignment of assignments) {
    const at = assignment.indexOf('=')
    if (at <= 0) throw new UsageError(`--set takes KEY=VALUE, not ${assignment}`)
    settings[assignment.slice(0, at)] = assignment.slice(at + 1)
  }
  return settings
}

function parseLogLevel(text: string): LogLevel {
  const level = logLevels.find((each) => each === text)
  if (level === undefined) throw new UsageError(`--log-level takes one of ${logLevels.join(', ')}, not ${text}`)
  return level
}

async function readConfigFile(path: string): Promise<string> {
  const { nodeFileSystem } = await import('./runtime/node-file-system.ts')
  try {
    return (await nodeFileSystem.readFile(path)).toString('utf8')
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${(error as Error).message}`)
  }
}

async function main(): Promise<void> {
  // Whoever read the first line may have gone (`odradek | head -1`): the broker serves on.
  process.stdout.on('error', () => {})
  if (process.argv[2] === 'dump-log') {
    const { dumpLogCommand } = await import('./dump/command.ts')
    process.exitCode = await dumpLogCommand(process.argv.slice(3), process.stdout)
    return
  }
  if (process.argv[2] === 'certs') {
    const { certsCommand } = await import('./security/certs/command.ts')
    // Keys are nobody else's to read.
    process.umask(0o077)
    await certsCommand(process.argv.slice(3), process.stdout)
    return
  }
  const flags = readFlags()
  if (flags.help) return void process.stdout.write(help)
  if (flags.version) return void process.stdout.write(`${packageJson.version}\n`)
  if (flags.memory && flags['data-dir'] !== undefined) {
    throw new UsageError('--memory keeps nothing on disk: leave out --data-dir')
  }
  if (flags.memory && flags.fsync) throw new UsageError('--memory keeps nothing on disk: leave out --fsync')
  const settings = parseSettings(flags.set ?? [])
  if (flags.fsync) settings['log.flush.interval.messages'] = '1'
  const { createLogger } = await import('./runtime/pino-logger.ts')
  const { startBroker } = await import('./broker.ts')
  const broker = await startBroker({
    port: flags.port === undefined ? undefined : parsePort(flags.port),
    brokers: flags.brokers === undefined ? undefined : parseBrokers(flags.brokers),
    host: flags.host,
    metricsPort: flags['metrics-port'] === undefined ? undefined : parsePort(flags['metrics-port'], '--metrics-port'),
    dataDir: flags['data-dir'],
    memory: flags.memory ?? false,
    properties: flags.config === undefined ? undefined : await readConfigFile(flags.config),
    environment: process.env,
    settings,
    logger: createLogger({ level: parseLogLevel(flags['log-level'] ?? 'warn') }),
    onFailure: (error) => fail(error.message),
  })
  let stopping = false
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(1)
    stopping = true
    broker.close().then(
      () => process.stdout.write(`Odradek has stopped (${signal})\n`, () => process.exit(0)),
      (error: unknown) => fail(`stopping on ${signal} failed: ${(error as Error).message}`),
    )
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)

  const place = broker.dataDirectories.length === 0 ? 'in memory' : `data in ${broker.dataDirectories.join(', ')}`
  const metrics = broker.metricsUrl === undefined ? '' : `, metrics at ${broker.metricsUrl}/metrics`
  const tookMs = Math.round(performance.now())
  process.stdout.write(
    `Odradek ${packageJson.version} is ready at ${broker.bootstrapServers}, ${place}${metrics} (${tookMs} ms)\n`,
  )
}

function fail(reason: string): void {
  process.stderr.write(`odradek: ${reason.replaceAll('\n', ' ')}\n`)
  process.exit(1)
}

main().catch((error: unknown) => {
  fail(error instanceof UsageError ? `${error.message} (see odradek --help)` : (error as Error).message)
})
