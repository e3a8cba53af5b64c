/** bench: members of classic and of consumer groups that do nothing but belong: a connection each, joining and heartbeating. */
import { randomBytes } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { consumerGroupHeartbeat, heartbeat, joinGroup, leaveGroup, syncGroup } from '../protocol/messages/index.ts'
import { consumerProtocolAssignment, consumerProtocolSubscription } from '../protocol/state/index.ts'
import type { WireClient } from './wire-client.ts'

const joinVersion = 9
const syncVersion = 5
const leaveVersion = 4
const heartbeatVersion = 4
const consumerHeartbeatVersion = 1
/** Of the payloads that classic members exchange. */
const payloadVersion = 3
const sessionTimeoutMs = 45_000
const rebalanceTimeoutMs = 60_000
const protocolType = 'consumer'
const protocolName = 'range'
const [none, illegalGeneration, rebalanceInProgress, memberIdRequired] = [0, 22, 27, 79]
/** COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR. */
const loadingErrors = [14, 15, 16]
const retryMs = 200
const uuidBytes = 16

/** What a row asks of a member of either kind. */
export interface GroupMember {
  /** Resolves when it belongs to its group and has its first assignment. */
  join(): Promise<void>
  /** One heartbeat, and whatever the answer asks for. Says whether the group has changed for this member. */
  beat(): Promise<boolean>
}

type MakeMember = (client: WireClient, group: string, topic: string) => GroupMember

/** One of a group by JoinGroup, SyncGroup and Heartbeat. As leader it gives the partitions out one after the other. */
export class ClassicMember implements GroupMember {
  readonly #client: WireClient
  readonly #groupId: string
  readonly #topic: string
  #memberId = ''
  #generationId = -1

  constructor(client: WireClient, groupId: string, topic: string) {
    this.#client = client
    this.#groupId = groupId
    this.#topic = topic
  }

  /** A `userData` other than last time makes the broker rebalance the group. */
  async join(userData = 0): Promise<void> {
    while (!(await this.#joinOnce(userData)));
  }

  async beat(): Promise<boolean> {
    const { errorCode } = await this.#client.request(heartbeat, heartbeatVersion, this.#self())
    if (errorCode === none) return false
    if (errorCode !== rebalanceInProgress && errorCode !== illegalGeneration) refused('Heartbeat', errorCode)
    await this.join()
    return true
  }

  /** Nobody waits for it any more. */
  async leave(): Promise<void> {
    const request = { groupId: this.#groupId, members: [{ memberId: this.#memberId }] }
    const { errorCode } = await this.#client.request(leaveGroup, leaveVersion, request)
    if (errorCode !== none) refused('LeaveGroup', errorCode)
  }

  /** False where the group has gone on to another generation meanwhile. */
  async #joinOnce(userData: number): Promise<boolean> {
    const subscription = { topics: [this.#topic], userData: Buffer.of(userData), ownedPartitions: [] }
    const metadata = consumerProtocolSubscription.encodeVersioned(payloadVersion, subscription)
    const joined = await this.#client.request(joinGroup, joinVersion, {
      groupId: this.#groupId,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      memberId: this.#memberId,
      protocolType,
      protocols: [{ name: protocolName, metadata }],
    })
    if (joined.errorCode !== none && (await isLoading(joined.errorCode))) return false
    this.#memberId = joined.memberId
    if (joined.errorCode === memberIdRequired || joined.errorCode === rebalanceInProgress) return false
    if (joined.errorCode !== none) refused('JoinGroup', joined.errorCode)
    this.#generationId = joined.generationId
    const isLeader = joined.leader === joined.memberId && !joined.skipAssignment
    const assignments = isLeader ? joined.members.map(({ memberId }, index) => this.#share(memberId, index)) : []
    const request = { ...this.#self(), protocolType, protocolName, assignments }
    const { errorCode } = await this.#client.request(syncGroup, syncVersion, request)
    if (errorCode !== none && errorCode !== rebalanceInProgress) refused('SyncGroup', errorCode)
    return errorCode === none
  }

  #share(memberId: string, partition: number) {
    const assignedPartitions = [{ topic: this.#topic, partitions: [partition] }]
    return { memberId, assignment: consumerProtocolAssignment.encodeVersioned(payloadVersion, { assignedPartitions }) }
  }

  #self() {
    return { groupId: this.#groupId, generationId: this.#generationId, memberId: this.#memberId }
  }
}

/** One of a group by ConsumerGroupHeartbeat (KIP-848), which lets go of and takes partitions at once. */
export class ConsumerMember implements GroupMember {
  readonly #client: WireClient
  readonly #groupId: string
  readonly #topic: string
  readonly #memberId = randomBytes(uuidBytes).toString('base64url')
  #memberEpoch = 0

  constructor(client: WireClient, groupId: string, topic: string) {
    this.#client = client
    this.#groupId = groupId
    this.#topic = topic
  }

  async join(): Promise<void> {
    const said = { rebalanceTimeoutMs, subscribedTopicNames: [this.#topic], topicPartitions: [] }
    while (this.#memberEpoch === 0) await this.#heartbeat(said)
  }

  beat(): Promise<boolean> {
    return this.#heartbeat({})
  }

  async #heartbeat(said: object): Promise<boolean> {
    const before = this.#memberEpoch
    const request = { groupId: this.#groupId, memberId: this.#memberId, memberEpoch: before, ...said }
    const answer = await this.#client.request(consumerGroupHeartbeat, consumerHeartbeatVersion, request)
    if (before === 0 && answer.errorCode !== none && (await isLoading(answer.errorCode))) return false
    if (answer.errorCode !== none) refused('ConsumerGroupHeartbeat', answer.errorCode)
    this.#memberEpoch = answer.memberEpoch
    if (answer.assignment === null) return answer.memberEpoch !== before
    await this.#heartbeat({ topicPartitions: answer.assignment.topicPartitions })
    return true
  }
}

/** Whether the broker is only not ready for groups yet; waits a little then. */
async function isLoading(errorCode: number): Promise<boolean> {
  const isForNow = loadingErrors.includes(errorCode)
  if (isForNow) await delay(retryMs)
  return isForNow
}

function refused(api: string, errorCode: number): never {
  throw new Error(`${api} answered error ${errorCode}`)
}

/** Members that heartbeat until they are told to stop, spread over the interval. */
export class Heartbeats {
  readonly #intervalMs: number
  readonly #stopping = new AbortController()
  readonly #loops: Promise<void>[] = []
  /** How many were answered. */
  count = 0
  /** How many of these told of a change: of a rebalance, a new epoch, another assignment. */
  changes = 0

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs
    setMaxListeners(0, this.#stopping.signal) // one of each member
  }

  /** @param phase of the interval, 0 to 1, until the first one */
  add(member: GroupMember, phase: number): void {
    const loop = this.#beat(member, performance.now() + phase * this.#intervalMs)
    loop.catch(() => undefined) // thrown by `stop`
    this.#loops.push(loop)
  }

  /** @throws what a member was refused. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all(this.#loops)
  }

  async #beat(member: GroupMember, firstMs: number): Promise<void> {
    const { signal } = this.#stopping
    for (let nextMs = firstMs; ; nextMs = Math.max(nextMs + this.#intervalMs, performance.now())) {
      await delay(nextMs - performance.now(), undefined, { signal }).catch(() => undefined)
      if (signal.aborted) return
      if (await member.beat()) this.changes += 1
      this.count += 1
    }
  }
}

export const classicMember: MakeMember = (client, group, topic) => new ClassicMember(client, group, topic)
export const consumerMember: MakeMember = (client, group, topic) => new ConsumerMember(client, group, topic)
