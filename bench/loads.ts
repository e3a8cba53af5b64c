/** bench: puts load on a broker: load.c (librdkafka) and Kafka's own ConsumerPerformance, each as a process of its own. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import os from 'node:os'
import { java, spawnTracked } from './peers.ts'
import { CpuTimeline } from './process-figures.ts'
import { batchOf, produceErrorAt, produceFrame } from './wire-client.ts'

const appendsWarmUpMs = 500

export interface Tools {
  /** The compiled load.c. */
  readonly load: string
  /** The compiled appends.c. */
  readonly appends: string
  /** Directory of Kafka's jars. */
  readonly jars: string
  /** The compiled peers/kfake; empty where it could not be. */
  readonly kfake: string
}

/** One run of a load. Megabytes are 10^6 bytes of uncompressed payload. */
export interface Throughput {
  readonly cpuMsPerMb: number
  readonly mbPerSecond: number
  readonly clientCpuMsPerMb: number | undefined
}

export interface Shape {
  readonly recordBytes: number
  readonly acks: '0' | '1' | 'all'
  readonly codec: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  /** With producer ids and sequence numbers. */
  readonly isIdempotent?: boolean
}

export interface Target {
  readonly port: number
  readonly pid: number
}

/** How many records make `mb` of payload. */
export function messagesIn(mb: number, recordBytes: number): number {
  return Math.round((mb * 1e6) / recordBytes)
}

function output(name: string, command: string, args: readonly string[]): Promise<string> {
  return outputOf(name, spawnTracked(command, args))
}

async function outputOf(name: string, child: ChildProcess): Promise<string> {
  let [out, err] = ['', '']
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    err += text
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${name} ended with ${code}: ${err.trim().slice(-1000)}`)
  return out
}

async function runLoad(tools: Tools, command: string, target: Target, options: object): Promise<unknown> {
  return runProgram(tools, command, { brokers: `localhost:${target.port}`, pid: target.pid, ...options })
}

async function runProgram(tools: Tools, command: string, options: object): Promise<unknown> {
  return JSON.parse(await output(`load ${command}`, tools.load, [command, ...argumentsOf(options)]))
}

function argumentsOf(options: object): string[] {
  return Object.entries(options).map(([name, value]) => `${name}=${value}`)
}

interface LoadReport {
  readonly bytes: number
  readonly ms: number
  readonly brokerCpuMs: number
  readonly clientCpuMs: number
}

function throughput({ bytes, ms, brokerCpuMs, clientCpuMs }: LoadReport): Throughput {
  const mb = bytes / 1e6
  return { cpuMsPerMb: brokerCpuMs / mb, mbPerSecond: (mb / ms) * 1000, clientCpuMsPerMb: clientCpuMs / mb }
}

export interface ProduceLoad {
  readonly topic: string
  readonly shape: Shape
  readonly messages: number
  readonly batchBytes: number
  /** So many different keys, one after the other; records have none if absent. */
  readonly keys?: number
  /** Megabytes a second; as fast as it goes if absent. */
  readonly rate?: number
  /** Clients, each with its connection, that share the messages: one if absent. */
  readonly producers?: number
  /** A topic whose records are acknowledged, for a shape whose records are not: tells when the broker has had them. */
  readonly fence?: string
}

function produceOptions({ topic, shape, messages, batchBytes, keys = 0, rate = 0, ...load }: ProduceLoad): object {
  const { producers = 1, fence = '' } = load
  const { recordBytes: size, acks, codec, isIdempotent: idempotent = false } = shape
  return { topic, messages, size, acks, codec, idempotent, batchBytes, keys, rate, producers, fence }
}

/** Full batches as fast as they go, over all partitions of the topic. */
export async function produce(tools: Tools, target: Target, load: ProduceLoad): Promise<Throughput> {
  return throughput((await runLoad(tools, 'produce', target, produceOptions(load))) as LoadReport)
}

/** The same, until it is stopped: for a broker that will not be there to the end. */
export function startProducing(
  tools: Tools,
  target: Target,
  load: ProduceLoad,
): { requireRunning(): void; stop(): Promise<void> } {
  const options = { brokers: `localhost:${target.port}`, pid: target.pid, ...produceOptions(load) }
  const child = spawnTracked(tools.load, ['produce', ...argumentsOf(options)])
  let end: string | undefined
  const ended = outputOf('load produce', child).then(
    () => {
      end = 'the load has ended before its time'
    },
    (error: Error) => {
      end = error.message
    },
  )
  return {
    requireRunning: () => {
      if (end !== undefined) throw new Error(end)
    },
    stop: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}

export interface Appends {
  readonly perSecond: number
  readonly cpuUsEach: number
}

/** One record at a time from each of many connections, acks=all, for `ms` after a warm-up. */
export async function appends(
  tools: Tools,
  target: Target,
  load: {
    readonly topic: string
    readonly partitions: number
    readonly connections: number
    readonly recordBytes: number
    readonly ms: number
  },
): Promise<Appends> {
  const { topic, partitions, connections, recordBytes, ms } = load
  const frames = Array.from({ length: partitions }, (_, index) => produceFrame(topic, index, batchOf(recordBytes)))
  const options = { port: target.port, pid: target.pid, connections, ms, warmUpMs: appendsWarmUpMs }
  const args = argumentsOf({
    ...options,
    frames: frames.map((frame) => frame.toString('hex')).join(),
    errorAt: produceErrorAt(topic),
  })
  const report = JSON.parse(await output('appends', tools.appends, args))
  return { perSecond: (report.appends / report.ms) * 1000, cpuUsEach: (report.brokerCpuMs / report.appends) * 1000 }
}

export interface Transactions {
  readonly load: Throughput
  /** Microseconds from the call until the client is told, of each commit; its records are acknowledged before. */
  readonly commitUs: readonly number[]
}

/** One transaction after the other for `ms`, each as long as `commitEveryMs` and with records for all partitions. */
export async function transactions(
  tools: Tools,
  target: Target,
  load: {
    readonly topic: string
    readonly shape: Shape
    readonly batchBytes: number
    readonly ms: number
    readonly commitEveryMs: number
  },
): Promise<Transactions> {
  const { topic, shape, batchBytes, ms, commitEveryMs } = load
  const options = { topic, ms, commitEveryMs, batchBytes, transactionalId: topic, size: shape.recordBytes }
  const of = { ...options, acks: shape.acks, codec: shape.codec }
  const report = (await runLoad(tools, 'transactions', target, of)) as { load: LoadReport; commitUs: number[] }
  return { load: throughput(report.load), commitUs: report.commitUs }
}

/** All partitions from the beginning: all of it to each of so many consumers. */
export async function consume(
  tools: Tools,
  target: Target,
  load: { readonly topic: string; readonly messages: number; readonly consumers?: number },
): Promise<Throughput> {
  return throughput((await runLoad(tools, 'consume', target, { consumers: 1, ...load })) as LoadReport)
}

export interface Latencies {
  /** Microseconds of each record: until acknowledged, or until consumed. */
  readonly timesUs: readonly number[]
  /** Of the broker, for each record. */
  readonly cpuUsEach: number
}

/** Records sent one at a time. */
export async function latencies(
  tools: Tools,
  target: Target,
  kind: 'produce-latency' | 'round-trip',
  load: {
    readonly topic: string
    readonly messages: number
    /** Of them begun a second; each as soon as the one before is through, if absent. */
    readonly rate?: number
  },
): Promise<Latencies> {
  const options = { size: 100, acks: '1', rate: 0, ...load }
  const report = (await runLoad(tools, kind, target, options)) as { load: LoadReport; latenciesUs: number[] }
  return { timesUs: report.latenciesUs, cpuUsEach: (report.load.brokerCpuMs * 1000) / load.messages }
}

/** One record to each partition. */
export async function touchPartitions(tools: Tools, target: Target, topic: string): Promise<void> {
  await runLoad(tools, 'touch', target, { topic })
}

/**
 * On a virtual machine the first write to a page that the host has not backed yet costs several times the write itself, and the
 * host takes free pages back within seconds. Without this, a run's figure would tell how many such pages it met.
 */
export async function touchMemory(tools: Tools, mb: number): Promise<void> {
  const megabytes = Math.round(Math.min(mb, os.freemem() / 1e6 / 4))
  await runProgram(tools, 'touch-memory', { megabytes })
}

/**
 * ConsumerPerformance joins a group and reads from the beginning. It tells when it began and ended; the broker's CPU time is taken
 * between these, so that the JVM's start does not count.
 */
export async function consumerPerformance(
  tools: Tools,
  target: Target,
  topic: string,
  messages: number,
): Promise<Throughput> {
  const args = ['--bootstrap-server', `localhost:${target.port}`, '--topic', topic, '--num-records', String(messages)]
  args.push('--hide-header', '--timeout', '30000', '--date-format', "yyyy-MM-dd'T'HH:mm:ss.SSSXXX")
  const timeline = new CpuTimeline(tools.load, target.pid)
  let out: string
  try {
    const command = java(tools.jars, ['-Xmx512m'], 'org.apache.kafka.tools.ConsumerPerformance', args)
    out = await output('ConsumerPerformance', 'java', command)
  } finally {
    await timeline.stop()
  }
  // start.time, end.time, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, rebalance.time.ms, fetch.time.ms, …
  const fields = out.trim().split('\n').at(-1)!.split(', ')
  const [start, end] = [Date.parse(fields[0]!), Date.parse(fields[1]!)]
  const [mebibytes, records, fetchMs] = [Number(fields[2]), Number(fields[4]), Number(fields[7])]
  if (!(records >= messages))
    throw new Error(`ConsumerPerformance got ${records} of ${messages} records: ${out.trim()}`)
  const mb = mebibytes * 1.048576
  return {
    cpuMsPerMb: timeline.between(start, end) / mb,
    mbPerSecond: (mb / fetchMs) * 1000,
    clientCpuMsPerMb: undefined,
  }
}
