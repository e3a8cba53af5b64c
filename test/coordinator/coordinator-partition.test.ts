import { beforeEach, describe, expect, it } from 'vitest'
import { KafkaError } from '../../protocol/errors.ts'
import { batchesIn } from '../../protocol/records/batches.ts'
import { buildEndTransactionMarker, buildRecordBatch, recordsOf } from '../../protocol/records/index.ts'
import { CoordinatorPartition } from '../../src/coordinator/coordinator-partition.ts'
import type { Decision, RecordCodec, StateMachine } from '../../src/coordinator/state-machine.ts'
import { SimulatedClock, settle } from '../../src/runtime/clock.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { SeededRandom } from '../../src/runtime/random.ts'
import { UnreliablePartitionLog } from '../log/unreliable-partition-log.ts'
import { usedHeapBytes } from '../runtime/used-heap.ts'

interface Count {
  readonly name: string
  readonly count: number | null
}

const codec: RecordCodec<Count> = {
  encode: ({ name, count }) => ({
    key: Buffer.from(`count:${name}`),
    value: count === null ? null : Buffer.from(String(count)),
  }),
  decode({ key, value }) {
    const [kind, name] = key.toString().split(':')
    return kind === 'count' ? { name: name!, count: value === null ? null : Number(value.toString()) } : undefined
  },
}

/** Counts by name; those of an open transaction aside. */
class Counters implements StateMachine<Count> {
  readonly counts = new Map<string, number>()
  readonly open = new Map<bigint, Count[]>()
  readonly run: (decide: () => Decision<Count, void>) => void
  isLoaded = false
  unloadedWith: KafkaError | undefined

  constructor(run: (decide: () => Decision<Count, void>) => void) {
    this.run = run
  }

  replay(record: Count, producerId: bigint): void {
    if (producerId >= 0n) this.open.set(producerId, [...(this.open.get(producerId) ?? []), record])
    else if (record.count === null) this.counts.delete(record.name)
    else this.counts.set(record.name, record.count)
  }

  endTransaction(producerId: bigint, committed: boolean): void {
    const records = this.open.get(producerId) ?? []
    this.open.delete(producerId)
    if (committed) for (const record of records) this.replay(record, -1n)
  }

  loaded(): void {
    this.isLoaded = true
  }

  unload(error: KafkaError): void {
    this.unloadedWith = error
  }

  add(name: string): Decision<Count, number> {
    const count = (this.counts.get(name) ?? 0) + 1
    return { records: [{ name, count }], response: count }
  }

  read(name: string): Decision<Count, number> {
    return { records: [], response: this.counts.get(name) ?? 0 }
  }
}

let clock: SimulatedClock
let log: UnreliablePartitionLog
let machines: Counters[]

beforeEach(() => {
  clock = new SimulatedClock()
  log = new UnreliablePartitionLog({ topic: '__counts', clock, random: new SeededRandom(1), maxTurns: 1 })
  machines = []
})

function open(options: { maxBatchBytes?: number } = {}): CoordinatorPartition<Counters, Count> {
  return new CoordinatorPartition<Counters, Count>({
    log,
    codec,
    createMachine(run) {
      const machine = new Counters(run)
      machines.push(machine)
      return machine
    },
    clock,
    logger: silentLogger,
    maxBatchBytes: options.maxBatchBytes ?? 10_000,
  })
}

const add = (partition: CoordinatorPartition<Counters, Count>, name: string) =>
  partition.run((state) => state.add(name))

describe('a coordinator partition', () => {
  it('answers when the change is written', async () => {
    const partition = open()
    await partition.load()
    const answer = add(partition, 'a')
    expect(log.logEndOffset).toBe(0)
    expect(await answer).toBe(1)
    expect(log.logEndOffset).toBe(1)
  })

  it('answers at once when there is nothing to write and nothing unwritten', async () => {
    const partition = open()
    await partition.load()
    expect(partition.run((state) => state.read('a'))).toBe(0)
    void add(partition, 'a')
    const read = partition.run((state) => state.read('a'))
    expect(read).toBeInstanceOf(Promise)
    expect(await read).toBe(1)
    expect(log.logEndOffset).toBe(1)
    expect(partition.run((state) => state.read('a'))).toBe(1)
  })

  it('pipelines commands: each sees what the ones before have decided', async () => {
    const partition = open()
    await partition.load()
    expect(await Promise.all([add(partition, 'a'), add(partition, 'a'), add(partition, 'a')])).toEqual([1, 2, 3])
    expect(log.logEndOffset).toBe(3)
  })

  it('writes the records of one command as one batch', async () => {
    const partition = open()
    await partition.load()
    const records = [1, 2, 3].map((count) => ({ name: `n${count}`, count }))
    await partition.run(() => ({ records, response: undefined }))
    const { records: written } = await log.read(0, { maxBytes: 10_000, minOneBatch: true, isolation: 'log_end' })
    const batches = written.flatMap((buffer) => [...batchesIn(buffer)])
    expect(batches).toHaveLength(1)
    expect([...recordsOf(batches[0]!)]).toHaveLength(3)
  })

  it('loads what was written before', async () => {
    const first = open()
    await first.load()
    await Promise.all([add(first, 'a'), add(first, 'b'), add(first, 'a')])
    await first.run(() => ({ records: [{ name: 'b', count: null }], response: undefined }))
    await first.close()
    const second = open()
    await second.load()
    expect(machines[1]!.isLoaded).toBe(true)
    expect([...machines[1]!.counts]).toEqual([['a', 2]])
  })

  it('lets commands wait while it loads', async () => {
    const first = open()
    await first.load()
    await add(first, 'a')
    await first.close()
    expect(await add(open(), 'a')).toBe(2)
  })

  it('tells a command that waited too long that it is loading', async () => {
    const first = open()
    await first.load()
    await add(first, 'a')
    await first.close()
    const read = log.read.bind(log)
    let letRead: (() => void) | undefined
    log.read = async (...args) => {
      await new Promise<void>((resolve) => {
        letRead = resolve
      })
      return read(...args)
    }
    const partition = open()
    const answer = add(partition, 'a')
    const refused = expect(answer).rejects.toMatchObject({ kafkaError: 'COORDINATOR_LOAD_IN_PROGRESS' })
    await clock.advance(5_000)
    await refused
    letRead!()
    await partition.load()
    expect(await add(partition, 'a')).toBe(2)
  })

  it('passes over records that it does not know, and keeps transactions aside until their marker', async () => {
    const timestamp = clock.now()
    const count = (name: string, value: number) => ({ timestamp, ...codec.encode({ name, count: value }) })
    const strange = { timestamp, key: Buffer.from('strange:a'), value: Buffer.from('1') }
    await log.append(buildRecordBatch({}, [strange, count('a', 7), { ...strange, key: null }]), 'coordinator')
    for (const producerId of [1n, 2n, 3n]) {
      const header = { producerId, producerEpoch: 0, baseSequence: 0, isTransactional: true }
      await log.append(buildRecordBatch(header, [count(`t${producerId}`, 1)]), 'coordinator')
    }
    const marker = { coordinatorEpoch: 0, producerEpoch: 0, timestamp }
    await log.append(buildEndTransactionMarker({ ...marker, producerId: 1n, type: 'COMMIT' }), 'coordinator')
    await log.append(buildEndTransactionMarker({ ...marker, producerId: 2n, type: 'ABORT' }), 'coordinator')
    await open().load()
    expect(Object.fromEntries(machines[0]!.counts)).toEqual({ a: 7, t1: 1 })
    expect([...machines[0]!.open.keys()]).toEqual([3n])
  })

  it('drops its state when a write fails: whoever waits is refused, and the state is loaded again', async () => {
    const partition = open()
    await partition.load()
    await add(partition, 'a')
    log.failNextWrite()
    const answers: string[] = []
    const waiter = {
      deliver: () => answers.push('delivered'),
      fail: (error: KafkaError) => answers.push(error.kafkaError),
    }
    const commands = [
      add(partition, 'a'),
      partition.run((state) => ({ ...state.add('b'), answers: [waiter] })),
      partition.run((state) => state.read('a')),
    ]
    for (const command of await Promise.allSettled(commands)) {
      expect(command).toMatchObject({ status: 'rejected', reason: { kafkaError: 'NOT_COORDINATOR' } })
    }
    expect(answers).toEqual(['NOT_COORDINATOR'])
    expect(machines[0]!.unloadedWith?.kafkaError).toBe('NOT_COORDINATOR')
    expect(await add(partition, 'a')).toBe(2)
    expect(machines).toHaveLength(2)
  })

  it('gives the error of a command only when what it has seen is written', async () => {
    const partition = open()
    await partition.load()
    const refuse = (): never => {
      throw new KafkaError('UNKNOWN_MEMBER_ID')
    }
    expect(() => partition.run(refuse)).toThrow(KafkaError)
    void add(partition, 'a')
    await expect(partition.run(refuse)).rejects.toMatchObject({ kafkaError: 'UNKNOWN_MEMBER_ID' })
    expect(log.logEndOffset).toBe(1)
  })

  it('starts anew after a bug in a command', async () => {
    const partition = open()
    await partition.load()
    const bug = (): never => {
      throw new TypeError('not a function')
    }
    expect(() => partition.run(bug)).toThrow(TypeError)
    expect(await add(partition, 'a')).toBe(1)
    expect(machines).toHaveLength(2)
  })

  it('refuses a change that no batch can hold, and splits one that need not be atomic', async () => {
    const partition = open({ maxBatchBytes: 300 })
    await partition.load()
    const records = Array.from({ length: 30 }, (_, index) => ({ name: `name-${index}`, count: index }))
    expect(() => partition.run(() => ({ records, response: 1 }))).toThrow(/300/)
    expect(machines[0]!.counts.size).toBe(0)
    let failed: KafkaError | undefined
    const answer = { deliver: () => {}, fail: (error: KafkaError) => (failed = error) }
    expect(() => partition.run(() => ({ records, response: 1, answers: [answer] }))).toThrow(/300/)
    expect(failed?.kafkaError).toBe('UNKNOWN_SERVER_ERROR')
    expect(await partition.run(() => ({ records, response: 1, atomic: false }))).toBe(1)
    expect(log.logEndOffset).toBe(30)
    const { records: written } = await log.read(0, { maxBytes: 1e6, minOneBatch: true, isolation: 'log_end' })
    const sizes = written.flatMap((buffer) => [...batchesIn(buffer)].map(({ sizeInBytes }) => sizeInBytes))
    expect(Math.max(...sizes)).toBeLessThanOrEqual(300)
    expect(sizes.length).toBeGreaterThan(3)
  })

  it('runs the commands of its own timers until it is dropped', async () => {
    const partition = open()
    await partition.load()
    machines[0]!.run(() => ({ records: [{ name: 'timer', count: 1 }], response: undefined }))
    await log.flush()
    expect(machines[0]!.counts.get('timer')).toBe(1)
    await partition.close()
    machines[0]!.run(() => ({ records: [{ name: 'timer', count: 2 }], response: undefined }))
    await settle()
    expect(log.logEndOffset).toBe(1)
  })

  it('keeps nothing of what is written', async () => {
    const partition = open()
    await partition.load()
    const result = await log.append(buildRecordBatch({}, []), 'coordinator')
    log.append = async () => result
    const write = async (times: number) => {
      for (let time = 0; time < times; time += 1) await add(partition, 'a')
    }
    await write(1_000)
    const before = usedHeapBytes()
    await write(20_000)
    expect((usedHeapBytes() - before) / 20_000).toBeLessThan(10)
  })

  it('refuses commands when it is closed', async () => {
    const partition = open()
    await partition.load()
    const pending = add(partition, 'a')
    await partition.close()
    expect(log.logEndOffset).toBe(1)
    expect(await pending).toBe(1)
    await expect(add(partition, 'a')).rejects.toMatchObject({ kafkaError: 'NOT_COORDINATOR' })
  })

  it('tries to load again, but not at once, when the log could not be read', async () => {
    const read = log.read.bind(log)
    const writer = open()
    await writer.load()
    await add(writer, 'a')
    await writer.close()
    let reads = 0
    log.read = async () => {
      reads += 1
      throw new KafkaError('KAFKA_STORAGE_ERROR')
    }
    const partition = open()
    await expect(add(partition, 'a')).rejects.toMatchObject({ kafkaError: 'COORDINATOR_NOT_AVAILABLE' })
    await expect(add(partition, 'a')).rejects.toMatchObject({ kafkaError: 'COORDINATOR_NOT_AVAILABLE' })
    expect(reads).toBe(1)
    log.read = read
    await clock.advance(1_000)
    expect(await add(partition, 'a')).toBe(2)
  })
})
