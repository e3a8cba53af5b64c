/** bench: reads the flags, measures one peer after the other and prints what came out. Started by run.sh, which prepares the tools. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import os from 'node:os'
import { parseArgs } from 'node:util'
import { fullEffort, quickEffort } from './effort.ts'
import { type Figure, Measuring } from './measuring.ts'
import { kafka, kfake, nullServer, odradek, type Peer, runningBroker } from './peers.ts'
import { linesOf, table } from './report.ts'
import { measureRows, rowNames } from './rows.ts'

const usage = `usage: npm run bench -- [flags]
  --quick               small loads, one run each, in five minutes: shows that it works, and roughly how it stands; without the
                        rows that match ${quickEffort.leavesOut.source}
                        if --rows does not ask for them
  --only PEERS          of odradek,kafka,kfake,null (all four if not given)
  --rows PATTERN        rows whose name matches this regular expression: ${rowNames.join(' ')}
  --broker HOST:PORT --pid N   a broker that runs on this machine, instead of the four
  --repeats N           runs of each throughput row (the median counts)
  --load-mb N           payload of one run
  --restart-mb N        payload of restart-10gb at its first kill
  --json FILE           the figures, with all runs, as JSON
  --page FILE...        as the first flag: writes docs/performance.md from such files`

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    rows: { type: 'string' },
    broker: { type: 'string' },
    pid: { type: 'string' },
    repeats: { type: 'string' },
    'load-mb': { type: 'string' },
    'restart-mb': { type: 'string' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

const say = (text: string) => console.error(`bench: ${text}`)

function fail(text: string): never {
  say(text)
  process.exit(1)
}

function tool(name: string): string {
  return process.env[name] ?? fail(`${name} is not set: start it with bench/run.sh`)
}

function chosenPeers(): (() => Peer)[] {
  if (flags.broker !== undefined) {
    const [host, port] = flags.broker.split(':')
    if (host !== 'localhost' && host !== '127.0.0.1') fail('--broker must be on localhost: its CPU is read from /proc')
    if (!(Number(port) > 0 && Number(flags.pid) > 0))
      fail('--broker localhost:PORT needs --pid N, the process behind it')
    return [() => runningBroker(Number(port), Number(flags.pid))]
  }
  const known: Record<string, () => Peer> = {
    odradek,
    kafka: () => kafka(tool('BENCH_JARS')),
    ...(tool('BENCH_KFAKE') === '' ? {} : { kfake: () => kfake(tool('BENCH_KFAKE')) }),
    null: () => nullServer(tool('BENCH_NULL_SERVER')),
  }
  return (flags.only?.split(',') ?? Object.keys(known)).map((name) => known[name] ?? fail(`no peer ${name}\n${usage}`))
}

function positive(flag: 'repeats' | 'load-mb' | 'restart-mb', otherwise: number): number {
  const text = flags[flag]
  if (text === undefined) return otherwise
  return Number(text) > 0 ? Number(text) : fail(`--${flag} must be a number above 0`)
}

/** All that were asked for; else all but those that this effort leaves out. */
function wantedRows(leftOut: RegExp): ReadonlySet<string> {
  const { rows } = flags
  const isWanted =
    rows === undefined ? (name: string) => !leftOut.test(name) : (name: string) => RegExp(rows).test(name)
  return new Set(rowNames.filter(isWanted))
}

async function main(): Promise<void> {
  const base = flags.quick ? quickEffort : fullEffort
  const rows = wantedRows(base.leavesOut)
  if (rows.size === 0) fail(`no row matches ${flags.rows}\n${usage}`)
  const effort = {
    ...base,
    repeats: positive('repeats', base.repeats),
    loadMb: positive('load-mb', base.loadMb),
    restartMb: positive('restart-mb', base.restartMb),
  }
  const context = {
    effort,
    say,
    tools: {
      load: tool('BENCH_LOAD'),
      appends: tool('BENCH_APPENDS'),
      jars: tool('BENCH_JARS'),
      kfake: tool('BENCH_KFAKE'),
    },
  }
  const failures: string[] = []
  const figures = new Map<string, readonly Figure[]>()
  for (const makePeer of chosenPeers()) {
    const peer = makePeer()
    const measuring = new Measuring(peer, rows, context)
    const startMs = performance.now()
    await measureRows(measuring)
    say(`${peer.name} took ${Math.round((performance.now() - startMs) / 1000)} s in all`)
    figures.set(peer.name, measuring.figures)
    failures.push(...measuring.failures.map((row) => `${peer.name} ${row}`))
  }
  const lines = linesOf(figures)
  const machine = `${os.cpus().length} x ${os.cpus()[0]?.model}, Linux ${os.release()}, Node ${process.version}, ${javaVersion()}`
  console.log(`${machine}\n\n${table(lines, [...figures.keys()])}`)
  if (flags.json !== undefined) {
    const date = new Date().toISOString().slice(0, 10)
    const command = `npm run bench -- ${process.argv.slice(2).join(' ').replace(flags.json, 'FILE')}`
    writeFileSync(flags.json, `${JSON.stringify({ date, command, machine, effort, rows: lines }, undefined, 2)}\n`)
  }
  if (failures.length > 0) fail(`without figures: ${failures.join(', ')}`)
}

function javaVersion(): string {
  return execFileSync('java', ['--version'], { encoding: 'utf8' }).split('\n')[0]!
}

if (flags.help) {
  console.log(usage)
} else {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))
  await main().catch((error: unknown) => fail(error instanceof Error ? error.message : String(error)))
  process.exit(0)
}
