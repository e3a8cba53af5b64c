/**
 * test: the broker that is attacked, in a process of its own (a child of the fuzz command): starts, stops and weighs itself on request, and
 * says what it logged as an error, and which connections and timers it has.
 */
import { getHeapCodeStatistics, getHeapStatistics } from 'node:v8'
import { type RunningBroker, startBroker } from '../../src/broker.ts'
import { collectGarbage } from '../runtime/used-heap.ts'

const settings = {
  listeners: 'PLAINTEXT://127.0.0.1:0,SASL_PLAINTEXT://127.0.0.1:0',
  'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256',
  'listener.name.sasl_plaintext.plain.sasl.jaas.config':
    'org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="a";',
  'group.initial.rebalance.delay.ms': '0',
  'auto.create.topics.enable': 'true',
}
/** After an end, sockets take some turns of the loop until they are gone. */
const settleTurns = 200

export interface State {
  readonly ports: readonly number[]
  /** Heap in use and memory outside of it, after a garbage collection, without what V8 has made of functions that ran: mutants find ever new ones. */
  readonly bytes: number
  readonly residentBytes: number
  readonly sockets: number
  readonly timers: number
  /** Lines of level error since the last time. */
  readonly errors: readonly string[]
}

/** With a short idle limit where it is started for connections that are idle. */
export type Order = 'start' | 'start for idle ones' | 'look' | 'stop'
const shortIdleMs = 20_000

const liveTimers = new Set<unknown>()
const errors: string[] = []
let broker: RunningBroker | undefined

/** Counts what waits: timers of the broker do not keep the process alive, so Node does not list them. */
function countTimers(): void {
  const { setTimeout: set, clearTimeout: clear } = globalThis
  const counted = (run: (...args: unknown[]) => void, ms?: number, ...rest: unknown[]): NodeJS.Timeout => {
    const timer = set(() => {
      liveTimers.delete(timer)
      run(...rest)
    }, ms)
    liveTimers.add(timer)
    return timer
  }
  globalThis.setTimeout = Object.assign(counted, set) as typeof setTimeout
  globalThis.clearTimeout = ((timer: NodeJS.Timeout) => {
    liveTimers.delete(timer)
    clear(timer)
  }) as typeof clearTimeout
}

/** When collecting again gives back no more. */
async function leastBytes(): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (;;) {
    for (let turn = 0; turn < settleTurns; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    collectGarbage()
    const compiled = getHeapCodeStatistics()
    const compiledBytes = compiled.code_and_metadata_size + compiled.bytecode_and_metadata_size
    const bytes = getHeapStatistics().used_heap_size - compiledBytes + process.memoryUsage().external
    if (bytes > least * 0.99) return Math.min(least, bytes)
    least = bytes
  }
}

async function state(): Promise<State> {
  const bytes = await leastBytes()
  return {
    ports: broker?.bootstrapServers.split(',').map((address) => Number(address.split(':').at(-1))) ?? [],
    bytes,
    residentBytes: process.memoryUsage().rss,
    sockets: process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length,
    timers: liveTimers.size,
    errors: errors.splice(0),
  }
}

async function obey(order: Order): Promise<void> {
  if (order === 'start' || order === 'start for idle ones') {
    const error = (fields: object, message: string): void => {
      const { err, ...rest } = fields as { err?: Error }
      errors.push(`${message} ${JSON.stringify(rest)}\n${err?.stack ?? ''}`)
    }
    const logger = { debug: () => {}, info: () => {}, warn: () => {}, error }
    const idle = order === 'start' ? {} : { 'connections.max.idle.ms': String(shortIdleMs) }
    broker = await startBroker({ memory: true, settings: { ...settings, ...idle }, logger })
  }
  if (order === 'stop') {
    await broker!.close()
    broker = undefined
  }
  process.send!(await state())
}

countTimers()
process.on('message', (order: Order) => void obey(order))
process.on('disconnect', () => process.exit())
