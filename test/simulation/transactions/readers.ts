/** Who looks at what the producers of a transaction simulation have written: read_committed consumers of partitions, and of committed offsets. */
import { errorByCode } from '../../../protocol/errors.ts'
import { fetch } from '../../../protocol/messages/fetch.ts'
import { offsetFetch } from '../../../protocol/messages/offset-fetch.ts'
import { endTransactionMarkerOf } from '../../../protocol/records/control-records.ts'
import { batchesIn, recordsOf } from '../../../protocol/records/index.ts'
import { Connection, lost } from './connection.ts'
import { dataTopic, inputTopic } from './topics.ts'
import type { SentRecord } from './transaction-ledger.ts'
import type { TransactionSimulation } from './transaction-simulation.ts'

const readCommitted = 1
const fetchVersion = 11
const offsetFetchVersion = 7
const pauses = [100, 1000, 10_000]

interface Aborted {
  readonly producerId: bigint
  readonly firstOffset: number
}

export class PartitionReader {
  readonly #simulation: TransactionSimulation
  readonly #connection: Connection
  readonly partition: number
  readonly name: string
  position = 0
  /** All that it was given, in order. */
  readonly records: SentRecord[] = []
  /** By transactional id: the last record. */
  readonly #last = new Map<string, SentRecord>()

  constructor(simulation: TransactionSimulation, partition: number) {
    this.#simulation = simulation
    this.partition = partition
    this.name = `${dataTopic}-${partition}`
    this.#connection = new Connection(simulation, `reader of ${this.name}`)
  }

  async run(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await this.read()
      await this.#simulation.sleep(this.#simulation.chance.pick(pauses))
    }
  }

  /** False when nothing came. */
  async read(): Promise<boolean> {
    const { chance } = this.#simulation
    const asked = {
      partition: this.partition,
      fetchOffset: this.position,
      partitionMaxBytes: chance.pick([1, 300, 1_000_000]),
    }
    const answer = await this.#connection.ask(fetch, fetchVersion, {
      maxWaitMs: chance.pick([0, 500]),
      minBytes: 1,
      isolationLevel: readCommitted,
      sessionEpoch: -1,
      topics: [{ topic: dataTopic, partitions: [asked] }],
    })
    if (answer === lost) return true
    const found = answer.responses[0]?.partitions[0]
    if (found === undefined || found.errorCode !== 0) {
      const { name } = errorByCode(found?.errorCode ?? answer.errorCode)
      if (name === 'NOT_LEADER_OR_FOLLOWER' || name === 'UNKNOWN_TOPIC_OR_PARTITION') return true
      return this.#simulation.fail(`a reader of ${this.name} got ${name} at ${this.position}`)
    }
    return this.#take(found.records ?? Buffer.alloc(0), found.abortedTransactions ?? [], found.lastStableOffset)
  }

  /** As consumers do it: of an aborted transaction all is left out from its first offset to its marker. */
  #take(bytes: Buffer, abortedTransactions: readonly Aborted[], lastStableOffset: number): boolean {
    const waiting = abortedTransactions.toSorted((one, other) => one.firstOffset - other.firstOffset)
    const aborted = new Set<bigint>()
    const before = this.position
    for (const batch of batchesIn(bytes)) {
      if (batch.nextOffset > lastStableOffset) {
        this.#simulation.fail(`${this.name}: ${batch.lastOffset} was read, behind the last stable ${lastStableOffset}`)
      }
      while (waiting.length > 0 && waiting[0]!.firstOffset <= batch.lastOffset) aborted.add(waiting.shift()!.producerId)
      if (batch.isControl) {
        if (endTransactionMarkerOf(batch)?.type === 'ABORT') aborted.delete(batch.producerId)
      } else if (!aborted.has(batch.producerId)) {
        for (const { offset, value } of recordsOf(batch)) if (offset >= this.position) this.#saw(offset, String(value))
      }
      this.position = Math.max(this.position, batch.nextOffset)
    }
    return this.position > before
  }

  #saw(offset: number, value: string): void {
    const [transaction, index] = value.split(':').map(Number)
    const record: SentRecord = { transaction: transaction!, index: index! }
    const what = `the record ${value} at ${offset} of ${this.name}`
    const { transactionalId } = this.#simulation.ledger.saw(record.transaction, what)
    const last = this.#last.get(transactionalId)
    const isNext =
      last?.transaction === record.transaction
        ? record.index === last.index + 1
        : record.index === 0 && (last === undefined || last.transaction < record.transaction)
    if (!isNext) this.#simulation.fail(`${what} came after ${last?.transaction}:${last?.index} of ${transactionalId}`)
    this.#last.set(transactionalId, record)
    this.records.push(record)
  }
}

export class OffsetReader {
  readonly #simulation: TransactionSimulation
  readonly #connection: Connection
  readonly transactionalId: string
  readonly #groupId: string
  /** The transaction whose offset was read last; -1: of none. */
  last = -1

  constructor(simulation: TransactionSimulation, transactionalId: string) {
    this.#simulation = simulation
    this.transactionalId = transactionalId
    this.#groupId = simulation.groupOf(transactionalId)
    this.#connection = new Connection(simulation, `reader of ${this.#groupId}`)
  }

  async run(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await this.read()
      await this.#simulation.sleep(this.#simulation.chance.pick(pauses))
    }
  }

  /** False when there is no answer now: an offset is about to change, or the broker is not there. */
  async read(): Promise<boolean> {
    const topics = [{ name: inputTopic, partitionIndexes: [0] }]
    const request = { groupId: this.#groupId, topics, requireStable: true }
    const answer = await this.#connection.ask(offsetFetch, offsetFetchVersion, request)
    if (answer === lost || answer.errorCode !== 0) return false
    const found = answer.topics[0]!.partitions[0]!
    if (found.errorCode !== 0) return false
    const { committedOffset } = found
    const what = `the offset ${committedOffset} of ${this.#groupId}`
    if (committedOffset < this.last) this.#simulation.fail(`${what} came after ${this.last}`)
    if (committedOffset >= 0) {
      const transaction = this.#simulation.ledger.saw(committedOffset, what)
      if (!transaction.commitsOffset) this.#simulation.fail(`${what} is of ${transaction}, which has committed none`)
    }
    this.last = committedOffset
    return true
  }
}
