// interop: seeded groups for the assignors: members come, go, miss rebalances, change what they subscribe to and where they are; topics appear
// and grow. Each step is an input; what we make of it is what the members have in the next.
import {
  type Assignment,
  type ClientAssignor,
  clientAssignors,
  encodeSubscription,
  type GroupSpec,
  type MemberAssignment,
  type Subscription,
  serverAssignors,
  type TopicPartitions,
  topicsView,
} from '../../src/groups/assignors/index.ts'
import { type Random, randomUuid, SeededRandom } from '../../src/runtime/random.ts'

/** Topic to the racks of each partition's replicas. */
type Topics = Record<string, string[][]>

/** What Assignors.java is asked. */
export type Input = {
  side: 'client' | 'server'
  assignor: string
  topics: Topics
  isHomogeneous: boolean
  members: readonly {
    memberId: string
    instanceId: string | null
    rackId: string | null
    topics: readonly string[]
    /** On the client's side: a base64 ConsumerProtocolSubscription. */
    subscription?: string
    /** On the server's side. */
    assigned?: readonly TopicPartitions[]
  }[]
}

/** By member id. */
export type Answer = ReadonlyMap<string, readonly TopicPartitions[]>

/** `had`: what each member says that it had. `isExact`: false where we mean to answer otherwise than Kafka (FINDINGS.md). */
export type Step = { input: Input; ours: Answer; had: Answer; isExact: boolean }

type Member = {
  readonly memberId: string
  readonly instanceId: string | null
  /** Of the consumer protocol. */
  readonly version: number
  rackId: string | null
  topics: string[]
  owned: TopicPartitions[]
  generationId: number
}

class World {
  readonly topics: Topics = {}
  members: Member[] = []
  readonly #random: Random
  readonly #isServer: boolean
  readonly #isHomogeneous: boolean
  readonly #hasRacks: boolean
  readonly #scale: number
  readonly #kind: ClientAssignor | string
  #generationId = 0

  constructor(random: Random, kind: ClientAssignor | string) {
    this.#random = random
    this.#kind = kind
    this.#isServer = typeof kind === 'string'
    this.#isHomogeneous = this.#chance(0.5)
    this.#hasRacks = this.#chance(0.4)
    this.#scale = this.#chance(0.1) ? 5 : 1
    for (let count = 1 + this.#below(4 * this.#scale); count > 0; count -= 1) this.#addTopic()
    for (let count = 1 + this.#below(8 * this.#scale); count > 0; count -= 1) this.#addMember()
  }

  step(): Step {
    const input: Input = {
      side: this.#isServer ? 'server' : 'client',
      assignor: typeof this.#kind === 'string' ? this.#kind : this.#kind.name,
      topics: structuredClone(this.topics),
      isHomogeneous: this.#isHomogeneous,
      members: this.members.map((member) => this.#described(member)),
    }
    const ours = this.#assign()
    const had = new Map(this.members.map(({ memberId, owned }) => [memberId, owned]))
    const looksBack = input.assignor.endsWith('sticky')
    const isExact = !looksBack || !this.members.some((member) => this.#claimsInVain(member))
    this.#generationId += 1
    for (const member of this.members) {
      // Who misses a rebalance still thinks that it has what it had.
      if (this.#chance(this.#isServer ? 0 : 0.1)) continue
      member.owned = [...ours.get(member.memberId)!]
      member.generationId = this.#generationId
    }
    return { input, ours, had, isExact }
  }

  change(): void {
    for (let changes = this.#below(3); changes >= 0; changes -= 1) {
      const change = this.#below(10)
      if (change < 3) this.#addMember()
      else if (change < 6 && this.members.length > 1) this.members.splice(this.#below(this.members.length), 1)
      else if (change < 8) this.#growTopic()
      else if (!this.#isServer && this.#chance(0.05)) this.topics[this.#pick(Object.keys(this.topics))]!.splice(1)
      else if (change === 8) this.#addTopic()
      else this.#changeMember()
    }
  }

  /** What is gone, or, of a generation that the others have left behind, what it does not subscribe to any more. */
  #claimsInVain({ owned, topics, generationId }: Member): boolean {
    const isStale = generationId < this.#generationId
    return owned.some(
      ({ topic, partitions }) =>
        partitions.some((partition) => this.topics[topic]?.[partition] === undefined) ||
        (isStale && partitions.length > 0 && !topics.includes(topic)),
    )
  }

  #assign(): Answer {
    const topics = topicsView(this.topics)
    if (typeof this.#kind !== 'string') {
      const subscriptions = new Map(this.members.map((member) => [member.memberId, this.#subscription(member)]))
      return listed(this.#kind.assign(subscriptions, topics))
    }
    const group: GroupSpec = {
      isHomogeneous: this.#isHomogeneous,
      members: new Map(
        this.members.map(({ memberId, instanceId, rackId, topics: subscribed, owned }) => [
          memberId,
          {
            instanceId,
            rackId,
            subscribedTopicIds: new Set(subscribed),
            assigned: new Map(owned.map(({ topic, partitions }) => [topic, new Set(partitions)])),
          },
        ]),
      ),
    }
    return listed(serverAssignors.get(this.#kind)!.assign(group, topics))
  }

  #described(member: Member): Input['members'][number] {
    const { memberId, instanceId, rackId, topics, owned: assigned, version } = member
    const described = { memberId, instanceId, rackId, topics: [...topics] }
    if (this.#isServer) return { ...described, assigned }
    const subscription = encodeSubscription(this.#subscription(member), version).toString('base64')
    return { ...described, subscription }
  }

  /** As a member of its version says it, so that our reading of fields that are not there is tried too. */
  #subscription({ topics, owned, generationId, rackId, instanceId, version }: Member): Subscription {
    const assignor = this.#kind as ClientAssignor
    const previous = generationId < 0 ? null : { partitions: owned, generationId }
    return {
      topics,
      userData: assignor.userData(previous),
      groupInstanceId: instanceId,
      ...(version >= 1 && assignor.isCooperative ? { ownedPartitions: owned } : {}),
      ...(version >= 2 ? { generationId } : {}),
      ...(version >= 3 ? { rackId } : {}),
    }
  }

  #addTopic(): void {
    const name = this.#isServer ? randomUuid(this.#random) : `topic-${this.#below(1000)}`
    this.topics[name] ??= []
    // A topic without partitions is one that nobody knows yet.
    if (this.#isServer || this.#chance(0.9)) this.#growTopic(name)
    for (const member of this.members)
      if (this.#isHomogeneous || this.#chance(0.3)) if (!member.topics.includes(name)) member.topics.push(name)
  }

  #growTopic(name: string = this.#pick(Object.keys(this.topics))): void {
    const partitions = this.topics[name]!
    const sameRacks = this.#racks()
    const isSame = this.#chance(0.3)
    for (let count = 1 + this.#below(this.#chance(0.1) ? 60 : 9); count > 0; count -= 1)
      partitions.push(isSame ? sameRacks : this.#racks())
  }

  #racks(): string[] {
    return this.#hasRacks ? ['a', 'b', 'c'].filter(() => this.#chance(0.6)) : []
  }

  #addMember(): void {
    const id = randomUuid(this.#random)
    const all = Object.keys(this.topics)
    const like = this.members[0]?.topics
    const some = all.filter(() => this.#chance(0.6))
    const [memberId, instanceId] = this.#chance(0.3)
      ? [`consumer-${id}`, `instance-${this.#below(1e6)}`]
      : [`consumer-1-${id}`, null]
    this.members.push({
      memberId,
      instanceId,
      version: this.#chance(0.2) ? this.#below(4) : 3,
      rackId: this.#hasRacks && this.#chance(0.8) ? this.#pick(['a', 'b', 'c', '']) : null,
      topics: this.#isHomogeneous ? [...(like ?? all)] : some.length > 0 ? some : [this.#pick(all)],
      owned: [],
      generationId: -1,
    })
  }

  #changeMember(): void {
    const member = this.#pick(this.members)
    if (this.#hasRacks) member.rackId = this.#pick(['a', 'b', 'c'])
    if (this.#isHomogeneous) return
    const topics = Object.keys(this.topics).filter(() => this.#chance(0.5))
    if (topics.length > 0) member.topics = topics
  }

  #below(limit: number): number {
    return Math.floor(this.#random.fraction() * limit)
  }

  #chance(share: number): boolean {
    return this.#random.fraction() < share
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#below(items.length)]!
  }
}

export const listed = (
  assignments: ReadonlyMap<string, Assignment | MemberAssignment>,
): Map<string, TopicPartitions[]> =>
  new Map(
    [...assignments].map(([memberId, assignment]) => [
      memberId,
      [...assignment].map(([topic, partitions]) => ({ topic, partitions: [...partitions] })),
    ]),
  )

export type Kind = { side: Input['side']; assignor: string }

export const kinds: readonly Kind[] = [
  ...[...clientAssignors.keys()].map((assignor): Kind => ({ side: 'client', assignor })),
  { side: 'server', assignor: 'uniform' },
  { side: 'server', assignor: 'range' },
]

/** `count` steps of groups that each go through a few; the same for the same seed. */
export function steps({ side, assignor }: Kind, seed: number, count: number): Step[] {
  const random = new SeededRandom(seed)
  const kind = side === 'server' ? assignor : clientAssignors.get(assignor)!
  const made: Step[] = []
  while (made.length < count) {
    const world = new World(random, kind)
    for (let left = 10; left > 0 && made.length < count; left -= 1) {
      made.push(world.step())
      world.change()
    }
  }
  return made
}
