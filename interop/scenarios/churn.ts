// interop: members of three kinds of client in three groups that join, leave and are killed at random while records are written. In
// the end each record was processed, nothing that had been committed was handed out again, and everybody has partitions and no lag.
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { SeededRandom } from '../../src/runtime/random.ts'
import { Client, type ClientDescription, type Installed } from './client.ts'
import { evenlyAssigned } from './groups.ts'
import { type Delivery, duplicates, resumedBelowCommit, unprocessed } from './journals.ts'
import { assertEqual } from './report.ts'
import { eventually, type Run, text } from './run.ts'

export type ChurnOptions = {
  /** How long members come and go. */
  ms: number
  seed: number
  installed: Installed
  directory: string
  /** What is to be killed when the run is broken off. */
  running: { kill(): void }[]
}

const kinds = ['kafkajs', 'node-rdkafka', 'java']
const agentsOfKind = 3
const membersOfGroup = 10
/** More than members, so that everybody has some. */
const partitions = 12
const produceEveryMs = 100
const lookEveryMs = 500
const actEveryMs = 600
/** Machines may be slow, and a member that was killed is missed only after its session. */
const settledWithinMs = 120_000

type Group = { id: string; protocol: 'classic' | 'consumer'; assignor: string; kinds: readonly string[] }

/** A process of a client, in which some members live. */
type Agent = { description: ClientDescription; number: number; lives: number; client: Client | undefined }
type Member = { name: string; group: Group; agent: Agent; client: Client; isBusy: boolean }

export async function churn(run: Run, options: ChurnOptions): Promise<void> {
  const descriptions = run.clients.map(({ description }) => description).filter(({ name }) => kinds.includes(name))
  if (descriptions.length < kinds.length) return // it is about their meeting
  const crowd = new Crowd(run, options, descriptions)
  try {
    await crowd.start()
    await crowd.churn()
    await crowd.judge()
  } finally {
    await crowd.end()
  }
}

class Crowd {
  readonly #run: Run
  readonly #options: ChurnOptions
  readonly #topic: string
  readonly #journals: string
  readonly #groups: readonly Group[]
  readonly #agents: Agent[]
  readonly #members = new Set<Member>()
  readonly #random: SeededRandom
  /** What is under way, each until it is done. */
  readonly #pending = new Set<Promise<void>>()
  readonly #failures: string[] = []
  /** By group: what it had committed, as seen at times. */
  readonly #commits = new Map<string, { ms: number; offsets: Map<number, number> }[]>()
  readonly #counts = { joined: 0, left: 0, killed: 0 }
  /** Records of each partition; a record's value is its offset. */
  #produced = 0

  constructor(run: Run, options: ChurnOptions, descriptions: readonly ClientDescription[]) {
    this.#run = run
    this.#options = options
    this.#topic = `${run.prefix}churn`
    this.#journals = `${options.directory}/churn`
    this.#random = new SeededRandom(options.seed)
    const names = descriptions.map(({ name }) => name)
    const id = (name: string) => `${this.#topic}-${name}`
    this.#groups = [
      { id: id('range'), protocol: 'classic', assignor: 'range', kinds: names },
      {
        id: id('cooperative'),
        protocol: 'classic',
        assignor: 'cooperative-sticky',
        kinds: names.filter(isIncremental),
      },
      { id: id('consumer'), protocol: 'consumer', assignor: '', kinds: names.filter(isIncremental) },
    ]
    this.#agents = descriptions.flatMap((description) =>
      Array.from({ length: agentsOfKind }, (_, number) => ({ description, number, lives: 0, client: undefined })),
    )
  }

  async start(): Promise<void> {
    mkdirSync(this.#journals)
    await this.#run.hands.call('createTopic', { topic: this.#topic, partitions })
    await Promise.all(this.#agents.map((agent) => this.#startAgent(agent)))
    this.#fill()
    await this.#settled()
  }

  async churn(): Promise<void> {
    const end = Date.now() + this.#options.ms
    const watching = new AbortController()
    const watchers = [this.#produce(end), ...this.#groups.map((group) => this.#watch(group, watching.signal))]
    while (Date.now() < end) {
      this.#act()
      await sleep(actEveryMs * (0.5 + this.#random.fraction()))
    }
    await this.#settled()
    this.#fill()
    await this.#settled()
    watching.abort()
    await Promise.all(watchers)
  }

  async judge(): Promise<void> {
    const { report } = this.#run
    const { joined, left, killed } = this.#counts
    const counts = `${joined} joined, ${left} left, ${killed} killed`
    console.log(`# churn with seed ${this.#options.seed}: ${counts}, ${this.#produced * partitions} records`)
    await report.check('all', 'churn: members come and go without errors', async () => {
      assertEqual(this.#failures, [], 'errors')
    })
    for (const group of this.#groups) {
      const check = (behaviour: string, test: () => Promise<void>) =>
        report.check('all', `churn, ${group.protocol} group ${group.assignor || 'uniform'}: ${behaviour}`, test)
      const members = [...this.#members].filter((member) => member.group === group)
      await check(`all ${members.length} members have partitions`, async () => {
        assertEqual(members.length, membersOfGroup, 'members')
        await evenlyAssigned(members, partitions, settledWithinMs)
      })
      await check('the lag reaches 0', () => this.#noLag(group))
      const deliveries = this.#deliveries(group)
      const again = duplicates(deliveries)
      await check('each record was processed', async () => {
        assertEqual(unprocessed(deliveries, partitions, this.#produced), [], 'records that nobody processed')
      })
      await check(`only what was not committed came again (${again})`, async () => {
        assertEqual(resumedBelowCommit(deliveries, this.#commits.get(group.id) ?? []), [], 'begun below the commit')
      })
    }
  }

  async end(): Promise<void> {
    for (const { client } of this.#agents) client?.kill()
  }

  async #startAgent(agent: Agent): Promise<void> {
    const { installed, directory, running } = this.#options
    agent.lives++
    const name = `churn-${agent.description.name}-${agent.number}-${agent.lives}`
    const client = await Client.start({ ...agent.description, name }, installed, this.#run.broker.bootstrap, directory)
    running.push(client)
    agent.client = client
  }

  #act(): void {
    const chance = this.#random.fraction()
    if (chance < 0.1) this.#kill()
    else if (chance < 0.5) this.#leave()
    else this.#join()
  }

  /** Everybody's place is taken again. */
  #fill(): void {
    while (this.#join());
  }

  #join(): boolean {
    const size = (group: Group) => [...this.#members].filter((member) => member.group === group).length
    const group = this.#pick(this.#groups.filter((one) => size(one) < membersOfGroup))
    if (group === undefined) return false
    const agent = this.#pick(
      this.#agents.filter(({ client, description }) => client !== undefined && group.kinds.includes(description.name)),
    )
    if (agent === undefined) return false
    const name = `${group.id}-${this.#counts.joined++}-${agent.description.name}`
    const member: Member = { name, group, agent, client: agent.client!, isBusy: true }
    this.#members.add(member)
    const request = { group: group.id, topic: this.#topic, member: name, journal: `${this.#journals}/${name}` }
    const joining =
      group.protocol === 'consumer'
        ? member.client.call('joinConsumerGroup', request, settledWithinMs)
        : member.client.call('join', { ...request, assignor: group.assignor }, settledWithinMs)
    this.#track(member, 'joins', joining)
    return true
  }

  #leave(): void {
    const member = this.#pick([...this.#members].filter(({ isBusy }) => !isBusy))
    if (member === undefined) return
    member.isBusy = true
    this.#counts.left++
    const leaving = member.client.call('leave', { member: member.name }, settledWithinMs)
    this.#track(
      member,
      'leaves',
      leaving.then(() => this.#members.delete(member)),
    )
  }

  /** With all the members that live in it, whatever they are doing. */
  #kill(): void {
    const agent = this.#pick(this.#agents.filter(({ client }) => client !== undefined))
    if (agent === undefined) return
    agent.client!.kill()
    agent.client = undefined
    for (const member of [...this.#members].filter((one) => one.agent === agent)) {
      this.#members.delete(member)
      this.#counts.killed++
    }
    this.#pend(this.#startAgent(agent).catch((error) => void this.#failures.push(String(error))))
  }

  /** What a member was asked to do must succeed, unless it is killed meanwhile. */
  #track(member: Member, what: string, done: Promise<unknown>): void {
    const settled = done.then(
      () => {
        member.isBusy = false
      },
      (error) => {
        if (member.agent.client === member.client) this.#failures.push(`${member.name} ${what}: ${error.message}`)
      },
    )
    this.#pend(settled)
  }

  #pend(promise: Promise<void>): void {
    this.#pending.add(promise)
    void promise.finally(() => this.#pending.delete(promise))
  }

  async #settled(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending)
  }

  /** A record to each partition at a time. */
  async #produce(end: number): Promise<void> {
    while (Date.now() < end) {
      const value = text(String(this.#produced))
      const records = Array.from({ length: partitions }, (_, partition) => ({
        partition,
        key: null,
        value,
        headers: [],
      }))
      await this.#run.hands.call('produce', { topic: this.#topic, codec: 'none', idempotent: true, records })
      this.#produced++
      await sleep(produceEveryMs)
    }
  }

  async #watch(group: Group, signal: AbortSignal): Promise<void> {
    const seen: { ms: number; offsets: Map<number, number> }[] = []
    this.#commits.set(group.id, seen)
    while (!signal.aborted) {
      const offsets = await this.#committed(group).catch(() => undefined) // the next look may succeed
      if (offsets !== undefined) seen.push({ ms: Date.now(), offsets })
      await sleep(lookEveryMs)
    }
  }

  async #committed(group: Group): Promise<Map<number, number>> {
    const answer = await this.#run.hands.call('committed', { group: group.id, topic: this.#topic, partitions })
    return new Map(answer.map(({ partition, offset }) => [partition, offset]))
  }

  async #noLag(group: Group): Promise<void> {
    const behind = async () => {
      const offsets = await this.#committed(group)
      return Array.from({ length: partitions }, (_, partition) => this.#produced - (offsets.get(partition) ?? 0))
    }
    await eventually(behind, (lags) => lags.every((lag) => lag === 0), 'lag by partition', settledWithinMs)
  }

  #deliveries(group: Group): Delivery[][] {
    const own = readdirSync(this.#journals).filter((name) => name.startsWith(`${group.id}-`))
    return own.map((name) =>
      readFileSync(`${this.#journals}/${name}`, 'utf8')
        .split('\n')
        .filter((line) => line.length > 0)
        .map((line) => {
          const [ms, partition, offset] = line.split(/[ :]/).map(Number)
          return { ms: ms!, partition: partition!, offset: offset! }
        }),
    )
  }

  #pick<T>(among: readonly T[]): T | undefined {
    return among[Math.floor(this.#random.fraction() * among.length)]
  }
}

/** kafkajs gives up all its partitions in each rebalance, and knows no other protocol. */
const isIncremental = (name: string) => name !== 'kafkajs'
