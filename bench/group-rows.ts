/** bench: the rows about groups: what many members cost that only heartbeat, and what one large rebalance does. */
import { setTimeout as delay } from 'node:timers/promises'
import { ClassicMember, classicMember, consumerMember, Heartbeats } from './group-members.ts'
import type { Measuring } from './measuring.ts'
import type { Broker } from './peers.ts'
import { cpuMs } from './process-figures.ts'
import { untilServed, WireClient } from './wire-client.ts'

const classicRow = 'groups-classic'
const consumerRow = 'groups-consumer'
/** So many members each. */
const rebalanced = [
  { row: 'rebalance', count: 500 },
  { row: 'rebalance-100', count: 100 },
] as const
export const groupRowNames = [classicRow, consumerRow, ...rebalanced.map(({ row }) => row)]

const groupCount = 500
const membersPerGroup = 10
/** Groups whose members come at the same time. */
const groupsAtOnce = 50
const kinds = [
  { row: classicRow, makeMember: classicMember, intervalMs: 3000 },
  { row: consumerRow, makeMember: consumerMember, intervalMs: 5000 },
] as const

/** Time for all members of a group to come before its first generation. */
const settings = { 'group.initial.rebalance.delay.ms': '1000' }
const settledWithinMs = 180_000

export async function measureGroups(measuring: Measuring): Promise<void> {
  for (const kind of kinds) {
    const measure = () => measuring.withBroker((broker) => heartbeating(measuring, broker, kind), settings)
    await measuring.row(kind.row, measure)
  }
  for (const each of rebalanced) {
    const measure = () => measuring.withBroker((broker) => rebalances(measuring, broker, each), settings)
    await measuring.row(each.row, measure)
  }
}

/** Connections to a broker that is ready for groups. */
async function connected(broker: Broker, count: number): Promise<WireClient[]> {
  await WireClient.with(broker.port, (client) => untilServed(() => client.findGroupCoordinator('any')))
  const clients: WireClient[] = []
  for (let index = 0; index < count; index += 1) clients.push(await WireClient.connect(broker.port))
  return clients
}

/** Groups of members that have all they will get; what the broker does then is answer heartbeats. */
async function heartbeating(measuring: Measuring, broker: Broker, kind: (typeof kinds)[number]): Promise<void> {
  const { row, intervalMs } = kind
  const memberCount = groupCount * membersPerGroup
  measuring.say(`${row}: ${memberCount} members in ${groupCount} groups`)
  const topic = await measuring.createTopic(broker, row, membersPerGroup)
  const clients = await connected(broker, memberCount)
  const heartbeats = new Heartbeats(intervalMs)
  const startedMs = performance.now()
  const members = clients.map((client, index) =>
    kind.makeMember(client, `${topic}-${Math.floor(index / membersPerGroup)}`, topic),
  )
  const batch = groupsAtOnce * membersPerGroup
  for (let first = 0; first < memberCount; first += batch) {
    const coming = members.slice(first, first + batch)
    await Promise.all(coming.map((member) => member.join()))
    for (const [index, member] of coming.entries()) heartbeats.add(member, index / batch)
  }
  measuring.note(row, 'first connection to last join', 's', (performance.now() - startedMs) / 1000)
  await settled(heartbeats, intervalMs)
  await counted(measuring, broker, row, heartbeats)
  await heartbeats.stop()
  for (const client of clients) client.close()
}

/** Until for two intervals no member has been told of a change. */
async function settled(heartbeats: Heartbeats, intervalMs: number): Promise<void> {
  const deadlineMs = performance.now() + settledWithinMs
  for (let before = -1; before !== heartbeats.changes; ) {
    if (performance.now() > deadlineMs) throw new Error('the groups did not settle')
    before = heartbeats.changes
    await delay(2 * intervalMs)
  }
}

async function counted(measuring: Measuring, broker: Broker, row: string, heartbeats: Heartbeats): Promise<void> {
  const before = { atMs: performance.now(), cpu: cpuMs(broker.pid), ...heartbeatsOf(heartbeats) }
  await delay(measuring.effort.heartbeatsMs)
  const [ms, cpu] = [performance.now() - before.atMs, cpuMs(broker.pid) - before.cpu]
  const { count, changes } = heartbeatsOf(heartbeats)
  if (changes !== before.changes) measuring.say(`WARNING: ${changes - before.changes} heartbeats told of a rebalance`)
  measuring.note(row, 'broker CPU of one core', '%', (100 * cpu) / ms)
  measuring.note(row, 'heartbeats', '1/s', ((count - before.count) * 1000) / ms)
}

const heartbeatsOf = ({ count, changes }: Heartbeats) => ({ count, changes })

/** One group: all join anew, the leader gives out, all get their share. */
async function rebalances(measuring: Measuring, broker: Broker, { row, count }: (typeof rebalanced)[number]) {
  const topic = await measuring.createTopic(broker, row, count)
  const clients = await connected(broker, count)
  const members = clients.map((client) => new ClassicMember(client, `${topic}-group`, topic))
  measuring.say(`${row}: ${count} members`)
  await Promise.all(members.map((member) => member.join()))
  const runs: { cpu: number; ms: number }[] = []
  for (let run = 0; run < measuring.effort.rebalances; run += 1) {
    const [atMs, cpu] = [performance.now(), cpuMs(broker.pid)]
    await Promise.all(members.map((member) => member.join(run + 1)))
    runs.push({ cpu: cpuMs(broker.pid) - cpu, ms: performance.now() - atMs })
  }
  measuring.noteRuns(row, 'broker CPU', 'ms', runs, (run) => run.cpu)
  measuring.noteRuns(row, 'first join to last sync', 'ms', runs, (run) => run.ms)
  for (const client of clients) client.close()
}
