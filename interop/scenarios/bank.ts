// interop: a bank whose transfers are transactions of three kinds of client, while their processes and the broker's get SIGKILL. No
// read_committed read finds half a transfer, and in the end there is each that a client was told to be committed, and none that it aborted.
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { SeededRandom } from '../../src/runtime/random.ts'
import type { ChurnOptions } from './churn.ts'
import { Client, type ClientDescription } from './client.ts'
import { assert, assertEqual } from './report.ts'
import { eventually, type Run } from './run.ts'

const kinds = ['kafkajs', 'node-rdkafka', 'java']
const accounts = 10
const partitions = 4
const killEveryMs = 1_000
/** The broker's turn among those to be killed. */
const crashEveryKills = 4
/** Markers reach the partitions of a transaction one after the other. */
const wholeWithinMs = 30_000

/** A client's process, which makes transfers until it is killed. */
type Teller = {
  description: ClientDescription
  transactionalId: string
  lives: number
  /** Undefined from a kill to the next life's first transfer. */
  client: Client | undefined
  opening: Promise<void>
}

type Transfer = { account: number; amount: number }[]

export async function bank(run: Run, options: ChurnOptions): Promise<void> {
  const descriptions = run.clients.map(({ description }) => description).filter(({ name }) => kinds.includes(name))
  if (descriptions.length < kinds.length) return // it is about their meeting
  const one = new Bank(run, options, descriptions)
  try {
    await one.start()
    await one.run()
    await one.judge()
  } finally {
    one.end()
  }
}

class Bank {
  readonly #run: Run
  readonly #options: ChurnOptions
  readonly #topic: string
  readonly #journals: string
  readonly #random: SeededRandom
  readonly #tellers: Teller[]
  readonly #readers: Client[]
  readonly #counts = { kills: 0, crashes: 0, reads: 0, seen: 0 }

  constructor(run: Run, options: ChurnOptions, descriptions: readonly ClientDescription[]) {
    this.#run = run
    this.#options = options
    this.#topic = `${run.prefix}bank`
    this.#journals = `${options.directory}/bank`
    this.#random = new SeededRandom(options.seed)
    this.#readers = run.clients.filter((client) => client.can('readToEnd'))
    this.#tellers = descriptions.map((description) => ({
      description,
      transactionalId: `${this.#topic}-${description.name}`,
      lives: 0,
      client: undefined,
      opening: Promise.resolve(),
    }))
  }

  async start(): Promise<void> {
    mkdirSync(this.#journals)
    await this.#run.hands.call('createTopic', { topic: this.#topic, partitions })
    for (const teller of this.#tellers) this.#open(teller)
    await this.#opened()
  }

  /** Kills, and reads all there is again and again meanwhile. */
  async run(): Promise<void> {
    const end = Date.now() + this.#options.ms
    const reading = this.#readers.map((reader) => this.#readUntil(end, reader))
    const broken = Promise.all(reading).then(
      () => undefined,
      (error) => error as Error,
    )
    while (Date.now() < end) {
      await sleep(killEveryMs * (0.5 + this.#random.fraction()))
      await this.#kill()
    }
    await this.#opened()
    const error = await broken
    await this.#run.report.check('all', 'bank: no read_committed read finds half a transfer', async () => {
      if (error) throw error
      assert(this.#counts.reads > 1 && this.#counts.seen > 0, `only ${JSON.stringify(this.#counts)}`)
    })
    await this.#run.report.check('all', 'bank: each client makes transfers after the last kill', async () => {
      for (const teller of this.#tellers) {
        const before = this.#told('committed', teller).length
        const more = async () => this.#told('committed', teller).length - before
        await eventually(more, (count) => count > 1, `transfers by ${teller.description.name}`, wholeWithinMs)
      }
    })
    const stopping = this.#tellers.map(({ client, transactionalId }) =>
      client!.call('stopTransfers', { transactionalId }),
    )
    await Promise.all(stopping)
  }

  async judge(): Promise<void> {
    const { report } = this.#run
    const { kills, crashes, reads } = this.#counts
    const [committed, aborted] = [this.#told('committed'), this.#told('aborted')]
    console.log(
      `# bank with seed ${this.#options.seed}: ${committed.length} transfers, ${kills} clients and ${crashes} brokers killed, ${reads} reads`,
    )
    for (const reader of this.#readers) {
      const check = (what: string, test: () => Promise<void>) => report.check(reader.name, `bank: ${what}`, test)
      let transfers = new Map<string, Transfer>()
      await check('the sum of all accounts is as in the beginning', async () => {
        transfers = await this.#wholeTransfers(reader)
        assertEqual(sumOf(transfers), 0, 'sum')
      })
      await check('every committed transfer is there, and no aborted one', async () => {
        const missing = committed.filter((id) => !transfers.has(id))
        const risen = aborted.filter((id) => transfers.has(id))
        assertEqual({ missing, risen }, { missing: [], risen: [] }, 'transfers')
      })
    }
  }

  end(): void {
    for (const { client } of this.#tellers) client?.kill()
  }

  #open(teller: Teller): void {
    teller.lives++
    teller.opening = this.#start(teller)
  }

  async #opened(): Promise<void> {
    await Promise.all(this.#tellers.map(({ opening }) => opening))
  }

  async #start(teller: Teller): Promise<void> {
    const { installed, directory, running, seed } = this.#options
    const { description, transactionalId } = teller
    const name = `bank-${description.name}-${teller.lives}`
    const client = await Client.start({ ...description, name }, installed, this.#run.broker.bootstrap, directory)
    running.push(client)
    const journal = `${this.#journals}/${description.name}-${teller.lives}`
    const of = { topic: this.#topic, partitions, accounts, transactionalId }
    await client.call('startTransfers', { ...of, seed: seed + teller.lives, journal })
    teller.client = client
  }

  /** The broker at times, if it can be; else a client, whose place another process takes. */
  async #kill(): Promise<void> {
    const { crash } = this.#run.broker
    if (crash && (this.#counts.kills + this.#counts.crashes) % crashEveryKills === crashEveryKills - 1) {
      this.#counts.crashes++
      return crash.call(this.#run.broker)
    }
    const alive = this.#tellers.filter(({ client }) => client !== undefined)
    const teller = alive[Math.floor(this.#random.fraction() * alive.length)]
    if (teller === undefined) return
    this.#counts.kills++
    teller.client!.kill()
    teller.client = undefined
    this.#open(teller)
  }

  async #readUntil(end: number, reader: Client): Promise<void> {
    while (Date.now() < end) {
      const transfers = await this.#wholeTransfers(reader)
      assertEqual(sumOf(transfers), 0, `sum as read by ${reader.name}`)
      this.#counts.reads++
      this.#counts.seen = transfers.size
    }
  }

  /**
   * Everything that a read_committed read finds. A partition is read before another, and the marker of a transaction comes to it later: a transfer of
   * which one half was found must be whole in another read, as its transaction is committed.
   */
  async #wholeTransfers(reader: Client): Promise<Map<string, Transfer>> {
    const first = await this.#read(reader)
    const halves = halvesOf(first)
    if (halves.length === 0) return first
    const again = await eventually(
      () => this.#read(reader),
      (transfers) => halves.every((id) => transfers.get(id)?.length === 2),
      `half of ${halves}`,
      wholeWithinMs,
    )
    // Others may have come since.
    return new Map([...again].filter(([id]) => first.has(id)))
  }

  async #read(reader: Client): Promise<Map<string, Transfer>> {
    const of = { topic: this.#topic, partitions, isolation: 'read_committed' } as const
    const transfers = new Map<string, Transfer>()
    // A broker that is being killed may cost a read.
    const values = await eventually(
      () => reader.call('readToEnd', of),
      () => true,
      `a read by ${reader.name}`,
      wholeWithinMs,
    )
    for (const value of values.flat()) {
      const [id, account, amount] = value.split(' ')
      const transfer = transfers.get(id!) ?? []
      transfers.set(id!, [...transfer, { account: Number(account), amount: Number(amount) }])
    }
    return transfers
  }

  /** Ids of the transfers of which clients were told so. */
  #told(what: 'committed' | 'aborted', teller?: Teller): string[] {
    const own = readdirSync(this.#journals).filter((name) => name.startsWith(teller?.description.name ?? ''))
    return own
      .flatMap((name) => readFileSync(`${this.#journals}/${name}`, 'utf8').split('\n'))
      .flatMap((line) => (line.startsWith(`${what} `) ? [line.slice(what.length + 1)] : []))
  }
}

const halvesOf = (transfers: Map<string, Transfer>) =>
  [...transfers].filter(([, transfer]) => transfer.length !== 2).map(([id]) => id)

const sumOf = (transfers: Map<string, Transfer>) =>
  [...transfers.values()].flat().reduce((sum, { amount }) => sum + amount, 0)
