// interop: transactions in the agents that run in Node: the wire's methods over what a client has for them.
import { appendFileSync } from 'node:fs'
import { SeededRandom } from '../../src/runtime/random.ts'
import type { AgentMethods, Committed, TransfersRequest, WireRecord } from './wire.ts'

/** `C`: the client's own consumer, whose group metadata go with the offsets. */
export type TransactionalProducer<C> = {
  begin(): Promise<void>
  /** Resolves when all are acknowledged. */
  send(topic: string, records: readonly WireRecord[]): Promise<void>
  /** Without a consumer: of a group in which nobody is a member. */
  sendOffsets(offsets: readonly Committed[], of: { group: string; topic: string; consumer?: C }): Promise<void>
  commit(): Promise<void>
  abort(): Promise<void>
  /** Leaves what is open to the broker. */
  close(): Promise<void>
}

/** Fences whoever has the id, and waits until that is done. `timeoutMs`: of a transaction; absent: the client's own. */
export type OpenTransactional<C> = (transactionalId: string, timeoutMs?: number) => Promise<TransactionalProducer<C>>

type InputRecord = { partition: number; offset: number; value: string }

const afterErrorMs = 100
const maxAmount = 100

export class Transactional<C> {
  readonly #open: OpenTransactional<C>
  readonly #producers = new Map<string, TransactionalProducer<C>>()
  readonly #transfers = new Map<string, { stop(): void; done: Promise<void> }>()

  constructor(open: OpenTransactional<C>) {
    this.#open = open
  }

  methods(): Partial<AgentMethods> {
    const of = ({ producer }: { producer: string }): TransactionalProducer<C> => {
      const found = this.#producers.get(producer)
      if (!found) throw new Error(`no transactional producer ${producer}`)
      return found
    }
    const nothing = (done: Promise<void>) => done.then(() => null)
    return {
      openTransactional: async ({ producer, transactionalId, timeoutMs }) => {
        this.#producers.set(producer, await this.#open(transactionalId, timeoutMs))
        return null
      },
      begin: async (request) => nothing(of(request).begin()),
      send: async (request) => nothing(of(request).send(request.topic, request.records)),
      sendOffsets: async (request) =>
        nothing(of(request).sendOffsets(request.offsets, { group: request.group, topic: request.topic })),
      commitTransaction: async (request) => nothing(of(request).commit()),
      abortTransaction: async (request) => nothing(of(request).abort()),
      closeTransactional: async (request) => {
        const closing = of(request)
        this.#producers.delete(request.producer)
        await closing.close()
        return null
      },
      startTransfers: async (request) => {
        let isStopping = false
        const done = this.#transfer(request, () => isStopping)
        this.#transfers.set(request.transactionalId, {
          done,
          stop: () => {
            isStopping = true
          },
        })
        return null
      },
      stopTransfers: async ({ transactionalId }) => {
        const running = this.#transfers.get(transactionalId)
        running?.stop()
        await running?.done
        return null
      },
    }
  }

  /** `records` of one partition, copied in transactions that `turns` counts; see `transform` of the wire. */
  async copy(
    producer: TransactionalProducer<C>,
    records: readonly InputRecord[],
    to: { output: string; group: string; input: string; consumer: C },
    turns: { count: number },
  ): Promise<void> {
    const last = records.at(-1)
    if (last === undefined) return
    const copies = records.map(({ value }) => ({
      partition: 0,
      key: null,
      value: Buffer.from(`copy of ${value}`).toString('base64'),
      headers: [],
    }))
    const offsets = [{ partition: last.partition, offset: last.offset + 1, metadata: '' }]
    const once = async () => {
      await producer.begin()
      await producer.send(to.output, copies)
      await producer.sendOffsets(offsets, { group: to.group, topic: to.input, consumer: to.consumer })
    }
    if (turns.count++ % 3 === 0) {
      await once()
      await producer.abort()
    }
    await once()
    await producer.commit()
  }

  async close(): Promise<void> {
    for (const { stop } of this.#transfers.values()) stop()
    await Promise.all([...this.#transfers.values()].map(({ done }) => done))
    await Promise.all([...this.#producers.values()].map((producer) => producer.close()))
  }

  async #transfer(request: TransfersRequest, isStopping: () => boolean): Promise<void> {
    const { topic, transactionalId, journal } = request
    const random = new SeededRandom(request.seed)
    const note = (line: string) => appendFileSync(journal, `${line}\n`)
    let producer: TransactionalProducer<C> | undefined
    for (let count = 0; !isStopping(); count++) {
      const id = `${transactionalId}-${process.pid}-${count}`
      try {
        producer ??= await this.#open(transactionalId)
        await producer.begin()
        await producer.send(topic, transferRecords(id, random, request))
        const isAborted = count % 4 === 3
        await (isAborted ? producer.abort() : producer.commit())
        note(`${isAborted ? 'aborted' : 'committed'} ${id}`)
      } catch (error) {
        note(`failed ${(error as Error).message}`)
        await producer?.close().catch(() => undefined) // it has failed already
        producer = undefined
        await new Promise((resolve) => setTimeout(resolve, afterErrorMs))
      }
    }
    await producer?.close()
  }
}

function transferRecords(id: string, random: SeededRandom, request: TransfersRequest): WireRecord[] {
  const below = (bound: number) => Math.floor(random.fraction() * bound)
  const from = below(request.accounts)
  const to = (from + 1 + below(request.accounts - 1)) % request.accounts
  const amount = 1 + below(maxAmount)
  const record = (account: number, change: number) => ({
    partition: account % request.partitions,
    key: null,
    value: Buffer.from(`${id} ${account} ${change}`).toString('base64'),
    headers: [],
  })
  return [record(from, -amount), record(to, amount)]
}
