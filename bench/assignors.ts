// bench: how long each assignor takes for 1,000 members and 10,000 partitions. `npx tsx bench/assignors.ts`; no broker is needed.
import { performance } from 'node:perf_hooks'
import {
  type ClientAssignor,
  clientAssignors,
  type Subscription,
  serverAssignors,
  topicsView,
} from '../src/groups/assignors/index.ts'
import { randomUuid, SeededRandom } from '../src/runtime/random.ts'

const [memberCount, topicCount, partitionsEach] = [1000, 100, 100]
const random = new SeededRandom(1)
const topicIds = Array.from({ length: topicCount }, () => randomUuid(random))
const racks = ['a', 'b', 'c']
const partitionRacks = Array.from({ length: partitionsEach }, (_, index) => [
  racks[index % 3]!,
  racks[(index + 1) % 3]!,
])
const topics = topicsView(Object.fromEntries(topicIds.map((id) => [id, partitionRacks])))

type Shape = { name: string; topicsOf(member: number): string[]; rackOf(member: number): string | null }
const shapes: readonly Shape[] = [
  { name: 'alike', topicsOf: () => topicIds, rackOf: () => null },
  { name: 'alike, in racks', topicsOf: () => topicIds, rackOf: (member) => racks[member % 3]! },
  {
    name: 'differing',
    topicsOf: (member) => topicIds.filter((_, topic) => (member + topic) % 4 > 0),
    rackOf: () => null,
  },
  {
    name: 'differing, in racks',
    topicsOf: (member) => topicIds.filter((_, topic) => topic < 10 + (member % 90)),
    rackOf: (member) => racks[member % 3]!,
  },
]

function timed<T>(run: () => T): { result: T; ms: number } {
  const since = performance.now()
  const result = run()
  return { result, ms: performance.now() - since }
}

const line = (name: string, shape: Shape, first: number, next: number) =>
  console.log(`${name.padEnd(26)}${shape.name.padEnd(22)}${first.toFixed(0).padStart(7)}${next.toFixed(0).padStart(9)}`)

/** A tenth of the members leave, and as many new ones come. */
const churned = <T>(members: readonly T[]): T[] => [
  ...members.slice(memberCount / 10),
  ...members.slice(0, memberCount / 10),
]

function client(assignor: ClientAssignor, shape: Shape): void {
  const subscription = (member: number): Subscription => ({
    topics: shape.topicsOf(member),
    rackId: shape.rackOf(member),
  })
  const ids = Array.from({ length: memberCount }, (_, member) => `consumer-${member}-${randomUuid(random)}`)
  const { result, ms } = timed(() =>
    assignor.assign(new Map(ids.map((id, member) => [id, subscription(member)])), topics),
  )
  const rejoining = ids.map((id, member): [string, Subscription] => {
    if (member < memberCount / 10) return [`new-${id}`, subscription(member)]
    const partitions = [...result.get(id)!].map(([topic, of]) => ({ topic, partitions: of }))
    const userData = assignor.userData({ partitions, generationId: 1 })
    const ownedPartitions = assignor.isCooperative ? partitions : []
    return [id, { ...subscription(member), userData, ownedPartitions, generationId: 1 }]
  })
  line(`client ${assignor.name}`, shape, ms, timed(() => assignor.assign(new Map(churned(rejoining)), topics)).ms)
}

function server(name: string, shape: Shape): void {
  const assignor = serverAssignors.get(name)!
  const spec = (member: number) => ({
    instanceId: null,
    rackId: shape.rackOf(member),
    subscribedTopicIds: new Set(shape.topicsOf(member)),
    assigned: new Map<string, ReadonlySet<number>>() as ReadonlyMap<string, ReadonlySet<number>>,
  })
  const isHomogeneous = shape.name.startsWith('alike')
  const ids = Array.from({ length: memberCount }, () => randomUuid(random))
  const before = { isHomogeneous, members: new Map(ids.map((id, member) => [id, spec(member)])) }
  const { result, ms } = timed(() => assignor.assign(before, topics))
  const staying = ids.map((id, member) =>
    member < memberCount / 10
      ? ([`new-${id}`, spec(member)] as const)
      : ([id, { ...spec(member), assigned: result.get(id)! }] as const),
  )
  const after = { isHomogeneous, members: new Map(churned(staying)) }
  line(`server ${name}`, shape, ms, timed(() => assignor.assign(after, topics)).ms)
}

console.log(
  `${memberCount} members, ${topicCount * partitionsEach} partitions of ${topicCount} topics; milliseconds, first and with a tenth of the members new`,
)
console.log(`${'assignor'.padEnd(26)}${'subscriptions'.padEnd(22)}${'first'.padStart(7)}${'then'.padStart(9)}`)
for (const shape of shapes) {
  for (const assignor of clientAssignors.values()) client(assignor, shape)
  for (const name of serverAssignors.keys()) server(name, shape)
}
