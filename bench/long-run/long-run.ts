/**
 * bench/long-run: `--long-run [--minutes N] [--json FILE]`: a mixed load for a long time, with retention and compaction at work all the while.
 * Does memory grow, do latencies, for how long does the event loop stand still?
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { machine } from '../machine.ts'
import { type Broker, odradek } from '../peers.ts'
import { cpuNs, memory } from '../process-figures.ts'
import { percentile } from '../statistics.ts'
import { WireClient } from '../wire-client.ts'
import { committing, consuming, partitions, pinging, probing, producing, producingKeyed, transacting } from './loads.ts'
import { type Sample, slopePerHour, thinned } from './slope.ts'

export interface LongRun {
  readonly minutes: number
  readonly memoryMbPerHour: number
  readonly p50MsPerHour: number
  readonly p99MsPerHour: number
  readonly longestPingMs: number
  readonly longestLoopDelayMs: number
  /** Produced, and left at the end: retention and compaction took the rest. */
  readonly retained: { readonly producedMb: number; readonly leftMb: number }
  readonly compacted: { readonly producedMb: number; readonly leftMb: number }
  readonly samples: readonly Sample[]
}

const defaultMinutes = 20
const retainedMbPerSecond = 8
const keyedMbPerSecond = 2
const sampleMs = 1000
const keptSamples = 120
const megabyte = 1024 ** 2
const settings = {
  'log.retention.check.interval.ms': '5000',
  'log.cleaner.backoff.ms': '1000',
  'log.segment.delete.delay.ms': '1000',
}
const topics = {
  retained: { 'segment.bytes': String(8 * megabyte), 'retention.bytes': String(32 * megabyte) },
  compacted: { 'segment.bytes': String(4 * megabyte), 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.2' },
  transacted: { 'segment.bytes': String(megabyte), 'retention.bytes': String(2 * megabyte) },
  probed: {},
}

/** @returns the exit code */
export async function longRun(args: readonly string[]): Promise<number> {
  const flagValue = (flag: string) => (args.includes(flag) ? args[args.indexOf(flag) + 1] : undefined)
  const minutes = Number(flagValue('--minutes') ?? defaultMinutes)
  if (!(minutes > 0)) throw new Error('--minutes must be a number above 0')
  const directory = mkdtempSync(path.join(tmpdir(), 'odradek-bench-'))
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  const delaysFile = path.join(directory, 'loop-delays')
  const peer = odradek()
  // Only the broker's process is started while these are set.
  process.env.NODE_OPTIONS = `--import=${pathToFileURL(path.join(import.meta.dirname, 'loop-delay-hook.mjs'))}`
  process.env.BENCH_LOOP_DELAYS = delaysFile
  const broker = await peer.start(settings)
  delete process.env.NODE_OPTIONS
  try {
    const run = await loaded(broker, minutes, delaysFile)
    console.log(summaryOf(run))
    const json = flagValue('--json')
    const command = `npm run bench -- --long-run --minutes ${minutes} --json FILE`
    if (json !== undefined)
      writeFileSync(json, `${JSON.stringify({ ...machine(command), longRun: run }, undefined, 1)}\n`)
    return 0
  } finally {
    await broker.stop()
  }
}

async function loaded(broker: Broker, minutes: number, delaysFile: string): Promise<LongRun> {
  const { port } = broker
  await WireClient.with(port, async (client) => {
    for (const [name, configs] of Object.entries(topics)) await client.createTopic(name, partitions, configs)
  })
  const stopping = new AbortController()
  const { signal } = stopping
  const [times, pings]: [number[], number[]] = [[], []]
  const loads = [
    producing(port, 'retained', retainedMbPerSecond, signal),
    producingKeyed(port, 'compacted', keyedMbPerSecond, signal),
    consuming(port, 'retained', signal),
    consuming(port, 'transacted', signal),
    transacting(port, 'transacted', signal),
    committing(port, 'retained', signal),
    probing(port, 'probed', (ms) => times.push(ms), signal),
    pinging(port, (ms) => pings.push(ms), signal),
  ]
  const all = Promise.all(loads)
  all.catch(() => stopping.abort()) // thrown below
  const samples = await sampled(broker, minutes, { times, pings, signal })
  stopping.abort()
  await all
  const seconds = samples.at(-1)!.seconds
  const left = async (topic: string) =>
    (await WireClient.with(port, (client) => client.topicBytes(topic, partitions))) / 1e6
  const whole = withLoopDelays(samples, delaysFile)
  return {
    minutes,
    memoryMbPerHour: slopePerHour(whole, 'residentMb'),
    p50MsPerHour: slopePerHour(whole, 'produceP50'),
    p99MsPerHour: slopePerHour(whole, 'produceP99'),
    longestPingMs: Math.max(...whole.map(({ longestPing }) => longestPing)),
    longestLoopDelayMs: Math.max(...whole.map(({ longestLoopDelay }) => longestLoopDelay)),
    retained: { producedMb: retainedMbPerSecond * seconds, leftMb: await left('retained') },
    compacted: { producedMb: keyedMbPerSecond * seconds, leftMb: await left('compacted') },
    samples: thinned(whole, keptSamples),
  }
}

type TimedSample = Omit<Sample, 'longestLoopDelay'> & { readonly atMs: number }

/** One each second. What the harness itself stood still is taken off the pings: it is no fault of the broker. */
async function sampled(
  broker: Broker,
  minutes: number,
  { times, pings, signal }: { times: number[]; pings: number[]; signal: AbortSignal },
): Promise<TimedSample[]> {
  const own = monitorEventLoopDelay({ resolution: 1 })
  own.enable()
  const samples: TimedSample[] = []
  const startMs = performance.now()
  let cpu = cpuNs(broker.pid)
  while (performance.now() - startMs < minutes * 60_000 && !signal.aborted) {
    await delay(sampleMs)
    const cpuNow = cpuNs(broker.pid)
    const ownMs = own.max / 1e6
    own.reset()
    const [ours, longest] = [times.splice(0), Math.max(0, ...pings.splice(0))]
    samples.push({
      atMs: Date.now(),
      seconds: (performance.now() - startMs) / 1000,
      residentMb: memory(broker.pid).residentMb,
      cpuPercent: (100 * (cpuNow - cpu)) / 1e6 / sampleMs,
      produceP50: percentile(ours, 0.5),
      produceP99: percentile(ours, 0.99),
      longestPing: Math.max(0, longest - ownMs),
    })
    cpu = cpuNow
  }
  own.disable()
  return samples
}

/** To each second what the broker's hook has written in it. */
function withLoopDelays(samples: readonly TimedSample[], delaysFile: string): Sample[] {
  const delays = readFileSync(delaysFile, 'utf8')
    .trim()
    .split('\n')
    .map((text) => text.split(' ').map(Number) as [atMs: number, longestMs: number])
  return samples.map(({ atMs, ...sample }, index) => {
    const fromMs = samples[index - 1]?.atMs ?? 0
    const within = delays.filter(([delayAtMs]) => delayAtMs > fromMs && delayAtMs <= atMs).map(([, ms]) => ms)
    return { ...sample, longestLoopDelay: Math.max(0, ...within) }
  })
}

function summaryOf(run: LongRun): string {
  const signed = (value: number, digits = 2) => `${value >= 0 ? '+' : ''}${value.toFixed(digits)}`
  const share = ({ producedMb, leftMb }: LongRun['retained']) =>
    `${leftMb.toFixed(0)} MB left of ${producedMb.toFixed(0)} MB`
  const last = run.samples.at(-1)!
  return [
    `${run.minutes} minutes; at the end ${last.residentMb.toFixed(0)} MB resident, ${last.cpuPercent.toFixed(0)} % of a core`,
    `memory ${signed(run.memoryMbPerHour, 1)} MB/h over the last three quarters`,
    `produce latency p50 ${signed(run.p50MsPerHour)} ms/h, p99 ${signed(run.p99MsPerHour)} ms/h`,
    `longest stall ${run.longestPingMs.toFixed(1)} ms as a client saw it, ${run.longestLoopDelayMs.toFixed(1)} ms in the event loop`,
    `retention: ${share(run.retained)}; compaction: ${share(run.compacted)}`,
  ].join('\n')
}
